"""Ids of stream entries: milliseconds and a sequence number, 64 bits each, written "ms-seq" and ordered as pairs.

The bytes of an id (8 + 8, big-endian) sort as ids do. 0-0 is before every entry: no entry has it.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

U64_MAX = 2**64 - 1
_ID = struct.Struct(">QQ")
# Redis reads a half of an id with strtoull(), unless it is a plain integer.
_HALF = re.compile(rb"[ \t\n\v\f\r]*\+?([0-9]+)")
_TEXT_BYTES_MAX = 127


class StreamID(NamedTuple):
    """An id, or a place between ids."""

    ms: int
    seq: int

    def encode(self) -> bytes:
        return _ID.pack(self.ms, self.seq)

    @classmethod
    def decode(cls, data: bytes) -> StreamID:
        """The inverse of encode(). Raises struct.error unless given 16 bytes."""
        return cls(*_ID.unpack(data))

    @property
    def text(self) -> bytes:
        """The id as clients see it."""
        return b"%d-%d" % self

    def after(self) -> StreamID:
        """The next id. Raises OverflowError for the last one."""
        if self.seq < U64_MAX:
            return StreamID(self.ms, self.seq + 1)
        if self.ms == U64_MAX:
            raise OverflowError
        return StreamID(self.ms + 1, 0)

    def before(self) -> StreamID:
        """The id before. Raises OverflowError for 0-0."""
        if self.seq:
            return StreamID(self.ms, self.seq - 1)
        if self.ms == 0:
            raise OverflowError
        return StreamID(self.ms - 1, U64_MAX)


FIRST = StreamID(0, 0)
LAST = StreamID(U64_MAX, U64_MAX)


def parse_id(text: bytes, missing_seq: int = 0) -> StreamID:
    """The id that a client wrote; the sequence number may be left out. Raises ValueError."""
    if len(text) > _TEXT_BYTES_MAX:
        raise ValueError("too long")
    ms, dash, seq = text.partition(b"-")
    return StreamID(_parse_half(ms), _parse_half(seq) if dash else missing_seq)


def _parse_half(text: bytes) -> int:
    match = _HALF.fullmatch(text)
    if match is None or (value := int(match[1])) > U64_MAX:
        raise ValueError(f"not half of an id: {text!r}")
    return value
