"""SORT and SORT_RO.

A call that reads one key only, and stores nothing, goes in slices (server/slices.py). With patterns that name other
keys, or with STORE, all is done at one moment, as Redis does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from slotrocks.engine import TYPE_SET, Metadata, ReplyError, slot_of
from slotrocks.engine.types import sorting
from slotrocks.engine.types.work import Work, complete
from slotrocks.server import slices
from slotrocks.server.arguments import integer
from slotrocks.server.commands.scan import has_whole_tag
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.streaming import Stream, commit_pending
from slotrocks.server.table import command

NOT_NUMBERS = "ERR One or more scores can't be converted into double"
OTHER_SLOT = (
    "ERR {} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots."
)  # fmt: skip
ITSELF = b"#"
# The options before STORE, and how many arguments each has: not to take one of those for an option.
ARGUMENTS = {b"LIMIT": 2, b"GET": 1, b"BY": 1}
N_LOG_N = (
    "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned "
    "elements. When the elements are not sorted, complexity is O(N)."
)  # fmt: skip


@dataclass(slots=True)
class Options:
    """What to sort by and what to answer."""

    by: bytes | None = None
    gets: list[bytes] = field(default_factory=list)
    descending: bool = False
    alpha: bool = False
    first: int = 0
    count: int = -1
    store: bytes | None = None

    @property
    def one_key(self) -> bool:
        """Whether nothing is read or written but the key that is sorted."""
        named = self.by is not None and b"*" in self.by
        return not named and self.store is None and all(pattern == ITSELF for pattern in self.gets)

    def window(self, size: int) -> tuple[int, int]:
        """The positions (first, end) of the result among so many elements."""
        first = min(max(self.first, 0), size)
        return first, size if self.count < 0 else min(first + self.count, size)


def keys_of_sort(argv: list[bytes]) -> list[bytes]:
    """The key, and the last STORE's."""
    stored: list[bytes] = []
    i = 2
    while i < len(argv):
        word = argv[i].upper()
        if word == b"STORE" and i + 1 < len(argv):
            stored = [argv[i + 1]]
        i += 1 + ARGUMENTS.get(word, 0)
    return [argv[1], *stored]


@command(
    "sort", arity=-2, flags="write denyoom", keys=keys_of_sort, group="generic", since="1.0.0",
    summary="Sorts the elements in a list, a set, or a sorted set, optionally storing the result.", complexity=N_LOG_N,
    differs="ALPHA compares bytes, whatever the locale. In a cluster BY and GET may name other keys if the "
    "pattern's hash tag is that of the key to sort (Redis 7.4; 7.2 refuses them). Without BY and GET "
    "patterns and without STORE other clients are served meanwhile.",
)  # fmt: skip
def sort_(s: Session, argv: list[bytes]) -> Any:
    return execute(s, argv[1], parse(s, argv, may_store=True))


@command(
    "sort_ro", arity=-2, flags="readonly movablekeys", keys=(1, 1, 1), group="generic", since="7.0.0",
    summary="Returns the sorted elements of a list, a set, or a sorted set.", complexity=N_LOG_N,
    differs="ALPHA compares bytes, whatever the locale. In a cluster BY and GET may name other keys if the "
    "pattern's hash tag is that of the key to sort (Redis 7.4; 7.2 refuses them).",
)  # fmt: skip
def sort_ro(s: Session, argv: list[bytes]) -> Any:
    return execute(s, argv[1], parse(s, argv, may_store=False))


def parse(s: Session, argv: list[bytes], *, may_store: bool) -> Options:
    """The options."""
    options = Options()
    i = 2
    while i < len(argv):
        word, left = argv[i].upper(), len(argv) - i - 1
        if word in (b"ASC", b"DESC"):
            options.descending = word == b"DESC"
        elif word == b"ALPHA":
            options.alpha = True
        elif word == b"LIMIT" and left >= 2:
            options.first, options.count = integer(argv[i + 1]), integer(argv[i + 2])
        elif word == b"STORE" and left >= 1 and may_store:
            options.store = argv[i + 1]
            i += 1
        elif word == b"BY" and left >= 1:
            options.by = argv[i + 1]
            if b"*" in options.by:
                check_slot(s, argv[1], options.by, "BY")
        elif word == b"GET" and left >= 1:
            options.gets.append(argv[i + 1])
            if argv[i + 1] != ITSELF:
                check_slot(s, argv[1], argv[i + 1], "GET")
        else:
            raise CommandError(SYNTAX)
        i += 1 + ARGUMENTS.get(word, 0)
    return options


def check_slot(s: Session, key: bytes, pattern: bytes, option: str) -> None:
    """In cluster mode the keys that a pattern names must be in the slot of the key to sort: its hash tag says so (the
    rule of Redis 7.4; 7.2 refuses all)."""
    if s.node.cluster is None:
        return
    before, star, _ = pattern.partition(b"*")
    if (star and not has_whole_tag(before)) or slot_of(pattern) != slot_of(key):
        raise CommandError(OTHER_SLOT.format(option))


def execute(s: Session, key: bytes, options: Options) -> Any:
    """Both commands."""
    found = sorting.find(s.txn, key)
    if found is None:
        s.node.stats.keyspace_misses += 1
        if options.store is not None:
            sorting.store(s.txn, options.store, [])
        return [] if options.store is None else 0
    s.node.stats.keyspace_hits += 1
    commit_pending(s)
    if options.one_key:
        return slices.run(s, streamed(s, found, options))
    try:
        result = list(complete(ordered(s, found, options)))
    except sorting.NotANumberError:
        raise CommandError(NOT_NUMBERS) from None
    values = got(s, result, options.gets)
    if options.store is None:
        return Stream("array", len(values), values)
    sorting.store(s.txn, options.store, [value or b"" for value in values])
    return len(values)


def ordered(s: Session, found: Metadata, options: Options) -> Work[Iterator[bytes]]:
    """The elements of the result, in order. Raises NotANumberError."""
    txn = s.txn
    first, end = options.window(found.size)
    by, alpha = options.by, options.alpha
    if by is not None and b"*" not in by:
        if found.type != TYPE_SET or options.store is None:
            return sorting.unsorted(txn, found, first, end, reverse=options.descending)
        by, alpha = None, True  # what is stored must not depend on the order that a set happens to have
    if by is not None:
        weigh = sorting.weigh_by(txn, sorting.parse_pattern(by), alpha=alpha)
    else:
        weigh = sorting.weigh_bytes if alpha else sorting.weigh_numbers
    result = yield from sorting.sort(sorting.members(txn, found), weigh, first, reverse=options.descending)
    return islice(result, end - first)


def streamed(s: Session, found: Metadata, options: Options) -> Work[Any]:
    """The reply of a call that reads one key only."""
    first, end = options.window(found.size)
    try:
        result = yield from ordered(s, found, options)
    except sorting.NotANumberError:
        return ReplyError(NOT_NUMBERS)
    times = len(options.gets) or 1
    items = result if times == 1 else (element for element in result for _ in range(times))
    return Stream("array", (end - first) * times, items)


def got(s: Session, found: list[bytes], gets: list[bytes]) -> list[bytes | None]:
    """What GET asks for, for each of the elements in turn; without GET the elements."""
    if not gets:
        return list(found)
    columns: list[list[bytes | None]] = []
    for pattern in gets:
        if pattern == ITSELF:
            columns.append(list(found))
        else:
            columns.append(sorting.look_up(s.txn, sorting.parse_pattern(pattern), found))
    return [value for row in zip(*columns, strict=True) for value in row]
