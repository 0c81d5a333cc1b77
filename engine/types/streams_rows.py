"""The rows of a stream in column family stream, as Apache Kvrocks 2.10 writes them, and what they mean.

| row      | sub-key                                        | value                                                    |
|----------|------------------------------------------------|----------------------------------------------------------|
| entry    | u64 ms, u64 seq                                | see stream_entry.pxi                                     |
| group    | u64 MAX, u8 1, u64 len, group                  | u64 consumers, u64 pending, u64 last ms, u64 last seq,   |
|          |                                                | i64 entries read, u64 lag (0: it is computed)            |
| consumer | u64 MAX, u8 2, u64 len, group, u64 len, name   | u64 pending, u64 seen ms, u64 active ms (0 = never)      |
| pending  | u64 MAX, u8 3, u64 len, group, u64 ms, u64 seq | u64 delivered ms, u64 deliveries, u64 len, consumer      |

In key order entries come first, then groups, consumers, pending entries; but entries of the last millisecond that there
is (ms = MAX) are in between. They are told apart by their length: 16 bytes, and every other sub-key is longer.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from slotrocks.engine._engine import CF_STREAM, CorruptionError, Metadata, Transaction, decode_stream_fields
from slotrocks.engine.types.streams_ids import U64_MAX, StreamID

ENTRY_SUB_SIZE = 16
ENTRIES_READ_UNKNOWN = -1
NEVER_ACTIVE = -1
# More rows than this are deleted by a range deletion, which costs later reads.
ROWS_DELETED_ONE_BY_ONE_MAX = 64

_U64 = struct.Struct(">Q")
_GROUP = struct.Struct(">QQQQqQ")
_CONSUMER = struct.Struct(">QQQ")
_PENDING = struct.Struct(">QQQ")
_MARK = _U64.pack(U64_MAX)
_GROUP_MARK, _CONSUMER_MARK, _PENDING_MARK = (_MARK + bytes([kind]) for kind in (1, 2, 3))
_NAME_AT = len(_GROUP_MARK) + 8


class Entry(NamedTuple):
    """One entry: names and values in turn."""

    id: StreamID
    fields: list[bytes]


class Group(NamedTuple):
    """A consumer group's own row. `entries_read` is how many entries of all that were ever added precede and include
    `last_id`, ENTRIES_READ_UNKNOWN if that is not known."""

    name: bytes
    last_id: StreamID
    entries_read: int = ENTRIES_READ_UNKNOWN
    consumers: int = 0
    pending: int = 0

    def encode(self) -> bytes:
        return _GROUP.pack(self.consumers, self.pending, *self.last_id, self.entries_read, 0)


class Consumer(NamedTuple):
    """A consumer's row. Times are Unix ms: the last attempt to read or claim, and the last success or NEVER_ACTIVE."""

    group: bytes
    name: bytes
    seen_ms: int
    active_ms: int = NEVER_ACTIVE
    pending: int = 0

    def encode(self) -> bytes:
        return _CONSUMER.pack(self.pending, self.seen_ms, max(self.active_ms, 0))


class Pending(NamedTuple):
    """An entry that was delivered to a consumer and not acknowledged; the entry itself may be gone."""

    group: bytes
    id: StreamID
    consumer: bytes
    delivered_ms: int
    deliveries: int

    def encode(self) -> bytes:
        return _PENDING.pack(self.delivered_ms, self.deliveries, len(self.consumer)) + self.consumer


Row = Entry | Group | Consumer | Pending


# -- sub-keys


def group_sub(group: bytes) -> bytes:
    """The sub-key of a group's row."""
    return _GROUP_MARK + _U64.pack(len(group)) + group


def groups_prefix() -> bytes:
    """What the sub-keys of all groups begin with; those of some entries do, too (see above)."""
    return _GROUP_MARK


def consumers_prefix(group: bytes) -> bytes:
    """What the sub-keys of all consumers of a group begin with, and no others."""
    return _CONSUMER_MARK + _U64.pack(len(group)) + group


def consumer_sub(group: bytes, name: bytes) -> bytes:
    """The sub-key of a consumer's row."""
    return consumers_prefix(group) + _U64.pack(len(name)) + name


def pending_prefix(group: bytes) -> bytes:
    """What the sub-keys of all pending entries of a group begin with, and no others."""
    return _PENDING_MARK + _U64.pack(len(group)) + group


def pending_sub(group: bytes, entry_id: StreamID) -> bytes:
    """The sub-key of a pending entry's row."""
    return pending_prefix(group) + entry_id.encode()


# -- decoding


def decode_row(sub: bytes, value: bytes) -> Row:
    """Any row of a stream. Raises CorruptionError."""
    try:
        if len(sub) == ENTRY_SUB_SIZE:
            return Entry(StreamID.decode(sub), decode_stream_fields(value))
        mark = sub[: len(_GROUP_MARK)]
        group, rest = _take_name(sub, len(_GROUP_MARK))
        if mark == _GROUP_MARK and not rest:
            return decode_group(group, value)
        if mark == _CONSUMER_MARK:
            name, rest = _take_name(rest, 0)
            if not rest:
                return decode_consumer(group, name, value)
        if mark == _PENDING_MARK:
            return decode_pending(group, StreamID.decode(rest), value)
    except struct.error:
        pass
    raise CorruptionError(f"not a row of a stream: {sub!r} -> {value!r}")


def _take_name(data: bytes, at: int) -> tuple[bytes, bytes]:
    """(the name that `data` has at `at` behind its length, what follows)."""
    (size,) = _U64.unpack_from(data, at)
    end = at + 8 + size
    if end > len(data):
        raise struct.error
    return data[at + 8 : end], data[end:]


def decode_group(name: bytes, value: bytes) -> Group:
    """A group's row. Raises struct.error."""
    consumers, pending, ms, seq, entries_read, _ = _GROUP.unpack(value)
    return Group(name, StreamID(ms, seq), entries_read, consumers, pending)


def decode_consumer(group: bytes, name: bytes, value: bytes) -> Consumer:
    """A consumer's row. Raises struct.error."""
    pending, seen_ms, active_ms = _CONSUMER.unpack(value)
    return Consumer(group, name, seen_ms, active_ms or NEVER_ACTIVE, pending)


def decode_pending(group: bytes, entry_id: StreamID, value: bytes) -> Pending:
    """A pending entry's row. Raises struct.error."""
    delivered_ms, deliveries, _ = _PENDING.unpack_from(value)
    return Pending(group, entry_id, value[_PENDING.size :], delivered_ms, deliveries)


# -- writing


def put(txn: Transaction, m: Metadata, row: Group | Consumer | Pending) -> None:
    """Writes a row of a consumer group."""
    if isinstance(row, Group):
        sub = group_sub(row.name)
    elif isinstance(row, Consumer):
        sub = consumer_sub(row.group, row.name)
    else:
        sub = pending_sub(row.group, row.id)
    txn.put(CF_STREAM, txn.codec.subkey(m.key, m.version, sub), row.encode())


def delete_range(txn: Transaction, begin: bytes, end: bytes, one_by_one_max: int = ROWS_DELETED_ONE_BY_ONE_MAX) -> None:
    """Deletes the rows from storage key `begin` to before `end`: one by one while they are few."""
    few = []
    for storage_key, _ in txn.scan(CF_STREAM, begin, end):
        few.append(storage_key)
        if len(few) > one_by_one_max:
            txn.delete_range(CF_STREAM, begin, end)
            return
    for storage_key in few:
        txn.delete(CF_STREAM, storage_key)
