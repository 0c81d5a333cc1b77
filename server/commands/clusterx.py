"""CLUSTERX: the topology as an operator or controller pushes it, and migrations; APPLYBATCH."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from slotrocks.engine import DIGEST_KEY_BYTES, OK, ReplyError
from slotrocks.server.cluster.topology import NODE_ID_CHARS
from slotrocks.server.commands.cluster import cluster_of, parse_import_ranges, require_admin
from slotrocks.server.errors import CommandError
from slotrocks.server.migration.apply import apply_anywhere
from slotrocks.server.session import Session, Suspended
from slotrocks.server.table import command

log = logging.getLogger(__name__)

USAGE = "ERR CLUSTERX command, CLUSTERX VERSION|MYID|SETNODEID|SETNODES|SETSLOT|MIGRATE"
_ADMIN = "admin stale noscript no_multi"


@command("clusterx", arity=-2, group="cluster", since="2.0.2", summary="A container for Kvrocks's cluster commands.",
         complexity="Depends on subcommand.", unknown=USAGE)  # fmt: skip
def clusterx(s: Session, argv: list[bytes]) -> Any:
    raise CommandError(USAGE)


@command("clusterx|version", arity=2, flags="stale", group="cluster", since="2.0.2",
         summary="Returns the version of the topology, -1 before the first.")  # fmt: skip
def version(s: Session, argv: list[bytes]) -> Any:
    return str(cluster_of(s).topology.version)


# Kvrocks 2.10 has it; since when is not documented.
@command("clusterx|myid", arity=2, flags="stale", group="cluster", since="2.10.0", summary="Returns the ID of a node.")
def myid(s: Session, argv: list[bytes]) -> Any:
    return cluster_of(s).myid


@command("clusterx|setnodeid", arity=3, flags=_ADMIN, group="cluster", since="2.0.2", summary="Sets the ID of a node.")
def setnodeid(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    if len(argv[2]) != NODE_ID_CHARS:
        raise CommandError(USAGE)
    node_id = argv[2].decode("latin-1")
    if not node_id.isascii() or not node_id.isprintable() or " " in node_id:
        raise CommandError("ERR Invalid node id")
    c.set_node_id(node_id)
    return OK


def _version(word: bytes) -> int:
    try:
        return int(word)
    except ValueError:
        raise CommandError("ERR Invalid version") from None


@command("clusterx|setnodes", arity=-4, flags=_ADMIN, group="cluster", since="2.0.2",
         summary="Sets the topology.", complexity="O(N) where N is the number of nodes and ranges",
         differs="A topology that does not know of a finished hand-over does not undo it.")  # fmt: skip
def setnodes(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    if len(argv) > 5 or (len(argv) == 5 and argv[4].lower() != b"force"):
        raise CommandError("ERR Invalid setnodes options")
    number = _version(argv[3])
    if number < 0:
        raise CommandError("ERR Invalid cluster version")
    c.set_nodes(argv[2].decode("latin-1"), number, force=len(argv) == 5)
    return OK


@command("clusterx|setslot", arity=6, flags=_ADMIN, group="cluster", since="2.0.6",
         summary="Gives slots to a node, in the next version of the topology.")  # fmt: skip
def setslot(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    slots = parse_import_ranges(argv[2])
    if argv[3].lower() != b"node":
        raise CommandError("ERR Invalid setslot options")
    if len(argv[4]) != NODE_ID_CHARS:
        raise CommandError("ERR Invalid node id")
    number = _version(argv[5])
    c.set_slots(slots, argv[4].decode("latin-1"), number)
    return OK


@command("clusterx|migrate", arity=-4, flags=_ADMIN, group="cluster", since="2.0.6",
         summary="Moves slots to another node.",
         complexity="O(N) where N is the number of keys in the slots",
         differs="Takes several ranges at once (Kvrocks: the first). Writes of slots that are handed "
         "over wait (Kvrocks: TRYAGAIN). CLUSTERX MIGRATION CANCEL stops it.")  # fmt: skip
def migrate(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    slots = parse_import_ranges(argv[2])
    if len(argv[3]) != NODE_ID_CHARS:
        raise CommandError("ERR Invalid node id")
    sync, timeout_s = _migrate_mode(argv[4:])
    job = c.coordinator.submit(slots, argv[3].decode("latin-1"))
    if not sync:
        return OK

    def give_up() -> None:
        del job.waiters[s]
        s.resume(None)

    def forget() -> None:
        job.waiters.pop(s, None)

    job.waiters[s] = s.node.loop.call_later(timeout_s, give_up) if timeout_s else None
    return s.suspend(forget)


def _migrate_mode(words: list[bytes]) -> tuple[bool, int]:
    """(whether to wait, for at most how many seconds; 0 = for ever)."""
    mode = words[0].lower() if words else b"async"
    if mode == b"async":
        if len(words) > 1:
            raise CommandError("ERR Async migration does not support timeout")
        return False, 0
    if mode != b"sync":
        raise CommandError("ERR Invalid sync flag")
    if len(words) == 1:
        return True, 0
    if len(words) > 2:
        raise CommandError("ERR wrong number of arguments")
    try:
        timeout_s = int(words[1])
    except ValueError:
        raise CommandError("ERR timeout is not an integer or out of range") from None
    if timeout_s < 0:
        raise CommandError("ERR timeout is negative")
    return True, timeout_s


@command("clusterx|migration", arity=-4, flags=_ADMIN, group="cluster", since="0.1.0",
         summary="CANCEL slots: stops a migration. RESOLVE slots node-id: decides who owns them when the outcome is"
         " unknown and the other node gone for ever; a wrong decision costs data.")  # fmt: skip
def migration(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    slots = parse_import_ranges(argv[3])
    match [argv[2].lower(), *argv[4:]]:
        case [b"cancel"]:
            c.coordinator.cancel(slots)
            return OK
        case [b"resolve", owner]:
            incoming = c.importer.running
            side = c.importer if incoming is not None and incoming.slots == slots else c.coordinator
            then, advice = side.resolve(slots, owner.decode("latin-1"))
            return s.node.reply_when_synced(s, then, advice)
        case _:
            raise CommandError("ERR syntax error")


@command("clusterx|verify", arity=4, flags=_ADMIN, group="cluster", since="0.1.0",
         summary="Compares every row of slots with those of another node.",
         complexity="O(N) where N is the number of rows, in a process of its own")  # fmt: skip
def verify(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    slots = parse_import_ranges(argv[2])
    peer = c.topology.nodes.get(argv[3].decode("latin-1"))
    if peer is None or peer.id == c.myid:
        raise CommandError("ERR Can't find the other node's id")
    return reply_later(s, c.verifier.verify(slots, peer))


@command("clusterx|digest", arity=4, flags=_ADMIN, group="cluster", since="0.1.0",
         summary="Internal: digests every row of slots, for another node's VERIFY.",
         complexity="O(N) where N is the number of rows, in a process of its own")  # fmt: skip
def digest(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    slots = parse_import_ranges(argv[2])
    try:
        key = bytes.fromhex(argv[3].decode("latin-1"))
    except ValueError:
        key = b""
    if len(key) != DIGEST_KEY_BYTES:
        raise CommandError("ERR the key must have 32 hexadecimal digits")
    return reply_later(s, c.verifier.digest(slots, key))


def reply_later(s: Session, work: Coroutine[Any, Any, Any]) -> Suspended:
    """Suspends a session until `work` has a reply, or raises CommandError. It ends when the client leaves."""

    def done(task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            s.resume(task.result())
        elif isinstance(error, CommandError):
            s.resume(ReplyError(str(error)))
        else:
            log.error("internal error", exc_info=error)
            s.resume(ReplyError("ERR internal error, see the log"))

    task = s.node.loop.create_task(work)
    task.add_done_callback(done)

    def leave() -> None:
        task.cancel()

    return s.suspend(leave)


@command("applybatch", arity=-2, flags="write no_multi noscript", group="server", since="2.8.0",
         summary="Writes the rows of a RocksDB write batch: what a migration sends.",
         complexity="O(N) where N is the number of rows",
         differs="In a cluster only rows of slots that this node owns are written (Kvrocks: anything), and none while "
         "a migration runs.")  # fmt: skip
def applybatch(s: Session, argv: list[bytes]) -> Any:
    if len(argv) > 3 or (len(argv) == 3 and argv[2].lower() != b"lowpri"):
        raise CommandError("ERR syntax error")
    if s.importing is not None:
        return cluster_of(s).importer.apply(s, argv[1])
    require_admin(s)
    return apply_anywhere(s.node, argv[1])
