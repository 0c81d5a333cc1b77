"""Group commit: one batch a tick, replies after it, and after the fsync when so configured; what a failed commit
does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import servers
from slotrocks.server.tick import Tick


class FakeTransaction:
    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.pending = 0
        self.error: Exception | None = None

    def commit(self) -> bool:
        if self.error is not None:
            raise self.error
        wrote, self.pending = self.pending, 0
        if wrote:
            self.journal.append(f"commit {wrote}")
        return bool(wrote)


class FakeStore:
    """Its sync() lasts until it is let go, when `gate` is there."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.gate: threading.Event | None = None
        self.error: Exception | None = None

    def sync(self) -> None:
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        self.journal.append("sync")


class FakeConfig:
    def __init__(self, appendfsync: str) -> None:
        self.appendfsync = appendfsync


class FakeNode:
    def __init__(self, appendfsync: str) -> None:
        self.journal: list[str] = []
        self.txn = FakeTransaction(self.journal)
        self.store = FakeStore(self.journal)
        self.config = FakeConfig(appendfsync)
        self.write_error = ""


class Client:
    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.journal = journal

    def seal(self) -> None:
        pass

    def flush(self) -> None:
        self.journal.append(f"reply {self.name}")

    def abort(self) -> None:
        self.journal.append(f"abort {self.name}")


