"""CLUSTERX: the topology as an operator or controller pushes it, migrations, and the hand-over between nodes;
APPLYBATCH.

CLUSTERX HANDOVER is what a Slotrocks source says to a Slotrocks target (see migration/table.py for the protocol):

    VERSION                       -> :1
    START <job> <source> <slots>  -> +OK      this connection feeds the import from now on
    PREPARE <job>                 -> +OK      durable: the data stays until the outcome is known
    COMMIT <job>                  -> +OK      durable: this node serves the slots
    ABORT <job>                   -> +OK      what came is dropped; refused once committed
    STATUS <job> <slots>          -> importing | prepared | committed | aborted | unknown; durable

and what a target that has promised says to a source that has fallen silent (see migration/inquiry.py):

    OUTCOME <job>                 -> pending | aborted | moved
"""

from __future__ import annotations

from typing import Any

from slotrocks.engine import OK
from slotrocks.server.cluster.ranges import SlotSet
from slotrocks.server.cluster.topology import NODE_ID_CHARS
from slotrocks.server.commands.cluster import cluster_of, parse_import_ranges, require_admin
from slotrocks.server.errors import CommandError
from slotrocks.server.migration import faults
from slotrocks.server.migration.apply import apply_anywhere
from slotrocks.server.migration.records import ImportState
from slotrocks.server.migration.target import HANDOVER_VERSION
from slotrocks.server.session import Session
from slotrocks.server.table import command

USAGE = "ERR CLUSTERX command, CLUSTERX VERSION|MYID|SETNODEID|SETNODES|SETSLOT|MIGRATE"
_ADMIN = "admin stale noscript no_multi"


@command("clusterx", arity=-2, group="cluster", since="3.0.0", summary="A container for Kvrocks's cluster commands.",
         complexity="Depends on subcommand.", unknown=USAGE)  # fmt: skip
def clusterx(s: Session, argv: list[bytes]) -> Any:
    raise CommandError(USAGE)


@command("clusterx|version", arity=2, flags="stale", group="cluster", since="3.0.0",
         summary="Returns the version of the topology, -1 before the first.")  # fmt: skip
def version(s: Session, argv: list[bytes]) -> Any:
    return str(cluster_of(s).topology.version)


@command("clusterx|myid", arity=2, flags="stale", group="cluster", since="3.0.0", summary="Returns the ID of a node.")
def myid(s: Session, argv: list[bytes]) -> Any:
    return cluster_of(s).myid


@command("clusterx|setnodeid", arity=3, flags=_ADMIN, group="cluster", since="3.0.0", summary="Sets the ID of a node.")
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


@command("clusterx|setnodes", arity=-4, flags=_ADMIN, group="cluster", since="3.0.0",
         summary="Sets the topology.", complexity="O(N) where N is the number of nodes and ranges")  # fmt: skip
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


@command("clusterx|setslot", arity=6, flags=_ADMIN, group="cluster", since="3.0.0",
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


@command("clusterx|migrate", arity=-4, flags=_ADMIN, group="cluster", since="3.0.0",
         summary="Moves slots to another node.",
         complexity="O(N) where N is the number of keys in the slots")  # fmt: skip
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


@command("clusterx|handover", arity=-3, flags=_ADMIN, group="cluster", since="3.0.0",
         summary="Internal: what the two ends of a migration say to each other.")  # fmt: skip
def handover(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    words = [word.decode("latin-1") for word in argv[2:]]
    match [words[0].lower(), *words[1:]]:
        case ["version"]:
            return HANDOVER_VERSION
        case ["start", job, source, slots]:
            c.importer.start(s, parse_import_ranges(slots.encode()), job, source, kvrocks=False)
            return OK
        case ["prepare", job]:
            c.importer.prepare(job)
            return s.node.reply_when_synced(s, lambda: faults.reach("target.prepare.synced"))
        case ["commit", job]:
            each = c.importer.find(job)
            c.importer.commit(each)
            return s.node.reply_when_synced(s, lambda: c.importer.serve(each))
        case ["abort", job]:
            c.importer.abort(c.importer.find(job), "the source gave up")
            return OK
        case ["outcome", job]:
            return c.coordinator.outcome(job)
        case ["status", job, slots]:
            return handover_status(s, job, parse_import_ranges(slots.encode()))
        case _:
            raise CommandError("ERR syntax error")


def handover_status(s: Session, job: str, slots: SlotSet) -> Any:
    """What became of a job. A commit that was noted must be durable before anybody is told of it."""
    importer = cluster_of(s).importer
    status = importer.status(job, slots)
    if status != ImportState.COMMITTED.value:
        return status
    each = importer.known(job)
    return s.node.reply_when_synced(s, None if each is None else lambda: importer.serve(each), status)


@command("applybatch", arity=-2, flags="write no_multi noscript", group="server", since="2.6.0",
         summary="Writes the rows of a RocksDB write batch: what a migration sends.",
         complexity="O(N) where N is the number of rows")  # fmt: skip
def applybatch(s: Session, argv: list[bytes]) -> Any:
    if len(argv) > 3 or (len(argv) == 3 and argv[2].lower() != b"lowpri"):
        raise CommandError("ERR syntax error")
    if s.importing is not None:
        return cluster_of(s).importer.apply(s, argv[1])
    require_admin(s)
    return apply_anywhere(s.node, argv[1])
