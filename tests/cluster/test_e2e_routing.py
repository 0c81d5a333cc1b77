"""Kvrocks's acceptance list for redirection and CLUSTER RESET, items 62-77.

Numbers are those of the list's items. Four nodes as there: a router that is not in the topology, two masters, a
replica. Replicas do not replicate yet, so what a replica reads is written to it before it becomes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from clusters import Cluster, ClusterNode, key_of, wait_for


class Four:
    """The nodes, and the topology that names the last three."""

    def __init__(self, directory: Path) -> None:
        self.nodes = []
        for number in range(4):
            folder = directory / f"node{number}"
            folder.mkdir()
            self.nodes.append(ClusterNode(servers.start_slotrocks(folder, "--cluster-enabled", "yes"), number))
        _, a, b, r = self.nodes
        self.masters = (
            f"{a.id} 127.0.0.1 {a.port} master - 0-1 3 5-8191\n{b.id} 127.0.0.1 {b.port} master - 8192-16383\n"
        )
        self.text = f"{self.masters}{r.id} 127.0.0.1 {r.port} slave {b.id}"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClusterNode]]:
    """62: before the first topology, nothing is served. Then the router, two masters, a replica with data."""
    four = Four(tmp_path_factory.mktemp("four"))
    _, a, b, replica = four.nodes
    assert a.error("SET", key_of(0), 0) == b.error("GET", key_of(16383)) == "CLUSTERDOWN Hash slot not served"
    replica.call("CLUSTERX", "SETNODES", f"{replica.id} 127.0.0.1 {replica.port} master - 0-16383", 0)
    for slot in (8192, 16383):
        replica.call("SET", key_of(slot), slot)
    for each in four.nodes:
        assert each.call("CLUSTERX", "SETNODES", four.text, 1) == b"OK"
    yield four.nodes
    for each in four.nodes:
        each.kill()


def test_ids_are_found_by_address(nodes: list[ClusterNode]) -> None:
    """63"""
    assert [each.call("CLUSTERX", "MYID").decode() for each in nodes] == ["", *(each.id for each in nodes[1:])]


def test_info(nodes: list[ClusterNode]) -> None:
    """64"""
    assert nodes[1].info() == {
        "cluster_state": "ok", "cluster_slots_assigned": "16382", "cluster_slots_ok": "16382",
        "cluster_slots_pfail": "0", "cluster_slots_fail": "0", "cluster_known_nodes": "3", "cluster_size": "2",
        "cluster_current_epoch": "1", "cluster_my_epoch": "1",
    }  # fmt: skip


def test_moved_names_the_master(nodes: list[ClusterNode]) -> None:
    """65, 67: whoever is asked, members or not, replicas included."""
    router, a, b, replica = nodes
    for node in (b, replica, router):
        assert node.error("SET", key_of(0), 0) == node.error("GET", key_of(0)) == f"MOVED 0 {a.address}"
    for node in (a, router):
        assert node.error("GET", key_of(16383)) == f"MOVED 16383 {b.address}"


def test_who_serves(nodes: list[ClusterNode]) -> None:
    """66, 73: masters their slots; a replica reads of its master's, to whom said READONLY."""
    _, a, b, replica = nodes
    assert a.call("SET", key_of(0), 0) == b.call("SET", key_of(16383), 16383) == b"OK"
    moved = f"MOVED 16383 {b.address}"
    assert replica.error("SET", key_of(16383), 1) == replica.error("GET", key_of(16383)) == moved
    assert replica.call("READONLY") == b"OK"
    assert replica.call("GET", key_of(16383)) == b"16383" and replica.call("GET", key_of(8192)) == b"8192"
    assert replica.error("SET", key_of(16383), 1) == moved
    assert replica.error("GET", key_of(0)) == f"MOVED 0 {a.address}"
    assert replica.call("READWRITE") == b"OK"
    assert replica.error("GET", key_of(8192)) == f"MOVED 8192 {b.address}"


def test_slots_that_nobody_serves(nodes: list[ClusterNode]) -> None:
    """68"""
    assert all(node.error("SET", key_of(2), 2) == "CLUSTERDOWN Hash slot not served" for node in nodes)


