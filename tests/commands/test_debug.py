"""DEBUG, as far as it exists."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire import assert_same, error

from servers import Server, start_redis

TYPES = ["string", "integer", "double", "null", "array", "set", "map", "push", "verbatim", "true", "false"]
SAME_AS_REDIS = ["DEBUG JMAP", "DEBUG SLEEP", "DEBUG SET-ACTIVE-EXPIRE", "DEBUG SET-ACTIVE-EXPIRE 0",
                 "DEBUG SET-ACTIVE-EXPIRE 1", "DEBUG foo", "DEBUG SLEEP 0", "DEBUG ERROR TEST",
                 "DEBUG", "DEBUG LOG x"]  # fmt: skip


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory, redis_server: Server) -> Iterator[Server]:
    with start_redis(tmp_path_factory.mktemp("redis-debug"), "--enable-debug-command", "yes") as server:
        yield server


@pytest.mark.parametrize("protocol", [2, 3])
def test_same_replies_as_redis(slotrocks_server: Server, redis: Server, protocol: int) -> None:
    with slotrocks_server.client(protocol) as ours, redis.client(protocol) as theirs:
        assert_same(ours, theirs, SAME_AS_REDIS)
        if protocol == 3:  # RESP2 has no form of its own for push, and Redis sends attributes
            for name in set(TYPES) - {"push"}:
                raw = [client.call_raw("DEBUG", "PROTOCOL", name)[0] for client in (ours, theirs)]
                assert raw[0] == raw[1], name


def test_sleep_stops_everything(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as one, slotrocks_server.client() as two:
        began = time.monotonic()
        one.send("DEBUG", "SLEEP", "0.05")
        assert one.receive()[1] == b"OK" and time.monotonic() - began >= 0.05
        assert two.call("PING") == b"PONG"
        assert error(one, "DEBUG", "PROTOCOL", "nosuch").startswith("ERR Wrong protocol type name.")


def test_active_expiry_can_be_switched_off(slotrocks_server: Server, tmp_path: Path) -> None:
    with slotrocks_server.client() as client:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        client.call("SET", "gone", "x", "PX", 1)
        while client.call("GET", "gone") is not None:
            pass
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
        assert client.call("GET", "gone") is None
        assert client.call("DEBUG", "HELP")[0].startswith(b"DEBUG <subcommand>")
