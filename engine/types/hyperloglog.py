"""HyperLogLog: about how many different elements were added, from 16384 registers of 6 bits.

Stored as Kvrocks does: sixteen rows of 1024 registers each, a row that has only zeros may be absent. To string commands
such a key is the string that Redis would have in its place (its dense encoding), and a string in either of Redis's
encodings, as SET or a restored dump may have put there, is read as what it stands for; the first PFADD that changes it
makes it a key of this type. Redis's encodings:

    "HYLL" | u8 0 dense, 1 sparse | 3 x 0 | u64 little-endian: cached estimate, top bit set if it is stale | registers

    dense : 12288 bytes, packed as engine/hyperloglog.pxi says
    sparse: 00nnnnnn            n + 1 registers are 0
            01nnnnnn nnnnnnnn   n + 1 registers are 0
            1vvvvvnn            n + 1 registers are v + 1

The estimate is Redis's (Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017), to the digit.
"""

from __future__ import annotations

import math

from slotrocks.engine._engine import (
    CF_DEFAULT,
    HLL_REGISTER_BYTES,
    HLL_REGISTERS,
    TYPE_BITMAP,
    TYPE_HYPERLOGLOG,
    TYPE_STRING,
    CorruptionError,
    Metadata,
    Transaction,
    WrongTypeError,
    hll_histogram,
    hll_merge,
    hll_pack,
    hll_place,
    hll_raise,
)
from slotrocks.engine.layout import HLL_SEGMENT_BYTES, HLL_SEGMENTS

MAGIC = b"HYLL"
HEADER_BYTES = 16
DENSE_HEADER = MAGIC + bytes(11) + b"\x80"
DENSE_BYTES = HEADER_BYTES + HLL_REGISTER_BYTES
ENCODING_DENSE = b"\0"  # the only one that Kvrocks has; the key's own metadata field

_NO_REGISTERS = bytes(HLL_REGISTER_BYTES)
_NO_SEGMENT = bytes(HLL_SEGMENT_BYTES)
_SEGMENT_REGISTERS = HLL_REGISTERS // HLL_SEGMENTS
_HASH_BITS = 50
_ALPHA = 0.721347520444481703680


class NotHyperLogLogError(Exception):
    """A string that does not look like a HyperLogLog."""


class BrokenHyperLogLogError(Exception):
    """A string that looks like a HyperLogLog, but its registers cannot be decoded."""


# -- Redis's strings


def encode_string(registers: bytes) -> bytes:
    """Redis's dense encoding of packed registers."""
    return DENSE_HEADER + registers


def is_sparse(text: bytes) -> bool:
    """Whether a string that has passed decode_string() is in the sparse encoding."""
    return text[4] == 1


def decode_string(text: bytes) -> bytes:
    """The packed registers in a string of either encoding. Raises NotHyperLogLogError, BrokenHyperLogLogError."""
    if len(text) < HEADER_BYTES or not text.startswith(MAGIC) or text[4] > 1:
        raise NotHyperLogLogError
    if not is_sparse(text):
        if len(text) != DENSE_BYTES:
            raise NotHyperLogLogError
        return text[HEADER_BYTES:]
    values = bytearray()
    i = HEADER_BYTES
    while i < len(text) and len(values) <= HLL_REGISTERS:
        code = text[i]
        if code & 0x80:
            values += bytes(((code >> 2 & 0x1F) + 1,)) * ((code & 3) + 1)
        elif code & 0x40:
            i += 1
            if i == len(text):
                raise BrokenHyperLogLogError
            values += bytes((code & 0x3F) << 8 | text[i]) + b"\0"
        else:
            values += bytes(code + 1)
        i += 1
    if len(values) != HLL_REGISTERS:
        raise BrokenHyperLogLogError
    return hll_pack(bytes(values))


def describe_sparse(text: bytes) -> bytes:
    """The codes of the sparse encoding as PFDEBUG DECODE shows them: z for zeros, Z for many of them, v for values."""
    words = []
    i = HEADER_BYTES
    while i < len(text):
        code = text[i]
        if code & 0x80:
            words.append(b"v:%d,%d" % ((code >> 2 & 0x1F) + 1, (code & 3) + 1))
        elif code & 0x40:
            i += 1
            words.append(b"Z:%d" % (((code & 0x3F) << 8 | text[i]) + 1))
        else:
            words.append(b"z:%d" % (code + 1))
        i += 1
    return b" ".join(words)


# -- keys


def row_keys(txn: Transaction, m: Metadata) -> list[bytes]:
    """The storage keys of all segments."""
    return [txn.codec.subkey(m.key, m.version, b"%d" % i) for i in range(HLL_SEGMENTS)]


