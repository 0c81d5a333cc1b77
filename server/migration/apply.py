"""APPLYBATCH outside an import: rows that a tool writes into a node that owns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slotrocks.engine import CF_PROPAGATE, BatchError, SlotFilter, apply_batch, encode_expiry_key
from slotrocks.server.errors import CommandError

if TYPE_CHECKING:
    from slotrocks.server.node import Node


def write_batch(node: Node, data: bytes, slots: SlotFilter | None, notes: Sequence[tuple[bytes, bytes]] = ()) -> int:
    """Writes an encoded batch whose rows all lie in `slots` (None: a node without cluster mode, any row), and indexes
    their expiries. `notes` are rows of column family propagate that go with it. How many operations it had. Raises
    CommandError; then nothing of it is written."""
    node.tick.end()  # so that the order of the WAL is the order of the commands
    batch = node.store.new_batch()
    try:
        expiries = apply_batch(data, batch, node.store.handles, slots)
    except BatchError as error:
        raise CommandError(f"ERR {error}") from None
    count = len(batch)
    for row_key, expire_ms in expiries:
        batch.put(encode_expiry_key(expire_ms, row_key), b"", node.store.handles[CF_PROPAGATE])
    for key, value in notes:
        batch.put(key, value, node.store.handles[CF_PROPAGATE])
    node.write_now(batch)
    return count


def apply_anywhere(node: Node, data: bytes) -> int:
    """The command: its size in bytes. In a cluster, the rows must lie in slots that this node owns and may write."""
    if node.cluster is None:
        slots = None
    elif node.cluster.coordinator.running is not None:
        raise CommandError("TRYAGAIN slots are being migrated")
    else:
        slots = SlotFilter(node.cluster.owned.ranges)
    write_batch(node, data, slots)
    node.on_all_touched()
    return len(data)
