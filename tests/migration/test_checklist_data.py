"""Kvrocks's acceptance list for the data that a migration carries, items 19-37, each for every migrate-type.

Numbers are those of the list's items. Of the types, strings; the others are in test_golden_folder.
"""

from __future__ import annotations

import time

import bulk
import hiredis
import pytest

from clusters import Cluster, ClusterNode, key_of, measured, wait_for

pytestmark = pytest.mark.usefixtures("kind")

HOUR_MS = 3_600_000


@pytest.fixture
def source(cluster: Cluster) -> ClusterNode:
    """Owner of 0-10000."""
    return cluster.nodes[0]


@pytest.fixture
def target(cluster: Cluster) -> ClusterNode:
    """Owner of 10001-16383."""
    return cluster.nodes[1]


@pytest.fixture
def base(kind: str) -> int:
    """The first of the 1000 slots that tests of a kind use."""
    return {"raw-key-value": 1000, "redis-command": 3000}[kind]


def write_strings(node: ClusterNode, slot: int) -> dict[str, bytes]:
    """Strings of every sort, and what GET has to say of each."""
    far = int(time.time() * 1000) + HOUR_MS
    values = {
        "plain": b"value", "empty": b"", "binary": bytes(range(256)), "large": b"L" * 300_000, "number": b"-42",
        "ttl": b"with ttl", "soon": b"expires soon",
    }  # fmt: skip
    values |= {f"many{number}": b"%d" % number for number in range(300)}
    expected = {key_of(slot, name): value for name, value in values.items()}
    for key, value in expected.items():
        node.call("SET", key, value)
    node.call("PEXPIREAT", key_of(slot, "ttl"), far)
    node.call("EXPIRE", key_of(slot, "soon"), 10)
    node.call("SET", key_of(slot, "expired"), "x", "PX", 1)
    node.call("SET", key_of(slot, "persisted"), "y", "PX", HOUR_MS)
    node.call("PERSIST", key_of(slot, "persisted"))
    node.call("SET", key_of(slot, "deleted"), "z")
    node.call("DEL", key_of(slot, "deleted"))
    time.sleep(0.005)
    expected[key_of(slot, "persisted")] = b"y"
    return expected


def check_strings(node: ClusterNode, slot: int, expected: dict[str, bytes]) -> None:
    """The node serves what write_strings() wrote, and nothing else."""
    for key, value in expected.items():
        assert node.call("GET", key) == value, key
    assert node.count(slot) == len(expected)
    assert 0 < node.call("PTTL", key_of(slot, "ttl")) <= HOUR_MS
    assert 1 <= node.call("TTL", key_of(slot, "soon")) <= 10
    assert node.call("TTL", key_of(slot, "persisted")) == -1
    assert node.call("EXISTS", key_of(slot, "expired")) == node.call("EXISTS", key_of(slot, "deleted")) == 0


@pytest.mark.parametrize("mode", ["ASYNC", "SYNC"])
def test_values_and_times(source: ClusterNode, target: ClusterNode, base: int, mode: str) -> None:
    """19, 20: values, times to live and dead keys; the source says MOVED."""
    slot = base + (mode == "SYNC")
    expected = write_strings(source, slot)
    assert source.migrate(slot, target, mode) == b"OK"
    if mode == "ASYNC":
        source.wait_migration(slot, "success")
    check_strings(target, slot, expected)
    for key in (*expected, key_of(slot, "expired")):
        assert source.error("GET", key) == f"MOVED {slot} {target.address}"


