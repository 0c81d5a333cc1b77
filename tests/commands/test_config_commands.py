"""CONFIG, and rename-command."""

from pathlib import Path

import pytest
from wire import assert_same, error

from servers import Server, start_slotrocks

SAME_AS_REDIS = ["CONFIG GET", "CONFIG SET", "CONFIG SET a", "CONFIG SET timeout", "CONFIG FOO", "CONFIG GET nosuch",
                 "CONFIG GET timeout maxclients", "CONFIG RESETSTAT", "CONFIG SET timeout abc"]  # fmt: skip


def test_same_replies_as_redis(slotrocks_server: Server, redis_server: Server) -> None:
    for protocol in (2, 3):
        with slotrocks_server.client(protocol) as ours, redis_server.client(protocol) as theirs:
            assert_same(ours, theirs, SAME_AS_REDIS)


def test_set_takes_effect(slotrocks_server: Server) -> None:
    with slotrocks_server.client(3) as client:
        before = client.call("CONFIG", "GET", "slowlog-max-len")
        assert client.call("CONFIG", "SET", "slowlog-max-len", 7, "timeout", 0) == b"OK"
        assert client.call("CONFIG", "GET", "slowlog-max-*") == {b"slowlog-max-len": b"7"}
        client.call("CONFIG", "SET", "slowlog-max-len", before[b"slowlog-max-len"])


def test_resetstat(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        client.call_raw("NOSUCH")
        assert b"errorstat_ERR" in client.call("INFO", "errorstats")
        client.call("CONFIG", "RESETSTAT")
        assert b"errorstat_ERR" not in client.call("INFO", "errorstats")
        assert b"cmdstat_config|resetstat:calls=1," in client.call("INFO", "commandstats")


def test_rewrite_and_rename_command(tmp_path: Path) -> None:
    file = tmp_path / "node.conf"
    file.write_text('rename-command FLUSHALL ""\nrename-command config settings\ntimeout 5\n')
    with start_slotrocks(tmp_path, str(file)) as server, server.client() as client:
        assert error(client, "FLUSHALL").startswith("ERR unknown command 'FLUSHALL'")
        assert error(client, "CONFIG", "GET", "port").startswith("ERR unknown command 'CONFIG'")
        assert client.call("COMMAND", "INFO", "flushall") == [None]
        client.call("SETTINGS", "SET", "timeout", 0)
        assert client.call("SETTINGS", "REWRITE") == b"OK"
        assert "timeout 0\n" in file.read_text() and "timeout 5" not in file.read_text()


def test_rewrite_needs_a_file(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        assert error(client, "CONFIG", "REWRITE") == "ERR The server is running without a config file"
        assert client.call("CONFIG", "HELP")[1] == b"GET <pattern>"


def test_a_client_beyond_its_output_limit_is_closed(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as admin, slotrocks_server.client() as client:
        admin.call("CONFIG", "SET", "client-output-buffer-limit", "normal 1000000 0 0")
        admin.call("SET", "large", b"x" * (16 << 20))
        client.send("GET", "large")
        with pytest.raises(OSError):
            client.receive()
        admin.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
        assert admin.call("STRLEN", "large") == 16 << 20
        admin.call("DEL", "large")
