"""Reading the bits of strings of any kind: one of them, how many, where, and whole strings combined.

A string is looked at in segments of 1024 bytes, lowest bit first as bitmaps are stored, each an integer in the making:
counting and combining cost a few operations on long integers for each segment, and nothing for those that were never
written. Bit n of the string is bit n of it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from operator import and_, or_, xor

from slotrocks.engine._engine import CF_DEFAULT, TYPE_BITMAP, Metadata, Transaction
from slotrocks.engine.layout import BITMAP_SEGMENT_BYTES
from slotrocks.engine.types import bitmap, text, work
from slotrocks.engine.types.bitmap import MIRROR, SEGMENT_BITS
from slotrocks.engine.types.work import Work

AND, OR, XOR, NOT = "AND", "OR", "XOR", "NOT"
_OPERATIONS: dict[str, Callable[[int, int], int]] = {AND: and_, OR: or_, XOR: xor}


class Bits:
    """The bits of a living string as they are now. `size` is in bytes."""

    __slots__ = ("_flat", "_m", "_txn", "size")

    def __init__(self, txn: Transaction, m: Metadata) -> None:
        self._txn = txn
        self._m = m
        self._flat = None if m.type == TYPE_BITMAP else text.read(txn, m)
        self.size = m.size if self._flat is None else len(self._flat)

    @property
    def in_memory(self) -> bool:
        """Whether what gather() shows cannot change any more."""
        return self._flat is not None

    def gather(self, first: int, end: int) -> Iterator[tuple[int, bytes | None]]:
        """(number, segment or None) of the segments `first` to before `end`, in this order."""
        if self._flat is None:
            return bitmap.gather(self._txn, self._m, first, end)
        return ((index, self._flat_segment(index)) for index in range(first, end))

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """(number, segment) of all segments that are there, in the order of their names."""
        if self._flat is None:
            return bitmap.rows(self._txn, self._m)
        names = bitmap.names_in_order(bitmap.segment_count(self.size))
        return ((index, self._flat_segment(index)) for index in names)

    def _flat_segment(self, index: int) -> bytes:
        assert self._flat is not None
        begin = index * BITMAP_SEGMENT_BYTES
        return self._flat[begin : begin + BITMAP_SEGMENT_BYTES].translate(MIRROR)


def find(txn: Transaction, key: bytes) -> Bits | None:
    """The bits of a living string, or None. Raises WrongTypeError."""
    m = text.find(txn, key)
    return None if m is None else Bits(txn, m)


def get_bit(txn: Transaction, m: Metadata, position: int) -> int:
    """One bit of a living string; 0 beyond its end."""
    index, within = divmod(position, SEGMENT_BITS)
    if m.type == TYPE_BITMAP:
        row = txn.get(CF_DEFAULT, txn.codec.subkey(m.key, m.version, bitmap.row_name(index)))
        return 0 if row is None or within >> 3 >= len(row) else row[within >> 3] >> (within & 7) & 1
    byte = text.read_part(txn, m, position >> 3, (position >> 3) + 1)
    return byte[0] >> (7 - (position & 7)) & 1 if byte else 0


# -- counting and searching: ranges of bits, both ends included


def within(row: bytes, index: int, first: int, last: int) -> tuple[int, int, int]:
    """(the bits of segment `index` that are in the range, as an integer; where they begin in the string; how many).

    The range must touch the segment.
    """
    base = index * SEGMENT_BITS
    begin, end = max(first, base), min(last, base + SEGMENT_BITS - 1)
    number = int.from_bytes(row, "little") >> (begin - base)
    width = end - begin + 1
    return number & ((1 << width) - 1), begin, width


def count(bits: Bits, first: int, last: int) -> Work[int]:
    """How many bits from `first` to `last` are set; `last` must not be beyond the end."""
    low, high = first // SEGMENT_BITS, last // SEGMENT_BITS
    by_number = bits.in_memory or high - low < bitmap.GATHERED_MAX
    total = 0
    for n, (index, row) in enumerate(bits.gather(low, high + 1) if by_number else bits.rows(), 1):
        if row is not None:
            if low < index < high:
                total += int.from_bytes(row, "little").bit_count()
            elif low <= index <= high:
                total += within(row, index, first, last)[0].bit_count()
        if n % work.STEP_ROWS == 0 and (bits.in_memory or not by_number):
            yield
    return total


def search(bits: Bits, bit: int, first: int, last: int) -> Work[int]:
    """The position of the first 0 or 1 from `first` to `last` (not beyond the end), -1 if there is none.

    The segments near the beginning are looked at in order; if that does not end it, all others in any order.
    """
    low, high = first // SEGMENT_BITS, last // SEGMENT_BITS
    near = high + 1 if bits.in_memory else min(low + bitmap.GATHERED_MAX, high + 1)
    rest = bits.rows() if near <= high else iter(())
    for n, (index, row) in enumerate(bits.gather(low, near), 1):
        position = search_segment(row or b"", index, bit, first, last)
        if position >= 0:
            return position
        if n % work.STEP_ROWS == 0 and bits.in_memory:
            yield
    best = last + 1
    seen = bytearray(high + 1)  # segments that have a row
    for n, (index, row) in enumerate(rest, 1):
        if near <= index <= high:
            seen[index] = 1
            position = search_segment(row, index, bit, first, last) if index * SEGMENT_BITS < best else -1
            if position >= 0:
                best = min(best, position)
        if n % work.STEP_ROWS == 0:
            yield
    if bit == 0:
        hole = seen.find(0, near)
        if hole >= 0:
            best = min(best, hole * SEGMENT_BITS)
    return best if best <= last else -1


def search_segment(row: bytes, index: int, bit: int, first: int, last: int) -> int:
    """The position in the string of the first 0 or 1 in a segment and in the range, or -1."""
    number, begin, width = within(row, index, first, last)
    if bit == 0:
        number ^= (1 << width) - 1
    return begin + (number & -number).bit_length() - 1 if number else -1


# -- combining


def combine(operation: str, sources: list[Bits | None], size: int) -> Work[list[tuple[int, bytes]]]:
    """The segments of the combination of several strings (of one: NOT), None standing for no key; `size` is that of the
    longest. Segments of zeros are left out."""
    if operation == AND and None in sources:
        return []
    present = [source for source in sources if source is not None]
    result: list[tuple[int, bytes]] = []
    steps = inverted(present[0]) if operation == NOT else joined(_OPERATIONS[operation], present)
    for n, (index, number) in enumerate(steps, 1):
        if number:
            width = min(BITMAP_SEGMENT_BYTES, size - index * BITMAP_SEGMENT_BYTES)
            result.append((index, number.to_bytes(width, "little")))
        if n % work.STEP_ROWS == 0:
            yield
    return result


def inverted(source: Bits) -> Iterator[tuple[int, int]]:
    """(number, what it becomes) of every segment of a string that is inverted."""
    rows = source.rows()
    pending = next(rows, None)
    for index in bitmap.names_in_order(bitmap.segment_count(source.size)):
        number = 0
        if pending is not None and pending[0] == index:
            number = int.from_bytes(pending[1], "little")
            pending = next(rows, None)
        width = min(SEGMENT_BITS, (source.size - index * BITMAP_SEGMENT_BYTES) * 8)
        yield index, ~number & ((1 << width) - 1)


def joined(operate: Callable[[int, int], int], sources: list[Bits]) -> Iterator[tuple[int, int]]:
    """(number, what it becomes) of every segment that some of the strings have."""
    scans = [source.rows() for source in sources]
    heads = [next(scan, None) for scan in scans]
    while True:
        names = [bitmap.row_name(head[0]) for head in heads if head is not None]
        if not names:
            return
        index = int(min(names)) // BITMAP_SEGMENT_BYTES
        numbers = []
        for i, head in enumerate(heads):
            if head is not None and head[0] == index:
                numbers.append(int.from_bytes(head[1], "little"))
                heads[i] = next(scans[i], None)
            else:
                numbers.append(0)
        yield index, reduce(operate, numbers)
