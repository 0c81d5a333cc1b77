"""Outcomes that nobody knows, because a node is gone for ever, and the operator who decides: CLUSTERX MIGRATION RESOLVE
at either end. And topologies that come before the outcome is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hiredis
import pytest
from harness import Pair, wait_for

from slotrocks.engine import slot_of

KEYS = 50
TAG = "{resolve}"
SLOT = slot_of(b"resolve")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path, "--migrate-pause-timeout-ms", "400")
    for number in range(KEYS):
        assert pair.nodes[0].call("SET", f"{TAG}{number}", "v" * 100) == b"OK"
    yield pair
    pair.close()


def migrate_until(pair: Pair, point: str) -> None:
    """Begins a migration whose source stands at `point`."""
    source, target = pair.nodes
    source.arm(f"{point}=wait")
    assert source.call("CLUSTERX", "MIGRATE", SLOT, target.id) == b"OK"
    source.wait_reached()


def lose_target(pair: Pair) -> None:
    """The source has fenced, COMMIT has not been sent, and the target is gone."""
    source, target = pair.nodes
    migrate_until(pair, "source.commit.send")
    target.kill()
    source.go_on()
    wait_for(lambda: source.info()["migrating_stage"] == "resolve", "the outcome is unknown")
    wait_for(lambda: str(source.call("GET", f"{TAG}0")).startswith("TRYAGAIN"), "nothing is served")


def lose_source(pair: Pair) -> None:
    """The target has promised, and the source is gone."""
    migrate_until(pair, "source.prepare.answered")
    pair.nodes[0].kill()
    assert pair.nodes[1].info()["importing_stage"] == "prepared"


def resolve(pair: Pair, at: int, owner: int) -> str:
    reply = pair.nodes[at].call("CLUSTERX", "MIGRATION", "RESOLVE", SLOT, pair.nodes[owner].id)
    assert isinstance(reply, bytes), reply
    return reply.decode()


@pytest.mark.parametrize("restarts", [False, True], ids=["", "restart"])
def test_the_source_keeps_the_slots(pair: Pair, restarts: bool) -> None:
    source, target = pair.nodes
    lose_target(pair)
    assert "target" in resolve(pair, 0, 0)
    assert source.call("SET", f"{TAG}0", "new") == b"OK"
    if restarts:
        source.restart()
    assert source.call("GET", f"{TAG}0") == b"new"
    assert source.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == KEYS
    wait_for(lambda: source.info()["migrating_state"] == "fail", "the job has ended")
    # The target comes back, still waits for the outcome, and asks: it serves nothing until it knows.
    target.restart()
    assert str(target.call("GET", f"{TAG}0")).startswith("MOVED")
    wait_for(lambda: target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0, "the target drops what came")
    assert pair.owner_of(f"{TAG}0") == 0


@pytest.mark.parametrize(("restarts", "confirmed"), [(False, False), (True, False), (True, True)])
def test_the_target_gets_the_slots(pair: Pair, restarts: bool, confirmed: bool) -> None:
    source, target = pair.nodes
    lose_target(pair)
    assert "sends clients on" in resolve(pair, 0, 1)
    if restarts:
        source.restart()
    assert str(source.call("GET", f"{TAG}0")).startswith(f"MOVED {SLOT}")
    assert source.info()["migrating_state"] == "success"
    if confirmed:  # by a topology that the target does not know: nothing is left at the source
        pair.owner[SLOT] = 1
        pair.version += 1
        assert source.call("CLUSTERX", "SETNODES", pair.text(), pair.version) == b"OK"
        wait_for(lambda: source.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0, "the source's copy is deleted")
        source.restart()
    target.restart()
    wait_for(lambda: target.call("GET", f"{TAG}0") == b"v" * 100, "the target asks, and serves")
    target.restart()
    assert pair.owner_of(f"{TAG}0") == 1
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == KEYS + 1


def test_a_decision_that_cannot_be_written_changes_nothing(pair: Pair) -> None:
    source, target = pair.nodes
    lose_target(pair)
    source.arm("node.sync=error")
    reply = source.call("CLUSTERX", "MIGRATION", "RESOLVE", SLOT, source.id)
    assert str(reply).startswith("ERR cannot sync")
    assert str(source.call("GET", f"{TAG}0")).startswith("TRYAGAIN")
    target.restart()
    source.restart()  # what the medium has of it is not known: either it has the decision, or asks the target
    pair.settle()


@pytest.mark.parametrize("owner", [0, 1])
def test_the_source_is_gone(pair: Pair, owner: int) -> None:
    source, target = pair.nodes
    lose_source(pair)
    resolve(pair, 1, owner)
    target.restart()
    if owner == 1:
        assert target.call("GET", f"{TAG}0") == b"v" * 100
        pair.owner[SLOT] = 1
        pair.version += 1
        assert target.call("CLUSTERX", "SETNODES", pair.text(), pair.version) == b"OK"
    source.restart()
    pair.settle()
    if owner == 0:
        assert pair.owner_of(f"{TAG}0") == 0
        assert target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0


def test_when_there_is_nothing_to_decide(pair: Pair) -> None:
    source, target = pair.nodes

    def refused(at: int, *words: str | int) -> str:
        reply = pair.nodes[at].call("CLUSTERX", "MIGRATION", *words)
        assert isinstance(reply, hiredis.ReplyError)
        return str(reply)

    assert "is not unknown" in refused(0, "RESOLVE", SLOT, source.id)
    assert "is not unknown" in refused(1, "RESOLVE", SLOT, source.id)
    assert "are not being migrated" in refused(0, "CANCEL", SLOT)
    assert refused(0, "RESOLVE", SLOT) == refused(0, "FORGET", SLOT) == "ERR syntax error"
    lose_target(pair)
    assert "is not unknown" in refused(0, "RESOLVE", SLOT + 1, source.id)
    assert "the owner can be" in refused(0, "RESOLVE", SLOT, "c" * 40)
    assert "too late to cancel" in refused(0, "CANCEL", SLOT)
    target.restart()
    pair.settle()
    assert pair.owner_of(f"{TAG}0") == 1


def test_what_the_target_decided_wins_over_kvrocks_messages(pair: Pair) -> None:
    """CLUSTER IMPORT, the form without ids, says nothing about a hand-over."""
    source, target = pair.nodes
    migrate_until(pair, "source.prepare.answered")
    for state in (0, 1, 2):
        assert isinstance(target.call("CLUSTER", "IMPORT", SLOT, state), hiredis.ReplyError)
    source.go_on()
    pair.settle()
    assert pair.owner_of(f"{TAG}0") == 1


@pytest.mark.parametrize("point", ["source.prepare.answered", "source.commit.send"])
def test_an_early_topology_lets_nobody_serve_too_soon(pair: Pair, point: str) -> None:
    """It names the target while the target has only promised."""
    source, target = pair.nodes
    migrate_until(pair, point)
    pair.owner[SLOT] = 1
    pair.version += 1
    assert target.call("CLUSTERX", "SETNODES", pair.text(), pair.version) == b"OK"
    for words in (("GET", f"{TAG}0"), ("SET", f"{TAG}0", "x")):
        assert str(target.call(*words)).startswith("TRYAGAIN")
    assert "belong" in str(target.call("CLUSTERX", "MIGRATE", SLOT, source.id))
    target.restart()
    assert str(target.call("GET", f"{TAG}0")).startswith("TRYAGAIN")
    client = source.server.client()
    client.send("CLUSTERX", "SETNODES", pair.text(), pair.version)
    source.go_on()
    assert client.receive()[1] == b"OK"
    client.close()
    pair.settle()
    assert pair.owner_of(f"{TAG}0") == 1
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == KEYS + 1
    wait_for(lambda: source.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0, "the source has dropped its copy")


@pytest.mark.parametrize("point", ["source.start.answered", "source.snapshot.sent", "source.prepare.send"])
def test_cancel(pair: Pair, point: str) -> None:
    source, target = pair.nodes
    migrate_until(pair, point)
    client = source.server.client()
    client.send("CLUSTERX", "MIGRATION", "CANCEL", SLOT)
    source.go_on()
    assert client.receive()[1] == b"OK"
    client.close()
    pair.settle()
    assert source.info()["migrating_error"] == "cancelled by an operator"
    assert pair.owner_of(f"{TAG}0") == 0
    wait_for(lambda: target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0, "the target has dropped what came")
