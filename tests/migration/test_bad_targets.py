"""A target that misbehaves: it answers garbage, the wrong type of reply, nothing, byte by byte for ever, or hangs
up, at every step of the protocol. Before the fence the job fails within its time limit and the source goes on as if
nothing had been; after it, the source serves nothing of the slot and asks until it knows. It never guesses.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from itertools import product

import hiredis
import pytest
from harness import IDS, Node, wait_for

from slotrocks.engine import slot_of

BEHAVIOURS = ("garbage", "wrong type", "error", "nothing", "drip", "close")
BEFORE_FENCE = ("VERSION", "START", "ROWS", "PREPARE")
TEXT = "not RESP at all\r\n"


class FakeTarget:
    """A node that follows the protocol, except in the step `bad`, where it does `behaviour`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.bad: set[str] = set()
        self.behaviour = ""
        self.status = b"unknown"
        self.seen: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        reader = hiredis.Reader()
        with sock, contextlib.suppress(OSError):
            while data := sock.recv(1 << 16):
                reader.feed(data)
                while (words := reader.gets()) is not False:
                    name = words[0].decode().upper()
                    if name == "CLUSTERX":
                        name = (words[2] if words[1] == b"HANDOVER" else words[1]).decode()
                    step = name
                    self.seen.append(step)
                    if step in self.bad:
                        if not self._misbehave(sock):
                            return
                    else:
                        sock.sendall(self._answer(step))

    def _misbehave(self, sock: socket.socket) -> bool:
        match self.behaviour:
            case "garbage":
                sock.sendall(TEXT.encode())
            case "wrong type":
                sock.sendall(b"*1\r\n*0\r\n")
            case "error":
                sock.sendall(b"-ERR no\r\n")
            case "drip":
                sock.sendall(b"$1000000\r\n")
                while True:
                    time.sleep(0.05)
                    sock.sendall(b"x")
            case "close":
                return False
        return True

    def _answer(self, step: str) -> bytes:
        match step:
            case "VERSION":
                return b":1\r\n"
            case "MYID":
                return b"$40\r\n%s\r\n" % IDS[1].encode()
            case "COMMAND":
                return b"*1\r\n*6\r\n$10\r\napplybatch\r\n:-2\r\n*0\r\n:0\r\n:0\r\n:0\r\n"
            case "STATUS":
                return b"$%d\r\n%s\r\n" % (len(self.status), self.status)
            case "PREPARE":
                self.status = b"prepared"
            case "COMMIT":
                self.status = b"committed"
        return b"+OK\r\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    limits = ("--migrate-response-timeout-ms", "1000", "--migrate-pause-timeout-ms", "400",
              "--migrate-resume-timeout-ms", "0")  # fmt: skip
    node = Node(tmp_path_factory.mktemp("source"), 0, *limits)
    yield node
    node.disconnect()
    node.server.kill()


@pytest.fixture
def target(source: Node) -> Iterator[FakeTarget]:
    fake = FakeTarget()
    version = int(source.call("CLUSTERX", "VERSION")) + 1
    text = f"{IDS[0]} 127.0.0.1 {source.port} master - 0-16383\n{IDS[1]} 127.0.0.1 {fake.port} master -"
    assert source.call("CLUSTERX", "SETNODES", text, max(version, 1)) == b"OK"
    yield fake
    fake.close()


_tags = iter(range(10_000))


def begin(source: Node, target: FakeTarget) -> tuple[str, int]:
    """A key, and its slot, which migrates from now on."""
    tag = f"{{{next(_tags)}}}"
    for number in range(50):
        assert source.call("SET", f"{tag}{number}", "v" * 1000) == b"OK"
    slot = slot_of(f"{tag}0".encode())
    assert source.call("CLUSTERX", "MIGRATE", slot, IDS[1]) == b"OK"
    return f"{tag}0", slot


# An error to VERSION is left out: it is what a Kvrocks node answers.
@pytest.mark.parametrize(
    ("step", "behaviour"), [pair for pair in product(BEFORE_FENCE, BEHAVIOURS) if pair != ("VERSION", "error")]
)
def test_before_the_fence_the_job_fails(source: Node, target: FakeTarget, step: str, behaviour: str) -> None:
    target.bad, target.behaviour = {step}, behaviour
    key, _ = begin(source, target)
    wait_for(lambda: source.info()["migrating_stage"] == "failed", "the job fails")
    info = source.info()
    assert info["migrating_state"] == "fail"
    assert info["migrating_error"]
    assert step in target.seen
    assert "COMMIT" not in target.seen
    assert source.call("GET", key) == b"v" * 1000
    assert source.call("SET", key, "w") == b"OK"
    assert "ABORT" in target.seen or step != "PREPARE"


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        *((behaviour, "prepared") for behaviour in BEHAVIOURS),
        *(("close", outcome) for outcome in ("aborted", "unknown", "committed")),
    ],
)
def test_after_the_fence_the_source_asks_until_it_knows(
    source: Node, target: FakeTarget, behaviour: str, outcome: str
) -> None:
    target.bad, target.behaviour = {"COMMIT", "STATUS"}, behaviour
    key, slot = begin(source, target)
    wait_for(lambda: target.seen.count("STATUS") >= 2 or target.seen.count("MYID") >= 2, "the target is asked")
    assert source.info()["migrating_stage"] in ("resolve", "commit")
    assert str(source.call("SET", key, "w")).startswith("TRYAGAIN"), "held, then told to come back"
    assert str(source.call("GET", key)).startswith("TRYAGAIN")
    target.status = outcome.encode()
    target.bad = set()
    wait_for(lambda: source.settled, "the outcome is learnt")
    if outcome in ("aborted", "unknown"):
        assert source.call("GET", key) == b"v" * 1000
        assert source.call("SET", key, "w") == b"OK"
    else:
        assert str(source.call("GET", key)) == f"MOVED {slot} 127.0.0.1:{target.port}"
        assert target.status == b"committed"


def test_another_node_at_the_targets_address_is_not_believed(source: Node, target: FakeTarget) -> None:
    target.bad, target.behaviour = {"COMMIT", "MYID"}, "close"
    key, _ = begin(source, target)
    wait_for(lambda: target.seen.count("MYID") >= 2, "the target is asked")
    other = FakeTarget()
    other.status = b"unknown"
    text = f"{IDS[0]} 127.0.0.1 {source.port} master - 0-16383\n{IDS[1]} 127.0.0.1 {other.port} master -"
    other.bad, other.behaviour = {"MYID"}, "error"
    version = int(source.call("CLUSTERX", "VERSION")) + 1
    assert source.call("CLUSTERX", "SETNODES", text, version) == b"OK"
    wait_for(lambda: other.seen.count("MYID") >= 2, "it is asked at its new address")
    assert "STATUS" not in other.seen
    assert str(source.call("GET", key)).startswith("TRYAGAIN")
    other.status, other.bad = b"prepared", set()
    wait_for(lambda: source.settled, "the outcome is learnt")
    assert str(source.call("GET", key)).startswith("MOVED")
    other.close()
