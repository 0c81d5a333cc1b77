"""The texts of CLUSTER INFO, NODES, ... byte for byte, and as their readers read them: kvrocks-controller and redis-py.

The controller's parsers are in module `controller`.
"""

from dataclasses import replace

import pytest
from controller import controller_reads_info, controller_reads_nodes
from redis._parsers.helpers import parse_cluster_info, parse_cluster_nodes
from redis.cluster import parse_cluster_shards, parse_cluster_slots

from slotrocks.server.cluster.ranges import SlotRange
from slotrocks.server.cluster.topology import UNINITIALIZED, Topology, parse_nodes
from slotrocks.server.cluster.view import (
    ImportView,
    MigrationView,
    cluster_info,
    cluster_links,
    cluster_nodes,
    cluster_replicas,
    cluster_shards,
    cluster_slots,
)
from slotrocks.server.errors import CommandError

A, B, C, R, S = ("x" * 38 + tail for tail in ("00", "01", "02", "03", "04"))
TOPOLOGY = Topology(
    7,
    parse_nodes(
        f"{A} 127.0.0.1 30001 master - 0-2 4-8193 10000\n"
        f"{B} ::1 30002 master - 3 8194-9999 10001-16380\n"
        f"{C} host.example 30003 master -\n"
        f"{R} 127.0.0.1 30004 slave {A}\n"
        f"{S} 127.0.0.1 30005 slave,fail {A}"
    ),
)
BASE = (
    "cluster_state:ok\r\ncluster_slots_assigned:16381\r\ncluster_slots_ok:16381\r\ncluster_slots_pfail:0\r\n"
    "cluster_slots_fail:0\r\ncluster_known_nodes:5\r\ncluster_size:2\r\ncluster_current_epoch:7\r\ncluster_my_epoch:7\r\n"
)
MIGRATION = MigrationView(
    SlotRange(5, 9), B, "start", stage="increment", elapsed_ms=1200, keys=300, bytes=40000,
    rate_bytes_per_sec=33333, rounds=2, lag_bytes=512, pause_ms=0,
)  # fmt: skip
NOW = 1700000000000


def test_info_without_migrations() -> None:
    assert cluster_info(TOPOLOGY, A) == BASE
    assert controller_reads_info(BASE) == (7, None, "")


def test_info_of_a_migration_and_an_import() -> None:
    text = cluster_info(TOPOLOGY, A, MIGRATION, ImportView(SlotRange(11, 11), "error"))
    assert text == BASE + (
        f"migrating_slot(s): 5-9\r\ndestination_node: {B}\r\nmigrating_state: start\r\n"
        "importing_slot(s): 11\r\nimport_state: error\r\n"
        "migrating_stage:increment\r\nmigrating_elapsed_ms:1200\r\nmigrating_keys:300\r\nmigrating_bytes:40000\r\n"
        "migrating_rate_bytes_per_sec:33333\r\nmigrating_rounds:2\r\nmigrating_lag_bytes:512\r\nmigrating_pause_ms:0\r\n"
    )
    assert controller_reads_info(text) == (7, (5, 9), "start")
    assert parse_cluster_info(text)["migrating_lag_bytes"] == "512"


def test_info_of_an_import_alone() -> None:
    text = cluster_info(TOPOLOGY, A, None, ImportView(SlotRange(5, 9), "success"))
    assert text == BASE + "importing_slot(s): 5-9\r\nimport_state: success\r\n"


@pytest.mark.parametrize("state", ["none", "start", "success", "fail"])
@pytest.mark.parametrize("slots", [(5, 5), (0, 16383), (16383, 16383)])
def test_info_is_readable_in_every_state(state: str, slots: tuple[int, int]) -> None:
    error = "dst 10.0.0.2:6666: refused\r\ncluster_current_epoch:-1"
    view = replace(MIGRATION, slots=SlotRange(*slots), state=state, error=error)  # type: ignore[arg-type]
    text = cluster_info(TOPOLOGY, A, view, ImportView(SlotRange(*slots), "none"))
    assert controller_reads_info(text) == (7, slots, state)
    assert all(line.count(":") == 1 for line in text.splitlines())
    assert parse_cluster_info(text)["migrating_error"] == "dst 10.0.0.2 6666 refused cluster_current_epoch -1"


@pytest.mark.parametrize("myid", [R, "", "y" * 40])
def test_info_tells_of_migrations_only_on_a_master(myid: str) -> None:
    assert cluster_info(TOPOLOGY, myid, MIGRATION, ImportView(SlotRange(5, 9), "start")) == BASE


