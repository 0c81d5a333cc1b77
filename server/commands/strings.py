"""Strings: GET, SET and their kin."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import OK, Metadata, WrongTypeError
from slotrocks.engine.types import keyspace, string, text
from slotrocks.engine.types.work import Work, complete
from slotrocks.server import slices
from slotrocks.server.arguments import expiry_options, integer, positive_expiry
from slotrocks.server.errors import NOT_FLOAT, NOT_INTEGER, CommandError
from slotrocks.server.lookup import find_text
from slotrocks.server.session import Session
from slotrocks.server.table import command

TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
OVERFLOW = "ERR increment or decrement would overflow"

SET_OPTIONS = frozenset((b"NX", b"XX", b"GET", b"KEEPTTL"))
GETEX_OPTIONS = frozenset((b"PERSIST",))

N_KEYS_READ = "O(N) where N is the number of keys to retrieve."
N_KEYS_SET = "O(N) where N is the number of keys to set."
N_RETURNED = "O(N) where N is the length of the returned string."
N_STORED = "O(N) where N is the length of the whole string, which is written anew."


def read(s: Session, key: bytes) -> bytes | None:
    """The value of a key for a reading command: counts as a hit or a miss. Raises WrongTypeError."""
    try:
        return s.node.read_string(key)
    except WrongTypeError:
        return complete(reading(s, key))


def reading(s: Session, key: bytes) -> Work[bytes]:
    """Reads a bitmap or a HyperLogLog that is there. Raises WrongTypeError for anything else but a string."""
    found = find_text(s, key)
    assert found is not None
    return (yield from text.reading(s.txn, found, 0, text.length(found)))


def existing(s: Session, key: bytes) -> Metadata:
    """The metadata of a key that is there."""
    found = s.txn.lookup(key)
    assert found is not None
    return found


@command(
    "get", arity=2, flags="readonly fast", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Returns the string value of a key.",
    differs="Bitmaps and HyperLogLogs are read as the strings that they are in Redis (Kvrocks: bitmaps up to 16 MB).",
)  # fmt: skip
def get(s: Session, argv: list[bytes]) -> Any:
    try:
        return s.node.read_string(argv[1])
    except WrongTypeError:
        return slices.run(s, reading(s, argv[1]))


@command(
    "set", arity=-3, flags="write denyoom", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
)  # fmt: skip
def set_(s: Session, argv: list[bytes]) -> Any:
    txn, key, value = s.txn, argv[1], argv[2]
    if len(argv) == 3:
        txn.set_string(key, value)
        return OK
    options, expiry = expiry_options(argv, 3, SET_OPTIONS)
    expire_ms = 0 if expiry is None else expiry.at_ms(txn.now_ms, "set")
    reply = read(s, key) if b"GET" in options else None
    if b"NX" in options or b"XX" in options:
        exists = txn.lookup(key) is not None
        if exists == (b"NX" in options):
            return reply
    txn.set_string(key, value, expire_ms=expire_ms, keep_expiry=b"KEEPTTL" in options)
    return reply if b"GET" in options else OK


@command(
    "getex", arity=-2, flags="write fast", keys=(1, 1, 1), group="string", since="6.2.0",
    summary="Returns the string value of a key after setting its expiration time.",
)  # fmt: skip
def getex(s: Session, argv: list[bytes]) -> Any:
    txn, key = s.txn, argv[1]
    options, expiry = expiry_options(argv, 2, GETEX_OPTIONS)
    value = read(s, key)
    if value is None:
        return None
    found = existing(s, key)
    if expiry is not None:
        keyspace.set_expiry(txn, found, expiry.at_ms(txn.now_ms, "getex"))
    elif b"PERSIST" in options and found.expire_ms:
        keyspace.set_expiry(txn, found, 0)
    return value


@command(
    "getdel", arity=2, flags="write fast", keys=(1, 1, 1), group="string", since="6.2.0",
    summary="Returns the string value of a key after deleting the key.",
)  # fmt: skip
def getdel(s: Session, argv: list[bytes]) -> Any:
    value = read(s, argv[1])
    if value is not None:
        keyspace.delete(s.txn, argv[1])
    return value


@command(
    "getset", arity=3, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Returns the previous string value of a key after setting it to a new value.",
)  # fmt: skip
def getset(s: Session, argv: list[bytes]) -> Any:
    before = read(s, argv[1])
    s.txn.set_string(argv[1], argv[2])
    return before


@command(
    "setnx", arity=3, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Set the string value of a key only when the key doesn't exist.",
)  # fmt: skip
def setnx(s: Session, argv: list[bytes]) -> Any:
    if s.txn.lookup(argv[1]) is not None:
        return 0
    s.txn.set_string(argv[1], argv[2])
    return 1


@command(
    "setex", arity=4, flags="write denyoom", keys=(1, 1, 1), group="string", since="2.0.0",
    summary="Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
)  # fmt: skip
def setex(s: Session, argv: list[bytes]) -> Any:
    return set_for(s, argv, "setex", 1000)


@command(
    "psetex", arity=4, flags="write denyoom", keys=(1, 1, 1), group="string", since="2.6.0",
    summary="Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't "
    "exist.",
)  # fmt: skip
def psetex(s: Session, argv: list[bytes]) -> Any:
    return set_for(s, argv, "psetex", 1)


def set_for(s: Session, argv: list[bytes], name: str, unit_ms: int) -> Any:
    """SETEX and PSETEX: key, time, value."""
    expire_ms = positive_expiry(argv[2], absolute=False, unit_ms=unit_ms, now_ms=s.txn.now_ms, command=name)
    s.txn.set_string(argv[1], argv[3], expire_ms=expire_ms)
    return OK


@command(
    "mget", arity=-2, flags="readonly fast", keys=(1, -1, 1), group="string", since="1.0.0",
    summary="Atomically returns the string values of one or more keys.", complexity=N_KEYS_READ,
)  # fmt: skip
def mget(s: Session, argv: list[bytes]) -> Any:
    values = string.get_many(s.txn, argv[1:])
    misses = values.count(None)
    s.node.stats.keyspace_misses += misses
    s.node.stats.keyspace_hits += len(values) - misses
    return values


@command(
    "mset", arity=-3, flags="write denyoom", keys=(1, -1, 2), group="string", since="1.0.1",
    summary="Atomically creates or modifies the string values of one or more keys.", complexity=N_KEYS_SET,
)  # fmt: skip
def mset(s: Session, argv: list[bytes]) -> Any:
    set_many(s, argv, "mset")
    return OK


@command(
    "msetnx", arity=-3, flags="write denyoom", keys=(1, -1, 2), group="string", since="1.0.1",
    summary="Atomically modifies the string values of one or more keys only when all keys don't exist.",
    complexity=N_KEYS_SET,
)  # fmt: skip
def msetnx(s: Session, argv: list[bytes]) -> Any:
    if len(argv) % 2 and any(s.txn.lookup(key) is not None for key in argv[1::2]):
        return 0
    set_many(s, argv, "msetnx")
    return 1


def set_many(s: Session, argv: list[bytes], name: str) -> None:
    """MSET and MSETNX: pairs of key and value."""
    if len(argv) % 2 == 0:
        raise CommandError(f"ERR wrong number of arguments for '{name}' command")
    for i in range(1, len(argv), 2):
        s.txn.set_string(argv[i], argv[i + 1])


@command(
    "incr", arity=2, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
)  # fmt: skip
def incr(s: Session, argv: list[bytes]) -> Any:
    return increment(s, argv[1], 1)


@command(
    "decr", arity=2, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
)  # fmt: skip
def decr(s: Session, argv: list[bytes]) -> Any:
    return increment(s, argv[1], -1)


@command(
    "incrby", arity=3, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
)  # fmt: skip
def incrby(s: Session, argv: list[bytes]) -> Any:
    return increment(s, argv[1], integer(argv[2]))


@command(
    "decrby", arity=3, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.",
)  # fmt: skip
def decrby(s: Session, argv: list[bytes]) -> Any:
    by = integer(argv[2])
    if by == string.INT64_MIN:
        raise CommandError("ERR decrement would overflow")
    return increment(s, argv[1], -by)


def increment(s: Session, key: bytes, by: int) -> int:
    """The INCR family."""
    try:
        return string.increment(s.txn, key, by)
    except string.NotANumberError:
        raise CommandError(NOT_INTEGER) from None
    except OverflowError:
        raise CommandError(OVERFLOW) from None


@command(
    "incrbyfloat", arity=3, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="2.6.0",
    summary="Increment the floating point value of a key by a number. Uses 0 as initial value if the key doesn't "
    "exist.",
    differs="The number is stored as in Redis (0.3); Kvrocks stores six decimals (0.300000).",
)  # fmt: skip
def incrbyfloat(s: Session, argv: list[bytes]) -> Any:
    try:
        return string.increment_float(s.txn, argv[1], argv[2])
    except string.NotANumberError:
        raise CommandError(NOT_FLOAT) from None
    except OverflowError:
        raise CommandError("ERR increment would produce NaN or Infinity") from None


@command(
    "append", arity=3, flags="write denyoom fast", keys=(1, 1, 1), group="string", since="2.0.0",
    summary="Appends a string to the value of a key. Creates the key if it doesn't exist.", complexity=N_STORED,
    differs="A bitmap or a HyperLogLog becomes a plain string.",
)  # fmt: skip
def append(s: Session, argv: list[bytes]) -> Any:
    try:
        return string.append(s.txn, argv[1], argv[2], s.node.config.proto_max_bulk_len)
    except string.TooLongError:
        raise CommandError(TOO_LONG) from None


@command(
    "strlen", arity=2, flags="readonly fast", keys=(1, 1, 1), group="string", since="2.2.0",
    summary="Returns the length of a string value.",
    differs="A HyperLogLog has the length of Redis's dense encoding, however few elements it has seen.",
)  # fmt: skip
def strlen(s: Session, argv: list[bytes]) -> Any:
    found = find_text(s, argv[1])
    return 0 if found is None else text.length(found)


@command(
    "getrange", arity=4, flags="readonly", keys=(1, 1, 1), group="string", since="2.4.0",
    summary="Returns a substring of the string stored at a key.", complexity=N_RETURNED,
)  # fmt: skip
def getrange(s: Session, argv: list[bytes]) -> Any:
    start, end = integer(argv[2]), integer(argv[3])
    found = find_text(s, argv[1])
    if found is None:
        return b""
    return slices.run(s, text.reading(s.txn, found, *string.window(text.length(found), start, end)))


command(
    "substr", arity=4, flags="readonly", keys=(1, 1, 1), group="string", since="1.0.0",
    summary="Returns a substring from a string value.", complexity=N_RETURNED,
)(getrange)  # fmt: skip


@command(
    "setrange", arity=4, flags="write denyoom", keys=(1, 1, 1), group="string", since="2.2.0",
    summary="Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist.",
    complexity=N_STORED,
    differs="A bitmap or a HyperLogLog becomes a plain string.",
)  # fmt: skip
def setrange(s: Session, argv: list[bytes]) -> Any:
    offset = integer(argv[2])
    if offset < 0:
        raise CommandError("ERR offset is out of range")
    try:
        return string.set_range(s.txn, argv[1], offset, argv[3], s.node.config.proto_max_bulk_len)
    except string.TooLongError:
        raise CommandError(TOO_LONG) from None
