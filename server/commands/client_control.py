"""CLIENT, what controls connections: REPLY, PAUSE, UNPAUSE, UNBLOCK, NO-EVICT, NO-TOUCH; tracking (not supported)."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import OK
from slotrocks.server.arguments import integer
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.pause import Pause
from slotrocks.server.session import NO_REPLY, Session
from slotrocks.server.table import command

FLAGS = "loading noscript stale"
ADMIN = "admin loading noscript stale"
PAUSE_MS_MAX = 2**62
NO_TRACKING = "ERR client-side caching (CLIENT TRACKING) is not supported by this server"
CACHING_WITHOUT_TRACKING = (
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
)


@command("client|reply", arity=3, flags="no_multi " + FLAGS, group="connection", since="3.2.0",
         summary="Instructs the server whether to reply to commands.")  # fmt: skip
def reply(s: Session, argv: list[bytes]) -> Any:
    mode = argv[2].lower()
    if mode == b"on":
        s.reply_mode = "on"
        return OK
    if mode == b"off":
        s.reply_mode = "off"
    elif mode == b"skip":
        if s.reply_mode != "off":
            s.reply_mode = "skip"
    else:
        raise CommandError(SYNTAX)
    return NO_REPLY


@command("client|pause", arity=-3, flags=ADMIN, group="connection", since="3.0.0",
         summary="Suspends commands processing.")  # fmt: skip
def pause(s: Session, argv: list[bytes]) -> Any:
    mode = argv[3].lower() if len(argv) > 3 else b"all"
    if len(argv) > 4:
        raise CommandError(SYNTAX)
    if mode not in (b"write", b"all"):
        raise CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL")
    timeout_ms = integer(argv[2], "ERR timeout is not an integer or out of range")
    if timeout_ms < 0:
        raise CommandError("ERR timeout is negative")
    if timeout_ms > PAUSE_MS_MAX:
        raise CommandError("ERR timeout is out of range")
    node, everything = s.node, mode == b"all"
    if node.pause is None:
        node.pause = Pause(node, node.now_ms + timeout_ms, everything=everything)
    else:
        node.pause.extend(node.now_ms + timeout_ms, everything=everything)
    return OK


@command("client|unpause", arity=2, flags=ADMIN, group="connection", since="6.2.0",
         summary="Resumes processing commands from paused clients.",
         complexity="O(N) Where N is the number of paused clients")  # fmt: skip
def unpause(s: Session, argv: list[bytes]) -> Any:
    if s.node.pause is not None:
        s.node.pause.end()
    return OK


@command("client|unblock", arity=-3, flags=ADMIN, group="connection", since="5.0.0",
         summary="Unblocks a client blocked by a blocking command from a different connection.",
         complexity="O(log N) where N is the number of client connections")  # fmt: skip
def unblock(s: Session, argv: list[bytes]) -> Any:
    if len(argv) == 4:
        if argv[3].lower() not in (b"timeout", b"error"):
            raise CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    elif len(argv) > 4:
        raise CommandError("ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.")
    session = s.node.sessions.get(integer(argv[2]))
    error = len(argv) == 4 and argv[3].lower() == b"error"
    # Whom only a pause or a hand-over holds is not blocked in this sense.
    return int(session is not None and s.node.blocking.unblock(session, error=error))


@command("client|no-evict", arity=3, flags=ADMIN, group="connection", since="7.0.0",
         summary="Sets the client eviction mode of the connection.",
         differs="Accepted, without effect: no client is evicted.")  # fmt: skip
def no_evict(s: Session, argv: list[bytes]) -> Any:
    s.no_evict = on_or_off(argv[2])
    return OK


@command("client|no-touch", arity=3, flags="allow_busy " + FLAGS, group="connection", since="7.2.0",
         summary="Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
         differs="Accepted, without effect: accesses are not tracked.")  # fmt: skip
def no_touch(s: Session, argv: list[bytes]) -> Any:
    s.no_touch = on_or_off(argv[2])
    return OK


def on_or_off(word: bytes) -> bool:
    """Raises CommandError for any other word."""
    value = {b"on": True, b"off": False}.get(word.lower())
    if value is None:
        raise CommandError(SYNTAX)
    return value


@command("client|tracking", arity=-3, flags=FLAGS, group="connection", since="6.0.0",
         summary="Controls server-assisted client-side caching for the connection.",
         complexity="O(1). Some options may introduce additional complexity.",
         differs="ON is an error: client-side caching is not supported.")  # fmt: skip
def tracking(s: Session, argv: list[bytes]) -> Any:
    if on_or_off(argv[2]):
        raise CommandError(NO_TRACKING)
    return OK


@command("client|caching", arity=3, flags=FLAGS, group="connection", since="6.0.0",
         summary="Instructs the server whether to track the keys in the next request.",
         differs="Always an error: see CLIENT TRACKING.")  # fmt: skip
def caching(s: Session, argv: list[bytes]) -> Any:
    raise CommandError(CACHING_WITHOUT_TRACKING)


@command("client|getredir", arity=2, flags=FLAGS, group="connection", since="6.0.0",
         summary="Returns the client ID to which the connection's tracking notifications are redirected.",
         differs="Always -1: see CLIENT TRACKING.")  # fmt: skip
def getredir(s: Session, argv: list[bytes]) -> Any:
    return -1


@command("client|trackinginfo", arity=2, flags=FLAGS, group="connection", since="6.2.0",
         summary="Returns information about server-assisted client-side caching for the connection.",
         differs="Always off: see CLIENT TRACKING.")  # fmt: skip
def trackinginfo(s: Session, argv: list[bytes]) -> Any:
    return {"flags": {b"off"}, "redirect": -1, "prefixes": []}
