"""The two ways in which a sender puts rows on the link: `migrate-type`.

raw-key-value   write batches in RocksDB's own form, by APPLYBATCH: any type, byte for byte, subkeys and all. Speaks to
                Slotrocks and Kvrocks alike.
redis-command   Redis commands that make the keys, and restate what changes (redis_commands.py); works towards anything
                that takes CLUSTER IMPORT.

Both count `keys` (metadata rows sent) and `rows` (rows, or commands).
"""

from __future__ import annotations

from collections.abc import Iterator

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_STREAM,
    CF_ZSET_SCORE,
    BatchBuilder,
    SlotFilter,
    Snapshot,
    WALTail,
    batch_header,
    fill_batch,
)
from slotrocks.server.migration.outlet import Outlet, Throttle
from slotrocks.server.migration.plan import Plan, encode_request

# Sub-keys go before metadata, so that what arrives first is never visible.
FAMILIES_IN_ORDER = (CF_DEFAULT, CF_ZSET_SCORE, CF_STREAM, CF_METADATA)


class PayloadError(Exception):
    """Rows that cannot be sent this way."""


class RawRows:
    """Rows as they are."""

    keeps_snapshot = False

    def __init__(self, outlet: Outlet, plan: Plan) -> None:
        self._outlet = outlet
        self._batch_bytes = plan.batch_bytes
        self._throttle = Throttle(plan.bytes_per_s)
        self._builder = BatchBuilder()
        self.keys = 0
        self.rows = 0

    def snapshot(self, snapshot: Snapshot, first: int, last: int) -> Iterator[None]:
        """Sends every row of the slots; yields after each batch."""
        for cf in FAMILIES_IN_ORDER:
            rows = snapshot.rows(cf, first, last)
            while added := fill_batch(rows, cf, self._builder, self._batch_bytes):
                if cf == CF_METADATA:
                    self.keys += added
                self._apply(self._builder.take())
                yield

    def changes(self, tail: WALTail, slots: SlotFilter, bytes_max: int) -> None:
        """Sends what the log has next; a batch of the source is never sent in two parts, unless it is huge."""
        for batch in tail.read_batches(slots, min(bytes_max, self._batch_bytes)):
            self._apply(batch)

    def settle(self, sequence: int, *, final: bool) -> Iterator[None]:
        """The end of a round: everything has been sent."""
        return iter(())

    def _apply(self, batch: bytes) -> None:
        self._throttle.pay(len(batch))
        self.rows += batch_header(batch)[1]
        self._outlet.send(encode_request("APPLYBATCH", batch), 1)
