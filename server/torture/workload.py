"""The clients: tasks that write objects of their own and read everybody's, until they are paused or stopped.

Most of what they do is about slots that move just then, because that is when something may go wrong.
Before anything else a ballast of keys that never change is loaded, so that a migration has something to carry.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from slotrocks.server.torture.client import Client, NotDone, Silent, Unknown, WrongError
from slotrocks.server.torture.counter import Counter
from slotrocks.server.torture.fifo import Fifo
from slotrocks.server.torture.objects import CELLS, Board, Collection, Pair
from slotrocks.server.torture.sequence import Sequence
from slotrocks.server.torture.violation import Violation
from slotrocks.server.torture.writers import (
    append,
    append_entry,
    increment,
    increment_watched,
    read_counter,
    read_element,
    read_expiring,
    read_pair,
    take,
    write_element,
    write_expiring,
    write_pair,
)

INTERVAL_S = 0.006
READERS = 4
READER_INTERVAL_S = 0.004
FOCUS = 0.7  # the share of operations about slots that move
SEQUENCE_LENGTH_MAX = 3000  # then the writer begins another list
PAUSE_S_MAX = 20.0

Step = Callable[[], Awaitable[None]]


class Workload:
    """All clients. `tags`: hash tags, one in each slot that is worked on; `moving`: which of them move, by index."""

    def __init__(
        self, board: Board, tags: list[str], rng: random.Random, new_client: Callable[[], Client],
        moving: Callable[[], list[int]],
    ) -> None:  # fmt: skip
        self._board = board
        self._tags = tags
        self._rng = rng
        self._new_client = new_client
        self._moving = moving
        self._running = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = 0
        self._made = 0
        self._clients: list[Client] = []

    def start(self) -> None:
        """Makes the objects, two writers for each type, and the readers."""
        steps: list[tuple[Step, float]] = []
        watched = [Counter(self._key(tag, "watched", 0)) for tag in self._tags]
        self._board.counters |= {counter.name: counter for counter in watched}
        for index in (0, 1):
            for kind in CELLS:
                own = [Collection(kind, self._key(tag, kind, index)) for tag in self._tags]
                self._board.collections += own
                steps.append((self._element_writer(own), INTERVAL_S))
            steps.append((self._pair_writer(index), INTERVAL_S))
            steps.append((self._counter_writer(index), INTERVAL_S))
            steps.append((self._watched_writer(watched), INTERVAL_S))
            steps.append((self._list_writer(), INTERVAL_S))
            steps.append((self._stream_writer(index), INTERVAL_S))
            steps.append((self._expiring_writer(), INTERVAL_S))
            for queue in [Fifo(self._key(tag, "queue", index)) for tag in self._rng.sample(self._tags, 2)]:
                self._board.queues[queue.name] = queue
                steps += [(self._producer(queue), 5 * INTERVAL_S), (self._consumer(queue), 0.0)]
        steps += [(self._reader(), READER_INTERVAL_S) for _ in range(READERS)]
        self._tasks = [asyncio.create_task(self._repeat(step, interval_s)) for step, interval_s in steps]
        self.resume()

    def resume(self) -> None:
        """From now on there is traffic."""
        self._running.set()

    async def pause(self) -> None:
        """Waits until no request is under way. One that takes too long for that is a violation."""
        self._running.clear()
        try:
            async with asyncio.timeout(PAUSE_S_MAX):
                while self._idle < len(self._tasks):
                    self.check()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            text = f"{len(self._tasks) - self._idle} clients wait for a reply {PAUSE_S_MAX:g} s after the last request"
            self._board.report(Violation(text, "the clients"))

    def check(self) -> None:
        """Raises what ended a client: a mistake of ours."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """Ends all, whatever they do."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            client.close()

    @property
    def redirections(self) -> int:
        """MOVED replies to all clients."""
        return sum(client.redirections for client in self._clients)

    def _client(self) -> Client:
        client = self._new_client()
        self._clients.append(client)
        return client

    async def _repeat(self, step: Step, interval_s: float) -> None:
        while True:
            if not self._running.is_set():
                self._idle += 1
                await self._running.wait()
                self._idle -= 1
            try:
                await step()
            except Silent as error:
                self._board.report(Violation(f"no reply: {error}", "a client"))
            except (NotDone, Unknown):
                pass  # of a read: it says nothing
            except WrongError as error:
                self._board.report(Violation(f"an error that must not be: {error}", "a client"))
            await asyncio.sleep(interval_s * (0.5 + self._rng.random()))

    def _key(self, tag: str, kind: str, index: int | str) -> str:
        return f"{{{tag}}}:{kind.replace(' ', '-')}:{index}"

    def _choose(self, rng: random.Random) -> int:
        """The index of a tag."""
        moving = self._moving()
        return rng.choice(moving) if moving and rng.random() < FOCUS else rng.randrange(len(self._tags))

    def _element_writer(self, own: list[Collection]) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())

        async def step() -> None:
            at = self._choose(rng)
            if own[at].kind == "string" and any(register.retired for register in own[at].elements.values()):
                # A string is its key: the next one has another.
                self._made += 1
                own[at] = Collection("string", f"{own[at].key.partition('+')[0]}+{self._made}")
                self._board.collections.append(own[at])
            await write_element(self._board, client, rng, own[at])

        return step

    def _pair_writer(self, index: int) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())
        own = [Pair(self._key(tag, "pair", index)) for tag in self._tags]
        self._board.pairs += own

        async def step() -> None:
            at = self._choose(rng)
            if own[at].register.retired:
                self._made += 1
                own[at] = Pair(f"{own[at].register.name.partition('+')[0]}+{self._made}")
                self._board.pairs.append(own[at])
            await write_pair(self._board, client, own[at])

        return step

    def _counter_writer(self, index: int) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())
        own = [Counter(self._key(tag, "counter", index)) for tag in self._tags]
        self._board.counters |= {counter.name: counter for counter in own}
        return lambda: increment(self._board, client, own[self._choose(rng)])

    def _watched_writer(self, shared: list[Counter]) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())
        return lambda: increment_watched(self._board, client, shared[self._choose(rng)])

    def _list_writer(self) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())
        own = [self._new_sequence(tag) for tag in self._tags]

        async def step() -> None:
            at = self._choose(rng)
            if own[at].acknowledged >= SEQUENCE_LENGTH_MAX:
                own[at] = self._new_sequence(self._tags[at])
            await append(self._board, client, "list", own[at])

        return step

    def _stream_writer(self, index: int) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())
        own = [Sequence(self._key(tag, "stream", index)) for tag in self._tags]
        self._board.streams += own
        return lambda: append_entry(self._board, client, own[self._choose(rng)])

    def _new_sequence(self, tag: str) -> Sequence:
        self._made += 1
        sequence = Sequence(self._key(tag, "list", self._made))
        self._board.sequences[sequence.name] = sequence
        return sequence

    def _expiring_writer(self) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())

        async def step() -> None:
            self._made += 1
            await write_expiring(
                self._board, client, rng, self._key(self._tags[self._choose(rng)], "expiring", self._made)
            )

        return step

    def _producer(self, queue: Fifo) -> Step:
        client = self._client()
        return lambda: append(self._board, client, "queue", queue)

    def _consumer(self, queue: Fifo) -> Step:
        client = self._client()
        return lambda: take(self._board, client, queue)

    def _reader(self) -> Step:
        client, rng = self._client(), random.Random(self._rng.random())
        board = self._board

        async def step() -> None:
            match rng.randrange(8):
                case 0:
                    await read_pair(board, client, rng.choice(board.pairs[-200:]))
                case 1:
                    await read_counter(board, client, rng.choice(list(board.counters.values())))
                case 2 if board.expiring:
                    await read_expiring(board, client, rng.choice(board.expiring))
                case _:
                    # The first collections are one of a type for each tag; what replaces a string comes later.
                    first = rng.randrange(2 * len(CELLS)) * len(self._tags)
                    collection = board.collections[first + self._choose(rng)]
                    if rng.random() < 0.2:
                        collection = rng.choice(board.collections)
                    if collection.elements:
                        name = rng.choice(list(collection.elements)[-20:])
                        await read_element(board, client, collection, name)
            board.reads["reads"] += 1

        return step
