"""A stand-in for a Kvrocks node as the target of a migration: it speaks what Kvrocks 2.10 does, and notes all it hears.

`on_request` may answer in its place: with the bytes of a reply, HANG_UP (the link ends), SILENCE (no answer, ever), or
None for what Kvrocks would say.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import hiredis

from slotrocks.engine import CF_METADATA, OP_DELETE, OP_PUT, KeyCodec, decode_batch, decode_metadata

HANG_UP = "hang up"
SILENCE = "silence"
Hook = Callable[[list[bytes]], "bytes | str | None"]

OK = b"+OK\r\n"
USAGE = b"-ERR CLUSTERX command, CLUSTERX VERSION|MYID|SETNODEID|SETNODES|SETSLOT|MIGRATE\r\n"
APPLYBATCH_INFO = b"*1\r\n*6\r\n$10\r\napplybatch\r\n:-2\r\n*2\r\n+write\r\n+no-multi\r\n:0\r\n:0\r\n:0\r\n"
_STATES = {b"1": "success", b"2": "error"}


class FakeKvrocks:
    """Listens on a free port of loopback. `rows`, `strings` are what came; `requests` every request, in order."""

    def __init__(self, on_request: Hook = lambda words: None, password: bytes = b"") -> None:
        self.on_request = on_request
        self.requests: list[list[bytes]] = []
        self.rows: dict[tuple[int, bytes], bytes] = {}
        self.strings: dict[bytes, bytes] = {}
        self.slots = ""
        self.state = "none"  # import_state
        self._password = password
        self._codec = KeyCodec(True)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._links: set[socket.socket] = set()
        self._closing = False
        threading.Thread(target=self._listen, daemon=True).start()

    def names(self) -> list[str]:
        """What was asked, in short: names, and the states of IMPORT."""
        with self._lock:
            words = [[each.decode("latin-1").upper() for each in request] for request in self.requests]
        shown = {"CLUSTER": 4, "CLUSTERX": 3, "COMMAND": 3}
        return [" ".join(each[: shown.get(each[0], 1)]) for each in words]

    def values(self) -> dict[bytes, bytes]:
        """The strings that came, either way."""
        found = dict(self.strings)
        for (cf, key), value in self.rows.items():
            if cf == CF_METADATA:
                found[self._codec.user_key(key)] = decode_metadata(value).payload
        return found

    def close(self) -> None:
        """Ends every connection, and listens no more."""
        self._closing = True
        self._listener.close()
        for link in list(self._links):
            link.close()

    def _listen(self) -> None:
        while not self._closing:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self._links.add(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        reader = hiredis.Reader()
        importing = authenticated = False
        try:
            while data := link.recv(1 << 16):
                reader.feed(data)
                while (words := reader.gets()) is not False:
                    with self._lock:
                        self.requests.append(words)
                        reply = self.on_request(words)
                        if reply is None:
                            reply = self._answer(words, authenticated=authenticated)
                    authenticated = authenticated or (words[0].upper() == b"AUTH" and reply == OK)
                    if words[0].upper() == b"CLUSTER" and words[1].upper() == b"IMPORT" and words[-1] == b"0":
                        importing = reply == OK
                    if reply == HANG_UP:
                        return
                    if isinstance(reply, bytes):
                        link.sendall(reply)
        except OSError:
            pass
        finally:
            if importing and self.state == "start":  # the end of the link ends the import
                self.state = "error"
                self.rows.clear()
                self.strings.clear()
            link.close()

    def _answer(self, words: list[bytes], *, authenticated: bool) -> bytes:
        match [words[0].upper(), *words[1:]]:
            case [b"AUTH", password]:
                return OK if password == self._password else b"-ERR invalid password\r\n"
            case _ if self._password and not authenticated:
                return b"-NOAUTH Authentication required.\r\n"
            case [b"COMMAND", _, _]:
                return APPLYBATCH_INFO
            case [b"CLUSTERX", *_]:
                return USAGE
            case [b"CLUSTER", sub, slots, b"0"] if sub.upper() == b"IMPORT":
                self.slots, self.state = slots.decode(), "start"
                return OK
            case [b"CLUSTER", sub, slots, state] if sub.upper() == b"IMPORT":
                if slots.decode() != self.slots:
                    return b"-ERR mismatch slot\r\n"
                self.state = _STATES[state]
                return OK
            case [b"CLUSTER", sub] if sub.upper() == b"INFO":
                return self.info()
            case [b"APPLYBATCH", batch]:
                for op, cf, key, value in decode_batch(batch):
                    if op == OP_PUT:
                        self.rows[cf, key] = value
                    elif op == OP_DELETE:
                        self.rows.pop((cf, key), None)
                return b":%d\r\n" % len(batch)
            case [b"SET", key, value, *_]:
                self.strings[key] = value
                return OK
            case [b"DEL", key]:
                return b":%d\r\n" % (self.strings.pop(key, None) is not None)
        return b"-ERR unknown command\r\n"

    def info(self) -> bytes:
        """CLUSTER INFO, as after an import."""
        text = "cluster_state:ok\r\ncluster_current_epoch:1\r\n"
        if self.slots:
            text += f"importing_slot(s): {self.slots}\r\nimport_state: {self.state}\r\n"
        return b"$%d\r\n%s\r\n" % (len(text), text.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
