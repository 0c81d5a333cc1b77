"""Commands on keys of any type; RENAME and COPY with everything that a real Kvrocks stored."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_bench import Bench

import golden_files as golden
from slotrocks.engine import CF_PROPAGATE, COLUMN_FAMILIES, EXPIRY_PREFIX, Transaction, encode_expiry_key, prefix_end
from slotrocks.engine.store import EXPIRY_INDEXED_KEY, FORMAT_KEY

GOLDEN_KEYS = {
    "{t}str": "string", "{t}h": "hash", "{t}httl": "hash", "{t}l": "list", "{t}s": "set", "{t}z": "zset",
    "{t}geo": "zset",
    "{t}bm": "string", "{t}hll": "string", "{t}x": "stream", "{t}si": "sortedint", "{t}bf": "MBbloom--",
    "{t}js": "ReJSON-RL",
}  # fmt: skip


@pytest.fixture(params=["plain", "cluster"])
def kvrocks(request: pytest.FixtureRequest, tmp_path: Path, commits: bool) -> Iterator[Bench]:
    """A node on a database that Kvrocks wrote."""
    folder = golden.unpack_database(request.param, tmp_path / "golden")
    shutil.move(folder, tmp_path / "db")
    bench = Bench(tmp_path, commits=commits, cluster=request.param == "cluster")
    bench.node.cluster = None  # every key is served: not the routing is tested here
    yield bench
    bench.close()


def subrows(txn: Transaction, key: bytes) -> dict[str, list[tuple[bytes, bytes]]]:
    """Everything that hangs on a key: the rows of each family, without the key and version in them."""
    m = txn.lookup(key)
    assert m is not None
    begin, end = txn.codec.subkey_range(key, m.version)
    return {
        name: [(k[len(begin) :], v) for k, v in txn.scan(cf, begin, end)] for cf, name in enumerate(COLUMN_FAMILIES)
    }


def whole(txn: Transaction, key: bytes) -> tuple[Any, ...]:
    """A key's value, whatever its type, comparable with another's."""
    m = txn.lookup(key)
    assert m is not None
    return m.type, m.size, m.expire_ms, m.payload, subrows(txn, key)


@pytest.mark.parametrize("key", GOLDEN_KEYS)
def test_copy_and_rename_every_type(kvrocks: Bench, key: str) -> None:
    call, txn = kvrocks.call, kvrocks.node.txn
    assert call("TYPE", key) == GOLDEN_KEYS[key].encode()
    before = whole(txn, key.encode())
    assert call("COPY", key, "{t}copy") == 1
    assert whole(txn, b"{t}copy") == whole(txn, key.encode()) == before
    source, copied = txn.lookup(key.encode()), txn.lookup(b"{t}copy")
    assert source is not None and copied is not None
    assert not source.has_subkeys or source.version != copied.version
    assert call("COPY", key, "{t}copy") == 0
    assert call("COPY", key, "{t}l2", "REPLACE") == 1, "over a list"
    assert whole(txn, b"{t}l2") == before
    assert call("RENAME", key, "{t}new") == b"OK"
    assert whole(txn, b"{t}new") == before
    assert call("EXISTS", key) == 0
    begin, end = txn.codec.subkey_range(key.encode(), source.version)
    assert not any(list(txn.scan(cf, begin, end)) for cf in range(7)), "no row is left of the old name"
    assert call("DEL", "{t}copy", "{t}new", "{t}l2") == 3
    for name in (b"{t}copy", b"{t}new", b"{t}l2"):
        begin, end = txn.codec.subkey_range(name, 0)[0], txn.codec.subkey_range(name, 2**64 - 2)[1]
        assert not any(list(txn.scan(cf, begin, end)) for cf in range(7))


def test_expiring_and_deleting_every_type(kvrocks: Bench) -> None:
    call, txn = kvrocks.call, kvrocks.node.txn
    for key in GOLDEN_KEYS:
        before = whole(txn, key.encode())
        assert call("PEXPIREAT", key, 3_000_000_000_000) == 1
        type_id, size, _, payload, rows = before
        assert whole(txn, key.encode()) == (type_id, size, 3_000_000_000_000, payload, rows)
        assert call("PERSIST", key) == 1
        assert whole(txn, key.encode()) == (type_id, size, 0, payload, rows)
        assert call("EXPIRE", key, -1) == 1
        assert call("EXISTS", key) == 0


def test_encodings(kvrocks: Bench) -> None:
    encodings = {kvrocks.call("OBJECT", "ENCODING", key).decode() for key in GOLDEN_KEYS}
    assert encodings == {"embstr", "listpack", "stream", "raw"}
    assert kvrocks.call("OBJECT", "IDLETIME", "{t}h") == 0
    assert kvrocks.call("OBJECT", "REFCOUNT", "{t}h") == 1
    assert kvrocks.call.error("OBJECT", "FREQ", "{t}h").startswith("ERR An LFU maxmemory policy is not selected")


def test_flushall_leaves_only_what_is_no_key(kvrocks: Bench) -> None:
    call, txn = kvrocks.call, kvrocks.node.txn
    call("SET", "{t}new", "v", "EX", 100)
    txn.put(CF_PROPAGATE, b"somebody's", b"row")
    assert call("FLUSHALL") == b"OK"
    assert call("DBSIZE") == 0 and call("KEYS", "*") == []
    txn.commit()
    left = [key for cf in range(7) for key, _ in txn.scan(cf, b"", b"\xff") if not key.startswith(b"propagate")]
    assert set(left) - {FORMAT_KEY, EXPIRY_INDEXED_KEY, b"somebody's"} <= {
        key for cf, key, _ in golden.rows("plain") if cf == "propagate"
    }
    assert list(txn.scan(CF_PROPAGATE, EXPIRY_PREFIX, prefix_end(EXPIRY_PREFIX))) == []
    call("SET", "a", "1")
    assert call("DBSIZE") == 1


def test_dead_keys(bench: Bench, call: Any) -> None:
    call("SET", "dead", "v", "PX", 1)
    call("SET", "alive", "v")
    bench.advance(2)
    assert call("DEL", "dead") == call("UNLINK", "dead") == call("EXISTS", "dead") == call("TOUCH", "dead") == 0
    assert call("TYPE", "dead") == b"none"
    assert call.error("RENAME", "dead", "x") == "ERR no such key"
    assert call("COPY", "dead", "x") == 0
    assert call("OBJECT", "ENCODING", "dead") is None
    assert call("RENAMENX", "alive", "dead") == 1
    assert call("TTL", "dead") == -1
    call("SET", "dead2", "v", "PX", 1)
    bench.advance(2)
    assert call("COPY", "dead", "dead2") == 1
    assert (call("GET", "dead2"), call("TTL", "dead2")) == (b"v", -1)


def test_rename_takes_the_expiry_along(bench: Bench, call: Any) -> None:
    txn = bench.node.txn
    call("SET", "a", "v", "PXAT", 3_000_000_000_000)
    call("SET", "b", "w", "PXAT", 3_000_000_000_001)
    call("RENAME", "a", "b")
    hints = [key for key, _ in txn.scan(CF_PROPAGATE, EXPIRY_PREFIX, prefix_end(EXPIRY_PREFIX))]
    assert hints == [encode_expiry_key(3_000_000_000_000, txn.codec.metadata_key(b"b"))]


def test_one_database(call: Any) -> None:
    call("SET", "a", "v")
    for words in (("COPY", "a", "b", "DB", 1), ("MOVE", "a", 1), ("SWAPDB", 0, 1), ("SWAPDB", 1, 0)):
        assert call.error(*words) == "ERR DB index is out of range"
    assert call("SWAPDB", 0, 0) == b"OK"


def test_object_help(call: Any) -> None:
    lines = call("OBJECT", "HELP")
    assert lines[0].startswith(b"OBJECT <subcommand>") and lines[-1] == b"    Print this help."
