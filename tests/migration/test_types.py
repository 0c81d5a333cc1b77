"""Every type moves, with what is written meanwhile: afterwards the target answers every question as the source did, and
DUMPs every key alike (19-24, 30, 31 of Kvrocks's list, and more).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bulk
import contents
import every_type
import pytest

from clusters import Cluster, ClusterNode, key_of, wait_for

KINDS = ("raw-key-value", "redis-command")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    options = ("--migrate-response-timeout-ms", "3000", "--rocksdb.block_cache_size", "16")
    with Cluster(tmp_path_factory.mktemp("types"), "0-16383", "", options=options) as cluster:
        yield cluster
        for node in cluster.nodes:
            node.stop()
            assert contents.broken(node.directory) == []


@pytest.fixture
def source(cluster: Cluster) -> ClusterNode:
    return cluster.nodes[0]


@pytest.fixture
def target(cluster: Cluster) -> ClusterNode:
    return cluster.nodes[1]


def call(node: ClusterNode, *words: str | bytes | float) -> Any:
    """A command's reply, errors as values."""
    return node.client.call_raw(*words)[1]


def execute(node: ClusterNode, commands: Iterator[tuple[str | bytes | float, ...]]) -> None:
    for words in commands:
        node.call(*words)


def keys_of(node: ClusterNode, slot: int) -> list[bytes]:
    keys = node.call("CLUSTER", "GETKEYSINSLOT", slot, 10_000)
    return sorted(key for key in keys if b"bulk" not in key)


def described(node: ClusterNode, keys: list[bytes]) -> tuple[dict[tuple[bytes, str], Any], dict[bytes, Any]]:
    """Every reply, and every DUMP."""
    replies = every_type.replies(lambda *words: call(node, *words), keys)
    return replies, {key: call(node, "DUMP", key) for key in keys}


