"""Hashes and sets: their rows, and choosing at random. What commands answer: tests/commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

import golden_files as golden
import invariants
from slotrocks.engine import CF_DEFAULT, CF_METADATA, TYPE_HASH, TYPE_SET, KeyCodec, Store, Transaction, decode_metadata
from slotrocks.engine.types import collection, elements, hashes, keyspace, sets

NOW_MS = 1_700_000_000_000


@pytest.fixture(params=[False, True], ids=["pending", "committed"])
def committed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def txn(tmp_path: Path) -> Iterator[Transaction]:
    store = Store(tmp_path, slot_encoded=True)
    txn = Transaction(store)
    txn.begin(NOW_MS)
    yield txn
    store.close()


def rows_without_versions(codec: KeyCodec, rows: Iterator[tuple[str, bytes, bytes]]) -> list[tuple[object, ...]]:
    """Rows of the hashes and sets of slot {t}, comparable: without versions, and without what no key owns."""
    found: list[tuple[object, ...]] = []
    owners = {}
    for family, storage_key, value in sorted(rows, key=lambda row: row[0] != "metadata"):
        if family == "metadata":
            m = decode_metadata(value)
            if m.type in (TYPE_HASH, TYPE_SET) and codec.user_key(storage_key).startswith(b"{t}"):
                owners[codec.user_key(storage_key), m.version] = m
                found.append((storage_key, value[:9], value[17:]))
        elif family == "default":
            key, version, sub = codec.decode_subkey(storage_key)
            if (key, version) in owners:
                found.append((codec.subkey(key, 0, sub), value))
    return sorted(found)


def test_the_rows_are_those_of_kvrocks(txn: Transaction) -> None:
    for (name, key, *args), reply in golden.commands("cluster"):
        if name == b"HSET":
            assert hashes.put_many(txn, key, dict(zip(args[::2], args[1::2], strict=True))) == reply
        elif name == b"HDEL":
            assert hashes.remove(txn, key, args) == reply
        elif name == b"HINCRBY":
            assert hashes.increment(txn, key, args[0], int(args[1])) == reply
        elif name == b"SADD":
            assert sets.add(txn, key, args) == reply
        elif name == b"SREM":
            assert sets.remove(txn, key, args) == reply
        elif name == b"DEL" and reply:
            keyspace.delete(txn, key)
        elif name == b"PEXPIREAT" and (found := txn.lookup(key)) is not None:
            keyspace.set_expiry(txn, found, int(args[0]))
    txn.commit()
    ours = [
        (family, storage_key, value)
        for family, cf in (("metadata", CF_METADATA), ("default", CF_DEFAULT))
        for storage_key, value in txn.store.scan(cf, *txn.codec.namespace_range())
    ]
    theirs = rows_without_versions(txn.codec, golden.rows("cluster"))
    assert rows_without_versions(txn.codec, iter(ours)) == theirs
    assert len(theirs) > 10
    assert invariants.hashes(txn.store) + invariants.sets(txn.store) + invariants.orphans(txn.store) == []


def test_a_kvrocks_folder_is_read(tmp_path: Path) -> None:
    store = Store(golden.unpack_database("cluster", tmp_path), slot_encoded=True)
    txn = Transaction(store)
    txn.begin(NOW_MS)
    h, s = collection.find(txn, b"{t}h", TYPE_HASH), collection.find(txn, b"{t}s", TYPE_SET)
    assert h is not None and s is not None
    assert dict(elements.walk(txn, h)) == {b"": b"emptyfield", b"cnt": b"7", b"f1": b"v1"}
    assert list(elements.subkeys(txn, s)) == [b"", b"m1", b"m3"]
    del h, s, txn
    store.close()


def make_set(txn: Transaction, members: list[bytes], committed: bool) -> None:
    sets.add(txn, b"s", members)
    if committed:
        txn.commit()


@pytest.mark.parametrize("size", [1, 2, 100, elements.ENUMERATED_MAX, elements.ENUMERATED_MAX + 1, 3000])
def test_chosen_elements_are_different_ones_of_the_set(txn: Transaction, size: int, committed: bool) -> None:
    members = [b"member:%d" % i for i in range(size)]
    make_set(txn, members, committed)
    m = collection.find(txn, b"s", TYPE_SET)
    assert m is not None
    rng = Random(1)
    for count in (1, 2, 10, 200, size // 2, size - 1, size, size + 1):
        if count > 0:
            found = [member for member, _ in elements.choose(txn, m, count, rng)]
            assert len(found) == len(set(found)) == min(count, size)
            assert set(found) <= set(members)
            again = [member for member, _ in elements.choose_again(txn, m, count, rng)]
            assert len(again) == count
            assert set(again) <= set(members)


@pytest.mark.parametrize(("size", "enumerated_max"), [(200, elements.ENUMERATED_MAX), (200, 0)])
def test_every_element_is_chosen_about_equally_often(
    txn: Transaction, size: int, enumerated_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elements, "ENUMERATED_MAX", enumerated_max)
    monkeypatch.setattr(elements, "WINDOW_MIN", 8)
    make_set(txn, [sha256(b"%d" % i).digest() for i in range(size)], True)
    m = collection.find(txn, b"s", TYPE_SET)
    assert m is not None
    rng = Random(2)
    for choose in (lambda: elements.choose(txn, m, 1, rng), lambda: elements.choose(txn, m, 5, rng)):
        met: Counter[bytes] = Counter()
        while met.total() < size * 30:
            met.update(member for member, _ in choose())
        assert len(met) == size
        assert max(met.values()) < 30 * 4


def test_places_that_are_all_the_same_do_not_keep_choosing_from_its_end(
    txn: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(txn, [b"%d" % i for i in range(6000)], True)
    m = collection.find(txn, b"s", TYPE_SET)
    assert m is not None
    monkeypatch.setattr(elements, "random_place", lambda *_: b"5")
    assert len({member for member, _ in elements.choose(txn, m, 700, Random(3))}) == 700


def test_popping_until_nothing_is_left(txn: Transaction, committed: bool) -> None:
    members = [b"%d" % i for i in range(700)]
    make_set(txn, members, committed)
    popped = []
    rng = Random(4)
    while found := sets.pop(txn, b"s", rng.choice([1, 1, 7, 50]), rng):
        popped += found
        if committed:
            txn.commit()
    assert sorted(popped) == sorted(members)
    txn.commit()
    assert list(txn.store.scan(CF_DEFAULT, *txn.codec.namespace_range())) == []
    assert list(txn.store.scan(CF_METADATA, *txn.codec.namespace_range())) == []


def test_algebra_against_python(txn: Transaction, committed: bool) -> None:
    rng = Random(5)
    model = {b"%d" % i: {b"%d" % rng.randrange(4000) for _ in range(n)} for i, n in enumerate((1, 10, 300, 3000, 3000))}
    for key, members in model.items():
        sets.add(txn, key, members)
    if committed:
        txn.commit()
    model[b"none"] = set()
    for _ in range(60):
        keys = rng.choices(list(model), k=rng.randint(1, 4))
        found = [collection.find(txn, key, TYPE_SET) for key in keys]
        first, *others = [model[key] for key in keys]
        assert list(sets.intersection(txn, found)) == sorted(first.intersection(*others))
        assert list(sets.union(txn, found)) == sorted(first.union(*others))
        assert list(sets.difference(txn, found)) == sorted(first.difference(*others))
