"""What is asked of Slotrocks and of redis-server alike about hashes; see redis_cases.py."""

from __future__ import annotations

import random
from collections.abc import Iterator

SEQUENCES = r"""
HSET h a 1 b x
HSET h a 2 c 3
HSET h a 2
HSET h
HSET h a
HSET h a 1 b
HSET h a 1 a 2 a 3
HGET h a
HSET n a 1 a 2
HLEN n
HGET n a
HGET h none
HGET none a
HGET h
HGETALL h
HGETALL none
HKEYS h
HKEYS none
HVALS h
HVALS none
HLEN h
HLEN none
HSTRLEN h b
HSTRLEN h none
HSTRLEN none b
HEXISTS h a
HEXISTS h none
HEXISTS none a
HMGET h a none b a
HMGET none a b
HMGET h
HMSET h a 5 d 6
HMSET h a
HMSET h a 1 b
HSETNX h a 9
HSETNX h new 9
HSETNX fresh f v
HSETNX h
HGETALL h
TYPE h
HSET h "" ""
HGET h ""
HSTRLEN h ""
HGETALL h

HDEL none a
HSET h a 1 b 2 c 3
HDEL h a a zz
HLEN h
HDEL h
HDEL h b c
EXISTS h
HGETALL h
HSET h x y
EXPIRE h 1000
HSET h x z w 1
TTL h
HDEL h x
TTL h
HDEL h w
TTL h
HSET h x 1
TTL h
PEXPIREAT h 1
HGETALL h
HLEN h
HSET h q 1
HGETALL h

HINCRBY h a 5
HINCRBY h a -7
HINCRBY h a 0
HGET h a
HSET h t text s " 1" f 1.5 z 007 max 9223372036854775807 min -9223372036854775808
HINCRBY h t 1
HINCRBY h s 1
HINCRBY h f 1
HINCRBY h z 1
HINCRBY h max 1
HINCRBY h min -1
HINCRBY h max -1
HINCRBY h min 1
HINCRBY h a 9223372036854775808
HINCRBY h a x
HINCRBY h a 1.5
HINCRBY h a
HINCRBY h a 9223372036854775807
HINCRBY h a 9223372036854775807
HGETALL h
HINCRBYFLOAT h f 1
HINCRBYFLOAT h f 0.1
HINCRBYFLOAT h new 3.0e3
HINCRBYFLOAT h new -3000
HINCRBYFLOAT h t 1
HINCRBYFLOAT h s 1
HINCRBYFLOAT h f x
HINCRBYFLOAT h f inf
HINCRBYFLOAT h f -inf
HINCRBYFLOAT h f nan
HINCRBYFLOAT h f " 1"
HINCRBYFLOAT h f
HINCRBYFLOAT h f 1e400
HSET h i inf
HINCRBYFLOAT h i 1
HGETALL h

SET s v
SADD set m
HSET s a 1
HSET s a 1 b
HMSET s a 1
HSETNX s a 1
HGET s a
HMGET s a
HGETALL s
HKEYS s
HVALS s
HLEN set
HSTRLEN s a
HEXISTS s a
HDEL s a
HINCRBY s a 1
HINCRBY s a x
HINCRBYFLOAT s a 1
HINCRBYFLOAT s a x
HRANDFIELD s
HRANDFIELD s 1
HRANDFIELD s 0
HRANDFIELD s x
HRANDFIELD s 1 WITHVALUES
HSCAN s 0
GET s
HSET h a 1
GET h
SADD h m
SET h v
HGET h a
DEL h
HLEN h

HRANDFIELD none
HRANDFIELD none 1
HRANDFIELD none -1
HRANDFIELD none 0
HRANDFIELD none x
HRANDFIELD none 1 WITHVALUES
HRANDFIELD none 1 FOO
HSET one f v
HRANDFIELD one
HRANDFIELD one 1
HRANDFIELD one 5
HRANDFIELD one -3
HRANDFIELD one 0
HRANDFIELD one 1 WITHVALUES
HRANDFIELD one 1 withvalues
HRANDFIELD one -3 WITHVALUES
HRANDFIELD one 5 WITHVALUES
HRANDFIELD one 0 WITHVALUES
HRANDFIELD one 1 FOO
HRANDFIELD one 1 WITHVALUES x
HRANDFIELD one x
HRANDFIELD one 1.5
HRANDFIELD one -9223372036854775808
HRANDFIELD one 9223372036854775807
HRANDFIELD one -4611686018427387905 WITHVALUES
HRANDFIELD one 4611686018427387904 WITHVALUES
HRANDFIELD
HSET two a 1 b 2
HRANDFIELD two 2
HRANDFIELD two 3 WITHVALUES

HSET h a 1 b 2 ab 3
HSCAN h 0
HSCAN h 0 MATCH a*
HSCAN h 0 MATCH *
HSCAN h 0 MATCH a
HSCAN h 0 MATCH a MATCH b
HSCAN h 0 MATCH x*
HSCAN h 0 COUNT 1
HSCAN h 0 COUNT 100 MATCH ?
HSCAN h 0 COUNT 0
HSCAN h 0 COUNT -1
HSCAN h 0 COUNT x
HSCAN h 0 COUNT
HSCAN h 0 MATCH
HSCAN h 0 FOO
HSCAN h 0 TYPE hash
HSCAN h x
HSCAN h 18446744073709551616
HSCAN h
HSCAN none 0
HSCAN none x
HSCAN none 0 FOO
HSCAN none 0 COUNT 0

HSET h a 1
MULTI
HSET h b 2
HGETALL h
HKEYS h
HRANDFIELD h 5 WITHVALUES
HDEL h a b
HGETALL h
EXEC
EXISTS h
WATCH h
HSET h a 1
MULTI
HGETALL h
EXEC
WATCH h
HSET h a 1
MULTI
PING
EXEC
WATCH h
HDEL h nothing
HSETNX h a 5
MULTI
PING
EXEC

HSET h a 1 b 2
RENAME h g
HGETALL h
HGETALL g
COPY g h
HDEL g a
HGETALL h
HGETALL g
COPY h g REPLACE
HGETALL g
HSET h c 3
EXPIRE h 100
SET h v
TTL h
HGETALL h
"""

