"""Listpacks, the packed lists of Redis 5 and later.

listpack = u32le bytes, u16le count (65535: not known), entry*, 0xFF
entry    = element, size of the element (its last byte first, seven bits each, bit 7 set in all but the first)
element  = 0nnnnnnn | 110nnnnn u8 (13 bits, signed) | F1 i16 | F2 i24 | F3 i32 | F4 i64      all le
         | 10nnnnnn bytes | 1110nnnn u8 bytes | F0 u32le bytes
"""

from __future__ import annotations

from collections.abc import Iterable

from slotrocks.engine._engine import parse_int
from slotrocks.engine.rdb.reader import FormatError

HEAD_BYTES = 6
COUNT_UNKNOWN = 65535
END = 0xFF

_SMALL = tuple(b"%d" % n for n in range(128))
_INTEGER_BYTES = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}
_INTEGER_HEADS = {size: bytes((head,)) for head, size in _INTEGER_BYTES.items()}


def decode_listpack(data: bytes) -> list[bytes]:
    """The elements, integers as their digits. Raises FormatError."""
    end = len(data) - 1
    if end < HEAD_BYTES or data[end] != END or int.from_bytes(data[:4], "little") != len(data):
        raise FormatError("no listpack")
    elements: list[bytes] = []
    at = HEAD_BYTES
    while at < end:
        head = data[at]
        if head < 0x80:
            stop = at + 1
            elements.append(_SMALL[head])
        elif head < 0xC0:
            stop = at + 1 + (head & 0x3F)
            elements.append(data[at + 1 : stop])
        elif head < 0xE0:
            stop = at + 2
            value = (head & 0x1F) << 8 | data[at + 1]
            elements.append(b"%d" % (value if value < 1 << 12 else value - (1 << 13)))
        elif head < 0xF0:
            start = at + 2
            stop = start + ((head & 0x0F) << 8 | data[at + 1])
            elements.append(data[start:stop])
        elif head == 0xF0:
            start = at + 5
            stop = start + int.from_bytes(data[at + 1 : start], "little")
            elements.append(data[start:stop])
        elif head in _INTEGER_BYTES:
            stop = at + 1 + _INTEGER_BYTES[head]
            elements.append(b"%d" % int.from_bytes(data[at + 1 : stop], "little", signed=True))
        else:
            raise FormatError(f"listpack: unknown element 0x{head:02x}")
        size = stop - at
        if size < 128:
            if stop >= end or data[stop] != size:
                raise FormatError("listpack: wrong size of an element")
            at = stop + 1
        else:
            back = encode_back_length(size)
            at = stop + len(back)
            if at > end or data[stop:at] != back:
                raise FormatError("listpack: wrong size of an element")
    count = int.from_bytes(data[4:6], "little")
    if count not in (len(elements), COUNT_UNKNOWN):
        raise FormatError("listpack: wrong count")
    return elements


def encode_listpack(elements: Iterable[bytes | int]) -> bytes:
    """A listpack of these elements; a byte string that reads as an integer is stored as one, as Redis does."""
    parts = [b""]
    count = 0
    for element in elements:
        encoded = encode_element(element)
        parts.append(encoded)
        parts.append(encode_back_length(len(encoded)))
        count += 1
    parts.append(b"\xff")
    body = b"".join(parts)
    head = (len(body) + HEAD_BYTES).to_bytes(4, "little") + min(count, COUNT_UNKNOWN).to_bytes(2, "little")
    return head + body


def encode_element(element: bytes | int) -> bytes:
    """An element without its size behind it."""
    if isinstance(element, int):
        return encode_integer(element)
    try:
        return encode_integer(parse_int(element))
    except ValueError:
        size = len(element)
    if size < 64:
        return bytes((0x80 | size,)) + element
    if size < 4096:
        return bytes((0xE0 | size >> 8, size & 0xFF)) + element
    return b"\xf0" + size.to_bytes(4, "little") + element


def encode_integer(value: int) -> bytes:
    """An integer of at most 64 bits, signed."""
    if 0 <= value < 128:
        return bytes((value,))
    if -(1 << 12) <= value < 1 << 12:
        return bytes((0xC0 | (value & 0x1FFF) >> 8, value & 0xFF))
    size = next(size for size in (2, 3, 4, 8) if -(1 << (8 * size - 1)) <= value < 1 << (8 * size - 1))
    return _INTEGER_HEADS[size] + value.to_bytes(size, "little", signed=True)


def encode_back_length(size: int) -> bytes:
    """The size of an element as it stands behind it. The bounds are Redis's (lpEncodeBacklen)."""
    if size <= 127:
        return bytes((size,))
    count = 2 if size < 16383 else 3 if size < 2097151 else 4 if size < 268435455 else 5
    return bytes((size >> 7 * (count - 1 - i)) & 127 | (128 if i else 0) for i in range(count))
