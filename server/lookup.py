"""Finding the key of a reading command: the place where hits and misses are counted."""

from __future__ import annotations

from slotrocks.engine import Metadata
from slotrocks.engine.types import collection, text
from slotrocks.server.session import Session


def find(s: Session, key: bytes, kind: int) -> Metadata | None:
    """The metadata of a living collection of type `kind` (TYPE_*), or None. Raises WrongTypeError."""
    return counted(s, collection.find(s.txn, key, kind))


def find_text(s: Session, key: bytes) -> Metadata | None:
    """The metadata of a living string of any kind, see engine/types/text.py, or None. Raises WrongTypeError."""
    return counted(s, text.find(s.txn, key))


def counted(s: Session, found: Metadata | None) -> Metadata | None:
    """Counts what a lookup found, or did not."""
    if found is None:
        s.node.stats.keyspace_misses += 1
    else:
        s.node.stats.keyspace_hits += 1
    return found
