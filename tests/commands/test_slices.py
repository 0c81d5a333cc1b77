"""Commands that look at much: others have their turn in between, and the result is that of one moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest
from node_bench import Bench, Caller

import servers
from slotrocks.engine.types import bitmap, sorting, work
from slotrocks.server.config import Config
from slotrocks.server.dispatch import execute
from slotrocks.server.node import Node
from slotrocks.server.session import Session
from slotrocks.server.streaming import advance

ROWS = 30
SLICES = ROWS  # at least


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A node on which all that is more than a little goes in slices."""
    monkeypatch.setattr(bitmap, "GATHERED_MAX", 2)
    monkeypatch.setattr(work, "STEP_ROWS", 1)
    monkeypatch.setattr(sorting, "RUN_ELEMENTS", 4)
    bench = Bench(tmp_path, commits=True)
    yield bench
    bench.close()


def run_loop(bench: Bench, rounds: int) -> None:
    """Lets the loop go round."""
    for _ in range(rounds):
        bench.loop.run_until_complete(asyncio.sleep(0))


class Slow(Caller):
    """A client whose calls take a while."""

    def start(self, *words: str | bytes | int) -> None:
        """Runs a call's first slice, which must not be all."""
        assert self.receive(*words) is False
        assert self.session.suspended

    def receive(self, *words: str | bytes | int) -> Any:
        """The reply that there is to a call, or to what was started; False if there is none."""
        if words:
            self.bench.node.refresh_clock = lambda: None  # type: ignore[method-assign]  # the test's clock stays
            argv = [word if isinstance(word, bytes) else str(word).encode() for word in words]
            execute(self.session, argv)
        reader = hiredis.Reader()
        reader.feed(self.session.writer.take())
        return reader.gets()

    def finish(self) -> Any:
        """The reply to what was started."""
        for _ in range(10_000):
            if not self.session.suspended:
                break
            run_loop(self.bench, 1)
            if self.session.stream is not None:
                advance(self.session)
        return self.receive()


@pytest.fixture
def slow(bench: Bench) -> Slow:
    return Slow(bench)


def fill(bench: Bench, key: str) -> None:
    """Sets the first bit of every segment."""
    for i in range(ROWS):
        assert bench.call("SETBIT", key, i * 8192, 1) == 0


def test_counting_shows_one_moment(bench: Bench, slow: Slow) -> None:
    fill(bench, "b")
    slow.start("BITCOUNT", "b")
    run_loop(bench, 3)
    assert slow.session.suspended
    for i in range(ROWS):
        bench.call("SETBIT", "b", i * 8192 + 1, 1)
    run_loop(bench, 3)
    bench.call("DEL", "b")
    assert slow.finish() == ROWS
    assert slow("BITCOUNT", "b") == 0


@pytest.mark.parametrize("words", ["GET b", "GETRANGE b 1000 20000"])
def test_reading_shows_one_moment(bench: Bench, slow: Slow, words: str) -> None:
    fill(bench, "b")
    bench.call("MULTI")
    bench.call(*words.split())
    (expected,) = bench.call("EXEC")
    assert len(expected) == (19_001 if "RANGE" in words else (ROWS - 1) * 1024 + 1)
    slow.start(*words.split())
    bench.call("BITOP", "NOT", "b", "none")
    bench.call("SET", "b", "x")
    assert slow.finish() == expected


def test_a_plain_string_is_counted_in_slices_too(bench: Bench, slow: Slow) -> None:
    bench.call("SET", "s", b"\x01" * 50_000)
    slow.start("BITCOUNT", "s")
    bench.call("SET", "s", "")
    assert slow.finish() == 50_000
    bench.call("SET", "s", b"\xff" * 50_000)
    slow.start("BITPOS", "s", 0)
    bench.call("DEL", "s")
    assert slow.finish() == 400_000


