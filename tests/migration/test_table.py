"""The migration table by itself: that every pair of state and event is listed or illegal, that every job ends, that
nothing rolls back after the fence on the source's own account; and a simulation of a source and a target that
follow it while messages are lost and both crash at any step: never do both serve, and in the end exactly one does.
"""

from __future__ import annotations

import random

import pytest

from slotrocks.server.migration import table
from slotrocks.server.migration.table import (
    ENDED,
    FENCED,
    FROZEN,
    RECOVERY,
    RUNNING,
    TABLE,
    Effect,
    Event,
    IllegalTransition,
    State,
    diagram,
    step,
)


@pytest.mark.parametrize("state", State)
def test_every_pair_is_listed_or_illegal(state: State) -> None:
    for event in Event:
        if (state, event) in TABLE:
            assert step(state, event) == TABLE[state, event]
        else:
            with pytest.raises(IllegalTransition):
                step(state, event)


def reachable(start: State) -> set[State]:
    found, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for (state, _), transition in TABLE.items():
            if state is here and transition.next not in found:
                found.add(transition.next)
                todo.append(transition.next)
    return found


def test_every_state_is_reached() -> None:
    assert reachable(State.START) == set(State)


@pytest.mark.parametrize("state", set(State) - ENDED)
def test_every_job_can_end(state: State) -> None:
    assert reachable(state) & ENDED


def test_what_ended_stays_so() -> None:
    assert not {state for state, _ in TABLE} & ENDED


def test_after_the_fence_only_the_targets_word_or_an_operators_rolls_back() -> None:
    for (state, event), transition in TABLE.items():
        if state in FENCED and transition.next not in FENCED | {State.MOVED}:
            assert event is Event.ABORTED or (state, event) == (State.RESOLVE, Event.KEPT)
    for event in (Event.FAILURE, Event.PAUSE_TOO_LONG):
        assert not any((state, event) in TABLE for state in FENCED | {State.MOVED, State.CLEAN})


def test_before_the_fence_everything_can_fail() -> None:
    for state in RUNNING - FENCED - {State.ROLLBACK}:
        assert TABLE[state, Event.FAILURE].next is State.ROLLBACK


def test_commit_is_sent_only_behind_the_fence() -> None:
    for (state, _), transition in TABLE.items():
        if Effect.SEND_COMMIT in transition.effects:
            assert state in FENCED
            assert transition.next in FENCED
    assert not FROZEN & FENCED


def test_what_is_held_is_let_go() -> None:
    for (state, _), transition in TABLE.items():
        if state in FROZEN | FENCED and transition.next not in FROZEN | FENCED:
            assert {Effect.UNFREEZE, Effect.ANSWER_MOVED} & set(transition.effects), state


def test_recovery_knows_every_state_that_a_record_has() -> None:
    assert set(RECOVERY) == {State.START, State.FENCE, State.MOVED, State.ROLLBACK}
    assert RECOVERY[State.START].next is State.RECONNECT
    assert RECOVERY[State.ROLLBACK].next is State.ROLLBACK
    assert RECOVERY[State.FENCE].next in FENCED
    assert RECOVERY[State.MOVED].next is State.MOVED


def test_the_diagram_has_every_row() -> None:
    text = diagram()
    for (state, event), transition in TABLE.items():
        assert f"    {state.name} --> {transition.next.name}: {event.name}\n" in text
    for state in ENDED:
        assert f"    {state.name} --> [*]\n" in text
    assert text.count("-->") == len(TABLE) + len(ENDED) + 1


