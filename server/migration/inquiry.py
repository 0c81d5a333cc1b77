"""What a target does that keeps an import, by promise or for a while, and whose source falls silent: it asks.

The source tells the outcome itself, and repeats that, but it may give up an abort that it cannot deliver, or die. So
the target asks, from the moment that the link is lost, or from its restart: CLUSTERX HANDOVER OUTCOME <job>. It
believes only the node that has the source's id. The answers:

    pending   the source does not know yet, or is about to tell
    aborted   it serves the slots again, or soon will: the import can be dropped. This is the answer for a job that is
              rolled back, and for one without a record: a record goes after a roll-back, or after the target has said
              that it serves, and a target that asks has never said so
    moved     they are the target's: so says a source whose operator has decided that

If a topology has given the slots to this node meanwhile, `aborted` is not enough to drop what may be the newest copy:
an operator decides.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from slotrocks.server.migration.link import LinkError, Refused
from slotrocks.server.migration.records import ImportState
from slotrocks.server.migration.table import State
from slotrocks.server.migration.target import Target

if TYPE_CHECKING:
    from slotrocks.server.cluster.state import Cluster
    from slotrocks.server.migration.incoming import Import
    from slotrocks.server.migration.job import Job

log = logging.getLogger(__name__)

ASK_INTERVAL_S = 1.0


def answer(job: Job | None) -> str:
    """The source's answer about a job, if it has it."""
    if job is None or job.state in (State.ROLLBACK, State.FAILED):
        return "aborted"
    return "moved" if job.state in (State.MOVED, State.CLEAN, State.DONE) else "pending"


class Inquiry:
    """Asks about one import at a time: more than one cannot be undecided."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._task: asyncio.Task[None] | None = None

    def begin(self, each: Import) -> None:
        """Asks until the import is decided, by the answer or otherwise."""
        self.stop()
        self._task = self._cluster.node.loop.create_task(self._ask(each))

    def stop(self) -> None:
        """Asks no more."""
        if self._task is not None and self._task is not asyncio.current_task(self._cluster.node.loop):
            self._task.cancel()
        self._task = None

    async def _ask(self, each: Import) -> None:
        while True:
            await asyncio.sleep(ASK_INTERVAL_S)
            if not self._orphaned(each):
                return
            try:
                outcome = await self._outcome(each)
            except (LinkError, Refused, OSError) as error:
                log.debug("import %s: the source does not say the outcome: %s", each.job, error)
                continue
            if not self._orphaned(each):
                return
            importer, node = self._cluster.importer, self._cluster.node
            if outcome == "aborted" and each.slots.overlaps(self._cluster.assigned):
                continue
            if outcome == "aborted":
                importer.abort(each, "the source says that it was rolled back")
                node.tick.end()
            elif outcome == "moved" and each.state is ImportState.PREPARED:
                importer.commit(each)
                await node.sync()
                importer.serve(each)

    def _orphaned(self, each: Import) -> bool:
        """Whether there is still something to ask: it may have been decided, or its source may have come back."""
        return each.state in (ImportState.IMPORTING, ImportState.PREPARED) and each.session is None

    async def _outcome(self, each: Import) -> str:
        peer = self._cluster.topology.nodes.get(each.source)
        if peer is None:
            raise LinkError("no topology has the source")
        source = await Target.connect(peer, self._cluster.node.config, kvrocks=False)
        try:
            return await source.ask_source(each.job)
        finally:
            source.close()
