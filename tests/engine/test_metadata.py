"""Metadata rows of both widths, and the types' own fields."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotrocks.engine import (
    TYPE_BITMAP,
    TYPE_BLOOM,
    TYPE_HASH,
    TYPE_HYPERLOGLOG,
    TYPE_JSON,
    TYPE_LIST,
    TYPE_NAMES,
    TYPE_SET,
    TYPE_SORTEDINT,
    TYPE_STREAM,
    TYPE_STRING,
    TYPE_ZSET,
    CorruptionError,
    Metadata,
    decode_metadata,
    live_type,
)
from slotrocks.engine.layout import (
    BloomState,
    ListBounds,
    StreamState,
    decode_score,
    decode_u64,
    encode_score,
    encode_u64,
)

TYPES = st.integers(1, len(TYPE_NAMES) - 1)
U64 = st.integers(0, 2**64 - 1)
SIMPLE = (TYPE_STRING, TYPE_JSON)
NEVER_EMPTY = (TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET, TYPE_BITMAP, TYPE_SORTEDINT)


@given(TYPES, U64, U64, U64, st.binary())
def test_round_trip(type_id: int, expire_ms: int, version: int, size: int, payload: bytes) -> None:
    row = Metadata(type_id, expire_ms=expire_ms, version=version, size=size, payload=payload).encode()
    m = decode_metadata(row)
    assert (m.type, m.expire_ms, m.payload) == (type_id, expire_ms, payload)
    assert (m.version, m.size) == ((0, 0) if type_id in SIMPLE else (version, size))
    assert m.has_subkeys == (type_id not in SIMPLE)
    assert m.encode() == row
    assert row[0] == 0x80 | type_id


@given(TYPES, st.integers(0, 2**32 - 1), U64, st.integers(0, 2**32 - 1), st.binary())
def test_32_bit_rows(type_id: int, expire_s: int, version: int, size: int, payload: bytes) -> None:
    fields = b"" if type_id in SIMPLE else struct.pack(">QI", version, size)
    m = decode_metadata(bytes([type_id]) + struct.pack(">I", expire_s) + fields + payload)
    assert (m.type, m.expire_ms, m.payload) == (type_id, expire_s * 1000, payload)
    assert (m.version, m.size) == ((0, 0) if type_id in SIMPLE else (version, size))
    assert decode_metadata(m.encode()).expire_ms == expire_s * 1000


@given(TYPES, st.sampled_from([0, 99, 100, 101]), st.sampled_from([0, 1, 2**40]))
def test_alive(type_id: int, expire_ms: int, size: int) -> None:
    m = Metadata(type_id, expire_ms=expire_ms, size=size)
    alive = expire_ms != 99 and (size > 0 or type_id not in NEVER_EMPTY)
    assert m.alive(100) == alive
    assert live_type(m.encode(), 100) == (type_id if alive else 0)


@pytest.mark.parametrize("type_id", range(1, len(TYPE_NAMES)))
@pytest.mark.parametrize("wide", [0, 0x80])
def test_rows_cut_short(type_id: int, wide: int) -> None:
    row = bytes([wide | type_id]) + bytes(40)
    head = (9 if wide else 5) if type_id in SIMPLE else (25 if wide else 17)
    for size in range(head):
        for read in (decode_metadata, lambda row: live_type(row, 0)):
            with pytest.raises(CorruptionError):
                read(row[:size])
    assert decode_metadata(row[:head]).payload == b""


@pytest.mark.parametrize("flags", [0, 12, 15, 0x80, 0x10 | TYPE_STRING, 0xC0 | TYPE_STRING])
def test_unknown_flags(flags: int) -> None:
    with pytest.raises(CorruptionError, match="unknown metadata flags"):
        decode_metadata(bytes([flags]) + bytes(40))


@pytest.mark.parametrize("type_id", [0, 12, -1])
def test_no_such_type(type_id: int) -> None:
    with pytest.raises(ValueError, match="no such type"):
        Metadata(type_id)


# ---- layout


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_scores_sort_as_numbers(a: float, b: float) -> None:
    assert decode_score(encode_score(a)) == a
    if a < b:
        assert encode_score(a) < encode_score(b)
    if a == b and a != 0:
        assert encode_score(a) == encode_score(b)


def test_scores_at_the_edges() -> None:
    numbers = [-math.inf, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, math.inf]
    assert sorted(map(encode_score, numbers)) == [encode_score(number) for number in numbers]


@given(U64)
def test_u64(value: int) -> None:
    assert decode_u64(encode_u64(value)) == value


@given(st.lists(U64, min_size=12, max_size=12), st.booleans())
def test_states(n: list[int], groups: bool) -> None:
    pairs = [(n[i], n[i + 1]) for i in range(0, 10, 2)]
    stream = StreamState(*pairs, n[10], n[11] if groups else None)
    assert StreamState.decode(stream.encode()) == stream
    assert len(stream.encode()) == (96 if groups else 88)
    assert ListBounds.decode(ListBounds(n[0], n[1]).encode()) == (n[0], n[1])
    bloom = BloomState(n[0] % 2**16, n[1] % 2**16, n[2] % 2**32, 0.01, n[3] % 2**32)
    assert BloomState.decode(bloom.encode()) == bloom


def test_types_that_may_be_empty() -> None:
    assert {type_id for type_id in range(1, 12) if Metadata(type_id).alive(0)} == {
        TYPE_STRING, TYPE_STREAM, TYPE_BLOOM, TYPE_JSON, TYPE_HYPERLOGLOG,
    }  # fmt: skip
