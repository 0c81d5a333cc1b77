"""Hashes and sets after anything: as many elements as they say, and nothing of what is gone. Replies: see
test_hashes_sets_against_redis.py."""

from __future__ import annotations

from random import Random

import pytest
import redis_cases_hashes
import redis_cases_sets
from node_bench import Bench

import invariants

SIZES = "1", "2", "-2"


def check(bench: Bench) -> None:
    bench.node.tick.end()
    store = bench.node.store
    assert invariants.hashes(store) + invariants.sets(store) + invariants.orphans(store) == []


@pytest.mark.parametrize("cases", [redis_cases_hashes, redis_cases_sets], ids=["hashes", "sets"])
def test_random_commands_leave_the_database_in_order(bench: Bench, cases: object) -> None:
    rng = Random(3)
    for sequence in cases.generated(30, 30):  # type: ignore[attr-defined]
        for words in sequence:
            bench.call(*words)
            if rng.random() < 0.1:
                bench.call("SPOP", rng.choice(cases.KEYS), rng.choice(SIZES))  # type: ignore[attr-defined]
            if rng.random() < 0.02:
                bench.call("PEXPIRE", words[1], 5)
            if rng.random() < 0.1:
                bench.advance(3)
        check(bench)


def test_commands_that_fail_leave_nothing(bench: Bench) -> None:
    call = bench.call
    call("HSET", "h", "f", "text")
    call("SADD", "s", "a")
    call.error("HINCRBY", "h", "f", 1)
    call.error("HINCRBYFLOAT", "h", "f", 1)
    call.error("HINCRBY", "new", "f", "x")
    call.error("SMOVE", "s", "h", "a")
    call.error("SUNIONSTORE", "h", "s", "h")
    call.error("SADD", "h", "x")
    check(bench)
    assert call("HGETALL", "h") == [b"f", b"text"]
    assert call("SMEMBERS", "s") == [b"a"]
    assert call("EXISTS", "new") == 0


def test_an_expired_collection_is_replaced_by_a_new_one(bench: Bench) -> None:
    call = bench.call
    call("HSET", "h", "old", "1")
    call("SADD", "s", "old")
    for key in ("h", "s"):
        call("PEXPIRE", key, 5)
    bench.advance(6)
    assert call("HSET", "h", "new", "2") == 1
    assert call("SADD", "s", "new") == 1
    check(bench)
    assert call("HGETALL", "h") == [b"new", b"2"]
    assert call("SMEMBERS", "s") == [b"new"]
    assert call("TTL", "h") == call("TTL", "s") == -1


def test_keys_are_counted_as_hits_and_misses(bench: Bench) -> None:
    call, stats = bench.call, bench.node.stats
    call("HSET", "h", "f", "v")
    call("HGET", "h", "none")
    call("HGETALL", "none")
    call("SINTER", "none", "nothing")
    assert (stats.keyspace_hits, stats.keyspace_misses) == (1, 3)
