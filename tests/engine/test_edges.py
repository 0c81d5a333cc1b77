"""Scans of a sorted set's rows, which begin where the last one found the first row: they must show what is there."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from slotrocks.engine import CF_ZSET_SCORE, Store, Transaction, prefix_end

KEYS = (b"a", b"ab", b"b")


@pytest.mark.parametrize("seed", range(8))
def test_scans_show_what_is_there(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    store = Store(tmp_path / "db", slot_encoded=True)
    txn = Transaction(store)
    txn.begin(1)
    prefixes = [txn.codec.subkey(key, version, b"") for key in KEYS for version in (1, 2)]
    model: dict[bytes, bytes] = {}
    before = dict(model)
    for step in range(1500):
        prefix = rng.choice(prefixes)
        storage_key = prefix + bytes(rng.choices(b"\0\1af\xff", k=rng.randrange(3)))
        action = rng.randrange(12)
        if action < 4:
            txn.put(CF_ZSET_SCORE, storage_key, value := b"%d" % step)
            model[storage_key] = value
        elif action < 6:
            txn.delete(CF_ZSET_SCORE, storage_key)
            model.pop(storage_key, None)
        elif action == 6 and rng.random() < 0.3:
            txn.delete_range(CF_ZSET_SCORE, prefix, storage_key)
            model = {k: v for k, v in model.items() if not prefix <= k < storage_key}
        elif action == 7:
            txn.commit()
            txn.begin(1)
            before = dict(model)
        elif action == 8 and rng.random() < 0.3:
            txn.rollback()
            model = dict(before)
        elif action == 9 and rng.random() < 0.3:
            txn.commit()
            txn.begin(1)
            batch = store.new_batch()
            batch.put(storage_key, b"foreign", store.handles[CF_ZSET_SCORE])
            txn.forget_cached()
            store.write(batch)
            model[storage_key] = b"foreign"
            before = dict(model)
        else:
            reverse = rng.random() < 0.5
            begin = rng.choice((prefix, storage_key))
            end = rng.choice((prefix_end(prefix), prefix_end(prefix), prefix + b"b", prefix_end(prefixes[-1])))
            wanted = sorted(((k, v) for k, v in model.items() if begin <= k < end), reverse=reverse)
            assert list(txn.scan(CF_ZSET_SCORE, begin, end, reverse)) == wanted
            # A queue's consumer: the first of what was found goes.
            for gone, _ in wanted[: rng.randrange(3)]:
                txn.delete(CF_ZSET_SCORE, gone)
                del model[gone]
    txn.commit()
    store.close()


def test_a_failed_commit_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "db", slot_encoded=False)
    txn = Transaction(store)
    begin, end = txn.codec.subkey_range(b"z", 1)
    for sub in (b"1", b"2", b"3"):
        txn.put(CF_ZSET_SCORE, begin + sub, b"")
    txn.commit()
    assert len(list(txn.scan(CF_ZSET_SCORE, begin, end))) == 3
    txn.put(CF_ZSET_SCORE, begin + b"0", b"")

    def fail(batch: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", fail)
        with pytest.raises(OSError):
            txn.commit()
    assert [key[-1:] for key, _ in txn.scan(CF_ZSET_SCORE, begin, end)] == [b"1", b"2", b"3"]
    store.close()
