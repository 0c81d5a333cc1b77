"""Real servers for end-to-end tests: a process each, on a free port of loopback, with a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import hiredis

START_SECONDS_MAX = 30
REPLY_SECONDS_MAX = 30

SLOTROCKS = (sys.executable, "-c", "import sys; from slotrocks.server.cli import main; sys.exit(main())", "serve")
REDIS_SERVER = shutil.which("redis-server")


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Client:
    """A connection that keeps each reply's bytes: what a client would see, and exactly what was sent."""

    def __init__(self, port: int, protocol: int = 2) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), REPLY_SECONDS_MAX)
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        if protocol != 2:
            self.call("HELLO", protocol)

    def send(self, *words: str | bytes | float) -> None:
        """Sends a command without waiting for its reply."""
        self._socket.sendall(hiredis.pack_command(words))

    def receive(self) -> tuple[bytes, Any]:
        """(the bytes, the value) of the next reply; an error is an instance of hiredis.ReplyError."""
        chunks = []
        while (value := self._reader.gets()) is _NOTHING:
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the server closed the connection")
            chunks.append(data)
            self._reader.feed(data)
        return b"".join(chunks), value

    def call_raw(self, *words: str | bytes | float) -> tuple[bytes, Any]:
        """Sends a command; see receive(). Correct bytes need that no other reply is on its way."""
        self.send(*words)
        return self.receive()

    def call(self, *words: str | bytes | float) -> Any:
        """Sends a command and returns the reply's value. Raises hiredis.ReplyError."""
        value = self.call_raw(*words)[1]
        if isinstance(value, hiredis.ReplyError):
            raise value
        return value

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_NOTHING = object()


class Server:
    """A server process. Its output is in `log`."""

    def __init__(self, command: Iterable[str], directory: Path, port: int) -> None:
        """Starts it and waits until it answers PING."""
        self.port = port
        self.directory = directory
        self.log = directory / f"log.{port}"
        self._command = list(command)
        self.start()

    def start(self) -> None:
        """Starts the process (again)."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                with self.client() as client:
                    client.call_raw("PING")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"the server did not start:\n{self.log.read_text()}") from None
                time.sleep(0.02)

    def client(self, protocol: int = 2) -> Client:
        """A new connection."""
        return Client(self.port, protocol)

    def stop(self) -> int:
        """Ends it as an operator would (SIGTERM). Its exit status."""
        self.process.terminate()
        return self.process.wait(START_SECONDS_MAX)

    def kill(self) -> None:
        """Ends it with SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


def start_slotrocks(directory: Path, *options: str, port: int | None = None) -> Server:
    """A Slotrocks node with its data in `directory`; `options` are flags of `slotrocks serve`."""
    port = port or free_port()
    return Server([*SLOTROCKS, "--port", str(port), "--dir", str(directory), *options], directory, port)


def start_redis(directory: Path, *options: str) -> Server:
    """A redis-server that keeps nothing on disk."""
    assert REDIS_SERVER is not None
    port = free_port()
    flags = ("--port", str(port), "--dir", str(directory), "--save", "", "--bind", "127.0.0.1")
    return Server([REDIS_SERVER, *flags, *options], directory, port)
