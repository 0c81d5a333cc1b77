"""Consumer groups of streams: a row for each group, each consumer, each entry that is pending (streams_rows.py).

The group's row counts its consumers and pending entries, a consumer's row its pending entries. OpenGroup keeps these
counts right while entries change hands, and writes the rows that changed once, at the end.

Nothing here touches the key: whoever waits for new entries, or watches the stream, is not concerned.
"""

from __future__ import annotations

from collections.abc import Iterator

from slotrocks.engine._engine import CF_STREAM, Transaction, prefix_end
from slotrocks.engine.types import streams_rows
from slotrocks.engine.types.streams import Stream
from slotrocks.engine.types.streams_ids import FIRST, LAST, StreamID
from slotrocks.engine.types.streams_rows import ENTRY_SUB_SIZE, Consumer, Group, Pending


def find(txn: Transaction, stream: Stream, name: bytes) -> Group | None:
    """A group, or None."""
    if stream.groups == 0:
        return None
    value = txn.get(CF_STREAM, stream.key_of(txn, streams_rows.group_sub(name)))
    return None if value is None else streams_rows.decode_group(name, value)


def groups(txn: Transaction, stream: Stream) -> list[Group]:
    """All groups of a stream, by name."""
    if stream.groups == 0:
        return []
    prefix = stream.key_of(txn, streams_rows.groups_prefix())
    name_at = len(prefix) + 8
    entry_size = len(stream.key_of(txn, b"")) + ENTRY_SUB_SIZE  # entries of the last millisecond begin the same way
    return sorted(
        streams_rows.decode_group(storage_key[name_at:], value)
        for storage_key, value in txn.scan(CF_STREAM, prefix, prefix_end(prefix))
        if len(storage_key) != entry_size
    )


def create(txn: Transaction, stream: Stream, name: bytes, last_id: StreamID, entries_read: int) -> bool:
    """Adds a group, and stores the metadata. False if there is one with this name."""
    if find(txn, stream, name) is not None:
        return False
    streams_rows.put(txn, stream.m, Group(name, last_id, entries_read))
    stream.groups += 1
    stream.store(txn)
    return True


def destroy(txn: Transaction, stream: Stream, name: bytes) -> bool:
    """Removes a group with all that belongs to it, and stores the metadata. False if there is none."""
    if find(txn, stream, name) is None:
        return False
    txn.delete(CF_STREAM, stream.key_of(txn, streams_rows.group_sub(name)))
    for prefix in (streams_rows.consumers_prefix(name), streams_rows.pending_prefix(name)):
        begin = stream.key_of(txn, prefix)
        streams_rows.delete_range(txn, begin, prefix_end(begin))
    stream.groups -= 1
    stream.store(txn)
    return True


def set_id(txn: Transaction, stream: Stream, group: Group, last_id: StreamID, entries_read: int) -> None:
    """Has a group read on behind `last_id`."""
    streams_rows.put(txn, stream.m, group._replace(last_id=last_id, entries_read=entries_read))


# -- consumers


def find_consumer(txn: Transaction, stream: Stream, group: bytes, name: bytes) -> Consumer | None:
    """A consumer of a group, or None."""
    value = txn.get(CF_STREAM, stream.key_of(txn, streams_rows.consumer_sub(group, name)))
    return None if value is None else streams_rows.decode_consumer(group, name, value)


def consumers(txn: Transaction, stream: Stream, group: bytes) -> list[Consumer]:
    """All consumers of a group, by name."""
    prefix = stream.key_of(txn, streams_rows.consumers_prefix(group))
    name_at = len(prefix) + 8
    return sorted(
        streams_rows.decode_consumer(group, storage_key[name_at:], value)
        for storage_key, value in txn.scan(CF_STREAM, prefix, prefix_end(prefix))
    )


def create_consumer(txn: Transaction, stream: Stream, group: Group, name: bytes) -> bool:
    """Adds a consumer. False if there is one with this name."""
    if find_consumer(txn, stream, group.name, name) is not None:
        return False
    opened = OpenGroup(txn, stream, group)
    opened.see(name)
    opened.close()
    return True


def delete_consumer(txn: Transaction, stream: Stream, group: Group, name: bytes) -> int:
    """Removes a consumer and what is pending for it; how many entries that were."""
    consumer = find_consumer(txn, stream, group.name, name)
    if consumer is None:
        return 0
    for row in list(pending_of(txn, stream, consumer)):
        txn.delete(CF_STREAM, stream.key_of(txn, streams_rows.pending_sub(group.name, row.id)))
    txn.delete(CF_STREAM, stream.key_of(txn, streams_rows.consumer_sub(group.name, name)))
    left = group._replace(consumers=group.consumers - 1, pending=group.pending - consumer.pending)
    streams_rows.put(txn, stream.m, left)
    return consumer.pending


