"""Kvrocks's own types in a folder that a real Kvrocks wrote: everything but their own commands works.

COPY, RENAME, DEL and expiry with all their rows: test_keys.py. Migration: tests/migration/test_golden_folder.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_bench import Bench

import golden_files as golden
import invariants
from slotrocks.engine import slot_of
from slotrocks.server.commands.foreign import GROUPS
from slotrocks.server.table import COMMANDS

TYPES = {"{t}si": "sortedint", "{t}bf": "MBbloom--", "{t}js": "ReJSON-RL"}
NAMES = [word.split(" ")[0] for *_, writers, readers in GROUPS.values() for word in f"{writers}, {readers}".split(", ")]


@pytest.fixture(params=["plain", "cluster"])
def kvrocks(request: pytest.FixtureRequest, tmp_path: Path, commits: bool) -> Iterator[Bench]:
    """A node on a database that Kvrocks wrote."""
    folder = golden.unpack_database(request.param, tmp_path / "golden")
    shutil.move(folder, tmp_path / "db")
    bench = Bench(tmp_path, commits=commits, cluster=request.param == "cluster")
    bench.node.cluster = None  # every key is served: not the routing is tested here
    yield bench
    bench.close()


def scanned(bench: Bench, *options: str) -> set[bytes]:
    cursor, found = b"0", set()
    while True:
        cursor, keys = bench.call("SCAN", cursor, *options)
        found |= set(keys)
        if cursor == b"0":
            return found


@pytest.mark.parametrize(("key", "type_name"), TYPES.items())
def test_they_are_keys(kvrocks: Bench, key: str, type_name: str) -> None:
    call = kvrocks.call
    assert call("TYPE", key) == type_name.encode()
    assert key.encode() in call("KEYS", "{t}*")
    assert key.encode() in scanned(kvrocks)
    found = scanned(kvrocks, "TYPE", type_name)
    assert key.encode() in found
    assert {call("TYPE", each) for each in found} == {type_name.encode()}
    assert call("OBJECT", "ENCODING", key) == b"raw"
    assert call("MEMORY", "USAGE", key) > 0
    assert call("EXPIRE", key, 100) == 1
    assert call("TTL", key) == 100
    assert call("PERSIST", key) == 1
    assert call("TTL", key) == -1
    assert call("COPY", key, "{t}copy") == 1
    assert call("RENAME", "{t}copy", "{t}moved") == b"OK"
    kvrocks.node.tick.end()
    assert invariants.sortedints(kvrocks.node.store) == []
    assert call("TYPE", "{t}moved") == type_name.encode()
    assert call("UNLINK", "{t}moved") == 1
    assert call("PEXPIRE", key, 1) == 1
    kvrocks.advance(10)
    assert call("EXISTS", key) == 0


@pytest.mark.parametrize(("key", "type_name"), TYPES.items())
def test_commands_of_other_types_refuse_them(kvrocks: Bench, key: str, type_name: str) -> None:
    wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value"
    for words in (
        ["GET", key],
        ["HGETALL", key],
        ["LPUSH", key, 1],
        ["SADD", key, 1],
        ["ZADD", key, 1, 1],
        ["GETBIT", key, 1],
    ):
        assert kvrocks.call.error(*words) == wrong_type
    text = f"ERR DUMP is not supported for the type {type_name}, which Redis does not have"
    assert kvrocks.call.error("DUMP", key) == text
    assert kvrocks.call("SET", key, "v") == b"OK"
    assert kvrocks.call("GET", key) == b"v"


def test_restored_over(kvrocks: Bench) -> None:
    """RESTORE REPLACE leaves nothing of what was there."""
    call = kvrocks.call
    call("RPUSH", "{t}new", "a", "b")
    payload = call("DUMP", "{t}new")
    for key in TYPES:
        assert call.error("RESTORE", key, 0, payload) == "BUSYKEY Target key name already exists."
        assert call("RESTORE", key, 0, payload, "REPLACE") == b"OK"
        assert call("LRANGE", key, 0, -1) == [b"a", b"b"]
        begin, end = kvrocks.node.txn.codec.subkey_range(key.encode(), 0)[0], b""
        m = kvrocks.node.txn.lookup(key.encode())
        assert m is not None
        end = kvrocks.node.txn.codec.subkey_range(key.encode(), 2**64 - 2)[1]
        own = kvrocks.node.txn.codec.subkey_range(key.encode(), m.version)[0]
        assert [row for row, _ in kvrocks.node.txn.scan(0, begin, end) if not row.startswith(own)] == []


@pytest.mark.parametrize("name", NAMES)
def test_their_commands_are_not_supported(bench: Bench, name: str) -> None:
    row = COMMANDS[name]
    error = bench.call.error(*[name, *["key"] * (abs(row.arity) - 1)])
    assert error.startswith(f"ERR {name.upper()} is not supported: ")
    assert bench.call.error(name) == f"ERR wrong number of arguments for '{name}' command"
    assert "key" in str(bench.call("COMMAND", "GETKEYS", name, *["key"] * (abs(row.arity) - 1)))


def test_there_are_all_commands_of_kvrocks() -> None:
    assert len(NAMES) == 8 + 25 + 8


def test_they_are_counted_in_their_slot(tmp_path: Path) -> None:
    folder = golden.unpack_database("cluster", tmp_path / "golden")
    shutil.move(folder, tmp_path / "db")
    bench = Bench(tmp_path, commits=True, cluster=True)
    node = "a" * 40
    assert bench.call("CLUSTERX", "SETNODEID", node) == b"OK"
    assert bench.call("CLUSTERX", "SETNODES", f"{node} 127.0.0.1 6666 master - 0-16383", 1) == b"OK"
    slot = slot_of(b"{t}")
    keys = bench.call("CLUSTER", "GETKEYSINSLOT", slot, 1000)
    assert {key.encode() for key in TYPES} <= set(keys)
    assert bench.call("CLUSTER", "COUNTKEYSINSLOT", slot) == len(keys)
    for key in TYPES:
        assert bench.call("DEL", key) == 1
    assert bench.call("CLUSTER", "COUNTKEYSINSLOT", slot) == len(keys) - 3
    bench.close()
