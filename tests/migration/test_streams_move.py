"""Streams move with everything that belongs to them, those that are being written, too (items 19 to 23)."""

from __future__ import annotations

from typing import Any

import bulk
import pytest

from clusters import Cluster, ClusterNode, key_of

SLOT = 4000


@pytest.fixture
def source(cluster: Cluster) -> ClusterNode:
    """Owner of 0-10000."""
    cluster.nodes[0].call("CONFIG", "SET", "migrate-type", "raw-key-value")
    return cluster.nodes[0]


@pytest.fixture
def target(cluster: Cluster) -> ClusterNode:
    """Owner of 10001-16383."""
    return cluster.nodes[1]


def everything(node: ClusterNode, key: str) -> Any:
    """All that there is to know about a stream."""
    return node.call("XINFO", "STREAM", key, "FULL", "COUNT", 0)


def write_streams(node: ClusterNode, slot: int) -> list[str]:
    """Streams of every sort; their keys."""
    call = node.call
    plain, grouped, empty, never, holes, binary = keys = [key_of(slot, name) for name in ("p", "g", "e", "n", "h", "b")]
    for i in range(1, 300):
        call("XADD", plain, f"{i}-{i}", "f", i, "empty", "")
    call("XTRIM", plain, "MAXLEN", 100)
    for i in range(1, 20):
        call("XADD", grouped, f"{i}-0", "f", i)
    call("XGROUP", "CREATE", grouped, "g", 0)
    call("XGROUP", "CREATE", grouped, "h", 5, "ENTRIESREAD", 5)
    call("XREADGROUP", "GROUP", "g", "alice", "COUNT", 5, "STREAMS", grouped, ">")
    call("XREADGROUP", "GROUP", "g", "bob", "COUNT", 5, "STREAMS", grouped, ">")
    call("XGROUP", "CREATECONSUMER", grouped, "h", "idle")
    call("XACK", grouped, "g", "1-0", "7-0")
    call("XDEL", grouped, "2-0")
    call("XGROUP", "CREATE", empty, "g", 0, "MKSTREAM")
    call("XADD", empty, "5-5", "f", "v")
    call("XDEL", empty, "5-5")
    call("XGROUP", "CREATE", never, "g", "$", "MKSTREAM")
    for i in range(1, 10):
        call("XADD", holes, f"{i}-0", "f", i)
    call("XDEL", holes, "1-0", "5-0", "9-0")
    call("XADD", binary, "18446744073709551615-72057594037927936", b"\0\xff", bytes(range(256)))
    call("XGROUP", "CREATE", binary, b"\xff\0", 0)
    call("PEXPIREAT", holes, 99999999999999)
    return keys


def test_everything_about_streams(source: ClusterNode, target: ClusterNode) -> None:
    """19, 22, 23."""
    keys = write_streams(source, SLOT)
    before = [everything(source, key) for key in keys]
    assert source.migrate(SLOT, target, "SYNC") == b"OK"
    assert [everything(target, key) for key in keys] == before
    assert target.call("PEXPIRETIME", keys[4]) == 99999999999999
    assert source.error("XLEN", keys[0]) == f"MOVED {SLOT} {target.address}"
    assert source.error("XREAD", "STREAMS", keys[0], 0) == f"MOVED {SLOT} {target.address}"
    assert target.call("XADD", keys[2], "5-*", "f", "v") == b"5-6"


def test_streams_that_are_written_meanwhile(source: ClusterNode, target: ClusterNode) -> None:
    """21: what happens to streams and groups during the migration arrives."""
    slot = SLOT + 1
    bulk.fill(source, slot, 200)
    keys = plain, grouped, empty, never, holes, _ = write_streams(source, slot)
    gone, new = key_of(slot, "gone"), key_of(slot, "new")
    source.call("XADD", gone, "1-1", "f", "v")
    source.call("XGROUP", "CREATE", gone, "g", 0)
    bulk.start_slow(source, slot, target)
    call = source.call
    call("XADD", plain, "MAXLEN", 90, "1000-1", "f", "new")
    call("XDEL", plain, "299-299", "250-250")
    call("XREADGROUP", "GROUP", "g", "carol", "COUNT", 2, "STREAMS", grouped, ">")
    call("XREADGROUP", "GROUP", "h", "dave", "NOACK", "COUNT", 2, "STREAMS", grouped, ">")
    call("XACK", grouped, "g", "3-0", "8-0")
    call("XCLAIM", grouped, "g", "alice", 0, "9-0", "RETRYCOUNT", 7)
    call("XAUTOCLAIM", grouped, "g", "erin", 0, "-", "COUNT", 2)
    call("XGROUP", "DELCONSUMER", grouped, "g", "bob")
    call("XGROUP", "DESTROY", empty, "g")
    call("XSETID", empty, "9-9", "ENTRIESADDED", 20, "MAXDELETEDID", "8-8")
    call("XGROUP", "SETID", never, "g", "7-7", "ENTRIESREAD", 3)
    call("XTRIM", holes, "MAXLEN", 0)
    call("DEL", gone)
    call("XADD", gone, "0-1", "another", "one")
    call("XADD", new, "1-1", "f", "v")
    assert source.migrating()[1] == "start"
    before = [everything(source, key) for key in (*keys, gone, new)]
    source.wait_migration(slot, "success")
    assert [everything(target, key) for key in (*keys, gone, new)] == before
