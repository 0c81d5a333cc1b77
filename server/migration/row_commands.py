"""Keys that no command can make as they are, carried as rows: APPLYBATCH with the rows of one key.

HyperLogLog has no command that sets registers, nor has bloom; sorted integers and JSON are commands that not every
target has. A target without APPLYBATCH cannot get them.
"""

from __future__ import annotations

from collections.abc import Iterator

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    TYPE_BLOOM,
    TYPE_HYPERLOGLOG,
    TYPE_JSON,
    TYPE_SORTEDINT,
    BatchBuilder,
    KeyCodec,
    Metadata,
)
from slotrocks.server.migration.key_commands import BYTES_MAX, Command, Log, Rows, UnclearError

CARRIED = frozenset({TYPE_SORTEDINT, TYPE_BLOOM, TYPE_JSON, TYPE_HYPERLOGLOG})

_CODEC = KeyCodec(True)


def build_rows(key: bytes, m: Metadata, rows: Rows) -> Iterator[Command]:
    """The rows of a key, its metadata last."""
    builder = BatchBuilder()
    for sub, value in rows:
        builder.put(CF_DEFAULT, _CODEC.subkey(key, m.version, sub), value)
        if builder.size >= BYTES_MAX:
            yield "APPLYBATCH", builder.take()
    builder.put(CF_METADATA, _CODEC.metadata_key(key), m.encode())
    yield "APPLYBATCH", builder.take()


def restate_rows(key: bytes, old: Metadata, new: Metadata, log: Log) -> Iterator[Command]:
    """The rows that were touched, as one batch."""
    if any(version == new.version for _, version, _, _ in log.ranges):
        raise UnclearError
    builder = BatchBuilder()
    for sub, value in log.of(CF_DEFAULT, new.version).items():
        if value is None:
            builder.delete(CF_DEFAULT, _CODEC.subkey(key, new.version, sub))
        else:
            builder.put(CF_DEFAULT, _CODEC.subkey(key, new.version, sub), value)
    builder.put(CF_METADATA, _CODEC.metadata_key(key), new.encode())
    yield "APPLYBATCH", builder.take()
