"""Kvrocks as the target: a stand-in that speaks no more than Kvrocks does, and fails in every way that it can.

Whatever it does, the source must end with exactly one owner: itself, or (once the target may serve) the target.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import bulk
import pytest
from fake_kvrocks import HANG_UP, SILENCE, FakeKvrocks, Hook

import golden
import golden_files
from clusters import Cluster, key_of, wait_for

OK = b"+OK\r\n"
REFUSED = b"-ERR refused by the test\r\n"
TARGET_ID = "k" * 40


class Bench:
    """A source of ours that owns everything, and a stand-in that the topology knows."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.source = cluster.nodes[0]
        self._slots = count(100)
        self._fakes: list[FakeKvrocks] = []

    def target(self, on_request: Hook = lambda words: None, password: bytes = b"") -> tuple[FakeKvrocks, int]:
        """A stand-in, and a slot with 100 keys to send there."""
        fake = FakeKvrocks(on_request, password)
        self._fakes.append(fake)
        text = self.cluster.text() + f"\n{TARGET_ID} 127.0.0.1 {fake.port} master -"
        self.cluster.version += 1
        self.source.call("CLUSTERX", "SETNODES", text, self.cluster.version)
        slot = next(self._slots)
        bulk.fill(self.source, slot)
        return fake, slot

    def migrate(self, slot: int, *mode: str) -> None:
        assert self.source.call("CLUSTERX", "MIGRATE", slot, TARGET_ID, *mode) == OK[1:3]

    def check_mine(self, slot: int, error: str) -> None:
        """The migration has failed for the right reason, and the source owns everything as before."""
        self.source.wait_migration(slot, "fail")
        assert re.search(error, self.source.info()["migrating_error"]), self.source.info()
        bulk.check(self.source, slot)
        assert self.source.call("SET", key_of(slot, "writable"), "x") == b"OK"

    def check_moved(self, slot: int, fake: FakeKvrocks) -> None:
        """The target owns the slot, and has all of it."""
        self.source.wait_migration(slot, "success")
        for words in (("GET", key_of(slot)), ("SET", key_of(slot), "x")):
            assert self.source.error(*words) == f"MOVED {slot} 127.0.0.1:{fake.port}"
        values = fake.values()
        for number in range(100):
            assert values[key_of(slot, f"bulk{number}").encode()] == bulk.VALUE

    def close(self) -> None:
        for fake in self._fakes:
            fake.close()


@pytest.fixture(scope="module")
def module_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    options = ("--migrate-response-timeout-ms", "1000", "--migrate-pause-timeout-ms", "3000")
    with Cluster(tmp_path_factory.mktemp("source"), "0-16383", options=options) as cluster:
        bench = Bench(cluster)
        yield bench
        bench.close()


@pytest.fixture
def bench(module_bench: Bench) -> Bench:
    module_bench.source.call("CONFIG", "SET", "migrate-type", "raw-key-value")
    return module_bench


def on(name: bytes, *replies: bytes | str | None, state: bytes | None = None) -> Hook:
    """Answers the first requests of a name (of IMPORT: with that state) with `replies`, then as Kvrocks does."""
    rest = list(replies)

    def hook(words: list[bytes]) -> bytes | str | None:
        words = [words[0].upper(), *words[1:]]
        matches = words[0] == name or words[1:2] == [name]
        return rest.pop(0) if matches and rest and state in (None, words[-1]) else None

    return hook


def test_raw_key_value(bench: Bench) -> None:
    """The requests, in their order: what Kvrocks would have sent, and one that asks who it is."""
    fake, slot = bench.target()
    bench.migrate(slot, "SYNC")
    bench.check_moved(slot, fake)
    names = fake.names()
    batches = names.count("APPLYBATCH")
    assert names == [
        "COMMAND INFO APPLYBATCH", "CLUSTERX HANDOVER VERSION", f"CLUSTER IMPORT {slot} 0",
        *["APPLYBATCH"] * batches, f"CLUSTER IMPORT {slot} 1",
    ]  # fmt: skip
    assert batches > 1


