"""The order of events of a torture; see the package for what it is about.

A run is a series of rounds: some seconds of migrations, faults and traffic, then everything pauses, is mended, and must
settle by itself within SETTLE_S_MAX; then it is inspected. The last round ends in time for the last inspection, so a
run is over when it should be, or SETTLE_S_MAX later if it does not settle.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from slotrocks.engine import slot_of
from slotrocks.server.demo.link import LinkError, ReplyError, Request
from slotrocks.server.torture.adversary import Adversary
from slotrocks.server.torture.client import Client
from slotrocks.server.torture.controller import Controller
from slotrocks.server.torture.inspection import Inspection, tags
from slotrocks.server.torture.network import Network
from slotrocks.server.torture.nodes import Node, free_ports
from slotrocks.server.torture.objects import Board
from slotrocks.server.torture.report import Report
from slotrocks.server.torture.violation import Violation
from slotrocks.server.torture.workload import Workload

UNITS = 30
ROUND_S = (6.0, 14.0)
LAST_CHECK_S = 8.0  # kept for the last inspection
SETTLE_S_MAX = 20.0
START_S_MAX = 30.0
VIOLATIONS_MAX = 20  # then the run ends: what follows from one violation is not worth more time
BALLAST_KEYS = 150  # a unit
BALLAST_BYTES = 1000
HANG_UP = 0.002  # the share of requests that a client gives up
POLL_S = 0.02
EXIT_INTERRUPTED = 130
OPTIONS = (
    (), ("--appendfsync", "always"), ("--appendfsync", "no"), ("--migrate-sequence-gap", "1"),
    ("--migrate-batch-rate-limit-mb", "2"), ("--migrate-resume-timeout-ms", "1000"),
)  # fmt: skip


class TortureError(Exception):
    """The torture can't go on: a node did not start, or refused what it was told."""


