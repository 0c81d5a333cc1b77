"""What a machine keeps of a node: its rows, the log of its writes, and which of them have been forced to the medium.

A process that ends leaves everything that it has written; a machine that fails leaves what was synced, and of the rest
any prefix. Store has the interface of the engine's.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any

from simulation.processes import CURRENT, Crash
from slotrocks.engine import COLUMN_FAMILIES, OP_DELETE, OP_DELETE_RANGE, OP_PUT, KeyCodec
from slotrocks.server.cluster.nodes_conf import NodesConf

Operation = tuple[int, int, bytes, bytes]
"""(OP_*, column family, key, value or end of the range)."""


class Image:
    """Rows at one moment."""

    def __init__(self) -> None:
        self.rows: list[dict[bytes, bytes]] = [{} for _ in COLUMN_FAMILIES]
        self._keys: list[list[bytes]] = [[] for _ in COLUMN_FAMILIES]

    def copy(self) -> Image:
        """Another one with the same rows."""
        other = Image()
        other.rows = [dict(each) for each in self.rows]
        other._keys = [list(each) for each in self._keys]
        return other

    def apply(self, operations: list[Operation]) -> None:
        """A batch."""
        for op, cf, key, value in operations:
            rows, keys = self.rows[cf], self._keys[cf]
            if op == OP_PUT:
                if key not in rows:
                    insort(keys, key)
                rows[key] = value
            elif op == OP_DELETE_RANGE:
                first, last = bisect_left(keys, key), bisect_left(keys, value)
                for each in keys[first:last]:
                    del rows[each]
                del keys[first:last]
            elif rows.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]

    def scan(self, cf: int, begin: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """The rows of a range, as of now."""
        keys, rows = self._keys[cf], self.rows[cf]
        found = [(key, rows[key]) for key in keys[bisect_left(keys, begin) : bisect_left(keys, end)]]
        return reversed(found) if reverse else iter(found)

    def slot(self, slot: int) -> list[tuple[int, bytes, bytes]]:
        """Every row of a slot: (column family, key, value)."""
        begin, end = KeyCodec(True).slot_range(slot, slot)
        return [(cf, key, value) for cf in range(len(COLUMN_FAMILIES)) for key, value in self.scan(cf, begin, end)]


class Disk:
    """The disk of a node, through all its lives. nodes.conf is always durable."""

    def __init__(self) -> None:
        self.live = Image()
        self.durable = Image()
        self.log: list[tuple[int, list[Operation]]] = []  # (sequence number of the first operation, operations)
        self.sequence = 0
        self.synced = 0  # how many batches of the log are on the medium
        self.conf: NodesConf | None = None

    def write(self, operations: list[Operation]) -> None:
        """A batch: in the system's hands, not on the medium."""
        self.log.append((self.sequence + 1, operations))
        self.sequence += len(operations)
        self.live.apply(operations)

    def sync_up_to(self, count: int) -> None:
        """The first `count` batches of the log are on the medium."""
        for _, operations in self.log[self.synced : count]:
            self.durable.apply(operations)
        self.synced = max(self.synced, count)

    def fail(self, rng: random.Random) -> None:
        """The machine fails: a part of what was not synced is gone."""
        self.sync_up_to(rng.randint(self.synced, len(self.log)))
        for first, _ in self.log[self.synced : self.synced + 1]:
            self.sequence = first - 1
        del self.log[self.synced :]
        self.live = self.durable.copy()


class Batch:
    """rocksdict.WriteBatch. A column family's handle is its id."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def put(self, key: bytes, value: bytes, cf: int) -> None:
        self.operations.append((OP_PUT, cf, key, value))

    def delete(self, key: bytes, cf: int) -> None:
        self.operations.append((OP_DELETE, cf, key, b""))

    def delete_range(self, begin: bytes, end: bytes, cf: int) -> None:
        self.operations.append((OP_DELETE_RANGE, cf, begin, end))

    def __len__(self) -> int:
        return len(self.operations)


class Family:
    """One column family, for get()."""

    def __init__(self, disk: Disk, cf: int) -> None:
        self._rows = disk.live.rows[cf]

    def get(self, key: Any) -> Any:
        if isinstance(key, list):
            return [self._rows.get(each) for each in key]
        return self._rows.get(key)


class Store:
    """engine.store.Store over the disk of the process that opens it."""

    def __init__(self, disk: Disk, options: Any) -> None:
        process = CURRENT.get()
        assert process is not None
        self._process = process
        self._disk = disk
        self.options = options
        self.codec = KeyCodec(True)
        self.families = [Family(disk, cf) for cf in range(len(COLUMN_FAMILIES))]
        self.handles = list(range(len(COLUMN_FAMILIES)))
        self.new_batch = Batch

    def write(self, batch: Batch) -> None:
        if not self._process.alive:
            raise Crash
        self._disk.write(batch.operations)

    def scan(self, cf: int, begin: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        return self._disk.live.scan(cf, begin, end, reverse)

    @property
    def sequence(self) -> int:
        return self._disk.sequence

    @property
    def log_end(self) -> int:
        """How many batches have been written."""
        return len(self._disk.log)

    def sync_up_to(self, count: int) -> None:
        """See Disk."""
        self._disk.sync_up_to(count)

    def sync(self) -> None:
        self._disk.sync_up_to(len(self._disk.log))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass
