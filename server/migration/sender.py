"""The node's handle of a sender process.

The sender (sender_process.py) is a process of its own, of low priority, so that no client waits for a scan. It inherits
two sockets: the link to the target, which it uses alone while it lives, and a control channel, over which orders go
down and reports come up, one JSON object a line.

    order  = {"do": "round" | "final", "sequence": n}             send everything up to sequence number n
    report = {"what": "progress" | "snapshot" | "round" | "final", "keys", "bytes", "round_rows", "round_bytes"}
             "digest": [rows, sum] of rows that are checked, at the end of a round
           | {"what": "error", "error": text, "lost": what was lost: "link" | "log" | ""}
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slotrocks.server.migration.plan import Plan

if TYPE_CHECKING:
    from slotrocks.server.config import Config
    from slotrocks.server.migration.job import Job


class SenderError(Exception):
    """The sender failed."""


class SenderLost(SenderError):
    """The sender died, or lost the link: another one may do better."""


class LogLost(SenderError):
    """The log does not have what the sender needs."""


_ERRORS = {"": SenderError, "link": SenderLost, "log": LogLost}


@dataclass(frozen=True)
class Report:
    """What a sender has done so far; `round_*` are of the round that it reports."""

    what: str
    keys: int
    bytes: int
    round_rows: int = 0
    round_bytes: int = 0
    digest: tuple[int, str] | None = None


class Sender:
    """A running sender process."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @classmethod
    async def start(cls, link_fd: int, directory: Path, database: Path, job: Job, config: Config) -> Sender:
        """Starts the process; it begins with the snapshot at once."""
        plan = Plan(
            database=str(database),
            directory=str(directory),
            sequence=job.position,
            ranges=list(job.slots.ranges),
            kind=job.kind,
            batch_bytes=config.migrate_batch_size_kb << 10,
            bytes_per_s=config.migrate_batch_rate_limit_mb << 20,
            commands_per_s=config.migrate_speed,
            pipeline=config.migrate_pipeline_size,
            takes_batches=job.link is not None and job.link.takes_batches,
            kvrocks=job.kvrocks,
            response_timeout_s=config.migrate_response_timeout_ms / 1000,
            checked=job.checked,
        )
        ours, theirs = socket.socketpair()
        # A duplicate, so that the link may be closed here while the process is being started.
        link = os.dup(link_fd)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "slotrocks.server.migration.sender_process", str(theirs.fileno()), str(link),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(), link),
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(link)
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(json.dumps(asdict(plan)).encode() + b"\n")
        return cls(process, reader, writer)

    async def reports(self) -> AsyncIterator[Report]:
        """The sender's reports as they come. Raises SenderError when it fails or dies."""
        while True:
            try:
                line = await self._reader.readline()
            except OSError as error:
                raise SenderLost(f"the sender died: {error}") from error
            if not line.endswith(b"\n"):
                raise SenderLost("the sender died")
            fields = json.loads(line)
            if fields["what"] == "error":
                raise _ERRORS[fields["lost"]](fields["error"])
            yield Report(**fields)

    def order(self, do: str, sequence: int) -> None:
        """Has the sender send everything up to a sequence number: "round", or "final" for the last time."""
        self._writer.write(json.dumps({"do": do, "sequence": sequence}).encode() + b"\n")

    def stop(self) -> None:
        """Ends the process; the link's socket stays open on our side."""
        self._writer.close()
        if self._process.returncode is None:
            self._process.kill()
