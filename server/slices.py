"""Commands that look at much: done in slices, between which the other clients have their turn.

The work (engine/types/work.py) yields after each slice and returns a result. Its first slice runs at once; if that was
not all, the session is suspended and the loop runs one slice each time round. It reads iterators of the database that
were opened in the first slice, so the result shows the moment at which the command came. What becomes of it:

run()             it is the reply: for commands that write nothing, and read nothing else.
run_and_write()   it is what a command writes. The moment must not have passed: the keys that it was found in are
                  watched meanwhile, and at the end the call runs again, the ordinary way through dispatch, with what
                  was found; if a key changed, without it, and then in one go.

Inside MULTI nothing may come between the commands, so there all is done in one go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from slotrocks.engine.types.work import Work, complete
from slotrocks.server.dispatch import execute
from slotrocks.server.session import Session, Suspended
from slotrocks.server.streaming import Stream, send

log = logging.getLogger(__name__)

T = TypeVar("T")


class Again(list[bytes]):
    """The arguments of a call that runs again. `found` is what its work found, None if that is not true any more."""

    found: Any = None


def run(session: Session, work: Work[Any]) -> Any:
    """Runs some work for a handler, which returns what this does: the reply's value, or SUSPENDED."""
    if session.queue is not None:
        return complete(work)
    try:
        next(work)
    except StopIteration as done:
        return done.value
    return _Job(session, work).begin()


def run_and_write(
    session: Session,
    argv: list[bytes],
    keys: list[bytes],
    work: Work[T],
    write: Callable[[T], Any],
) -> Any:
    """Runs some work for a handler, which returns what this does: what `write` makes of the result, or SUSPENDED.
    `keys` are those that the work looks at."""
    if session.queue is not None:
        return write(complete(work))
    if isinstance(argv, Again):
        return write(complete(work) if argv.found is None else argv.found)
    try:
        next(work)
    except StopIteration as done:
        return write(done.value)
    return _WatchfulJob(session, work, argv, keys).begin()


class _Job:
    """Work that goes on."""

    def __init__(self, session: Session, work: Work[Any]) -> None:
        self.session = session
        self._work = work
        self._cancelled = False

    def begin(self) -> Suspended:
        """Suspends the session until the work is done."""
        self.session.node.loop.call_soon(self._step)
        return self.session.suspend(self.cancel)

    def cancel(self) -> None:
        """The client is gone, or the node stops: lets go of the iterators."""
        self._cancelled = True
        self._work.close()

    def _step(self) -> None:
        if self._cancelled:
            return
        session = self.session
        try:
            next(self._work)
        except StopIteration as done:
            self.end(done.value)
        except Exception:
            log.exception("closing %s in the middle of a command", session.link.peer_name)
            session.link.close(after_replies=False)
        else:
            session.node.loop.call_soon(self._step)

    def end(self, result: Any) -> None:
        """Answers."""
        session = self.session
        if result.__class__ is not Stream:
            session.resume(result)
            return
        session.suspended = False
        session.on_cancel = None
        session.asking = False
        if session.reply_mode == "skipping":
            session.reply_mode = "on"
        else:
            send(session, result)
        session.link.wake()


class _WatchfulJob(_Job):
    """Work whose result is written, unless one of the keys changes before (`dirty_watch`, see Node.watchers)."""

    def __init__(
        self, session: Session, work: Work[Any], argv: list[bytes], keys: list[bytes]
    ) -> None:  # fmt: skip
        super().__init__(session, work)
        self.dirty_watch = False
        self._argv = argv
        self._expiries = {key: expiry(session, key) for key in keys}
        for key in keys:
            session.node.watchers.setdefault(key, set()).add(self)

    def cancel(self) -> None:
        """As for any work."""
        super().cancel()
        self._unwatch()

    def _unwatch(self) -> None:
        watchers = self.session.node.watchers
        for key in self._expiries:
            watchers[key].discard(self)
            if not watchers[key]:
                del watchers[key]

    def end(self, result: Any) -> None:
        """Runs the call again."""
        session = self.session
        self._unwatch()
        if session.link.closing:  # nobody would learn what the call does
            return
        session.node.refresh_clock()
        session.suspended = False
        session.on_cancel = None
        again = Again(self._argv)
        now_ms = session.node.now_ms
        if not self.dirty_watch and not any(0 < expire_ms < now_ms for expire_ms in self._expiries.values()):
            again.found = result
        execute(session, again)
        again.found = None  # a slot may be frozen just now: the call waits, and what was found gets old
        if not session.suspended or session.stream is not None:
            session.link.wake()


def expiry(session: Session, key: bytes) -> int:
    """When a living key expires, 0 for never."""
    found = session.txn.lookup(key)
    return 0 if found is None else int(found.expire_ms)
