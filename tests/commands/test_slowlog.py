"""SLOWLOG."""

from wire import assert_same

from servers import Server
from slotrocks.server.config import Config
from slotrocks.server.redact import redacted
from slotrocks.server.slowlog import SlowLog, shortened

SAME_AS_REDIS = ["SLOWLOG GET abc", "SLOWLOG GET -2", "SLOWLOG GET 0", "SLOWLOG FOO", "SLOWLOG GET 1 2",
                 "SLOWLOG RESET", "SLOWLOG LEN", "SLOWLOG"]  # fmt: skip


def test_same_replies_as_redis(slotrocks_server: Server, redis_server: Server) -> None:
    with slotrocks_server.client() as ours, redis_server.client() as theirs:
        assert_same(ours, theirs, SAME_AS_REDIS)


def test_entries(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        before = client.call("CONFIG", "GET", "slowlog-log-slower-than")[1]
        client.call("CLIENT", "SETNAME", "slow")
        client.call("CONFIG", "SET", "slowlog-log-slower-than", 0, "slowlog-max-len", 3)
        client.call("SLOWLOG", "RESET")
        for i in range(5):
            client.call("ECHO", i)
        entries = client.call("SLOWLOG", "GET")
        assert [entry[3] for entry in entries] == [[b"ECHO", b"4"], [b"ECHO", b"3"], [b"ECHO", b"2"]]
        number, unix_time, elapsed_us, _, peer, name = entries[0]
        assert number == entries[1][0] + 1 and unix_time > 1_600_000_000 and elapsed_us >= 0
        assert peer.startswith(b"127.0.0.1:") and name == b"slow"
        assert client.call("SLOWLOG", "LEN") == 3
        client.call("CONFIG", "SET", "slowlog-max-len", 1)
        assert len(client.call("SLOWLOG", "GET", -1)) == 1
        client.call("CONFIG", "SET", "slowlog-log-slower-than", before, "slowlog-max-len", 128)


def test_long_calls_are_shortened() -> None:
    assert shortened([b"a"] * 32) == [b"a"] * 32
    words = shortened([b"a"] * 40)
    assert len(words) == 32 and words[-1] == b"... (9 more arguments)"
    assert shortened([b"x" * 128, b"y" * 130]) == [b"x" * 128, b"y" * 128 + b"... (2 more bytes)"]
    assert len(SlowLog(Config())) == 0


def test_redaction() -> None:
    hidden = b"(redacted)"
    assert redacted("auth", [b"AUTH", b"u", b"p"]) == [b"AUTH", hidden, hidden]
    assert redacted("hello", [b"HELLO", b"3", b"AUTH", b"u", b"p"]) == [b"HELLO", b"3", b"AUTH", hidden, hidden]
    call = [b"CONFIG", b"SET", b"timeout", b"1", b"requirepass", b"p"]
    assert redacted("config|set", call) == [*call[:5], hidden]
    assert redacted("get", [b"GET", b"auth", b"x"]) == [b"GET", b"auth", b"x"]
