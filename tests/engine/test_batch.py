"""Write batches: builder and decoder are inverse, damage is refused, the importer writes only what it should."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rocksdict import Options, Rdict, WriteBatch

from slotrocks.engine import (
    COLUMN_FAMILIES,
    OP_DELETE,
    OP_DELETE_RANGE,
    OP_LOG_DATA,
    OP_PUT,
    OP_SINGLE_DELETE,
    BatchBuilder,
    BatchError,
    SlotFilter,
    apply_batch,
    batch_header,
    decode_batch,
)
from wal_helpers import key_of

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDS = st.lists(
    st.tuples(
        st.sampled_from([OP_PUT, OP_DELETE, OP_DELETE_RANGE, OP_LOG_DATA]),
        st.one_of(st.integers(0, 7), st.integers(0, 2**32 - 1)),
        st.binary(max_size=300),
        st.binary(max_size=300),
    ),
    max_size=20,
)


def build(records: list[tuple[int, int, bytes, bytes]]) -> bytes:
    builder = BatchBuilder()
    for op, cf, key, value in records:
        if op == OP_PUT:
            builder.put(cf, key, value)
        elif op == OP_DELETE:
            builder.delete(cf, key)
        elif op == OP_DELETE_RANGE:
            builder.delete_range(cf, key, value)
        else:
            builder.log_data(key)
    size, count = builder.size, builder.count
    data = builder.take()
    assert (len(data), batch_header(data)) == (size, (0, count))
    assert (builder.size, builder.count, builder.take()) == (12, 0, bytes(12))
    return data


@settings(max_examples=150)
@given(RECORDS)
def test_decoder_reads_what_the_builder_wrote(records: list[tuple[int, int, bytes, bytes]]) -> None:
    expected = []
    for op, cf, key, value in records:
        keep_value = op in (OP_PUT, OP_DELETE_RANGE)
        expected.append((op, 0 if op == OP_LOG_DATA else cf, key, value if keep_value else b""))
    assert decode_batch(build(records)) == expected


def test_golden_bytes() -> None:
    builder = BatchBuilder()
    builder.log_data(b"1")
    builder.put(0, b"k", b"v" * 200)
    builder.put(5, b"k", b"")
    builder.delete(0, b"d")
    builder.delete(300, b"d")
    builder.delete_range(0, b"a", b"b")
    builder.delete_range(1, b"a", b"b")
    assert builder.take() == (
        bytes(8) + b"\x06\0\0\0"
        b"\x03\x011" b"\x01\x01k\xc8\x01" + b"v" * 200 + b"\x05\x05\x01k\x00"
        b"\x00\x01d" b"\x04\xac\x02\x01d" b"\x0f\x01a\x01b" b"\x0e\x01\x01a\x01b"
    )  # fmt: skip


def test_rocksdb_writes_the_same_bytes(tmp_path: Path) -> None:
    ours, theirs = BatchBuilder(), WriteBatch(raw_mode=True)
    db = Rdict(str(tmp_path), Options(raw_mode=True))
    family = db.create_column_family("metadata", Options(raw_mode=True))
    handle = db.get_column_family_handle("metadata")
    for i in range(200):
        ours.put(1, b"k%d" % i, bytes(i))
        theirs.put(b"k%d" % i, bytes(i), handle)
        ours.delete(0, b"d%d" % i)
        theirs.delete(b"d%d" % i)
    ours.delete_range(1, b"a", b"b")
    theirs.delete_range(b"a", b"b", handle)
    assert (ours.size, ours.count) == (theirs.size_in_bytes(), theirs.len())
    db.write(theirs)
    data = ours.take()
    log = next(tmp_path.glob("*.log")).read_bytes()
    assert data[12:] in log  # the batch fits one log block, so it stands there in one piece
    del handle
    family.close()
    db.close()


def test_single_delete_and_noop_are_read() -> None:
    data = struct.pack("<QI", 9, 2) + b"\x07\x01a\x0d\x08\x02\x01b"
    assert decode_batch(data) == [(OP_SINGLE_DELETE, 0, b"a", b""), (OP_SINGLE_DELETE, 2, b"b", b"")]
    assert batch_header(data) == (9, 2)


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x02, "Merge"), (0x06, "Merge"), (0x09, "BeginPrepare"), (0x0A, "EndPrepare"), (0x0B, "Commit"),
        (0x0C, "Rollback"), (0x10, "BlobIndex"), (0x11, "BlobIndex"), (0x12, "BeginPersistedPrepare"),
        (0x13, "BeginUnprepare"), (0x14, "DeletionWithTimestamp"), (0x15, "CommitWithTimestamp"),
        (0x16, "WideColumnEntity"), (0x17, "WideColumnEntity"), (0x18, "ValuePreferredSeqno"),
        (0x19, "ValuePreferredSeqno"), (0x1A, "unknown type 0x1a"), (0xFF, "unknown type 0xff"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_applied_are_named(tag: int, name: str) -> None:
    with pytest.raises(BatchError, match=name):
        decode_batch(struct.pack("<QI", 1, 1) + bytes([tag]) + b"\x01a\x01b")


def test_every_cut_and_every_wrong_count_is_refused() -> None:
    builder = BatchBuilder()
    builder.put(1, b"key", b"v" * 130)
    builder.delete(0, b"key")
    builder.delete_range(2, b"a", b"b")
    data = builder.take()
    for size in range(len(data)):
        with pytest.raises(BatchError):
            decode_batch(data[:size])
    for count in (0, 2, 4, 2**32 - 1):
        with pytest.raises(BatchError, match="announces"):
            decode_batch(data[:8] + struct.pack("<I", count) + data[12:])


@pytest.mark.parametrize(
    "length", [b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x10", b"\x80\x80\x80\x80\x80\x00", b"\x80"]
)
def test_absurd_lengths_are_refused(length: bytes) -> None:
    with pytest.raises(BatchError):
        decode_batch(struct.pack("<QI", 1, 1) + b"\x00" + length)


@settings(max_examples=300)
@given(st.integers(0, 3), st.binary(max_size=60))
def test_arbitrary_bytes_are_decoded_or_refused(count: int, records: bytes) -> None:
    try:
        rows = decode_batch(struct.pack("<QI", 1, count) + records)
    except BatchError:
        return
    assert len([op for op, *_ in rows if op != OP_LOG_DATA]) == count


class FakeWriteBatch:
    """Notes the calls that rocksdict.WriteBatch would get."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def put(self, *args: object) -> None:
        self.calls.append(("put", *args))

    def delete(self, *args: object) -> None:
        self.calls.append(("delete", *args))

    def delete_range(self, *args: object) -> None:
        self.calls.append(("delete_range", *args))


