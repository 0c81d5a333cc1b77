"""Keys of every type in every condition, what may be done to them, and everything that a client can read of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hiredis

from clusters import key_of

Call = Callable[..., Any]
"""A command's reply, errors as values."""

YEAR_2050_MS = 2524608000000
INF = float("inf")


def commands_before(slot: int) -> Iterator[tuple[str | bytes | float, ...]]:
    """What makes the keys."""

    def k(name: str) -> str:
        return key_of(slot, ":" + name)

    yield "SET", k("string"), "value"
    yield "SET", k("empty"), ""
    yield "SET", k("ttl"), "x", "PXAT", YEAR_2050_MS
    yield "SET", k("expired"), "x", "PX", 1
    yield "SET", binary(slot), b"\x00\x01\xfe\xff"
    yield "RPUSH", binary(slot) + b"list", *(b"\r\n\x00%d" % number for number in range(257))
    yield "HSET", k("hash"), "f1", "v1", "f2", "", "", "emptyfield", b"\xff\x00", b"\x00"
    yield "HDEL", k("hash"), "f1"
    yield "HINCRBY", k("hash"), "counter", 7
    yield "HSET", k("large hash"), *(word for n in range(1000) for word in (f"field{n}", "v" * (n % 200)))
    yield "HSET", k("hash ttl"), "a", 1
    yield "PEXPIREAT", k("hash ttl"), YEAR_2050_MS
    yield "HSET", k("hash expired"), "a", 1
    yield "PEXPIRE", k("hash expired"), 1
    yield "RPUSH", k("list"), *range(30)
    yield "LPUSH", k("list"), "z", "y"
    yield "LSET", k("list"), 1, "A"
    yield "LINSERT", k("list"), "BEFORE", "12", "new"
    yield "LREM", k("list"), 1, "20"
    yield "LPOP", k("list")
    yield "LTRIM", k("list"), 2, 25
    yield "RPUSH", k("list ttl"), "only"
    yield "PEXPIREAT", k("list ttl"), YEAR_2050_MS
    yield "SADD", k("set"), "m1", "m2", "m3", "", b"\x00\xff"
    yield "SREM", k("set"), "m2"
    yield "SADD", k("large set"), *range(1000)
    yield "ZADD", k("zset"), 1, "one", -2.5, "minus", INF, "inf", -INF, "-inf", "1e-10", "tiny", 1, "eins", 0, ""
    yield "ZADD", k("zset"), 0.1 + 0.2, "17 digits", "1.7976931348623157e308", "max", "5e-324", "min", 2**53 + 1, "2^53"
    yield "ZINCRBY", k("zset"), 0.5, "one"
    yield "ZADD", k("large zset"), *(word for n in range(1000) for word in (n / 7, f"m{n}"))
    yield "GEOADD", k("geo"), 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"
    yield from (("SETBIT", k("bitmap"), bit, 1) for bit in (*range(1, 20), *range(10000, 11000, 3)))
    yield "SETBIT", k("bitmap of zeros"), 20000, 0
    yield "SETBIT", k("bitmap ttl"), 8191, 1
    yield "PEXPIREAT", k("bitmap ttl"), YEAR_2050_MS
    yield "PFADD", k("hll"), *range(1000)
    yield "PFADD", k("empty hll")
    yield from stream(k("stream"))
    yield from (("XADD", k("large stream"), f"{n + 1}-0", "f", "v" * (n % 100)) for n in range(200))
    yield "XADD", k("emptied stream"), "5-5", "f", "v"
    yield "XDEL", k("emptied stream"), "5-5"
    yield "XGROUP", "CREATE", k("stream never used"), "g", "$", "MKSTREAM"
    yield "XGROUP", "CREATE", k("stream without group"), "g", "$", "MKSTREAM"
    yield "XGROUP", "DESTROY", k("stream without group"), "g"
    yield "XADD", k("stream ttl"), "1-1", "f", "v"
    yield "PEXPIREAT", k("stream ttl"), YEAR_2050_MS


