"""What is done to a folder of Kvrocks: its expiries are indexed, and COMPACT removes what its deletions left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "commands"))

from node_bench import NOW_MS, Bench

import golden_files
import invariants
import servers
from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    CF_STREAM,
    CF_ZSET_SCORE,
    COLUMN_FAMILIES,
    EXPIRY_PREFIX,
    TYPE_HASH,
    TYPE_STRING,
    Metadata,
    Store,
    decode_expiry_key,
    decode_metadata,
    prefix_end,
)
from slotrocks.engine.store import EXPIRY_INDEXED_KEY, FORMAT_KEY
from slotrocks.server import expiry_index, sweep
from slotrocks.server.expiry_index import index_some

KEYS = 25


def foreign_folder(path: Path, orphans: int = 0) -> None:
    """A database as Kvrocks leaves it: keys with expiries, a third of them over, no index and no mark; and so many
    rows of deleted collections."""
    store = Store(path, slot_encoded=False)
    batch = store.new_batch()
    for i in range(orphans):
        batch.put(store.codec.subkey(b"gone%d" % i, 1, b"field"), b"v", store.handles[CF_DEFAULT])
    for i in range(KEYS):
        expire_ms = (0, 1000 + i, NOW_MS * 3)[i % 3]
        metadata = Metadata(TYPE_STRING, expire_ms=expire_ms, payload=b"v")
        if i % 2:
            metadata = Metadata(TYPE_HASH, expire_ms=expire_ms, version=i, size=1)
            batch.put(store.codec.subkey(b"%03d" % i, i, b"field"), b"v", store.handles[CF_DEFAULT])
        batch.put(store.codec.metadata_key(b"%03d" % i), metadata.encode(), store.handles[CF_METADATA])
    batch.delete(FORMAT_KEY, store.handles[CF_PROPAGATE])
    store.write(batch)
    store.close()


def indexed(store: Store) -> list[tuple[bytes, int]]:
    """(metadata key, expiry) of every row of the index, in the order of keys."""
    rows = store.scan(CF_PROPAGATE, EXPIRY_PREFIX, prefix_end(EXPIRY_PREFIX))
    return sorted(decode_expiry_key(key)[::-1] for key, _ in rows)


def expiries(store: Store) -> list[tuple[bytes, int]]:
    """(metadata key, expiry) of every key that has one."""
    rows = store.scan(CF_METADATA, *store.codec.namespace_range())
    found = ((key, decode_metadata(row).expire_ms) for key, row in rows)
    return [each for each in found if each[1]]


def test_expiries_are_indexed_and_go_on_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign_folder(tmp_path / "db")
    monkeypatch.setattr(expiry_index, "ROWS_PER_STEP_MAX", 4)
    starts = steps = 0
    more = True
    while more:
        bench = Bench(tmp_path, commits=True)
        starts += 1
        for _ in range(3):
            more = index_some(bench.node)
            steps += 1
            if not more:
                break
        if starts == 1:  # what is written meanwhile enters, or leaves, by itself
            bench.call("PERSIST", "002")
            bench.call("PERSIST", "023")
            bench.call("SET", "new", "v", "PX", 10**9)
        if not more:
            assert indexed(bench.node.store) == expiries(bench.node.store)
            assert bench.node.txn.get(CF_PROPAGATE, EXPIRY_INDEXED_KEY) is None
            assert index_some(bench.node) is False
            bench.node.expiry.expire_some()
            left = {bench.node.txn.codec.user_key(key) for key, _ in expiries(bench.node.store)}
            assert left == {b"005", b"008", b"011", b"014", b"017", b"020", b"new"}
            assert invariants.orphans(bench.node.store) == []
        bench.close()
    assert starts == 3 and steps == 7


def test_our_own_database_is_not_indexed(tmp_path: Path) -> None:
    for _ in range(2):
        bench = Bench(tmp_path, commits=True)
        assert bench.node.txn.get(CF_PROPAGATE, EXPIRY_INDEXED_KEY) is None
        bench.call("SET", "k", "v", "EX", 100)
        bench.close()


def test_a_node_does_it_by_itself(tmp_path: Path) -> None:
    foreign_folder(tmp_path / "db", orphans=250)
    with servers.start_slotrocks(tmp_path) as node, node.client() as client:
        deadline = time.monotonic() + 20
        while b"expired_keys:8\r\n" not in client.call("INFO", "stats"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert client.call("DBSIZE") == KEYS - 8
        assert client.call("COMPACT") == b"OK"
        while "COMPACT removed the rows of 250 collections" not in node.log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        node.stop()
    store = Store(tmp_path / "db", slot_encoded=False)
    assert invariants.everything(store) == []
    store.close()


@pytest.fixture
def golden_bench(tmp_path: Path) -> Iterator[Bench]:
    golden_files.unpack_database("cluster", tmp_path)
    bench = Bench(tmp_path, commits=True, cluster=True)
    assert bench.node.cluster is not None
    bench.node.cluster.may_expire = lambda key: True  # type: ignore[method-assign]
    yield bench
    bench.close()


def sweep_all(bench: Bench) -> int:
    """Runs COMPACT to its end. How many collections it removed."""
    assert bench.call("COMPACT") == b"OK"
    assert bench.call.error("COMPACT") == "ERR compact in progress"
    found = bench.node.sweep
    assert found is not None
    found.background.close()
    while found.step():
        pass
    assert found.done
    return found.orphans


def rows(store: Store) -> set[tuple[int, bytes, bytes]]:
    """All rows of keys."""
    families = [cf for cf in range(len(COLUMN_FAMILIES)) if cf != CF_PROPAGATE]
    return {(cf, *row) for cf in families for row in store.scan(cf, *store.codec.namespace_range())}


def test_compact_removes_orphans_only(golden_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Kvrocks left of deleted hashes goes; everything else stays, of every type."""
    monkeypatch.setattr(sweep, "COLLECTIONS_PER_STEP_MAX", 3)
    store = golden_bench.node.store
    before = rows(store)
    assert len(invariants.orphans(store)) == 4  # {t}hgone and {t}again, {v}hgone and {v}again
    assert sweep_all(golden_bench) == 4
    assert invariants.orphans(store) == []
    left = rows(store)
    assert left < before and len(before - left) == 4
    assert sweep_all(golden_bench) == 0
    assert rows(store) == left


