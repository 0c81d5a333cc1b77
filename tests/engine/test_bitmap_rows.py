"""Bitmaps: their rows, and ranges of bits against a model that has them all. What commands answer: tests/commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import golden_files as golden
import invariants
from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    TYPE_BITMAP,
    TYPE_HYPERLOGLOG,
    KeyCodec,
    Store,
    Transaction,
    decode_metadata,
)
from slotrocks.engine.types import bit_editing, bitfield, bitmap, bits, hyperloglog, text, work
from slotrocks.engine.types.bitfield import Field, Operation
from slotrocks.engine.types.work import complete

NOW_MS = 1_700_000_000_000
LAST_BIT = bitmap.BITS_MAX - 1


@pytest.fixture(scope="module")
def txn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transaction]:
    with closing(Store(tmp_path_factory.mktemp("store"), slot_encoded=True)) as store:
        txn = Transaction(store)
        txn.begin(NOW_MS)
        yield txn


def rows_without_versions(codec: KeyCodec, rows: Iterator[tuple[str, bytes, bytes]]) -> list[tuple[object, ...]]:
    """Rows of the bitmap and the HyperLogLog of slot {t}, comparable: without versions."""
    found: list[tuple[object, ...]] = []
    owners = set()
    for family, storage_key, value in sorted(rows, key=lambda row: row[0] != "metadata"):
        if family == "metadata":
            m = decode_metadata(value)
            key = codec.user_key(storage_key)
            if m.type in (TYPE_BITMAP, TYPE_HYPERLOGLOG) and key.startswith(b"{t}"):
                owners.add((key, m.version))
                found.append((storage_key, value[:9], value[17:]))
        elif family == "default":
            key, version, sub = codec.decode_subkey(storage_key)
            if (key, version) in owners:
                found.append((codec.subkey(key, 0, sub), value))
    return sorted(found)


def test_the_rows_are_those_of_kvrocks(tmp_path: Path) -> None:
    with closing(Store(tmp_path, slot_encoded=True)) as store:
        txn = Transaction(store)
        txn.begin(NOW_MS)
        for (name, key, *args), reply in golden.commands("cluster"):
            if name == b"SETBIT":
                assert bit_editing.set_bit(txn, key, int(args[0]), int(args[1])) == reply
            elif name == b"PFADD":
                assert hyperloglog.add(txn, key, args) == bool(reply)
        txn.commit()
        ours = [
            (family, storage_key, value)
            for family, cf in (("metadata", CF_METADATA), ("default", CF_DEFAULT))
            for storage_key, value in store.scan(cf, *store.codec.namespace_range())
        ]
        theirs = rows_without_versions(store.codec, golden.rows("cluster"))
        assert rows_without_versions(store.codec, iter(ours)) == theirs
        assert len(theirs) == 2 + 2 + 4
        assert invariants.bitmaps(store) + invariants.hyperloglogs(store) + invariants.orphans(store) == []


@pytest.mark.parametrize("name", ["plain", "cluster"])
def test_a_kvrocks_folder_is_read(tmp_path: Path, name: str) -> None:
    with closing(Store(golden.unpack_database(name, tmp_path), slot_encoded=name == "cluster")) as store:
        txn = Transaction(store)
        txn.begin(NOW_MS)
        found = bits.find(txn, b"{t}bm")
        m = txn.lookup(b"{t}bm")
        assert found is not None and m is not None
        assert found.size == 10_000 // 8 + 1 == text.length(m)
        assert complete(bits.count(found, 0, found.size * 8 - 1)) == 4
        assert text.read(txn, m) == b"\x81" + bytes(1022) + b"\x01" + bytes(226) + b"\x80"
        assert hyperloglog.estimate(hyperloglog.union(txn, [b"{t}hll"])) == 4
        assert invariants.bitmaps(store) + invariants.hyperloglogs(store) == []


def test_a_row_grows_as_in_kvrocks(txn: Transaction) -> None:
    lengths = []
    for byte in (0, 1, 2, 3, 4, 9, 20, 600, 601, 1023):
        bit_editing.set_bit(txn, b"grows", byte * 8, 1)
        m = txn.lookup(b"grows")
        assert m is not None and m.size == byte + 1
        row = txn.get(CF_DEFAULT, txn.codec.subkey(b"grows", m.version, b"0"))
        assert row is not None
        lengths.append(len(row))
    assert lengths == [1, 2, 4, 4, 8, 16, 32, 601, 1024, 1024]


def test_what_does_not_change_is_not_written(txn: Transaction) -> None:
    bit_editing.set_bit(txn, b"same", 100, 1)
    txn.commit()
    txn.begin(NOW_MS)
    assert bit_editing.set_bit(txn, b"same", 100, 1) == 1
    assert bit_editing.set_bit(txn, b"same", 3, 0) == 0
    assert bitfield.execute(txn, b"same", [Operation("SET", Field(False, 1, 100), 1)]) == [1]
    assert not txn.dirty and not txn.touched


def test_an_expired_bitmap_begins_anew(txn: Transaction) -> None:
    bit_editing.set_bit(txn, b"old", 9, 1)
    m = txn.lookup(b"old")
    assert m is not None
    bitmap.store(txn, b"old", 2, [(0, b"\xff\xff")], expire_ms=NOW_MS + 5)
    txn.commit()
    txn.begin(NOW_MS + 10)
    assert bit_editing.set_bit(txn, b"old", 3, 1) == 0
    found = text.find(txn, b"old")
    assert found is not None and text.read(txn, found) == b"\x10"
    txn.commit()
    txn.begin(NOW_MS)
    assert invariants.bitmaps(txn.store) + invariants.orphans(txn.store) == []


# ---- the ranges, small ones by number and large ones by all rows, against a model

BITS = st.sets(
    st.one_of(
        st.integers(0, 40_000),
        st.sampled_from((0, 8191, 8192, 16383, 16384, 24575, 24576, 8192 * 11, 8192 * 100 + 5, 8192 * 1000)),
    ),
    min_size=1,
    max_size=25,
)
RUNS = st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 20_000)), max_size=2)


@st.composite
def positions(draw: st.DrawFn) -> set[int]:
    found = set(draw(BITS))
    for begin, count in draw(RUNS):
        found |= set(range(begin, begin + count))
    return found


def build(txn: Transaction, key: bytes, found: set[int], *, plain: bool) -> bits.Bits:
    """A string with these bits set."""
    size = (max(found) >> 3) + 1
    segments: dict[int, int] = {}
    for position in found:
        index, within = divmod(position, bitmap.SEGMENT_BITS)
        segments[index] = segments.get(index, 0) | 1 << within
    bitmap.store(txn, key, size, [(i, n.to_bytes((n.bit_length() + 7) // 8, "little")) for i, n in segments.items()])
    m = txn.lookup(key)
    assert m is not None
    if plain:
        txn.set_string(key, text.read(txn, m))
    result = bits.find(txn, key)
    assert result is not None and result.size == size
    return result


def number_of(found: set[int]) -> int:
    """All of them as one integer."""
    data = bytearray(max(found) // 8 + 1)
    for position in found:
        data[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(data, "little")


MODEL = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("gathered_max", [2, 4096])
@MODEL
@given(found=positions(), ends=st.tuples(st.integers(0, 2**24), st.integers(0, 2**24)), near=st.booleans())
def test_count_and_search(
    txn: Transaction, gathered_max: int, plain: bool, found: set[int], ends: tuple[int, int], near: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bitmap, "GATHERED_MAX", gathered_max)
        patch.setattr(work, "STEP_ROWS", 3)
        string = build(txn, b"k", found, plain=plain)
        total = string.size * 8
        first, last = sorted(end % (min(total, 20_000) if near else total) for end in ends)
        inside = {position for position in found if first <= position <= last}
        assert complete(bits.count(string, first, last)) == len(inside)
        assert complete(bits.search(string, 1, first, last)) == min(inside, default=-1)
        zero = next((position for position in range(first, last + 1) if position not in inside), -1)
        assert complete(bits.search(string, 0, first, last)) == zero
    txn.commit()
    txn.begin(NOW_MS)


@MODEL
@given(
    sources=st.lists(st.tuples(positions(), st.booleans()), min_size=1, max_size=3),
    operation=st.sampled_from((bits.AND, bits.OR, bits.XOR, bits.NOT)),
)
def test_combine(txn: Transaction, sources: list[tuple[set[int], bool]], operation: str) -> None:
    if operation == bits.NOT:
        sources = sources[:1]
    strings = [build(txn, b"k%d" % i, found, plain=plain) for i, (found, plain) in enumerate(sources)]
    size = max(string.size for string in strings)
    bitmap.store(txn, b"result", size, complete(bits.combine(operation, list(strings), size)))
    m = txn.lookup(b"result")
    assert m is not None and m.size == size
    result = int.from_bytes(text.read(txn, m).translate(bitmap.MIRROR), "little")
    numbers = [number_of(found) for found, _ in sources]
    expected = numbers[0] if operation != bits.NOT else numbers[0] ^ ((1 << size * 8) - 1)
    for number in numbers[1:]:
        expected = {bits.AND: expected & number, bits.OR: expected | number, bits.XOR: expected ^ number}[operation]
    assert result == expected
    txn.commit()
    txn.begin(NOW_MS)
    assert invariants.bitmaps(txn.store) == []


@MODEL
@given(found=positions(), start=st.integers(0, 200_000), count=st.integers(0, 200_000))
def test_read_part(txn: Transaction, found: set[int], start: int, count: int) -> None:
    build(txn, b"k", found, plain=False)
    m = txn.lookup(b"k")
    assert m is not None
    number = number_of(found)
    whole = number.to_bytes(m.size, "little").translate(bitmap.MIRROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bitmap, "GATHERED_MAX", 2)
        assert text.read(txn, m) == whole
        assert text.read_part(txn, m, start, start + count) == whole[start : start + count]
    assert text.read_part(txn, m, start, start + count) == whole[start : start + count]


def test_a_sparse_bitmap_costs_what_is_set(txn: Transaction) -> None:
    for position in (5, LAST_BIT - 9):
        bit_editing.set_bit(txn, b"sparse", position, 1)
    string = bits.find(txn, b"sparse")
    assert string is not None and string.size == 2**29 - 1
    last = string.size * 8 - 1
    assert complete(bits.count(string, 0, last)) == 2
    assert complete(bits.search(string, 1, 6, last)) == LAST_BIT - 9
    assert complete(bits.search(string, 0, 0, last)) == 0
    assert len(complete(bits.combine(bits.OR, [string, string], string.size))) == 2
    assert bits.get_bit(txn, txn.lookup(b"sparse"), LAST_BIT - 9) == 1  # type: ignore[arg-type]
    assert bits.get_bit(txn, txn.lookup(b"sparse"), LAST_BIT) == 0  # type: ignore[arg-type]
    assert bitfield.execute(txn, b"sparse", [Operation("SET", Field(True, 64, LAST_BIT), -1)]) == [0]
    assert bitfield.read(txn, b"sparse", [Field(True, 64, LAST_BIT)]) == [-1]


# ---- integers in strings


@st.composite
def fields(draw: st.DrawFn) -> Field:
    signed = draw(st.booleans())
    return Field(signed, draw(st.integers(1, 64 if signed else 63)), draw(st.integers(8150, 8250)))


@MODEL
@given(
    plain=st.booleans(),
    writes=st.lists(st.tuples(fields(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=8),
)
def test_fields_against_one_long_number(txn: Transaction, plain: bool, writes: list[tuple[Field, int]]) -> None:
    total = 8400
    txn.set_string(b"f", b"")
    if not plain:
        txn.remove(txn.lookup(b"f"))  # type: ignore[arg-type]
    model = 0  # bit 0 of the string is its highest
    for field, operand in writes:
        shift = total - field.position - field.width
        mask = ((1 << field.width) - 1) << shift
        before = (model & mask) >> shift
        if field.signed and before >> (field.width - 1):
            before -= 1 << field.width
        (reply,) = bitfield.execute(txn, b"f", [Operation("SET", field, operand)])
        assert reply == before
        model = model & ~mask | (operand << shift & mask)
    found = text.find(txn, b"f")
    assert found is not None
    assert text.read(txn, found).ljust(total // 8, b"\0") == model.to_bytes(total // 8, "big")