def test_changes_meanwhile(source: ClusterNode, target: ClusterNode, base: int) -> None:
    """24: what is written during the migration arrives; what is written to other slots does not."""
    slot, other = base + 10, base + 11
    bulk.fill(source, slot, 200)
    names = ("set", "append", "setrange", "incr", "del", "expire", "persist", "getdel", "expired", "again")
    keys = {name: key_of(slot, f"bulk{number}") for number, name in enumerate(names)}
    bulk.start_slow(source, slot, target)
    far = int(time.time()) + 3600
    call = source.call
    call("SET", keys["set"], "new")
    call("APPEND", keys["append"], "tail")
    call("SETRANGE", keys["setrange"], 3, "middle")
    call("SET", keys["incr"], 41)
    call("INCR", keys["incr"])
    call("DEL", keys["del"])
    call("EXPIREAT", keys["expire"], far)
    call("SET", keys["persist"], "kept", "EX", 100)
    call("PERSIST", keys["persist"])
    call("GETDEL", keys["getdel"])
    call("SET", keys["expired"], "x", "PX", 1)
    call("DEL", keys["again"])
    call("SET", keys["again"], "again")
    call("SET", key_of(slot, "created"), "during")
    call("MSET", *(word for number in range(100) for word in (key_of(slot, f"mset{number}"), number)))
    call("SET", key_of(other), "stays")
    call("SET", key_of(other, 2), "stays", "EX", 100)
    call("DEL", key_of(other, 2))
    assert source.migrating()[1] == "start"
    source.wait_migration(slot, "success")
    expected = {
        "set": b"new", "append": bulk.VALUE + b"tail", "setrange": b"vvvmiddle" + bulk.VALUE[9:], "incr": b"42",
        "del": None, "expire": bulk.VALUE, "persist": b"kept", "getdel": None, "expired": None, "again": b"again",
    }  # fmt: skip
    for name, value in expected.items():
        assert target.call("GET", keys[name]) == value, name
    assert target.call("EXPIRETIME", keys["expire"]) == far and target.call("TTL", keys["persist"]) == -1
    assert target.call("GET", key_of(slot, "created")) == b"during"
    values = target.call("MGET", *(key_of(slot, f"mset{number}") for number in range(100)))
    assert values == [b"%d" % number for number in range(100)]
    for number in range(len(names), 200):
        assert target.call("GET", key_of(slot, f"bulk{number}")) == bulk.VALUE
    assert target.count(other) == 0
    assert target.error("GET", key_of(other)) == f"MOVED {other} {source.address}"
    assert source.call("GET", key_of(other)) == b"stays"


def test_who_serves_after_success(cluster: Cluster, source: ClusterNode, target: ClusterNode, base: int) -> None:
    """25, 27, 29: before any topology says so the source sends clients on and the target serves; the source keeps the
    data until then."""
    slot = base + 20
    key, new = key_of(slot), key_of(slot, "new")
    source.call("SET", key, "value")
    assert source.migrate(slot, target) == b"OK"
    source.wait_migration(slot, "success")
    for words in (("SET", key, "x"), ("DEL", key), ("EXISTS", key), ("SET", new, "x")):
        assert source.error(*words) == f"MOVED {slot} {target.address}"
    assert target.call("SET", new, "x") == b"OK" and target.call("DEL", key) == 1
    assert source.count(slot) == 1
    cluster.give(str(slot), target)
    wait_for(lambda: source.count(slot) == 0)
    assert target.call("GET", new) == b"x"


def test_writes_are_taken_while_it_goes_slowly(source: ClusterNode, target: ClusterNode, base: int) -> None:
    """26, 28: CLUSTER NODES shows where the slot goes, writes are accepted and arrive, and slow is not failed."""
    slot = base + 30
    bulk.fill(source, slot, 200)
    bulk.start_slow(source, slot, target)
    assert f" [{slot}->-{target.id}]" in source.call("CLUSTER", "NODES").decode()
    assert f" [{slot}-<-{source.id}]" in target.call("CLUSTER", "NODES").decode()
    assert target.importing() == (str(slot), "start")
    with measured("a write during the migration"):
        assert source.call("SET", key_of(slot, "during"), "x") == b"OK"
    assert source.call("GET", key_of(slot, "during")) == b"x"
    assert target.error("GET", key_of(slot, "bulk0")) == f"MOVED {slot} {source.address}"
    time.sleep(0.3)
    assert source.migrating() == (str(slot), "start")
    source.wait_migration(slot, "success")
    assert "[" not in source.call("CLUSTER", "NODES").decode()
    assert target.call("GET", key_of(slot, "during")) == b"x"
    bulk.check(target, slot, 200)


