"""Streams: their rows, against Kvrocks's and against a plain model. What commands answer: tests/commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import golden_files as golden
import invariants
from slotrocks.engine import CF_METADATA, CF_STREAM, TYPE_STREAM, KeyCodec, Store, Transaction, decode_metadata
from slotrocks.engine.types import keyspace, streams, streams_groups, streams_pending, streams_trim
from slotrocks.engine.types.streams_groups import OpenGroup
from slotrocks.engine.types.streams_ids import FIRST, LAST, StreamID, parse_id
from slotrocks.engine.types.streams_rows import Consumer, Group, Pending, decode_row
from slotrocks.engine.types.streams_trim import Trim

NOW_MS = 1_700_000_000_000


@pytest.fixture
def txn(tmp_path: Path) -> Iterator[Transaction]:
    store = Store(tmp_path, slot_encoded=True)
    txn = Transaction(store)
    txn.begin(NOW_MS)
    yield txn
    store.close()


def comparable(codec: KeyCodec, rows: Iterator[tuple[str, bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The rows of the streams of tag {t}: without versions, times, and what differs on purpose (see the test)."""
    found = []
    owners = set()
    for family, storage_key, value in sorted(rows, key=lambda row: row[0] != "metadata"):
        if family == "metadata":
            m = decode_metadata(value)
            if m.type == TYPE_STREAM and codec.user_key(storage_key).startswith(b"{t}"):
                owners.add((codec.user_key(storage_key), m.version))
                found.append((storage_key, value[:9] + value[17:]))
        elif family == "stream":
            key, version, sub = codec.decode_subkey(storage_key)
            if (key, version) in owners:
                row = decode_row(sub, value)
                if isinstance(row, Group):
                    value = row._replace(entries_read=0).encode()
                elif isinstance(row, Consumer):
                    value = row._replace(seen_ms=1, active_ms=1).encode()
                elif isinstance(row, Pending):
                    value = row._replace(delivered_ms=0, deliveries=0).encode()
                found.append((codec.subkey(key, 0, sub), value))
    return sorted(found)


def test_the_rows_are_those_of_kvrocks(txn: Transaction) -> None:
    """Where Kvrocks 2.10.1 counts otherwise than Redis, we write what Redis means: XREADGROUP delivers for the first
    time (Kvrocks writes 0 as the time and the number), and how many entries a group has read is unknown when it is
    (Kvrocks counts on from -1)."""
    for (name, *args), reply in golden.commands("cluster"):
        stream = streams.find(txn, args[-1] if name == b"XGROUP" else args[0]) if name in (b"XADD", b"XDEL") else None
        if name == b"XADD":
            stream = stream or streams.create(txn, args[0])
            streams.append(txn, stream, parse_id(args[1]), args[2:])
            stream.store(txn)
        elif name == b"XDEL":
            assert stream is not None and streams.delete(txn, stream, [parse_id(args[1])]) == reply
        elif name == b"XGROUP":
            stream = streams.find(txn, args[1])
            assert stream is not None and streams_groups.create(txn, stream, args[2], parse_id(args[3]), -1)
        elif name == b"XREADGROUP":
            stream = streams.find(txn, args[-2])
            assert stream is not None
            group = streams_groups.find(txn, stream, args[1])
            assert group is not None
            opened = OpenGroup(txn, stream, group)
            opened.see(args[2])
            ((entry_id, fields),) = streams_pending.read_new(opened, args[2], 1, noack=False)
            opened.close()
            assert reply == [[args[-2].decode(), [[entry_id.decode(), [field.decode() for field in fields or ()]]]]]
    txn.commit()
    ours = [
        (family, storage_key, value)
        for family, cf in (("metadata", CF_METADATA), ("stream", CF_STREAM))
        for storage_key, value in txn.store.scan(cf, *txn.codec.namespace_range())
    ]
    theirs = comparable(txn.codec, golden.rows("cluster"))
    assert comparable(txn.codec, iter(ours)) == theirs
    assert len(theirs) == 6
    assert invariants.streams(txn.store) == []


def test_what_kvrocks_wrote_is_in_order(tmp_path: Path) -> None:
    store = Store(golden.unpack_database("cluster", tmp_path), slot_encoded=True)
    assert invariants.streams(store) == []
    store.close()


