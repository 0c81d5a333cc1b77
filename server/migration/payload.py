"""The two ways in which a sender puts rows on the link: `migrate-type`.

raw-key-value   write batches in RocksDB's own form, by APPLYBATCH: any type, byte for byte, subkeys and all. Speaks to
                Slotrocks and Kvrocks alike.
redis-command   Redis commands that rebuild the keys; works towards anything that takes CLUSTER IMPORT. A change is sent
                as the touched key's new state, so sending it twice does no harm.

Both count `keys` (metadata rows sent) and `rows` (rows, or commands).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_STREAM,
    CF_ZSET_SCORE,
    OP_DELETE,
    OP_PUT,
    TYPE_NAMES,
    TYPE_STRING,
    BatchBuilder,
    KeyCodec,
    SlotFilter,
    Snapshot,
    WALTail,
    batch_header,
    decode_metadata,
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


class RedisCommands:
    """Keys as the commands that make them."""

    keeps_snapshot = False

    def __init__(self, outlet: Outlet, plan: Plan) -> None:
        self._outlet = outlet
        self._pipeline = plan.pipeline
        self._throttle = Throttle(plan.commands_per_s)
        self._codec = KeyCodec(True)
        self._buffer = bytearray()
        self._buffered = 0
        self.keys = 0
        self.rows = 0

    def snapshot(self, snapshot: Snapshot, first: int, last: int) -> Iterator[None]:
        """Sends every living key of the slots; yields now and then."""
        for row_key, value in snapshot.rows(CF_METADATA, first, last):
            if self._put(self._codec.user_key(row_key), value, alive_only=True):
                self.keys += 1
                if not self._buffered:
                    yield
        self._flush()

    def changes(self, tail: WALTail, slots: SlotFilter, bytes_max: int) -> None:
        """Sends the new state of the keys that the log has next, once each."""
        newest: dict[bytes, bytes | None] = {}
        for op, cf, row_key, value in tail.read_rows(slots, bytes_max):
            if cf != CF_METADATA:
                raise PayloadError("a key that is not a string changed: use migrate-type raw-key-value")
            if op not in (OP_PUT, OP_DELETE):
                raise PayloadError("a range of keys was deleted: use migrate-type raw-key-value")
            newest[row_key] = value if op == OP_PUT else None
        for row_key, row in newest.items():
            key = self._codec.user_key(row_key)
            if row is None or not self._put(key, row, alive_only=False):
                self._send("DEL", key)
        self._flush()

    def settle(self, sequence: int, *, final: bool) -> Iterator[None]:
        """The end of a round: everything has been sent."""
        return iter(())

    def _put(self, key: bytes, row: bytes, *, alive_only: bool) -> bool:
        """Sends the command that makes a key. False, and nothing sent, if the key is dead."""
        metadata = decode_metadata(row)
        if not metadata.alive(time.time_ns() // 1_000_000):
            return False
        if metadata.type != TYPE_STRING:
            name = TYPE_NAMES[metadata.type]
            raise PayloadError(f"redis-command cannot send a key of type {name} yet: use migrate-type raw-key-value")
        if metadata.expire_ms:
            self._send("SET", key, metadata.payload, "PXAT", metadata.expire_ms)
        else:
            self._send("SET", key, metadata.payload)
        return True

    def _send(self, *words: str | bytes | int) -> None:
        self._buffer += encode_request(*words)
        self._buffered += 1
        self.rows += 1
        if self._buffered >= self._pipeline:
            self._flush()

    def _flush(self) -> None:
        if self._buffered:
            self._throttle.pay(self._buffered)
            self._outlet.send(bytes(self._buffer), self._buffered)
            self._buffer.clear()
            self._buffered = 0