def test_compact_in_every_family(tmp_path: Path) -> None:
    """Small and large orphans of families default, zset_score and stream, between living neighbours of one name."""
    bench = Bench(tmp_path, commits=True)
    bench.call("HSET", "k", "f", "v")
    bench.call("ZADD", "z", 1, "a")
    store = bench.node.store
    kept = rows(store)
    batch = store.new_batch()
    for cf in (CF_DEFAULT, CF_ZSET_SCORE, CF_STREAM):
        for key in (b"k", b"z", b"gone"):
            for version, count in ((1, 3), (2, 300), (2**64 - 1, 1)):
                for i in range(count):
                    batch.put(store.codec.subkey(key, version, b"%d" % i), b"", store.handles[cf])
    batch.put(store.codec.metadata_key(b"a string"), Metadata(TYPE_STRING).encode(), store.handles[CF_METADATA])
    batch.put(store.codec.subkey(b"a string", 0, b"x"), b"", store.handles[CF_DEFAULT])
    bench.node.write_now(batch)
    assert sweep_all(bench) == 3 * 3 * 3 + 1
    assert rows(store) - kept == {(CF_METADATA, store.codec.metadata_key(b"a string"), Metadata(TYPE_STRING).encode())}
    assert bench.call("HGET", "k", "f") == b"v" and bench.call("ZSCORE", "z", "a") == b"1"
    bench.close()


def test_compact_among_writes(golden_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is made anew between two steps, under a name whose orphans are being removed, stays whole."""
    monkeypatch.setattr(sweep, "COLLECTIONS_PER_STEP_MAX", 1)
    call = golden_bench.call
    golden_bench.node.cluster = None  # no topology: every slot is served
    assert call("COMPACT") == b"OK"
    found = golden_bench.node.sweep
    assert found is not None
    found.background.close()
    more, i = True, 0
    while more:
        call("HSET", "{t}hgone", f"f{i}", "v")
        if i % 3 == 0:
            call("DEL", "{t}again")
        call("RPUSH", "{t}again", i)
        more = found.step()
        i += 1
    assert call("HLEN", "{t}hgone") == i == len(call("HGETALL", "{t}hgone")) // 2
    assert invariants.orphans(golden_bench.node.store) == []
    assert invariants.hashes(golden_bench.node.store) == invariants.lists(golden_bench.node.store) == []


def test_compact_leaves_slots_of_others(golden_bench: Bench) -> None:
    """Rows of a slot that is being imported may come before their metadata."""
    cluster = golden_bench.node.cluster
    assert cluster is not None
    cluster.may_expire = lambda key: not key.startswith(b"{t}")  # type: ignore[method-assign]
    assert sweep_all(golden_bench) == 2
    assert all("{t}" in each for each in invariants.orphans(golden_bench.node.store))
