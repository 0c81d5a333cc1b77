"""Every type, by both ways of carrying it, while clients do everything to all of them: afterwards the target has
exactly what the source had when it gave the slot away, whatever happened between two rows of the log.

The clients stop when they are sent on, so that the source's folder and the target's must say the same. Clients of
another slot go on: nothing of theirs may leak.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import churn
import contents
import pytest

from clusters import Cluster, ClusterNode, key_of, wait_for

KINDS = ("raw-key-value", "redis-command")
MIXES = ("shlzk", "xbpk", "shlzxbpk")
FIRST_SLOT = 4000
OTHER_SLOT = 9000
STILL = 3000  # keys that nobody touches
OPTIONS = (
    "--migrate-response-timeout-ms", "3000", "--rocksdb.block_cache_size", "16", "--rocksdb.write_buffer_size", "2",
    "--migrate-sequence-gap", "100", "--migrate-pause-timeout-ms", "20000", "--migrate-batch-rate-limit-mb", "0",
    "--migrate-speed", "0",
)  # fmt: skip


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path, "0-16383", "", options=OPTIONS) as cluster:
        yield cluster


@pytest.mark.parametrize("kind", KINDS)
def test_the_target_has_what_the_source_had(cluster: Cluster, kind: str) -> None:
    source, target = cluster.nodes
    source.call("CONFIG", "SET", "migrate-type", kind)
    other = churn.Client(source.port, churn.Mix(key_of(OTHER_SLOT), 1, MIXES[-1]), 0.03)
    try:
        for number, types in enumerate(MIXES):
            move_under_changes(source, target, FIRST_SLOT + number, types)
    finally:
        other.end()
    assert not other.moved and other.done
    source.stop()
    target.stop()
    now_ms = int(time.time() * 1000)
    for slot in range(FIRST_SLOT, FIRST_SLOT + len(MIXES)):
        had, has = (contents.keys(node.directory, slot, now_ms) for node in (source, target))
        assert len(had) > STILL and had == has, contents.difference(had, has)
    assert contents.keys(target.directory, OTHER_SLOT) == {}
    assert contents.broken(target.directory) == []
    assert contents.broken(source.directory) == []


def move_under_changes(source: ClusterNode, target: ClusterNode, slot: int, types: str) -> None:
    """Moves a slot while two clients work on it."""
    tag = key_of(slot)
    filler = churn.Mix(tag, slot, types)
    for _ in range(500):
        source.client.call_raw(*filler.command())
    for number in range(STILL):  # so that there is time for changes
        source.client.send("HSET", f"{{{tag}}}:still:{number}", "f", number, "g", "v" * 100)
    for _ in range(STILL):
        assert source.client.receive()[1] == 2
    clients = [churn.Client(source.port, churn.Mix(tag, 100 * slot + n, types), 0.02) for n in range(2)]
    try:
        time.sleep(0.1)
        assert source.migrate(slot, target) == b"OK"
        source.wait_migration(slot, "success")
        wait_for(lambda: all(client.moved for client in clients), "every client is sent on")
    finally:
        for client in clients:
            client.end()
    info = source.info()
    print(f"{types}: {sum(client.done for client in clients)} commands, {info['migrating_rounds']} rounds,"
          f" pause {info['migrating_pause_ms']} ms, {info['migrating_keys']} keys")  # fmt: skip
