"""Strings: the whole value is the payload of the key's metadata row.

Functions that change a value keep the key's expiry, those that set it drop it or set another, as in Redis. Lengths are
checked before anything is allocated. All of them raise WrongTypeError for a key of another type, except
get_many(), which shows other types as absent. Setting a key, whatever it held, is Transaction.set_string(). A bitmap or
a HyperLogLog is read as the string that it is in Redis, and whoever changes it makes it a plain string
(engine/types/text.py).
"""

from slotrocks.engine._engine import (
    CF_METADATA,
    TYPE_STRING,
    Transaction,
    WrongTypeError,
    decode_metadata,
    incr_by_float,
    parse_int,
)
from slotrocks.engine.types import text

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
# Redis stores a string of up to this many bytes in one allocation with its header, which OBJECT ENCODING calls embstr.
EMBSTR_BYTES_MAX = 44


class NotANumberError(Exception):
    """The stored string is not a number of the kind that the operation needs."""


class TooLongError(Exception):
    """The result would be longer than a string may be."""


def get_many(txn: Transaction, keys: list[bytes]) -> list[bytes | None]:
    """The values of several keys, None for each that is absent or not a string."""
    metadata_key, now_ms = txn.codec.metadata_key, txn.now_ms
    values: list[bytes | None] = []
    for key, row in zip(keys, txn.get_many(CF_METADATA, [metadata_key(key) for key in keys]), strict=True):
        m = None if row is None else decode_metadata(row)
        if m is not None and m.type != TYPE_STRING:
            m = txn.lookup(key)  # with its key, which its rows are found by
            values.append(text.read(txn, m) if m is not None and m.type in text.TYPES else None)
        else:
            values.append(m.payload if m is not None and m.alive(now_ms) else None)
    return values


def read(txn: Transaction, key: bytes) -> bytes | None:
    """The string at a key, of any kind; None if there is none."""
    try:
        return txn.string(key)
    except WrongTypeError:
        found = text.find(txn, key)
        assert found is not None
        return text.read(txn, found)


def increment(txn: Transaction, key: bytes, by: int) -> int:
    """Adds to the integer that the key holds (0 when absent). Raises NotANumberError, OverflowError (beyond 64
    bits)."""
    before = read(txn, key)
    try:
        value = 0 if before is None else parse_int(before)
    except ValueError:
        raise NotANumberError from None
    value += by
    if not INT64_MIN <= value <= INT64_MAX:
        raise OverflowError
    txn.set_string(key, b"%d" % value, keep_expiry=True)
    return value


def increment_float(txn: Transaction, key: bytes, by: bytes) -> bytes:
    """Adds a number, as the client spelled it, to the one that the key holds. Raises NotANumberError (either of the
    two), OverflowError (the sum is infinite)."""
    before = read(txn, key)
    try:
        value = incr_by_float(b"0" if before is None else before, by)
    except ValueError:
        raise NotANumberError from None
    txn.set_string(key, value, keep_expiry=True)
    return value


def append(txn: Transaction, key: bytes, data: bytes, bytes_max: int) -> int:
    """Appends to the value; its new length. Raises TooLongError."""
    before = read(txn, key)
    if before is not None and len(before) + len(data) > bytes_max:
        raise TooLongError
    value = data if before is None else before + data
    txn.set_string(key, value, keep_expiry=True)
    return len(value)


def window(size: int, start: int, end: int) -> tuple[int, int]:
    """(first, end) of the bytes from `start` to `end` of so many, both included; negative ones count from the end."""
    if start < 0 and end < 0 and start > end:
        return 0, 0
    return max(start + size if start < 0 else start, 0), max(end + size if end < 0 else end, 0) + 1


def set_range(txn: Transaction, key: bytes, offset: int, data: bytes, bytes_max: int) -> int:
    """Overwrites the value from `offset` (not negative) on, zero bytes filling a gap; its new length. Without `data`
    nothing changes. Raises TooLongError."""
    before = read(txn, key) or b""
    if not data:
        return len(before)
    end = offset + len(data)
    if end > bytes_max:
        raise TooLongError
    value = b"".join((before[:offset].ljust(offset, b"\0"), data, before[end:]))
    txn.set_string(key, value, keep_expiry=True)
    return len(value)


def encoding(value: bytes) -> str:
    """What OBJECT ENCODING says of a string that was just set."""
    try:
        parse_int(value)
    except ValueError:
        return "embstr" if len(value) <= EMBSTR_BYTES_MAX else "raw"
    return "int"