def test_nodes() -> None:
    text = cluster_nodes(TOPOLOGY, A, NOW)
    times = f"{NOW - 1} {NOW} 7 connected"
    assert text == (
        f"{A} 127.0.0.1:30001@40001 myself,master - {times} 0-2 4-8193 10000\n"
        f"{B} ::1:30002@40002 master - {times} 3 8194-9999 10001-16380\n"
        f"{C} host.example:30003@40003 master - {times}\n"
        f"{R} 127.0.0.1:30004@40004 slave {A} {times}\n"
        f"{S} 127.0.0.1:30005@40005 slave,fail {A} {times}\n"
    )
    assert cluster_nodes(TOPOLOGY, R, NOW).splitlines()[3] == f"{R} 127.0.0.1:30004@40004 myself,slave {A} {times}"
    read = controller_reads_nodes(text)
    assert read[A] == ("127.0.0.1:30001", "master", 7, [(0, 2), (4, 8193), (10000, 10000)])
    assert read[C][3] == [] and read[R][:2] == ("127.0.0.1:30004", "slave")
    assert parse_cluster_nodes(text)["::1:30002"]["slots"] == [["3"], ["8194", "9999"], ["10001", "16380"]]


def test_nodes_shows_what_moves_on_the_line_of_myself() -> None:
    lines = cluster_nodes(
        TOPOLOGY, A, NOW, [(SlotRange(5, 9), B), (SlotRange(7000, 7000), C)], [(SlotRange(8200, 8200), B)]
    )
    first, *others = lines.splitlines()
    assert first.endswith(f" connected 0-2 4-8193 10000 [5-9->-{B}] [7000->-{C}] [8200-<-{B}]")
    assert not any("[" in line for line in others)
    assert parse_cluster_nodes(lines)["127.0.0.1:30001"]["migrations"] == [
        {"slot": "5-9", "node_id": B, "state": "migrating"},
        {"slot": "7000", "node_id": C, "state": "migrating"},
        {"slot": "8200", "node_id": B, "state": "importing"},
    ]


def test_replicas() -> None:
    assert cluster_replicas(TOPOLOGY, A, NOW) == (
        f"{R} 127.0.0.1:30004@40004 slave {A} {NOW - 1} {NOW} 7 connected\n"
        f"{S} 127.0.0.1:30005@40005 slave,fail {A} {NOW - 1} {NOW} 7 connected\n"
    )
    assert cluster_replicas(TOPOLOGY, B, NOW) == ""
    for node_id, error in ((R, "ERR The node isn't a master"), ("unknown", "ERR Invalid cluster node id")):
        with pytest.raises(CommandError) as refused:
            cluster_replicas(TOPOLOGY, node_id, NOW)
        assert refused.value.text == error


def test_slots() -> None:
    a, b = ["127.0.0.1", 30001, A], ["::1", 30002, B]
    replicas = [["127.0.0.1", 30004, R], ["127.0.0.1", 30005, S]]
    rows = cluster_slots(TOPOLOGY)
    assert rows == [
        [0, 2, a, *replicas],
        [3, 3, b],
        [4, 8193, a, *replicas],
        [8194, 9999, b],
        [10000, 10000, a, *replicas],
        [10001, 16380, b],
    ]
    read = parse_cluster_slots(rows)
    assert read[4, 8193]["primary"] == ("127.0.0.1", 30001) and len(read[4, 8193]["replicas"]) == 2


def test_shards() -> None:
    orphan = parse_nodes(f"{'o' * 40} h 5 slave {'u' * 40}")
    shards = cluster_shards(Topology(7, [*TOPOLOGY.nodes.values(), *orphan]), A, replication_offset=99)
    assert [(shard["slots"], [node["id"] for node in shard["nodes"]]) for shard in shards] == [
        ([0, 2, 4, 8193, 10000, 10000], [A, R, S]),
        ([3, 3, 8194, 9999, 10001, 16380], [B]),
        ([], [C]),
        ([], ["o" * 40]),
    ]
    master, replica, failed = shards[0]["nodes"]
    assert list(master.items()) == [
        ("id", A), ("port", 30001), ("ip", "127.0.0.1"), ("endpoint", "127.0.0.1"),
        ("role", "master"), ("replication-offset", 99), ("health", "online"),
    ]  # fmt: skip
    assert (replica["role"], replica["replication-offset"], replica["health"]) == ("replica", 0, "online")
    assert failed["health"] == "fail"
    # RESP2: maps as flat arrays.
    flat = [
        [part for name, value in shard.items() for part in (name, value if name == "slots" else [
            [part for item in node.items() for part in item] for node in value
        ])]
        for shard in shards
    ]  # fmt: skip
    read = parse_cluster_shards(flat)
    assert read[0]["slots"] == [(0, 2), (4, 8193), (10000, 10000)] and read[1]["nodes"][0]["endpoint"] == "::1"


def test_links() -> None:
    assert cluster_links() == []


def test_before_the_first_topology() -> None:
    for call in (
        lambda: cluster_info(UNINITIALIZED, A),
        lambda: cluster_nodes(UNINITIALIZED, A, NOW),
        lambda: cluster_replicas(UNINITIALIZED, A, NOW),
        lambda: cluster_slots(UNINITIALIZED),
        lambda: cluster_shards(UNINITIALIZED, A),
    ):
        with pytest.raises(CommandError) as refused:
            call()
        assert refused.value.text == "CLUSTERDOWN The cluster is not initialized"
