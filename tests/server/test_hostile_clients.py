"""Clients that stop reading, send garbage, or send huge values do not hurt the others."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hiredis
import psutil
import pytest

import servers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.start_slotrocks(tmp_path_factory.mktemp("hostile"), "--appendfsync", "no") as running:
        yield running


def memory_bytes(server: servers.Server) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def assert_well(server: servers.Server) -> None:
    """An ordinary client is served."""
    with server.client() as client:
        assert client.call("SET", "well", "yes") == b"OK"
        assert client.call("GET", "well") == b"yes"


def test_a_client_that_does_not_read_is_not_read_from(server: servers.Server) -> None:
    with server.client() as client:
        client.call("SET", "megabyte", b"x" * (1 << 20))
    before = memory_bytes(server)
    lazy = socket.create_connection(("127.0.0.1", server.port))
    lazy.setblocking(False)
    request = hiredis.pack_command(("GET", "megabyte")) * 1000
    sent = 0
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        try:
            sent += lazy.send(request)
        except BlockingIOError:
            time.sleep(0.05)
    assert_well(server)
    # A hundred thousand replies of a megabyte each were asked for; a handful is held.
    assert sent > 10_000
    assert memory_bytes(server) - before < 64 << 20
    lazy.close()
    assert_well(server)


def test_it_gets_every_reply_once_it_reads(server: servers.Server) -> None:
    with server.client() as client:
        client.call("SET", "chunk", b"y" * (256 << 10))
        for _ in range(200):
            client.send("GET", "chunk")
        client.send("PING")
        time.sleep(0.5)
        for _ in range(200):
            assert len(client.receive()[1]) == 256 << 10
        assert client.receive()[1] == b"PONG"


def test_output_limit_closes_a_client_that_does_not_read(tmp_path: Path) -> None:
    limits = "normal 4mb 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60"
    with servers.start_slotrocks(tmp_path, "--client-output-buffer-limit", limits) as server, server.client() as client:
        client.call("SET", "big", b"z" * (16 << 20))
        received = 0
        with socket.create_connection(("127.0.0.1", server.port)) as lazy:
            lazy.sendall(hiredis.pack_command(("GET", "big")))
            time.sleep(0.5)
            with suppress(ConnectionResetError):
                while data := lazy.recv(1 << 20):
                    received += len(data)
        assert received < 16 << 20
        assert_well(server)


def test_garbage(server: servers.Server) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", server.port), 10) as rude:
            rude.sendall(
                generator.choice([b"", b"*", b"*3\r\n$", b"GET "]) + generator.randbytes(generator.randrange(300))
            )
            if generator.random() < 0.5:
                rude.shutdown(socket.SHUT_WR)
    assert_well(server)


def test_protocol_errors_are_told_and_end_the_connection(server: servers.Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as rude:
        rude.sendall(b"*1\r\n$4\r\nPING\r\n*1\r\n:1\r\nPING\r\n")
        received = b""
        while data := rude.recv(4096):
            received += data
    assert received == b"+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n"


def test_a_half_sent_command_holds_nothing_up(server: servers.Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as slow:
        slow.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100\r\nonly this")
        assert_well(server)
    with server.client() as client:
        assert client.call("GET", "a") is None


def test_a_value_of_512_mb(server: servers.Server) -> None:
    """It is taken and given back; while it comes in, others are served."""
    size = 512 << 20
    piece = os.urandom(1 << 20)
    waits = []
    with server.client() as other, socket.create_connection(("127.0.0.1", server.port), 60) as large:
        large.sendall(b"*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$%d\r\n" % size)
        for _ in range(size // len(piece)):
            large.sendall(piece)
            started = time.monotonic()
            assert other.call("PING") == b"PONG"
            waits.append(time.monotonic() - started)
        large.sendall(b"\r\n")
        started = time.monotonic()
        assert other.call("PING") == b"PONG"
        print(f"longest wait of another client: {max(waits) * 1000:.0f} ms while it came in, "
              f"{(time.monotonic() - started) * 1000:.0f} ms when it was written")  # fmt: skip
        assert large.recv(100) == b"+OK\r\n"
    with server.client() as client:
        assert client.call("STRLEN", "huge") == size
        assert client.call("GETRANGE", "huge", size - len(piece), -1) == piece
        assert client.call("DEL", "huge") == 1
        error = client.call_raw("SETRANGE", "well", size, "x")[1]
        assert "string exceeds maximum allowed size" in str(error)


def test_one_byte_more_is_refused_before_it_is_sent(server: servers.Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as rude:
        rude.sendall(b"*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$%d\r\n" % ((512 << 20) + 1))
        assert rude.recv(100) == b"-ERR Protocol error: invalid bulk length\r\n"
        assert rude.recv(100) == b""


def test_too_many_clients(tmp_path: Path) -> None:
    with servers.start_slotrocks(tmp_path, "--maxclients", "3") as server:
        clients = [server.client() for _ in range(3)]
        assert clients[2].call("PING") == b"PONG"
        with socket.create_connection(("127.0.0.1", server.port), 10) as one_more:
            assert one_more.recv(100) == b"-ERR max number of clients reached\r\n"
            assert one_more.recv(100) == b""
        clients[0].close()
        time.sleep(0.2)
        assert_well(server)
        for client in clients:
            client.close()


def test_sigterm_answers_what_was_executed_and_saves_it(tmp_path: Path) -> None:
    with servers.start_slotrocks(tmp_path) as server:
        with server.client() as client:
            for i in range(1000):
                client.send("SET", f"key{i}", i)
            assert client.receive()[1] == b"OK"
            assert server.stop() == 0
            acknowledged = 1
            try:
                while client.receive()[1] == b"OK":
                    acknowledged += 1
            except OSError:
                pass
        server.start()
        with server.client() as client:
            for i in range(acknowledged):
                assert client.call("GET", f"key{i}") == str(i).encode()
