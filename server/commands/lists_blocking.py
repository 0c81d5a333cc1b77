"""Lists, the commands that wait for an element (see server/blocking.py)."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import TYPE_LIST
from slotrocks.engine.types import lists
from slotrocks.server.blocking import timeout_ms
from slotrocks.server.commands.lists import is_left, mpop_options, pop_first
from slotrocks.server.session import Session
from slotrocks.server.table import command, numkeys_at

LISTS = frozenset((TYPE_LIST,))


@command(
    "blpop", arity=-3, flags="write blocking", keys=(1, -2, 1), group="list", since="2.0.0",
    summary="Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes "
    "the list if the last element was popped.",
    complexity="O(N) where N is the number of provided keys.",
)  # fmt: skip
def blpop(s: Session, argv: list[bytes]) -> Any:
    return pop_or_wait(s, argv, left=True)


@command(
    "brpop", arity=-3, flags="write blocking", keys=(1, -2, 1), group="list", since="2.0.0",
    summary="Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes "
    "the list if the last element was popped.",
    complexity="O(N) where N is the number of provided keys.",
)  # fmt: skip
def brpop(s: Session, argv: list[bytes]) -> Any:
    return pop_or_wait(s, argv, left=False)


def pop_or_wait(s: Session, argv: list[bytes], *, left: bool) -> Any:
    """BLPOP and BRPOP: key ... timeout."""
    timeout = timeout_ms(argv[-1], s.txn.now_ms)
    keys = argv[1:-1]
    popped = pop_first(s, keys, left, 1)
    return s.node.blocking.wait(s, keys, LISTS, timeout) if popped is None else [popped[0], popped[1][0]]


@command(
    "blmpop", arity=-5, flags="write blocking", keys=numkeys_at(2), group="list", since="7.0.0",
    summary="Pops the first element from one of multiple lists. Blocks until an element is available otherwise. "
    "Deletes the list if the last element was popped.",
    complexity="O(N+M) where N is the number of provided keys and M is the number of elements returned.",
)  # fmt: skip
def blmpop(s: Session, argv: list[bytes]) -> Any:
    keys, left, count = mpop_options(argv, 2)
    timeout = timeout_ms(argv[1], s.txn.now_ms)
    popped = pop_first(s, keys, left, count)
    return s.node.blocking.wait(s, keys, LISTS, timeout) if popped is None else popped


@command(
    "blmove", arity=6, flags="write denyoom blocking", keys=(1, 2, 1), group="list", since="6.2.0",
    summary="Pops an element from a list, pushes it to another list and returns it. Blocks until an element is "
    "available otherwise. Deletes the list if the last element was moved.",
)  # fmt: skip
def blmove(s: Session, argv: list[bytes]) -> Any:
    from_left, to_left = is_left(argv[3]), is_left(argv[4])
    return move_or_wait(s, argv, from_left=from_left, to_left=to_left)


@command(
    "brpoplpush", arity=4, flags="write denyoom blocking", keys=(1, 2, 1), group="list", since="2.2.0",
    summary="Pops an element from a list, pushes it to another list and returns it. Block until an element is "
    "available otherwise. Deletes the list if the last element was popped.",
)  # fmt: skip
def brpoplpush(s: Session, argv: list[bytes]) -> Any:
    return move_or_wait(s, argv, from_left=False, to_left=True)


def move_or_wait(s: Session, argv: list[bytes], *, from_left: bool, to_left: bool) -> Any:
    """BLMOVE and BRPOPLPUSH: source, target, ... timeout. Inside EXEC they answer null as LMOVE, not a null array."""
    timeout = timeout_ms(argv[-1], s.txn.now_ms)
    value = lists.move(s.txn, argv[1], argv[2], from_left=from_left, to_left=to_left)
    if value is not None or s.queue is not None:
        return value
    return s.node.blocking.wait(s, [argv[1]], LISTS, timeout)
