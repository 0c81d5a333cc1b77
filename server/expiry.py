"""Removes expired keys soon after their time, a bounded number at a time.

Reads already treat an expired key as absent; this gives its space back. The engine keeps an index of expiries in time
order, whose rows are hints: each is checked against the key's metadata. Slots that are not this node's to write to
(frozen, being imported, handed over) are left alone, since deleting is writing. To readers and to WATCH a key ends at
its time; only who waits for it (XREADGROUP, whose group is gone) is told when it is removed.

A round goes on where the last one ended, so that it does not pass the tombstones of what was deleted again and again.
When it has caught up with the clock, or after a while, it begins anew: hints may have been skipped, or come in late
(imports).

Slots that are deleted as a whole leave their hints behind. A sweep, after each such deletion and after each start,
looks at all hints, a few at a time, and deletes those whose key is gone.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from typing import TYPE_CHECKING, Any

from slotrocks.engine import CF_METADATA, CF_PROPAGATE, EXPIRY_PREFIX, decode_expiry_key, decode_metadata, prefix_end

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

INTERVAL_S = 0.1
KEYS_PER_ROUND_MAX = 500
ROWS_PER_ROUND_MAX = 4 * KEYS_PER_ROUND_MAX
RESTART_INTERVAL_MS = 10_000
SWEPT_PER_ROUND_MAX = 500
_END = prefix_end(EXPIRY_PREFIX)


class Expiry:
    """The node's background deletion of expired keys."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.enabled = True  # DEBUG SET-ACTIVE-EXPIRE
        self._position = EXPIRY_PREFIX  # where the next round begins
        self._restart_at_ms = 0
        self._sweep: bytes | None = EXPIRY_PREFIX  # up to where the sweep has come, if there is one
        self._timer: asyncio.TimerHandle = node.loop.call_later(INTERVAL_S, self._round)

    def close(self) -> None:
        """Stops."""
        self._timer.cancel()

    def sweep(self) -> None:
        """Begins a sweep, from the start: slots have been deleted."""
        self._sweep = EXPIRY_PREFIX

    def _round(self) -> None:
        delay = INTERVAL_S
        try:
            idle = not self.enabled or self._node.write_error or self._node.pause is not None
            if not idle and self._sweep is not None:
                self._sweep_some()
            if not idle and self.expire_some() == KEYS_PER_ROUND_MAX:
                delay = INTERVAL_S / 20  # there is a backlog: the same share of the loop, more often
        except Exception:
            log.exception("a round of expiry failed")
        self._timer = self._node.loop.call_later(delay, self._round)

    def _sweep_some(self) -> None:
        """Looks at the next hints of the sweep. Past the cache, which is for rows that clients ask for."""
        node, txn = self._node, self._node.txn
        assert self._sweep is not None
        node.tick.end()
        hints = [hint for hint, _ in islice(txn.scan(CF_PROPAGATE, self._sweep, _END), SWEPT_PER_ROUND_MAX)]
        self._sweep = hints[-1] + b"\0" if len(hints) == SWEPT_PER_ROUND_MAX else None
        if not hints:
            return
        txn.begin(node.now_ms)
        keys = [decode_expiry_key(hint)[1] for hint in hints]
        rows: Any = node.store.families[CF_METADATA].get(keys)  # type: ignore[arg-type]  # a list of bytes will do
        for hint, row in zip(hints, rows, strict=True):
            if row is None:
                txn.delete(CF_PROPAGATE, hint)
        node.tick.end()

    def expire_some(self) -> int:
        """Deletes up to KEYS_PER_ROUND_MAX keys whose time has passed. Returns how many."""
        node, txn = self._node, self._node.txn
        node.refresh_clock()
        if node.now_ms >= self._restart_at_ms:
            self._position = EXPIRY_PREFIX
            self._restart_at_ms = node.now_ms + RESTART_INTERVAL_MS
        hints = []
        for hint, _ in txn.scan(CF_PROPAGATE, self._position, EXPIRY_PREFIX + node.now_ms.to_bytes(8, "big")):
            hints.append(hint)
            if len(hints) == ROWS_PER_ROUND_MAX:
                break
        deleted = 0
        for hint in hints:
            self._position = hint
            expire_ms, row_key = decode_expiry_key(hint)
            key = txn.codec.user_key(row_key)
            if node.cluster is not None and not node.cluster.may_expire(key):
                continue
            txn.begin(node.now_ms)
            row = txn.get(CF_METADATA, row_key)
            if row is not None and decode_metadata(row).expire_ms == expire_ms:
                metadata = txn.lookup_any(key)
                assert metadata is not None
                txn.remove(metadata)
                node.stats.expired_keys += 1
                node.blocking.on_touched([key])
                deleted += 1
            else:
                txn.delete(CF_PROPAGATE, hint)
            if deleted == KEYS_PER_ROUND_MAX:
                break
        if hints:
            node.tick.end()
        return deleted
