"""Rows as they are, to a Slotrocks target: numbered, digested, and never sent twice.

The digest (engine/digest.pxi) is of the rows that the target must have: of the view that the snapshot is read from, and
then of what the log makes of them, row by row. Old values are read from the view, which therefore stays open and must
not move; of the rows that the log has touched, the hashes are remembered.

A sender that takes over from one that died asks where the target is (plan.Checked). It reads a new view, all of it for
the digest, but sends only what lies behind the last row that the target has; then the log from the target's position
on. What the target has of the first view is older than the new one, and rows of the new one are set back by the log to
what they were in between: neither matters, because the log states whole rows, and the last statement about each is the
same for both ends. What is written behind the target's last row since the first view is in the log, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import mkdtemp

from slotrocks.engine import (
    CF_METADATA,
    BatchBuilder,
    KeyCodec,
    RowChanges,
    RowDigest,
    SlotFilter,
    Snapshot,
    WALTail,
    batch_header,
    fill_batch,
)
from slotrocks.server.migration import faults
from slotrocks.server.migration.outlet import Outlet, Throttle
from slotrocks.server.migration.payload import FAMILIES_IN_ORDER, PayloadError
from slotrocks.server.migration.plan import Checked, Plan, encode_request

EMPTY_BATCH = BatchBuilder().take()
KNOWN_ROWS_MAX = 2_000_000


class CheckedRows:
    """Counts `keys` (metadata rows of the snapshot) and `rows` (rows sent)."""

    keeps_snapshot = True

    def __init__(self, outlet: Outlet, plan: Plan, checked: Checked) -> None:
        self._outlet = outlet
        self._plan = plan
        self._job = checked.job
        self._chunks = checked.chunks
        self._position = plan.sequence  # the target's
        self._arrived = (checked.family, bytes.fromhex(checked.key))  # the last row of the snapshot that the target has
        self._in_snapshot = checked.in_snapshot
        self._behind = self._in_snapshot and not checked.key  # whether what is read now has to be sent
        self._batch_bytes = plan.batch_bytes
        self._throttle = Throttle(plan.bytes_per_s)
        self._builder = BatchBuilder()
        self._codec = KeyCodec(True)
        self._digest = RowDigest(bytes.fromhex(checked.digest_key))
        self._changes: RowChanges | None = None
        self._view: Snapshot | None = None
        self._tail: WALTail | None = None
        self.keys = 0
        self.rows = 0

    @property
    def digest(self) -> tuple[int, str]:
        """(rows, sum) of what the target must have now."""
        return self._digest.rows, self._digest.total.hex()

    def snapshot(self, snapshot: Snapshot, first: int, last: int) -> Iterator[None]:
        """Sends every row of the slots that the target lacks; yields after each batch."""
        self._look_at(snapshot)
        begin, end = self._codec.slot_range(first, last)
        for cf in FAMILIES_IN_ORDER:
            rest = begin
            if self._in_snapshot and not self._behind and self._arrived[0] == cf and begin <= self._arrived[1] < end:
                rest = self._arrived[1] + b"\0"
                yield from self._read(cf, begin, rest)
                self._behind = True
            yield from self._read(cf, rest, end)

    def _look_at(self, snapshot: Snapshot) -> None:
        self._view = snapshot
        self._sequence = snapshot.sequence
        self._changes = RowChanges(self._digest, self._get_many, self._scan)

    def _read(self, cf: int, begin: bytes, end: bytes) -> Iterator[None]:
        assert self._view is not None
        rows = self._view.rows_between(cf, begin, end)
        while added := fill_batch(rows, cf, self._builder, self._batch_bytes):
            if cf == CF_METADATA:
                self.keys += added
            batch = self._builder.take()
            self._digest.add_rows(batch)
            if self._behind:
                self._send("ROWS", batch)
            yield

    def changes(self, tail: WALTail, slots: SlotFilter, bytes_max: int) -> None:
        """Sends what the log has next; a batch of the source is never sent in two parts, unless it is huge."""
        assert self._changes is not None
        self._tail = tail
        before = tail.position
        batches = tail.read_batches(slots, min(bytes_max, self._batch_bytes))
        for number, batch in enumerate(batches, 1):
            self._changes.apply(batch)
            self._send("CHANGES", batch, tail.position if number == len(batches) else before)

    def settle(self, sequence: int, *, final: bool) -> Iterator[None]:
        """The end of a round: everything has been sent. The log that is behind it will not be needed again once the
        target has noted that."""
        if self._tail is not None and not final:
            if self._tail.position != self._position:
                self._send("CHANGES", EMPTY_BATCH, self._tail.position)
            self._outlet.drain()
            self._tail.release()
            if self._changes is not None and self._changes.rows_known > KNOWN_ROWS_MAX:
                yield from self._move_on()

    def _move_on(self) -> Iterator[None]:
        """Makes the digest anew, from a new view, instead of remembering ever more rows: as one who takes over does."""
        assert self._view is not None
        self._view.close()
        self._digest = RowDigest(self._digest.key)
        self._behind = False
        keys = self.keys
        self._look_at(Snapshot(self._plan.database, mkdtemp(prefix="secondary-", dir=self._plan.directory)))
        for first, last in self._plan.ranges:
            for cf in FAMILIES_IN_ORDER:
                yield from self._read(cf, *self._codec.slot_range(first, last))
        self.keys = keys

    def _send(self, what: str, batch: bytes, position: int | None = None) -> None:
        self._throttle.pay(len(batch))
        self._chunks += 1
        self.rows += batch_header(batch)[1]
        batch = faults.altered("sender.rows", batch)
        words: list[str | bytes | int] = ["CLUSTERX", "HANDOVER", what, self._job, self._chunks]
        if position is not None:
            words.append(position)
            self._position = position
        self._outlet.send(encode_request(*words, batch), 1)

    # -- the rows as they were in the view

    def _get_many(self, cf: int, keys: list[bytes]) -> list[bytes | None]:
        return self._still().get_many(cf, keys)

    def _scan(self, cf: int, begin: bytes, end: bytes) -> Iterable[tuple[bytes, bytes]]:
        return self._still().rows_between(cf, begin, end)

    def _still(self) -> Snapshot:
        assert self._view is not None
        if self._view.sequence != self._sequence:
            raise PayloadError("the view of the snapshot has moved")
        return self._view
