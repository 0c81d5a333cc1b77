"""What all collections share: finding one to read, and opening one to write.

A collection is a metadata row (type, version, size) and the rows of its elements, whose keys carry the version. A dead
collection (expired, or emptied) is as good as absent: a writer gets a new one with a new version, and storing its
metadata clears away what is left of the dead one.
"""

from __future__ import annotations

from slotrocks.engine._engine import Metadata, Transaction, WrongTypeError


def find(txn: Transaction, key: bytes, kind: int) -> Metadata | None:
    """The metadata of a living collection of type `kind` (TYPE_*), or None. Raises WrongTypeError."""
    metadata = txn.lookup(key)
    if metadata is not None and metadata.type != kind:
        raise WrongTypeError
    return metadata


def open_for_write(txn: Transaction, key: bytes, kind: int) -> tuple[Metadata, Metadata | None]:
    """(the collection, what is stored under its key now). The first is to be changed and given to close(), with the
    second.

    A new collection has size 0 and no payload. Raises WrongTypeError.
    """
    old = txn.lookup_any(key)
    if old is not None and old.alive(txn.now_ms):
        if old.type != kind:
            raise WrongTypeError
        return old, old
    return Metadata(kind, version=txn.new_version(), key=key), old


def close(txn: Transaction, key: bytes, metadata: Metadata, old: Metadata | None) -> None:
    """Stores a collection whose size or payload changed; one that became empty is removed."""
    if metadata.size == 0:
        if old is not None:
            txn.remove(old)
        return
    txn.store_metadata(key, metadata, old)
