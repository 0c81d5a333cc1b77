"""Bits of strings: SETBIT, BITCOUNT and their kin."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import Metadata
from slotrocks.engine.types import bit_editing, bitfield, bitmap, bits, keyspace
from slotrocks.engine.types.bitfield import Field, Operation, Overflow
from slotrocks.engine.types.work import Work
from slotrocks.server import slices
from slotrocks.server.arguments import integer
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.lookup import find_text
from slotrocks.server.session import Session
from slotrocks.server.streaming import commit_pending
from slotrocks.server.table import command

BAD_OFFSET = "ERR bit offset is not an integer or out of range"
BAD_BIT = "ERR bit is not an integer or out of range"
BAD_FIELD_TYPE = (
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
)  # fmt: skip
UNIT_BITS = {b"BIT": 1, b"BYTE": 8}
OVERFLOWS: dict[bytes, Overflow] = {b"WRAP": "WRAP", b"SAT": "SAT", b"FAIL": "FAIL"}

N_READ = "O(N) where N is the number of bytes looked at; what was never set costs nothing."


def bit_offset(s: Session, arg: bytes, *, width: int = 0) -> int:
    """The position of a bit; with `width` also "#n", the n-th integer of so many bits."""
    multiple = width > 0 and arg.startswith(b"#")
    position = integer(arg[1:] if multiple else arg, BAD_OFFSET) * (width if multiple else 1)
    if not 0 <= position < min(s.node.config.proto_max_bulk_len * 8, bitmap.BITS_MAX):
        raise CommandError(BAD_OFFSET)
    return position


@command(
    "setbit", arity=4, flags="write denyoom", keys=(1, 1, 1), group="bitmap", since="2.2.0",
    summary="Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
    complexity="O(1), for a plain string O(N) where N is its length.",
    differs="A key that is not there becomes a bitmap in Kvrocks's form, which takes the room of what is set; a plain "
    "string stays one and is written anew as a whole. Offsets end at 4294967295 even if proto-max-bulk-len is raised.",
)  # fmt: skip
def setbit(s: Session, argv: list[bytes]) -> Any:
    position = bit_offset(s, argv[2])
    bit = integer(argv[3], BAD_BIT)
    if bit not in (0, 1):
        raise CommandError(BAD_BIT)
    return bit_editing.set_bit(s.txn, argv[1], position, bit)


@command(
    "getbit", arity=3, flags="readonly fast", keys=(1, 1, 1), group="bitmap", since="2.2.0",
    summary="Returns a bit value by offset.",
)  # fmt: skip
def getbit(s: Session, argv: list[bytes]) -> Any:
    position = bit_offset(s, argv[2])
    found = find_text(s, argv[1])
    return 0 if found is None else bits.get_bit(s.txn, found, position)


def unit_of(argv: list[bytes], position: int) -> int:
    """How many bits the unit has in which a range is given: BYTE or BIT at a position that may not be there."""
    if len(argv) <= position:
        return 8
    unit = UNIT_BITS.get(argv[position].upper())
    if unit is None:
        raise CommandError(SYNTAX)
    return unit


def bit_range(size: int, start: int, end: int, unit: int) -> tuple[int, int]:
    """The first and the last bit of a range of units, of which negative ones count from the end of `size` bytes; for
    an empty one the first is behind the last."""
    total = size * 8 // unit
    first = max(start + total if start < 0 else start, 0)
    last = min(max(end + total if end < 0 else end, 0), total - 1)
    return first * unit, last * unit + unit - 1


@command(
    "bitcount", arity=-2, flags="readonly", keys=(1, 1, 1), group="bitmap", since="2.6.0",
    summary="Counts the number of set bits (population counting) in a string.", complexity=N_READ,
    differs="If much is to be counted other clients are served meanwhile.",
)  # fmt: skip
def bitcount(s: Session, argv: list[bytes]) -> Any:
    if len(argv) not in (2, 4, 5):
        raise CommandError(SYNTAX)
    start, end = (integer(argv[2]), integer(argv[3])) if len(argv) > 2 else (0, -1)
    unit = unit_of(argv, 4)
    found = find_text(s, argv[1])
    if found is None or (start < 0 and end < 0 and start > end):
        return 0
    commit_pending(s)
    string = bits.Bits(s.txn, found)
    first, last = bit_range(string.size, start, end, unit)
    return slices.run(s, bits.count(string, first, last)) if first <= last else 0


@command(
    "bitpos", arity=-3, flags="readonly", keys=(1, 1, 1), group="bitmap", since="2.8.7",
    summary="Finds the first set (1) or clear (0) bit in a string.", complexity=N_READ,
    differs="If much is to be searched other clients are served meanwhile.",
)  # fmt: skip
def bitpos(s: Session, argv: list[bytes]) -> Any:
    bit = integer(argv[2])
    if bit not in (0, 1):
        raise CommandError("ERR The bit argument must be 1 or 0.")
    if len(argv) > 6:
        raise CommandError(SYNTAX)
    start = integer(argv[3]) if len(argv) > 3 else 0
    unit = unit_of(argv, 5)
    end = integer(argv[4]) if len(argv) > 4 else -1
    found = find_text(s, argv[1])
    if found is None:
        return -1 if bit else 0
    commit_pending(s)
    string = bits.Bits(s.txn, found)
    first, last = bit_range(string.size, start, end, unit)
    if first > last:
        return -1
    return slices.run(s, search(string, bit, first, last, padded=bit == 0 and len(argv) < 5))


def search(string: bits.Bits, bit: int, first: int, last: int, *, padded: bool) -> Work[int]:
    """BITPOS; a string that is `padded` goes on with zeros behind its end."""
    position = yield from bits.search(string, bit, first, last)
    return string.size * 8 if position < 0 and padded else position


@command(
    "bitop", arity=-4, flags="write denyoom", keys=(2, -1, 1), group="bitmap", since="2.6.0",
    summary="Performs bitwise operations on multiple strings, and stores the result.", complexity=N_READ,
    differs="Plain strings may be among the sources (Kvrocks: bitmaps only). The result is a bitmap. If much "
    "is to be combined other clients are served meanwhile.",
)  # fmt: skip
def bitop(s: Session, argv: list[bytes]) -> Any:
    operation = argv[1].upper().decode("latin-1")
    if operation not in (bits.AND, bits.OR, bits.XOR, bits.NOT):
        raise CommandError(SYNTAX)
    if operation == bits.NOT and len(argv) != 4:
        raise CommandError("ERR BITOP NOT must be called with a single source key.")
    commit_pending(s)
    found: list[Metadata | None] = [find_text(s, key) for key in argv[3:]]
    sources = [None if m is None else bits.Bits(s.txn, m) for m in found]
    size = max(0 if source is None else source.size for source in sources)
    if size == 0:
        keyspace.delete(s.txn, argv[2])
        return 0

    def write(segments: list[tuple[int, bytes]]) -> int:
        bitmap.store(s.txn, argv[2], size, segments)
        return size

    return slices.run_and_write(s, argv, argv[3:], bits.combine(operation, sources, size), write)


# -- BITFIELD


@command(
    "bitfield", arity=-2, flags="write denyoom", keys=(1, 1, 1), group="bitmap", since="3.2.0",
    summary="Performs arbitrary bitfield integer operations on strings.",
    complexity="O(1) for each subcommand specified, and for a plain string O(N) where N is its length if one writes.",
    differs="A key that is not there becomes a bitmap in Kvrocks's form.",
)  # fmt: skip
def bitfield_(s: Session, argv: list[bytes]) -> Any:
    operations = parse_operations(s, argv)
    if all(op.kind == "GET" for op in operations):
        return read_fields(s, argv[1], operations)
    return bitfield.execute(s.txn, argv[1], operations)


@command(
    "bitfield_ro", arity=-2, flags="readonly fast", keys=(1, 1, 1), group="bitmap", since="6.0.0",
    summary="Performs arbitrary read-only bitfield integer operations on strings.",
    complexity="O(1) for each subcommand specified.",
)  # fmt: skip
def bitfield_ro(s: Session, argv: list[bytes]) -> Any:
    operations = parse_operations(s, argv)
    if any(op.kind != "GET" for op in operations):
        raise CommandError("ERR BITFIELD_RO only supports the GET subcommand")
    return read_fields(s, argv[1], operations)


def read_fields(s: Session, key: bytes, operations: list[Operation]) -> list[int]:
    """The replies to operations that only read."""
    source = bitfield.Stored(s.txn, find_text(s, key))
    return [bitfield.get(source, op.field) for op in operations]


def parse_operations(s: Session, argv: list[bytes]) -> list[Operation]:
    """BITFIELD's arguments."""
    operations = []
    overflow: Overflow = "WRAP"
    i = 2
    while i < len(argv):
        word, left = argv[i].upper(), len(argv) - i - 1
        if word == b"OVERFLOW" and left >= 1:
            if argv[i + 1].upper() not in OVERFLOWS:
                raise CommandError("ERR Invalid OVERFLOW type specified")
            overflow = OVERFLOWS[argv[i + 1].upper()]
            i += 2
        elif word == b"GET" and left >= 2:
            operations.append(Operation("GET", parse_field(s, argv[i + 1], argv[i + 2])))
            i += 3
        elif word in (b"SET", b"INCRBY") and left >= 3:
            field = parse_field(s, argv[i + 1], argv[i + 2])
            operand = integer(argv[i + 3])
            operations.append(Operation("SET" if word == b"SET" else "INCRBY", field, operand, overflow))
            i += 4
        else:
            raise CommandError(SYNTAX)
    return operations


def parse_field(s: Session, kind: bytes, offset: bytes) -> Field:
    """An integer's type ("i5", "u8") and place."""
    signed = kind.startswith(b"i")
    width = integer(kind[1:], BAD_FIELD_TYPE)
    if kind[:1] not in (b"i", b"u") or not 1 <= width <= (64 if signed else 63):
        raise CommandError(BAD_FIELD_TYPE)
    return Field(signed, width, bit_offset(s, offset, width=width))
