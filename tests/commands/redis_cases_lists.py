"""What is asked of Slotrocks and of redis-server alike about lists; see redis_cases.py for the form.

generated() asks everything of short lists, and random sequences that make long ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

from redis_cases import parse

SEQUENCES = r"""
LPUSH a
LPUSH a 1
LPUSH a 2 3 4
RPUSH a 5 6
LRANGE a 0 -1
LLEN a
LLEN b
LLEN
TYPE a
OBJECT ENCODING missing
LPUSHX a 7
RPUSHX a 8 9
LPUSHX b 1
RPUSHX b 1 2
EXISTS b
LRANGE a 0 -1
lpush a ""
LRANGE a 0 0

SET s 1
LPUSH s 1
RPUSH s 1
LPUSHX s 1
RPUSHX s 1
LPOP s
RPOP s
LPOP s 1
RPOP s 0
LLEN s
LINDEX s 0
LINDEX s x
LSET s 0 x
LSET s x x
LRANGE s 0 -1
LRANGE s x -1
LTRIM s 0 -1
LTRIM s 0 x
LREM s 0 x
LREM s x x
LINSERT s BEFORE a b
LINSERT s MIDDLE a b
LPOS s x
LPOS s x RANK 0
LMOVE s t LEFT LEFT
RPOPLPUSH s t
LMPOP 1 s LEFT
BLPOP s 1
BRPOP s 1
BLPOP missing s 1
BLMPOP 1 1 s LEFT
BLMPOP 1 2 missing s LEFT
BLMOVE s t LEFT LEFT 1
BRPOPLPUSH s t 1
RPUSH l 1 2
LMOVE l s LEFT LEFT
RPOPLPUSH l s
BLMOVE l s LEFT LEFT 1
BRPOPLPUSH l s 1
LMPOP 2 l s LEFT
LMPOP 2 s l LEFT
BLPOP l s 1
LLEN l
GET l
RPUSH l 1
GET l
INCR l
APPEND l x
SET l 1
GET l

LPOP missing
RPOP missing
LPOP missing 0
LPOP missing 1
RPOP missing 1
LPOP missing -1
LPOP missing x
LPOP missing 1 1
RPOP missing 1 1
LPOP
RPUSH a 1 2 3 4 5
LPOP a -1
LPOP a x
LPOP a 9223372036854775808
LPOP a 1 1
LPOP a 0
RPOP a 0
LPOP a 2
RPOP a 2
LPOP a 9223372036854775807
EXISTS a
RPUSH a 1 2
RPOP a 100
EXISTS a
RPUSH a 1
LPOP a
LPOP a
EXISTS a

LSET a 0 x
RPUSH a 0 1 2
LSET a 0 x
LSET a -1 y
LSET a 3 z
LSET a -4 z
LSET a x z
LSET a 1
LRANGE a 0 -1
LINDEX a 0
LINDEX a -1
LINDEX a 3
LINDEX a -4
LINDEX a x
LINDEX missing 0
LINDEX missing x
LINDEX a 9223372036854775807
LINDEX a -9223372036854775808

LPOS a x
LPOS a x COUNT 0
LPOS a x COUNT 1
RPUSH a a b c d 1 2 3 4 3 3 3
LPOS a 3
LPOS a 3 RANK 2
LPOS a 3 RANK -1
LPOS a 3 RANK -2
LPOS a 3 RANK 0
LPOS a 3 RANK x
LPOS a 3 RANK -9223372036854775807
LPOS a 3 RANK 9223372036854775807
LPOS a 3 RANK 9223372036854775807 COUNT 0
LPOS a 3 COUNT -1
LPOS a 3 COUNT x
LPOS a 3 MAXLEN -1
LPOS a 3 MAXLEN x
LPOS a 3 COUNT
LPOS a 3 RANK
LPOS a 3 FOO 1
LPOS a 3 COUNT 0
LPOS a 3 COUNT 1
LPOS a 3 COUNT 2
LPOS a 3 COUNT 0 COUNT 1
LPOS a 3 COUNT 100
LPOS a 3 count 0 rank 2
LPOS a 3 COUNT 2 RANK -1
LPOS a 3 COUNT 0 RANK 5
LPOS a 3 COUNT 0 MAXLEN 8
LPOS a 3 COUNT 0 MAXLEN 7 RANK 1
LPOS a 3 COUNT 0 MAXLEN 2 RANK -1
LPOS a 3 RANK 10
LPOS a zz
LPOS a zz COUNT 0
LPOS a a RANK -1 MAXLEN 1
LPOS a a RANK -1 MAXLEN 11
LPOS a a RANK -1 MAXLEN 100
LPOS a a MAXLEN 9223372036854775807 COUNT 9223372036854775807
LPOS a

LINSERT a BEFORE x y
RPUSH a 1 2 3
LINSERT a BEFORE 1 0
LINSERT a after 3 4
LINSERT a AFTER 9 9
LINSERT a MIDDLE 1 1
LINSERT a BEFORE 2
LINSERT a BEFORE 2 1.5
LINSERT a AFTER 2 2.5
LRANGE a 0 -1

