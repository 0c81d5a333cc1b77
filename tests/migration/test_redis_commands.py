"""The theory of redis_commands.py, tried out: rounds, chunks of the log and views that are ahead of it in every order.

A node is written to at chosen moments; the sender's part runs in this process and sends its commands to a redis-server,
which must answer like the node in the end. Writes come between what a round has read of the log and the view that it
builds from, and between the noted sequence number and the snapshot.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import churn
import every_type
import pytest

import servers
from clusters import Cluster, ClusterNode, key_of
from slotrocks.engine import SlotFilter, Snapshot, WALTail
from slotrocks.server.migration.outlet import Outlet
from slotrocks.server.migration.plan import Plan
from slotrocks.server.migration.redis_commands import RedisCommands

MIXES = ("l", "x", "b", "hz", "lk", "xk", "shlzxbk")
ROUNDS_MAX = 4


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterNode]:
    with Cluster(tmp_path_factory.mktemp("source"), "0-16383", options=("--rocksdb.write_buffer_size", "1")) as cluster:
        yield cluster.nodes[0]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


class Migration:
    """The sender's part, step by step, with writes in between."""

    def __init__(self, source: ClusterNode, redis: servers.Server, slot: int, folder: Path, seed: int) -> None:
        self._source = source
        self._slot = slot
        self._random = random.Random(seed)
        self._mix = churn.Mix(key_of(slot), seed, MIXES[seed % len(MIXES)])
        self._folder = folder
        self._slots = SlotFilter([(slot, slot)])
        database = source.directory / "db"
        self._plan = Plan(
            str(database), str(folder), 0, [(slot, slot)], "redis-command", 0, 0, 0, 8, 5, True, seed % 3 == 0
        )
        link = socket.create_connection(("127.0.0.1", redis.port))
        link.setblocking(False)
        self._link = link
        self._outlet = Outlet(link, 5)
        self._payload = RedisCommands(self._outlet, self._plan)

    def run(self) -> None:
        """All of it."""
        self.write()
        tail = WALTail(self._plan.database, str(self._folder / "wal"), self.sequence())
        self.write()
        snapshot = Snapshot(self._plan.database, self._folder / "first")
        self.write()
        for _ in self._payload.snapshot(snapshot, self._slot, self._slot):
            pass
        for _ in range(self._random.randrange(1, ROUNDS_MAX)):
            self.write()
            self.round(tail, final=False)
        self.write()
        self.round(tail, final=True)
        self._outlet.drain()
        tail.close()
        self._link.close()

    def write(self) -> None:
        """Some commands, or none."""
        for _ in range(self._random.choice((0, 1, 3, 40))):
            self._source.client.call_raw(*self._mix.command())

    def sequence(self) -> int:
        """The node's sequence number."""
        text = self._source.call("INFO", "keyspace").decode()
        return int(next(line.partition(":")[2] for line in text.splitlines() if line.startswith("sequence:")))

    def round(self, tail: WALTail, *, final: bool) -> None:
        """Reads the log up to now, a chunk at a time, and settles."""
        sequence = self.sequence()
        while tail.position < sequence:
            self._payload.changes(tail, self._slots, self._random.choice((1, 300, 5000, 1 << 20)))
            if not final:
                self.write()
        for _ in self._payload.settle(sequence, final=final):
            pass


@pytest.mark.parametrize("seed", range(28))
def test_redis_ends_with_what_the_node_has(
    source: ClusterNode, redis: servers.Server, tmp_path: Path, seed: int
) -> None:
    slot = 200 + seed
    with redis.client() as client:
        client.call("FLUSHALL")
        Migration(source, redis, slot, tmp_path, seed).run()
        now_ms = int(time.time() * 1000)

        def call(*words: str | bytes | float) -> Any:
            return source.client.call_raw(*words)[1]

        keys = source.call("CLUSTER", "GETKEYSINSLOT", slot, 10_000)
        keys = sorted(key for key in keys if not 0 < call("PEXPIRETIME", key) < now_ms + 60_000)
        kinds = {key: call("TYPE", key).decode() for key in keys}
        expected = every_type.replies(call, keys)
        found = every_type.replies(lambda *words: client.call_raw(*words)[1], keys, kinds)
        for name, reply in expected.items():
            if name[1] not in ("TYPE", "XINFO STREAM"):
                assert every_type.as_numbers(found.get(name)) == every_type.as_numbers(reply), name
        others = {key for key in client.call("KEYS", "*") if not 0 < client.call("PEXPIRETIME", key) < now_ms + 60_000}
        assert others == set(keys)
