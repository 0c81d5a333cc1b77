"""ZUNION, ZINTER and ZDIFF, their STORE forms, and ZINTERCARD. Inputs are sorted sets and sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from slotrocks.engine import Metadata
from slotrocks.engine.types import zset_algebra as algebra
from slotrocks.engine.types import zsets
from slotrocks.server.arguments import INT64_MAX, bounded_integer, integer
from slotrocks.server.commands.zsets import number, show
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.streaming import commit_pending
from slotrocks.server.table import KeyFinder, command, numkeys_at

# Python's min() and max() treat NaN as Redis does: the first of the two stays.
AGGREGATES: dict[bytes, algebra.Aggregate] = {b"SUM": algebra.add_scores, b"MIN": min, b"MAX": max}

UNION = (
    "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements "
    "in the resulting sorted set."
)
INTER = (
    "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets "
    "and M being the number of elements in the resulting sorted set."
)
DIFF = "O(L + N*log(L)) with L the size of the first input and N the number of elements looked at in the others."


@dataclass
class Call:
    """The inputs and options of a call. An input that does not exist is None."""

    inputs: list[Metadata | None]
    weights: list[float]
    aggregate: algebra.Aggregate = field(default=algebra.add_scores)
    withscores: bool = False
    limit: int = 0


def parse(s: Session, argv: list[bytes], at: int, name: str, allowed: tuple[bytes, ...]) -> Call:
    """A call whose number of keys is argv[at]. As in Redis the types of the inputs are checked before the options."""
    numkeys = integer(argv[at])
    if numkeys < 1:
        raise CommandError(f"ERR at least 1 input key is needed for '{name}' command")
    i = at + 1 + numkeys
    if i > len(argv):
        raise CommandError(SYNTAX)
    commit_pending(s)
    call = Call(algebra.open_inputs(s.txn, argv[at + 1 : i]), [1.0] * numkeys)
    while i < len(argv):
        option, left = argv[i].upper(), len(argv) - i - 1
        if option not in allowed:
            raise CommandError(SYNTAX)
        if option == b"WITHSCORES":
            call.withscores = True
            i += 1
        elif option == b"WEIGHTS" and left >= numkeys:
            call.weights = [number(arg, "ERR weight value is not a float") for arg in argv[i + 1 : i + 1 + numkeys]]
            i += 1 + numkeys
        elif option == b"AGGREGATE" and left and argv[i + 1].upper() in AGGREGATES:
            call.aggregate = AGGREGATES[argv[i + 1].upper()]
            i += 2
        elif option == b"LIMIT" and left:
            call.limit = bounded_integer(argv[i + 1], 0, INT64_MAX, "ERR LIMIT can't be negative")
            i += 2
        else:
            raise CommandError(SYNTAX)
    return call


def store_keys(argv: list[bytes]) -> list[bytes]:
    """The keys of a STORE form: the target, and as many more as it says."""
    return [argv[1], *SOURCES(argv)]


SOURCES: KeyFinder = numkeys_at(2)
COMBINING = (b"WEIGHTS", b"AGGREGATE")


def union(s: Session, call: Call) -> dict[bytes, float]:
    """What ZUNION finds."""
    return algebra.union(s.txn, call.inputs, call.weights, call.aggregate)


def inter(s: Session, call: Call) -> dict[bytes, float]:
    """What ZINTER finds."""
    return dict(algebra.intersection(s.txn, call.inputs, call.weights, call.aggregate))


def diff(s: Session, call: Call) -> dict[bytes, float]:
    """What ZDIFF finds."""
    return algebra.difference(s.txn, call.inputs)


def answer(s: Session, call: Call, found: dict[bytes, float]) -> Any:
    """The reply of the forms that do not store."""
    return show(s, len(found), algebra.in_order(found), withscores=call.withscores)


@command(
    "zunion", arity=-3, flags="readonly", keys=numkeys_at(1), group="sorted-set", since="6.2.0",
    summary="Returns the union of multiple sorted sets.", complexity=UNION,
)  # fmt: skip
def zunion(s: Session, argv: list[bytes]) -> Any:
    call = parse(s, argv, 1, "zunion", (*COMBINING, b"WITHSCORES"))
    return answer(s, call, union(s, call))


@command(
    "zinter", arity=-3, flags="readonly", keys=numkeys_at(1), group="sorted-set", since="6.2.0",
    summary="Returns the intersect of multiple sorted sets.", complexity=INTER,
)  # fmt: skip
def zinter(s: Session, argv: list[bytes]) -> Any:
    call = parse(s, argv, 1, "zinter", (*COMBINING, b"WITHSCORES"))
    return answer(s, call, inter(s, call))


@command(
    "zdiff", arity=-3, flags="readonly", keys=numkeys_at(1), group="sorted-set", since="6.2.0",
    summary="Returns the difference between multiple sorted sets.", complexity=DIFF,
)  # fmt: skip
def zdiff(s: Session, argv: list[bytes]) -> Any:
    call = parse(s, argv, 1, "zdiff", (b"WITHSCORES",))
    return answer(s, call, diff(s, call))


@command(
    "zintercard", arity=-3, flags="readonly", keys=numkeys_at(1), group="sorted-set", since="7.0.0",
    summary="Returns the number of members of the intersect of multiple sorted sets.",
    complexity="O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
)  # fmt: skip
def zintercard(s: Session, argv: list[bytes]) -> Any:
    call = parse(s, argv, 1, "zintercard", (b"LIMIT",))
    found = algebra.intersection(s.txn, call.inputs, call.weights, call.aggregate)
    return sum(1 for _ in (islice(found, call.limit) if call.limit else found))


@command(
    "zunionstore", arity=-4, flags="write denyoom", keys=store_keys, group="sorted-set", since="2.0.0",
    summary="Stores the union of multiple sorted sets in a key.", complexity=UNION,
)  # fmt: skip
def zunionstore(s: Session, argv: list[bytes]) -> Any:
    found = union(s, parse(s, argv, 2, "zunionstore", COMBINING))
    return zsets.replace(s.txn, argv[1], list(found.items()))


@command(
    "zinterstore", arity=-4, flags="write denyoom", keys=store_keys, group="sorted-set", since="2.0.0",
    summary="Stores the intersect of multiple sorted sets in a key.", complexity=INTER,
)  # fmt: skip
def zinterstore(s: Session, argv: list[bytes]) -> Any:
    found = inter(s, parse(s, argv, 2, "zinterstore", COMBINING))
    return zsets.replace(s.txn, argv[1], list(found.items()))


@command(
    "zdiffstore", arity=-4, flags="write denyoom", keys=store_keys, group="sorted-set", since="6.2.0",
    summary="Stores the difference of multiple sorted sets in a key.", complexity=DIFF,
)  # fmt: skip
def zdiffstore(s: Session, argv: list[bytes]) -> Any:
    found = diff(s, parse(s, argv, 2, "zdiffstore", ()))
    return zsets.replace(s.txn, argv[1], list(found.items()))
