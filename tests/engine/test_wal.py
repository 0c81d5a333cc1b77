"""One log file: what a writer wrote is read, what is incomplete is awaited, damage is reported, never delivered."""

import struct
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slotrocks.engine import LogReader, WALError, batch_header, crc32c, decode_batch
from wal_helpers import BLOCK, FULL, LAST, batch, key_of, log_bytes, numbered, physical

GOLDEN = Path(__file__).parents[1] / "golden"
# lengths that leave 0..12 bytes at the end of a block, for both header sizes, and larger ones
SIZES = st.one_of(
    st.integers(0, 50),
    st.integers(BLOCK - 40, BLOCK + 40),
    st.integers(2 * BLOCK - 40, 2 * BLOCK + 40),
    st.integers(0, 300_000),
)


def read_all(reader: LogReader) -> list[bytes]:
    records = []
    while (record := reader.next_record()) is not None:
        records.append(record)
    return records


def read_to_the_end(reader: LogReader, delivered: list[bytes]) -> None:
    while (record := reader.next_record()) is not None:
        delivered.append(record)
    reader.finish()


def open_log(path: Path, content: bytes, number: int = 9) -> LogReader:
    path.write_bytes(content)
    return LogReader(str(path), number)


def test_crc32c_check_values() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@settings(max_examples=60, deadline=None)
@given(st.lists(SIZES, max_size=6), st.booleans())
@example([32756], True)  # a trailer of one byte at the file's end
def test_reads_what_a_writer_wrote(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], recycled: bool) -> None:
    records = [bytes([i + 1]) * size for i, size in enumerate(sizes)]
    content = log_bytes(records, 9 if recycled else None)
    reader = open_log(tmp_path_factory.mktemp("log") / "x", content)
    assert read_all(reader) == records
    reader.finish()
    assert reader.bytes_read == len(content) <= reader.offset
    reader.close()


def test_a_file_that_grows_byte_by_byte(tmp_path: Path) -> None:
    """Each record comes with its last byte and not before, whatever the point at which the writer was seen."""
    records = [b"a" * 20, b"b" * (BLOCK - 100), b"", b"c" * 400]
    content = log_bytes(records)
    ends = [len(log_bytes(records[: n + 1])) for n in range(len(records))]
    path = tmp_path / "x"
    reader = open_log(path, b"")
    seen = []
    with path.open("ab", buffering=0) as file:
        for size in range(1, len(content) + 1):
            file.write(content[size - 1 : size])
            seen += [(record, size) for record in read_all(reader)]
    assert seen == list(zip(records, ends, strict=True))


def test_every_truncation_is_a_prefix(tmp_path: Path) -> None:
    """A file cut anywhere: the whole records, then not yet; finish() tells a clean cut from a torn one."""
    records = [b"a" * 20, b"b" * 300, b"", b"c" * 60]
    content = log_bytes(records)
    ends = [len(log_bytes(records[:n])) for n in range(len(records) + 1)]
    for size in range(len(content) + 1):
        for tail in (0, 5000):  # the rest of the file missing, or allocated and still zero
            reader = open_log(tmp_path / "x", content[:size] + bytes(tail))
            whole = len([end for end in ends[1:] if end <= size])
            assert read_all(reader) == records[:whole]
            if size in ends:
                reader.finish()
            else:
                with pytest.raises(WALError):
                    reader.finish()


def test_zeros_are_filled_in_later(tmp_path: Path) -> None:
    records = [b"a" * 20, b"b" * (2 * BLOCK), b"c" * 400]
    content = log_bytes(records)
    path = tmp_path / "x"
    for size in (0, 3, 27, 28, 40, BLOCK - 1, BLOCK, BLOCK + 9, len(content) - 1):
        reader = open_log(path, content[:size] + bytes(len(content) - size + 100_000))
        begun = read_all(reader)
        with path.open("r+b") as file:
            file.write(content)
        assert begun + read_all(reader) == records
        reader.finish()


def test_every_bit_flip_is_found(tmp_path: Path) -> None:
    """A damaged record is never delivered. It may look unfinished in the newest file, not in a finished one."""
    records = [b"a" * 20, b"b" * 40, b"c" * 30, b"d" * 10]
    content = log_bytes(records)
    last = len(content) - len(log_bytes(records[3:]))
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        reader = open_log(tmp_path / "x", bytes(damaged))
        delivered: list[bytes] = []
        with pytest.raises(WALError):
            read_to_the_end(reader, delivered)
        assert delivered == records[: len(delivered)]
        assert len(delivered) < len(records)
        if bit // 8 >= last:
            assert len(delivered) == 3


