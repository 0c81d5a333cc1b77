"""Every type to a target that is not ours: a stand-in for Kvrocks hands the commands on to a real redis-server.

So every command is one that Kvrocks has, means there what it means here, and is not refused; and what it makes answers
as the source did. (Kvrocks has more types than Redis: bitmaps are strings there, and HyperLogLogs come as rows.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bulk
import every_type
import pytest
from fake_kvrocks import FakeKvrocks
from test_types import call, execute, keys_of

import servers
from clusters import Cluster
from slotrocks.engine import CF_DEFAULT, CF_METADATA

TARGET_ID = "k" * 40
KVROCKS_HAS = {
    "APPLYBATCH", "BITFIELD", "DEL", "HDEL", "HSET", "LPUSH", "LSET", "LTRIM", "PERSIST", "PEXPIREAT", "RPUSH", "SADD",
    "SET", "SETBIT", "SREM", "XADD", "XCLAIM", "XDEL", "XGROUP", "XSETID", "XTRIM", "ZADD", "ZREM",
}  # fmt: skip
OURS = {"TYPE", "XINFO STREAM"}  # may differ


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[servers.Client]:
    (tmp_path / "redis").mkdir()
    with servers.start_redis(tmp_path / "redis") as server, server.client() as client:
        yield client


@pytest.mark.parametrize("meanwhile", [False, True])
def test_every_type(tmp_path: Path, redis: servers.Client, meanwhile: bool) -> None:
    """By commands, as a snapshot, and with changes."""
    slot = 77

    def hand_on(words: list[bytes]) -> bytes | None:
        if words[0] in (b"CLUSTER", b"CLUSTERX", b"COMMAND", b"APPLYBATCH"):
            return None
        assert words[0].decode() in KVROCKS_HAS
        if words[:2] == [b"XGROUP", b"DESTROY"]:  # which deletes entries, too, in Kvrocks (#3420)
            assert redis.call("XLEN", words[2]) == 0
        return redis.call_raw(*words)[0]

    with FakeKvrocks(hand_on) as fake, Cluster(tmp_path, "0-16383") as cluster:
        (source,) = cluster.nodes
        text = cluster.text() + f"\n{TARGET_ID} 127.0.0.1 {fake.port} master -"
        source.call("CLUSTERX", "SETNODES", text, cluster.version + 1)
        source.call("CONFIG", "SET", "migrate-type", "redis-command")
        execute(source, every_type.commands_before(slot))
        keys = keys_of(source, slot)
        if meanwhile:
            bulk.fill(source, slot)
            bulk.set_speed(source, bulk.SLOW | {"migrate-speed": 500})
            source.call("CLUSTERX", "MIGRATE", slot, TARGET_ID)
            execute(source, every_type.commands_meanwhile(slot))
            keys = sorted({*keys, *keys_of(source, slot)})
        expected = every_type.replies(lambda *words: call(source, *words), keys)
        assert not meanwhile or source.migrating() == (str(slot), "start")
        if not meanwhile:
            source.call("CLUSTERX", "MIGRATE", slot, TARGET_ID)
        source.wait_migration(slot, "success")
        kinds = {key: expected[key, "TYPE"].decode() for key in keys if expected[key, "TYPE"]}
        of_redis = [key for key in keys if kinds.get(key) != "hyperloglog"]
        found = every_type.replies(lambda *words: redis.call_raw(*words)[1], of_redis, kinds)
        for name in found:
            if name[1] not in OURS:
                assert every_type.as_numbers(found[name]) == every_type.as_numbers(expected[name]), name
        assert len(found) > 100
        assert set(fake.names()) - {f"CLUSTER IMPORT {slot} 0", f"CLUSTER IMPORT {slot} 1"} <= KVROCKS_HAS | {
            "COMMAND INFO APPLYBATCH", "CLUSTERX HANDOVER VERSION",
        }  # fmt: skip
        assert {cf for cf, _ in fake.rows} == {CF_DEFAULT, CF_METADATA}
        assert sum(cf == CF_METADATA for cf, _ in fake.rows) == 2
