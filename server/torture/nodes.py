"""The nodes: real processes, each in a folder of its own, started, killed, stopped and continued.

A node reads its faults (migration/faults.py) from a file beside its data. Whoever asks it something from here does so
over its own port, not over the proxies: those are for what nodes say to each other.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from signal import Signals
from typing import Any

import psutil

from slotrocks.server.demo.link import Address, Link, LinkError
from slotrocks.server.migration import faults

HOST = "127.0.0.1"
PORTS = range(20000, 30000)  # below those that the system gives to outgoing connections
LOG_LINES_SHOWN = 15
OPTIONS = (
    "--cluster-enabled", "yes", "--rocksdb.block_cache_size", "8", "--rocksdb.write_buffer_size", "4",
    "--migrate-batch-size-kb", "16", "--migrate-response-timeout-ms", "1500", "--migrate-pause-timeout-ms", "1500",
)  # fmt: skip


class Node:
    """One node. `port` is its own; other nodes and the topologies know only proxies of it."""

    def __init__(self, folder: Path, index: int, port: int, options: tuple[str, ...]) -> None:
        self.index = index
        self.name = "ABCDEFGHIJ"[index]
        self.id = self.name.lower() * 40
        self.port = port
        self.address = Address(HOST, port)
        self.directory = folder / f"node-{self.name}"
        self.directory.mkdir()
        self.plan = folder / f"faults-{self.name}"
        self.log_path = folder / f"node-{self.name}.log"
        self.starts = 0
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._orphans: list[psutil.Process] = []  # senders that may outlive their node
        self._link: Link | None = None

    def start(self) -> None:
        """Starts the process. It listens a moment later."""
        command = [
            sys.executable, "-P", "-m", "slotrocks.server.torture.node_process", "serve", "--bind", HOST,
            "--port", str(self.port), "--dir", str(self.directory), *OPTIONS, *self._options,
        ]  # fmt: skip
        self.starts += 1
        Path(f"{self.plan}.reached").unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory.parent,
                env={**os.environ, faults.VARIABLE: str(self.plan)}, start_new_session=True,
            )  # fmt: skip

    @property
    def dead(self) -> bool:
        """Whether there is no process."""
        return self._process is None or self._process.poll() is not None

    @property
    def status(self) -> int | None:
        """The exit status of the process; negative: the signal that ended it; None while it runs."""
        return None if self._process is None else self._process.poll()

    def signal(self, number: Signals) -> None:
        """Sends a signal to the process, if it runs."""
        if not self.dead:
            assert self._process is not None
            self._process.send_signal(number)

    def kill(self) -> None:
        """Ends the process as a crash would; its sender, too, if it is stopped and could not notice."""
        self._orphans = [sender for sender in self._orphans if sender.is_running()] + self.senders()
        self.signal(Signals.SIGKILL)
        if self._process is not None:
            self._process.wait()
        for sender in self._orphans:
            _send(sender, Signals.SIGCONT)
        self.disconnect()

    def end(self) -> None:
        """Ends the process and everything that it started, at once."""
        self.kill()
        for sender in self._orphans:
            _send(sender, Signals.SIGKILL)
        psutil.wait_procs(self._orphans, timeout=10)

    def senders(self) -> list[psutil.Process]:
        """The processes that this node has started: its sender, if a migration runs."""
        if self.dead:
            return []
        assert self._process is not None
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def signal_sender(self, number: Signals) -> bool:
        """Sends a signal to the sender. Whether there is one."""
        senders = self.senders()
        self._orphans += senders  # one that is stopped cannot notice the end of its node, however that comes
        for sender in senders:
            _send(sender, number)
        return bool(senders)

    def arm(self, line: str) -> None:
        """Plans a fault, in place of one that has not happened. Whole, also for a reader that comes meanwhile."""
        fresh = self.plan.with_suffix(".next")
        fresh.write_text(line + "\n" if line else "")
        fresh.replace(self.plan)

    async def call(self, *words: bytes | str | int) -> Any:
        """A command's reply, an error as a value. For one task at a time. Raises LinkError."""
        try:
            if self._link is None:
                self._link = await Link.open(self.address)
            return await self._link.call(*words)
        except LinkError:
            self.disconnect()
            raise

    async def connect(self) -> Link:
        """A connection of the caller's own. Raises LinkError."""
        return await Link.open(self.address)

    async def info(self) -> dict[str, str]:
        """CLUSTER INFO over a connection of its own. Raises LinkError."""
        link = await self.connect()
        try:
            text = await link.call("CLUSTER", "INFO")
        finally:
            link.close()
        if not isinstance(text, bytes):
            raise LinkError(f"CLUSTER INFO: {text}")
        return {key: value.strip() for key, _, value in (line.partition(":") for line in text.decode().splitlines())}

    def disconnect(self) -> None:
        """Ends the connection that call() keeps."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def log_end(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])


def _send(process: psutil.Process, number: Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def free_ports(count: int, rng: random.Random) -> list[int]:
    """Ports that nobody listens on, and that no outgoing connection will be given while its node is down."""
    found: list[int] = []
    while len(found) < count:
        port = rng.choice(PORTS)
        with socket.socket() as sock:
            try:
                sock.bind((HOST, port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
