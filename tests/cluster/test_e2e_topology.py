"""Kvrocks's acceptance list for the topology, items 48-64: SETNODES, SETSLOT and what tells of them, across restarts.

Numbers are those of the list's items.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hiredis
import pytest
from redis.cluster import parse_cluster_slots

import servers
from clusters import Cluster, ClusterNode, key_of

ID = "07c37dfeb235213a872192d90877d0cd55635b91"
OTHER_ID = "07c37dfeb235213a872192d90877d0cd55635b92"
SCATTERED = "0-1 2 4-8191 8192 8193 10000 10002-11002 16381 16382-16383"
MERGED = "0-2 4-8193 10000 10002-11002 16381-16383"


def line(node: ClusterNode, node_id: str, rest: str) -> str:
    """A line of SETNODES."""
    return f"{node_id} 127.0.0.1 {node.port} {rest}"


def start(directory: Path, number: int, *options: str) -> ClusterNode:
    """A node without a topology."""
    folder = directory / f"node{number}"
    folder.mkdir()
    return ClusterNode(servers.start_slotrocks(folder, "--cluster-enabled", "yes", *options), number)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ClusterNode]:
    """A node without a topology."""
    node = start(tmp_path, 0)
    yield node
    node.kill()


def test_without_cluster_mode(slotrocks_server: servers.Server) -> None:
    """48"""
    with slotrocks_server.client() as client:
        for words in (["CLUSTER", "NODES"], ["CLUSTER", "INFO"], ["CLUSTERX", "VERSION"], ["READONLY"], ["ASKING"]):
            reply = client.call_raw(*words)[1]
            assert isinstance(reply, hiredis.ReplyError) and str(reply) == "ERR Cluster mode is not enabled"


def test_a_node_and_its_topology(node: ClusterNode) -> None:
    """49, 50, 51, 52, 53, 54: from nothing to a topology, kept or not kept, replaced by an older one; refusals."""
    keyslots = [key_of(slot) for slot in range(16384)]
    for key in keyslots:
        node.client.send("CLUSTER", "KEYSLOT", key)
    assert [node.client.receive()[1] for _ in keyslots] == list(range(16384))

    for what in ("INFO", "NODES", "SLOTS", "SHARDS"):
        assert node.error("CLUSTER", what) == "CLUSTERDOWN The cluster is not initialized"
    assert node.call("CLUSTERX", "VERSION") == b"-1"
    assert node.error("SET", key_of(0), "x") == "CLUSTERDOWN Hash slot not served"
    node.call("CLUSTERX", "SETNODEID", ID)
    text = line(node, ID, "master - 0-100")
    assert node.call("CLUSTERX", "SETNODES", text, 2) == b"OK"
    assert node.call("CLUSTERX", "VERSION") == b"2"
    fields = node.call("CLUSTER", "NODES").decode().split(" ")
    assert len(fields) == 9 and fields[1:4] == [f"127.0.0.1:{node.port}@{node.port + 10000}", "myself,master", "-"]
    assert fields[7:] == ["connected", "0-100\n"]
    assert node.call("CLUSTER", "SLOTS") == [[0, 100, [b"127.0.0.1", node.port, ID.encode()]]]

    node.stop()
    node.start()
    assert node.call("CLUSTERX", "VERSION") == b"2" and node.call("CLUSTERX", "MYID") == ID.encode()
    node.call("CONFIG", "SET", "persist-cluster-nodes-enabled", "no")
    assert not (node.directory / "nodes.conf").exists()
    node.stop()
    node.start()
    assert node.call("CLUSTERX", "VERSION") == b"-1"
    assert node.call("CLUSTERX", "SETNODES", text, 2) == b"OK"

    older = line(node, ID, "master - 0-200")
    assert node.error("CLUSTERX", "SETNODES", older, 1) == "ERR Invalid cluster version"
    assert node.call("CLUSTERX", "SETNODES", older, 2) == b"OK"  # equal versions are equal topologies
    assert node.call("CLUSTER", "NODES").decode().endswith(" 0-100\n")
    assert node.call("CLUSTERX", "SETNODES", older, 1, "force") == b"OK"
    assert node.call("CLUSTERX", "VERSION") == b"1"
    assert node.call("CLUSTER", "NODES").decode().endswith(" 0-200\n")

    for words in (
        ["CLUSTER", "no-subcommand"], ["CLUSTERX", "VERSION", "a"], ["CLUSTER", "NODES", "a"],
        ["CLUSTERX", "SETNODEID", "a"], ["CLUSTERX", "SETNODES", "a"],
        ["CLUSTERX", "SETSLOT", "16384", ID, "1"], ["CLUSTERX", "SETSLOT", "16384", "a", "1"],
    ):  # fmt: skip
        assert "CLUSTER" in node.error(*words), words
    assert node.error("CLUSTERX", "SETNODES", "a", -1) == "ERR Invalid cluster version"
    joined = f"{text} {OTHER_ID} 127.0.0.1 1 master - 101"
    error = node.error("CLUSTERX", "SETNODES", joined, 9)
    assert error == "ERR Invalid nodes definition: Missing newline between node entries."
    assert node.call("CLUSTERX", "VERSION") == b"1"


def test_replicas(node: ClusterNode) -> None:
    """55, 56, 57, 58: with, without, of a replica, of nobody."""
    text = "\n".join(
        (
            line(node, ID, "master - 0-8191"),
            line(node, OTHER_ID, "master - 8192-16383"),
            line(node, "r" * 40, f"slave {OTHER_ID}"),
        )
    )
    node.call("CLUSTERX", "SETNODES", text, 2)
    fields = node.call("CLUSTER", "REPLICAS", OTHER_ID).decode().split(" ")
    assert len(fields) == 8
    assert (
        fields[1:4] == [f"127.0.0.1:{node.port}@{node.port + 10000}", "slave", OTHER_ID] and fields[7] == "connected\n"
    )
    assert node.call("CLUSTER", "REPLICAS", ID) == b""
    assert node.error("CLUSTER", "REPLICAS", "r" * 40) == "ERR The node isn't a master"
    assert node.error("CLUSTER", "REPLICAS", "unknown") == "ERR Invalid cluster node id"


def test_saved_topology(tmp_path: Path) -> None:
    """59, 60: scattered slots are merged, and saved; so are a new id, and SETSLOT. The ids are found by address."""
    nodes = [start(tmp_path, number, "--bind", "0.0.0.0") for number in range(2)]
    first, second = nodes
    try:
        text = f"{line(first, ID, f'master - {SCATTERED}')}\n{line(second, OTHER_ID, 'master -')}"
        for each, node_id in zip(nodes, (ID, OTHER_ID), strict=True):
            assert each.call("CLUSTERX", "SETNODES", text, 1) == b"OK"
            assert each.call("CLUSTERX", "MYID") == node_id.encode()  # by port and local address
        first.stop()
        first.start()
        slots = first.call("CLUSTER", "SLOTS")
        assert len(slots) == 5 and slots[2] == [10000, 10000, [b"127.0.0.1", first.port, ID.encode()]]
        assert f" {MERGED}" in first.call("CLUSTER", "NODES").decode()
        second.call("CLUSTERX", "SETNODEID", "0123456789" * 4)
        for each in nodes:
            assert each.call("CLUSTERX", "SETSLOT", 0, "NODE", OTHER_ID, 2) == b"OK"
            each.stop()
            each.start()
        assert second.call("CLUSTERX", "MYID") == b"0123456789" * 4
        rest = MERGED.replace("0-2", "1-2", 1)
        mine = next(each for each in first.call("CLUSTER", "NODES").decode().split("\n") if "myself,master" in each)
        assert mine.endswith(f" connected {rest}")
        assert f" {rest}" in second.call("CLUSTER", "NODES").decode()
    finally:
        for each in nodes:
            if each.server.process.poll() is None:
                each.kill()


def test_set_slot(tmp_path: Path) -> None:
    """61: one slot, several ranges; the version must be the next one."""
    with Cluster(tmp_path, "0-16383", "") as cluster:
        a, b = cluster.nodes
        assert a.call("SET", key_of(0), "0") == b"OK"
        assert b.error("SET", key_of(0), "0") == f"MOVED 0 {a.address}"
        for slots, last in (("0", 0), ("1-3 4", 4)):
            cluster.give(slots, b)
            assert a.call("CLUSTER", "SLOTS") == b.call("CLUSTER", "SLOTS")
            shown = parse_cluster_slots(a.call("CLUSTER", "SLOTS"))
            assert {ends: row["primary"][1] for ends, row in shown.items()} == {
                (0, last): b.port,
                (last + 1, 16383): a.port,
            }
            assert b.call("SET", key_of(last), "x") == b"OK"
            assert a.error("SET", key_of(last), "x") == f"MOVED {last} {b.address}"
        for wrong in (cluster.version, cluster.version + 2):
            assert "version" in b.error("CLUSTERX", "SETSLOT", 4, "NODE", b.id, wrong)
        assert (
            b.error("CLUSTERX", "SETSLOT", 4, "NODE", "n" * 40, cluster.version + 1)
            == "ERR No this node in the cluster"
        )
        assert a.call("CLUSTERX", "VERSION") == b.call("CLUSTERX", "VERSION") == str(cluster.version).encode()
