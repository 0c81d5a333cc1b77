"""Streams: entries in the order of their ids, one row each. Consumer groups: streams_groups.py.

The metadata say where entries begin and end: `first_id` is that of the first entry (or before it), `last_entry_id` that
of the last one (or behind it); 0-0 both when there is none. So a scan meets neither what was trimmed away before nor
the rows of consumer groups behind. (Both are exact in what is written here. Kvrocks 2.10 leaves ids of deleted entries
there when XDEL removes several at an end.) `last_id` is the newest id ever given to an entry, and new ones are greater.

A stream without entries is still a stream. Functions that look for a key raise WrongTypeError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from slotrocks.engine._engine import CF_STREAM, TYPE_STREAM, Metadata, Transaction, encode_stream_fields, stream_entry
from slotrocks.engine.layout import StreamState
from slotrocks.engine.types import collection
from slotrocks.engine.types.streams_ids import FIRST, LAST, U64_MAX, StreamID
from slotrocks.engine.types.streams_rows import ENTRIES_READ_UNKNOWN, ENTRY_SUB_SIZE

Row = tuple[bytes, bytes]  # (storage key, value)


class IDTooSmallError(Exception):
    """A new entry's id is not greater than the last one."""


class ExhaustedError(Exception):
    """The stream's last id is the greatest that there is."""


class XSetIDError(Exception):
    """set_id() was refused; the text says why, as Redis says it."""


@dataclass(slots=True)
class Stream:
    """A stream's metadata, to be changed and given to store()."""

    m: Metadata  # its size is the number of entries
    old: Metadata | None  # what is stored under the key now
    last_id: StreamID = FIRST
    first_id: StreamID = FIRST
    last_entry_id: StreamID = FIRST
    max_deleted_id: StreamID = FIRST
    entries_added: int = 0
    groups: int = 0

    @property
    def size(self) -> int:
        """How many entries there are."""
        return int(self.m.size)

    def key_of(self, txn: Transaction, sub: bytes) -> bytes:
        """The storage key of a row of this stream."""
        return txn.codec.subkey(self.m.key, self.m.version, sub)

    def store(self, txn: Transaction) -> None:
        """Writes the metadata, which tells everyone who waits for the key or watches it."""
        state = StreamState(
            self.last_id, self.first_id, self.max_deleted_id, self.first_id, self.last_entry_id, self.entries_added,
            self.groups,
        )  # fmt: skip
        self.m.payload = state.encode()
        txn.store_metadata(self.m.key, self.m, self.old)
        self.old = self.m


def find(txn: Transaction, key: bytes) -> Stream | None:
    """A living stream, or None."""
    m = collection.find(txn, key, TYPE_STREAM)
    return None if m is None else of(m)


def of(m: Metadata) -> Stream:
    """The stream whose metadata were found."""
    state = StreamState.decode(m.payload)
    return Stream(
        m, m, StreamID(*state.last_generated), StreamID(*state.first_entry), StreamID(*state.last_entry),
        StreamID(*state.max_deleted), state.entries_added, state.groups or 0,
    )  # fmt: skip


def create(txn: Transaction, key: bytes) -> Stream:
    """A new stream that is to replace whatever is stored under the key."""
    return Stream(Metadata(TYPE_STREAM, version=txn.new_version(), key=key), txn.lookup_any(key))


# -- writing


def next_id(stream: Stream, now_ms: int, ms: int | None, seq: int | None) -> StreamID:
    """The id of a new entry. `ms` None: from the clock; `seq` None: the next free one. Raises IDTooSmallError,
    ExhaustedError."""
    last = stream.last_id
    if last == LAST:
        raise ExhaustedError
    if ms is None:
        return StreamID(now_ms, 0) if now_ms > last.ms else last.after()
    if seq is None:
        if ms == last.ms and last.seq == U64_MAX:
            raise IDTooSmallError
        seq = last.seq + 1 if ms == last.ms else 0
    if (ms, seq) <= last:
        raise IDTooSmallError
    return StreamID(ms, seq)


def append(txn: Transaction, stream: Stream, entry_id: StreamID, fields: list[bytes]) -> None:
    """Adds an entry, whose id next_id() gave. The caller stores the metadata."""
    txn.put(CF_STREAM, stream.key_of(txn, entry_id.encode()), encode_stream_fields(fields))
    if stream.m.size == 0:
        stream.first_id = entry_id
    stream.m.size += 1
    stream.entries_added += 1
    stream.last_id = stream.last_entry_id = entry_id


def delete(txn: Transaction, stream: Stream, ids: list[StreamID]) -> int:
    """XDEL: deletes entries; how many there were."""
    wanted = list(dict.fromkeys(ids))
    keys = [stream.key_of(txn, entry_id.encode()) for entry_id in wanted]
    present = txn.get_many(CF_STREAM, keys)
    deleted = [entry_id for entry_id, value in zip(wanted, present, strict=True) if value is not None]
    for storage_key, value in zip(keys, present, strict=True):
        if value is not None:
            txn.delete(CF_STREAM, storage_key)
    if deleted:
        stream.max_deleted_id = max(stream.max_deleted_id, *deleted)
        stream.m.size -= len(deleted)
        settle_ends(txn, stream, first=stream.first_id in deleted, last=stream.last_entry_id in deleted)
        stream.store(txn)
    return len(deleted)


