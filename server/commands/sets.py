"""Sets: SADD, SMEMBERS and their kin, and the algebra of sets."""

from __future__ import annotations

from random import Random
from typing import Any

from slotrocks.engine import TYPE_SET
from slotrocks.engine.types import elements, sets
from slotrocks.server.arguments import INT64_MAX, bounded_integer, positive_count
from slotrocks.server.element_scan import scan_elements
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.lookup import find
from slotrocks.server.session import Session
from slotrocks.server.streaming import Stream, commit_pending
from slotrocks.server.table import command, numkeys_at

N_INTERSECTED = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."
N_ALL = "O(N) where N is the total number of elements in all given sets."

_random = Random()


@command(
    "sadd", arity=-3, flags="write denyoom fast", keys=(1, 1, 1), group="set", since="1.0.0",
    summary="Adds one or more members to a set. Creates the key if it doesn't exist.",
    complexity="O(1) for each element added, so O(N) to add N elements when the command is called with multiple "
    "arguments.",
)  # fmt: skip
def sadd(s: Session, argv: list[bytes]) -> Any:
    return sets.add(s.txn, argv[1], argv[2:])


@command(
    "srem", arity=-3, flags="write fast", keys=(1, 1, 1), group="set", since="1.0.0",
    summary="Removes one or more members from a set. Deletes the set if the last member was removed.",
    complexity="O(N) where N is the number of members to be removed.",
)  # fmt: skip
def srem(s: Session, argv: list[bytes]) -> Any:
    return sets.remove(s.txn, argv[1], argv[2:])


@command(
    "scard", arity=2, flags="readonly fast", keys=(1, 1, 1), group="set", since="1.0.0",
    summary="Returns the number of members in a set.",
)  # fmt: skip
def scard(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_SET)
    return 0 if m is None else m.size


@command(
    "smembers", arity=2, flags="readonly", keys=(1, 1, 1), group="set", since="1.0.0",
    summary="Returns all members of a set.", complexity="O(N) where N is the set cardinality.",
)  # fmt: skip
def smembers(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_SET)
    if m is None:
        return frozenset()
    commit_pending(s)
    return Stream("set", m.size, elements.subkeys(s.txn, m))


@command(
    "sismember", arity=3, flags="readonly fast", keys=(1, 1, 1), group="set", since="1.0.0",
    summary="Determines whether a member belongs to a set.",
)  # fmt: skip
def sismember(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_SET)
    return 0 if m is None else int(sets.contains(s.txn, m, argv[2]))


@command(
    "smismember", arity=-3, flags="readonly fast", keys=(1, 1, 1), group="set", since="6.2.0",
    summary="Determines whether multiple members belong to a set.",
    complexity="O(N) where N is the number of elements being checked for membership",
)  # fmt: skip
def smismember(s: Session, argv: list[bytes]) -> Any:
    m = find(s, argv[1], TYPE_SET)
    return [0] * (len(argv) - 2) if m is None else [int(there) for there in sets.contains_many(s.txn, m, argv[2:])]


@command(
    "spop", arity=-2, flags="write fast", keys=(1, 1, 1), group="set", since="1.0.0",
    summary="Returns one or more random members from a set after removing them. Deletes the set if the last member was "
    "popped.",
    complexity="Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
    differs="Of more than 2048 elements not every one is equally likely. Kvrocks pops the first ones.",
)  # fmt: skip
def spop(s: Session, argv: list[bytes]) -> Any:
    if len(argv) == 2:
        find(s, argv[1], TYPE_SET)
        commit_pending(s)
        popped = sets.pop(s.txn, argv[1], 1, _random)
        return popped[0] if popped else None
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    count = positive_count(argv[2])
    if find(s, argv[1], TYPE_SET) is None or count == 0:
        return frozenset()
    commit_pending(s)
    popped = sets.pop(s.txn, argv[1], count, _random)
    return Stream("set", len(popped), popped)


@command(
    "srandmember", arity=-2, flags="readonly", keys=(1, 1, 1), group="set", since="1.0.0",
    summary="Get one or multiple random members from a set",
    complexity="Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
    differs="Of more than 2048 elements not every one is equally likely. Kvrocks answers the first ones.",
)  # fmt: skip
def srandmember(s: Session, argv: list[bytes]) -> Any:
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    count = bounded_integer(argv[2], -INT64_MAX, INT64_MAX) if len(argv) == 3 else None
    m = find(s, argv[1], TYPE_SET)
    if m is None:
        return None if count is None else []
    if count == 0:
        return []
    commit_pending(s)
    if count is None:
        return elements.choose_one(s.txn, m, _random)[0]
    if count > 0:
        chosen = elements.choose(s.txn, m, count, _random)
        return Stream("array", len(chosen), (member for member, _ in chosen))
    again = elements.choose_again(s.txn, m, -count, _random)
    return Stream("array", -count, (member for member, _ in again))


