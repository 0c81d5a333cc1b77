"""A client that tells every type of reply from every other, and sends many commands at once."""

from __future__ import annotations

import socket
from typing import Any, NamedTuple

import hiredis

REPLY_SECONDS_MAX = 20


class Reply(NamedTuple):
    """`kind` is the reply's first byte; an aggregate's value is a list of replies, null is None, the rest is bytes."""

    kind: str
    value: Any

    def __str__(self) -> str:
        if isinstance(self.value, list):
            return f"{self.kind}[{', '.join(map(str, self.value))}]"
        return f"{self.kind}{self.value!r}" if self.value is not None else f"{self.kind}null"


CLOSED = Reply("!", b"no reply")


class TypedClient:
    """A connection."""

    def __init__(self, port: int, protocol: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), REPLY_SECONDS_MAX)
        self._file = self._socket.makefile("rb")
        if protocol != 2:
            self.call([b"HELLO", b"%d" % protocol])

    def send(self, commands: list[list[bytes]]) -> None:
        """Sends commands in one go."""
        self._socket.sendall(b"".join(hiredis.pack_command(tuple(argv)) for argv in commands))

    def receive(self) -> Reply:
        """The next reply; CLOSED when none comes."""
        try:
            return self._read()
        except (OSError, EOFError):
            return CLOSED

    def call(self, argv: list[bytes]) -> Reply:
        """Sends a command and waits for its reply."""
        self.send([argv])
        return self.receive()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _read(self) -> Reply:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError
        kind, rest = chr(line[0]), line[1:-2]
        if kind in "$=":
            if rest == b"-1":
                return Reply(kind, None)
            data = self._file.read(int(rest) + 2)
            if len(data) != int(rest) + 2:
                raise EOFError
            return Reply(kind, data[:-2])
        if kind in "*~%>":
            if rest == b"-1":
                return Reply(kind, None)
            return Reply(kind, [self._read() for _ in range(int(rest) * (2 if kind == "%" else 1))])
        return Reply(kind, None if kind == "_" else rest)
