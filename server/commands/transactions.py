"""MULTI, EXEC, DISCARD, WATCH, UNWATCH.

Between MULTI and EXEC `session.queue` is a list, which dispatch fills; it stays one while EXEC runs the calls, so a
command that would block can see that it must not. EXEC decides everything before it runs anything: whether a watched
key changed, whether queueing failed, and, in cluster mode, whether each call's keys are (still) served here. If one
is not, its redirection is the reply and nothing was executed; if one waits for a hand-over, EXEC as a whole waits and
decides again.
"""

from __future__ import annotations

from typing import Any

from slotrocks.engine import NULL_ARRAY, OK
from slotrocks.server.cluster.route import HOLD
from slotrocks.server.dispatch import route
from slotrocks.server.errors import CommandError
from slotrocks.server.session import NO_REPLY, SUSPENDED, Session
from slotrocks.server.streaming import Stream
from slotrocks.server.table import command

EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors."
COMMON_FLAGS = "noscript loading stale fast allow_busy"


@command(
    "multi", arity=1, flags=f"{COMMON_FLAGS} multi_control", group="transactions", since="1.2.0",
    summary="Starts a transaction.",
)  # fmt: skip
def multi(s: Session, argv: list[bytes]) -> Any:
    if s.queue is not None:
        raise CommandError("ERR MULTI calls can not be nested")
    s.queue = []
    return OK


@command(
    "discard", arity=1, flags=f"{COMMON_FLAGS} multi_control", group="transactions", since="2.0.0",
    summary="Discards a transaction.", complexity="O(N), when N is the number of queued commands",
)  # fmt: skip
def discard(s: Session, argv: list[bytes]) -> Any:
    if s.queue is None:
        raise CommandError("ERR DISCARD without MULTI")
    s.end_transaction()
    return OK


@command(
    "watch", arity=-2, flags=f"{COMMON_FLAGS} multi_control", keys=(1, -1, 1), group="transactions", since="2.2.0",
    summary="Monitors changes to keys to determine the execution of a transaction.", complexity="O(1) for every key.",
)  # fmt: skip
def watch(s: Session, argv: list[bytes]) -> Any:
    if s.queue is not None:
        raise CommandError("ERR WATCH inside MULTI is not allowed")
    if s.dirty_watch:  # EXEC fails whatever happens to these keys
        return OK
    for key in argv[1:]:
        if key not in s.watched:
            found = s.txn.lookup(key)
            s.node.watch(s, key, 0 if found is None else found.expire_ms)
    return OK


@command(
    "unwatch", arity=1, flags=COMMON_FLAGS, group="transactions", since="2.2.0",
    summary="Forgets about watched keys of a transaction.",
)  # fmt: skip
def unwatch(s: Session, argv: list[bytes]) -> Any:
    s.node.unwatch(s)
    return OK


@command(
    "exec", arity=1, flags="noscript loading stale skip_slowlog multi_control", group="transactions", since="1.2.0",
    summary="Executes all commands in a transaction.", complexity="Depends on commands in the transaction",
    differs="In a cluster the calls may be in several slots of this node, as in Kvrocks (Redis: CROSSSLOT). Whether "
    "all of them are served here is decided before the first one runs.",
)  # fmt: skip
def exec_(s: Session, argv: list[bytes]) -> Any:
    if s.queue is None:
        raise CommandError("ERR EXEC without MULTI")
    if s.dirty_exec:
        s.end_transaction()
        raise CommandError(EXEC_ABORT)
    now_ms = s.txn.now_ms
    if s.dirty_watch or any(0 < expire_ms < now_ms for expire_ms in s.watched.values()):
        s.end_transaction()
        return NULL_ARRAY
    if s.node.cluster is not None and must_wait(s):
        s.node.hold(s, argv)
        return SUSPENDED
    s.node.unwatch(s)
    # The replies go out one by one behind the header: a command that writes its reply itself then fits in, too.
    s.writer.array_header(len(s.queue))
    try:
        for row, queued in s.queue:
            value = s.node.call(s, row, queued)
            assert value is not SUSPENDED, f"{row.name} suspended inside EXEC"
            if value.__class__ is Stream:
                value.write_whole(s.writer)
            elif value is not NO_REPLY:
                s.writer.write(value)
    finally:
        s.end_transaction()
    return NO_REPLY


def must_wait(s: Session) -> bool:
    """Whether a queued call's slot is frozen. A call that is not served here at all ends the transaction with its
    redirection."""
    assert s.queue is not None
    try:
        waits = [row.has_keys and route(s, row, queued) is HOLD for row, queued in s.queue]
    except CommandError:
        s.end_transaction()
        raise
    return any(waits)
