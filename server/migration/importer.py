"""The target's side: takes the rows of slots that another node gives away, and promises what the protocol asks of it.

An import belongs to the connection that started it, until it is prepared. Its states are records.ImportState:

    (start) -> IMPORTING -> PREPARED -> COMMITTED          Slotrocks sources: PREPARE, then COMMIT
    (start) -> IMPORTING ------------> COMMITTED          Kvrocks sources: CLUSTER IMPORT <range> 1
    IMPORTING, PREPARED -> ABORTED
    PREPARED -> IMPORTING                                 the source did not hear the promise, and resumes

PREPARED and COMMITTED are promises: they are fsynced before they are answered, and a restart keeps them. IMPORTING is
none. When its connection or the process ends, what came is deleted; but rows of a Slotrocks source (receiver.py) are
kept for migrate-resume-timeout-ms, in which the source may come back and go on. It does so over a new connection, and
then nothing that still comes over the old one counts. A job that this node does not know, or has aborted, can never be
committed: a promise that was broken is remembered, so that a COMMIT that comes late is refused.
Rows are accepted only for the slots of the import; clients see none of them before COMMITTED.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from slotrocks.server.cluster.ranges import NO_SLOTS, SlotSet
from slotrocks.server.errors import CommandError
from slotrocks.server.migration import faults, records
from slotrocks.server.migration.apply import write_batch
from slotrocks.server.migration.incoming import Import
from slotrocks.server.migration.inquiry import Inquiry
from slotrocks.server.migration.progress import Progress
from slotrocks.server.migration.receiver import Receiver
from slotrocks.server.migration.records import ImportState

if TYPE_CHECKING:
    from slotrocks.server.cluster.state import Cluster
    from slotrocks.server.session import Session

log = logging.getLogger(__name__)

ENDED_RECORDS_MAX = 256
TAKEN = (
    "This node serves the slots. If the source had not fenced them, it serves them, too, when it comes back, until a"
    " topology says otherwise: push one first."
)
DROPPED = "This node has dropped what came. If the source never comes back, that was the only copy."


class Importer:
    """The imports of a node: at most one is running, the others are remembered."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._node = cluster.node
        self._imports: dict[str, Import] = {}
        self._inquiry = Inquiry(cluster)
        self.last: Import | None = None  # what CLUSTER INFO shows

    # -- what others need to know

    @property
    def running(self) -> Import | None:
        """The import that is not decided yet."""
        undecided = (ImportState.IMPORTING, ImportState.PREPARED)
        return next((each for each in self._imports.values() if each.state in undecided), None)

    @property
    def _arriving(self) -> list[Import]:
        """The imports that nobody is served from: undecided ones, and those whose commit is not durable yet."""
        undecided = (ImportState.IMPORTING, ImportState.PREPARED)
        return [
            each
            for each in self._imports.values()
            if each.state in undecided or (each.state is ImportState.COMMITTED and not each.served)
        ]

    @property
    def importing(self) -> SlotSet:
        """The slots that are arriving."""
        return _slots_of(self._arriving)

    @property
    def promised(self) -> SlotSet:
        """The slots that have arrived, and whose outcome is not known, or not on the medium: nobody serves them here,
        whatever a topology says."""
        return _slots_of([each for each in self._arriving if each.state is not ImportState.IMPORTING])

    @property
    def may_ask(self) -> bool:
        """Whether clients may see what arrives, if they say ASKING."""
        return all(each.kvrocks for each in self._arriving)

    @property
    def imported(self) -> SlotSet:
        """The slots that arrived, are served, and that no topology has confirmed yet."""
        return _slots_of(each for each in self._imports.values() if each.served and not each.confirmed)

    # -- the protocol

    def start(
        self,
        session: Session,
        slots: SlotSet,
        job: str,
        source: str,
        *,
        kvrocks: bool = False,
        first: Progress | None = None,
    ) -> None:
        """Begins an import over `session`, or begins it anew. `first`: its rows will be counted from there. Raises
        CommandError, with Kvrocks's texts where it has one."""
        cluster = self._cluster
        faults.reach("target.start", CommandError)
        if cluster.is_replica:
            raise CommandError("ERR Slave can't import slot")
        if slots.overlaps(cluster.owned):
            raise CommandError("ERR Can't import slot which belongs to me")
        leaving = cluster.coordinator.running
        if leaving is not None and slots.overlaps(leaving.slots):
            # What becomes known of that hand-over would be taken for the end of this one.
            raise CommandError("ERR Can't import slot whose migration from me is not decided")
        running = self.running
        again = running is not None and running.job == job and running.state is ImportState.IMPORTING
        if job in self._imports and not again:
            raise CommandError(f"ERR There is an import {job} already")
        if running is not None and again:
            log.warning("import %s of slots %s begins anew", job, slots.text())
            running.detach(close=True)
            running.state = ImportState.ABORTED  # for whoever asks on its behalf: the new one has its place
        elif running is not None:
            # A Slotrocks source runs one job at a time, so whatever else of it is undecided here has been given up.
            # One that speaks Kvrocks's protocol never promises anything, so nothing of it can be ended by mistake.
            if running.source != source or running.kvrocks != kvrocks or (kvrocks and running.slots != slots):
                raise CommandError(f"ERR only one importing job is allowed, current importing: {running.slots.text()}")
            self.abort(running, "superseded by a new attempt")
        each = Import(job, slots, source, ImportState.IMPORTING, kvrocks=kvrocks)
        cluster.delete_slots(slots)
        self._imports[job] = each
        self.last = each
        if first is not None:
            each.receiver = Receiver(self._node, job, each.filter, first)
            each.receiver.save()
        records.save(self._node.txn, each.record)
        each.attach(session)
        cluster.rebuild()
        log.info("import %s of slots %s begins", job, slots.text())

    def resume(self, session: Session, job: str, epoch: int) -> Progress | None:
        """The source goes on over `session`: how far it has come. A promise that it did not hear is none any more.
        `epoch` rises with each of its attempts: one that comes late does not count. None for a job that is not known.
        Raises CommandError for one that cannot go on."""
        each = self._imports.get(job)
        if each is None:
            return None
        if each.receiver is None or each.state not in (ImportState.IMPORTING, ImportState.PREPARED):
            raise CommandError(f"ERR import {job} is {each.state.value}")
        if epoch <= each.epoch:
            raise CommandError(f"ERR import {job} goes on over a newer connection")
        faults.reach("target.resume", CommandError)
        each.attach(session)
        each.epoch = epoch
        if each.state is ImportState.PREPARED:
            self._set(each, ImportState.IMPORTING)
            self._cluster.rebuild()
        log.info("import %s of slots %s goes on after %d chunks", job, each.slots.text(), each.receiver.progress.chunks)
        return each.receiver.progress

    def receive(self, session: Session, job: str) -> Receiver:
        """Who takes the rows of a job that come over `session`. Raises CommandError if they do not count."""
        each: Import | None = session.importing
        if each is None or each.job != job or each.state is not ImportState.IMPORTING or each.receiver is None:
            raise CommandError(f"ERR import {job} takes no rows over this connection")
        return each.receiver

    def apply(self, session: Session, data: bytes) -> int:
        """Writes a batch of rows (APPLYBATCH). Its size in bytes. Raises CommandError; then nothing of it is
        written."""
        each: Import | None = session.importing
        if each is None or each.state is not ImportState.IMPORTING or each.receiver is not None:
            raise CommandError("ERR APPLYBATCH is for the link of an import")
        faults.reach("target.batch", CommandError)
        each.rows += write_batch(self._node, data, each.filter)
        each.bytes += len(data)
        return len(data)

    def prepare(self, session: Session, job: str, expected: tuple[int, bytes] | None) -> Import:
        """Notes the promise to keep the data; durable once the caller has synced. `expected`: how many rows the source
        has sent, and their digest. Raises CommandError."""
        each = self._known(job)
        if each.state is not ImportState.IMPORTING or each.session is not session:
            raise CommandError(f"ERR import {job} is {each.state.value}, or belongs to another connection")
        if (expected is None) != (each.receiver is None):
            raise CommandError("ERR a digest is expected of rows, and of nothing else")
        if each.receiver is not None and expected is not None:
            each.receiver.compare(*expected)
        self._set(each, ImportState.PREPARED)
        faults.reach("target.prepare.noted")
        return each

    def commit(self, each: Import) -> None:
        """Notes that this node owns the slots; the caller syncs, then calls serve()."""
        if each.state is ImportState.ABORTED or (each.state is ImportState.IMPORTING and not each.kvrocks):
            raise CommandError(f"ERR import {each.job} is {each.state.value}")
        if each.state is not ImportState.COMMITTED:
            self._set(each, ImportState.COMMITTED)
            if each.receiver is not None:
                each.receiver.forget()
            # Had these slots left this node before, that is over, in the same batch.
            self._cluster.coordinator.retire(each.slots)
            faults.reach("target.commit.noted")

    def serve(self, each: Import) -> None:
        """The commit is durable: clients may come. May be called again."""
        if each.served:
            return
        each.served = True
        each.detach()
        self._cluster.settle()
        faults.reach("target.commit.synced")
        log.info("import %s of slots %s is committed: %d rows, %d bytes",
                 each.job, each.slots.text(), each.rows, each.bytes)  # fmt: skip

    def abort(self, each: Import, why: str, *, by_source: bool = False) -> None:
        """Drops what came, unless it is committed. Raises CommandError then. A promise that the source did not take
        back itself is remembered as broken."""
        if each.state is ImportState.COMMITTED:
            raise CommandError(f"ERR import {each.job} is committed")
        if each.state is ImportState.ABORTED:
            return
        faults.reach("target.abort")
        log.warning("import %s of slots %s is aborted: %s", each.job, each.slots.text(), why)
        each.detach(close=True)
        self._cluster.delete_slots(each.slots)
        if each.receiver is not None:
            each.receiver.forget()
        promised, each.state = each.state is ImportState.PREPARED, ImportState.ABORTED
        if promised and not by_source:
            records.save(self._node.txn, each.record)
        else:
            records.forget(self._node.txn, each.record)  # no COMMIT can come
        self._prune()
        self._cluster.rebuild()

    def resolve(self, slots: SlotSet, owner: str) -> tuple[Callable[[], None], str]:
        """An operator's decision about an import whose source does not come back. It is noted; the caller syncs, and
        then calls the function. Also what to tell the operator. Raises CommandError."""
        each = self.running
        if each is None or each.slots != slots or each.state is not ImportState.PREPARED:
            raise CommandError(f"ERR the outcome of a migration of slots {slots.text()} to this node is not unknown")
        if owner not in (each.source, self._cluster.myid):
            raise CommandError(f"ERR the owner can be {each.source} or {self._cluster.myid}")
        if owner == self._cluster.myid:
            log.warning("import %s: an operator gives slots %s to this node", each.job, slots.text())
            self.commit(each)
            return lambda: self.serve(each), TAKEN
        self.abort(each, "an operator gave the slots to the source")
        return lambda: None, DROPPED

    def status(self, job: str, slots: SlotSet) -> str:
        """An ImportState's value, or "unknown". A job forgotten whose slots this node owns was committed."""
        each = self._imports.get(job)
        if each is not None:
            return each.state.value
        return ImportState.COMMITTED.value if slots and not slots - self._cluster.owned else "unknown"

    def known(self, job: str) -> Import | None:
        """The import of a job, if it is remembered."""
        return self._imports.get(job)

    def find(self, job: str) -> Import:
        """The import of a job. Raises CommandError."""
        return self._known(job)

    # -- Kvrocks's form, which names imports by their slots

    def running_for(self, slots: SlotSet) -> Import:
        """The running import of exactly these slots. Raises CommandError: also when it is not one of this form."""
        running = self.running
        if running is None or running.slots != slots or not running.kvrocks:
            current = running.slots.text() if running is not None and running.kvrocks else "-1"
            raise CommandError(f"ERR mismatch slot, importing slot(s): {current}, but got: {slots.text()}")
        return running

    # -- what happens around it

    def on_session_closed(self, session: Session) -> None:
        """The link is gone: what was not promised ends, or waits for the source to come back. The source is asked."""
        each: Import | None = session.importing
        if each is None:
            return
        each.detach()
        if each.state is ImportState.IMPORTING:
            self._wait_for_source(each)
        elif each.state is ImportState.PREPARED:
            self._inquiry.begin(each)

    def _wait_for_source(self, each: Import) -> None:
        """An import that belongs to no connection: for how long it is kept."""
        limit_ms = self._node.config.migrate_resume_timeout_ms
        if each.receiver is None or not limit_ms:
            self.abort(each, "the link to the source is lost")
            return
        log.warning("import %s of slots %s: the link to the source is lost", each.job, each.slots.text())
        each.orphaned = self._node.loop.call_later(limit_ms / 1000, self._on_orphaned, each)
        self._inquiry.begin(each)

    def _on_orphaned(self, each: Import) -> None:
        each.orphaned = None
        self.abort(each, "the source did not come back")
        self._node.tick.end()

    def on_flush(self) -> None:
        """FLUSHALL: an import that is arriving ends; one that is promised must not lose a row, so that raises."""
        running = self.running
        if running is None:
            return
        if running.state is ImportState.PREPARED:
            raise CommandError("TRYAGAIN slots are being handed over to this node")
        self.abort(running, "the database was flushed")

    def on_topology(self, mine: SlotSet) -> None:
        """A newer topology: imports that it confirms need no override any more. One that was still arriving ends: what
        has come is not all, and this node is to serve the slots now."""
        running = self.running
        if running is not None and running.state is ImportState.IMPORTING and running.slots.overlaps(mine):
            self.abort(running, "a topology gave the slots to this node before the source did")
        for each in self._imports.values():
            if each.state is ImportState.COMMITTED and each.served and not each.confirmed and not each.slots - mine:
                each.confirmed = True
                records.save(self._node.txn, each.record)
        self._prune()

    def retire(self, slots: SlotSet) -> None:
        """Slots that were imported are handed over: their imports say nothing about them any more."""
        for each in self._imports.values():
            if each.state is ImportState.COMMITTED and not each.confirmed and each.slots.overlaps(slots):
                each.slots -= slots
                each.confirmed = not each.slots
                records.save(self._node.txn, replace(each.record, slots=(each.slots or slots).text()))

    def recover(self) -> None:
        """After a restart: keeps the promises, drops what was only arriving."""
        for record in records.load_in(self._node.txn):
            confirmed = record.state == "confirmed"
            state = ImportState.COMMITTED if confirmed else ImportState(record.state)
            served = state is ImportState.COMMITTED
            each = Import(record.job, record.slot_set, record.source, state, confirmed=confirmed, served=served)
            self._imports[each.job] = each
            if state is not ImportState.ABORTED and not confirmed:
                self.last = each
            if record.checked and state in (ImportState.IMPORTING, ImportState.PREPARED):
                each.receiver = Receiver.load(self._node, each.job, each.filter)
            if state is ImportState.IMPORTING:
                self._wait_for_source(each)
            elif state is ImportState.PREPARED:
                self._inquiry.begin(each)

    def stop(self) -> None:
        """The node stops; promises stay."""
        self._inquiry.stop()

    def clear(self) -> None:
        """Forgets every import (CLUSTER RESET). None may be running."""
        for each in self._imports.values():
            each.detach()
            records.forget(self._node.txn, each.record)
        self._imports.clear()
        self.last = None

    def _known(self, job: str) -> Import:
        each = self._imports.get(job)
        if each is None:
            raise CommandError(f"ERR There is no import {job}")
        return each

    def _set(self, each: Import, state: ImportState) -> None:
        each.state = state
        records.save(self._node.txn, each.record)

    def _prune(self) -> None:
        ended = [each for each in self._imports.values() if each.confirmed or each.state is ImportState.ABORTED]
        for each in ended[: max(0, len(ended) - ENDED_RECORDS_MAX)]:
            records.forget(self._node.txn, each.record)
            del self._imports[each.job]


def _slots_of(imports: Iterable[Import]) -> SlotSet:
    slots = NO_SLOTS
    for each in imports:
        slots |= each.slots
    return slots
