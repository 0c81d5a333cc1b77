"""What Redis calls a string: plain strings, and the bitmaps and HyperLogLogs that Kvrocks stores in forms of their own.

Redis has one type for the three, so whatever reads strings reads all of them, and whatever writes one as a whole or in
part leaves a plain string behind. docs/decisions/0008-bitmaps-are-strings.md says why.
"""

from __future__ import annotations

from slotrocks.engine._engine import (
    TYPE_BITMAP,
    TYPE_HYPERLOGLOG,
    TYPE_STRING,
    Metadata,
    Transaction,
    WrongTypeError,
)
from slotrocks.engine.types import bitmap, hyperloglog
from slotrocks.engine.types.work import Work, complete

TYPES = frozenset((TYPE_STRING, TYPE_BITMAP, TYPE_HYPERLOGLOG))


def find(txn: Transaction, key: bytes) -> Metadata | None:
    """The metadata of a living string of any kind, or None. Raises WrongTypeError."""
    found = txn.lookup(key)
    if found is not None and found.type not in TYPES:
        raise WrongTypeError
    return found


def read(txn: Transaction, m: Metadata) -> bytes:
    """The whole string. Raises WrongTypeError."""
    return m.payload if m.type == TYPE_STRING else complete(reading(txn, m, 0, length(m)))


def read_part(txn: Transaction, m: Metadata, start: int, end: int) -> bytes:
    """The bytes `start` to before `end`, neither negative. Raises WrongTypeError."""
    return complete(reading(txn, m, start, end))


def reading(txn: Transaction, m: Metadata, start: int, end: int) -> Work[bytes]:
    """As read_part(), for a string that may be large."""
    if m.type == TYPE_BITMAP:
        return (yield from bitmap.read(txn, m, start, end))
    if m.type == TYPE_HYPERLOGLOG:
        return hyperloglog.encode_string(hyperloglog.registers_of(txn, m))[start:end]
    if m.type == TYPE_STRING:
        return m.payload[start:end]
    raise WrongTypeError


def length(m: Metadata) -> int:
    """How many bytes the string has."""
    if m.type == TYPE_BITMAP:
        return m.size
    return hyperloglog.DENSE_BYTES if m.type == TYPE_HYPERLOGLOG else len(m.payload)
