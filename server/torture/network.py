"""The network between the nodes: a TCP proxy for each direction in which one node may call another.

A network may delay what is sent, hold it back, end connections, refuse new ones, lose a request or a reply (and then
the connection, for TCP loses nothing else), and deliver a request after its sender has given it up. It may not change
or reorder what a connection carries. That is all that a proxy does; what is healed is as if nothing had been.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from slotrocks.server.demo.link import Address
from slotrocks.server.torture.nodes import HOST

CHUNK_BYTES = 64 << 10
LINGER_S = 0.2  # how long a connection lives on whose reply has been lost


class Rule(NamedTuple):
    """What becomes of the next request with `word` in it: "lose request", "lose reply" or "late", by `late_s`."""

    word: bytes
    action: str
    late_s: float = 0.0


class Proxy:
    """One direction: `caller` reaches the node at `target` here."""

    def __init__(self, caller: str, callee: str, target: Address) -> None:
        self.caller = caller
        self.callee = callee
        self.port = 0
        self.delay_s = 0.0
        self.refusing = False
        self.rule: Rule | None = None
        self.faults = 0  # that happened
        self._target = target
        self._open = asyncio.Event()  # nothing is held back
        self._open.set()
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._accept, HOST, port)
        self.port = port

    def hold(self) -> None:
        """Nothing passes until heal()."""
        self._open.clear()

    def cut(self) -> None:
        """Ends every connection at once, with whatever is under way."""
        for connection in list(self._connections):
            connection.abort()

    def heal(self) -> None:
        """From now on everything passes."""
        self.delay_s, self.refusing, self.rule = 0.0, False, None
        self._open.set()

    async def stop(self) -> None:
        """Ends all."""
        if self._server is not None:
            self._server.close()
        self.heal()
        self.cut()
        await asyncio.gather(*(each.task for each in self._connections), return_exceptions=True)

    async def pass_one(self) -> None:
        """Waits as long as a chunk has to."""
        await self._open.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)

    def take_rule(self, data: bytes) -> Rule | None:
        """The rule for a request, which is then used up."""
        rule = self.rule
        if rule is None or rule.word not in data:
            return None
        self.rule = None
        self.faults += 1
        return rule

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(self, task, writer)
        if self.refusing:
            connection.abort()
            return
        self._connections.add(connection)
        try:
            await connection.run(reader, self._target)
        except (OSError, RuntimeError, asyncio.CancelledError):
            pass  # a cancelled connection ends like a broken one; uvloop's RuntimeError: its other side has just ended
        finally:
            connection.abort()
            self._connections.discard(connection)


class _Connection:
    """One connection through a proxy."""

    def __init__(self, proxy: Proxy, task: asyncio.Task[None], caller: asyncio.StreamWriter) -> None:
        self.task = task
        self._proxy = proxy
        self._caller = caller
        self._callee: asyncio.StreamWriter | None = None
        self._muted = False  # replies are lost

    async def run(self, requests: asyncio.StreamReader, target: Address) -> None:
        """Carries bytes both ways until either side ends."""
        await self._proxy.pass_one()
        replies, self._callee = await asyncio.open_connection(*target)
        back = asyncio.create_task(self._carry_replies(replies))
        try:
            await self._carry_requests(requests, self._callee)
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)

    async def _carry_requests(self, reader: asyncio.StreamReader, callee: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._proxy.pass_one()
            rule = self._proxy.take_rule(data)
            if rule is None:
                callee.write(data)
                await callee.drain()
            elif rule.action == "lose request":
                return
            else:
                self._muted = True
                if rule.action == "late":
                    self._caller.transport.abort()
                    await asyncio.sleep(rule.late_s)
                callee.write(data)
                await callee.drain()
                await asyncio.sleep(LINGER_S)
                return

    async def _carry_replies(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._proxy.pass_one()
                if not self._muted:
                    self._caller.write(data)
                    await self._caller.drain()
        except (OSError, RuntimeError):
            pass
        if not self._muted:
            self.abort()

    def abort(self) -> None:
        """Ends both sides."""
        self._caller.transport.abort()
        if self._callee is not None:
            self._callee.transport.abort()


class Network:
    """Every direction between the nodes: `links[caller, callee]`, by their indexes."""

    def __init__(self, addresses: list[Address], names: list[str]) -> None:
        self.links = {
            (a, b): Proxy(names[a], names[b], addresses[b])
            for a in range(len(addresses))
            for b in range(len(addresses))
            if a != b
        }

    async def start(self, ports: list[int]) -> None:
        """Listens on a port for each direction."""
        for proxy, port in zip(self.links.values(), ports, strict=True):
            await proxy.start(port)

    def heal(self) -> None:
        """Mends everything."""
        for proxy in self.links.values():
            proxy.heal()

    async def stop(self) -> None:
        """Ends all."""
        await asyncio.gather(*(proxy.stop() for proxy in self.links.values()))
