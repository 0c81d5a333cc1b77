"""What a real Kvrocks wrote and sent about slots: see tests/golden/README.md."""

from __future__ import annotations

import json

import golden_files
from clusters import Rows
from slotrocks.engine import COLUMN_FAMILIES, KeyCodec

SLOT = 15891  # of {t}, with keys of every type
OTHER_SLOT = 7761  # of {v}, with the same keys


def session(kind: str) -> list[list[bytes]]:
    """The requests of Kvrocks as the source of a migration."""
    lines = (golden_files.FOLDER / f"session.{kind}.jsonl").read_text().splitlines()
    return [[golden_files.word(word) for word in json.loads(line)] for line in lines]


def rows(slot: int) -> Rows:
    """The rows of a slot in Kvrocks's database."""
    begin, end = KeyCodec(True).slot_range(slot, slot)
    return {
        (COLUMN_FAMILIES.index(cf), key): value for cf, key, value in golden_files.rows("cluster") if begin <= key < end
    }
