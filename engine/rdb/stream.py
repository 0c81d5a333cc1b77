"""Streams in payloads: entries in listpacks of some hundred, then the stream's counters, its groups and consumers.

    stream   = length(nodes), (string(key), string(listpack))*, length(entries), id last
               , [id first, id max_deleted, length(entries_added)]            since version 2
               , length(groups), group*
    group    = string(name), id last_delivered
               , [length(entries_read)]                                       since version 2; 2^64 - 1: not known
               , length(pending), (key, u64le time, length(count))*
               , length(consumers), consumer*
    consumer = string(name), u64le seen
               , [u64le active]                                               since version 3; 2^64 - 1: never
               , length(pending), key*
    id = length(ms), length(seq);  key = u64be ms, u64be seq;  times in ms since 1970

A node's listpack begins with the numbers of living and of deleted entries and of fields, the fields, 0. Then for each
entry, whose id is the node's key plus the differences (modulo 2^64):

    entry = flags, ms difference, seq difference, (value* | number of fields, (field, value)*), elements in front
    flags : 1 deleted, 2 has the fields of the node
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

from slotrocks.engine._engine import parse_int
from slotrocks.engine.rdb.listpack import decode_listpack, encode_listpack
from slotrocks.engine.rdb.reader import FormatError, Reader
from slotrocks.engine.rdb.values import Consumer, Delivery, Group, StreamId, StreamValue
from slotrocks.engine.rdb.writer import add_strings, encode_length

NO_ID: StreamId = (0, 0)
U64_MAX = 2**64 - 1
FLAG_DELETED, FLAG_SAME_FIELDS = 1, 2
NEVER_MS = -1
ENTRIES_READ_UNKNOWN = -1
# What Redis puts into a node by default (stream-node-max-entries, stream-node-max-bytes).
NODE_ENTRIES_MAX = 100
NODE_BYTES_MAX = 4096

_KEY = struct.Struct(">QQ")
_TIME = struct.Struct("<q")


def decode_stream(reader: Reader, version: int) -> StreamValue:
    """The stream that follows. Raises FormatError."""
    entries: list[tuple[StreamId, list[bytes]]] = []
    nodes = reader.length()
    while nodes > 0:
        key, listpack = reader.string(), reader.string()
        if len(key) != _KEY.size:
            raise FormatError("stream: no id of a node")
        entries += node_entries(_KEY.unpack(key), decode_listpack(listpack))
        nodes -= 1
    if reader.length() != len(entries):
        raise FormatError("stream: wrong number of entries")
    if any(a >= b for (a, _), (b, _) in pairwise(entries)):
        raise FormatError("stream: not ascending")
    last_id = stream_id(reader)
    if entries and entries[-1][0] > last_id:
        raise FormatError("stream: an entry after the last id")
    max_deleted, entries_added = NO_ID, len(entries)
    if version >= 2:
        stream_id(reader)  # the first entry's, which is known
        max_deleted, entries_added = stream_id(reader), reader.length()
    stream = StreamValue(entries, last_id, max_deleted, entries_added)
    names = set()
    groups = reader.length()
    while groups > 0:
        group = decode_group(reader, version)
        names.add(group.name)
        stream.groups.append(group)
        groups -= 1
    if len(names) != len(stream.groups):
        raise FormatError("stream: a group twice")
    return stream


def stream_id(reader: Reader) -> StreamId:
    """An id in two lengths."""
    return reader.length(), reader.length()


def pending_key(reader: Reader) -> StreamId:
    """An id in 16 bytes."""
    ms, sequence = _KEY.unpack(reader.take(_KEY.size))
    return ms, sequence


def time_ms(reader: Reader) -> int:
    """A time, which the clock of another machine may have had before 1970."""
    (ms,) = _TIME.unpack(reader.take(_TIME.size))
    return int(ms)


def node_entries(base: tuple[int, ...], elements: list[bytes]) -> list[tuple[StreamId, list[bytes]]]:
    """The living entries of a node."""
    words = iter(elements)
    count, deleted, shared = (number(words) for _ in range(3))
    if not 0 <= shared <= len(elements):
        raise FormatError("stream: wrong number of fields")
    names = [word(words) for _ in range(shared)]
    if number(words) != 0:
        raise FormatError("stream: no end of a node's fields")
    found_deleted = 0
    found: list[tuple[StreamId, list[bytes]]] = []
    while found_deleted + len(found) < count + deleted:
        flags = number(words)
        entry_id = (base[0] + number(words)) & U64_MAX, (base[1] + number(words)) & U64_MAX
        if flags & FLAG_SAME_FIELDS:
            pairs = [each for name in names for each in (name, word(words))]
            size = 3 + len(names)
        else:
            fields = number(words)
            if not 0 <= fields <= len(elements):
                raise FormatError("stream: wrong number of fields")
            pairs = [word(words) for _ in range(2 * fields)]
            size = 4 + 2 * fields
        if number(words) != size:
            raise FormatError("stream: wrong size of an entry")
        if flags & FLAG_DELETED:
            found_deleted += 1
        elif not pairs:
            raise FormatError("stream: an entry without fields")
        else:
            found.append((entry_id, pairs))
    if found_deleted != deleted or next(words, None) is not None:
        raise FormatError("stream: wrong number of entries in a node")
    return found


def word(words: Iterator[bytes]) -> bytes:
    """The next element of a node."""
    found = next(words, None)
    if found is None:
        raise FormatError("stream: truncated node")
    return found


def number(words: Iterator[bytes]) -> int:
    """The next element of a node, an integer."""
    try:
        return parse_int(word(words))
    except ValueError:
        raise FormatError("stream: no number") from None


def decode_group(reader: Reader, version: int) -> Group:
    """A group with its consumers and what they have not acknowledged."""
    name, last_delivered = reader.string(), stream_id(reader)
    entries_read = ENTRIES_READ_UNKNOWN
    if version >= 2:
        entries_read = reader.length()
        entries_read = ENTRIES_READ_UNKNOWN if entries_read > U64_MAX >> 1 else entries_read
    group = Group(name, last_delivered, entries_read)
    unowned: dict[StreamId, tuple[int, int]] = {}
    count = reader.length()
    while count > 0:
        key = pending_key(reader)
        if key in unowned:
            raise FormatError("stream: an entry is pending twice")
        unowned[key] = time_ms(reader), reader.length()
        count -= 1
    names = set()
    owners: dict[StreamId, bytes] = {}
    consumers = reader.length()
    while consumers > 0:
        consumer = Consumer(reader.string(), time_ms(reader), NEVER_MS)
        consumer.active_ms = time_ms(reader) if version >= 3 else consumer.seen_ms
        names.add(consumer.name)
        group.consumers.append(consumer)
        count = reader.length()
        while count > 0:
            key = pending_key(reader)
            if key not in unowned or key in owners:
                raise FormatError("stream: a consumer's entry that is not pending")
            owners[key] = consumer.name
            count -= 1
        consumers -= 1
    if len(names) != len(group.consumers) or len(owners) != len(unowned):
        raise FormatError("stream: a consumer twice, or a pending entry without one")
    group.pending = {key: Delivery(owners[key], *unowned[key]) for key in sorted(unowned)}
    return group


# -- writing, in version 2


def add_stream(parts: list[bytes], stream: StreamValue) -> None:
    """Appends a stream to what will be a payload."""
    nodes = list(nodes_of(stream.entries))
    parts.append(encode_length(len(nodes)))
    for node in nodes:
        add_strings(parts, (_KEY.pack(*node[0][0]), encode_node(node)))
    first = stream.entries[0][0] if stream.entries else NO_ID
    numbers = (len(stream.entries), *stream.last_id, *first, *stream.max_deleted, stream.entries_added)
    parts += map(encode_length, (*numbers, len(stream.groups)))
    for group in stream.groups:
        add_group(parts, group)


def nodes_of(entries: list[tuple[StreamId, list[bytes]]]) -> Iterator[list[tuple[StreamId, list[bytes]]]]:
    """The entries as they are divided among nodes."""
    node: list[tuple[StreamId, list[bytes]]] = []
    size = 0
    for entry in entries:
        size += sum(map(len, entry[1]))
        if node and (len(node) == NODE_ENTRIES_MAX or size > NODE_BYTES_MAX):
            yield node
            node, size = [], sum(map(len, entry[1]))
        node.append(entry)
    if node:
        yield node


def encode_node(entries: list[tuple[StreamId, list[bytes]]]) -> bytes:
    """A node's listpack. Its fields are those of the first entry."""
    base, pairs = entries[0]
    names = pairs[::2]
    elements: list[bytes | int] = [len(entries), 0, len(names), *names, 0]
    for (ms, sequence), pairs in entries:
        difference = signed(ms - base[0]), signed(sequence - base[1])
        if pairs[::2] == names:
            elements += (FLAG_SAME_FIELDS, *difference, *pairs[1::2], 3 + len(names))
        else:
            elements += (0, *difference, len(pairs) // 2, *pairs, 4 + len(pairs))
    return encode_listpack(elements)


def signed(difference: int) -> int:
    """A difference modulo 2^64 as a signed integer, which is what listpacks can hold."""
    difference &= U64_MAX
    return difference - (1 << 64) if difference >> 63 else difference


def add_group(parts: list[bytes], group: Group) -> None:
    """Appends a group."""
    add_strings(parts, (group.name,))
    parts += map(encode_length, (*group.last_delivered, group.entries_read & U64_MAX, len(group.pending)))
    owned: dict[bytes, list[bytes]] = {consumer.name: [] for consumer in group.consumers}
    for key, delivery in group.pending.items():
        parts += (_KEY.pack(*key), _TIME.pack(delivery.time_ms), encode_length(delivery.count))
        owned[delivery.consumer].append(_KEY.pack(*key))
    parts.append(encode_length(len(group.consumers)))
    for consumer in group.consumers:
        add_strings(parts, (consumer.name,))
        keys = owned[consumer.name]
        parts += (_TIME.pack(consumer.seen_ms), encode_length(len(keys)), *keys)