def test_redis_command(bench: Bench) -> None:
    """By commands: SET for each key."""
    bench.source.call("CONFIG", "SET", "migrate-type", "redis-command")
    fake, slot = bench.target()
    bench.source.call("SET", key_of(slot, "ttl"), "x", "PXAT", 2524608000000)
    bench.migrate(slot, "SYNC")
    bench.check_moved(slot, fake)
    ttl = next(words for words in fake.requests if words[:2] == [b"SET", key_of(slot, "ttl").encode()])
    assert ttl[2:] == [b"x", b"PXAT", b"2524608000000"]
    assert set(fake.names()[3:-1]) == {"SET"}


def test_without_applybatch(bench: Bench) -> None:
    """32: a target that renamed APPLYBATCH gets commands."""
    fake, slot = bench.target(on(b"COMMAND", b"*1\r\n$-1\r\n"))
    bench.migrate(slot, "SYNC")
    bench.check_moved(slot, fake)
    assert "APPLYBATCH" not in fake.names() and "SET" in fake.names()


def test_password(bench: Bench) -> None:
    """13: AUTH comes first, with our own requirepass."""
    fake, slot = bench.target(password=b"secret")
    bench.migrate(slot)
    bench.check_mine(slot, "NOAUTH")
    bench.source.call("CONFIG", "SET", "requirepass", "secret")
    bench.migrate(slot, "SYNC")
    bench.source.call("CONFIG", "SET", "requirepass", "")
    bench.check_moved(slot, fake)
    assert b"AUTH" in [words[0] for words in fake.requests]


def test_writes_meanwhile(bench: Bench) -> None:
    """24: what is written during the migration arrives."""
    fake, slot = bench.target()
    bulk.fill(bench.source, slot, 200)
    bulk.set_speed(bench.source, bulk.SLOW)
    bench.migrate(slot)
    bulk.set_speed(bench.source, bulk.FAST)
    wait_for(lambda: "APPLYBATCH" in fake.names())
    client = bench.source.client
    for number in range(100, 200):
        client.send("SET", key_of(slot, f"bulk{number}"), number)
    client.send("DEL", key_of(slot, "bulk100"))
    assert [client.receive()[1] for _ in range(101)] == [b"OK"] * 100 + [1]
    assert bench.source.migrating()[1] == "start"
    bench.check_moved(slot, fake)
    values = fake.values()
    assert key_of(slot, "bulk100").encode() not in values
    assert values[key_of(slot, "bulk199").encode()] == b"199"


@pytest.mark.parametrize(
    ("hook", "error"),
    [
        (lambda: on(b"IMPORT", REFUSED, state=b"0"), "refused by the test"),
        (lambda: on(b"IMPORT", HANG_UP, state=b"0"), "closed the connection"),
        (lambda: on(b"IMPORT", SILENCE, state=b"0"), "no answer within 1 s"),
        (lambda: on(b"IMPORT", b"nonsense\r\n", state=b"0"), "Protocol error"),
        (lambda: on(b"APPLYBATCH", REFUSED), "refused by the test"),
        (lambda: on(b"APPLYBATCH", None, HANG_UP), "closed the connection|link to the target broke"),
        (lambda: on(b"APPLYBATCH", *[SILENCE] * 1000), "did not answer within 1 s"),
        (lambda: on(b"APPLYBATCH", *[b":1\r\n:2\r\n"] * 1000), "what was not asked"),
        (lambda: on(b"COMMAND", SILENCE), "no answer within 1 s"),
    ],
    ids=["start-refused", "start-hang-up", "start-silence", "start-nonsense", "batch-refused", "batch-hang-up",
         "batch-silence", "batch-answered-twice", "silence"],
)  # fmt: skip
def test_failure_before_the_hand_over(bench: Bench, hook: Callable[[], Hook], error: str) -> None:
    """8, 37: the migration fails, says why, and everything stays here; the next try succeeds."""
    fake, slot = bench.target(hook())
    bench.migrate(slot)
    bench.check_mine(slot, error)
    assert f"CLUSTER IMPORT {slot} 1" not in fake.names()
    wait_for(lambda: fake.state != "start")
    fake.on_request = lambda words: None
    bench.migrate(slot, "SYNC")
    bench.check_moved(slot, fake)


def test_commit_refused(bench: Bench) -> None:
    """An error to IMPORT 1: the target does not serve, so the source goes on."""
    _, slot = bench.target(on(b"IMPORT", REFUSED, state=b"1"))
    bench.migrate(slot)
    bench.check_mine(slot, "refused the hand-over")


