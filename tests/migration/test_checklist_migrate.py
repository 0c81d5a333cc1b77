"""Kvrocks's acceptance list for CLUSTERX MIGRATE, items 1-18: who may, what fails and when, SYNC and ASYNC.

Numbers are those of the list's items. What needs types other than strings is left to test_golden_folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import bulk
import pytest

from clusters import Cluster, ClusterNode, key_of, measured, wait_for


@pytest.fixture
def pair(cluster: Cluster) -> tuple[ClusterNode, ClusterNode]:
    """Owners of 0-10000 and of the rest."""
    return cluster.nodes[0], cluster.nodes[1]


@pytest.fixture
def victim(cluster: Cluster) -> Iterator[ClusterNode]:
    """The node without slots. The test may kill it."""
    node = cluster.nodes[2]
    yield node
    if node.server.process.poll() is not None:
        node.start()


def test_replicas_and_oneself_are_refused(cluster: Cluster) -> None:
    """1, 2, 3: a replica migrates nothing, a replica gets nothing, and nobody migrates to itself."""
    a, b, c = cluster.nodes
    cluster.push(replicas={2: 0})
    try:
        assert "Can't migrate slot" in c.error("CLUSTERX", "MIGRATE", 1, a.id)
        assert a.error("CLUSTERX", "MIGRATE", 1, c.id) == "ERR Can't migrate slot to a slave"
        assert a.error("CLUSTERX", "MIGRATE", 1, a.id) == "ERR Can't migrate slot to myself"
        assert a.error("CLUSTERX", "MIGRATE", 1, "y" * 40) == "ERR Can't find the destination node id"
        assert a.error("CLUSTERX", "MIGRATE", 10001, b.id) == "ERR Can't migrate slot which doesn't belong to me"
    finally:
        cluster.push()


def test_target_is_not_running(pair: tuple[ClusterNode, ClusterNode], victim: ClusterNode) -> None:
    """4: MIGRATE is accepted, and the failure shows soon; the source serves on. SYNC answers with the error."""
    source, _ = pair
    victim.kill()
    assert source.migrate(400, victim) == b"OK"
    with measured("failure seen after"):
        source.wait_migration(400, "fail")
    assert source.call("SET", key_of(400), "x") == b"OK"
    assert source.error("CLUSTERX", "MIGRATE", 400, victim.id, "SYNC").startswith("ERR cannot connect to ")


def test_empty_key_and_empty_value(pair: tuple[ClusterNode, ClusterNode], cluster: Cluster) -> None:
    """5: the empty key, of slot 0, and an empty value survive."""
    source, target = pair
    source.call("SET", "", "empty key")
    source.call("SET", key_of(0), "")
    assert source.migrate(0, target, "SYNC") == b"OK"
    assert [target.call("GET", ""), target.call("GET", key_of(0))] == [b"empty key", b""]
    cluster.give("0", target)


def test_binary_key_and_a_write_right_after(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """6: a binary key, and one that is written as soon as MIGRATE has answered, arrive."""
    source, target = pair
    tag = key_of(600).encode()
    binary = b"\x3a\x88{" + tag + b"}\x3d\xaa"
    source.call("SET", binary, b"\x00\r\n\xff" * 257)
    assert source.migrate(600, target) == b"OK"
    source.call("SET", key_of(600, "after"), "1")
    source.wait_migration(600, "success")
    assert target.importing() == ("600", "success")
    assert target.call("GET", binary) == b"\x00\r\n\xff" * 257
    assert target.call("GET", key_of(600, "after")) == b"1"


def test_empty_slot(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """7: a slot without keys moves."""
    source, target = pair
    assert source.migrate(700, target) == b"OK"
    source.wait_migration(700, "success")
    assert target.call("GET", key_of(700)) is None and target.count(700) == 0


def test_target_dies_meanwhile(pair: tuple[ClusterNode, ClusterNode], victim: ClusterNode) -> None:
    """8: the failure shows soon, and the source has everything."""
    source, _ = pair
    bulk.fill(source, 800)
    bulk.start_slow(source, 800, victim)
    victim.kill()
    with measured("failure seen after"):
        source.wait_migration(800, "fail")
    bulk.check(source, 800)
    assert source.call("SET", key_of(800), "writable") == b"OK"


def test_flush_meanwhile(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """9: FLUSHDB at the source makes the migration fail; the target drops what came."""
    source, target = pair
    bulk.fill(source, 900)
    bulk.start_slow(source, 900, target)
    source.call("FLUSHDB")
    source.wait_migration(900, "fail")
    wait_for(lambda: target.importing() == ("900", "error"))
    assert target.count(900) == source.count(900) == 0


def test_source_dies_meanwhile(cluster: Cluster, pair: tuple[ClusterNode, ClusterNode], victim: ClusterNode) -> None:
    """10: soon, nothing of the slot is left at the target; the source, restarted, has everything and owns it."""
    target, _ = pair
    cluster.give("1000", victim)
    bulk.fill(victim, 1000)
    bulk.start_slow(victim, 1000, target)
    victim.kill()
    with measured("target is empty after"):
        wait_for(lambda: target.count(1000) == 0)
    assert target.importing() == ("1000", "error")
    victim.start()
    wait_for(lambda: victim.migrating() == ("1000", "fail"))
    bulk.check(victim, 1000)
    assert victim.call("SET", key_of(1000), "writable") == b"OK"


def test_without_nodes_conf(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """11: persist-cluster-nodes-enabled no: a slot moves; source says MOVED, also for new keys, target accepts them."""
    source, target = pair
    for node in pair:
        node.call("CONFIG", "SET", "persist-cluster-nodes-enabled", "no")
    try:
        source.call("SET", key_of(1100), "old")
        assert source.migrate(1100, target, "SYNC") == b"OK"
        assert source.error("SET", key_of(1100, "new"), "x") == f"MOVED 1100 {target.address}"
        assert target.call("SET", key_of(1100, "new"), "x") == b"OK"
        assert target.call("GET", key_of(1100)) == b"old"
    finally:
        for node in pair:
            node.call("CONFIG", "SET", "persist-cluster-nodes-enabled", "yes")


def test_to_a_node_without_slots(pair: tuple[ClusterNode, ClusterNode], victim: ClusterNode) -> None:
    """12: before, the new node says MOVED; after, it has the data and takes writes."""
    source, _ = pair
    key = key_of(1200)
    source.call("SET", key, "here")
    assert victim.error("GET", key) == f"MOVED 1200 {source.address}"
    assert source.migrate(1200, victim, "SYNC") == b"OK"
    assert victim.call("GET", key) == b"here"
    assert victim.call("SET", key, "written") == b"OK"


def test_passwords(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """13: no password and a wrong one fail; the right one, be it the source's own requirepass, succeeds."""
    source, target = pair
    key = key_of(1300)
    source.call("SET", key, "secret")
    target.call("CONFIG", "SET", "requirepass", "password")
    try:
        for wrong in ("", "wrong"):
            source.call("CONFIG", "SET", "requirepass", wrong)
            assert source.migrate(1300, target) == b"OK"
            source.wait_migration(1300, "fail")
            assert target.error("GET", key) == f"MOVED 1300 {source.address}"
        source.call("CONFIG", "SET", "requirepass", "password")
        assert source.migrate(1300, target) == b"OK"
        source.wait_migration(1300, "success")
        assert target.call("GET", key) == b"secret"
    finally:
        for node in pair:
            node.call("CONFIG", "SET", "requirepass", "")


