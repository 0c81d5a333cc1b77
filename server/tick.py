"""Group commit: everything that the event loop executed in one tick, over all connections, is one WriteBatch.

A connection that has run commands reports here; once the loop has served every socket that was ready, `end()` commits
the transaction and only then lets the replies go. How far a write must get before its reply goes is `appendfsync`, as
in Redis:

    no        the WAL is in the operating system's hands: survives the end of the process, not of the machine
    everysec  the same, and forced to the medium once a second
    always    forced to the medium before the reply. The fsync runs in a thread with the GIL released, and further ticks
              go on meanwhile; the next fsync covers all of them. Replies to reads wait with the others, since they may
              show what is not safe yet.

A commit that RocksDB refuses (a full disk) makes the node refuse writes from then on, loudly; the connections whose
replies were waiting are closed, because what they would say did not happen.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from slotrocks.engine import TickState
from slotrocks.server.migration import faults

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

FSYNC_INTERVAL_S = 1.0


class Waiter(Protocol):
    """A connection whose replies wait for the end of the tick."""

    def flush(self) -> None:
        """Sends the replies that were sealed first; if there are none, all that are written."""

    def seal(self) -> None:
        """The replies written so far wait for an fsync: a flush() will come for them. What follows is not covered by
        it, and is to be reported anew."""

    def abort(self) -> None:
        """Drops the connection without replying."""


class Tick(TickState):
    """The node's group commit."""

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._node = node
        self._loop = loop
        # appendfsync always: waiters of ticks committed since the running fsync began, and whether one is running.
        self._unsynced: list[Waiter] = []
        self._syncing = False
        self._written_since_sync = False
        self._closed = False  # there is no thread to sync in any more; closing the database makes everything durable
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fsync")
        self._fsync_timer = loop.call_later(FSYNC_INTERVAL_S, self._every_second)

    def schedule(self) -> None:
        """See TickState."""
        self._loop.call_soon(self.end)

    def end(self) -> None:
        """Commits what is pending and releases the replies. May be called early, between two commands."""
        waiters = self.take_waiters()
        try:
            wrote = self._node.txn.commit()
        except Exception as error:
            self._fail(error, waiters)
            return
        if wrote:
            self._written_since_sync = True
        if self._node.config.appendfsync == "always" and (wrote or self._syncing) and not self._closed:
            for waiter in waiters:
                waiter.seal()
            self._unsynced += waiters
            if not self._syncing:
                self._start_sync()
            return
        self._release(waiters)

    def _release(self, waiters: list[Waiter]) -> None:
        """Sends the replies of all, whatever happens to one of them."""
        for waiter in waiters:
            try:
                waiter.flush()
            except Exception:
                log.exception("dropping a client whose replies could not be sent")
                waiter.abort()

    def on_written(self) -> None:
        """Something was written outside the transaction."""
        self._written_since_sync = True

    async def sync(self) -> None:
        """Forces everything written so far to the medium. Raises what RocksDB raises."""
        try:
            faults.reach("node.sync", OSError)
            await self._loop.run_in_executor(self._thread, self._node.store.sync)
        except Exception as error:
            self.on_write_failure(error)
            raise

    def _start_sync(self) -> None:
        self._syncing = True
        self._written_since_sync = False
        covered, self._unsynced = self._unsynced, []
        future = self._loop.run_in_executor(self._thread, self._node.store.sync)
        future.add_done_callback(lambda done: self._on_synced(done, covered))

    def _on_synced(self, done: asyncio.Future[None], covered: list[Waiter]) -> None:
        self._syncing = False
        error = done.exception()
        if error is not None:
            self._fail(error, covered + self._unsynced)
            self._unsynced = []
            return
        self._release(covered)
        if self._unsynced:
            self._start_sync()

    def _every_second(self) -> None:
        self._fsync_timer = self._loop.call_later(FSYNC_INTERVAL_S, self._every_second)
        if self._node.config.appendfsync == "everysec" and self._written_since_sync and not self._syncing:
            self._start_sync()

    def _fail(self, error: BaseException, waiters: list[Waiter]) -> None:
        self.on_write_failure(error)
        for waiter in waiters:
            waiter.abort()

    def on_write_failure(self, error: BaseException) -> None:
        """The database does not take writes: from now on they are refused."""
        log.critical("the database does not take writes any more: %s; writes are refused until a restart", error)
        self._node.write_error = str(error)

    def close(self) -> None:
        """Commits and syncs what is left. Blocks."""
        self._fsync_timer.cancel()
        self.end()
        self._closed = True
        self._thread.shutdown(wait=True)
        self._node.store.sync()
        unsynced, self._unsynced = self._unsynced, []  # so that the end of the last fsync begins no other
        for waiter in unsynced:
            waiter.flush()
