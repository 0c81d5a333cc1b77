"""Sorted sets: each member has two rows, which every change writes together.

    default     member          -> score         what is its score?
    zset_score  score | member  -> (empty)       who comes next?

`metadata.size` is the number of members. Nothing counts the rows before a member, so a rank is found by walking from
the nearer end. Members with equal scores are in the order of their bytes. -0 equals 0, but its bytes sort before those
of 0, so it is written as 0; rows with -0 that something else wrote are read and removed like any other. Functions that
take a key raise WrongTypeError when it is of another type.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from slotrocks.engine._engine import (
    CF_DEFAULT,
    CF_ZSET_SCORE,
    TYPE_ZSET,
    Metadata,
    Transaction,
    prefix_end,
)
from slotrocks.engine.layout import decode_score, encode_score
from slotrocks.engine.types import collection, keyspace
from slotrocks.engine.types.zset_ranges import BY_SCORE, Span, resolve_ranks

Entry = tuple[bytes, float]  # (member, score)

INDEX_MAX = 2**63 - 1  # what islice() takes
TURNED_MAX = 1024  # so many members are read from the far end and turned around


class NotANumberError(Exception):
    """A score would become NaN (the sum of inf and -inf)."""


class Condition(NamedTuple):
    """When ZADD may write: only new members (nx), only known ones (xx), known ones upwards (gt) or downwards (lt)."""

    nx: bool = False
    xx: bool = False
    gt: bool = False
    lt: bool = False


class Added(NamedTuple):
    """What add() did; `score` is the last pair's score now, None if the condition kept it from being written."""

    added: int
    updated: int
    score: float | None


ALWAYS = Condition()


def find(txn: Transaction, key: bytes) -> Metadata | None:
    """The metadata of a sorted set, or None."""
    return collection.find(txn, key, TYPE_ZSET)


# -- writing


def add(
    txn: Transaction, key: bytes, pairs: list[tuple[float, bytes]], when: Condition = ALWAYS, *, incr: bool = False
) -> Added:
    """Sets the scores of members, or adds to them (`incr`). Raises NotANumberError."""
    zset, old = collection.open_for_write(txn, key, TYPE_ZSET)
    members = [member for _, member in pairs]
    current = dict(zip(members, scores(txn, zset, members), strict=True))
    added = updated = 0
    result = None
    for score, member in pairs:
        before = current[member]
        result = None
        if before is None:
            if when.xx:
                continue
            added += 1
        else:
            if when.nx:
                continue
            score = before + score if incr else score
            if math.isnan(score):
                raise NotANumberError
            if (when.gt and score <= before) or (when.lt and score >= before):
                continue
            result = score
            if score == before:
                continue
            updated += 1
        result = current[member] = score
        put(txn, zset, member, score, before)
    if added:
        zset.size += added
        collection.close(txn, key, zset, old)
    elif updated:
        txn.touch(key)
    return Added(added, updated, result)


def put(txn: Transaction, zset: Metadata, member: bytes, score: float, before: float | None) -> None:
    """Writes both rows of a member whose score was `before`."""
    subkey, encoded = txn.codec.subkey, encode_score(score + 0.0)  # -0.0 + 0.0 is 0.0
    if before is not None:
        txn.delete(CF_ZSET_SCORE, subkey(zset.key, zset.version, encode_score(before) + member))
    txn.put(CF_DEFAULT, subkey(zset.key, zset.version, member), encoded)
    txn.put(CF_ZSET_SCORE, subkey(zset.key, zset.version, encoded + member), b"")


def discard(txn: Transaction, zset: Metadata, entries: list[Entry]) -> int:
    """Removes members that are there, with the scores that they have; the last takes the key along. How many."""
    if len(entries) == zset.size:
        txn.remove(zset)
    elif entries:
        subkey = txn.codec.subkey
        for member, score in entries:
            txn.delete(CF_DEFAULT, subkey(zset.key, zset.version, member))
            txn.delete(CF_ZSET_SCORE, subkey(zset.key, zset.version, encode_score(score) + member))
        zset.size -= len(entries)
        txn.store_metadata(zset.key, zset, zset)
    return len(entries)


def remove(txn: Transaction, key: bytes, members: Iterable[bytes]) -> int:
    """Removes members; how many were there."""
    zset = find(txn, key)
    if zset is None:
        return 0
    wanted = list(dict.fromkeys(members))
    found = zip(wanted, scores(txn, zset, wanted), strict=True)
    return discard(txn, zset, [(member, score) for member, score in found if score is not None])


