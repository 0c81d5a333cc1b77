"""Every type, by both ways of carrying it, while clients do everything to all of them: afterwards the target has
exactly what the source had when it gave the slot away, whatever happened between two rows of the log.

The clients stop when they are sent on, so that the source's folder and the target's must say the same.
"""

from __future__ import annotations

import time
from pathlib import Path

import churn
import contents
import pytest

from clusters import Cluster, key_of

SLOT = 4321
TYPES = "shlzk"
STILL = 6000  # keys that nobody touches
OPTIONS = (
    "--migrate-response-timeout-ms", "3000", "--rocksdb.block_cache_size", "16", "--rocksdb.write_buffer_size", "4",
    "--migrate-sequence-gap", "100", "--migrate-pause-timeout-ms", "20000", "--migrate-batch-rate-limit-mb", "0",
    "--migrate-speed", "0",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["raw-key-value", "redis-command"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_target_has_what_the_source_had(tmp_path: Path, kind: str, seed: int) -> None:
    tag = key_of(SLOT)
    with Cluster(tmp_path, "0-16383", "", options=OPTIONS) as cluster:
        source, target = cluster.nodes
        source.call("CONFIG", "SET", "migrate-type", kind)
        filler = churn.Mix(tag, seed, TYPES)
        for _ in range(3000):
            source.client.call_raw(*filler.command())
        for number in range(STILL):  # so that there is time for changes
            source.client.send("HSET", f"{{{tag}}}:still:{number}", "f", number, "g", "v" * 100)
        for _ in range(STILL):
            assert source.client.receive()[1] == 2
        clients = [churn.Client(source.port, churn.Mix(tag, 100 * seed + n, TYPES), 0.01) for n in range(3)]
        time.sleep(0.3)
        assert source.migrate(SLOT, target) == b"OK"
        try:
            source.wait_migration(SLOT, "success")
        finally:
            for client in clients:
                client.end()
        info = source.info()
        print(f"{sum(client.done for client in clients)} commands, {info['migrating_rounds']} rounds,"
              f" pause {info['migrating_pause_ms']} ms, {info['migrating_keys']} keys")  # fmt: skip
        assert all(client.moved for client in clients) and target.count(SLOT) > STILL
        source.stop()
        target.stop()
        now_ms = int(time.time() * 1000)
        had, has = (contents.keys(node.directory, SLOT, now_ms) for node in (source, target))
        assert had == has, contents.difference(had, has)
        assert contents.broken(target.directory) == []
        assert contents.broken(source.directory) == []
