"""Clients that wait for keys: BLPOP and its kin, BZPOPMIN and its, XREAD BLOCK.

A call that finds nothing returns `wait()`: its session is suspended and queued at each of its keys. Whatever changes
such a key makes it *ready*. As soon as the command that did so (a whole EXEC is one) has ended, and before the next
one of any client, `serve()` takes the ready keys in the order in which they became ready, and at each of them the
waiting sessions in order of arrival, and has their calls run again: the ordinary way through dispatch, each in its
own savepoint. So nothing here knows what a call does; routing, types and errors are those of any call, as in Redis
7.2. A call that finds nothing again waits on, at the end of the queues, until the deadline that it had. A call that
feeds another waiting one (BLMOVE) makes a key ready, which is served in the same go.

While nobody waits, a write costs one look at an empty dict.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from math import ceil
from typing import TYPE_CHECKING, Any

from slotrocks.engine import NULL_ARRAY, ReplyError, parse_float, slot_of
from slotrocks.server.arguments import INT64_MAX
from slotrocks.server.cluster.route import TRYAGAIN_FROZEN
from slotrocks.server.dispatch import execute
from slotrocks.server.errors import CommandError
from slotrocks.server.table import find_command

if TYPE_CHECKING:
    import asyncio

    from slotrocks.server.node import Node
    from slotrocks.server.session import Session

log = logging.getLogger(__name__)

UNBLOCKED = ReplyError("UNBLOCKED client unblocked via CLIENT UNBLOCK")

# What a key must be for a waiting call to be tried again: TYPE_*, 0 for a key that does not exist.
Types = frozenset[int]


def timeout_ms(arg: bytes, now_ms: int) -> int:
    """The timeout of a blocking command, given in seconds; 0 stands for none. Raises CommandError."""
    try:
        ms = parse_float(arg) * 1000
    except ValueError:
        raise CommandError("ERR timeout is not a float or out of range") from None
    if ms > INT64_MAX - now_ms:
        raise CommandError("ERR timeout is out of range")
    if ms < 0:
        raise CommandError("ERR timeout is negative")
    return ceil(ms)


class Waiter:
    """A call that waits, from its first attempt to its reply."""

    __slots__ = ("expired", "keys", "session", "timer", "types")

    def __init__(self, session: Session, keys: list[bytes], types: Types) -> None:
        self.session = session
        self.keys = tuple(dict.fromkeys(keys))
        self.types = types
        self.timer: asyncio.TimerHandle | None = None
        self.expired = False  # the time ended while the call was about to run again


Queue = OrderedDict[Waiter, None]


class Blocking:
    """All the clients of a node that wait for keys."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.queues: dict[bytes, dict[Types, Queue]] = node.blocked_keys  # by key
        self.ready: OrderedDict[bytes, None] = OrderedDict()
        self.clients = 0  # how many wait, those included whom a pause or a freeze holds on their way out
        self._serving = False
        self._scheduled = False

    # -- the commands' side

    def wait(self, session: Session, keys: list[bytes], types: Types, timeout_ms: int) -> Any:
        """What a handler returns when it found nothing at its keys: the call runs again when one of them has become one
        of `types`, and answers NULL_ARRAY after `timeout_ms` (0 = never). Inside EXEC nothing waits.

        It runs again with the argv of the handler, which may have changed that in place (the `$` of XREAD).
        """
        if session.queue is not None:
            return NULL_ARRAY
        waiter = session.waiter
        if waiter is None:
            session.waiter = waiter = Waiter(session, keys, types)
            self.clients += 1
            if timeout_ms:
                waiter.timer = self._node.loop.call_later(timeout_ms / 1000, self._on_timeout, waiter)
        elif waiter.expired:
            return NULL_ARRAY
        for key in waiter.keys:
            self.queues.setdefault(key, {}).setdefault(waiter.types, OrderedDict())[waiter] = None
        return session.suspend(lambda: self._leave_queues(waiter))

    def unblock(self, session: Session, *, error: bool) -> bool:
        """CLIENT UNBLOCK: ends a session's waiting as its timeout would, or with an error. Whether it waited."""
        if session.waiter is None or session.on_cancel is None:
            return False
        self._answer(session, UNBLOCKED if error else NULL_ARRAY)
        return True

    def end(self, session: Session) -> None:
        """A session's call has its reply, or its client is gone."""
        assert session.waiter is not None
        if session.waiter.timer is not None:
            session.waiter.timer.cancel()
        session.waiter = None
        self.clients -= 1

    # -- the writers' side

    def on_touched(self, keys: list[bytes]) -> None:
        """Keys changed."""
        for key in keys:
            if key in self.queues:
                self.ready[key] = None
        # dispatch calls serve() at the end of the command; a change that was none is served by the loop.
        if self.ready and not self._scheduled:
            self._scheduled = True
            self._node.loop.call_soon(self._serve_from_loop)

    def on_slots_changed(self) -> None:
        """Slots came or left: clients that wait for keys of slots that are not served here any more are sent on."""
        cluster = self._node.cluster
        assert cluster is not None
        waiters = {waiter for by_types in self.queues.values() for queue in by_types.values() for waiter in queue}
        for waiter in waiters:
            session = waiter.session
            row = find_command(session.argv[0])
            decision = cluster.slots.decide(
                slot_of(waiter.keys[0]), row is None or row.write,
                asking=session.asking, readonly=session.readonly, importer=session.importing is not None,
            )  # fmt: skip
            if isinstance(decision, str) and decision is not TRYAGAIN_FROZEN:
                self._node.stats.error_replies[decision.split(" ", 1)[0]] += 1
                self._answer(session, ReplyError(decision))
            elif session.asking:  # it waits for a key that an import may have brought
                self.on_touched(list(waiter.keys))

    def serve(self) -> None:
        """Runs the calls that wait for the ready keys. Only between two commands."""
        if self._serving:  # a call that runs again has ended: the loop below goes on
            return
        self._serving = True
        try:
            while self.ready:
                key, _ = self.ready.popitem(last=False)
                for types, queue in list(self.queues.get(key, {}).items()):
                    self._serve_queue(key, types, queue)
        finally:
            self._serving = False

    def _serve_from_loop(self) -> None:
        self._scheduled = False
        if self.ready:
            self._node.refresh_clock()
            self._node.txn.begin(self._node.now_ms)
            self.serve()

    def _serve_queue(self, key: bytes, types: Types, queue: Queue) -> None:
        for _ in range(len(queue)):  # whoever waits again is not tried again now
            found = self._node.txn.lookup(key)
            if not queue or (0 if found is None else found.type) not in types:
                return
            self._run(next(iter(queue)))

    def _run(self, waiter: Waiter) -> None:
        session = waiter.session
        self._leave_queues(waiter)
        session.on_cancel = None
        if session.link.closing:  # nobody would get what the call takes
            return
        session.suspended = False
        try:
            execute(session, session.argv)
        except Exception:  # a mistake of ours: it must not hurt the client whose write led here
            log.exception("a blocked call failed")
            session.link.close(after_replies=False)
            return
        if session.waiter is None:
            session.link.wake()

    # -- the end of waiting

    def _on_timeout(self, waiter: Waiter) -> None:
        if waiter.session.on_cancel is None:
            waiter.expired = True
        else:
            self._answer(waiter.session, NULL_ARRAY)

    def _answer(self, session: Session, value: Any) -> None:
        """Ends a session's waiting with a reply, whoever keeps it just now: these queues, a pause or a freeze."""
        assert session.on_cancel is not None
        session.on_cancel()
        self.end(session)
        session.resume(value)

    def _leave_queues(self, waiter: Waiter) -> None:
        for key in waiter.keys:
            by_types = self.queues[key]
            del by_types[waiter.types][waiter]
            if not by_types[waiter.types]:
                del by_types[waiter.types]
                if not by_types:
                    del self.queues[key]
