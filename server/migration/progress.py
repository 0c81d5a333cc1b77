"""How far an import has come, as its target keeps it: one row, written in the same batch as the rows that it counts.

    "slotrocks.migration.progress:" | job id  ->

    u8 1 | 16 B key of the digest | i64 rows | 16 B sum | u64 chunks | u64 position | u8 column family | storage key

So after a crash of either node it is exact: what it says has arrived is there, and nothing else. All integers are
big-endian. Persisted format: changing it needs another first byte.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from slotrocks.engine import RowDigest

PROGRESS_PREFIX = b"slotrocks.migration.progress:"
SNAPSHOT_COMPLETE = 255  # in place of a column family: changes have come since
_HEAD = struct.Struct(">B16sq16sQQB")
_VERSION = 1


@dataclass(frozen=True)
class Progress:
    """What has arrived of the rows of an import."""

    digest: RowDigest  # of all of it
    position: int  # the source's sequence number up to which its changes have come; at first that of its snapshot
    chunks: int = 0  # how many have come
    family: int = 0  # of the last row of the snapshot that has come, and its storage key; empty before the first
    key: bytes = b""

    @property
    def in_snapshot(self) -> bool:
        """Whether the snapshot is still arriving, as far as is known here."""
        return self.family != SNAPSHOT_COMPLETE

    def encode(self) -> bytes:
        """The row's value."""
        digest = self.digest
        head = _HEAD.pack(_VERSION, digest.key, digest.rows, digest.total, self.chunks, self.position, self.family)
        return head + self.key

    @classmethod
    def decode(cls, row: bytes) -> Progress:
        """The inverse of encode(). Raises ValueError."""
        if len(row) < _HEAD.size or row[0] != _VERSION:
            raise ValueError(f"not a row of an import's progress: {row[:80]!r}")
        _, key, rows, total, chunks, position, family = _HEAD.unpack_from(row)
        return cls(RowDigest(key, total, rows), position, chunks, family, row[_HEAD.size :])


def progress_key(job: str) -> bytes:
    """The row's key."""
    return PROGRESS_PREFIX + job.encode()
