"""Union, intersection and difference of sorted sets, and of sets, whose members count as having score 1.

Results are what Redis gives, also where floating-point numbers depend on the order of operations: inputs are combined
from the smallest to the largest, and a NaN (inf - inf, 0 * inf) becomes 0. Of an intersection only the smallest input
is read whole, of a difference the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice

from slotrocks.engine._engine import CF_DEFAULT, TYPE_SET, TYPE_ZSET, Metadata, Transaction, WrongTypeError
from slotrocks.engine.types.zset_ranges import BY_MEMBER
from slotrocks.engine.types.zsets import Entry, entries, rows_of, scores

Aggregate = Callable[[float, float], float]

LOOKUPS_AT_ONCE = 512


def add_scores(a: float, b: float) -> float:
    """The sum, 0 for inf - inf."""
    total = a + b
    return 0.0 if math.isnan(total) else total


def open_inputs(txn: Transaction, keys: list[bytes]) -> list[Metadata | None]:
    """The inputs, None for each that does not exist. Raises WrongTypeError."""
    found = [txn.lookup(key) for key in keys]
    if any(m is not None and m.type not in (TYPE_ZSET, TYPE_SET) for m in found):
        raise WrongTypeError
    return found


def read(txn: Transaction, source: Metadata) -> Iterator[Entry]:
    """All members of an input with their scores, in the order of their bytes."""
    if source.type == TYPE_ZSET:
        return entries(txn, source, BY_MEMBER)
    head = len(txn.codec.subkey(source.key, source.version, b""))
    return ((storage_key[head:], 1.0) for storage_key, _ in rows_of(txn, source, BY_MEMBER))


def look_up(txn: Transaction, source: Metadata, members: list[bytes]) -> list[float | None]:
    """The scores of members in an input."""
    if source.type == TYPE_ZSET:
        return scores(txn, source, members)
    rows = txn.get_many(CF_DEFAULT, [txn.codec.subkey(source.key, source.version, member) for member in members])
    return [None if row is None else 1.0 for row in rows]


def weigh(score: float, weight: float) -> float:
    """The product, 0 for 0 * inf."""
    value = score * weight
    return 0.0 if math.isnan(value) else value


def by_size(sources: list[Metadata | None], weights: list[float]) -> list[tuple[Metadata, float]]:
    """The inputs that exist, each with its weight, the smallest first."""
    present = [(source, weight) for source, weight in zip(sources, weights, strict=True) if source is not None]
    return sorted(present, key=lambda pair: pair[0].size)


def union(
    txn: Transaction, sources: list[Metadata | None], weights: list[float], aggregate: Aggregate
) -> dict[bytes, float]:
    """The members of any input."""
    result: dict[bytes, float] = {}
    for source, weight in by_size(sources, weights):
        for member, score in read(txn, source):
            value = weigh(score, weight)
            before = result.get(member)
            result[member] = value if before is None else aggregate(before, value)
    return result


def intersection(
    txn: Transaction, sources: list[Metadata | None], weights: list[float], aggregate: Aggregate
) -> Iterator[Entry]:
    """The members of all inputs, not in the order of scores."""
    ordered = by_size(sources, weights)
    if len(ordered) < len(sources):
        return
    (first, weight), others = ordered[0], ordered[1:]
    smallest = read(txn, first)
    while chunk := {member: weigh(score, weight) for member, score in islice(smallest, LOOKUPS_AT_ONCE)}:
        for source, other_weight in others:
            found = zip(chunk, look_up(txn, source, list(chunk)), strict=True)
            chunk = {member: aggregate(chunk[member], s * other_weight) for member, s in found if s is not None}
        yield from chunk.items()


def difference(txn: Transaction, sources: list[Metadata | None]) -> dict[bytes, float]:
    """The members of the first input that are in no other."""
    if sources[0] is None:
        return {}
    result = dict(read(txn, sources[0]))
    for source in sources[1:]:
        if source is None or not result:
            continue
        if source.size <= len(result):
            for member, _ in read(txn, source):
                result.pop(member, None)
        else:
            members = list(result)
            for i in range(0, len(members), LOOKUPS_AT_ONCE):
                some = members[i : i + LOOKUPS_AT_ONCE]
                for member, score in zip(some, look_up(txn, source, some), strict=True):
                    if score is not None:
                        del result[member]
    return result


def in_order(items: dict[bytes, float]) -> list[Entry]:
    """Sorted as a sorted set is: by score, then by member."""
    return sorted(items.items(), key=lambda entry: (entry[1], entry[0]))
