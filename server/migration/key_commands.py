"""What makes a key, and what brings an older state of it up to date, as commands: a pair of functions for each type.

build_<type>(key, m, rows)            the commands that make a key which does not exist, from all its rows
restate_<type>(key, old, new, log)    the commands that turn `old`, as the target has it, into `new`

Both only use commands and forms that Kvrocks 2.10 has, state absolute values (so that repeating them does no harm), and
leave the expiry to the caller. A command carries a bounded number of elements. Where rows do not suffice to say what
the target must do, they raise UnclearError, and the key has to be built anew.

Elements are put before others are deleted: a collection must not be empty in between, because it would lose its expiry.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from slotrocks.engine import (
    CF_DEFAULT,
    TYPE_BITMAP,
    TYPE_HASH,
    TYPE_LIST,
    TYPE_SET,
    TYPE_ZSET,
    Metadata,
)
from slotrocks.engine.layout import BITMAP_SEGMENT_BYTES, ListBounds, decode_score, decode_u64

ELEMENTS_MAX = 64  # of one command
BYTES_MAX = 64 << 10  # of one command, about

Command = tuple[str | bytes | int, ...]
Rows = Iterable[tuple[bytes, bytes]]
"""(sub-key, value)"""

_I64 = struct.Struct(">q")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class UnclearError(Exception):
    """The rows do not say what the target must do."""


@dataclass(slots=True)
class Log:
    """What the log says of a key: newest images of the rows that it touched."""

    touched: bool = False  # the metadata row
    row: bytes | None = None  # its newest image; None: deleted
    lowered: bool = False  # a stream's last id went back between two of its images
    rows: dict[tuple[int, int, bytes], bytes | None] = field(default_factory=dict)
    """(column family, version, sub-key) -> value; None: deleted."""
    ranges: list[tuple[int, int, bytes, bytes]] = field(default_factory=list)
    """Deleted ranges: (column family, version, first sub-key, sub-key behind the last). Rows that were put later are
    in `rows`, those that were put earlier are not."""

    def put(self, cf: int, version: int, sub: bytes, value: bytes | None) -> None:
        """Notes a row's image."""
        self.rows[cf, version, sub] = value

    def delete_range(self, cf: int, version: int, begin: bytes, end: bytes) -> None:
        """Notes a deleted range."""
        self.ranges.append((cf, version, begin, end))
        for name in [name for name in self.rows if name[:2] == (cf, version) and begin <= name[2] < end]:
            del self.rows[name]

    def of(self, cf: int, version: int) -> dict[bytes, bytes | None]:
        """The images of the rows of a version in a column family."""
        return {
            sub: value
            for (row_cf, row_version, sub), value in self.rows.items()
            if (row_cf, row_version) == (cf, version)
        }

    def sides(self, m: Metadata) -> tuple[dict[bytes, bytes], list[bytes]]:
        """(elements put, elements deleted) of a collection. Raises UnclearError if a range of it was deleted."""
        if any(cf == CF_DEFAULT and version == m.version for cf, version, _, _ in self.ranges):
            raise UnclearError
        images = self.of(CF_DEFAULT, m.version)
        put = {sub: value for sub, value in images.items() if value is not None}
        return put, [sub for sub, value in images.items() if value is None]


def in_parts(name: str, key: bytes, elements: Iterable[tuple[bytes, ...]]) -> Iterator[Command]:
    """Commands that carry all elements, a bounded number each."""
    words: list[bytes] = []
    count = size = 0
    for element in elements:
        words += element
        count += 1
        size += sum(map(len, element))
        if count == ELEMENTS_MAX or size >= BYTES_MAX:
            yield (name, key, *words)
            words = []
            count = size = 0
    if words:
        yield (name, key, *words)


# -- hashes, sets, sorted sets: each element for itself


def build_hash(key: bytes, m: Metadata, rows: Rows) -> Iterator[Command]:
    """HSET."""
    return in_parts("HSET", key, rows)


def restate_hash(key: bytes, old: Metadata, new: Metadata, log: Log) -> Iterator[Command]:
    """HSET, HDEL."""
    put, deleted = log.sides(new)
    yield from in_parts("HSET", key, put.items())
    yield from in_parts("HDEL", key, ((sub,) for sub in deleted))


def build_set(key: bytes, m: Metadata, rows: Rows) -> Iterator[Command]:
    """SADD."""
    return in_parts("SADD", key, ((sub,) for sub, _ in rows))


def restate_set(key: bytes, old: Metadata, new: Metadata, log: Log) -> Iterator[Command]:
    """SADD, SREM."""
    put, deleted = log.sides(new)
    yield from in_parts("SADD", key, ((sub,) for sub in put))
    yield from in_parts("SREM", key, ((sub,) for sub in deleted))


def build_zset(key: bytes, m: Metadata, rows: Rows) -> Iterator[Command]:
    """ZADD, from the rows by member."""
    return in_parts("ZADD", key, ((_score(value), sub) for sub, value in rows))


