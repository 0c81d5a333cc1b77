"""Lists: their rows, against Kvrocks's and against a Python list. What commands answer: tests/commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import golden_files as golden
import invariants
from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    TYPE_LIST,
    CorruptionError,
    KeyCodec,
    Store,
    Transaction,
    WrongTypeError,
    decode_metadata,
)
from slotrocks.engine.layout import ListBounds
from slotrocks.engine.types import keyspace, lists

NOW_MS = 1_700_000_000_000


@pytest.fixture
def txn(tmp_path: Path) -> Iterator[Transaction]:
    store = Store(tmp_path, slot_encoded=True)
    txn = Transaction(store)
    txn.begin(NOW_MS)
    yield txn
    store.close()


def rows_without_versions(codec: KeyCodec, rows: Iterator[tuple[str, bytes, bytes]]) -> list[tuple[bytes, ...]]:
    """Rows of the lists of tag {t}, comparable: without versions, and without what no key owns."""
    found: list[tuple[bytes, ...]] = []
    owners = set()
    for family, storage_key, value in sorted(rows, key=lambda row: row[0] != "metadata"):
        if family == "metadata":
            m = decode_metadata(value)
            if m.type == TYPE_LIST and codec.user_key(storage_key).startswith(b"{t}"):
                owners.add((codec.user_key(storage_key), m.version))
                found.append((storage_key, value[:9], value[17:]))
        elif family == "default":
            key, version, sub = codec.decode_subkey(storage_key)
            if (key, version) in owners:
                found.append((codec.subkey(key, 0, sub), value))
    return sorted(found)


def test_the_rows_are_those_of_kvrocks(txn: Transaction) -> None:
    for (name, key, *args), reply in golden.commands("cluster"):
        if name in (b"RPUSH", b"LPUSH"):
            assert lists.push(txn, key, args, left=name == b"LPUSH") == reply
        elif name == b"LSET":
            m = lists.find(txn, key)
            assert m is not None and lists.replace(txn, m, int(args[0]), args[1])
        elif name == b"LINSERT":
            assert lists.insert(txn, key, args[1], args[2], before=args[0] == b"BEFORE") == reply
        elif name == b"LREM":
            assert lists.remove(txn, key, args[1], int(args[0])) == reply
        elif name == b"LPOP":
            assert lists.pop(txn, key, 1, left=True) == [reply.encode()]
        elif name == b"LTRIM":
            lists.trim(txn, key, int(args[0]), int(args[1]))
    txn.commit()
    ours = [
        (family, storage_key, value)
        for family, cf in (("metadata", CF_METADATA), ("default", CF_DEFAULT))
        for storage_key, value in txn.store.scan(cf, *txn.codec.namespace_range())
    ]
    theirs = rows_without_versions(txn.codec, golden.rows("cluster"))
    assert rows_without_versions(txn.codec, iter(ours)) == theirs
    assert len(theirs) > 10
    assert invariants.lists(txn.store) + invariants.orphans(txn.store) == []


def contents(txn: Transaction, key: bytes) -> list[bytes]:
    m = lists.find(txn, key)
    return [] if m is None else list(lists.elements(txn, m, 0, m.size))


@pytest.mark.parametrize("size", [1, 2, 7, 40, 130])
def test_inserting_and_removing_moves_the_shorter_side(txn: Transaction, size: int) -> None:
    for at in {0, 1, size // 2, size - 1} & set(range(size)):
        for before in (True, False):
            keyspace.delete(txn, b"k")
            values = [b"%d" % i for i in range(size)]
            lists.push(txn, b"k", values, left=False)
            m = lists.find(txn, b"k")
            assert m is not None
            head, tail = lists.bounds(m)
            lists.insert(txn, b"k", values[at], b"new", before=before)
            place = at + (not before)
            m = lists.find(txn, b"k")
            assert m is not None
            assert lists.bounds(m) == (
                ListBounds(head - 1, tail) if place <= size - place else ListBounds(head, tail + 1)
            )
            assert lists.remove(txn, b"k", b"new", 0) == 1
            assert contents(txn, b"k") == values


def test_against_a_python_list(txn: Transaction) -> None:
    """Random operations; commits and rollbacks at random. The invariants hold after each commit."""
    rng = Random(7)
    model: dict[bytes, deque[bytes]] = {b"a": deque(), b"b": deque()}
    for step in range(1500):
        if rng.random() < 0.1:
            txn.commit()
            assert invariants.lists(txn.store) + invariants.orphans(txn.store) == []
        txn.begin(NOW_MS + step)
        before = {key: deque(values) for key, values in model.items()}
        key, other = rng.choice((b"a", b"b")), rng.choice((b"a", b"b"))
        mine, left = model[key], rng.random() < 0.5
        value, count = b"%d" % rng.randint(0, 5), rng.choice((1, 1, 2, 10, 90))
        match rng.randint(0, 7):
            case 0 | 1:
                values = [b"%d" % rng.randint(0, 5) for _ in range(count)]
                (mine.extendleft if left else mine.extend)(values)
                assert lists.push(txn, key, values, left=left) == len(mine)
            case 2:
                taken = [mine.popleft() if left else mine.pop() for _ in range(min(count, len(mine)))]
                assert (lists.pop(txn, key, count, left=left) or []) == taken
            case 3:
                moved = (mine.popleft() if left else mine.pop()) if mine else None
                if moved is not None:
                    model[other].append(moved)
                assert lists.move(txn, key, other, from_left=left, to_left=False) == moved
            case 4:
                inserted = value in mine
                if inserted:
                    mine.insert(mine.index(value) + (not left), b"new")
                assert lists.insert(txn, key, value, b"new", before=left) == (
                    len(mine) if inserted else -1 if mine else 0
                )
            case 5:
                wanted = rng.choice((-40, -2, -1, 0, 1, 2, 40))
                indexes = [i for i, each in enumerate(mine) if each == value]
                gone = set(indexes[wanted:] if wanted < 0 else indexes[: wanted or None])
                model[key] = deque(each for i, each in enumerate(mine) if i not in gone)
                assert lists.remove(txn, key, value, wanted) == len(gone)
            case 6 if rng.random() < 0.3:
                start, stop = rng.randint(-100, 100), rng.randint(-100, 100)
                first, end = lists.window(len(mine), start, stop)
                model[key] = deque(list(mine)[first:end] if first < end else [])
                lists.trim(txn, key, start, stop)
            case 7 if mine:
                m = lists.find(txn, key)
                assert m is not None
                at = rng.randrange(len(mine))
                mine[at] = value
                assert lists.replace(txn, m, at, value)
        if rng.random() < 0.1:
            txn.rollback()
            model = before
        for each, values_ in model.items():
            assert contents(txn, each) == list(values_)
    txn.commit()
    assert invariants.lists(txn.store) + invariants.orphans(txn.store) == []


def test_a_dead_list_gives_its_place_to_a_new_one(txn: Transaction) -> None:
    lists.push(txn, b"k", [b"old"] * 100, left=False)
    m = lists.find(txn, b"k")
    assert m is not None
    keyspace.set_expiry(txn, m, NOW_MS + 1)
    txn.begin(NOW_MS + 10)
    assert lists.push(txn, b"k", [b"x"], left=True, create=False) == 0
    assert lists.pop(txn, b"k", 1, left=True) is None
    assert lists.push(txn, b"k", [b"new"], left=True) == 1
    assert contents(txn, b"k") == [b"new"]
    txn.commit()
    assert invariants.lists(txn.store) + invariants.orphans(txn.store) == []


def test_other_types_are_refused(txn: Transaction) -> None:
    txn.set_string(b"s", b"x")
    lists.push(txn, b"k", [b"1"], left=True)
    for call in (
        lambda: lists.find(txn, b"s"),
        lambda: lists.push(txn, b"s", [b"1"], left=True),
        lambda: lists.pop(txn, b"s", 1, left=True),
        lambda: lists.move(txn, b"k", b"s", from_left=True, to_left=True),
    ):
        with pytest.raises(WrongTypeError):
            call()


def test_a_missing_row_is_noticed(txn: Transaction) -> None:
    lists.push(txn, b"k", [b"1", b"2", b"3"], left=False)
    m = lists.find(txn, b"k")
    assert m is not None
    txn.delete(CF_DEFAULT, lists.row_key(txn, m, lists.bounds(m).head + 1))
    with pytest.raises(CorruptionError):
        list(lists.elements(txn, m, 0, 3))
