"""Streams: Slotrocks and a real redis-server answer alike, in RESP2 and RESP3.

Differences that are meant (Debian's redis-server is 7.0, we follow 7.2), and what cannot be the same:

* XINFO CONSUMERS has `inactive`, XINFO STREAM FULL `active-time` (7.2).
* XREADGROUP, XCLAIM and XAUTOCLAIM create their consumer even when it gets nothing (7.2).
* XSETID refuses an id before that of the last entry that XDEL deleted (7.2).
* The error for an unbalanced list of streams has other words (7.2).
* Times (idle, seen-time, when an entry was delivered) depend on the clock.
* XINFO STREAM's `radix-tree-keys` and `radix-tree-nodes` say what Redis's tree would be if its nodes were full.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis_cases_streams import sequences

from servers import Client, Server

ONLY_SINCE_7_2 = {b"inactive", b"active-time"}
NOT_COMPARED = {b"idle", b"seen-time", b"radix-tree-keys", b"radix-tree-nodes"}
TIME_MIN = 10**11  # an integer from here on is a time in ms


@pytest.fixture
def clients(protocol: int, slotrocks_server: Server, redis_server: Server) -> Iterator[list[Client]]:
    with slotrocks_server.client(protocol) as ours, redis_server.client(protocol) as theirs:
        yield [ours, theirs]


def comparable(value: Any) -> Any:
    """A reply without what cannot be the same."""
    if isinstance(value, dict):
        return "map", comparable([item for pair in value.items() for item in pair])
    if isinstance(value, list):
        result = []
        items = iter(value)
        for item in items:
            if isinstance(item, bytes) and item in ONLY_SINCE_7_2:
                next(items, None)
            elif isinstance(item, bytes) and item in NOT_COMPARED:
                next(items, None)
                result.append((item, "…"))
            else:
                result.append(comparable(item))
        return result
    if isinstance(value, int) and value >= TIME_MIN:
        return "time"
    return repr(value)


def pending_without_idle(value: Any) -> Any:
    """XPENDING's long form: whether an entry is idle for a while, not how long."""
    if not isinstance(value, list) or not value or not isinstance(value[0], list):
        return value
    return [[entry_id, consumer, idle >= 10**6, count] for entry_id, consumer, idle, count in value]


def differences(clients: list[Client], sequence: list[tuple[bytes, ...]], *, pipelined: bool) -> list[str]:
    """What one sequence of calls shows: all the calls are sent at once, or each after the reply to the last."""
    for client in clients:
        client.call_raw("DISCARD")
        client.call("FLUSHALL")
        if pipelined:
            for words in sequence:
                client.send(*words)
    found = []
    for i, words in enumerate(sequence):
        replies = [client.receive() if pipelined else client.call_raw(*words) for client in clients]
        (our_bytes, ours), (their_bytes, theirs) = replies
        if words[0].upper() == b"XPENDING":
            ours, theirs = pending_without_idle(ours), pending_without_idle(theirs)
        unbalanced = all(str(value).startswith("ERR Unbalanced ") for value in (ours, theirs))
        same_kind = pipelined or our_bytes[:1] == their_bytes[:1]  # a pipelined reply's bytes are not known
        if not unbalanced and not (same_kind and repr(comparable(ours)) == repr(comparable(theirs))):
            before = "; ".join(b" ".join(line).decode("latin-1") for line in sequence[max(0, i - 6) : i + 1])
            found.append(f"{before}\n     ours: {our_bytes or ours!r}\n    Redis: {their_bytes or theirs!r}")
    return found


@pytest.mark.parametrize(("protocol", "pipelined"), [(2, False), (3, False), (3, True)])
def test_same_replies(clients: list[Client], pipelined: bool) -> None:
    found = []
    compared = 0
    for sequence in sequences():
        found += differences(clients, sequence, pipelined=pipelined)
        compared += len(sequence)
    assert compared > 4500
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:30])
