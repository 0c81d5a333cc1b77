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
from slotrocks.engine.rdb.writer import add_strings, encode_length
from slotrocks.engine.types.streams_ids import FIRST, U64_MAX, StreamID
from slotrocks.engine.types.streams_rows import ENTRIES_READ_UNKNOWN, NEVER_ACTIVE, Consumer, Entry, Pending
from slotrocks.engine.types.streams_state import GroupState, StreamWhole

FLAG_DELETED, FLAG_SAME_FIELDS = 1, 2
# What Redis puts into a node by default (stream-node-max-entries, stream-node-max-bytes).
NODE_ENTRIES_MAX = 100
NODE_BYTES_MAX = 4096

ID_BYTES = 16
COUNTER_MAX = 2**62
_TIME = struct.Struct("<q")


def decode_stream(reader: Reader, version: int) -> StreamWhole:
    """The stream that follows. Raises FormatError."""
    stream = StreamWhole()
    entries = stream.entries
    nodes = reader.length()
    while nodes > 0:
        key, listpack = reader.string(), reader.string()
        if len(key) != ID_BYTES:
            raise FormatError("stream: no id of a node")
        entries += node_entries(StreamID.decode(key), decode_listpack(listpack))
        nodes -= 1
    if reader.length() != len(entries):
        raise FormatError("stream: wrong number of entries")
    if any(a.id >= b.id for a, b in pairwise(entries)):
        raise FormatError("stream: not ascending")
    stream.last_id, stream.entries_added = stream_id(reader), len(entries)
    if entries and (entries[0].id == FIRST or entries[-1].id > stream.last_id):
        raise FormatError("stream: an impossible id")
    if version >= 2:
        stream_id(reader)  # the first entry's, which is known
        stream.max_deleted_id, stream.entries_added = stream_id(reader), counter(reader)
    groups = reader.length()
    while groups > 0:
        stream.groups.append(decode_group(reader, version))
        groups -= 1
    stream.groups.sort(key=lambda group: group.name)
    if any(a.name == b.name for a, b in pairwise(stream.groups)):
        raise FormatError("stream: a group twice")
    return stream


def stream_id(reader: Reader) -> StreamID:
    """An id in two lengths."""
    return StreamID(reader.length(), reader.length())


def pending_id(reader: Reader) -> StreamID:
    """An id in 16 bytes."""
    return StreamID.decode(reader.take(ID_BYTES))


def counter(reader: Reader, unknown: int = 0) -> int:
    """What is counted up from here on, and has room for that; `unknown` for 2^64 - 1, if that may stand there."""
    count = reader.length()
    if count == U64_MAX and unknown:
        return unknown
    if count > COUNTER_MAX:
        raise FormatError("stream: impossible count")
    return count


def time_ms(reader: Reader) -> int:
    """A time. -1, as any other before 1970, stands for never."""
    (ms,) = _TIME.unpack(reader.take(_TIME.size))
    return max(int(ms), NEVER_ACTIVE)


def node_entries(base: StreamID, elements: list[bytes]) -> list[Entry]:
    """The living entries of a node."""
    words = iter(elements)
    count, deleted, shared = (number(words) for _ in range(3))
    if not 0 <= shared <= len(elements):
        raise FormatError("stream: wrong number of fields")
    names = [word(words) for _ in range(shared)]
    if number(words) != 0:
        raise FormatError("stream: no end of a node's fields")
    found_deleted = 0
    found: list[Entry] = []
    while found_deleted + len(found) < count + deleted:
        flags = number(words)
        entry_id = StreamID((base.ms + number(words)) & U64_MAX, (base.seq + number(words)) & U64_MAX)
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
            found.append(Entry(entry_id, pairs))
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


