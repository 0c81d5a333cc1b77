"""One migration job at its source: what is known of it, without what is done about it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from slotrocks.engine import OK, ReplyError
from slotrocks.server.cluster.ranges import NO_SLOTS, SlotSet, parse_ranges
from slotrocks.server.cluster.topology import Node as Peer
from slotrocks.server.migration.plan import Checked
from slotrocks.server.migration.records import OutRecord
from slotrocks.server.migration.table import FENCED, FROZEN, Event, State
from slotrocks.server.session import Session

if TYPE_CHECKING:
    from slotrocks.server.migration.sender import Sender
    from slotrocks.server.migration.target import Target

# What a record says of the states in between: the last promise.
_RECORDED = dict.fromkeys(FENCED, State.FENCE) | {each: each for each in (State.MOVED, State.ROLLBACK, State.DONE)}


class Job:
    """A job. Only the coordinator changes it."""

    def __init__(self, job_id: str, slots: SlotSet, target: Peer, kind: str) -> None:
        self.id = job_id
        self.slots = slots  # once moved: those that no topology has confirmed yet
        self.shown = slots.ranges[0]  # what CLUSTER INFO shows
        self.target = target
        self.kind = kind  # migrate-type
        self.kvrocks = False  # the target speaks Kvrocks's protocol only
        self.state = State.START
        self.error = ""
        self.activity: asyncio.Task[None] | None = None
        self.link: Target | None = None
        self.sender: Sender | None = None
        self.waiters: dict[Session, asyncio.TimerHandle | None] = {}  # of MIGRATE … SYNC
        self.keys = 0
        self.bytes = 0
        self.rounds = 0
        self.lag_bytes = 0
        self.asked = 0  # how often the target was asked for the outcome
        self.announced = False  # the target may have heard of the job
        self.prepared = False  # ... and have promised to keep the data
        # Of rows that are checked and can be resumed: what the target has.
        self.checked: Checked | None = None
        self.position = 0  # the sequence number up to which it has the changes
        self.sequence_at_start: int | None = None  # the newest write that has survived the end of an earlier process
        self.resumed = False  # the sender has taken over from another one
        self.digest: tuple[int, str] | None = None  # (rows, sum) of all that has been sent
        self._epoch = 0  # of the newest connection to the target
        self.bytes_before = 0  # sent by the senders before
        self.lost_at: float | None = None  # when the target, the link or the sender was lost, without progress since
        self.decision: Event | None = None  # an operator's: GIVEN or KEPT
        self.given = False  # ... it was GIVEN: the target may still ask
        self.overdue = False  # its clients have waited longer than migrate-pause-timeout-ms
        self.garbage = NO_SLOTS  # slots whose data CLEAN deletes
        self.pause_timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._ended: float | None = None
        self._frozen_at: float | None = None
        self._pause_s = 0.0

    @classmethod
    def restore(cls, record: OutRecord, sequence: int) -> Job:
        """A job as its record tells. `sequence`: the newest write that the database has."""
        target = Peer(record.target, record.host, record.port, "master")
        job = cls(record.job, parse_ranges(record.slots), target, record.kind)
        job.kvrocks = record.kvrocks
        job.state = State[record.state]
        job.announced = job.prepared = True
        job.given = record.given
        job.sequence_at_start = sequence
        return job

    @property
    def record(self) -> OutRecord:
        """What has to survive a restart."""
        if self.decision is not None:
            state = State.MOVED if self.decision is Event.GIVEN else State.ROLLBACK
        else:
            state = _RECORDED.get(self.state, State.START)
        target = self.target
        return OutRecord(
            self.id, state.name, self.slots.text(), target.id, target.host, target.port, self.kvrocks, self.kind,
            self.given,
        )  # fmt: skip

    @property
    def checks_rows(self) -> bool:
        """Whether rows are numbered and digested: between Slotrocks nodes. Such a job can be resumed."""
        return self.kind == "raw-key-value" and not self.kvrocks

    @property
    def digest_state(self) -> str:
        """Whether the target's rows have been compared with the source's: none (they cannot be), pending, equal."""
        if not self.checks_rows:
            return "none"
        return "equal" if self.state in FENCED | {State.MOVED, State.CLEAN, State.DONE} else "pending"

    def next_epoch(self) -> int:
        """A number for a connection to the target: higher than that of any before, also in an earlier process, if the
        clock is right; if it is not, the target refuses the connection, and the job fails."""
        self._epoch = max(self._epoch + 1, time.time_ns() // 1_000_000)
        return self._epoch

    @property
    def address(self) -> str:
        """ "host:port" of the target."""
        return self.target.address

    def enter(self, state: State) -> None:
        """Changes the state, and keeps the times that go with it."""
        now = self._loop.time()
        if state in FROZEN | FENCED and self._frozen_at is None:
            self._frozen_at = now
        if state is State.PREPARE:
            self.prepared = True
        if state in (State.MOVED, State.FAILED) and self._ended is None:
            self._ended = now
        self.state = state

    def end_pause(self) -> None:
        """Clients are answered again."""
        if self._frozen_at is not None:
            self._pause_s += self._loop.time() - self._frozen_at
            self._frozen_at = None
        if self.pause_timer is not None:
            self.pause_timer.cancel()
            self.pause_timer = None

    @property
    def elapsed_ms(self) -> int:
        """From acceptance to the end, or to now."""
        return int(((self._ended or self._loop.time()) - self._started) * 1000)

    @property
    def pause_ms(self) -> int:
        """How long clients' writes were, or have been, held."""
        current = self._loop.time() - self._frozen_at if self._frozen_at is not None else 0.0
        return round((self._pause_s + current) * 1000)

    @property
    def rate_bytes_per_sec(self) -> int:
        """Bytes sent per second so far."""
        return self.bytes * 1000 // max(1, self.elapsed_ms)

    def tell_waiters(self, error: str | None) -> None:
        """Answers the clients of MIGRATE … SYNC."""
        waiters, self.waiters = self.waiters, {}
        for session, timer in waiters.items():
            if timer is not None:
                timer.cancel()
            session.resume(OK if error is None else ReplyError(f"ERR {error}"))
