"""Where Slotrocks answers otherwise than redis-server, and means it: the one list, from which docs/differences.md is
made. A difference that the random sequences can meet has a predicate; the others are not asked about.

redis-server is 7.0 where Debian's is compared with, while Slotrocks follows 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Explains = Callable[[list[bytes], Any, Any], bool]


def never(argv: list[bytes], ours: Any, theirs: Any) -> bool:
    """The random sequences do not ask."""
    return False


@dataclass(frozen=True)
class Difference:
    """One difference: what a user reads, and whether it explains two replies (typed_client.Reply)."""

    text: str
    explains: Explains = never


def names(*words: str) -> frozenset[bytes]:
    return frozenset(word.encode() for word in words)


def plain_numbers(reply: Any) -> Any:
    """The reply with all numbers written one way, -0 as 0."""
    if isinstance(reply.value, list):
        return reply._replace(value=[plain_numbers(each) for each in reply.value])
    try:
        return reply._replace(value=repr(float(reply.value) + 0.0).encode())
    except (TypeError, ValueError):
        return reply


NUMBER_COMMANDS = names(
    "ZADD", "ZINCRBY", "ZSCORE", "ZMSCORE", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "ZPOPMIN",
    "ZPOPMAX", "ZMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "ZUNION", "ZINTER", "ZDIFF", "ZSCAN", "ZRANDMEMBER",
    "GEOPOS", "GEODIST", "GEOSEARCH", "GEORADIUS", "GEORADIUSBYMEMBER",
)  # fmt: skip


def quoted_bytes(argv: list[bytes], ours: Any, theirs: Any) -> bool:
    """Their quotation ends where ours has a zero byte, and has bytes as they are."""
    if not ours.kind == theirs.kind == "-":
        return False
    our_text, their_text = (each.value.decode("utf-8", "replace") for each in (ours, theirs))
    return their_text in (our_text, our_text.split("\0")[0], re.sub("\0[^']*", "", our_text))


def arguments_first(argv: list[bytes], ours: Any, theirs: Any) -> bool:
    """7.0 looks at the key first: 0 or -1 if there is none, or a wrong type."""
    their_answer = theirs.value in (b"0", b"-1") or str(theirs.value).startswith("b'WRONGTYPE")
    return argv[0].upper() in (b"BITCOUNT", b"BITPOS") and ours.kind == "-" and their_answer


def consumers(argv: list[bytes], ours: Any, theirs: Any) -> bool:
    """XINFO GROUPS counts the consumers that only 7.2 has; XGROUP answers whether there was one."""
    word = argv[0].upper()
    if word == b"XINFO" and ours.kind == theirs.kind:
        return _without_consumers(ours) == _without_consumers(theirs)
    return word == b"XGROUP" and argv[1].upper() == b"CREATECONSUMER" and (ours.value, theirs.value) == (b"0", b"1")


def _without_consumers(reply: Any) -> Any:
    if not isinstance(reply.value, list):
        return reply.value
    items = [_without_consumers(each) for each in reply.value]
    return [each for before, each in zip([None, *items], items, strict=False) if before != b"consumers"]


def sorted_otherwise(argv: list[bytes], ours: Any, theirs: Any) -> bool:
    """As many, when the order is that of a locale, or the one that Redis's set happens to have."""
    words = [word.upper() for word in argv]
    if words[0] not in (b"SORT", b"SORT_RO") or not {b"ALPHA", b"BY"} & set(words):
        return False
    return ours.kind == theirs.kind == "*" and len(ours.value) == len(theirs.value)


def unbalanced(argv: list[bytes], ours: Any, theirs: Any) -> bool:
    """An error about the same thing."""
    return ours.kind == theirs.kind == "-" and ours.value[:15] == theirs.value[:15] == b"ERR Unbalanced "


DIFFERENCES = (
    Difference("Doubles have the fewest digits that read back as the same number, as in 7.2 (7.0 prints 17)."),
    Difference("`ZRANK` and `ZREVRANK` take `WITHSCORE`, as in 7.2."),
    Difference(
        "In an error's text that quotes an argument, what is not UTF-8 is replaced, and a zero byte does not end it.",
        quoted_bytes,
    ),
    Difference(
        "`OBJECT REFCOUNT` is always 1; Redis shares small integers. `OBJECT ENCODING` names what Redis 7.2 with its "
        "defaults would use for a new value like that: nothing is packed here, and what was before leaves no trace."
    ),
    Difference("A HyperLogLog is always dense: so are its `GET`, `STRLEN` and `PFDEBUG ENCODING`."),
    Difference("`BITCOUNT` and `BITPOS` look at all their arguments first, as in 7.2.", arguments_first),
    Difference(
        "`SORT … ALPHA` compares bytes, whatever the locale; to Redis a zero byte ends a string there.",
        sorted_otherwise,
    ),
    Difference("`XSETID` counts as a change to those who `WATCH` the stream."),
    Difference("After a weight beyond a double (1e400), Redis may fail later `SORT`s, too."),
    Difference(
        "`XREADGROUP`, `XCLAIM` and `XAUTOCLAIM` create their consumer even when it gets nothing, `XSETID` refuses an "
        "id before that of the last deleted entry, `XINFO CONSUMERS` has `inactive` and `XINFO STREAM … FULL` "
        "`active-time`: as in 7.2.",
        consumers,
    ),
    Difference("The error of an unbalanced list of streams has the words of 7.2.", unbalanced),
    Difference("`XINFO STREAM`: `radix-tree-keys` and `radix-tree-nodes` are what they would be with full nodes."),
    Difference("`DUMP` writes plain encodings: other bytes, which Redis restores to the same value."),
    Difference("`**` and the like match the empty key, too; in Redis only `*` does."),
    Difference(
        "`SCAN` and its kin refuse a negative cursor; their cursors, and the order of what they find, are others. "
        "`HSCAN`, `SSCAN` and `ZSCAN` return up to 128 elements at once, however long they are."
    ),
    Difference("There is one database: `SELECT`, `COPY … DB`, `MOVE` and `SWAPDB` know only database 0."),
    Difference("A score of -0 is stored as 0, as Redis does in small sorted sets only."),
    Difference(
        "A range by lex over members with different scores goes by the members' bytes; Redis specifies no answer."
    ),
    Difference(
        "`LPOS` refuses a `RANK` of -2^63. A timeout of more than 2^63 milliseconds is out of range, never negative or "
        "for ever."
    ),
    Difference("`DBSIZE` counts no key whose time has passed."),
)
