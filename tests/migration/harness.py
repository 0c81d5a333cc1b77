"""Two real nodes between which a slot moves while clients write to it and something breaks, and the proof of what must
hold: exactly one node owns every slot, and every acknowledged write is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hiredis
import psutil

import servers
from slotrocks.server.migration import faults

SETTLE_SECONDS_MAX = 12
IDS = ("a" * 40, "b" * 40)
OPTIONS = (
    "--cluster-enabled", "yes", "--migrate-response-timeout-ms", "1000", "--rocksdb.block_cache_size", "8",
    "--rocksdb.write_buffer_size", "4", "--migrate-batch-size-kb", "16",
)  # fmt: skip


def wait_for(condition: Callable[[], Any], what: str, seconds: float = SETTLE_SECONDS_MAX) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return value


class Node:
    """A node that meets the faults of its own plan."""

    def __init__(self, directory: Path, index: int, *options: str) -> None:
        directory.mkdir(exist_ok=True)
        self.id = IDS[index]
        self.plan = directory / "faults"
        port = servers.free_port()
        command = ["env", f"{faults.VARIABLE}={self.plan}", *servers.SLOTROCKS]
        where = ["--port", str(port), "--dir", str(directory)]
        self.server = servers.Server([*command, *where, *OPTIONS, *options], directory, port)
        self._client: servers.Client | None = None
        assert self.call("CLUSTERX", "SETNODEID", self.id) == b"OK"

    @property
    def port(self) -> int:
        return self.server.port

    def call(self, *words: str | bytes | float) -> Any:
        """A command's reply, an error as a value; over a new connection if the last one broke."""
        for attempt in (0, 1):
            try:
                if self._client is None:
                    self._client = self.server.client()
                return self._client.call_raw(*words)[1]
            except OSError:
                self.disconnect()
                if attempt:
                    raise
        return None

    def disconnect(self) -> None:
        """Closes the connection that call() keeps."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def info(self) -> dict[str, str]:
        """CLUSTER INFO."""
        lines = self.call("CLUSTER", "INFO").decode().split("\r\n")
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines if line)}

    @property
    def settled(self) -> bool:
        """Whether nothing moves any more, as far as this node knows."""
        info = self.info()
        return info.get("migrating_stage") in (None, "moved", "failed", "done") and info.get("import_state") != "start"

    def arm(self, *lines: str) -> None:
        """Plans faults."""
        self.plan.write_text("".join(f"{line}\n" for line in lines))

    @property
    def pending(self) -> str:
        """The faults that have not happened."""
        return self.plan.read_text() if self.plan.exists() else ""

    def wait_reached(self) -> None:
        """Waits until a `wait` fault is reached."""
        wait_for(Path(f"{self.plan}.reached").exists, f"{self.pending} was never reached")

    def go_on(self) -> None:
        """Ends a `wait` fault."""
        Path(f"{self.plan}.reached").unlink(missing_ok=True)

    def sender(self) -> psutil.Process | None:
        """The sender process, if there is one."""
        children = psutil.Process(self.server.process.pid).children()
        return children[0] if children else None

    @property
    def dead(self) -> bool:
        return self.server.process.poll() is not None

    def kill(self) -> None:
        """As a crash would."""
        self.disconnect()
        self.server.kill()

    def restart(self) -> None:
        """Starts it again."""
        self.disconnect()
        if not self.dead:
            self.server.kill()
        Path(f"{self.plan}.reached").unlink(missing_ok=True)
        self.server.start()


class Pair:
    """Two nodes; at first the one at index 0 owns every slot."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.nodes = [Node(directory / f"node{index}", index, *options) for index in range(2)]
        self.version = 0
        self.in_order = True  # for the next test
        self.owner = [0] * 16384
        self._next_slot = 0
        self.push()

    def slot(self) -> int:
        """A slot that no test has used yet."""
        self._next_slot += 1
        return self._next_slot

    def text(self) -> str:
        """The topology."""
        lines = []
        for index, node in enumerate(self.nodes):
            begun, ranges = -1, []
            for slot in range(16385):
                mine = slot < 16384 and self.owner[slot] == index
                if mine and begun < 0:
                    begun = slot
                elif not mine and begun >= 0:
                    ranges.append(f"{begun}-{slot - 1}" if slot - 1 > begun else f"{begun}")
                    begun = -1
            lines.append(f"{node.id} 127.0.0.1 {node.port} master - {' '.join(ranges)}".rstrip())
        return "\n".join(lines)

    def push(self, *nodes: Node) -> None:
        """Gives the topology, in a newer version, to the nodes (default: all)."""
        self.version += 1
        text = self.text()
        for node in nodes or self.nodes:

            def accepted(node: Node = node) -> bool:
                self.revive()
                try:
                    reply = node.call("CLUSTERX", "SETNODES", text, self.version)
                except OSError:
                    return False  # it has just died
                assert reply == b"OK", reply
                return True

            wait_for(accepted, "the topology is accepted")

    def revive(self) -> None:
        """Restarts what has died."""
        for node in self.nodes:
            if node.dead:
                node.restart()

    def settle(self) -> None:
        """Restarts what dies until nothing moves any more."""

        def settled() -> bool:
            self.revive()
            try:
                return all(node.settled for node in self.nodes)
            except OSError:
                return False  # it has just died

        wait_for(settled, f"the nodes settle: {self.describe}")

    @property
    def describe(self) -> str:
        return "\n".join(str(node.server.log) for node in self.nodes)

    def owner_of(self, key: str) -> int:
        """The index of the only node that serves a key; the other sends there."""
        serving = []
        for index, node in enumerate(self.nodes):
            other = self.nodes[1 - index]
            for reply in (node.call("GET", key), node.call("SET", key + ":probe", "x")):
                if isinstance(reply, hiredis.ReplyError):
                    assert str(reply).startswith("MOVED ") and str(reply).endswith(f":{other.port}"), reply
                else:
                    serving.append(index)
        assert len(serving) == 2 and serving[0] == serving[1], f"served by {serving}\n{self.describe}"
        return serving[0]

    def close(self) -> None:
        """Ends all."""
        for node in self.nodes:
            node.go_on()
            node.disconnect()
            node.server.kill()


