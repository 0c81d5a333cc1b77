"""Whole values in and out, in Redis's dump format (engine/rdb).

dump() walks a value's rows in their order, so equal values give equal payloads on every node. restore() writes all rows
of a value over whatever the key held, in the current transaction.

Bitmaps and HyperLogLogs are strings in Redis's format, and what is restored is a plain string, which their commands
take as well (text.py).
"""

from __future__ import annotations

from collections.abc import Callable

from slotrocks.engine._engine import (
    CF_DEFAULT,
    TYPE_HASH,
    TYPE_LIST,
    TYPE_SET,
    TYPE_STREAM,
    TYPE_ZSET,
    Metadata,
    Transaction,
)
from slotrocks.engine.rdb import encode
from slotrocks.engine.rdb.values import HashValue, ListValue, SetValue, StringValue, Value, ZSetValue
from slotrocks.engine.types import elements, lists, streams_state, text, zsets
from slotrocks.engine.types.streams_state import StreamWhole
from slotrocks.engine.types.zset_ranges import BY_SCORE


class UnsupportedTypeError(Exception):
    """A type that Redis does not have."""


def dump(txn: Transaction, m: Metadata) -> bytes:
    """The payload of a living key. Raises UnsupportedTypeError."""
    if m.type in text.TYPES:
        return encode.encode_string(text.read(txn, m))
    dumper = _DUMPERS.get(m.type)
    if dumper is None:
        raise UnsupportedTypeError
    return dumper(txn, m)


def dump_zset(txn: Transaction, m: Metadata) -> bytes:
    """The payload of a sorted set."""
    return encode.encode_zset(m.size, zsets.entries(txn, m, BY_SCORE, reverse=True))


_DUMPERS: dict[int, Callable[[Transaction, Metadata], bytes]] = {
    TYPE_LIST: lambda txn, m: encode.encode_list(m.size, lists.elements(txn, m, 0, m.size)),
    TYPE_SET: lambda txn, m: encode.encode_set(m.size, elements.subkeys(txn, m)),
    TYPE_HASH: lambda txn, m: encode.encode_hash(m.size, elements.walk(txn, m)),
    TYPE_ZSET: dump_zset,
    TYPE_STREAM: lambda txn, m: encode.encode_stream(streams_state.read(txn, m)),
}


def restore(txn: Transaction, key: bytes, value: Value, expire_ms: int) -> None:
    """Makes the key hold a value, whatever it held. `expire_ms` is absolute and in the future, or 0 for none."""
    match value:
        case StringValue(data):
            txn.set_string(key, data, expire_ms)
        case ListValue(items):
            m = new(txn, key, TYPE_LIST, expire_ms)
            old = txn.lookup_any(key)
            head, _ = lists.bounds(m)
            lists.put_rows(txn, m, head, items)
            lists.store(txn, m, old, head, head + len(items))
        case SetValue(members):
            write_rows(txn, new(txn, key, TYPE_SET, expire_ms), [(member, b"") for member in members])
        case HashValue(fields):
            write_rows(txn, new(txn, key, TYPE_HASH, expire_ms), list(fields.items()))
        case ZSetValue(scores):
            m = new(txn, key, TYPE_ZSET, expire_ms)
            m.size = len(scores)
            txn.store_metadata(key, m, txn.lookup_any(key))
            for member, score in scores.items():
                zsets.put(txn, m, member, score, None)
        case StreamWhole():
            streams_state.write(txn, key, value, expire_ms)


def new(txn: Transaction, key: bytes, kind: int, expire_ms: int) -> Metadata:
    """The metadata of a collection that is to be written."""
    return Metadata(kind, expire_ms=expire_ms, version=txn.new_version(), key=key)


def write_rows(txn: Transaction, m: Metadata, rows: list[tuple[bytes, bytes]]) -> None:
    """Writes the elements of a hash or a set, and its metadata."""
    m.size = len(rows)
    txn.store_metadata(m.key, m, txn.lookup_any(m.key))
    put, subkey = txn.put, txn.codec.subkey
    for sub, value in rows:
        put(CF_DEFAULT, subkey(m.key, m.version, sub), value)
