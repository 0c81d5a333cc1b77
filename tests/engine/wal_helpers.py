"""Writes log files as RocksDB's ``db/log_writer.cc`` does, in plain Python: the oracle of the reader's tests."""

import struct
from pathlib import Path

from slotrocks.engine import BatchBuilder, crc32c

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
Row = tuple[int, bytes, bytes]


def physical(kind: int, payload: bytes, log_number: int | None = None) -> bytes:
    """One physical record; with a log number in the header when it is given."""
    covered = bytes([kind]) + (b"" if log_number is None else struct.pack("<I", log_number)) + payload
    crc = crc32c(covered)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.pack("<IH", masked, len(payload)) + covered


def log_bytes(records: list[bytes], log_number: int | None = None, start: int = 0) -> bytes:
    """The file that holds `records`, from offset `start` on; recyclable types when a log number is given."""
    header, shift = (7, 0) if log_number is None else (11, 4)
    out = bytearray()
    for record in records:
        rest, kind_first = record, True
        while True:
            left = BLOCK - (start + len(out)) % BLOCK
            if left < header:
                out += bytes(left)
                left = BLOCK
            part, rest = rest[: left - header], rest[left - header :]
            kind = (FULL if not rest else FIRST) if kind_first else (LAST if not rest else MIDDLE)
            out += physical(kind + shift, part, log_number)
            kind_first = False
            if not rest:
                break
    return bytes(out)


def batch(sequence: int, *rows: Row) -> bytes:
    """A batch of puts (column family, key, value), as it stands in the log."""
    builder = BatchBuilder()
    for cf, key, value in rows:
        builder.put(cf, key, value)
    return struct.pack("<Q", sequence) + builder.take()[8:]


def key_of(slot: int, name: bytes) -> bytes:
    """A storage key in `slot`."""
    return b"\x0b__namespace" + struct.pack(">H", slot) + name


def numbered(sequence: int, count: int = 1, slot: int = 7, size: int = 10) -> bytes:
    """A batch of `count` metadata rows whose values tell their sequence numbers."""
    return batch(
        sequence, *[(1, key_of(slot, b"k%d" % n), b"%d" % n + bytes(size)) for n in range(sequence, sequence + count)]
    )


def write_log(folder: Path, number: int, records: list[bytes]) -> Path:
    """Creates log file `number` of the database in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:06d}.log"
    path.write_bytes(log_bytes(records))
    return path
