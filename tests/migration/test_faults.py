"""A migration while something breaks at every point that server/migration/faults.py names, with real processes.

For each point: the process that reaches it is killed; the place fails (a lost reply, a refused write), where that
is possible; and the process at the other end, or the sender, is killed while the first one stands there. What has
died is started again. Then the nodes must settle by themselves, with exactly one owner of the slot that has every
acknowledged write; and after the topology has been told, with nothing left of the slot at the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Pair, Writer, wait_for

import slotrocks.server
from slotrocks.engine import slot_of
from slotrocks.server.migration import faults

KEYS = 400
CALL = re.compile(r'faults\.reach\(f?"([\w.{}]+)"(, \w+)?\)')

# What must happen first for a point to be reached.
BEFORE = {
    "source.ask.answered": "source.commit.answered=error",
    "source.rollback": "source.prepare.answered=error",
    "source.forget": "source.prepare.answered=error",
    "target.abort": "source.prepare.answered=error",
}
# The sender lives from the one to the other.
SENDER_LIVES = {f"source.{each}" for each in ("sender.started", "snapshot.sent", "round.sent", "freeze", "final.sent")}


def points_in_code() -> dict[str, bool]:
    """Point -> whether it can fail, as the code has them."""
    found: dict[str, bool] = {}
    for path in Path(slotrocks.server.__path__[0]).rglob("*.py"):
        for match in CALL.finditer(path.read_text()):
            for what in ("snapshot", "round", "final") if "{" in match[1] else ("",):
                found[re.sub(r"\{.*\}", what, match[1])] = bool(match[2])
    for line in ("sender.snapshot", "sender.changes"):  # given to Job._send
        found[line] = True
    return found


def matrix() -> list[tuple[str, str]]:
    """(point, action); an action is one of the plan's, or whom to kill meanwhile."""
    cases = []
    for point, can_fail in sorted(points_in_code().items()):
        side = point.split(".")[0]
        if point == "node.sync":
            cases += [("source:node.sync", "error"), ("target:node.sync", "error"), ("target:node.sync@2", "error")]
            continue
        cases.append((point, "kill"))
        if can_fail:
            cases.append((point, "error"))
        if side != "target" and point != "source.clean":  # it stands inside the command that pushes the topology
            cases.append((point, "kill-target"))
        if side != "source":
            cases.append((point, "kill-source"))
        if point in SENDER_LIVES:
            cases.append((point, "kill-sender"))
    return cases


def test_points_are_listed() -> None:
    assert set(points_in_code()) == set(faults.POINTS)
    cases = {case.rpartition(":")[2].partition("@")[0] for case, _ in matrix()}
    assert cases == set(faults.POINTS)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Pair]]:
    """The pair in use, if it is in order."""
    kept: list[Pair] = []
    yield kept
    for pair in kept:
        pair.close()


@pytest.fixture
def pair(pairs: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two nodes; those of the test before, unless it failed."""
    pair = pairs.pop() if pairs else Pair(tmp_path_factory.mktemp("pair"))
    yield pair
    if pair.in_order:
        pairs.append(pair)
    else:
        pair.close()


@pytest.fixture(scope="module")
def tags() -> dict[int, str]:
    """slot -> a hash tag in it."""
    return {slot_of(f"{number}".encode()): f"{number}" for number in range(3000)}


@pytest.mark.parametrize(("point", "action"), matrix())
def test_one_owner_and_nothing_lost(pair: Pair, tags: dict[int, str], point: str, action: str) -> None:
    pair.in_order = False
    slot, tag = tags.popitem()
    source, target = pair.nodes
    client = source.server.client()
    for number in range(KEYS):
        client.send("SET", f"{{{tag}}}{number}", "v" * 100)
    for _ in range(KEYS):
        assert client.receive()[1] == b"OK"
    client.close()
    writers = [Writer(pair, [f"{{{tag}}}{name}{number}" for number in range(10)]) for name in "xy"]
    try:
        wait_for(lambda: all(len(each.acknowledged) == 10 for each in writers), "writes")
        on_source = point.startswith(("source", "sender"))
        armed = source if on_source else target
        name = point.partition(":")[2] or point
        line = f"{name}={'wait' if '-' in action else action}"
        before = BEFORE.get(point)
        source.arm(*([before] if before else []), *([line] if on_source else []))
        target.arm(*([] if on_source else [line]))

        assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
        if point == "source.clean":
            wait_for(lambda: source.settled, "the move")
            pair.owner[slot] = 1
            pair.push()
        if "-" in action:
            armed.wait_reached()
            victim = action.removeprefix("kill-")
            if victim == "sender":
                sender = source.sender()
                assert sender is not None
                sender.kill()
            else:
                (source if victim == "source" else target).kill()
                pair.revive()
            armed.go_on()
        wait_for(lambda: not armed.pending, f"{line} happens\n{pair.describe}")
        if name.startswith("node.sync"):
            # A node that could not write says so until it is started again.
            refusals = ("MISCONF", "TRYAGAIN", "MOVED")
            wait_for(lambda: str(armed.call("SET", f"{{{tag}}}0", "v")).startswith(refusals), "an error")
            armed.restart()
        pair.settle()
    finally:
        for writer in writers:
            writer.stop()
    pair.settle()
    owner = pair.owner_of(f"{{{tag}}}0")
    for writer in writers:
        writer.check(pair.nodes[owner])
    for number in range(KEYS):
        assert pair.nodes[owner].call("GET", f"{{{tag}}}{number}") in (b"v" * 100, b"v")

    pair.owner[slot] = owner
    pair.push()
    pair.settle()
    assert pair.owner_of(f"{{{tag}}}0") == owner
    assert pair.nodes[1 - owner].call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
    assert pair.nodes[owner].call("CLUSTER", "COUNTKEYSINSLOT", slot) >= KEYS + 20
    for node in pair.nodes:
        assert not node.pending
    pair.in_order = True
