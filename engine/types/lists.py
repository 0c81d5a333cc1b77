"""Lists: each element is a row under its index, and the indexes are contiguous: head .. tail - 1.

Pushing and popping take or give an index at an end. Inserting and removing in the middle move the elements of the
shorter side by one or more places, as Kvrocks does. Elements are read by their exact rows when there are few, else by a
scan that begins at the first of them, so that what was popped before costs nothing.

Functions that read take the metadata that find() gave; those that write take the key. "Positions" count from 0 at the
head, "indexes" are those of the rows. All that look for a key raise WrongTypeError.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from slotrocks.engine._engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    TYPE_LIST,
    CorruptionError,
    Metadata,
    Transaction,
    encode_expiry_key,
)
from slotrocks.engine.layout import LIST_INITIAL_INDEX, ListBounds, encode_u64
from slotrocks.engine.types import collection

# Up to this many elements are read one by one: cheaper than a scan, which has to sort what the tick wrote so far.
ELEMENTS_READ_ONE_BY_ONE_MAX = 4
# More than this many are deleted by a range deletion, which costs later reads.
ELEMENTS_DELETED_ONE_BY_ONE_MAX = 64


def find(txn: Transaction, key: bytes) -> Metadata | None:
    """The metadata of a list, or None."""
    return collection.find(txn, key, TYPE_LIST)


def bounds(m: Metadata) -> ListBounds:
    """Where a list's elements are."""
    return ListBounds.decode(m.payload) if m.payload else ListBounds(LIST_INITIAL_INDEX, LIST_INITIAL_INDEX)


def window(size: int, start: int, stop: int) -> tuple[int, int]:
    """The positions (first, end) that `start`..`stop` mean, negative ones counted from the tail; first >= end for
    none."""
    first = max(start + size, 0) if start < 0 else start
    end = (stop + size if stop < 0 else min(stop, size - 1)) + 1
    return first, end


# -- reading


def elements(txn: Transaction, m: Metadata, first: int, end: int, *, reverse: bool = False) -> Iterator[bytes]:
    """The elements at positions `first` to before `end`, which must exist; from the last when `reverse`.

    The list must not be changed while this goes on.
    """
    count = end - first
    begin = bounds(m).head + first
    if count <= ELEMENTS_READ_ONE_BY_ONE_MAX:
        indexes = range(begin, begin + count)
        return read_rows(txn, m, list(reversed(indexes)) if reverse else list(indexes))
    rows = txn.scan(CF_DEFAULT, row_key(txn, m, begin), row_key(txn, m, begin + count), reverse)
    return (value for _, value in rows)


def read_rows(txn: Transaction, m: Metadata, indexes: list[int]) -> Iterator[bytes]:
    """The elements under these indexes."""
    for value in txn.get_many(CF_DEFAULT, [row_key(txn, m, index) for index in indexes]):
        yield present(m, value)


def present(m: Metadata, value: bytes | None) -> bytes:
    """The value of a row that must exist."""
    if value is None:
        raise CorruptionError(f"an element of list {m.key!r} is missing")
    return value


def element_at(txn: Transaction, m: Metadata, position: int) -> bytes | None:
    """LINDEX: the element at a position, counted from the tail when negative, or None."""
    if position < 0:
        position += m.size
    if not 0 <= position < m.size:
        return None
    return present(m, txn.get(CF_DEFAULT, row_key(txn, m, bounds(m).head + position)))


def positions(txn: Transaction, m: Metadata, value: bytes, *, rank: int, count: int, compared_max: int) -> list[int]:
    """LPOS: where `value` is, from the `rank`-th match on (from the tail on when negative), at most `count` matches
    (0 = all) among the first `compared_max` elements (0 = all)."""
    reverse = rank < 0
    size = int(m.size)
    compared = min(size, compared_max or size)
    first = size - compared if reverse else 0
    found = elements(txn, m, first, first + compared, reverse=reverse)
    matches = (size - 1 - i if reverse else i for i, each in enumerate(found) if each == value)
    skipped = abs(rank) - 1
    if skipped >= size:
        return []
    return list(islice(matches, skipped, skipped + count if count and skipped + count < size else None))


