"""What a real Kvrocks wrote and sent (see tests/golden/README.md)."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from clusters import Rows
from slotrocks.engine import COLUMN_FAMILIES, KeyCodec

FOLDER = Path(__file__).parent.parent / "golden"
SLOT = 15891  # of {t}, with keys of every type
OTHER_SLOT = 7761  # of {v}, with the same keys


def decode(text: str) -> bytes:
    """Strings that are not printable are written as hex:…"""
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def session(kind: str) -> list[list[bytes]]:
    """The requests of Kvrocks as the source of a migration."""
    lines = (FOLDER / f"session.{kind}.jsonl").read_text().splitlines()
    return [[decode(word) for word in json.loads(line)] for line in lines]


def rows(slot: int) -> Rows:
    """The rows of a slot in Kvrocks's database."""
    begin, end = KeyCodec(True).slot_range(slot, slot)
    found = {}
    for line in (FOLDER / "cluster.dump.jsonl").read_text().splitlines():
        row = json.loads(line)
        key = bytes.fromhex(row["key"])
        if begin <= key < end:
            found[COLUMN_FAMILIES.index(row["cf"]), key] = bytes.fromhex(row["value"])
    return found


def unpack_database(directory: Path) -> None:
    """Puts Kvrocks's database where a node with its data in `directory` finds it."""
    with tarfile.open(FOLDER / "cluster.db.tar.gz") as archive:
        archive.extractall(directory, filter="data")
