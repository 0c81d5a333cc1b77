"""Enumerating keys: SCAN, KEYS, RANDOMKEY, DBSIZE.

All of them show every key that is in the database, in cluster mode also those of slots that are being imported or
were handed over and not deleted yet, as Kvrocks does. A pattern's literal beginning bounds what is looked at, in
cluster mode if it contains a whole hash tag. KEYS and DBSIZE look at every key in one go: a large database is better
counted with SCAN.
"""

from __future__ import annotations

from random import Random
from typing import Any

from slotrocks.engine import TYPE_NAMES, KeyCodec, prefix_end
from slotrocks.engine.types import keyspace, text
from slotrocks.server.arguments import integer
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.glob import literal_prefix, matcher
from slotrocks.server.session import Session
from slotrocks.server.table import command

SCAN_COUNT = 10
# What SCAN's TYPE may be: the names that TYPE answers with, and those of Kvrocks for bitmaps and HyperLogLogs alone.
TYPE_IDS = {name.lower().encode(): frozenset((type_id,)) for type_id, name in enumerate(TYPE_NAMES) if type_id}
TYPE_IDS[b"string"] = text.TYPES

_random = Random()


def pattern_range(codec: KeyCodec, pattern: bytes) -> tuple[bytes, bytes]:
    """(begin, end) of the metadata rows that a pattern can match."""
    prefix, whole = literal_prefix(pattern)
    begin = codec.metadata_key(prefix)
    if whole:
        return begin, begin + b"\0"
    if not codec.slot_encoded or has_whole_tag(prefix):
        return begin, prefix_end(begin)
    return codec.namespace_range()


def has_whole_tag(prefix: bytes) -> bool:
    """Whether the hash tag of every key that begins so is already there."""
    opening = prefix.find(b"{")
    return opening >= 0 and prefix.find(b"}", opening + 1) > opening + 1


@command(
    "keys", arity=2, flags="readonly", group="generic", since="1.0.0",
    summary="Returns all key names that match a pattern.",
    complexity="O(N) where N is the number of keys that begin with the pattern's literal beginning.",
    differs="In a cluster also finds what is being imported, or has moved and is not deleted yet. Kvrocks 2.10 knows "
    "only * and prefix*.",
)  # fmt: skip
def keys(s: Session, argv: list[bytes]) -> Any:
    codec = s.txn.codec
    matches = matcher(argv[1])
    found = []
    for storage_key, type_id in keyspace.walk(s.txn, *pattern_range(codec, argv[1])):
        if type_id:
            key = codec.user_key(storage_key)
            if matches(key):
                found.append(key)
    return found


@command(
    "scan", arity=-2, flags="readonly", group="generic", since="2.8.0",
    summary="Iterates over the key names in the database.",
    complexity="O(COUNT) for every call. O(N) for a complete iteration, including enough command calls for the cursor "
    "to return back to 0. N is the number of keys.",
    differs="The 16384 newest cursors are known, until a restart; with any other the iteration begins anew. "
    "In a cluster also finds what is being imported, or has moved and is not deleted yet. TYPE string finds bitmaps "
    "and HyperLogLogs, too; TYPE bitmap and TYPE hyperloglog only those.",
)  # fmt: skip
def scan(s: Session, argv: list[bytes]) -> Any:
    cursor = parse_cursor(argv[1])
    pattern, type_ids, count = parse_scan_options(argv)
    codec = s.txn.codec
    begin, end = codec.namespace_range() if pattern is None else pattern_range(codec, pattern)
    matches = None if pattern is None else matcher(pattern)
    position = s.node.scan_cursors.position(cursor)
    if position:
        begin = max(begin, position + b"\0")
    found: list[bytes] = []
    examined = 0
    if begin < end:
        for storage_key, row_type in keyspace.walk(s.txn, begin, end):
            if examined == count:
                return [b"%d" % s.node.scan_cursors.add(position), found]
            examined += 1
            position = storage_key
            key = codec.user_key(storage_key)
            if row_type and (type_ids is None or row_type in type_ids) and (matches is None or matches(key)):
                found.append(key)
    return [b"0", found]


def parse_cursor(arg: bytes) -> int:
    """A cursor: an unsigned 64-bit integer."""
    if not arg.isdigit() or len(arg) > 20 or int(arg) >= 2**64:
        raise CommandError("ERR invalid cursor")
    return int(arg)


def parse_scan_options(argv: list[bytes]) -> tuple[bytes | None, frozenset[int] | None, int]:
    """(MATCH or None, the type ids of TYPE or None, COUNT). An unknown type has none: nothing is of it."""
    pattern: bytes | None = None
    type_ids: frozenset[int] | None = None
    count = SCAN_COUNT
    for i in range(2, len(argv), 2):
        option = argv[i].upper()
        if i + 1 == len(argv):
            raise CommandError(SYNTAX)
        value = argv[i + 1]
        if option == b"COUNT":
            count = integer(value)
            if count < 1:
                raise CommandError(SYNTAX)
        elif option == b"MATCH":
            pattern = None if value == b"*" else value
        elif option == b"TYPE":
            type_ids = TYPE_IDS.get(value.lower(), frozenset())
        else:
            raise CommandError(SYNTAX)
    return pattern, type_ids, count


@command(
    "randomkey", arity=1, flags="readonly", group="generic", since="1.0.0",
    summary="Returns a random key name from the database.", complexity="O(log N)",
    differs="Not every key is equally likely.",
)  # fmt: skip
def randomkey(s: Session, argv: list[bytes]) -> Any:
    return keyspace.random_key(s.txn, _random)


@command(
    "dbsize", arity=1, flags="readonly fast", group="server", since="1.0.0",
    summary="Returns the number of keys in the database.",
    complexity="O(N) where N is the number of keys: they are counted.",
    differs="Counts at each call (Redis: O(1)), without the keys whose time has passed. Kvrocks answers what DBSIZE "
    "SCAN found last; that form is not there.",
)  # fmt: skip
def dbsize(s: Session, argv: list[bytes]) -> Any:
    return keyspace.count(s.txn)