# -- pending entries


def pending(
    txn: Transaction, stream: Stream, group: bytes, start: StreamID = FIRST, end: StreamID = LAST, *,
    reverse: bool = False,
) -> Iterator[Pending]:  # fmt: skip
    """The pending entries of a group with ids from `start` to `end`, both included, as they are now."""
    if start > end:
        return iter(())
    prefix = stream.key_of(txn, streams_rows.pending_prefix(group))
    rows = txn.scan(CF_STREAM, prefix + start.encode(), prefix + end.encode() + b"\0", reverse)
    decode, id_at = streams_rows.decode_pending, len(prefix)
    return (decode(group, StreamID.decode(storage_key[id_at:]), value) for storage_key, value in rows)


def pending_of(
    txn: Transaction, stream: Stream, consumer: Consumer, start: StreamID = FIRST, end: StreamID = LAST
) -> Iterator[Pending]:
    """The same of one consumer. They are in no place of their own: those of the others are passed over."""
    left = consumer.pending
    if left == 0:
        return
    for row in pending(txn, stream, consumer.group, start, end):
        if row.consumer == consumer.name:
            yield row
            left -= 1
            if left == 0:
                return


def find_pending(txn: Transaction, stream: Stream, group: bytes, ids: list[StreamID]) -> list[Pending | None]:
    """The pending entries with these ids, None for each that is not pending."""
    keys = [stream.key_of(txn, streams_rows.pending_sub(group, entry_id)) for entry_id in ids]
    return [
        None if value is None else streams_rows.decode_pending(group, entry_id, value)
        for entry_id, value in zip(ids, txn.get_many(CF_STREAM, keys), strict=True)
    ]


class OpenGroup:
    """A group in which entries change hands. close() writes its row and those of the consumers concerned."""

    def __init__(self, txn: Transaction, stream: Stream, group: Group) -> None:
        self.txn = txn
        self.stream = stream
        self.name = group.name
        self.last_id = group.last_id
        self.entries_read = group.entries_read
        self._group = group
        self._created = 0
        self.pending = group.pending
        self._consumers: dict[bytes, Consumer] = {}
        self._before: dict[bytes, Consumer] = {}

    def see(self, name: bytes) -> Consumer:
        """A consumer did something: creates it if need be, notes the time."""
        found = self._find(name)
        if found is None:
            self._created += 1
            found = Consumer(self.name, name, 0)
        found = self._consumers[name] = found._replace(seen_ms=self.txn.now_ms)
        return found

    def assign(
        self, entry_id: StreamID, before: Pending | None, consumer: bytes, delivered_ms: int, deliveries: int
    ) -> None:
        """Makes an entry pending for a consumer that see() knows, and which is active now; `before` is what it was."""
        row = Pending(self.name, entry_id, consumer, delivered_ms, deliveries)
        streams_rows.put(self.txn, self.stream.m, row)
        if before is None:
            self.pending += 1
        if before is None or before.consumer != consumer:
            self._count(consumer, 1)
            if before is not None:
                self._count(before.consumer, -1)
        self._consumers[consumer] = self._consumers[consumer]._replace(active_ms=self.txn.now_ms)

    def deliver_again(self, row: Pending) -> None:
        """Notes that a pending entry was given to its consumer once more."""
        again = row._replace(delivered_ms=self.txn.now_ms, deliveries=row.deliveries + 1)
        streams_rows.put(self.txn, self.stream.m, again)

    def release(self, row: Pending) -> None:
        """Makes an entry pending no more."""
        self.txn.delete(CF_STREAM, self.stream.key_of(self.txn, streams_rows.pending_sub(self.name, row.id)))
        self.pending -= 1
        self._count(row.consumer, -1)

    def close(self) -> None:
        """Writes the rows that changed."""
        group = self._group._replace(
            last_id=self.last_id, entries_read=self.entries_read, consumers=self._group.consumers + self._created,
            pending=self.pending,
        )  # fmt: skip
        if group != self._group:
            streams_rows.put(self.txn, self.stream.m, group)
        for name, consumer in self._consumers.items():
            if consumer != self._before.get(name):
                streams_rows.put(self.txn, self.stream.m, consumer)

    def _find(self, name: bytes) -> Consumer | None:
        found = self._consumers.get(name)
        if found is None:
            found = find_consumer(self.txn, self.stream, self.name, name)
            if found is not None:
                self._consumers[name] = self._before[name] = found
        return found

    def _count(self, name: bytes, change: int) -> None:
        found = self._find(name)
        if found is not None:
            self._consumers[name] = found._replace(pending=found.pending + change)
