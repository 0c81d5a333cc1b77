"""Clients that wait for a key while its slot moves."""

from __future__ import annotations

import bulk
import pytest

from clusters import Cluster, ClusterNode, key_of, wait_for
from servers import Client


@pytest.fixture
def source(cluster: Cluster) -> ClusterNode:
    """Owner of 0-10000. It sends rows."""
    cluster.nodes[0].call("CONFIG", "SET", "migrate-type", "raw-key-value")
    return cluster.nodes[0]


@pytest.fixture
def target(cluster: Cluster) -> ClusterNode:
    """Owner of 10001-16383."""
    return cluster.nodes[1]


def blocked_clients(node: ClusterNode) -> int:
    return int(node.call("INFO", "clients").split(b"blocked_clients:")[1].split(b"\r\n")[0])


def block(node: ClusterNode, *words: str | int) -> Client:
    """A client whose call waits."""
    client = node.server.client()
    before = blocked_clients(node)
    for line in (words,) if words[0] != "ASKING" else (("ASKING",), words[1:]):
        client.send(*line)
    if words[0] == "ASKING":
        assert client.receive()[1] == b"OK"
    wait_for(lambda: blocked_clients(node) == before + 1, "a blocked client")
    return client


def test_they_are_served_until_the_hand_over_and_then_moved(source: ClusterNode, target: ClusterNode) -> None:
    slot = 5000
    bulk.fill(source, slot)
    list_key, other = key_of(slot, "list"), key_of(slot + 1)
    served, moved, moving, stays = (
        block(source, "BLPOP", list_key, 0),
        block(source, "BLPOP", key_of(slot, "none"), list_key, 0),
        block(source, "BLMOVE", list_key, list_key, "LEFT", "RIGHT", 0),
        block(source, "BLPOP", other, 0),
    )
    bulk.start_slow(source, slot, target)
    assert source.call("RPUSH", list_key, "first") == 1
    assert served.receive()[1] == [list_key.encode(), b"first"]
    assert source.migrating()[1] == "start"
    source.wait_migration(slot, "success")
    for client in (moved, moving):
        assert str(client.receive()[1]) == f"MOVED {slot} {target.address}"
    assert blocked_clients(source) == 1
    again = block(target, "BLPOP", list_key, 0)
    assert target.call("RPUSH", list_key, "second") == 1
    assert again.receive()[1] == [list_key.encode(), b"second"]
    assert source.call("RPUSH", other, 1) == 1
    assert stays.receive()[1] == [other.encode(), b"1"]
    for client in (served, moved, moving, stays, again):
        client.close()


def test_rows_that_an_import_brings_wake_them(source: ClusterNode, target: ClusterNode) -> None:
    slot = 5010
    bulk.fill(source, slot)
    list_key = key_of(slot, "zlist")
    source.call("RPUSH", list_key, *range(300))
    bulk.start_slow(source, slot, target)
    early = block(target, "ASKING", "BLPOP", key_of(slot, "nothing"), list_key, 0)
    source.wait_migration(slot, "success")
    assert early.receive()[1] == [list_key.encode(), b"0"]
    assert target.call("LRANGE", list_key, 0, -1) == [b"%d" % i for i in range(1, 300)]
    early.close()
