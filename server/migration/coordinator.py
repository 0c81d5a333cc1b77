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
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from slotrocks.server.cluster.ranges import NO_SLOTS, SlotSet
from slotrocks.server.cluster.view import MigrationState, MigrationView
from slotrocks.server.errors import CommandError
from slotrocks.server.migration import records
from slotrocks.server.migration.inquiry import answer
from slotrocks.server.migration.job import Job
from slotrocks.server.migration.link import LinkError, Refused
from slotrocks.server.migration.records import OutRecord
from slotrocks.server.migration.sender import LogLost, SenderError, SenderLost
from slotrocks.server.migration.steps import Steps
from slotrocks.server.migration.table import FENCED, FROZEN, RECOVERY, RUNNING, TABLE, Effect, Event, State, step

if TYPE_CHECKING:
    from slotrocks.server.cluster.state import Cluster
    from slotrocks.server.session import Session

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 1.0
GIVEN = (
    "This node sends clients on. If the target did not take the slots over, and never will, give them to a node that is"
    " to have them: what this node holds of them is deleted by the topology that does."
)
KEPT = (
    "This node serves the slots again. If the target took them over, what clients wrote there is lost, and if it comes"
    " back it serves them, too, until a topology says otherwise: push one first."
)

Activity = Coroutine[Any, Any, None]


