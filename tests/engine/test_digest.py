"""The digest of a set of rows: SipHash against its authors' vectors and a reference of a few lines, and the digest that
is kept while rows change against one that is made anew from all rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.engine import DIGEST_KEY_BYTES, BatchBuilder, BatchError, RowChanges, RowDigest, siphash128

KEY = bytes(range(16))
# vectors_sip128 of SipHash's reference implementation, by the length of the input 00 01 02 ...
VECTORS = {
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    2: "8177228da4a45dc7fca38bdef60affe4",
    3: "9c70b60c5267a94e5f33b6b02985ed51",
    4: "f88164c12d9c8faf7d0f6e7c7bcd5579",
    5: "1368875980776f8854527a07690e9627",
    6: "14eeca338b208613485ea0308fd7a15e",
    7: "a1f1ebbed8dbc153c0b84aa61ff08239",
    8: "3b62a9ba6258f5610f83e264f31497b4",
    9: "264499060ad9baabc47f8b02bb6d71ed",
    15: "5493e99933b0a8117e08ec0f97cfc3d9",
}
MASK = 2**64 - 1


def reference(key: bytes, data: bytes) -> bytes:
    """SipHash-2-4-128 as its paper and reference say it."""
    k0, k1 = struct.unpack("<2Q", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count: int) -> None:
        def rotate(x: int, bits: int) -> int:
            return (x << bits | x >> (64 - bits)) & MASK

        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    whole = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", whole):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE
    rounds(4)
    low = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(4)
    return struct.pack("<2Q", low, v[0] ^ v[1] ^ v[2] ^ v[3])


@pytest.mark.parametrize("size", VECTORS)
def test_vectors(size: int) -> None:
    assert siphash128(KEY, bytes(range(size))).hex() == reference(KEY, bytes(range(size))).hex() == VECTORS[size]


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_input(key: bytes, data: bytes) -> None:
    assert siphash128(key, data) == reference(key, data)


Rows = dict[tuple[int, bytes], bytes]


def by_definition(rows: Rows) -> bytes:
    total = 0
    for (cf, key), value in rows.items():
        data = struct.pack("<BI", cf, len(key)) + key + value
        total += int.from_bytes(reference(KEY, data), "little")
    return (total % 2**128).to_bytes(16, "little")


def batch_of(operations: list[tuple[str, int, bytes, bytes]]) -> bytes:
    builder = BatchBuilder()
    for what, cf, key, value in operations:
        if what == "put":
            builder.put(cf, key, value)
        elif what == "delete":
            builder.delete(cf, key)
        else:
            builder.delete_range(cf, *sorted((key, value)))
    return builder.take()


def applied(rows: Rows, operations: list[tuple[str, int, bytes, bytes]]) -> Rows:
    rows = dict(rows)
    for what, cf, key, value in operations:
        if what == "put":
            rows[cf, key] = value
        elif what == "delete":
            rows.pop((cf, key), None)
        else:
            begin, end = sorted((key, value))
            rows = {row: each for row, each in rows.items() if row[0] != cf or not begin <= row[1] < end}
    return rows


keys = st.binary(max_size=12)
short_keys = st.sampled_from([b"", b"a", b"aa", b"b", b"c", b"cc"])
families = st.sampled_from([0, 1, 2, 5])


@given(st.dictionaries(st.tuples(families, keys), st.binary(max_size=30), max_size=8))
@settings(max_examples=50, deadline=None)
def test_a_digest_is_the_sum_of_the_hashes(rows: Rows) -> None:
    digests = []
    for order in (list(rows), list(reversed(rows))):
        digest = RowDigest(KEY)
        for cf, key in order:
            digest.add_rows(batch_of([("put", cf, key, rows[cf, key])]))
        digests.append((digest.rows, digest.total))
    assert digests == [(len(rows), by_definition(rows))] * 2


operation = st.tuples(st.sampled_from(["put", "put", "delete", "delete range"]), families, short_keys, short_keys)


@given(
    st.dictionaries(st.tuples(families, short_keys), st.binary(max_size=3)),
    st.lists(st.lists(operation, max_size=6), max_size=6),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_changes(rows: Rows, batches: list[list[tuple[str, int, bytes, bytes]]], writes: bool) -> None:
    """Old values are read from the database as it was at first, or as it was before each batch (`writes`)."""
    as_read = rows

    def get_many(cf: int, names: list[bytes]) -> list[bytes | None]:
        return [as_read.get((cf, name)) for name in names]

    def scan(cf: int, begin: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        for (family, key), value in sorted(as_read.items()):
            if family == cf and begin <= key < end:
                yield key, value

    digest = RowDigest(KEY, by_definition(rows), len(rows))
    changes = RowChanges(digest, get_many, scan)
    for operations in batches:
        changes.apply(batch_of(operations))
        rows = applied(rows, operations)
        if writes:
            as_read = rows
            changes = RowChanges(digest, get_many, scan)
        assert (digest.rows, digest.total) == (len(rows), by_definition(rows))


def test_what_is_kept_and_copied() -> None:
    digest = RowDigest(KEY)
    digest.add_rows(batch_of([("put", 1, b"k", b"v")]))
    kept = RowDigest(KEY, digest.total, digest.rows)
    copy = digest.copy()
    digest.add_rows(batch_of([("put", 1, b"l", b"v")]))
    assert (kept.total, kept.rows) == (copy.total, copy.rows) == (by_definition({(1, b"k"): b"v"}), 1)
    assert copy.key == KEY and len(KEY) == DIGEST_KEY_BYTES


def test_misuse() -> None:
    with pytest.raises(ValueError):
        RowDigest(b"short")
    with pytest.raises(ValueError):
        RowDigest(KEY, b"short")
    with pytest.raises(BatchError):
        RowDigest(KEY).add_rows(batch_of([("delete", 1, b"k", b"")]))
    changes = RowChanges(RowDigest(KEY), lambda cf, names: [None] * len(names), lambda cf, begin, end: ())
    for what in ("put", "delete range"):
        with pytest.raises(BatchError):
            changes.apply(batch_of([(what, 9, b"k", b"v")]))
    with pytest.raises(BatchError):
        changes.apply(b"no batch")
