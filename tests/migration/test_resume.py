"""A long migration whose sender, source or target is killed: it goes on by itself where it was, and what the target has
is not sent again. And what is left when it cannot go on, or somebody stops it: nothing.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from harness import Node, Pair, wait_for

from slotrocks.engine import COLUMN_FAMILIES, Store, slot_of

TAG = "{resume}"
SLOT = slot_of(b"resume")
KEYS = 1500
VALUE = "v" * 1000
BATCH_BYTES = 16 << 10
TOTAL_BYTES = KEYS * (len(VALUE) + 30)


@pytest.fixture
def options() -> tuple[str, ...]:
    return ()


@pytest.fixture
def pair(tmp_path: Path, options: tuple[str, ...]) -> Iterator[Pair]:
    pair = Pair(tmp_path, *options)
    client = pair.nodes[0].server.client()
    for number in range(KEYS):
        client.send("SET", f"{TAG}{number:05}", VALUE)
        client.send("HSET", f"{TAG}hash", number, number)
    for _ in range(2 * KEYS):
        client.receive()
    client.close()
    for number in range(20):
        assert pair.nodes[0].call("PEXPIREAT", f"{TAG}hash", 4_000_000_000_000 + number) == 1
    assert pair.nodes[0].call("PEXPIREAT", f"{TAG}00009", 4_000_000_000_000) == 1
    yield pair
    pair.close()


def begin(pair: Pair, point: str) -> None:
    source, target = pair.nodes
    source.arm(f"{point}=wait")
    assert source.call("CLUSTERX", "MIGRATE", SLOT, target.id) == b"OK"
    source.wait_reached()


def kill_sender(node: Node) -> None:
    sender = node.sender()
    assert sender is not None
    sender.kill()


def chunks_at_resumption(node: Node) -> int:
    """How many chunks the target had when a sender went on."""
    found = re.findall(r"goes on after (\d+) chunks", node.server.log.read_text())
    assert found
    return int(found[-1])


def change(node: Node) -> None:
    """Changes before and behind what has been sent, by every kind of operation."""
    assert node.call("SET", f"{TAG}00000", "new") == b"OK"
    assert node.call("SET", f"{TAG}{KEYS - 1:05}", "new") == b"OK"
    assert node.call("DEL", f"{TAG}00001", f"{TAG}{KEYS - 2:05}") == 2
    assert node.call("DEL", f"{TAG}hash") == 1  # a range
    assert node.call("HSET", f"{TAG}hash", "f", "v") == 1
    assert node.call("RPUSH", f"{TAG}list", "a", "b") == 2
    assert node.call("PEXPIREAT", f"{TAG}00002", 4_000_000_000_000) == 1


def check(node: Node) -> None:
    """Everything is there, as changed."""
    assert node.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == KEYS
    assert node.call("GET", f"{TAG}00000") == node.call("GET", f"{TAG}{KEYS - 1:05}") == b"new"
    assert node.call("EXISTS", f"{TAG}00001", f"{TAG}{KEYS - 2:05}") == 0
    assert node.call("HGETALL", f"{TAG}hash") == [b"f", b"v"]
    assert node.call("LRANGE", f"{TAG}list", 0, -1) == [b"a", b"b"]
    assert node.call("PEXPIRETIME", f"{TAG}00002") == 4_000_000_000_000
    for number in range(3, KEYS - 2, 97):
        assert node.call("GET", f"{TAG}{number:05}") == VALUE.encode()


def kill(pair: Pair, victim: str) -> None:
    source, target = pair.nodes
    if "sender" in victim:
        kill_sender(source)
    if "target" in victim:
        target.kill()
    if "source" in victim:
        source.kill()
    pair.revive()
    source.go_on()


@pytest.mark.parametrize("victim", ["sender", "source", "target", "source and target"])
def test_nothing_is_sent_twice(pair: Pair, victim: str) -> None:
    source, target = pair.nodes
    begin(pair, "sender.snapshot@70")
    change(source)
    kill(pair, victim)
    pair.settle()
    assert source.info()["migrating_state"] == "success"
    chunks = chunks_at_resumption(source)
    assert chunks > 40, "most of it had come"
    sent = int(source.info()["migrating_bytes"])
    if "source" in victim:  # which has forgotten what it had sent
        sent += chunks * BATCH_BYTES
    assert sent < 1.05 * (TOTAL_BYTES + KEYS * 60), (sent, chunks)
    assert pair.owner_of(f"{TAG}x") == 1
    target.call("DEL", f"{TAG}x:probe")
    check(target)


@pytest.mark.parametrize(
    ("point", "victim"),
    [
        ("sender.changes", "sender"),
        ("sender.changes", "source"),
        ("source.final.sent", "target"),
        ("source.freeze", "sender"),
        ("source.prepare.send", "target"),
        ("source.prepare.send", "source"),
    ],
)
def test_after_the_snapshot(pair: Pair, point: str, victim: str) -> None:
    source = pair.nodes[0]
    begin(pair, "sender.snapshot@70")
    assert source.call("SET", f"{TAG}00003", VALUE) == b"OK"
    source.arm(f"{point}=wait")
    source.go_on()
    source.wait_reached()
    kill(pair, victim)
    change_when_possible(pair)
    pair.settle()
    owner = pair.owner_of(f"{TAG}x")
    pair.nodes[owner].call("DEL", f"{TAG}x:probe")
    check(pair.nodes[owner])
    assert owner == 1
    assert chunks_at_resumption(source) > 40


def change_when_possible(pair: Pair) -> None:
    """Changes at whoever owns the slot by now."""
    owner = wait_for(
        lambda: [each for each in pair.nodes if each.call("SET", f"{TAG}00000", "new") == b"OK"], "a node that serves"
    )[0]
    pair.settle()
    node = pair.nodes[1] if pair.nodes[1].call("GET", f"{TAG}00000") == b"new" else owner
    change(node)


@pytest.mark.parametrize("options", [("--rocksdb.wal_ttl_seconds", "0", "--rocksdb.wal_size_limit_mb", "0")])
@pytest.mark.parametrize("pins", ["kept", "lost"])
def test_the_log_is_kept_for_the_next_sender(pair: Pair, pins: str) -> None:
    """RocksDB deletes a log as soon as its rows are in files: the sender's pins are what is left of it. If they are
    lost, too, the migration starts over."""
    source, target = pair.nodes
    begin(pair, "sender.snapshot@70")
    change(source)
    source.kill()
    if pins == "lost":
        for path in source.server.directory.glob("migration/*/wal/*.log"):
            path.unlink()
    pair.revive()
    pair.settle()
    assert source.info()["migrating_state"] == "success"
    log = source.server.log.read_text()
    assert "goes on after" in log
    assert ("no longer has what the job would go on from" in log) == (pins == "lost")
    assert pair.owner_of(f"{TAG}x") == 1
    target.call("DEL", f"{TAG}x:probe")
    check(target)


def test_a_source_that_has_lost_writes(pair: Pair) -> None:
    """The machine has failed: what was not fsynced is gone, though the target has it already."""
    source, target = pair.nodes
    begin(pair, "sender.snapshot@70")
    database, copy = source.server.directory / "db", source.server.directory / "db.copy"
    shutil.copytree(database, copy)
    source.arm("source.prepare.send=wait")
    for number in range(100):
        assert source.call("SET", f"{TAG}lost{number}", "v") == b"OK"
    source.go_on()
    source.wait_reached()
    source.kill()
    shutil.rmtree(database)
    copy.rename(database)
    source.restart()
    change(source)
    source.go_on()
    pair.settle()
    assert source.info()["migrating_state"] == "success"
    assert "has lost writes that the target has" in source.server.log.read_text()
    assert pair.owner_of(f"{TAG}x") == 1
    target.call("DEL", f"{TAG}x:probe")
    check(target)


@pytest.mark.parametrize("options", [("--migrate-resume-timeout-ms", "700")])
@pytest.mark.parametrize("whom", ["source", "target"])
def test_one_that_stays_away(pair: Pair, whom: str) -> None:
    """The other end gives up after migrate-resume-timeout-ms."""
    source, target = pair.nodes
    begin(pair, "sender.snapshot@20")
    (source if whom == "source" else target).kill()
    if whom == "source":
        source.go_on()  # its sender, which ends as soon as it has something to report
        wait_for(lambda: target.info()["importing_stage"] == "aborted", "the target gives up")
        assert target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0
    else:
        source.go_on()
        wait_for(lambda: source.info()["migrating_stage"] == "failed", "the source gives up")
        assert "cannot be reached again" in source.info()["migrating_error"]
        assert source.call("SET", f"{TAG}00000", "new") == b"OK"
    pair.revive()
    pair.settle()
    assert source.info()["migrating_state"] == "fail"
    assert pair.owner_of(f"{TAG}x") == 0
    wait_for(lambda: target.call("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0, "the target has dropped what came")
    assert source.call("CLUSTERX", "MIGRATE", SLOT, target.id, "SYNC") == b"OK", "another attempt starts from nothing"
    assert pair.owner_of(f"{TAG}x") == 1


def test_a_node_that_is_stopped_goes_on_later(pair: Pair) -> None:
    """SIGTERM is no end of a migration."""
    source, target = pair.nodes
    begin(pair, "sender.snapshot@70")
    change(source)
    source.disconnect()
    source.server.process.terminate()
    source.server.process.wait(20)
    source.go_on()
    pair.revive()
    pair.settle()
    assert source.info()["migrating_state"] == "success"
    assert chunks_at_resumption(source) > 40
    check(target)


def test_connections_of_the_past_do_not_count(pair: Pair) -> None:
    """A message that was on its way for long: of a connection, or an attempt, that another one has replaced."""
    source, target = pair.nodes
    begin(pair, "sender.snapshot@20")
    job = target.info()["importing_job"]
    old, new = target.server.client(), target.server.client()
    assert new.call_raw("CLUSTERX", "HANDOVER", "RESUME", job, 10**15)[1][0] > 0
    for words in (("ROWS", job, 999, "x"), ("CHANGES", job, 999, 1, "x"), ("PREPARE", job, 1, "00" * 16)):
        assert "connection" in str(old.call_raw("CLUSTERX", "HANDOVER", *words)[1])
    assert "newer connection" in str(old.call_raw("CLUSTERX", "HANDOVER", "RESUME", job, 10**15)[1])
    assert "came after chunk" in str(new.call_raw("CLUSTERX", "HANDOVER", "ROWS", job, 999, "x")[1])
    assert old.call_raw("CLUSTERX", "HANDOVER", "RESUME", "another", 1)[1] is None
    old.close()
    new.close()
    source.go_on()
    pair.settle()
    assert pair.owner_of(f"{TAG}x") in (0, 1)


# -- nothing is left

Rows = dict[tuple[int, bytes], bytes]


def rows_of(node: Node) -> Rows:
    """Every row of every column family of a stopped node."""
    store = Store(node.server.directory / "db", slot_encoded=True)
    try:
        return {
            (cf, bytes(key)): bytes(value)
            for cf in range(len(COLUMN_FAMILIES))
            for key, value in store.scan(cf, b"", b"\xff" * 20)
        }
    finally:
        store.close()


def files_of(node: Node) -> set[str]:
    """The files of a node outside its database."""
    directory = node.server.directory
    names = {str(path.relative_to(directory)) for path in directory.rglob("*")}
    return {name for name in names if not name.startswith("db/") and not name.startswith("faults")}


@pytest.mark.parametrize("options", [("--migrate-resume-timeout-ms", "4000")])
@pytest.mark.parametrize(
    ("point", "victim"),
    [
        ("source.start.answered", "nobody"),
        ("sender.snapshot@40", "nobody"),
        ("sender.snapshot@40", "sender"),
        ("sender.snapshot@40", "source"),
        ("sender.snapshot@40", "target"),
        ("source.round.sent", "nobody"),
        ("source.prepare.send", "nobody"),
    ],
)
def test_cancelled_it_leaves_nothing(pair: Pair, point: str, victim: str) -> None:
    """At the source, everything is bit for bit as without the attempt; at the target there is no row, and no file."""
    source, target = pair.nodes
    for node in pair.nodes:
        node.disconnect()
        assert node.server.stop() == 0
    before = [(rows_of(node), files_of(node)) for node in pair.nodes]
    pair.revive()
    begin(pair, point)
    client = source.server.client()
    if victim != "source":
        client.send("CLUSTERX", "MIGRATION", "CANCEL", SLOT)
    if victim == "nobody":
        source.go_on()
    else:
        kill(pair, victim)
    if victim == "source":
        client.close()
        client = source.server.client()
        client.send("CLUSTERX", "MIGRATION", "CANCEL", SLOT)
    reply = client.receive()[1]
    client.close()
    assert reply == b"OK", reply
    pair.settle()
    assert source.info()["migrating_state"] == "fail"
    wait_for(lambda: source.sender() is None, "the sender has ended")
    wait_for(lambda: target.info().get("import_state") != "start", "the target has heard of it")
    time.sleep(0.5)  # for the sweep of the expiry index
    links = [
        each for each in psutil.Process(target.server.process.pid).net_connections() if each.status == "ESTABLISHED"
    ]
    assert len(links) <= 2
    for node in pair.nodes:
        node.disconnect()
        assert node.server.stop() == 0
    assert [(rows_of(node), files_of(node)) for node in pair.nodes] == before