class Coordinator:
    """The jobs that take slots away from this node: one runs at a time, those that moved are kept until confirmed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._node = cluster.node
        self._jobs: dict[str, Job] = {}
        self._last: Job | None = None
        self._given: dict[str, OutRecord] = {}  # that an operator gave to a target that has not asked yet
        self._steps = Steps(cluster, self)

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
        return "moved" if job_id in self._given else answer(self._jobs.get(job_id))

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
            job.rate_bytes_per_sec, job.rounds, job.lag_bytes, job.pause_ms, job.error, job.id, job.digest_state,
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
        if slots - cluster.assigned or slots.overlaps(cluster.importer.importing):
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
        self._steps.carry_out(job, (Effect.SEND_START,))
        return job

    def fail(self, why: str) -> None:
        """Makes the running job fail, if it still may: after the fence it goes on."""
        job = self.running
        if job is not None and job.state not in FENCED and job.state is not State.ROLLBACK:
            self.on(job, Event.FAILURE, why)

    def cancel(self, slots: SlotSet) -> None:
        """Stops the job of these slots. Raises CommandError if there is none, or it cannot be stopped any more."""
        job = self.running
        if job is None or job.slots != slots:
            raise CommandError(f"ERR slots {slots.text()} are not being migrated from this node")
        if job.state in FENCED or job.state is State.ROLLBACK:
            raise CommandError(f"ERR too late to cancel: the migration is in state {job.state.value}")
        self.on(job, Event.FAILURE, "cancelled by an operator")

    def resolve(self, slots: SlotSet, owner: str) -> tuple[Callable[[], None], str]:
        """An operator's decision about a job whose target does not say the outcome. It is noted; the caller syncs, and
        then calls the function. Also what to tell the operator. Raises CommandError."""
        job = self.running
        if job is None or job.slots != slots or job.state is not State.RESOLVE or job.decision is not None:
            raise CommandError(f"ERR the outcome of a migration of slots {slots.text()} from this node is not unknown")
        if owner not in (job.target.id, self._cluster.myid):
            raise CommandError(f"ERR the owner can be {job.target.id} or {self._cluster.myid}")
        job.decision = Event.GIVEN if owner == job.target.id else Event.KEPT
        job.given = job.decision is Event.GIVEN
        if job.activity is not None:
            job.activity.cancel()  # from now on no answer counts
        records.save(self._node.txn, job.record)
        log.warning("job %s: an operator gives slots %s to %s", job.id, slots.text(), owner)
        return lambda: self._on_resolved(job), GIVEN if job.decision is Event.GIVEN else KEPT

    def _on_resolved(self, job: Job) -> None:
        event, job.decision = job.decision, None
        assert event is not None
        self.on(job, event, "" if event is Event.GIVEN else "an operator has decided that this node keeps the slots")

    # -- the machine

    def on(self, job: Job, event: Event, error: str = "") -> None:
        """Takes the transition of an event, and carries its effects out."""
        transition = step(job.state, event)
        if error:
            job.error = error
        log.debug("job %s: %s, %s -> %s %s", job.id, event.name, job.state.name, transition.next.name, error)
        job.enter(transition.next)
        self._steps.carry_out(job, transition.effects)

    def begin(self, job: Job, activity: Activity) -> None:
        """Starts a job's next activity in place of the one before."""
        if job.activity is not None and job.activity is not asyncio.current_task():
            job.activity.cancel()
        job.activity = self._node.loop.create_task(self._guard(job, activity))

    def remove(self, job: Job) -> None:
        """The job has ended, and its record is gone."""
        del self._jobs[job.id]
        if job.given and job.state is State.DONE:
            self._given[job.id] = job.record

    async def _guard(self, job: Job, activity: Activity) -> None:
        """A failure that an activity does not handle itself is the job's failure."""
        try:
            await activity
        except (LinkError, SenderLost) as error:
            self._on_activity_failed(job, str(error), Event.LINK_LOST if self._may_resume(job) else Event.FAILURE)
        except LogLost as error:
            self._on_activity_failed(job, str(error), Event.START_OVER if job.resumed else Event.FAILURE)
        except (Refused, SenderError, OSError) as error:
            self._on_activity_failed(job, str(error) or type(error).__name__)
        except Exception:
            log.exception("job %s: internal error in state %s", job.id, job.state.value)
            self._on_activity_failed(job, "internal error, see the log")

    def _may_resume(self, job: Job) -> bool:
        return job.checks_rows and self._node.config.migrate_resume_timeout_ms > 0

    def _on_activity_failed(self, job: Job, why: str, preferred: Event = Event.FAILURE) -> None:
        """Before the fence the job goes on later, or fails; after it, the target is asked (again). A fence that cannot
        be written leaves the job as it is until a restart: what the medium has of it is not known."""
        if job.activity is not asyncio.current_task():
            return
        for event in (preferred, Event.FAILURE, Event.NO_ANSWER, Event.ROLLED_BACK):
            if (job.state, event) in TABLE:
                if event is preferred and event is not Event.FAILURE:
                    log.warning("job %s: %s in state %s: %s", job.id, event.value, job.state.value, why)
                self.on(job, event, why)
                return
        job.error = why
        log.critical("job %s: slots %s stay fenced until a restart: %s", job.id, job.slots.text(), why)

    # -- what happens around it

    def on_topology(self, confirmed: SlotSet) -> None:
        """A newer topology. `confirmed`: slots handed over that it gives to others, whose data goes now."""
        for job in list(self._jobs.values()):
            if job.state is State.MOVED:
                self._settle(job, job.slots & confirmed, delete=True)
            elif job.state in RUNNING:
                if job.state is State.PREPARE and self._given_to(job):
                    continue  # all has arrived, and the target serves nothing before it is told to
                peer = self._cluster.topology.nodes.get(job.target.id)
                if job.slots - self._cluster.assigned or peer is None or peer.role != "master":
                    self.fail("the topology changed: this node or the target is not what it was")

    def _given_to(self, job: Job) -> bool:
        """Whether the topology says already what a job is about to make true."""
        peer = self._cluster.topology.nodes.get(job.target.id)
        return peer is not None and peer.role == "master" and not job.slots - peer.slots

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
        kept = records.load_out(self._node.txn)
        self._given = {record.job: record for record in kept if record.state == State.DONE.name}
        sequence = self._node.store.sequence
        jobs = [Job.restore(record, sequence) for record in kept if record.job not in self._given]
        resumable = {job.id for job in jobs if job.state is State.START and self._may_resume(job)}
        self._steps.clear_all_files(resumable)
        for job in jobs:
            self._jobs[job.id] = self._last = job
            transition = RECOVERY[job.state]
            if transition.next is State.RECONNECT and job.id not in resumable:
                transition = RECOVERY[State.ROLLBACK]
            if transition.next is State.ROLLBACK:
                job.error = "the source was restarted"
            job.enter(transition.next)
            log.info("job %s: slots %s, after the restart: %s", job.id, job.slots.text(), job.state.value)
            if job.state in FENCED:
                self._steps.limit_pause(job)
            self._steps.carry_out(job, transition.effects)
        self._last = self.running or self._last

    def clear(self) -> None:
        """Forgets every job (CLUSTER RESET). None may be running."""
        for job in self._jobs.values():
            records.forget(self._node.txn, job.record)
        for record in self._given.values():
            records.forget(self._node.txn, record)
        self._given.clear()
        self._jobs.clear()
        self._last = None

    def _activities(self) -> list[asyncio.Task[None]]:
        return [job.activity for job in self._jobs.values() if job.activity is not None and not job.activity.done()]

    async def stop(self) -> None:
        """The node stops: a job that could not be resumed rolls back, with a clean end of its link."""
        if (job := self.running) is not None and not self._may_resume(job):
            self.fail("the node is stopping")
        if tasks := self._activities():
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
        if tasks := self._activities():  # those that have followed on the first ones included
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for job in self._jobs.values():
            self._steps.stop_sender(job)
            self._steps.close_link(job)
