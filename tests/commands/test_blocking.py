"""Waiting for keys, where types, slots, time or mistakes matter. Who is served when: test_blocking_against_redis.py."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest
from node_bench import Bench, Caller

from slotrocks.engine import CF_DEFAULT, slot_of
from slotrocks.engine.layout import LIST_INITIAL_INDEX, encode_u64
from slotrocks.engine.types import lists
from slotrocks.server.cluster.ranges import SlotSet
from slotrocks.server.dispatch import execute
from slotrocks.server.table import COMMANDS

ME, OTHER = "a" * 40, "b" * 40
NODES = f"{ME} 10.0.0.1 6666 master - 0-8191\n{OTHER} 10.0.0.2 6666 master - 8192-16383"
MINE, MINE_TOO = "bar", "hello"  # slots 5061, 866
BLOCKED = False  # what a Caller gets from a call without a reply
NOTHING: list[Any] = []


class Waiting(Caller):
    """A client that may block."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.session.link.retry = self.retry  # type: ignore[method-assign]

    def retry(self) -> None:
        self.session.suspended = False
        execute(self.session, self.session.argv)

    def replies(self) -> list[Any]:
        """What arrived meanwhile, errors as text."""
        reader = hiredis.Reader()
        reader.feed(self.session.writer.take())
        found = []
        while (value := reader.gets()) is not False:
            found.append(str(value) if isinstance(value, hiredis.ReplyError) else value)
        return found

    def disconnect(self) -> None:
        self.bench.node.close_session(self.session)


@pytest.fixture
def waiting(bench: Bench) -> Waiting:
    return Waiting(bench)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Bench]:
    """A node that owns the lower half of the slots."""
    bench = Bench(tmp_path, commits=True, cluster=True)
    bench.call("CLUSTERX", "SETNODEID", ME)
    bench.call("CLUSTERX", "SETNODES", NODES, 1)
    yield bench
    bench.close()


def pass_through_loop(bench: Bench) -> None:
    bench.loop.run_until_complete(asyncio.sleep(0))


def test_nothing_is_left_behind(bench: Bench, call: Caller, waiting: Waiting) -> None:
    """However waiting ends, no queue, no timer and no count remains."""
    blocking = bench.node.blocking
    ends = {
        "served": lambda: call("RPUSH", "l", 1),
        "unblocked": lambda: call("CLIENT", "UNBLOCK", waiting.session.id),
        "unblocked with an error": lambda: call("CLIENT", "UNBLOCK", waiting.session.id, "ERROR"),
        "out of time": lambda: blocking._on_timeout(waiting.session.waiter),  # type: ignore[arg-type]
        "gone": waiting.disconnect,
    }
    for name, end in ends.items():
        assert waiting("BLPOP", "k", "l", "k", 100) is BLOCKED
        waiter = waiting.session.waiter
        assert waiter is not None and waiter.timer is not None
        assert blocking.queues.keys() == {b"k", b"l"} and blocking.clients == 1, name
        end()
        assert not blocking.queues and not blocking.ready and blocking.clients == 0, name
        assert waiting.session.waiter is None and waiter.timer.cancelled(), name
        assert not waiting.session.suspended, name
        waiting.replies()


def test_only_its_own_type_wakes(call: Caller, waiting: Waiting) -> None:
    waiting("BLPOP", "k", 0)
    call("SET", "k", "x")
    assert waiting.replies() == NOTHING
    call("RPUSH", "l", 1, 2)
    call("RENAME", "l", "k")
    assert waiting.replies() == [[b"k", b"1"]]


def test_keys_are_looked_at_in_order_again(call: Caller, waiting: Waiting) -> None:
    """Redis 7.2 runs the call again, 7.0 took from the key that was ready first."""
    waiting("BLPOP", "k", "l", 0)
    call("MULTI")
    call("RPUSH", "l", 1)
    call("RPUSH", "k", 2)
    call("EXEC")
    assert waiting.replies() == [[b"k", b"2"]]
    waiting("BLPOP", "m", "n", 0)
    call("SET", "m", "x")
    assert waiting.replies() == NOTHING
    call("RPUSH", "n", 1)
    assert waiting.replies() == ["WRONGTYPE Operation against a key holding the wrong kind of value"]
    assert call("LLEN", "n") == 1


def test_a_call_counts_once(bench: Bench, call: Caller, waiting: Waiting) -> None:
    row = COMMANDS["blpop"]
    calls, failed = row.calls, row.failed_calls
    waiting("BLPOP", "k", 0)
    call("RPUSH", "k", 1)
    assert (row.calls, row.failed_calls) == (calls + 1, failed)


def test_deadline_is_kept_when_a_call_waits_again(bench: Bench, call: Caller, waiting: Waiting) -> None:
    """A call that finds nothing after all goes on waiting with the time it has left."""
    waiting("BLPOP", "k", 100)
    waiter = waiting.session.waiter
    assert waiter is not None
    timer = waiter.timer
    bench.node.blocking._run(waiter)
    assert waiting.session.waiter is waiter and waiter.timer is timer and bench.node.blocking.clients == 1
    waiter.expired = True
    bench.node.blocking._run(waiter)
    assert waiting.replies() == [None]
    assert bench.node.blocking.clients == 0


def test_a_closing_client_takes_nothing(call: Caller, waiting: Waiting) -> None:
    waiting("BLPOP", "k", 0)
    waiting.session.link.closing = True  # type: ignore[misc]
    call("RPUSH", "k", 1)
    assert call("LRANGE", "k", 0, -1) == [b"1"]


