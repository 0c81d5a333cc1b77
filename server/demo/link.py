"""A client's connection to one node: requests out, replies in, over hiredis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import hiredis

TIMEOUT_S = 15.0
CHUNK_BYTES = 256 << 10
ReplyError = hiredis.ReplyError
"""An error that the node answered. It is a reply like others: returned, not raised."""
Request = Sequence[bytes | str | int]


class LinkError(Exception):
    """No connection, or no answer: what became of the requests is unknown."""


class Address(NamedTuple):
    """Where a node listens."""

    host: str
    port: int


class Link:
    """One connection. For one task at a time; of no use any more after a LinkError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = hiredis.Reader()

    @classmethod
    async def open(cls, address: Address) -> Link:
        """Connects. Raises LinkError."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return cls(*await asyncio.open_connection(*address))
        except (OSError, TimeoutError) as error:
            raise LinkError(f"cannot connect to port {address.port}: {str(error) or 'timed out'}") from error

    async def call(self, *words: bytes | str | int) -> Any:
        """The reply to one request. Raises LinkError."""
        return (await self.call_all([words]))[0]

    async def call_all(self, requests: Sequence[Request]) -> list[Any]:
        """The replies to requests that are sent together: keep them to a few MB. Raises LinkError."""
        replies: list[Any] = []
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._writer.writelines(
                    hiredis.pack_command(tuple(words))  # type: ignore[arg-type]  # its stub allows one word only
                    for words in requests
                )
                while len(replies) < len(requests):
                    reply = self._parser.gets()
                    if reply is not False:
                        replies.append(reply)
                        continue
                    data = await self._reader.read(CHUNK_BYTES)
                    if not data:
                        raise LinkError("the node closed the connection")
                    self._parser.feed(data)
        except TimeoutError as error:
            raise LinkError(f"no answer within {TIMEOUT_S:g} s") from error
        except (OSError, hiredis.ProtocolError) as error:
            raise LinkError(f"the connection broke: {error}") from error
        return replies

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()
