"""The migration as an operator sees it: one command to the source, and then CLUSTER INFO until it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from slotrocks.server.demo.link import Link, ReplyError
from slotrocks.server.demo.nodes import MOVED_SLOTS, DemoError, Nodes, order

POLL_S = 0.1
FIRST_POLL_S = 0.02


@dataclass(frozen=True)
class Progress:
    """What CLUSTER INFO says of the migration."""

    state: str  # start, success, fail
    stage: str = ""
    elapsed_s: float = 0.0
    keys: int = 0
    bytes: int = 0
    rounds: int = 0
    pause_ms: int = 0
    error: str = ""

    @property
    def keys_per_s(self) -> float:
        """So far, on average."""
        return self.keys / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def bytes_per_s(self) -> float:
        """So far, on average."""
        return self.bytes / self.elapsed_s if self.elapsed_s else 0.0

    def left_s(self, keys_total: int) -> float | None:
        """How long the rest takes at this rate; None as long as nobody can tell."""
        return max(0, keys_total - self.keys) / self.keys_per_s if self.keys else None


def decode_progress(info: str) -> Progress:
    """Progress from the text of CLUSTER INFO. Raises DemoError if it tells of no migration."""
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in info.splitlines())}
    try:
        return Progress(
            state=fields["migrating_state"],
            stage=fields["migrating_stage"],
            elapsed_s=int(fields["migrating_elapsed_ms"]) / 1000,
            keys=int(fields["migrating_keys"]),
            bytes=int(fields["migrating_bytes"]),
            rounds=int(fields["migrating_rounds"]),
            pause_ms=int(fields["migrating_pause_ms"]),
            error=fields.get("migrating_error", ""),
        )
    except (KeyError, ValueError) as error:
        raise DemoError(f"CLUSTER INFO does not tell of the migration: {error}") from error


async def migrate(nodes: Nodes) -> AsyncIterator[Progress]:
    """Moves half of the slots from A to B; yields how far it is, the outcome last. Raises DemoError or LinkError."""
    link = nodes.links[nodes.a.name]
    await order(link, "CLUSTERX", "MIGRATE", MOVED_SLOTS, nodes.b.id)
    wait_s = FIRST_POLL_S
    while True:
        progress = await _ask(link)
        yield progress
        if progress.state != "start":
            return
        nodes.check()
        await asyncio.sleep(wait_s)
        wait_s = POLL_S


async def _ask(link: Link) -> Progress:
    info = await link.call("CLUSTER", "INFO")
    if isinstance(info, ReplyError):
        raise DemoError(f"CLUSTER INFO was refused: {info}")
    return decode_progress(info.decode())