def decode_group(reader: Reader, version: int) -> GroupState:
    """A group with its consumers and what they have not acknowledged."""
    group = GroupState(reader.string(), stream_id(reader), ENTRIES_READ_UNKNOWN)
    if version >= 2:
        group.entries_read = counter(reader, unknown=ENTRIES_READ_UNKNOWN)
    deliveries: dict[StreamID, tuple[int, int]] = {}
    count = declared = reader.length()
    while count > 0:
        entry_id = pending_id(reader)
        deliveries[entry_id] = max(time_ms(reader), 0), counter(reader)
        count -= 1
    if len(deliveries) != declared:
        raise FormatError("stream: an entry is pending twice")
    consumers = reader.length()
    while consumers > 0:
        name, seen_ms = reader.string(), max(time_ms(reader), 0)
        active_ms = time_ms(reader) if version >= 3 else seen_ms
        group.consumers.append(Consumer(group.name, name, seen_ms, active_ms))
        count = reader.length()
        while count > 0:
            entry_id = pending_id(reader)
            delivery = deliveries.pop(entry_id, None)
            if delivery is None:
                raise FormatError("stream: a consumer's entry that is not pending, or is another one's")
            group.pending.append(Pending(group.name, entry_id, name, *delivery))
            count -= 1
        consumers -= 1
    group.consumers.sort(key=lambda consumer: consumer.name)
    if deliveries or any(a.name == b.name for a, b in pairwise(group.consumers)):
        raise FormatError("stream: a pending entry without consumer, or a consumer twice")
    group.pending.sort(key=lambda pending: pending.id)
    return group


# -- writing, in version 2


def add_stream(parts: list[bytes], stream: StreamWhole) -> None:
    """Appends a stream to what will be a payload."""
    nodes = list(nodes_of(stream.entries))
    parts.append(encode_length(len(nodes)))
    for node in nodes:
        add_strings(parts, (node[0].id.encode(), encode_node(node)))
    first = stream.entries[0].id if stream.entries else FIRST
    numbers = (len(stream.entries), *stream.last_id, *first, *stream.max_deleted_id, stream.entries_added)
    parts += map(encode_length, (*numbers, len(stream.groups)))
    for group in stream.groups:
        add_group(parts, group)


def nodes_of(entries: list[Entry]) -> Iterator[list[Entry]]:
    """The entries as they are divided among nodes."""
    node: list[Entry] = []
    node_bytes = 0
    for entry in entries:
        entry_bytes = sum(map(len, entry.fields))
        if node and (len(node) == NODE_ENTRIES_MAX or node_bytes + entry_bytes > NODE_BYTES_MAX):
            yield node
            node, node_bytes = [], 0
        node.append(entry)
        node_bytes += entry_bytes
    if node:
        yield node


def encode_node(entries: list[Entry]) -> bytes:
    """A node's listpack. Its fields are those of the first entry."""
    base = entries[0].id
    names = entries[0].fields[::2]
    elements: list[bytes | int] = [len(entries), 0, len(names), *names, 0]
    for entry_id, fields in entries:
        difference = signed(entry_id.ms - base.ms), signed(entry_id.seq - base.seq)
        if fields[::2] == names:
            elements += (FLAG_SAME_FIELDS, *difference, *fields[1::2], 3 + len(names))
        else:
            elements += (0, *difference, len(fields) // 2, *fields, 4 + len(fields))
    return encode_listpack(elements)


def signed(difference: int) -> int:
    """A difference modulo 2^64 as a signed integer, which is what listpacks can hold."""
    difference &= U64_MAX
    return difference - (1 << 64) if difference >> 63 else difference


def add_group(parts: list[bytes], group: GroupState) -> None:
    """Appends a group. Whoever has pending entries is a consumer, or Redis would not take the payload."""
    add_strings(parts, (group.name,))
    parts += map(encode_length, (*group.last_id, group.entries_read & U64_MAX, len(group.pending)))
    owned: dict[bytes, list[bytes]] = {consumer.name: [] for consumer in group.consumers}
    seen_ms = {consumer.name: consumer.seen_ms for consumer in group.consumers}
    for pending in group.pending:
        key = pending.id.encode()
        parts += (key, _TIME.pack(pending.delivered_ms), encode_length(pending.deliveries))
        owned.setdefault(pending.consumer, []).append(key)
    parts.append(encode_length(len(owned)))
    for name, keys in owned.items():
        add_strings(parts, (name,))
        parts += (_TIME.pack(seen_ms.get(name, 0)), encode_length(len(keys)), *keys)