def test_several_keys(nodes: list[ClusterNode]) -> None:
    """69, 70: of several slots never, of one slot yes."""
    a = nodes[1]
    text = "CROSSSLOT Attempted to access keys that don't hash to the same slot"
    assert a.error("MSET", key_of(0), 0, key_of(1), 1) == a.error("MGET", key_of(0), key_of(16383)) == text
    assert a.call("MSET", key_of(0), 0, key_of(0, "x"), 1) == b"OK"
    assert a.call("MGET", key_of(0), key_of(0, "x")) == [b"0", b"1"]


def test_transactions(nodes: list[ClusterNode]) -> None:
    """71, 72: over several slots of a node yes; a slot of another node dooms all of it when it is queued."""
    _, a, b, _ = nodes
    assert a.call("MULTI") == b"OK"
    for slot in (0, 1):
        assert a.call("SET", key_of(slot), slot) == b"QUEUED"
    assert a.call("EXEC") == [b"OK", b"OK"]
    a.call("SET", key_of(0), "no-multi")
    a.call("MULTI")
    assert a.call("SET", key_of(0), "multi") == b"QUEUED"
    assert a.error("SET", key_of(16383), 0) == f"MOVED 16383 {b.address}"
    assert a.error("EXEC").startswith("EXECABORT ")
    assert a.call("GET", key_of(0)) == b"no-multi"


def test_reset(tmp_path: Path) -> None:
    """74, 75, 76, 77: only an empty node that neither gives nor gets slots; a replica forgets that it is one."""
    with Cluster(tmp_path, "0-8191", "8192-16383", "") as cluster:
        a, b, replica = cluster.nodes
        cluster.push(replicas={2: 1})
        text = cluster.text({2: 1})

        def again(node: ClusterNode) -> None:
            assert node.call("CLUSTERX", "VERSION") == b"-1" and node.call("CLUSTERX", "MYID") == b""
            assert not (node.directory / "nodes.conf").exists()
            assert node.call("CLUSTERX", "SETNODES", text, 1) == b"OK"
            assert node.call("CLUSTERX", "MYID") == node.id.encode()

        a.call("SET", key_of(0), "value")
        assert a.error("CLUSTER", "RESET", "HARD") == "ERR Can't reset cluster while database is not empty"
        a.call("DEL", key_of(0))
        assert a.call("CLUSTER", "RESET", "SOFT") == b"OK"
        again(a)

        assert "myself,slave" in replica.call("CLUSTER", "NODES").decode()
        assert replica.call("CLUSTER", "RESET", "HARD") == b"OK"
        assert (
            replica.call("CLUSTERX", "SETNODES", f"{replica.id} 127.0.0.1 {replica.port} master - 0-16383", 1) == b"OK"
        )
        assert replica.call("SET", key_of(0), "master") == b"OK"

        assert b.call("CLUSTER", "IMPORT", 1, 0) == b"OK"
        assert b.importing() == ("1", "start")
        assert b.error("CLUSTER", "RESET", "HARD") == "ERR Can't reset cluster while importing slot"
        assert b.call("CLUSTER", "IMPORT", 1, 1) == b"OK"
        assert b.importing() == ("1", "success")
        assert b.call("CLUSTER", "RESET") == b"OK"
        again(b)

        for number in range(100):
            a.call("SET", key_of(2, number), b"x" * 8192)
        a.call("CONFIG", "SET", "migrate-batch-rate-limit-mb", 1, "migrate-batch-size-kb", 16)
        assert a.migrate(2, b) == b"OK"
        assert a.migrating() == ("2", "start")
        assert a.error("CLUSTER", "RESET") == "ERR Can't reset cluster while migrating slot"
        a.wait_migration(2, "success")
        assert a.error("CLUSTER", "RESET") == "ERR Can't reset cluster while database is not empty"
        a.call("FLUSHALL")
        wait_for(lambda: a.count(2) == 0)
        assert a.call("CLUSTER", "RESET") == b"OK"
        again(a)
        assert b.call("GET", key_of(2, 0)) == b"x" * 8192