# -- the ends


def push(txn: Transaction, key: bytes, values: list[bytes], *, left: bool, create: bool = True) -> int:
    """Adds elements one after the other at an end. The new length; 0 if there is no list and none is to be created."""
    m, old = collection.open_for_write(txn, key, TYPE_LIST)
    if m.size == 0 and not create:
        return 0
    head, tail = bounds(m)
    for value in values:
        if left:
            head -= 1
            txn.put(CF_DEFAULT, row_key(txn, m, head), value)
        else:
            txn.put(CF_DEFAULT, row_key(txn, m, tail), value)
            tail += 1
    store(txn, m, old, head, tail)
    return tail - head


def pop(txn: Transaction, key: bytes, count: int, *, left: bool) -> list[bytes] | None:
    """Takes up to `count` elements from an end, the outermost first. None if there is no list."""
    m = find(txn, key)
    if m is None:
        return None
    head, tail = bounds(m)
    if count == 1 and m.size > 1:  # by far the most frequent
        row = row_key(txn, m, head if left else tail - 1)
        value = present(m, txn.get(CF_DEFAULT, row))
        txn.delete(CF_DEFAULT, row)
        store(txn, m, m, head + left, tail - (not left))
        return [value]
    count = min(count, m.size)
    if count == 0:
        return []
    first = 0 if left else m.size - count
    values = list(elements(txn, m, first, first + count, reverse=not left))
    if count == m.size:
        delete(txn, m)
    elif left:
        delete_rows(txn, m, head, head + count)
        store(txn, m, m, head + count, tail)
    else:
        delete_rows(txn, m, tail - count, tail)
        store(txn, m, m, head, tail - count)
    return values


def move(txn: Transaction, source: bytes, target: bytes, *, from_left: bool, to_left: bool) -> bytes | None:
    """LMOVE: takes an element from an end of one list and adds it at an end of another, or of the same one. None if
    there is no source."""
    values = pop(txn, source, 1, left=from_left) if source != target else None
    if values is not None:
        push(txn, target, values, left=to_left)
        return values[0]
    m = find(txn, source)
    if m is None:
        return None
    value = element_at(txn, m, 0 if from_left else -1)
    assert value is not None
    if from_left == to_left or m.size == 1:
        txn.touch(source)
        return value
    head, tail = bounds(m)
    if from_left:
        txn.delete(CF_DEFAULT, row_key(txn, m, head))
        txn.put(CF_DEFAULT, row_key(txn, m, tail), value)
        store(txn, m, m, head + 1, tail + 1)
    else:
        txn.delete(CF_DEFAULT, row_key(txn, m, tail - 1))
        txn.put(CF_DEFAULT, row_key(txn, m, head - 1), value)
        store(txn, m, m, head - 1, tail - 1)
    return value


# -- the middle


def replace(txn: Transaction, m: Metadata, position: int, value: bytes) -> bool:
    """LSET: puts another element at a position. Whether there is such a position."""
    if position < 0:
        position += m.size
    if not 0 <= position < m.size:
        return False
    txn.put(CF_DEFAULT, row_key(txn, m, bounds(m).head + position), value)
    txn.touch(m.key)
    return True


def trim(txn: Transaction, key: bytes, start: int, stop: int) -> None:
    """LTRIM: removes what is outside the positions `start`..`stop`."""
    m = find(txn, key)
    if m is None:
        return
    first, end = window(m.size, start, stop)
    if first >= end:
        delete(txn, m)
        return
    head, tail = bounds(m)
    delete_rows(txn, m, head, head + first)
    delete_rows(txn, m, head + end, tail)
    store(txn, m, m, head + first, head + end)