HANDLES = [f"handle{i}" for i in range(7)]


def test_apply_batch_feeds_rocksdict_and_reports_expiries() -> None:
    builder = BatchBuilder()
    plain, later, narrow = key_of(5, b"a"), key_of(6, b"b"), key_of(5, b"c")
    builder.log_data(b"1")
    builder.put(1, plain, b"\x81" + bytes(8) + b"value")
    builder.put(1, later, b"\x81" + struct.pack(">Q", 2524608000000) + b"value")
    builder.put(1, narrow, b"\x01" + struct.pack(">I", 2524608) + b"value")
    builder.put(0, plain + b"sub", b"x")
    builder.delete(5, later)
    builder.delete_range(2, key_of(5, b""), key_of(7, b""))
    batch = FakeWriteBatch()
    expiries = apply_batch(builder.take(), batch, HANDLES, SlotFilter([(5, 6)]))
    assert expiries == [(later, 2524608000000), (narrow, 2524608000)]
    assert batch.calls == [
        ("put", plain, b"\x81" + bytes(8) + b"value", "handle1"),
        ("put", later, b"\x81" + struct.pack(">Q", 2524608000000) + b"value", "handle1"),
        ("put", narrow, b"\x01" + struct.pack(">I", 2524608) + b"value", "handle1"),
        ("put", plain + b"sub", b"x", "handle0"),
        ("delete", later, "handle5"),
        ("delete_range", key_of(5, b""), key_of(7, b""), "handle2"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        (OP_PUT, 7, key_of(5, b"k"), b""),  # no such column family
        (OP_PUT, 0, key_of(4, b"k"), b""),
        (OP_DELETE, 2, key_of(7, b"k"), b""),
        (OP_PUT, 4, b"propagate", b""),
        (OP_PUT, 0, key_of(5, b"")[:13], b""),  # too short for a slot
        (OP_PUT, 0, b"\x05other\x00\x05key123456", b""),  # another namespace
        (OP_DELETE_RANGE, 1, key_of(5, b""), key_of(7, b"\0")),  # one byte too far
        (OP_DELETE_RANGE, 1, key_of(4, b"\xff"), key_of(5, b"")),
        (OP_DELETE_RANGE, 1, key_of(6, b""), key_of(5, b"")),  # backwards
        (OP_PUT, 1, key_of(5, b"k"), b"\x81" + bytes(7)),  # metadata without its expiry
        (OP_PUT, 1, key_of(5, b"k"), b""),
    ],
)
def test_apply_batch_checks_everything_first(row: tuple[int, int, bytes, bytes]) -> None:
    good = (OP_PUT, 0, key_of(5, b"k"), b"")
    batch = FakeWriteBatch()
    with pytest.raises(BatchError):
        apply_batch(build([good, row]), batch, HANDLES, SlotFilter([(5, 6)]))
    with pytest.raises(BatchError):
        apply_batch(build([good, good])[:-1], batch, HANDLES, SlotFilter([(5, 6)]))
    assert batch.calls == []


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def test_what_kvrocks_sends_is_applied(tmp_path: Path) -> None:
    """The batches that Kvrocks 2.10 sent while it migrated slot 15891, into a real database."""
    lines = [json.loads(line) for line in (GOLDEN / "session.raw-key-value.jsonl").read_text().splitlines()]
    batches = [unhex(line[1]) for line in lines if line[0] == "APPLYBATCH"]
    assert batches
    db = Rdict(str(tmp_path), Options(raw_mode=True))
    families = [db] + [db.create_column_family(name, Options(raw_mode=True)) for name in COLUMN_FAMILIES[1:]]
    handles = [db.get_column_family_handle(name) for name in COLUMN_FAMILIES]
    rows: dict[tuple[int, bytes], bytes] = {}
    expiries: list[tuple[bytes, int]] = []
    for data in batches:
        write_batch = WriteBatch(raw_mode=True)
        expiries += apply_batch(data, write_batch, handles, SlotFilter([(15891, 15891)]))
        with pytest.raises(BatchError):
            apply_batch(data, write_batch, handles, SlotFilter([(0, 15890), (15892, 16383)]))
        db.write(write_batch)
        for op, cf, key, value in decode_batch(data):
            assert op in (OP_LOG_DATA, OP_PUT)
            if op == OP_PUT:
                rows[cf, key] = value
    assert {(cf, key): value for cf, family in enumerate(families) for key, value in family.items()} == rows
    assert 2524608000000 in {expire_ms for _, expire_ms in expiries}
    handles.clear()
    for family in families[1:]:
        family.close()
    db.close()


def test_slot_set() -> None:
    slots = SlotFilter([(9, 12), (3, 3), (4, 5), (11, 20), (16383, 16383)])
    assert slots.ranges == [(3, 5), (9, 20), (16383, 16383)]
    assert [slot for slot in range(-1, 16385) if slot in slots] == [3, 4, 5, *range(9, 21), 16383]
    assert SlotFilter([]).ranges == []
    for bad in ((-1, 3), (5, 4), (0, 16384)):
        with pytest.raises(ValueError, match="slot range"):
            SlotFilter([bad])