def test_a_mistake_hurts_only_the_client_that_waits(
    call: Caller, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting("BLPOP", "k", 0)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(COMMANDS["blpop"], "handler", fail)
    assert call("RPUSH", "k", 1) == 1
    assert waiting.session.link.closed  # type: ignore[attr-defined]
    assert call("LLEN", "k") == 1


def test_written_outside_a_command(bench: Bench, call: Caller, waiting: Waiting) -> None:
    """Rows that come as they are (APPLYBATCH) wake whoever waits, at the latest with the loop's next turn."""
    waiting("BLPOP", "k", 0)
    call("RPUSH", "l", 1)
    txn = bench.node.txn
    call("SET", "k", "x")
    txn.begin(bench.node.now_ms)
    m = txn.lookup(b"l")
    assert m is not None
    txn.store_metadata(b"k", m, txn.lookup_any(b"k"))
    txn.put(CF_DEFAULT, txn.codec.subkey(b"k", m.version, encode_u64(LIST_INITIAL_INDEX)), b"1")
    bench.node.on_all_touched()
    assert waiting.replies() == NOTHING
    pass_through_loop(bench)
    assert waiting.replies() == [[b"k", b"1"]]


def test_all_that_one_exec_pushes_is_served_before_others(bench: Bench, call: Caller) -> None:
    """Many clients at many keys, served in one go and in order."""
    clients = [Waiting(bench) for _ in range(200)]
    for i, client in enumerate(clients):
        client("BLPOP", f"k{i % 10}", "other", 0)
    call("MULTI")
    for i in range(10):
        call("RPUSH", f"k{i}", *range(15))
    call("EXEC")
    got = [client.replies() for client in clients]
    for i in range(10):
        assert got[i::10] == [[[b"k%d" % i, b"%d" % j]] for j in range(15)] + [NOTHING] * 5


def test_slot_leaves(cluster: Bench) -> None:
    waiting, reader, behind = Waiting(cluster), Waiting(cluster), Waiting(cluster)
    waiting("BLPOP", MINE, 0)
    reader("BLMOVE", MINE, MINE, "LEFT", "RIGHT", 0)
    behind("BLPOP", MINE_TOO, 0)
    slot = slot_of(MINE.encode())
    cluster.call("CLUSTERX", "SETSLOT", slot, "NODE", OTHER, 2)
    moved = f"MOVED {slot} 10.0.0.2:6666"
    assert waiting.replies() == [moved] and reader.replies() == [moved]
    assert behind.replies() == NOTHING
    assert cluster.node.blocking.clients == 1
    assert cluster.call("RPUSH", MINE_TOO, 1) == 1
    assert behind.replies() == [[MINE_TOO.encode(), b"1"]]


def test_frozen_slot(cluster: Bench) -> None:
    """While a slot is frozen nobody is served: the call waits with the writes, and is decided with them."""
    node = cluster.node
    assert node.cluster is not None
    slots = SlotSet.of(slot_of(MINE.encode()))
    for outcome in ("back", "timeout", "moved"):
        waiting = Waiting(cluster)
        waiting("BLPOP", MINE, 100)
        node.cluster.slots.rebuild(node.cluster.topology, ME, frozen=slots)
        node.blocking.on_slots_changed()
        assert waiting.replies() == NOTHING, "a freeze may end without a hand-over"
        node.txn.begin(node.now_ms)
        push_past_dispatch(cluster, MINE)
        pass_through_loop(cluster)
        assert waiting.session in node.cluster.held and waiting.replies() == NOTHING
        if outcome == "timeout":
            assert waiting.session.waiter is not None
            node.blocking._on_timeout(waiting.session.waiter)
            assert waiting.replies() == [None] and not node.cluster.held
            node.cluster.rebuild()
            assert cluster.call("DEL", MINE) == 1
        elif outcome == "back":
            node.cluster.rebuild()
            assert waiting.replies() == [[MINE.encode(), b"1"]]
        else:
            cluster.call("CLUSTERX", "SETSLOT", slot_of(MINE.encode()), "NODE", OTHER, 2)
            assert waiting.replies()[0].startswith("MOVED")
        assert node.blocking.clients == 0 and not node.blocking.queues
        waiting.disconnect()


def push_past_dispatch(bench: Bench, key: str) -> None:
    """A write that did not come as a command, so that the freeze does not hold it."""
    lists.push(bench.node.txn, key.encode(), [b"1"], left=True)
    bench.node.on_touched(bench.node.txn.touched)


def test_pause(bench: Bench, call: Caller, waiting: Waiting) -> None:
    """CLIENT PAUSE holds a call that an EXEC made ready, too."""
    waiting("BLPOP", "k", 0)
    call("MULTI")
    call("RPUSH", "k", 1)
    call("CLIENT", "PAUSE", 1000, "WRITE")
    call("EXEC")
    assert waiting.replies() == NOTHING and bench.node.blocking.clients == 1
    call("CLIENT", "UNPAUSE")
    assert waiting.replies() == [[b"k", b"1"]] and bench.node.blocking.clients == 0


def test_info(bench: Bench, call: Caller, waiting: Waiting) -> None:
    waiting("BLPOP", "k", 0)
    assert b"blocked_clients:1\r\n" in call("INFO", "clients")
    call("RPUSH", "k", 1)
    assert b"blocked_clients:0\r\n" in call("INFO", "clients")