@pytest.mark.parametrize("lost", [HANG_UP, SILENCE])
@pytest.mark.parametrize("outcome", ["success", "error", "forgotten"])
def test_commit_without_an_answer(bench: Bench, lost: str, outcome: str) -> None:
    """The reply to IMPORT 1 is lost: until CLUSTER INFO tells the outcome, the source serves nothing; then exactly one
    side does."""
    told = False

    def hook(words: list[bytes]) -> bytes | str | None:
        match [words[0].upper(), *words[1:]]:
            case [b"CLUSTER", _, _, b"1"]:
                fake.state = outcome
                if outcome == "forgotten":  # it was restarted, say
                    fake.slots, fake.state = "", "none"
                return lost
            case [b"CLUSTER", sub] if sub.upper() == b"INFO" and not told:
                return HANG_UP
        return None

    fake, slot = bench.target(hook)
    bench.migrate(slot)
    wait_for(lambda: "CLUSTER INFO" in fake.names())
    assert bench.source.migrating() == (str(slot), "start")
    assert bench.source.info()["migrating_stage"] == "resolve"
    with bench.source.server.client() as client:
        client.send("GET", key_of(slot, "bulk0"))  # waits for the outcome
        told = True
        if outcome == "success":
            bench.check_moved(slot, fake)
            assert str(client.receive()[1]) == f"MOVED {slot} 127.0.0.1:{fake.port}"
        else:
            bench.check_mine(slot, "dropped the import")
            assert client.receive()[1] == bulk.VALUE


def test_clients_do_not_wait_for_ever(bench: Bench) -> None:
    """While the outcome is unknown calls wait, but no longer than migrate-pause-timeout-ms: TRYAGAIN then."""
    told = False

    def hook(words: list[bytes]) -> bytes | str | None:
        if words[-1] == b"1":
            return HANG_UP
        return None if told or words[-1].upper() != b"INFO" else HANG_UP

    fake, slot = bench.target(hook)
    bench.source.call("CONFIG", "SET", "migrate-pause-timeout-ms", 300)
    bench.migrate(slot)
    wait_for(lambda: "CLUSTER INFO" in fake.names())
    bench.source.call("CONFIG", "SET", "migrate-pause-timeout-ms", 3000)
    for words in (("GET", key_of(slot, "bulk0")), ("SET", key_of(slot, "bulk0"), "x")):
        assert bench.source.error(*words).startswith("TRYAGAIN ")
    assert bench.source.call("GET", key_of(slot + 1)) is None  # other slots know nothing of it
    told = True
    bench.check_mine(slot, "dropped the import")


def test_source_dies_before_it_knows(tmp_path: Path) -> None:
    """The source crashes after IMPORT 1, before its reply: restarted, it asks, and says MOVED."""
    with Cluster(tmp_path, "0-16383", options=("--migrate-response-timeout-ms", "1000")) as cluster:
        bench = Bench(cluster)
        told = False

        def hook(words: list[bytes]) -> bytes | str | None:
            if words[-1] == b"1":
                fake.state = "success"
                return SILENCE
            return None if told or words[-1].upper() != b"INFO" else HANG_UP

        fake, slot = bench.target(hook)
        bench.migrate(slot)
        wait_for(lambda: fake.state == "success")
        bench.source.kill()
        bench.source.start()
        told = True
        bench.check_moved(slot, fake)
        bench.close()


def test_every_type(tmp_path: Path) -> None:
    """19: the slot of Kvrocks's own folder goes back to Kvrocks as it came."""
    (tmp_path / "node0").mkdir()
    golden_files.unpack_database("cluster", tmp_path / "node0")
    with Cluster(tmp_path, "0-16383") as cluster:
        bench = Bench(cluster)
        fake, _ = bench.target()
        bench.migrate(golden.SLOT, "SYNC")
        assert fake.rows == golden.rows(golden.SLOT)
        bench.close()


def test_several_ranges_are_refused(bench: Bench) -> None:
    """Kvrocks takes one range at a time."""
    fake, slot = bench.target()
    error = bench.source.error("CLUSTERX", "MIGRATE", f"{slot} {slot + 2}", TARGET_ID, "SYNC")
    assert "one range at a time" in error
    bench.check_mine(slot, "one range at a time")
    assert not any("IMPORT" in name for name in fake.names())
