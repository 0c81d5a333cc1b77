"""What the clients work on: for each model, the commands that write and read it, by type.

An object is written by one client, its owner, and read by any. All of an object's keys are in one slot, by a hash tag.
`Board` is where the objects of a run are found, and where what they violate is collected.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable
from typing import Any, NamedTuple

from slotrocks.server.demo.link import Request
from slotrocks.server.torture.counter import Counter
from slotrocks.server.torture.expiring import Expiring
from slotrocks.server.torture.fifo import Fifo
from slotrocks.server.torture.register import Register, Value
from slotrocks.server.torture.sequence import Sequence
from slotrocks.server.torture.violation import Violation

SHOWN_MAX = 200  # violations that are kept; all are counted


class Cells(NamedTuple):
    """The commands of registers that are kept in a type: a string each, or an element of a collection each."""

    write: Callable[[str, str, bytes], Request]  # key, element, value
    remove: Callable[[str, str], Request]
    read: Callable[[str, str], Request]
    read_all: Callable[[str], Request] | None  # of a collection: its elements and their values, alternating
    value: Callable[[int], bytes]  # of a write, by its number
    decode: Callable[[Any], Value]  # of the reply to a read


def _padded(number: int) -> bytes:
    """Distinct, and of different lengths."""
    return b"%d:" % number + b"v" * (number * 7 % 200)


def _same(reply: Any) -> Value:
    return None if reply is None else bytes(reply)


CELLS: dict[str, Cells] = {
    "string": Cells(
        lambda key, _, value: ("SET", key, value), lambda key, _: ("DEL", key), lambda key, _: ("GET", key),
        None, _padded, _same,
    ),
    "hash": Cells(
        lambda key, field, value: ("HSET", key, field, value), lambda key, field: ("HDEL", key, field),
        lambda key, field: ("HGET", key, field), lambda key: ("HGETALL", key), _padded, _same,
    ),
    "set": Cells(
        lambda key, member, _: ("SADD", key, member), lambda key, member: ("SREM", key, member),
        lambda key, member: ("SISMEMBER", key, member), lambda key: ("SMEMBERS", key), lambda _: b"1",
        lambda reply: b"1" if reply else None,
    ),
    "sorted set": Cells(
        lambda key, member, score: ("ZADD", key, score, member), lambda key, member: ("ZREM", key, member),
        lambda key, member: ("ZSCORE", key, member), lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
        lambda number: b"%d" % number, _same,
    ),
}  # fmt: skip


def decode_all(kind: str, reply: list[bytes]) -> dict[str, bytes]:
    """Element -> value, of the reply to a read_all."""
    if kind == "set":
        return {member.decode(): b"1" for member in reply}
    return {reply[i].decode(): reply[i + 1] for i in range(0, len(reply), 2)}


def expected_reply(kind: str, before: Value, after: Value) -> object:
    """What a write must be answered, when the value before it is known."""
    if kind == "string" and after is not None:
        return b"OK"
    return int((before is None) != (after is None))


class Collection:
    """A key with registers as elements, or a string, which has one."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key
        self.elements: dict[str, Register] = {}
        self.numbers = 0  # values that were made
        self.generation = 0  # elements that were made


class Pair:
    """Two keys that one transaction writes with the same value: a register, and never one without the other."""

    def __init__(self, key: str) -> None:
        self.keys = (f"{key}:left", f"{key}:right")
        self.register = Register(key)
        self.numbers = 0


class Board:
    """The objects of a run, by model, and what was found wrong with them."""

    def __init__(self) -> None:
        self.collections: list[Collection] = []
        self.pairs: list[Pair] = []
        self.counters: dict[str, Counter] = {}
        self.sequences: dict[str, Sequence] = {}
        self.streams: list[Sequence] = []
        self.queues: dict[str, Fifo] = {}
        self.expiring: list[Expiring] = []
        self.acknowledged: Tally[str] = Tally()  # writes, by type
        self.reads: Tally[str] = Tally()
        self.unknown: Tally[str] = Tally()
        self.refused: Tally[str] = Tally()
        self.violations: list[Violation] = []
        self.violation_count = 0

    def report(self, *violations: Violation | None) -> None:
        """Notes what was found wrong, if it was."""
        for violation in violations:
            if violation is not None:
                self.violation_count += 1
                if len(self.violations) < SHOWN_MAX:
                    self.violations.append(violation)