def restate_zset(key: bytes, old: Metadata, new: Metadata, log: Log) -> Iterator[Command]:
    """ZADD, ZREM."""
    put, deleted = log.sides(new)
    yield from in_parts("ZADD", key, ((_score(value), sub) for sub, value in put.items()))
    yield from in_parts("ZREM", key, ((sub,) for sub in deleted))


def _score(value: bytes) -> bytes:
    return b"%.17g" % decode_score(value)


# -- lists: the target's indexes are its own, so positions are counted from the head


def build_list(key: bytes, m: Metadata, rows: Rows) -> Iterator[Command]:
    """RPUSH. Raises UnclearError at the end if rows are missing: the view shows a write half."""
    head, tail = ListBounds.decode(m.payload)
    expected = head

    def elements() -> Iterator[tuple[bytes]]:
        nonlocal expected
        for sub, value in rows:
            index = decode_u64(sub)
            if head <= index < tail:
                if index != expected:
                    raise UnclearError
                expected += 1
                yield (value,)

    yield from in_parts("RPUSH", key, elements())
    if expected != tail:
        raise UnclearError


def restate_list(key: bytes, old: Metadata, new: Metadata, log: Log) -> Iterator[Command]:
    """LTRIM to what is still there, LPUSH and RPUSH of what is new at the ends, LSET of what else was put. A list that
    has nothing in common with the old one has to be built anew."""
    (old_head, old_tail), (head, tail) = ListBounds.decode(old.payload), ListBounds.decode(new.payload)
    first, end = max(old_head, head), min(old_tail, tail)  # what they have in common
    if first >= end:
        raise UnclearError
    put = {decode_u64(sub): value for sub, value in log.of(CF_DEFAULT, new.version).items() if value is not None}
    try:
        left = [(put[index],) for index in range(first - 1, head - 1, -1)]
        right = [(put[index],) for index in range(end, tail)]
    except KeyError:
        raise UnclearError from None
    if first > old_head or end < old_tail:
        yield "LTRIM", key, first - old_head, end - old_head - 1
    yield from in_parts("LPUSH", key, left)
    yield from in_parts("RPUSH", key, right)
    for index, value in put.items():
        if first <= index < end:
            yield "LSET", key, index - head, value


# -- bitmaps: segments, as words of 64 bits


def build_bitmap(key: bytes, m: Metadata, rows: Rows) -> Iterator[Command]:
    """BITFIELD of the words that are not zero, and SETBIT of the last bit, which makes the length."""
    last = 0
    for sub, value in rows:
        yield from _segment(key, m, int(sub), value, zeros=False)
        last = _last_bit(m, int(sub), value) or last
    yield "SETBIT", key, m.size * 8 - 1, last


def restate_bitmap(key: bytes, old: Metadata, new: Metadata, log: Log) -> Iterator[Command]:
    """BITFIELD of the segments that were put."""
    put, deleted = log.sides(new)
    if deleted or new.size < old.size:
        raise UnclearError
    last = 0
    for sub, value in put.items():
        yield from _segment(key, new, int(sub), value, zeros=True)
        last = _last_bit(new, int(sub), value) or last
    if new.size > old.size:
        last_segment = (new.size - 1) // BITMAP_SEGMENT_BYTES * BITMAP_SEGMENT_BYTES
        if b"%d" % last_segment not in put:
            raise UnclearError
        yield "SETBIT", key, new.size * 8 - 1, last


def _segment(key: bytes, m: Metadata, offset: int, value: bytes, *, zeros: bool) -> Iterator[Command]:
    """BITFIELD of a segment at byte `offset`; bytes behind the bitmap's end are nothing."""
    data = value[: max(0, m.size - offset)].translate(_REVERSED)  # stored with the lowest bit first
    whole = len(data) & ~7
    words: list[str | int] = []
    for at in range(0, whole, _I64.size):
        (word,) = _I64.unpack_from(data, at)
        if word or zeros:
            words += ("SET", "i64", (offset + at) * 8, word)
    for at in range(whole, len(data)):
        if data[at] or zeros:
            words += ("SET", "u8", (offset + at) * 8, data[at])
    for begin in range(0, len(words), 4 * ELEMENTS_MAX):
        yield ("BITFIELD", key, *words[begin : begin + 4 * ELEMENTS_MAX])


def _last_bit(m: Metadata, offset: int, value: bytes) -> int:
    """The bitmap's last bit, if it is in this segment, else 0."""
    at = m.size - 1 - offset
    return value[at] >> 7 if 0 <= at < len(value) else 0


Build = Callable[[bytes, Metadata, Rows], Iterator[Command]]
Restate = Callable[[bytes, Metadata, Metadata, Log], Iterator[Command]]

BY_ELEMENTS: dict[int, tuple[Build, Restate]] = {
    TYPE_HASH: (build_hash, restate_hash),
    TYPE_LIST: (build_list, restate_list),
    TYPE_SET: (build_set, restate_set),
    TYPE_ZSET: (build_zset, restate_zset),
    TYPE_BITMAP: (build_bitmap, restate_bitmap),
}
"""The types whose rows are all in column family default, and that commands can make."""
