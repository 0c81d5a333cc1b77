"""What consumers do with entries: read new ones, read theirs again, acknowledge, claim those of others.

Entries that are pending may have been deleted from the stream meanwhile. Reading again shows them without fields;
claiming drops them.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from slotrocks.engine._engine import Transaction, decode_stream_fields, stream_entry
from slotrocks.engine.types import streams, streams_groups
from slotrocks.engine.types.streams import Stream
from slotrocks.engine.types.streams_groups import OpenGroup
from slotrocks.engine.types.streams_ids import FIRST, LAST, StreamID
from slotrocks.engine.types.streams_rows import ENTRIES_READ_UNKNOWN, ENTRY_SUB_SIZE, Consumer, Group, Pending
from slotrocks.engine.types.string import INT64_MAX

# An entry as clients see it: (id, names and values in turn, or None when it was deleted).
Shown = tuple[bytes, list[bytes] | None]

ROWS_READ_AT_ONCE = 100
# XAUTOCLAIM looks at so many times as many entries as it may return.
ATTEMPTS_FACTOR = 10


class Claim(NamedTuple):
    """The conditions and effects of a claim. `deliveries` None: one more, or with `just_id` as many as before."""

    min_idle_ms: int
    delivered_ms: int
    deliveries: int | None = None
    force: bool = False
    just_id: bool = False


# -- reading


def read_new(opened: OpenGroup, consumer: bytes, count: int | None, *, noack: bool) -> list[Shown]:
    """Delivers the entries that no consumer of the group has got to a consumer that see() knows."""
    txn, stream = opened.txn, opened.stream
    rows = streams.rows(txn, stream, opened.last_id.after(), LAST) if opened.last_id != LAST else iter(())
    found = list(islice(rows, count))
    ids = [StreamID.decode(storage_key[-ENTRY_SUB_SIZE:]) for storage_key, _ in found]
    for entry_id in ids:
        opened.entries_read = entries_read_after(stream, opened, entry_id)
        opened.last_id = entry_id
    if not noack:
        # They may be pending for somebody: XGROUP SETID goes back, too.
        before = streams_groups.find_pending(txn, stream, opened.name, ids) if opened.pending else [None] * len(ids)
        for entry_id, row in zip(ids, before, strict=True):
            opened.assign(entry_id, row, consumer, txn.now_ms, 1)
    return [stream_entry(storage_key, value) for storage_key, value in found]


def entries_read_after(stream: Stream, opened: OpenGroup, entry_id: StreamID) -> int:
    """The group's count of entries read after it has read the next one. (XGROUP can set it to the largest number; where
    Redis then goes on from the smallest, it stays.)"""
    if opened.entries_read != ENTRIES_READ_UNKNOWN and not streams.has_deleted_after(stream, entry_id):
        return min(opened.entries_read + 1, INT64_MAX)
    return streams.entries_up_to(stream, entry_id)


def read_again(opened: OpenGroup, consumer: Consumer, after: StreamID, count: int | None) -> list[Shown]:
    """The entries that are pending for a consumer, behind id `after`."""
    txn, stream = opened.txn, opened.stream
    if after == LAST:
        return []
    rows = list(islice(streams_groups.pending_of(txn, stream, consumer, after.after()), count))
    values = streams.get(txn, stream, [row.id for row in rows])
    shown: list[Shown] = []
    for row, value in zip(rows, values, strict=True):
        if value is None:
            shown.append((row.id.text, None))
        else:
            shown.append((row.id.text, decode_stream_fields(value)))
            opened.deliver_again(row)
    return shown


# -- acknowledging and claiming


def acknowledge(txn: Transaction, stream: Stream, group: Group, ids: list[StreamID]) -> int:
    """XACK: makes entries pending no more; how many were."""
    opened = OpenGroup(txn, stream, group)
    wanted = list(dict.fromkeys(ids))
    found = [row for row in streams_groups.find_pending(txn, stream, group.name, wanted) if row is not None]
    for row in found:
        opened.release(row)
    opened.close()
    return len(found)


def claim(opened: OpenGroup, consumer: bytes, ids: list[StreamID], how: Claim) -> list[Shown]:
    """XCLAIM: makes entries pending for a consumer that see() knows; which ones, with `just_id` without fields."""
    txn, stream = opened.txn, opened.stream
    values = dict(zip(ids, streams.get(txn, stream, ids), strict=True))
    rows = dict(zip(ids, streams_groups.find_pending(txn, stream, opened.name, ids), strict=True))
    claimed: list[Shown] = []
    for entry_id in ids:
        row, value = rows[entry_id], values[entry_id]
        if value is None:
            if row is not None:
                opened.release(row)
                rows[entry_id] = None
            continue
        if row is None and not how.force:
            continue
        if row is not None and txn.now_ms - row.delivered_ms < how.min_idle_ms:
            continue
        rows[entry_id] = take_over(opened, consumer, entry_id, row, how)
        claimed.append((entry_id.text, None if how.just_id else decode_stream_fields(value)))
    return claimed


def take_over(opened: OpenGroup, consumer: bytes, entry_id: StreamID, row: Pending | None, how: Claim) -> Pending:
    """Makes one entry pending for a consumer; as what."""
    deliveries = 1 if row is None else row.deliveries
    if how.deliveries is not None:
        deliveries = how.deliveries
    elif not how.just_id:
        deliveries += 1
    opened.assign(entry_id, row, consumer, how.delivered_ms, deliveries)
    return Pending(opened.name, entry_id, consumer, how.delivered_ms, deliveries)


class AutoClaimed(NamedTuple):
    """What auto_claim() did: where to go on (0-0 at the end), the entries claimed, the pending ones that are gone."""

    cursor: StreamID
    entries: list[Shown]
    deleted: list[StreamID]


def auto_claim(opened: OpenGroup, consumer: bytes, start: StreamID, count: int, how: Claim) -> AutoClaimed:
    """XAUTOCLAIM: the same for pending entries from id `start` on, whoever has them, up to `count`."""
    txn, stream = opened.txn, opened.stream
    rows = streams_groups.pending(txn, stream, opened.name, start)
    attempts = count * ATTEMPTS_FACTOR
    entries: list[Shown] = []
    deleted: list[StreamID] = []
    while attempts and count:
        some = list(islice(rows, min(attempts, count, ROWS_READ_AT_ONCE)))
        if not some:
            return AutoClaimed(FIRST, entries, deleted)
        attempts -= len(some)
        for row, value in zip(some, streams.get(txn, stream, [row.id for row in some]), strict=True):
            if value is None:
                opened.release(row)
                deleted.append(row.id)
            elif txn.now_ms - row.delivered_ms < how.min_idle_ms:
                continue
            else:
                take_over(opened, consumer, row.id, row, how)
                entries.append((row.id.text, None if how.just_id else decode_stream_fields(value)))
            count -= 1
    following = next(rows, None)
    return AutoClaimed(FIRST if following is None else following.id, entries, deleted)
