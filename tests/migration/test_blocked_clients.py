"""Clients that wait for a key while its slot moves."""

from __future__ import annotations

import bulk
import pytest

from clusters import Cluster, ClusterNode, key_of, wait_for
from servers import Client
from slotrocks.engine import CF_DEFAULT, CF_METADATA, TYPE_LIST, BatchBuilder, KeyCodec, Metadata
from slotrocks.engine.layout import LIST_INITIAL_INDEX, ListBounds, encode_u64


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


def test_rows_that_an_import_brings_wake_them(target: ClusterNode) -> None:
    """Of an import in Kvrocks's form: only that lets clients in, with ASKING, before it is committed."""
    slot = 5010
    list_key = key_of(slot, "zlist")
    link = target.server.client()
    assert link.call("CLUSTER", "IMPORT", slot, 0) == b"OK"
    early = block(target, "ASKING", "BLPOP", key_of(slot, "nothing"), list_key, 0)
    batch, codec, bounds = BatchBuilder(), KeyCodec(True), ListBounds(LIST_INITIAL_INDEX, LIST_INITIAL_INDEX + 3)
    for number in range(3):
        sub_key = encode_u64(LIST_INITIAL_INDEX + number)
        batch.put(CF_DEFAULT, codec.subkey(list_key.encode(), 1, sub_key), b"%d" % number)
    metadata = Metadata(TYPE_LIST, version=1, size=3, payload=bounds.encode())
    batch.put(CF_METADATA, codec.metadata_key(list_key.encode()), metadata.encode())
    link.call("APPLYBATCH", batch.take())
    assert link.call("CLUSTER", "IMPORT", slot, 1) == b"OK"
    assert early.receive()[1] == [list_key.encode(), b"0"]
    assert target.call("LRANGE", list_key, 0, -1) == [b"1", b"2"]
    early.close()
    link.close()


def test_between_slotrocks_nodes_nobody_is_let_in(source: ClusterNode, target: ClusterNode) -> None:
    """Every row of such an import is accounted for."""
    slot = 5030
    bulk.fill(source, slot)
    bulk.start_slow(source, slot, target)
    assert target.call("ASKING") == b"OK"
    assert target.error("SET", key_of(slot), "x") == f"MOVED {slot} {source.address}"
    source.wait_migration(slot, "success")
    assert target.call("GET", key_of(slot)) is None
