"""Several clients that block and wake each other: what each gets from Slotrocks and from a real redis-server.

A scenario is a paragraph: its name, then lines "name: command; command". Client `name` sends the commands, and the next
line follows when the first has been answered or blocks; "nobody waits" is waited for. At the end whoever still waits is
released with CLIENT UNBLOCK ... ERROR. Every byte that each client got must be the same.

Difference that is meant (Debian's redis-server is 7.0, we follow 7.2), and not asked here: a client that is woken looks
at its keys in the order of its arguments again, so that of two keys that one EXEC filled it takes the first named.
"""

from __future__ import annotations

import select
import time

import pytest
from redis_cases import parse

from servers import Client, Server

SCENARIOS_TEXT = """
# in order of arrival
a: BLPOP k 0
b: BRPOP k 0
c: BLPOP k 0
w: RPUSH k 1 2 3 4
w: LRANGE k 0 -1

# one push each
a: BLPOP k 0
b: BLPOP k 0
w: RPUSH k 1
w: RPUSH k 2
w: EXISTS k

# fewer elements than clients
a: BLPOP k 0
b: BLPOP k 0
w: RPUSH k 1
w: EXISTS k

# first pushed of several keys
a: BLPOP k l m 0
w: RPUSH l 1
w: RPUSH k 2
w: EXISTS k l

# ready at once in argument order
w: RPUSH l 1
w: RPUSH k 2
a: BLPOP k l 0
a: BLPOP k l 0
a: BLPOP k l 0

# the same key twice
a: BLPOP k k 0
w: RPUSH k 1 2
w: LRANGE k 0 -1
w: RPUSH k 3

# other keys forgotten
a: BLPOP k l 0
w: RPUSH k 1
w: RPUSH l 2
w: LRANGE l 0 -1

# next command after the wake
a: BLPOP k 0
w: RPUSH k 1 2
a: BLPOP k 0
a: BLPOP k 0
w: LPUSH k 3

# variadic push, both ends
a: BRPOP k 0
b: BLPOP k 0
w: LPUSH k 1 2 3

# push and delete in EXEC
a: BLPOP k 0
w: MULTI
w: LPUSH k 1
w: DEL k
w: EXEC
w: LPUSH k 2

# push, delete, set in EXEC
a: BLPOP k 0
w: MULTI
w: LPUSH k 1
w: DEL k
w: SET k x
w: EXEC
w: DEL k
w: RPUSH k 3

# EXEC is a whole
a: BLPOP k 0
w: MULTI
w: RPUSH k 1
w: LPUSH k 0
w: LPOP k
w: LPUSH k -1
w: EXEC
w: LRANGE k 0 -1

# two keys in EXEC
a: BLPOP k 0
b: BLPOP l 0
w: MULTI
w: RPUSH l 1
w: RPUSH k 2
w: EXEC

# failing EXEC
a: BLPOP k 0
w: SET s x
w: MULTI
w: RPUSH s 1
w: RPUSH k 2
w: EXEC

# a key of another type
a: BLPOP k 0
w: SET k x
w: DEL k
w: RPUSH k 1

# RENAME
a: BLPOP k 0
w: RPUSH l 1 2
w: RENAME l k
w: LRANGE k 0 -1

# COPY
a: BLPOP k 0
w: RPUSH l 1 2
w: COPY l k
w: LRANGE k 0 -1
w: LRANGE l 0 -1

# pushes that push nothing
a: BLPOP k 0
w: RPUSHX k 1
w: LINSERT k BEFORE a b
w: EXPIRE k 1
w: LPUSH k 1

# BLMOVE
a: BLMOVE k l LEFT RIGHT 0
w: RPUSH l 0
w: RPUSH k 1 2
w: LRANGE k 0 -1
w: LRANGE l 0 -1

# BRPOPLPUSH
a: BRPOPLPUSH k l 0
w: RPUSH l 0
w: RPUSH k 1 2
w: LRANGE k 0 -1
w: LRANGE l 0 -1

# to itself
a: BLMOVE k k LEFT RIGHT 0
w: RPUSH k 1 2
w: LRANGE k 0 -1

# a chain
a: BLMOVE k l LEFT RIGHT 0
b: BLMOVE l m LEFT RIGHT 0
c: BLPOP m 0
w: RPUSH k 1
w: EXISTS k l m

# a chain against the order
c: BLPOP m 0
b: BLMOVE l m LEFT RIGHT 0
a: BLMOVE k l LEFT RIGHT 0
w: RPUSH k 1 2
w: EXISTS k l m

# a circle
a: BRPOPLPUSH k l 0
b: BRPOPLPUSH l k 0
w: RPUSH k 1
w: LRANGE k 0 -1
w: LRANGE l 0 -1

# the target is no list
w: SET s x
a: BRPOPLPUSH k s 0
b: BRPOPLPUSH k l 0
w: RPUSH k 1 2
w: LRANGE k 0 -1
w: LRANGE l 0 -1

# nested
a: BLMOVE s d LEFT RIGHT 0
b: BLMPOP 0 2 s d LEFT
c: BLMPOP 0 1 d LEFT
w: LPUSH s 1 2 3
w: LRANGE s 0 -1
w: LRANGE d 0 -1

# BLMPOP
a: BLMPOP 0 2 k l LEFT COUNT 10
b: BLMPOP 0 1 l RIGHT COUNT 2
w: RPUSH l 1 2 3
w: RPUSH l 1 2 3 4
w: LRANGE l 0 -1

# pipelined pushes
a: BLPOP k 0
b: BLPOP k 0
w: RPUSH k 1; RPUSH k 2; RPUSH k 3
w: LRANGE k 0 -1

# what was sent ahead
a: BLPOP k 0; PING; BLPOP k 0; ECHO x
w: RPUSH k 1
w: RPUSH k 2

# a pusher that pops
a: BLPOP k 0
w: RPUSH k 1; LPOP k; RPUSH k 2; LPOP k
w: EXISTS k

# WATCH and a served client
a: BRPOPLPUSH k l 0
w: WATCH l
w: MULTI
w: GET x
v: LPUSH k 1
w: EXEC

# WATCH and a waiting client
a: BRPOPLPUSH k l 0
w: WATCH l
w: MULTI
w: GET x
w: EXEC
w: LPUSH k 1

# EXEC that feeds itself
a: BRPOPLPUSH k l 0
w: WATCH l
w: MULTI
w: LPUSH k 1
w: LRANGE l 0 -1
w: EXEC
w: LRANGE l 0 -1

# times out
a: BLPOP k l 0.05
b: BLMOVE k l LEFT LEFT 0.05
c: BRPOPLPUSH k l 0.05
d: BLMPOP 0.05 1 k LEFT
nobody waits
w: RPUSH k 1
w: LRANGE k 0 -1

# gone client
a: BLPOP k 0
b: BLPOP k 0
w: CLIENT KILL ID <a>
w: RPUSH k 1

# UNBLOCK
a: BLPOP k 0
b: BLMOVE k l LEFT LEFT 10
c: BLPOP k 0
w: CLIENT UNBLOCK <a>
w: CLIENT UNBLOCK <b> timeout
w: CLIENT UNBLOCK <c> ERROR
w: CLIENT UNBLOCK <a>
w: RPUSH k 1
w: LRANGE k 0 -1

# UNBLOCK and what waits behind
a: BLPOP k 0; PING
w: CLIENT UNBLOCK <a> ERROR
w: RPUSH k 1
w: LLEN k

# SORT-like overwrite by LMOVE
a: BLPOP l 0
w: RPUSH k 1
w: LMOVE k l LEFT LEFT
w: EXISTS k l

# expired at once
a: BLPOP k 0
w: MULTI
w: RPUSH k 1
w: PEXPIREAT k 1
w: EXEC
w: RPUSH k 2

# FLUSHALL
a: BLPOP k 0
w: MULTI
w: RPUSH k 1
w: FLUSHALL
w: EXEC
w: RPUSH k 2

# INFO counts
a: BLPOP k 0
b: BLPOP k l 0
w: RPUSH k 1
w: CLIENT UNBLOCK <b>
w: RPUSH l 2

# replies off
a: CLIENT REPLY OFF; BLPOP k 0
w: RPUSH k 1
a: CLIENT REPLY ON

# reply skipped
a: CLIENT REPLY SKIP; BLPOP k 0
w: RPUSH k 1 2
a: BLPOP k 0
"""
SCENARIOS: dict[str, list[str]] = {
    lines[0].removeprefix("# "): lines[1:] for lines in map(str.splitlines, SCENARIOS_TEXT.strip().split("\n\n"))
}


