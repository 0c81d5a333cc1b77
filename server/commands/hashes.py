"""Hashes: HSET, HGET and their kin."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import Any

from slotrocks.engine import OK, TYPE_HASH, incr_by_float
from slotrocks.engine.types import elements, hashes
from slotrocks.engine.types.string import NotANumberError
from slotrocks.server.arguments import INT64_MAX, bounded_integer, integer
from slotrocks.server.element_scan import scan_elements
from slotrocks.server.errors import NOT_FLOAT, SYNTAX, CommandError
from slotrocks.server.lookup import find
from slotrocks.server.session import Session
from slotrocks.server.streaming import Stream, commit_pending
from slotrocks.server.table import command

N_FIELDS_SET = (
    "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple "
    "field/value pairs."
)
N_REQUESTED = "O(N) where N is the number of fields being requested."
N_SIZE = "O(N) where N is the size of the hash."

_random = Random()


@command(
    "hset", arity=-4, flags="write denyoom fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Creates or modifies the value of a field in a hash.", complexity=N_FIELDS_SET,
)  # fmt: skip
def hset(s: Session, argv: list[bytes]) -> Any:
    return hashes.put_many(s.txn, argv[1], pairs(argv, "hset"))


@command(
    "hmset", arity=-4, flags="write denyoom fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Sets the values of multiple fields.", complexity="O(N) where N is the number of fields being set.",
)  # fmt: skip
def hmset(s: Session, argv: list[bytes]) -> Any:
    hashes.put_many(s.txn, argv[1], pairs(argv, "hmset"))
    return OK


def pairs(argv: list[bytes], name: str) -> dict[bytes, bytes]:
    """The fields and values of HSET and HMSET: of a field that is there twice, the last value counts."""
    if len(argv) % 2:
        raise CommandError(f"ERR wrong number of arguments for '{name}' command")
    return dict(zip(argv[2::2], argv[3::2], strict=True))


@command(
    "hsetnx", arity=4, flags="write denyoom fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Sets the value of a field in a hash only when the field doesn't exist.",
)  # fmt: skip
def hsetnx(s: Session, argv: list[bytes]) -> Any:
    return int(hashes.put_new(s.txn, argv[1], argv[2], argv[3]))


@command(
    "hget", arity=3, flags="readonly fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Returns the value of a field in a hash.",
)  # fmt: skip
def hget(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    return None if m is None else hashes.get(s.txn, m, argv[2])


@command(
    "hmget", arity=-3, flags="readonly fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Returns the values of all fields in a hash.", complexity=N_REQUESTED,
)  # fmt: skip
def hmget(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    return [None] * (len(argv) - 2) if m is None else elements.get_many(s.txn, m, argv[2:])


@command(
    "hexists", arity=3, flags="readonly fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Determines whether a field exists in a hash.",
)  # fmt: skip
def hexists(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    return 0 if m is None else int(hashes.get(s.txn, m, argv[2]) is not None)


@command(
    "hstrlen", arity=3, flags="readonly fast", keys=(1, 1, 1), group="hash", since="3.2.0",
    summary="Returns the length of the value of a field.",
)  # fmt: skip
def hstrlen(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    return 0 if m is None else len(hashes.get(s.txn, m, argv[2]) or b"")


@command(
    "hlen", arity=2, flags="readonly fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Returns the number of fields in a hash.",
)  # fmt: skip
def hlen(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    return 0 if m is None else m.size


@command(
    "hdel", arity=-3, flags="write fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.",
    complexity="O(N) where N is the number of fields to be removed.",
)  # fmt: skip
def hdel(s: Session, argv: list[bytes]) -> Any:
    return hashes.remove(s.txn, argv[1], argv[2:])


@command(
    "hgetall", arity=2, flags="readonly", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Returns all fields and values in a hash.", complexity=N_SIZE,
)  # fmt: skip
def hgetall(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    if m is None:
        return {}
    commit_pending(s)
    return Stream.of_pairs(m.size, elements.walk(s.txn, m))


@command(
    "hkeys", arity=2, flags="readonly", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Returns all fields in a hash.", complexity=N_SIZE,
)  # fmt: skip
def hkeys(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    if m is None:
        return []
    commit_pending(s)
    return Stream("array", m.size, elements.subkeys(s.txn, m))


@command(
    "hvals", arity=2, flags="readonly", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Returns all values in a hash.", complexity=N_SIZE,
)  # fmt: skip
def hvals(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_HASH)
    if m is None:
        return []
    commit_pending(s)
    return Stream("array", m.size, elements.values(s.txn, m))


@command(
    "hincrby", arity=4, flags="write denyoom fast", keys=(1, 1, 1), group="hash", since="2.0.0",
    summary="Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field "
    "doesn't exist.",
)  # fmt: skip
def hincrby(s: Session, argv: list[bytes]) -> Any:
    try:
        return hashes.increment(s.txn, argv[1], argv[2], integer(argv[3]))
    except NotANumberError:
        raise CommandError("ERR hash value is not an integer") from None
    except OverflowError:
        raise CommandError("ERR increment or decrement would overflow") from None


@command(
    "hincrbyfloat", arity=4, flags="write denyoom fast", keys=(1, 1, 1), group="hash", since="2.6.0",
    summary="Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't "
    "exist.",
)  # fmt: skip
def hincrbyfloat(s: Session, argv: list[bytes]) -> Any:
    try:
        incr_by_float(b"0", argv[3])
    except ValueError:
        raise CommandError(NOT_FLOAT) from None
    except OverflowError:
        raise CommandError("ERR value is NaN or Infinity") from None
    try:
        return hashes.increment_float(s.txn, argv[1], argv[2], argv[3])
    except NotANumberError:
        raise CommandError("ERR hash value is not a float") from None
    except OverflowError:
        raise CommandError("ERR increment would produce NaN or Infinity") from None


@command(
    "hrandfield", arity=-2, flags="readonly", keys=(1, 1, 1), group="hash", since="6.2.0",
    summary="Returns one or more random fields from a hash.",
    complexity="O(N) where N is the number of fields returned",
    differs="Of more than 2048 elements not every one is equally likely.",
)  # fmt: skip
def hrandfield(s: Session, argv: list[bytes]) -> Any:
    if len(argv) == 2:
        m = find(s, argv[1], TYPE_HASH)
        if m is None:
            return None
        commit_pending(s)
        return elements.choose_one(s.txn, m, _random)[0]
    count = bounded_integer(argv[2], -INT64_MAX, INT64_MAX)
    with_values = len(argv) > 3
    if with_values:
        if len(argv) > 4 or argv[3].upper() != b"WITHVALUES":
            raise CommandError(SYNTAX)
        if abs(count) > INT64_MAX // 2:
            raise CommandError("ERR value is out of range")
    m = find(s, argv[1], TYPE_HASH)
    if m is None or count == 0:
        return []
    commit_pending(s)
    if count > 0:
        chosen = elements.choose(s.txn, m, count, _random)
        return fields_chosen(s, len(chosen), iter(chosen), with_values=with_values)
    return fields_chosen(s, -count, elements.choose_again(s.txn, m, -count, _random), with_values=with_values)


def fields_chosen(s: Session, count: int, chosen: elements.Elements, *, with_values: bool) -> Stream:
    """HRANDFIELD's reply: fields, or fields and values, which are pairs in RESP3 and in turn in RESP2."""
    if not with_values:
        return Stream("array", count, (field for field, _ in chosen))
    if s.protocol == 3:
        return Stream("array", count, chosen)
    return Stream("array", 2 * count, chain.from_iterable(chosen))


@command(
    "hscan", arity=-3, flags="readonly", keys=(1, 1, 1), group="hash", since="2.8.0",
    summary="Iterates over fields and values of a hash.",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to "
    "return back to 0. N is the number of elements inside the collection.",
    differs="Up to 128 elements come at once, however long they are, and of more at most 10000 a call; in the order of "
    "their bytes. The 16384 newest cursors are known, until a restart; with any other the iteration begins anew.",
)  # fmt: skip
def hscan(s: Session, argv: list[bytes]) -> Any:
    cursor, found = scan_elements(s, argv, TYPE_HASH)
    return [cursor, list(chain.from_iterable(found))]
