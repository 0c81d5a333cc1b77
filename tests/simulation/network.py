"""The network: connections whose two directions deliver in order, each chunk after a time of its own, or never.

A direction between two hosts can be *cut*: what is on its way waits until it is healed, as TCP repeats what is lost. A
connection can *break*: each end learns that at a time of its own, and what was on its way may be gone. So what was
sent over an old connection can arrive long after what was sent over a new one.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from simulation.clock import VirtualLoop
from simulation.processes import CURRENT, Process

EOF, RESET = b"", None
CLIENT = "client"
Item = bytes | None


class Pipe:
    """One direction of a connection."""

    def __init__(self, network: Network, source: str, target: str, deliver: Callable[[Item], None]) -> None:
        self._network = network
        self.ends = (source, target)
        self._deliver = deliver
        self._queue: deque[Item] = deque()
        self._arrived = 0  # how many of the queue wait only for the cut to heal
        self._due = 0.0
        self._ended = False

    def send(self, item: Item) -> None:
        """Puts bytes, the end, or a reset on their way. Nothing follows an end."""
        if self._ended:
            return
        self._ended = not item
        loop = self._network.loop
        self._due = max(self._due, loop.time() + self._network.delay_s(*self.ends))
        self._queue.append(item)
        loop.call_at(self._due, self._arrive, context=self._network.context)

    def lose(self) -> None:
        """What is on its way is gone."""
        self._queue.clear()
        self._arrived = 0

    def _arrive(self) -> None:
        self._arrived += 1
        self.flush()

    def flush(self) -> None:
        """Delivers what has arrived, unless the direction is cut."""
        if self.ends in self._network.cut:
            self._network.waiting[self] = None
            return
        self._network.waiting.pop(self, None)
        while self._arrived and self._queue:
            self._arrived -= 1
            self._deliver(self._queue.popleft())


class Socket:
    """The end that has connected: what Link and the sender use in place of a socket."""

    def __init__(self, shared: Shared, owner: Process | None) -> None:
        self.shared = shared
        self.closed = False
        shared.holders += 1
        if owner is not None:
            owner.ends.append(self)

    def fileno(self) -> int:
        return self.shared.number

    def duplicate(self, owner: Process) -> Socket:
        """Another one for the same connection, of another process."""
        return Socket(self.shared, owner)

    def send(self, data: bytes) -> None:
        if self.closed or self.shared.reset:
            raise ConnectionResetError("connection reset")
        self.shared.out.send(data)

    async def receive(self) -> bytes:
        shared = self.shared
        while not shared.buffer:
            if self.closed or shared.reset:
                raise ConnectionResetError("connection reset")
            if shared.ended:
                return b""
            shared.waiter = asyncio.get_running_loop().create_future()
            await shared.waiter
        data, shared.buffer = shared.buffer, b""
        return data

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.shared.holders -= 1
            if not self.shared.holders:
                self.shared.out.send(EOF)

    on_process_died = close


class Shared:
    """A connection as its first end has it, however many processes hold that."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.holders = 0
        self.out: Pipe
        self.buffer = b""
        self.ended = self.reset = False
        self.waiter: asyncio.Future[None] | None = None

    def on_arrival(self, item: Item) -> None:
        """Something has come from the other end."""
        if item is RESET:
            self.reset = True
        elif item:
            self.buffer += item
        else:
            self.ended = True
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Transport:
    """The end that listens: a transport for the server's Connection."""

    def __init__(self, process: Process, factory: Any) -> None:
        self._process = process
        self._factory = factory
        self.out: Pipe
        self._protocol: Any = None
        self._closing = self._paused = False
        self._unread: deque[Item] = deque()
        process.ends.append(self)

    def begin(self) -> None:
        """Accepts the connection."""

        def accept() -> None:
            self._protocol = self._factory()
            self._protocol.connection_made(self)

        self._process.run(accept)

    def on_arrival(self, item: Item) -> None:
        """Something has come from the other end."""
        if self._paused:
            self._unread.append(item)
        elif not self._closing:
            self._process.run(self._take, item)

    def _take(self, item: Item) -> None:
        if not item:
            self._end(EOF)
        elif not self._closing:
            self._protocol.data_received(item)

    def write(self, data: bytes) -> None:
        if not self._closing:
            self.out.send(bytes(data))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._end(EOF)

    def abort(self) -> None:
        self._end(RESET)

    def _end(self, how: Item) -> None:
        if not self._closing:
            self._closing = True
            self.out.send(how)
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def on_process_died(self) -> None:
        """The system resets the connections of a process that has died."""
        self._closing = True
        self.out.send(RESET)

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        while self._unread and not self._paused:
            self.on_arrival(self._unread.popleft())

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> Any:
        return ("10.0.0.9", 1) if name in ("peername", "sockname") else None


class Network:
    """Hosts, who listens at them, and what is between them."""

    def __init__(self, loop: VirtualLoop, rng: random.Random) -> None:
        self.loop = loop
        self._random = rng
        self.context = contextvars.copy_context()
        self.slow_s = 0.003
        self.cut: set[tuple[str, str]] = set()
        self.waiting: dict[Pipe, None] = {}  # in order, so that a seed always does the same
        self.listeners: dict[str, tuple[Process, Any]] = {}
        self.connections: dict[int, tuple[Socket, Transport]] = {}
        loop.listen = self._listen

    def delay_s(self, source: str, target: str) -> float:
        """How long a chunk takes: mostly little, sometimes long."""
        slow_s = self.slow_s if CLIENT not in (source, target) else 0.001
        return self._random.expovariate(1 / slow_s) * (20 if self._random.random() < 0.01 else 1)

    def _listen(self, factory: Any, host: str, port: int) -> Any:
        process = CURRENT.get()
        assert process is not None
        self.listeners[host] = (process, factory)

        class Server:
            sockets = (type("", (), {"getsockname": staticmethod(lambda: (host, port))})(),)

            def close(self) -> None:
                pass

        return Server()

    async def connect(self, host: str) -> Socket:
        """A connection to whoever listens. Raises ConnectionRefusedError; waits for ever if the way is cut."""
        owner = CURRENT.get()
        here = CLIENT if owner is None else owner.host
        await asyncio.sleep(self.delay_s(here, host))
        while {(here, host), (host, here)} & self.cut:
            await asyncio.sleep(0.2)
        process, factory = self.listeners.get(host, (None, None))
        if process is None or not process.alive:
            raise ConnectionRefusedError("connection refused")
        shared = Shared(len(self.connections) + 3)
        transport = Transport(process, factory)
        shared.out = Pipe(self, here, host, transport.on_arrival)
        transport.out = Pipe(self, host, here, shared.on_arrival)
        sock = Socket(shared, owner)
        self.connections[shared.number] = (sock, transport)
        transport.begin()
        return sock

    def by_number(self, number: int) -> Socket:
        """The socket with a file descriptor."""
        return self.connections[number][0]

    def heal(self, *directions: tuple[str, str]) -> None:
        """What was cut is not, any more: what has waited arrives."""
        self.cut -= set(directions)
        for pipe in list(self.waiting):
            pipe.flush()

    def break_between(self, one: str, other: str) -> None:
        """Every connection between two hosts breaks; each end learns it at its own time, and may lose what was on its
        way."""
        for sock, transport in self.connections.values():
            if {*sock.shared.out.ends} == {one, other}:
                for pipe in (sock.shared.out, transport.out):
                    if self._random.random() < 0.5:
                        pipe.lose()
                    self.loop.call_later(self._random.expovariate(10), pipe.send, RESET, context=self.context)
