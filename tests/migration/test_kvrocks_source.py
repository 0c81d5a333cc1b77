"""Kvrocks as the source: what a real one sent, request by request, to a node of ours as the target.

Kvrocks reads its replies with little care, so their form is checked as it arrives: COMMAND INFO in one segment.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import contents
import hiredis
import pytest

import golden
import golden_files
from clusters import Cluster, ClusterNode, read_rows, wait_for
from slotrocks.engine import CF_DEFAULT


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """The first node is the target; the second stands for Kvrocks, and owns everything."""
    with Cluster(tmp_path, "", "0-16383") as cluster:
        yield cluster


class KvrocksLink:
    """A connection that receives as Kvrocks does: a reply is what one read() returns."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)

    def ask(self, words: list[bytes]) -> bytes:
        """One request, one read()."""
        self._socket.sendall(hiredis.pack_command(tuple(words)))
        return self._socket.recv(1 << 16)

    def close(self) -> None:
        self._socket.close()


def test_raw_key_value(cluster: Cluster) -> None:
    """19: every type arrives, row by row; strings are served at once."""
    target, source = cluster.nodes
    start, command, batch, success = golden.session("raw-key-value")
    link = KvrocksLink(target.port)
    assert link.ask(start) == b"+OK\r\n"
    assert target.importing() == (str(golden.SLOT), "start")
    assert link.ask(command).startswith(b"*1\r\n*")
    assert link.ask(batch) == b":%d\r\n" % len(batch[1])
    assert target.error("GET", "{t}app") == f"MOVED {golden.SLOT} {source.address}"
    assert link.ask(success) == b"+OK\r\n"
    link.close()
    assert target.importing() == (str(golden.SLOT), "success")
    check_strings(target, "t")
    target.stop()
    # Kvrocks's folder also has two sub-keys of deleted keys, which it did not send.
    arrived, expected = read_rows(target.directory, golden.SLOT), golden.rows(golden.SLOT)
    orphans = set(expected) - set(arrived)
    assert {cf for cf, _ in orphans} == {CF_DEFAULT} and len(orphans) == 2
    assert arrived == {row: value for row, value in expected.items() if row not in orphans}


def test_raw_key_value_survives_a_restart(cluster: Cluster) -> None:
    """What was answered OK to IMPORT 1 is served after a crash, before any topology confirms it."""
    target, _ = cluster.nodes
    link = KvrocksLink(target.port)
    for request in golden.session("raw-key-value"):
        link.ask(request)
    link.close()
    target.kill()
    target.start()
    check_strings(target, "t")
    assert target.importing() == (str(golden.SLOT), "success")


def test_link_lost_before_success(cluster: Cluster) -> None:
    """10, 44: nothing is left in any column family."""
    target, _ = cluster.nodes
    link = KvrocksLink(target.port)
    for request in golden.session("raw-key-value")[:-1]:
        link.ask(request)
    link.close()
    wait_for(lambda: target.importing() == (str(golden.SLOT), "error"))
    target.stop()
    assert read_rows(target.directory, golden.SLOT) == {}


def test_rows_of_other_slots_are_refused(cluster: Cluster) -> None:
    """A batch with rows outside the import is refused as a whole."""
    target, _ = cluster.nodes
    start, _, batch, _ = golden.session("raw-key-value")
    link = KvrocksLink(target.port)
    assert link.ask([*start[:2], b"7761", b"0"]) == b"+OK\r\n"
    assert link.ask(batch).startswith(b"-ERR ")
    link.close()
    target.stop()
    assert read_rows(target.directory, golden.SLOT, 7761) == {}


@pytest.mark.parametrize("outcome", [b"1", b"2"])
def test_redis_command(cluster: Cluster, tmp_path: Path, outcome: bytes) -> None:
    """19, 22: keys by commands, and an empty stream as Kvrocks sends it. Then the source gives up, as it did when this
    was recorded, or (as it might have) succeeds."""
    target, _ = cluster.nodes
    link = KvrocksLink(target.port)
    start, *commands, end = golden.session("redis-command")
    empty = [b"XSETID", b"{v}empty stream", b"5-5", b"ENTRIESADDED", b"3", b"MAXDELETEDID", b"5-5"]
    assert link.ask(start) == b"+OK\r\n"
    for words in (*commands, empty):
        assert link.ask(words)[:1] in b"+:"
    assert link.ask([*end[:3], outcome]) == b"+OK\r\n"
    link.close()
    if outcome == b"2":
        assert target.importing() == (str(golden.OTHER_SLOT), "error")
        assert target.count(golden.OTHER_SLOT) == 0
        return
    check_strings(target, "v")
    assert target.importing() == (str(golden.OTHER_SLOT), "success")
    stream = target.call("XINFO", "STREAM", "{v}empty stream")
    assert (stream[1], stream[7], stream[9], stream[11]) == (0, b"5-5", b"5-5", 3)
    assert target.error("XSETID", "{v}none", *empty[2:]) == "ERR no such key"
    target.stop()
    golden_files.unpack_database("cluster", tmp_path / "original")
    had, has = (contents.keys(directory, golden.OTHER_SLOT) for directory in (tmp_path / "original", target.directory))
    has.pop(b"{v}empty stream")
    assert len(has) == 12
    for key, value in has.items():
        assert value == had[key]


def check_strings(node: ClusterNode, tag: str) -> None:
    """The node serves every living string that the commands set; their values are in the sessions."""
    expected = {words[1]: words[2] for words in golden.session("redis-command") if words[0] == b"SET"}
    assert len(expected) > 4
    for key, value in expected.items():
        name = key.replace(b"{v}", b"{%s}" % tag.encode())
        assert node.call("GET", name) == value, name
