"""TIME, ROLE, SHUTDOWN, LASTSAVE, REPLICAOF, LOLWUT, MEMORY, DISK."""

import time
from pathlib import Path

import pytest
from wire import assert_same, error

from servers import Server, start_slotrocks

SAME_AS_REDIS = [
    "LASTSAVE x", "MONITOR x", "SHUTDOWN foo", "SHUTDOWN ABORT", "SHUTDOWN NOSAVE SAVE", "REPLICAOF a",
    "REPLICAOF NO ONE", "MEMORY FOO", "MEMORY USAGE nokey", "MEMORY USAGE k SAMPLES", "MEMORY USAGE k SAMPLES abc",
    "MEMORY USAGE k SAMPLES -1", "MEMORY USAGE k foo 1", "MEMORY PURGE", "MEMORY MALLOC-STATS x", "SLAVEOF 1 2 3",
]  # fmt: skip


def test_same_replies_as_redis(slotrocks_server: Server, redis_server: Server) -> None:
    with slotrocks_server.client() as ours, redis_server.client() as theirs:
        assert_same(ours, theirs, SAME_AS_REDIS)


def test_small_talk(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        seconds, us = client.call("TIME")
        assert abs(int(seconds) - time.time()) < 60 and 0 <= int(us) < 1_000_000
        role, sequence, replicas = client.call("ROLE")
        assert (role, replicas) == (b"master", []) and sequence >= 0
        assert client.call("LASTSAVE") <= time.time()
        assert b"Slotrocks ver." in client.call("LOLWUT")
        assert error(client, "REPLICAOF", "127.0.0.1", 1) == "ERR replication is not supported by this server"


def test_memory_and_disk_usage(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        client.call("SET", "usage", b"x" * 1000)
        assert 1000 < client.call("MEMORY", "USAGE", "usage") == client.call("DISK", "USAGE", "usage") < 1100
        assert client.call("MEMORY", "USAGE", "usage", "SAMPLES", 0) > 1000
        assert client.call("DISK", "USAGE", "nosuch") is None
        assert error(client, "DISK", "FREE", "usage").startswith("ERR unknown subcommand")
        stats = client.call("MEMORY", "STATS")
        assert stats[stats.index(b"keys.count") + 1] >= 1
        assert client.call("MEMORY", "DOCTOR") and client.call("MEMORY", "MALLOC-STATS")


def test_cluster_mode_is_told(tmp_path: Path) -> None:
    with start_slotrocks(tmp_path, "--cluster-enabled", "yes") as server, server.client() as client:
        assert error(client, "REPLICAOF", "a", "1") == "ERR REPLICAOF not allowed in cluster mode."
        assert error(client, "SLAVEOF", "NO", "ONE") == "ERR SLAVEOF not allowed in cluster mode."
        assert error(client, "SELECT", "1") == "ERR SELECT is not allowed in cluster mode"
        assert b"redis_mode:cluster" in client.call("INFO", "server")
        assert client.call("HELLO", 3)[b"mode"] == b"cluster"


@pytest.mark.parametrize("option", [(), ("NOSAVE",), ("SAVE", "NOW", "FORCE")])
def test_shutdown_keeps_everything(tmp_path: Path, option: tuple[str, ...]) -> None:
    with start_slotrocks(tmp_path) as server:
        with server.client() as client:
            client.call("SET", "kept", "1")
            client.send("SHUTDOWN", *option)
            with pytest.raises(ConnectionError):
                client.receive()
        assert server.process.wait(30) == 0
        server.start()
        with server.client() as client:
            assert client.call("GET", "kept") == b"1"
