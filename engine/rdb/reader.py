"""Reading RDB's primitives: lengths, strings, numbers. The one place where a payload's bounds are checked.

length = 00nnnnnn | 01nnnnnn u8 | 0x80 u32be | 0x81 u64be
string = length, bytes
       | 0xC0 i8 | 0xC1 i16le | 0xC2 i32le                 an integer, which stands for its digits
       | 0xC3 length(compressed) length(whole) bytes       LZF
"""

from __future__ import annotations

from slotrocks.engine._engine import lzf_decompress

# All strings of a payload that were compressed, together: a payload of a few megabytes could stand for far more.
EXPANDED_BYTES_MAX = 1 << 30


class FormatError(Exception):
    """Bytes that are not what any Redis writes."""


class Reader:
    """A position in a payload. Every method raises FormatError when there is less than it needs."""

    __slots__ = ("at", "data", "end", "expanded")

    def __init__(self, data: bytes, end: int) -> None:
        """Reads `data` up to before `end`."""
        self.data = data
        self.at = 0
        self.end = end
        self.expanded = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        at = self.at
        self.at = stop = at + size
        if stop > self.end:
            raise FormatError("truncated")
        return self.data[at:stop]

    def byte(self) -> int:
        """The next byte."""
        at = self.at
        if at >= self.end:
            raise FormatError("truncated")
        self.at = at + 1
        return self.data[at]

    def unsigned(self, size: int) -> int:
        """A little-endian number of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def length(self) -> int:
        """A length, a count, or half of a stream id. It may be anything: allocate nothing for it."""
        head = self.byte()
        if head < 0xC0:
            return self._length_after(head)
        raise FormatError(f"no length: 0x{head:02x}")

    def _length_after(self, head: int) -> int:
        if head < 0x40:
            return head
        if head < 0x80:
            return (head & 0x3F) << 8 | self.byte()
        if head == 0x80:
            return int.from_bytes(self.take(4), "big")
        if head == 0x81:
            return int.from_bytes(self.take(8), "big")
        raise FormatError(f"no length: 0x{head:02x}")

    def string(self) -> bytes:
        """A string in any of its forms."""
        at = self.at
        if at >= self.end:
            raise FormatError("truncated")
        head = self.data[at]
        if head < 0x40:  # by far the most frequent
            self.at = stop = at + 1 + head
            if stop > self.end:
                raise FormatError("truncated")
            return self.data[at + 1 : stop]
        self.at = at + 1
        if head < 0xC0:
            return self.take(self._length_after(head))
        if head <= 0xC2:
            return b"%d" % int.from_bytes(self.take(1 << (head - 0xC0)), "little", signed=True)
        if head == 0xC3:
            return self._compressed()
        raise FormatError(f"no string: 0x{head:02x}")

    def _compressed(self) -> bytes:
        used, size = self.length(), self.length()
        compressed = self.take(used)
        self.expanded += size
        if self.expanded > EXPANDED_BYTES_MAX:
            raise FormatError("stands for too much")
        try:
            return lzf_decompress(compressed, size)
        except ValueError as error:
            raise FormatError(str(error)) from None
