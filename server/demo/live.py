"""The live clients: each reads and writes at a steady rate, remembers what it was promised, and checks what it reads.

A client writes keys of its own, so only it knows what they hold, and it knows exactly: the last value that was
acknowledged, or one sent after that whose answer never came. It reads those keys, and the loaded data, which never
changes.
"""

from __future__ import annotations

import asyncio
import random
import time

from slotrocks.server.demo.client import ClusterClient
from slotrocks.server.demo.link import Address, LinkError, ReplyError
from slotrocks.server.demo.measure import Measurements
from slotrocks.server.demo.source import Source

CLIENTS = 8
KEYS_PER_CLIENT = 64
INTERVAL_S = 0.004
VALUE_BYTES = 100
RECONNECT_S = 0.05


class Journal:
    """What may be read of each key: never anything older than the last acknowledged value."""

    def __init__(self) -> None:
        self._possible: dict[bytes, list[bytes | None]] = {}

    @property
    def keys(self) -> list[bytes]:
        """The keys that were ever written, or may have been."""
        return list(self._possible)

    def possible(self, key: bytes) -> list[bytes | None]:
        """The values that `key` may have; None is absence."""
        return self._possible.get(key, [None])

    def on_sent(self, key: bytes, value: bytes) -> None:
        """From now on the value may be there."""
        self._possible[key] = [*self.possible(key), value]

    def on_acknowledged(self, key: bytes, value: bytes) -> None:
        """From now on nothing else may be there."""
        self._possible[key] = [value]

    def on_refused(self, key: bytes, value: bytes) -> None:
        """An error reply: the value was not written."""
        self._possible[key].remove(value)


def live_key(client: int, number: int) -> bytes:
    """The name of one of a client's own keys."""
    return b"live:%d:%d" % (client, number)


class LiveClient:
    """One client."""

    def __init__(self, number: int, seed: Address, source: Source, measurements: Measurements) -> None:
        self.journal = Journal()
        self.wrong: list[str] = []  # reads that were not what was promised
        self.writes = 0
        self._number = number
        self._cluster = ClusterClient(seed)
        self._source = source
        self._measurements = measurements
        self._random = random.Random(number)
        self._stopping = False

    @property
    def redirections(self) -> int:
        """MOVED replies so far."""
        return self._cluster.redirections

    async def run(self) -> None:
        """Sends a request every INTERVAL_S until `stop`."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._random.random() * INTERVAL_S  # not all at once
        try:
            while not self._stopping:
                await asyncio.sleep(max(0.0, due - loop.time()))
                phase, started = self._measurements.phase, time.perf_counter()
                try:
                    # Half of the requests write; of the others, half read what this client wrote.
                    kind = self._random.randrange(4)
                    await (self._write() if kind < 2 else self._read_own() if kind == 2 else self._read_loaded())
                except LinkError as error:
                    self._measurements.add_error(str(error))
                    await asyncio.sleep(RECONNECT_S)
                self._measurements.add(phase, time.perf_counter() - started)
                due = max(due + INTERVAL_S, loop.time())
        finally:
            self._cluster.close()

    def stop(self) -> None:
        """Lets `run` end after the request that is under way."""
        self._stopping = True

    async def _write(self) -> None:
        key = live_key(self._number, self._random.randrange(KEYS_PER_CLIENT))
        value = b"write %d of client %d" % (self.writes, self._number)
        self.writes += 1
        value = value.ljust(VALUE_BYTES)
        self.journal.on_sent(key, value)
        reply = await self._cluster.call(key, ("SET", key, value))
        if reply == b"OK":
            self.journal.on_acknowledged(key, value)
        else:
            self.journal.on_refused(key, value)
            self._measurements.add_error(f"SET: {reply!s}")

    async def _read_own(self) -> None:
        key = live_key(self._number, self._random.randrange(KEYS_PER_CLIENT))
        await self._read(key, self.journal.possible(key))

    async def _read_loaded(self) -> None:
        key, value = self._source.item(self._random.randrange(len(self._source)))
        await self._read(key, [value])

    async def _read(self, key: bytes, possible: list[bytes | None]) -> None:
        reply = await self._cluster.call(key, ("GET", key))
        if isinstance(reply, ReplyError):
            self._measurements.add_error(f"GET: {reply!s}")
        elif reply not in possible:
            what = "nothing" if reply is None else "an old or foreign value"
            self.wrong.append(f"{key.decode(errors='backslashreplace')}: a client read {what}")


class LiveClients:
    """All of them, as tasks."""

    def __init__(self, seed: Address, source: Source) -> None:
        self.measurements = Measurements(INTERVAL_S)
        self.clients = [LiveClient(number, seed, source, self.measurements) for number in range(CLIENTS)]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """From now on there is traffic."""
        self._tasks = [asyncio.create_task(client.run()) for client in self.clients]

    def check(self) -> None:
        """Raises what made a client fail, if one did: the source, or a mistake here. Errors of the nodes do not."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """Lets every client finish its request."""
        for client in self.clients:
            client.stop()
        await asyncio.gather(*self._tasks)

    async def abandon(self) -> None:
        """Ends what is left of them, however it went."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def wrong(self) -> list[str]:
        """Reads that broke a promise."""
        return [each for client in self.clients for each in client.wrong]
