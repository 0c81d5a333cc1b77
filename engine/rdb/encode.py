"""DUMP payloads that Redis can restore: the plain encodings, which every version reads and makes compact by itself.

Equal values give equal payloads when their elements come in the same order. The version in the footer is the oldest
that knows the encoding, so that servers as old as Redis 5 take everything but streams, and Redis 7.0 takes all.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from slotrocks.engine.rdb.payload import seal
from slotrocks.engine.rdb.stream import add_stream
from slotrocks.engine.rdb.writer import add_strings, encode_length
from slotrocks.engine.types.streams_state import StreamWhole

VERSION_REDIS_5 = 9
VERSION_REDIS_7 = 10
TYPE_STRING, TYPE_LIST, TYPE_SET, TYPE_HASH, TYPE_ZSET_2, TYPE_STREAM_2 = 0, 1, 2, 4, 5, 19

_DOUBLE = struct.Struct("<d")


def encode_string(data: bytes) -> bytes:
    """The payload of a string."""
    parts = [bytes((TYPE_STRING,))]
    add_strings(parts, (data,))
    return seal(parts, VERSION_REDIS_5)


def encode_list(count: int, elements: Iterable[bytes]) -> bytes:
    """The payload of a list of `count` elements."""
    return encode_strings(TYPE_LIST, count, elements)


def encode_set(count: int, members: Iterable[bytes]) -> bytes:
    """The payload of a set of `count` members."""
    return encode_strings(TYPE_SET, count, members)


def encode_hash(count: int, pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The payload of a hash of `count` fields."""
    return encode_strings(TYPE_HASH, count, (string for pair in pairs for string in pair))


def encode_strings(type_id: int, count: int, strings: Iterable[bytes]) -> bytes:
    """The payload of a type that is a count and strings."""
    parts = [bytes((type_id,)), encode_length(count)]
    add_strings(parts, strings)
    return seal(parts, VERSION_REDIS_5)


def encode_zset(count: int, entries: Iterable[tuple[bytes, float]]) -> bytes:
    """The payload of a sorted set of `count` members. Redis inserts fastest when the largest score comes first."""
    parts = [bytes((TYPE_ZSET_2,)), encode_length(count)]
    append, pack = parts.append, _DOUBLE.pack
    for member, score in entries:
        add_strings(parts, (member,))
        append(pack(score))
    return seal(parts, VERSION_REDIS_5)


def encode_stream(stream: StreamWhole) -> bytes:
    """The payload of a stream; when a consumer last got something is not part of it (Redis 7.0 does not know)."""
    parts = [bytes((TYPE_STREAM_2,))]
    add_stream(parts, stream)
    return seal(parts, VERSION_REDIS_7)
