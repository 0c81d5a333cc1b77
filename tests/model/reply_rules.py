"""When two servers' replies to a command count as the same: the bytes are, but for what has no order or is chosen at
random, for what depends on the moment, and for the documented differences (known_differences.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from known_differences import DIFFERENCES, NUMBER_COMMANDS, plain_numbers
from shape_grammar import Argv
from typed_client import Reply

CLOCK_MS_MAX = 5000  # how far apart the two may be in what depends on the moment


def unordered(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """The same elements, whatever their order."""
    return ours.kind == theirs.kind and multiset(ours, 1) == multiset(theirs, 1)


def unordered_pairs(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """The same fields with the same values, in any order, as one flat array or as one of pairs."""
    flat = len(ours.value) != len(theirs.value) or not any(each.kind in "*~" for each in ours.value)
    return ours.kind == theirs.kind and multiset(ours, 2 if flat else 1) == multiset(theirs, 2 if flat else 1)


def scanned(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """A cursor and what was found."""
    if not len(ours.value) == len(theirs.value) == 2 or ours.value[0] != theirs.value[0]:
        return False
    return (unordered_pairs if argv[0].upper() in (b"HSCAN", b"ZSCAN") else unordered)(
        argv, ours.value[1], theirs.value[1]
    )


def chosen(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """Chosen at random: as many, of the same kind."""
    if ours.kind != theirs.kind or (ours.value is None) != (theirs.value is None):
        return False
    return not isinstance(ours.value, list) or len(ours.value) == len(theirs.value)


def chosen_or_all(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """A random choice, in which a large positive count is all of them."""
    if len(argv) > 2 and argv[2] == b"1000":
        return unordered_pairs(argv, ours, theirs) if len(argv) > 3 else unordered(argv, ours, theirs)
    return chosen(argv, ours, theirs)


def seconds(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """A time in seconds."""
    return ours.kind == theirs.kind == ":" and abs(int(ours.value) - int(theirs.value)) <= CLOCK_MS_MAX // 1000


def milliseconds(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """A time in milliseconds."""
    return ours.kind == theirs.kind == ":" and abs(int(ours.value) - int(theirs.value)) <= CLOCK_MS_MAX


def pending(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """XPENDING's long form: for how long an entry is idle depends on the moment."""
    return without_idle(ours) == without_idle(theirs)


def without_idle(reply: Reply) -> list[Any]:
    return [each.value[:2] + each.value[3:] if each.kind == "*" and each.value else each for each in reply.value]


def stream_info(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """XINFO: how Redis keeps a stream in memory is its own affair."""
    return ours.kind == theirs.kind and without_trees(ours) == without_trees(theirs)


def without_trees(reply: Reply) -> list[Reply]:
    items = list(reply.value)
    for i, item in enumerate(items[:-1]):
        if item.value in (b"radix-tree-keys", b"radix-tree-nodes"):
            items[i + 1] = item
    return items


def anything(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """Says nothing about the data."""
    return ours.kind == theirs.kind


def multiset(reply: Reply, group: int) -> Any:
    """An aggregate's elements, sorted, in groups of so many that belong together."""
    items = [str(item) for item in reply.value]
    return sorted(tuple(items[i : i + group]) for i in range(0, len(items), group))


Rule = Callable[[Argv, Reply, Reply], bool]

RULES: dict[bytes, Rule] = {
    **dict.fromkeys((b"KEYS", b"HKEYS", b"HVALS", b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF"), unordered),
    **dict.fromkeys((b"HGETALL",), unordered_pairs),
    **dict.fromkeys((b"SCAN", b"HSCAN", b"SSCAN", b"ZSCAN"), scanned),
    **dict.fromkeys((b"HRANDFIELD", b"SRANDMEMBER", b"ZRANDMEMBER", b"SPOP"), chosen_or_all),
    **dict.fromkeys((b"TTL", b"EXPIRETIME", b"OBJECT"), seconds),
    **dict.fromkeys((b"PTTL", b"PEXPIRETIME"), milliseconds),
    **dict.fromkeys((b"HELLO", b"DBSIZE", b"DUMP"), anything),
    b"XPENDING": pending,
    b"XINFO": stream_info,
}


def same(argv: Argv, ours: Reply, theirs: Reply) -> bool:
    """Whether both replies to one command are as good as each other."""
    if ours == theirs:
        return True
    if argv[0].upper() in NUMBER_COMMANDS:
        ours, theirs = plain_numbers(ours), plain_numbers(theirs)
        if ours == theirs:
            return True
    rule = RULES.get(argv[0].upper())
    if rule is not None and ours.kind not in "-!" and theirs.kind not in "-!":
        has_null = None in (ours.value, theirs.value)
        if (not has_null or rule in (chosen, chosen_or_all, anything)) and rule(argv, ours, theirs):
            return True
    return any(each.explains(argv, ours, theirs) for each in DIFFERENCES)


def same_exec(queue: list[Argv], ours: Reply, theirs: Reply) -> bool:
    """The same for EXEC, whose reply has one for each queued command."""
    if ours == theirs:
        return True
    if ours.kind != "*" or theirs.kind != "*" or ours.value is None or theirs.value is None:
        return False
    if not len(ours.value) == len(theirs.value) == len(queue):
        return False
    return all(same(*each) for each in zip(queue, ours.value, theirs.value, strict=True))
