"""Expiry: what clients see as time passes, and what the background task removes."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import CF_METADATA


def test_time_passes(bench: Any, call: Any) -> None:
    call("SET", "k", "v")
    assert call("EXPIRE", "k", 10) == 1
    for passed, ttl, pttl in ((0, 10, 10_000), (499, 10, 9_501), (2, 9, 9_499), (9_499, 0, 0)):
        bench.advance(passed)
        assert (call("TTL", "k"), call("PTTL", "k")) == (ttl, pttl)
    bench.advance(1)
    assert (call("TTL", "k"), call("PTTL", "k"), call("EXPIRETIME", "k")) == (-2, -2, -2)
    assert call("EXPIRE", "k", 10) == call("PERSIST", "k") == 0


def test_relative_and_absolute_agree(bench: Any, call: Any) -> None:
    call("SET", "k", "v")
    call("PEXPIRE", "k", 1500)
    assert call("PEXPIRETIME", "k") == bench.node.now_ms + 1500
    assert call("EXPIRE", "k", 2, "LT") == 0
    assert call("EXPIRE", "k", 2, "GT") == 1
    assert call("EXPIREAT", "k", bench.node.now_ms // 1000 + 1) == 1
    assert call("TTL", "k") == 1


def test_the_past_deletes(bench: Any, call: Any) -> None:
    now_ms = bench.node.now_ms
    for words in (("EXPIRE", "k", 0), ("PEXPIRE", "k", -(2**62)), ("EXPIREAT", "k", -5), ("PEXPIREAT", "k", now_ms)):
        call("SET", "k", "v")
        assert call(*words) == 1
        assert bench.node.txn.lookup_any(b"k") is None


def test_set_with_a_past_time_leaves_no_row(bench: Any, call: Any) -> None:
    call("SET", "k", "v")
    assert call("SET", "k", "w", "PXAT", bench.node.now_ms) == b"OK"
    assert call("SET", "l", "w", "EXAT", 1) == b"OK"
    assert bench.node.txn.lookup_any(b"k") is None and bench.node.txn.lookup_any(b"l") is None


def test_the_background_task_removes(bench: Any, call: Any) -> None:
    node = bench.node
    long_ago = 1000
    call("SET", "stays", "v", "EX", 10**9)
    call("SET", "persisted", "v", "EX", 10**9)
    call("PERSIST", "persisted")
    for i in range(20):
        call("SET", f"goes{i}", "v", "EX", 10)
    bench.advance(long_ago)
    # The task reads the clock itself, and the test's "now" is years ago.
    assert node.expiry.expire_some() == 20
    assert node.stats.expired_keys == 20
    rows = [node.txn.codec.user_key(key) for key, _ in node.txn.scan(CF_METADATA, *node.txn.codec.namespace_range())]
    assert rows == [b"persisted", b"stays"]
