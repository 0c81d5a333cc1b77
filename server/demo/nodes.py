"""The cluster of the demo: two node processes in one folder, and the topology that is pushed to them."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from slotrocks.engine import SLOTS
from slotrocks.server.demo.link import Address, Link, LinkError, ReplyError

HOST = "127.0.0.1"
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.03
LOG_LINES_SHOWN = 10
FIRST_MOVED_SLOT = SLOTS // 2
MOVED_SLOTS = f"{FIRST_MOVED_SLOT}-{SLOTS - 1}"


class DemoError(Exception):
    """The demo can't go on: a node did not start, died, or refused what it was told."""


class Node:
    """One node: a process of ours."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        """Starts the process."""
        self.name = name
        self.id = secrets.token_hex(20)
        self.address = Address(HOST, port)
        self.log_path = folder / f"node-{name}.log"
        data = folder / f"node-{name}"
        with self.log_path.open("wb") as log:
            # -P: what lies in the current folder must not shadow modules. A session of its own: Ctrl-C is for the demo,
            # which then stops the nodes in order.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "slotrocks.server.demo.node_process", "serve", "--bind", HOST,
                 "--port", str(port), "--dir", str(data), "--cluster-enabled", "yes"],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def check(self) -> None:
        """Raises DemoError, with the end of the log, if the process has ended."""
        if self._process.poll() is not None:
            lines = self.log_path.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
            raise DemoError("\n".join([f"node {self.name} ended with status {self._process.returncode}:", *lines]))

    async def connect(self) -> Link:
        """A connection, as soon as the node listens. Raises DemoError if it never does."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_TIMEOUT_S
        while True:
            self.check()
            try:
                return await Link.open(self.address)
            except LinkError as error:
                if loop.time() > deadline:
                    raise DemoError(f"node {self.name} does not answer: {error}") from error
                await asyncio.sleep(POLL_S)

    def keep(self) -> None:
        """Lets the process outlive the demo."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"k")
        self._process.stdin.close()

    def order_stop(self) -> None:
        """Has the process stop, without waiting for it."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait_stopped(self) -> None:
        """Waits until the process is gone, and kills it if that takes too long."""
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Nodes:
    """The cluster: A, which owns every slot at first, and B."""

    def __init__(self) -> None:
        """Starts both processes, in a new folder."""
        self.folder = Path(tempfile.mkdtemp(prefix="slotrocks-demo-"))
        self.all: list[Node] = []
        self.links: dict[str, Link] = {}
        try:
            for name, port in zip("AB", _free_ports(2), strict=True):
                self.all.append(Node(name, self.folder, port))
        except BaseException:
            self.stop()
            raise
        self.a, self.b = self.all

    async def form(self) -> None:
        """Connects, and gives the nodes their ids and the first topology. Raises DemoError."""
        for node in self.all:
            link = self.links[node.name] = await node.connect()
            await order(link, "CLUSTERX", "SETNODEID", node.id)
        await self.push_topology(1, moved=False)

    async def push_topology(self, version: int, *, moved: bool) -> None:
        """Tells both nodes who owns what; what an operator or a controller does. Raises DemoError."""
        slots = (f"0-{FIRST_MOVED_SLOT - 1}", MOVED_SLOTS) if moved else (f"0-{SLOTS - 1}", "")
        lines = [
            f"{node.id} {node.address.host} {node.address.port} master - {owned}".rstrip()
            for node, owned in zip(self.all, slots, strict=True)
        ]
        # The target first: from then on it has the slots by the topology, and not only by the hand-over.
        for node in reversed(self.all):
            await order(self.links[node.name], "CLUSTERX", "SETNODES", "\n".join(lines), version)

    def owner_of(self, slot: int, *, moved: bool) -> str:
        """The name of the node that owns a slot, before or after the migration."""
        return self.b.name if moved and slot >= FIRST_MOVED_SLOT else self.a.name

    def check(self) -> None:
        """Raises DemoError if a node has died."""
        for node in self.all:
            node.check()

    def keep(self) -> None:
        """Lets the nodes, and the folder, outlive the demo."""
        self._disconnect()
        for node in self.all:
            node.keep()

    def stop(self) -> None:
        """Stops the nodes and removes the folder."""
        self._disconnect()
        for node in self.all:
            node.order_stop()
        for node in self.all:
            node.wait_stopped()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _disconnect(self) -> None:
        for link in self.links.values():
            link.close()


async def order(link: Link, *words: str | int) -> None:
    """A command that must be answered OK. Raises DemoError."""
    reply = await link.call(*words)
    if isinstance(reply, ReplyError) or reply != b"OK":
        raise DemoError(f"{words[0]} {words[1]} was refused: {reply}")


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on: reserved all at once, so that they differ, and freed again for the nodes."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
