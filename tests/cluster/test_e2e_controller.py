"""kvrocks-controller's part, played against real nodes: every CLUSTER INFO that it may meet is one that it can read.

It probes each node all the time, so here a thread does, from before a migration until after its end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from controller import controller_reads_info, controller_reads_nodes

import servers
from clusters import Cluster, ClusterNode, key_of, wait_for
from slotrocks.server.cluster.ranges import parse_ranges

Probe = tuple[int, tuple[int, int] | None, str]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    options = (
        "--migrate-response-timeout-ms",
        "1000",
        "--migrate-resume-timeout-ms",
        "0",
        "--migrate-batch-rate-limit-mb",
        "1",
        "--migrate-batch-size-kb",
        "16",
    )
    with Cluster(tmp_path_factory.mktemp("two"), "0-8191", "8192-16383", options=options) as cluster:
        yield cluster


def probe(client: servers.Client) -> tuple[Probe, str]:
    """What the controller reads off a node; and the stage of its migration, which it ignores."""
    text = client.call("CLUSTER", "INFO").decode()
    fields = dict(line.split(":", 1) for line in text.split("\r\n") if line)
    nodes = client.call("CLUSTER", "NODES").decode()
    # Kvrocks, too, adds what moves to the line of the node itself; the controller does not ask for NODES then.
    lines = [line.partition(" [")[0] for line in nodes.rstrip("\n").split("\n")]
    assert len(controller_reads_nodes("\n".join(lines))) == int(fields["cluster_known_nodes"])
    return controller_reads_info(text), fields.get("migrating_stage", "")


@contextmanager
def probing(*nodes: ClusterNode) -> Iterator[tuple[list[Probe], set[str]]]:
    """Probes without a break, and collects what was read (each change of it) off the first node, and its stages."""
    seen: list[Probe] = []
    stages: set[str] = set()
    stop = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        clients = [node.server.client() for node in nodes]
        try:
            while not stop.is_set():
                for number, client in enumerate(clients):
                    read, stage = probe(client)
                    if number == 0:
                        stages.add(stage)
                        if not seen or seen[-1] != read:
                            seen.append(read)
        except BaseException as error:
            failures.append(error)
        finally:
            for client in clients:
                client.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_for(lambda: seen or failures)
        yield seen, stages
    finally:
        stop.set()
        thread.join()
    assert not failures, failures


def fill(node: ClusterNode, slot: int) -> None:
    for number in range(40):
        node.call("SET", key_of(slot, number), b"x" * 8192)


def test_migration_as_the_controller_runs_it(cluster: Cluster) -> None:
    """MIGRATE, a probe each second until success, SETNODES with the next version for all; readable at every moment."""
    source, target = cluster.nodes
    fill(source, 100)
    with probing(source, target) as (seen, stages):
        assert source.migrate("100-110", target) == b"OK"
        wait_for(lambda: seen[-1][2] == "success")
        cluster.slots = [cluster.slots[0] - parse_ranges("100-110"), cluster.slots[1] | parse_ranges("100-110")]
        cluster.push()
        wait_for(lambda: seen[-1][0] == cluster.version)
    before = cluster.version - 1
    assert seen[:3] == [(before, None, ""), (before, (100, 110), "start"), (before, (100, 110), "success")]
    assert seen[-1][0] == cluster.version and seen[-1][2] in ("", "success")
    assert {"snapshot", "moved"} <= stages
    assert target.call("GET", key_of(100, 1)) == b"x" * 8192
    assert source.count(100) == 0
    for node in cluster.nodes:
        listed = controller_reads_nodes(node.call("CLUSTER", "NODES").decode())
        assert listed[target.id][1:] == ("master", cluster.version, [(100, 110), (8192, 16383)])


def test_failed_migration(cluster: Cluster) -> None:
    """A failure is `fail` until the next migration; the text of the error does not harm."""
    source, target = cluster.nodes
    fill(source, 200)
    with probing(source) as (seen, _):
        assert source.migrate("200", target) == b"OK"
        wait_for(lambda: target.count(200))
        target.kill()
        wait_for(lambda: seen[-1] == (cluster.version, (200, 200), "fail"))
    target.start()
    assert source.info()["migrating_error"]
    assert probe(target.client)[0] == (cluster.version, None, "")
    source.stop()
    source.start()
    assert probe(source.client)[0][0] == cluster.version


def test_success_is_shown_after_a_restart(cluster: Cluster) -> None:
    """The controller may come late: either node may have been restarted between the move and its next probe."""
    source, target = cluster.nodes
    fill(source, 300)
    assert source.migrate(300, target, "SYNC") == b"OK"
    for node in (source, target):
        node.kill()
        node.start()
    wait_for(lambda: probe(source.client)[0] == (cluster.version, (300, 300), "success"))
    assert target.importing() == ("300", "success")
    assert target.call("GET", key_of(300, 1)) == b"x" * 8192
    assert source.error("GET", key_of(300, 1)) == f"MOVED 300 {target.address}"
    cluster.give("300", target)
    assert target.call("GET", key_of(300, 1)) == b"x" * 8192 and source.count(300) == 0


def test_a_topology_that_knows_nothing_of_the_move(cluster: Cluster) -> None:
    """An unrelated change, published between success and the slot's own, undoes nothing: the slot has one owner."""
    source, target = cluster.nodes
    fill(source, 350)
    assert source.migrate(350, target, "SYNC") == b"OK"
    cluster.push()
    assert target.call("SET", key_of(350, 1), "written after") == b"OK"
    assert source.error("SET", key_of(350, 1), "x") == f"MOVED 350 {target.address}"
    assert probe(source.client)[0] == (cluster.version, (350, 350), "success")
    cluster.give("350", target)
    assert target.call("GET", key_of(350, 1)) == b"written after" and source.count(350) == 0


def test_several_ranges_show_as_one(cluster: Cluster) -> None:
    """A list would be a failed probe."""
    source, target = cluster.nodes
    fill(source, 402)
    with probing(source, target) as (seen, _):
        assert source.migrate("400 402-403", target) == b"OK"
        wait_for(lambda: seen[-1] == (cluster.version, (400, 400), "success"))
    cluster.give("400 402-403", target)
    assert target.call("GET", key_of(402, 1)) == b"x" * 8192 and source.count(402) == 0


def test_uninitialized_and_replica(cluster: Cluster) -> None:
    """A node before its first topology answers what the controller looks for; a replica tells of no migration."""
    _, target = cluster.nodes
    extra = cluster.add()
    assert "CLUSTERDOWN The cluster is not initialized" in extra.error("CLUSTER", "INFO")
    cluster.push(replicas={2: 1})
    try:
        assert probe(extra.client)[0] == (cluster.version, None, "")
        listed = controller_reads_nodes(extra.call("CLUSTER", "NODES").decode())
        assert listed[extra.id][1] == "slave" and listed[target.id][1] == "master"
    finally:
        cluster.push()