def scenario(
    appendfsync: str,
) -> Callable[[Callable[[FakeNode, Tick], Coroutine[Any, Any, None]]], Callable[[], None]]:
    """Runs the decorated coroutine as a test, with a node and its tick."""

    def decorate(body: Callable[[FakeNode, Tick], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        async def main() -> None:
            node = FakeNode(appendfsync)
            tick = Tick(node, asyncio.get_running_loop())  # type: ignore[arg-type]
            try:
                await body(node, tick)
            finally:
                node.store.gate = node.store.error = node.txn.error = None
                tick.close()

        def test() -> None:
            asyncio.run(main())

        return test

    return decorate


def write(node: FakeNode, tick: Tick, name: str, rows: int = 1) -> None:
    node.txn.pending += rows
    tick.reply(Client(name, node.journal))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


@scenario("no")
async def test_one_commit_for_all_connections_of_a_tick(node: FakeNode, tick: Tick) -> None:
    write(node, tick, "a")
    write(node, tick, "b", 2)
    assert node.journal == []
    await asyncio.sleep(0)
    assert node.journal == ["commit 3", "reply a", "reply b"]
    write(node, tick, "c")
    await asyncio.sleep(0)
    assert node.journal[3:] == ["commit 1", "reply c"]


@scenario("always")
async def test_always_replies_after_the_fsync(node: FakeNode, tick: Tick) -> None:
    write(node, tick, "a")
    await until(lambda: "reply a" in node.journal)
    assert node.journal == ["commit 1", "sync", "reply a"]


@scenario("always")
async def test_ticks_go_on_during_an_fsync_and_the_next_one_covers_them(node: FakeNode, tick: Tick) -> None:
    node.store.gate = gate = threading.Event()
    write(node, tick, "a")
    await until(lambda: node.journal == ["commit 1"])
    for name in "bc":
        write(node, tick, name)
        await asyncio.sleep(0.01)
    assert node.journal == ["commit 1", "commit 1", "commit 1"]
    gate.set()
    await until(lambda: "reply c" in node.journal)
    assert node.journal[3:] == ["sync", "reply a", "sync", "reply b", "reply c"]


@scenario("always")
async def test_a_read_that_may_show_what_is_not_safe_waits_as_well(node: FakeNode, tick: Tick) -> None:
    node.store.gate = gate = threading.Event()
    write(node, tick, "writer")
    await until(lambda: node.journal == ["commit 1"])
    tick.reply(Client("reader", node.journal))
    await asyncio.sleep(0.02)
    assert node.journal == ["commit 1"]
    gate.set()
    await until(lambda: "reply reader" in node.journal)
    tick.reply(Client("later", node.journal))
    await asyncio.sleep(0)
    assert node.journal[-1] == "reply later", "nothing is unsafe any more: no fsync for a read"


@scenario("everysec")
async def test_everysec_does_not_wait(node: FakeNode, tick: Tick) -> None:
    write(node, tick, "a")
    await asyncio.sleep(0)
    assert node.journal == ["commit 1", "reply a"]
    await until(lambda: "sync" in node.journal)


@scenario("always")
async def test_closing_while_an_fsync_runs(node: FakeNode, tick: Tick) -> None:
    node.store.gate = gate = threading.Event()
    write(node, tick, "a")
    await until(lambda: node.journal == ["commit 1"])
    write(node, tick, "b")
    threading.Timer(0.05, gate.set).start()
    tick.close()  # blocks until the fsync is over; what became of it is heard only afterwards
    await until(lambda: "reply a" in node.journal)
    assert node.journal == ["commit 1", "commit 1", "sync", "sync", "reply b", "reply a"]
    write(node, tick, "c")  # the end of a link may still write something
    await asyncio.sleep(0)
    assert node.journal[-2:] == ["commit 1", "reply c"]


@pytest.mark.parametrize("appendfsync", ["no", "always"])
def test_a_failed_commit_drops_the_replies_and_refuses_writes(appendfsync: str) -> None:
    @scenario(appendfsync)
    async def run(node: FakeNode, tick: Tick) -> None:
        node.txn.error = OSError("No space left on device")
        write(node, tick, "a")
        await asyncio.sleep(0)
        assert node.journal == ["abort a"]
        assert "No space left" in node.write_error

    run()


@scenario("always")
async def test_a_failed_fsync_drops_all_that_waited_for_it(node: FakeNode, tick: Tick) -> None:
    node.store.gate = gate = threading.Event()
    node.store.error = OSError("Input/output error")
    write(node, tick, "a")
    await until(lambda: node.journal == ["commit 1"])
    write(node, tick, "b")
    await asyncio.sleep(0.01)
    gate.set()
    await until(lambda: "abort b" in node.journal)
    assert node.journal == ["commit 1", "commit 1", "abort a", "abort b"]
    assert "Input/output" in node.write_error


@scenario("no")
async def test_an_early_end_is_not_repeated(node: FakeNode, tick: Tick) -> None:
    write(node, tick, "a")
    tick.end()
    await asyncio.sleep(0)
    assert node.journal == ["commit 1", "reply a"]


def test_a_reply_does_not_go_out_with_the_fsync_of_an_earlier_tick(tmp_path: Path) -> None:
    """A client that sends on while its first write is being forced to the medium."""
    with servers.start_slotrocks(tmp_path, "--appendfsync", "always") as server:
        for pause_s in (0.0002, 0.0005, 0.001, 0.002):
            with server.client() as client:
                client.send("SET", "first", pause_s)
                time.sleep(pause_s)
                client.send("SET", "second", pause_s)
                assert (client.receive()[1], client.receive()[1]) == (b"OK", b"OK")
            server.kill()
            server.start()
            with server.client() as client:
                assert client.call("GET", "second") == str(pause_s).encode()


def test_large_replies_behind_fsyncs(tmp_path: Path) -> None:
    with servers.start_slotrocks(tmp_path, "--appendfsync", "always") as server, server.client() as client:
        client.call("HSET", "h", *(word for i in range(20_000) for word in (i, "v" * 100)))

        def send() -> None:
            for i in range(300):
                client.send("SET", i, "x" * 20_000)
                client.send("GET", i)
                if i % 100 == 0:
                    client.send("HGETALL", "h")

        # The node stops reading from who does not read: a client that sends first and reads then would wait for ever.
        sender = threading.Thread(target=send)
        sender.start()
        for i in range(300):
            assert client.receive()[1] == b"OK"
            assert len(client.receive()[1]) == 20_000
            if i % 100 == 0:
                assert len(client.receive()[1]) == 40_000
        sender.join()


class Broken(Client):
    def flush(self) -> None:
        raise RuntimeError("gone")


@pytest.mark.parametrize("appendfsync", ["no", "always"])
def test_a_client_that_cannot_be_answered_hurts_no_other(appendfsync: str) -> None:
    @scenario(appendfsync)
    async def test(node: FakeNode, tick: Tick) -> None:
        node.txn.pending = 1
        tick.reply(Broken("a", node.journal))
        tick.reply(Client("b", node.journal))
        await until(lambda: "reply b" in node.journal)
        assert "abort a" in node.journal

    test()
