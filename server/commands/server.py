"""TIME, ROLE, MONITOR, SHUTDOWN, LASTSAVE, COMPACT, REPLICAOF and LOLWUT."""

from __future__ import annotations

import time as clock
from typing import Any

from slotrocks.engine import OK, Verbatim
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import NO_REPLY, Session
from slotrocks.server.sweep import Sweep
from slotrocks.server.table import command
from slotrocks.server.version import VERSION


@command("time", arity=1, flags="fast loading stale", group="server", since="2.6.0",
         summary="Returns the server time.")  # fmt: skip
def time(s: Session, argv: list[bytes]) -> Any:
    seconds, us = divmod(clock.time_ns() // 1000, 1_000_000)
    return [str(seconds), str(us)]


@command("role", arity=1, flags="fast loading noscript stale", group="server", since="2.8.12",
         summary="Returns the replication role.",
         differs="Always master, without replicas; the offset is RocksDB's sequence number.")  # fmt: skip
def role(s: Session, argv: list[bytes]) -> Any:
    return ["master", s.node.store.sequence, []]


@command("monitor", arity=1, flags="admin loading noscript stale", group="server", since="1.0.0",
         summary="Listens for all requests received by the server in real-time.")  # fmt: skip
def monitor(s: Session, argv: list[bytes]) -> Any:
    s.node.monitors.add(s)
    return OK


@command(
    "shutdown", arity=-1, flags="admin allow_busy loading no_multi noscript stale", group="server", since="1.0.0",
    summary="Synchronously saves the database(s) to disk and shuts down the server.",
    complexity="O(1): everything is saved at any time",
    differs="Everything is saved at any time: the options make no difference, and ABORT is always an error.",
)  # fmt: skip
def shutdown(s: Session, argv: list[bytes]) -> Any:
    """Everything is saved at any time, so that SAVE, NOSAVE, NOW and FORCE make no difference."""
    options = [word.lower() for word in argv[1:]]
    if set(options) - {b"nosave", b"save", b"now", b"force", b"abort"} or {b"nosave", b"save"} <= set(options):
        raise CommandError(SYNTAX)
    if b"abort" in options:
        if len(options) > 1:
            raise CommandError(SYNTAX)
        raise CommandError("ERR No shutdown in progress.")
    s.node.stopping.set()
    return NO_REPLY


@command("lastsave", arity=1, flags="fast loading stale", group="server", since="1.0.0",
         summary="Returns the Unix timestamp of the last successful save to disk.",
         differs="There are no saves: always the time when the server started. Kvrocks's ISO8601 is not "
         "there.")  # fmt: skip
def lastsave(s: Session, argv: list[bytes]) -> Any:
    """There are no saves, each write is in the log. What Redis says before its first save: when it started."""
    return int(s.node.started)


@command("compact", arity=1, flags="admin noscript", group="server", since="1.0.0",
         summary="Removes in the background what belongs to no key: Kvrocks leaves that to its compactions.",
         complexity="O(N) where N is the number of collections, in small steps.",
         differs="RocksDB compacts of its own accord; Kvrocks's COMPACT has it compact everything.")  # fmt: skip
def compact(s: Session, argv: list[bytes]) -> Any:
    """RocksDB compacts its files of its own accord, and gives back what these deletions free."""
    if s.node.sweep is not None and not s.node.sweep.done:
        raise CommandError("ERR compact in progress")
    s.node.sweep = Sweep(s.node)
    return OK


def replicate(s: Session, argv: list[bytes]) -> Any:
    """REPLICAOF and SLAVEOF: this server is always a master."""
    name = argv[0].decode("latin-1").upper()
    if s.node.cluster is not None:
        raise CommandError(f"ERR {name} not allowed in cluster mode.")
    if [word.lower() for word in argv[1:]] == [b"no", b"one"]:
        return OK
    raise CommandError("ERR replication is not supported by this server")


for _name, _since in (("replicaof", "5.0.0"), ("slaveof", "1.0.0")):
    command(_name, arity=3, flags="admin no_async_loading noscript stale", group="server", since=_since,
            summary="Configures a server as replica of another, or promotes it to a master.",
            differs="Only NO ONE, which changes nothing: there is no replication.")(replicate)  # fmt: skip


@command("lolwut", arity=-1, flags="fast readonly", group="server", since="5.0.0",
         summary="Displays computer art and the server version.",
         differs="Another picture, and no VERSION.")  # fmt: skip
def lolwut(s: Session, argv: list[bytes]) -> Any:
    return Verbatim("txt", f"{ART}\nSlotrocks ver. {VERSION}\n")


ART = """
   ________          ________
  /_______/|        /_______/|
  |  0 1 2 |  ---->  |  3 4 5 |
  |_______|/        |_______|/
"""
