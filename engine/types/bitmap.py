"""Bitmaps as Kvrocks stores them: rows of up to 1024 bytes, the row of byte offset n under the decimal number n.

    metadata: size = bytes that the bitmap has         "0", "1024", "2048" ... -> up to 1024 bytes, lowest bit first

A row that was never written, and what a short row lacks, are zeros, so a bitmap takes the room of what is set in it. A
row may be longer than the bitmap (it grows by doubling); it has zeros there. Bit n of a row is bit n of the integer
that its bytes are in little-endian order, which is how ranges of bits are worked on here; the string that Redis has
has the highest bit of a byte first.

Rows sort by their decimal names, not by number: whoever reads many of them gets them in that order.
"""

from __future__ import annotations

from collections.abc import Iterator

from slotrocks.engine._engine import CF_DEFAULT, TYPE_BITMAP, Metadata, Transaction
from slotrocks.engine.layout import BITMAP_SEGMENT_BYTES
from slotrocks.engine.types import work
from slotrocks.engine.types.work import Work

SEGMENT_BITS = BITMAP_SEGMENT_BYTES * 8
# A bitmap's size is at most what Kvrocks can address: offsets of bits have 32 bits.
BITS_MAX = 2**32
# Up to so many segments (4 MiB) are asked for by number, some at a time; of a wider range all rows are looked at.
GATHERED_MAX = 4096
GATHERED_AT_ONCE = 64

# Each byte with its bits in the opposite order: from stored bytes to Redis's and back.
MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def row_name(index: int) -> bytes:
    """The sub-key of a segment."""
    return b"%d" % (index * BITMAP_SEGMENT_BYTES)


def names_in_order(count: int) -> list[int]:
    """The numbers of `count` segments in the order of their rows."""
    return sorted(range(count), key=row_name)


def segment_count(size: int) -> int:
    """How many segments a bitmap of so many bytes has."""
    return -(-size // BITMAP_SEGMENT_BYTES)


def gather(txn: Transaction, m: Metadata, first: int, end: int) -> Iterator[tuple[int, bytes | None]]:
    """(number, row or None) of the segments `first` to before `end`."""
    subkey, key, version = txn.codec.subkey, m.key, m.version
    for begin in range(first, end, GATHERED_AT_ONCE):
        indexes = range(begin, min(begin + GATHERED_AT_ONCE, end))
        rows = txn.get_many(CF_DEFAULT, [subkey(key, version, row_name(index)) for index in indexes])
        yield from zip(indexes, rows, strict=True)


def rows(txn: Transaction, m: Metadata) -> Iterator[tuple[int, bytes]]:
    """(number, row) of every row that there is, in the order of the rows, as of now."""
    begin, end = txn.codec.subkey_range(m.key, m.version)
    head = len(begin)
    for storage_key, row in txn.scan(CF_DEFAULT, begin, end):
        yield int(storage_key[head:]) // BITMAP_SEGMENT_BYTES, row


def read(txn: Transaction, m: Metadata, start: int, end: int) -> Work[bytes]:
    """The bytes `start` to before `end` of the string that Redis has for this bitmap; none beyond its size."""
    end = min(end, m.size)
    if start >= end:
        return b""
    first, last = start // BITMAP_SEGMENT_BYTES, segment_count(end)
    base = first * BITMAP_SEGMENT_BYTES
    if last - first == 1:
        ((_, row),) = gather(txn, m, first, last)
        return (row or b"")[start - base : end - base].translate(MIRROR).ljust(end - start, b"\0")
    value = bytearray((last - first) * BITMAP_SEGMENT_BYTES)
    all_rows = last - first > GATHERED_MAX
    for n, (index, row) in enumerate(rows(txn, m) if all_rows else gather(txn, m, first, last), 1):
        if row and first <= index < last:
            offset = index * BITMAP_SEGMENT_BYTES - base
            value[offset : offset + len(row)] = row.translate(MIRROR)
        if all_rows and n % work.STEP_ROWS == 0:
            yield
    return bytes(memoryview(value)[start - base : end - base])


def expanded(row: bytes, size: int) -> bytes:
    """A row with room for `size` bytes at least: twice as long as before, or as long as needed."""
    if len(row) >= size:
        return row
    if size > 2 * len(row):
        return row.ljust(size, b"\0")
    return row.ljust(min(2 * len(row), BITMAP_SEGMENT_BYTES), b"\0")


def store(
    txn: Transaction, key: bytes, size: int, segments: list[tuple[int, bytes]], *, expire_ms: int = 0
) -> None:  # fmt: skip
    """Makes the key a bitmap of `size` bytes with these rows, whatever it held."""
    version = txn.new_version()
    txn.store_metadata(
        key, Metadata(TYPE_BITMAP, expire_ms=expire_ms, version=version, size=size, key=key), txn.lookup_any(key)
    )
    subkey = txn.codec.subkey
    for index, row in segments:
        txn.put(CF_DEFAULT, subkey(key, version, row_name(index)), row)
