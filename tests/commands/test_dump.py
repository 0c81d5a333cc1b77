"""DUMP and RESTORE in a node: what is refused changes nothing, what is replaced leaves nothing, and who waits is woken.

Against Redis: test_dump_against_redis.py. The codec: tests/engine/test_rdb.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from dump_cases import Case, cases
from node_bench import NOW_MS, Bench, Caller

import golden_files
import invariants
from slotrocks.engine import CF_PROPAGATE, COLUMN_FAMILIES, EXPIRY_PREFIX, crc64, encode_expiry_key, slot_of
from slotrocks.server.dispatch import execute

CASES = [case for case in cases() if not case.key.startswith(("string", "hash:large", "zset:large", "set:large:int"))]
BAD_FOOTER = "ERR DUMP payload version or checksum are wrong"
BAD_DATA = "ERR Bad data format"


def sealed(body: bytes) -> bytes:
    """A payload of RDB version 9, whatever is in it."""
    body += b"\x09\0"
    return body + crc64(body, len(body)).to_bytes(8, "little")


def everything(bench: Bench) -> list[list[tuple[bytes, bytes]]]:
    """Every row of every family, pending ones included."""
    return [list(bench.node.txn.scan(cf, b"", b"\xff" * 40)) for cf in range(len(COLUMN_FAMILIES))]


def assert_sound(bench: Bench) -> None:
    """No row belongs to nothing, every collection has what it says."""
    bench.node.tick.end()
    store = bench.node.store
    assert invariants.orphans(store) == []
    for check in (
        invariants.hashes, invariants.sets, invariants.lists, invariants.zsets, invariants.bitmaps,
        invariants.hyperloglogs, invariants.streams,
    ):  # fmt: skip
        assert check(store) == []


def make(call: Caller, case: Case) -> None:
    for words in case.writes:
        call(*[str(word) if isinstance(word, float) else word for word in words])


def test_every_type_over_every_other(bench: Bench, call: Caller) -> None:
    """The payload of a value restored over a value of another type, or over a dead key, is the value."""
    for case in CASES:
        make(call, case)
    payloads = [call("DUMP", case.key) for case in CASES]
    for case, payload in zip(CASES, payloads[1:] + payloads[:1], strict=True):
        assert call("RESTORE", case.key, 0, payload, "REPLACE") == b"OK"
        assert call("DUMP", case.key) == payload
    assert_sound(bench)
    for case in CASES:
        call("PEXPIRE", case.key, 10)
    bench.advance(20)
    for case, payload in zip(CASES, payloads, strict=True):
        assert call("RESTORE", case.key, 5000, payload) == b"OK", "a dead key is no key"
        assert call("DUMP", case.key) == payload
        assert call("PTTL", case.key) == 5000
    assert_sound(bench)
    assert call("DEL", *[case.key for case in CASES]) == len(CASES)
    assert [rows for rows in everything(bench)[:CF_PROPAGATE] if rows] == []


def test_what_is_refused_changes_nothing(bench: Bench, call: Caller) -> None:
    call("ZADD", "k", 1, "a", 2, "b")
    call("SET", "s", "v")
    good = call("DUMP", "k")
    before = everything(bench)
    for payload, error in (
        (b"", BAD_FOOTER), (b"short", BAD_FOOTER), (good[:-1], BAD_FOOTER), (good[:-1] + b"x", BAD_FOOTER),
        (b"\x00" + good[1:], BAD_FOOTER), (sealed(b""), BAD_DATA), (sealed(b"\x07module"), BAD_DATA),
        (sealed(b"\x05\x02\x01a" + bytes(8)), BAD_DATA), (sealed(b"\x02\0"), BAD_DATA),
        (sealed(good[:-10] + b"x"), BAD_DATA),
    ):  # fmt: skip
        for key in ("k", "s", "new"):
            assert call.error("RESTORE", key, 0, payload, "REPLACE") == error
            assert call.error("RESTORE", key, 1, payload, "REPLACE", "ABSTTL") == error
    assert call.error("RESTORE", "k", 0, good) == "BUSYKEY Target key name already exists."
    assert call.error("RESTORE", "k", 2**63 - 1, good, "REPLACE") == "ERR Invalid TTL value, must be >= 0"
    assert everything(bench) == before


def test_expiry(bench: Bench, call: Caller) -> None:
    call("HSET", "h", "f", "v")
    call("PEXPIRE", "h", 77_000)
    payload = call("DUMP", "h")
    assert call("RESTORE", "a", 1000, payload) == b"OK"
    assert call("RESTORE", "b", NOW_MS + 2000, payload, "ABSTTL") == b"OK"
    assert call("RESTORE", "h", 0, payload, "REPLACE") == b"OK"
    assert [call("PEXPIRETIME", key) for key in "abh"] == [NOW_MS + 1000, NOW_MS + 2000, -1]
    codec = bench.node.txn.codec
    index = {row for row, _ in everything(bench)[CF_PROPAGATE] if row.startswith(EXPIRY_PREFIX)}
    assert index == {encode_expiry_key(NOW_MS + n * 1000, codec.metadata_key(key)) for n, key in ((1, b"a"), (2, b"b"))}
    assert call("RESTORE", "h", NOW_MS, payload, "ABSTTL", "REPLACE") == b"OK"
    assert call("RESTORE", "new", 1, payload, "ABSTTL") == b"OK"
    assert call("EXISTS", "h", "new") == 0


def test_equal_values_have_equal_payloads(call: Caller) -> None:
    """However they came to be."""
    words = [b"%d" % (i * 37 % 101) for i in range(101)]
    for key, order in (("1", words), ("2", words[::-1])):
        call("SADD", "s" + key, *order)
        for word in order:
            call("HSET", "h" + key, word, word)
            call("ZADD", "z" + key, int(word) % 5, word)
    call("ZADD", "z1", "-0", "zero")
    call("ZADD", "z2", "0", "zero")
    for kind in "shz":
        assert call("DUMP", kind + "1") == call("DUMP", kind + "2")


def test_watched_keys_and_waiting_clients(bench: Bench, call: Caller) -> None:
    call("RPUSH", "source", "x")
    payload = call("DUMP", "source")
    watcher, waiter = bench.client(), bench.client()
    watcher("WATCH", "list")
    watcher("MULTI")
    watcher("PING")
    bench.commits, commits = False, bench.commits
    waiter.session.link.wake = lambda: None  # type: ignore[method-assign]
    execute(waiter.session, [b"BLPOP", b"list", b"0"])
    assert waiter.session.suspended
    bench.commits = commits
    assert call("RESTORE", "list", 0, payload) == b"OK"
    assert waiter.session.writer.take() == b"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n"
    assert watcher("EXEC") is None


def test_encodings(call: Caller) -> None:
    def encoding(*words: str | bytes | int) -> str:
        call("DEL", "k")
        call(words[0], "k", *words[1:])
        return str(call("OBJECT", "ENCODING", "k").decode())

    numbers = range(129)
    names = [f"m{i}" for i in range(513)]
    assert encoding("SADD", *numbers) == "intset"
    assert encoding("SADD", *numbers, "x") == "hashtable"
    assert encoding("SADD", *names[:128]) == "listpack"
    assert encoding("SADD", *range(512)) == "intset"
    assert encoding("SADD", *range(513)) == "hashtable"
    assert encoding("SADD", "x" * 65) == "hashtable"
    assert encoding("HSET", *[each for name in names[:512] for each in (name, name)]) == "listpack"
    assert encoding("HSET", *[each for name in names for each in (name, name)]) == "hashtable"
    assert encoding("HSET", "f", "x" * 64) == "listpack"
    assert encoding("HSET", "f", "x" * 65) == "hashtable"
    assert encoding("ZADD", *[each for name in names[:128] for each in (1, name)]) == "listpack"
    assert encoding("ZADD", *[each for name in names[:129] for each in (1, name)]) == "skiplist"
    assert encoding("RPUSH", *range(2000)) == "listpack"
    assert encoding("RPUSH", *range(5000)) == "quicklist"
    assert encoding("RPUSH", "x" * 8000) == "listpack"
    assert encoding("RPUSH", "x" * 9000) == "quicklist"
    assert encoding("RPUSH", "x" * 5000, "y" * 5000) == "quicklist"
    assert encoding("XADD", "*", "f", "v") == "stream"
    assert encoding("SET", "12") == "int"
    assert encoding("SET", "x" * 44) == "embstr"
    assert encoding("SET", "x" * 45) == "raw"
    assert encoding("SETBIT", 7, 1) == "raw"
    assert call("OBJECT", "ENCODING", "no such key") is None


READERS = {
    b"string": ["GET k"],
    b"list": ["LRANGE k 0 -1", "LPOP k", "RPUSH k x"],
    b"set": ["SMEMBERS k", "SADD k x", "SPOP k"],
    b"hash": ["HGETALL k", "HSET k f v"],
    b"zset": ["ZRANGE k 0 -1 WITHSCORES", "ZADD k 1 x", "ZPOPMIN k"],
    b"stream": [
        "XINFO STREAM k FULL", "XADD k * f v", "XPENDING k g1 - + 10", "XREADGROUP GROUP g1 z STREAMS k >",
        "XAUTOCLAIM k g1 z 0 0", "XTRIM k MAXLEN 1",
    ],
}  # fmt: skip


def test_damaged_payloads_are_refused_or_values(bench: Bench, call: Caller) -> None:
    """What passes in spite of its damage can be read, changed and dumped like any value."""
    lines = (golden_files.FOLDER / "redis.payloads.jsonl").read_text().splitlines()
    bodies = [bytes.fromhex(json.loads(line)["payload"])[:-10] for line in lines]
    rng = Random(7)
    taken = 0
    for _ in range(1500):
        body = bytearray(rng.choice(bodies))
        for _ in range(rng.randint(1, 2)):
            body[rng.randrange(len(body))] = rng.choice((0, 1, 127, 128, 254, 255, rng.randrange(256)))
        if call("RESTORE", "k", 0, sealed(bytes(body)), "REPLACE") != b"OK":
            continue
        taken += 1
        payload = call("DUMP", "k")
        assert call("RESTORE", "copy", 0, payload, "REPLACE") == b"OK"
        assert call("DUMP", "copy") == payload
        for line in READERS[call("TYPE", "k")]:
            call(*line.split())
    assert taken > 50
    assert_sound(bench)


# -- in a cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Bench]:
    """A node that owns no slot and imports one."""
    bench = Bench(tmp_path, commits=True, cluster=True)
    me, other = "a" * 40, "b" * 40
    bench.call("CLUSTERX", "SETNODEID", me)
    nodes = f"{me} 10.0.0.1 6666 master -\n{other} 10.0.0.2 6666 master - 0-16383"
    assert bench.call("CLUSTERX", "SETNODES", nodes, 1) == b"OK"
    yield bench
    bench.close()


def test_restore_asking(cluster: Bench) -> None:
    """What Redis's MIGRATE sends into a slot that is being imported."""
    call = cluster.call
    slot = slot_of(b"k")
    payload = sealed(b"\x00\x01v")
    moved = f"MOVED {slot} 10.0.0.2:6666"
    assert call.error("RESTORE-ASKING", "k", 0, payload, "REPLACE") == moved
    assert cluster.client()("CLUSTER", "IMPORT", slot, 0) == b"OK"
    assert call.error("RESTORE", "k", 0, payload, "REPLACE") == moved
    assert call("RESTORE-ASKING", "k", 0, payload, "REPLACE") == b"OK"
    assert call.error("GET", "k") == moved, "it asks for itself only"
    assert call("ASKING") == b"OK"
    assert call("GET", "k") == b"v"
