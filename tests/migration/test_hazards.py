"""What goes wrong with slot migrations elsewhere: failures that Kvrocks documents or has, a test for each.

e  a lost answer to the last message makes the source serve again, and the target drop what it serves
f  the end of an old connection wipes what a newer attempt has brought
g  a source that is restarted after the move, before the topology is pushed, serves what it has no more
h  a target that is restarted after the move, before the topology is pushed, sends its clients back
i  a source that is demoted meanwhile goes on sending, and a restarted one leaves no trace
j  a neighbouring slot that is written to all the time delays the hand-over, or lengthens the pause
k  what a migration forbade stays forbidden when a part of its slots comes back
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from harness import Node, Pair, wait_for

from clusters import key_of
from slotrocks.engine import slot_of

_slots = iter(range(1000, 16000, 20))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    yield pair
    pair.close()


@pytest.fixture
def slot() -> int:
    """The first of twenty slots for a test."""
    return next(_slots)


@pytest.fixture
def pair(shared: Pair, slot: int) -> Pair:
    for number in range(20):
        for name in "xyz":
            assert shared.nodes[0].call("SET", key_of(slot + number, name), "v" * 100) == b"OK"
    return shared


def migrate(source: Node, target: Node, slots: object) -> None:
    reply = source.call("CLUSTERX", "MIGRATE", str(slots), target.id, "SYNC")
    assert reply == b"OK", reply


def give(pair: Pair, slots: range, owner: int) -> None:
    """Tells the topology."""
    for slot in slots:
        pair.owner[slot] = owner
    pair.push()


def test_e_a_lost_answer_to_the_last_message(pair: Pair, slot: int) -> None:
    source, target = pair.nodes
    source.arm("source.commit.answered=error")
    migrate(source, target, slot)
    assert not source.pending
    assert pair.owner_of(key_of(slot, "x")) == 1
    assert target.call("GET", key_of(slot, "x")) == b"v" * 100
    give(pair, range(slot, slot + 1), 1)
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 4


@pytest.mark.parametrize("form", ["IMPORT", "HANDOVER"])
def test_f_the_end_of_an_old_connection(pair: Pair, slot: int, form: str) -> None:
    source, target = pair.nodes
    give(pair, range(slot, slot + 1), 0)
    old, new = target.server.client(), target.server.client()
    key = key_of(slot, "x")

    def start(client: object, job: str) -> None:
        words: tuple[object, ...] = ("CLUSTER", "IMPORT", slot, 0)
        if form == "HANDOVER":
            words = ("CLUSTERX", "HANDOVER", "START", job, source.id, slot)
        assert client.call(*words) == b"OK"  # type: ignore[attr-defined]

    start(old, "old")
    assert old.call("SET", key, "old") == b"OK"
    start(new, "new")
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0, "a new attempt begins with nothing"
    assert new.call("SET", key, "new") == b"OK"
    old.close()
    assert new.call("PING") == b"PONG"
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 1
    if form == "HANDOVER":
        assert new.call("CLUSTERX", "HANDOVER", "PREPARE", "new") == b"OK"
        assert "aborted" in str(new.call_raw("CLUSTERX", "HANDOVER", "COMMIT", "old")[1])
        assert new.call("CLUSTERX", "HANDOVER", "COMMIT", "new") == b"OK"
    else:
        assert new.call("CLUSTER", "IMPORT", slot, 1) == b"OK"
    new.close()
    assert target.call("GET", key) == b"new"
    give(pair, range(slot, slot + 1), 1)
    assert target.call("GET", key) == b"new"


@pytest.mark.parametrize("whom", [0, 1], ids=["g source", "h target"])
def test_g_h_restarted_before_the_topology_is_pushed(pair: Pair, slot: int, whom: int) -> None:
    source, target = pair.nodes
    migrate(source, target, slot)
    node = pair.nodes[whom]
    node.kill()
    node.restart()
    assert pair.owner_of(key_of(slot, "x")) == 1
    assert target.call("SET", key_of(slot, "x"), "new") == b"OK"
    assert source.info()["migrating_state"] == "success"
    # A newer topology that knows nothing of the move does not undo it.
    pair.push()
    assert pair.owner_of(key_of(slot, "x")) == 1
    give(pair, range(slot, slot + 1), 1)
    wait_for(lambda: source.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0, "the source's copy is deleted")
    assert target.call("GET", key_of(slot, "x")) == b"new"


def test_i_a_source_that_is_demoted(pair: Pair, slot: int) -> None:
    """It stops at once, and says so; the other end drops what came."""
    source, target = pair.nodes
    source.arm("source.snapshot.sent=wait")
    assert source.call("CLUSTERX", "MIGRATE", slot, target.id) == b"OK"
    source.wait_reached()
    client = source.server.client()
    pair.version += 1
    text = (
        f"{source.id} 127.0.0.1 {source.port} slave {target.id}\n{target.id} 127.0.0.1 {target.port} master - 0-16383"
    )
    client.send("CLUSTERX", "SETNODES", text, pair.version)
    source.go_on()
    assert client.receive()[1] == b"OK"
    client.close()
    pair.settle()
    wait_for(lambda: source.sender() is None, "the sender has ended")
    pair.push()
    assert source.info()["migrating_state"] == "fail"
    assert "topology" in source.info()["migrating_error"]
    assert pair.owner_of(key_of(slot, "x")) == 0
    wait_for(lambda: target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0, "the target has dropped what came")


def test_j_a_neighbour_that_is_written_to_all_the_time(pair: Pair, slot: int) -> None:
    """What counts is what is left of the slots that move."""
    source, target = pair.nodes
    source.call("CONFIG", "SET", "migrate-sequence-gap", 10)
    neighbour = key_of(slot + 1, "hot")
    halt = threading.Event()

    def write() -> None:
        client = source.server.client()
        while not halt.is_set():
            for _ in range(50):
                client.send("INCR", neighbour)
            for _ in range(50):
                client.receive()
        client.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: int(source.call("GET", neighbour) or 0) > 100, "writes")
        migrate(source, target, slot)
    finally:
        halt.set()
        writer.join()
        source.call("CONFIG", "SET", "migrate-sequence-gap", 10000)
    info = source.info()
    assert info["migrating_rounds"] == "1"
    assert int(info["migrating_lag_bytes"]) < 1000
    give(pair, range(slot, slot + 1), 1)


def test_k_a_part_of_the_slots_comes_back(pair: Pair, slot: int) -> None:
    source, target = pair.nodes
    migrate(source, target, f"{slot}-{slot + 10}")
    pair.push(target)
    for number in range(11):
        pair.owner[slot + number] = 1
    pair.push(target)  # only the new owner hears of it
    migrate(target, source, f"{slot + 5}-{slot + 6}")
    assert slot_of(key_of(slot + 5, "x").encode()) == slot + 5
    for number, owner in ((0, 1), (4, 1), (5, 0), (6, 0), (7, 1), (10, 1), (11, 0)):
        assert pair.owner_of(key_of(slot + number, "x")) == owner
        assert pair.nodes[owner].call("GET", key_of(slot + number, "x")) == b"v" * 100
    source.restart()
    for number, owner in ((4, 1), (5, 0), (6, 0), (7, 1)):
        assert pair.owner_of(key_of(slot + number, "x")) == owner
    give(pair, range(slot + 5, slot + 7), 0)
    for number, owner in ((4, 1), (5, 0), (6, 0), (7, 1)):
        assert pair.owner_of(key_of(slot + number, "x")) == owner
        assert pair.nodes[owner].call("GET", key_of(slot + number, "x")) == b"v" * 100
