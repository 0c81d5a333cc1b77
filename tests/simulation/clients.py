"""Clients: they follow redirections as real ones do, and hold what they are told against oracles.

The oracles are those of `slotrocks torture`: registers (a read is never older than an acknowledged write), counters,
sequences; besides two keys that are always written together, and a queue that clients block on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from slotrocks.server.migration.link import Link, LinkError, Refused
from slotrocks.server.torture.counter import Counter
from slotrocks.server.torture.register import Register
from slotrocks.server.torture.sequence import Sequence
from slotrocks.server.torture.violation import Violation

ANSWER_TIMEOUT_S = 8.0  # longer than any client may be kept waiting
PORT = 6666


class Unknown(Exception):
    """Nobody knows whether the call was executed."""


class Client:
    """One client of the slot of a tag, with a connection to each node that it needs."""

    def __init__(self, hosts: list[str], rng: random.Random, fail: Callable[[str], None]) -> None:
        self._hosts = hosts
        self._random = rng
        self._fail = fail
        self._host = rng.choice(hosts)
        self._links: dict[str, Link] = {}

    async def call(self, *words: str | bytes | int) -> Any:
        """The reply, wherever the slot is. Raises Unknown."""
        while True:
            host = self._host
            try:
                if host not in self._links:
                    self._links[host] = await Link.open(host, PORT, 1.0)
                    self._links[host].timeout_s = ANSWER_TIMEOUT_S
            except LinkError:
                self._host = self._random.choice(self._hosts)
                await asyncio.sleep(self._random.uniform(0.02, 0.1))
                continue
            try:
                return await self._links[host].call(*words)
            except Refused as refusal:
                word, *rest = str(refusal).split()
                if word == "MOVED":
                    self._host = rest[1].rpartition(":")[0]
                elif word not in ("TRYAGAIN", "CLUSTERDOWN"):
                    self._fail(f"{words} was answered {refusal}")
                await asyncio.sleep(self._random.uniform(0, 0.05))
            except LinkError as error:
                if "no answer within" in str(error):
                    self._fail(f"hangs: {words} at {host} has no answer after {ANSWER_TIMEOUT_S} s")
                self._links.pop(host).close()
                raise Unknown from error

    def close(self) -> None:
        """Ends its connections."""
        for link in self._links.values():
            link.close()


class Clients:
    """All clients of one slot, whose keys have a tag."""

    def __init__(self, tag: str, hosts: list[str], rng: random.Random, fail: Callable[[str], None]) -> None:
        self._tag = tag
        self._hosts = hosts
        self._random = rng
        self._fail = fail
        self._stopping = False
        self._registers = 0
        self._register = Register("")
        self._counter = Counter(f"{{{tag}}}counter")
        self._sequence = Sequence(f"{{{tag}}}sequence")
        self._popped: set[bytes] = set()
        self.acknowledged = 0
        self._clients: list[Client] = []
        loops = (self._write, self._read, self._count, self._append, self._pair, self._pop)
        self.tasks = [asyncio.get_running_loop().create_task(self._repeat(each)) for each in loops]

    def stop(self) -> None:
        """No new calls."""
        self._stopping = True

    def close(self) -> None:
        """Ends all connections."""
        for each in self._clients:
            each.close()

    def _client(self) -> Client:
        client = Client(self._hosts, self._random, self._fail)
        self._clients.append(client)
        return client

    def _report(self, *violations: Violation | None) -> None:
        for each in violations:
            if each is not None:
                self._fail("\n".join((f"{each.object}: {each.what}", *each.trace)))

    async def _repeat(self, act: Callable[[Client, int], Any]) -> None:
        client, number = self._client(), 0
        while not self._stopping:
            number += 1
            await act(client, number)
            await asyncio.sleep(self._random.uniform(0, 0.3))

    async def _write(self, client: Client, number: int) -> None:
        if self._register.retired or not self._registers:
            self._registers += 1
            self._register = Register(f"{{{self._tag}}}register{self._registers}")
        value = b"%d" % number
        self._register.begin_write(value)
        try:
            await client.call("SET", self._register.name, value)
        except Unknown:
            self._register.lose()
        else:
            self.acknowledged += 1
            self._register.acknowledge()

    async def _read(self, client: Client, number: int) -> None:
        register = self._register
        if register.name:
            floor = register.begin_read()
            try:
                value = await client.call("GET", register.name)
            except Unknown:
                return
            self._report(register.end_read(floor, value))

    async def _count(self, client: Client, number: int) -> None:
        floor = self._counter.begin()
        try:
            value = await client.call("INCR", self._counter.name)
        except Unknown:
            self._counter.lose()
        else:
            self.acknowledged += 1
            self._report(self._counter.acknowledge(floor, value))

    async def _append(self, client: Client, number: int) -> None:
        following = self._sequence.begin()
        try:
            await client.call("RPUSH", self._sequence.name, following)
        except Unknown:
            self._sequence.lose()
        else:
            self.acknowledged += 1
            self._sequence.acknowledge()

    async def _pair(self, client: Client, number: int) -> None:
        one, other = f"{{{self._tag}}}one", f"{{{self._tag}}}other"
        try:
            if number % 3 == 0:
                await client.call("ZADD", f"{{{self._tag}}}zset", number, f"m{number % 5}")
            elif number % 3 == 1:
                await client.call("MSET", one, number, other, number)
            else:
                values = await client.call("MGET", one, other)
                if values[0] != values[1]:
                    self._fail(f"half applied: {one} and {other} are {values}")
        except Unknown:
            pass

    async def _pop(self, client: Client, number: int) -> None:
        queue = f"{{{self._tag}}}queue"
        try:
            if self._random.random() < 0.5:
                await client.call("RPUSH", queue, f"{number}")
            else:
                popped = await client.call("BLPOP", queue, 2)
                if popped is not None:
                    if popped[1] in self._popped:
                        self._fail(f"{popped[1]} was popped twice")
                    self._popped.add(popped[1])
        except Unknown:
            pass

    async def check(self) -> None:
        """In the end: reads everything."""
        client = self._client()
        await self._read(client, 0)
        floor = self._counter.begin_read()
        value = await client.call("GET", self._counter.name)
        self._report(self._counter.end_read(floor, int(value or 0)))
        found = await client.call("LRANGE", self._sequence.name, 0, -1)
        self._report(*self._sequence.check([int(each) for each in found]))
