"""Large replies: written in slices, of one moment, without hurting anybody."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hiredis
import psutil
import pytest

import servers
from slotrocks.engine import ReplyWriter
from slotrocks.server.config import Config
from slotrocks.server.node import Node
from slotrocks.server.streaming import SLICE_ITEMS_MAX, Stream

# ---- the slices


def read_back(writer: ReplyWriter) -> Any:
    """The one reply that was written; sets as lists."""
    reader = hiredis.Reader()
    reader.feed(writer.take())
    value = reader.gets()
    assert value is not False and not reader.has_data()
    return value


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("kind", ["array", "set", "map"])
@pytest.mark.parametrize("count", [0, 1, SLICE_ITEMS_MAX // 2, SLICE_ITEMS_MAX, SLICE_ITEMS_MAX + 1, 5000])
@pytest.mark.parametrize("whole", [False, True])
def test_slices_make_one_reply(protocol: int, kind: Any, count: int, whole: bool) -> None:
    items = [b"%d" % i for i in range(2 * count if kind == "map" else count)]
    stream, writer = Stream(kind, count, items), ReplyWriter(protocol)
    if whole:
        stream.write_whole(writer)
    else:
        ended = stream.begin(writer)
        while not ended:
            ended = stream.go_on(writer)
    value = read_back(writer)
    assert value == (dict(zip(items[::2], items[1::2], strict=True)) if kind == "map" and protocol == 3 else items)


def test_a_slice_is_bounded_in_bytes() -> None:
    stream, writer = Stream("array", 100, (b"x" * 30_000 for _ in range(100))), ReplyWriter()
    assert not stream.begin(writer)
    assert writer.size < 100_000


def test_a_short_reply_tells_how_many_there_are_not_how_many_were_announced() -> None:
    for announced in (1, 3, 500):
        writer = ReplyWriter()
        assert Stream("array", announced, [b"a", b"b", b"c"]).begin(writer)
        assert read_back(writer) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("announced", [SLICE_ITEMS_MAX - 1, 5001])
def test_a_long_reply_that_is_not_as_announced_is_an_error(announced: int) -> None:
    stream, writer = Stream("array", announced, [b"x"] * 5000), ReplyWriter()
    with pytest.raises(ValueError, match="announced"):
        stream.begin(writer)
        while not stream.go_on(writer):
            pass


# ---- a node's clients

FIELDS = 300_000
VALUE = b"v" * 100
REPLY_BYTES_MIN = FIELDS * 100


def load(client: servers.Client, key: str, fields: int, value: bytes = VALUE) -> None:
    for first in range(0, fields, 10_000):
        words = [word for i in range(first, min(fields, first + 10_000)) for word in (b"field:%d" % i, value)]
        client.call("HSET", key, *words)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A node with a hash of FIELDS fields."""
    with servers.start_slotrocks(tmp_path_factory.mktemp("streaming"), "--rocksdb.block_cache_size", "16") as running:
        with running.client() as client:
            load(client, "big", FIELDS)
        yield running


def resident_bytes(server: servers.Server) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def test_a_reader_of_a_large_hash_hurts_nobody(server: servers.Server) -> None:
    with server.client() as reader, server.client() as other:
        assert len(reader.call("HGETALL", "big")) == 2 * FIELDS
        before = peak = resident_bytes(server)
        # While nothing of it is read …
        reader.send("HGETALL", "big")
        for _ in range(50):
            assert other.call("PING") == b"PONG"
        peak = max(peak, resident_bytes(server))
        # … and while it is.
        received: list[Any] = []
        thread = threading.Thread(target=lambda: received.append(reader.receive()[1]))
        thread.start()
        pings = 0
        while thread.is_alive():
            assert other.call("PING") == b"PONG"
            pings += 1
            peak = max(peak, resident_bytes(server))
        thread.join()
        assert len(received[0]) == 2 * FIELDS
        assert len(set(received[0][::2])) == FIELDS
        assert set(received[0][1::2]) == {VALUE}
        assert pings > 20
        assert peak - before < REPLY_BYTES_MIN / 2


def test_the_reply_is_of_one_moment_and_what_follows_comes_after_it(server: servers.Server) -> None:
    with server.client(3) as reader, server.client() as other:
        load(other, "moment", 20_000, b"v" * 2000)  # far more than what sockets buffer
        other.call("CONFIG", "RESETSTAT")
        reader.send("HGETALL", "moment")
        reader.send("HLEN", "moment")
        while other.call("INFO", "commandstats").find(b"cmdstat_hgetall:calls=") < 0:
            pass
        other.call("HSET", "moment", *(word for i in range(20_000) for word in (b"field:%dx" % i, b"new")))
        other.call("HDEL", "moment", *(b"field:%d" % i for i in range(20_000)))
        other.call("DEL", "moment")
        assert reader.receive()[1] == {b"field:%d" % i: b"v" * 2000 for i in range(20_000)}
        assert reader.receive()[1] == 0


def test_monitored_lines_wait_for_the_end_of_the_reply(server: servers.Server) -> None:
    with server.client() as reader, server.client() as other:
        assert reader.call("MONITOR") == b"OK"
        reader.send("HKEYS", "big")
        while b"HKEYS" not in reader.receive()[1]:
            pass
        other.call("ECHO", "meanwhile")
        assert len(reader.receive()[1]) == FIELDS
        assert b"meanwhile" in reader.receive()[1]


def test_nothing_is_streamed_to_a_client_that_wants_no_reply(server: servers.Server) -> None:
    with server.client() as client:
        client.send("CLIENT", "REPLY", "OFF")
        client.send("HGETALL", "big")
        client.send("CLIENT", "REPLY", "ON")
        assert client.receive()[1] == b"OK"
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("HGETALL", "big")
        client.send("ECHO", "next")
        assert client.receive()[1] == b"next"


def test_a_client_that_streams_is_not_blocked(server: servers.Server) -> None:
    with server.client() as reader, server.client() as other:
        reader.send("HGETALL", "big")
        while b"cmd=hgetall" not in (lines := other.call("CLIENT", "LIST")):
            pass
        assert b"flags=b" not in lines
        assert b"blocked_clients:0" in other.call("INFO", "clients")


def streams() -> list[Stream]:
    return [each for each in gc.get_objects() if isinstance(each, Stream)]


@pytest.mark.parametrize("how", ["aborts", "is killed", "node stops"])
def test_whoever_goes_away_takes_the_iterator_along(tmp_path: Path, how: str) -> None:
    before = len(streams())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        node = Node(Config(dir=str(tmp_path), port=servers.free_port()), loop)
        await node.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port, limit=4096)
        words = [word for i in range(60_000) for word in (b"%d" % i, VALUE)]
        writer.write(hiredis.pack_command((b"HSET", b"big", *words)))
        assert await reader.readline() == b":60000\r\n"
        writer.write(hiredis.pack_command((b"HGETALL", b"big")))
        while not (session := next(iter(node.sessions.values()))).stream:
            await asyncio.sleep(0.01)
        assert len(streams()) == before + 1
        if how == "aborts":
            writer.transport.abort()
        elif how == "is killed":
            session.link.close()
        if how != "node stops":
            del session
            while node.sessions:
                await asyncio.sleep(0.01)
            assert len(streams()) == before
        await node.stop()
        assert len(streams()) == before
        writer.close()

    asyncio.run(main())
