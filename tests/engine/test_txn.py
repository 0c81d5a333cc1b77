"""The transaction against a dict: whatever is pending, committed or rolled back, reads and scans see one truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    CF_STREAM,
    CF_ZSET_SCORE,
    EXPIRY_PREFIX,
    TYPE_HASH,
    TYPE_STREAM,
    TYPE_STRING,
    TYPE_ZSET,
    Metadata,
    Store,
    StoreOptions,
    Transaction,
    WrongTypeError,
    decode_expiry_key,
    encode_expiry_key,
    prefix_end,
)

NOW_MS = 1_700_000_000_000


@pytest.fixture(scope="module", params=[0, 1500, 32 << 20], ids=["no cache", "tiny cache", "cache"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    options = StoreOptions(row_cache_bytes=request.param)
    store = Store(tmp_path_factory.mktemp("db"), slot_encoded=False, options=options)
    yield store
    store.close()


@pytest.fixture
def txn(store: Store) -> Transaction:
    """A transaction on an empty database."""
    txn = Transaction(store)
    for cf in (CF_DEFAULT, CF_METADATA, CF_ZSET_SCORE, CF_STREAM):
        txn.delete_range(cf, b"", b"\xff" * 20)
    txn.delete_range(CF_PROPAGATE, EXPIRY_PREFIX, prefix_end(EXPIRY_PREFIX))
    txn.commit()
    txn.begin(NOW_MS)
    return txn


def rows(txn: Transaction, cf: int, begin: bytes = b"", end: bytes = b"\xff" * 20, reverse: bool = False) -> list[Any]:
    return list(txn.scan(cf, begin, end, reverse))


# ---- rows, against a model

KEYS = st.binary(max_size=2).map(lambda key: b"k" + bytes(byte % 4 for byte in key))
OPERATIONS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("delete_range"), KEYS, KEYS),
    st.tuples(st.sampled_from(("begin", "rollback", "commit"))),
    st.tuples(st.just("scan"), KEYS, KEYS, st.booleans()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(OPERATIONS, max_size=40))
def test_reads_see_what_a_dict_would_hold(store: Store, operations: list[tuple[Any, ...]]) -> None:
    txn = Transaction(store)
    txn.delete_range(CF_DEFAULT, b"", b"\xff")
    txn.commit()
    txn.begin(NOW_MS)
    model: dict[bytes, bytes] = {}
    savepoint: dict[bytes, bytes] = {}
    for name, *args in operations:
        if name == "put":
            txn.put(CF_DEFAULT, *args)
            model[args[0]] = args[1]
        elif name == "delete":
            txn.delete(CF_DEFAULT, *args)
            model.pop(args[0], None)
        elif name == "delete_range":
            begin, end = sorted(args)
            txn.delete_range(CF_DEFAULT, begin, end)
            model = {key: value for key, value in model.items() if not begin <= key < end}
        elif name == "begin":
            txn.begin(NOW_MS)
            savepoint = dict(model)
        elif name == "rollback":
            txn.rollback()
            model = dict(savepoint)
        elif name == "commit":
            assert txn.commit() or not txn.dirty
            savepoint = dict(model)
            assert rows(Transaction(store), CF_DEFAULT) == sorted(model.items())
        else:
            begin, end, reverse = *sorted(args[:2]), args[2]
            wanted = sorted(((k, v) for k, v in model.items() if begin <= k < end), reverse=reverse)
            assert rows(txn, CF_DEFAULT, begin, end, reverse) == wanted
    assert rows(txn, CF_DEFAULT) == sorted(model.items())
    assert rows(txn, CF_DEFAULT, reverse=True) == sorted(model.items(), reverse=True)
    keys = [b"k" + bytes((i, j)) for i in range(4) for j in range(4)]
    assert [txn.get(CF_DEFAULT, key) for key in keys] == [model.get(key) for key in keys]
    assert txn.get_many(CF_DEFAULT, keys) == [model.get(key) for key in keys]


def test_commit_is_one_write(txn: Transaction, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[Any] = []
    write = txn.store.write
    monkeypatch.setattr(txn.store, "write", lambda batch: (batches.append(len(batch)), write(batch)))
    for i in range(100):
        txn.begin(NOW_MS)
        txn.put(CF_DEFAULT, b"%d" % i, b"")
        txn.put(CF_METADATA, b"%d" % i, b"")
    txn.delete_range(CF_STREAM, b"a", b"b")
    assert txn.commit()
    assert not txn.commit()
    assert batches == [201]


def test_a_refused_commit_leaves_nothing(txn: Transaction, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(batch: object) -> None:
        raise OSError("disk full")

    txn.put(CF_DEFAULT, b"a", b"1")
    with monkeypatch.context() as patch:
        patch.setattr(txn.store, "write", refuse)
        with pytest.raises(OSError, match="disk full"):
            txn.commit()
    assert not txn.dirty
    assert txn.get(CF_DEFAULT, b"a") is None
    txn.put(CF_DEFAULT, b"b", b"2")
    txn.commit()
    assert rows(txn, CF_DEFAULT) == [(b"b", b"2")]


def test_a_scan_shows_the_moment_it_began(txn: Transaction) -> None:
    txn.put(CF_DEFAULT, b"a", b"1")
    txn.commit()
    scan = txn.scan(CF_DEFAULT, b"", b"z")
    other = Transaction(txn.store)
    other.put(CF_DEFAULT, b"b", b"2")
    other.commit()
    assert list(scan) == [(b"a", b"1")]


# ---- keys


@pytest.fixture(params=[False, True], ids=["pending", "committed"])
def step(request: pytest.FixtureRequest, txn: Transaction) -> Any:
    """Between two commands: the tick may end or not."""

    def next_command(now_ms: int = NOW_MS) -> None:
        if request.param:
            txn.commit()
        txn.begin(now_ms)

    return next_command


def put_collection(txn: Transaction, key: bytes, type_id: int, elements: int, expire_ms: int = 0) -> Metadata:
    m = Metadata(type_id, version=txn.new_version(), size=elements, expire_ms=expire_ms)
    txn.store_metadata(key, m, txn.lookup_any(key))
    for i in range(elements):
        for cf in {TYPE_ZSET: (CF_DEFAULT, CF_ZSET_SCORE), TYPE_STREAM: (CF_STREAM,)}.get(type_id, (CF_DEFAULT,)):
            txn.put(cf, txn.codec.subkey(key, m.version, b"%d" % i), b"x")
    return m


@pytest.mark.parametrize("type_id", [TYPE_HASH, TYPE_ZSET, TYPE_STREAM])
@pytest.mark.parametrize("elements", [1, 64, 65, 1000])
@pytest.mark.parametrize("how", ["remove", "overwrite"])
def test_no_row_is_left_of_a_deleted_collection(
    txn: Transaction, step: Any, type_id: int, elements: int, how: str
) -> None:
    put_collection(txn, b"neighbour", TYPE_ZSET, 3)
    step()
    before = {cf: rows(txn, cf) for cf in range(7) if cf != CF_PROPAGATE}
    put_collection(txn, b"key", type_id, elements, NOW_MS + 5)
    step()
    old = txn.lookup_any(b"key")
    assert old is not None
    if how == "remove":
        txn.remove(old)
    else:
        txn.store_metadata(b"key", Metadata(TYPE_STRING, payload=b"v"), old)
    step()
    if how == "overwrite":
        assert txn.string(b"key") == b"v"
        txn.delete(CF_METADATA, txn.codec.metadata_key(b"key"))
    step()
    assert {cf: rows(txn, cf) for cf in range(7) if cf != CF_PROPAGATE} == before
    assert rows(txn, CF_PROPAGATE, EXPIRY_PREFIX, prefix_end(EXPIRY_PREFIX)) == []


def test_the_expiry_index_follows_the_key(txn: Transaction, step: Any) -> None:
    def index() -> list[tuple[int, bytes]]:
        hints = rows(txn, CF_PROPAGATE, EXPIRY_PREFIX, prefix_end(EXPIRY_PREFIX))
        return [(ms, txn.codec.user_key(key)) for ms, key in (decode_expiry_key(hint) for hint, _ in hints)]

    def store(expire_ms: int) -> None:
        txn.store_metadata(b"k", Metadata(TYPE_STRING, expire_ms=expire_ms), txn.lookup_any(b"k"))
        step()

    store(500)
    assert index() == [(500, b"k")]
    store(500)
    assert index() == [(500, b"k")]
    store(70_000)
    assert index() == [(70_000, b"k")]
    store(0)
    assert index() == []
    store(9)
    txn.put(CF_PROPAGATE, encode_expiry_key(9, txn.codec.metadata_key(b"k")), b"")
    old = txn.lookup_any(b"k")
    assert old is not None
    txn.remove(old)
    assert index() == []


def test_expiry_index_keys() -> None:
    assert decode_expiry_key(encode_expiry_key(2**63, b"\x0bkey")) == (2**63, b"\x0bkey")
    assert encode_expiry_key(255, b"") < encode_expiry_key(256, b"")
    for bad in (b"", EXPIRY_PREFIX + b"1234567", b"slotrocks.format"):
        with pytest.raises(ValueError, match="not a row"):
            decode_expiry_key(bad)


def test_dead_keys_are_absent_but_not_gone(txn: Transaction, step: Any) -> None:
    txn.store_metadata(b"s", Metadata(TYPE_STRING, expire_ms=NOW_MS, payload=b"v"), None)
    put_collection(txn, b"h", TYPE_HASH, 0)
    step(NOW_MS)
    assert txn.string(b"s") == b"v", "a key lives through the millisecond of its expiry"
    assert txn.lookup(b"h") is None and txn.string(b"h") is None
    step(NOW_MS + 1)
    assert txn.string(b"s") is None and txn.lookup(b"s") is None
    assert txn.lookup_any(b"s") is not None


def test_string_of_another_type(txn: Transaction, step: Any) -> None:
    put_collection(txn, b"h", TYPE_HASH, 1)
    step()
    with pytest.raises(WrongTypeError):
        txn.string(b"h")


def test_rollback_forgets_what_was_touched(txn: Transaction) -> None:
    txn.store_metadata(b"k", Metadata(TYPE_STRING), None)
    txn.touch(b"l")
    assert txn.touched == [b"k", b"l"]
    txn.rollback()
    assert txn.touched == [] and not txn.dirty


def test_versions_grow(txn: Transaction) -> None:
    first = txn.new_version()
    assert first == (NOW_MS * 1000) << 11
    assert txn.new_version() == first + 1
    txn.begin(NOW_MS - 1000)
    assert txn.new_version() == first + 2, "also when the clock goes back"
    txn.begin(NOW_MS + 1)
    assert txn.new_version() == ((NOW_MS + 1) * 1000) << 11


def test_rows_written_by_another_way_are_seen_once_told(txn: Transaction, store: Store) -> None:
    txn.put(CF_METADATA, b"key", b"old")
    txn.commit()
    assert txn.get(CF_METADATA, b"key") == b"old"
    batch = store.new_batch()
    batch.put(b"key", b"new", store.handles[CF_METADATA])
    store.write(batch)
    txn.forget_cached()
    assert txn.get(CF_METADATA, b"key") == b"new"
    assert txn.get_many(CF_METADATA, [b"key", b"none"]) == [b"new", None]


def test_many_more_rows_than_the_cache_holds(txn: Transaction) -> None:
    for round_ in range(3):
        for i in range(400):
            txn.put(CF_METADATA, b"%d" % i, b"%d" % (i + round_) * (i % 50))
        txn.commit()
        keys = [b"%d" % i for i in range(400)]
        assert txn.get_many(CF_METADATA, keys) == [b"%d" % (i + round_) * (i % 50) for i in range(400)]
        assert [txn.get(CF_METADATA, key) for key in keys[::7]] == [
            b"%d" % (i + round_) * (i % 50) for i in range(0, 400, 7)
        ]


def test_large_rows_come_from_the_database(txn: Transaction) -> None:
    for value in (b"small", b"x" * 100_000, b"small again"):
        txn.put(CF_METADATA, b"key", value)
        txn.commit()
        assert txn.get(CF_METADATA, b"key") == value


# ---- a scan shows the moment at which it began


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("pending", [False, True])
@pytest.mark.parametrize("taken", [0, 3])
def test_a_scan_does_not_see_what_is_written_after_it_began(
    txn: Transaction, reverse: bool, pending: bool, taken: int
) -> None:
    expected = [(b"k%d" % i, b"old") for i in range(8)]
    for storage_key, value in expected:
        txn.put(CF_DEFAULT, storage_key, value)
    txn.commit()
    if pending:
        txn.put(CF_DEFAULT, b"k4", b"pending")
        txn.delete_range(CF_DEFAULT, b"k6", b"k7")
        expected[4] = (b"k4", b"pending")
        del expected[6]
    scan = iter(txn.scan(CF_DEFAULT, b"k", b"l", reverse))
    found = [next(scan) for _ in range(taken)]
    txn.delete_range(CF_DEFAULT, b"k0", b"k4")
    txn.put(CF_DEFAULT, b"k3x", b"new")
    txn.delete(CF_DEFAULT, b"k4")
    txn.commit()
    txn.delete_range(CF_DEFAULT, b"k", b"l")
    found += scan
    assert found == (expected[::-1] if reverse else expected)
