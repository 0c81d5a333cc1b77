"""Bits of strings, HyperLogLogs and SORT: Slotrocks and a real redis-server answer alike, in RESP2 and RESP3.

Differences that are meant (Debian's redis-server is 7.0, we follow 7.2):

* BITCOUNT and BITPOS look at all their arguments even if there is no key (7.2).
* A HyperLogLog is always dense: so are its STRLEN, its GET and PFDEBUG ENCODING; PFDEBUG DECODE knows only those that
  came as strings.
* SORT … ALPHA compares bytes; Redis does as its locale says.
* A weight beyond a double (1e400) fails SORT in both, but in Redis later ones, too, until something resets errno.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import redis_cases_bitmaps
import redis_cases_hyperloglog
import redis_cases_sort

from servers import Client, Server

Sequences = Callable[[], Iterable[list[list[Any]]]]


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def clients(request: pytest.FixtureRequest, slotrocks_server: Server, redis_server: Server) -> Iterator[list[Client]]:
    with slotrocks_server.client(request.param) as ours, redis_server.client(request.param) as theirs:
        yield [ours, theirs]


def shown(words: list[Any]) -> str:
    """A command for a message, shortened."""
    return " ".join(repr(word)[:40] for word in words)[:300]


@pytest.mark.parametrize(
    ("sequences", "compared_min"),
    [
        (redis_cases_bitmaps.sequences, 3000),
        (redis_cases_hyperloglog.sequences, 1000),
        (redis_cases_sort.sequences, 1500),
    ],
    ids=["bitmaps", "hyperloglog", "sort"],
)
def test_same_replies(clients: list[Client], sequences: Sequences, compared_min: int) -> None:
    differences = []
    compared = 0
    for sequence in sequences():
        for client in clients:
            client.call_raw("DISCARD")
            client.call("UNWATCH")
            client.call("FLUSHALL")
        for i, words in enumerate(sequence):
            (our_bytes, _), (their_bytes, _) = (client.call_raw(*words) for client in clients)
            compared += 1
            if our_bytes != their_bytes:
                before = "; ".join(shown(line) for line in sequence[max(0, i - 4) : i + 1])
                differences.append(f"{before}\n     ours: {our_bytes[:200]!r}\n    Redis: {their_bytes[:200]!r}")
    assert compared > compared_min
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences[:20])