@command(
    "smove", arity=4, flags="write fast", keys=(1, 2, 1), group="set", since="1.0.0",
    summary="Moves a member from one set to another.",
)  # fmt: skip
def smove(s: Session, argv: list[bytes]) -> Any:
    return int(sets.move(s.txn, argv[1], argv[2], argv[3]))


@command(
    "sscan", arity=-3, flags="readonly", keys=(1, 1, 1), group="set", since="2.8.0",
    summary="Iterates over members of a set.",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to "
    "return back to 0. N is the number of elements inside the collection.",
    differs="Up to 128 elements come at once, however long they are, and of more at most 10000 a call; in the order of "
    "their bytes. The 16384 newest cursors are known, until a restart; with any other the iteration begins anew.",
)  # fmt: skip
def sscan(s: Session, argv: list[bytes]) -> Any:
    cursor, found = scan_elements(s, argv, TYPE_SET)
    return [cursor, [member for member, _ in found]]


# -- algebra


@command(
    "sinter", arity=-2, flags="readonly", keys=(1, -1, 1), group="set", since="1.0.0",
    summary="Returns the intersect of multiple sets.", complexity=N_INTERSECTED,
)  # fmt: skip
def sinter(s: Session, argv: list[bytes]) -> Any:
    return combined(s, sets.intersection, argv[1:])


@command(
    "sunion", arity=-2, flags="readonly", keys=(1, -1, 1), group="set", since="1.0.0",
    summary="Returns the union of multiple sets.", complexity=N_ALL,
)  # fmt: skip
def sunion(s: Session, argv: list[bytes]) -> Any:
    return combined(s, sets.union, argv[1:])


@command(
    "sdiff", arity=-2, flags="readonly", keys=(1, -1, 1), group="set", since="1.0.0",
    summary="Returns the difference of multiple sets.", complexity=N_ALL,
)  # fmt: skip
def sdiff(s: Session, argv: list[bytes]) -> Any:
    return combined(s, sets.difference, argv[1:])


def combined(s: Session, combine: sets.Algebra, keys: list[bytes]) -> Any:
    """SINTER, SUNION, SDIFF."""
    found = [find(s, key, TYPE_SET) for key in keys]
    commit_pending(s)
    members = list(combine(s.txn, found))
    return Stream("set", len(members), members)


@command(
    "sinterstore", arity=-3, flags="write denyoom", keys=(1, -1, 1), group="set", since="1.0.0",
    summary="Stores the intersect of multiple sets in a key.", complexity=N_INTERSECTED,
)  # fmt: skip
def sinterstore(s: Session, argv: list[bytes]) -> Any:
    return stored(s, sets.intersection, argv)


@command(
    "sunionstore", arity=-3, flags="write denyoom", keys=(1, -1, 1), group="set", since="1.0.0",
    summary="Stores the union of multiple sets in a key.", complexity=N_ALL,
)  # fmt: skip
def sunionstore(s: Session, argv: list[bytes]) -> Any:
    return stored(s, sets.union, argv)


@command(
    "sdiffstore", arity=-3, flags="write denyoom", keys=(1, -1, 1), group="set", since="1.0.0",
    summary="Stores the difference of multiple sets in a key.", complexity=N_ALL,
)  # fmt: skip
def sdiffstore(s: Session, argv: list[bytes]) -> Any:
    return stored(s, sets.difference, argv)


def stored(s: Session, combine: sets.Algebra, argv: list[bytes]) -> int:
    """SINTERSTORE, SUNIONSTORE, SDIFFSTORE: the target, then the sources."""
    found = [find(s, key, TYPE_SET) for key in argv[2:]]
    commit_pending(s)
    members = list(combine(s.txn, found))
    sets.replace(s.txn, argv[1], members)
    return len(members)


@command(
    "sintercard", arity=-3, flags="readonly movablekeys", keys=numkeys_at(1), group="set", since="7.0.0",
    summary="Returns the number of members of the intersect of multiple sets.", complexity=N_INTERSECTED,
)  # fmt: skip
def sintercard(s: Session, argv: list[bytes]) -> Any:
    numkeys = bounded_integer(argv[1], 1, INT64_MAX, "ERR numkeys should be greater than 0")
    if numkeys > len(argv) - 2:
        raise CommandError("ERR Number of keys can't be greater than number of args")
    limit = 0
    for i in range(2 + numkeys, len(argv), 2):
        if argv[i].upper() != b"LIMIT" or i + 1 == len(argv):
            raise CommandError(SYNTAX)
        limit = bounded_integer(argv[i + 1], 0, INT64_MAX, "ERR LIMIT can't be negative")
    found = [find(s, key, TYPE_SET) for key in argv[2 : 2 + numkeys]]
    commit_pending(s)
    count = 0
    for _ in sets.intersection(s.txn, found):
        count += 1
        if count == limit:
            break
    return count
