"""Fault points: named places of a migration at which a test can have something break.

A process that was started with the environment variable SLOTROCKS_FAULTS=<file> reads that file at every point it
reaches. The file is a plan, one line for each fault that is still to happen:

    <point>=<action>           at the next time that the point is reached
    <point>@<n>=<action>       at the n-th time from now

    kill         SIGKILL for this process
    error        the error that the place would see if what it just did had failed; after a request that is a lost reply
    delay:<ms>   the whole process stands still for a while
    wait         it stands still until somebody removes "<file>.reached", which names the point
    drop, flip, repeat   for the points that see rows: the first row is lost, a bit of the last one's value is wrong,
                 the rows of the batch before come a second time after these

A fault happens once: its line is removed before the action, so a process that is started again does not meet it again.
The sender inherits the variable from its node. Without the variable `reach` is a function that does nothing.

POINTS lists every point, and the matrix of tests/migration/test_faults.py covers every one; both are compared with the
code.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from slotrocks.engine import OP_DELETE_RANGE, OP_PUT, BatchBuilder, decode_batch

VARIABLE = "SLOTROCKS_FAULTS"
POLL_S = 0.005

POINTS = {
    "source.start.answered": "the target imports",
    "source.sender.started": "the sender process runs",
    "source.snapshot.sent": "the sender has reported the end of the snapshot",
    "source.round.sent": "the sender has reported a round of changes",
    "source.freeze": "writes are held",
    "source.final.sent": "the sender has reported the last changes",
    "source.prepare.send": "PREPARE is about to be sent",
    "source.prepare.answered": "the target has promised",
    "source.fence.write": "the fence is about to be written",
    "source.fence.written": "the fence is on the medium",
    "source.commit.send": "COMMIT is about to be sent",
    "source.commit.answered": "the target serves",
    "source.ask.answered": "the target has said what became of the job",
    "source.moved.write": "the move is about to be written",
    "source.moved.written": "the move is written, and clients are sent on",
    "source.resume.answered": "the target has said how far the job has come",
    "source.rollback": "the target is about to be told that the job ends",
    "source.forget": "the job's record is about to be deleted",
    "source.clean": "the data of the slots is about to be deleted",
    "sender.start": "the sender has its plan",
    "sender.snapshot": "a batch of the snapshot is on its way",
    "sender.changes": "a part of the log is on its way",
    "sender.rows": "a batch of rows is about to be sent",
    "target.start": "an import is about to begin",
    "target.rows": "a batch of rows has come",
    "target.compare": "the digests are about to be compared",
    "target.resume": "an import is about to go on over a new connection",
    "target.batch": "a batch is about to be written",
    "target.prepare.noted": "the promise to keep the data is in the transaction",
    "target.prepare.synced": "and on the medium, not yet answered",
    "target.commit.noted": "the ownership is in the transaction",
    "target.commit.synced": "and on the medium: clients are served, the source has no answer yet",
    "target.abort": "what came is about to be dropped",
    "node.sync": "something is about to be forced to the medium, on either side",
}


def _nothing(point: str, error: type[Exception] | None = None) -> None:
    """The process was started without SLOTROCKS_FAULTS."""


def _same(point: str, batch: bytes) -> bytes:
    """The process was started without SLOTROCKS_FAULTS."""
    return batch


class Plan:
    """The plan in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before: dict[str, bytes] = {}

    def reach(self, point: str, error: type[Exception] | None = None) -> None:
        """Does what the plan says about a point. Raises `error` if that is the action."""
        action = self._take(point)
        if action is None:
            return
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "error":
            assert error is not None, f"no error is possible at {point}"
            raise error(f"fault at {point}")
        elif action == "wait":
            self._wait(point)
        else:
            time.sleep(int(action.removeprefix("delay:")) / 1000)

    def altered(self, point: str, batch: bytes) -> bytes:
        """The batch of rows that passes a point, as the plan wants it."""
        action = self._take(point)
        before = self._before.get(point, batch)
        self._before[point] = batch
        if action is None:
            return batch
        rows = decode_batch(batch)
        if action == "drop":
            rows = rows[1:]
        elif action == "flip":
            op, family, key, value = rows[-1]
            rows[-1] = (op, family, key, value[:-1] + bytes([value[-1] ^ 1]))
        elif action == "repeat":
            rows += decode_batch(before)
        builder = BatchBuilder()
        for op, family, key, value in rows:
            if op == OP_PUT:
                builder.put(family, key, value)
            elif op == OP_DELETE_RANGE:
                builder.delete_range(family, key, value)
            else:
                builder.delete(family, key)
        return builder.take()

    def _take(self, point: str) -> str | None:
        """Counts a visit; the action if it is due, whose line is then gone."""
        try:
            lines = self._path.read_text().splitlines()
        except FileNotFoundError:
            return None
        for index, line in enumerate(lines):
            place, action = line.split("=")
            name, _, count = place.partition("@")
            if name != point:
                continue
            left = int(count or 1) - 1
            lines[index : index + 1] = [f"{name}@{left}={action}"] if left else []
            fresh = self._path.with_suffix(".new")
            fresh.write_text("".join(f"{each}\n" for each in lines))
            fresh.replace(self._path)
            return None if left else action
        return None

    def _wait(self, point: str) -> None:
        reached = Path(f"{self._path}.reached")
        fresh = self._path.with_suffix(".new")
        fresh.write_text(point)
        fresh.replace(reached)
        with contextlib.suppress(FileNotFoundError):
            while reached.stat():
                time.sleep(POLL_S)


_file = os.environ.get(VARIABLE)
_plan = Plan(Path(_file)) if _file else None
reach = _plan.reach if _plan else _nothing
altered = _plan.altered if _plan else _same
