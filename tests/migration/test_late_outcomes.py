"""What becomes known late about a migration must not be taken for news of the next one. Both were found by the
simulation (tests/simulation)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from harness import Pair, wait_for

from slotrocks.engine import slot_of
from slotrocks.server.migration.inquiry import ASK_INTERVAL_S

KEYS = 200


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    yield pair
    pair.close()


def filled(pair: Pair, tag: str) -> int:
    """The slot of a tag, with keys, at the first node."""
    for number in range(KEYS):
        assert pair.nodes[0].call("SET", f"{{{tag}}}{number}", "v") == b"OK"
    return slot_of(tag.encode())


def test_a_slot_comes_back_when_its_first_owner_does_not_know_yet_that_it_went(pair: Pair) -> None:
    first, second = pair.nodes
    slot = filled(pair, "back")
    first.arm("source.commit.answered=error", *["source.ask.answered=error"] * 6)
    assert first.call("CLUSTERX", "MIGRATE", slot, second.id) == b"OK"
    wait_for(lambda: first.info().get("migrating_stage") == "resolve", "the outcome is unknown")
    wait_for(lambda: second.call("GET", "{back}0") == b"v", "the other node serves")
    pair.owner[slot] = 1
    pair.push()
    assert second.call("CLUSTERX", "MIGRATE", slot, first.id) == b"OK"
    pair.settle()
    assert not first.pending
    assert second.info()["migrating_state"] == "fail"  # refused: the first owner has not done with it
    assert second.call("CLUSTERX", "MIGRATE", slot, first.id) == b"OK"
    pair.settle()
    pair.owner[slot] = 0
    pair.push()
    assert first.call("CLUSTER", "COUNTKEYSINSLOT", slot) == KEYS
    assert second.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0


def test_the_questions_of_an_import_that_began_anew_end(pair: Pair) -> None:
    first, second = pair.nodes
    slot = filled(pair, "anew")
    # The sender dies; the next one does not find in the log what it needs; the job starts over.
    first.arm("sender.snapshot=kill", "sender.snapshot=error")
    assert first.call("CLUSTERX", "MIGRATE", slot, second.id) == b"OK"
    pair.settle()
    assert not first.pending
    assert "begins anew" in second.server.log.read_text()
    assert first.info()["migrating_state"] == "success"
    pair.owner[slot] = 1
    pair.push(first)  # the source forgets the job: asked about it, it says "aborted"
    time.sleep(2.5 * ASK_INTERVAL_S)
    assert second.call("CLUSTER", "COUNTKEYSINSLOT", slot) == KEYS