@pytest.mark.parametrize("meanwhile", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_type(cluster: Cluster, source: ClusterNode, target: ClusterNode, kind: str, meanwhile: bool) -> None:
    slot = 100 + 2 * KINDS.index(kind) + meanwhile
    source.call("CONFIG", "SET", "migrate-type", kind)
    execute(source, every_type.commands_before(slot))
    other = key_of(slot + 1000, ":other slot")
    keys = keys_of(source, slot)
    if meanwhile:
        bulk.fill(source, slot)
        bulk.start_slow(source, slot, target, 500)
        execute(source, every_type.commands_meanwhile(slot))
        execute(source, every_type.stream(other))
        execute(source, iter([("LPUSH", other + "list", "x"), ("SADD", other + "set", "")]))
        keys = sorted({*keys, *keys_of(source, slot)})
        assert source.migrating() == (str(slot), "start")
        large = key_of(slot, ":large set")
        assert target.error("SCARD", large) == f"MOVED {slot} {source.address}", "never half a key"
        time.sleep(0.01)  # for a key that expires on the way
        replies, dumps = described(source, keys)
        source.wait_migration(slot, "success")
    else:
        time.sleep(0.01)
        replies, dumps = described(source, keys)
        assert source.migrate(slot, target, "SYNC") == b"OK"
    assert len(replies) > 150
    for key in keys:
        assert call(source, "TYPE", key).args[0] == f"MOVED {slot} {target.address}"
    arrived, arrived_dumps = described(target, keys)
    assert arrived == replies
    if kind == "redis-command":  # when consumers were seen is in their DUMPs, and no command can say it
        with_groups = {key for key in keys if b"stream" in key}
        assert arrived_dumps.keys() & with_groups
        dumps, arrived_dumps = (
            {k: v for k, v in each.items() if k not in with_groups} for each in (dumps, arrived_dumps)
        )
    assert arrived_dumps == dumps
    assert {key for key in keys_of(target, slot) if call(target, "EXISTS", key)} == {
        key for key in keys if replies.get((key, "EXISTS"))
    }
    assert call(target, "TYPE", key_of(slot, ":expired")) == call(target, "TYPE", key_of(slot, ":short")) == b"none"
    cluster.give(str(slot), target)
    wait_for(lambda: source.count(slot) == 0)


def test_large_collections_are_not_sent_again_for_a_change(source: ClusterNode, target: ClusterNode) -> None:
    """redis-command: what is touched is restated, the rest stays as it is; order and elements are right."""
    slot = 300
    source.call("CONFIG", "SET", "migrate-type", "redis-command")
    names = {name: key_of(slot, name) for name in ("list", "hash", "zset", "set", "stream")}
    for begin in range(0, 5000, 1000):
        source.call("RPUSH", names["list"], *range(begin, begin + 1000))
        source.call("HSET", names["hash"], *(word for n in range(begin, begin + 1000) for word in (n, n)))
        source.call("ZADD", names["zset"], *(word for n in range(begin, begin + 1000) for word in (n, n)))
        source.call("SADD", names["set"], *range(begin, begin + 1000))
    for number in range(1, 300):
        source.call("XADD", names["stream"], f"{number}-0", "f", "v")
    bulk.fill(source, slot)
    bulk.start_slow(source, slot, target, 800)
    for number in range(100):
        source.call("LPUSH", names["list"], f"left{number}")
        source.call("RPOP", names["list"])
        source.call("LSET", names["list"], 2500, f"set{number}")
        source.call("HSET", names["hash"], number, "changed")
        source.call("HDEL", names["hash"], 1000 + number)
        source.call("ZADD", names["zset"], -number, number)
        source.call("SREM", names["set"], number)
        source.call("XADD", names["stream"], "*", "f", "later")
    source.call("PEXPIREAT", names["hash"], every_type.YEAR_2050_MS)
    keys = [key.encode() for key in names.values()]
    before = described(source, keys)[0]
    assert source.migrating()[1] == "start"
    bytes_in_snapshot = 0
    while source.migrating()[1] == "start":
        info = source.info()
        if info["migrating_stage"] == "snapshot":
            bytes_in_snapshot = int(info["migrating_bytes"])
    source.wait_migration(slot, "success")
    assert described(target, keys)[0] == before
    assert 0 < int(source.info()["migrating_bytes"]) - bytes_in_snapshot < 250_000  # all of it: half a million


@pytest.mark.parametrize("kind", KINDS)
def test_expiry_on_the_way(source: ClusterNode, target: ClusterNode, kind: str) -> None:
    """A key that expires meanwhile is gone on both sides; one that is prolonged at the last moment is whole."""
    slot = 310 + KINDS.index(kind)
    source.call("CONFIG", "SET", "migrate-type", kind)
    makers = (("HSET", "f", "v", "g", "w"), ("RPUSH", "a", "b"), ("SADD", "a", "b"), ("ZADD", 1, "a", 2, "b"),
              ("XADD", "1-1", "f", "v"), ("SETBIT", 70, 1), ("PFADD", "a"), ("SET", "v"))  # fmt: skip
    for name, *words in makers:
        for fate in ("expires", "lives", "touched"):
            source.call(name, key_of(slot, name + fate), *words)
    bulk.fill(source, slot, 300)
    for name, *_ in makers:
        for fate in ("expires", "lives", "touched"):
            source.call("PEXPIRE", key_of(slot, name + fate), 1800)
    bulk.start_slow(source, slot, target, 150)  # ends after they have expired at the target
    for name, *_ in makers:
        assert source.call("PERSIST", key_of(slot, name + "lives")) == 1, "the test is too slow"
        assert source.call("EXPIRE", key_of(slot, name + "touched"), 1000) == 1
    source.call("HSET", key_of(slot, "HSETtouched"), "h", "x")
    keys = [key_of(slot, name + fate).encode() for name, *_ in makers for fate in ("lives", "touched")]
    before = described(source, keys)[0]
    assert source.migrating()[1] == "start"
    source.wait_migration(slot, "success")
    assert described(target, keys)[0] == before
    for name, *_ in makers:
        wait_for(lambda name=name: call(target, "EXISTS", key_of(slot, name + "expires")) == 0)
    wait_for(lambda: target.count(slot) == 300 + len(keys))


def test_what_commands_cannot_make(tmp_path: Path, cluster: Cluster, source: ClusterNode) -> None:
    """A target without APPLYBATCH gets no HyperLogLog: the migration fails and says which key it is."""
    file = tmp_path / "conf"
    file.write_text('rename-command applybatch ""\n')
    third = cluster.add("", str(file))
    cluster.push()
    slot = 320
    key = key_of(slot, "hll")
    source.call("CONFIG", "SET", "migrate-type", "redis-command")
    source.call("PFADD", key, 1, 2, 3)
    error = source.error("CLUSTERX", "MIGRATE", slot, third.id, "SYNC")
    assert f"no command can make key b'{key}' of type hyperloglog, and the target has no APPLYBATCH" in error
    assert source.call("PFCOUNT", key) == 3
