"""Sorted sets, the commands that wait for a member (see server/blocking.py)."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import TYPE_ZSET
from slotrocks.server.blocking import timeout_ms
from slotrocks.server.commands.zsets import parse_mpop, pop_first
from slotrocks.server.session import Session
from slotrocks.server.table import command, numkeys_at

ZSETS = frozenset((TYPE_ZSET,))


@command(
    "bzpopmin", arity=-3, flags="write fast blocking", keys=(1, -2, 1), group="sorted-set", since="5.0.0",
    summary="Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member "
    "is available otherwise. Deletes the sorted set if the last element was popped.",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)  # fmt: skip
def bzpopmin(s: Session, argv: list[bytes]) -> Any:
    return pop_or_wait(s, argv, largest=False)


@command(
    "bzpopmax", arity=-3, flags="write fast blocking", keys=(1, -2, 1), group="sorted-set", since="5.0.0",
    summary="Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member "
    "is available otherwise. Deletes the sorted set if the last element was popped.",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)  # fmt: skip
def bzpopmax(s: Session, argv: list[bytes]) -> Any:
    return pop_or_wait(s, argv, largest=True)


def pop_or_wait(s: Session, argv: list[bytes], *, largest: bool) -> Any:
    """BZPOPMIN and BZPOPMAX: key ... timeout. They answer key, member, score."""
    timeout = timeout_ms(argv[-1], s.txn.now_ms)
    keys = argv[1:-1]
    popped = pop_first(s, keys, 1, largest=largest)
    return s.node.blocking.wait(s, keys, ZSETS, timeout) if popped is None else [popped[0], *popped[1][0]]


@command(
    "bzmpop", arity=-5, flags="write blocking", keys=numkeys_at(2), group="sorted-set", since="7.0.0",
    summary="Removes and returns a member by score from one or more sorted sets. Blocks until a member is available "
    "otherwise. Deletes the sorted set if the last element was popped.",
    complexity="O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the "
    "sorted set, and M being the number of elements popped.",
)  # fmt: skip
def bzmpop(s: Session, argv: list[bytes]) -> Any:
    keys, largest, count = parse_mpop(argv, 2)
    timeout = timeout_ms(argv[1], s.txn.now_ms)
    popped = pop_first(s, keys, count, largest=largest)
    return s.node.blocking.wait(s, keys, ZSETS, timeout) if popped is None else popped