RPUSH a x 1 x 2 x 3 x
LREM a 1 x
LREM a -1 x
LREM a 0 y
LREM a x x
LREM a 0 x
LRANGE a 0 -1
LREM missing 0 x
RPUSH b x x x
LREM b -2 x
LREM b 0 x
EXISTS b
LREM a 9223372036854775807 1
LREM a -9223372036854775808 2
LREM a -9223372036854775807 2
LRANGE a 0 -1

LMOVE missing b LEFT RIGHT
LMOVE a b LEFT UP
LMOVE a b MIDDLE LEFT
LMOVE a b LEFT
RPUSH a 1 2 3 4
lmove a b left right
LMOVE a b RIGHT LEFT
LRANGE a 0 -1
LRANGE b 0 -1
LMOVE a a LEFT RIGHT
LRANGE a 0 -1
LMOVE a a RIGHT LEFT
LRANGE a 0 -1
LMOVE a a LEFT LEFT
LMOVE a a RIGHT RIGHT
LRANGE a 0 -1
RPOPLPUSH a b
RPOPLPUSH a b
RPOPLPUSH a b
EXISTS a
LRANGE b 0 -1
RPUSH c 1
LMOVE c c LEFT RIGHT
RPOPLPUSH c c
LRANGE c 0 -1

LMPOP 0 a LEFT
LMPOP -1 a LEFT
LMPOP x a LEFT
LMPOP 1 a
LMPOP 1 a UP
LMPOP 2 a LEFT
LMPOP 1 a LEFT COUNT
LMPOP 1 a LEFT COUNT 0
LMPOP 1 a LEFT COUNT -1
LMPOP 1 a LEFT COUNT x
LMPOP 1 a LEFT COUNT 1 COUNT 2
LMPOP 1 a LEFT COUNT 0 COUNT 2
LMPOP 1 a LEFT FOO 1
LMPOP 1 a LEFT FOO
LMPOP 9223372036854775807 a LEFT
LMPOP 1 a LEFT
LMPOP 2 a b RIGHT COUNT 10
RPUSH b 1 2 3 4 5
LMPOP 2 a b left
LMPOP 2 a b RIGHT COUNT 2
LMPOP 2 a b LEFT count 9223372036854775807
EXISTS b
BLMPOP 0 0 a LEFT
BLMPOP x 0 a LEFT
BLMPOP x 1 a LEFT
BLMPOP -1 1 a LEFT
BLMPOP 0 1 a UP
BLMPOP 0 1 a LEFT COUNT 0
BLMPOP 0 1 a LEFT COUNT x
BLMPOP 0 1 a LEFT FOO 1
BLMPOP 0 1 a LEFT COUNT 1 COUNT 1
BLMPOP 0 2 a LEFT
RPUSH b 1 2 3 4 5
BLMPOP 0 2 a b LEFT COUNT 2
BLMPOP 0 2 a b RIGHT COUNT 10
BLMPOP 0.01 2 a b RIGHT COUNT 10

BLPOP a
BLPOP a x
BLPOP a -1
BLPOP a -0.1
BLPOP a ""
BLPOP a 1x
BLPOP a nan
BLPOP a -inf
BLPOP a " 1"
BLPOP a 0x1p-10
BRPOP a x
BRPOP a -1
BLMOVE a b LEFT RIGHT x
BLMOVE a b LEFT RIGHT -1
BLMOVE a b LEFT UP -1
BLMOVE a b UP LEFT x
BRPOPLPUSH a b x
BRPOPLPUSH a b -1
BLPOP a 0.01
BLPOP a b c 0.01
BRPOP a 0.01
BLMOVE a b LEFT RIGHT 0.01
BRPOPLPUSH a b 0.001
BLMPOP 0.01 2 a b LEFT
BLPOP a 1e-3
RPUSH b 1 2 3 4 5 6
BLPOP a b 0
BRPOP a b 0
BRPOP b b 1.5
BLMOVE b c LEFT RIGHT 0
BRPOPLPUSH b c 0
BLMOVE b b LEFT RIGHT 0
LRANGE b 0 -1
LRANGE c 0 -1

MULTI
BLPOP a 0
BRPOP a b 0
BLMOVE a b LEFT RIGHT 0
BRPOPLPUSH a b 0
BLMPOP 0 2 a b LEFT
BLPOP a x
RPUSH a 1 2 3
BLPOP a 0
BLMOVE a a LEFT RIGHT 0
BLPOP a a 0
BRPOP a 0
BRPOP a 0
EXEC

MULTI
RPUSH a 1 2 3 4 5
LTRIM a 1 3
LSET a 0 x
LINSERT a BEFORE x y
LREM a 0 3
LRANGE a 0 -1
LPOP a 10
LRANGE a 0 -1
RPUSH a z
LRANGE a 0 -1
EXEC
DEL a
LRANGE a 0 -1

