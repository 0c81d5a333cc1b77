"""XREAD and XREADGROUP with BLOCK: clients that wait get the same bytes from Slotrocks and from a real redis-server.

Scenarios as in test_blocking_against_redis.py, whose mechanism they share: here is what differs with streams. What
XREADGROUP answers when its group goes away has other words since 7.2, and nobody wakes for entries that are gone again:
test_streams.py.
"""

from __future__ import annotations

import pytest
from test_blocking_against_redis import play

from servers import Server

SCENARIOS_TEXT = """
# nothing to wait for
w: XADD s 1-1 f v
a: XREAD BLOCK 0 STREAMS s 0
a: XREAD BLOCK 0 STREAMS nothing s 0 0
w: XGROUP CREATE s g 0
a: XREADGROUP GROUP g c BLOCK 0 STREAMS s >
a: XREADGROUP GROUP g c BLOCK 0 STREAMS s 0
a: XREADGROUP GROUP g c BLOCK 0 STREAMS s 5

# everybody who reads is served
a: XREAD BLOCK 0 STREAMS s $
b: XREAD BLOCK 0 STREAMS s 0
c: XREAD BLOCK 0 COUNT 1 STREAMS t s $ $
w: XADD s 1-1 f v
w: XADD t 1-1 f v

# from where it stood
w: XADD s 1-1 f v
a: XREAD BLOCK 0 STREAMS s $
b: XREAD BLOCK 0 STREAMS s 1-2
c: XREAD BLOCK 0 STREAMS s 5
w: XADD s 1-2 f v
w: XADD s 1-3 f v
w: XADD s 5-1 f v

# several entries at once
w: XADD s 1-1 f v
a: XREAD BLOCK 0 STREAMS s $
b: XREAD BLOCK 0 COUNT 1 STREAMS s $
w: MULTI; XADD s 2-1 f v; XADD s 2-2 f v; EXEC

# in order of arrival
w: XGROUP CREATE s g $ MKSTREAM
a: XREADGROUP GROUP g a BLOCK 0 STREAMS s >
b: XREADGROUP GROUP g b BLOCK 0 STREAMS s >
c: XREADGROUP GROUP g c BLOCK 0 COUNT 1 STREAMS s >
w: XADD s 1-1 f v
w: MULTI; XADD s 1-2 f v; XADD s 1-3 f v; EXEC
w: XADD s 1-4 f v
w: XPENDING s g
w: XINFO GROUPS s

# what one of them leaves
w: XGROUP CREATE s g $ MKSTREAM
a: XREADGROUP GROUP g a BLOCK 0 COUNT 1 STREAMS s >
b: XREADGROUP GROUP g b BLOCK 0 COUNT 1 STREAMS s >
c: XREADGROUP GROUP g c BLOCK 0 NOACK STREAMS s >
w: MULTI; XADD s 1-1 f v; XADD s 1-2 f v; XADD s 1-3 f v; XADD s 1-4 f v; EXEC
w: XPENDING s g
w: XINFO GROUPS s

# other changes do not disturb the order
w: XGROUP CREATE s g $ MKSTREAM
a: XREADGROUP GROUP g a BLOCK 0 STREAMS s >
b: XREADGROUP GROUP g b BLOCK 0 STREAMS s >
w: XGROUP CREATE s h 0
w: XTRIM s MAXLEN 0
w: XGROUP DESTROY s h
w: XADD s 6-1 f v
w: XADD s 6-2 f v

# readers and groups together
w: XGROUP CREATE s g $ MKSTREAM
a: XREAD BLOCK 0 STREAMS s $
b: XREADGROUP GROUP g b BLOCK 0 STREAMS s >
c: XREAD BLOCK 0 STREAMS s $
w: XADD s 1-1 f v

# several streams of a group
w: XGROUP CREATE s g $ MKSTREAM
w: XGROUP CREATE t g $ MKSTREAM
a: XREADGROUP GROUP g a BLOCK 0 STREAMS s t > >
b: XREADGROUP GROUP g b BLOCK 0 STREAMS t s > >
w: XADD t 1-1 f v
w: XADD s 1-1 f v
w: XADD s 1-2 f v

# another type does not wake a reader
a: XREAD BLOCK 0 STREAMS s 0
w: LPUSH s x
w: DEL s
w: XADD s 1-1 f v

# another type at once
w: LPUSH l x
a: XREAD BLOCK 0 STREAMS l 0
a: XREAD BLOCK 0 STREAMS nothing l 0 0
a: XREADGROUP GROUP g a BLOCK 0 STREAMS l >
a: XREADGROUP GROUP g a BLOCK 0 STREAMS nothing >

# a stream that comes by another name
w: XADD o 5-5 f v
a: XREAD BLOCK 0 STREAMS s 0
b: XREAD BLOCK 0 STREAMS t 5-5
w: RENAME o s
w: RENAME s t
w: XADD t 5-6 f v
c: XREAD BLOCK 0 STREAMS u 0
w: COPY t u

# deleted and made again
w: XADD s 5-5 f v
a: XREAD BLOCK 0 STREAMS s $
w: DEL s
w: XADD s 1-1 f v
w: XADD s 6-1 f v

# inside EXEC
a: MULTI; XREAD BLOCK 0 STREAMS s $; XREAD BLOCK 0 STREAMS s 0; EXEC
w: MULTI; XADD s 1-1 f v; XREAD BLOCK 0 STREAMS s 0; XREAD BLOCK 0 STREAMS s $; EXEC

# times out
a: XREAD BLOCK 10 STREAMS s $
w: XGROUP CREATE s g $ MKSTREAM
b: XREADGROUP GROUP g b BLOCK 10 STREAMS s >
c: XREAD BLOCK 10 COUNT 5 STREAMS s t 0 0
nobody waits

# unblocked
a: XREAD BLOCK 0 STREAMS s $
w: CLIENT UNBLOCK <a>
b: XREAD BLOCK 0 STREAMS s $
w: CLIENT UNBLOCK <b> ERROR

# lists wait for the same key
a: BLPOP k 0
b: XREAD BLOCK 0 STREAMS k 0
w: XADD k 1-1 f v
w: DEL k
w: LPUSH k x
"""
SCENARIOS: dict[str, list[str]] = {
    lines[0].removeprefix("# "): lines[1:] for lines in map(str.splitlines, SCENARIOS_TEXT.strip().split("\n\n"))
}


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", SCENARIOS)
def test_everybody_gets_the_same(name: str, protocol: int, slotrocks_server: Server, redis_server: Server) -> None:
    ours, theirs = (play(server, SCENARIOS[name], protocol) for server in (slotrocks_server, redis_server))
    assert ours == theirs
