"""A migration while something breaks at every point that server/migration/faults.py names, with real processes.

For each point: the process that reaches it is killed; the place fails (which after a request is a lost reply), where
that is possible; the process stands still for longer than the other end waits for it; and the process at the other end,
or the sender, is killed while the first one stands there. What has died is started again. Then the nodes must settle by
themselves, with exactly one owner of the slot that has every acknowledged write; and after the topology has been told,
with nothing left of the slot at the other.

`python tests/migration/test_faults.py` prints the matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from harness import Node, Pair, Writer, wait_for

import slotrocks.server
from slotrocks.engine import slot_of
from slotrocks.server.migration import faults

KEYS = 400
CALL = re.compile(r'faults\.(reach|altered)\(f?"([\w.{}]+)"(, \w+)?\)')
# Longer than the response and the pause may take.
DELAY_MS = 1100
# A digest that differs: rows are lost, changed, or doubled between the two ends.
DAMAGE = ("drop", "flip", "repeat")

# What must happen first for a point to be reached.
BEFORE = {
    "source.ask.answered": "source.commit.answered=error",
    "source.resume.answered": "source.prepare.answered=error",
    "target.resume": "source.prepare.answered=error",
    "source.rollback": "target.compare=error",
    "source.forget": "target.compare=error",
    "target.abort": "target.compare=error",
}
# The sender lives from the one to the other.
SENDER_LIVES = {f"source.{each}" for each in ("sender.started", "snapshot.sent", "round.sent", "freeze", "final.sent")}


def points_in_code() -> dict[str, bool]:
    """Point -> whether it can fail, as the code has them."""
    found: dict[str, bool] = {}
    for path in Path(slotrocks.server.__path__[0]).rglob("*.py"):
        for match in CALL.finditer(path.read_text()):
            for what in ("snapshot", "round", "final") if "{" in match[2] else ("",):
                found[re.sub(r"\{.*\}", what, match[2])] = bool(match[3])
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
        if point.endswith(".rows"):  # rows are altered there, see below
            continue
        cases.append((point, "kill"))
        cases.append((point, f"delay:{DELAY_MS}"))
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
    assert cases | {"sender.rows", "target.rows"} == set(faults.POINTS)


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
        before = BEFORE.get(point, "")
        plans: list[list[str]] = [[], []]
        if before:
            plans[before.startswith("target")].append(before)
        plans[not on_source].append(line)
        source.arm(*plans[0])
        target.arm(*plans[1])

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


@pytest.mark.parametrize("at", ["sender.rows", "target.rows@2", "sender.rows@LAST"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_difference_ends_the_job(pair: Pair, tags: dict[int, str], at: str, damage: str) -> None:
    """Rows are lost, changed or doubled: of the snapshot, on the way or at the target; or of the changes."""
    pair.in_order = False
    source, target = pair.nodes
    armed = source if at.startswith("sender") else target
    while True:
        slot, tag = tags.popitem()
        for number in range(KEYS):
            assert source.call("SET", f"{{{tag}}}{number}", "v" * 100) == b"OK"
        if at != "sender.rows@LAST":
            armed.arm(f"{at}={damage}")
            assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
            break
        if migrate_with_a_change(source, slot, target, f"{{{tag}}}99", f"sender.rows={damage}"):
            break
        pair.settle()
    pair.settle()
    assert not armed.pending
    info = source.info()
    assert info["migrating_state"] == "fail"
    assert "the rows that came are not the source's" in info["migrating_error"]
    assert "the rows that came are not the source's" in source.server.log.read_text()
    assert pair.owner_of(f"{{{tag}}}0") == 0
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
    pair.in_order = True


def migrate_with_a_change(source: Node, slot: int, target: Node, key: str, fault: str) -> bool:
    """Begins a migration with a fault planned for the rows of a change: of a key whose row is the last of the snapshot.
    Whether the change was in time; if it was not, the slot moves without it, and nothing is planned."""
    source.arm("source.snapshot.sent=wait")
    assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
    source.wait_reached()
    source.arm(fault)
    with closing(source.server.client()) as client:
        client.send("SET", key, "new")
        source.go_on()
        in_time = client.receive()[1] == b"OK"
    if not in_time:
        source.arm()
    return in_time


def show() -> str:
    """The matrix as a table."""
    actions = ["error", "lost reply", "kill", f"delay:{DELAY_MS}", "kill-source", "kill-target", "kill-sender"]
    cases: dict[str, set[str]] = {}
    for case, action in matrix():
        lost = action == "error" and case.endswith(".answered")
        cases.setdefault(case, set()).add("lost reply" if lost else action)
    for point in ("sender.rows", "target.rows"):
        cases[point] = set(DAMAGE)
    width = max(map(len, cases))
    lines = [f"{'':{width}} " + " ".join(actions)]
    for case in sorted(cases):
        marks = [f"{'x' if each in cases[case] else '-':^{len(each)}}" for each in actions]
        others = " ".join(sorted(cases[case] - set(actions)))
        lines.append(f"{case:{width}} " + " ".join([*marks, others]).rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    print(show())
