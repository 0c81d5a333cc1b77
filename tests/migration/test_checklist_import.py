"""Kvrocks's acceptance list for CLUSTER IMPORT, items 38-47, spoken by hand as a Kvrocks source does.

Numbers are those of the list's items.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import servers
from clusters import Cluster, ClusterNode, key_of, measured, wait_for


@pytest.fixture
def source(cluster: Cluster) -> ClusterNode:
    """Owner of 0-10000."""
    return cluster.nodes[0]


@pytest.fixture
def target(cluster: Cluster) -> ClusterNode:
    """Owner of 10001-16383."""
    return cluster.nodes[1]


@pytest.fixture
def link(target: ClusterNode) -> Iterator[servers.Client]:
    """The source's link to the target."""
    with target.server.client() as client:
        yield client


def start(link: servers.Client, slot: int) -> None:
    """Begins an import over a link, and sends one key."""
    assert link.call("CLUSTER", "IMPORT", slot, 0) == b"OK"
    assert link.call("SET", key_of(slot), "imported") == b"OK"


def test_replica_refuses(cluster: Cluster) -> None:
    """38"""
    cluster.push(replicas={2: 0})
    try:
        assert cluster.nodes[2].error("CLUSTER", "IMPORT", 1, 0) == "ERR Slave can't import slot"
    finally:
        cluster.push()


def test_bad_slots(target: ClusterNode) -> None:
    """39"""
    for bad in ("-1", "2-1", "-1-3", "-1--1", "3--1", "4-16384", "16384-16384"):
        assert "Invalid slot range" in target.error("CLUSTER", "IMPORT", bad, 0), bad
    assert target.error("CLUSTER", "IMPORT", "16384", 0) == "ERR Invalid slot id: out of numeric range"
    assert "Invalid slot id" in target.error("CLUSTER", "IMPORT", "abc", 0)


@pytest.mark.parametrize("state", [4, -3])
def test_bad_states(target: ClusterNode, state: int) -> None:
    """40"""
    assert target.error("CLUSTER", "IMPORT", 1, state) == "ERR Invalid import state"


def test_own_slot(target: ClusterNode) -> None:
    """41"""
    assert target.error("CLUSTER", "IMPORT", 16383, 0) == "ERR Can't import slot which belongs to me"


def test_right_order(source: ClusterNode, target: ClusterNode, link: servers.Client) -> None:
    """42: the import shows while it runs, and not in NODES afterwards; the key is served, here only."""
    start(link, 42)
    assert target.importing() == ("42", "start")
    assert f" [42-<-{source.id}]" in target.call("CLUSTER", "NODES").decode()
    assert link.call("CLUSTER", "IMPORT", 42, 0) == b"OK"  # said again, it changes nothing
    assert link.call("CLUSTER", "IMPORT", 42, 1) == b"OK"
    assert target.importing() == ("42", "success")
    assert "[" not in target.call("CLUSTER", "NODES").decode()
    assert target.call("GET", key_of(42)) == b"imported"


def test_other_slots_do_not_match(target: ClusterNode, link: servers.Client) -> None:
    """42: outcomes of slots that are not being imported, and a second import, are refused."""
    mismatch = "ERR mismatch slot, importing slot(s): {}, but got: 441"
    start(link, 440)
    for state in (1, 2):
        assert target.error("CLUSTER", "IMPORT", 441, state) == mismatch.format(440)
    assert target.error("CLUSTER", "IMPORT", 441, 0) == "ERR only one importing job is allowed, current importing: 440"
    assert link.call("CLUSTER", "IMPORT", 440, 2) == b"OK"
    assert target.error("CLUSTER", "IMPORT", 441, 1) == mismatch.format(-1)


def test_failure(target: ClusterNode, link: servers.Client) -> None:
    """43: state 2 ends it as an error, and nothing is left."""
    start(link, 43)
    assert target.count(43) == 1
    assert link.call("CLUSTER", "IMPORT", 43, 2) == b"OK"
    assert target.importing() == ("43", "error") and target.count(43) == 0


def test_broken_link(target: ClusterNode) -> None:
    """44: so does the end of the link."""
    link = target.server.client()
    start(link, 44)
    link.close()
    with measured("error seen after"):
        wait_for(lambda: target.importing() == ("44", "error"))
    assert target.count(44) == 0


def test_only_who_asks_sees_an_import(source: ClusterNode, target: ClusterNode, link: servers.Client) -> None:
    """45, 46, 47: MOVED to the source without ASKING; ASKING helps for one command."""
    start(link, 45)
    moved = f"MOVED 45 {source.address}"
    assert target.error("GET", key_of(45)) == moved
    assert target.call("ASKING") == b"OK"
    assert target.call("GET", key_of(45)) == b"imported"
    assert target.error("GET", key_of(45)) == moved
    assert target.call("ASKING") == b"OK"
    assert target.call("PING") == b"PONG"
    assert target.error("GET", key_of(45)) == moved
    assert link.call("CLUSTER", "IMPORT", 45, 2) == b"OK"
