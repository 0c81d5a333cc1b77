"""What is asked of Slotrocks and of redis-server alike about sets; see redis_cases.py."""

from __future__ import annotations

import random
from collections.abc import Iterator

SEQUENCES = r"""
SADD s a b c a
SADD s a
SADD s d
SADD s
SCARD s
SCARD none
SMEMBERS s
SMEMBERS none
SISMEMBER s a
SISMEMBER s z
SISMEMBER none a
SISMEMBER s
SMISMEMBER s a z b
SMISMEMBER none a z
SMISMEMBER s
SREM s a a z
SREM s
SREM none a
SMEMBERS s
SREM s b c d
EXISTS s
SADD s ""
SISMEMBER s ""
SMEMBERS s
TYPE s
SADD n 1 2 3
SMEMBERS n
EXPIRE n 100
SADD n 4
TTL n
SREM n 1 2 3 4
TTL n
SADD n 1
PEXPIREAT n 1
SCARD n
SADD n 2
SMEMBERS n

SET str v
HSET h a 1
SADD str a
SREM str a
SCARD str
SMEMBERS str
SISMEMBER str a
SMISMEMBER str a
SPOP str
SPOP str 1
SPOP str 0
SPOP str -1
SPOP str x
SRANDMEMBER str
SRANDMEMBER str 1
SRANDMEMBER str 0
SRANDMEMBER str x
SMOVE str s a
SMOVE none str a
SSCAN str 0
SADD s a
SMOVE s str a
SMOVE s str z
SINTER str
SINTER s str
SINTER none str
SINTER str none
SUNION s str
SUNION none str
SDIFF s str
SDIFF none str
SDIFF str none
SINTERSTORE d s str
SUNIONSTORE d str
SDIFFSTORE d s h
SINTERCARD 1 str
SINTERCARD 2 none str
SINTERCARD 2 s str
EXISTS d
SMEMBERS s

SPOP none
SPOP none 1
SPOP none 0
SPOP none x
SPOP
SADD s a
SPOP s 0
SPOP s -1
SPOP s x
SPOP s 1 2
SPOP s
EXISTS s
SADD s a
SPOP s 1
EXISTS s
SADD s a b c
SPOP s 5
EXISTS s
SADD s a b c
SPOP s 9223372036854775807
SPOP s 9223372036854775808
EXISTS s

SRANDMEMBER none
SRANDMEMBER none 1
SRANDMEMBER none -1
SRANDMEMBER none 0
SRANDMEMBER none x
SRANDMEMBER
SADD s a
SRANDMEMBER s
SRANDMEMBER s 1
SRANDMEMBER s 5
SRANDMEMBER s -3
SRANDMEMBER s 0
SRANDMEMBER s x
SRANDMEMBER s 1 2
SRANDMEMBER s -9223372036854775808
SRANDMEMBER s 9223372036854775807
SADD t a b c
SRANDMEMBER t 3
SRANDMEMBER t 4

SADD a 1 2 3
SADD b 3 4
SMOVE a b 1
SMOVE a b 1
SMOVE a b 3
SMEMBERS a
SMEMBERS b
SMOVE a a 2
SMOVE a a 9
SMOVE a new 2
EXISTS a
SMEMBERS new
SMOVE none b 1
SMOVE none none 1
SMOVE a b

SADD a 1 2 3 4 x
SADD b 3 4 5 x
SADD c 4 x
SINTER a
SINTER a b
SINTER a b c
SINTER c b a
SINTER a a
SINTER a none
SINTER none
SINTER
SUNION a b c
SUNION a
SUNION a a
SUNION none
SUNION none a
SDIFF a b
SDIFF a b c
SDIFF b a
SDIFF a a
SDIFF a none
SDIFF none a
SDIFF a
SDIFF a b a
SINTERCARD 2 a b
SINTERCARD 3 a b c
SINTERCARD 1 a
SINTERCARD 2 a a
SINTERCARD 2 a none
SINTERCARD 2 a b LIMIT 0
SINTERCARD 2 a b LIMIT 1
SINTERCARD 2 a b LIMIT 100
SINTERCARD 2 a b limit 2
SINTERCARD 2 a b LIMIT 1 LIMIT 2
SINTERCARD 2 a b LIMIT
SINTERCARD 2 a b LIMIT x
SINTERCARD 2 a b LIMIT -1
SINTERCARD 2 a b FOO 1
SINTERCARD 1 a b
SINTERCARD 0 a
SINTERCARD -1 a
SINTERCARD x a
SINTERCARD 3 a b
SINTERCARD 9223372036854775808 a
SINTERCARD 1
SINTERSTORE d a b
SMEMBERS d
SUNIONSTORE d a b c
SMEMBERS d
SDIFFSTORE d a b
SMEMBERS d
EXPIRE d 100
SDIFFSTORE d a c
TTL d
SINTERSTORE a a b
SMEMBERS a
SUNIONSTORE a a a
SMEMBERS a
SDIFFSTORE a a a
EXISTS a
SINTERSTORE d none a
EXISTS d
SINTERSTORE d none
SET str v
SUNIONSTORE str b c
SMEMBERS str
SET str v
SINTERSTORE str none b
EXISTS str
SUNIONSTORE d
SINTERSTORE

SADD s a b ab
SSCAN s 0
SSCAN s 0 MATCH a*
SSCAN s 0 MATCH * COUNT 10
SSCAN s 0 MATCH b
SSCAN s 0 MATCH x*
SSCAN s 0 COUNT 0
SSCAN s 0 COUNT x
SSCAN s 0 COUNT
SSCAN s 0 TYPE set
SSCAN s x
SSCAN s
SSCAN none 0
SSCAN none 0 FOO

SADD s a
MULTI
SADD s b
SMEMBERS s
SUNION s none
SPOP s 5
SMEMBERS s
SPOP s 1
EXEC
WATCH s
SADD s a
MULTI
PING
EXEC
WATCH s
SADD s a
SREM s z
SUNIONSTORE t none
MULTI
PING
EXEC
SADD a 1
COPY a b
SADD b 2
SMEMBERS a
RENAME b a
SMEMBERS a
"""

