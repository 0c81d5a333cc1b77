"""Hashes and sets: the same commands to Slotrocks and to redis-server, in RESP2 and RESP3; the same bytes come back,
but for the order of what has none.

Not compared is SSCAN … COUNT of a small set of words: since 7.2 it is returned whole, by 7.0 it is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
import redis_cases_hashes
import redis_cases_sets

from servers import Client, Server
from slotrocks.server.config_line import split_line

UNORDERED = {
    "hgetall", "hkeys", "hvals", "hscan", "hrandfield", "exec",
    "smembers", "sinter", "sunion", "sdiff", "spop", "srandmember", "sscan",
}  # fmt: skip
CASES = (redis_cases_hashes, redis_cases_sets)


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def both(request: pytest.FixtureRequest, slotrocks_server: Server, redis_server: Server) -> Iterator[list[Client]]:
    with slotrocks_server.client(request.param) as ours, redis_server.client(request.param) as theirs:
        yield [ours, theirs]


def written(text: str) -> list[list[list[str]]]:
    """The sequences of a module's SEQUENCES."""
    return [[split_line(line.encode()) for line in part.strip().splitlines()] for part in text.split("\n\n")]


def ordered(value: Any) -> str:
    """What a reply consists of, whatever the order."""
    if isinstance(value, dict):
        return "{" + "".join(sorted(ordered(key) + ordered(item) for key, item in value.items())) + "}"
    return "[" + "".join(sorted(map(ordered, value))) + "]" if isinstance(value, list | set) else repr(value)


@pytest.mark.parametrize("cases", CASES, ids=["hashes", "sets"])
def test_same_replies(both: list[Client], cases: Any) -> None:
    differences = []
    for sequence in chain(written(cases.SEQUENCES), cases.generated(200, 20)):
        for client in both:
            client.call("FLUSHALL")
        for i, words in enumerate(sequence):
            (our_bytes, our_value), (their_bytes, their_value) = (client.call_raw(*words) for client in both)
            same = our_bytes == their_bytes
            if words[0].lower() in UNORDERED and our_bytes[:1] == their_bytes[:1]:
                same = ordered(our_value) == ordered(their_value)
            if not same:
                before = "; ".join(" ".join(line) for line in sequence[max(0, i - 6) : i + 1])
                differences.append(f"{before}\n     ours: {our_value!r}\n    Redis: {their_value!r}")
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences[:20])
