"""What is asked of Slotrocks and of redis-server alike about SORT; see redis_cases.py."""

from __future__ import annotations

import random
from collections.abc import Iterator

from redis_cases import parse

SETUP = r"""
RPUSH l 3 1 2 10 -5 2.5
RPUSH words pear Apple fig 10 9
SADD s 5 4 3 22 1
ZADD z 3 1 2 2 1 3 0 10
MSET w_1 9 w_2 8 w_3 7 w_10 1 w_-5 x5 w_2.5 5
MSET n_1 one n_2 two n_3 three n_10 ten
HSET h_1 f 30 name eins
HSET h_2 f 10 name zwei
HSET h_3 f 20
HSET h_10 g 5
SET str x
RPUSH w_4 list
"""
SEQUENCES = r"""
SORT l
SORT l ASC
SORT l DESC
SORT l desc asc
SORT l ALPHA
SORT l ALPHA DESC
SORT s
SORT z
SORT z DESC
SORT words
SORT words ALPHA
SORT words ALPHA DESC
SORT none
SORT none STORE d
SORT str
SORT str STORE d
SORT_RO l
SORT_RO l DESC LIMIT 1 2
SORT_RO l STORE d
SORT_RO l BY w_* GET n_*

SORT l LIMIT 0 2
SORT l LIMIT 1 2
SORT l LIMIT 2 -1
SORT l LIMIT 2 -100
SORT l LIMIT -3 2
SORT l LIMIT 0 0
SORT l LIMIT 4 100
SORT l LIMIT 6 1
SORT l LIMIT 100 1
SORT l LIMIT 9223372036854775807 9223372036854775807
SORT l DESC LIMIT 1 3
SORT l LIMIT 1
SORT l LIMIT
SORT l LIMIT x 1
SORT l LIMIT 1 x
SORT l LIMIT 1.5 2
SORT l FOO
SORT l BY
SORT l GET
SORT l STORE
SORT l ASC x
SORT
SORT_RO

SORT s BY w_*
SORT l BY w_*
SORT s BY w_* DESC
SORT z BY w_*
SORT z BY w_* LIMIT 1 2
SORT z BY w_* DESC LIMIT 0 2
SORT s BY h_*->f
SORT z BY h_*->f
SORT z BY h_*->f DESC
SORT z BY h_*->none
SORT z BY h_*-> GET #
SORT l BY w_* ALPHA
SORT z BY n_* ALPHA
SORT z BY n_* ALPHA DESC
SORT z BY n_* ALPHA LIMIT 1 2
SORT z BY n_*
SORT z BY none_*
SORT words BY none_*
SORT z BY nosort
SORT z BY nosort DESC
SORT z BY nosort LIMIT 1 2
SORT z BY nosort DESC LIMIT 1 2
SORT z BY nosort DESC LIMIT 3 5
SORT z BY nosort LIMIT 9 1
SORT z BY nosort DESC LIMIT 9 1
SORT l BY nosort
SORT l BY nosort DESC
SORT l BY nosort LIMIT 1 3
SORT l BY nosort DESC LIMIT 1 3
SORT words BY nosort
SORT words BY nosort GET #
SORT z BY nosort GET w_* GET # GET h_*->name

SORT z GET #
SORT z GET # GET #
SORT z GET n_*
SORT z GET n_* GET # GET none_*
SORT z GET h_*->name GET h_*->f
SORT z GET h_*->
SORT z GET h_*
SORT z GET fixed
SORT z GET str
SORT z GET *
SORT z GET n_**
SORT z BY w_* GET # GET n_* LIMIT 1 2 DESC
SORT s GET w_*
SORT l GET #->x
SORT l GET ##

SORT l STORE d
LRANGE d 0 -1
TYPE d
SORT words ALPHA STORE d
LRANGE d 0 -1
SORT z BY w_* GET n_* GET # STORE d
LRANGE d 0 -1
SORT z GET none_* STORE d
LRANGE d 0 -1
SORT s BY nosort STORE d
LRANGE d 0 -1
SORT s BY nosort DESC STORE d
LRANGE d 0 -1
SORT z BY nosort DESC LIMIT 1 2 STORE d
LRANGE d 0 -1
SORT l LIMIT 1 1 STORE d
LRANGE d 0 -1
SORT l STORE l
LRANGE l 0 -1
SORT s STORE s
TYPE s
LRANGE s 0 -1
SORT l STORE str
TYPE str
EXPIRE d 100
SORT l STORE d
TTL d
SORT l LIMIT 0 0 STORE d
EXISTS d
SORT words STORE d
EXISTS d
SORT l STORE d STORE dd
EXISTS d dd
SORT none STORE dd
EXISTS dd

RPUSH odd " 3" 0x10 1e3 inf -inf "" +7
SORT odd
SORT odd DESC
RPUSH nans nan
SORT nans
RPUSH spaces "1 "
SORT spaces
RPUSH blank " "
SORT blank
RPUSH same 1 1.0 01 1
SORT same
SORT same DESC
SETBIT w_5 2 1
SETBIT w_5 3 1
SETBIT w_5 7 1
SORT s BY w_*
SORT s GET w_*

COMMAND GETKEYS SORT l
COMMAND GETKEYS SORT l STORE d
COMMAND GETKEYS SORT l BY store STORE d GET store LIMIT store 1
COMMAND GETKEYS SORT l store d STORE e
COMMAND GETKEYS SORT l STORE
COMMAND GETKEYS SORT_RO l BY w_* GET n_*

MULTI
SORT l
SORT l STORE d
SORT words
SORT z BY w_* GET n_*
EXEC
LRANGE d 0 -1
"""


def generated(count: int, length: int) -> Iterator[list[list[bytes | str | int]]]:
    """Random options on a random list, set and sorted set, the same every time."""
    rng = random.Random(9)
    for _ in range(count):
        sequence: list[list[bytes | str | int]] = []
        for member in rng.sample(range(60), 12):
            sequence += [["RPUSH", "l", member], ["SADD", "s", member], ["ZADD", "z", -member, member]]
            if rng.random() < 0.8:
                sequence += [["SET", f"w_{member}", rng.randrange(10**6)]]
                sequence += [["HSET", f"h_{member}", "f", rng.random(), "g", rng.randrange(10**6)]]
        for _ in range(length):
            words: list[bytes | str | int] = ["SORT", rng.choice("lsz")]
            by = rng.choice((None, None, "w_*", "h_*->f", "h_*->g", "nosort"))
            if by is not None and (by, words[1]) != ("nosort", "s"):
                words += ["BY", by]
            if rng.random() < 0.4:
                words += ["LIMIT", rng.randrange(-1, 14), rng.randrange(-1, 14)]
            for _ in range(rng.choice((0, 0, 1, 2))):
                words += ["GET", rng.choice(("#", "w_*", "h_*->f", "h_*->x", "h_*"))]
            words += rng.choice(([], ["DESC"], ["ASC"]))
            # The order of what has no weight is not Redis's to say.
            if not any(word in ("w_*", "h_*->f", "h_*->g") for word in words[2:4]):
                words += rng.choice(([], ["ALPHA"]))
            if rng.random() < 0.2:
                sequence += [[*words, "STORE", "d"], ["LRANGE", "d", 0, -1]]
            else:
                sequence.append(words)
        yield sequence


def sequences() -> Iterator[list[list[bytes | str | int]]]:
    """All of them."""
    setup = [list(parse(line)) for line in SETUP.strip().splitlines()]
    for block in SEQUENCES.strip().split("\n\n"):
        yield [*setup, *(list(parse(line)) for line in block.splitlines())]
    yield from generated(30, 30)
