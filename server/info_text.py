"""The text of INFO: sections of "name:value" lines, with Kvrocks's fields and those that Redis's clients read.

Numbers of keys are RocksDB's estimates, since exact ones would cost a scan (DBSIZE has its own rules). What a field
of Redis or Kvrocks counts and this server does not have (replicas, Lua, snapshots for replication) is left out, or
zero where clients insist on the field.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import psutil

from slotrocks.engine import CF_METADATA, CF_PROPAGATE, COLUMN_FAMILIES
from slotrocks.server.table import all_rows
from slotrocks.server.version import REDIS_VERSION, VERSION

if TYPE_CHECKING:
    from slotrocks.server.node import Node

Fields = dict[str, Any]
PROCESS = psutil.Process()
# RocksDB's integer properties that are summed over the column families, by the name that INFO gives them.
SUMMED_PROPERTIES = {
    "all_mem_tables": "size-all-mem-tables",
    "cur_mem_tables": "cur-size-all-mem-tables",
    "num_immutable_tables": "num-immutable-mem-table",
    "memtable_flush_pending": "mem-table-flush-pending",
    "compaction_pending": "compaction-pending",
    "num_live_versions": "num-live-versions",
}
# … and those of the database as a whole.
DATABASE_PROPERTIES = {
    "block_cache_usage": "block-cache-usage",
    "block_cache_pinned_usage": "block-cache-pinned-usage",
    "snapshots": "num-snapshots",
    "num_running_flushes": "num-running-flushes",
    "num_running_compactions": "num-running-compactions",
    "num_background_errors": "background-errors",
}


def property_of(node: Node, cf: int, name: str) -> int:
    """One of RocksDB's integer properties of a column family; 0 if it does not know."""
    return node.store.families[cf].property_int_value(f"rocksdb.{name}") or 0


def human(size: float) -> str:
    """A number of bytes as Redis prints it: "512B", "1.50M"."""
    if size < 1024:
        return f"{size:.0f}B"
    for unit in "KMGT":
        size /= 1024
        if size < 1024:
            break
    return f"{size:.2f}{unit}"


def server(node: Node) -> Fields:
    uptime = int(node.now_ms / 1000 - node.started)
    mode = "standalone" if node.cluster is None else "cluster"
    return {
        "version": VERSION,
        "slotrocks_version": VERSION,
        "redis_version": REDIS_VERSION,
        "redis_mode": mode,
        "kvrocks_mode": mode,
        "server_name": "slotrocks",
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python_version": platform.python_version(),
        "arch_bits": 64 if sys.maxsize > 2**32 else 32,
        "process_id": os.getpid(),
        "tcp_port": node.config.port,
        "server_time_usec": node.now_ms * 1000,
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime // 86400,
        "executable": sys.executable,
        "config_file": node.config.config_file,
    }


def clients(node: Node) -> Fields:
    return {
        "connected_clients": len(node.sessions),
        "maxclients": node.config.maxclients,
        "monitor_clients": len(node.monitors),
        "blocked_clients": node.blocking.clients,
    }


def memory(node: Node) -> Fields:
    rss = PROCESS.memory_info().rss
    total = psutil.virtual_memory().total
    return {
        "used_memory": rss,  # the whole process: Python, RocksDB's caches and memtables
        "used_memory_human": human(rss),
        "used_memory_rss": rss,
        "used_memory_rss_human": human(rss),
        "total_system_memory": total,
        "total_system_memory_human": human(total),
        "maxmemory": 0,
        "maxmemory_human": "0B",
        "maxmemory_policy": "noeviction",
        "mem_allocator": "libc",
    }


def persistence(node: Node) -> Fields:
    return {
        "loading": 0,
        "async_loading": 0,
        "bgsave_in_progress": 0,
        "rdb_bgsave_in_progress": 0,
        "aof_enabled": 0,
        "last_write_status": "err" if node.write_error else "ok",
    }


