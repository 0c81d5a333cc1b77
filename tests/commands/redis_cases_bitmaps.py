"""What is asked of Slotrocks and of redis-server alike about bits of strings; see redis_cases.py."""

from __future__ import annotations

import random
from collections.abc import Iterator

from redis_cases import parse

SEQUENCES = r"""
SETBIT b 7 1
SETBIT b 7 1
SETBIT b 7 0
GET b
STRLEN b
SETBIT b 0 1
GETBIT b 0
GETBIT b 7
GETBIT b 100
GETBIT none 3
TYPE b
OBJECT ENCODING b
EXISTS b
TTL b
SETBIT b 100 0
STRLEN b
GET b
SETBIT b 8191 1
SETBIT b 8192 1
SETBIT b 20000 1
STRLEN b
BITCOUNT b
GET b
GETRANGE b 1000 1100
GETRANGE b -3 -1
GETRANGE b 0 0
GETRANGE b 2500 9999
GETRANGE b 9999 99999
SUBSTR b -5 -1
MGET b none b
EXPIRE b 1000
SETBIT b 5 1
TTL b

SETBIT
SETBIT b
SETBIT b 1
SETBIT b 1 2
SETBIT b 1 x
SETBIT b 1 -1
SETBIT b x 1
SETBIT b -1 1
SETBIT b 4294967296 1
SETBIT b 1.5 1
SETBIT b 99999999999999999999 1
SETBIT b 1 1 1
GETBIT b x
GETBIT b -1
GETBIT b 4294967296
GETBIT b 4294967295
GETBIT b
EXISTS b
RPUSH l a
SETBIT l 1 1
GETBIT l 1
BITCOUNT l
BITCOUNT l 0 -1
BITPOS l 1
BITOP OR d l
BITOP NOT d l
BITFIELD l GET u8 0
BITFIELD l SET u8 0 1
BITFIELD_RO l GET u8 0
BITFIELD l

SET s foobar
BITCOUNT s
BITCOUNT s 0 0
BITCOUNT s 1 1
BITCOUNT s 0 -1
BITCOUNT s -2 -1
BITCOUNT s -100 -1
BITCOUNT s -1 -2
BITCOUNT s 3 1
BITCOUNT s 100 200
BITCOUNT s 0 200
BITCOUNT s 5 30 BIT
BITCOUNT s 5 30 bit
BITCOUNT s -20 -3 BIT
BITCOUNT s 5 5 BIT
BITCOUNT s -1 -1 BIT
BITCOUNT s 1 1 BYTE
BITCOUNT s 0
BITCOUNT s 0 1 BITS
BITCOUNT s 0 1 BIT x
BITCOUNT s x 1
BITCOUNT s 0 x
BITCOUNT s 0 9223372036854775807
BITCOUNT s -9223372036854775808 -1
BITCOUNT s -9223372036854775808 9223372036854775807 BIT
BITCOUNT none
BITCOUNT none 0 -1
SETBIT s 1 0
GET s
TYPE s
SETBIT s 200 1
STRLEN s
SETBIT s 6 1
GET s

SET s ""
BITCOUNT s
BITCOUNT s 0 -1
BITPOS s 0
BITPOS s 1
BITPOS s 0 0
BITPOS s 0 0 -1
BITPOS s 1 0 -1 BIT
BITPOS none 0
BITPOS none 1
BITPOS none 0 5
BITPOS none 1 5 7 BIT
BITPOS s 2
BITPOS s x
BITPOS s
BITPOS s 1 x
BITPOS s 1 0 x
BITPOS s 1 0 1 x
BITPOS s 1 0 1 BIT 3
BITPOS s -1

SETRANGE s 0 "\xff\xf0\x00"
BITPOS s 0
BITPOS s 1
BITPOS s 1 2
BITPOS s 1 2 -1
BITPOS s 0 1
BITPOS s 0 1 1
BITPOS s 0 0 0
BITPOS s 0 0 -1
BITPOS s 0 -3 -3
BITPOS s 0 -100
BITPOS s 1 100
BITPOS s 0 100
BITPOS s 0 3 2
BITPOS s 1 0 -1 BIT
BITPOS s 1 3 5 BIT
BITPOS s 0 3 20 BIT
BITPOS s 0 3 11 BIT
BITPOS s 0 3 12 BIT
BITPOS s 1 12 -1 BIT
BITPOS s 0 -9 -1 BIT
BITPOS s 0 12 11 BIT
BITPOS s 1 11 11 BIT
SET f "\xff\xff\xff"
BITPOS f 0
BITPOS f 0 0
BITPOS f 0 1
BITPOS f 0 0 -1
BITPOS f 0 0 5
BITPOS f 0 0 -1 BIT
BITPOS f 0 5 100 BIT
BITPOS f 0 3
BITPOS f 1 3

SETBIT f 0 1
BITOP NOT f f
BITOP NOT f f
BITPOS f 0
BITPOS f 1 0 0
BITFIELD f SET u8 0 255
BITPOS f 0
BITPOS f 0 0 -1
BITPOS f 0 0

BITOP
BITOP OR
BITOP OR d
BITOP FOO d a
BITOP NOT d a b
BITOP not d a
BITOP AND d a b c
BITOP ANDX d a
EXISTS d
SET a "\xff\x0f"
SET b "\xf0\xf0\xaa"
SETBIT c 3 1
SETBIT c 30 1
BITOP AND d a b
GET d
BITOP OR d a b
GET d
BITOP XOR d a b c
GET d
BITOP NOT d a
GET d
BITOP NOT d c
GET d
BITOP AND d a none
GET d
STRLEN d
BITOP OR d a none
GET d
BITOP AND d a
GET d
BITOP XOR d c c
GET d
BITOP OR c c a
GET c
BITOP AND a none none
EXISTS a
BITOP NOT d none
EXISTS d
RPUSH l x
BITOP AND l b b
GET l
SET e v EX 100
BITOP OR e b
TTL e
BITOP OR e none
TTL e

SETBIT b 9 1
APPEND b "xyz"
GET b
SETBIT b 5 1
GET b
SETBIT c 20 1
SETRANGE c 1 "Q"
GET c
SETBIT d 2 1
SETBIT d 3 1
INCR d
SETBIT e 2 1
SETBIT e 3 1
SETBIT e 7 1
INCR e
GET e
INCRBYFLOAT e 1.5
SETBIT f 1 1
GETSET f new
GET f
SETBIT g 1 1
GETDEL g
EXISTS g
SETBIT h 1 1
GETEX h EX 100
TTL h
APPEND h a
TTL h
SET h x KEEPTTL
TTL h
GET h
SETBIT i 1 1
SETNX i 5
SET i 5 NX
SET i 5 GET
SETBIT j 1 1
SETBIT k 2 1
MSETNX j 1 zz 2
LCS j k
LCS j k LEN
COPY j jj
GET jj
SETBIT jj 9 1
GET j
RENAME jj k
GET k
RPUSH b x
HSET b x y
SADD b x

SETBIT b 100 1
DEL b
SETBIT b 3 1
GET b
SET b x
SETBIT b 100 1
GET b
SETBIT c 3 1
SET c plain
GET c
SETBIT c 3 0
GET c

BITFIELD b
BITFIELD b GET u8 0
EXISTS b
BITFIELD b SET u8 0 255 GET u8 0 GET i8 0 GET u4 4 GET u4 #1 GET u4 6
GET b
BITFIELD b INCRBY u8 0 1
BITFIELD b INCRBY u8 0 -1
BITFIELD b OVERFLOW SAT INCRBY u8 0 10 OVERFLOW FAIL INCRBY u8 0 10 OVERFLOW WRAP INCRBY u8 0 10
BITFIELD b SET i8 8 127 OVERFLOW WRAP INCRBY i8 8 1 OVERFLOW SAT INCRBY i8 8 -100 INCRBY i8 8 -100
BITFIELD b OVERFLOW FAIL INCRBY i8 8 -1
BITFIELD b SET i64 64 -9223372036854775808 INCRBY i64 64 -1
BITFIELD b OVERFLOW SAT INCRBY i64 64 1 INCRBY i64 64 9223372036854775807
BITFIELD b OVERFLOW SAT SET u8 0 -1 GET u8 0 SET u8 0 300 GET u8 0 SET i8 0 300 GET i8 0 SET i8 0 -300 GET i8 0
BITFIELD b OVERFLOW FAIL SET u8 0 -1 GET u8 0 SET u8 0 300 GET u8 0 SET i8 0 300 GET i8 0
BITFIELD b OVERFLOW WRAP SET u8 0 -1 GET u8 0 SET u8 0 300 GET u8 0 SET i8 0 300 GET i8 0
BITFIELD b SET u63 3 -1 GET u63 3 INCRBY u63 3 1 GET i64 3
BITFIELD b SET u1 1000 1 GET u1 1000 GET u32 990
STRLEN b
BITFIELD b GET u63 8160 SET u63 8160 12345678901234567 GET u63 8160
STRLEN b
BITCOUNT b
GETRANGE b 1000 1100
BITFIELD_RO b GET u63 8160 GET i5 #3
BITFIELD_RO b
BITFIELD_RO b GET u8 0 SET u8 0 1
BITFIELD_RO b INCRBY u8 0 1
BITFIELD_RO b OVERFLOW SAT GET u8 0
BITFIELD_RO none GET u8 0 GET i8 #10
BITFIELD b OVERFLOW SAT
BITFIELD b OVERFLOW
BITFIELD b OVERFLOW FOO GET u8 0
BITFIELD b FOO
BITFIELD b GET
BITFIELD b GET u8
BITFIELD b GET u64 0
BITFIELD b GET u0 0
BITFIELD b GET i65 0
BITFIELD b GET i64 0
BITFIELD b GET x8 0
BITFIELD b GET u 0
BITFIELD b GET u8x 0
BITFIELD b GET u+8 0
BITFIELD b GET "" 0
BITFIELD b GET U8 0
BITFIELD b GET u8 -1
BITFIELD b GET u8 #-1
BITFIELD b GET u8 x
BITFIELD b GET u8 #
BITFIELD b GET u8 4294967296
BITFIELD b GET u8 #536870912
BITFIELD b SET u8 0
BITFIELD b SET u8 0 x
BITFIELD b SET u8 0 99999999999999999999
BITFIELD b INCRBY u8 0 1.5
BITFIELD b SET u8 0 1 FOO
GETBIT b 0

BITFIELD x OVERFLOW FAIL SET u2 100 5
STRLEN x
GET x
TYPE x
BITFIELD y OVERFLOW FAIL INCRBY u2 0 9
GET y
SET s abc
BITFIELD s GET u8 0 SET u8 8 90 GET u8 16
GET s
BITFIELD s SET u8 100 1
GET s
EXPIRE s 100
BITFIELD s INCRBY u8 0 1
TTL s

MULTI
SETBIT b 1 1
BITCOUNT b
SETBIT b 9 1
BITCOUNT b
BITPOS b 1
BITOP NOT c b
GET c
EXEC
WATCH b
SETBIT b 1 1
BITFIELD b SET u1 1 1
MULTI
PING
EXEC
WATCH b
SETBIT b 1 0
MULTI
PING
EXEC
WATCH b
SETBIT b 1000 0
MULTI
PING
EXEC
WATCH b
BITFIELD b INCRBY u8 0 1
MULTI
PING
EXEC
WATCH c
BITOP NOT c b
MULTI
PING
EXEC

SETBIT b 1 1
SCAN 0 TYPE string COUNT 100
SORT b
PFADD b x
PFCOUNT b
PFMERGE d b
"""

