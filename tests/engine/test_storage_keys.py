"""Slots and storage keys: round trips, order, and an independent CRC16."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotrocks.engine import NAMESPACE, SLOTS, KeyCodec, crc16, prefix_end, slot_of

CODECS = [KeyCodec(False), KeyCodec(True)]
VERSIONS = st.integers(0, 2**64 - 1)


@given(st.binary())
def test_crc16(data: bytes) -> None:
    assert crc16(data) == binascii.crc_hqx(data, 0)


def test_crc16_check_value() -> None:
    assert crc16(b"123456789") == 0x31C3


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"", b""), (b"a", b"a"), (b"{a}b", b"a"), (b"x{a}b{c}", b"a"), (b"{}a", b"{}a"), (b"a{", b"a{"),
        (b"a}{", b"a}{"), (b"{a", b"{a"),
        (b"{{a}}", b"{a"), (b"foo{}{bar}", b"foo{}{bar}"), (b"\x00{\xff}", b"\xff"), (b"}{a}", b"a"),
    ],
)  # fmt: skip
def test_hash_tags(key: bytes, hashed: bytes) -> None:
    assert slot_of(key) == binascii.crc_hqx(hashed, 0) % SLOTS


@given(st.binary(), VERSIONS, st.binary())
def test_round_trips(key: bytes, version: int, sub: bytes) -> None:
    for codec in CODECS:
        assert codec.user_key(codec.metadata_key(key)) == key
        storage_key = codec.subkey(key, version, sub)
        assert codec.decode_subkey(storage_key) == (key, version, sub)
        begin, end = codec.subkey_range(key, version)
        assert begin <= storage_key < end
        if codec.slot_encoded:
            assert codec.slot_in_key(storage_key) == codec.slot_in_key(codec.metadata_key(key)) == slot_of(key)
            begin, end = codec.slot_range(slot_of(key), slot_of(key))
            assert begin <= codec.metadata_key(key) < end and begin <= storage_key < end
        begin, end = codec.namespace_range()
        assert begin <= codec.metadata_key(key) < end and begin <= storage_key < end


def test_layout() -> None:
    plain, cluster = CODECS
    head = bytes([len(NAMESPACE)]) + NAMESPACE
    assert plain.metadata_key(b"ab") == head + b"ab"
    assert plain.subkey(b"ab", 1, b"f") == head + b"\0\0\0\2ab" + bytes(7) + b"\1f"
    assert cluster.metadata_key(b"ab") == head + slot_of(b"ab").to_bytes(2, "big") + b"ab"
    assert cluster.slot_range(0, SLOTS - 1) == (head + b"\0\0", head + b"\x40\0")


@given(st.binary(), st.binary(), VERSIONS, VERSIONS)
def test_collections_do_not_overlap(one: bytes, other: bytes, version: int, other_version: int) -> None:
    if (one, version) != (other, other_version):
        for codec in CODECS:
            (a, b), (c, d) = codec.subkey_range(one, version), codec.subkey_range(other, other_version)
            assert b <= c or d <= a


@given(st.binary(min_size=1), st.binary())
def test_prefix_end(prefix: bytes, more: bytes) -> None:
    if not prefix.strip(b"\xff"):
        with pytest.raises(ValueError, match="prefix"):
            prefix_end(prefix)
        return
    end = prefix_end(prefix)
    assert prefix + more < end
    assert not end.startswith(prefix)
    assert end[:-1] == prefix[: len(end) - 1], "nothing lies between the keys with the prefix and the end"


@pytest.mark.parametrize("size", range(13))
def test_foreign_keys_are_refused(size: int) -> None:
    cut = CODECS[1].subkey(b"key", 1, b"")[:size]
    for read in (CODECS[1].user_key, CODECS[1].decode_subkey, CODECS[1].slot_in_key):
        with pytest.raises(ValueError, match="key"):
            read(cut)


def test_subkey_cut_short() -> None:
    storage_key = CODECS[0].subkey(b"key", 1, b"")
    for size in range(len(storage_key)):
        with pytest.raises(ValueError, match="not a sub-key"):
            CODECS[0].decode_subkey(storage_key[:size])


def test_slots_need_slots() -> None:
    with pytest.raises(ValueError, match="not slot-encoded"):
        CODECS[0].slot_range(0, 1)
    with pytest.raises(ValueError, match="no slot"):
        CODECS[0].slot_in_key(CODECS[0].metadata_key(b"a"))
    for first, last in ((-1, 0), (0, SLOTS), (2, 1)):
        with pytest.raises(ValueError, match="slot range"):
            CODECS[1].slot_range(first, last)
