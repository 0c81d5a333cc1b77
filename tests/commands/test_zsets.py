"""Sorted sets and positions: what redis-server 7.0 cannot be compared with, and what needs large ones."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from node_bench import Bench, Caller

from servers import Server
from slotrocks.server.table import find_command


def test_ranks_with_scores(call: Caller) -> None:
    call("ZADD", "z", 1, "a", 2.5, "b", 3, "c")
    assert call("ZRANK", "z", "b", "WITHSCORE") == [1, b"2.5"]
    assert call("ZREVRANK", "z", "a", "withscore") == [2, b"1"]
    assert call("ZRANK", "z", "x", "WITHSCORE") is None
    assert call("ZREVRANK", "nothing", "x", "WITHSCORE") is None
    assert call.error("ZRANK", "z", "b", "FOO") == "ERR syntax error"
    assert call.error("ZREVRANK", "z", "b", "WITHSCORE", "x").startswith("ERR wrong number of arguments for 'zrevrank'")


def test_doubles_as_7_2_prints_them(call: Caller) -> None:
    call("ZADD", "z", "0.1", "a", "1e300", "b", "123456789012345680000", "c", "1e-7", "d")
    assert call("ZRANGE", "z", 0, -1, "WITHSCORES") == [
        b"d", b"1e-7", b"a", b"0.1", b"c", b"123456789012345680000", b"b", b"1e+300",
    ]  # fmt: skip
    assert call("ZINCRBY", "z", "0.2", "a") == b"0.30000000000000004"


def test_a_failed_increment_leaves_nothing(call: Caller) -> None:
    call("ZADD", "z", "inf", "a")
    assert call.error("ZINCRBY", "z", "-inf", "a") == "ERR resulting score is not a number (NaN)"
    assert call("ZSCORE", "z", "a") == b"inf"


def test_a_dead_key_is_absent(call: Caller, bench: Bench) -> None:
    call("ZADD", "z", 1, "old")
    call("PEXPIRE", "z", 10)
    bench.advance(11)
    assert call("ZCARD", "z") == 0
    assert call("ZRANGE", "z", 0, -1) == []
    assert call("ZADD", "z", "XX", 1, "a") == 0
    assert call("ZADD", "z", 2, "new") == 1
    assert call("ZRANGE", "z", 0, -1, "WITHSCORES") == [b"new", b"2"]
    assert call("PTTL", "z") == -1


def test_a_watched_key_notices_a_new_score(call: Caller, bench: Bench) -> None:
    call("ZADD", "z", 1, "a")
    call("WATCH", "z")
    bench.client()("ZADD", "z", 2, "a")
    call("MULTI")
    call("ZCARD", "z")
    assert call("EXEC") is None


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d a b"),
        ("ZINTER 2 a b WITHSCORES", "a b"),
        ("ZMPOP 2 a b MIN", "a b"),
        ("BZMPOP 0 2 a b MIN", "a b"),
        ("BZPOPMIN a b 0", "a b"),
        ("ZRANGESTORE d s 0 -1", "d s"),
        ("GEOSEARCHSTORE d s FROMLONLAT 1 1 BYRADIUS 1 m", "d s"),
        ("GEORADIUS s 1 1 1 m STORE d STOREDIST e", "s e"),
        ("GEORADIUS s 1 1 1 m", "s"),
        ("GEORADIUSBYMEMBER s store 1 m STORE d", "s d"),
    ],
)
def test_keys_are_found(words: str, keys: str) -> None:
    argv = words.encode().split()
    row = find_command(argv[0])
    assert row is not None
    assert row.find_keys(argv) == keys.encode().split()


@pytest.fixture(scope="module")
def large(slotrocks_server: Server) -> list[bytes]:
    """10,000 members in key "large" of the server, in their order."""
    members = [b"member %05d" % i for i in range(10_000)]
    with slotrocks_server.client() as client:
        client.call("DEL", "large")
        for i in range(0, len(members), 1000):
            words: list[bytes | float] = []
            for j in range(i, i + 1000):
                words += (j / 2, members[j])
            client.call("ZADD", "large", *words)
    return members


def test_large_ranges(large: list[bytes], slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client, slotrocks_server.client(3) as resp3:
        assert client.call("ZRANGE", "large", 0, -1) == large
        assert client.call("ZREVRANGE", "large", 0, -1) == large[::-1]
        assert client.call("ZRANGE", "large", -3000, -100) == large[-3000:-99]
        assert client.call("ZRANGE", "large", -30, -1, "REV") == large[29::-1]
        flat = [part for i, member in enumerate(large) for part in (member, b"%g" % (i / 2))]
        assert client.call("ZRANGE", "large", "-inf", "+inf", "BYSCORE", "WITHSCORES") == flat
        pairs = [[member, i / 2] for i, member in enumerate(large)]
        assert resp3.call("ZRANGEBYSCORE", "large", "(10", "(4000", "WITHSCORES") == pairs[21:8000]
        assert resp3.call("ZREVRANGEBYSCORE", "large", 4000, 10, "LIMIT", 5, 2000) == large[7995:5995:-1]
        assert resp3.call("ZUNION", 1, "large", "WITHSCORES") == pairs
        assert client.call("ZLEXCOUNT", "large", "[member 00100", "(member 00200") == 100
        for i in (0, 1, 17, 4999, 5000, 9998, 9999):
            assert client.call("ZRANK", "large", large[i]) == i
            assert client.call("ZREVRANK", "large", large[i]) == 9999 - i


def test_large_random_and_scan(large: list[bytes], slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client, slotrocks_server.client(3) as resp3:
        for count in (1, 50, 5000, 20_000):
            chosen = client.call("ZRANDMEMBER", "large", count)
            assert len(chosen) == len(set(chosen)) == min(count, 10_000) and set(chosen) <= set(large)
        scores = dict(zip(large, range(10_000), strict=True))
        repeated = resp3.call("ZRANDMEMBER", "large", -3000, "WITHSCORES")
        assert len(repeated) == 3000 and all(scores[member] / 2 == score for member, score in repeated)
        cursor, found = b"0", []
        while True:
            cursor, part = client.call("ZSCAN", "large", cursor, "COUNT", 700)
            found += part
            if cursor == b"0":
                break
        assert found[::2] == large and found[1] == b"0" and found[3] == b"0.5"


def test_an_unsorted_search_is_as_far_as_it_says(call: Caller) -> None:
    words: list[str | float] = []
    for i in range(200):
        words += (13 + i / 500, 38 + math.sin(i) / 10, f"m{i}")
    call("GEOADD", "g", *map(str, words))
    search = ("GEOSEARCH", "g", "FROMLONLAT", 13.2, 38, "BYRADIUS", 15, "km")
    found = call(*search, "WITHDIST", "ASC")
    distances = [float(distance) for _, distance in found]
    assert 10 < len(found) < 200 and all(a <= b for a, b in pairwise(distances)) and distances[-1] <= 15
    assert sorted(call(*search)) == sorted(member for member, _ in found)
    assert call(*search, "COUNT", 5) == [member for member, _ in found[:5]]
    assert len(call(*search, "COUNT", 5, "ANY")) == 5
