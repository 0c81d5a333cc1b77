"""Bugs, one at a time: each breaks one rule of the protocol in the real code, and the simulation has to find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from slotrocks.server.cluster.ranges import NO_SLOTS
from slotrocks.server.migration import table
from slotrocks.server.migration.coordinator import Coordinator
from slotrocks.server.migration.importer import Importer
from slotrocks.server.migration.incoming import Import
from slotrocks.server.migration.receiver import Receiver
from slotrocks.server.migration.records import ImportState
from slotrocks.server.migration.steps import Steps
from slotrocks.server.migration.table import Event, State
from slotrocks.server.session import Session
from slotrocks.server.tick import Tick


def skip_the_fence() -> Any:
    """COMMIT is sent without a durable promise of the source."""

    async def write_fence(self: Steps, job: Any) -> None:
        self._on(job, Event.FENCED)

    return mock.patch.object(Steps, "_write_fence", write_fence)


def take_silence_for_failure() -> Any:
    """A COMMIT that is not answered rolls back."""
    row = {(State.COMMIT, Event.NO_ANSWER): table.TABLE[State.COMMIT, Event.ABORTED]}
    return mock.patch.dict(table.TABLE, row)


def serve_before_commit_is_durable() -> Any:
    """The target lets clients in as soon as it has noted the commit."""
    commit = Importer.commit

    def commit_and_serve(self: Importer, each: Import) -> None:
        commit(self, each)
        self.serve(each)

    return mock.patch.object(Importer, "commit", commit_and_serve)


def serve_what_is_noted() -> Any:
    """Whatever recomputes the table lets clients in before the commit is durable. (So it was: found by the
    simulation.)"""

    def imported(self: Importer) -> Any:
        slots = NO_SLOTS
        for each in self._imports.values():
            if each.state is ImportState.COMMITTED and not each.confirmed:
                slots |= each.slots
        return slots

    return mock.patch.object(Importer, "imported", property(imported))


def let_writes_through() -> Any:
    """FREEZE holds nothing."""
    return mock.patch.object(Coordinator, "frozen", property(lambda self: NO_SLOTS))


def compare_nothing() -> Any:
    """PREPARE does not look at the digests."""
    return mock.patch.object(Receiver, "compare", lambda self, rows, total: None)


def forget_the_decision() -> Any:
    """The target says that it does not know a job whose slots it serves."""
    return mock.patch.object(Importer, "status", lambda self, job, slots: "aborted")


def leave_clients_waiting() -> Any:
    """Calls that were held are not decided again."""
    return mock.patch.object(Session, "retry", lambda self: None)


def acknowledge_before_fsync() -> Any:
    """appendfsync always: replies do not wait for the medium."""

    def start_sync(self: Tick) -> None:
        covered, self._unsynced = self._unsynced, []
        for waiter in covered:
            waiter.flush()
        self._node._tasks.add(self._loop.create_task(self.sync()))

    return mock.patch.object(Tick, "_start_sync", start_sync)


MUTATIONS: list[Callable[[], Any]] = [
    skip_the_fence, take_silence_for_failure, serve_before_commit_is_durable, serve_what_is_noted, let_writes_through,
    compare_nothing, forget_the_decision, leave_clients_waiting, acknowledge_before_fsync,
]  # fmt: skip
