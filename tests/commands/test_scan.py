"""SCAN and KEYS: everything once, in bounded steps, whatever happens in between; and Redis's globs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_bench import Bench, Caller

from slotrocks.engine import TYPE_HASH, Metadata
from slotrocks.engine.types.keyspace import random_between
from slotrocks.server.commands import scan
from slotrocks.server.glob import literal_prefix, matcher
from slotrocks.server.scan_cursors import CURSORS_MAX, ScanCursors


@pytest.fixture(params=["plain", "cluster"])
def keyspace(request: pytest.FixtureRequest, tmp_path: Path, commits: bool) -> Iterator[Bench]:
    """A node whose keys carry slots, or do not."""
    bench = Bench(tmp_path, commits=commits, cluster=request.param == "cluster")
    bench.node.cluster = None
    yield bench
    bench.close()


def scan_all(call: Caller, *options: str | int, between: Any = None) -> list[bytes]:
    """A whole iteration; `between` is called after each step."""
    found: list[bytes] = []
    cursor: bytes = b"0"
    for _ in range(10_000):
        cursor, keys = call("SCAN", cursor, *options)
        found += keys
        if cursor == b"0":
            return found
        if between is not None:
            between()
    raise AssertionError("SCAN does not end")


@pytest.mark.parametrize("count", [1, 2, 7, 10, 99, 100, 101, 10**9])
def test_everything_once(keyspace: Bench, count: int) -> None:
    call = keyspace.call
    keys = {b"key:%d" % i for i in range(100)}
    for key in keys:
        call("SET", key, "v")
    found = scan_all(call, "COUNT", count)
    assert len(found) == 100 and set(found) == keys
    assert set(call("KEYS", "*")) == keys and call("DBSIZE") == 100


def test_while_keys_come_and_go(keyspace: Bench) -> None:
    call, rng = keyspace.call, Random(1)
    keys = {b"stays:%d" % i for i in range(100)}
    for key in keys:
        call("SET", key, "v")

    def disturb() -> None:
        call("SET", f"new:{rng.random()}", "v")
        call("DEL", f"goes:{rng.randrange(50)}")
        call("SET", f"goes:{rng.randrange(50)}", "v")

    found = [key for key in scan_all(call, "COUNT", 3, between=disturb) if key in keys]
    assert len(found) == 100 and set(found) == keys


@pytest.mark.parametrize(
    "pattern",
    ["user:*", "{tag}*", "{tag}:1*", "user:1", "*1", "user:[12]*", "{ta*", "us\\er:1*", "none*", "{}*"],
)
def test_match_bounds_but_loses_nothing(keyspace: Bench, pattern: str) -> None:
    call = keyspace.call
    keys = [f"{head}{i}".encode() for head in ("user:", "{tag}:", "z", "", "{}") for i in range(15)]
    for key in keys:
        call("SET", key, "v")
    wanted = {key for key in keys if matcher(pattern.encode())(key)}
    assert set(call("KEYS", pattern)) == wanted
    for count in (1, 5, 1000):
        found = scan_all(call, "MATCH", pattern, "COUNT", count)
        assert len(found) == len(wanted) and set(found) == wanted


def test_a_prefix_bounds_the_work(tmp_path: Path) -> None:
    bench = Bench(tmp_path, commits=True)
    for i in range(100):
        bench.call("SET", f"a{i}", "v")
    bench.call("SET", "b1", "v")
    assert bench.call("SCAN", 0, "MATCH", "b*", "COUNT", 2) == [b"0", [b"b1"]]
    bench.close()


def test_count_bounds_the_work(keyspace: Bench) -> None:
    call = keyspace.call
    for i in range(50):
        call("SET", i, "v")
    cursor, found = call("SCAN", 0, "MATCH", "*nothing*", "COUNT", 20)
    assert cursor != b"0" and found == []
    assert len(call("SCAN", 0)[1]) == 10


def test_types_and_dead_keys(keyspace: Bench) -> None:
    call, txn = keyspace.call, keyspace.node.txn
    call("SET", "s", "v")
    call("SET", "dead", "v", "PX", 1)
    txn.store_metadata(b"h", Metadata(TYPE_HASH, version=txn.new_version(), size=1), None)
    txn.store_metadata(b"empty", Metadata(TYPE_HASH, version=txn.new_version(), size=0), None)
    keyspace.advance(2)
    assert set(scan_all(call)) == set(call("KEYS", "*")) == {b"s", b"h"}
    assert scan_all(call, "TYPE", "hash") == [b"h"]
    assert scan_all(call, "TYPE", "String", "COUNT", 1) == [b"s"]
    assert scan_all(call, "TYPE", "list") == scan_all(call, "TYPE", "none") == []
    assert call("DBSIZE") == 2
    assert {call("RANDOMKEY") for _ in range(100)} == {b"s", b"h"}


def test_cursors(keyspace: Bench) -> None:
    call = keyspace.call
    for i in range(30):
        call("SET", i, "v")
    cursor, first = call("SCAN", 0)
    again = call("SCAN", cursor), call("SCAN", cursor)
    assert again[0][1] == again[1][1], "a cursor can be used twice"
    assert not set(first) & set(again[0][1])
    assert call("SCAN", 2**64 - 1)[1] == call("SCAN", 12345)[1] == first, "an unknown cursor starts over"
    assert int(cursor) < 2**53
    for bad in ("x", "-1", "1.5", 2**64, "", " 1", "+1", "1" * 30):
        assert call.error("SCAN", bad) == "ERR invalid cursor"


def test_old_cursors_are_forgotten() -> None:
    cursors = ScanCursors()
    first, second = cursors.add(b"a"), cursors.add(b"b")
    for _ in range(CURSORS_MAX - 1):
        last = cursors.add(b"c")
    assert cursors.position(first) == b""
    assert (cursors.position(second), cursors.position(last)) == (b"b", b"c")


def test_a_cursor_beyond_the_pattern(keyspace: Bench) -> None:
    for i in range(30):
        keyspace.call("SET", i, "v")
    cursor = b"0"
    for _ in range(2):
        cursor, _ = keyspace.call("SCAN", cursor)
    assert cursor != b"0"
    assert keyspace.call("SCAN", cursor, "MATCH", "{}") == [b"0", []]


# ---- RANDOMKEY


@pytest.mark.parametrize(
    "make",
    [lambda i: f"user:{i:05}", lambda i: f"{'a' * (i % 3)}{i}", lambda i: bytes([i]), lambda i: f"{'x' * 30}{i}"],
)
def test_every_key_can_be_met(keyspace: Bench, make: Any) -> None:
    scan._random.seed(1)
    keys = {make(i).encode() if isinstance(make(i), str) else make(i) for i in range(60)}
    for key in keys:
        keyspace.call("SET", key, "v")
    assert {keyspace.call("RANDOMKEY") for _ in range(3000)} == keys


def test_no_key(keyspace: Bench) -> None:
    assert keyspace.call("RANDOMKEY") is None
    for i in range(40):
        keyspace.call("SET", i, "v", "PX", 1)
    keyspace.advance(2)
    assert keyspace.call("RANDOMKEY") is None
    keyspace.call("SET", "9only", "v")
    assert keyspace.call("RANDOMKEY") == b"9only"


@given(st.binary(max_size=12), st.binary(max_size=12), st.integers(0, 100))
def test_random_between(a: bytes, b: bytes, seed: int) -> None:
    if a == b:
        return
    low, high = sorted((a, b))
    point, share = random_between(low, high, Random(seed))
    assert low < point <= high and 0 <= share <= 1


# ---- globs


def redis_match(p: bytes, s: bytes) -> bool:
    """The rules of a glob, spelled out as a recursion over both strings: the oracle for short ones."""
    if not p:
        return not s
    if p[:1] == b"*":
        return redis_match(p[1:], s) or (bool(s) and redis_match(p, s[1:]))
    if not s:
        return False
    if p[:1] == b"?":
        return redis_match(p[1:], s[1:])
    if p[:1] == b"[":
        rest, negated, hit = p[1:], False, False
        if rest[:1] == b"^":
            negated, rest = True, rest[1:]
        while rest and rest[:1] != b"]":
            if rest[:1] == b"\\" and len(rest) >= 2:
                hit |= rest[1] == s[0]
                rest = rest[2:]
            elif len(rest) >= 3 and rest[1:2] == b"-":
                hit |= min(rest[0], rest[2]) <= s[0] <= max(rest[0], rest[2])
                rest = rest[3:]
            else:
                hit |= rest[0] == s[0]
                rest = rest[1:]
        return hit != negated and redis_match(rest[1:], s[1:])
    if p[:1] == b"\\" and len(p) >= 2:
        p = p[1:]
    return p[0] == s[0] and redis_match(p[1:], s[1:])


PATTERN = st.lists(st.sampled_from([bytes([c]) for c in b"ab-*?[]^\\\n"]), max_size=8).map(b"".join)


@settings(max_examples=1500)
@given(PATTERN, st.lists(st.sampled_from([bytes([c]) for c in b"abc-]^\\\n["]), max_size=6).map(b"".join))
def test_globs(pattern: bytes, string: bytes) -> None:
    matched = bool(matcher(pattern)(string))
    assert matched == redis_match(pattern, string)
    prefix, literal = literal_prefix(pattern)
    if matched:
        assert string.startswith(prefix)
    if literal:
        assert matched == (string == pattern)


def test_globs_do_not_explode() -> None:
    assert not matcher(b"a*" * 50 + b"b")(b"a" * 5000)
    assert matcher(b"*a" * 50 + b"*")(b"a" * 5000)