class Writer(threading.Thread):
    """A client that writes rising numbers to keys of its own, follows MOVED, and remembers what was acknowledged."""

    def __init__(self, pair: Pair, keys: list[str], interval_s: float = 0.002) -> None:
        super().__init__(daemon=True)
        self._pair = pair
        self._keys = keys
        self._interval_s = interval_s
        self._halt = threading.Event()
        self._at = 0
        self._clients: dict[int, servers.Client] = {}
        self.acknowledged: dict[str, int] = {}
        self.last_attempt: dict[str, int] = {}
        self.failure = ""
        self.start()

    def run(self) -> None:
        number = 0
        while not self._halt.is_set():
            number += 1
            key = self._keys[number % len(self._keys)]
            self.last_attempt[key] = number
            if self._write(key, number):
                self.acknowledged[key] = number
            self._halt.wait(self._interval_s)
        for client in self._clients.values():
            client.close()

    def _write(self, key: str, number: int) -> bool:
        """Whether it was acknowledged; False: unknown, or the test has ended."""
        while not self._halt.is_set():
            try:
                if self._at not in self._clients:
                    self._clients[self._at] = servers.Client(self._pair.nodes[self._at].port)
                reply = self._clients[self._at].call_raw("SET", key, number)[1]
            except OSError:
                client = self._clients.pop(self._at, None)
                if client is not None:
                    client.close()
                    return False  # unknown; on to the next number
                self._halt.wait(0.02)
                continue
            if reply == b"OK":
                return True
            text = str(reply)
            if text.startswith("MOVED "):
                self._at = next(i for i, node in enumerate(self._pair.nodes) if text.endswith(f":{node.port}"))
            elif not text.startswith(("TRYAGAIN", "MISCONF", "CLUSTERDOWN")):
                self.failure = text
                return False
            self._halt.wait(0.005)
        return False

    def stop(self) -> None:
        """Ends it."""
        self._halt.set()
        self.join(servers.REPLY_SECONDS_MAX)
        assert not self.is_alive()
        assert not self.failure, self.failure

    def check(self, node: Node) -> None:
        """Every acknowledged write is on `node`; one that was not acknowledged may be."""
        for key, number in self.acknowledged.items():
            value = int(node.call("GET", key) or -1)
            assert number <= value <= self.last_attempt[key], f"{key}: {value}, but {number} was acknowledged"
