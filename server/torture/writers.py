"""What clients do: a write or a read of one object, and the model told of what came of it.

Each function does one operation through `client` and returns when its end is known, if only as unknown.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from slotrocks.server.torture.client import Client, NotDone, Silent, Unknown, WrongError
from slotrocks.server.torture.counter import Counter
from slotrocks.server.torture.expiring import Expiring
from slotrocks.server.torture.fifo import Fifo
from slotrocks.server.torture.objects import CELLS, Board, Collection, Pair, expected_reply
from slotrocks.server.torture.register import Register
from slotrocks.server.torture.sequence import Sequence
from slotrocks.server.torture.violation import Violation

REMOVALS = 0.15  # the share of writes that delete
ELEMENTS = 12  # of a collection
BLOCK_S = 1
TTLS_S = (0.2, 0.5, 1.0, 2.0, 4.0)
DEAD_KEPT = 100
TAKEN_ID = "equal or smaller"

Ended = Callable[[], object]


async def _write(board: Board, kind: str, send: Awaitable[Any], refuse: Ended, lose: Ended) -> Any:
    """The reply; None after the model was told that there is none."""
    try:
        reply = await send
    except NotDone:
        board.refused[kind] += 1
        wrong = refuse()
        board.report(wrong if isinstance(wrong, Violation) else None)
        return None
    except BaseException as error:
        lose()
        if not isinstance(error, Unknown):
            raise
        board.unknown[kind] += 1
        if isinstance(error, Silent):
            raise
        return None
    board.acknowledged[kind] += reply is not None  # BLPOP may take nothing
    return reply


async def write_element(board: Board, client: Client, rng: random.Random, collection: Collection) -> None:
    """Writes or removes one element."""
    cells = CELLS[collection.kind]
    live = [name for name, register in collection.elements.items() if not register.retired]
    room = 1 if collection.kind == "string" else ELEMENTS
    if len(live) < room:
        collection.generation += 1
        name = f"e{collection.generation}"
        owner = f"{collection.key}/{name}" if cells.read_all else collection.key
        collection.elements[name] = Register(f"{collection.kind} {owner}")
    else:
        name = rng.choice(live)
    register = collection.elements[name]
    before = register.value
    collection.numbers += 1
    removes = rng.random() < REMOVALS
    value = None if removes else cells.value(collection.numbers)
    register.begin_write(value)
    request = cells.remove(collection.key, name) if value is None else cells.write(collection.key, name, value)
    sent = client.call(collection.key, request)
    reply = await _write(board, collection.kind, sent, register.refuse, register.lose)
    if reply is None:
        return
    register.acknowledge()
    expected = expected_reply(collection.kind, before, value)
    if reply != expected:
        text = f"the reply to {request[0]!s} was {reply!r}, but over {before!r} it must be {expected!r}"
        board.report(Violation(text, register.name, register.trace.lines()))


async def read_element(board: Board, client: Client, collection: Collection, name: str) -> None:
    """Reads one element."""
    cells, register = CELLS[collection.kind], collection.elements[name]
    floor = register.begin_read()
    reply = await client.call(collection.key, cells.read(collection.key, name))
    board.report(register.end_read(floor, cells.decode(reply)))


async def write_pair(board: Board, client: Client, pair: Pair) -> None:
    """Sets both keys in a transaction."""
    pair.numbers += 1
    value = b"%d" % pair.numbers
    left, right = pair.keys
    pair.register.begin_write(value)
    sent = client.call(left, ("MULTI",), ("SET", left, value), ("SET", right, value), ("EXEC",))
    reply = await _write(board, "transaction", sent, pair.register.refuse, pair.register.lose)
    if reply is None:
        return
    pair.register.acknowledge()
    if reply != [b"OK", b"OK"]:
        board.report(Violation(f"EXEC was answered {reply!r}", pair.register.name, pair.register.trace.lines()))


async def read_pair(board: Board, client: Client, pair: Pair) -> None:
    """Reads both keys at once."""
    floor = pair.register.begin_read()
    left, right = await client.call(pair.keys[0], ("MGET", *pair.keys))
    if left != right:
        text = f"torn: {left!r} and {right!r}, which one transaction writes"
        board.report(Violation(text, pair.register.name, pair.register.trace.lines()))
        return
    board.report(pair.register.end_read(floor, left))


async def increment(board: Board, client: Client, counter: Counter) -> None:
    """Adds 1."""
    floor = counter.begin()
    reply = await _write(board, "counter", client.call(counter.name, ("INCR", counter.name)), counter.refuse,
                         counter.lose)  # fmt: skip
    if reply is not None:
        board.report(counter.acknowledge(floor, reply))


async def increment_watched(board: Board, client: Client, counter: Counter) -> None:
    """Adds 1 by optimistic locking, which another client does with the same counter."""
    floor = counter.begin()
    done: list[bool] = []

    async def send() -> int:
        value, written = await client.replace(
            counter.name, ("GET", counter.name), lambda value: ("SET", counter.name, int(value or 0) + 1)
        )
        done.append(written)
        return int(value or 0) + 1

    reply = await _write(board, "watched counter", send(), counter.refuse, counter.lose)
    if reply is None:
        return
    if done[0]:
        board.report(counter.acknowledge(floor, reply))
    else:
        board.acknowledged["watched counter"] -= 1
        counter.refuse()
        board.report(counter.end_read(floor, reply - 1))


async def read_counter(board: Board, client: Client, counter: Counter) -> None:
    """Reads it."""
    floor = counter.begin_read()
    reply = await client.call(counter.name, ("GET", counter.name))
    board.report(counter.end_read(floor, int(reply or 0)))


async def append(board: Board, client: Client, kind: str, sequence: Sequence) -> None:
    """Appends the next number to a list."""
    number = sequence.begin()
    request = ("RPUSH", sequence.name, number)
    reply = await _write(board, kind, client.call(sequence.name, request), sequence.refuse, sequence.lose)
    if reply is not None:
        sequence.acknowledge()


async def append_entry(board: Board, client: Client, stream: Sequence) -> None:
    """Appends the next number to a stream, as the entry's id, which a stream takes once."""
    number = stream.begin()
    send = client.call(stream.name, ("XADD", stream.name, f"{number}-1", "number", number))

    async def add() -> Any:
        try:
            return await send
        except WrongError as error:
            if stream.lost[number] and TAKEN_ID in str(error):
                return b"%d-1" % number  # an attempt of which nobody knew has been done
            raise

    reply = await _write(board, "stream", add(), stream.refuse, stream.lose)
    if reply is None:
        return
    stream.acknowledge()
    if reply != b"%d-1" % number:
        board.report(Violation(f"XADD was answered {reply!r}", stream.name, stream.trace.lines()))


async def take(board: Board, client: Client, queue: Fifo) -> None:
    """Takes the first number, or waits for one."""
    sent = client.call(queue.name, ("BLPOP", queue.name, BLOCK_S))
    reply = await _write(board, "queue", sent, lambda: None, queue.lose_take)
    if reply is not None:
        board.report(queue.take(int(reply[1])))


async def write_expiring(board: Board, client: Client, rng: random.Random, key: str) -> None:
    """Makes a new key with an end."""
    made = Expiring(key, rng.choice(TTLS_S))
    board.expiring.append(made)
    if len(board.expiring) > DEAD_KEPT:
        del board.expiring[0]
    sent = time.time()
    request = ("SET", key, b"x", "PX", int(made.ttl_s * 1000))
    reply = await _write(board, "expiring key", client.call(key, request), lambda: None, lambda: None)
    if reply is not None:
        made.acknowledge(sent, time.time())


async def read_expiring(board: Board, client: Client, made: Expiring) -> None:
    """Looks whether it is there."""
    sent = time.time()
    reply = await client.call(made.name, ("GET", made.name))
    board.report(made.end_read(sent, time.time(), reply is not None))
