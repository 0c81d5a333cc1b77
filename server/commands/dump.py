"""DUMP and RESTORE: a key's value in Redis's own format, to and from redis-server. Redis's MIGRATE sends RESTORE."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import OK, TYPE_NAMES
from slotrocks.engine.rdb.decode import decode
from slotrocks.engine.rdb.payload import FooterError
from slotrocks.engine.rdb.reader import FormatError
from slotrocks.engine.types import dump as dumping
from slotrocks.engine.types import keyspace
from slotrocks.server.arguments import INT64_MAX, integer
from slotrocks.server.commands.keys import lookup
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import command

BUSY_KEY = "BUSYKEY Target key name already exists."
BAD_FOOTER = "ERR DUMP payload version or checksum are wrong"
BAD_DATA = "ERR Bad data format"
FREQUENCY_MAX = 255
N_DUMPED = "O(N*M) where N is the number of elements and M their average size."


@command(
    "dump", arity=2, flags="readonly", keys=(1, 1, 1), group="generic", since="2.6.0",
    summary="Returns a serialized representation of the value stored at a key.", complexity=N_DUMPED,
    differs="The encodings are plain ones, which Redis 5 and later restore (streams: Redis 7.0 and later). "
    "A million elements take about a second, during which no other client is served.",
)  # fmt: skip
def dump(s: Session, argv: list[bytes]) -> Any:
    found = lookup(s, argv[1])
    if found is None:
        return None
    try:
        return dumping.dump(s.txn, found)
    except dumping.UnsupportedTypeError:
        name = TYPE_NAMES[found.type]
        raise CommandError(f"ERR DUMP is not supported for the type {name}, which Redis does not have") from None


@command(
    "restore", arity=-4, flags="write denyoom", keys=(1, 1, 1), group="generic", since="2.6.0",
    summary="Creates a key from the serialized representation of a value.", complexity=N_DUMPED,
    differs="Takes what Redis 2.6 to 7.2 dumps, and the same from later versions up to RDB 12 and from Valkey 9. Bytes "
    "behind the value are an error. IDLETIME and FREQ mean nothing. Kvrocks 2.10 restores strings, lists, hashes, sets "
    "and sorted sets only. It is one write: a million elements take some seconds, during which no other client is "
    "served.",
)  # fmt: skip
def restore(s: Session, argv: list[bytes]) -> Any:
    replace, absolute = restore_options(argv)
    key, txn = argv[1], s.txn
    old = txn.lookup(key)
    if old is not None and not replace:
        raise CommandError(BUSY_KEY)
    expire_ms = integer(argv[2])
    if expire_ms and not absolute:
        expire_ms += txn.now_ms
    if integer(argv[2]) < 0 or expire_ms > INT64_MAX:
        raise CommandError("ERR Invalid TTL value, must be >= 0")
    try:
        value = decode(argv[3])
    except FooterError:
        raise CommandError(BAD_FOOTER) from None
    except FormatError:
        raise CommandError(BAD_DATA) from None
    if 0 < expire_ms <= txn.now_ms:
        keyspace.delete(txn, key)
    else:
        dumping.restore(txn, key, value, expire_ms)
    return OK


command(
    "restore-asking", arity=-4, flags="write denyoom asking", keys=(1, 1, 1), group="server", since="3.0.0",
    summary="An internal command for migrating keys in a cluster: ASKING and RESTORE in one.", complexity=N_DUMPED,
    differs="As RESTORE.",
)(restore)  # fmt: skip


def restore_options(argv: list[bytes]) -> tuple[bool, bool]:
    """(REPLACE, ABSTTL). IDLETIME and FREQ are checked and mean nothing here: nothing is evicted."""
    replace = absolute = False
    tracked = b""  # IDLETIME excludes FREQ
    i = 4
    while i < len(argv):
        option = argv[i].upper()
        if option == b"REPLACE":
            replace = True
        elif option == b"ABSTTL":
            absolute = True
        elif option in (b"IDLETIME", b"FREQ") and i + 1 < len(argv) and tracked in (b"", option):
            tracked = option
            i += 1
            value = integer(argv[i])
            if option == b"IDLETIME" and value < 0:
                raise CommandError("ERR Invalid IDLETIME value, must be >= 0")
            if option == b"FREQ" and not 0 <= value <= FREQUENCY_MAX:
                raise CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255")
        else:
            raise CommandError(SYNTAX)
        i += 1
    return replace, absolute
