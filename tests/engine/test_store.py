"""Opening, marking and refusing databases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from slotrocks.engine import CF_METADATA, CF_PROPAGATE, COLUMN_FAMILIES, Store, StoreError, Transaction
from slotrocks.engine.store import FORMAT_KEY


def test_families_have_kvrocks_ids(tmp_path: Path) -> None:
    Store(tmp_path, slot_encoded=False).close()
    assert Rdict.list_cf(str(tmp_path)) == list(COLUMN_FAMILIES)
    store = Store(tmp_path, slot_encoded=False)
    for cf, family in enumerate(store.families):
        family.put(b"which", COLUMN_FAMILIES[cf].encode())
    store.close()
    store = Store(tmp_path, slot_encoded=False)
    assert [family.get(b"which").decode() for family in store.families] == list(COLUMN_FAMILIES)
    store.close()


@pytest.mark.parametrize("slot_encoded", [False, True])
def test_the_mode_is_recorded(tmp_path: Path, slot_encoded: bool) -> None:
    store = Store(tmp_path, slot_encoded=slot_encoded)
    row = store.families[CF_PROPAGATE].get(FORMAT_KEY)
    assert json.loads(row) == {"version": 1, "cluster-enabled": slot_encoded}
    store.close()
    with pytest.raises(StoreError, match=r"cannot be opened with (yes|no)$"):
        Store(tmp_path, slot_encoded=not slot_encoded)
    Store(tmp_path, slot_encoded=slot_encoded).close()


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, slot_encoded=False)
    store.families[CF_PROPAGATE].put(FORMAT_KEY, b'{"version": 2, "cluster-enabled": false}')
    store.close()
    with pytest.raises(StoreError, match="has format version 2, this is version 1"):
        Store(tmp_path, slot_encoded=False)


def test_foreign_families_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, slot_encoded=False)
    store.close()
    db = Rdict(str(tmp_path), Options(raw_mode=True), {name: Options(raw_mode=True) for name in COLUMN_FAMILIES[1:]})
    family = db.create_column_family("theirs", Options(raw_mode=True))
    family.close()
    db.close()
    with pytest.raises(StoreError, match="not ours: theirs"):
        Store(tmp_path, slot_encoded=False)


OPEN_IT = """
import sys
from slotrocks.engine import Store, StoreError
try:
    Store(sys.argv[1], slot_encoded=False)
except StoreError as error:
    sys.exit(str(error))
"""


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, slot_encoded=False)
    second = subprocess.run([sys.executable, "-c", OPEN_IT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "cannot open the database" in second.stderr and "lock" in second.stderr
    store.close()
    assert subprocess.run([sys.executable, "-c", OPEN_IT, str(tmp_path)], check=False).returncode == 0


@pytest.mark.parametrize("damage", ["CURRENT", "MANIFEST"])
def test_a_damaged_database_is_refused(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path, slot_encoded=False)
    store.close()
    next(tmp_path.glob(f"{damage}*")).write_bytes(b"garbage")
    with pytest.raises(StoreError, match="cannot open the database"):
        Store(tmp_path, slot_encoded=False)


def test_a_damaged_table_file_is_an_error_not_a_wrong_answer(tmp_path: Path) -> None:
    store = Store(tmp_path, slot_encoded=False)
    for i in range(2000):
        store.families[CF_METADATA].put(b"\x0b__namespace%05d" % i, b"\x81" + bytes(8) + b"v" * 50)
    store.close()
    table = max(tmp_path.glob("*.sst"), key=lambda path: path.stat().st_size)
    data = bytearray(table.read_bytes())
    data[100:200] = bytes(100)
    table.write_bytes(data)
    with pytest.raises(Exception, match=r"orruption|checksum"):
        store = Store(tmp_path, slot_encoded=False)
        txn = Transaction(store)
        for i in range(2000):
            assert txn.string(b"%05d" % i) == b"v" * 50


def test_writes_survive_a_kill(tmp_path: Path) -> None:
    write = (
        "import os, sys; from slotrocks.engine import Store, Transaction, Metadata, TYPE_STRING;"
        "store = Store(sys.argv[1], slot_encoded=False); txn = Transaction(store); txn.begin(1);"
        "txn.store_metadata(b'k', Metadata(TYPE_STRING, payload=b'v'), None); txn.commit(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", write, str(tmp_path)], check=False).returncode == -9
    store = Store(tmp_path, slot_encoded=False)
    assert Transaction(store).string(b"k") == b"v"
    store.close()