def stream(key: str) -> Iterator[tuple[str | float, ...]]:
    """A stream with groups whose pending entries are there, trimmed and deleted."""
    yield from (("XADD", key, f"{n}-{n % 3}", "f", f"v{n}", "", "") for n in range(1, 41))
    yield "XGROUP", "CREATE", key, "g", "0"
    yield "XGROUP", "CREATE", key, "behind", "7-1", "ENTRIESREAD", 7
    yield "XGROUP", "CREATE", key, "unused", "$"
    yield "XGROUP", "CREATECONSUMER", key, "g", "idle"
    yield "XREADGROUP", "GROUP", "g", "alice", "COUNT", 12, "STREAMS", key, ">"
    yield "XREADGROUP", "GROUP", "g", "bob", "COUNT", 5, "STREAMS", key, ">"
    yield "XREADGROUP", "GROUP", "behind", "carol", "COUNT", 3, "STREAMS", key, ">"
    yield "XCLAIM", key, "g", "bob", 0, "9-0", "TIME", 1234567890123, "RETRYCOUNT", 17, "JUSTID"
    yield "XACK", key, "g", "2-2", "3-0"
    yield "XDEL", key, "8-2", "30-0"
    yield "XTRIM", key, "MINID", "5-2"
    yield "XSETID", key, "50-1", "ENTRIESADDED", 77, "MAXDELETEDID", "31-1"


def commands_meanwhile(slot: int) -> Iterator[tuple[str | bytes | float, ...]]:
    """What happens while the slot moves."""

    def k(name: str) -> str:
        return key_of(slot, ":" + name)

    yield "APPEND", k("string"), "more"
    yield "EXPIREAT", k("string"), YEAR_2050_MS // 1000
    yield "PERSIST", k("ttl")
    yield "DEL", k("empty")
    yield "LPUSH", binary(slot) + b"list", b"\xffnew"
    yield "LSET", binary(slot) + b"list", 200, b"set"
    yield "HSET", k("hash"), "f2", "changed", "new", "1"
    yield "HDEL", k("hash"), ""
    yield "HSET", k("large hash"), "field500", "changed"
    yield "PERSIST", k("hash ttl")
    yield "RPUSH", k("list"), "r1", "r2"
    yield "LPUSH", k("list"), "l1", "l2"
    yield "LINSERT", k("list"), "AFTER", "l1", "l1.5"
    yield "LREM", k("list"), 0, "10"
    yield "LMOVE", k("list"), k("list"), "LEFT", "RIGHT"
    yield "LMOVE", k("list"), k("list ttl"), "RIGHT", "LEFT"
    yield "LMOVE", k("list"), k("new list"), "LEFT", "LEFT"
    yield "RPOP", k("list")
    yield "SADD", k("set"), "later"
    yield "SREM", k("set"), "m1", ""
    yield "SMOVE", k("large set"), k("set"), "77"
    yield "ZADD", k("zset"), 7.25, "later", -INF, "one"
    yield "ZREM", k("zset"), "tiny", ""
    yield "ZREMRANGEBYRANK", k("large zset"), 100, 300
    yield "GEOADD", k("geo"), 2.349, 48.8647, "Paris"
    yield "SETBIT", k("bitmap"), 5, 0
    yield "SETBIT", k("bitmap"), 50000, 1
    yield "BITOP", "NOT", k("new bitmap"), k("bitmap of zeros")
    yield "PFADD", k("hll"), "one more", "and another"
    yield "XADD", k("stream"), "60-0", "f", "later"
    yield "XDEL", k("stream"), "33-0"
    yield "XREADGROUP", "GROUP", "g", "alice", "COUNT", 2, "STREAMS", k("stream"), ">"
    yield "XACK", k("stream"), "g", "9-0"
    yield "XGROUP", "DESTROY", k("stream"), "unused"
    yield "XGROUP", "CREATE", k("large stream"), "late", "0"
    yield "XREADGROUP", "GROUP", "late", "dave", "COUNT", 100, "STREAMS", k("large stream"), ">"
    yield "XTRIM", k("large stream"), "MAXLEN", 90
    yield "XSETID", k("emptied stream"), "9-9", "ENTRIESADDED", 12, "MAXDELETEDID", "8-8"
    yield "XADD", k("stream never used"), "1-1", "a", "b"
    yield "DEL", k("large hash")
    yield "HSET", k("large hash"), "another", "one"
    yield "RENAME", k("hash"), k("hash renamed")
    yield "SET", k("set"), "a string now"
    yield "COPY", k("zset"), k("hash ttl"), "REPLACE"
    yield "RPUSH", k("short"), "x"
    yield "PEXPIRE", k("short"), 5


