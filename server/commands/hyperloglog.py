"""HyperLogLog: PFADD and its kin."""

from __future__ import annotations

from random import Random
from typing import Any

from slotrocks.engine import (
    HLL_REGISTER_BYTES,
    HLL_REGISTERS,
    OK,
    TYPE_STRING,
    Simple,
    hll_pack,
    hll_place,
    hll_raise,
    hll_unpack,
)
from slotrocks.engine.types import hyperloglog as hll
from slotrocks.server.errors import CommandError
from slotrocks.server.lookup import find_text
from slotrocks.server.session import Session
from slotrocks.server.table import Handler, command

NOT_HLL = "WRONGTYPE Key is not a valid HyperLogLog string value."
BROKEN = "INVALIDOBJ Corrupted HLL object detected"
N_MERGED = "O(N) to merge N HyperLogLogs, but with high constant times."

# PFSELFTEST: so many elements are added, and six times the standard error is tolerated.
TEST_ELEMENTS = 10_000
TEST_ERROR_MAX = 6 * 1.04 / 128


def explained(handler: Handler) -> Handler:
    """A handler whose keys may hold what is no HyperLogLog."""

    def run(s: Session, argv: list[bytes]) -> Any:
        try:
            return handler(s, argv)
        except hll.NotHyperLogLogError:
            raise CommandError(NOT_HLL) from None
        except hll.BrokenHyperLogLogError:
            raise CommandError(BROKEN) from None

    return run


@command(
    "pfadd", arity=-2, flags="write denyoom fast", keys=(1, 1, 1), group="hyperloglog", since="2.8.9",
    summary="Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
    complexity="O(1) to add every element.",
    differs="Strings in Redis's two encodings are taken, too, and stored in Kvrocks's form when they change "
    "(Kvrocks: WRONGTYPE). PFADD without elements makes an empty key, as in Redis.",
)  # fmt: skip
@explained
def pfadd(s: Session, argv: list[bytes]) -> Any:
    return int(hll.add(s.txn, argv[1], argv[2:]))


@command(
    "pfcount", arity=-2, flags="readonly", keys=(1, -1, 1), group="hyperloglog", since="2.8.9",
    summary="Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).",
    complexity="O(1) with a very small average constant time when called with a single key. O(N) with N being the "
    "number of keys, and much bigger constant times, when called with multiple keys.",
)  # fmt: skip
@explained
def pfcount(s: Session, argv: list[bytes]) -> Any:
    return hll.estimate(hll.union(s.txn, argv[1:]))


@command(
    "pfmerge", arity=-2, flags="write denyoom", keys=(1, -1, 1), group="hyperloglog", since="2.8.9",
    summary="Merges one or more HyperLogLog values into a single key.", complexity=N_MERGED,
)  # fmt: skip
@explained
def pfmerge(s: Session, argv: list[bytes]) -> Any:
    hll.merge(s.txn, argv[1], argv[2:])
    return OK


@command(
    "pfdebug", arity=3, flags="write denyoom admin", keys=(2, 2, 1), group="hyperloglog", since="2.8.9",
    summary="Internal commands for debugging HyperLogLog values.", complexity="N/A",
    differs="All keys but those that came as strings are in the dense encoding.",
)  # fmt: skip
@explained
def pfdebug(s: Session, argv: list[bytes]) -> Any:
    found = find_text(s, argv[2])
    if found is None:
        raise CommandError("ERR The specified key does not exist")
    registers = hll.registers_of(s.txn, found)
    text = found.payload if found.type == TYPE_STRING and hll.is_sparse(found.payload) else b""
    match argv[1].lower():
        case b"getreg":
            return list(hll_unpack(registers))
        case b"encoding":
            return Simple("sparse" if text else "dense")
        case b"decode":
            if not text:
                raise CommandError("ERR HLL encoding is not sparse")
            return hll.describe_sparse(text)
        case b"todense":
            if text:
                hll.store(s.txn, argv[2], registers, expire_ms=found.expire_ms)
            return int(bool(text))
    raise CommandError(f"ERR Unknown PFDEBUG subcommand '{argv[1].decode('utf-8', 'replace')}'")


@command(
    "pfselftest", arity=1, flags="admin", group="hyperloglog", since="2.8.9",
    summary="An internal command for testing HyperLogLog values.", complexity="N/A",
    differs="A test of the registers and of one estimate.",
)  # fmt: skip
def pfselftest(s: Session, argv: list[bytes]) -> Any:
    for check in (test_registers, test_estimate):
        problem = check(Random(1))
        if problem:
            raise CommandError(f"TESTFAILED {problem}")
    return OK


def test_registers(rng: Random) -> str:
    """Every register keeps its value whatever the others have."""
    values = bytes(rng.randrange(64) for _ in range(HLL_REGISTERS))
    return "" if hll_unpack(hll_pack(values)) == values else "registers do not keep their values"


def test_estimate(rng: Random) -> str:
    """The estimate of a known number of elements."""
    registers = bytes(HLL_REGISTER_BYTES)
    registers = hll_raise(registers, [hll_place(rng.randbytes(8)) for _ in range(TEST_ELEMENTS)])
    error = abs(hll.estimate(registers) / TEST_ELEMENTS - 1)
    return f"an error of {error:.3f}" if error > TEST_ERROR_MAX else ""
