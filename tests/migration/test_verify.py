"""CLUSTERX VERIFY: two nodes compare what they hold of some slots."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import hiredis
import pytest
from harness import Node, Pair, wait_for

from slotrocks.engine import slot_of

TAG = "{verify}"
SLOT = slot_of(b"verify")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    yield pair
    pair.close()


def verify(node: Node, slots: object, other: Node) -> dict[str, object]:
    words = node.call("CLUSTERX", "VERIFY", str(slots), other.id)
    assert isinstance(words, list), words
    return {name.decode(): value for name, value in zip(words[::2], words[1::2], strict=True)}


def test_before_and_after_a_move(pair: Pair) -> None:
    source, target = pair.nodes
    for number in range(50):
        source.call("SET", f"{TAG}{number}", "v" * number)
        source.call("ZADD", f"{TAG}z", number, f"m{number}")
        source.call("PEXPIREAT", f"{TAG}{number}", 4_000_000_000_000 + number)
    found = verify(source, SLOT, target)
    assert (found["equal"], found["rows"], found["other-rows"]) == (0, 50 + 1 + 50 + 50, 0)
    assert verify(source, f"0-{SLOT - 1}", target) == {
        "equal": 1, "rows": 0, "digest": b"0" * 32, "other-rows": 0, "other-digest": b"0" * 32,
    }  # fmt: skip
    assert source.call("CLUSTERX", "MIGRATE", SLOT, target.id, "SYNC") == b"OK"
    for one, other in ((source, target), (target, source)):
        found = verify(one, f"{SLOT} 1-3", other)
        assert found["equal"] == 1 and found["rows"] == found["other-rows"] == 151
        assert found["digest"] == found["other-digest"] != b"0" * 32
    assert verify(source, SLOT, target)["digest"] != found["digest"], "the key is another one each time"
    target.call("PEXPIREAT", f"{TAG}7", 4_000_000_000_000)
    found = verify(source, SLOT, target)
    assert (found["equal"], found["rows"], found["other-rows"]) == (0, 151, 151)
    for node in pair.nodes:
        assert not list((node.server.directory / "migration").iterdir())


def test_refusals(pair: Pair) -> None:
    source, target = pair.nodes
    for words in (
        ("VERIFY", SLOT, source.id),
        ("VERIFY", SLOT, "c" * 40),
        ("VERIFY", 20000, target.id),
        ("DIGEST", SLOT, "ab"),
        ("DIGEST", SLOT, "x" * 32),
    ):
        assert isinstance(source.call("CLUSTERX", *words), hiredis.ReplyError)
    target.kill()
    assert "cannot connect" in str(source.call("CLUSTERX", "VERIFY", SLOT, target.id))


def test_a_client_that_leaves(pair: Pair) -> None:
    """Nothing is left of its comparison, and others can be made."""
    source, target = pair.nodes
    links = [socket.create_connection(("127.0.0.1", source.port)) for _ in range(2)]
    for link in links:
        link.sendall(hiredis.pack_command(("CLUSTERX", "VERIFY", "0-16383", target.id)))
    folder = source.server.directory / "migration"
    wait_for(lambda: folder.exists() and list(folder.iterdir()), "a digest is being made")
    for link in links:
        link.close()
    wait_for(lambda: not list(folder.iterdir()), "it has ended")
    assert verify(source, SLOT, target)["equal"] == 1
