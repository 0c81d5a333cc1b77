"""From the options of a node to those of the engine's store."""

from slotrocks.engine.store import StoreOptions
from slotrocks.server.option_kinds import MB
from slotrocks.server.options import Options


def store_options(options: Options) -> StoreOptions:
    """The ``rocksdb.*`` options in the units of the engine (Kvrocks's are in MB)."""
    return StoreOptions(
        block_cache_bytes=options.rocksdb_block_cache_size * MB,
        row_cache_bytes=options.rocksdb_row_cache_size * MB,
        write_buffer_bytes=options.rocksdb_write_buffer_size * MB,
        write_buffers_max=options.rocksdb_max_write_buffer_number,
        background_jobs_max=options.rocksdb_max_background_jobs,
        target_file_bytes=options.rocksdb_target_file_size_base * MB,
        block_bytes=options.rocksdb_block_size,
        compression=options.rocksdb_compression,
        open_files_max=options.rocksdb_max_open_files,
        wal_ttl_seconds=options.rocksdb_wal_ttl_seconds,
        wal_size_limit_mb=options.rocksdb_wal_size_limit_mb,
        wal_total_bytes_max=options.rocksdb_max_total_wal_size * MB,
        level_compaction_dynamic_level_bytes=options.rocksdb_level_compaction_dynamic_level_bytes,
        level0_slowdown_writes_trigger=options.rocksdb_level0_slowdown_writes_trigger,
        level0_stop_writes_trigger=options.rocksdb_level0_stop_writes_trigger,
        cache_index_and_filter_blocks=options.rocksdb_cache_index_and_filter_blocks,
        bloom_bits_per_key=options.rocksdb_bloom_bits_per_key,
    )
