"""What a node has on disk, seen from outside while it runs: a second, read-only view of its database.

Once nothing moves, a node has rows of its own slots only, each element belongs to a key and each key has as many
elements as it says, every key with an end has its place in the expiry index, and no record of an undecided migration is
left.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    COLUMN_FAMILIES,
    EXPIRY_PREFIX,
    SLOTS,
    TYPE_HASH,
    TYPE_LIST,
    TYPE_SET,
    TYPE_ZSET,
    KeyCodec,
    Metadata,
    Snapshot,
    decode_metadata,
    encode_expiry_key,
)
from slotrocks.server.migration.records import IN_PREFIX, OUT_PREFIX

COUNTED = (TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET)  # one row of column family default for each element
CODEC = KeyCodec(True)


def inspect_rows(database: Path, owned: set[int]) -> list[str]:
    """What is wrong with a node's database, if `owned` are its slots."""
    with tempfile.TemporaryDirectory(prefix="slotrocks-torture-view-") as own_directory:
        snapshot = Snapshot(database, own_directory)
        try:
            return [*_foreign(snapshot, owned), *_elements(snapshot), *_records(snapshot)]
        finally:
            snapshot.close()


def _foreign(snapshot: Snapshot, owned: set[int]) -> list[str]:
    """Rows of slots that are not the node's."""
    found: Counter[tuple[int, str]] = Counter()
    for cf, name in enumerate(COLUMN_FAMILIES):
        for first, last in _gaps(owned):
            for key, _ in snapshot.rows(cf, first, last):
                found[CODEC.slot_in_key(key), name] += 1
    return [f"{count} rows of slot {slot} in {name}, which it does not own" for (slot, name), count in found.items()]


def _gaps(owned: set[int]) -> list[tuple[int, int]]:
    """The ranges of slots that are not in `owned`."""
    gaps: list[tuple[int, int]] = []
    first: int | None = None
    for slot in range(SLOTS + 1):
        inside = slot < SLOTS and slot not in owned
        if inside and first is None:
            first = slot
        elif not inside and first is not None:
            gaps.append((first, slot - 1))
            first = None
    return gaps


def _elements(snapshot: Snapshot) -> list[str]:
    """Elements without a key, keys with another number of elements than they say, ends that are not in the index."""
    keys: dict[tuple[bytes, int], Metadata] = {}
    ends: dict[bytes, bytes] = {}  # place in the index -> key
    for storage_key, row in snapshot.rows(CF_METADATA, 0, SLOTS - 1):
        metadata = decode_metadata(row)
        keys[CODEC.user_key(storage_key), metadata.version] = metadata
        if metadata.expire_ms:
            ends[encode_expiry_key(metadata.expire_ms, storage_key)] = storage_key
    counts: Counter[tuple[bytes, int]] = Counter()
    for storage_key, _ in snapshot.rows(CF_DEFAULT, 0, SLOTS - 1):
        key, version, _ = CODEC.decode_subkey(storage_key)
        counts[key, version] += 1
    wrong = [f"{count} elements of {key!r}, version {version}, which does not exist"
             for (key, version), count in counts.items() if (key, version) not in keys]  # fmt: skip
    wrong += [
        f"{key!r} says it has {metadata.size} elements, and has {counts[key, version]}"
        for (key, version), metadata in keys.items()
        if metadata.type in COUNTED and (metadata.size != counts[key, version] or not metadata.size)
    ]
    indexed = {key for key, _ in snapshot.prefixed_rows(CF_PROPAGATE, EXPIRY_PREFIX) if key in ends}
    return wrong + [f"{CODEC.user_key(ends[place])!r} will never expire" for place in ends.keys() - indexed]


def _records(snapshot: Snapshot) -> list[str]:
    """Migrations that are not over: as a source any, as a target one that is not decided."""
    wrong = []
    for key, row in snapshot.prefixed_rows(CF_PROPAGATE, OUT_PREFIX):
        wrong.append(f"record of a migration: {key.decode()} {row.decode()}")
    for key, row in snapshot.prefixed_rows(CF_PROPAGATE, IN_PREFIX):
        if json.loads(row)["state"] not in ("confirmed", "aborted"):
            wrong.append(f"record of an import: {key.decode()} {row.decode()}")
    return wrong
