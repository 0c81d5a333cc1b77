"""CLIENT PAUSE: calls wait, the clients' connections too, until the time is over or CLIENT UNPAUSE.

In mode WRITE only calls that write wait; in mode ALL every call does, CLIENT UNPAUSE included, as in Redis. While a
pause lasts nothing changes the data: keys are not removed by expiry either, so that an operator can switch over to a
replica.
A second CLIENT PAUSE can make a pause longer or stricter, never shorter or milder.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slotrocks.server.node import Node
    from slotrocks.server.session import Session
    from slotrocks.server.table import Command


class Pause:
    """One pause, `node.pause` from its begin to its end."""

    def __init__(self, node: Node, until_ms: int, *, everything: bool) -> None:
        """Starts a pause that lasts until a Unix time."""
        self._node = node
        self._held: dict[Session, None] = {}  # in order of arrival
        self.until_ms = until_ms
        self.everything = everything
        self._timer = self._schedule()

    def extend(self, until_ms: int, *, everything: bool) -> None:
        """A further CLIENT PAUSE."""
        self.until_ms = max(self.until_ms, until_ms)
        self.everything = self.everything or everything
        self._timer.cancel()
        self._timer = self._schedule()

    def _schedule(self) -> asyncio.TimerHandle:
        return self._node.loop.call_later(max(0, self.until_ms - self._node.now_ms) / 1000, self.end)

    def holds(self, session: Session, row: Command) -> bool:
        """Whether a call has to wait. With queued writes, whatever could run them does."""
        if self.everything or row.write or "may_replicate" in row.flags:
            return True
        return "multi_control" in row.flags and any(queued.write for queued, _ in session.queue or ())

    def hold(self, session: Session, argv: list[bytes]) -> None:
        """Keeps a call waiting."""
        self._held[session] = None
        session.argv = argv
        session.suspend(lambda: self._held.pop(session, None))

    def end(self) -> None:
        """Lets everybody go on, in the order in which they came."""
        self._timer.cancel()
        if self._node.pause is self:
            self._node.pause = None
        self._node.refresh_clock()
        held, self._held = self._held, {}
        for session in held:
            session.retry()
