"""Slotrocks and a real redis-server get the same commands and must answer with the same bytes, in RESP2 and RESP3.

Differences that are meant (Debian's redis-server is 7.0, we follow 7.2):

* OBJECT REFCOUNT of a small integer is 2147483647 in Redis (a shared object) and 1 here.
* Redis's "*" does not match the empty string unless it is the whole pattern, so "**" does not find the empty key.
* OBJECT HELP ends "Print this help.", as 7.2 has it.
* SCAN refuses a negative cursor, EXEC with arguments is refused without ending the transaction.
* Redis has 16 databases, of which COPY … DB, MOVE and SWAPDB accept the others; here there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis_cases import sequences

from servers import Client, Server

UNORDERED = {b"keys", b"scan", b"exec"}


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def clients(request: pytest.FixtureRequest, slotrocks_server: Server, redis_server: Server) -> Iterator[list[Client]]:
    with slotrocks_server.client(request.param) as ours, redis_server.client(request.param) as theirs:
        yield [ours, theirs]


def ordered(value: Any) -> str:
    """A reply with its lists sorted: what remains to compare where Redis promises no order."""
    return "".join(sorted(ordered(item) for item in value)) if isinstance(value, list) else repr(value)


def test_same_replies(clients: list[Client]) -> None:
    differences = []
    compared = 0
    for sequence in sequences():
        for client in clients:
            client.call_raw("DISCARD")
            client.call("UNWATCH")
            client.call("FLUSHALL")
        for i, words in enumerate(sequence):
            (our_bytes, our_value), (their_bytes, their_value) = (client.call_raw(*words) for client in clients)
            compared += 1
            same = our_bytes == their_bytes
            if words[0].lower() in UNORDERED and our_bytes[:1] == their_bytes[:1]:
                same = ordered(our_value) == ordered(their_value)
            if not same:
                before = "; ".join(b" ".join(line).decode("latin-1") for line in sequence[max(0, i - 4) : i + 1])
                differences.append(f"{before}\n     ours: {our_bytes!r}\n    Redis: {their_bytes!r}")
    assert compared > 2000
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences)
