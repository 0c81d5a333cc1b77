"""What is asked of Slotrocks and of redis-server alike about HyperLogLogs; see redis_cases.py."""

from __future__ import annotations

import random
from collections.abc import Iterator

from redis_cases import parse

SEQUENCES = r"""
PFADD h a b c d
PFADD h a b c d
PFADD h e
PFADD h
PFCOUNT h
PFADD empty
PFADD empty
PFCOUNT empty
EXISTS empty
TYPE h
PFCOUNT none
PFCOUNT h none
PFADD i d e f ""
PFCOUNT h i
PFCOUNT h h i
PFMERGE m h i
PFCOUNT m
PFMERGE m
PFMERGE fresh
PFCOUNT fresh
EXISTS fresh
PFMERGE h i none
PFCOUNT h
EXPIRE h 1000
PFADD h zzz
TTL h
PFMERGE h i
TTL h
COPY h c
PFADD c 1 2 3
PFCOUNT c h
RENAME c h
PFCOUNT h

PFADD
PFCOUNT
PFMERGE
PFDEBUG
PFDEBUG GETREG
PFDEBUG GETREG none
PFDEBUG FOO none
PFDEBUG GETREG a b
PFSELFTEST x
SET s x
PFADD s a
PFADD s
PFCOUNT s
PFCOUNT none s
PFMERGE s none
PFMERGE d s
PFDEBUG GETREG s
RPUSH l x
PFADD l a
PFCOUNT l
PFMERGE d l
PFMERGE l d
PFDEBUG ENCODING l
EXISTS d
SET s HYLL
PFCOUNT s
SET s "HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
PFCOUNT s
SET s "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
PFCOUNT s
SET s "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
PFCOUNT s
PFADD s a
PFMERGE d s
PFDEBUG GETREG s
SET s "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
PFCOUNT s
PFDEBUG ENCODING s
PFDEBUG DECODE s
PFADD s a
PFCOUNT s
SET s "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xfb\x84\x80\x00\x88"
PFCOUNT s
PFDEBUG DECODE s
PFDEBUG GETREG s
PFMERGE d s
PFCOUNT d
SET s "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xfb\x84\x80\x00\x88"
PFDEBUG TODENSE s
PFDEBUG TODENSE s
PFDEBUG ENCODING s
PFDEBUG DECODE s
PFDEBUG GETREG s
PFCOUNT s

MULTI
PFADD h a
PFCOUNT h
PFADD h b
PFCOUNT h
PFMERGE m h
PFCOUNT m
EXEC
WATCH h
PFADD h a
MULTI
PING
EXEC
WATCH h
PFADD h new
MULTI
PING
EXEC
DEL h
PFADD h a
PFCOUNT h
SET h x
PFADD h a
GET h
"""


def generated(count: int, length: int) -> Iterator[list[list[bytes | str | int]]]:
    """Random sequences, the same every time: few elements to many."""
    rng = random.Random(3)
    keys = ("h", "i", "j", "k")
    for n in range(count):
        sequence: list[list[bytes | str | int]] = []
        for _ in range(length):
            match rng.randrange(6):
                case 0 | 1 | 2:
                    many = rng.choice((1, 3, 50, 400 if n % 4 == 0 else 5))
                    sequence.append(
                        ["PFADD", rng.choice(keys), *(rng.randbytes(rng.randrange(20)) for _ in range(many))]
                    )
                case 3 | 4:
                    sequence.append(["PFCOUNT", *rng.choices(keys, k=rng.choice((1, 1, 2, 4)))])
                case 5:
                    sequence.append(["PFMERGE", *rng.choices(keys, k=rng.choice((1, 2, 3)))])
        yield [*sequence, *(["PFDEBUG", "GETREG", key] for key in keys)]


def sequences() -> Iterator[list[list[bytes | str | int]]]:
    """All of them."""
    for block in SEQUENCES.strip().split("\n\n"):
        yield [list(parse(line)) for line in block.splitlines()]
    yield from generated(25, 40)