@pytest.mark.parametrize("seed", range(4))
def test_against_a_dict(txn: Transaction, seed: int) -> None:
    """Random changes with commits and rollbacks in between: what is there, where it begins and ends, how much it is."""
    rng = Random(seed)
    model: dict[StreamID, list[bytes]] = {}
    kept: dict[StreamID, list[bytes]] = {}
    for step in range(600):
        stream = streams.find(txn, b"s") or streams.create(txn, b"s")
        if step % 5 == 0:
            txn.commit() if rng.random() < 0.3 else None
            txn.begin(NOW_MS)
            kept = dict(model)
            stream = streams.find(txn, b"s") or streams.create(txn, b"s")
        action = rng.randrange(7)
        if action <= 2:
            entry_id = streams.next_id(stream, 0, stream.last_id.ms + rng.randrange(2), None)
            fields = [b"f", b"%d" % step]
            streams.append(txn, stream, entry_id, fields)
            stream.store(txn)
            model[entry_id] = fields
        elif action == 3 and model:
            gone = [*rng.sample(list(model), min(len(model), rng.randrange(1, 5))), StreamID(0, 9)]
            assert streams.delete(txn, stream, gone) == len(gone) - 1
            for entry_id in gone[:-1]:
                del model[entry_id]
        elif action == 4 and rng.random() < 0.4:
            most = rng.randrange(30)
            trimmed = streams_trim.trim(txn, stream, Trim(most))
            stream.store(txn)
            assert trimmed == max(len(model) - most, 0)
            model = dict(list(model.items())[trimmed:])
        elif action == 5 and rng.random() < 0.4:
            least = rng.choice([FIRST, StreamID(step // 8, 0), *model][-5:])
            trimmed = streams_trim.trim(txn, stream, Trim(-1, least))
            stream.store(txn)
            assert trimmed == sum(entry_id < least for entry_id in model)
            model = {entry_id: fields for entry_id, fields in model.items() if entry_id >= least}
        elif action == 6 and rng.random() < 0.2:
            txn.rollback()
            txn.begin(NOW_MS)
            model = dict(kept)
            stream = streams.find(txn, b"s") or streams.create(txn, b"s")
        check(txn, stream, model, rng)
    txn.commit()
    assert invariants.streams(txn.store) == []


def check(txn: Transaction, stream: streams.Stream, model: dict[StreamID, list[bytes]], rng: Random) -> None:
    """The stream is what the model says."""
    ids = list(model)
    assert stream.size == len(model)
    assert stream.first_id == (ids[0] if ids else FIRST) and stream.last_entry_id == (ids[-1] if ids else FIRST)
    start, end = sorted(rng.choices([FIRST, LAST, *ids, StreamID(3, 3)], k=2))
    inside = [(entry_id.text, model[entry_id]) for entry_id in ids if start <= entry_id <= end]
    assert list(streams.show(streams.rows(txn, stream, start, end))) == inside
    assert list(streams.show(streams.rows(txn, stream, start, end, reverse=True), 3)) == inside[::-1][:3]
    assert streams.count(txn, stream, start, end) == len(inside)


def test_a_dead_stream_is_cleared_away(txn: Transaction) -> None:
    """An expired stream is absent, and nothing of it is in the one that follows."""
    stream = streams.create(txn, b"s")
    for i in range(1, 100):
        streams.append(txn, stream, StreamID(i, 0), [b"f", b"v"])
    stream.store(txn)
    streams_groups.create(txn, stream, b"g", FIRST, -1)
    m = txn.lookup(b"s")
    assert m is not None
    keyspace.set_expiry(txn, m, NOW_MS + 10)
    txn.commit()
    txn.begin(NOW_MS + 20)
    assert streams.find(txn, b"s") is None
    stream = streams.create(txn, b"s")
    streams.append(txn, stream, StreamID(1, 1), [b"f", b"w"])
    stream.store(txn)
    assert list(streams.show(streams.rows(txn, stream))) == [(b"1-1", [b"f", b"w"])]
    assert streams_groups.groups(txn, stream) == []
    txn.commit()
    assert invariants.streams(txn.store) == []
    txn.set_string(b"s", b"x")
    txn.commit()
    assert list(txn.store.scan(CF_STREAM, *txn.codec.namespace_range())) == []


def test_groups_whose_names_are_beginnings_of_others(txn: Transaction) -> None:
    stream = streams.create(txn, b"s")
    names = [b"", b"a", b"aa", b"\0", b"\xff", b"a\0\0\0\0\0\0\0\1b", b"\0\0\0\0\0\0\0\1"]
    for entry_id in (StreamID(1, 0), StreamID(2**64 - 1, 1 << 56), StreamID(2**64 - 1, 3 << 56)):
        streams.append(txn, stream, entry_id, [b"f", b"v"])
    stream.store(txn)
    for i, name in enumerate(names):
        assert streams_groups.create(txn, stream, name, StreamID(i, i), i)
        group = streams_groups.find(txn, stream, name)
        assert group is not None
        opened = OpenGroup(txn, stream, group)
        for consumer in names[: i + 1]:
            opened.see(consumer)
            opened.assign(StreamID(i, len(consumer)), None, consumer, 1, 1)
        opened.close()
    assert [group.name for group in streams_groups.groups(txn, stream)] == sorted(names)
    for i, name in enumerate(names):
        assert [each.name for each in streams_groups.consumers(txn, stream, name)] == sorted(names[: i + 1])
        assert all(row.group == name for row in streams_groups.pending(txn, stream, name))
    assert next(entry_id for entry_id, _ in streams.show(streams.rows(txn, stream))) == b"1-0"
    assert len(list(streams.rows(txn, stream))) == len(list(streams.rows(txn, stream, reverse=True))) == 3
    assert streams_groups.destroy(txn, stream, b"a")
    assert [group.name for group in streams_groups.groups(txn, stream)] == sorted(set(names) - {b"a"})
    assert list(streams_groups.pending(txn, stream, b"a")) == []
    assert streams_groups.consumers(txn, stream, b"aa") != []


def test_old_metadata_without_a_number_of_groups(txn: Transaction) -> None:
    """Kvrocks before 2.6 had no groups, and does not count them."""
    stream = streams.create(txn, b"s")
    streams.append(txn, stream, StreamID(1, 1), [b"f", b"v"])
    stream.store(txn)
    m = txn.lookup(b"s")
    assert m is not None
    m.payload = m.payload[:-8]
    txn.store_metadata(b"s", m, m)
    old = streams.find(txn, b"s")
    assert old is not None and old.groups == 0 and streams_groups.groups(txn, old) == []
    assert streams_groups.create(txn, old, b"g", FIRST, -1)
    assert len(streams_groups.groups(txn, old)) == 1


def test_ends_that_kvrocks_left_at_deleted_entries(txn: Transaction) -> None:
    """After XDEL of several entries at an end Kvrocks 2.10 may name deleted ones: they are bounds all the same."""
    stream = streams.create(txn, b"s")
    for ms in range(1, 11):
        streams.append(txn, stream, StreamID(ms, 0), [b"f", b"v"])
    streams.delete(txn, stream, [StreamID(ms, 0) for ms in (1, 2, 9, 10)])
    stream.first_id, stream.last_entry_id = StreamID(2, 0), StreamID(9, 0)
    stream.store(txn)

    def reopened() -> streams.Stream:
        found = streams.find(txn, b"s")
        assert found is not None
        return found

    whole = [b"%d-0" % ms for ms in range(3, 9)]
    assert [entry_id for entry_id, _ in streams.show(streams.rows(txn, reopened()))] == whole
    assert [entry_id for entry_id, _ in streams.show(streams.rows(txn, reopened(), reverse=True))] == whole[::-1]
    assert streams.count(txn, reopened(), StreamID(4, 0), LAST) == 5
    assert streams.count(txn, reopened(), FIRST, StreamID(7, 0)) == 5
    stream = reopened()
    assert streams_trim.trim(txn, stream, Trim(4)) == 2 and stream.first_id == StreamID(5, 0)
    stream.store(txn)
    stream = reopened()
    assert streams_trim.trim(txn, stream, Trim(-1, StreamID(8, 0))) == 3 and stream.first_id == StreamID(8, 0)
    stream.store(txn)
    stream = reopened()
    streams.append(txn, stream, StreamID(20, 0), [b"f", b"v"])
    stream.store(txn)
    assert reopened().last_entry_id == StreamID(20, 0)