def stats(node: Node) -> Fields:
    counters = node.stats
    return {
        "total_connections_received": counters.connections_received,
        "total_commands_processed": node.commands_processed,
        "instantaneous_ops_per_sec": int(counters.commands.per_second),
        "total_net_input_bytes": counters.net_input_bytes,
        "total_net_output_bytes": counters.net_output_bytes,
        "instantaneous_input_kbps": f"{counters.input_bytes.per_second / 1024:.2f}",
        "instantaneous_output_kbps": f"{counters.output_bytes.per_second / 1024:.2f}",
        "rejected_connections": counters.rejected_connections,
        "sync_full": 0,
        "sync_partial_ok": 0,
        "sync_partial_err": 0,
        "expired_keys": counters.expired_keys,
        "evicted_keys": 0,
        "keyspace_hits": counters.keyspace_hits,
        "keyspace_misses": counters.keyspace_misses,
        "pubsub_channels": 0,
        "pubsub_patterns": 0,
        "total_error_replies": sum(counters.error_replies.values()),
    }


def replication(node: Node) -> Fields:
    return {"role": "master", "connected_slaves": 0, "master_repl_offset": node.store.sequence}


def cpu(node: Node) -> Fields:
    times = PROCESS.cpu_times()
    return {"used_cpu_sys": f"{times.system:.6f}", "used_cpu_user": f"{times.user:.6f}"}


def commandstats(node: Node) -> Fields:
    return {
        f"cmdstat_{row.name}": (
            f"calls={row.calls},usec={row.usec},usec_per_call={row.usec / max(1, row.calls):.2f},"
            f"rejected_calls={row.rejected_calls},failed_calls={row.failed_calls}"
        )
        for row in all_rows()
        if row.calls or row.rejected_calls or row.failed_calls
    }


def errorstats(node: Node) -> Fields:
    return {f"errorstat_{prefix}": f"count={count}" for prefix, count in sorted(node.stats.error_replies.items())}


def cluster(node: Node) -> Fields:
    return {"cluster_enabled": int(node.cluster is not None)}


def keyspace(node: Node) -> Fields:
    keys = property_of(node, CF_METADATA, "estimate-num-keys")
    expires = min(keys, max(0, property_of(node, CF_PROPAGATE, "estimate-num-keys") - 1))  # less the format's row
    disk = shutil.disk_usage(node.directory)
    fields: Fields = {"db0": f"keys={keys},expires={expires},avg_ttl=0"} if keys else {}
    return fields | {
        "sequence": node.store.sequence,
        "used_db_size": sum(property_of(node, cf, "total-sst-files-size") for cf in range(len(COLUMN_FAMILIES))),
        "max_db_size": 0,
        "used_percent": "0%",
        "disk_capacity": disk.total,
        "used_disk_size": disk.used,
        "used_disk_percent": f"{100 * disk.used // disk.total}%",
    }


def rocksdb(node: Node) -> Fields:
    fields: Fields = {name: property_of(node, 0, prop) for name, prop in DATABASE_PROPERTIES.items()}
    families = range(len(COLUMN_FAMILIES))
    for name, prop in SUMMED_PROPERTIES.items():
        fields[name] = sum(property_of(node, cf, prop) for cf in families)
    for cf in families:
        fields[f"estimate_keys[{COLUMN_FAMILIES[cf]}]"] = property_of(node, cf, "estimate-num-keys")
    return fields


# In INFO's order; the last two are not part of INFO's default, as in Redis.
SECTIONS: dict[str, tuple[str, Callable[[Node], Fields]]] = {
    "server": ("Server", server),
    "clients": ("Clients", clients),
    "memory": ("Memory", memory),
    "persistence": ("Persistence", persistence),
    "stats": ("Stats", stats),
    "replication": ("Replication", replication),
    "cpu": ("CPU", cpu),
    "errorstats": ("Errorstats", errorstats),
    "cluster": ("Cluster", cluster),
    "keyspace": ("Keyspace", keyspace),
    "rocksdb": ("RocksDB", rocksdb),
    "commandstats": ("Commandstats", commandstats),
}
NOT_DEFAULT = {"commandstats"}
NOTES = {"keyspace": "# keys and expires are RocksDB's estimates\r\n"}


def info_text(node: Node, wanted: Iterable[str]) -> str:
    """The sections of these names (lower case; none: the default ones), those that do not exist are ignored."""
    names = set(wanted) or {"default"}
    if names & {"all", "everything"}:
        names = set(SECTIONS)
    if "default" in names:
        names |= SECTIONS.keys() - NOT_DEFAULT
    parts = []
    for name, (title, fields) in SECTIONS.items():
        if name in names:
            lines = "".join(f"{field}:{value}\r\n" for field, value in fields(node).items())
            parts.append(f"# {title}\r\n{NOTES.get(name, '')}{lines}")
    return "\r\n".join(parts)
