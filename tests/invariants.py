"""What must be true of a database whatever happened to it, a function for each type. They return what is wrong.

The store must have no pending transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_ZSET_SCORE,
    TYPE_BITMAP,
    TYPE_HASH,
    TYPE_HYPERLOGLOG,
    TYPE_LIST,
    TYPE_NAMES,
    TYPE_SET,
    TYPE_ZSET,
    Metadata,
    Store,
    decode_metadata,
)
from slotrocks.engine.layout import BITMAP_SEGMENT_BYTES, HLL_SEGMENT_BYTES, HLL_SEGMENTS, ListBounds, decode_u64


def collections_of(store: Store, kind: int) -> dict[tuple[bytes, int], Metadata]:
    """The metadata of every key of a type, dead ones too, by key and version."""
    found = {}
    for storage_key, row in store.scan(CF_METADATA, *store.codec.namespace_range()):
        metadata = decode_metadata(row)
        if metadata.type == kind:
            found[store.codec.user_key(storage_key), metadata.version] = metadata
    return found


def element_rows(store: Store) -> Iterator[tuple[bytes, int, bytes]]:
    """(key, version, sub-key) of every row of column family default."""
    for storage_key, _ in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        yield store.codec.decode_subkey(storage_key)


def orphans(store: Store) -> list[str]:
    """Rows of column family default that belong to no key."""
    owners: set[tuple[bytes, int]] = set()
    for kind in range(1, len(TYPE_NAMES)):
        owners |= collections_of(store, kind).keys()
    rows = element_rows(store)
    return [f"{key!r} has no version {version}: {sub!r}" for key, version, sub in rows if (key, version) not in owners]


def element_counts(store: Store, kind: int) -> list[str]:
    """Keys of a type with one row of column family default for each element, whose size is not the number of them."""
    known = collections_of(store, kind)
    rows = element_rows(store)
    counted = Counter((key, version) for key, version, _ in rows)
    return [
        f"{TYPE_NAMES[kind]} {key!r} has size {metadata.size} and {counted[key, version]} rows"
        for (key, version), metadata in known.items()
        if metadata.size != counted[key, version] or metadata.size == 0
    ]


def hashes(store: Store) -> list[str]:
    """Each hash has as many fields as it says, and at least one."""
    return element_counts(store, TYPE_HASH)


def sets(store: Store) -> list[str]:
    """Each set has as many members as it says, at least one, and they have no value."""
    known = collections_of(store, TYPE_SET)
    wrong = []
    for storage_key, value in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        key, version, member = store.codec.decode_subkey(storage_key)
        if value and (key, version) in known:
            wrong.append(f"set {key!r} has a value for {member!r}")
    return wrong + element_counts(store, TYPE_SET)


def lists(store: Store) -> list[str]:
    """Each list has an element under every index from its head to before its tail, no other, and at least one."""
    known = collections_of(store, TYPE_LIST)
    indexes: dict[tuple[bytes, int], list[int]] = {owner: [] for owner in known}
    for key, version, sub in element_rows(store):
        if (key, version) in indexes:
            indexes[key, version].append(decode_u64(sub))
    wrong = []
    for (key, version), metadata in known.items():
        head, tail = ListBounds.decode(metadata.payload)
        if indexes[key, version] != list(range(head, tail)) or metadata.size != tail - head or metadata.size == 0:
            wrong.append(f"list {key!r} has size {metadata.size}, bounds {head}, {tail}, rows {indexes[key, version]}")
    return wrong


def zsets(store: Store) -> list[str]:
    """Each sorted set has as many members as it says, at least one, and its two sides are the same: a row by score for
    each row by member. No row by score belongs to anything else."""
    known = collections_of(store, TYPE_ZSET)
    sides: list[set[tuple[bytes, int, bytes]]] = [set(), set()]
    for storage_key, score in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        key, version, member = store.codec.decode_subkey(storage_key)
        if (key, version) in known:
            sides[0].add((key, version, score + member))
    for storage_key, _ in store.scan(CF_ZSET_SCORE, *store.codec.namespace_range()):
        sides[1].add(store.codec.decode_subkey(storage_key))
    odd = sides[0] ^ sides[1]
    wrong = [f"sorted set {key!r} (version {version}) has {sub!r} on one side only" for key, version, sub in odd]
    return wrong + element_counts(store, TYPE_ZSET)


def rows_of(store: Store, kind: int) -> Iterator[tuple[bytes, Metadata, bytes, bytes]]:
    """(key, its metadata, sub-key, value) of every row of column family default that belongs to a key of a type."""
    known = collections_of(store, kind)
    for storage_key, value in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        key, version, sub = store.codec.decode_subkey(storage_key)
        if (key, version) in known:
            yield key, known[key, version], sub, value


def bitmaps(store: Store) -> list[str]:
    """Each bitmap has a size, its rows are named by multiples of 1024 within it and not longer than that, and nothing
    is set behind its end. Rows may be missing."""
    wrong = [f"bitmap {key!r} is empty" for (key, _), m in collections_of(store, TYPE_BITMAP).items() if m.size == 0]
    for key, m, sub, row in rows_of(store, TYPE_BITMAP):
        named = sub.isdigit() and b"%d" % int(sub) == sub and int(sub) % BITMAP_SEGMENT_BYTES == 0
        if not named or not 0 < len(row) <= BITMAP_SEGMENT_BYTES:
            wrong.append(f"bitmap {key!r} has row {sub!r} of {len(row)} bytes")
        elif int(sub) >= m.size or any(row[m.size - int(sub) :]):
            wrong.append(f"bitmap {key!r} of {m.size} bytes has bits behind its end, in row {sub!r}")
    return wrong


def hyperloglogs(store: Store) -> list[str]:
    """Each HyperLogLog is in the dense encoding, its rows are named 0 to 15 and have 768 bytes. Rows may be missing."""
    wrong = [
        f"HyperLogLog {key!r} has size {m.size}, payload {m.payload!r}"
        for (key, _), m in collections_of(store, TYPE_HYPERLOGLOG).items()
        if m.size or m.payload != b"\0"
    ]
    names = [b"%d" % i for i in range(HLL_SEGMENTS)]
    for key, _, sub, row in rows_of(store, TYPE_HYPERLOGLOG):
        if sub not in names or len(row) != HLL_SEGMENT_BYTES:
            wrong.append(f"HyperLogLog {key!r} has row {sub!r} of {len(row)} bytes")
    return wrong
