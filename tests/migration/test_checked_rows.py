"""The sender's rows and the receiver's, without processes and sockets between them: random writes to a database while
its slots are sent, with senders that die anywhere; the target must have the same rows and digest in the end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    CF_STREAM,
    CF_ZSET_SCORE,
    BatchBuilder,
    KeyCodec,
    RowDigest,
    SlotFilter,
    Snapshot,
    Store,
    StoreOptions,
    WALTail,
    fill_batch,
)
from slotrocks.server.migration import checked_rows
from slotrocks.server.migration.checked_rows import CheckedRows
from slotrocks.server.migration.plan import Checked, Plan
from slotrocks.server.migration.progress import Progress
from slotrocks.server.migration.receiver import Receiver

FAMILIES = (CF_DEFAULT, CF_METADATA, CF_ZSET_SCORE, CF_STREAM)
SLOTS = SlotFilter([(5, 6), (9, 9)])
KEY = bytes(range(16))
DEATHS_MAX = 6
OPTIONS = StoreOptions(block_cache_bytes=1 << 20, write_buffer_bytes=64 << 10)
CODEC = KeyCodec(True)


class Died(Exception):
    """A sender, anywhere."""


class Wire:
    """What a sender has instead of a socket: it may die before a request, or after it was executed."""

    def __init__(self, receiver: Receiver, dice: random.Random, danger: float) -> None:
        self._receiver = receiver
        self._random = dice
        self._danger = danger
        self._reader = hiredis.Reader()
        self.sent = 0

    def send(self, requests: bytes, count: int) -> None:
        self._reader.feed(requests)
        _, _, what, _, number, *rest = self._reader.gets()
        fate = self._random.random()
        if fate < self._danger:
            raise Died
        self.sent += len(requests)
        if what == b"ROWS":
            self._receiver.add(int(number), rest[0])
        else:
            self._receiver.change(int(number), int(rest[0]), rest[1])
        if fate > 1 - self._danger:
            raise Died

    def drain(self) -> None:
        pass


class Target:
    """As much of a node as a receiver asks for."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tick = self

    def end(self) -> None:
        pass

    def write_now(self, batch: Any) -> None:
        self.store.write(batch)


class Source:
    """A database that is written to at random."""

    def __init__(self, store: Store, dice: random.Random) -> None:
        self.store = store
        self._random = dice

    def _key(self, slot: int) -> bytes:
        return CODEC.slot_range(slot, slot)[0] + b"%02d" % self._random.randrange(60)

    def write(self) -> None:
        """A few operations of every kind, in one batch; some in slots that do not move."""
        batch = self.store.new_batch()
        for _ in range(self._random.randrange(1, 8)):
            cf, slot = self._random.choice(FAMILIES), self._random.choice([4, 5, 5, 6, 7, 9])
            handle = self.store.handles[cf]
            choice = self._random.random()
            value = b"\x81" + bytes(8) + self._random.randbytes(self._random.randrange(20))  # a string, for metadata
            if choice < 0.7:
                batch.put(self._key(slot), value, handle)
            elif choice < 0.93:
                batch.delete(self._key(slot), handle)
            else:
                begin, end = sorted((self._key(slot), self._key(self._random.choice([slot, slot + 1]))))
                batch.delete_range(begin, end, handle)
        self.store.write(batch)
        if self._random.random() < 0.02:
            self.store.flush()


def rows_of(store: Store) -> Iterator[tuple[int, bytes, bytes]]:
    for first, last in SLOTS.ranges:
        for cf in FAMILIES:
            for key, value in store.scan(cf, *CODEC.slot_range(first, last)):
                yield cf, bytes(key), bytes(value)


def digest_of(store: Store) -> tuple[int, bytes]:
    digest, builder = RowDigest(KEY), BatchBuilder()
    for first, last in SLOTS.ranges:
        for cf in FAMILIES:
            while fill_batch(store.scan(cf, *CODEC.slot_range(first, last)), cf, builder, 1 << 20):
                digest.add_rows(builder.take())
                break
    return digest.rows, digest.total


def plan_of(store: Store, directory: Path, progress: Progress) -> Plan:
    checked = Checked("job", KEY.hex(), progress.chunks, progress.family, progress.key.hex())
    return Plan(
        database=str(store.path), directory=str(directory), sequence=progress.position, ranges=list(SLOTS.ranges),
        kind="raw-key-value", batch_bytes=300, bytes_per_s=0, commands_per_s=0, pipeline=1,
        takes_batches=True, kvrocks=False, response_timeout_s=1.0,
        checked=checked,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_the_same_rows_and_digest(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_rows, "KNOWN_ROWS_MAX", 40)
    dice = random.Random(seed)
    stores = [Store(tmp_path / name, slot_encoded=True, options=OPTIONS) for name in ("source", "target")]
    source = Source(stores[0], dice)
    for _ in range(60):
        source.write()
    target: Any = Target(stores[1])
    receiver = Receiver(target, "job", SLOTS, Progress(RowDigest(KEY), stores[0].sequence))
    views: list[Snapshot] = []
    deaths = 0
    while True:
        wire: Any = Wire(receiver, dice, 0.02 if deaths < DEATHS_MAX else 0.0)
        plan = plan_of(stores[0], tmp_path / "work", receiver.progress)
        (tmp_path / "work").mkdir(exist_ok=True)
        tail = WALTail(plan.database, str(tmp_path / "work" / "wal"), plan.sequence, keep=True)
        assert plan.checked is not None
        sender = CheckedRows(wire, plan, plan.checked)
        try:
            view = Snapshot(plan.database, tmp_path / "work" / f"secondary{deaths}")
            views.append(view)
            for first, last in plan.ranges:
                for _ in sender.snapshot(view, first, last):
                    source.write()
            for final in (False, False, False, True):
                for _ in range(0 if final else 10):
                    source.write()
                sequence = stores[0].sequence
                while tail.position < sequence:
                    sender.changes(tail, SLOTS, 200)
                    if not final:
                        source.write()
                for _ in sender.settle(sequence, final=final):
                    source.write()
            break
        except Died:
            deaths += 1
            for _ in range(5):
                source.write()
    assert deaths or seed
    assert sorted(rows_of(stores[1])) == sorted(rows_of(stores[0]))
    rows, total = digest_of(stores[0])
    assert sender.digest == (rows, total.hex())
    receiver.compare(rows, total)
    row = stores[1].families[CF_PROPAGATE].get(b"slotrocks.migration.progress:job")
    kept = Progress.decode(bytes(row))  # type: ignore[arg-type]  # raw mode: bytes
    assert (kept.digest.rows, kept.digest.total) == (rows, total)
    assert kept.encode() == receiver.progress.encode()
    tail.close()
    for store in stores:
        store.close()
