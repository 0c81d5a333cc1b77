"""What the source does in each state of a migration: the effects of the table (see table.py), one method each.

An effect that takes time is an *activity*: a task that ends by raising the next event. The coordinator runs them, one
at a time for a job.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from slotrocks.engine import DIGEST_KEY_BYTES
from slotrocks.server.migration import faults, records
from slotrocks.server.migration.link import LinkError, Refused
from slotrocks.server.migration.plan import Checked
from slotrocks.server.migration.sender import Sender, SenderError
from slotrocks.server.migration.table import FENCED, FROZEN, Effect, Event, State
from slotrocks.server.migration.target import Target

if TYPE_CHECKING:
    from slotrocks.server.cluster.state import Cluster
    from slotrocks.server.migration.coordinator import Coordinator
    from slotrocks.server.migration.job import Job

log = logging.getLogger(__name__)

ROUNDS_MAX = 10
CONNECT_INTERVAL_S = 0.05  # at first; then twice as long each time
CONNECT_INTERVAL_MAX_S = 2.0
ASK_INTERVAL_S = 0.5
ABORT_TRIES = 3
DROPPED = "the target refused the hand-over: it has dropped the import"


class Steps:
    """Carries out the effects of transitions."""

    def __init__(self, cluster: Cluster, coordinator: Coordinator) -> None:
        self._cluster = cluster
        self._node = cluster.node
        self._on = coordinator.on
        self._begin = coordinator.begin
        self._remove = coordinator.remove
        self._work_directory = cluster.node.directory / "migration"
        self._effects: dict[Effect, Callable[[Job], None]] = {
            Effect.SEND_START: self._send_start,
            Effect.CONNECT_AGAIN: lambda job: self._begin(job, self._connect_again_and_again(job)),
            Effect.START_SENDER: lambda job: self._begin(job, self._run_sender(job)),
            Effect.SEND_ROUND: self._send_round,
            Effect.FREEZE: self._freeze,
            Effect.SEND_FINAL: self._send_final,
            Effect.SEND_PREPARE: lambda job: self._begin(job, self._prepare(job)),
            Effect.WRITE_FENCE: lambda job: self._begin(job, self._write_fence(job)),
            Effect.SEND_COMMIT: lambda job: self._begin(job, self._commit(job)),
            Effect.ASK_OUTCOME: lambda job: self._begin(job, self._ask_outcome(job)),
            Effect.NOTE_END: self._note_end,
            Effect.ANSWER_MOVED: self._answer_moved,
            Effect.STOP_SENDER: self.stop_sender,
            Effect.CLEAR_FILES: self._clear_files,
            Effect.ABORT_TARGET: lambda job: self._begin(job, self._abort_target(job)),
            Effect.UNFREEZE: self._unfreeze,
            Effect.FORGET: self._forget,
            Effect.REPORT_SUCCESS: self._report_success,
            Effect.REPORT_FAILURE: self._report_failure,
            Effect.DELETE_DATA: self._delete_data,
        }

    def carry_out(self, job: Job, effects: Iterable[Effect]) -> None:
        """Carries effects out, in order."""
        for effect in effects:
            self._effects[effect](job)

    def clear_all_files(self, keep: Collection[str]) -> None:
        """Removes what senders have left behind, except that of some jobs, by id."""
        with contextlib.suppress(FileNotFoundError):
            for path in self._work_directory.iterdir():
                if path.name not in keep:
                    shutil.rmtree(path, ignore_errors=True)
        self._remove_work_directory()

    # -- in the table's order

    def _send_start(self, job: Job) -> None:
        self._begin(job, self._start(job))

    async def _start(self, job: Job) -> None:
        config = self._node.config
        self.close_link(job)
        job.link = await Target.connect(job.target, config)
        job.kvrocks = job.link.kvrocks
        if job.kind == "raw-key-value" and not job.link.takes_batches:
            log.warning("job %s: the target has no APPLYBATCH, falling back to redis-command", job.id)
            job.kind = "redis-command"
        records.save(self._node.txn, job.record)
        self._node.tick.end()
        job.position = self._node.store.sequence  # the sender's view will have everything up to it
        job.announced = True
        job.resumed = False
        if job.checks_rows:
            job.checked = Checked(job.id, os.urandom(DIGEST_KEY_BYTES).hex())
            await job.link.start(job.id, self._cluster.myid, job.slots, job.checked.digest_key, job.position)
        else:
            await job.link.start(job.id, self._cluster.myid, job.slots)
        faults.reach("source.start.answered", LinkError)
        self._on(job, Event.ACCEPTED)

    async def _connect_again_and_again(self, job: Job) -> None:
        """Finds out how far the target has come, for as long as it may take without any progress."""
        now = self._node.loop.time
        if job.lost_at is None:
            job.lost_at = now()
        wait_s = CONNECT_INTERVAL_S
        while True:
            self.close_link(job)
            try:
                job.link = await self._connect_again(job)
                arrived = await job.link.resume(job.id, job.next_epoch())
                faults.reach("source.resume.answered", LinkError)
            except (LinkError, OSError) as error:
                job.error = str(error)
                if now() + wait_s > job.lost_at + self._node.config.migrate_resume_timeout_ms / 1000:
                    self._on(job, Event.FAILURE, f"the target cannot be reached again: {error}")
                    return
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, CONNECT_INTERVAL_MAX_S)
            else:
                self._on_progress_known(job, arrived)
                return

    def _on_progress_known(self, job: Job, arrived: tuple[int, Checked] | None) -> None:
        """The target has said how far it has come."""
        if arrived is None:
            log.warning("job %s: the target knows nothing of it: it starts over", job.id)
            self._on(job, Event.START_OVER)
            return
        if job.sequence_at_start is not None and arrived[0] > job.sequence_at_start:
            # The numbers of the writes that are gone will be given to others, which the next sender would not see.
            log.warning("job %s: this node has lost writes that the target has: it starts over", job.id)
            self._on(job, Event.START_OVER)
            return
        job.sequence_at_start = None
        chunks_before = job.checked.chunks if job.checked is not None else -1
        job.position, job.checked = arrived
        if job.checked.chunks > chunks_before:
            job.lost_at = None
        job.resumed = True
        job.rounds = 0
        job.bytes_before = job.bytes
        job.error = ""
        log.info("job %s: goes on after %d chunks", job.id, job.checked.chunks)
        self._on(job, Event.RESUMED)

    async def _run_sender(self, job: Job) -> None:
        """Runs the sender process and turns what it reports into events, until it is told to stop."""
        assert job.link is not None
        self._node.tick.end()
        directory = self._work_directory / job.id
        directory.mkdir(parents=True, exist_ok=True)
        job.sender = sender = await Sender.start(
            job.link.fileno, directory, self._node.directory / "db", job, self._node.config
        )
        faults.reach("source.sender.started")
        async for report in sender.reports():
            job.keys, job.bytes = report.keys, job.bytes_before + report.bytes
            if report.what != "progress":
                job.lost_at = None
                faults.reach(f"source.{report.what}.sent", SenderError)
            if report.what == "snapshot":
                self._on(job, Event.SNAPSHOT_SENT)
            elif report.what == "round":
                job.rounds += 1
                job.lag_bytes = report.round_bytes
                small = report.round_rows <= self._node.config.migrate_sequence_gap or job.rounds >= ROUNDS_MAX
                self._on(job, Event.ROUND_SMALL if small else Event.ROUND_LARGE)
            elif report.what == "final":
                job.digest = report.digest
                self._on(job, Event.FINAL_SENT)
                return

    def _send_round(self, job: Job) -> None:
        assert job.sender is not None
        job.sender.order("round", self._node.store.sequence)

    def _freeze(self, job: Job) -> None:
        self._node.tick.end()
        self._cluster.rebuild()
        self.limit_pause(job)
        faults.reach("source.freeze")

    def limit_pause(self, job: Job) -> None:
        """From now on, clients may wait for migrate-pause-timeout-ms."""
        limit_s = self._node.config.migrate_pause_timeout_ms / 1000
        job.pause_timer = self._node.loop.call_later(limit_s, self._on_pause_timeout, job)

    def _on_pause_timeout(self, job: Job) -> None:
        if job.state in FROZEN:
            self._on(job, Event.PAUSE_TOO_LONG, "the pause was longer than migrate-pause-timeout-ms")
        elif job.state in FENCED:
            job.overdue = True
            self._cluster.rebuild()

    def _send_final(self, job: Job) -> None:
        assert job.sender is not None
        job.sender.order("final", self._node.store.sequence)

    def stop_sender(self, job: Job) -> None:
        """Ends the sender process. What it has pinned stays, for the next one."""
        if job.sender is not None:
            job.sender.stop()
            job.sender = None

    def _clear_files(self, job: Job) -> None:
        shutil.rmtree(self._work_directory / job.id, ignore_errors=True)
        self._remove_work_directory()

    def _remove_work_directory(self) -> None:
        with contextlib.suppress(OSError):
            self._work_directory.rmdir()  # unless there is something else in it

    async def _prepare(self, job: Job) -> None:
        assert job.link is not None
        faults.reach("source.prepare.send", LinkError)
        await job.link.prepare(job.id, job.digest)
        faults.reach("source.prepare.answered", LinkError)
        self._on(job, Event.PREPARED)

    async def _write_fence(self, job: Job) -> None:
        """The promise: durable, and from now on reads wait as well."""
        faults.reach("source.fence.write")
        records.save(self._node.txn, job.record)
        self._cluster.rebuild()
        await self._node.sync()
        faults.reach("source.fence.written")
        self._on(job, Event.FENCED)

    async def _commit(self, job: Job) -> None:
        try:
            if job.link is None:
                job.link = await self._connect_again(job)
            faults.reach("source.commit.send", LinkError)
            committed = await job.link.commit(job.id, job.slots)
            faults.reach("source.commit.answered", LinkError)
        except (LinkError, Refused, OSError) as error:
            job.error = str(error)
            self.close_link(job)
            self._on(job, Event.NO_ANSWER)
            return
        if committed:
            self._on(job, Event.COMMITTED)
        else:
            self._on(job, Event.ABORTED, DROPPED)

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
            self.close_link(job)
        self._on(job, event, DROPPED if event is Event.ABORTED else "")

    def _note_end(self, job: Job) -> None:
        records.save(self._node.txn, job.record)

    def _answer_moved(self, job: Job) -> None:
        job.error = ""
        job.end_pause()
        self.close_link(job)
        faults.reach("source.moved.write")
        records.save(self._node.txn, job.record)
        self._cluster.importer.retire(job.slots)
        self._node.on_all_touched()
        self._cluster.settle()
        self._node.tick.end()
        faults.reach("source.moved.written")

    def _unfreeze(self, job: Job) -> None:
        job.end_pause()
        self._cluster.rebuild()

    async def _abort_target(self, job: Job) -> None:
        """Tells the target, or lets it notice: an import in Kvrocks's form ends with its link. One that would wait for
        this node is told a few times; if it never hears it, it waits for as long as it may, or, when it was prepared,
        until the next attempt, or until an operator decides."""
        faults.reach("source.rollback")
        self.close_link(job)
        waits = job.prepared or (job.checks_rows and self._node.config.migrate_resume_timeout_ms > 0)
        for attempt in range(ABORT_TRIES if waits else 1) if job.announced and not job.kvrocks else ():
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
                if attempt + 1 < ABORT_TRIES and waits:
                    await asyncio.sleep(ASK_INTERVAL_S)
        self._on(job, Event.ROLLED_BACK)

    def _forget(self, job: Job) -> None:
        faults.reach("source.forget")
        if job.given and job.state is State.DONE:
            records.save(self._node.txn, job.record)  # a target that comes back late asks what became of it
        else:
            records.forget(self._node.txn, job.record)
        self._node.tick.end()
        self._remove(job)

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
        self._on(job, Event.CLEANED)

    async def _connect_again(self, job: Job) -> Target:
        """Connects to a target that has taken part in the job, wherever the topology says that it is by now."""
        peer = self._cluster.topology.nodes.get(job.target.id, job.target)
        return await Target.connect(peer, self._node.config, kvrocks=job.kvrocks)

    def close_link(self, job: Job) -> None:
        """Ends the connection to the target."""
        if job.link is not None:
            job.link.close()
            job.link = None
