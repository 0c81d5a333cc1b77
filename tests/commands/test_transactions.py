"""MULTI and WATCH, where time or slots matter. The rest: test_against_redis.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_bench import Bench, Caller

from slotrocks.engine import slot_of
from slotrocks.server.cluster.ranges import SlotSet
from slotrocks.server.cluster.route import SlotTable
from slotrocks.server.cluster.topology import Topology, parse_nodes
from slotrocks.server.dispatch import execute
from slotrocks.server.session import NO_REPLY
from slotrocks.server.table import COMMANDS, command

ME, OTHER = "a" * 40, "b" * 40
NODES = f"{ME} 10.0.0.1 6666 master - 0-8191\n{OTHER} 10.0.0.2 6666 master - 8192-16383"
MINE, MINE_TOO, THEIRS = "bar", "hello", "foo"  # slots 5061, 866, 12182


class FakeCluster:
    """The real table of slots, without what changes it."""

    def __init__(self) -> None:
        self.slots = SlotTable()
        self.held: set[Any] = set()
        self.topology = Topology(1, parse_nodes(NODES))
        self.flushes = 0
        self.rebuild()

    def rebuild(self, **changes: Any) -> None:
        self.slots.rebuild(self.topology, ME, **changes)

    def on_flush(self) -> None:
        self.flushes += 1

    def on_session_closed(self, session: Any) -> None:
        pass


@pytest.fixture
def cluster(tmp_path: Path, commits: bool) -> Iterator[Bench]:
    """A node that owns the lower half of the slots."""
    bench = Bench(tmp_path, commits=commits, cluster=True)
    bench.node.cluster = FakeCluster()  # type: ignore[assignment]
    yield bench
    bench.close()


def test_errors_and_savepoints(call: Caller) -> None:
    """A call that fails in the middle leaves nothing of itself and does not stop the others."""
    call("SET", "a", "1")
    call("MULTI")
    call("SET", "b", "2")
    call("INCRBY", "a", "x")
    call("MSETNX", "c", "3", "a", "4")
    call("INCR", "a")
    replies = call("EXEC")
    assert [str(reply) for reply in replies] == ["b'OK'", "ERR value is not an integer or out of range", "0", "2"]
    assert call("MGET", "a", "b", "c") == [b"2", b"2", None]


def test_nothing_is_visible_before_exec(bench: Bench, call: Caller) -> None:
    other = bench.client()
    call("MULTI")
    call("SET", "a", "1")
    assert other("GET", "a") is None
    call("EXEC")
    assert other("GET", "a") == b"1"


def test_watch_another_client(bench: Bench, call: Caller) -> None:
    other = bench.client()
    for change in ("SET a 1", "INCR a", "DEL a", "SET a 2 EX 100", "PERSIST a", "RENAME a b", "COPY b a", "FLUSHALL"):
        assert call("WATCH", "a") == b"OK"
        other(*change.split())
        call("MULTI")
        call("SET", "a", "mine")
        assert call("EXEC") is None, change
    for change in ("GET a", "TTL a", "DEL a", "SET b 1", "SETNX b 1", "INCR nothing_like_a", "FLUSHALL"):
        assert call("WATCH", "a") == b"OK"
        other(*change.split())
        call("MULTI")
        assert call("EXEC") == [], change


def test_a_failed_command_of_another_client_changes_nothing(bench: Bench, call: Caller) -> None:
    call("SET", "a", "x")
    call("WATCH", "a")
    bench.client().error("INCR", "a")
    call("MULTI")
    assert call("EXEC") == []


def test_nobody_watches_after_the_end(bench: Bench, call: Caller) -> None:
    for end in (("EXEC",), ("DISCARD",)):
        call("WATCH", "a", "b")
        call("MULTI")
        call(*end)
        assert not bench.node.watchers and not call.session.watched
    call("WATCH", "a")
    call("UNWATCH")
    assert not bench.node.watchers
    call("WATCH", "a")
    bench.node.close_session(call.session)
    assert not bench.node.watchers


def test_a_watched_key_expires(bench: Bench, call: Caller) -> None:
    call("SET", "a", "v", "PX", 10)
    call("WATCH", "a")
    bench.advance(10)
    call("MULTI")
    assert call("EXEC") == []
    call("WATCH", "a")
    bench.advance(1)
    call("MULTI")
    call("SET", "b", "v")
    assert call("EXEC") is None
    assert call("EXISTS", "b") == 0


@pytest.mark.parametrize("removed", [False, True])
def test_a_key_was_dead_when_watched(bench: Bench, call: Caller, removed: bool) -> None:
    call("SET", "a", "v", "PX", 10)
    bench.advance(11)
    call("WATCH", "a")
    if removed:
        assert bench.node.expiry.expire_some() == 1
    call("MULTI")
    assert call("EXEC") == []


def test_a_command_that_writes_its_reply_itself(bench: Bench, call: Caller) -> None:
    @command("test.stream", arity=1, group="test", since="0", summary="")
    def stream(s: Any, argv: list[bytes]) -> Any:
        s.writer.array_header(2)
        s.writer.integer(1)
        s.writer.integer(2)
        return NO_REPLY

    try:
        call("MULTI")
        call("SET", "a", "1")
        call("test.stream")
        call("GET", "a")
        assert call("EXEC") == [b"OK", [1, 2], b"1"]
    finally:
        del COMMANDS["test.stream"]


# ---- slots


def test_slots_of_the_examples() -> None:
    assert slot_of(MINE.encode()) < 8192 and slot_of(MINE_TOO.encode()) < 8192 <= slot_of(THEIRS.encode())


def test_queueing_checks_the_slot(cluster: Bench) -> None:
    call = cluster.call
    call("MULTI")
    assert call.error("SET", THEIRS, "v") == "MOVED 12182 10.0.0.2:6666"
    assert call.error("EXEC").startswith("EXECABORT")
    call("MULTI")
    assert call.error("MSET", MINE, "v", MINE_TOO, "v").startswith("CROSSSLOT")
    assert call.error("EXEC").startswith("EXECABORT")
    assert call.error("WATCH", THEIRS).startswith("MOVED")


def test_several_slots_of_one_node(cluster: Bench) -> None:
    call = cluster.call
    call("MULTI")
    call("SET", MINE, "1")
    call("SET", MINE_TOO, "2")
    assert call("EXEC") == [b"OK", b"OK"]


def test_a_slot_leaves_between_queueing_and_exec(cluster: Bench) -> None:
    call, state = cluster.call, cluster.node.cluster
    call("MULTI")
    call("SET", MINE_TOO, "first")
    call("SET", MINE, "second")
    state.rebuild(moved_out={slot_of(MINE.encode()): "10.0.0.2:6666"})
    assert call.error("EXEC") == "MOVED 5061 10.0.0.2:6666"
    assert call("GET", MINE_TOO) is None, "nothing was executed"
    assert call.error("EXEC") == "ERR EXEC without MULTI"


def test_a_frozen_slot_holds_the_whole_transaction(cluster: Bench) -> None:
    call, state = cluster.call, cluster.node.cluster
    frozen = SlotSet.of(slot_of(MINE.encode()))
    call("WATCH", MINE_TOO)
    call("MULTI")
    call("SET", MINE_TOO, "first")
    state.rebuild(frozen=frozen)
    assert call("SET", MINE, "second") == b"QUEUED", "queueing does not wait"

    def exec_waits() -> None:
        execute(call.session, [b"EXEC"])
        assert call.session.suspended and call.session.writer.size == 0
        assert call.session in state.held

    exec_waits()
    assert cluster.client()("GET", MINE_TOO) is None
    # The freeze ends well: the slot stays here.
    state.rebuild()
    call.session.suspended = False
    assert call("EXEC") == [b"OK", b"OK"]
    assert call("GET", MINE) == b"second"
    # And again, but the slot leaves, and a watched key changed: the transaction fails before it asks for slots.
    call("WATCH", MINE_TOO)
    call("MULTI")
    call("SET", MINE, "third")
    state.rebuild(frozen=frozen)
    exec_waits()
    cluster.client()("SET", MINE_TOO, "other")
    state.rebuild(moved_out={slot_of(MINE.encode()): "10.0.0.2:6666"})
    call.session.suspended = False
    assert call("EXEC") is None


def test_reads_of_a_frozen_slot_do_not_wait(cluster: Bench) -> None:
    call = cluster.call
    call("SET", MINE, "v")
    call("MULTI")
    call("GET", MINE)
    cluster.node.cluster.rebuild(frozen=SlotSet.of(slot_of(MINE.encode())))
    assert call("EXEC") == [b"v"]


def test_flush_tells_the_cluster(cluster: Bench) -> None:
    cluster.call("FLUSHDB")
    cluster.call("FLUSHALL", "ASYNC")
    assert cluster.node.cluster.flushes == 2
    assert cluster.call.error("MOVE", MINE, 0) == "ERR MOVE is not allowed in cluster mode"
    assert cluster.call.error("SWAPDB", 0, 0) == "ERR SWAPDB is not allowed in cluster mode"
