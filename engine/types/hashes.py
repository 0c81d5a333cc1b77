"""Hashes: a row for each field, `field -> value`.

What reads takes the hash's metadata, as collection.find() gives it; what writes takes the key and raises WrongTypeError
for a key of another type.
"""

from __future__ import annotations

from slotrocks.engine._engine import CF_DEFAULT, TYPE_HASH, Metadata, Transaction, incr_by_float, parse_int
from slotrocks.engine.types import collection, elements
from slotrocks.engine.types.string import INT64_MAX, INT64_MIN, NotANumberError


def get(txn: Transaction, m: Metadata, field: bytes) -> bytes | None:
    """The value of a field, or None."""
    value: bytes | None = txn.get(CF_DEFAULT, txn.codec.subkey(m.key, m.version, field))
    return value


def put_many(txn: Transaction, key: bytes, pairs: dict[bytes, bytes]) -> int:
    """Sets fields to values. How many fields are new."""
    m, old = collection.open_for_write(txn, key, TYPE_HASH)
    subkey, version = txn.codec.subkey, m.version
    storage_keys = [subkey(key, version, field) for field in pairs]
    before = txn.get_many(CF_DEFAULT, storage_keys) if m.size else [None] * len(storage_keys)
    added = 0
    for storage_key, value, present in zip(storage_keys, pairs.values(), before, strict=True):
        if present != value:
            txn.put(CF_DEFAULT, storage_key, value)
            added += present is None
    elements.on_put(txn, key, m, old, added)
    return added


def put_new(txn: Transaction, key: bytes, field: bytes, value: bytes) -> bool:
    """Sets a field unless it exists. Whether it was set."""
    m, old = collection.open_for_write(txn, key, TYPE_HASH)
    storage_key = txn.codec.subkey(key, m.version, field)
    if m.size and txn.get(CF_DEFAULT, storage_key) is not None:
        return False
    txn.put(CF_DEFAULT, storage_key, value)
    elements.on_put(txn, key, m, old, 1)
    return True


def remove(txn: Transaction, key: bytes, fields: list[bytes]) -> int:
    """Deletes fields, and with the last one the key. How many there were."""
    m = collection.find(txn, key, TYPE_HASH)
    return 0 if m is None else elements.remove(txn, m, fields)


def increment(txn: Transaction, key: bytes, field: bytes, by: int) -> int:
    """Adds to the integer of a field (0 when absent). Raises NotANumberError, OverflowError (beyond 64 bits)."""
    m, old = collection.open_for_write(txn, key, TYPE_HASH)
    storage_key = txn.codec.subkey(key, m.version, field)
    before = txn.get(CF_DEFAULT, storage_key) if m.size else None
    try:
        value = 0 if before is None else parse_int(before)
    except ValueError:
        raise NotANumberError from None
    value += by
    if not INT64_MIN <= value <= INT64_MAX:
        raise OverflowError
    txn.put(CF_DEFAULT, storage_key, b"%d" % value)
    elements.on_put(txn, key, m, old, before is None)
    return value


def increment_float(txn: Transaction, key: bytes, field: bytes, by: bytes) -> bytes:
    """Adds a number, which must be one, to that of a field (0 when absent). Raises NotANumberError, OverflowError (the
    sum is infinite)."""
    m, old = collection.open_for_write(txn, key, TYPE_HASH)
    storage_key = txn.codec.subkey(key, m.version, field)
    before = txn.get(CF_DEFAULT, storage_key) if m.size else None
    try:
        value = incr_by_float(b"0" if before is None else before, by)
    except ValueError:
        raise NotANumberError from None
    txn.put(CF_DEFAULT, storage_key, value)
    elements.on_put(txn, key, m, old, before is None)
    return value
