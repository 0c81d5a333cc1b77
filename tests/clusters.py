"""Clusters of real nodes for end-to-end tests: ids, a topology pushed as operators do, and what CLUSTER INFO says.

A test that needs a state waits for it, with a deadline of seconds however fast the thing ought to be: `wait_for`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import hiredis

import servers
from slotrocks.engine import COLUMN_FAMILIES, SLOTS, Store, slot_of
from slotrocks.server.cluster.ranges import SlotSet, parse_ranges

WAIT_SECONDS_MAX = 30

Rows = dict[tuple[int, bytes], bytes]
"""(column family, storage key) -> value."""


def wait_for(condition: Callable[[], Any], what: str = "", seconds: float = WAIT_SECONDS_MAX) -> Any:
    """The first true value of `condition`. Fails after a while; `what` says what never happened."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.005)
    return value


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Prints how long something took: the acceptance list wants it within some milliseconds, a test only soon."""
    begun = time.monotonic()
    yield
    print(f"{what}: {(time.monotonic() - begun) * 1000:.0f} ms")


@cache
def _keys() -> list[str]:
    found: dict[int, str] = {}
    number = 0
    while len(found) < SLOTS:
        key = f"k{number}"
        found.setdefault(slot_of(key.encode()), key)
        number += 1
    return [found[slot] for slot in range(SLOTS)]


def key_of(slot: int, suffix: object = "") -> str:
    """A key of a slot; with `suffix`, as many as one likes."""
    key = _keys()[slot]
    return key if suffix == "" else f"{{{key}}}{suffix}"


def read_rows(directory: Path, *slots: int, slot_encoded: bool = True) -> Rows:
    """Every row that a stopped node with its data in `directory` has of these slots."""
    store = Store(directory / "db", slot_encoded=slot_encoded)
    try:
        return {
            (cf, bytes(key)): bytes(value)
            for slot in slots
            for cf in range(len(COLUMN_FAMILIES))
            for key, value in store.scan(cf, *store.codec.slot_range(slot, slot))
        }
    finally:
        store.close()


class ClusterNode:
    """A node of a cluster: its server, its id, and a connection to it."""

    def __init__(self, server: servers.Server, number: int) -> None:
        self.server = server
        self.port = server.port
        self.id = "x" * 38 + f"{number:02}"
        self.address = f"127.0.0.1:{self.port}"
        self._client: servers.Client | None = None

    @property
    def client(self) -> servers.Client:
        """A connection, kept until the server stops."""
        if self._client is None:
            self._client = self.server.client()
        return self._client

    def call(self, *words: str | bytes | float) -> Any:
        """A command's reply. Raises hiredis.ReplyError."""
        return self.client.call(*words)

    def error(self, *words: str | bytes | float) -> str:
        """The text of the error that a command must be answered with."""
        value = self.client.call_raw(*words)[1]
        assert isinstance(value, hiredis.ReplyError), f"{words}: {value!r}"
        return str(value)

    def info(self) -> dict[str, str]:
        """CLUSTER INFO."""
        lines = self.call("CLUSTER", "INFO").decode().split("\r\n")
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines if line)}

    def migrating(self) -> tuple[str | None, str | None]:
        """(slots, state) of the migration that CLUSTER INFO shows."""
        info = self.info()
        return info.get("migrating_slot(s)"), info.get("migrating_state")

    def importing(self) -> tuple[str | None, str | None]:
        """(slots, state) of the import that CLUSTER INFO shows."""
        info = self.info()
        return info.get("importing_slot(s)"), info.get("import_state")

    def count(self, slot: int) -> int:
        """How many keys the node has of a slot, whoever owns it."""
        return int(self.call("CLUSTER", "COUNTKEYSINSLOT", slot))

    def migrate(self, slots: object, target: ClusterNode, *mode: object) -> Any:
        """CLUSTERX MIGRATE."""
        return self.call("CLUSTERX", "MIGRATE", str(slots), target.id, *map(str, mode))

    def wait_migration(self, slots: object, state: str) -> None:
        """Waits until the migration of `slots` has ended, as it should."""
        wait_for(lambda: self.migrating()[1] != "start", "the end of the migration")
        assert self.migrating() == (str(slots), state), self.info()

    def stop(self) -> None:
        """Ends the server as an operator would."""
        self._drop_client()
        assert self.server.stop() == 0

    def kill(self) -> None:
        """Ends the server as a crash would."""
        self._drop_client()
        self.server.kill()

    def start(self) -> None:
        """Starts the server again."""
        self.server.start()

    def _drop_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def directory(self) -> Path:
        """Where its data is."""
        return self.server.directory


class Cluster:
    """Nodes and who owns what. `push` and `give` are the operator's hand."""

    def __init__(self, directory: Path, *slots: str, options: tuple[str, ...] = ()) -> None:
        """Starts a node for each text in `slots` and pushes the topology: the ranges of each ("" for none)."""
        self.directory = directory
        self._options = options
        self.nodes: list[ClusterNode] = []
        self.version = 0
        self.slots: list[SlotSet] = []
        try:
            for text in slots:
                self.add(text)
            self.push()
        except BaseException:
            self.close()
            raise

    def add(self, slots: str = "", *options: str) -> ClusterNode:
        """Starts one more node; push() makes it known."""
        number = len(self.nodes)
        directory = self.directory / f"node{number}"
        directory.mkdir(exist_ok=True)
        server = servers.start_slotrocks(directory, "--cluster-enabled", "yes", *self._options, *options)
        node = ClusterNode(server, number)
        self.nodes.append(node)
        self.slots.append(parse_ranges(slots) if slots else SlotSet())
        node.call("CLUSTERX", "SETNODEID", node.id)
        return node

    def text(self, replicas: dict[int, int] | None = None) -> str:
        """The topology as SETNODES takes it; `replicas`: number of a node -> that of its master."""
        lines = []
        for number, (node, slots) in enumerate(zip(self.nodes, self.slots, strict=True)):
            master = (replicas or {}).get(number)
            role = f"master - {slots.text()}" if master is None else f"slave {self.nodes[master].id}"
            lines.append(f"{node.id} 127.0.0.1 {node.port} {role}")
        return "\n".join(lines)

    def push(self, replicas: dict[int, int] | None = None, only: list[ClusterNode] | None = None) -> None:
        """A newer topology, for all nodes that run."""
        self.version += 1
        text = self.text(replicas)
        for node in self.nodes if only is None else only:
            if node.server.process.poll() is None:
                assert node.call("CLUSTERX", "SETNODES", text, self.version) == b"OK"

    def give(self, slots: str, owner: ClusterNode) -> None:
        """SETSLOT on every node: the topology confirms a move, or makes one without data."""
        self.version += 1
        moved = parse_ranges(slots)
        for number, node in enumerate(self.nodes):
            self.slots[number] = self.slots[number] | moved if node is owner else self.slots[number] - moved
            assert node.call("CLUSTERX", "SETSLOT", slots, "NODE", owner.id, self.version) == b"OK"

    def close(self) -> None:
        """Ends all."""
        for node in self.nodes:
            if node.server.process.poll() is None:
                node.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
