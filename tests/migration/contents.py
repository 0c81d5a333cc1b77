"""What a stopped node's folder says that its keys are, with nothing that may differ between two nodes with equal data:
versions, list indexes, the room that bitmaps have, and when consumers were last seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import invariants
from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_STREAM,
    TYPE_BITMAP,
    TYPE_LIST,
    TYPE_NAMES,
    TYPE_STREAM,
    TYPE_ZSET,
    Metadata,
    Store,
    decode_metadata,
)
from slotrocks.engine.layout import StreamState, decode_score
from slotrocks.engine.types.streams_rows import Consumer, decode_row


def keys(directory: Path, slot: int, now_ms: int = 0) -> dict[bytes, Any]:
    """(type, expiry, what is in it) of each key of a slot that is alive at `now_ms`."""
    store = Store(directory / "db", slot_encoded=True)
    try:
        found = {}
        for row_key, row in store.scan(CF_METADATA, *store.codec.slot_range(slot, slot)):
            metadata = decode_metadata(row)
            if metadata.alive(now_ms):
                key = store.codec.user_key(row_key)
                found[key] = TYPE_NAMES[metadata.type], metadata.expire_ms, content(store, key, metadata)
        return found
    finally:
        store.close()


def content(store: Store, key: bytes, m: Metadata) -> Any:
    """A value that is equal for equal contents."""
    begin, end = store.codec.subkey_range(key, m.version)
    family = CF_STREAM if m.type == TYPE_STREAM else CF_DEFAULT
    rows = [(row_key[len(begin) :], value) for row_key, value in store.scan(family, begin, end)]
    if m.type == TYPE_LIST:
        return m.size, [value for _, value in rows]
    if m.type == TYPE_ZSET:
        return m.size, {member: decode_score(score) for member, score in rows}
    if m.type == TYPE_BITMAP:
        bits = {int(sub): value.rstrip(b"\0") for sub, value in rows}
        return m.size, {at: value for at, value in bits.items() if value}
    if m.type == TYPE_STREAM:
        decoded = [decode_row(sub, value) for sub, value in rows]
        decoded = [row._replace(seen_ms=0, active_ms=0) if isinstance(row, Consumer) else row for row in decoded]
        state = StreamState.decode(m.payload)
        return m.size, state, decoded
    return m.size, m.payload, rows


def broken(directory: Path) -> list[str]:
    """What is wrong with the rows of a stopped node."""
    store = Store(directory / "db", slot_encoded=True)
    try:
        checks = (
            invariants.hashes, invariants.sets, invariants.lists, invariants.zsets, invariants.streams,
            invariants.bitmaps, invariants.hyperloglogs, invariants.orphans,
        )  # fmt: skip
        return [wrong for check in checks for wrong in check(store)]
    finally:
        store.close()


def difference(source: dict[bytes, Any], target: dict[bytes, Any]) -> list[str]:
    """What a person wants to read when they are not equal."""
    different = [key for key in sorted({*source, *target}) if source.get(key) != target.get(key)]
    return [f"{key!r}: {source.get(key)!r:.600} -> {target.get(key)!r:.600}" for key in different[:5]]
