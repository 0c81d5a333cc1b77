"""A node without sockets: commands go through dispatch as on the wire, at a time that the test decides."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import hiredis

from slotrocks.server.config import Config
from slotrocks.server.dispatch import execute
from slotrocks.server.node import Node
from slotrocks.server.session import Session
from slotrocks.server.streaming import advance

NOW_MS = 1_700_000_000_000


class Link:
    """What a session needs of a connection."""

    peer_name = "127.0.0.1:1"
    local_name = "127.0.0.1:6666"
    closed = False
    closing = False
    output_bytes = 0
    descriptor = -1

    def wake(self) -> None:
        pass

    def close(self, *, after_replies: bool = True) -> None:
        self.closed = True


class Caller:
    """One client of the node."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.session: Session = bench.node.open_session(Link())  # type: ignore[arg-type]

    def __call__(self, *words: str | bytes | int) -> Any:
        """Runs a command; its reply, an error as a hiredis.ReplyError."""
        argv = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        execute(self.session, argv)
        while self.session.stream is not None:
            advance(self.session)
        if self.bench.commits:
            self.bench.node.tick.end()
        reader = hiredis.Reader()
        data = self.session.writer.take()
        reader.feed(data)
        value = reader.gets()
        assert not reader.has_data(), f"more than one reply: {data!r}"
        return value

    def error(self, *words: str | bytes | int) -> str:
        """Runs a command that must fail; the error's text."""
        value = self(*words)
        assert isinstance(value, hiredis.ReplyError), value
        return str(value)


class Bench:
    """A node, its clock, and as many clients as one likes."""

    def __init__(self, directory: Path, *, commits: bool, cluster: bool = False) -> None:
        self.commits = commits
        self.loop = asyncio.new_event_loop()
        self.node = Node(Config(dir=str(directory), cluster_enabled=cluster), self.loop)
        self.node.now_ms = NOW_MS
        self.call = self.client()

    def client(self) -> Caller:
        return Caller(self)

    def advance(self, ms: int) -> None:
        """Lets time pass."""
        self.node.now_ms += ms

    def close(self) -> None:
        self.node.expiry.close()
        self.node.indexing.close()
        self.node.tick.close()
        self.node.store.close()
        self.loop.close()
