"""CLIENT."""

import pytest
from wire import assert_same, error

from servers import Client, Server

FIELDS_7_2 = (
    "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll "
    "omem tot-mem events cmd user redir resp lib-name lib-ver"
).split()
SAME_AS_REDIS = [
    "CLIENT LIST TYPE foo", "CLIENT LIST TYPE", "CLIENT LIST ID", "CLIENT LIST ID abc", "CLIENT LIST foo",
    "CLIENT LIST TYPE master", "CLIENT LIST TYPE pubsub", "CLIENT KILL", "CLIENT KILL 1.2.3.4:5", "CLIENT KILL ID abc",
    "CLIENT KILL ID 0", "CLIENT KILL ID 99999", "CLIENT KILL TYPE foo", "CLIENT KILL USER foo",
    "CLIENT KILL SKIPME foo",
    "CLIENT KILL ID", "CLIENT KILL foo bar", "CLIENT KILL ADDR 1:2 LADDR 3:4", "CLIENT KILL ID 1 ID",
    "CLIENT KILL TYPE replica", "CLIENT REPLY foo", "CLIENT NO-EVICT foo", "CLIENT NO-EVICT on", "CLIENT UNBLOCK abc",
    "CLIENT UNBLOCK 5", "CLIENT UNBLOCK 5 foo", "CLIENT PAUSE abc", "CLIENT PAUSE -1", "CLIENT PAUSE 10 foo",
    "CLIENT UNPAUSE", "CLIENT GETREDIR", "CLIENT TRACKINGINFO", "CLIENT CACHING yes", "CLIENT TRACKING foo",
    "CLIENT TRACKING off", "CLIENT ID foo", "CLIENT GETNAME", "CLIENT SETNAME x", "CLIENT GETNAME", "CLIENT REPLY on",
]  # fmt: skip


def fields(line: bytes) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in line.decode().split())  # type: ignore[misc]


@pytest.mark.parametrize("protocol", [2, 3])
def test_same_replies_as_redis(slotrocks_server: Server, redis_server: Server, protocol: int) -> None:
    with slotrocks_server.client(protocol) as ours, redis_server.client(protocol) as theirs:
        assert_same(ours, theirs, SAME_AS_REDIS)


def test_info_has_the_fields_of_redis_7_2(slotrocks_server: Server) -> None:
    with slotrocks_server.client(3) as client:
        client.call("CLIENT", "SETNAME", "n")
        client.call("CLIENT", "SETINFO", "LIB-NAME", "lib")
        client.call("CLIENT", "SETINFO", "lib-ver", "1.2")
        client.call("CLIENT", "NO-TOUCH", "on")
        got = fields(client.call("CLIENT", "INFO"))
        assert list(got) == FIELDS_7_2
        assert (got["name"], got["lib-name"], got["lib-ver"], got["resp"]) == ("n", "lib", "1.2", "3")
        assert (got["flags"], got["cmd"], got["multi"], got["user"]) == ("T", "client|info", "-1", "default")
        assert error(client, "CLIENT", "SETINFO", "foo", "x") == "ERR Unrecognized option 'foo'"
        text = "ERR LIB-VER cannot contain spaces, newlines or special characters."
        assert error(client, "CLIENT", "SETINFO", "LIB-VER", "a b") == text


