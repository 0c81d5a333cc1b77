"""Ziplists and zipmaps, the packed lists and maps of Redis before 7, and intsets. Redis 7.2 still reads all three.

ziplist = u32le bytes, u32le offset of the last entry, u16le count (65535: not known), entry*, 0xFF
entry   = size of the entry before (u8 < 254 | 0xFE u32le), element
element = 00nnnnnn bytes | 01nnnnnn u8 bytes | 0x80 u32be bytes
        | C0 i16 | D0 i32 | E0 i64 | F0 i24 | FE i8 (le) | F1..FD: 0..12
zipmap  = u8 count (254: not known), (size key, size free value, free unused bytes)*, 0xFF
size    = u8 < 254 | 0xFE u32le;  free = u8
intset  = u32le bytes of an integer (2, 4, 8), u32le count, integers (le, ascending)
"""

from __future__ import annotations

from itertools import pairwise

from slotrocks.engine.rdb.reader import FormatError, Reader

ZIPLIST_HEAD_BYTES = 10
COUNT_UNKNOWN = 65535
ZIPMAP_COUNT_UNKNOWN = 254
LONG_SIZE = 254
END = 0xFF

_INTEGER_BYTES = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}


def decode_ziplist(data: bytes) -> list[bytes]:
    """The elements, integers as their digits. Raises FormatError."""
    end = len(data) - 1
    if end < ZIPLIST_HEAD_BYTES or data[end] != END or int.from_bytes(data[:4], "little") != len(data):
        raise FormatError("no ziplist")
    reader = Reader(data, end)
    reader.at = ZIPLIST_HEAD_BYTES
    elements: list[bytes] = []
    last = ZIPLIST_HEAD_BYTES
    size_before = 0
    while reader.at < end:
        start = reader.at
        if short_or_long_size(reader) != size_before:
            raise FormatError("ziplist: wrong size of an entry")
        elements.append(ziplist_element(reader))
        last, size_before = start, reader.at - start
    if int.from_bytes(data[4:8], "little") != last:
        raise FormatError("ziplist: wrong offset of the last entry")
    if int.from_bytes(data[8:10], "little") not in (len(elements), COUNT_UNKNOWN):
        raise FormatError("ziplist: wrong count")
    return elements


def short_or_long_size(reader: Reader) -> int:
    """A size in one byte or in five."""
    size = reader.byte()
    if size == END:
        raise FormatError("no size")
    return reader.unsigned(4) if size == LONG_SIZE else size


def ziplist_element(reader: Reader) -> bytes:
    """What follows the size of the entry before."""
    head = reader.byte()
    if head < 0x40:
        return reader.take(head)
    if head < 0x80:
        return reader.take((head & 0x3F) << 8 | reader.byte())
    if head == 0x80:
        return reader.take(int.from_bytes(reader.take(4), "big"))
    if head in _INTEGER_BYTES:
        return b"%d" % int.from_bytes(reader.take(_INTEGER_BYTES[head]), "little", signed=True)
    if 0xF1 <= head <= 0xFD:
        return b"%d" % (head - 0xF1)
    raise FormatError(f"ziplist: unknown element 0x{head:02x}")


def decode_zipmap(data: bytes) -> list[bytes]:
    """Keys and values by turns. Raises FormatError."""
    end = len(data) - 1
    if end < 1 or data[end] != END:
        raise FormatError("no zipmap")
    reader = Reader(data, end)
    count = reader.byte()
    found: list[bytes] = []
    while reader.at < end:
        found.append(reader.take(short_or_long_size(reader)))
        size = short_or_long_size(reader)
        free = reader.byte()
        found.append(reader.take(size))
        reader.take(free)
    if count not in (len(found) // 2, ZIPMAP_COUNT_UNKNOWN):
        raise FormatError("zipmap: wrong count")
    return found


def decode_intset(data: bytes) -> list[bytes]:
    """The digits of the integers. Raises FormatError."""
    reader = Reader(data, len(data))
    size, count = reader.unsigned(4), reader.unsigned(4)
    if size not in (2, 4, 8) or len(data) != 8 + size * count:
        raise FormatError("no intset")
    numbers = [int.from_bytes(reader.take(size), "little", signed=True) for _ in range(count)]
    if any(a >= b for a, b in pairwise(numbers)):
        raise FormatError("intset: not ascending")
    return [b"%d" % number for number in numbers]
