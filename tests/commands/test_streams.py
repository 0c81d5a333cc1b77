"""Streams, where redis-server 7.0 cannot be asked: what is new in 7.2, time, slots, large streams, who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from node_bench import NOW_MS, Bench, Caller
from test_blocking import ME, MINE, NODES, NOTHING, OTHER, Waiting

import golden_files
import invariants
from servers import Server
from slotrocks.engine import CF_STREAM, slot_of
from slotrocks.engine.types import streams
from slotrocks.engine.types.streams_ids import FIRST, StreamID
from slotrocks.server.dispatch import execute

MANY = 3000


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


def fill(bench: Bench, key: bytes, count: int, group: bytes = b"") -> None:
    """Entries 1-0 .. count-0, without a command for each."""
    txn = bench.node.txn
    txn.begin(bench.node.now_ms)
    stream = streams.find(txn, key) or streams.create(txn, key)
    for i in range(1, count + 1):
        streams.append(txn, stream, StreamID(i, 0), [b"f", b"%d" % i])
    stream.store(txn)
    bench.node.tick.end()
    if group:
        bench.call("XGROUP", "CREATE", key, group, 0)


# -- ids from the clock


def test_ids_follow_the_clock_and_never_go_back(bench: Bench, call: Caller) -> None:
    assert call("XADD", "s", "*", "f", "v") == b"%d-0" % NOW_MS
    assert call("XADD", "s", "*", "f", "v") == b"%d-1" % NOW_MS
    bench.advance(5)
    assert call("XADD", "s", "*", "f", "v") == b"%d-0" % (NOW_MS + 5)
    bench.advance(-1000)
    assert call("XADD", "s", "*", "f", "v") == b"%d-1" % (NOW_MS + 5)
    assert call("XADD", "s", f"{NOW_MS + 10}-*", "f", "v") == b"%d-0" % (NOW_MS + 10)
    assert call("XADD", "s", "*", "f", "v") == b"%d-1" % (NOW_MS + 10)


# -- what is new in 7.2


def test_times_of_consumers(bench: Bench, call: Caller) -> None:
    call("HELLO", 3)
    call("XGROUP", "CREATE", "s", "g", 0, "MKSTREAM")

    def consumers() -> dict[bytes, tuple[int, int]]:
        return {each[b"name"]: (each[b"idle"], each[b"inactive"]) for each in call("XINFO", "CONSUMERS", "s", "g")}

    call("XGROUP", "CREATECONSUMER", "s", "g", "made")
    call("XREADGROUP", "GROUP", "g", "idle", "STREAMS", "s", ">")
    call("XADD", "s", "1-1", "f", "v")
    call("XREADGROUP", "GROUP", "g", "busy", "STREAMS", "s", ">")
    bench.advance(100)
    assert consumers() == {b"made": (100, -1), b"idle": (100, -1), b"busy": (100, 100)}
    call("XREADGROUP", "GROUP", "g", "busy", "STREAMS", "s", ">")
    assert consumers()[b"busy"] == (0, 100), "it looked, and got nothing"
    call("XREADGROUP", "GROUP", "g", "busy", "STREAMS", "s", 0)
    assert consumers()[b"busy"] == (0, 100), "what it has got already is nothing new"
    call("XCLAIM", "s", "g", "idle", 1000, "1-1")
    assert consumers()[b"idle"] == (0, -1)
    call("XCLAIM", "s", "g", "idle", 0, "1-1")
    assert consumers()[b"idle"] == (0, 0)
    call("XAUTOCLAIM", "s", "g", "auto", 1000, "-")
    assert consumers()[b"auto"] == (0, -1), "consumers are created even when they get nothing"
    bench.advance(50)
    call("XAUTOCLAIM", "s", "g", "auto", 50, "-")
    assert consumers()[b"auto"] == (0, 0)
    (group,) = call("XINFO", "STREAM", "s", "FULL")[b"groups"]
    made, busy = (next(each for each in group[b"consumers"] if each[b"name"] == name) for name in (b"made", b"busy"))
    assert (made[b"seen-time"], made[b"active-time"]) == (NOW_MS, -1)
    assert (busy[b"seen-time"], busy[b"active-time"]) == (NOW_MS + 100, NOW_MS)


def test_xsetid_behind_what_was_deleted(call: Caller) -> None:
    call("XADD", "s", "5-5", "f", "v")
    call("XDEL", "s", "5-5")
    assert (
        call.error("XSETID", "s", "5-4")
        == "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
    )


def test_texts(call: Caller) -> None:
    assert call.error("XREAD", "STREAMS", "s", "t", "0") == (
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."
    )
    assert call.error("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "t", "0") == (
        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
    )
    assert call.error("XREAD", "BLOCK", 2**63 - 1, "STREAMS", "s", 0) == "ERR timeout is out of range"
    assert call("XGROUP", "HELP")[-1] == b"    Print this help." and len(call("XGROUP", "HELP")) == 17
    assert len(call("XINFO", "HELP")) == 9


def test_names_in_errors_are_one_line(call: Caller) -> None:
    assert call.error("XREADGROUP", "GROUP", b"g\r\n\xff", "c", "STREAMS", b"\xfe\n", ">").startswith("NOGROUP No such")


# -- who waits is told when a group is gone

NO_GROUP = "NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"


WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


def test_the_group_goes_away(bench: Bench, call: Caller) -> None:
    for words, reply in {
        ("XGROUP", "DESTROY", "s", "g"): NO_GROUP,
        ("DEL", "s"): NO_GROUP,
        ("UNLINK", "s"): NO_GROUP,
        ("RENAME", "s", "t"): NO_GROUP,
        ("RENAME", "other", "s"): NO_GROUP,
        ("FLUSHALL",): NO_GROUP,
        ("PEXPIREAT", "s", "1"): NO_GROUP,
        ("SET", "s", "x"): WRONG_TYPE,
        ("RENAME", "list", "s"): WRONG_TYPE,
    }.items():
        call("FLUSHALL")
        call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
        call("XADD", "other", "1-1", "f", "v")
        call("RPUSH", "list", "x")
        reader, member = Waiting(bench), Waiting(bench)
        reader("XREAD", "BLOCK", 0, "STREAMS", "s", "5-5")
        member("XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "s", ">")
        call(*words)
        assert member.replies() == [reply], words
        assert reader.replies() == NOTHING, words
        call("DEL", "s")
        call("XADD", "s", "9-9", "f", "v")
        assert reader.replies() == [[[b"s", [[b"9-9", [b"f", b"v"]]]]]], words
        assert not bench.node.blocking.queues


def test_the_group_expires(bench: Bench, call: Caller, waiting: Waiting) -> None:
    call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    waiting("XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "s", ">")
    call("PEXPIRE", "s", 10)
    assert waiting.replies() == NOTHING
    bench.advance(11)
    bench.node.refresh_clock = lambda: None  # type: ignore[method-assign]
    assert bench.node.expiry.expire_some() == 1
    bench.loop.run_until_complete(asyncio.sleep(0))
    assert waiting.replies() == [NO_GROUP]


def test_nobody_wakes_for_entries_that_are_gone_again(call: Caller, waiting: Waiting) -> None:
    call("XADD", "s", "1-1", "f", "v")
    waiting("XREAD", "BLOCK", 0, "STREAMS", "s", "$")
    call("MULTI")
    call("XADD", "s", "2-1", "f", "v")
    call("XDEL", "s", "2-1")
    call("EXEC")
    call("XADD", "s", "MAXLEN", 0, "2-2", "f", "v")
    call("XSETID", "s", "5-5")
    assert waiting.replies() == NOTHING
    call("XADD", "s", "5-6", "f", "v")
    assert waiting.replies() == [[[b"s", [[b"5-6", [b"f", b"v"]]]]]]


def test_waiting_for_a_group_does_not_wake_itself(bench: Bench, call: Caller, waiting: Waiting) -> None:
    """XREADGROUP writes when its consumer was seen: nobody waits for that."""
    call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    others = [Waiting(bench) for _ in range(3)]
    for i, other in enumerate([waiting, *others]):
        other("XREADGROUP", "GROUP", "g", f"c{i}", "BLOCK", 0, "STREAMS", "s", ">")
    call("XADD", "s", "1-1", "f", "v")
    call("XACK", "s", "g", "1-1")
    call("XGROUP", "SETID", "s", "g", 0)
    assert len(waiting.replies()) == 1 and all(other.replies() == NOTHING for other in others)
    call("XADD", "s", "1-2", "f", "v")
    assert [len(other.replies()) for other in others] == [1, 0, 0]
    assert bench.node.blocking.clients == 2


def test_slot_leaves(cluster: Bench) -> None:
    reader, member = Waiting(cluster), Waiting(cluster)
    cluster.call("XGROUP", "CREATE", MINE, "g", "$", "MKSTREAM")
    reader("XREAD", "BLOCK", 0, "STREAMS", MINE, "$")
    member("XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", MINE, ">")
    slot = slot_of(MINE.encode())
    cluster.call("CLUSTERX", "SETSLOT", slot, "NODE", OTHER, 2)
    moved = f"MOVED {slot} 10.0.0.2:6666"
    assert reader.replies() == [moved] and member.replies() == [moved]


def test_keys_decide_where_a_call_goes(cluster: Bench) -> None:
    call = cluster.call
    for words in (
        ("XREAD", "COUNT", "1", "STREAMS", "foo", "0"),
        ("XREAD", "BLOCK", "1", "streams", "foo", "$"),
        ("XREADGROUP", "GROUP", "STREAMS", "c", "STREAMS", "foo", ">"),
        ("XINFO", "STREAM", "foo"),
        ("XGROUP", "CREATE", "foo", "g", "0"),
    ):
        assert call.error(*words) == f"MOVED {slot_of(b'foo')} 10.0.0.2:6666", words
    assert call.error("XREAD", "STREAMS", "a", "b", "0", "0").startswith("CROSSSLOT")
    assert call.error("XREAD", "STREAMS", "foo").startswith("ERR")
    keys = call("COMMAND", "GETKEYS", "XREADGROUP", "GROUP", "STREAMS", "c", "NOACK", "STREAMS", "a", "b", ">", ">")
    assert keys == [b"a", b"b"]


# -- watched keys


def test_watch(bench: Bench, call: Caller) -> None:
    """As in Redis, what happens in consumer groups is no change of the key."""
    watcher = bench.client()
    for words, changes in {
        ("XADD", "s", "9-9", "f", "v"): True,
        ("XDEL", "s", "1-1"): True,
        ("XDEL", "s", "7-7"): False,
        ("XTRIM", "s", "MAXLEN", "1"): True,
        ("XTRIM", "s", "MAXLEN", "10"): False,
        ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"): False,
        ("XACK", "s", "g", "1-1"): False,
        ("XCLAIM", "s", "g", "c", "0", "1-1", "FORCE"): False,
        ("XRANGE", "s", "-", "+"): False,
    }.items():
        call("DEL", "s")
        for entry in ("1-1", "1-2", "1-3"):
            call("XADD", "s", entry, "f", "v")
        call("XGROUP", "CREATE", "s", "g", 0)
        watcher("WATCH", "s")
        call(*words)
        watcher("MULTI")
        watcher("PING")
        assert (watcher("EXEC") is None) == changes, words


# -- large streams


@pytest.mark.parametrize("protocol", [2, 3])
def test_large_replies(bench: Bench, call: Caller, protocol: int) -> None:
    call("HELLO", protocol)
    fill(bench, b"s", MANY, b"g")
    whole = [[b"%d-0" % i, [b"f", b"%d" % i]] for i in range(1, MANY + 1)]
    assert call("XRANGE", "s", "-", "+") == whole
    assert call("XREVRANGE", "s", "+", "-") == whole[::-1]
    assert call("XRANGE", "s", "3", "(2990-0") == whole[2:2989]
    assert call("XRANGE", "s", "1000", "+") == whole[999:]
    assert call("XREVRANGE", "s", "2800", "(2") == whole[2:2800][::-1]
    assert call("XRANGE", "s", "-", "+", "COUNT", 2000) == whole[:2000]
    assert call("XRANGE", "s", "10", "2900", "COUNT", 2000) == whole[9:2009]
    call("XADD", "t", "1-1", "f", "v")
    small = [[b"1-1", [b"f", b"v"]]]
    for keys in (["s"], ["t", "s"], ["s", "t"], ["s", "s"]):
        expected = [[key.encode(), whole if key == "s" else small] for key in keys]
        reply = call("XREAD", "STREAMS", *keys, *["0"] * len(keys))
        assert reply == (expected if protocol == 2 else dict(expected))  # type: ignore[arg-type]
    call("MULTI")
    call("XREAD", "STREAMS", "t", "s", "0", "0")
    call("XRANGE", "s", "-", "+")
    both = [[b"t", small], [b"s", whole]]
    assert call("EXEC") == [both if protocol == 2 else dict(both), whole]  # type: ignore[arg-type]
    call("CLIENT", "REPLY", "OFF")
    call.session.reply_mode = "on"
    assert call("XREAD", "COUNT", 1, "STREAMS", "s", 0) is not None


def test_a_large_reply_goes_out_in_slices(bench: Bench, call: Caller) -> None:
    fill(bench, b"s", MANY)
    for words in ([b"XRANGE", b"s", b"-", b"+"], [b"XREAD", b"STREAMS", b"s", b"0"]):
        execute(call.session, words)
        assert call.session.stream is not None and call.session.writer.size < 150_000
        call.session.stream = None
        call.session.suspended = False
        call.session.writer.clear()


@pytest.mark.parametrize("by", ["MAXLEN", "MINID"])
def test_trimming_much(bench: Bench, call: Caller, by: str) -> None:
    for count in (0, 1, 65, 1024, 1025, 2000, MANY - 1, MANY):
        call("DEL", "s")
        fill(bench, b"s", MANY, b"g")
        argument = MANY - count if by == "MAXLEN" else f"{count + 1}-0"
        assert call("XTRIM", "s", by, argument) == count
        left = call("XRANGE", "s", "-", "+")
        assert [int(entry_id.partition(b"-")[0]) for entry_id, _ in left] == list(range(count + 1, MANY + 1))
        assert call("XLEN", "s") == MANY - count
        bench.node.tick.end()
        assert invariants.streams(bench.node.store) == []
        assert call("XADD", "s", "MAXLEN", 1, "*", "f", "v") and call("XLEN", "s") == 1


def test_approximate_trimming_at_each_xadd(call: Caller) -> None:
    lengths = []
    for i in range(1, 600):
        call("XADD", "s", "MAXLEN", "~", 150, f"{i}-0", "f", "v")
        lengths.append(call("XLEN", "s"))
    assert max(lengths) == 249 and lengths[-1] == 199
    assert all(later in (before + 1, before - 99) for before, later in pairwise(lengths))


def test_a_group_with_many_pending_entries(bench: Bench, call: Caller) -> None:
    fill(bench, b"s", 700, b"g")
    assert len(call("XREADGROUP", "GROUP", "g", "a", "COUNT", 500, "STREAMS", "s", ">")[0][1]) == 500
    assert len(call("XREADGROUP", "GROUP", "g", "b", "STREAMS", "s", ">")[0][1]) == 200
    assert len(call("XREADGROUP", "GROUP", "g", "b", "STREAMS", "s", "0")[0][1]) == 200
    assert call("XPENDING", "s", "g")[3] == [[b"a", b"500"], [b"b", b"200"]]
    claimed = call("XAUTOCLAIM", "s", "g", "b", 0, "-", "COUNT", 250, "JUSTID")
    assert claimed[0] == b"251-0" and len(claimed[1]) == 250
    assert call("XGROUP", "DELCONSUMER", "s", "g", "a") == 250
    bench.node.tick.end()
    assert invariants.streams(bench.node.store) == []
    assert call("XGROUP", "DESTROY", "s", "g") == 1
    assert call("XGROUP", "CREATE", "s", "g", 0) and call("XPENDING", "s", "g") == [0, None, None, None]
    call("DEL", "s")
    bench.node.tick.end()
    assert list(bench.node.store.scan(CF_STREAM, *bench.node.txn.codec.namespace_range())) == []


def test_exact_trimming_does_not_pass_what_was_trimmed(bench: Bench, call: Caller) -> None:
    """The metadata say where the first entry is, so a scan begins there."""
    fill(bench, b"s", 100)
    call("XTRIM", "s", "MAXLEN", 10)
    stream = streams.find(bench.node.txn, b"s")
    assert stream is not None and (stream.first_id, stream.last_entry_id) == ((91, 0), (100, 0))
    call("XDEL", "s", "91-0", "92-0", "100-0", "95-0")
    stream = streams.find(bench.node.txn, b"s")
    assert stream is not None and (stream.first_id, stream.last_entry_id) == ((93, 0), (99, 0))
    call("XTRIM", "s", "MAXLEN", 0)
    stream = streams.find(bench.node.txn, b"s")
    assert stream is not None and stream.first_id == stream.last_entry_id == FIRST


# -- over the wire


def test_over_the_wire(slotrocks_server: Server) -> None:
    """A reply that is larger than what sockets hold."""
    with slotrocks_server.client() as client:
        client.call("DEL", "s")
        value = "x" * 1000
        for _ in range(50):
            for _ in range(100):
                client.send("XADD", "s", "*", "f", value)
            for _ in range(100):
                client.receive()
        entries: list[Any] = client.call("XRANGE", "s", "-", "+")
        assert len(entries) == 5000 and all(fields == [b"f", value.encode()] for _, fields in entries)
        client.call("DEL", "s")


def test_a_large_reply_to_who_waits(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as reader, slotrocks_server.client() as writer:
        writer.call("DEL", "s")
        reader.send("XREAD", "BLOCK", 0, "STREAMS", "s", 0)
        reader.send("ECHO", "after")
        while not int(writer.call("INFO", "clients").split(b"blocked_clients:")[1].split(b"\r")[0]):
            pass
        writer.send("MULTI")
        for i in range(1, MANY + 1):
            writer.send("XADD", "s", f"{i}-0", "f", "x" * 100)
        writer.send("EXEC")
        for _ in range(MANY + 2):
            writer.receive()
        ((key, entries),) = reader.receive()[1]
        assert key == b"s" and len(entries) == MANY
        assert reader.receive()[1] == b"after"
        writer.call("DEL", "s")


def test_what_kvrocks_answered(call: Caller) -> None:
    """The commands that were given to Kvrocks, with its replies."""
    asked = [(words, reply) for words, reply in golden_files.commands("cluster") if words[0].startswith(b"X")]
    for words, reply in asked:
        value = call(*words)
        assert value == encoded(reply), words
    assert len(asked) == 6


def encoded(reply: Any) -> Any:
    """A reply from a file of tests/golden, as hiredis has it."""
    if isinstance(reply, list):
        return [encoded(item) for item in reply]
    return reply.encode() if isinstance(reply, str) else reply
