"""Writes encodings of older Redis versions, for tests: ziplists, zipmaps, intsets (engine/rdb/ziplist.py)."""

from __future__ import annotations

from slotrocks.engine.rdb.writer import encode_length as length


def string(data: bytes) -> bytes:
    """A string of RDB."""
    return length(len(data)) + data


def ziplist(elements: list[bytes]) -> bytes:
    """A ziplist; what is the digits of an integer is stored as one."""
    entries: list[bytes] = []
    for element in elements:
        before = len(entries[-1]) if entries else 0
        head = bytes((before,)) if before < 254 else b"\xfe" + before.to_bytes(4, "little")
        entries.append(head + ziplist_element(element))
    body = b"".join(entries)
    last = 10 + len(body) - (len(entries[-1]) if entries else 0)
    head = (11 + len(body)).to_bytes(4, "little") + last.to_bytes(4, "little") + len(entries).to_bytes(2, "little")
    return head + body + b"\xff"


def ziplist_element(element: bytes) -> bytes:
    """An element without what stands in front of it."""
    if element.removeprefix(b"-").isdigit() and b"%d" % int(element) == element:
        value = int(element)
        if 0 <= value <= 12:
            return bytes((0xF1 + value,))
        for head, size in ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8)):
            if -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
                return bytes((head,)) + value.to_bytes(size, "little", signed=True)
    if len(element) < 64:
        return bytes((len(element),)) + element
    if len(element) < 1 << 14:
        return (0x4000 | len(element)).to_bytes(2, "big") + element
    return b"\x80" + len(element).to_bytes(4, "big") + element


def zipmap(flat: list[bytes]) -> bytes:
    """A zipmap of keys and values by turns, with some unused bytes."""
    parts = [bytes((len(flat) // 2,))]
    for i in range(0, len(flat), 2):
        parts += (zipmap_size(flat[i]), flat[i], zipmap_size(flat[i + 1]), bytes((i % 4,)), flat[i + 1], bytes(i % 4))
    return b"".join(parts) + b"\xff"


def zipmap_size(data: bytes) -> bytes:
    return bytes((len(data),)) if len(data) < 254 else b"\xfe" + len(data).to_bytes(4, "little")


def intset(numbers: list[int]) -> bytes:
    """An intset of these numbers, in this order."""
    size = next(size for size in (2, 4, 8) if all(-(1 << 8 * size - 1) <= n < 1 << 8 * size - 1 for n in numbers))
    head = size.to_bytes(4, "little") + len(numbers).to_bytes(4, "little")
    return head + b"".join(number.to_bytes(size, "little", signed=True) for number in numbers)
