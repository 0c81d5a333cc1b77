"""Commands that look at much: done in slices, between which the other clients have their turn.

The work is a generator that yields after each slice and returns the reply's value. Its first slice runs at once; if
that was not all, the session is suspended and the loop runs one slice each time round. It reads one iterator of the
database, so the reply shows the moment at which the command came. For that reason only commands that write nothing and
read nothing else are done this way.

Inside MULTI nothing may come between the commands, so there it runs in one go.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any, TypeVar

from slotrocks.server.session import Session
from slotrocks.server.streaming import Stream, send

log = logging.getLogger(__name__)

T = TypeVar("T")


def run(session: Session, work: Generator[None, None, Any]) -> Any:
    """Runs some work for a handler, which returns what this does: the reply's value, or SUSPENDED."""
    if session.queue is not None:
        return complete(work)
    try:
        next(work)
    except StopIteration as done:
        return done.value
    job = _Job(session, work)
    session.node.loop.call_soon(job.step)
    return session.suspend(job.cancel)


def complete(work: Generator[None, None, T]) -> T:
    """Runs some work in one go; its result."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result


class _Job:
    """Work that goes on."""

    __slots__ = ("_cancelled", "_session", "_work")

    def __init__(self, session: Session, work: Generator[None, None, Any]) -> None:
        self._session = session
        self._work = work
        self._cancelled = False

    def cancel(self) -> None:
        """The client is gone, or the node stops: lets go of the iterator."""
        self._cancelled = True
        self._work.close()

    def step(self) -> None:
        """Runs the next slice."""
        if self._cancelled:
            return
        session = self._session
        try:
            next(self._work)
        except StopIteration as done:
            if done.value.__class__ is Stream:
                self._answer(done.value)
            else:
                session.resume(done.value)
        except Exception:
            log.exception("closing %s in the middle of a command", session.link.peer_name)
            session.link.close(after_replies=False)
        else:
            session.node.loop.call_soon(self.step)

    def _answer(self, stream: Stream) -> None:
        """As Session.resume(), for a reply that may suspend the session again."""
        session = self._session
        session.suspended = False
        session.on_cancel = None
        session.asking = False
        if session.reply_mode == "skipping":
            session.reply_mode = "on"
        else:
            send(session, stream)
        session.link.wake()
