"""Items of Kvrocks's acceptance list that need one large list: 8, 17, 18, 26. The others are in test_checklist_migrate,
test_checklist_data and test_types.
"""

from __future__ import annotations

import pytest

from clusters import Cluster, ClusterNode, key_of, wait_for

SLOW = ("migrate-speed", 400, "migrate-batch-rate-limit-mb", 1, "migrate-batch-size-kb", 16)


@pytest.fixture(params=["raw-key-value", "redis-command"])
def slot(request: pytest.FixtureRequest, cluster: Cluster) -> int:
    """The first of ten slots, for each way of carrying the data."""
    for node in cluster.nodes:
        node.call("CONFIG", "SET", "migrate-type", request.param, *SLOW)
    return {"raw-key-value": 7000, "redis-command": 7100}[request.param]


def fill(node: ClusterNode, key: str, count: int) -> None:
    """Makes a list of the numbers from 0 on."""
    for begin in range(0, count, 1000):
        node.client.send("RPUSH", key, *(f"{number:09}" for number in range(begin, begin + 1000)))
    for _ in range(0, count, 1000):
        node.client.receive()
    assert node.call("LLEN", key) == count


def check(node: ClusterNode, key: str, count: int) -> None:
    """The node has that list."""
    assert node.call("LRANGE", key, 0, -1) == [b"%09d" % number for number in range(count)]


def test_target_dies_in_the_middle_of_a_list(cluster: Cluster, slot: int) -> None:
    """8: the failure shows, the list is whole at the source, and nothing of it is at the target when it is back."""
    source, _, victim = cluster.nodes
    key = key_of(slot)
    fill(source, key, 50_000)
    assert source.migrate(slot, victim) == b"OK"
    assert source.migrating() == (str(slot), "start")
    victim.kill()
    source.wait_migration(slot, "fail")
    check(source, key, 50_000)
    victim.start()
    assert victim.count(slot) == 0
    assert source.call("RPOP", key) == b"000049999"


def test_sync_times_out_and_a_second_job(cluster: Cluster, slot: int) -> None:
    """17, 18, 26: SYNC 1 answers nil for a list that takes longer; meanwhile the list may be pushed to, and no second
    migration begins; all of it arrives."""
    source, target, _ = cluster.nodes
    slot += 1
    key = key_of(slot)
    fill(source, key, 50_000)
    assert source.migrate(slot, target, "SYNC", 1) is None
    assert source.migrating() == (str(slot), "start")
    assert source.error("CLUSTERX", "MIGRATE", slot + 1, target.id) == "ERR There is already a migrating job"
    assert source.call("LPUSH", key, "during") == 50_001
    source.wait_migration(slot, "success")
    assert target.call("LPOP", key) == b"during"
    check(target, key, 50_000)
    cluster.give(str(slot), target)
    wait_for(lambda: source.count(slot) == 0)