class World:
    """A source that follows the table, a target that follows importer.py, and a network that loses and delays.

    Each effect of the table is modelled by what it does to the two durable records, to who serves, and by the message
    that it sends. A message may arrive late, in any state of either side.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.trace: list[str] = []
        self.source = State.START
        self.source_record: str | None = "START"
        self.target = self.target_record = "importing"
        self.wire: list[str] = []  # requests on their way to the target
        self.epoch = self.target_epoch = 0  # which connection feeds the import
        self.next_event: Event | None = Event.ACCEPTED
        self.acknowledged = 0  # the newest write that a client was told of
        self.source_data = 0
        self.target_data = 0
        self.crashes = 6

    @property
    def source_writes(self) -> bool:
        return self.source in RUNNING - FROZEN - FENCED | {State.FAILED}

    @property
    def target_writes(self) -> bool:
        return self.target == "committed"

    def check(self) -> None:
        assert not (self.source_writes and self.target_writes), "\n".join(self.trace)
        for serves, data in ((self.source_writes, self.source_data), (self.target_writes, self.target_data)):
            assert not serves or data == self.acknowledged, "\n".join(self.trace)

    def on(self, event: Event) -> None:
        transition = step(self.source, event)
        self.trace.append(f"{self.source.name} {event.name} -> {transition.next.name}")
        self.enter(transition)

    def enter(self, transition: table.Transition) -> None:
        self.source = transition.next
        self.next_event = None
        for effect in transition.effects:
            getattr(self, f"do_{effect.name.lower()}", lambda: None)()

    def do_send_start(self) -> None:
        self.epoch = self.target_epoch = self.epoch + 1
        self.next_event = Event.ACCEPTED if self.target == "importing" else Event.FAILURE

    def do_connect_again(self) -> None:
        self.epoch += 1
        self.request(f"resume {self.epoch}")
        while self.next_event is Event.FAILURE and self.target != "aborted" and self.random.random() < 0.7:
            self.epoch += 1
            self.request(f"resume {self.epoch}")
        if self.next_event is Event.RESUMED and self.random.random() < 0.1:
            self.next_event = Event.START_OVER

    def do_start_sender(self) -> None:
        self.next_event = Event.SNAPSHOT_SENT

    def send(self, then: Event) -> None:
        """Rows, which count only over the connection that feeds the import."""
        if self.target == "importing" and self.epoch == self.target_epoch and self.random.random() < 0.9:
            self.target_data = self.source_data
            self.next_event = then
        else:
            self.next_event = self.random.choice([Event.LINK_LOST, Event.FAILURE])

    def do_send_round(self) -> None:
        self.send(self.random.choice([Event.ROUND_LARGE, Event.ROUND_SMALL]))

    def do_send_final(self) -> None:
        self.send(Event.FINAL_SENT)

    def do_send_prepare(self) -> None:
        self.request(f"prepare {self.epoch}")

    def do_note_end(self) -> None:
        self.source_record = "ROLLBACK"

    def do_write_fence(self) -> None:
        self.source_record = "FENCE"
        self.next_event = Event.FENCED

    def do_send_commit(self) -> None:
        self.request("commit")

    def do_ask_outcome(self) -> None:
        self.request("status")

    def do_answer_moved(self) -> None:
        self.source_record = "MOVED"

    def do_abort_target(self) -> None:
        self.request("abort")

    def do_forget(self) -> None:
        self.source_record = None

    def request(self, what: str) -> None:
        """Sends, and gets the answer, or loses either. What is lost on its way may still arrive later."""
        lost = {
            "prepare": self.random.choice([Event.LINK_LOST, Event.FAILURE]),
            "resume": Event.FAILURE,
            "abort": Event.ROLLED_BACK,
        }.get(what.split()[0], Event.NO_ANSWER)
        fate = self.random.random()
        if fate < 0.2:
            self.trace.append(f"  {what} is late")
            self.wire.append(what)
            self.next_event = lost
            return
        answer = self.deliver(what)
        if fate < 0.4:
            self.trace.append(f"  the answer to {what} is lost")
        self.next_event = lost if fate < 0.4 else answer

    def deliver(self, what: str) -> Event:
        """What the target does about a request."""
        before = self.target
        lost = Event.NO_ANSWER
        name, _, number = what.partition(" ")
        if name == "prepare":
            valid = self.target == "importing" and int(number) == self.target_epoch
            if valid:
                self.target = "prepared"
            answer = Event.PREPARED if valid else Event.FAILURE
        elif name == "resume":
            valid = self.target in ("importing", "prepared") and int(number) > self.target_epoch
            if valid:
                self.target, self.target_epoch = "importing", int(number)
            answer = Event.RESUMED if valid else Event.FAILURE
        elif what == "commit":
            if self.target in ("prepared", "committed"):
                self.target = "committed"
            answer = Event.COMMITTED if self.target == "committed" else lost
        elif what == "abort":
            if self.target != "committed":
                self.target = "aborted"
            answer = Event.ROLLED_BACK
        else:
            answers = {"committed": Event.COMMITTED, "prepared": Event.STILL_PREPARED, "aborted": Event.ABORTED}
            answer = answers.get(self.target, lost)
        self.target_record = self.target
        self.trace.append(f"  target: {what}: {before} -> {self.target}")
        return answer

    def crash_source(self) -> None:
        self.trace.append("source crashes")
        if self.source_record is not None:
            state = State[self.source_record]
            self.source = state
            self.enter(RECOVERY[state])
        elif self.source is not State.DONE:
            self.source, self.next_event = State.FAILED, None

    def crash_target(self) -> None:
        self.trace.append("target crashes")
        self.target = self.target_record
        self.wire = [each for each in self.wire if not each.startswith(("prepare", "resume"))]
        if self.source in (State.SNAPSHOT, State.INCREMENT, State.FREEZE):
            self.next_event = self.random.choice([Event.LINK_LOST, Event.FAILURE])

    def give_up(self) -> None:
        """An import whose source does not come back ends."""
        if self.target == "importing" and self.source in (State.RECONNECT, State.ROLLBACK, State.FAILED):
            self.trace.append("target gives up")
            self.target = self.target_record = "aborted"

    def act(self) -> None:
        """One thing happens."""
        choice = self.random.random()
        if choice < 0.1 and self.crashes:
            self.crashes -= 1
            self.random.choice([self.crash_source, self.crash_target])()
        elif choice < 0.2 and self.wire:
            self.deliver(self.wire.pop(0))
        elif choice < 0.4:
            if self.source_writes:
                self.source_data += 1
                self.acknowledged += 1
            elif self.target_writes:
                self.target_data += 1
                self.acknowledged += 1
        elif choice < 0.42:
            self.give_up()
        elif choice < 0.47 and self.source in FROZEN:
            self.on(Event.PAUSE_TOO_LONG)
        elif self.next_event is not None:
            self.on(self.next_event)


@pytest.mark.parametrize("first", range(0, 1600, 400))
def test_never_two_owners(first: int) -> None:
    for seed in range(first, first + 400):
        world = World(seed)
        for _ in range(300):
            world.act()
            world.check()
        while world.next_event is not None:  # a calm end: whatever is on its way arrives
            world.random.random = lambda: 0.9  # type: ignore[method-assign]
            world.on(world.next_event)
            world.check()
        for late in world.wire:
            world.deliver(late)
            world.check()
        assert world.source_writes != world.target_writes, f"seed {seed}\n" + "\n".join(world.trace)
