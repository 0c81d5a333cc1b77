"""Keys of any type: delete, expire, copy, enumerate.

Enumeration walks the metadata rows in storage order (cluster mode: by slot, then key), so a position in it is a
storage key, and every key that exists all the while is met exactly once, whatever is written meanwhile.
"""

from collections.abc import Iterator
from random import Random

from slotrocks.engine._engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    CF_STREAM,
    CF_ZSET_SCORE,
    COLUMN_FAMILIES,
    EXPIRY_PREFIX,
    TYPE_JSON,
    TYPE_STREAM,
    TYPE_STRING,
    TYPE_ZSET,
    Metadata,
    Transaction,
    live_type,
    prefix_end,
)

# RANDOMKEY halves a range of keys in at most so many steps, and begins anew this often when it ends at a dead key.
RANDOM_STEPS_MAX = 128
RANDOM_TRIES_MAX = 4


def delete(txn: Transaction, key: bytes) -> bool:
    """Deletes a key. Whether there was one (a dead one is left to the expiry)."""
    found = txn.lookup(key)
    if found is None:
        return False
    txn.remove(found)
    return True


def set_expiry(txn: Transaction, found: Metadata, expire_ms: int) -> None:
    """Gives a living key another absolute expiry, 0 for none. A time that is not in the future deletes the key."""
    if 0 < expire_ms <= txn.now_ms:
        txn.remove(found)
        return
    new = Metadata(found.type, expire_ms=expire_ms, version=found.version, size=found.size, payload=found.payload)
    txn.store_metadata(found.key, new, found)


def subkey_families(type_id: int) -> tuple[int, ...]:
    """The column families that hold the rows of a key of this type, besides its metadata."""
    if type_id in (TYPE_STRING, TYPE_JSON):
        return ()
    if type_id == TYPE_STREAM:
        return (CF_STREAM,)
    return (CF_DEFAULT, CF_ZSET_SCORE) if type_id == TYPE_ZSET else (CF_DEFAULT,)


def copy(txn: Transaction, source: Metadata, target: bytes) -> None:
    """Copies a living key with all its rows and its expiry over the key `target`, whatever that held."""
    families = subkey_families(source.type)
    version = txn.new_version() if families else 0
    new = Metadata(source.type, expire_ms=source.expire_ms, version=version, size=source.size, payload=source.payload)
    txn.store_metadata(target, new, txn.lookup_any(target))
    codec = txn.codec
    begin, end = codec.subkey_range(source.key, source.version)
    for cf in families:
        for storage_key, value in list(txn.scan(cf, begin, end)):
            txn.put(cf, codec.subkey(target, version, storage_key[len(begin) :]), value)


def rename(txn: Transaction, source: Metadata, target: bytes) -> None:
    """Moves a living key over the key `target`, which must be another one."""
    copy(txn, source, target)
    txn.remove(source)


def walk(txn: Transaction, begin: bytes, end: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, int]]:
    """(storage key, type) of the metadata rows from `begin` to before `end`; type 0 stands for a dead key."""
    now_ms = txn.now_ms
    for storage_key, row in txn.scan(CF_METADATA, begin, end, reverse):
        yield storage_key, live_type(row, now_ms)


def count(txn: Transaction) -> int:
    """How many keys there are, by looking at all of them."""
    return sum(1 for _, type_id in walk(txn, *txn.codec.namespace_range()) if type_id)


def random_key(txn: Transaction, rng: Random) -> bytes | None:
    """A key chosen at random, None if there is none.

    Found by halving: a random point between the first and the last key decides for the keys before it or those from it
    on, the likelier the farther it is from that end. So every key can be met, though not with equal chance.
    """
    begin, end = txn.codec.namespace_range()
    for _ in range(RANDOM_TRIES_MAX):
        first = next(walk(txn, begin, end), None)
        if first is None:
            return None
        last = next(walk(txn, begin, end, reverse=True))
        for _ in range(RANDOM_STEPS_MAX):
            if first == last:
                break
            point, share = random_between(first[0], last[0], rng)
            if rng.random() < share:
                last = next(walk(txn, first[0], point, reverse=True))
            else:
                first = next(walk(txn, point, last[0] + b"\0"))
        storage_key, type_id = first
        if type_id:
            return txn.codec.user_key(storage_key)
    # Most keys are dead: then the first living one will do.
    living = (storage_key for storage_key, type_id in walk(txn, begin, end) if type_id)
    return next((txn.codec.user_key(storage_key) for storage_key in living), None)


def random_between(low: bytes, high: bytes, rng: Random) -> tuple[bytes, float]:
    """A point with `low` < point <= `high`, evenly spread over the 8 bytes after their common beginning, and where
    between the two it lies (0 = at `low`). `low` must sort before `high`."""
    shared = 0
    while shared < len(low) and low[shared] == high[shared]:
        shared += 1
    a = int.from_bytes(low[shared : shared + 8].ljust(8, b"\0"), "big")
    b = int.from_bytes(high[shared : shared + 8].ljust(8, b"\0"), "big")
    if a == b:  # they differ by zero bytes at the end only
        return high, 0.5
    point = rng.randint(a + 1, b)
    # Never beyond `high`, which may be shorter than 8 bytes here.
    return min(high[:shared] + point.to_bytes(8, "big"), high), (point - a) / (b - a)


def flush(txn: Transaction) -> None:
    """Deletes every key."""
    begin, end = txn.codec.namespace_range()
    for cf in range(len(COLUMN_FAMILIES)):
        if cf != CF_PROPAGATE:
            txn.delete_range(cf, begin, end)
    txn.delete_range(CF_PROPAGATE, EXPIRY_PREFIX, prefix_end(EXPIRY_PREFIX))
