"""What the Cython parts of the engine do, in plain Python: the yardstick of the micro benchmarks, and an oracle for
them.

A twin is what a good Python programmer would write who may use the standard library, and no more complete than the
benchmark needs. Formats: engine/slots.pxi, keys.pxi, resp.pxi, request.pxi, batch.pxi, wal.pxi.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PREFIX = b"\x0b__namespace"
Row = tuple[int, int, bytes, bytes]


# -- keys


def slot_of(key: bytes) -> int:
    """The hash slot of a key."""
    opening = key.find(b"{")
    if opening >= 0:
        closing = key.find(b"}", opening + 1)
        if closing > opening + 1:
            key = key[opening + 1 : closing]
    return crc_hqx(key, 0) & 0x3FFF


def metadata_key(key: bytes) -> bytes:
    """The key of a metadata row in a slot-encoded database."""
    return PREFIX + slot_of(key).to_bytes(2, "big") + key


def subkey(key: bytes, version: int, sub: bytes) -> bytes:
    """The key of an element's row in a slot-encoded database."""
    return b"".join((PREFIX, struct.pack(">HI", slot_of(key), len(key)), key, version.to_bytes(8, "big"), sub))


# -- the protocol


def encode_reply(value: Any, out: bytearray) -> None:
    """Appends a reply in RESP2; str stands for a simple string."""
    if isinstance(value, bytes):
        out += b"$%d\r\n%b\r\n" % (len(value), value)
    elif isinstance(value, int):
        out += b":%d\r\n" % value
    elif value is None:
        out += b"$-1\r\n"
    elif isinstance(value, str):
        out += b"+%b\r\n" % value.encode()
    else:
        out += b"*%d\r\n" % len(value)
        for item in value:
            encode_reply(item, out)


def parse_requests(data: bytes) -> list[list[bytes]]:
    """The commands of a chunk that holds whole ones only, with the checks of a server."""
    commands = []
    at = 0
    while at < len(data):
        if data[at] != 0x2A:
            raise ValueError("not a command")
        end = data.index(b"\r\n", at)
        count = int(data[at + 1 : end])
        at = end + 2
        words = []
        for _ in range(count):
            if data[at] != 0x24:
                raise ValueError("not a bulk string")
            end = data.index(b"\r\n", at)
            size = int(data[at + 1 : end])
            if not 0 <= size <= 512 << 20:
                raise ValueError("too long")
            at = end + 2 + size + 2
            words.append(data[end + 2 : at - 2])
        commands.append(words)
    return commands


# -- write batches


def encode_varint(number: int) -> bytes:
    """A number in groups of 7 bits, the lowest first."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode_batches(rows: Iterable[tuple[bytes, bytes]], cf: int, bytes_max: int) -> Iterator[bytes]:
    """Rows as write batches of puts into a column family other than default, of about `bytes_max` bytes each."""
    head = b"\x05" + encode_varint(cf)
    out = bytearray(12)
    count = 0
    for key, value in rows:
        out += b"".join((head, encode_varint(len(key)), key, encode_varint(len(value)), value))
        count += 1
        if len(out) >= bytes_max:
            struct.pack_into("<QI", out, 0, 0, count)
            yield bytes(out)
            out = bytearray(12)
            count = 0
    if count:
        struct.pack_into("<QI", out, 0, 0, count)
        yield bytes(out)


def decode_varint(data: bytes, at: int) -> tuple[int, int]:
    """(number, where it ends)."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def decode_puts(batch: bytes) -> Iterator[Row]:
    """The rows (0, column family, key, value) of a write batch that has nothing but puts."""
    (count,) = struct.unpack_from("<I", batch, 8)
    at = 12
    for _ in range(count):
        tag, cf = batch[at], 0
        at += 1
        if tag == 0x05:
            cf, at = decode_varint(batch, at)
        elif tag != 0x01:
            raise ValueError(f"not a put: {tag:#x}")
        size, at = decode_varint(batch, at)
        key = batch[at : at + size]
        size, at = decode_varint(batch, at + size)
        yield 0, cf, key, batch[at : at + size]
        at += size


# -- the log


def _crc32c_table() -> list[int]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ 0x82F63B78 if crc & 1 else crc >> 1
        table.append(crc)
    return table


_CRC32C = _crc32c_table()


def masked_crc32c(data: bytes) -> int:
    """The checksum of a log record."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def log_records(data: bytes) -> Iterator[bytes]:
    """The records of a log file, their checksums verified."""
    at = 0
    parts: list[bytes] = []
    while at + 7 <= len(data):
        rest = -at % 32768 or 32768
        if rest < 7:
            at += rest
            continue
        checksum, size, kind = struct.unpack_from("<IHB", data, at)
        if kind == 0 and size == 0:
            break
        body = data[at + 7 : at + 7 + size]
        if masked_crc32c(data[at + 6 : at + 7 + size]) != checksum:
            raise ValueError("damaged log")
        at += 7 + size
        parts.append(body)
        if kind in (1, 4):  # full, last
            yield b"".join(parts)
            parts = []


def log_rows(files: Iterable[Path]) -> list[Row]:
    """The rows of slots in log files (ascending), of column families default, metadata, zset_score and stream."""
    return [
        row
        for file in files
        for record in log_records(file.read_bytes())
        for row in decode_puts(record)
        if row[1] in (0, 1, 2, 5) and row[2].startswith(PREFIX) and len(row[2]) >= 14
    ]