@pytest.mark.parametrize("where", ["checksum", "payload", "type"])
def test_damage_with_data_after_it_is_reported_at_once(tmp_path: Path, where: str) -> None:
    records = [b"a" * 20, b"b" * (3 * BLOCK), b"c" * 30]
    content = bytearray(log_bytes(records))
    content[{"checksum": 27, "type": 27 + 6, "payload": 2 * BLOCK + 500}[where]] ^= 0x20
    reader = open_log(tmp_path / "x", bytes(content))
    assert reader.next_record() == records[0]
    with pytest.raises(WALError, match="log file x: a bad checksum at offset"):
        reader.next_record()


def test_zeros_in_the_middle_are_damage(tmp_path: Path) -> None:
    records = [b"a" * 20, b"b" * 20, b"c" * 200_000]
    content = log_bytes(records)
    reader = open_log(tmp_path / "x", content[:27] + bytes(27) + content[54:])
    assert reader.next_record() == records[0]
    with pytest.raises(WALError, match="zeros instead of a record at offset 27"):
        reader.next_record()
    block = log_bytes([b"x" * (3 * BLOCK)])
    reader = open_log(tmp_path / "y", block[:BLOCK] + bytes(BLOCK) + block[2 * BLOCK :])
    with pytest.raises(WALError, match="zeros"):
        reader.next_record()


def test_a_bad_checksum_at_the_very_end_is_awaited(tmp_path: Path) -> None:
    content = log_bytes([b"a" * 20, b"b" * 20])
    path = tmp_path / "x"
    for tail in (b"", bytes(5000)):
        reader = open_log(path, content[:-8] + bytes(8) + tail)
        assert read_all(reader) == [b"a" * 20]
        path.write_bytes(content + tail)
        assert read_all(reader) == [b"b" * 20]


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([physical(LAST, b"x")], "without a beginning"),
        ([physical(3, b"x")], "without a beginning"),
        ([physical(2, b"x"), physical(FULL, b"y")], "begins inside another"),
        ([physical(2, b"x"), physical(2, b"y")], "begins inside another"),
        ([physical(12, b"x")], "unknown type 12"),
        ([physical(129, b"x")], "unknown type 129"),
        ([physical(0, b"x")], "unknown type 0"),
        ([physical(9, struct.pack("<I", 7))], "compressed"),
        ([physical(10, b"\0\0\0\0\x08\0")], "timestamps"),
        ([physical(11, b"\0\0\0\0\x08\0", 9)], "timestamps"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, records: list[bytes], text: str) -> None:
    reader = open_log(tmp_path / "x", b"".join(records) + physical(FULL, b"more"))
    with pytest.raises(WALError, match=text):
        read_all(reader)


def test_records_about_the_file_are_passed_over(tmp_path: Path) -> None:
    about = [physical(9, bytes(4)), physical(10, b""), physical(130, b"p" * 24)]
    assert read_all(open_log(tmp_path / "x", b"".join(about) + physical(FULL, b"data"))) == [b"data"]
    about = [physical(131, b"p" * 24, 9), physical(2, b""), physical(FULL, b"data")]  # an empty FIRST: early writers
    assert read_all(open_log(tmp_path / "y", b"".join(about))) == [b"data"]


def test_a_recycled_file_ends_where_its_former_life_begins(tmp_path: Path) -> None:
    """The new log 9 lies over log 4: at any point of writing, the rest of the old one is the end, not damage."""
    old = log_bytes([b"old" * 400] * 300, 4)
    records = [b"a" * 20, b"b" * (2 * BLOCK), b"", b"c" * 400]
    new = log_bytes(records, 9)
    ends = [len(log_bytes(records[: n + 1], 9)) for n in range(len(records))]
    path = tmp_path / "x"
    reader = open_log(path, old)
    seen = []
    for size in sorted({*range(0, len(new), 977), *ends, *[end - 1 for end in ends]}):
        path.write_bytes(new[:size] + old[size:])
        seen += [(record, size) for record in read_all(reader)]
    assert seen == list(zip(records, ends, strict=True))
    reader.finish()


def test_reading_goes_on_after_close_only_in_vain(tmp_path: Path) -> None:
    reader = open_log(tmp_path / "x", log_bytes([b"a"]))
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.next_record()
    with pytest.raises(FileNotFoundError):
        LogReader(str(tmp_path / "absent"), 1)


def test_the_log_that_kvrocks_wrote(tmp_path: Path) -> None:
    with tarfile.open(GOLDEN / "cluster.db.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    reader = LogReader(str(tmp_path / "db" / "000010.log"), 10)
    expected = 1
    log_data = 0
    for record in read_all(reader):
        sequence, count = batch_header(record)
        assert sequence == expected
        expected += count
        rows = decode_batch(record)
        log_data += len([op for op, *_ in rows if op == 4])
    reader.finish()
    assert expected > 200
    assert log_data > 50


def test_helper_batches_are_batches() -> None:
    assert decode_batch(batch(5, (1, key_of(7, b"k"), b"v"))) == [(0, 1, b"\x0b__namespace\x00\x07k", b"v")]
    assert batch_header(numbered(5, 3)) == (5, 3)
