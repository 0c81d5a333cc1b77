"""What clients see of a migration: 2,000 acknowledged writes a second to the moving slot, none lost, none refused;
a client is sent on once; nobody reads an older value than one that was acknowledged; a pipeline's replies keep
their order; a transaction is applied whole, on one side or the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import hiredis
import pytest
from harness import Pair, wait_for

import servers
from slotrocks.engine import slot_of

WRITES_PER_SECOND = 2000
CLIENTS = 4
KEYS_PER_CLIENT = 8
KEYS_BEFORE = 8000


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    # Slow enough for the clients to see every stage.
    pair = Pair(tmp_path_factory.mktemp("pair"), "--migrate-batch-rate-limit-mb", "1")
    yield pair
    pair.close()


class Client(threading.Thread):
    """A client that does its turns at a steady rate, and follows MOVED."""

    def __init__(self, pair: Pair, turns_per_s: float) -> None:
        super().__init__(daemon=True)
        self._pair = pair
        self._interval_s = 1 / turns_per_s
        self.halt = threading.Event()
        self.client = pair.nodes[0].server.client()
        self.switches = 0
        self.failure: BaseException | None = None
        self.turns = 0

    def run(self) -> None:
        due = time.monotonic()
        try:
            while not self.halt.is_set():
                self.turns += 1
                self.turn(self.turns)
                due += self._interval_s
                time.sleep(max(0.0, due - time.monotonic()))
        except BaseException as error:
            self.failure = error
        self.client.close()

    def turn(self, number: int) -> None:
        """One turn; to be defined."""
        raise NotImplementedError

    def follow(self, error: Any) -> None:
        """Takes a MOVED; any other error is a failure."""
        text = str(error)
        assert isinstance(error, hiredis.ReplyError) and text.startswith("MOVED "), text
        self.switches += 1
        self.client.close()
        self.client = servers.Client(int(text.rpartition(":")[2]))

    def call(self, *words: str | int) -> Any:
        """A reply; from the other node if this one says so."""
        reply = self.client.call_raw(*words)[1]
        if isinstance(reply, hiredis.ReplyError):
            self.follow(reply)
            reply = self.client.call_raw(*words)[1]
        return reply


class Writer(Client):
    """Writes rising numbers to its keys; `seen` says what has been acknowledged. Reads some of them back."""

    def __init__(self, pair: Pair, turns_per_s: float, keys: list[str], acknowledged: dict[str, int]) -> None:
        super().__init__(pair, turns_per_s)
        self.keys = keys
        self.acknowledged = acknowledged

    def turn(self, number: int) -> None:
        key = self.keys[number % len(self.keys)]
        assert self.call("SET", key, number) == b"OK"
        self.acknowledged[key] = number
        if number % 8 == 0:
            assert self.call("GET", key) == str(number).encode()


class Reader(Client):
    """Reads what others write: never older than what was acknowledged before it asked."""

    def __init__(self, pair: Pair, turns_per_s: float, acknowledged: dict[str, int]) -> None:
        super().__init__(pair, turns_per_s)
        self.acknowledged = acknowledged

    def turn(self, number: int) -> None:
        keys = list(self.acknowledged)
        if keys:
            key = keys[number % len(keys)]
            at_least = self.acknowledged[key]
            assert int(self.call("GET", key)) >= at_least


class Pipeliner(Client):
    """Writes through pipelines; what one node sends on is sent again, in order."""

    SIZE = 20

    def __init__(self, pair: Pair, turns_per_s: float, key: str, acknowledged: dict[str, int]) -> None:
        super().__init__(pair, turns_per_s)
        self.key = key
        self.acknowledged = acknowledged

    def turn(self, number: int) -> None:
        todo = [number * self.SIZE + each for each in range(self.SIZE)]
        while todo:
            for value in todo:
                self.client.send("SET", self.key, value, "GET")
                self.client.send("ECHO", value)
            left, error = [], None
            for value in todo:
                old = self.client.receive()[1]
                assert self.client.receive()[1] == str(value).encode(), "the replies are in order"
                if isinstance(old, hiredis.ReplyError):
                    error = old
                    left.append(value)
                else:
                    assert not left, "nothing is executed behind what was sent on"
                    assert int(old or 0) == self.acknowledged.get(self.key, 0), "every write sees the one before"
                    self.acknowledged[self.key] = value
            if error is not None:
                self.follow(error)
            todo = left


class Transactor(Client):
    """Sets two keys in a transaction."""

    def __init__(self, pair: Pair, turns_per_s: float, keys: tuple[str, str], acknowledged: dict[str, int]) -> None:
        super().__init__(pair, turns_per_s)
        self.keys = keys
        self.acknowledged = acknowledged

    def turn(self, number: int) -> None:
        while True:
            for words in (("MULTI",), ("MGET", *self.keys), *(("SET", key, number) for key in self.keys), ("EXEC",)):
                self.client.send(*words)
            replies = [self.client.receive()[1] for _ in range(5)]
            done = replies[-1]
            if not isinstance(done, hiredis.ReplyError):
                break
            moved = [each for each in replies if isinstance(each, hiredis.ReplyError) and str(each).startswith("MOVED")]
            assert moved, replies
            self.follow(moved[0])
        (first, second), *oks = done
        assert first == second and int(first or 0) == number - 1, "whole, once, and nothing lost"
        assert oks == [b"OK", b"OK"]
        for key in self.keys:
            self.acknowledged[key] = number


def move_under(pair: Pair, clients: list[Client], tag: str) -> dict[str, str]:
    """Starts the clients, moves the slot of `tag`, and lets them go on for a while. CLUSTER INFO of the source."""
    source, target = pair.nodes
    loader = source.server.client()
    for number in range(KEYS_BEFORE):
        loader.send("SET", f"{{{tag}}}:{number}", "v" * 100)
    for _ in range(KEYS_BEFORE):
        assert loader.receive()[1] == b"OK"
    loader.close()
    for client in clients:
        client.start()
    wait_for(lambda: all(each.turns > 20 or each.failure for each in clients), "the clients work")
    slot = slot_of(tag.encode())
    assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
    wait_for(lambda: source.info()["migrating_state"] != "start", "the move ends")
    before = [each.turns for each in clients]
    wait_for(
        lambda: all(each.turns > turns + 50 or each.failure for each, turns in zip(clients, before, strict=True)),
        "they go on",
    )
    for client in clients:
        client.halt.set()
    for client in clients:
        client.join(servers.REPLY_SECONDS_MAX)
        if client.failure is not None:
            raise client.failure
    info = source.info()
    assert info["migrating_state"] == "success", info
    assert source.settled and target.settled
    assert [each.switches for each in clients] == [1] * len(clients)
    return info


def check(pair: Pair, acknowledged: dict[str, int], tag: str) -> None:
    """Every acknowledged write, and what was there before, is at the target."""
    target = pair.nodes[1]
    for key, number in acknowledged.items():
        assert int(target.call("GET", key)) == number
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot_of(tag.encode())) == KEYS_BEFORE + len(acknowledged)


@pytest.mark.parametrize("kind", ["raw-key-value", "redis-command"])
def test_single_writes(pair: Pair, kind: str) -> None:
    assert pair.nodes[0].call("CONFIG", "SET", "migrate-type", kind) == b"OK"
    acknowledged: dict[str, int] = {}
    tag = f"single-{kind}"
    rate = WRITES_PER_SECOND / CLIENTS
    clients: list[Client] = [
        Writer(pair, rate, [f"{{{tag}}}{client}-{key}" for key in range(KEYS_PER_CLIENT)], acknowledged)
        for client in range(CLIENTS)
    ]
    clients.append(Reader(pair, 500, acknowledged))
    begun = time.monotonic()
    info = move_under(pair, clients, tag)
    writes = sum(each.turns for each in clients[:-1])
    rate = writes / (time.monotonic() - begun)
    print(f"{rate:.0f} writes/s, pause {info['migrating_pause_ms']} ms, {info['migrating_rounds']} rounds")
    check(pair, acknowledged, tag)


@pytest.mark.parametrize("kind", ["raw-key-value", "redis-command"])
def test_pipelines_and_transactions(pair: Pair, kind: str) -> None:
    assert pair.nodes[0].call("CONFIG", "SET", "migrate-type", kind) == b"OK"
    acknowledged: dict[str, int] = {}
    tag = f"many-{kind}"
    clients: list[Client] = [
        *(Pipeliner(pair, 50, f"{{{tag}}}p{number}", acknowledged) for number in range(2)),
        *(Transactor(pair, 250, (f"{{{tag}}}a{number}", f"{{{tag}}}b{number}"), acknowledged) for number in range(2)),
    ]
    move_under(pair, clients, tag)
    check(pair, acknowledged, tag)
