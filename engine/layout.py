"""The types' own bytes: what follows the common metadata fields, and the sub-key of each element (Kvrocks 2.10).

| type        | after the common fields                                  | sub-key -> value                           |
|-------------|----------------------------------------------------------|--------------------------------------------|
| hash        | –                                                        | field -> value                             |
| list        | u64 head, u64 tail                                       | u64 index -> element                       |
| set         | –                                                        | member -> empty                            |
| zset        | –                                                        | member -> score; zset_score, below         |
| bitmap      | –                                                        | decimal byte offset -> bytes, LSB first    |
| sortedint   | –                                                        | u64 id -> empty                            |
| stream      | 11 or 12 x u64                                           | column family stream, below                |
| bloom       | u16 filters, u16 expansion, u32 capacity, f64, u32 bytes | u16 index -> filter                        |
| hyperloglog | u8 encoding (0 = dense)                                  | decimal 0..15 -> 768 bytes                 |
| json        | u8 format (0 text, 1 CBOR), document                     | –                                          |

Rows of zset_score: score, member -> empty. Stream rows: `u64 ms, u64 seq` -> repeated (varint32 length, bytes); under
`u64 MAX`: `u8 1, u64 len, group` -> 6 x u64, `u8 2, u64 len, group, u64 len, consumer` -> 3 x u64, `u8 3, u64 len,
group, u64 ms, u64 seq` -> delivery. A score is an "ordered double": IEEE 754 bits, inverted when negative, else with
the top bit set, so that bytes sort as numbers do.
"""

import struct
from typing import NamedTuple

LIST_INITIAL_INDEX = (2**64 - 1) // 2  # both ends of an empty list; LPUSH takes --head, RPUSH takes tail++
BITMAP_SEGMENT_BYTES = 1024
HLL_SEGMENT_BYTES = 768
HLL_SEGMENTS = 16

_U64 = struct.Struct(">Q")
_DOUBLE = struct.Struct(">d")
_LIST = struct.Struct(">QQ")
_STREAM = struct.Struct(">11Q")
_BLOOM = struct.Struct(">HHI8sI")


def encode_score(score: float) -> bytes:
    """A double as 8 bytes that sort as the numbers do (-0.0 before 0.0; NaN is the caller's to refuse)."""
    (bits,) = _U64.unpack(_DOUBLE.pack(score))
    return _U64.pack(~bits & (2**64 - 1) if bits >> 63 else bits | 1 << 63)


def decode_score(data: bytes) -> float:
    """The inverse of encode_score(). Raises struct.error unless given 8 bytes."""
    (bits,) = _U64.unpack(data)
    (score,) = _DOUBLE.unpack(_U64.pack(bits & ~(1 << 63) if bits >> 63 else ~bits & (2**64 - 1)))
    return float(score)


def encode_u64(value: int) -> bytes:
    """A list index, a sortedint's id, half of a stream id: 8 bytes, big-endian."""
    return _U64.pack(value)


def decode_u64(data: bytes) -> int:
    """The inverse of encode_u64()."""
    return int(_U64.unpack(data)[0])


class ListBounds(NamedTuple):
    """The indexes of a list's elements are head .. tail - 1."""

    head: int
    tail: int

    def encode(self) -> bytes:
        return _LIST.pack(*self)

    @classmethod
    def decode(cls, payload: bytes) -> "ListBounds":
        return cls(*_LIST.unpack(payload))


class StreamState(NamedTuple):
    """A stream's own fields; ids are (ms, seq). `groups` was added later and may be absent in old rows (None)."""

    last_generated: tuple[int, int]
    recorded_first: tuple[int, int]
    max_deleted: tuple[int, int]
    first_entry: tuple[int, int]
    last_entry: tuple[int, int]
    entries_added: int
    groups: int | None

    def encode(self) -> bytes:
        fields = _STREAM.pack(
            *self.last_generated, *self.recorded_first, *self.max_deleted, *self.first_entry, *self.last_entry,
            self.entries_added,
        )  # fmt: skip
        return fields if self.groups is None else fields + _U64.pack(self.groups)

    @classmethod
    def decode(cls, payload: bytes) -> "StreamState":
        f = _STREAM.unpack_from(payload)
        groups = None if len(payload) == _STREAM.size else decode_u64(payload[_STREAM.size :])
        return cls((f[0], f[1]), (f[2], f[3]), (f[4], f[5]), (f[6], f[7]), (f[8], f[9]), f[10], groups)


class BloomState(NamedTuple):
    """A bloom chain's own fields."""

    filters: int
    expansion: int
    base_capacity: int
    error_rate: float
    bloom_bytes: int

    def encode(self) -> bytes:
        return _BLOOM.pack(*self[:3], encode_score(self.error_rate), self.bloom_bytes)

    @classmethod
    def decode(cls, payload: bytes) -> "BloomState":
        filters, expansion, capacity, rate, size = _BLOOM.unpack(payload)
        return cls(filters, expansion, capacity, decode_score(rate), size)
