"""The engine's hot paths, each against its plain-Python twin, and against the library below where there is one.

Both sides do the same work on the same input, and their results are compared before anything is measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hiredis

from bench import twins
from bench.measure import Comparison, calls_per_second, compare, take_turns
from bench.peers import pack_command
from slotrocks.engine import (
    CF_METADATA,
    OK,
    BatchBuilder,
    KeyCodec,
    Metadata,
    ReplyWriter,
    RequestParser,
    SlotFilter,
    Snapshot,
    Store,
    WALTail,
    fill_batch,
    slot_of,
)

KEYS = [b"key:%012d" % i for i in range(1000)]
TAGGED_KEYS = [b"{user:%d}:session" % i for i in range(1000)]
VALUE = b"x" * 100
LOG_ROWS = 2000
BATCH_BYTES = 16 << 10
ROUNDS = 9
TURN_S = 0.03


@dataclass(frozen=True)
class Case:
    """One benchmark: a call of `ours`, of `twin` and of `raw` (the library below, alone) does `units` operations."""

    name: str
    units: int
    ours: Callable[[], Any]
    twin: Callable[[], Any]
    raw: Callable[[], Any] | None = None

    @property
    def contenders(self) -> dict[str, Callable[[], Any]]:
        """Whoever takes part, by name."""
        names = {"ours": self.ours, "twin": self.twin}
        return names if self.raw is None else {**names, "raw": self.raw}

    def check(self) -> None:
        """Raises AssertionError when ours and the twin differ."""
        assert self.ours() == self.twin(), f"{self.name}: ours and its twin give different results"


def apply(function: Callable[..., Any], *arguments: list[Any]) -> list[Any]:
    """The results of a function for each of the arguments, with the least overhead that Python has."""
    return list(map(function, *arguments))


def key_cases() -> Iterator[Case]:
    """Slot hash and storage keys."""
    codec = KeyCodec(True)
    versions, subs = [1 << 60] * len(KEYS), [b"field:%d" % i for i in range(len(KEYS))]
    for name, keys in (("slot hash", KEYS), ("slot hash, hash tag", TAGGED_KEYS)):
        yield Case(name, len(keys), partial(apply, slot_of, keys), partial(apply, twins.slot_of, keys))
    yield Case(
        "metadata key", len(KEYS), partial(apply, codec.metadata_key, KEYS), partial(apply, twins.metadata_key, KEYS)
    )
    yield Case(
        "sub-key", len(KEYS),
        partial(apply, codec.subkey, KEYS, versions, subs), partial(apply, twins.subkey, KEYS, versions, subs),
    )  # fmt: skip


def protocol_cases() -> Iterator[Case]:
    """Replies and requests."""
    writer, parser, reader = ReplyWriter(), RequestParser(), hiredis.Reader()
    replies: dict[str, tuple[list[Any], list[Any]]] = {
        "reply, 100 B": ([VALUE] * 100, [VALUE] * 100),
        "reply, OK": ([OK] * 100, ["OK"] * 100),
        "reply, int": (list(range(100)), list(range(100))),
        "reply, array of 10": ([KEYS[:10]] * 100, [KEYS[:10]] * 100),
    }
    for name, (values, twin_values) in replies.items():
        yield Case(name, len(values), partial(write, writer, values), partial(write_twin, twin_values))

    requests: dict[str, list[tuple[str | bytes, ...]]] = {
        "request, GET": [("GET", key) for key in KEYS[:16]],
        "request, SET 100 B": [("SET", key, VALUE) for key in KEYS[:16]],
    }
    for name, commands in requests.items():
        chunk = b"".join(map(pack_command, commands))
        yield Case(
            name, len(commands),
            partial(parse, parser.feed, parser.next, None, chunk), partial(twins.parse_requests, chunk),
            partial(parse, reader.feed, reader.gets, False, chunk),
        )  # fmt: skip


def write(writer: ReplyWriter, values: list[Any]) -> bytes:
    """The replies as bytes."""
    for value in values:
        writer.write(value)
    return writer.take()


def write_twin(values: list[Any]) -> bytes:
    """The same by the twin."""
    out = bytearray()
    for value in values:
        twins.encode_reply(value, out)
    return bytes(out)


def parse(feed: Callable[[bytes], Any], take: Callable[[], Any], end: object, chunk: bytes) -> list[Any]:
    """The commands of a chunk; `take` returns `end` when there are no more."""
    feed(chunk)
    return list(iter(take, end))


@contextmanager
def database_cases(directory: Path) -> Iterator[list[Case]]:
    """The log and the snapshot of a database that is made in `directory`."""
    store = Store(directory / "db", slot_encoded=True)
    codec = KeyCodec(True)
    snapshot = None
    try:
        for start in range(0, LOG_ROWS, 100):
            batch = store.new_batch()
            for i in range(start, start + 100):
                key = b"key:%012d" % i
                batch.put(
                    codec.metadata_key(key), Metadata(1, payload=VALUE, key=key).encode(), store.handles[CF_METADATA]
                )
            store.write(batch)
        store.sync()
        snapshot = Snapshot(store.path, directory / "secondary")
        yield [wal_case(store.path, directory), snapshot_case(snapshot)]
    finally:
        if snapshot is not None:
            snapshot.close()
        store.close()


def wal_case(path: Path, directory: Path) -> Case:
    """Everything that the log holds, checksums verified, as rows."""
    slots = SlotFilter([(0, 16383)])

    def read() -> list[Any]:
        tail = WALTail(str(path), str(directory / "pins"), 0)
        rows = []
        while not tail.at_end:
            rows += tail.read_rows(slots, 64 << 20)
        tail.close()
        return rows

    return Case("WAL decoding", LOG_ROWS, read, lambda: twins.log_rows(sorted(path.glob("*.log"))))


def snapshot_case(snapshot: Snapshot) -> Case:
    """Every row of the snapshot, in write batches."""
    builder = BatchBuilder()

    def batches() -> list[bytes]:
        rows = snapshot.rows(CF_METADATA, 0, 16383)
        result = []
        while fill_batch(rows, CF_METADATA, builder, BATCH_BYTES):
            result.append(builder.take())
        return result

    return Case(
        "snapshot batching", LOG_ROWS, batches,
        lambda: list(twins.encode_batches(snapshot.rows(CF_METADATA, 0, 16383), CF_METADATA, BATCH_BYTES)),
        lambda: list(snapshot.rows(CF_METADATA, 0, 16383)),
    )  # fmt: skip


@contextmanager
def cases() -> Iterator[list[Case]]:
    """All of them."""
    with (
        tempfile.TemporaryDirectory(prefix="slotrocks-bench-") as directory,
        database_cases(Path(directory)) as on_disk,
    ):
        yield [*key_cases(), *protocol_cases(), *on_disk]


def turn(call: Callable[[], Any], units: int) -> float:
    """Operations a second of a call that does `units` of them."""
    return units * calls_per_second(call, TURN_S)


def measure() -> Iterator[Comparison]:
    """Each case against its twin and against the raw cost, in operations per second."""
    with cases() as all_cases:
        for case in all_cases:
            case.check()
            turns = {name: partial(turn, call, case.units) for name, call in case.contenders.items()}
            rates = take_turns(turns, ROUNDS)
            for peer in [name for name in rates if name != "ours"]:
                yield compare("micro", case.name, "op/s", rates, "ours", peer)
