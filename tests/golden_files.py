"""The files of tests/golden: what a real Kvrocks wrote and answered. See its README."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"


def rows(name: str) -> Iterator[tuple[str, bytes, bytes]]:
    """(column family, key, value) of every row of dump `name` ("plain" or "cluster")."""
    for line in (FOLDER / f"{name}.dump.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row["cf"], bytes.fromhex(row["key"]), bytes.fromhex(row["value"])


def word(text: str) -> bytes:
    """A word of a command: "hex:…" stands for bytes that do not print."""
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def commands(name: str) -> Iterator[tuple[list[bytes], Any]]:
    """(command, reply) as Kvrocks got and answered them."""
    for line in (FOLDER / f"{name}.commands.jsonl").read_text().splitlines():
        entry = json.loads(line)
        yield [word(each) for each in entry["command"]], entry["reply"]


def unpack_database(name: str, folder: Path) -> Path:
    """The database folder, unpacked into `folder`."""
    with tarfile.open(FOLDER / f"{name}.db.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return next(path.parent for path in folder.rglob("CURRENT"))
