"""The link of an import that has ended: whatever was still under way on it must not be written.

A network may deliver what a source sent seconds after the source has given it up, reconnected, and brought the move to
an end. By then the slots are the target's, so a row of the first attempt would be taken for a client's write.
"""

from __future__ import annotations

import contextlib

import pytest

import servers
from clusters import Cluster, ClusterNode, key_of
from slotrocks.engine import CF_METADATA, TYPE_STRING, BatchBuilder, KeyCodec, Metadata

OLD = b"the first attempt"


@pytest.fixture
def target(cluster: Cluster) -> ClusterNode:
    """Owner of 10001-16383."""
    return cluster.nodes[1]


def begin(target: ClusterNode, slot: int) -> servers.Client:
    """A link over which an import has begun."""
    link = target.server.client()
    assert link.call("CLUSTER", "IMPORT", slot, 0) == b"OK"
    assert link.call("SET", key_of(slot), OLD) == b"OK"
    return link


def batch(slot: int) -> bytes:
    """The same as the source's stored row."""
    builder = BatchBuilder()
    codec = KeyCodec(True)
    builder.put(CF_METADATA, codec.metadata_key(key_of(slot).encode()), Metadata(TYPE_STRING, payload=OLD).encode())
    return builder.take()


@pytest.mark.parametrize("what", ["rows", "commands"])
def test_what_comes_late_is_not_written(target: ClusterNode, what: str) -> None:
    slot = {"rows": 7001, "commands": 7002}[what]
    late = ("APPLYBATCH", batch(slot)) if what == "rows" else ("SET", key_of(slot), OLD)
    with begin(target, slot) as first:
        with begin(target, slot) as second:
            assert second.call("CLUSTER", "IMPORT", slot, 1) == b"OK"
        assert target.call("SET", key_of(slot), "a client's") == b"OK"
        with contextlib.suppress(OSError):
            first.send(*late)
            first.receive()
    assert target.call("GET", key_of(slot)) == b"a client's"


def test_the_answer_to_an_abort_arrives(target: ClusterNode) -> None:
    with begin(target, 7003) as link:
        assert link.call("CLUSTER", "IMPORT", 7003, 2) == b"OK"
        with pytest.raises(OSError):
            link.call("PING")
