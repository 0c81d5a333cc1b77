"""Streams: Slotrocks and a real redis-server answer alike, in RESP2 and RESP3.

Differences that are meant (Debian's redis-server is 7.0, we follow 7.2), and what cannot be the same:

* XINFO CONSUMERS has `inactive`, XINFO STREAM FULL `active-time` (7.2).
* XREADGROUP, XCLAIM and XAUTOCLAIM create their consumer even when it gets nothing (7.2).
* XSETID refuses an id before that of the last entry that XDEL deleted (7.2).
* Of an unbalanced list of streams the error has other words (7.2).
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


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def clients(request: pytest.FixtureRequest, slotrocks_server: Server, redis_server: Server) -> Iterator[list[Client]]:
    with slotrocks_server.client(request.param) as ours, redis_server.client(request.param) as theirs:
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


def test_same_replies(clients: list[Client]) -> None:
    differences = []
    compared = 0
    for sequence in sequences():
        for client in clients:
            client.call_raw("DISCARD")
            client.call("FLUSHALL")
        for i, words in enumerate(sequence):
            (our_bytes, our_value), (their_bytes, their_value) = (client.call_raw(*words) for client in clients)
            compared += 1
            if our_bytes == their_bytes:
                continue
            if all(data.startswith(b"-ERR Unbalanced ") for data in (our_bytes, their_bytes)):
                continue
            if words[0].upper() == b"XPENDING":
                our_value, their_value = pending_without_idle(our_value), pending_without_idle(their_value)
            same_kind = our_bytes[:1] == their_bytes[:1]
            if not same_kind or repr(comparable(our_value)) != repr(comparable(their_value)):
                before = "; ".join(b" ".join(line).decode("latin-1") for line in sequence[max(0, i - 6) : i + 1])
                differences.append(f"{before}\n     ours: {our_bytes!r}\n    Redis: {their_bytes!r}")
    assert compared > 5000
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences[:30])
