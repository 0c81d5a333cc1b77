"""A whole stream as a plain value, and back: what DUMP, RESTORE and migrations by command need.

    state = streams_state.read(txn, metadata)          everything, in memory: entries are as large as they are
    streams_state.write(txn, key, state, expire_ms)    a stream with this state, over whatever the key held

Whoever walks over the rows itself (a sender with a snapshot, one row after the other) decodes them by
streams_rows.decode_row(), and the metadata's payload by layout.StreamState.

The parts are those of streams_rows: Entry(id, fields), Group(name, last_id, entries_read), Consumer(group, name,
seen_ms, active_ms), Pending(group, id, consumer, delivered_ms, deliveries). The counts in groups and consumers are made
anew by write(). Where Redis has nothing, so have these: entries_read and active_ms are -1 when unknown or never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from slotrocks.engine._engine import CF_STREAM, Metadata, Transaction, encode_stream_fields
from slotrocks.engine.types import streams
from slotrocks.engine.types.streams_ids import FIRST, StreamID
from slotrocks.engine.types.streams_rows import Consumer, Entry, Group, Pending, Row, decode_row, put


@dataclass(slots=True)
class GroupState:
    """A consumer group with all that belongs to it. `pending` is in the order of ids, `consumers` in that of names."""

    name: bytes
    last_id: StreamID
    entries_read: int
    consumers: list[Consumer] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)


@dataclass(slots=True)
class StreamWhole:
    """A stream with all that belongs to it. `entries` is in the order of ids, `groups` in that of names."""

    last_id: StreamID = FIRST
    max_deleted_id: StreamID = FIRST
    entries_added: int = 0
    entries: list[Entry] = field(default_factory=list)
    groups: list[GroupState] = field(default_factory=list)


def read(txn: Transaction, m: Metadata) -> StreamWhole:
    """The state of the stream whose metadata is `m`. Raises CorruptionError."""
    begin, end = txn.codec.subkey_range(m.key, m.version)
    found = txn.scan(CF_STREAM, begin, end)
    return of_rows(m, (decode_row(storage_key[len(begin) :], value) for storage_key, value in found))


def of_rows(m: Metadata, rows: Iterable[Row]) -> StreamWhole:
    """The state of a stream with metadata `m` and these rows, in the order of their keys. Rows of a group that does not
    exist are left out."""
    stream = streams.of(m)
    state = StreamWhole(stream.last_id, stream.max_deleted_id, stream.entries_added)
    groups: dict[bytes, GroupState] = {}
    for row in rows:
        if isinstance(row, Entry):
            state.entries.append(row)
        elif isinstance(row, Group):
            groups[row.name] = GroupState(row.name, row.last_id, row.entries_read)
        elif (group := groups.get(row.group)) is not None:
            if isinstance(row, Consumer):
                group.consumers.append(row)
            else:
                group.pending.append(row)
    state.groups = [groups[name] for name in sorted(groups)]
    for group in state.groups:
        group.consumers.sort(key=lambda consumer: consumer.name)
    return state


def write(txn: Transaction, key: bytes, state: StreamWhole, expire_ms: int = 0) -> None:
    """Makes the key a stream with this state, whatever it was. `expire_ms` is absolute, 0 for none. Entries and pending
    entries must be in the order of their ids, without duplicates, and each pending entry's consumer among the group's.
    Raises ValueError if a field is too long."""
    stream = streams.create(txn, key)
    stream.m.expire_ms = expire_ms
    stream.m.size = len(state.entries)
    stream.last_id, stream.max_deleted_id = state.last_id, state.max_deleted_id
    stream.entries_added, stream.groups = state.entries_added, len(state.groups)
    if state.entries:
        stream.first_id, stream.last_entry_id = state.entries[0].id, state.entries[-1].id
    stream.store(txn)  # before the rows: what it clears away may be a range
    for entry in state.entries:
        txn.put(CF_STREAM, stream.key_of(txn, entry.id.encode()), encode_stream_fields(entry.fields))
    for group in state.groups:
        counts = Counter(pending.consumer for pending in group.pending)
        put(
            txn, stream.m,
            Group(group.name, group.last_id, group.entries_read, len(group.consumers), len(group.pending)),
        )  # fmt: skip
        for consumer in group.consumers:
            put(txn, stream.m, consumer._replace(group=group.name, pending=counts[consumer.name]))
        for pending in group.pending:
            put(txn, stream.m, pending._replace(group=group.name))