def test_range(cluster: Cluster, source: ClusterNode, target: ClusterNode, base: int) -> None:
    """33: ten slots at once, confirmed by SETSLOT on every node; and the same way back."""
    slots = range(base + 40, base + 50)
    text = f"{slots[0]}-{slots[-1]}"
    for slot in slots:
        source.call("SET", key_of(slot), slot)
    for giver, taker in ((source, target), (target, source)):
        assert giver.migrate(text, taker) == b"OK"
        giver.wait_migration(text, "success")
        assert taker.importing() == (text, "success")
        cluster.give(text, taker)
        for slot in slots:
            assert taker.call("GET", key_of(slot)) == str(slot).encode()
            assert giver.error("GET", key_of(slot)) == f"MOVED {slot} {taker.address}"
            assert giver.count(slot) == 0


def test_forms_of_a_range(cluster: Cluster, source: ClusterNode, target: ClusterNode, base: int) -> None:
    """34: one slot in two spellings, the last slot there and back, and what is no range."""
    for text, shown in ((f"{base + 60}", f"{base + 60}"), (f"{base + 61}-{base + 61}", f"{base + 61}")):
        source.call("SET", key_of(int(shown)), "x")
        assert source.migrate(text, target) == b"OK"
        source.wait_migration(shown, "success")
        assert target.importing() == (shown, "success")
        assert target.call("GET", key_of(int(shown))) == b"x"
    target.call("SET", key_of(16383), "last")
    for giver, taker in ((target, source), (source, target)):
        assert giver.migrate("16383-16383", taker, "SYNC") == b"OK"
        assert giver.migrating() == ("16383", "success")
        assert taker.call("GET", key_of(16383)) == b"last"
        cluster.give("16383", taker)
    for bad in ("-1", "2-1", "-1-3", "-1--1", "3--1", "4-16384", "16384-16384"):
        assert "Invalid slot range" in source.error("CLUSTERX", "MIGRATE", bad, target.id), bad
    assert source.error("CLUSTERX", "MIGRATE", "16384", target.id) == "ERR Invalid slot id: out of numeric range"


def test_ranges_one_after_another_confirmed(
    cluster: Cluster, source: ClusterNode, target: ClusterNode, base: int
) -> None:
    """35: with SETSLOT after each; what overlaps is no longer the source's to give."""
    first = base + 100
    for text in (f"{first + 4}-{first + 6}", f"{first + 7}-{first + 8}", f"{first + 2}-{first + 3}"):
        slot = int(text.split("-")[0])
        source.call("SET", key_of(slot), text)
        assert source.migrate(text, target) == b"OK"
        source.wait_migration(text, "success")
        cluster.give(text, target)
        assert target.call("GET", key_of(slot)) == text.encode()
    for text in (f"{first + 1}-{first + 2}", f"{first + 5}", f"{first + 8}-{first + 9}"):
        error = source.error("CLUSTERX", "MIGRATE", text, target.id)
        assert error == "ERR Can't migrate slot which doesn't belong to me"


def test_ranges_one_after_another_unconfirmed(source: ClusterNode, target: ClusterNode, base: int) -> None:
    """36: without SETSLOT; what overlaps has been migrated."""
    first = base + 110
    for text in (f"{first + 4}-{first + 6}", f"{first + 7}-{first + 8}", f"{first + 2}-{first + 3}"):
        slot = int(text.split("-")[0])
        source.call("SET", key_of(slot), text)
        assert source.migrate(text, target) == b"OK"
        source.wait_migration(text, "success")
    for slot in range(first + 2, first + 9):
        assert source.error("GET", key_of(slot)) == f"MOVED {slot} {target.address}"
        target.call("EXISTS", key_of(slot))
    for text in (f"{first + 1}-{first + 2}", f"{first + 5}", f"{first + 8}-{first + 9}"):
        error = source.error("CLUSTERX", "MIGRATE", text, target.id)
        assert error == "ERR Can't migrate slot which has been migrated"


def test_range_whose_target_dies(cluster: Cluster, source: ClusterNode, base: int) -> None:
    """37: the failure names the range, and the source serves all of it."""
    victim = cluster.nodes[2]
    text = f"{base + 200}-{base + 220}"
    bulk.fill(source, base + 200)
    bulk.start_slow(source, text, victim)
    victim.kill()
    source.wait_migration(text, "fail")
    bulk.check(source, base + 200)
    victim.start()
    with pytest.raises(hiredis.ReplyError, match=f"MOVED {base + 200} {source.address}"):
        victim.call("GET", key_of(base + 200))
    assert source.migrate(text, victim, "SYNC") == b"OK"
    bulk.check(victim, base + 200)
