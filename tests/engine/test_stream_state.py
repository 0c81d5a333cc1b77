"""A whole stream as a value: what is written is what is read, and what Kvrocks wrote is understood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import golden_files as golden
from slotrocks.engine import CF_STREAM, CorruptionError, Store, Transaction, decode_stream_fields, encode_stream_fields
from slotrocks.engine.types import streams, streams_state
from slotrocks.engine.types.streams_ids import U64_MAX, StreamID, parse_id
from slotrocks.engine.types.streams_rows import Consumer, Entry, Group, Pending, decode_row
from slotrocks.engine.types.streams_state import GroupState, StreamWhole

NOW_MS = 1_700_000_000_000

u64 = st.one_of(st.integers(0, 3), st.integers(0, U64_MAX), st.sampled_from([U64_MAX, U64_MAX - 1, 1 << 56]))
ids = st.builds(StreamID, u64, u64)
names = st.one_of(st.binary(max_size=3), st.binary(max_size=300))


@pytest.fixture(scope="module")
def txn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transaction]:
    store = Store(tmp_path_factory.mktemp("db"), slot_encoded=True)
    txn = Transaction(store)
    txn.begin(NOW_MS)
    yield txn
    store.close()


@st.composite
def groups(draw: st.DrawFn, name: bytes) -> GroupState:
    consumers = sorted(draw(st.sets(names, max_size=3)))
    owners = st.sampled_from(consumers) if consumers else st.nothing()
    pending = draw(st.dictionaries(ids, st.tuples(owners, u64, u64), max_size=4)) if consumers else {}
    return GroupState(
        name,
        draw(ids),
        draw(st.integers(-1, 2**63 - 1)),
        [
            Consumer(name, each, draw(u64), draw(st.sampled_from([-1, 1, NOW_MS])), counted(pending, each))
            for each in consumers
        ],
        [Pending(name, entry_id, *pending[entry_id]) for entry_id in sorted(pending)],
    )


def counted(pending: dict[StreamID, tuple[bytes, int, int]], name: bytes) -> int:
    return sum(owner == name for owner, _, _ in pending.values())


@st.composite
def states(draw: st.DrawFn) -> StreamWhole:
    entries = draw(st.dictionaries(ids, st.lists(names, min_size=1, max_size=4), max_size=5))
    return StreamWhole(
        draw(ids),
        draw(ids),
        draw(u64),
        [Entry(entry_id, entries[entry_id]) for entry_id in sorted(entries)],
        [draw(groups(name)) for name in sorted(draw(st.sets(names, max_size=3)))],
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(states(), st.booleans())
def test_what_is_written_is_read(txn: Transaction, state: StreamWhole, commit: bool) -> None:
    txn.set_string(b"k", b"something else") if commit else None
    streams_state.write(txn, b"k", state, NOW_MS + 1000)
    if commit:
        txn.commit()
    m = txn.lookup(b"k")
    assert m is not None and m.expire_ms == NOW_MS + 1000 and m.size == len(state.entries)
    assert streams_state.read(txn, m) == state
    stream = streams.of(m)
    assert stream.groups == len(state.groups)
    shown = [(entry.id.text, entry.fields) for entry in state.entries]
    assert list(streams.show(streams.rows(txn, stream))) == shown
    assert list(streams.show(streams.rows(txn, stream, reverse=True))) == shown[::-1]
    txn.remove(m)


def test_nothing_of_a_replaced_stream_is_left(txn: Transaction) -> None:
    first = StreamWhole(
        StreamID(9, 0), StreamID(0, 0), 100, [Entry(StreamID(1, i), [b"f", b"v"]) for i in range(100)],
        [GroupState(b"g", StreamID(1, 1), 2, [Consumer(b"g", b"c", 1)], [Pending(b"g", StreamID(1, 1), b"c", 1, 1)])],
    )  # fmt: skip
    second = StreamWhole(StreamID(2, 0), StreamID(0, 0), 1, [Entry(StreamID(2, 0), [b"f", b"w"])])
    streams_state.write(txn, b"r", first)
    txn.commit()
    streams_state.write(txn, b"r", second)
    m = txn.lookup(b"r")
    assert m is not None and streams_state.read(txn, m) == second
    txn.commit()
    assert len(list(txn.scan(CF_STREAM, *txn.codec.namespace_range()))) == 1


def test_the_rows_of_kvrocks(tmp_path: Path) -> None:
    store = Store(golden.unpack_database("cluster", tmp_path), slot_encoded=True)
    txn = Transaction(store)
    txn.begin(NOW_MS)
    m = txn.lookup(b"{t}x")
    assert m is not None
    state = streams_state.read(txn, m)
    assert state.entries == [
        Entry(StreamID(1, 1), [b"f", b"v", b"g", b"w"]),
        Entry(StreamID(5, 0), [b"k", b""]),
    ]
    assert (state.last_id, state.max_deleted_id, state.entries_added) == (StreamID(5, 0), StreamID(1, 2), 3)
    (group,) = state.groups
    assert (group.name, group.last_id, group.entries_read) == (b"grp", StreamID(1, 1), 0)
    assert [(each.name, each.pending) for each in group.consumers] == [(b"alice", 1)]
    assert group.pending == [Pending(b"grp", StreamID(1, 1), b"alice", 0, 0)]
    store.close()


@given(st.lists(st.one_of(names, st.binary(min_size=120, max_size=140)), max_size=6))
def test_fields(fields: list[bytes]) -> None:
    encoded = encode_stream_fields(fields)
    assert decode_stream_fields(encoded) == fields
    if fields:
        with pytest.raises(CorruptionError):
            decode_stream_fields(encoded + b"\x05ab")


@pytest.mark.parametrize("sub", [b"", b"short", b"\xff" * 17, b"\xff" * 8 + b"\1" + bytes(7) + b"\2a", b"x" * 30])
def test_rows_that_are_none(sub: bytes) -> None:
    with pytest.raises(CorruptionError):
        decode_row(sub, b"")


def test_group_rows_are_those_of_kvrocks() -> None:
    sub = b"\xff" * 8 + b"\1" + bytes(7) + b"\3grp"
    row = decode_row(sub, bytes(39) + b"\2" + bytes(8))
    assert row == Group(b"grp", StreamID(0, 0), 2, 0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1-2", (1, 2)), (b"5", (5, 7)), (b"18446744073709551615-18446744073709551615", (U64_MAX, U64_MAX)),
        (b"01-+2", (1, 2)), (b" 1-2", (1, 2)), (b"0-0", (0, 0)),
    ],
)  # fmt: skip
def test_ids(text: bytes, expected: tuple[int, int]) -> None:
    assert parse_id(text, 7) == expected


@pytest.mark.parametrize("text", [b"", b"-", b"1-", b"-1", b"x", b"1-2-3", b"18446744073709551616", b"1-x", b"1" * 128])
def test_texts_that_are_no_ids(text: bytes) -> None:
    with pytest.raises(ValueError, match="not half|too long"):
        parse_id(text)
