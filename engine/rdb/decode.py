"""DUMP payloads of every type and encoding that Redis 2.6 to 7.2 writes.

Whatever a payload holds, decoding it gives a value that Redis could have, or raises; nothing is allocated on the word
of a length that the payload claims. Modules' types and hashes with expiring fields (Redis 7.4, Valkey 9) are not read.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from slotrocks.engine._engine import parse_float
from slotrocks.engine.rdb.listpack import decode_listpack
from slotrocks.engine.rdb.payload import check_footer
from slotrocks.engine.rdb.reader import FormatError, Reader
from slotrocks.engine.rdb.stream import decode_stream
from slotrocks.engine.rdb.values import HashValue, ListValue, SetValue, StringValue, Value, ZSetValue
from slotrocks.engine.rdb.ziplist import decode_intset, decode_ziplist, decode_zipmap

Packed = Callable[[bytes], list[bytes]]

NODE_PLAIN, NODE_PACKED = 1, 2
_SPECIAL_SCORES = {253: math.nan, 254: math.inf, 255: -math.inf}
_DOUBLE = struct.Struct("<d")


def decode(payload: bytes) -> Value:
    """The value of a payload. Raises FooterError, FormatError."""
    reader = Reader(payload, check_footer(payload))
    decoder = _DECODERS.get(reader.byte())
    if decoder is None:
        raise FormatError("unknown type")
    value = decoder(reader)
    if reader.at != reader.end:
        raise FormatError("more than a value")
    return value


# -- values from their elements


def list_of(elements: list[bytes]) -> ListValue:
    """A list of these elements."""
    if not elements:
        raise FormatError("empty")
    return ListValue(elements)


def set_of(members: list[bytes]) -> SetValue:
    """A set of these members."""
    if not members or len(set(members)) != len(members):
        raise FormatError("empty, or a member twice")
    return SetValue(members)


def hash_of(flat: list[bytes]) -> HashValue:
    """A hash of fields and values by turns."""
    fields = dict(zip(flat[::2], flat[1::2], strict=False))
    if not fields or 2 * len(fields) != len(flat):
        raise FormatError("empty, a field twice, or one without value")
    return HashValue(fields)


def zset_of(pairs: list[tuple[bytes, float]]) -> ZSetValue:
    """A sorted set of members and scores."""
    scores = dict(pairs)
    if not scores or len(scores) != len(pairs) or any(map(math.isnan, scores.values())):
        raise FormatError("empty, a member twice, or a score that is none")
    return ZSetValue(scores)


def zset_of_packed(flat: list[bytes]) -> ZSetValue:
    """A sorted set of members and printed scores by turns."""
    if len(flat) % 2:
        raise FormatError("a member without score")
    try:
        return zset_of([(member, parse_float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)])
    except ValueError:
        raise FormatError("a score that is no number") from None


# -- one string after the other


def strings(reader: Reader, count: int) -> list[bytes]:
    """`count` strings."""
    string = reader.string
    found = []
    while count > 0:  # a range() of 2^63 and more would raise
        found.append(string())
        count -= 1
    return found


def binary_score(reader: Reader) -> float:
    """A score as Redis 4 and later write it."""
    (score,) = _DOUBLE.unpack(reader.take(8))
    return float(score)


def printed_score(reader: Reader) -> float:
    """A score as Redis wrote it before."""
    size = reader.byte()
    if size in _SPECIAL_SCORES:
        return _SPECIAL_SCORES[size]
    try:
        return parse_float(reader.take(size))
    except ValueError:
        raise FormatError("a score that is no number") from None


def zset(reader: Reader, score: Callable[[Reader], float]) -> ZSetValue:
    """Members, each with its score behind it."""
    pairs = []
    count = reader.length()
    while count > 0:
        pairs.append((reader.string(), score(reader)))
        count -= 1
    return zset_of(pairs)


# -- packed


def ziplist_nodes(reader: Reader) -> ListValue:
    """A quicklist of Redis 3.2 to 6: a number of ziplists."""
    elements: list[bytes] = []
    for node in strings(reader, reader.length()):
        elements += decode_ziplist(node)
    return list_of(elements)


def listpack_nodes(reader: Reader) -> ListValue:
    """A quicklist of Redis 7: a number of listpacks, and of elements that are too large for one."""
    elements: list[bytes] = []
    count = reader.length()
    while count > 0:
        kind, node = reader.length(), reader.string()
        if kind == NODE_PACKED:
            elements += decode_listpack(node)
        elif kind == NODE_PLAIN:
            elements.append(node)
        else:
            raise FormatError(f"a list's node of unknown kind {kind}")
        count -= 1
    return list_of(elements)


_DECODERS: dict[int, Callable[[Reader], Value]] = {
    0: lambda reader: StringValue(reader.string()),
    1: lambda reader: list_of(strings(reader, reader.length())),
    2: lambda reader: set_of(strings(reader, reader.length())),
    3: lambda reader: zset(reader, printed_score),
    4: lambda reader: hash_of(strings(reader, 2 * reader.length())),
    5: lambda reader: zset(reader, binary_score),
    9: lambda reader: hash_of(decode_zipmap(reader.string())),
    10: lambda reader: list_of(decode_ziplist(reader.string())),
    11: lambda reader: set_of(decode_intset(reader.string())),
    12: lambda reader: zset_of_packed(decode_ziplist(reader.string())),
    13: lambda reader: hash_of(decode_ziplist(reader.string())),
    14: ziplist_nodes,
    15: lambda reader: decode_stream(reader, 1),
    16: lambda reader: hash_of(decode_listpack(reader.string())),
    17: lambda reader: zset_of_packed(decode_listpack(reader.string())),
    18: listpack_nodes,
    19: lambda reader: decode_stream(reader, 2),
    20: lambda reader: set_of(decode_listpack(reader.string())),
    21: lambda reader: decode_stream(reader, 3),
}
