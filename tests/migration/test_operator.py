"""What an operator does in the middle of a migration: stops a node, flushes it, resets it, pushes a topology, at
every stage. The process stands still at a point, the command waits at its socket, and is the next thing that it
does.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import hiredis
import pytest
from harness import Pair, Writer, wait_for

from slotrocks.engine import slot_of

POINTS = (
    "source.sender.started", "source.freeze", "source.prepare.send", "source.prepare.answered",
    "source.fence.written", "source.commit.answered", "source.moved.written",
)  # fmt: skip
KEYS = 300
_tags = iter(range(10_000))


@pytest.fixture(scope="module")
def pairs() -> Iterator[list[Pair]]:
    """The pair in use, if it is in order."""
    kept: list[Pair] = []
    yield kept
    for pair in kept:
        pair.close()


@pytest.fixture
def pair(pairs: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two nodes; those of the test before, unless it failed."""
    pair = pairs.pop() if pairs else Pair(tmp_path_factory.mktemp("pair"))
    pair.in_order = False
    yield pair
    if pair.in_order:
        pairs.append(pair)
    else:
        pair.close()


def begin(pair: Pair) -> tuple[str, int]:
    """A hash tag with KEYS keys, and its slot, which the source owns."""
    tag = f"{{{next(_tags)}}}"
    client = pair.nodes[0].server.client()
    for number in range(KEYS):
        client.send("SET", f"{tag}{number}", "v" * 100)
    for _ in range(KEYS):
        assert client.receive()[1] == b"OK"
    client.close()
    return tag, slot_of(tag[1:-1].encode())


def end(pair: Pair, tag: str, slot: int) -> int:
    """Tells the topology who owns the slot: that must be one node."""
    pair.settle()
    owner = pair.owner_of(f"{tag}0")
    pair.owner[slot] = owner
    pair.push()
    pair.settle()
    assert pair.owner_of(f"{tag}0") == owner
    assert pair.nodes[1 - owner].call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
    pair.in_order = True
    return owner


@pytest.mark.parametrize("whom", [0, 1], ids=["source", "target"])
@pytest.mark.parametrize("what", ["SIGTERM", "CLUSTER RESET", "SETNODES"])
@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost(pair: Pair, point: str, what: str, whom: int) -> None:
    source, target = pair.nodes
    node = pair.nodes[whom]
    tag, slot = begin(pair)
    writer = Writer(pair, [f"{tag}w{number}" for number in range(10)])
    try:
        wait_for(lambda: len(writer.acknowledged) == 10, "writes")
        source.arm(f"{point}=wait")
        assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
        source.wait_reached()
        if what == "SIGTERM":
            node.disconnect()
            node.server.process.send_signal(signal.SIGTERM)
            source.go_on()
            assert node.server.process.wait(20) == 0
            assert "Traceback" not in node.server.log.read_text()
        else:
            client = node.server.client()
            if what == "SETNODES":
                pair.version += 1
                client.send("CLUSTERX", "SETNODES", pair.text(), pair.version)
            else:
                client.send("CLUSTER", "RESET")
            source.go_on()
            reply = client.receive()[1]
            client.close()
            if what == "SETNODES":
                assert reply == b"OK"
            else:
                assert isinstance(reply, hiredis.ReplyError)
        pair.settle()
    finally:
        writer.stop()
    owner = end(pair, tag, slot)
    writer.check(pair.nodes[owner])
    assert pair.nodes[owner].call("CLUSTER", "COUNTKEYSINSLOT", slot) >= KEYS + 10


@pytest.mark.parametrize("whom", [0, 1], ids=["source", "target"])
@pytest.mark.parametrize("point", POINTS)
def test_flushall(pair: Pair, point: str, whom: int) -> None:
    source, target = pair.nodes
    tag, slot = begin(pair)
    source.arm(f"{point}=wait")
    assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
    source.wait_reached()
    client = pair.nodes[whom].server.client()
    client.send("FLUSHALL")
    source.go_on()
    reply = client.receive()[1]
    client.close()
    assert reply == b"OK" or str(reply).startswith("TRYAGAIN")
    pair.settle()
    owner = end(pair, tag, slot)
    count = pair.nodes[owner].call("CLUSTER", "COUNTKEYSINSLOT", slot)
    if whom != owner or reply != b"OK":
        assert count >= KEYS, "the slot was not the flushed node's"
    else:
        assert count in (1, KEYS + 1)  # the probe; if all are there, the slot came after the flush


def test_a_missing_log_file_fails_the_job(tmp_path_factory: pytest.TempPathFactory) -> None:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    source, target = pair.nodes
    tag, slot = begin(pair)
    source.arm("sender.start=wait")
    assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
    source.wait_reached()
    for path in source.server.directory.glob("db/*.log"):
        path.unlink()
    assert source.call("SET", f"{tag}0", "new") == b"OK"
    source.go_on()
    wait_for(lambda: source.info()["migrating_state"] == "fail", "the job fails")
    assert "log" in source.info()["migrating_error"]
    assert "log" in source.server.log.read_text()
    assert pair.owner_of(f"{tag}0") == 0
    assert source.call("GET", f"{tag}0") == b"new"
    wait_for(lambda: target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0, "the target drops what it got")
    pair.close()


def test_a_client_that_leaves_while_it_is_held(pair: Pair) -> None:
    """Its write is not executed, and the others' are."""
    source, target = pair.nodes
    tag, slot = begin(pair)
    source.arm("source.prepare.send=delay:300")
    target.arm("target.compare=error")
    stays, leaves = source.server.client(), source.server.client()
    assert source.call("CLUSTERX", "MIGRATE", slot, target.id, "ASYNC") == b"OK"
    wait_for(lambda: source.info()["migrating_stage"] in ("freeze", "prepare", "rollback", "failed"), "the freeze")
    leaves.send("SET", f"{tag}1", "left")
    stays.send("SET", f"{tag}2", "stayed")
    leaves.close()
    assert stays.receive()[1] == b"OK"
    stays.close()
    assert end(pair, tag, slot) == 0
    assert source.call("GET", f"{tag}2") == b"stayed"
