"""Trimming streams: dropping the oldest entries, down to a length or up to an id.

Exact trimming finds the entry that will be the first by walking from the nearer end, and deletes what is before it by a
range deletion when that is much.

Approximate trimming drops entries by the NODE_ENTRIES, and at most a limited number of them, as Redis does, which keeps
so many entries in one node of its tree. So a stream that is trimmed at each XADD is not searched each time.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from slotrocks.engine._engine import CF_STREAM, Transaction
from slotrocks.engine.types import streams
from slotrocks.engine.types.streams import Stream
from slotrocks.engine.types.streams_ids import FIRST, StreamID
from slotrocks.engine.types.streams_rows import delete_range

NODE_ENTRIES = 100  # Redis's default for stream-node-max-entries
LIMIT_DEFAULT = 100 * NODE_ENTRIES
# Range deletions cost later reads: what is trimmed again and again is deleted row by row.
ENTRIES_DELETED_ONE_BY_ONE_MAX = 1024


class Trim(NamedTuple):
    """How to trim: to `max_len` entries, or, when that is negative, to those with ids from `min_id` on. `limit` is the
    number of entries that approximate trimming drops at most, 0 for any number."""

    max_len: int
    min_id: StreamID = FIRST
    approximate: bool = False
    limit: int = 0


def trim(txn: Transaction, stream: Stream, how: Trim) -> int:
    """Drops the oldest entries; how many. The caller stores the metadata."""
    surplus = stream.size - how.max_len if how.max_len >= 0 else older_than(txn, stream, how)
    if how.approximate:
        surplus = whole_nodes(stream, surplus, how.limit)
    if surplus <= 0:
        return 0
    if surplus < stream.size and surplus <= ENTRIES_DELETED_ONE_BY_ONE_MAX:
        dropped = list(islice(streams.rows(txn, stream), surplus + 1))
        for storage_key, _ in dropped[:surplus]:
            txn.delete(CF_STREAM, storage_key)
        stream.first_id = streams.first_of(iter(dropped[surplus:]), FIRST)
    else:
        drop_many(txn, stream, surplus)
    stream.m.size -= surplus
    return surplus


def drop_many(txn: Transaction, stream: Stream, surplus: int) -> None:
    """Deletes the first entries, or all, by a range."""
    begin = stream.key_of(txn, stream.first_id.encode())
    if surplus == stream.size:
        delete_range(txn, begin, stream.key_of(txn, stream.last_entry_id.encode()) + b"\0")
        stream.first_id = stream.last_entry_id = FIRST
    else:
        stream.first_id = id_at(txn, stream, surplus)
        delete_range(txn, begin, stream.key_of(txn, stream.first_id.encode()))


def whole_nodes(stream: Stream, surplus: int, limit: int) -> int:
    """How many entries of a surplus approximate trimming drops. The last node need not be full."""
    most = min(surplus, limit) if limit else surplus
    return most if most == stream.size else most - most % NODE_ENTRIES


def older_than(txn: Transaction, stream: Stream, how: Trim) -> int:
    """How many entries have ids less than `how.min_id`, counted up to the limit if there is one."""
    if stream.size == 0 or how.min_id <= stream.first_id:
        return 0
    newest = how.min_id.before()
    if how.limit:
        return sum(1 for _ in islice(streams.rows(txn, stream, FIRST, newest), how.limit))
    return streams.count(txn, stream, FIRST, newest)


def id_at(txn: Transaction, stream: Stream, position: int) -> StreamID:
    """The id of the entry at a position that exists, 0 being the first."""
    behind = stream.size - 1 - position
    if position <= behind:
        found = islice(streams.rows(txn, stream), position, None)
    else:
        found = islice(streams.rows(txn, stream, reverse=True), behind, None)
    return streams.first_of(found, FIRST)
