"""BZPOPMIN, BZPOPMAX and BZMPOP: clients that wait get the same bytes from Slotrocks and from a real redis-server.

Scenarios as in test_blocking_against_redis.py, whose mechanism they share: here is what differs with sorted sets.
"""

from __future__ import annotations

import pytest
from test_blocking_against_redis import play

from servers import Server

SCENARIOS_TEXT = """
# nothing to wait for
w: ZADD z 1 a 2 b 3.5 c
a: BZPOPMIN z 0
a: BZPOPMAX nothing z 0
a: BZMPOP 0 2 nothing z MIN COUNT 10
w: EXISTS z

# in order of arrival
a: BZPOPMIN z 0
b: BZPOPMAX z 0
c: BZMPOP 0 1 z MAX
w: ZADD z 1 a 2 b 3 c 4 d
w: ZRANGE z 0 -1 WITHSCORES

# several keys
a: BZPOPMIN x y z 0
w: ZADD y 5 m
b: BZMPOP 0 2 x y MIN COUNT 2
w: ZADD x 1 a 2 b 3 c
w: ZRANGE x 0 -1

# any command that makes one
a: BZPOPMIN z 0
w: ZADD o 1 a
w: ZUNIONSTORE z 1 o
b: BZPOPMIN z 0
w: ZINCRBY z 5 i
c: BZPOPMIN z 0
w: GEOADD z 13.361389 38.115556 Palermo
d: BZPOPMAX z 0
w: RENAME o z
e: BZPOPMAX z 0
w: ZADD p 7 g
w: ZRANGESTORE z p 0 -1

# another type does not wake
a: BZPOPMIN z 0
w: LPUSH z x
w: DEL z
w: ZADD z 1 a
w: EXISTS z

# another type at once
w: LPUSH l x
a: BZPOPMIN l 0
a: BZPOPMAX nothing l 0
a: BZMPOP 0 1 l MIN

# lists and sorted sets wait together
a: BLPOP k 0
b: BZPOPMIN k 0
w: ZADD k 1 a
w: LPUSH k x

# inside EXEC
a: MULTI; BZPOPMIN z 0; BZPOPMAX z 0; BZMPOP 0 1 z MIN; EXEC
w: MULTI; ZADD z 1 a; BZPOPMIN z 0; EXEC

# added and removed in EXEC
a: BZPOPMIN z 0
w: MULTI; ZADD z 1 a; ZREM z a; EXEC
w: ZADD z 2 b

# times out
a: BZPOPMIN z 0.01
b: BZPOPMAX z 0.01
c: BZMPOP 0.01 1 z MIN
nobody waits

# errors
a: BZPOPMIN z
a: BZPOPMIN z x
a: BZPOPMIN z -1
a: BZPOPMAX z nan
a: BZMPOP 0 0 z MIN
a: BZMPOP 0 1 z
a: BZMPOP 0 1 z FOO
a: BZMPOP 0 2 z MIN
a: BZMPOP x 1 z MIN
a: BZMPOP x 0 z MIN
a: BZMPOP -1 1 z MIN
a: BZMPOP 0 1 z MIN COUNT 0
a: BZMPOP 0 1 z MIN COUNT
a: BZMPOP 0 1 z MIN COUNT 1 COUNT 1
"""
SCENARIOS: dict[str, list[str]] = {
    lines[0].removeprefix("# "): lines[1:] for lines in map(str.splitlines, SCENARIOS_TEXT.strip().split("\n\n"))
}


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", SCENARIOS)
def test_everybody_gets_the_same(name: str, protocol: int, slotrocks_server: Server, redis_server: Server) -> None:
    ours, theirs = (play(server, SCENARIOS[name], protocol) for server in (slotrocks_server, redis_server))
    assert ours == theirs
