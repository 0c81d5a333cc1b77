"""Sorted sets: adding, removing, scores, ranks, popping. The others are in zset_ranges, zset_algebra, zset_blocking."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from random import Random
from typing import Any

from slotrocks.engine import NULL_ARRAY, TYPE_ZSET, Metadata, format_double, parse_float
from slotrocks.engine.layout import decode_score
from slotrocks.engine.types import elements, zsets
from slotrocks.engine.types.elements import Element
from slotrocks.server.arguments import INT64_MAX, bounded_integer, positive_count
from slotrocks.server.element_scan import scan_elements
from slotrocks.server.errors import NOT_FLOAT, SYNTAX, CommandError
from slotrocks.server.lookup import find
from slotrocks.server.session import Session
from slotrocks.server.streaming import Stream, commit_pending
from slotrocks.server.table import command, numkeys_at

NAN = "ERR resulting score is not a number (NaN)"
PER_MEMBER = "O(log(N)) for each item added, where N is the number of elements in the sorted set."
RANK_WALK = "O(N) where N is the number of elements between the member and the nearer end of the sorted set."

_random = Random()


def read(s: Session, key: bytes) -> Metadata | None:
    """A sorted set for a reading command: counts as a hit or a miss."""
    return find(s, key, TYPE_ZSET)


def number(arg: bytes, error: str = NOT_FLOAT) -> float:
    """A double."""
    try:
        return parse_float(arg)
    except ValueError:
        raise CommandError(error) from None


def with_scores(s: Session, entries: Iterable[zsets.Entry]) -> Iterable[Any]:
    """Members and scores: pairs in RESP3, one after the other in RESP2."""
    return entries if s.protocol > 2 else chain.from_iterable(entries)


def show(s: Session, count: int, entries: Iterable[zsets.Entry], *, withscores: bool) -> Stream:
    """A reply of `count` members, with their scores if wanted."""
    if not withscores:
        return Stream("array", count, (member for member, _ in entries))
    return Stream("array", count if s.protocol > 2 else 2 * count, with_scores(s, entries))


# -- adding

ZADD_OPTIONS = (b"NX", b"XX", b"CH", b"INCR", b"GT", b"LT")


def parse_zadd(argv: list[bytes]) -> tuple[set[bytes], list[tuple[float, bytes]]]:
    """(the options of ZADD, its pairs)."""
    first = 2
    while first < len(argv) and argv[first].upper() in ZADD_OPTIONS:
        first += 1
    options = {option.upper() for option in argv[2:first]}
    if first == len(argv) or (len(argv) - first) % 2:
        raise CommandError(SYNTAX)
    if {b"NX", b"XX"} <= options:
        raise CommandError("ERR XX and NX options at the same time are not compatible")
    if len(options & {b"GT", b"LT", b"NX"}) > 1:
        raise CommandError("ERR GT, LT, and/or NX options at the same time are not compatible")
    if b"INCR" in options and len(argv) - first > 2:
        raise CommandError("ERR INCR option supports a single increment-element pair")
    return options, [(number(argv[i]), argv[i + 1]) for i in range(first, len(argv), 2)]


def add(
    s: Session, key: bytes, pairs: list[tuple[float, bytes]], when: zsets.Condition = zsets.ALWAYS, incr: bool = False
) -> zsets.Added:
    """zsets.add() with its error as a reply."""
    try:
        return zsets.add(s.txn, key, pairs, when, incr=incr)
    except zsets.NotANumberError:
        raise CommandError(NAN) from None


@command(
    "zadd", arity=-4, flags="write denyoom fast", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
    complexity=PER_MEMBER,
    differs="A score of -0 is stored as 0.",
)  # fmt: skip
def zadd(s: Session, argv: list[bytes]) -> Any:
    options, pairs = parse_zadd(argv)
    when = zsets.Condition(nx=b"NX" in options, xx=b"XX" in options, gt=b"GT" in options, lt=b"LT" in options)
    done = add(s, argv[1], pairs, when, incr=b"INCR" in options)
    if b"INCR" in options:
        return done.score
    return done.added + done.updated if b"CH" in options else done.added


@command(
    "zincrby", arity=4, flags="write denyoom fast", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Increments the score of a member in a sorted set.",
    complexity="O(log(N)) where N is the number of elements in the sorted set.",
)  # fmt: skip
def zincrby(s: Session, argv: list[bytes]) -> Any:
    if argv[2].upper() in ZADD_OPTIONS:  # to Redis this is ZADD … INCR
        raise CommandError(SYNTAX)
    return add(s, argv[1], [(number(argv[2]), argv[3])], incr=True).score


@command(
    "zrem", arity=-3, flags="write fast", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Removes one or more members from a sorted set. Deletes the sorted set if all members were removed.",
    complexity="O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be "
    "removed.",
)  # fmt: skip
def zrem(s: Session, argv: list[bytes]) -> Any:
    return zsets.remove(s.txn, argv[1], argv[2:])


# -- reading


@command(
    "zcard", arity=2, flags="readonly fast", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Returns the number of members in a sorted set.",
)  # fmt: skip
def zcard(s: Session, argv: list[bytes]) -> Any:
    zset = read(s, argv[1])
    return 0 if zset is None else zset.size


@command(
    "zscore", arity=3, flags="readonly fast", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Returns the score of a member in a sorted set.",
    differs="Scores have the fewest digits that read back as the same number, as in Redis 7.2 (Kvrocks: 17 digits).",
)  # fmt: skip
def zscore(s: Session, argv: list[bytes]) -> Any:
    zset = read(s, argv[1])
    return None if zset is None else zsets.scores(s.txn, zset, argv[2:])[0]


@command(
    "zmscore", arity=-3, flags="readonly fast", keys=(1, 1, 1), group="sorted-set", since="6.2.0",
    summary="Returns the score of one or more members in a sorted set.",
    complexity="O(N) where N is the number of members being requested.",
)  # fmt: skip
def zmscore(s: Session, argv: list[bytes]) -> Any:
    zset = read(s, argv[1])
    return [None] * (len(argv) - 2) if zset is None else zsets.scores(s.txn, zset, argv[2:])


@command(
    "zrank", arity=-3, flags="readonly fast", keys=(1, 1, 1), group="sorted-set", since="2.0.0",
    summary="Returns the index of a member in a sorted set ordered by ascending scores.", complexity=RANK_WALK,
    differs="Redis: O(log(N)).",
)  # fmt: skip
def zrank(s: Session, argv: list[bytes]) -> Any:
    return rank(s, argv, "zrank")


@command(
    "zrevrank", arity=-3, flags="readonly fast", keys=(1, 1, 1), group="sorted-set", since="2.0.0",
    summary="Returns the index of a member in a sorted set ordered by descending scores.", complexity=RANK_WALK,
    differs="Redis: O(log(N)).",
)  # fmt: skip
def zrevrank(s: Session, argv: list[bytes]) -> Any:
    return rank(s, argv, "zrevrank")


def rank(s: Session, argv: list[bytes], name: str) -> Any:
    """ZRANK and ZREVRANK: key, member, perhaps WITHSCORE."""
    if len(argv) > 4:
        raise CommandError(f"ERR wrong number of arguments for '{name}' command")
    withscore = len(argv) == 4
    if withscore and argv[3].upper() != b"WITHSCORE":
        raise CommandError(SYNTAX)
    zset = read(s, argv[1])
    commit_pending(s)
    found = None if zset is None else zsets.rank(s.txn, zset, argv[2])
    if zset is None or found is None:
        return NULL_ARRAY if withscore else None
    index, score = found
    if name == "zrevrank":
        index = zset.size - 1 - index
    return [index, score] if withscore else index


@command(
    "zrandmember", arity=-2, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="6.2.0",
    summary="Returns one or more random members from a sorted set.",
    complexity="O(N) where N is the number of elements in the sorted set.",
    differs="Of more than 2048 elements not every one is equally likely.",
)  # fmt: skip
def zrandmember(s: Session, argv: list[bytes]) -> Any:
    if len(argv) == 2:
        zset = read(s, argv[1])
        return None if zset is None else elements.choose_one(s.txn, zset, _random)[0]
    count = bounded_integer(argv[2], -INT64_MAX, INT64_MAX)
    withscores = len(argv) == 4 and argv[3].upper() == b"WITHSCORES"
    if len(argv) > 3 and not withscores:
        raise CommandError(SYNTAX)
    if withscores and abs(count) > INT64_MAX // 2:
        raise CommandError("ERR value is out of range")
    zset = read(s, argv[1])
    if zset is None or count == 0:
        return []
    commit_pending(s)
    chosen: Iterable[Element]
    if count < 0:
        chosen = elements.choose_again(s.txn, zset, -count, _random)
        count = -count
    else:
        chosen = elements.choose(s.txn, zset, count, _random)
        count = len(chosen)
    return show(s, count, ((member, decode_score(row)) for member, row in chosen), withscores=withscores)


@command(
    "zscan", arity=-3, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="2.8.0",
    summary="Iterates over members and scores of a sorted set.",
    complexity="O(COUNT) for every call. O(N) for a complete iteration, including enough command calls for the cursor "
    "to return back to 0. N is the number of elements inside the collection.",
    differs="Up to 128 elements come at once, however long they are, and of more at most 10000 a call; in the order of "
    "their bytes. The 16384 newest cursors are known, until a restart; with any other the iteration begins anew.",
)  # fmt: skip
def zscan(s: Session, argv: list[bytes]) -> Any:
    cursor, found = scan_elements(s, argv, TYPE_ZSET)
    return [cursor, [text for member, row in found for text in (member, format_double(decode_score(row)))]]


# -- popping


@command(
    "zpopmin", arity=-2, flags="write fast", keys=(1, 1, 1), group="sorted-set", since="5.0.0",
    summary="Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the "
    "last member was popped.",
    complexity="O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements "
    "popped.",
)  # fmt: skip
def zpopmin(s: Session, argv: list[bytes]) -> Any:
    return pop(s, argv, largest=False)


@command(
    "zpopmax", arity=-2, flags="write fast", keys=(1, 1, 1), group="sorted-set", since="5.0.0",
    summary="Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the "
    "last member was popped.",
    complexity="O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements "
    "popped.",
)  # fmt: skip
def zpopmax(s: Session, argv: list[bytes]) -> Any:
    return pop(s, argv, largest=True)


def pop(s: Session, argv: list[bytes], *, largest: bool) -> Any:
    """ZPOPMIN and ZPOPMAX: key, perhaps a count. Without one RESP3, too, gets a flat pair."""
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    count = positive_count(argv[2]) if len(argv) == 3 else 1
    zset = zsets.find(s.txn, argv[1])
    if zset is None:
        return []
    commit_pending(s)
    popped = zsets.pop(s.txn, zset, count, largest=largest)
    return show(s, len(popped), popped, withscores=True) if len(argv) == 3 else popped[0]


def parse_mpop(argv: list[bytes], at: int) -> tuple[list[bytes], bool, int]:
    """(keys, whether MAX, COUNT) of ZMPOP and BZMPOP, whose number of keys is argv[at]."""
    numkeys = bounded_integer(argv[at], 1, INT64_MAX, "ERR numkeys should be greater than 0")
    where = at + numkeys + 1
    side = argv[where].upper() if where < len(argv) else b""
    if side not in (b"MIN", b"MAX"):
        raise CommandError(SYNTAX)
    count = 1
    options = argv[where + 1 :]
    if options:
        if len(options) == 1 or options[0].upper() != b"COUNT":
            raise CommandError(SYNTAX)
        count = bounded_integer(options[1], 1, INT64_MAX, "ERR count should be greater than 0")
        if len(options) > 2:
            raise CommandError(SYNTAX)
    return argv[at + 1 : where], side == b"MAX", count


@command(
    "zmpop", arity=-4, flags="write", keys=numkeys_at(1), group="sorted-set", since="7.0.0",
    summary="Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes "
    "the sorted set if the last member was popped.",
    complexity="O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the "
    "sorted set, and M being the number of elements popped.",
)  # fmt: skip
def zmpop(s: Session, argv: list[bytes]) -> Any:
    keys, largest, count = parse_mpop(argv, 1)
    commit_pending(s)
    return pop_first(s, keys, count, largest=largest) or NULL_ARRAY


def pop_first(s: Session, keys: list[bytes], count: int, *, largest: bool) -> list[Any] | None:
    """Pops from the first key that exists: [key, [[member, score], ...]], or None."""
    for key in keys:
        zset = zsets.find(s.txn, key)
        if zset is not None:
            return [key, zsets.pop(s.txn, zset, count, largest=largest)]
    return None
