"""The rows of an import from a Slotrocks source: written in order, counted, and digested as they are written.

A chunk is a write batch with a number; they come in order, without a gap, or not at all. First those of the snapshot,
which only add rows, in key order; then those of the changes, with the source's sequence number up to which they go. The
digest of everything that came is kept meanwhile (engine/digest.pxi), and the progress is written with each chunk's
rows. So nothing that has come need ever be sent again, and before anything is promised the two digests are compared.

What is compared is what this node was given to write: RocksDB's checksums answer for the rest. CLUSTERX VERIFY reads
everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from slotrocks.engine import CF_PROPAGATE, BatchError, RowChanges, SlotFilter, last_row
from slotrocks.server.errors import CommandError
from slotrocks.server.migration import faults
from slotrocks.server.migration.apply import write_batch
from slotrocks.server.migration.progress import SNAPSHOT_COMPLETE, Progress, progress_key

if TYPE_CHECKING:
    from slotrocks.server.node import Node


class Receiver:
    """Takes the chunks of one import. Raises CommandError for each that it refuses: then nothing of it is written."""

    def __init__(self, node: Node, job: str, slots: SlotFilter, progress: Progress) -> None:
        self._node = node
        self._key = progress_key(job)
        self._slots = slots
        self.progress = progress

    @classmethod
    def load(cls, node: Node, job: str, slots: SlotFilter) -> Receiver:
        """That of an import whose rows are in the database. Raises ValueError if its progress is not."""
        return cls(node, job, slots, Progress.decode(node.txn.get(CF_PROPAGATE, progress_key(job)) or b""))

    def save(self) -> None:
        """Puts the progress into the transaction: for a new import."""
        self._node.txn.put(CF_PROPAGATE, self._key, self.progress.encode())

    def forget(self) -> None:
        """Deletes the progress, in the transaction: the import has ended."""
        self._node.txn.delete(CF_PROPAGATE, self._key)

    def add(self, number: int, batch: bytes) -> None:
        """The next chunk of the snapshot."""
        self._check(number)
        if not self.progress.in_snapshot:
            raise CommandError("ERR the snapshot has come already")
        batch = faults.altered("target.rows", batch)
        digest = self.progress.digest.copy()
        try:
            digest.add_rows(batch)
            family, key = last_row(batch)
        except BatchError as error:
            raise CommandError(f"ERR {error}") from None
        self._write(batch, replace(self.progress, digest=digest, chunks=number, family=family, key=key))

    def change(self, number: int, position: int, batch: bytes) -> None:
        """The next chunk of the changes: those up to the source's sequence number `position`."""
        self._check(number)
        if position < self.progress.position:
            raise CommandError(f"ERR the changes up to {self.progress.position} have come already")
        batch = faults.altered("target.rows", batch)
        self._node.tick.end()
        digest = self.progress.digest.copy()
        families = self._node.store.families

        def get_many(cf: int, keys: list[bytes]) -> list[bytes | None]:
            return families[cf].get(keys)  # type: ignore[arg-type, return-value]  # raw mode: bytes

        def scan(cf: int, begin: bytes, end: bytes) -> Iterable[tuple[bytes, bytes]]:
            return self._node.store.scan(cf, begin, end)

        try:
            RowChanges(digest, get_many, scan).apply(batch)
        except BatchError as error:
            raise CommandError(f"ERR {error}") from None
        progress = replace(
            self.progress, digest=digest, chunks=number, position=position, family=SNAPSHOT_COMPLETE, key=b""
        )
        self._write(batch, progress)

    def compare(self, rows: int, total: bytes) -> None:
        """Raises CommandError unless the source's digest is this one's."""
        faults.reach("target.compare", CommandError)
        digest = self.progress.digest
        if (digest.rows, digest.total) != (rows, total):
            raise CommandError(
                f"ERR the rows that came are not the source's: {digest.rows} with digest {digest.total.hex()}"
                f" instead of {rows} with {total.hex()}"
            )

    def _check(self, number: int) -> None:
        if number != self.progress.chunks + 1:
            raise CommandError(f"ERR chunk {number} came after chunk {self.progress.chunks}")

    def _write(self, batch: bytes, progress: Progress) -> None:
        faults.reach("target.batch", CommandError)
        write_batch(self._node, batch, self._slots, [(self._key, progress.encode())])
        self.progress = progress