def segments(txn: Transaction, m: Metadata) -> list[bytes]:
    """The segments of a key of this type, absent ones as zeros."""
    rows = [row or _NO_SEGMENT for row in txn.get_many(CF_DEFAULT, row_keys(txn, m))]
    if any(len(row) != HLL_SEGMENT_BYTES for row in rows):
        raise CorruptionError(f"a row of HyperLogLog {m.key!r} is not of {HLL_SEGMENT_BYTES} bytes")
    return rows


def registers_of(txn: Transaction, m: Metadata) -> bytes:
    """The packed registers of a living key: of this type, or a string that stands for one. Raises WrongTypeError,
    NotHyperLogLogError, BrokenHyperLogLogError."""
    if m.type == TYPE_HYPERLOGLOG:
        return b"".join(segments(txn, m))
    if m.type == TYPE_STRING:
        return decode_string(m.payload)
    raise NotHyperLogLogError if m.type == TYPE_BITMAP else WrongTypeError


def store(txn: Transaction, key: bytes, registers: bytes, *, expire_ms: int = 0) -> None:
    """Makes the key a HyperLogLog with these packed registers, whatever it held."""
    m = Metadata(
        TYPE_HYPERLOGLOG, expire_ms=expire_ms, version=txn.new_version(), payload=ENCODING_DENSE, key=key
    )  # fmt: skip
    txn.store_metadata(key, m, txn.lookup_any(key))
    for i, row_key in enumerate(row_keys(txn, m)):
        row = registers[i * HLL_SEGMENT_BYTES : (i + 1) * HLL_SEGMENT_BYTES]
        if row != _NO_SEGMENT:
            txn.put(CF_DEFAULT, row_key, row)


def add(txn: Transaction, key: bytes, elements: list[bytes]) -> bool:
    """PFADD. Whether a register was raised, or the key made. Raises as registers_of() does."""
    found = txn.lookup(key)
    places = [hll_place(element) for element in elements]
    if found is None or found.type != TYPE_HYPERLOGLOG:
        before = _NO_REGISTERS if found is None else registers_of(txn, found)
        after = hll_raise(before, places)
        if found is not None and after is before:
            return False
        store(txn, key, after, expire_ms=0 if found is None else found.expire_ms)
        return True
    by_segment: dict[int, list[tuple[int, int]]] = {}
    for register, value in places:
        by_segment.setdefault(register // _SEGMENT_REGISTERS, []).append((register % _SEGMENT_REGISTERS, value))
    row_keys_ = [txn.codec.subkey(key, found.version, b"%d" % i) for i in by_segment]
    changed = False
    for row_key, row, raised in zip(row_keys_, txn.get_many(CF_DEFAULT, row_keys_), by_segment.values(), strict=True):
        before = row or _NO_SEGMENT
        after = hll_raise(before, raised)
        if after is not before:
            txn.put(CF_DEFAULT, row_key, after)
            changed = True
    if changed:
        txn.touch(key)
    return changed


def union(txn: Transaction, keys: list[bytes]) -> bytes:
    """The packed registers of several keys together; absent keys have none. Raises as registers_of() does."""
    merged = None
    for key in keys:
        found = txn.lookup(key)
        if found is not None:
            registers = registers_of(txn, found)
            merged = registers if merged is None else hll_merge(merged, registers)
    return merged or _NO_REGISTERS


def merge(txn: Transaction, key: bytes, sources: list[bytes]) -> None:
    """PFMERGE: adds what is in the sources to the key, which keeps its expiry. Raises as registers_of() does."""
    merged = union(txn, [key, *sources])
    found = txn.lookup(key)
    if found is None or found.type != TYPE_HYPERLOGLOG:
        store(txn, key, merged, expire_ms=0 if found is None else found.expire_ms)
        return
    for i, (row_key, before) in enumerate(zip(row_keys(txn, found), segments(txn, found), strict=True)):
        after = merged[i * HLL_SEGMENT_BYTES : (i + 1) * HLL_SEGMENT_BYTES]
        if after != before:
            txn.put(CF_DEFAULT, row_key, after)
    txn.touch(key)


# -- the estimate


def estimate(registers: bytes) -> int:
    """About how many different elements packed registers have seen."""
    counts = hll_histogram(registers)
    z = HLL_REGISTERS * tau((HLL_REGISTERS - counts[_HASH_BITS + 1]) / HLL_REGISTERS)
    for value in range(_HASH_BITS, 0, -1):
        z = (z + counts[value]) * 0.5
    z += HLL_REGISTERS * sigma(counts[0] / HLL_REGISTERS)
    return math.floor(_ALPHA * HLL_REGISTERS * HLL_REGISTERS / z + 0.5)


def tau(x: float) -> float:
    """What the registers that could not be raised further contribute; `x` is the share of the others."""
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
        if z == before:
            return z / 3


def sigma(x: float) -> float:
    """What the registers that are 0 contribute; `x` is their share."""
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z
