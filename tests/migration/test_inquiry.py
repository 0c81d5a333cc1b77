"""A target that has promised to keep an import, and that its source cannot tell of the end, asks; see inquiry.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness import Pair, wait_for

from slotrocks.engine import slot_of
from slotrocks.server.migration.inquiry import answer
from slotrocks.server.migration.table import RUNNING, State

KEYS = 50
TAG = "{1}"
SLOT = slot_of(b"1")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path, "--migrate-resume-timeout-ms", "500")
    for number in range(KEYS):
        assert pair.nodes[0].call("SET", f"{TAG}{number}", "v") == b"OK"
    yield pair
    pair.close()


def give_up_while_the_target_is_dead(pair: Pair) -> None:
    """The target promises and dies; the source tries to tell it the end, and gives up."""
    source, target = pair.nodes
    target.arm("target.prepare.synced=kill")
    assert source.call("CLUSTERX", "MIGRATE", SLOT, target.id) == b"OK"
    wait_for(lambda: source.info().get("migrating_stage") == "failed", "the source gives up")
    assert target.dead


def test_a_target_that_was_not_told_of_the_abort_asks(pair: Pair) -> None:
    source, target = pair.nodes
    give_up_while_the_target_is_dead(pair)
    target.restart()
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == KEYS  # the promise is kept until the answer comes
    wait_for(lambda: target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0, "the target drops what came")
    assert target.settled
    assert pair.owner_of(f"{TAG}0") == 0
    assert source.call("GET", f"{TAG}7") == b"v"


def test_it_asks_until_the_source_is_there(pair: Pair) -> None:
    source, target = pair.nodes
    give_up_while_the_target_is_dead(pair)
    source.kill()
    target.restart()
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == KEYS
    source.restart()
    wait_for(lambda: target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0, "the target drops what came")
    assert pair.owner_of(f"{TAG}0") == 0


def test_what_a_source_answers() -> None:
    """It never calls a job aborted that may still be committed."""
    said: dict[State, str] = {}
    for state in State:
        job: Any = SimpleNamespace(state=state)
        said[state] = answer(job)
    undecided = RUNNING - {State.ROLLBACK}
    assert {state for state, word in said.items() if word == "pending"} == undecided
    assert {state for state, word in said.items() if word == "aborted"} == {State.ROLLBACK, State.FAILED}
    assert answer(None) == "aborted"