def binary(slot: int) -> bytes:
    """A key whose tag is not at its beginning."""
    return b"\x3a\x88{" + key_of(slot).encode() + b"}\x3d\xaa\r\n\x00"


def reads(key: bytes, kind: str) -> list[tuple[str | bytes | float, ...]]:
    """Every way to read a key of a type."""
    common: list[tuple[str | bytes | float, ...]] = [
        ("TYPE", key), ("PEXPIRETIME", key), ("EXISTS", key),
    ]  # fmt: skip
    by_type: dict[str, list[tuple[str | bytes | float, ...]]] = {
        "string": [("GET", key), ("STRLEN", key)],
        "hash": [("HLEN", key), ("HGETALL", key), ("HGET", key, "")],
        "list": [("LLEN", key), ("LRANGE", key, 0, -1), ("LINDEX", key, -1)],
        "set": [("SCARD", key), ("SMEMBERS", key), ("SISMEMBER", key, "")],
        "zset": [("ZCARD", key), ("ZRANGE", key, 0, -1, "WITHSCORES"), ("ZCOUNT", key, "-inf", 1)],
        "stream": [
            ("XLEN", key), ("XRANGE", key, "-", "+"), ("XINFO", "STREAM", key, "FULL", "COUNT", 0),
            ("XINFO", "GROUPS", key), ("XPENDING", key, "g"), ("XINFO", "STREAM", key),
        ],
        "bitmap": [("BITCOUNT", key), ("BITPOS", key, 1), ("BITPOS", key, 0), ("GETBIT", key, 50000)],
        "hyperloglog": [("PFCOUNT", key)],
    }  # fmt: skip
    return common + by_type[kind]


def replies(call: Call, keys: list[bytes], kinds: dict[bytes, str] | None = None) -> dict[tuple[bytes, str], Any]:
    """What a node answers to all of that (about keys of these types, if it has others). Times of consumers, which pass,
    are left out; errors are texts."""
    found = {}
    for key in keys:
        kind = call("TYPE", key).decode()
        if kind != "none" and kinds is not None:
            kind = kinds[key]
        if kind == "none":
            found[key, "TYPE"] = None
            continue
        for words in reads(key, kind):
            found[key, " ".join(str(word) for word in (words[0], *words[2:]))] = comparable(call(*words), kind)
    return found


def comparable(reply: Any, kind: str) -> Any:
    """A reply that is equal for equal contents."""
    if isinstance(reply, hiredis.ReplyError):
        return str(reply)
    if kind in ("hash", "set") and isinstance(reply, list):
        return sorted(map(repr, reply))
    if kind == "stream" and isinstance(reply, list):
        parts = [comparable(each, kind) for each in reply]
        passing = (b"seen-time", b"active-time", b"idle", b"inactive", b"radix-tree-keys", b"radix-tree-nodes")
        named = zip([b"", *parts], parts, strict=False)
        return [each for name, each in named if each not in passing and name not in passing]
    return reply


def as_numbers(reply: Any) -> Any:
    """A reply whose numbers, which Redis 7.0 writes with 17 digits, are compared as such."""
    if isinstance(reply, list):
        return [as_numbers(each) for each in reply]
    try:
        return float(reply)
    except (TypeError, ValueError):
        return reply
