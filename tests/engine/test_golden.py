"""Rows and databases that a real Kvrocks wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

import golden_files as golden
from slotrocks.engine import (
    COLUMN_FAMILIES,
    TYPE_BLOOM,
    TYPE_LIST,
    TYPE_NAMES,
    TYPE_STREAM,
    TYPE_ZSET,
    KeyCodec,
    Store,
    StoreError,
    Transaction,
    decode_metadata,
    slot_of,
)
from slotrocks.engine.layout import BloomState, ListBounds, StreamState, decode_score, encode_score

NAMES = ("plain", "cluster")
NOW_MS = 1_700_000_000_000
OWN_FIELDS = {TYPE_LIST: ListBounds, TYPE_STREAM: StreamState, TYPE_BLOOM: BloomState}
# What TYPE answers after the command that made the key; the others make strings.
TYPE_OF = {
    "HSET": "hash", "RPUSH": "list", "SADD": "set", "ZADD": "zset", "GEOADD": "zset", "SETBIT": "bitmap",
    "XADD": "stream", "PFADD": "hyperloglog", "SIADD": "sortedint", "BF.RESERVE": "MBbloom--", "JSON.SET": "ReJSON-RL",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_row_decodes_and_encodes_to_itself(name: str) -> None:
    codec = KeyCodec(name == "cluster")
    types = {}
    seen = set()
    for family, storage_key, value in golden.rows(name):
        if family == "metadata":
            key = codec.user_key(storage_key)
            assert codec.metadata_key(key) == storage_key
            m = decode_metadata(value)
            assert m.encode() == value
            if m.type in OWN_FIELDS:
                assert OWN_FIELDS[m.type].decode(m.payload).encode() == m.payload
            types[key, m.version] = m.type
            seen.add(TYPE_NAMES[m.type])
        if codec.slot_encoded and family in ("default", "metadata", "zset_score", "stream"):
            assert codec.slot_in_key(storage_key) == slot_of(
                codec.user_key(storage_key) if family == "metadata" else codec.decode_subkey(storage_key)[0]
            )
    for family, storage_key, value in golden.rows(name):
        if family in ("default", "zset_score", "stream"):
            key, version, sub = codec.decode_subkey(storage_key)
            assert codec.subkey(key, version, sub) == storage_key
            type_id = types.get((key, version))  # None: left behind by a deletion
            if type_id == TYPE_ZSET:
                score = sub[:8] if family == "zset_score" else value
                assert encode_score(decode_score(score)) == score
    assert seen == set(TYPE_NAMES[1:])


@pytest.mark.parametrize("name", NAMES)
def test_the_database_opens_and_reads_right(name: str, tmp_path: Path) -> None:
    folder = golden.unpack_database(name, tmp_path)
    store = Store(folder, slot_encoded=name == "cluster")
    txn = Transaction(store)
    txn.begin(NOW_MS)
    values, types, expiries = expected(name)
    assert {key: txn.string(key) for key in values} == values
    metadata = {key: txn.lookup(key) for key in types}
    assert {key: None if m is None else TYPE_NAMES[m.type] for key, m in metadata.items()} == types
    assert {key: m.expire_ms for key, m in metadata.items() if m is not None and m.expire_ms} == expiries
    dump: dict[str, list[tuple[bytes, bytes]]] = {}
    for family, key, value in golden.rows(name):
        dump.setdefault(family, []).append((key, value))
    for cf in (COLUMN_FAMILIES.index(family) for family in ("default", "metadata", "zset_score", "stream")):
        assert list(txn.scan(cf, *txn.codec.namespace_range())) == dump[COLUMN_FAMILIES[cf]]
    store.close()


def expected(name: str) -> tuple[dict[bytes, bytes], dict[bytes, str | None], dict[bytes, int]]:
    """(values of the strings, types of all keys, expiries) after the commands of a golden run."""
    values: dict[bytes, bytes] = {}
    types: dict[bytes, str | None] = {}
    expiries: dict[bytes, int] = {}
    for tag in (b"{t}", b"{v}") if name == "cluster" else (b"{t}",):
        for command, _ in golden.commands(name):
            command = [word.replace(b"{t}", tag) for word in command]
            verb, key, *args = command[0].decode(), *command[1:]
            if verb == "DEL":
                types[key] = None
                values.pop(key, None)
            elif verb == "SET":
                types[key], values[key] = "string", args[0]
                if args[1:]:
                    expiries[key] = int(args[2])
            elif verb == "PEXPIREAT":
                expiries[key] = int(args[0])
            elif verb in ("APPEND", "INCRBY"):
                types[key], values[key] = "string", args[0]
            elif verb == "SETRANGE":
                types[key], values[key] = "string", bytes(int(args[0])) + args[1]
            elif verb == "INCRBYFLOAT":  # Kvrocks stores what "%f" prints
                types[key], values[key] = "string", b"%f" % float(args[0])
            elif verb in TYPE_OF:
                types[key] = TYPE_OF[verb]
    return values, types, expiries


@pytest.mark.parametrize("name", NAMES)
def test_the_other_mode_is_refused(name: str, tmp_path: Path) -> None:
    folder = golden.unpack_database(name, tmp_path)
    for _ in range(2):
        with pytest.raises(StoreError, match="cluster-enabled"):
            Store(folder, slot_encoded=name == "plain")
    Store(folder, slot_encoded=name == "cluster").close()
