"""Values of every type for DUMP and RESTORE, small and large, with what reads them back."""

from __future__ import annotations

from typing import NamedTuple

Words = list[str | bytes | int | float]


class Case(NamedTuple):
    """A key's name, the commands that make it, and those that read it. Sorted: the reply has no order."""

    key: str
    writes: list[Words]
    reads: list[Words]
    is_sorted: bool = False


INTEGERS = (
    0, 1, 12, 13, 127, 128, -1, -128, -129, 4095, 4096, -4096, -4097, 32767, 32768, -32768, 8388607, 8388608, -8388609,
    2147483647, 2147483648, -2147483649, 2**63 - 1, -(2**63),
)  # fmt: skip
WORDS = ["", "a", "007", "+1", "-0", " 1", "x" * 63, "y" * 64, "z" * 127, "ab" * 64, "long" * 1100, "\0\r\n", "ü"]
SCORES = ("-inf", -1e300, -2.5, "-0", 0, 1e-7, 0.1, 3, 12345678, 17179869184.5, "1.7976931348623157e308", "inf")
LARGE = [f"element:{i:05d}" for i in range(3000)]


def strings() -> list[Case]:
    values = [*map(str, INTEGERS), *WORDS, "9223372036854775808", "1.5", "x" * 20000, "abc" * 7000, "q" * 70000]
    return [Case(f"string:{i}", [["SET", f"string:{i}", v]], [["GET", f"string:{i}"]]) for i, v in enumerate(values)]


def collection(key: str, write: str, arguments: list[Words], reads: list[Words], is_sorted: bool = True) -> Case:
    return Case(key, [[write, key, *each] for each in arguments], [["TYPE", key], *reads], is_sorted)


def lists() -> list[Case]:
    found: dict[str, Words] = {
        "one": ["x"], "integers": [*INTEGERS], "words": [*WORDS], "large": [*LARGE], "plain": ["p" * 9000, "", "1"],
    }  # fmt: skip
    return [
        collection(
            f"list:{name}", "RPUSH", [items], [["LRANGE", f"list:{name}", 0, -1], ["LLEN", f"list:{name}"]], False
        )
        for name, items in found.items()
    ]


def sets() -> list[Case]:
    found: dict[str, Words] = {
        "int16": [*range(-5, 40)], "int32": [1, 70000], "int64": [*INTEGERS], "words": [*WORDS],
        "mixed": [1, 2, "three"], "large": [*LARGE], "large:int": [*range(2000)],
    }  # fmt: skip
    return [
        collection(f"set:{name}", "SADD", [members], [["SMEMBERS", f"set:{name}"], ["SCARD", f"set:{name}"]])
        for name, members in found.items()
    ]


def hashes() -> list[Case]:
    found: dict[str, Words] = {
        "one": ["f", "v"],
        "integers": [each for i in INTEGERS for each in (i, -(i + 1) // 2)],
        "words": [each for word in WORDS for each in (word, word + "!")],
        "large": [each for i, word in enumerate(LARGE) for each in (word, i)],
    }
    return [
        collection(f"hash:{name}", "HSET", [pairs], [["HGETALL", f"hash:{name}"], ["HLEN", f"hash:{name}"]])
        for name, pairs in found.items()
    ]


def zsets() -> list[Case]:
    found: dict[str, Words] = {
        "scores": [each for i, score in enumerate(SCORES) for each in (score, f"m{i}")],
        "integers": [each for i in INTEGERS for each in (i % 7, i)],
        "words": [each for i, word in enumerate(WORDS) for each in (i / 3, word)],
        "large": [each for i, word in enumerate(LARGE) for each in (i % 100 / 7, word)],
    }
    cases = [
        collection(f"zset:{name}", "ZADD", [pairs], [["ZRANGE", f"zset:{name}", 0, -1, "WITHSCORES"]], False)
        for name, pairs in found.items()
    ]
    places: list[Words] = [[13.361389, 38.115556, "Palermo"], [15.087269, 37.502669, "Catania"]]
    return [*cases, collection("geo", "GEOADD", places, [["GEOPOS", "geo", "Palermo", "Catania"]], False)]


def bits() -> list[Case]:
    """Bitmaps and HyperLogLogs, which are strings to Redis."""
    bitmap: list[Words] = [["SETBIT", "bitmap", place, 1] for place in (0, 7, 9, 8191, 8192, 100000)]
    return [
        Case("bitmap", bitmap, [["GET", "bitmap"], ["BITCOUNT", "bitmap"], ["BITPOS", "bitmap", 1, 2]]),
        Case("hll:few", [["PFADD", "hll:few", *"abc"]], [["PFCOUNT", "hll:few"]]),
        Case("hll:many", [["PFADD", "hll:many", *LARGE]], [["PFCOUNT", "hll:many"]]),
    ]


def streams() -> list[Case]:
    same: list[Words] = [["XADD", "stream:same", f"{i // 3 + 1}-{i}", "f", i, "g", WORDS[i % 13]] for i in range(250)]
    odd: list[Words] = [["XADD", "stream:odd", f"{2**63 - 9}-{2**64 - 1}", "", ""]]
    odd += [["XADD", "stream:odd", f"{2**63 + i}-{5 - i}", *[f"f{j}" for j in range(2 * i)]] for i in range(1, 5)]
    odd.append(["XADD", "stream:odd", f"{2**64 - 1}-7", "last", "x" * 5000])
    empty: list[Words] = [["XADD", "stream:empty", "3-4", "f", "v"], ["XDEL", "stream:empty", "3-4"]]
    groups: list[Words] = [["XADD", "stream:groups", f"1-{i}", "f", i] for i in range(1, 30)]
    groups += [["XDEL", "stream:groups", "1-3"], ["XDEL", "stream:groups", "1-29"]]
    starts = {"": 0, "new": "$", "g": "1-7"}
    groups += [["XGROUP", "CREATE", "stream:groups", name, start] for name, start in starts.items()]
    groups += [["XGROUP", "CREATECONSUMER", "stream:groups", "g", "idle"]]
    groups += [
        ["XREADGROUP", "GROUP", group, consumer, "COUNT", count, "STREAMS", "stream:groups", ">"]
        for group, consumer, count in (("", "a", 9), ("", "b", 2), ("g", "a", 5), ("", "a", 1))
    ]
    groups += [["XACK", "stream:groups", "", "1-1", "1-5"], ["XDEL", "stream:groups", "1-2"]]
    groups += [["XCLAIM", "stream:groups", "", "b", 0, "1-4", "RETRYCOUNT", 7, "TIME", 1700000000000]]
    counters: list[Words] = [["XADD", "stream:counters", "5-5", "f", "v"]]
    counters += [["XSETID", "stream:counters", "9-9", "ENTRIESADDED", 100, "MAXDELETEDID", "4-4"]]
    made = {"same": same, "odd": odd, "empty": empty, "groups": groups, "counters": counters}
    return [
        Case(
            f"stream:{name}",
            writes,
            [["XRANGE", f"stream:{name}", "-", "+"], ["XINFO", "STREAM", f"stream:{name}", "FULL"]],
        )
        for name, writes in made.items()
    ]


def cases() -> list[Case]:
    """All of them."""
    return [*strings(), *lists(), *sets(), *hashes(), *zsets(), *bits(), *streams()]
