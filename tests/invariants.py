"""What must be true of a database whatever happened to it, a function for each type. They return what is wrong.

The store must have no pending transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    CF_ZSET_SCORE,
    TYPE_HASH,
    TYPE_LIST,
    TYPE_NAMES,
    TYPE_SET,
    TYPE_ZSET,
    Metadata,
    Store,
    decode_metadata,
    encode_expiry_key,
)
from slotrocks.engine.layout import ListBounds, decode_u64


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


def expiries(store: Store) -> list[str]:
    """Each key with an expiry has its place in the index that background expiry goes by."""
    wrong = []
    for storage_key, row in store.scan(CF_METADATA, *store.codec.namespace_range()):
        expire_ms = decode_metadata(row).expire_ms
        if expire_ms and store.families[CF_PROPAGATE].get(encode_expiry_key(expire_ms, storage_key)) is None:
            wrong.append(f"{store.codec.user_key(storage_key)!r} is not in the index of expiries")
    return wrong


CHECKS = (orphans, hashes, sets, lists, zsets, expiries)


def everything(store: Store) -> list[str]:
    """What is wrong, of any kind."""
    return [wrong for check in CHECKS for wrong in check(store)]
