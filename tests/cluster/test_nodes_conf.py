"""nodes.conf: format, and what a crash or an error leaves at each step of a save.

Crash points: every call to the operating system in `save`, before and after it, and after the end; at each the folder
entry and the data that were not synced may or may not have reached the disk.
"""

import os
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.server.cluster.nodes_conf import (
    NodesConf,
    NodesConfError,
    OsCalls,
    decode_nodes_conf,
    encode_nodes_conf,
    load,
    remove,
    save,
)
from slotrocks.server.cluster.ranges import ALL_SLOTS, SlotSet
from slotrocks.server.cluster.topology import Node, Topology, parse_nodes

A, B, R = ("x" * 38 + tail for tail in ("00", "01", "02"))
TEXT = f"""version 12
id {A}
node {A} 127.0.0.1 30001 master -  0-100 200
node {B} ::1 30002 master - {""}
node {R} host.example 30003 slave {A} {""}
"""
CONF = NodesConf(
    A,
    Topology(
        12,
        parse_nodes(
            f"{A} 127.0.0.1 30001 master - 0-100 200\n{B} ::1 30002 master -\n{R} host.example 30003 slave {A}"
        ),
    ),
)
OLD, NEW = CONF, NodesConf(B, Topology(13, [Node(B, "10.0.0.2", 6666, "master", None, ALL_SLOTS)]))


def test_format_is_that_of_kvrocks() -> None:
    assert encode_nodes_conf(CONF) == TEXT
    assert decode_nodes_conf(TEXT) == CONF


def test_before_the_first_topology() -> None:
    for conf in (NodesConf(), NodesConf(A)):
        assert decode_nodes_conf(encode_nodes_conf(conf)) == conf
    assert encode_nodes_conf(NodesConf()) == "version -1\nid \n"


def test_comments_and_order_do_not_matter() -> None:
    assert decode_nodes_conf(f"# by hand\n\nnode {A} h 1 master - 5\nid {A}\nversion 0\n") == NodesConf(
        A, Topology(0, [Node(A, "h", 1, "master", None, SlotSet.of(5))])
    )


