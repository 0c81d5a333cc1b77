"""Clients that do everything that can be done to keys of every type, until their slot has left."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import hiredis

import servers

Command = tuple[str | bytes | int | float, ...]

KEYS_OF_A_TYPE = 6
PIPELINE = 16


class Mix:
    """Random commands over a few keys of each type, all in the slot of `tag`; what does not fit a key's type is an
    error, and no matter."""

    def __init__(self, tag: str, seed: int, types: str) -> None:
        """`types`: of "shlzk" (strings and sets, hashes, lists, sorted sets, key commands), "x" streams, "b" bitmaps,
        "p" HyperLogLog."""
        self._random = random.Random(seed)
        self._tag = tag
        self._types = types
        self._next_id = 1

    def key(self, kind: str) -> str:
        return f"{{{self._tag}}}:{kind}:{self._random.randrange(KEYS_OF_A_TYPE)}"

    def word(self) -> bytes:
        return self._random.choice((b"", b"\x00\xff\r\n", b"%d" % self._random.randrange(40), b"w" * 50))

    def number(self, end: int = 100) -> int:
        return self._random.randrange(end)

    def command(self) -> Command:
        """The next command."""
        kind = self._random.choice(self._types)
        makers: dict[str, Callable[[str], tuple[Command, ...]]] = {
            "s": self._strings_and_sets, "h": self._hashes, "l": self._lists, "z": self._zsets, "x": self._streams,
            "b": self._bitmaps, "p": self._hyperloglogs,
        }  # fmt: skip
        if kind == "k":
            return self._random.choice(self._keys(self.key(self._random.choice(self._types))))
        return self._random.choice(makers[kind](self.key(kind)))

    def _strings_and_sets(self, key: str) -> tuple[Command, ...]:
        return (
            ("SET", key + "t", self.word()), ("APPEND", key + "t", self.word()), ("INCR", key + "t"),
            ("SET", key + "t", self.word(), "PX", 1 + self.number(3000)),
            ("SADD", key, *(self.word() for _ in range(5))), ("SREM", key, self.word()), ("SPOP", key),
            ("SADD", key, *range(self.number(200))), ("SPOP", key, self.number(150)),
            ("SMOVE", key, self.key("s"), self.word()), ("SUNIONSTORE", key, self.key("s"), self.key("s")),
        )  # fmt: skip

    def _hashes(self, key: str) -> tuple[Command, ...]:
        return (
            ("HSET", key, self.word(), self.word(), self.word(), self.word()), ("HDEL", key, self.word(), self.word()),
            ("HINCRBY", key, "counter", 1), ("HSET", key, *range(2 * self.number(80))), ("HDEL", key, *range(20, 80)),
            ("HSETNX", key, self.word(), self.word()),
        )  # fmt: skip

    def _lists(self, key: str) -> tuple[Command, ...]:
        other = self.key("l")
        return (
            ("RPUSH", key, self.word(), self.word()), ("LPUSH", key, self.word(), self.word()), ("LPOP", key),
            ("RPOP", key, self.number(4)), ("RPUSH", key, *range(self.number(150))), ("LPOP", key, self.number(150)),
            ("LSET", key, self.number(20), self.word()), ("LTRIM", key, self.number(3), -1 - self.number(3)),
            ("LINSERT", key, "BEFORE", self.word(), "new"), ("LREM", key, self.number(5) - 2, self.word()),
            ("LMOVE", key, other, "LEFT", "RIGHT"), ("LMOVE", key, key, "LEFT", "RIGHT"),
            ("RPOPLPUSH", key, other), ("LTRIM", key, 0, 5 + self.number(100)),
        )  # fmt: skip

    def _zsets(self, key: str) -> tuple[Command, ...]:
        score = self._random.choice((0.1, -2.5, 1e-10, float("inf"), float("-inf"), 3, 1 / 3, 1e22))
        return (
            ("ZADD", key, score, self.word(), self.number(), self.word()), ("ZREM", key, self.word()),
            ("ZINCRBY", key, 0.1, "counter"), ("ZPOPMIN", key), ("ZPOPMAX", key, self.number(5)),
            ("ZADD", key, *(each for n in range(1 + self.number(90)) for each in (n / 7, n))),
            ("ZREMRANGEBYRANK", key, 0, self.number(70)), ("ZUNIONSTORE", key, 2, self.key("z"), self.key("z")),
            ("GEOADD", key, 13.361389, 38.115556, "Palermo"),
        )  # fmt: skip

    def _streams(self, key: str) -> tuple[Command, ...]:
        group, consumer = f"g{self.number(2)}", f"c{self.number(3)}"
        add: Command = ("XADD", key, "*", self.word(), self.word())
        read: Command = ("XREADGROUP", "GROUP", group, consumer, "COUNT", 3, "STREAMS", key, ">")
        some = f"{int(time.time() * 1000) - self.number(500)}"
        return (
            add, add, add, add, read, read, ("XADD", key, "MAXLEN", 150, "*", "f", "v"),
            ("XGROUP", "CREATE", key, group, self._random.choice(("0", "$")), "MKSTREAM"),
            ("XACK", key, group, f"{some}-0"), ("XTRIM", key, "MAXLEN", self.number(200)), ("XDEL", key, f"{some}-0"),
            ("XAUTOCLAIM", key, group, consumer, 0, "0", "COUNT", 2), ("XGROUP", "DELCONSUMER", key, group, consumer),
            ("XGROUP", "DESTROY", key, group), ("XTRIM", key, "MINID", some), ("XGROUP", "SETID", key, group, "0"),
            ("XSETID", key, f"{int(time.time() * 1000)}-5"),
        )  # fmt: skip

    def _bitmaps(self, key: str) -> tuple[Command, ...]:
        return (
            ("SETBIT", key, self.number(30_000), self.number(2)), ("SETBIT", key, self.number(100), self.number(2)),
            ("BITFIELD", key, "SET", "u13", self.number(9000), self.number(8000)),
            ("BITOP", "NOT", key, self.key("b")), ("BITOP", "OR", key, self.key("b"), self.key("b")),
        )  # fmt: skip

    def _hyperloglogs(self, key: str) -> tuple[Command, ...]:
        return (
            ("PFADD", key, self.word(), self.number(1000)), ("PFADD", key, *range(self.number(100))),
            ("PFMERGE", key, self.key("p"), self.key("p")), ("PFADD", key),
        )  # fmt: skip

    def _keys(self, key: str) -> tuple[Command, ...]:
        return (
            ("DEL", key), ("PEXPIRE", key, 1 + self.number(500)), ("EXPIRE", key, 5), ("EXPIRE", key, 100),
            ("PERSIST", key), ("PERSIST", key), ("RENAME", key, self.key(self._random.choice(self._types))),
            ("COPY", key, self.key(self._random.choice(self._types)), "REPLACE"), ("PEXPIRE", key, 300_000),
        )  # fmt: skip


class Client(threading.Thread):
    """Sends what a mix says in pipelines, until it is sent elsewhere."""

    def __init__(self, port: int, mix: Mix, pause_s: float) -> None:
        super().__init__(daemon=True)
        self._client = servers.Client(port)
        self._mix = mix
        self._pause_s = pause_s
        self._halt = threading.Event()
        self.done = 0
        self.moved = False
        self.start()

    def run(self) -> None:
        while not self.moved and not self._halt.is_set():
            commands = [self._mix.command() for _ in range(PIPELINE)]
            for command in commands:
                self._client.send(*command)
            for _ in commands:
                reply = self._client.receive()[1]
                self.moved |= isinstance(reply, hiredis.ReplyError) and str(reply).startswith("MOVED")
                self.done += not isinstance(reply, hiredis.ReplyError)
            self._halt.wait(self._pause_s)
        self._client.close()

    def end(self) -> None:
        """Ends it, wherever it is."""
        self._halt.set()
        self.join(servers.REPLY_SECONDS_MAX)