def test_source_becomes_a_replica_meanwhile(cluster: Cluster, pair: tuple[ClusterNode, ClusterNode]) -> None:
    """14: the target's import ends as an error, and nothing is left of it."""
    source, target = pair
    bulk.fill(source, 1400)
    bulk.start_slow(source, 1400, target)
    cluster.push(replicas={0: 1})
    try:
        wait_for(lambda: target.importing() == ("1400", "error"))
        assert target.count(1400) == 0
    finally:
        cluster.push()
    bulk.check(source, 1400)


def test_sync_and_async(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """15, 16: what may follow ASYNC and SYNC."""
    source, target = pair
    assert (
        source.error("CLUSTERX", "MIGRATE", 1600, target.id, "ASYNC", 1)
        == "ERR Async migration does not support timeout"
    )
    assert source.error("CLUSTERX", "MIGRATE", 1600, target.id, "SYNC", -1) == "ERR timeout is negative"
    assert source.error("CLUSTERX", "MIGRATE", 1600, target.id, "SYNC", -2) == "ERR timeout is negative"
    for bad in ("1.2", "abc"):
        text = source.error("CLUSTERX", "MIGRATE", 1600, target.id, "SYNC", bad)
        assert text == "ERR timeout is not an integer or out of range"
    assert source.error("CLUSTERX", "MIGRATE", 1600, target.id, "LATER") == "ERR Invalid sync flag"
    for slot, timeout in enumerate((0, 10, 20, 30), 1600):
        source.call("SET", key_of(slot), timeout)
        assert source.migrate(slot, target, "SYNC", timeout) == b"OK"
        assert target.call("GET", key_of(slot)) == str(timeout).encode()


def test_sync_times_out(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """17: SYNC with a time-out that is too short answers nil; the migration goes on."""
    source, target = pair
    bulk.fill(source, 1700, 200)
    bulk.set_speed(source, bulk.SLOW)
    begun = time.monotonic()
    assert source.migrate(1700, target, "SYNC", 1) is None
    assert time.monotonic() - begun > 0.9
    bulk.set_speed(source, bulk.FAST)
    source.wait_migration(1700, "success")
    bulk.check(target, 1700, 200)


def test_one_job_at_a_time(pair: tuple[ClusterNode, ClusterNode]) -> None:
    """18: a second MIGRATE meanwhile is refused, and the first arrives complete."""
    source, target = pair
    bulk.fill(source, 1800)
    bulk.start_slow(source, 1800, target)
    assert source.error("CLUSTERX", "MIGRATE", 1801, target.id) == "ERR There is already a migrating job"
    source.wait_migration(1800, "success")
    bulk.check(target, 1800)


def test_target_that_renamed_applybatch(
    cluster: Cluster, pair: tuple[ClusterNode, ClusterNode], tmp_path: Path
) -> None:
    """32: a node of ours that has no APPLYBATCH gets commands."""
    source, _ = pair
    file = tmp_path / "slotrocks.conf"
    file.write_text('rename-command applybatch ""\n')
    target = cluster.add("", str(file))
    cluster.push()
    bulk.fill(source, 3200)
    assert source.migrate(3200, target, "SYNC") == b"OK"
    bulk.check(target, 3200)
    log = source.server.log.read_text()
    assert "the target has no APPLYBATCH, falling back to redis-command" in log
