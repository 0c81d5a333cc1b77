"""A consistent view of a database that another process has open: a RocksDB secondary instance.

Its contents are fixed when it is opened (plus one catching up, see below) and cost the primary nothing. What is in it
for certain: everything that the primary had written before the opening began. Opening reads the manifest, then the
logs; data that a flush takes out of the logs in between is in a file that the manifest names by then, so one
`try_catch_up_with_primary()` afterwards finds it. All families must be named, and no file may be closed meanwhile.
`catch_up()` moves the view on, in the same manner: what had been written before is in it for certain, of what is being
written meanwhile any part may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rocksdict import AccessType, Rdict, ReadOptions

from slotrocks.engine._engine import CF_METADATA, COLUMN_FAMILIES, KeyCodec, Metadata, Rows, decode_metadata, prefix_end
from slotrocks.engine.store import StoreError, StoreOptions, rocksdb_options

READAHEAD_BYTES = 2 << 20
OPEN_TRIES = 5


class Snapshot:
    """A view for scanning slots. It sees a file that the primary deletes, as long as it was open before."""

    def __init__(self, path: Path | str, own_directory: Path | str) -> None:
        """Opens the slot-encoded database in folder `path`; `own_directory` is for RocksDB's logs. Raises
        StoreError."""
        options = StoreOptions(block_cache_bytes=8 << 20)
        for attempt in range(OPEN_TRIES):
            try:
                families = {name: rocksdb_options(options) for name in COLUMN_FAMILIES if name != "default"}
                self._db = Rdict(
                    str(path), rocksdb_options(options), families, access_type=AccessType.secondary(str(own_directory))
                )
                break
            except Exception as error:  # rocksdict raises bare Exception; a file may go while its manifest is read
                if attempt == OPEN_TRIES - 1:
                    raise StoreError(f"cannot open a snapshot of {path}: {error}") from error
        self._db.try_catch_up_with_primary()
        self._families = [self._db, *(self._db.get_column_family(name) for name in COLUMN_FAMILIES[1:])]
        self._codec = KeyCodec(True)

    def prefixed_rows(self, cf: int, prefix: bytes) -> Rows:
        """The rows of a column family, of whatever slot, whose keys begin with `prefix`, in key order."""
        return Rows(self._families[cf], ReadOptions(), prefix, prefix_end(prefix))

    def rows(self, cf: int, first: int, last: int) -> Rows:
        """The rows of slots `first`..`last` in a column family, in key order."""
        options = ReadOptions()
        options.fill_cache(False)  # type: ignore[call-arg]  # the stub lacks the argument
        options.set_readahead_size(READAHEAD_BYTES)
        begin, end = self._codec.slot_range(first, last)
        return Rows(self._families[cf], options, begin, end)

    @property
    def sequence(self) -> int:
        """The highest sequence number that the view has seen."""
        return self._db.latest_sequence_number()

    def catch_up(self) -> None:
        """Moves the view to what has been written by now. Raises StoreError."""
        try:
            self._db.try_catch_up_with_primary()
            self._db.try_catch_up_with_primary()
        except Exception as error:  # rocksdict raises bare Exception
            raise StoreError(f"the snapshot cannot be brought up to date: {error}") from error

    def metadata(self, key: bytes) -> Metadata | None:
        """The metadata of a user key, dead or alive, or None. Raises CorruptionError."""
        row = self._families[CF_METADATA].get(self._codec.metadata_key(key))
        return None if row is None else decode_metadata(row)

    def has_element(self, cf: int, key: bytes, version: int, sub: bytes) -> bool:
        """Whether a collection has the row of a sub-key."""
        return self._families[cf].get(self._codec.subkey(key, version, sub)) is not None

    def elements(
        self, cf: int, key: bytes, version: int, begin: bytes = b"", end: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """(sub-key, value) of a collection's rows in a column family, from sub-key `begin` to before `end`."""
        first, last = self._codec.subkey_range(key, version)
        head = len(first)
        if end is not None:
            last = self._codec.subkey(key, version, end)
        options = ReadOptions()
        options.fill_cache(False)  # type: ignore[call-arg]  # the stub lacks the argument
        for storage_key, value in Rows(self._families[cf], options, first + begin, last):
            yield storage_key[head:], value

    def rows_between(self, cf: int, begin: bytes, end: bytes, *, many: bool = False) -> Rows:
        """The rows from storage key `begin` to before `end`. `many` are read ahead."""
        options = ReadOptions()
        options.fill_cache(False)  # type: ignore[call-arg]  # the stub lacks the argument
        if many:
            options.set_readahead_size(READAHEAD_BYTES)
        return Rows(self._families[cf], options, begin, end)

    def get_many(self, cf: int, storage_keys: list[bytes]) -> list[bytes | None]:
        """The values of several rows, None where there is none."""
        return self._families[cf].get(storage_keys)  # type: ignore[arg-type, return-value]  # raw mode: bytes

    def close(self) -> None:
        """Closes the view."""
        for family in self._families[1:]:
            family.close()
        self._families = []
        self._db.close()