def test_searching_in_slices(bench: Bench, slow: Slow) -> None:
    fill(bench, "b")
    for i in range(21, 25):
        bench.call("SETBIT", "b", i * 8192, 0)
    slow.start("BITPOS", "b", 1, 8192 * 20 + 1, -1, "BIT")
    bench.call("DEL", "b")
    assert slow.finish() == 8192 * 25


def test_inside_multi_all_is_done_at_once(bench: Bench, slow: Slow) -> None:
    fill(bench, "b")
    for words in (["MULTI"], ["BITCOUNT", "b"], ["BITOP", "NOT", "c", "b"], ["BITCOUNT", "c"], ["SORT", "none"]):
        slow(*words)
    size = (ROWS - 1) * 1024 + 1
    assert slow("EXEC") == [ROWS, size, size * 8 - ROWS, []]


@pytest.mark.parametrize("operation", ["OR", "AND", "XOR"])
def test_combining_when_nothing_changes(bench: Bench, slow: Slow, operation: str) -> None:
    fill(bench, "a")
    fill(bench, "b")
    bench.call("SETBIT", "b", 9, 1)
    slow.start("BITOP", operation, "d", "a", "b")
    bench.call("SET", "other", "x")
    bench.call("SET", "d", "replaced by then")
    assert slow.finish() == (ROWS - 1) * 1024 + 1
    bits_set = {"OR": ROWS + 1, "AND": ROWS, "XOR": 1}[operation]
    bench_count = Slow(bench)
    bench_count.start("BITCOUNT", "d")
    assert bench_count.finish() == bits_set
    assert not bench.node.watchers


@pytest.mark.parametrize(
    "change", ["SETBIT a 3 1", "DEL a", "SET a x", "FLUSHALL", "RENAME a z", "expiry", "RPUSH a x"]
)
def test_combining_when_a_source_changes(bench: Bench, slow: Slow, change: str) -> None:
    fill(bench, "a")
    fill(bench, "b")
    bench.call("PEXPIRE", "b", 1000)
    slow.start("BITOP", "XOR", "d", "a", "b")
    run_loop(bench, 5)
    if change == "expiry":
        bench.advance(2000)
    else:
        if change.startswith("RPUSH"):
            bench.call("DEL", "a")
        bench.call(*change.split())
    reply = slow.finish()
    if change.startswith("RPUSH"):
        assert isinstance(reply, hiredis.ReplyError) and "WRONGTYPE" in str(reply)
        assert bench.call("EXISTS", "d") == 0
    else:
        # What the same call answers now, in one go.
        for words in (["MULTI"], ["GET", "d"], ["BITOP", "XOR", "e", "a", "b"], ["GET", "e"]):
            bench.call(*words)
        result, size, expected = bench.call("EXEC")
        assert (reply, result) == (size, expected)
    assert not bench.node.watchers


def test_combining_is_routed_again_at_the_end(bench: Bench, slow: Slow) -> None:
    """As if CLIENT PAUSE came in between: the call waits, and what was found gets old."""
    fill(bench, "a")
    slow.start("BITOP", "NOT", "d", "a")
    held: list[list[bytes]] = []

    class Pause:
        def holds(self, session: Session, row: Any) -> bool:
            return session is slow.session

        def hold(self, session: Session, argv: list[bytes]) -> None:
            held.append(argv)
            session.suspend()

    bench.node.pause = Pause()  # type: ignore[assignment]
    while not held:
        run_loop(bench, 1)
    bench.call("SETBIT", "a", 1, 1)
    bench.node.pause = None
    slow.session.suspended = False
    execute(slow.session, held[0])
    assert slow.finish() == (ROWS - 1) * 1024 + 1
    assert bench.call("GETBIT", "d", 1) == 0
    assert not bench.node.watchers


def test_a_client_that_goes_leaves_nothing(bench: Bench, slow: Slow) -> None:
    fill(bench, "a")
    slow.start("BITOP", "NOT", "d", "a")
    assert bench.node.watchers
    slow.session.cancel()
    run_loop(bench, SLICES)
    assert not bench.node.watchers
    assert bench.call("EXISTS", "d") == 0


