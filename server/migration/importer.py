"""The target's side: takes the rows of slots that another node gives away, and promises what the protocol asks of it.

An import belongs to the connection that started it, until it is prepared. Its states are records.ImportState:

    (start) -> IMPORTING -> PREPARED -> COMMITTED          Slotrocks sources: PREPARE, then COMMIT
    (start) -> IMPORTING ------------> COMMITTED          Kvrocks sources: CLUSTER IMPORT <range> 1
    IMPORTING, PREPARED -> ABORTED

IMPORTING ends with its connection, and with the process: then what came is deleted. PREPARED and COMMITTED are
promises: they are fsynced before they are answered, and a restart keeps them. A job that this node does not know, or
has aborted, can never be committed: ABORTED is remembered, so that a COMMIT that comes late is refused.
Rows are accepted only for the slots of the import; clients see none of them before COMMITTED.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slotrocks.engine import SlotFilter
from slotrocks.server.cluster.ranges import NO_SLOTS, SlotSet
from slotrocks.server.errors import CommandError
from slotrocks.server.migration import faults, records
from slotrocks.server.migration.apply import write_batch
from slotrocks.server.migration.inquiry import Inquiry
from slotrocks.server.migration.records import ImportState, InRecord

if TYPE_CHECKING:
    from slotrocks.server.cluster.state import Cluster
    from slotrocks.server.session import Session

log = logging.getLogger(__name__)

ENDED_RECORDS_MAX = 256


@dataclass
class Import:
    """One import. `confirmed`: a topology names this node as the owner, so the record no longer overrides anything."""

    job: str
    slots: SlotSet
    source: str
    state: ImportState
    session: Session | None = None
    kvrocks: bool = False
    confirmed: bool = False
    served: bool = False  # the commit is durable, clients have been let in
    rows: int = 0
    bytes: int = 0
    filter: SlotFilter = field(init=False)

    def __post_init__(self) -> None:
        self.filter = SlotFilter(self.slots.ranges)

    @property
    def record(self) -> InRecord:
        return InRecord(self.job, "confirmed" if self.confirmed else self.state.value, self.slots.text(), self.source)


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
    def importing(self) -> SlotSet:
        """The slots that are arriving."""
        running = self.running
        return running.slots if running is not None else NO_SLOTS

    @property
    def imported(self) -> SlotSet:
        """The slots that arrived and that no topology has confirmed yet."""
        slots = NO_SLOTS
        for each in self._imports.values():
            if each.state is ImportState.COMMITTED and not each.confirmed:
                slots |= each.slots
        return slots

    # -- the protocol

    def start(self, session: Session, slots: SlotSet, job: str, source: str, *, kvrocks: bool) -> None:
        """Begins an import over `session`. Raises CommandError, with Kvrocks's texts where it has one."""
        cluster = self._cluster
        faults.reach("target.start", CommandError)
        if cluster.is_replica:
            raise CommandError("ERR Slave can't import slot")
        if slots.overlaps(cluster.owned):
            raise CommandError("ERR Can't import slot which belongs to me")
        if job in self._imports:
            raise CommandError(f"ERR There is an import {job} already")
        running = self.running
        if running is not None:
            # A Slotrocks source runs one job at a time, so whatever else of it is undecided here has been given up.
            if running.source != source or (kvrocks and running.slots != slots):
                raise CommandError(f"ERR only one importing job is allowed, current importing: {running.slots.text()}")
            self.abort(running, "superseded by a new attempt")
        each = Import(job, slots, source, ImportState.IMPORTING, session, kvrocks)
        cluster.delete_slots(slots)
        self._imports[job] = each
        self.last = each
        records.save(self._node.txn, each.record)
        session.importing = each
        cluster.rebuild()
        log.info("import %s of slots %s begins", job, slots.text())

    def apply(self, session: Session, data: bytes) -> int:
        """Writes a batch of rows (APPLYBATCH). Its size in bytes. Raises CommandError; then nothing of it is
        written."""
        each: Import | None = session.importing
        if each is None or each.state is not ImportState.IMPORTING:
            raise CommandError("ERR APPLYBATCH is for the link of an import")
        faults.reach("target.batch", CommandError)
        each.rows += write_batch(self._node, data, each.filter)
        each.bytes += len(data)
        return len(data)

    def prepare(self, job: str) -> Import:
        """Notes the promise to keep the data; durable once the caller has synced. Raises CommandError."""
        each = self._known(job)
        if each.state is ImportState.PREPARED:
            return each
        if each.state is not ImportState.IMPORTING:
            raise CommandError(f"ERR import {job} is {each.state.value}")
        self._set(each, ImportState.PREPARED)
        faults.reach("target.prepare.noted")
        return each

    def commit(self, each: Import) -> None:
        """Notes that this node owns the slots; the caller syncs, then calls serve()."""
        if each.state is ImportState.ABORTED or (each.state is ImportState.IMPORTING and not each.kvrocks):
            raise CommandError(f"ERR import {each.job} is {each.state.value}")
        if each.state is not ImportState.COMMITTED:
            self._set(each, ImportState.COMMITTED)
            # Had these slots left this node before, that is over, in the same batch.
            self._cluster.coordinator.retire(each.slots)
            faults.reach("target.commit.noted")

    def serve(self, each: Import) -> None:
        """The commit is durable: clients may come. May be called again."""
        if each.served:
            return
        each.served = True
        if each.session is not None:
            each.session.importing = None
            each.session = None
        self._cluster.rebuild()
        faults.reach("target.commit.synced")
        log.info("import %s of slots %s is committed: %d rows, %d bytes",
                 each.job, each.slots.text(), each.rows, each.bytes)  # fmt: skip

    def abort(self, each: Import, why: str) -> None:
        """Drops what came, unless it is committed. Raises CommandError then."""
        if each.state is ImportState.COMMITTED:
            raise CommandError(f"ERR import {each.job} is committed")
        if each.state is ImportState.ABORTED:
            return
        faults.reach("target.abort")
        log.warning("import %s of slots %s is aborted: %s", each.job, each.slots.text(), why)
        if each.session is not None:
            # What the source has sent over it may come at any time: also when the slots have been given to this node by
            # another attempt, and a row would be taken for a client's write. So nothing of it is read any more.
            each.session.link.close()
            each.session.importing = None
            each.session = None
        self._cluster.delete_slots(each.slots)
        self._set(each, ImportState.ABORTED)
        self._prune()
        self._cluster.rebuild()

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
        """The running import of exactly these slots. Raises CommandError."""
        running = self.running
        if running is None or running.slots != slots:
            current = running.slots.text() if running is not None else "-1"
            raise CommandError(f"ERR mismatch slot, importing slot(s): {current}, but got: {slots.text()}")
        return running

    # -- what happens around it

    def on_session_closed(self, session: Session) -> None:
        """The link is gone: what was not promised ends, and of what was the source is asked."""
        each: Import | None = session.importing
        if each is None:
            return
        each.session = None
        session.importing = None
        if each.state is ImportState.IMPORTING:
            self.abort(each, "the link to the source is lost")
        elif each.state is ImportState.PREPARED:
            self._inquiry.begin(each)

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
            if each.state is ImportState.COMMITTED and not each.confirmed and not each.slots - mine:
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
            if state is ImportState.IMPORTING:
                self.abort(each, "this node was restarted")
            elif state is ImportState.PREPARED:
                self._inquiry.begin(each)

    def stop(self) -> None:
        """The node stops; promises stay."""
        self._inquiry.stop()

    def clear(self) -> None:
        """Forgets every import (CLUSTER RESET). None may be running."""
        for each in self._imports.values():
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
