"""Lists: LPUSH, LRANGE and their kin. Those that wait: lists_blocking.py."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import NULL_ARRAY, OK, Metadata
from slotrocks.engine.types import lists
from slotrocks.server.arguments import INT64_MAX, INT64_MIN, integer
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import command, numkeys_at

NOT_POSITIVE = "ERR value is out of range, must be positive"
RANK_ZERO = (
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from "
    "the end of the list"
)

N_ADDED = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments."
N_MOVED = (
    "O(N) where N is the number of elements to compare with; those on the shorter side of the place are written anew."
)


def read(s: Session, key: bytes) -> Metadata | None:
    """A list for a reading command: counts as a hit or a miss."""
    found = lists.find(s.txn, key)
    if found is None:
        s.node.stats.keyspace_misses += 1
    else:
        s.node.stats.keyspace_hits += 1
    return found


def is_left(arg: bytes) -> bool:
    """LEFT or RIGHT."""
    end = arg.upper()
    if end not in (b"LEFT", b"RIGHT"):
        raise CommandError(SYNTAX)
    return end == b"LEFT"


def at_least(arg: bytes, least: int, error: str) -> int:
    """An integer that is not smaller than `least`."""
    value = integer(arg, error)
    if value < least:
        raise CommandError(error)
    return value


# -- the ends


@command(
    "lpush", arity=-3, flags="write denyoom fast", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Prepends one or more elements to a list. Creates the key if it doesn't exist.", complexity=N_ADDED,
)  # fmt: skip
def lpush(s: Session, argv: list[bytes]) -> Any:
    return lists.push(s.txn, argv[1], argv[2:], left=True)


@command(
    "rpush", arity=-3, flags="write denyoom fast", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Appends one or more elements to a list. Creates the key if it doesn't exist.", complexity=N_ADDED,
)  # fmt: skip
def rpush(s: Session, argv: list[bytes]) -> Any:
    return lists.push(s.txn, argv[1], argv[2:], left=False)


@command(
    "lpushx", arity=-3, flags="write denyoom fast", keys=(1, 1, 1), group="list", since="2.2.0",
    summary="Prepends one or more elements to a list only when the list exists.", complexity=N_ADDED,
)  # fmt: skip
def lpushx(s: Session, argv: list[bytes]) -> Any:
    return lists.push(s.txn, argv[1], argv[2:], left=True, create=False)


@command(
    "rpushx", arity=-3, flags="write denyoom fast", keys=(1, 1, 1), group="list", since="2.2.0",
    summary="Appends an element to a list only when the list exists.", complexity=N_ADDED,
)  # fmt: skip
def rpushx(s: Session, argv: list[bytes]) -> Any:
    return lists.push(s.txn, argv[1], argv[2:], left=False, create=False)


@command(
    "lpop", arity=-2, flags="write fast", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Returns the first elements in a list after removing it. Deletes the list if the last element was popped.",
    complexity="O(N) where N is the number of elements returned",
)  # fmt: skip
def lpop(s: Session, argv: list[bytes]) -> Any:
    return pop(s, argv, left=True)


@command(
    "rpop", arity=-2, flags="write fast", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Returns and removes the last elements of a list. Deletes the list if the last element was popped.",
    complexity="O(N) where N is the number of elements returned",
)  # fmt: skip
def rpop(s: Session, argv: list[bytes]) -> Any:
    return pop(s, argv, left=False)


def pop(s: Session, argv: list[bytes], *, left: bool) -> Any:
    """LPOP and RPOP: one element, or a list of them when a count is given."""
    if len(argv) > 3:
        raise CommandError(f"ERR wrong number of arguments for '{'lpop' if left else 'rpop'}' command")
    if len(argv) == 3:
        values = lists.pop(s.txn, argv[1], at_least(argv[2], 0, NOT_POSITIVE), left=left)
        return NULL_ARRAY if values is None else values
    values = lists.pop(s.txn, argv[1], 1, left=left)
    return None if values is None else values[0]


@command(
    "lmpop", arity=-4, flags="write", keys=numkeys_at(1), group="list", since="7.0.0",
    summary="Returns multiple elements from a list after removing them. Deletes the list if the last element was "
    "popped.",
    complexity="O(N+M) where N is the number of provided keys and M is the number of elements returned.",
)  # fmt: skip
def lmpop(s: Session, argv: list[bytes]) -> Any:
    reply = pop_first(s, *mpop_options(argv, 1))
    return NULL_ARRAY if reply is None else reply


def mpop_options(argv: list[bytes], at: int) -> tuple[list[bytes], bool, int]:
    """(keys, from the left, count) of LMPOP and BLMPOP: numkeys key ... LEFT|RIGHT [COUNT count] from argv[at] on."""
    numkeys = at_least(argv[at], 1, "ERR numkeys should be greater than 0")
    where = at + 1 + numkeys
    if where >= len(argv):
        raise CommandError(SYNTAX)
    left = is_left(argv[where])
    options = argv[where + 1 :]
    if not options:
        return argv[at + 1 : where], left, 1
    if len(options) != 2 or options[0].upper() != b"COUNT":
        if len(options) > 2 and options[0].upper() == b"COUNT":  # Redis looks at the count first
            at_least(options[1], 1, "ERR count should be greater than 0")
        raise CommandError(SYNTAX)
    return argv[at + 1 : where], left, at_least(options[1], 1, "ERR count should be greater than 0")


def pop_first(s: Session, keys: list[bytes], left: bool, count: int) -> list[Any] | None:
    """[key, elements] popped from the first list among `keys`, or None."""
    for key in keys:
        values = lists.pop(s.txn, key, count, left=left)
        if values is not None:
            return [key, values]
    return None


@command(
    "lmove", arity=5, flags="write denyoom", keys=(1, 2, 1), group="list", since="6.2.0",
    summary="Returns an element after popping it from one list and pushing it to another. Deletes the list if the last "
    "element was moved.",
)  # fmt: skip
def lmove(s: Session, argv: list[bytes]) -> Any:
    return lists.move(s.txn, argv[1], argv[2], from_left=is_left(argv[3]), to_left=is_left(argv[4]))


@command(
    "rpoplpush", arity=3, flags="write denyoom", keys=(1, 2, 1), group="list", since="1.2.0",
    summary="Returns the last element of a list after removing and pushing it to another list. Deletes the list if the "
    "last element was popped.",
)  # fmt: skip
def rpoplpush(s: Session, argv: list[bytes]) -> Any:
    return lists.move(s.txn, argv[1], argv[2], from_left=False, to_left=True)


# -- reading


@command(
    "llen", arity=2, flags="readonly fast", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Returns the length of a list.",
)  # fmt: skip
def llen(s: Session, argv: list[bytes]) -> Any:
    found = read(s, argv[1])
    return 0 if found is None else found.size


@command(
    "lindex", arity=3, flags="readonly", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Returns an element from a list by its index.",
)  # fmt: skip
def lindex(s: Session, argv: list[bytes]) -> Any:
    found = read(s, argv[1])
    return None if found is None else lists.element_at(s.txn, found, integer(argv[2]))


@command(
    "lrange", arity=4, flags="readonly", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Returns a range of elements from a list.",
    complexity="O(N) where N is the number of elements in the specified range, wherever it lies.",
)  # fmt: skip
def lrange(s: Session, argv: list[bytes]) -> Any:
    start, stop = integer(argv[2]), integer(argv[3])
    found = read(s, argv[1])
    if found is None:
        return []
    first, end = lists.window(found.size, start, stop)
    return list(lists.elements(s.txn, found, first, end)) if first < end else []


@command(
    "lpos", arity=-3, flags="readonly", keys=(1, 1, 1), group="list", since="6.0.6",
    summary="Returns the index of matching elements in a list.",
    complexity="O(N) where N is the number of elements that are compared.",
)  # fmt: skip
def lpos(s: Session, argv: list[bytes]) -> Any:
    rank, count, compared_max = 1, None, 0
    for i in range(3, len(argv), 2):
        option = argv[i].upper()
        if option not in (b"RANK", b"COUNT", b"MAXLEN") or i + 1 == len(argv):
            raise CommandError(SYNTAX)
        if option == b"RANK":
            rank = integer(argv[i + 1])
            if rank == INT64_MIN:
                raise CommandError(f"ERR value is out of range, value must between {-INT64_MAX} and {INT64_MAX}")
            if rank == 0:
                raise CommandError(RANK_ZERO)
        elif option == b"COUNT":
            count = at_least(argv[i + 1], 0, "ERR COUNT can't be negative")
        else:
            compared_max = at_least(argv[i + 1], 0, "ERR MAXLEN can't be negative")
    found = read(s, argv[1])
    if found is None:
        return None if count is None else []
    wanted = 1 if count is None else count
    positions = lists.positions(s.txn, found, argv[2], rank=rank, count=wanted, compared_max=compared_max)
    return positions if count is not None else positions[0] if positions else None


# -- the middle


@command(
    "lset", arity=4, flags="write denyoom", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Sets the value of an element in a list by its index.",
)  # fmt: skip
def lset(s: Session, argv: list[bytes]) -> Any:
    found = lists.find(s.txn, argv[1])
    if found is None:
        raise CommandError("ERR no such key")
    if not lists.replace(s.txn, found, integer(argv[2]), argv[3]):
        raise CommandError("ERR index out of range")
    return OK


@command(
    "ltrim", arity=4, flags="write", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Removes elements from both ends a list. Deletes the list if all elements were trimmed.",
    complexity="O(N) where N is the number of elements to be removed, up to a limit.",
)  # fmt: skip
def ltrim(s: Session, argv: list[bytes]) -> Any:
    lists.trim(s.txn, argv[1], integer(argv[2]), integer(argv[3]))
    return OK


@command(
    "linsert", arity=5, flags="write denyoom", keys=(1, 1, 1), group="list", since="2.2.0",
    summary="Inserts an element before or after another element in a list.", complexity=N_MOVED,
    differs="Other clients wait while elements are looked at.",
)  # fmt: skip
def linsert(s: Session, argv: list[bytes]) -> Any:
    where = argv[2].upper()
    if where not in (b"BEFORE", b"AFTER"):
        raise CommandError(SYNTAX)
    return lists.insert(s.txn, argv[1], argv[3], argv[4], before=where == b"BEFORE")


@command(
    "lrem", arity=4, flags="write", keys=(1, 1, 1), group="list", since="1.0.0",
    summary="Removes elements from a list. Deletes the list if the last element was removed.", complexity=N_MOVED,
    differs="Other clients wait while elements are looked at.",
)  # fmt: skip
def lrem(s: Session, argv: list[bytes]) -> Any:
    return lists.remove(s.txn, argv[1], argv[3], integer(argv[2]))
