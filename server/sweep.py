"""COMPACT: removes what belongs to no key.

Slotrocks deletes a key's rows with the key. Kvrocks deletes its metadata only, and leaves the rest (sub-keys of a
version that no metadata names) to the filter of its compactions, which we have not: a folder that Kvrocks wrote holds
such orphans, and this is how an operator gets rid of them.

A step looks at a bounded number of collections between two commands, so nothing is written meanwhile; and a new one
always has a new version: what has no metadata of its version now never will have. The exception are slots that are
being imported, whose rows may come before their metadata: those, and slots that this node may not write to, are left
alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from slotrocks.engine import CF_DEFAULT, CF_STREAM, CF_ZSET_SCORE
from slotrocks.server.background import Background

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

COLLECTIONS_PER_STEP_MAX = 100
DELETED_ONE_BY_ONE_MAX = 64  # a larger orphan goes with a range deletion
FAMILIES = (CF_DEFAULT, CF_ZSET_SCORE, CF_STREAM)


class Sweep:
    """One COMPACT. `done` once it has ended."""

    def __init__(self, node: Node) -> None:
        """Begins."""
        self._node = node
        self._family = 0  # index in FAMILIES
        self._position, self._end = node.txn.codec.namespace_range()
        self.orphans = 0  # collections whose rows were removed
        self.background = Background(node, "COMPACT", self.step)

    @property
    def done(self) -> bool:
        """Whether it has seen everything."""
        return self._family == len(FAMILIES)

    def step(self) -> bool:
        """Looks at up to COLLECTIONS_PER_STEP_MAX collections, and removes those that belong to no key. Whether there
        are more."""
        node, txn = self._node, self._node.txn
        node.refresh_clock()
        txn.begin(node.now_ms)
        cf = FAMILIES[self._family]
        for _ in range(COLLECTIONS_PER_STEP_MAX):
            storage_key = next((key for key, _ in txn.scan(cf, self._position, self._end)), None)
            if storage_key is None:
                self._family += 1
                self._position = txn.codec.namespace_range()[0]
                break
            self._visit(cf, storage_key)
        node.tick.end()
        if self.done:
            log.info("COMPACT removed the rows of %d collections that no key names", self.orphans)
        return not self.done

    def _visit(self, cf: int, storage_key: bytes) -> None:
        """Decides about the collection whose first row this is, and moves behind it."""
        txn = self._node.txn
        try:
            key, version, _ = txn.codec.decode_subkey(storage_key)
        except ValueError:
            log.warning("a row that is nobody's: column family %d, %r", cf, storage_key)
            self._position = storage_key + b"\0"
            return
        begin, end = txn.codec.subkey_range(key, version)
        self._position = end
        cluster = self._node.cluster
        if cluster is not None and not cluster.may_expire(key):
            return
        metadata = txn.lookup_any(key)
        if metadata is not None and metadata.has_subkeys and metadata.version == version:
            return
        self.orphans += 1
        few = []
        for row, _ in txn.scan(cf, begin, end):
            few.append(row)
            if len(few) > DELETED_ONE_BY_ONE_MAX:
                txn.delete_range(cf, begin, end)
                return
        for row in few:
            txn.delete(cf, row)