def test_list_and_its_filters(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as one, slotrocks_server.client() as two:
        ids = [one.call("CLIENT", "ID"), two.call("CLIENT", "ID")]
        two.call("MULTI")
        two.call("PING")
        listed = {line["id"]: line for line in map(fields, one.call("CLIENT", "LIST").splitlines())}
        assert listed[str(ids[1])]["multi"] == "1" and listed[str(ids[1])]["flags"] == "x"
        assert len(one.call("CLIENT", "LIST", "ID", *ids).splitlines()) == 2
        assert len(one.call("CLIENT", "LIST", "TYPE", "normal").splitlines()) == len(listed)


def is_closed(client: Client) -> bool:
    try:
        client.call("PING")
    except OSError:
        return True
    return False


@pytest.mark.parametrize("by", ["address", "ID", "ADDR"])
def test_kill(slotrocks_server: Server, by: str) -> None:
    with slotrocks_server.client() as killer, slotrocks_server.client() as victim, slotrocks_server.client() as other:
        line = fields(victim.call("CLIENT", "INFO"))
        if by == "address":
            assert killer.call("CLIENT", "KILL", line["addr"]) == b"OK"
        else:
            assert killer.call("CLIENT", "KILL", by, line["id"] if by == "ID" else line["addr"]) == 1
        assert killer.call("CLIENT", "LIST", "ID", line["id"]) == b""
        assert is_closed(victim) and not is_closed(other)


def test_kill_spares_the_caller_unless_told(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        own = client.call("CLIENT", "ID")
        assert client.call("CLIENT", "KILL", "ID", own) == 0
        assert client.call("CLIENT", "KILL", "ID", own, "MAXAGE", 100000, "SKIPME", "no") == 0
        assert error(client, "CLIENT", "KILL", "MAXAGE", 0) == "ERR maxage should be greater than 0"
        assert client.call("CLIENT", "KILL", "ID", own, "SKIPME", "no") == 1
        assert is_closed(client)


def test_reply_off_and_skip(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        client.send("ECHO", "before")
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("ECHO", "skipped")
        client.send("ECHO", "after")
        client.send("CLIENT", "REPLY", "OFF")
        for words in (("SET", "reply", "1"), ("NOSUCH",), ("CLIENT", "REPLY", "SKIP"), ("PING",)):
            client.send(*words)
        client.send("CLIENT", "REPLY", "ON")
        client.send("GET", "reply")
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("PING")
        client.send("ECHO", "end")
        assert [client.receive()[1] for _ in range(5)] == [b"before", b"after", b"OK", b"1", b"end"]


def test_pause_of_writes_holds_them_and_keeps_their_order(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as admin, slotrocks_server.client() as writer, slotrocks_server.client() as second:
        writer.call("SET", "paused", "0")
        second.call("MULTI")
        second.call("APPEND", "paused", "2")
        admin.call("CLIENT", "PAUSE", 60000, "WRITE")
        writer.send("APPEND", "paused", "1")
        writer.send("GET", "paused")
        while b" flags=b " not in admin.call("CLIENT", "LIST"):
            pass
        second.send("EXEC")
        while admin.call("CLIENT", "LIST").count(b" flags=xb ") == 0:
            pass
        assert admin.call("GET", "paused") == b"0"
        admin.call("CLIENT", "UNPAUSE")
        assert writer.receive()[1] == 2
        assert second.receive()[1] == [3]
        assert writer.receive()[1] in (b"01", b"012")
        assert admin.call("GET", "paused") == b"012"


def test_pause_of_everything_ends_by_itself(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as admin, slotrocks_server.client() as reader:
        admin.call("CLIENT", "PAUSE", 50)
        assert reader.call("PING") == b"PONG"
        assert admin.call("CLIENT", "UNPAUSE") == b"OK"


def test_a_held_client_may_leave(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as admin:
        admin.call("SET", "left", "0")
        admin.call("CLIENT", "PAUSE", 60000, "WRITE")
        with slotrocks_server.client() as writer:
            writer.send("SET", "left", "1")
            while b" flags=b " not in admin.call("CLIENT", "LIST"):
                pass
        while b" flags=b " in admin.call("CLIENT", "LIST"):
            pass
        admin.call("CLIENT", "UNPAUSE")
        assert admin.call("GET", "left") == b"0"


def test_tracking_is_refused(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        assert "not supported" in error(client, "CLIENT", "TRACKING", "ON")
        assert b"CLIENT <subcommand>" in client.call("CLIENT", "HELP")[0]
