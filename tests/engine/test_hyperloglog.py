"""HyperLogLog: registers, Redis's strings, and how good the estimate is. Against Redis itself: tests/commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import invariants
from slotrocks.engine import (
    HLL_REGISTER_BYTES,
    HLL_REGISTERS,
    TYPE_HYPERLOGLOG,
    TYPE_STRING,
    Store,
    Transaction,
    WrongTypeError,
    hll_histogram,
    hll_merge,
    hll_pack,
    hll_place,
    hll_raise,
    hll_unpack,
)
from slotrocks.engine.types import hashes, hyperloglog, string, text

NOW_MS = 1_700_000_000_000


@pytest.fixture
def txn(tmp_path: Path) -> Iterator[Transaction]:
    with closing(Store(tmp_path, slot_encoded=True)) as store:
        txn = Transaction(store)
        txn.begin(NOW_MS)
        yield txn


def murmur64a(data: bytes, seed: int) -> int:
    """The hash as its author published it, for little-endian machines."""
    m, mask = 0xC6A4A7935BD1E995, 2**64 - 1
    h = seed ^ (len(data) * m & mask)
    whole = len(data) // 8 * 8
    for i in range(0, whole, 8):
        k = int.from_bytes(data[i : i + 8], "little") * m & mask
        k = (k ^ k >> 47) * m & mask
        h = (h ^ k) * m & mask
    if data[whole:]:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 47) * m & mask
    return h ^ h >> 47


@given(st.binary(max_size=40))
def test_where_an_element_belongs(element: bytes) -> None:
    h = murmur64a(element, 0xADC83B19)
    rest = h >> 14 | 1 << 50
    assert hll_place(element) == (h % HLL_REGISTERS, (rest & -rest).bit_length())


FEW = st.lists(st.integers(0, 63), min_size=4, max_size=40).map(lambda values: bytes(values[: len(values) // 4 * 4]))


@given(FEW, FEW, st.lists(st.tuples(st.integers(0, 3), st.integers(0, 63))))
def test_registers(a: bytes, b: bytes, places: list[tuple[int, int]]) -> None:
    packed = hll_pack(a)
    assert len(packed) == len(a) // 4 * 3
    assert hll_unpack(packed) == a
    assert hll_histogram(packed) == [a.count(value) for value in range(64)]
    count = min(len(a), len(b))
    merged = hll_merge(hll_pack(a[:count]), hll_pack(b[:count]))
    assert hll_unpack(merged) == bytes(map(max, a[:count], b[:count]))
    expected = bytearray(a)
    for index, value in places:
        expected[index] = max(expected[index], value)
    raised = hll_raise(packed, places)
    assert hll_unpack(raised) == expected
    assert (raised is packed) == (expected == a)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="fours"):
        hll_pack(b"\0\0\0")
    with pytest.raises(ValueError, match="64"):
        hll_pack(b"\0\0\0\x40")
    with pytest.raises(ValueError, match="number"):
        hll_merge(bytes(3), bytes(6))
    for index in (-1, 4):
        with pytest.raises(IndexError):
            hll_raise(bytes(3), [(index, 1)])


def test_the_estimate_is_within_one_percent() -> None:
    rng = Random(7)
    registers = bytes(HLL_REGISTER_BYTES)
    added = 0
    for wanted in (10, 100, 1000, 10_000, 50_000, 200_000):
        registers = hll_raise(registers, [hll_place(rng.randbytes(12)) for _ in range(wanted - added)])
        added = wanted
        assert abs(hyperloglog.estimate(registers) - wanted) <= max(1, wanted // 100)
    assert hyperloglog.estimate(bytes(HLL_REGISTER_BYTES)) == 0


def sparse(values: bytes) -> bytes:
    """Redis's sparse encoding, the plainest that is correct."""
    codes = bytearray()
    i = 0
    while i < len(values):
        run = 1
        while i + run < len(values) and values[i + run] == values[i]:
            run += 1
        if values[i]:
            run = min(run, 4)
            codes.append(0x80 | (values[i] - 1) << 2 | run - 1)
        elif run <= 64:
            codes.append(run - 1)
        else:
            codes += (0x4000 | run - 1).to_bytes(2, "big")
        i += run
    return b"HYLL\x01" + bytes(10) + b"\x80" + bytes(codes)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.integers(0, HLL_REGISTERS - 1), st.integers(1, 32), max_size=40))
def test_redis_strings(found: dict[int, int]) -> None:
    values = bytearray(HLL_REGISTERS)
    for index, value in found.items():
        values[index] = value
    registers = hll_pack(bytes(values))
    dense = hyperloglog.encode_string(registers)
    assert len(dense) == hyperloglog.DENSE_BYTES
    assert hyperloglog.decode_string(dense) == registers
    assert hyperloglog.decode_string(sparse(bytes(values))) == registers


@given(st.binary(max_size=60))
def test_no_string_breaks_the_decoder(data: bytes) -> None:
    for candidate in (data, b"HYLL" + data, b"HYLL\x01" + bytes(11) + data):
        with pytest.raises((hyperloglog.NotHyperLogLogError, hyperloglog.BrokenHyperLogLogError)):
            hyperloglog.decode_string(candidate + b"\0")


def test_a_redis_string_becomes_a_key_of_this_type_when_it_changes(txn: Transaction) -> None:
    registers = hll_raise(bytes(HLL_REGISTER_BYTES), [hll_place(b"a"), hll_place(b"b")])
    for value in (hyperloglog.encode_string(registers), sparse(hll_unpack(registers))):
        txn.set_string(b"h", value, NOW_MS + 1000)
        assert hyperloglog.add(txn, b"h", [b"a"]) is False
        found = txn.lookup(b"h")
        assert found is not None and found.type == TYPE_STRING
        assert hyperloglog.add(txn, b"h", [b"a", b"c"]) is True
        found = txn.lookup(b"h")
        assert found is not None and found.type == TYPE_HYPERLOGLOG and found.expire_ms == NOW_MS + 1000
        assert hyperloglog.estimate(hyperloglog.union(txn, [b"h"])) == 3
        assert hyperloglog.decode_string(text.read(txn, found)) == hll_raise(registers, [hll_place(b"c")])
    assert string.append(txn, b"h", b"x", 10**6) == hyperloglog.DENSE_BYTES + 1
    with pytest.raises(hyperloglog.NotHyperLogLogError):
        hyperloglog.add(txn, b"h", [b"a"])
    hashes.put_many(txn, b"other", {b"f": b"v"})
    with pytest.raises(WrongTypeError):
        hyperloglog.merge(txn, b"h2", [b"other"])
    txn.commit()
    assert invariants.hyperloglogs(txn.store) + invariants.orphans(txn.store) == []


def test_only_rows_that_change_are_written(txn: Transaction) -> None:
    hyperloglog.add(txn, b"h", [b"%d" % i for i in range(3000)])
    hyperloglog.add(txn, b"i", [b"1"])
    txn.commit()
    txn.begin(NOW_MS)
    assert not hyperloglog.add(txn, b"h", [b"5", b"6"])
    assert not txn.dirty and not txn.touched
    hyperloglog.merge(txn, b"h", [b"i"])
    assert not txn.dirty and txn.touched == [b"h"]
    register, _ = hll_place(b"new")
    while hyperloglog.add(txn, b"i", [b"new"]):
        pass
    assert txn.pending_rows == 1, register
