"""One import at its target: what is known of it, without what is done about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slotrocks.engine import SlotFilter
from slotrocks.server.cluster.ranges import SlotSet
from slotrocks.server.migration.receiver import Receiver
from slotrocks.server.migration.records import ImportState, InRecord

if TYPE_CHECKING:
    from slotrocks.server.session import Session


@dataclass
class Import:
    """One import. `confirmed`: a topology names this node as the owner, so the record no longer overrides anything."""

    job: str
    slots: SlotSet
    source: str
    state: ImportState
    session: Session | None = None
    receiver: Receiver | None = None  # of rows from a Slotrocks source
    epoch: int = 0  # of the connection that feeds it
    orphaned: asyncio.TimerHandle | None = None  # until when the source may come back
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
        state = "confirmed" if self.confirmed else self.state.value
        return InRecord(self.job, state, self.slots.text(), self.source, self.receiver is not None)

    def attach(self, session: Session) -> None:
        """From now on, what comes over this connection counts, and nothing that comes over another one."""
        self.detach(close=self.session is not session)
        self.session = session
        session.importing = self

    def detach(self, *, close: bool = False) -> None:
        """No connection feeds the import any more. `close`: the source has gone on without the one that did. What it
        has sent over it may come at any time, also when the slots are this node's by another attempt, and a row would
        be taken for a client's write: so nothing of it is read any more."""
        if self.session is not None:
            if close:
                self.session.link.close()
            self.session.importing = None
            self.session = None
        if self.orphaned is not None:
            self.orphaned.cancel()
            self.orphaned = None
