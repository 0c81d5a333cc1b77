"""Changing bits: one at a time, or some bytes of a string that is edited.

A string that is there keeps its kind, a plain one is written anew as a whole; a key that is not there becomes a bitmap,
as in Kvrocks. Only what changes is written.
"""

from __future__ import annotations

from slotrocks.engine._engine import CF_DEFAULT, TYPE_BITMAP, TYPE_STRING, Metadata, Transaction
from slotrocks.engine.layout import BITMAP_SEGMENT_BYTES
from slotrocks.engine.types import bitmap, text
from slotrocks.engine.types.bitmap import MIRROR, SEGMENT_BITS


def set_bit(txn: Transaction, key: bytes, position: int, bit: int) -> int:
    """Sets one bit, making room for it; what it was. A key that is not there becomes a bitmap. Raises
    WrongTypeError."""
    old = txn.lookup_any(key)
    living = old is not None and old.alive(txn.now_ms)
    if living and old is not None and old.type != TYPE_BITMAP:
        editor = FlatEditor(txn, key, old)
        before = editor.read(position >> 3, 1)[0]
        after = before & ~(0x80 >> (position & 7)) | (bit << (7 - (position & 7)))
        editor.grow((position >> 3) + 1)
        editor.write(position >> 3, bytes((after,)))
        editor.close()
        return before >> (7 - (position & 7)) & 1
    m = old if living and old is not None else Metadata(TYPE_BITMAP, version=txn.new_version(), key=key)
    index, within_ = divmod(position, SEGMENT_BITS)
    offset, mask = within_ >> 3, 1 << (within_ & 7)
    row_key = txn.codec.subkey(key, m.version, bitmap.row_name(index))
    stored = txn.get(CF_DEFAULT, row_key) or b"" if living else b""
    row = bitmap.expanded(stored, offset + 1)
    before = int(row[offset] & mask != 0)
    if bit != before:
        changed = bytearray(row)
        changed[offset] ^= mask
        row = bytes(changed)
    if row is not stored:
        txn.put(CF_DEFAULT, row_key, row)
    size = (position >> 3) + 1
    if size > m.size:
        m.size = size
        txn.store_metadata(key, m, old)
    elif row is not stored:
        txn.touch(key)
    return before


class FlatEditor:
    """A plain string that is being changed byte by byte. Nothing is written before close()."""

    def __init__(self, txn: Transaction, key: bytes, m: Metadata) -> None:
        """`m` is a living key's. Raises WrongTypeError."""
        self._txn = txn
        self._key = key
        self._m = m
        self._before = text.read(txn, m)
        self._value = bytearray(self._before)

    def read(self, start: int, count: int) -> bytes:
        """`count` bytes from `start` on, zeros beyond the end."""
        return bytes(self._value[start : start + count]).ljust(count, b"\0")

    def grow(self, size: int) -> None:
        """Makes the string so long at least."""
        self._value.extend(bytes(max(size - len(self._value), 0)))

    def write(self, start: int, data: bytes) -> None:
        """Overwrites bytes within the string."""
        self._value[start : start + len(data)] = data

    def close(self) -> None:
        """Stores the string if it changed."""
        if self._value != self._before:
            plain = Metadata(TYPE_STRING, expire_ms=self._m.expire_ms, payload=bytes(self._value), key=self._key)
            self._txn.store_metadata(self._key, plain, self._m)


class BitmapEditor:
    """A bitmap, perhaps a new one, that is being changed byte by byte. Nothing is written before close()."""

    def __init__(self, txn: Transaction, key: bytes, m: Metadata | None, old: Metadata | None) -> None:
        """`m` is a living bitmap's metadata, `old` whatever the key has."""
        self._txn = txn
        self._key = key
        self._old = old
        self._is_new = m is None
        self._m = Metadata(TYPE_BITMAP, version=txn.new_version(), key=key) if m is None else m
        self._size = self._m.size
        self._rows: dict[int, bytearray] = {}
        self._changed: set[int] = set()

    def read(self, start: int, count: int) -> bytes:
        """`count` bytes from `start` on, zeros beyond the end."""
        index, offset = divmod(start, BITMAP_SEGMENT_BYTES)
        here = min(count, BITMAP_SEGMENT_BYTES - offset)
        data = bytes(self._row(index)[offset : offset + here]).ljust(here, b"\0").translate(MIRROR)
        return data if here == count else data + self.read(start + here, count - here)

    def grow(self, size: int) -> None:
        """Makes the bitmap so long at least."""
        self._size = max(self._size, size)

    def write(self, start: int, data: bytes) -> None:
        """Overwrites bytes within the bitmap."""
        index, offset = divmod(start, BITMAP_SEGMENT_BYTES)
        here, rest = data[: BITMAP_SEGMENT_BYTES - offset], data[BITMAP_SEGMENT_BYTES - offset :]
        if here != self.read(start, len(here)):
            row = self._row(index)
            row.extend(bytes(max(offset + len(here) - len(row), 0)))
            row[offset : offset + len(here)] = here.translate(MIRROR)
            self._changed.add(index)
        if rest:
            self.write(start + len(here), rest)

    def _row(self, index: int) -> bytearray:
        row = self._rows.get(index)
        if row is None:
            stored = None if self._is_new else self._txn.get(CF_DEFAULT, self._row_key(index))
            row = self._rows[index] = bytearray(stored or b"")
        return row

    def _row_key(self, index: int) -> bytes:
        return self._txn.codec.subkey(self._key, self._m.version, bitmap.row_name(index))

    def close(self) -> None:
        """Stores what changed."""
        for index in self._changed:
            self._txn.put(CF_DEFAULT, self._row_key(index), bytes(self._rows[index]))
        if self._size > self._m.size:
            self._m.size = self._size
            self._txn.store_metadata(self._key, self._m, self._old)
        elif self._changed:
            self._txn.touch(self._key)


Editor = FlatEditor | BitmapEditor


def edit(txn: Transaction, key: bytes) -> Editor:
    """Begins to change a string; a key that is not there becomes a bitmap. Raises WrongTypeError."""
    old = txn.lookup_any(key)
    if old is None or not old.alive(txn.now_ms):
        return BitmapEditor(txn, key, None, old)
    return BitmapEditor(txn, key, old, old) if old.type == TYPE_BITMAP else FlatEditor(txn, key, old)
