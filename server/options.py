"""The option table: every option of a node, declared once.

From a row derive the line of the configuration file, the flag of ``slotrocks serve``, CONFIG GET, CONFIG SET and
CONFIG REWRITE, `docs/slotrocks.conf`, and the typed attribute by which the server reads it. The name derives from
the attribute: ``migrate_type`` is ``migrate-type``, and ``rocksdb_block_size`` is ``rocksdb.block_size``. Names
are Kvrocks's where it has the option, else Redis's. A default that differs from theirs says why.

A *mutable* option can be changed while the server runs, and whoever uses it reads it afresh or listens for changes.
A *secret* one is kept out of logs. A *file only* one is neither a flag nor shown by CONFIG GET.
"""

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from slotrocks.server.option_kinds import (
    GB,
    MB,
    Bool,
    CommandNames,
    Enum,
    Int,
    Kind,
    Memory,
    OutputLimits,
    OutputLimitWords,
    Password,
    Text,
    Words,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """One row of the table."""

    name: str
    attribute: str
    kind: Kind[Any]
    default: Any
    help: str
    mutable: bool
    secret: bool
    file_only: bool


def _option(
    kind: Kind[T], default: T, help: str, *, mutable: bool = False, secret: bool = False, file_only: bool = False
) -> T:
    metadata = {"kind": kind, "help": help, "mutable": mutable, "secret": secret, "file_only": file_only}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass
class Options:
    """The values of all options; without arguments, their defaults."""

    # Network
    bind: tuple[str, ...] = _option(
        Words("ADDRESS"),
        ("127.0.0.1",),
        "Addresses to listen on. The default is reachable from this machine only, because a node without password "
        "obeys whoever can connect. 0.0.0.0 is every IPv4 address, :: every IPv6 address.",
    )
    port: int = _option(
        Int(0, 65535),
        6666,
        "TCP port to listen on. 0 lets the system choose a free one, which the log then names.",
    )
    tcp_backlog: int = _option(
        Int(1),
        511,
        "Connections that may wait to be accepted. Linux silently lowers it to net.core.somaxconn.",
    )
    tcp_keepalive: int = _option(
        Int(),
        300,
        "Seconds of silence after which the system probes whether a client still exists, so that those which "
        "vanished do not count as connected for ever. 0: never.",
        mutable=True,
    )
    timeout: int = _option(
        Int(),
        0,
        "Seconds after which a client that sends nothing is disconnected. 0: never.",
        mutable=True,
    )
    maxclients: int = _option(
        Int(1),
        10000,
        "Clients connected at a time. Further ones get an error and are closed. The limit on open files must leave "
        "room for it.",
        mutable=True,
    )
    proto_max_bulk_len: int = _option(
        Memory(MB),
        512 * MB,
        "The longest single argument that a client may send, hence the longest value; it also bounds the batches that "
        "a migration to this node may send.",
        mutable=True,
    )
    client_query_buffer_limit: int = _option(
        Memory(MB),
        GB,
        "Bytes of one client's unfinished command that the server holds before it closes the client.",
        mutable=True,
    )
    client_output_buffer_limit: OutputLimits = _option(
        OutputLimitWords(),
        OutputLimits(),
        "Bytes of unsent replies at which a client is closed: at once beyond the hard limit, after so many seconds "
        "beyond the soft one; 0 is no limit. Normal clients need none: one that does not read its replies is not "
        "read from either. Subscribers get what others send, so they need one.",
        mutable=True,
    )

    # Access
    requirepass: bytes = _option(
        Password(),
        b"",
        "The password that clients must give with AUTH before anything else. Empty: none is asked for. Make it long: "
        "a client can try many a second.",
        mutable=True,
        secret=True,
    )
    masterauth: bytes = _option(
        Password(),
        b"",
        "The password that this node gives to other nodes when it migrates slots to them. Set it to their requirepass.",
        mutable=True,
        secret=True,
    )
    rename_command: tuple[tuple[str, str], ...] = _option(
        CommandNames(),
        (),
        'Gives a command another name, or removes it when the name is empty (""). One line for each command.',
        file_only=True,
    )

    # Data
    dir: str = _option(
        Text("PATH"),
        "data",
        "The folder of the database and of nodes.conf, created when missing. One node at a time can use it.",
    )
    appendfsync: str = _option(
        Enum("always", "everysec", "no"),
        "everysec",
        "When writes are forced to the disk. always: before the client gets its reply, so a power failure loses "
        "nothing that was acknowledged. everysec: once a second, so it loses a second at most. no: when the system "
        "likes. A crash of the server alone loses nothing in any mode.",
        mutable=True,
    )

    # Cluster
    cluster_enabled: bool = _option(
        Bool(),
        False,
        "Whether the node is part of a cluster. The slot is then part of each stored key, so a database made with one "
        "setting refuses to open with the other.",
    )
    persist_cluster_nodes_enabled: bool = _option(
        Bool(),
        True,
        "Whether the topology is kept in nodes.conf and loaded at start. Without, it must be pushed after each start.",
        mutable=True,
    )

    # Migration of slots
    migrate_type: str = _option(
        Enum("redis-command", "raw-key-value"),
        "raw-key-value",
        "How a migration carries data. raw-key-value: stored rows in batches, the faster. redis-command: commands "
        "that rebuild the data, for targets that store it otherwise.",
        mutable=True,
    )
    migrate_speed: int = _option(
        Int(),
        0,
        "redis-command: commands a second. 0: as fast as it goes.",
        mutable=True,
    )
    migrate_pipeline_size: int = _option(
        Int(1),
        128,
        "redis-command: commands in one send; many sends are under way at a time.",
        mutable=True,
    )
    migrate_sequence_gap: int = _option(
        Int(1),
        10000,
        "The slot's writes are held for the hand-over when the target lags by no more than so many operations.",
        mutable=True,
    )
    migrate_batch_size_kb: int = _option(
        Int(1, 65536),
        64,
        "raw-key-value: size of a batch in KiB. Larger than Kvrocks's 16, because the cost of a round trip is per "
        "batch; not much larger, because the target applies a batch between two client commands.",
        mutable=True,
    )
    migrate_batch_rate_limit_mb: int = _option(
        Int(),
        0,
        "raw-key-value: MiB a second, all migrations together. 0: no limit; Kvrocks's 16 would leave a modern "
        "network idle.",
        mutable=True,
    )
    migrate_pause_timeout_ms: int = _option(
        Int(1, 600_000),
        5000,
        "How long writes to a moving slot are held during the hand-over. After that they get TRYAGAIN, and the "
        "migration is rolled back.",
        mutable=True,
    )
    migrate_response_timeout_ms: int = _option(
        Int(1000, 300_000),
        5000,
        "How long a migration waits for a reply of the target before it takes the link for lost.",
        mutable=True,
    )
    migrate_resume_timeout_ms: int = _option(
        Int(0, 86_400_000),
        60_000,
        "How long the source of a migration tries to reach a target that it has lost, to go on where they were; and "
        "how long a target keeps what has come from a source that it has lost. 0: either fails at once, as in Kvrocks.",
        mutable=True,
    )

    # Logs
    loglevel: str = _option(
        Enum("debug", "verbose", "notice", "warning"),
        "notice",
        "The least important messages that are logged.",
        mutable=True,
    )
    logfile: str = _option(
        Text("PATH"),
        "",
        "The file that gets the log; empty: standard error. The file may be rotated (moved away) at any time.",
    )
    slowlog_log_slower_than: int = _option(
        Int(-1),
        100000,
        "Commands that run longer than so many microseconds are kept for SLOWLOG. 0: all; -1: none.",
        mutable=True,
    )
    slowlog_max_len: int = _option(
        Int(),
        128,
        "Entries that SLOWLOG keeps, the newest.",
        mutable=True,
    )
    latency_monitor_threshold: int = _option(
        Int(),
        0,
        "Events that take at least so many milliseconds are kept for LATENCY. 0: none.",
        mutable=True,
    )

    # RocksDB
    rocksdb_block_cache_size: int = _option(
        Int(0, 400 * 1024),
        256,
        "Memory for blocks read from disk, in MB, all column families together. Give a dedicated machine half of its "
        "memory. Kvrocks's 4096 would not fit a small one.",
    )
    rocksdb_row_cache_size: int = _option(
        Int(0, 400 * 1024),
        128,
        "Memory for rows that were read or written lately, in MB: whole strings of up to 4 KB and the metadata of "
        "collections, found without asking RocksDB. Kvrocks's option of this name is RocksDB's own row cache.",
    )
    rocksdb_block_size: int = _option(
        Int(1024, 4 * MB),
        16384,
        "Bytes of data in one block, the unit that is read from disk and kept in the cache.",
    )
    rocksdb_cache_index_and_filter_blocks: bool = _option(
        Bool(),
        True,
        "Whether indexes and filters live in the block cache, so that its size bounds them too.",
    )
    rocksdb_bloom_bits_per_key: int = _option(
        Int(1, 64),
        10,
        "Size of the Bloom filters that spare the search for absent keys; 10 bits let 1 % of such searches through.",
    )
    rocksdb_write_buffer_size: int = _option(
        Int(1, 4096),
        16,
        "Size in MB at which the writes in memory of a column family become a file. With Kvrocks's 64 each write takes "
        "longer: inserting into a small one stays within the processor's cache.",
    )
    rocksdb_max_write_buffer_number: int = _option(
        Int(2, 256),
        4,
        "Write buffers of a column family, the ones being written to disk included. Writes stall when all are full.",
    )
    rocksdb_max_total_wal_size: int = _option(
        Int(),
        512,
        "Size in MB of the log at which column families with old writes are flushed, so that the log can be dropped.",
    )
    rocksdb_wal_ttl_seconds: int = _option(
        Int(),
        10800,
        "How long log files are kept after use. A migration reads the changes since its snapshot from them.",
    )
    rocksdb_wal_size_limit_mb: int = _option(
        Int(),
        16384,
        "Size in MB beyond which the oldest of these log files are removed earlier.",
    )
    rocksdb_max_background_jobs: int = _option(
        Int(2, 32),
        2,
        "Threads for flushes and compactions. Kvrocks has 4: raise it where the node has cores of its own.",
    )
    rocksdb_max_open_files: int = _option(
        Int(-1),
        -1,
        "Data files kept open at a time; -1: all. A limit makes reads slower, so Kvrocks's 8096 is not the default.",
    )
    rocksdb_target_file_size_base: int = _option(
        Int(1, 1024),
        128,
        "Size of a data file in MB.",
    )
    rocksdb_compression: str = _option(
        Enum("no", "snappy", "lz4", "zstd"),
        "lz4",
        "Compression of data files. Unless it is no, the lowest level, which holds most of the data, uses zstd, "
        "which is smaller and slower.",
    )
    rocksdb_level_compaction_dynamic_level_bytes: bool = _option(
        Bool(),
        True,
        "Whether the sizes of levels adapt to the data, which wastes less space on overwritten data.",
    )
    rocksdb_level0_slowdown_writes_trigger: int = _option(
        Int(0, 1024),
        20,
        "Files not yet compacted (level 0) from which on writes are slowed down.",
    )
    rocksdb_level0_stop_writes_trigger: int = _option(
        Int(1, 1024),
        40,
        "Files not yet compacted (level 0) from which on writes wait.",
    )


# The option with which each section of the documented file begins.
SECTIONS = {
    "bind": "Network",
    "requirepass": "Access",
    "dir": "Data",
    "cluster-enabled": "Cluster",
    "migrate-type": "Migration of slots",
    "loglevel": "Logs",
    "rocksdb.block_cache_size": "RocksDB (fixed while the server runs)",
}


def _name_of(attribute: str) -> str:
    if attribute.startswith("rocksdb_"):
        return "rocksdb." + attribute.removeprefix("rocksdb_")
    return attribute.replace("_", "-")


OPTIONS: dict[str, Option] = {
    _name_of(row.name): Option(name=_name_of(row.name), attribute=row.name, default=row.default, **row.metadata)
    for row in fields(Options)
}
