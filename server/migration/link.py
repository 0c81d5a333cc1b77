"""A connection to another node: requests out, replies in, each within a time limit.

The socket is used directly, not through a transport, so that it can be lent to the sender process: while that one sends
data over it, this side must not use it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import hiredis

from slotrocks.server.migration.plan import encode_request

REPLY_CHUNK_BYTES = 64 << 10


class LinkError(Exception):
    """No connection, no answer in time, or an answer that is not RESP: the outcome of the request is unknown."""


class Refused(Exception):
    """The other node answered with an error: its text."""


class Link:
    """One connection. Not safe for concurrent requests."""

    def __init__(self, sock: socket.socket, timeout_s: float | None) -> None:
        self.sock = sock
        self.timeout_s = timeout_s  # for each request; None: no limit
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(protocolError=LinkError, replyError=Refused)

    @classmethod
    async def open(cls, host: str, port: int, timeout_s: float, password: bytes = b"") -> Link:
        """Connects and authenticates. Raises LinkError or Refused."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                family, kind, proto, _, address = infos[0]
                sock = socket.socket(family, kind, proto)
                sock.setblocking(False)
                try:
                    await loop.sock_connect(sock, address)
                except BaseException:
                    sock.close()
                    raise
        except (OSError, TimeoutError) as error:
            raise LinkError(f"cannot connect to {host}:{port}: {str(error) or 'timed out'}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = cls(sock, timeout_s)
        if password:
            try:
                await link.call("AUTH", password)
            except BaseException:
                link.close()
                raise
        return link

    async def call(self, *words: str | bytes | int) -> Any:
        """The reply to a request. Raises Refused for an error reply, LinkError when there is none."""
        if self._reader.has_data():
            raise LinkError("the other node answered what was not asked")
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._loop.sock_sendall(self.sock, encode_request(*words))
                while True:
                    reply = self._reader.gets()
                    if reply is not False:
                        break
                    data = await self._loop.sock_recv(self.sock, REPLY_CHUNK_BYTES)
                    if not data:
                        raise LinkError("the other node closed the connection")
                    self._reader.feed(data)
        except TimeoutError as error:
            raise LinkError(f"no answer within {self.timeout_s:g} s") from error
        except OSError as error:
            raise LinkError(str(error)) from error
        if isinstance(reply, Refused):
            raise reply
        return reply

    async def expect_ok(self, *words: str | bytes | int) -> None:
        """A request whose only good answer is OK. Raises LinkError for another answer: it is garbage."""
        reply = await self.call(*words)
        if reply != b"OK":
            raise LinkError(f"{words[0]!r} was answered {reply!r:.100}")

    def close(self) -> None:
        """Ends the connection."""
        self.sock.close()
