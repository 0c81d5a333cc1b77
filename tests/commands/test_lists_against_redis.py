"""Lists: Slotrocks and a real redis-server must answer with the same bytes, in RESP2 and RESP3.

Differences that are meant (Debian's redis-server is 7.0, we follow 7.2), and not asked here: LPOS refuses a RANK of
-2^63, and a timeout of more than 2^63 milliseconds is "out of range" rather than negative or forever.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis_cases_lists import sequences

from servers import Client, Server


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def clients(request: pytest.FixtureRequest, slotrocks_server: Server, redis_server: Server) -> Iterator[list[Client]]:
    with slotrocks_server.client(request.param) as ours, redis_server.client(request.param) as theirs:
        yield [ours, theirs]


def replies(client: Client, sequence: list[tuple[bytes, ...]]) -> bytes:
    """The replies to a sequence that is sent in one go to an empty database."""
    before = ((b"DISCARD",), (b"UNWATCH",), (b"FLUSHALL",))
    for words in (*before, *sequence):
        client.send(*words)
    return b"".join(client.receive()[0] for _ in range(len(before) + len(sequence)))


def first_difference(clients: list[Client], sequence: list[tuple[bytes, ...]]) -> str:
    for i in range(1, len(sequence) + 1):
        ours, theirs = (replies(client, sequence[:i]) for client in clients)
        if ours != theirs:
            lines = "; ".join(b" ".join(line).decode("latin-1") for line in sequence[max(0, i - 4) : i])
            return f"{lines}\n     ours: {ours[-200:]!r}\n    Redis: {theirs[-200:]!r}"
    return f"only now and then: {sequence}"


def test_same_replies(clients: list[Client]) -> None:
    different = [each for each in sequences() if replies(clients[0], each) != replies(clients[1], each)]
    assert not different, f"{len(different)} differences, the first: {first_difference(clients, different[0])}"
