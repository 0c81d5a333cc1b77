"""The sender: a process that reads a node's slots and sends them to another node, without the node doing anything.

The snapshot comes from a RocksDB *secondary instance*: a second, read-only view of the same files. It is safe to start
from sequence number S, noted by the node before this process began, and to replay the WAL from S on:

* Everything up to S is in the view. Opening reads the manifest and then the logs; what a flush moves from a log into a
  file between the two is missed, so the view catches up once more: the manifest then names the file, because RocksDB
  writes the manifest before it retires the log.
* The view may also show some writes after S. They are replayed with the others, in order, and what is replayed states
  the rows' whole value: so after the last one every row is as the source has it.

The WAL's files are pinned before anything else, so that none that is needed can disappear.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slotrocks.engine import CorruptionError, SlotFilter, Snapshot, StoreError, WALError, WALTail
from slotrocks.server.migration import faults
from slotrocks.server.migration.checked_rows import CheckedRows
from slotrocks.server.migration.outlet import LinkLost, Outlet, OutletError
from slotrocks.server.migration.payload import PayloadError, RawRows
from slotrocks.server.migration.plan import Plan
from slotrocks.server.migration.redis_commands import RedisCommands

NICENESS = 10
REPORT_INTERVAL_S = 0.1
WAL_BYTES_MAX = 1 << 20
WAL_WAIT_S = 0.001


class Control:
    """The channel to the node: orders in, reports out."""

    def __init__(self, descriptor: int) -> None:
        self._sock = socket.socket(fileno=descriptor)
        self._lines = self._sock.makefile("rb")
        self._reported = 0.0

    def receive(self) -> dict[str, Any]:
        """The next line. Ends the process when the node is gone."""
        line = self._lines.readline()
        if not line:
            sys.exit(0)
        result: dict[str, Any] = json.loads(line)
        return result

    def report(self, what: str, **fields: Any) -> None:
        """Sends a report. Ends the process when the node is gone."""
        self._reported = time.monotonic()
        try:
            self._sock.sendall(json.dumps({"what": what, **fields}).encode() + b"\n")
        except OSError:
            sys.exit(0)

    def progress(self, keys: int, size: int) -> None:
        """Reports progress, now and then."""
        if time.monotonic() - self._reported >= REPORT_INTERVAL_S:
            self.report("progress", keys=keys, bytes=size)


class Job:
    """One job, from snapshot to final."""

    def __init__(self, plan: Plan, control: Control, outlet: Outlet) -> None:
        self._plan = plan
        self._control = control
        self._outlet = outlet
        self._filter = SlotFilter([(first, last) for first, last in plan.ranges])
        self._payload: CheckedRows | RawRows | RedisCommands
        if plan.checked is not None:
            self._payload = CheckedRows(outlet, plan, plan.checked)
        else:
            self._payload = RawRows(outlet, plan) if plan.kind == "raw-key-value" else RedisCommands(outlet, plan)
        pins = str(Path(plan.directory) / "wal")
        self._tail = WALTail(plan.database, pins, plan.sequence, keep=plan.checked is not None)

    def run(self) -> None:
        """Sends the snapshot, then what the node orders."""
        self._send(self._snapshot(), "sender.snapshot")
        self._outlet.drain()
        self._control.report("snapshot", keys=self._payload.keys, bytes=self._outlet.sent)
        while True:
            order = self._control.receive()
            rows, size = self._payload.rows, self._outlet.sent
            self._send(self._changes(order["sequence"], final=order["do"] == "final"), "sender.changes")
            self._outlet.drain()
            digest = self._payload.digest if isinstance(self._payload, CheckedRows) else None
            self._control.report(
                order["do"], keys=self._payload.keys, bytes=self._outlet.sent,
                round_rows=self._payload.rows - rows, round_bytes=self._outlet.sent - size, digest=digest,
            )  # fmt: skip

    def _send(self, steps: Iterator[None], point: str) -> None:
        for _ in steps:
            faults.reach(point, WALError)
            self._tail.pin()
            self._control.progress(self._payload.keys, self._outlet.sent)

    def _snapshot(self) -> Iterator[None]:
        snapshot = Snapshot(self._plan.database, Path(self._plan.directory) / f"view-{os.getpid()}")
        for first, last in self._plan.ranges:
            yield from self._payload.snapshot(snapshot, first, last)
        if not self._payload.keeps_snapshot:
            snapshot.close()

    def _changes(self, sequence: int, *, final: bool) -> Iterator[None]:
        """Everything up to `sequence`, which the node has written: a log that does not show it is damaged."""
        deadline = time.monotonic() + self._plan.response_timeout_s
        while (before := self._tail.position) < sequence:
            self._payload.changes(self._tail, self._filter, WAL_BYTES_MAX)
            yield
            if self._tail.position > before:
                deadline = time.monotonic() + self._plan.response_timeout_s
            elif time.monotonic() > deadline:
                raise WALError(f"the log ends at sequence number {before}, but {sequence} has been written")
            else:
                time.sleep(WAL_WAIT_S)
        yield from self._payload.settle(sequence, final=final)


def main() -> None:
    """The process's main function: two inherited sockets are named by its arguments."""
    os.nice(NICENESS)
    control = Control(int(sys.argv[1]))
    plan = Plan.decode(control.receive())
    outlet = Outlet(socket.socket(fileno=int(sys.argv[2])), plan.response_timeout_s)
    try:
        faults.reach("sender.start", StoreError)
        Job(plan, control, outlet).run()
    except (OutletError, PayloadError, WALError, StoreError, CorruptionError, OSError) as error:
        lost = "link" if isinstance(error, LinkLost) else "log" if isinstance(error, WALError) else ""
        control.report("error", error=f"{error}", lost=lost)
        sys.exit(1)


if __name__ == "__main__":
    main()
