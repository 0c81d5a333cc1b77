"""A node that answers what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

import hiredis

from slotrocks.server.demo.link import Address


class FakeNode:
    """Speaks enough of the protocol for the demo's client side: `answer` makes the reply, in RESP."""

    def __init__(self, answer: Callable[[list[bytes]], bytes]) -> None:
        self.address = Address("127.0.0.1", 0)
        self.seen: list[list[bytes]] = []
        self.answer = answer
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = Address("127.0.0.1", self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        parser = hiredis.Reader()
        while data := await reader.read(65536):
            parser.feed(data)
            while (request := parser.gets()) is not False:
                self.seen.append(request)
                writer.write(self.answer(request))
        writer.close()


def bulk(value: bytes | None) -> bytes:
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


def array(values: list[bytes]) -> bytes:
    """An array of encoded replies."""
    return b"*%d\r\n%s" % (len(values), b"".join(values))


def holding(data: dict[bytes, bytes], page: int = 2) -> FakeNode:
    """A node with these keys, whose SCAN gives `page` of them at a time."""

    def answer(request: list[bytes]) -> bytes:
        if request[0] == b"SCAN":
            start = int(request[1])
            keys = sorted(data)
            cursor = start + page if start + page < len(keys) else 0
            return array([bulk(b"%d" % cursor), array([bulk(key) for key in keys[start : start + page]])])
        assert request[0] == b"GET"
        return bulk(data.get(request[1]))

    return FakeNode(answer)
