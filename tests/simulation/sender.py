"""The sender process: what it sends is the real thing (CheckedRows), how it reads and waits is modelled.

It reads the disk of its node as a RocksDB secondary instance and a reader of the log would: a view from some time after
its start, then the log from the position that it was given. It lives on a little when its node has died, and goes on
sending meanwhile; it may be killed alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import hiredis

from simulation.disk import Disk
from simulation.network import Network, Socket
from simulation.processes import CURRENT, Process
from slotrocks.engine import (
    OP_DELETE_RANGE,
    OP_PUT,
    BatchBuilder,
    KeyCodec,
    SlotFilter,
)
from slotrocks.server.migration.checked_rows import CheckedRows
from slotrocks.server.migration.payload import FAMILIES_IN_ORDER
from slotrocks.server.migration.plan import Plan
from slotrocks.server.migration.sender import LogLost, Report, SenderError, SenderLost


class View:
    """engine.Snapshot."""

    def __init__(self, disk: Disk) -> None:
        self._image = disk.live.copy()
        self.sequence = disk.sequence

    def rows_between(self, cf: int, begin: bytes, end: bytes, *, many: bool = False) -> Iterable[tuple[bytes, bytes]]:
        return self._image.scan(cf, begin, end)

    def get_many(self, cf: int, keys: list[bytes]) -> list[bytes | None]:
        return [self._image.rows[cf].get(key) for key in keys]


class Tail:
    """engine.WALTail."""

    def __init__(self, disk: Disk, position: int) -> None:
        self._disk = disk
        self.position = position
        self._codec = KeyCodec(True)

    def read_batches(self, slots: SlotFilter, bytes_max: int) -> list[bytes]:
        """The next rows of the slots as one batch, of at least one of the log."""
        builder = BatchBuilder()
        for first, operations in self._disk.log:
            if first <= self.position:
                continue
            for op, cf, key, value in operations:
                if cf not in FAMILIES_IN_ORDER:
                    continue
                if op == OP_DELETE_RANGE:
                    for one, other in slots.ranges:
                        begin, end = self._codec.slot_range(one, other)
                        if max(begin, key) < min(end, value):
                            builder.delete_range(cf, max(begin, key), min(end, value))
                elif self._codec.slot_in_key(key) in slots:
                    if op == OP_PUT:
                        builder.put(cf, key, value)
                    else:
                        builder.delete(cf, key)
            self.position = first + len(operations) - 1
            if builder.size >= bytes_max:
                break
        return [builder.take()] if builder.count else []

    def release(self) -> None:
        """The log is kept anyhow."""


class Lost(Exception):
    """The link broke, or the target did not answer in time."""


class Outlet:
    """migration.outlet.Outlet without blocking: send() and drain() only note, answered() waits."""

    def __init__(self, sock: Socket, timeout_s: float) -> None:
        self._sock = sock
        self._timeout_s = timeout_s
        self._reader = hiredis.Reader(replyError=SenderError)
        self._unanswered = 0
        self.sent = 0

    def send(self, requests: bytes, count: int) -> None:
        try:
            self._sock.send(requests)
        except OSError as error:
            raise Lost(str(error)) from error
        self.sent += len(requests)
        self._unanswered += count

    def drain(self) -> None:
        """See answered()."""

    async def answered(self, left_max: int = 0) -> None:
        """Waits until at most so many requests have no answer yet."""
        while self._unanswered > left_max:
            try:
                async with asyncio.timeout(self._timeout_s):
                    data = await self._sock.receive()
            except (OSError, TimeoutError) as error:
                raise Lost(str(error) or "timed out") from error
            if not data:
                raise Lost("the target closed the connection")
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if isinstance(reply, SenderError):
                    raise reply
                self._unanswered -= 1


class Senders:
    """What makes senders for a world: stands in for the class Sender in steps.py."""

    def __init__(self, network: Network, disks: dict[str, Disk], rng: random.Random) -> None:
        self.network = network
        self.disks = disks
        self.random = rng
        self.processes: list[Process] = []

    async def start(self, link_fd: int, directory: Path, database: Path, job: Any, config: Any) -> Sender:
        """See migration.sender.Sender."""
        parent = CURRENT.get()
        assert parent is not None
        sock = self.network.by_number(link_fd)
        process = Process(parent.host)
        duplicate = sock.duplicate(process)
        await asyncio.sleep(self.random.uniform(0, 0.01))
        plan = Plan(
            str(database), str(directory), job.position, list(job.slots.ranges), job.kind,
            self.random.choice((200, 500, 2000)), 0, 0, 16, True, False, config.migrate_response_timeout_ms / 1000,
            job.checked,
        )  # fmt: skip
        (directory / "wal").mkdir(exist_ok=True)
        self.processes = [each for each in self.processes if each.alive] + [process]
        sender = Sender(self, process, parent, plan, duplicate)
        process.spawn(sender.run())
        return sender


class Sender:
    """A running sender, for the coordinator; and its main function."""

    def __init__(self, senders: Senders, process: Process, parent: Process, plan: Plan, sock: Socket) -> None:
        self._senders = senders
        self.process = process
        self._parent = parent
        self._plan = plan
        self._sock = sock
        self._orders: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self._reports: asyncio.Queue[Report | Exception] = asyncio.Queue()
        process.ends.append(self)

    # -- the coordinator's side

    async def reports(self) -> AsyncIterator[Report]:
        """See migration.sender.Sender."""
        while True:
            report = await self._reports.get()
            if isinstance(report, Exception):
                raise report
            yield report

    def order(self, do: str, sequence: int) -> None:
        self._orders.put_nowait((do, sequence))

    def stop(self) -> None:
        self.process.die()

    def on_process_died(self) -> None:
        """The channel to the coordinator ends."""
        self._reports.put_nowait(SenderLost("the sender died"))

    # -- the process

    async def run(self) -> None:
        """Sends the snapshot, then what the node orders."""
        try:
            await self._run()
        except Lost as error:
            self._reports.put_nowait(SenderLost(str(error)))
        except SenderError as error:
            self._reports.put_nowait(error)

    async def _run(self) -> None:
        plan, rng = self._plan, self._senders.random
        assert plan.checked is not None
        if plan.checked.chunks and rng.random() < 0.15:
            raise LogLost("the log does not reach back so far")
        disk = self._senders.disks[self.process.host]
        tail = Tail(disk, plan.sequence)
        await asyncio.sleep(rng.uniform(0, 0.02))
        outlet = Outlet(self._sock, plan.response_timeout_s)
        payload: Any = CheckedRows(outlet, plan, plan.checked)  # type: ignore[arg-type]
        slots = SlotFilter(plan.ranges)
        view = View(disk)
        for first, last in plan.ranges:
            for _ in payload.snapshot(view, first, last):
                await outlet.answered(rng.randrange(4))
        await outlet.answered()
        self._report("snapshot", payload, outlet)
        while True:
            do, sequence = await self._orders.get()
            rows, size = payload.rows, outlet.sent
            while tail.position < sequence:
                payload.changes(tail, slots, 1 << 20)
                await outlet.answered(rng.randrange(4))
            for _ in payload.settle(sequence, final=do == "final"):
                pass
            await outlet.answered()
            self._report(do, payload, outlet, payload.rows - rows, outlet.sent - size, payload.digest)

    def _report(self, what: str, payload: Any, outlet: Outlet, *rest: Any) -> None:
        if not self._parent.alive:
            self.process.die()
        self._reports.put_nowait(Report(what, payload.keys, outlet.sent, *rest))
