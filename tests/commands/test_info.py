"""INFO."""

import os

from servers import Server


def sections(text: bytes) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for part in text.decode().split("\r\n\r\n"):
        head, *lines = part.strip().split("\r\n")
        found[head.removeprefix("# ")] = dict(line.partition(":")[::2] for line in lines if not line.startswith("#"))  # type: ignore[misc]
    return found


def test_sections_can_be_chosen(slotrocks_server: Server) -> None:
    with slotrocks_server.client(3) as client:
        default = sections(client.call("INFO"))
        assert "Commandstats" not in default and "Commandstats" in sections(client.call("INFO", "all"))
        assert sections(client.call("INFO", "default")).keys() == default.keys()
        assert list(sections(client.call("INFO", "KEYSPACE", "server"))) == ["Server", "Keyspace"]
        assert list(sections(client.call("INFO", "everything", "nosuch"))) == list(sections(client.call("INFO", "all")))
        assert client.call("INFO", "nosuch") == b""


def test_what_clients_and_the_controller_read(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        client.call("SET", "info", "x")
        found = sections(client.call("INFO"))
        assert found["Server"]["redis_version"].startswith("7.2.")
        assert found["Server"]["redis_mode"] == "standalone"
        assert found["Server"]["process_id"] == str(slotrocks_server.process.pid) != str(os.getpid())
        assert found["Server"]["tcp_port"] == str(slotrocks_server.port)
        assert (found["Replication"]["role"], found["Replication"]["connected_slaves"]) == ("master", "0")
        assert int(found["Keyspace"]["sequence"]) == int(found["Replication"]["master_repl_offset"]) > 0
        assert found["Keyspace"]["db0"].startswith("keys=")
        assert found["Persistence"]["loading"] == "0"
        assert int(found["Memory"]["used_memory"]) > 0
        assert int(found["Clients"]["connected_clients"]) >= 1
        assert found["Cluster"]["cluster_enabled"] == "0"
        assert int(found["RocksDB"]["estimate_keys[metadata]"]) >= 1


def test_statistics_of_commands(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        client.call("CONFIG", "RESETSTAT")
        client.call("ECHO", "x")
        client.call_raw("ECHO")
        client.call_raw("CONFIG", "SET", "port", "1")
        found = sections(client.call("INFO", "commandstats", "errorstats"))
        assert found["Commandstats"]["cmdstat_echo"].startswith("calls=1,usec=")
        assert found["Commandstats"]["cmdstat_echo"].endswith("rejected_calls=1,failed_calls=0")
        assert found["Commandstats"]["cmdstat_config|set"].endswith("failed_calls=1")
        assert found["Errorstats"]["errorstat_ERR"] == "count=2"
