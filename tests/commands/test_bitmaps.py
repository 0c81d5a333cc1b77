"""What string commands make of bitmaps and HyperLogLogs where Redis would not answer the same, byte for byte."""

from __future__ import annotations

import pytest
from node_bench import Bench, Caller

import invariants

DENSE_BYTES = 12304


def scanned(call: Caller, kind: str) -> list[bytes]:
    cursor, keys = call("SCAN", 0, "COUNT", 100, "TYPE", kind)
    assert cursor == b"0"
    return sorted(keys)


def test_types(call: Caller) -> None:
    call("SET", "s", "x")
    call("SETBIT", "b", 1, 1)
    call("PFADD", "h", "a")
    call("RPUSH", "l", "a")
    assert [call("TYPE", key) for key in "sbhln"] == [b"string", b"string", b"string", b"list", b"none"]
    assert scanned(call, "string") == [b"b", b"h", b"s"]
    assert scanned(call, "Bitmap") == [b"b"]
    assert scanned(call, "hyperloglog") == [b"h"]
    assert scanned(call, "nosuch") == []
    assert [call("OBJECT", "ENCODING", key) for key in "bh"] == [b"raw", b"raw"]


def test_a_hyperloglog_read_as_a_string(call: Caller) -> None:
    call("PFADD", "h", *range(100))
    whole = call("GET", "h")
    assert len(whole) == DENSE_BYTES == call("STRLEN", "h")
    assert whole.startswith(b"HYLL\0")
    assert call("GETRANGE", "h", 0, 3) == b"HYLL"
    assert call("GETRANGE", "h", -DENSE_BYTES, -DENSE_BYTES + 1) == b"HY"
    assert call("MGET", "h", "none") == [whole, None]
    assert call("BITCOUNT", "h", 0, 0) == 2
    assert call("GETBIT", "h", 1) == 1
    # Kept elsewhere and set again, as applications do.
    call("SET", "copy", whole, "EX", 100)
    assert call("PFCOUNT", "copy") == call("PFCOUNT", "h")
    assert call("PFADD", "copy", "new") == 1
    assert call("PFCOUNT", "h", "copy") == call("PFCOUNT", "copy")
    assert call("TTL", "copy") == 100
    assert scanned(call, "hyperloglog") == [b"copy", b"h"]


def test_a_hyperloglog_changed_as_a_string(call: Caller, bench: Bench) -> None:
    call("PFADD", "h", "a", "b", "c")
    call("PEXPIRE", "h", 5000)
    assert call("SETBIT", "h", 7, 0) == 0
    assert scanned(call, "hyperloglog") == [b"h"]  # nothing changed
    assert call("SETRANGE", "h", 5, "\0\0") == DENSE_BYTES
    assert scanned(call, "hyperloglog") == []
    assert call("PFCOUNT", "h") == 3
    assert call("PFADD", "h", "d") == 1
    assert call("PFCOUNT", "h") == 4
    assert call("PTTL", "h") == 5000
    assert call("APPEND", "h", "x") == DENSE_BYTES + 1
    assert "not a valid HyperLogLog" in call.error("PFADD", "h", "d")
    assert "not a valid HyperLogLog" in call.error("PFCOUNT", "h")
    call("SETBIT", "b", 1, 1)
    assert "not a valid HyperLogLog" in call.error("PFADD", "b", "d")
    assert call("SETBIT", "h", 0, 1) == 0
    bench.node.tick.end()
    assert invariants.hyperloglogs(bench.node.store) + invariants.orphans(bench.node.store) == []


def test_a_bitmap_changed_as_a_string(call: Caller, bench: Bench) -> None:
    call("SETBIT", "b", 8192 * 3, 1)
    call("PEXPIRE", "b", 5000)
    assert call("APPEND", "b", "x") == 3 * 1024 + 2
    assert scanned(call, "bitmap") == []
    assert call("PTTL", "b") == 5000
    assert call("GETRANGE", "b", -2, -1) == b"\x80x"
    call("BITOP", "OR", "b", "b")
    assert scanned(call, "bitmap") == [b"b"]
    assert call("GETRANGE", "b", -2, -1) == b"\x80x"
    assert "not an integer" in call.error("INCR", "b")
    assert scanned(call, "bitmap") == [b"b"]
    bench.node.tick.end()
    assert invariants.bitmaps(bench.node.store) + invariants.orphans(bench.node.store) == []


@pytest.mark.parametrize("limit", [2**20, 2**30])
def test_the_last_offset(bench: Bench, call: Caller, limit: int) -> None:
    bench.node.config.proto_max_bulk_len = limit
    last = min(limit * 8, 2**32) - 1
    assert call("SETBIT", "b", last, 1) == 0
    assert call("STRLEN", "b") == (last >> 3) + 1
    assert call("BITPOS", "b", 1) == last
    for words in (["SETBIT", "b", last + 1, 1], ["GETBIT", "b", last + 1], ["BITFIELD", "b", "GET", "u8", last + 1]):
        assert "bit offset is not an integer or out of range" in call.error(*words)


def test_what_redis_says_since_7_2(call: Caller) -> None:
    assert "not an integer" in call.error("BITCOUNT", "none", "x", 1)
    assert "syntax" in call.error("BITCOUNT", "none", 0)
    assert "syntax" in call.error("BITPOS", "none", 1, 0, 1, "FOO")
    assert call("PFSELFTEST") == b"OK"
    assert call("PFADD", "h", "a") == 1
    assert call("PFDEBUG", "ENCODING", "h") == b"dense"
    assert "not sparse" in call.error("PFDEBUG", "DECODE", "h")
    assert call("PFDEBUG", "TODENSE", "h") == 0
    assert sum(register > 0 for register in call("PFDEBUG", "GETREG", "h")) == 1
