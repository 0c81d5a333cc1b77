"""A node that opens the database folder of a Kvrocks node, and migrates a slot with every type out of it (item 19)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import contents
import pytest

import golden
import golden_files
from clusters import Cluster, read_rows

SLOT = golden.SLOT


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """The first node has Kvrocks's folder; the second nothing."""
    (tmp_path / "node0").mkdir()
    golden_files.unpack_database("cluster", tmp_path / "node0")
    with Cluster(tmp_path, "0-16383", "") as cluster:
        yield cluster


def test_every_type_moves_row_by_row(cluster: Cluster) -> None:
    """19, raw-key-value: after the move the target's rows are those that Kvrocks had, orphans included."""
    source, target = cluster.nodes
    assert source.migrate(SLOT, target, "SYNC") == b"OK"
    assert target.call("GET", "{t}app") == b"abc"
    cluster.give(str(SLOT), target)
    source.stop()
    target.stop()
    assert read_rows(target.directory, SLOT) == golden.rows(SLOT)
    assert read_rows(source.directory, SLOT) == {}
    assert read_rows(source.directory, golden.OTHER_SLOT) == golden.rows(golden.OTHER_SLOT)
    assert read_rows(target.directory, golden.OTHER_SLOT) == {}


def test_every_type_moves_by_commands(cluster: Cluster, tmp_path: Path) -> None:
    """19, redis-command: the same keys with the same contents, sorted integers, bloom and JSON too; no orphans."""
    source, target = cluster.nodes
    source.call("CONFIG", "SET", "migrate-type", "redis-command")
    assert source.migrate(SLOT, target, "SYNC") == b"OK"
    assert target.call("LRANGE", "{t}l", 0, -1) == [b"A", b"b", b"bb", b"c"]
    cluster.give(str(SLOT), target)
    source.stop()
    target.stop()
    golden_files.unpack_database("cluster", tmp_path / "original")
    had, has = (contents.keys(directory, SLOT) for directory in (tmp_path / "original", target.directory))
    assert len(has) == 22 and has == had, contents.difference(had, has)
    assert contents.broken(target.directory) == []
    assert read_rows(source.directory, SLOT) == {}
    assert read_rows(source.directory, golden.OTHER_SLOT) == golden.rows(golden.OTHER_SLOT)


def test_a_target_without_batches_cannot_get_every_type(cluster: Cluster, tmp_path: Path) -> None:
    """32: then the migration fails, names the key, and the source loses nothing."""
    source, _ = cluster.nodes
    file = tmp_path / "slotrocks.conf"
    file.write_text('rename-command applybatch ""\n')
    target = cluster.add("", str(file))
    cluster.push()
    source.call("CONFIG", "SET", "migrate-type", "redis-command")
    error = source.error("CLUSTERX", "MIGRATE", SLOT, target.id, "SYNC")
    assert "ERR no command can make key b'{t}" in error and "the target has no APPLYBATCH" in error
    source.wait_migration(SLOT, "fail")
    assert source.call("GET", "{t}app") == b"abc"
    source.stop()
    target.stop()
    assert read_rows(source.directory, SLOT) == golden.rows(SLOT)
    assert read_rows(target.directory, SLOT) == {}