def settle_ends(txn: Transaction, stream: Stream, *, first: bool, last: bool) -> None:
    """After entries were deleted: finds out where the entries begin, or end, now."""
    if stream.m.size == 0:
        stream.first_id = stream.last_entry_id = FIRST
        return
    if first:
        stream.first_id = first_of(rows(txn, stream), stream.first_id)
    if last:
        stream.last_entry_id = first_of(rows(txn, stream, reverse=True), stream.last_entry_id)


def first_of(found: Iterator[Row], otherwise: StreamID) -> StreamID:
    """The id of the first of some rows."""
    row = next(found, None)
    return otherwise if row is None else StreamID.decode(row[0][-ENTRY_SUB_SIZE:])


def set_id(
    txn: Transaction, stream: Stream, last_id: StreamID, entries_added: int | None, max_deleted_id: StreamID
) -> None:
    """XSETID. A `max_deleted_id` of 0-0 leaves that one as it is. Raises XSetIDError."""
    if last_id < stream.max_deleted_id:
        raise XSetIDError("The ID specified in XSETID is smaller than current max_deleted_entry_id")
    if stream.size:
        if last_id < first_of(rows(txn, stream, reverse=True), FIRST):
            raise XSetIDError("The ID specified in XSETID is smaller than the target stream top item")
        if entries_added is not None and entries_added < stream.size:
            raise XSetIDError("The entries_added specified in XSETID is smaller than the target stream length")
    stream.last_id = last_id
    if entries_added is not None:
        stream.entries_added = entries_added
    if max_deleted_id != FIRST:
        stream.max_deleted_id = max_deleted_id
    stream.store(txn)


# -- reading


def rows(
    txn: Transaction, stream: Stream, start: StreamID = FIRST, end: StreamID = LAST, *, reverse: bool = False
) -> Iterator[Row]:
    """The rows of the entries from id `start` to id `end`, both included, as they are now; from the end when
    `reverse`."""
    start, end = max(start, stream.first_id), min(end, stream.last_entry_id)
    if stream.m.size == 0 or start > end:
        return iter(())
    begin = stream.key_of(txn, start.encode())
    found = txn.scan(CF_STREAM, begin, stream.key_of(txn, end.encode()) + b"\0", reverse)
    if end.ms < U64_MAX:
        return found
    return (row for row in found if len(row[0]) == len(begin))  # rows of consumer groups are among them


def get(txn: Transaction, stream: Stream, ids: list[StreamID]) -> list[bytes | None]:
    """The values of entries, None for those that do not exist."""
    return txn.get_many(CF_STREAM, [stream.key_of(txn, entry_id.encode()) for entry_id in ids])


def count(txn: Transaction, stream: Stream, start: StreamID, end: StreamID) -> int:
    """How many entries have ids from `start` to `end`: counted inside or outside, whichever ends first."""
    if start > end:
        return 0
    if start <= stream.first_id and end >= stream.last_entry_id:
        return stream.size
    before = rows(txn, stream, FIRST, start.before()) if start != FIRST else iter(())
    after = rows(txn, stream, end.after(), LAST) if end != LAST else iter(())
    inside = rows(txn, stream, start, end)
    counted = outside = 0
    sides = [before, after]
    while True:
        if next(inside, None) is None:
            return counted
        counted += 1
        while sides and next(sides[-1], None) is None:
            sides.pop()
        if not sides:
            return stream.size - outside
        outside += 1


def show(found: Iterator[Row], limit: int | None = None) -> Iterator[tuple[bytes, list[bytes]]]:
    """(id as clients see it, names and values in turn) of rows, at most `limit`. Raises CorruptionError."""
    return (stream_entry(storage_key, value) for storage_key, value in islice(found, limit))


# -- how far a group has read


def has_deleted_after(stream: Stream, start: StreamID) -> bool:
    """Whether an entry with an id from `start` on may have been deleted from among those that are there."""
    return stream.size > 0 and max(start, stream.first_id) <= stream.max_deleted_id != FIRST


def entries_up_to(stream: Stream, entry_id: StreamID) -> int:
    """How many of all the entries ever added have ids up to `entry_id`; ENTRIES_READ_UNKNOWN if that cannot be said
    without counting."""
    if stream.entries_added == 0:
        return 0
    if stream.size == 0 and entry_id <= stream.last_id:
        return stream.entries_added
    if entry_id == stream.last_id:
        return stream.entries_added
    if entry_id > stream.last_id:
        return ENTRIES_READ_UNKNOWN
    if stream.max_deleted_id == FIRST or stream.max_deleted_id < stream.first_id:
        if entry_id < stream.first_id:
            return stream.entries_added - stream.size
        if entry_id == stream.first_id:
            return stream.entries_added - stream.size + 1
    return ENTRIES_READ_UNKNOWN


def lag(stream: Stream, last_id: StreamID, entries_read: int) -> int | None:
    """How many entries a group that has read up to `last_id` has not read yet; None if that is not known."""
    if stream.entries_added == 0:
        return 0
    if entries_read == ENTRIES_READ_UNKNOWN or has_deleted_after(stream, last_id):
        entries_read = entries_up_to(stream, last_id)
    return None if entries_read == ENTRIES_READ_UNKNOWN else stream.entries_added - entries_read