@pytest.mark.parametrize(
    "words", ["SORT l", "SORT l DESC", "SORT l ALPHA", "SORT l LIMIT 7 9 GET # GET #", "SORT_RO l"]
)
def test_sorting_shows_one_moment(bench: Bench, slow: Slow, words: str) -> None:
    bench.call("RPUSH", "l", *((i * 37) % 101 for i in range(90)))
    bench.call("MULTI")
    bench.call(*words.split())
    (expected,) = bench.call("EXEC")
    slow.start(*words.split())
    bench.call("LPUSH", "l", "no number")
    bench.call("DEL", "l")
    assert slow.finish() == expected
    assert len(expected) == (18 if "LIMIT" in words else 90)


def test_an_error_may_come_late(bench: Bench, slow: Slow) -> None:
    bench.call("RPUSH", "l", *range(90), "no number")
    slow.start("SORT", "l")
    assert "converted into double" in str(slow.finish())
    assert slow("PING") == b"PONG"


# ---- real connections


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.start_slotrocks(tmp_path_factory.mktemp("node")) as server:
        with server.client() as client:
            client.call("SETBIT", "sparse", 8192 * 12_000 - 1, 0)
            client.call("BITOP", "NOT", "dense", "sparse")
        yield server


def test_others_are_served_meanwhile_and_replies_come_in_order(server: servers.Server) -> None:
    with server.client() as client, server.client() as other:
        client.send("BITCOUNT", "dense")
        client.send("ECHO", "after")
        client.send("BITOP", "AND", "copy", "dense", "dense")
        client.send("BITCOUNT", "copy", 0, -1)
        replies: list[Any] = []
        thread = threading.Thread(target=lambda: replies.extend(client.receive()[1] for _ in range(4)))
        thread.start()
        pings = 0
        while thread.is_alive():
            assert other.call("PING") == b"PONG"
            pings += 1
        thread.join()
        assert replies == [8192 * 12_000, b"after", 1024 * 12_000, 8192 * 12_000]
        assert pings > 5


def test_replies_that_nobody_wants(server: servers.Server) -> None:
    with server.client() as client:
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("BITCOUNT", "dense")
        client.send("BITCOUNT", "sparse")
        assert client.receive()[1] == 0
        client.send("CLIENT", "REPLY", "OFF")
        client.send("BITOP", "OR", "copy", "dense")
        client.send("BITCOUNT", "dense")
        client.send("CLIENT", "REPLY", "ON")
        assert client.receive()[1] == b"OK"
        assert client.call("STRLEN", "copy") == 1024 * 12_000


@pytest.mark.parametrize("how", ["aborts", "is killed", "node stops"])
def test_whoever_goes_away_takes_the_work_along(tmp_path: Path, how: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        node = Node(Config(dir=str(tmp_path), port=servers.free_port()), loop)
        await node.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port, limit=4096)
        writer.write(hiredis.pack_command((b"SETBIT", b"a", b"%d" % (8192 * 8000), b"0")))
        assert await reader.readline() == b":0\r\n"
        writer.write(hiredis.pack_command((b"BITOP", b"NOT", b"d", b"a")))
        session = next(iter(node.sessions.values()))
        while not session.suspended:
            await asyncio.sleep(0)
        assert node.watchers
        if how == "aborts":
            writer.transport.abort()
        elif how == "is killed":
            session.link.close()
        if how != "node stops":
            while node.sessions:
                await asyncio.sleep(0.01)
            assert not node.watchers
        await node.stop()
        assert not node.watchers
        writer.close()
        # Whoever still had an iterator would keep the database open.
        again = Node(Config(dir=str(tmp_path), port=servers.free_port()), loop)
        await again.start()
        await again.stop()

    asyncio.run(main())