RPUSH a 1 2 3
PEXPIREAT a 99999999999999
RPUSH a 4
LPOP a
LMOVE a a LEFT RIGHT
LSET a 0 x
LINSERT a AFTER x y
LREM a 0 y
LTRIM a 0 1
PEXPIRETIME a
LPOP a 9
PEXPIRETIME a
RPUSH a 1
PEXPIRETIME a
PEXPIREAT a 99999999999999
COPY a b
RENAME b c
PEXPIRETIME c
LRANGE c 0 -1
LMOVE a d LEFT LEFT
PEXPIRETIME d
EXISTS a

WATCH a
LPUSHX a 1
MULTI
EXEC
WATCH a
LTRIM a 0 1
MULTI
EXEC
RPUSH a 1 2 3
WATCH a
LTRIM a 0 -1
MULTI
EXEC
WATCH a
LREM a 0 x
MULTI
EXEC
WATCH a
LSET a 0 1
MULTI
EXEC
WATCH a
LSET a 9 1
MULTI
EXEC
WATCH a
LINSERT a BEFORE x y
MULTI
EXEC
WATCH a
LMOVE a a LEFT LEFT
MULTI
EXEC
WATCH a
LPOP a 0
MULTI
EXEC
WATCH a b
LMOVE b a LEFT LEFT
MULTI
EXEC
WATCH a
LMPOP 2 b a LEFT
MULTI
EXEC

CLIENT UNBLOCK 0
CLIENT UNBLOCK 999999999
CLIENT UNBLOCK x
CLIENT UNBLOCK 1 FOO
CLIENT UNBLOCK 1 TIMEOUT ERROR
"""

VALUES = ("a", "b", "c")


def generated() -> Iterator[list[tuple[bytes, ...]]]:
    """Ranges, removals and insertions at every place of lists shorter and longer than what is read one by one."""
    positions = ("0", "1", "2", "3", "7", "-1", "-2", "-7", "-8", "-9", "100", "-100")
    for start, stop in product(positions, repeat=2):
        lines = [
            "RPUSH a 0 1 2 3 4 5 6",
            f"LRANGE a {start} {stop}",
            f"LTRIM a {start} {stop}",
            "LRANGE a 0 -1",
            "LLEN a",
        ]
        yield [parse(line) for line in lines]
    for letters in product(VALUES[:2], repeat=4):
        for count in range(-3, 4):
            lines = [f"RPUSH a x {' '.join(letters)} y", f"LREM a {count} a", "LRANGE a 0 -1", "LPOS a b", "LLEN a"]
            yield [parse(line) for line in lines]
    for seed in range(60):
        yield [parse(line) for line in random_sequence(Random(seed))]


def random_sequence(rng: Random) -> list[str]:
    """Commands on two lists, which grow to some hundred elements."""
    lines = []
    for _ in range(rng.randint(20, 60)):
        key, other = rng.choice("kl"), rng.choice("kl")
        many = " ".join(rng.choice(VALUES) for _ in range(rng.choice((1, 2, 5, 20, 80))))
        at, to = (rng.choice((0, 1, 3, 17, 60, -1, -2, -20, -70)) for _ in range(2))
        count = rng.choice((1, 1, 2, 5, 70))
        end, other_end = rng.choice(("LEFT", "RIGHT")), rng.choice(("LEFT", "RIGHT"))
        value, where = rng.choice((*VALUES, str(rng.randint(0, 9)))), rng.choice(("BEFORE", "AFTER"))
        choices = [
            f"LPUSH {key} {many}",
            f"RPUSH {key} {many}",
            f"LPUSHX {key} {many}",
            f"RPUSHX {key} {value}",
            f"LPOP {key}",
            f"RPOP {key} {count}",
            f"LMPOP 2 {key} {other} {end} COUNT {count}",
            f"LMOVE {key} {other} {end} {other_end}",
            f"LSET {key} {at} {rng.randint(0, 9)}",
            f"LINSERT {key} {where} {value} {rng.randint(0, 9)}",
            f"LREM {key} {rng.choice((0, 1, -1, 3, -3, 40, -40))} {value}",
            f"LPOS {key} {value} RANK {at or 1} COUNT {abs(to)} MAXLEN {count}",
            f"LPOS {key} {value} RANK {to or 1}",
            f"LINDEX {key} {at}",
            f"LRANGE {key} {at} {to}",
        ]
        if rng.random() < 0.15:
            choices = [f"LTRIM {key} {at} {to}", f"DEL {key}", f"RENAME {key} {other}", f"COPY {key} {other} REPLACE"]
        lines += [rng.choice(choices), f"LLEN {key}"]
    return [*lines, "LRANGE k 0 -1", "LRANGE l 0 -1"]


def sequences() -> list[list[tuple[bytes, ...]]]:
    """All of them."""
    written = [[parse(line) for line in part.strip().splitlines()] for part in SEQUENCES.split("\n\n")]
    return [*written, *generated()]
