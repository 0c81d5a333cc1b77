"""A slot that comes back before its first owner has heard of any topology that names the other node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Pair, Writer, wait_for

from slotrocks.engine import slot_of

KEYS = 300
_tags = iter(range(10_000))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    yield pair
    pair.close()


@pytest.mark.parametrize("kind", ["raw-key-value", "redis-command"])
@pytest.mark.parametrize("event", ["nothing", "late topology", "target.commit.noted=kill", "target.commit.synced=kill"])
def test_there_and_back(pair: Pair, event: str, kind: str) -> None:
    first, second = pair.nodes
    for node in pair.nodes:
        node.call("CONFIG", "SET", "migrate-type", kind)
    tag = f"{{{next(_tags)}}}"
    slot = slot_of(tag[1:-1].encode())
    for number in range(KEYS):
        assert first.call("SET", f"{tag}{number}", "v") == b"OK"
    writer = Writer(pair, [f"{tag}w{number}" for number in range(10)])
    try:
        assert first.call("CLUSTERX", "MIGRATE", slot, second.id) == b"OK"
        wait_for(lambda: first.info()["migrating_state"] != "start", "it moves")
        assert first.info()["migrating_state"] == "success"
        pair.owner[slot] = 1
        pair.push(second)  # the first owner is told later

        if event == "late topology":
            second.arm("source.snapshot.sent=wait")
        elif "=" in event:
            first.arm(event)
        assert second.call("CLUSTERX", "MIGRATE", slot, first.id) == b"OK"
        if event == "late topology":
            second.wait_reached()
            assert first.call("CLUSTERX", "SETNODES", pair.text(), pair.version) == b"OK"
            second.go_on()
        if "=" in event:
            wait_for(lambda: not first.pending, event)
        pair.settle()
    finally:
        writer.stop()
    pair.settle()
    assert pair.owner_of(f"{tag}0") == 0
    writer.check(first)
    assert first.call("CLUSTER", "COUNTKEYSINSLOT", slot) == KEYS + 11  # and the probe
    first.restart()
    assert pair.owner_of(f"{tag}0") == 0
    pair.owner[slot] = 0
    pair.push()
    pair.settle()
    assert first.call("CLUSTER", "COUNTKEYSINSLOT", slot) == KEYS + 11
    assert second.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
    assert pair.owner_of(f"{tag}0") == 0
