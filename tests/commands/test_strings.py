"""String commands, where redis-server cannot be asked: other types, time, limits. The rest: test_against_redis.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotrocks.engine import TYPE_HASH, Metadata, lcs, lcs_table_bytes
from slotrocks.engine.types.string import window

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


@pytest.fixture
def hash_key(bench: Any) -> str:
    """A key that is not a string."""
    txn = bench.node.txn
    txn.begin(bench.node.now_ms)
    m = Metadata(TYPE_HASH, version=txn.new_version(), size=1)
    txn.store_metadata(b"h", m, None)
    txn.put(0, txn.codec.subkey(b"h", m.version, b"f"), b"v")
    return "h"


@pytest.mark.parametrize(
    "words",
    [
        "GET h", "GETEX h", "GETEX h EX 5", "GETDEL h", "GETSET h v", "SET h v GET", "INCR h", "DECRBY h 1",
        "INCRBYFLOAT h 1",
        "APPEND h x", "STRLEN h", "GETRANGE h 0 1", "SUBSTR h 0 1", "SETRANGE h 0 x", "SETRANGE h 0 ''",
    ],
)  # fmt: skip
def test_wrong_type(call: Any, hash_key: str, words: str) -> None:
    assert call.error(*words.split()) == WRONG_TYPE
    assert call("TYPE", "h") == b"hash"


def test_what_takes_any_type(call: Any, hash_key: str) -> None:
    call("SET", "s", "v")
    assert call("MGET", "s", "h", "none") == [b"v", None, None]
    assert call("SETNX", "h", "v") == 0
    assert call("MSETNX", "h", "v", "x", "y") == 0
    assert call("SET", "h", "v", "NX") is None
    assert call.error("LCS", "s", "h") == "ERR The specified keys must contain string values"
    assert call("SET", "h", "v") == b"OK"
    assert list(call.bench.node.txn.scan(0, b"", b"\xff")) == [], "the hash's rows are gone"


def test_expiry(bench: Any, call: Any) -> None:
    call("SET", "k", "v", "PX", 100)
    bench.advance(100)
    assert call("GET", "k") == b"v"
    bench.advance(1)
    assert call("GET", "k") is None
    assert call("STRLEN", "k") == 0
    assert call("MGET", "k") == [None]
    assert call("SET", "k", "w", "XX") is None
    assert call("SET", "k", "w", "KEEPTTL") == b"OK"
    assert call("TTL", "k") == -1, "the expiry of a dead key is not kept"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("APPEND k x", b"x"), ("INCR k", b"1"), ("INCRBYFLOAT k 1.5", b"1.5"), ("SETRANGE k 1 x", b"\0x"),
        ("GETSET k v", b"v"), ("SETNX k v", b"v"), ("MSETNX k v", b"v"), ("SET k v NX", b"v"),
    ],
)  # fmt: skip
def test_a_dead_key_is_as_good_as_none(bench: Any, call: Any, words: str, value: bytes) -> None:
    call("SET", "k", "5", "PX", 1)
    bench.advance(2)
    call(*words.split())
    assert call("GET", "k") == value
    assert call("PTTL", "k") == -1


def test_length_limits(bench: Any, call: Any) -> None:
    bench.node.config.proto_max_bulk_len = 1 << 20
    call("SET", "k", "x" * (1 << 19))
    too_long = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    assert call("APPEND", "k", "y" * (1 << 19)) == 1 << 20
    assert call.error("APPEND", "k", "y") == too_long
    assert call.error("SETRANGE", "k", 1 << 20, "y") == too_long
    assert call("SETRANGE", "k", (1 << 20) - 1, "y") == 1 << 20
    call("MSET", "a", "x" * 512, "b", "x" * 511)
    assert call.error("LCS", "a", "b") == (
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    )
    assert lcs_table_bytes(512, 511) == 4 * 513 * 512


def test_hits_and_misses(bench: Any, call: Any) -> None:
    call("SET", "a", "1")
    stats = bench.node.stats
    stats.reset()
    call("GET", "a")
    call("GET", "b")
    call("MGET", "a", "b", "c")
    assert (stats.keyspace_hits, stats.keyspace_misses) == (2, 3)


@given(st.binary(max_size=12), st.integers(-20, 20), st.integers(-20, 20))
def test_window(value: bytes, start: int, end: int) -> None:
    size = len(value)
    first, last = (max(i + size, 0) if i < 0 else i for i in (start, end))
    if start < 0 and end < 0 and start > end:
        first, last = 1, 0
    begin, behind = window(size, start, end)
    assert value[begin:behind] == bytes(value[i] for i in range(size) if first <= i <= last)


FEW_BYTES = st.binary(max_size=30).map(lambda data: bytes(byte % 3 for byte in data))


@given(FEW_BYTES, FEW_BYTES)
def test_lcs(a: bytes, b: bytes) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    found, matches = lcs(a, b)
    assert len(found) == table[-1][-1]
    assert b"".join(a[i : i + size] for i, _, size in reversed(matches)) == found
    assert b"".join(b[j : j + size] for _, j, size in reversed(matches)) == found