def run(minutes: float, seed: int | None, count: int, *, keep: bool) -> int:
    """See the package's `run`."""
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    folder = Path(tempfile.mkdtemp(prefix="slotrocks-torture-"))
    torture = Torture(folder, minutes, seed, count)
    status = 1
    try:
        status = uvloop.run(torture.run())
    except (TortureError, LinkError, OSError, RuntimeError) as error:
        print(f"slotrocks torture: {error}", file=sys.stderr)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("slotrocks torture: interrupted, everything is stopped", file=sys.stderr)
        status = EXIT_INTERRUPTED
    finally:
        for node in torture.nodes:
            node.end()
        if keep or status == 1 or torture.violated:
            print(f"data, logs and violations: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return status


class Torture:
    """One run."""

    def __init__(self, folder: Path, minutes: float, seed: int, count: int) -> None:
        """Makes the parts; starts nothing."""
        self._ends = time.monotonic() + minutes * 60
        rng = random.Random(seed)
        self._rng = random.Random(rng.random())
        ports = free_ports(count + count * (count - 1), random.Random())
        self.nodes = [Node(folder, index, ports[index], rng.choice(OPTIONS)) for index in range(count)]
        self._proxy_ports = ports[count:]
        addresses = [node.address for node in self.nodes]
        self._network = Network(addresses, [node.name for node in self.nodes])
        self._by_port = {node.port: node.index for node in self.nodes}
        for (_, callee), port in zip(self._network.links, self._proxy_ports, strict=True):
            self._by_port[port] = callee
        self._board = Board()
        self._report = Report(folder, seed, self._board)
        self._controller = Controller(self.nodes, self._network, UNITS, random.Random(rng.random()), self._report.note)
        self._adversary = Adversary(
            self._controller, self._network, random.Random(rng.random()), self._report.note, self._board.report
        )
        self._clients_rng = random.Random(rng.random())
        middles = [sum(self._controller.range_of(unit)) // 2 for unit in range(UNITS)]
        self._tags = [tags()[slot] for slot in middles]
        self._ballast = {
            f"{{{tag}}}:ballast:{number}": self._clients_rng.randbytes(BALLAST_BYTES)
            for tag in self._tags
            for number in range(BALLAST_KEYS)
        }
        self._workload = Workload(
            self._board, self._tags, random.Random(rng.random()), lambda: self._client(HANG_UP),
            lambda: [unit for job in self._controller.jobs for unit in job.units],
        )  # fmt: skip
        self._checker = self._client(0.0)
        self._inspection = Inspection(
            self.nodes, self._controller, self._by_port, self._board, self._checker, self._ballast, self._rng
        )

    def _client(self, hang_up: float) -> Client:
        rng = random.Random(self._clients_rng.random())
        return Client([node.address for node in self.nodes], self._by_port, rng, hang_up)

    async def run(self) -> int:
        """The exit status. Raises TortureError."""
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        self._report.begin(self.nodes)
        try:
            await self._start()
            while not self._over:
                await self._round()
            self._report.end(self._controller, self._adversary, self._workload, self._inspection.count)
        finally:
            await self._adversary.end()
            await self._adversary.stop()
            await self._workload.stop()
            await self._controller.stop()
            self._checker.close()
            for node in self.nodes:
                node.disconnect()
            await self._network.stop()
            self._report.close()
        return 1 if self.violated else 0

    @property
    def violated(self) -> bool:
        """Whether anything was found."""
        return self._board.violation_count > 0

    @property
    def _over(self) -> bool:
        left_s = self._ends - time.monotonic()
        return left_s < LAST_CHECK_S / 2 or self._board.violation_count >= VIOLATIONS_MAX

    async def _start(self) -> None:
        """Nodes, proxies, the first topology, the ballast, the clients."""
        await self._network.start(self._proxy_ports)
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            await self._wait_listening(node)
        self._controller.start()
        self._controller.pause()
        await self._settle(START_S_MAX)
        await self._load()
        self._workload.start()

    async def _wait_listening(self, node: Node) -> None:
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                (await node.connect()).close()
                return
            except LinkError as error:
                if node.dead or time.monotonic() > deadline:
                    raise TortureError(f"node {node.name} does not answer: {error}\n{node.log_end()}") from error
                await asyncio.sleep(POLL_S)

    async def _load(self) -> None:
        for node in self.nodes:
            requests: list[Request] = [
                ("SET", key, value)
                for key, value in self._ballast.items()
                if self._controller.owner_of_slot(slot_of(key.encode())) == node.index
            ]
            link = await node.connect()
            errors = [reply for reply in await link.call_all(requests) if isinstance(reply, ReplyError)]
            link.close()
            if errors:
                raise TortureError(f"a SET was refused: {errors[0]}")

    async def _round(self) -> None:
        """Some seconds of everything, then peace, and an inspection."""
        length_s = min(self._rng.uniform(*ROUND_S), max(1.0, self._ends - time.monotonic() - LAST_CHECK_S))
        ends = time.monotonic() + length_s
        self._report.note(f"round {self._inspection.count + 1}, {length_s:.1f} s")
        self._workload.resume()
        self._controller.resume()
        self._adversary.start()
        while time.monotonic() < ends:
            await asyncio.sleep(POLL_S)
            self._check()
        self._controller.pause()
        await self._adversary.end()
        self._report.note("peace")
        try:
            await self._settle(SETTLE_S_MAX)
        except TortureError as error:
            # What does not settle cannot be inspected, and would not settle in the next round either.
            self._board.report(Violation(str(error), "the cluster"))
            self._ends = 0.0
            return
        await self._workload.pause()
        await self._adversary.stop()
        self._report.note("inspection")
        await self._inspection.run(last=self._ends - time.monotonic() < LAST_CHECK_S)
        self._report.progress(self._controller, self._adversary, self._inspection.count)

    async def _settle(self, seconds: float) -> None:
        """Waits until every node runs, has the newest topology, and no migration is under way. Raises TortureError."""
        deadline = time.monotonic() + seconds
        state = ""
        while True:
            self._check()
            if self._controller.settled:
                try:
                    infos = [await node.info() for node in self.nodes]
                    states = [(each.get("migrating_stage"), each.get("import_state")) for each in infos]
                    state = str(states)
                    quiet = (None, "failed", "done")
                    if all(stage in quiet and importing != "start" for stage, importing in states):
                        return
                except LinkError as error:
                    state = str(error)
            else:
                state = self._controller.state
            if time.monotonic() > deadline:
                raise TortureError(f"not settled {seconds:g} s after the last fault: {state}")
            await asyncio.sleep(POLL_S)

    def _check(self) -> None:
        """Raises what ended a task of ours."""
        self._controller.check()
        self._adversary.check()
        self._workload.check()
