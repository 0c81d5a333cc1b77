"""What a sender is told, and how requests are encoded: apart from what needs an event loop, so that the sender's
process does not load one before it can begin.
"""

from __future__ import annotations

from dataclasses import dataclass

import hiredis


@dataclass(frozen=True)
class Plan:
    """What a sender is to do. `sequence`: everything up to it is in the snapshot, what follows comes from the WAL."""

    database: str
    directory: str  # for pins and the secondary instance; removed by the node
    sequence: int
    ranges: list[tuple[int, int]]
    kind: str  # migrate-type
    batch_bytes: int
    bytes_per_s: int  # 0 = unlimited
    commands_per_s: int  # 0 = unlimited
    pipeline: int
    takes_batches: bool  # the target has APPLYBATCH
    kvrocks: bool  # the target is not Slotrocks
    response_timeout_s: float


def encode_request(*words: str | bytes | int) -> bytes:
    """A request as it goes over the wire."""
    request: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one word
    return request
