"""The commands, a file for each group. Importing a module declares its commands in the table (see server/table.py)."""

from importlib import import_module

_MODULES = (
    "strings", "lcs", "lists", "lists_blocking", "keys", "expire", "scan", "transactions", "connection",
    "client", "client_control", "config", "command", "info", "server", "slowlog", "latency", "memory", "debug",
    "cluster", "clusterx", "handover", "dump", "foreign",
    "hashes", "sets",
    "zsets", "zset_ranges", "zset_algebra", "zset_blocking", "geo", "geo_search",
    "bitmaps", "hyperloglog", "sort",
    "streams", "streams_read", "streams_groups", "streams_pending", "streams_info",
)  # fmt: skip


def load() -> None:
    """Declares every command. Safe to call again."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
