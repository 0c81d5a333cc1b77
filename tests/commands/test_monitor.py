"""MONITOR."""

import re

from servers import Server
from slotrocks.engine import Simple
from slotrocks.server.monitor import monitor_line


def test_commands_are_shown(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as watcher, slotrocks_server.client() as client:
        assert watcher.call("MONITOR") == b"OK"
        client.call("CONFIG", "GET", "port")  # of the administrator: not shown
        client.call("SET", "k", b'a"b\r\n\xff\\')
        line = watcher.receive()[1]
        assert re.fullmatch(rb'\d{10}\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "k" "a\\"b\\r\\n\\xff\\\\"', line), line
        own = watcher.call("PING")
        assert own.endswith(b'"PING"')
        assert watcher.receive()[1] == b"PONG"
        watcher.send("RESET")
        while watcher.receive()[1] != b"RESET":
            pass
        client.call("PING")
        assert watcher.call("ECHO", "only this") == b"only this"


def test_the_line() -> None:
    line = monitor_line(1700000000.5, "127.0.0.1:5", [b"GET", b"\x00\x07\x08\t"])
    assert line == Simple(b'1700000000.500000 [0 127.0.0.1:5] "GET" "\\x00\\a\\b\\t"')
