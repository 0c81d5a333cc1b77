"""What a sender is told, and how requests are encoded: apart from what needs an event loop, so that the sender's
process does not load one before it can begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hiredis

from slotrocks.server.migration.progress import SNAPSHOT_COMPLETE


@dataclass(frozen=True)
class Checked:
    """How rows are numbered and digested, and what the target has already. Bytes are hexadecimal."""

    job: str
    digest_key: str
    chunks: int = 0
    family: int = 0  # of the last row of the snapshot that has come, or SNAPSHOT_COMPLETE
    key: str = ""  # its storage key

    @property
    def in_snapshot(self) -> bool:
        """Whether rows of the snapshot are still missing, as far as is known."""
        return self.family != SNAPSHOT_COMPLETE


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
    checked: Checked | None = None  # a Slotrocks target gets rows

    @classmethod
    def decode(cls, fields: dict[str, Any]) -> Plan:
        """The inverse of asdict()."""
        checked = fields.pop("checked")
        return cls(**fields, checked=None if checked is None else Checked(**checked))


def encode_request(*words: str | bytes | int) -> bytes:
    """A request as it goes over the wire."""
    request: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one word
    return request
