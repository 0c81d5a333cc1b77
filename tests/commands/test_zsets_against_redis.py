"""Sorted sets and positions: Slotrocks and a real redis-server answer alike, in RESP2 and RESP3.

Differences that are meant (Debian's redis-server is 7.0, we follow 7.2):

* Doubles have the fewest digits that read back as the same number (7.0 prints 17), and coordinates in RESP3, too:
  numbers are compared as numbers where the bytes differ.
* ZRANK and ZREVRANK take WITHSCORE (7.2).
* A score of -0 is stored as 0, as Redis does in small sorted sets (in large ones it prints -0).
* ZSCAN's order is that of the members' bytes.
* Members with different scores in a range by lex: Redis's answer makes no sense, ours is by the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis_cases_zsets import sequences

from servers import Client, Server

UNORDERED = {b"zscan", b"zrandmember"}


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def clients(request: pytest.FixtureRequest, slotrocks_server: Server, redis_server: Server) -> Iterator[list[Client]]:
    with slotrocks_server.client(request.param) as ours, redis_server.client(request.param) as theirs:
        yield [ours, theirs]


def shape(value: Any) -> Any:
    """A reply with its numbers' spelling removed; strings that are numbers stay strings."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, bytes):
        try:
            return "number", float(value)
        except ValueError:
            return value
    return repr(value)


def flat(value: Any) -> list[str]:
    """What a reply consists of."""
    return sorted(repr(item) for each in value for item in flat(each)) if isinstance(value, list) else [repr(value)]


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
            same = our_bytes == their_bytes or (
                our_bytes[:1] == their_bytes[:1] and repr(shape(our_value)) == repr(shape(their_value))
            )
            if words[0].lower() in UNORDERED and our_bytes[:1] == their_bytes[:1]:
                same = flat(our_value) == flat(their_value)
            if not same:
                before = "; ".join(b" ".join(line).decode("latin-1") for line in sequence[max(0, i - 4) : i + 1])
                differences.append(f"{before}\n     ours: {our_bytes!r}\n    Redis: {their_bytes!r}")
    assert compared > 3000
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences)
