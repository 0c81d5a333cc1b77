"""The database on disk: the only place that opens RocksDB.

A Slotrocks database is a Kvrocks database: seven column families whose ids travel inside write batches, so they are
created in Kvrocks's order, one by one (a dict of new families would get random ids). What Kvrocks keeps nowhere is how
the database was written; here the row ``slotrocks.format`` in ``propagate`` says it, and a database that was written
otherwise is refused instead of misread. One that has no such row (Kvrocks wrote it) is judged by its keys, and marked
as one whose expiries are yet to be indexed (server/expiry_index.py does so).

rocksdict flushes the memtable whenever an object that stands for a column family dies, so one is kept for each family
for the life of the store. RocksDB's lock file keeps a second process out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rocksdict import (
    AccessType,
    BlockBasedOptions,
    Cache,
    ColumnFamily,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
)

from slotrocks.engine._engine import CF_METADATA, CF_PROPAGATE, COLUMN_FAMILIES, KeyCodec, Rows, slot_of

FORMAT_KEY = b"slotrocks.format"
# In a database that Kvrocks filled: the last metadata key whose expiry is in the index. Gone when all are.
EXPIRY_INDEXED_KEY = b"slotrocks.expiry-indexed"
FORMAT_VERSION = 1
_SAMPLE_ROWS = 128
# A write buffer is kept as so many memtables, which become a file together: inserting costs a search of the memtable,
# most of it misses of the processor's cache (SET in pipelines of 16 is a third faster than with one large memtable).
_MEMTABLES_PER_FILE = 4


class StoreError(Exception):
    """The database cannot be opened, or cannot be written to; the text is for the operator."""


@dataclass(frozen=True)
class StoreOptions:
    """RocksDB's settings, in RocksDB's units; `server.config` fills it from the options with Kvrocks's names."""

    block_cache_bytes: int = 256 << 20
    row_cache_bytes: int = 128 << 20
    write_buffer_bytes: int = 16 << 20
    write_buffers_max: int = 4
    background_jobs_max: int = 2
    target_file_bytes: int = 128 << 20
    block_bytes: int = 16 << 10
    compression: str = "lz4"
    open_files_max: int = -1
    wal_ttl_seconds: int = 3 * 3600
    wal_size_limit_mb: int = 16 << 10
    wal_total_bytes_max: int = 512 << 20
    level_compaction_dynamic_level_bytes: bool = True
    level0_slowdown_writes_trigger: int = 20
    level0_stop_writes_trigger: int = 40
    cache_index_and_filter_blocks: bool = True
    bloom_bits_per_key: int = 10


_COMPRESSION = {
    "no": DBCompressionType.none,
    "snappy": DBCompressionType.snappy,
    "lz4": DBCompressionType.lz4,
    "zstd": DBCompressionType.zstd,
}


