"""The source's side: runs the migration table (see table.py) for a job, and is the only writer of its state.

Everything happens on the event loop: an event comes from the link, the sender, a timer or a command; `on()` looks up
the transition and carries its effects out in order. Effects that take time are activities: tasks that end by raising
the next event. A job has one activity at a time, and a transition that starts one ends the one before, so that an
answer which comes too late is never heard.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from slotrocks.server.cluster.ranges import NO_SLOTS, SlotSet
from slotrocks.server.cluster.view import MigrationState, MigrationView
from slotrocks.server.errors import CommandError
from slotrocks.server.migration import faults, records
from slotrocks.server.migration.inquiry import answer
from slotrocks.server.migration.job import Job
from slotrocks.server.migration.link import LinkError, Refused
from slotrocks.server.migration.sender import Sender, SenderError
from slotrocks.server.migration.table import FENCED, FROZEN, RECOVERY, RUNNING, TABLE, Effect, Event, State, step
from slotrocks.server.migration.target import Target

if TYPE_CHECKING:
    from slotrocks.server.cluster.state import Cluster
    from slotrocks.server.session import Session

log = logging.getLogger(__name__)

ROUNDS_MAX = 10
ASK_INTERVAL_S = 0.5
ABORT_TRIES = 3
STOP_TIMEOUT_S = 1.0
DROPPED = "the target refused the hand-over: it has dropped the import"

Activity = Coroutine[Any, Any, None]


class Coordinator:
    """The jobs that take slots away from this node: one runs at a time, those that moved are kept until confirmed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._node = cluster.node
        self._jobs: dict[str, Job] = {}
        self._last: Job | None = None
        self._work_directory = cluster.node.directory / "migration"
        self._effects: dict[Effect, Callable[[Job], None]] = {
            Effect.START_SENDER: lambda job: self._begin(job, self._run_sender(job)),
            Effect.SEND_ROUND: self._send_round,
            Effect.FREEZE: self._freeze,
            Effect.SEND_FINAL: self._send_final,
            Effect.SEND_PREPARE: lambda job: self._begin(job, self._prepare(job)),
            Effect.WRITE_FENCE: lambda job: self._begin(job, self._write_fence(job)),
            Effect.SEND_COMMIT: lambda job: self._begin(job, self._commit(job)),
            Effect.ASK_OUTCOME: lambda job: self._begin(job, self._ask_outcome(job)),
            Effect.ANSWER_MOVED: self._answer_moved,
            Effect.STOP_SENDER: self._stop_sender,
            Effect.ABORT_TARGET: lambda job: self._begin(job, self._abort_target(job)),
            Effect.UNFREEZE: self._unfreeze,
            Effect.FORGET: self._forget,
            Effect.REPORT_SUCCESS: self._report_success,
            Effect.REPORT_FAILURE: self._report_failure,
            Effect.DELETE_DATA: self._delete_data,
        }

    # -- what others need to know

    @property
    def running(self) -> Job | None:
        """The job that is not decided yet."""
        return next((job for job in self._jobs.values() if job.state in RUNNING), None)

    @property
    def moved_out(self) -> dict[int, str]:
        """The slots that were handed over and that no topology has confirmed: slot -> "host:port" of the new owner."""
        return {slot: job.address for job in self._jobs.values() if job.state is State.MOVED for slot in job.slots}

    @property
    def frozen(self) -> SlotSet:
        """The slots whose writes wait."""
        return self._slots_in(FROZEN)

    @property
    def fenced(self) -> SlotSet:
        """The slots of which nothing is served until the outcome of their hand-over is known: their clients wait."""
        return self._slots_in(FENCED) - self.refused

    @property
    def refused(self) -> SlotSet:
        """The fenced slots whose clients have waited long enough: they get TRYAGAIN."""
        job = self.running
        return job.slots if job is not None and job.state in FENCED and job.overdue else NO_SLOTS

    def outcome(self, job_id: str) -> str:
        """What a target is told that asks what became of a job."""
        return answer(self._jobs.get(job_id))

    def _slots_in(self, states: frozenset[State]) -> SlotSet:
        job = self.running
        return job.slots if job is not None and job.state in states else NO_SLOTS

    def view(self) -> MigrationView | None:
        """The job that CLUSTER INFO shows: the running one, else the last one."""
        job = self._last
        if job is None:
            return None
        shown: MigrationState = "start" if job.state in RUNNING else "success"
        if job.state in (State.ROLLBACK, State.FAILED):
            shown = "fail"
        return MigrationView(
            job.shown, job.target.id, shown, job.state.value, job.elapsed_ms, job.keys, job.bytes,
            job.rate_bytes_per_sec, job.rounds, job.lag_bytes, job.pause_ms, job.error,
        )  # fmt: skip

    # -- commands

    def submit(self, slots: SlotSet, target_id: str) -> Job:
        """Accepts a job and starts it. Raises CommandError, Kvrocks's checks in its order."""
        cluster = self._cluster
        target = cluster.topology.nodes.get(target_id)
        if target is None:
            raise CommandError("ERR Can't find the destination node id")
        moved_out = self.moved_out
        if any(slot in moved_out for slot in slots):
            raise CommandError("ERR Can't migrate slot which has been migrated")
        if slots - cluster.assigned:
            raise CommandError("ERR Can't migrate slot which doesn't belong to me")
        if target.role != "master":
            raise CommandError("ERR Can't migrate slot to a slave")
        if target_id == cluster.myid:
            raise CommandError("ERR Can't migrate slot to myself")
        if self.running is not None:
            raise CommandError("ERR There is already a migrating job")
        job = Job(os.urandom(10).hex(), slots, target, self._node.config.migrate_type)
        self._jobs[job.id] = self._last = job
        records.save(self._node.txn, job.record)
        log.info("job %s: slots %s to %s at %s", job.id, slots.text(), target.id, target.address)
        self._begin(job, self._start(job))
        return job

    def fail(self, why: str) -> None:
        """Makes the running job fail, if it still may: after the fence it goes on."""
        job = self.running
        if job is not None and job.state not in FENCED and job.state is not State.ROLLBACK:
            self.on(job, Event.FAILURE, why)

    # -- the machine

    def on(self, job: Job, event: Event, error: str = "") -> None:
        """Takes the transition of an event, and carries its effects out."""
        transition = step(job.state, event)
        if error:
            job.error = error
        log.debug("job %s: %s, %s -> %s %s", job.id, event.name, job.state.name, transition.next.name, error)
        job.enter(transition.next)
        for effect in transition.effects:
            self._effects[effect](job)

    def _begin(self, job: Job, activity: Activity) -> None:
        """Starts a job's next activity in place of the one before."""
        if job.activity is not None and job.activity is not asyncio.current_task():
            job.activity.cancel()
        job.activity = self._node.loop.create_task(self._guard(job, activity))

    async def _guard(self, job: Job, activity: Activity) -> None:
        """A failure that an activity does not handle itself is the job's failure."""
        try:
            await activity
        except (LinkError, Refused, SenderError, OSError) as error:
            self._on_activity_failed(job, str(error) or type(error).__name__)
        except Exception:
            log.exception("job %s: internal error in state %s", job.id, job.state.value)
            self._on_activity_failed(job, "internal error, see the log")

    def _on_activity_failed(self, job: Job, why: str) -> None:
        """Before the fence the job fails; after it, the target is asked (again). A fence that cannot be written leaves
        the job as it is until a restart: what the medium has of it is not known."""
        if job.activity is not asyncio.current_task():
            return
        for event in (Event.FAILURE, Event.NO_ANSWER, Event.ROLLED_BACK):
            if (job.state, event) in TABLE:
                self.on(job, event, why)
                return
        job.error = why
        log.critical("job %s: slots %s stay fenced until a restart: %s", job.id, job.slots.text(), why)

    # -- activities and effects, in the table's order

    async def _start(self, job: Job) -> None:
        config = self._node.config
        job.link = await Target.connect(job.target, config)
        await job.link.start(job.id, self._cluster.myid, job.slots)
        faults.reach("source.start.answered", LinkError)
        job.kvrocks = job.link.kvrocks
        if job.kind == "raw-key-value" and not job.link.takes_batches:
            log.warning("job %s: the target has no APPLYBATCH, falling back to redis-command", job.id)
            job.kind = "redis-command"
        self.on(job, Event.ACCEPTED)

    async def _run_sender(self, job: Job) -> None:
        """Runs the sender process and turns what it reports into events, until it is told to stop."""
        assert job.link is not None
        self._node.tick.end()
        directory = self._work_directory / job.id
        directory.mkdir(parents=True, exist_ok=True)
        job.sender = sender = await Sender.start(
            job.link.fileno, directory, self._node.directory / "db", self._node.store.sequence, job, self._node.config
        )
        faults.reach("source.sender.started")
        async for report in sender.reports():
            job.keys, job.bytes = report.keys, report.bytes
            if report.what != "progress":
                faults.reach(f"source.{report.what}.sent", SenderError)
            if report.what == "snapshot":
                self.on(job, Event.SNAPSHOT_SENT)
            elif report.what == "round":
                job.rounds += 1
                job.lag_bytes = report.round_bytes
                small = report.round_rows <= self._node.config.migrate_sequence_gap or job.rounds >= ROUNDS_MAX
                self.on(job, Event.ROUND_SMALL if small else Event.ROUND_LARGE)
            elif report.what == "final":
                self.on(job, Event.FINAL_SENT)
                return

    def _send_round(self, job: Job) -> None:
        assert job.sender is not None
        job.sender.order("round", self._node.store.sequence)

    def _freeze(self, job: Job) -> None:
        self._node.tick.end()
        self._cluster.rebuild()
        self._limit_pause(job)
        faults.reach("source.freeze")

    def _limit_pause(self, job: Job) -> None:
        limit_s = self._node.config.migrate_pause_timeout_ms / 1000
        job.pause_timer = self._node.loop.call_later(limit_s, self._on_pause_timeout, job)

    def _on_pause_timeout(self, job: Job) -> None:
        if job.state in FROZEN:
            self.on(job, Event.PAUSE_TOO_LONG, "the pause was longer than migrate-pause-timeout-ms")
        elif job.state in FENCED:
            job.overdue = True
            self._cluster.rebuild()

    def _send_final(self, job: Job) -> None:
        assert job.sender is not None
        job.sender.order("final", self._node.store.sequence)

    def _stop_sender(self, job: Job) -> None:
        if job.sender is not None:
            job.sender.stop()
            job.sender = None
        shutil.rmtree(self._work_directory / job.id, ignore_errors=True)

    async def _prepare(self, job: Job) -> None:
        assert job.link is not None
        faults.reach("source.prepare.send", LinkError)
        await job.link.prepare(job.id)
        faults.reach("source.prepare.answered", LinkError)
        self.on(job, Event.PREPARED)

    async def _write_fence(self, job: Job) -> None:
        """The promise: durable, and from now on reads wait as well."""
        faults.reach("source.fence.write")
        records.save(self._node.txn, job.record)
        self._cluster.rebuild()
        await self._node.sync()
        faults.reach("source.fence.written")
        self.on(job, Event.FENCED)

    async def _commit(self, job: Job) -> None:
        try:
            if job.link is None:
                job.link = await self._connect_again(job)
            faults.reach("source.commit.send", LinkError)
            committed = await job.link.commit(job.id, job.slots)
            faults.reach("source.commit.answered", LinkError)
        except (LinkError, Refused, OSError) as error:
            job.error = str(error)
            self._close_link(job)
            self.on(job, Event.NO_ANSWER)
            return
        if committed:
            self.on(job, Event.COMMITTED)
        else:
            self.on(job, Event.ABORTED, DROPPED)

    async def _ask_outcome(self, job: Job) -> None:
        """Asks the target what became of a COMMIT that was not answered."""
        await asyncio.sleep(ASK_INTERVAL_S if job.asked else 0)
        job.asked += 1
        try:
            job.link = await self._connect_again(job)
            event = await job.link.outcome(job.id, job.slots)
            faults.reach("source.ask.answered", LinkError)
        except (LinkError, Refused, OSError) as error:
            job.error = str(error)
            if job.asked == 1 or job.asked % 60 == 0:
                log.warning("job %s: slots %s stay fenced, the target does not say the outcome: %s",
                            job.id, job.slots.text(), error)  # fmt: skip
            event = Event.NO_ANSWER
        if event is Event.NO_ANSWER:
            self._close_link(job)
        self.on(job, event, DROPPED if event is Event.ABORTED else "")

    def _answer_moved(self, job: Job) -> None:
        job.error = ""
        job.end_pause()
        self._close_link(job)
        faults.reach("source.moved.write")
        records.save(self._node.txn, job.record)
        self._cluster.importer.retire(job.slots)
        self._node.on_all_touched()
        self._cluster.rebuild()
        self._node.tick.end()
        faults.reach("source.moved.written")

    def _unfreeze(self, job: Job) -> None:
        job.end_pause()
        self._cluster.rebuild()

    async def _abort_target(self, job: Job) -> None:
        """Tells the target, or lets it notice: an import that was not prepared ends with its link. One that was is told
        until it hears, a few times; if it never does, it keeps what it must not serve until the next attempt."""
        faults.reach("source.rollback")
        self._close_link(job)
        if not job.kvrocks and job.prepared:
            for _ in range(ABORT_TRIES):
                try:
                    target = await self._connect_again(job)
                    try:
                        await target.abort(job.id)
                    finally:
                        target.close()
                    break
                except Refused as refusal:  # it does not know the job, say
                    log.info("job %s: the target has nothing to drop: %s", job.id, refusal)
                    break
                except (LinkError, OSError) as error:
                    log.warning("job %s: cannot tell the target to drop its import: %s", job.id, error)
                    await asyncio.sleep(ASK_INTERVAL_S)
        self.on(job, Event.ROLLED_BACK)

    def _forget(self, job: Job) -> None:
        faults.reach("source.forget")
        records.forget(self._node.txn, job.record)
        self._node.tick.end()
        del self._jobs[job.id]

    def _report_success(self, job: Job) -> None:
        log.info("job %s: slots %s moved in %d ms: %d keys, %d bytes, %d rounds, pause %d ms",
                 job.id, job.slots.text(), job.elapsed_ms, job.keys, job.bytes, job.rounds, job.pause_ms)  # fmt: skip
        job.tell_waiters(None)

    def _report_failure(self, job: Job) -> None:
        log.error("job %s: migration of slots %s failed: %s", job.id, job.slots.text(), job.error)
        job.tell_waiters(job.error)

    def _delete_data(self, job: Job) -> None:
        faults.reach("source.clean")
        self._cluster.delete_slots(job.garbage)
        self.on(job, Event.CLEANED)

    async def _connect_again(self, job: Job) -> Target:
        """Connects to a target that has taken part in the job, wherever the topology says that it is by now."""
        peer = self._cluster.topology.nodes.get(job.target.id, job.target)
        return await Target.connect(peer, self._node.config, kvrocks=job.kvrocks)

    def _close_link(self, job: Job) -> None:
        if job.link is not None:
            job.link.close()
            job.link = None

    # -- what happens around it

    def on_topology(self, confirmed: SlotSet) -> None:
        """A newer topology. `confirmed`: slots handed over that it gives to others, whose data goes now."""
        for job in list(self._jobs.values()):
            if job.state is State.MOVED:
                self._settle(job, job.slots & confirmed, delete=True)
            elif job.state in RUNNING:
                peer = self._cluster.topology.nodes.get(job.target.id)
                if job.slots - self._cluster.assigned or peer is None or peer.role != "master":
                    self.fail("the topology changed: this node or the target is not what it was")

    def retire(self, slots: SlotSet) -> None:
        """Slots that had been handed over have come back by an import: nothing of them is left to confirm or delete."""
        for job in list(self._jobs.values()):
            if job.state is State.MOVED:
                self._settle(job, job.slots & slots, delete=False)

    def _settle(self, job: Job, slots: SlotSet, *, delete: bool) -> None:
        """Part of a job's slots, or all, need no override any more."""
        if not slots:
            return
        # What arrives just now by an import is not what was handed over: that went when the import began.
        job.garbage = slots - self._cluster.importer.importing if delete else NO_SLOTS
        rest = job.slots - slots
        if not rest:
            self.on(job, Event.CONFIRMED)
            return
        self._cluster.delete_slots(job.garbage)
        job.slots = rest
        records.save(self._node.txn, job.record)

    def on_session_closed(self, session: Session) -> None:
        """A client that waited for a job is gone; the job goes on."""
        for job in self._jobs.values():
            job.waiters.pop(session, None)

    def recover(self) -> None:
        """After a restart: goes on with what was promised, rolls back what was not."""
        shutil.rmtree(self._work_directory, ignore_errors=True)
        for record in records.load_out(self._node.txn):
            job = Job.restore(record)
            self._jobs[job.id] = self._last = job
            transition = RECOVERY[job.state]
            if transition.next is State.ROLLBACK:
                job.error = "the source was restarted"
            job.enter(transition.next)
            log.info("job %s: slots %s, after the restart: %s", job.id, job.slots.text(), job.state.value)
            if job.state in FENCED:
                self._limit_pause(job)
            for effect in transition.effects:
                self._effects[effect](job)
        self._last = self.running or self._last

    def clear(self) -> None:
        """Forgets every job (CLUSTER RESET). None may be running."""
        for job in self._jobs.values():
            records.forget(self._node.txn, job.record)
        self._jobs.clear()
        self._last = None

    def _activities(self) -> list[asyncio.Task[None]]:
        return [job.activity for job in self._jobs.values() if job.activity is not None and not job.activity.done()]

    async def stop(self) -> None:
        """The node stops: a job that may still roll back does, with a clean end of its link."""
        self.fail("the node is stopping")
        if tasks := self._activities():
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
        if tasks := self._activities():  # those that have followed on the first ones included
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for job in self._jobs.values():
            self._stop_sender(job)
            self._close_link(job)