KEYS = ("s1", "s2", "s3", "x")
MEMBERS = ("a", "b", "c", "1", "2", "", "long member with spaces")
ARGUMENTS = {
    "SADD": "kmm", "SREM": "kmm", "SCARD": "k", "SMEMBERS": "k", "SISMEMBER": "km", "SMISMEMBER": "kmm", "SMOVE": "kkm",
    "SINTER": "kkk", "SUNION": "kkk", "SDIFF": "kkk", "SINTERSTORE": "kkk", "SUNIONSTORE": "kkk", "SDIFFSTORE": "kkk",
    "DEL": "k", "EXISTS": "k", "TTL": "k", "RENAME": "kk", "COPY": "kk",
}  # fmt: skip


def generated(count: int, length: int) -> Iterator[list[list[str]]]:
    """Random sequences, the same every time."""
    rng = random.Random(11)
    pools = {"k": KEYS, "m": MEMBERS}
    names = [*ARGUMENTS, *["SADD"] * 6, *["SREM", "SMOVE"] * 2]
    for _ in range(count):
        sequence = []
        for _ in range(length):
            name = rng.choice(names)
            sequence.append([name, *(rng.choice(pools[kind]) for kind in ARGUMENTS[name])])
            if rng.random() < 0.05:
                sequence.append(["SINTERCARD", "2", *rng.choices(KEYS, k=2), "LIMIT", str(rng.randrange(4))])
            if rng.random() < 0.05:
                sequence.append(["EXPIRE", rng.choice(KEYS), "1000"])
            if rng.random() < 0.02:
                sequence.append(["SET", "x", "v"])
        yield sequence
