"""MEMORY USAGE and DISK USAGE: the bytes of a key's rows. The other MEMORY commands tell about the process."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import CF_DEFAULT, CF_METADATA, CF_STREAM, CF_ZSET_SCORE, OK, TYPE_STREAM, TYPE_ZSET
from slotrocks.server.arguments import integer
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.help_text import help_reply
from slotrocks.server.info_text import PROCESS, property_of
from slotrocks.server.session import Session
from slotrocks.server.table import command

SAMPLES_DEFAULT = 5


def key_bytes(s: Session, key: bytes, samples: int) -> int | None:
    """The bytes of a key's rows, uncompressed; None if there is no such key. Of the sub-keys, `samples` rows are
    measured (0: all) and the others taken to be like them."""
    txn = s.txn
    metadata = txn.lookup(key)
    if metadata is None:
        return None
    row_key = txn.codec.metadata_key(key)
    total = len(row_key) + len(txn.get(CF_METADATA, row_key) or b"")
    if not metadata.has_subkeys:
        return total
    begin, end = txn.codec.subkey_range(key, metadata.version)
    families = [CF_STREAM] if metadata.type == TYPE_STREAM else [CF_DEFAULT]
    if metadata.type == TYPE_ZSET:
        families.append(CF_ZSET_SCORE)
    for cf in families:
        measured = 0
        for rows, (storage_key, value) in enumerate(txn.scan(cf, begin, end), 1):
            measured += len(storage_key) + len(value)
            if rows == samples:
                measured = measured * max(rows, metadata.size) // rows
                break
        total += measured
    return total


@command("memory", arity=-2, group="server", since="4.0.0", summary="A container for memory diagnostics commands.",
         complexity="Depends on subcommand.")  # fmt: skip
def memory(s: Session, argv: list[bytes]) -> Any:
    raise AssertionError("a container is never called")


@command("memory|usage", arity=-3, flags="readonly", keys=(2, 2, 1), group="server", since="4.0.0",
         summary="Estimates the memory usage of a key.",
         complexity="O(N) where N is the number of samples.",
         differs="The bytes of the key's rows before compression, as far as they are sampled, not of "
         "memory.")  # fmt: skip
def usage(s: Session, argv: list[bytes]) -> Any:
    samples = SAMPLES_DEFAULT
    for i in range(3, len(argv), 2):
        if argv[i].lower() != b"samples" or i + 1 == len(argv):
            raise CommandError(SYNTAX)
        samples = integer(argv[i + 1])
        if samples < 0:
            raise CommandError(SYNTAX)
    return key_bytes(s, argv[2], samples)


@command("memory|stats", arity=2, group="server", since="4.0.0", summary="Returns details about memory usage.",
         differs="Five fields, about the process and RocksDB.")  # fmt: skip
def stats(s: Session, argv: list[bytes]) -> Any:
    rss = PROCESS.memory_info().rss
    keys = property_of(s.node, CF_METADATA, "estimate-num-keys")
    memtables = sum(property_of(s.node, cf, "size-all-mem-tables") for cf in range(len(s.node.store.families)))
    return {
        "total.allocated": rss,
        "keys.count": keys,
        "keys.bytes-per-key": rss // keys if keys else 0,
        "rocksdb.block-cache": property_of(s.node, 0, "block-cache-usage"),
        "rocksdb.memtables": memtables,
    }


@command("memory|doctor", arity=2, group="server", since="4.0.0", summary="Outputs a memory problems report.",
         differs="Gives no diagnosis.")  # fmt: skip
def doctor(s: Session, argv: list[bytes]) -> Any:
    return "Memory is not diagnosed: data is on disk, MEMORY STATS has what RocksDB's cache and memtables take."


@command("memory|malloc-stats", arity=2, group="server", since="4.0.0", summary="Returns the allocator statistics.",
         complexity="Depends on how much memory is allocated, could be slow",
         differs="As Redis without jemalloc: none.")  # fmt: skip
def malloc_stats(s: Session, argv: list[bytes]) -> Any:
    return "Stats not supported for the current allocator"


@command("memory|purge", arity=2, group="server", since="4.0.0", summary="Asks the allocator to release memory.",
         complexity="Depends on how much memory is allocated, could be slow",
         differs="As Redis without jemalloc: nothing happens.")  # fmt: skip
def purge(s: Session, argv: list[bytes]) -> Any:
    """As Redis without jemalloc: nothing to do."""
    return OK


@command("memory|help", arity=2, flags="loading stale", group="server", since="4.0.0",
         summary="Returns helpful text about the different subcommands.")  # fmt: skip
def memory_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("memory", HELP)


HELP = """
    DOCTOR
        Return memory problems reports.
    MALLOC-STATS
        Return internal statistics report from the memory allocator.
    PURGE
        Attempt to purge dirty pages for reclamation by the allocator.
    STATS
        Return information about the memory usage of the server.
    USAGE <key> [SAMPLES <count>]
        Return the bytes of the stored rows of <key>. Nested values are
        sampled up to <count> times (default: 5, 0 means sample all).
"""


@command("disk", arity=3, flags="readonly", keys=(2, 2, 1), group="server", since="2.2.0",
         summary="DISK USAGE: returns the bytes that a key's rows take before compression.",
         complexity="O(N) where N is the number of the key's elements",
         differs="Every row is counted; Kvrocks estimates.")  # fmt: skip
def disk(s: Session, argv: list[bytes]) -> Any:
    if argv[1].lower() != b"usage":
        raise CommandError(f"ERR unknown subcommand '{argv[1].decode('utf-8', 'surrogateescape')}'")
    return key_bytes(s, argv[2], 0)
