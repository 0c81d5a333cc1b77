"""HSCAN and SSCAN: what is there all the while is returned, whatever else happens."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from node_bench import Bench, Caller

from slotrocks.server.element_scan import COUNT_MAX, WHOLE_ELEMENTS_MAX
from slotrocks.server.glob import matcher


def scan_all(
    call: Caller, name: str, key: str, *options: str | int, between: Callable[[], Any] = lambda: None
) -> list[bytes]:
    """Everything that a whole scan returns."""
    cursor, found = call(name, key, 0, *options)
    while cursor != b"0":
        between()
        cursor, more = call(name, key, cursor, *options)
        found += more
    return list(found)


def test_what_is_there_all_the_while_is_returned_once(call: Caller) -> None:
    rng = Random(1)
    stay = [b"%d" % i for i in range(400)]
    call("SADD", "s", *stay, *(b"%dx" % i for i in range(400)))
    call("HSET", "h", *(word for member in stay for word in (member, b"v" + member)))
    call("HSET", "h", *(word for i in range(400) for word in (b"%dx" % i, "old")))

    def disturb() -> None:
        for _ in range(3):
            call("SREM", "s", b"%dx" % rng.randrange(400))
            call("HDEL", "h", b"%dx" % rng.randrange(400))
            call("SADD", "s", b"%dy" % rng.randrange(400))
            call("HSET", "h", b"%dy" % rng.randrange(400), "new")

    for count in (7, 100):
        found = scan_all(call, "SSCAN", "s", "COUNT", count, between=disturb)
        assert len(found) == len(set(found))
        assert set(stay) <= set(found)
        pairs = scan_all(call, "HSCAN", "h", "COUNT", count, between=disturb)
        fields = pairs[::2]
        assert len(fields) == len(set(fields))
        assert set(stay) <= set(fields)
        assert all(value == b"v" + field for field, value in zip(fields, pairs[1::2], strict=True) if field in stay)


def test_a_scan_goes_on_over_a_set_that_was_replaced_by_the_same_members(call: Caller) -> None:
    members = {b"%d" % i for i in range(300)}
    call("SADD", "s", *members)
    found = scan_all(call, "SSCAN", "s", "COUNT", 20, between=lambda: call("SUNIONSTORE", "s", "s"))
    assert len(found) == 300 and set(found) == members


def test_the_cursor_of_another_key_stands_for_the_beginning(call: Caller) -> None:
    call("SADD", "a", *range(200))
    call("SADD", "b", *range(200))
    cursor, _ = call("SSCAN", "a", 0)
    assert call("SSCAN", "b", cursor)[1] == call("SSCAN", "b", 0)[1]
    assert call("SSCAN", "a", cursor)[1] == call("SSCAN", "a", cursor)[1] != call("SSCAN", "a", 0)[1]


def test_count(call: Caller) -> None:
    call("SADD", "small", *range(WHOLE_ELEMENTS_MAX))
    assert call("SSCAN", "small", 0, "COUNT", 3)[0] == b"0"
    call("SADD", "s", *range(COUNT_MAX + 100))
    assert len(call("SSCAN", "s", 0)[1]) == 10
    assert len(call("SSCAN", "s", 0, "COUNT", 33)[1]) == 33
    cursor, found = call("SSCAN", "s", 0, "COUNT", 10**9)
    assert cursor != b"0" and len(found) == COUNT_MAX
    assert len(call("SSCAN", "s", cursor, "COUNT", 10**9)[1]) == 100


@pytest.mark.parametrize("pattern", ["user:*", "user:1", "*1", "user:[12]*", "u?er:1*", "\\u*", "none*", "*", "\xff*"])
def test_match_bounds_but_loses_nothing(call: Caller, pattern: str) -> None:
    members = [head + b"%d" % i for head in (b"user:", b"", b"z", b"\xc3\xbf") for i in range(60)]
    call("SADD", "s", *members)
    wanted = {member for member in members if matcher(pattern.encode())(member)}
    for count in (1, 13, 1000):
        found = scan_all(call, "SSCAN", "s", "MATCH", pattern, "COUNT", count)
        assert len(found) == len(wanted) and set(found) == wanted


def test_large_collections_are_the_same_pending_and_inside_multi(bench: Bench) -> None:
    call = bench.call
    fields = [b"%d" % i for i in range(3000)]
    call("HSET", "h", *(word for field in fields for word in (field, field)))
    call("HDEL", "h", *fields[:500])
    wanted = {field: field for field in fields[500:]}
    found = call("HGETALL", "h")
    assert dict(zip(found[::2], found[1::2], strict=True)) == wanted
    assert set(call("HKEYS", "h")) == set(call("HVALS", "h")) == set(wanted)
    call("MULTI")
    call("HDEL", "h", *fields[:1000])
    call("HKEYS", "h")
    call("PING")
    removed, keys, pong = call("EXEC")
    assert (removed, set(keys), pong) == (500, set(fields[1000:]), b"PONG")