def remove_span(txn: Transaction, key: bytes, span: Span) -> int:
    """Removes the members in a range; how many."""
    zset = find(txn, key)
    if zset is None:
        return 0
    if span.whole:  # without looking at them
        txn.remove(zset)
        return zset.size
    return discard(txn, zset, list(entries(txn, zset, span)))


def remove_ranks(txn: Transaction, key: bytes, start: int, stop: int) -> int:
    """Removes the members from rank `start` to `stop`, both included, negative ones counted from the end; how many."""
    zset = find(txn, key)
    if zset is None:
        return 0
    first, count = resolve_ranks(start, stop, zset.size)
    if count == zset.size:  # without looking at them
        txn.remove(zset)
        return count
    return discard(txn, zset, list(by_rank(txn, zset, first, count)))


def pop(txn: Transaction, zset: Metadata, count: int, *, largest: bool) -> list[Entry]:
    """Removes up to `count` members from an end; what they were, from that end on."""
    popped = list(entries(txn, zset, BY_SCORE, reverse=largest, limit=count))
    discard(txn, zset, popped)
    return popped


def replace(txn: Transaction, key: bytes, items: list[Entry]) -> int:
    """Makes the key a sorted set of these (distinct) members, whatever it was; without any it is deleted. How many."""
    if not items:
        keyspace.delete(txn, key)
        return 0
    zset = Metadata(TYPE_ZSET, version=txn.new_version(), size=len(items), key=key)
    txn.store_metadata(key, zset, txn.lookup_any(key))
    for member, score in items:
        put(txn, zset, member, score, None)
    return len(items)


# -- reading


def scores(txn: Transaction, zset: Metadata, members: list[bytes]) -> list[float | None]:
    """The members' scores, None for each that is not there."""
    if zset.size == 0:
        return [None] * len(members)
    subkey = txn.codec.subkey
    if len(members) == 1:
        rows = [txn.get(CF_DEFAULT, subkey(zset.key, zset.version, members[0]))]
    else:
        rows = txn.get_many(CF_DEFAULT, [subkey(zset.key, zset.version, member) for member in members])
    return [None if row is None else decode_score(row) for row in rows]


def rows_of(txn: Transaction, zset: Metadata, span: Span, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """The rows in a range."""
    if span.empty:
        return iter(())
    prefix = txn.codec.subkey(zset.key, zset.version, b"")
    end = prefix_end(prefix) if span.end is None else prefix + span.end
    return txn.scan(span.cf, prefix + span.begin, end, reverse)


def entries(
    txn: Transaction, zset: Metadata, span: Span, *, reverse: bool = False, skip: int = 0, limit: int = -1
) -> Iterator[Entry]:
    """The members in a range in its order (backwards when `reverse`) as they are now, without the first `skip`, at most
    `limit` if that is not negative."""
    stop = None if limit < 0 else min(skip + limit, INDEX_MAX)
    if skip == stop:
        return iter(())
    head = len(txn.codec.subkey(zset.key, zset.version, b""))
    rows = islice(rows_of(txn, zset, span, reverse=reverse), skip, stop)
    if span.cf == CF_DEFAULT:
        return ((storage_key[head:], decode_score(value)) for storage_key, value in rows)
    tail = head + 8
    return ((storage_key[tail:], decode_score(storage_key[head:tail])) for storage_key, _ in rows)


def by_rank(txn: Transaction, zset: Metadata, first: int, count: int, *, reverse: bool = False) -> Iterator[Entry]:
    """`count` members from rank `first` on, all of which exist; `reverse` counts ranks from the largest. A few are
    looked for from the nearer end."""
    behind = zset.size - first - count
    if first <= behind or count > TURNED_MAX:
        return entries(txn, zset, BY_SCORE, reverse=reverse, skip=first, limit=count)
    return reversed(list(entries(txn, zset, BY_SCORE, reverse=not reverse, skip=behind, limit=count)))


def count(txn: Transaction, zset: Metadata, span: Span) -> int:
    """How many members are in a range."""
    return zset.size if span.whole else sum(1 for _ in rows_of(txn, zset, span))


def rank(txn: Transaction, zset: Metadata, member: bytes) -> tuple[int, float] | None:
    """(the member's rank from the smallest on, its score), or None if it is not there."""
    (score,) = scores(txn, zset, [member])
    if score is None:
        return None
    sub = encode_score(score) + member
    below = rows_of(txn, zset, Span(CF_ZSET_SCORE, b"", sub))
    above = rows_of(txn, zset, Span(CF_ZSET_SCORE, sub + b"\0", None), reverse=True)
    steps = 0
    while True:
        if next(below, None) is None:
            return steps, score
        if next(above, None) is None:
            return zset.size - 1 - steps, score
        steps += 1
