"""SORT: the elements of a list, a set or a sorted set in another order, and what other keys say about them.

A pattern names a key for each element, which takes the place of its first "*"; after "->" comes a field of the hash
there. What is not there, or is of another type, is None. Elements are sorted by (weight, element): equal weights leave
the order to the elements' bytes.

Sorting goes in runs, which are merged as the result is taken, so no step takes long.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from slotrocks.engine._engine import (
    CF_DEFAULT,
    CF_METADATA,
    TYPE_HASH,
    TYPE_LIST,
    TYPE_SET,
    TYPE_ZSET,
    Metadata,
    Transaction,
    WrongTypeError,
)
from slotrocks.engine.types import elements, keyspace, lists, string, zsets
from slotrocks.engine.types.work import Work
from slotrocks.engine.types.zset_ranges import parse_bound

RUN_ELEMENTS = 4096  # sorted in one step
LOOKED_UP = 256  # other keys asked for at once
# What elements are sorted by, for each of some elements.
Weigh = Callable[[list[bytes]], list[Any]]


class NotANumberError(Exception):
    """A weight is not a number."""


class Pattern(NamedTuple):
    """The names of other keys, see the module's text. `field` is empty for strings."""

    before: bytes
    after: bytes
    field: bytes


def parse_pattern(text: bytes) -> Pattern | None:
    """None without a "*": such a pattern names nothing."""
    before, star, rest = text.partition(b"*")
    if not star:
        return None
    after, _, field = rest.partition(b"->")
    return Pattern(before, after, field) if field else Pattern(before, rest, b"")


def find(txn: Transaction, key: bytes) -> Metadata | None:
    """What can be sorted, or None. Raises WrongTypeError."""
    found = txn.lookup(key)
    if found is not None and found.type not in (TYPE_LIST, TYPE_SET, TYPE_ZSET):
        raise WrongTypeError
    return found


def members(txn: Transaction, m: Metadata) -> Iterator[bytes]:
    """All elements, in any order, as they are now."""
    return lists.elements(txn, m, 0, m.size) if m.type == TYPE_LIST else elements.subkeys(txn, m)


def unsorted(txn: Transaction, m: Metadata, first: int, end: int, *, reverse: bool) -> Iterator[bytes]:
    """The elements at positions `first` to before `end` in the order that they have, backwards when `reverse` (a set
    has none)."""
    if m.type == TYPE_SET:
        return islice(elements.subkeys(txn, m), first, end)
    if m.type == TYPE_ZSET:
        return (member for member, _ in zsets.by_rank(txn, m, first, end - first, reverse=reverse))
    return lists.elements(txn, m, m.size - end, m.size - first, reverse=True) if reverse else lists.elements(
        txn, m, first, end
    )  # fmt: skip


def look_up(txn: Transaction, pattern: Pattern | None, found: list[bytes]) -> list[bytes | None]:
    """What a pattern names for each of some elements."""
    if pattern is None:
        return [None] * len(found)
    values: list[bytes | None] = []
    for i in range(0, len(found), LOOKED_UP):
        keys = [pattern.before + element + pattern.after for element in found[i : i + LOOKED_UP]]
        values += look_up_fields(txn, keys, pattern.field) if pattern.field else string.get_many(txn, keys)
    return values


def look_up_fields(txn: Transaction, keys: list[bytes], field: bytes) -> list[bytes | None]:
    """The values of a field of several hashes."""
    txn.get_many(CF_METADATA, [txn.codec.metadata_key(key) for key in keys])  # then lookup() finds them in memory
    hashes = [txn.lookup(key) for key in keys]
    rows = {
        i: txn.codec.subkey(m.key, m.version, field)
        for i, m in enumerate(hashes)
        if m is not None and m.type == TYPE_HASH
    }
    values: list[bytes | None] = [None] * len(keys)
    for i, value in zip(rows, txn.get_many(CF_DEFAULT, list(rows.values())), strict=True):
        values[i] = value
    return values


def weigh_by(txn: Transaction, pattern: Pattern | None, *, alpha: bool) -> Weigh:
    """Weights from other keys: numbers, 0 for what is not there, or (`alpha`) bytes, what is not there first."""

    def weigh(found: list[bytes]) -> list[Any]:
        values = look_up(txn, pattern, found)
        if alpha:
            return [(value is not None, value or b"") for value in values]
        return [0.0 if value is None else number(value) for value in values]

    return weigh


def weigh_numbers(found: list[bytes]) -> list[Any]:
    """The elements themselves, as numbers."""
    return [number(element) for element in found]


def weigh_bytes(found: list[bytes]) -> list[Any]:
    """The elements themselves."""
    return found


def number(text: bytes) -> float:
    """A weight as strtod reads it. Raises NotANumberError, for what is beyond a double, too."""
    try:
        value = parse_bound(text)
    except ValueError:
        raise NotANumberError from None
    if math.isnan(value) or (math.isinf(value) and b"inf" not in text.lower()):
        raise NotANumberError
    return value


def sort(
    found: Iterable[bytes], weigh: Weigh, first: int, *, reverse: bool
) -> Work[Iterator[bytes]]:  # fmt: skip
    """Sorts elements: the result is an iterator from the `first` one on. Yields between its steps. Raises
    NotANumberError."""
    rest = iter(found)
    runs = []
    while run := list(islice(rest, RUN_ELEMENTS)):
        weighed = list(zip(weigh(run), run, strict=True))
        weighed.sort(reverse=reverse)
        runs.append(weighed)
        if len(run) == RUN_ELEMENTS:
            yield
    if len(runs) < 2:
        return (element for _, element in (runs[0] if runs else [])[first:])
    merged = heapq.merge(*runs, reverse=reverse)
    for begin in range(0, first, RUN_ELEMENTS):
        yield
        next(islice(merged, min(RUN_ELEMENTS, first - begin) - 1, None), None)
    return (element for _, element in merged)


def store(txn: Transaction, key: bytes, values: list[bytes]) -> None:
    """Makes the key a list of these values, whatever it held; without any it is deleted."""
    old = txn.lookup_any(key)
    if values and old is not None:
        txn.remove(old)
    if values:
        lists.push(txn, key, values, left=False)
    else:
        keyspace.delete(txn, key)