def insert(txn: Transaction, key: bytes, pivot: bytes, value: bytes, *, before: bool) -> int:
    """LINSERT: adds an element next to the first one that equals `pivot`. The new length; -1 if there is no pivot, 0 if
    there is no list."""
    m = find(txn, key)
    if m is None:
        return 0
    at = next((i for i, each in enumerate(elements(txn, m, 0, m.size)) if each == pivot), -1)
    if at < 0:
        return -1
    head, tail = bounds(m)
    left_count = at if before else at + 1  # elements that will be to the left of the new one
    if left_count <= m.size - left_count:
        head -= 1
        moved = list(elements(txn, m, 0, left_count))
        put_rows(txn, m, head, [*moved, value])
    else:
        moved = list(elements(txn, m, left_count, m.size))
        put_rows(txn, m, head + left_count, [value, *moved])
        tail += 1
    store(txn, m, m, head, tail)
    return tail - head


def remove(txn: Transaction, key: bytes, value: bytes, count: int) -> int:
    """LREM: removes the first `count` elements that equal `value`, from the tail on when negative, all when 0. How many
    it removed."""
    m = find(txn, key)
    if m is None:
        return 0
    found = sorted(positions(txn, m, value, rank=-1 if count < 0 else 1, count=abs(count), compared_max=0))
    if not found:
        return 0
    size, removed = int(m.size), len(found)
    head, tail = bounds(m)
    if removed == size:
        delete(txn, m)
        return removed
    left_size, right_size = found[-1], size - 1 - found[0]  # what would have to move, on either side
    first, end = (0, found[-1] + 1) if left_size <= right_size else (found[0], size)
    gone = set(found)
    kept = [each for i, each in enumerate(elements(txn, m, first, end), first) if i not in gone]
    if left_size <= right_size:
        put_rows(txn, m, head + removed, kept)
        delete_rows(txn, m, head, head + removed)
        head += removed
    else:
        put_rows(txn, m, head + first, kept)
        delete_rows(txn, m, tail - removed, tail)
        tail -= removed
    store(txn, m, m, head, tail)
    return removed


# -- rows


def row_key(txn: Transaction, m: Metadata, index: int) -> bytes:
    """The storage key of the element under an index."""
    return txn.codec.subkey(m.key, m.version, encode_u64(index))


def put_rows(txn: Transaction, m: Metadata, index: int, values: list[bytes]) -> None:
    """Writes elements under the indexes from `index` on."""
    for i, value in enumerate(values, index):
        txn.put(CF_DEFAULT, row_key(txn, m, i), value)


def delete_rows(txn: Transaction, m: Metadata, first: int, end: int) -> None:
    """Deletes the elements under the indexes `first` to before `end`."""
    if end - first > ELEMENTS_DELETED_ONE_BY_ONE_MAX:
        txn.delete_range(CF_DEFAULT, row_key(txn, m, first), row_key(txn, m, end))
        return
    for index in range(first, end):
        txn.delete(CF_DEFAULT, row_key(txn, m, index))


def store(txn: Transaction, m: Metadata, old: Metadata | None, head: int, tail: int) -> None:
    """Stores the bounds of a list that has elements."""
    m.size = tail - head
    m.payload = ListBounds(head, tail).encode()
    txn.store_metadata(m.key, m, old)


def delete(txn: Transaction, m: Metadata) -> None:
    """Deletes a list. Where its rows are is known: looking for them would cost a scan, and queues are emptied often."""
    if m.size > ELEMENTS_DELETED_ONE_BY_ONE_MAX:
        txn.remove(m)
        return
    delete_rows(txn, m, *bounds(m))
    row = txn.codec.metadata_key(m.key)
    txn.delete(CF_METADATA, row)
    if m.expire_ms:
        txn.delete(CF_PROPAGATE, encode_expiry_key(m.expire_ms, row))
    txn.touch(m.key)