def rocksdb_options(options: StoreOptions, cache: Cache | None = None) -> Options:
    """RocksDB's options for the database and each of its families (which share `cache`)."""
    table = BlockBasedOptions()
    table.set_block_cache(cache or Cache(options.block_cache_bytes))
    table.set_block_size(options.block_bytes)
    table.set_bloom_filter(options.bloom_bits_per_key, False)
    table.set_cache_index_and_filter_blocks(options.cache_index_and_filter_blocks)
    table.set_pin_l0_filter_and_index_blocks_in_cache(True)
    table.set_format_version(5)
    result = Options(raw_mode=True)
    result.create_if_missing(True)
    result.set_block_based_table_factory(table)
    # Most lookups of a new key end in the memtables' bloom filters instead of in a search of each.
    result.set_memtable_prefix_bloom_ratio(0.02)
    result.set_memtable_whole_key_filtering(True)
    # There is one writer, the event loop: nothing to coordinate.
    result.set_allow_concurrent_memtable_write(False)
    result.set_enable_write_thread_adaptive_yield(False)
    result.set_write_buffer_size(options.write_buffer_bytes // _MEMTABLES_PER_FILE)
    result.set_min_write_buffer_number_to_merge(_MEMTABLES_PER_FILE)
    result.set_max_write_buffer_number(options.write_buffers_max * _MEMTABLES_PER_FILE)
    result.set_max_background_jobs(options.background_jobs_max)
    result.set_target_file_size_base(options.target_file_bytes)
    result.set_compression_type(_COMPRESSION[options.compression]())
    if options.compression != "no":
        result.set_bottommost_compression_type(DBCompressionType.zstd())
    result.set_max_open_files(options.open_files_max)
    # Readers of the WAL (migration) need files to outlive the memtables that they fill.
    result.set_wal_ttl_seconds(options.wal_ttl_seconds)
    result.set_wal_size_limit_mb(options.wal_size_limit_mb)
    result.set_max_total_wal_size(options.wal_total_bytes_max)
    result.set_level_compaction_dynamic_level_bytes(options.level_compaction_dynamic_level_bytes)
    result.set_level_zero_slowdown_writes_trigger(options.level0_slowdown_writes_trigger)
    result.set_level_zero_stop_writes_trigger(options.level0_stop_writes_trigger)
    result.set_keep_log_file_num(10)
    result.set_max_log_file_size(16 << 20)
    return result


class Store:
    """An open database. `families` and `handles` are indexed by column family id (CF_*)."""

    def __init__(self, path: Path | str, *, slot_encoded: bool, options: StoreOptions | None = None) -> None:
        """Opens or creates the database in folder `path`. Raises StoreError."""
        self.path = Path(path)
        self.codec = KeyCodec(slot_encoded)
        self.options = options or StoreOptions()
        self._cache = Cache(self.options.block_cache_bytes)
        self.path.mkdir(parents=True, exist_ok=True)
        self.db, self.families = self._open()
        self.handles: list[ColumnFamily] = [self.db.get_column_family_handle(name) for name in COLUMN_FAMILIES]
        try:
            self._check_format()
        except StoreError:
            self.close()
            raise

    def _open(self) -> tuple[Rdict, list[Rdict]]:
        def options() -> Options:
            return rocksdb_options(self.options, self._cache)

        try:
            existing = Rdict.list_cf(str(self.path)) if (self.path / "CURRENT").exists() else ["default"]
            unknown = sorted(set(existing) - set(COLUMN_FAMILIES))
            if unknown:
                raise StoreError(f"{self.path} has column families that are not ours: {', '.join(unknown)}")
            db = Rdict(
                str(self.path), options(), {name: options() for name in existing if name != "default"},
                access_type=AccessType.read_write(),
            )  # fmt: skip
            families = [db]
            for name in COLUMN_FAMILIES[1:]:
                known = name in existing
                families.append(db.get_column_family(name) if known else db.create_column_family(name, options()))
        except StoreError:
            raise
        except Exception as error:  # rocksdict raises bare Exception
            raise StoreError(f"cannot open the database in {self.path}: {error}") from error
        return db, families

    def _check_format(self) -> None:
        """Compares how the database was written with how it is to be read; a new one is marked."""
        wanted = {"version": FORMAT_VERSION, "cluster-enabled": self.codec.slot_encoded}
        row = self.families[CF_PROPAGATE].get(FORMAT_KEY)
        if row is not None:
            found = json.loads(row)
            if found["version"] != FORMAT_VERSION:
                raise StoreError(f"{self.path} has format version {found['version']}, this is version {FORMAT_VERSION}")
            encoded = bool(found["cluster-enabled"])
        else:
            encoded = self._guess_encoding()
        if encoded != self.codec.slot_encoded:
            was, now = ("yes", "no") if encoded else ("no", "yes")
            raise StoreError(f"{self.path} was written with cluster-enabled {was}: it cannot be opened with {now}")
        if row is None:
            propagate = self.families[CF_PROPAGATE]
            if next(iter(self.scan(CF_METADATA, *self.codec.namespace_range())), None) is not None:
                propagate.put(EXPIRY_INDEXED_KEY, b"")  # first: a crash here leaves a database that is still unmarked
            propagate.put(FORMAT_KEY, json.dumps(wanted).encode())

    def _guess_encoding(self) -> bool:
        """Whether the keys of an unmarked database carry slots: every key must then carry its own."""
        codec = KeyCodec(True)
        rows = 0
        storage_keys: Any = self.families[CF_METADATA].keys()  # bytes, in raw mode
        for storage_key in storage_keys:
            try:
                if codec.slot_in_key(storage_key) != slot_of(codec.user_key(storage_key)):
                    return False
            except ValueError:
                return False
            rows += 1
            if rows == _SAMPLE_ROWS:
                break
        return self.codec.slot_encoded if rows == 0 else True

    def new_batch(self) -> WriteBatch:
        """An empty batch for write()."""
        return WriteBatch(raw_mode=True)

    def write(self, batch: WriteBatch) -> None:
        """Writes a batch to the WAL (in the operating system's hands, not yet on the medium) and the memtables."""
        self.db.write(batch)

    def sync(self) -> None:
        """Forces everything written so far to the medium. Blocks, with the GIL released: call it off the event loop."""
        self.db.flush_wal(sync=True)

    def flush(self) -> None:
        """Begins to write the memtables to files; does not wait."""
        for family in self.families:
            family.flush(wait=False)

    def scan(self, cf: int, begin: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """(storage key, value) from `begin` to before `end`, as of now; from the end when `reverse`."""
        return Rows(self.families[cf], ReadOptions(), begin, end, reverse)

    @property
    def sequence(self) -> int:
        """The sequence number of the newest write."""
        return self.db.latest_sequence_number()

    def close(self) -> None:
        """Flushes and closes; further use is an error."""
        self.handles = []
        for family in self.families[1:]:
            family.close()
        self.families = []
        self.db.close()