class Player:
    """A client of a scenario: keeps the bytes that it got."""

    def __init__(self, server: Server, protocol: int) -> None:
        self.client = Client(server.port, protocol)
        self.id = self.client.call("CLIENT", "ID")
        self.calls = 0
        self.received = b""

    def take(self, seconds: float) -> None:
        sock = self.client._socket
        if select.select([sock], [], [], seconds)[0]:
            data = sock.recv(1 << 16)
            if not data:
                raise ConnectionError
            self.received += data


def blocked(control: Client, player: Player) -> bool:
    line = control.call("CLIENT", "LIST", "ID", str(player.id))
    return "b" in line.decode().split("flags=")[1].split(" ")[0]


def settle(control: Client, player: Player, replies: bytes) -> None:
    """Waits until a client is blocked, or got more than `replies`."""
    for _ in range(1000):
        try:
            player.take(0.002)
        except ConnectionError:
            return
        if player.received != replies or blocked(control, player):
            return
    raise AssertionError("neither a reply nor blocked")


def until_nobody_waits(control: Client) -> None:
    for _ in range(1000):
        if b"blocked_clients:0" in control.call("INFO", "clients"):
            return
        time.sleep(0.002)
    raise AssertionError("somebody is still blocked")


def play(server: Server, scenario: list[str], protocol: int) -> dict[str, bytes]:
    """What each client got."""
    players: dict[str, Player] = {}
    with server.client() as control:
        control.call("FLUSHALL")
        for line in scenario:
            if line == "nobody waits":
                until_nobody_waits(control)
                continue
            name, _, commands = line.partition(": ")
            if name not in players:
                players[name] = Player(server, protocol)
            player = players[name]
            for known, other in players.items():
                commands = commands.replace(f"<{known}>", str(other.id))
            before = player.received
            for words in commands.split("; "):
                player.client.send(*parse(words))
            if "REPLY" not in commands:
                settle(control, player, before)
        for player in players.values():
            try:
                for _ in range(1000):
                    player.take(0)
                    if not blocked(control, player):
                        break
                    control.call("CLIENT", "UNBLOCK", str(player.id), "ERROR")
                player.client.send("ECHO", "the end")
                while not player.received.endswith(b"the end\r\n"):
                    player.take(5)
            except (ConnectionError, IndexError):  # IndexError: killed, it is not listed any more
                player.received += b" (closed)"
            player.client.close()
        until_nobody_waits(control)
    return {name: player.received for name, player in players.items()}


@pytest.mark.parametrize(("name", "protocol"), [*((name, 2) for name in SCENARIOS), ("times out", 3), ("nested", 3)])
def test_everybody_gets_the_same(name: str, protocol: int, slotrocks_server: Server, redis_server: Server) -> None:
    ours, theirs = (play(server, SCENARIOS[name], protocol) for server in (slotrocks_server, redis_server))
    assert ours == theirs