KEYS = ("h1", "h2", "s")
FIELDS = ("a", "b", "c", "", "10", "field with space")
VALUES = ("1", "-5", "2.5", "x", "", "9223372036854775807")
ARGUMENTS = {
    "HSET": "kfvfv", "HMSET": "kfv", "HSETNX": "kfv", "HGET": "kf", "HMGET": "kff", "HGETALL": "k", "HDEL": "kff",
    "HLEN": "k", "HSTRLEN": "kf", "HEXISTS": "kf", "HKEYS": "k", "HVALS": "k", "HINCRBY": "kfv", "HINCRBYFLOAT": "kfv",
    "DEL": "k", "EXISTS": "k", "TYPE": "k", "TTL": "k", "PERSIST": "k", "RENAME": "kk", "COPY": "kk",
}  # fmt: skip


def generated(count: int, length: int) -> Iterator[list[list[str]]]:
    """Random sequences, the same every time."""
    rng = random.Random(7)
    pools = {"k": KEYS, "f": FIELDS, "v": VALUES}
    names = [*ARGUMENTS, *["HSET", "HDEL", "HINCRBY", "HINCRBYFLOAT"] * 3]
    for _ in range(count):
        sequence = []
        for _ in range(length):
            name = rng.choice(names)
            sequence.append([name, *(rng.choice(pools[kind]) for kind in ARGUMENTS[name])])
            if rng.random() < 0.05:
                sequence.append(["EXPIRE", rng.choice(KEYS), "1000"])
            if rng.random() < 0.02:
                sequence.append(["SET", "s", "v"])
        yield sequence
