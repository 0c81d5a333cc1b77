"""A migration at its source, as a table: (state, event) -> (next state, effects). What is absent is an error.

The theory. The source owns the slots until the target has them *durably* and the source can no longer write them. So
the hand-over has two phases, and at every instant at most one node would execute a write, whoever dies and whichever
message or reply is lost:

1. START to INCREMENT copy, and decide nothing. Any failure rolls back: the source never lost anything, the target drops
   what it got.
2. FREEZE holds writes (reads go on) while the last changes are sent. A failure, or the pause growing too long, rolls
   back.
3. PREPARE asks the target to compare what it has with what the source has, to make everything durable, and to promise:
   from now on it keeps the data until it is told the outcome, through restarts. It does not serve yet, so the source
   may still roll back.
4. FENCE makes the source promise, durably: it serves neither writes nor reads of these slots until it knows the
   outcome. From here on there is no rollback on the source's own account.
5. COMMIT lets the target serve, durably. Its answer makes the source answer MOVED. If no answer comes (RESOLVE) the
   source stays fenced and asks until it knows: committed -> MOVED; still prepared -> COMMIT again; aborted (the target
   cannot say that after it committed) -> ROLLBACK. Only a person can end that differently, for a target that is gone
   for ever (CLUSTERX MIGRATION RESOLVE): nobody can know then whether it served.
6. MOVED lasts until a topology confirms it; then CLEAN deletes the data.

When the sender, the link or a node dies before the fence, the job is not lost: RECONNECT holds nothing, and tries to
reach the target for migrate-resume-timeout-ms; the target says how far it has come, and a new sender goes on there. A
source that was restarted begins in RECONNECT, too.

A target that speaks only Kvrocks's protocol has no PREPARE: that step is empty, COMMIT is `CLUSTER IMPORT <range> 1`,
and what RESOLVE can ask is its CLUSTER INFO. There is no RECONNECT either, nor when keys are sent as commands.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class State(Enum):
    """Where a job is. The value is what operators see."""

    START = "start"
    RECONNECT = "reconnect"
    SNAPSHOT = "snapshot"
    INCREMENT = "increment"
    FREEZE = "freeze"
    PREPARE = "prepare"
    FENCE = "fence"
    COMMIT = "commit"
    RESOLVE = "resolve"
    MOVED = "moved"
    ROLLBACK = "rollback"
    CLEAN = "clean"
    FAILED = "failed"
    DONE = "done"


class Event(Enum):
    """What happened to a job."""

    ACCEPTED = "the target imports"
    RESUMED = "the target has said how far it has come"
    START_OVER = "the target, or the log, no longer has what the job would go on from"
    LINK_LOST = "the sender, the link or the target died; what they did can be resumed"
    SNAPSHOT_SENT = "the snapshot has arrived"
    ROUND_LARGE = "a round of changes has arrived, and it was large"
    ROUND_SMALL = "a round of changes has arrived; what is left is little, or the rounds are used up"
    FINAL_SENT = "the last changes have arrived"
    PREPARED = "the target has promised"
    FENCED = "the source has promised"
    COMMITTED = "the target serves"
    ABORTED = "the target says that it never will"
    STILL_PREPARED = "the target still waits for the outcome"
    NO_ANSWER = "link lost, time-out or garbage"
    GIVEN = "an operator has decided: the target owns the slots"
    KEPT = "an operator has decided: the source keeps the slots"
    FAILURE = "the sender, the link or the target failed, or an operator stopped the job"
    PAUSE_TOO_LONG = "writes have been held for migrate-pause-timeout-ms"
    ROLLED_BACK = "the target has been told, or cannot be reached"
    CONFIRMED = "a topology names the new owner"
    CLEANED = "the data of the slots is deleted"


class Effect(Enum):
    """What the coordinator has to do, in this order, when a transition says so."""

    SEND_START = "START to the target"
    CONNECT_AGAIN = "ask the target how far it has come, again and again"
    START_SENDER = "start the sender: snapshot"
    SEND_ROUND = "have the sender send the changes so far"
    FREEZE = "hold writes"
    SEND_FINAL = "have the sender send the last changes"
    SEND_PREPARE = "PREPARE to the target"
    WRITE_FENCE = "write and fsync the fence, hold reads too"
    SEND_COMMIT = "COMMIT to the target"
    ASK_OUTCOME = "ask the target, again and again"
    NOTE_END = "note that the job ends"
    ANSWER_MOVED = "write the move; answer MOVED, also to what was held"
    STOP_SENDER = "end the sender"
    CLEAR_FILES = "remove the sender's files"
    ABORT_TARGET = "ABORT to the target, or close the link"
    UNFREEZE = "serve again, first what was held"
    FORGET = "delete the job's record"
    REPORT_SUCCESS = "report success"
    REPORT_FAILURE = "report the failure"
    DELETE_DATA = "delete the slots' range in every column family"


class Transition(NamedTuple):
    """The row of a (state, event)."""

    next: State
    effects: tuple[Effect, ...] = ()


S, E, F = State, Event, Effect

_BACK = Transition(S.ROLLBACK, (F.NOTE_END, F.STOP_SENDER, F.CLEAR_FILES, F.UNFREEZE, F.ABORT_TARGET))
_LOST = Transition(S.RECONNECT, (F.STOP_SENDER, F.CONNECT_AGAIN))
_LOST_FROZEN = Transition(S.RECONNECT, (F.STOP_SENDER, F.UNFREEZE, F.CONNECT_AGAIN))
_OVER = Transition(S.START, (F.STOP_SENDER, F.CLEAR_FILES, F.SEND_START))

TABLE: dict[tuple[State, Event], Transition] = {
    (S.START, E.ACCEPTED): Transition(S.SNAPSHOT, (F.START_SENDER,)),
    (S.START, E.FAILURE): _BACK,
    (S.RECONNECT, E.RESUMED): Transition(S.SNAPSHOT, (F.START_SENDER,)),
    (S.RECONNECT, E.START_OVER): _OVER,
    (S.RECONNECT, E.FAILURE): _BACK,
    (S.SNAPSHOT, E.SNAPSHOT_SENT): Transition(S.INCREMENT, (F.SEND_ROUND,)),
    (S.SNAPSHOT, E.LINK_LOST): _LOST,
    (S.SNAPSHOT, E.START_OVER): _OVER,
    (S.SNAPSHOT, E.FAILURE): _BACK,
    (S.INCREMENT, E.ROUND_LARGE): Transition(S.INCREMENT, (F.SEND_ROUND,)),
    (S.INCREMENT, E.ROUND_SMALL): Transition(S.FREEZE, (F.FREEZE, F.SEND_FINAL)),
    (S.INCREMENT, E.LINK_LOST): _LOST,
    (S.INCREMENT, E.START_OVER): _OVER,
    (S.INCREMENT, E.FAILURE): _BACK,
    (S.FREEZE, E.FINAL_SENT): Transition(S.PREPARE, (F.STOP_SENDER, F.SEND_PREPARE)),
    (S.FREEZE, E.LINK_LOST): _LOST_FROZEN,
    (S.FREEZE, E.PAUSE_TOO_LONG): _BACK,
    (S.FREEZE, E.FAILURE): _BACK,
    (S.PREPARE, E.PREPARED): Transition(S.FENCE, (F.WRITE_FENCE,)),
    (S.PREPARE, E.LINK_LOST): _LOST_FROZEN,
    (S.PREPARE, E.PAUSE_TOO_LONG): _BACK,
    (S.PREPARE, E.FAILURE): _BACK,
    # The fence is written or the node stops writing altogether: there is no other way out of FENCE.
    (S.FENCE, E.FENCED): Transition(S.COMMIT, (F.CLEAR_FILES, F.SEND_COMMIT)),
    (S.COMMIT, E.COMMITTED): Transition(S.MOVED, (F.ANSWER_MOVED, F.REPORT_SUCCESS)),
    (S.COMMIT, E.ABORTED): _BACK,
    (S.COMMIT, E.NO_ANSWER): Transition(S.RESOLVE, (F.ASK_OUTCOME,)),
    (S.RESOLVE, E.COMMITTED): Transition(S.MOVED, (F.ANSWER_MOVED, F.REPORT_SUCCESS)),
    (S.RESOLVE, E.STILL_PREPARED): Transition(S.COMMIT, (F.SEND_COMMIT,)),
    (S.RESOLVE, E.ABORTED): _BACK,
    (S.RESOLVE, E.NO_ANSWER): Transition(S.RESOLVE, (F.ASK_OUTCOME,)),
    # The decision is durable before these events.
    (S.RESOLVE, E.GIVEN): Transition(S.MOVED, (F.ANSWER_MOVED, F.REPORT_SUCCESS)),
    (S.RESOLVE, E.KEPT): _BACK,
    (S.ROLLBACK, E.ROLLED_BACK): Transition(S.FAILED, (F.FORGET, F.REPORT_FAILURE)),
    (S.MOVED, E.CONFIRMED): Transition(S.CLEAN, (F.DELETE_DATA,)),
    (S.CLEAN, E.CLEANED): Transition(S.DONE, (F.FORGET,)),
}

# Where a job whose source was restarted goes on, by the state that its record says. Until the fence nothing was
# promised, and a job that cannot be resumed ends.
RECOVERY: dict[State, Transition] = {
    S.START: Transition(S.RECONNECT, (F.CONNECT_AGAIN,)),
    S.ROLLBACK: _BACK,
    S.FENCE: Transition(S.RESOLVE, (F.ASK_OUTCOME,)),
    S.MOVED: Transition(S.MOVED),
}

ENDED = frozenset({S.FAILED, S.DONE})
# In these states the slots are still being copied or handed over: one job at a time.
RUNNING = frozenset(
    {S.START, S.RECONNECT, S.SNAPSHOT, S.INCREMENT, S.FREEZE, S.PREPARE, S.FENCE, S.COMMIT, S.RESOLVE, S.ROLLBACK}
)
# Writes are held in these, and in those after the fence reads as well.
FROZEN = frozenset({S.FREEZE, S.PREPARE})
FENCED = frozenset({S.FENCE, S.COMMIT, S.RESOLVE})


class IllegalTransition(Exception):
    """An event that the state has no row for: a mistake of ours, never of a peer."""


def step(state: State, event: Event) -> Transition:
    """The transition of a state on an event. Raises IllegalTransition."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalTransition(f"{event.name} in state {state.name}") from None


def diagram() -> str:
    """The table as a Mermaid state diagram, for docs/migration.md."""
    lines = ["stateDiagram-v2", "    [*] --> START"]
    for (state, event), (target, _) in TABLE.items():
        lines.append(f"    {state.name} --> {target.name}: {event.name}")
    lines += [f"    {state.name} --> [*]" for state in sorted(ENDED, key=lambda s: s.name)]
    return "\n".join(lines) + "\n"