@pytest.mark.parametrize(
    ("line", "text", "why"),
    [
        (1, "version x\n", "invalid literal"),
        (1, "version -2\n", "invalid version -2"),
        (2, "version 1\nid short\n", "invalid node id"),
        (2, "version 1\nepoch 3\n", "unknown key 'epoch'"),
        (3, f"version 1\nid {A}\nid {B}\n", "a second 'id'"),
        (3, f"version 1\nid {A}\nnode {A} h 1 master - 99999\n", "ERR Slot is out of range"),
        (2, f"node {A} h 1 master - 1-5\nnode {B} h 2 master - 5\n", "slots of another node"),
        (2, f"node {A} h 1 master -\nnode {A} h 2 master -\n", "a second line for this node"),
        (2, "version 1\n\0\0\0\0\n", "unknown key"),
        (2, "version 1\nid \xff\n", "invalid node id"),
        (2, f"version 1\nid {A}\n", "version 1 with 0 nodes"),
        (2, f"node {A} h 1 master -\nversion -1\n", "version -1 with 1 nodes"),
        (1, f"node {A} h 1 master -\n", "the version is missing"),
        (4, TEXT[: TEXT.index(f"node {B}") + 60], "its end is missing"),
        (5, TEXT.rstrip(" \n"), "its end is missing"),
        (1, "version 1", "its end is missing"),
        (1, "", "the version is missing"),
    ],
)
def test_damage_is_an_error_with_its_line(line: int, text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "nodes.conf"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(NodesConfError) as damaged:
        load(path)
    assert str(damaged.value).startswith(f"{path}: line {line}: ") and why in str(damaged.value)


def test_load_save_remove(tmp_path: Path) -> None:
    path = tmp_path / "nodes.conf"
    assert load(path) is None
    for conf in (OLD, NEW):
        save(path, conf)
        assert load(path) == conf
    assert os.listdir(tmp_path) == ["nodes.conf"]
    remove(path)
    remove(path)
    assert load(path) is None


class Failing:
    """The real calls, of which the `fail_at`-th fails; and a disk that takes a few bytes a write."""

    def __init__(self, fail_at: int, *, done_first: bool) -> None:
        self.left, self.done_first = fail_at, done_first

    def __getattr__(self, name: str) -> object:
        def call(*args: object) -> object:
            if name == "write":
                args = (args[0], memoryview(args[1])[:64])  # type: ignore[arg-type]
            self.left -= 1
            if self.left == 0 and not self.done_first:
                raise OSError(28, "No space left on device")
            result: object = getattr(os, name)(*args)
            if self.left == 0:
                raise OSError(5, "Input/output error")
            return result

        return call


@pytest.mark.parametrize("done_first", [False, True])
def test_a_failing_call_leaves_old_or_new_whole(tmp_path: Path, done_first: bool) -> None:
    path = tmp_path / "nodes.conf"
    for fail_at in count(1):
        save(path, OLD)
        calls = Failing(fail_at, done_first=done_first)
        try:
            save(path, NEW, calls)  # type: ignore[arg-type]
        except OSError:
            assert load(path) in (OLD, NEW)
            save(path, NEW)  # what a failed save left behind is not in the way
            assert load(path) == NEW
        else:
            break
    assert fail_at > 8


class Disk:
    """A file system in memory that tells what is durable: `entries` and `data` as seen by programs, `synced_*` on
    disk."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.synced_data: list[bytes] = []
        self.entries: dict[str, int] = {}
        self.synced_entries: list[dict[str, int]] = [{}]
        """The states that the folder may have on disk: the synced one, and those since."""
        self.open_files: dict[int, int | None] = {}

    def after_crash(self, name: str) -> set[bytes | None]:
        """All that the file `name` may hold after a crash now (None: absent); half of unsynced data stands for any
        part."""
        found: set[bytes | None] = set()
        for entries in self.synced_entries:
            if name not in entries:
                found.add(None)
            else:
                inode = entries[name]
                data, synced = self.data[inode], self.synced_data[inode]
                found |= {synced} if data == synced else {synced, data, data[: len(data) // 2], b"\0" * len(data)}
        return found

    def open(self, path: str | Path, flags: int, mode: int = 0o777, /) -> int:
        file = max(self.open_files, default=2) + 1
        self.open_files[file] = None
        if not flags & os.O_DIRECTORY:
            if str(path) not in self.entries:
                self.data.append(b"")
                self.synced_data.append(b"")
                self.entries[str(path)] = len(self.data) - 1
                self.synced_entries.append(dict(self.entries))
            self.open_files[file] = self.entries[str(path)]
            if flags & os.O_TRUNC:
                self.data[self.entries[str(path)]] = b""
        return file

    def write(self, file: int, data: memoryview, /) -> int:
        inode = self.open_files[file]
        assert inode is not None
        self.data[inode] += bytes(data[:50])
        return len(data[:50])

    def fsync(self, file: int, /) -> None:
        inode = self.open_files[file]
        if inode is None:
            self.synced_entries = [dict(self.entries)]
        else:
            self.synced_data[inode] = self.data[inode]

    def close(self, file: int, /) -> None:
        del self.open_files[file]

    def replace(self, source: str | Path, target: str | Path, /) -> None:
        self.entries[str(target)] = self.entries.pop(str(source))
        self.synced_entries.append(dict(self.entries))

    def unlink(self, path: str | Path, /) -> None:
        if str(path) not in self.entries:
            raise FileNotFoundError(path)
        del self.entries[str(path)]
        self.synced_entries.append(dict(self.entries))


class Watched:
    """A disk whose possible contents after a crash are noted before and after each call."""

    def __init__(self, disk: Disk, name: str) -> None:
        self.disk, self.name, self.seen, self.calls = disk, name, set[bytes | None](), 0

    def __getattr__(self, attribute: str) -> object:
        def call(*args: object) -> object:
            self.calls += 1
            self.seen |= self.disk.after_crash(self.name)
            try:
                result: object = getattr(self.disk, attribute)(*args)
            finally:
                self.seen |= self.disk.after_crash(self.name)
            return result

        return call


def test_a_crash_leaves_old_or_new_whole() -> None:
    path, disk = Path("/data/nodes.conf"), Disk()
    old, new = (encode_nodes_conf(conf).encode() for conf in (OLD, NEW))

    def run(action: str, before: set[bytes | None], after: set[bytes | None]) -> None:
        watched = Watched(disk, str(path))
        calls: OsCalls = watched  # type: ignore[assignment]
        if action == "remove":
            remove(path, calls)
        else:
            save(path, OLD if action == "old" else NEW, calls)
        assert watched.calls > 3 and watched.seen == before | after
        assert disk.after_crash(str(path)) == after and not disk.open_files

    run("old", {None}, {old})
    run("new", {old}, {new})
    run("old", {new}, {old})
    run("remove", {old}, {None})


ids = st.text("0123456789abcdef", min_size=40, max_size=40)
ranges = st.lists(st.tuples(st.integers(0, 16383), st.integers(0, 16383)).map(sorted).map(tuple), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(ids, ranges, st.integers(0, 65535), st.booleans()), min_size=1, max_size=5, unique_by=lambda n: n[0]
    ),
    st.integers(0, 2**63),
)
def test_decode_inverts_encode(rows: list[tuple[str, list[tuple[int, int]], int, bool]], version: int) -> None:
    claimed, nodes = SlotSet(), []
    for node_id, slots, port, is_failed in rows:
        if port % 3 == 0:
            nodes.append(Node(node_id, "h", port, "slave", rows[0][0], SlotSet(), is_failed))
        else:
            nodes.append(Node(node_id, "h", port, "master", None, SlotSet(slots) - claimed))
            claimed |= SlotSet(slots)
    conf = NodesConf(rows[0][0], Topology(version, nodes))
    assert decode_nodes_conf(encode_nodes_conf(conf)) == conf
