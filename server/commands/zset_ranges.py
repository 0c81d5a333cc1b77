"""Sorted sets by range: ZRANGE and all its older spellings, ZRANGESTORE, counting and removing.

Every spelling is read into one Query: what is ranged over (rank, score or member), which way, and LIMIT. A range by
score or member that goes backwards is given as its upper bound first.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from slotrocks.engine import Metadata
from slotrocks.engine.types import zsets
from slotrocks.engine.types.zset_ranges import Span, parse_lex_span, parse_score_span, resolve_ranks
from slotrocks.server.arguments import integer
from slotrocks.server.commands.zsets import read, show
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.streaming import SLICE_ITEMS_MAX, commit_pending
from slotrocks.server.table import command

FIRST_READ = SLICE_ITEMS_MAX + 1  # what is sure to be answered in one go is not read twice

RANGE = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements {}."
RETURNED = RANGE.format("being returned; elements that LIMIT skips count, too")
COUNTED = RANGE.format("in the range: they are counted")
REMOVED = RANGE.format("removed by the operation")
BY_RANK_RETURNED = (
    "O(S+M) with S being the number of elements between the range and the nearer end of the sorted set and M the "
    "number of elements returned."
)


class Query(NamedTuple):
    """A range that was asked for: `span`, or else the ranks from `start` to `stop`."""

    span: Span | None
    start: int
    stop: int
    reverse: bool
    skip: int
    limit: int
    withscores: bool


def score_span_of(low: bytes, high: bytes) -> Span:
    """A range by score."""
    try:
        return parse_score_span(low, high)
    except ValueError:
        raise CommandError("ERR min or max is not a float") from None


def lex_span_of(low: bytes, high: bytes) -> Span:
    """A range by member."""
    try:
        return parse_lex_span(low, high)
    except ValueError:
        raise CommandError("ERR min or max not valid string range item") from None


def parse_query(argv: list[bytes], at: int, *, by: str = "", reverse: bool | None = None, store: bool = False) -> Query:
    """The range whose key is argv[at]. `by` ("rank", "score", "lex") and `reverse` are what the command's name says;
    what it does not say, options may."""
    skip, limit, withscores, fixed_by, fixed_way = 0, -1, False, bool(by), reverse is not None
    i = at + 3
    while i < len(argv):
        option = argv[i].upper()
        if option == b"WITHSCORES" and not store:
            withscores = True
        elif option == b"LIMIT" and i + 2 < len(argv):
            skip, limit = integer(argv[i + 1]), integer(argv[i + 2])
            i += 2
        elif option == b"REV" and not fixed_way:
            reverse = fixed_way = True
        elif option in (b"BYLEX", b"BYSCORE") and not fixed_by:
            by, fixed_by = ("lex" if option == b"BYLEX" else "score"), True
        else:
            raise CommandError(SYNTAX)
        i += 1
    if limit != -1 and by in ("", "rank"):
        raise CommandError("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
    if withscores and by == "lex":
        raise CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
    low, high = argv[at + 1], argv[at + 2]
    if by in ("", "rank"):
        return Query(None, integer(low), integer(high), bool(reverse), 0, -1, withscores)
    if reverse:
        low, high = high, low
    span = score_span_of(low, high) if by == "score" else lex_span_of(low, high)
    return Query(span, 0, 0, bool(reverse), skip, limit, withscores)


def select(s: Session, zset: Metadata, query: Query) -> Iterator[zsets.Entry]:
    """What a query finds, as it is now."""
    if query.skip < 0:
        return iter(())
    if query.span is not None:
        return zsets.entries(s.txn, zset, query.span, reverse=query.reverse, skip=query.skip, limit=query.limit)
    first, count = resolve_ranks(query.start, query.stop, zset.size)
    return zsets.by_rank(s.txn, zset, first, count, reverse=query.reverse)


def size(s: Session, zset: Metadata, query: Query) -> int:
    """How much a query finds."""
    if query.span is None:
        return resolve_ranks(query.start, query.stop, zset.size)[1]
    if query.span.whole and query.limit < 0:
        return max(zset.size - query.skip, 0)
    return sum(1 for _ in select(s, zset, query))


def answer(s: Session, argv: list[bytes], query: Query) -> Any:
    """The reply to any ZRANGE. If it is long, what it consists of is counted first: the reply begins with how much."""
    zset = read(s, argv[1])
    if zset is None:
        return []
    commit_pending(s)
    found = list(islice(select(s, zset, query), FIRST_READ))
    if len(found) < FIRST_READ:
        return show(s, len(found), found, withscores=query.withscores)
    return show(s, size(s, zset, query), select(s, zset, query), withscores=query.withscores)


@command(
    "zrange", arity=-4, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Returns members in a sorted set within a range of indexes.", complexity=BY_RANK_RETURNED,
    differs="With BYLEX: members with different scores are in the order of their bytes, as in Kvrocks.",
)  # fmt: skip
def zrange(s: Session, argv: list[bytes]) -> Any:
    return answer(s, argv, parse_query(argv, 1))


@command(
    "zrevrange", arity=-4, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Returns members in a sorted set within a range of indexes in reverse order.", complexity=BY_RANK_RETURNED,
)  # fmt: skip
def zrevrange(s: Session, argv: list[bytes]) -> Any:
    return answer(s, argv, parse_query(argv, 1, by="rank", reverse=True))


@command(
    "zrangebyscore", arity=-4, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="1.0.5",
    summary="Returns members in a sorted set within a range of scores.", complexity=RETURNED,
)  # fmt: skip
def zrangebyscore(s: Session, argv: list[bytes]) -> Any:
    return answer(s, argv, parse_query(argv, 1, by="score", reverse=False))


@command(
    "zrevrangebyscore", arity=-4, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="2.2.0",
    summary="Returns members in a sorted set within a range of scores in reverse order.", complexity=RETURNED,
)  # fmt: skip
def zrevrangebyscore(s: Session, argv: list[bytes]) -> Any:
    return answer(s, argv, parse_query(argv, 1, by="score", reverse=True))


@command(
    "zrangebylex", arity=-4, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="2.8.9",
    summary="Returns members in a sorted set within a lexicographical range.", complexity=RETURNED,
    differs="Members with different scores are in the order of their bytes, as in Kvrocks.",
)  # fmt: skip
def zrangebylex(s: Session, argv: list[bytes]) -> Any:
    return answer(s, argv, parse_query(argv, 1, by="lex", reverse=False))


@command(
    "zrevrangebylex", arity=-4, flags="readonly", keys=(1, 1, 1), group="sorted-set", since="2.8.9",
    summary="Returns members in a sorted set within a lexicographical range in reverse order.", complexity=RETURNED,
    differs="Members with different scores are in the order of their bytes, as in Kvrocks.",
)  # fmt: skip
def zrevrangebylex(s: Session, argv: list[bytes]) -> Any:
    return answer(s, argv, parse_query(argv, 1, by="lex", reverse=True))


@command(
    "zrangestore", arity=-5, flags="write denyoom", keys=(1, 2, 1), group="sorted-set", since="6.2.0",
    summary="Stores a range of members from sorted set in a key.",
    complexity=RANGE.format("stored into the destination key"),
)  # fmt: skip
def zrangestore(s: Session, argv: list[bytes]) -> Any:
    query = parse_query(argv, 2, store=True)
    zset = read(s, argv[2])
    commit_pending(s)
    return zsets.replace(s.txn, argv[1], [] if zset is None else list(select(s, zset, query)))


@command(
    "zcount", arity=4, flags="readonly fast", keys=(1, 1, 1), group="sorted-set", since="2.0.0",
    summary="Returns the count of members in a sorted set that have scores within a range.", complexity=COUNTED,
    differs="Redis: O(log(N)).",
)  # fmt: skip
def zcount(s: Session, argv: list[bytes]) -> Any:
    return count(s, argv[1], score_span_of(argv[2], argv[3]))


@command(
    "zlexcount", arity=4, flags="readonly fast", keys=(1, 1, 1), group="sorted-set", since="2.8.9",
    summary="Returns the number of members in a sorted set within a lexicographical range.", complexity=COUNTED,
    differs="Redis: O(log(N)). Members with different scores are in the order of their bytes, as in Kvrocks.",
)  # fmt: skip
def zlexcount(s: Session, argv: list[bytes]) -> Any:
    return count(s, argv[1], lex_span_of(argv[2], argv[3]))


def count(s: Session, key: bytes, span: Span) -> int:
    """How many members of a key are in a range."""
    zset = read(s, key)
    commit_pending(s)
    return 0 if zset is None else zsets.count(s.txn, zset, span)


@command(
    "zremrangebyrank", arity=4, flags="write", keys=(1, 1, 1), group="sorted-set", since="2.0.0",
    summary="Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were "
    "removed.",
    complexity=REMOVED,
)  # fmt: skip
def zremrangebyrank(s: Session, argv: list[bytes]) -> Any:
    return zsets.remove_ranks(s.txn, argv[1], integer(argv[2]), integer(argv[3]))


@command(
    "zremrangebyscore", arity=4, flags="write", keys=(1, 1, 1), group="sorted-set", since="1.2.0",
    summary="Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were "
    "removed.",
    complexity=REMOVED,
)  # fmt: skip
def zremrangebyscore(s: Session, argv: list[bytes]) -> Any:
    return zsets.remove_span(s.txn, argv[1], score_span_of(argv[2], argv[3]))


@command(
    "zremrangebylex", arity=4, flags="write", keys=(1, 1, 1), group="sorted-set", since="2.8.9",
    summary="Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members "
    "were removed.",
    complexity=REMOVED,
    differs="Members with different scores are in the order of their bytes, as in Kvrocks.",
)  # fmt: skip
def zremrangebylex(s: Session, argv: list[bytes]) -> Any:
    return zsets.remove_span(s.txn, argv[1], lex_span_of(argv[2], argv[3]))
