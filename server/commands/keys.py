"""Commands on keys of any type."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import (
    OK,
    TYPE_NAMES,
    TYPE_STRING,
    Metadata,
    Simple,
)
from slotrocks.engine.types import encodings, keyspace, text
from slotrocks.server.arguments import check_database, int32
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import command

NO_SUCH_KEY = "ERR no such key"
SAME_OBJECT = "ERR source and destination objects are the same"
NO_LFU = (
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    "between policies at runtime LRU and LFU data will take some time to adjust."
)

N_REMOVED = (
    "O(N) where N is the number of keys that will be removed. A key whose value is not a string also costs O(M) where "
    "M is the number of its elements, up to a limit."
)
N_COPIED = "O(N) for collections, where N is the number of nested items. O(1) for string values."


def lookup(s: Session, key: bytes) -> Metadata | None:
    """A key for a reading command: counts as a hit or a miss."""
    found = s.txn.lookup(key)
    if found is None:
        s.node.stats.keyspace_misses += 1
    else:
        s.node.stats.keyspace_hits += 1
    return found


@command(
    "del", arity=-2, flags="write", keys=(1, -1, 1), group="generic", since="1.0.0",
    summary="Deletes one or more keys.", complexity=N_REMOVED,
    differs="All rows of the key go at once; Kvrocks leaves them to its compactions.",
)  # fmt: skip
def del_(s: Session, argv: list[bytes]) -> Any:
    return sum(keyspace.delete(s.txn, key) for key in argv[1:])


command(
    "unlink", arity=-2, flags="write fast", keys=(1, -1, 1), group="generic", since="4.0.0",
    summary="Asynchronously deletes one or more keys.", complexity=N_REMOVED,
    differs="The same as DEL: nothing is left for later.",
)(del_)  # fmt: skip


@command(
    "exists", arity=-2, flags="readonly fast", keys=(1, -1, 1), group="generic", since="1.0.0",
    summary="Determines whether one or more keys exist.",
    complexity="O(N) where N is the number of keys to check.",
)  # fmt: skip
def exists(s: Session, argv: list[bytes]) -> Any:
    return sum(lookup(s, key) is not None for key in argv[1:])


command(
    "touch", arity=-2, flags="readonly fast", keys=(1, -1, 1), group="generic", since="3.2.1",
    summary="Returns the number of existing keys out of those specified after updating the time they were last "
    "accessed.",
    complexity="O(N) where N is the number of keys that will be touched.",
    differs="Counts the keys; accesses are not tracked.",
)(exists)  # fmt: skip


@command(
    "type", arity=2, flags="readonly fast", keys=(1, 1, 1), group="generic", since="1.0.0",
    summary="Determines the type of value stored at a key.",
    differs="Bitmaps and HyperLogLogs are strings, as in Redis; Kvrocks answers bitmap and hyperloglog.",
)  # fmt: skip
def type_(s: Session, argv: list[bytes]) -> Any:
    """Bitmaps and HyperLogLogs are strings, as in Redis: all string commands take them (docs/decisions/0008)."""
    found = lookup(s, argv[1])
    if found is None:
        return Simple(TYPE_NAMES[0])
    return Simple(TYPE_NAMES[TYPE_STRING if found.type in text.TYPES else found.type])


@command(
    "rename", arity=3, flags="write", keys=(1, 2, 1), group="generic", since="1.0.0",
    summary="Renames a key and overwrites the destination.", complexity=N_COPIED,
    differs="A collection is written anew under its new name (Redis: O(1)).",
)  # fmt: skip
def rename(s: Session, argv: list[bytes]) -> Any:
    source = s.txn.lookup(argv[1])
    if source is None:
        raise CommandError(NO_SUCH_KEY)
    if argv[1] != argv[2]:
        keyspace.rename(s.txn, source, argv[2])
    return OK


@command(
    "renamenx", arity=3, flags="write fast", keys=(1, 2, 1), group="generic", since="1.0.0",
    summary="Renames a key only when the target key name doesn't exist.", complexity=N_COPIED,
    differs="A collection is written anew under its new name (Redis: O(1)).",
)  # fmt: skip
def renamenx(s: Session, argv: list[bytes]) -> Any:
    source = s.txn.lookup(argv[1])
    if source is None:
        raise CommandError(NO_SUCH_KEY)
    if s.txn.lookup(argv[2]) is not None:
        return 0
    keyspace.rename(s.txn, source, argv[2])
    return 1


@command(
    "copy", arity=-3, flags="write denyoom", keys=(1, 2, 1), group="generic", since="6.2.0",
    summary="Copies the value of a key to a new key.", complexity=N_COPIED,
    differs="DB can only be 0.",
)  # fmt: skip
def copy(s: Session, argv: list[bytes]) -> Any:
    replace = False
    i = 3
    while i < len(argv):
        option = argv[i].upper()
        if option == b"REPLACE":
            replace = True
        elif option == b"DB" and i + 1 < len(argv):
            i += 1
            check_database(argv[i])
        else:
            raise CommandError(SYNTAX)
        i += 1
    if argv[1] == argv[2]:
        raise CommandError(SAME_OBJECT)
    source = lookup(s, argv[1])
    if source is None or (not replace and s.txn.lookup(argv[2]) is not None):
        return 0
    keyspace.copy(s.txn, source, argv[2])
    return 1


@command(
    "move", arity=3, flags="write fast", keys=(1, 1, 1), group="generic", since="1.0.0",
    summary="Moves a key to another database.",
    differs="There is one database: always an error. (Kvrocks: nothing is moved, but answers 1.)",
)  # fmt: skip
def move(s: Session, argv: list[bytes]) -> Any:
    """There is one database, so there is nowhere to move to."""
    if s.node.cluster is not None:
        raise CommandError("ERR MOVE is not allowed in cluster mode")
    check_database(argv[2])
    raise CommandError(SAME_OBJECT)


@command(
    "swapdb", arity=3, flags="write fast", group="server", since="4.0.0", summary="Swaps two databases.",
    differs="There is one database, which can be swapped with itself.",
)  # fmt: skip
def swapdb(s: Session, argv: list[bytes]) -> Any:
    """There is one database, which can be swapped with itself."""
    if s.node.cluster is not None:
        raise CommandError("ERR SWAPDB is not allowed in cluster mode")
    for arg, which in ((argv[1], "first"), (argv[2], "second")):
        try:
            int32(arg)
        except CommandError:
            raise CommandError(f"ERR invalid {which} DB index") from None
    check_database(argv[1])
    check_database(argv[2])
    return OK


@command(
    "flushdb", arity=-1, flags="write", group="server", since="1.0.0",
    summary="Removes all keys from the current database.", complexity="O(1): ranges are deleted, not keys.",
    differs="ASYNC and SYNC are the same. In a cluster it ends a migration that is not decided yet; it is refused "
    "(TRYAGAIN) while this node has promised to keep slots whose hand-over is not decided.",
)  # fmt: skip
def flushdb(s: Session, argv: list[bytes]) -> Any:
    if len(argv) > 2 or (len(argv) == 2 and argv[1].upper() not in (b"ASYNC", b"SYNC")):
        raise CommandError(SYNTAX)
    if s.node.cluster is not None:
        s.node.cluster.on_flush()
    awaited = (*s.node.watchers, *s.node.blocking.queues)
    found = [key for key in awaited if s.txn.lookup(key) is not None]
    keyspace.flush(s.txn)
    for key in found:  # only who watches a key that was there has seen a change
        s.txn.touch(key)
    return OK


command(
    "flushall", arity=-1, flags="write", group="server", since="1.0.0",
    summary="Removes all keys from all databases.", complexity="O(1): ranges are deleted, not keys.",
    differs="The same as FLUSHDB.",
)(flushdb)  # fmt: skip


@command(
    "object", arity=-2, group="generic", since="2.2.3", summary="A container for object introspection commands.",
    complexity="Depends on subcommand.",
)  # fmt: skip
def object_(s: Session, argv: list[bytes]) -> Any:
    """Never reached: OBJECT alone has too few arguments."""
    raise CommandError("ERR wrong number of arguments for 'object' command")


@command(
    "object|encoding", arity=3, flags="readonly", keys=(2, 2, 1), group="generic", since="2.2.3",
    summary="Returns the internal encoding of a Redis object.",
    differs="Nothing is packed here: it is what Redis 7.2 with its defaults would do with such a value.",
)  # fmt: skip
def object_encoding(s: Session, argv: list[bytes]) -> Any:
    found = s.txn.lookup(argv[2])
    return None if found is None else encodings.encoding_of(s.txn, found)


@command(
    "object|refcount", arity=3, flags="readonly", keys=(2, 2, 1), group="generic", since="2.2.3",
    summary="Returns the reference count of a value of a key.",
    differs="Always 1; Redis shares small integers.",
)  # fmt: skip
def object_refcount(s: Session, argv: list[bytes]) -> Any:
    return None if s.txn.lookup(argv[2]) is None else 1


@command(
    "object|idletime", arity=3, flags="readonly", keys=(2, 2, 1), group="generic", since="2.2.3",
    summary="Returns the time since the last access to a Redis object.", differs="Always 0.",
)  # fmt: skip
def object_idletime(s: Session, argv: list[bytes]) -> Any:
    """Always 0: nothing is evicted here, so accesses are not tracked."""
    return None if s.txn.lookup(argv[2]) is None else 0


@command(
    "object|freq", arity=3, flags="readonly", keys=(2, 2, 1), group="generic", since="4.0.0",
    summary="Returns the logarithmic access frequency counter of a Redis object.",
    differs="Always the error that Redis gives without an LFU policy.",
)  # fmt: skip
def object_freq(s: Session, argv: list[bytes]) -> Any:
    if s.txn.lookup(argv[2]) is None:
        return None
    raise CommandError(NO_LFU)


@command(
    "object|help", arity=2, flags="loading stale", group="generic", since="6.2.0",
    summary="Returns helpful text about the different subcommands.",
)  # fmt: skip
def object_help(s: Session, argv: list[bytes]) -> Any:
    lines = (
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        "HELP",
        "    Print this help.",
    )
    return [Simple(line) for line in lines]