KEYS = ("a", "b", "c", "d")
POSITIONS = (0, 1, 7, 8, 9, 63, 100, 8191, 8192, 8193, 16383, 16384, 20001, 40000)
INDEXES = (0, 1, -1, 2, -2, 3, 1000, 1023, 1024, 1025, -1024, 2048, -3000, 5000, 8190, 8192, 16384, -9000, 100000)
VALUES = (b"", b"\xff", b"\x00\xff", b"abc", b"\xff" * 1030, b"\x00" * 2047 + b"\x01", b"\x55" * 3000, b"12")


def generated(count: int, length: int) -> Iterator[list[list[bytes | str | int]]]:
    """Random sequences, the same every time."""
    rng = random.Random(5)
    for _ in range(count):
        yield [step(rng) for _ in range(length)]


def step(rng: random.Random) -> list[bytes | str | int]:
    key = rng.choice(KEYS)
    unit = rng.choice((["BIT"], ["BYTE"], []))
    match rng.randrange(19):
        case 0 | 1 | 2 | 3:
            return ["SETBIT", key, rng.choice(POSITIONS), rng.choice((1, 1, 0))]
        case 4:
            return ["GETBIT", key, rng.choice(POSITIONS)]
        case 5 | 6:
            return ["BITCOUNT", key, *rng.choice(([], [rng.choice(INDEXES), rng.choice(INDEXES), *unit]))]
        case 7 | 8:
            tail = rng.choice(([], [0], [0, rng.choice(INDEXES), *unit], [rng.choice(INDEXES), -1, *unit]))
            return ["BITPOS", key, rng.randrange(2), *tail]
        case 9 | 10:
            return ["BITOP", rng.choice(("AND", "OR", "XOR")), key, *rng.choices(KEYS, k=rng.randrange(1, 4))]
        case 11:
            return ["BITOP", "NOT", key, rng.choice(KEYS)]
        case 12 | 13:
            words: list[bytes | str | int] = ["BITFIELD", key]
            for _ in range(rng.randrange(1, 5)):
                width = rng.randrange(1, 64)
                words += ["OVERFLOW", rng.choice(("WRAP", "SAT", "FAIL"))]
                place = rng.choice((rng.choice(POSITIONS), f"#{rng.randrange(300)}"))
                name = rng.choice(("GET", "SET", "INCRBY"))
                operand = rng.choice((1, -1, 200, -200, rng.randrange(-(2**63), 2**63)))
                words += [name, f"{rng.choice('iu')}{width}", place, *([] if name == "GET" else [operand])]
            return words
        case 14:
            return ["GETRANGE", key, rng.choice(INDEXES), rng.choice(INDEXES)]
        case 15:
            return rng.choice((["GET", key], ["STRLEN", key], ["MGET", *KEYS], ["TYPE", key]))
        case 16:
            return rng.choice((["SET", key, rng.choice(VALUES)], ["DEL", key], ["DEL", key]))
        case 17:
            value = rng.choice(VALUES[1:4])
            return rng.choice((["APPEND", key, value], ["SETRANGE", key, rng.choice(POSITIONS[:9]), value]))
    return rng.choice((["RENAME", key, "a"], ["COPY", key, "b", "REPLACE"], ["EXPIRE", key, 1000], ["TTL", key]))


def sequences() -> Iterator[list[list[bytes | str | int]]]:
    """All of them."""
    for block in SEQUENCES.strip().split("\n\n"):
        yield [list(parse(line)) for line in block.splitlines()]
    yield from generated(60, 50)
