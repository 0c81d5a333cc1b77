"""The logs of real databases, one of them written by another process at full speed meanwhile."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from rocksdict import IngestExternalFileOptions, Options, Rdict, SstFileWriter, WriteBatch, WriteOptions

from slotrocks.engine import (
    COLUMN_FAMILIES,
    OP_DELETE,
    OP_PUT,
    SlotFilter,
    Store,
    WALError,
    WALTail,
    decode_batch,
)
from wal_helpers import key_of

EVERY = SlotFilter([(0, 16383)])


def tail_at(tmp_path: Path, since: int) -> WALTail:
    return WALTail(str(tmp_path / "db"), str(tmp_path / "pins"), since)


def test_every_write_of_another_process_is_seen_once(tmp_path: Path) -> None:
    """At full speed, through many switches of the file and two restarts of the database."""
    rows, runs = 60_000, 3
    db = tmp_path / "db"
    db.mkdir()
    tail = tail_at(tmp_path, 0)
    writer = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("wal_writer.py")), str(db), str(rows), str(runs)]
    )
    n = 0
    switches: set[str] = set()
    try:
        while n < rows:
            running = writer.poll() is None
            raw = n % 2 == 0
            delivered = (
                [row for data in tail.read_batches(EVERY, 40_000) for row in decode_batch(data)]
                if raw
                else tail.read_rows(EVERY, 40_000)
            )
            for op, cf, key, value in delivered:
                assert (op, cf) == (OP_PUT, (0, 1, 2, 5)[n % 4])
                assert key == key_of(n % 16384, b"key:%d" % n)
                assert value.startswith(b"%d:" % n)
                n += 1
            switches |= set(os.listdir(tmp_path / "pins"))
            assert delivered or running or not tail.at_end, f"the log ended at row {n}"
        writer.wait(60)
    finally:
        writer.kill()
        writer.wait()
    assert writer.returncode == 0
    assert len(switches) > 20
    assert (tmp_path / "db" / "archive").exists()
    store = Store(db, slot_encoded=True)
    assert tail.position == store.sequence
    store.close()
    tail.close()


def test_the_rows_of_a_slot_equal_the_database(tmp_path: Path) -> None:
    """The rows of some slots replayed from the log give what the database holds there."""
    db = tmp_path / "db"
    store = Store(db, slot_encoded=True)
    rng = random.Random(7)
    tail = tail_at(tmp_path, 0)
    slots = SlotFilter([(2, 3), (6, 6)])
    replayed: list[dict[bytes, bytes]] = [{} for _ in COLUMN_FAMILIES]

    def replay() -> None:
        while True:
            for op, cf, key, value in tail.read_rows(slots, 1 << 16):
                if op == OP_PUT:
                    replayed[cf][key] = value
                elif op == OP_DELETE:
                    replayed[cf].pop(key, None)
                else:
                    for old in [k for k in replayed[cf] if key <= k < value]:
                        del replayed[cf][old]
            if tail.at_end:
                return

    for i in range(1500):
        if i % 300 == 0:
            for family in store.families:
                family.flush()
        write_batch = WriteBatch(raw_mode=True)
        for _ in range(rng.randint(1, 6)):
            cf = rng.choice([0, 1, 2, 5])
            key = key_of(rng.randint(0, 8), b"%d" % rng.randint(0, 99))
            kind = rng.random()
            if kind < 0.7:
                write_batch.put(key, rng.randbytes(rng.randint(0, 400)), store.handles[cf])
            elif kind < 0.95:
                write_batch.delete(key, store.handles[cf])
            else:
                end = key_of(rng.randint(0, 8), b"%d" % rng.randint(0, 99))
                if key < end:
                    write_batch.delete_range(key, end, store.handles[cf])
        store.write(write_batch)
        if rng.random() < 0.05:
            replay()
    replay()
    assert tail.position == store.sequence
    assert len(list((db / "archive").glob("*.log"))) > 2
    for cf in (0, 1, 2, 5):
        rows = {k: v for k, v in store.families[cf].items() if int.from_bytes(k[12:14], "big") in slots}
        assert replayed[cf] == rows
        assert rows
    store.close()
    tail.close()


def test_writes_that_bypass_the_log_are_an_error(tmp_path: Path) -> None:
    db = tmp_path / "db"
    store = Store(db, slot_encoded=True)
    tail = tail_at(tmp_path, store.sequence)
    bypass = WriteOptions()
    bypass.disable_wal = True
    for options in (None, bypass, None):
        write_batch = store.new_batch()
        write_batch.put(key_of(1, b"k"), b"1", store.handles[0])
        if options is None:
            store.write(write_batch)
        else:
            store.db.write(write_batch, options)
    with pytest.raises(WALError, match="gap: expected sequence number 3, found 4"):
        tail.read_rows(EVERY, 1 << 20)
    store.close()
    tail.close()


def test_a_wide_column_in_the_log_is_an_error(tmp_path: Path) -> None:
    db = Rdict(str(tmp_path / "db"), Options(raw_mode=True))
    db.put_entity(b"key", [b"name"], [b"value"])
    tail = tail_at(tmp_path, 0)
    with pytest.raises(WALError, match="WideColumnEntity"):
        tail.read_batches(EVERY, 1 << 20)
    db.close()
    tail.close()


def test_an_ingestion_without_a_sequence_number_leaves_no_gap(tmp_path: Path) -> None:
    """Even while a snapshot is held, which by default makes it take one."""
    store = Store(tmp_path / "db", slot_encoded=True)
    tail = tail_at(tmp_path, store.sequence)
    snapshot = store.db.snapshot()
    for slot in (1, 2):
        write_batch = store.new_batch()
        write_batch.put(key_of(slot, b"k"), b"1", store.handles[0])
        store.write(write_batch)
        file = SstFileWriter(Options(raw_mode=True))
        file.open(str(tmp_path / "rows.sst"))
        file[key_of(slot + 10, b"k")] = b"ingested"
        file.finish()
        options = IngestExternalFileOptions()
        options.set_snapshot_consistency(False)
        options.set_allow_global_seqno(False)
        store.db.ingest_external_file([str(tmp_path / "rows.sst")], options)
    assert [key for _, _, key, _ in tail.read_rows(EVERY, 1 << 20)] == [key_of(1, b"k"), key_of(2, b"k")]
    assert tail.position == store.sequence
    del snapshot
    store.close()
    tail.close()
