"""What a node remembers of its migrations through restarts: rows of column family propagate, JSON.

    "slotrocks.migration.out:" | job id  -> {"state", "slots", "target", "host", "port", "kvrocks", "kind",
                                            "given"}
    "slotrocks.migration.in:"  | job id  -> {"state", "slots", "source", "checked"}

The rows are in the database itself, so that they are written together with what they speak of, and replicas would see
them. Persisted format: changing it needs a new row name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from slotrocks.engine import CF_PROPAGATE, Transaction, prefix_end
from slotrocks.server.cluster.ranges import SlotSet, parse_ranges

OUT_PREFIX = b"slotrocks.migration.out:"
IN_PREFIX = b"slotrocks.migration.in:"


class ImportState(Enum):
    """What the target has promised about an import."""

    IMPORTING = "importing"  # nothing
    PREPARED = "prepared"  # to keep the data until it knows the outcome
    COMMITTED = "committed"  # it serves the slots
    ABORTED = "aborted"  # it never will: the answer to a COMMIT that comes late


@dataclass(frozen=True)
class OutRecord:
    """A job at its source. `state` is a migration.table.State's name, `kind` its migrate-type."""

    job: str
    state: str
    slots: str
    target: str
    host: str
    port: int
    kvrocks: bool
    kind: str
    given: bool = False  # by an operator, not by the target's word

    @property
    def slot_set(self) -> SlotSet:
        return parse_ranges(self.slots)


@dataclass(frozen=True)
class InRecord:
    """A job at its target. `state` is an ImportState's name. `checked`: its rows are counted and digested, and it can
    be resumed (progress.py)."""

    job: str
    state: str
    slots: str
    source: str
    checked: bool = False

    @property
    def slot_set(self) -> SlotSet:
        return parse_ranges(self.slots)


def save(txn: Transaction, record: OutRecord | InRecord) -> None:
    """Puts a record's row into the transaction; it is durable once that is committed and synced."""
    fields: dict[str, Any] = asdict(record)
    job = fields.pop("job")
    txn.put(CF_PROPAGATE, _prefix(record) + job.encode(), json.dumps(fields, sort_keys=True).encode())


def forget(txn: Transaction, record: OutRecord | InRecord) -> None:
    """Deletes a record's row."""
    txn.delete(CF_PROPAGATE, _prefix(record) + record.job.encode())


def load_out(txn: Transaction) -> list[OutRecord]:
    """The records of jobs that leave this node."""
    return [OutRecord(job=job, **fields) for job, fields in _load(txn, OUT_PREFIX)]


def load_in(txn: Transaction) -> list[InRecord]:
    """The records of jobs that come to this node."""
    return [InRecord(job=job, **fields) for job, fields in _load(txn, IN_PREFIX)]


def _prefix(record: OutRecord | InRecord) -> bytes:
    return OUT_PREFIX if isinstance(record, OutRecord) else IN_PREFIX


def _load(txn: Transaction, prefix: bytes) -> list[tuple[str, dict[str, Any]]]:
    rows = txn.scan(CF_PROPAGATE, prefix, prefix_end(prefix))
    return [(key[len(prefix) :].decode(), json.loads(value)) for key, value in rows]
