"""Integers of any width at any bit of a string (BITFIELD), the highest bit first, as Redis has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from slotrocks.engine._engine import Metadata, Transaction
from slotrocks.engine.types import bit_editing, text
from slotrocks.engine.types.bit_editing import Editor

Overflow = Literal["WRAP", "SAT", "FAIL"]


@dataclass(frozen=True, slots=True)
class Field:
    """Where an integer is and how it is encoded. `position` is its first bit's."""

    signed: bool
    width: int
    position: int

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest value."""
        return (-(1 << (self.width - 1)), (1 << (self.width - 1)) - 1) if self.signed else (0, (1 << self.width) - 1)

    @property
    def span(self) -> tuple[int, int]:
        """(the first byte that it touches, how many it touches)."""
        first = self.position >> 3
        return first, ((self.position + self.width - 1) >> 3) - first + 1

    def fit(self, value: int, overflow: Overflow) -> int | None:
        """The value as it can be stored; None if it cannot and must not be changed."""
        low, high = self.range
        if low <= value <= high:
            return value
        if overflow == "WRAP":
            return (value - low) % (1 << self.width) + low
        if overflow == "SAT":
            return low if value < low else high
        return None


@dataclass(frozen=True, slots=True)
class Operation:
    """One of BITFIELD's operations."""

    kind: Literal["GET", "SET", "INCRBY"]
    field: Field
    operand: int = 0
    overflow: Overflow = "WRAP"


class Readable(Protocol):
    """Bytes of a string."""

    def read(self, start: int, count: int) -> bytes:
        """`count` bytes from `start` on, zeros beyond the end."""


class Stored:
    """A string that is only read, or none."""

    def __init__(self, txn: Transaction, m: Metadata | None) -> None:
        self._txn = txn
        self._m = m

    def read(self, start: int, count: int) -> bytes:
        """`count` bytes from `start` on, zeros beyond the end."""
        data = b"" if self._m is None else text.read_part(self._txn, self._m, start, start + count)
        return data.ljust(count, b"\0")


def get(source: Readable, field: Field) -> int:
    """The integer that is there."""
    first, count = field.span
    number = int.from_bytes(source.read(first, count), "big")
    number >>= (first + count) * 8 - field.position - field.width
    number &= (1 << field.width) - 1
    return number - (1 << field.width) if field.signed and number >> (field.width - 1) else number


def put(editor: Editor, field: Field, value: int) -> None:
    """Replaces the integer that is there with one that fits."""
    first, count = field.span
    shift = (first + count) * 8 - field.position - field.width
    mask = ((1 << field.width) - 1) << shift
    number = int.from_bytes(editor.read(first, count), "big") & ~mask | (value << shift & mask)
    editor.write(first, number.to_bytes(count, "big"))


def read(txn: Transaction, key: bytes, fields: list[Field]) -> list[int]:
    """Integers of a string; 0 where there is none. Raises WrongTypeError."""
    source = Stored(txn, text.find(txn, key))
    return [get(source, field) for field in fields]


def execute(txn: Transaction, key: bytes, operations: list[Operation]) -> list[int | None]:
    """Runs operations that write, in order: the old values (SET), the new ones (INCRBY), None for what must not
    overflow. The string has room for all that may be written, whether it is or not. Raises WrongTypeError."""
    editor = bit_editing.edit(txn, key)
    editor.grow(max(sum(op.field.span) for op in operations if op.kind != "GET"))
    replies: list[int | None] = []
    for op in operations:
        before = get(editor, op.field)
        if op.kind == "GET":
            replies.append(before)
            continue
        # Redis takes the operand of SET for an unsigned number of 64 bits if the field is unsigned.
        operand = op.operand % 2**64 if op.kind == "SET" and not op.field.signed else op.operand
        after = op.field.fit(operand if op.kind == "SET" else before + operand, op.overflow)
        if after is not None:
            put(editor, op.field, after)
        replies.append(None if after is None else before if op.kind == "SET" else after)
    editor.close()
    return replies
