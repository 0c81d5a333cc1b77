"""PING, ECHO, HELLO, AUTH, SELECT, QUIT, RESET."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from wire import error, values

from servers import Server, start_slotrocks

SAME_AS_REDIS = [
    "PING", "PING hi", "PING a b", "ECHO", "ECHO x", "HELLO 4", "HELLO abc", "HELLO 3 auth", "HELLO 3 auth a b",
    "HELLO 3 setname", "HELLO 3 foo", "AUTH", "AUTH x", "AUTH default x", "AUTH foo x", "AUTH a b c", "SELECT 0",
    "SELECT abc", "SELECT 99", "SELECT -1", "SELECT 99999999999", "SELECT 99999999999999999999", "RESET x", "TIME x",
    "ROLE x", "NOSUCH a b", "CLIENT", "CLIENT FOO", "RESET", "QUIT x",
]  # fmt: skip


def test_same_replies_as_redis(slotrocks_server: Server, redis_server: Server) -> None:
    with slotrocks_server.client() as ours, redis_server.client() as theirs:
        assert values(ours, SAME_AS_REDIS) == values(theirs, SAME_AS_REDIS)


def test_hello_tells_what_clients_need(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        two = client.call("HELLO", 2, "SETNAME", "me")
        fields = dict(zip(two[::2], two[1::2], strict=True))
        assert (fields[b"server"], fields[b"proto"], fields[b"mode"]) == (b"redis", 2, b"standalone")
        assert (fields[b"role"], fields[b"modules"]) == (b"master", [])
        assert fields[b"id"] == client.call("CLIENT", "ID")
        assert client.call("CLIENT", "GETNAME") == b"me"
        assert client.call("HELLO", 3)[b"proto"] == 3
        assert client.call("HELLO")[b"proto"] == 3
        assert error(client, "HELLO", "3", "SETNAME", "a b").startswith("ERR Client names cannot contain spaces")


def test_quit_closes_after_its_reply(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        client.send("PING")
        client.send("QUIT")
        client.send("PING")
        assert [client.receive()[1], client.receive()[1]] == [b"PONG", b"OK"]
        with pytest.raises(ConnectionError):
            client.receive()


def test_reset_forgets_the_connections_state(slotrocks_server: Server) -> None:
    with slotrocks_server.client(3) as client:
        for words in (("CLIENT", "SETNAME", "x"), ("CLIENT", "NO-TOUCH", "ON"), ("WATCH", "k"), ("MULTI",), ("PING",)):
            client.call(*words)
        assert client.call("RESET") == b"RESET"
        assert client.call("CLIENT", "GETNAME") is None
        assert error(client, "EXEC") == "ERR EXEC without MULTI"
        assert b" resp=2 " in client.call("CLIENT", "INFO")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_slotrocks(tmp_path_factory.mktemp("locked"), "--requirepass", "secret") as server:
        yield server


def test_nothing_runs_before_the_password(locked: Server) -> None:
    with locked.client() as client:
        assert error(client, "PING") == "NOAUTH Authentication required."
        assert error(client, "HELLO", 3).startswith("NOAUTH HELLO must be called with the client already authenticated")
        for words in (("AUTH", "wrong"), ("AUTH", "default", "wrong"), ("AUTH", "other", "secret")):
            assert error(client, *words).startswith("WRONGPASS")
        assert client.call("AUTH", "secret") == b"OK"
        assert client.call("PING") == b"PONG"
        assert client.call("RESET") == b"RESET"
        assert error(client, "PING") == "NOAUTH Authentication required."
        assert client.call("HELLO", 3, "AUTH", "default", "secret")[b"proto"] == 3


def test_the_password_lifts_the_limits_on_requests(locked: Server) -> None:
    big = b"x" * 20_000  # unauthenticated clients may send 16 KiB
    with locked.client() as client:
        client.call("AUTH", "secret")
        assert client.call("ECHO", big) == big
        client.call("RESET")
        assert "unauthenticated bulk length" in error(client, "ECHO", big)


def test_passwords_are_not_shown(locked: Server, tmp_path: Path) -> None:
    with locked.client() as client, locked.client() as watcher:
        client.call("AUTH", "secret")
        watcher.call("AUTH", "secret")
        client.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
        watcher.call("MONITOR")
        client.call("AUTH", "default", "secret")
        client.call("HELLO", 2, "AUTH", "default", "secret", "SETNAME", "n")
        client.call("CONFIG", "SET", "masterauth", "secret", "timeout", 0)
        client.call("PING")
        lines = []
        while not lines or b"PING" not in lines[-1]:
            lines.append(watcher.receive()[1])
        entries = client.call("SLOWLOG", "GET", -1)
        assert not any(b"secret" in line for line in lines)
        words = [entry[3] for entry in entries]
        assert not any(b"secret" in word for call in words for word in call)
        assert [b"CONFIG", b"SET", b"masterauth", b"(redacted)", b"timeout", b"0"] in words
