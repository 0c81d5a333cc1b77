"""The codec of DUMP payloads: recorded ones of real servers, old encodings made by hand, its own, and damaged ones."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden_files import FOLDER
from old_encodings import intset, length, string, ziplist, zipmap
from slotrocks.engine import crc64, lzf_decompress
from slotrocks.engine.rdb import encode
from slotrocks.engine.rdb.decode import decode
from slotrocks.engine.rdb.listpack import decode_listpack, encode_back_length, encode_listpack
from slotrocks.engine.rdb.payload import FOOTER_BYTES, FooterError, check_footer, seal
from slotrocks.engine.rdb.reader import FormatError, Reader
from slotrocks.engine.rdb.values import HashValue, ListValue, SetValue, StringValue, Value, ZSetValue
from slotrocks.engine.rdb.writer import encode_length
from slotrocks.engine.types.streams_ids import StreamID
from slotrocks.engine.types.streams_rows import Consumer, Entry, Pending
from slotrocks.engine.types.streams_state import GroupState, StreamWhole

RECORDED = [json.loads(line) for line in (FOLDER / "redis.payloads.jsonl").read_text().splitlines()]
PAYLOADS = [bytes.fromhex(each["payload"]) for each in RECORDED]


def encoded(value: Value) -> bytes:
    """A value's payload."""
    match value:
        case StringValue(data):
            return encode.encode_string(data)
        case ListValue(items):
            return encode.encode_list(len(items), items)
        case SetValue(members):
            return encode.encode_set(len(members), members)
        case HashValue(fields):
            return encode.encode_hash(len(fields), fields.items())
        case ZSetValue(scores):
            return encode.encode_zset(len(scores), scores.items())
        case StreamWhole():
            return encode.encode_stream(value)


def payload(encoding: int, body: bytes, version: int = 9) -> bytes:
    return seal([bytes((encoding,)), body], version)


# -- recorded


def unhex(value: Any) -> Any:
    return [unhex(each) for each in value] if isinstance(value, list) else bytes.fromhex(value)


def as_reply(value: Value) -> Any:
    """A value as the reply that was recorded."""
    match value:
        case StringValue(data):
            return data
        case ListValue(items):
            return items
        case SetValue(members):
            return sorted(members)
        case HashValue(fields):
            return fields
        case ZSetValue(scores):
            return scores
        case StreamWhole():
            return [[entry.id.text, entry.fields] for entry in value.entries]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: f"{each['server']} {each['key']}")
def test_recorded(recorded: dict[str, Any]) -> None:
    value = decode(bytes.fromhex(recorded["payload"]))
    expected = unhex(recorded["value"])
    if recorded["type"] == "hash":
        expected = dict(zip(expected[::2], expected[1::2], strict=True))
    if recorded["type"] == "zset":
        expected = {member: float(score) for member, score in zip(expected[::2], expected[1::2], strict=True)}
    assert as_reply(value) == expected


def test_every_encoding_of_redis_7_is_recorded() -> None:
    assert {each["encoding"] for each in RECORDED} == {0, 2, 4, 5, 11, 16, 17, 18, 19, 20, 21}


def test_recorded_stream() -> None:
    (stream,) = (
        decode(bytes.fromhex(each["payload"]))
        for each in RECORDED
        if each["key"] == "stream" and each["server"].startswith("Valkey")
    )
    assert isinstance(stream, StreamWhole)
    assert stream.last_id == (2**64 - 1, 0)
    assert stream.max_deleted_id == (1001, 4)
    assert stream.entries_added == 8
    g1, g2 = stream.groups
    assert (g1.name, g1.last_id, g2.name, g2.last_id, g2.entries_read) == (b"g1", (1002, 6), b"g2", (2**64 - 1, 0), 5)
    assert [(consumer.name, consumer.active_ms >= 0) for consumer in g1.consumers] == [
        (b"alice", True), (b"bob", True), (b"idle", False),
    ]  # fmt: skip
    assert [(each.id, each.consumer, each.deliveries) for each in g1.pending] == [
        ((1001, 4), b"alice", 1), ((1001, 5), b"alice", 1), ((1002, 6), b"bob", 1),
    ]  # fmt: skip


# -- what older versions wrote

WORDS = [b"a", b"1", b"-5", b"12", b"13", b"300", b"-40000", b"9000000", b"5000000000", b"", b"w" * 63, b"x" * 300]
LONG = [b"y" * 20000, *WORDS]  # more than 253 bytes in front of an entry: the long form


@pytest.mark.parametrize("words", [WORDS, LONG, WORDS * 30], ids=["short", "long", "many"])
def test_old_lists(words: list[bytes]) -> None:
    assert decode(payload(1, length(len(words)) + b"".join(map(string, words)))) == ListValue(words)
    assert decode(payload(10, string(ziplist(words)))) == ListValue(words)
    nodes = length(2) + string(ziplist(words)) + string(ziplist(words[:3]))
    assert decode(payload(14, nodes)) == ListValue(words + words[:3])


def test_old_maps_and_sets() -> None:
    fields = dict(zip(WORDS, reversed(LONG[:-1]), strict=True))
    flat = [each for pair in fields.items() for each in pair]
    assert decode(payload(13, string(ziplist(flat)))) == HashValue(fields)
    assert decode(payload(9, string(zipmap(flat)))) == HashValue(fields)
    for numbers in ([-3, 0, 7], [-(2**31), 5], [2**40], list(range(-300, 300))):
        assert decode(payload(11, string(intset(numbers)))) == SetValue([b"%d" % number for number in numbers])


def test_old_sorted_sets() -> None:
    printed = b"".join(string(b"m%d" % i) + bytes((len(score),)) + score for i, score in enumerate((b"1.5", b"-2e3")))
    special = string(b"up") + b"\xfe" + string(b"down") + b"\xff"
    assert decode(payload(3, length(4) + printed + special)) == ZSetValue(
        {b"m0": 1.5, b"m1": -2000.0, b"up": math.inf, b"down": -math.inf}
    )
    assert decode(payload(12, string(ziplist([b"a", b"1.5", b"b", b"2"])))) == ZSetValue({b"a": 1.5, b"b": 2.0})


def test_lengths_need_not_be_the_shortest() -> None:
    for form in (b"\x03", b"\x40\x03", b"\x80\0\0\0\x03", b"\x81" + bytes(7) + b"\x03"):
        assert decode(payload(0, form + b"abc")) == StringValue(b"abc")


# -- what must be refused

BAD_BODIES = [
    (0, b""), (0, b"\x05abc"), (0, b"\xc4"), (0, b"\x82abc"), (0, b"\xc1\x01"), (0, b"\x01ab"),
    (0, b"\xc3\x05\x7f" + b"\x01ab\x20\x05"), (0, b"\xc3\x02\x81" + b"\xff" * 8 + b"\0a"), (0, b"\xc3\xc0"),
    (1, b"\0"), (1, b"\x81" + b"\xff" * 8), (1, b"\xc0\x01"), (1, b"\x02\x01a"),
    (2, b"\0"), (2, b"\x02\x01a\x01a"),
    (3, b"\x01\x01a\xfd"), (3, b"\x01\x01a\x03abc"),
    (4, b"\0"), (4, b"\x02\x01a\x01b\x01a\x01b"), (4, b"\x01\x01a"),
    (5, b"\0"), (5, b"\x01\x01a" + struct.pack("<d", math.nan)), (5, b"\x01\x01a" + bytes(7)),
    (6, b"\x01a"), (7, b"\x01a"), (8, b""), (22, b""), (255, b""),
    (9, string(b"")), (9, string(b"\xff")), (9, string(b"\0\xff")), (9, string(b"\x02\x01a\x01\0b\xff")),
    (10, string(ziplist([]))), (10, string(ziplist([b"a"])[:-1])), (10, string(ziplist([b"a"])[:-1] + b"\0")),
    (11, string(intset([]))), (11, string(intset([2, 1]))), (11, string(intset([1, 1]))),
    (11, string(b"\x03" + bytes(7))), (11, string(intset([1, 2]) + b"\0")),
    (12, string(ziplist([b"a"]))), (12, string(ziplist([b"a", b"x"]))), (12, string(ziplist([b"a", b"1", b"a", b"2"]))),
    (13, string(ziplist([b"a"]))), (13, string(ziplist([b"a", b"1", b"a", b"2"]))),
    (14, b"\0"), (14, length(1) + string(ziplist([]))),
    (16, string(encode_listpack([b"a"]))), (16, string(encode_listpack([b"a", b"1", b"a", b"2"]))),
    (17, string(encode_listpack([b"a", b"x"]))), (17, string(encode_listpack([b"a", b"nan"]))),
    (18, b"\0"), (18, length(1) + length(3) + string(b"a")), (18, length(1) + length(2) + string(encode_listpack([]))),
    (20, string(encode_listpack([]))), (20, string(encode_listpack([b"a", b"a"]))),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "body"), BAD_BODIES)
def test_malformed(encoding: int, body: bytes) -> None:
    with pytest.raises(FormatError):
        decode(payload(encoding, body))


def test_more_than_a_value() -> None:
    assert decode(payload(0, b"\x01a")) == StringValue(b"a")
    with pytest.raises(FormatError):
        decode(payload(0, b"\x01ab"))


@pytest.mark.parametrize("version", [1, 6, 9, 10, 11, 12, 80])
def test_versions(version: int) -> None:
    assert decode(payload(0, b"\x01a", version)) == StringValue(b"a")


@pytest.mark.parametrize("version", [13, 79, 81, 65535])
def test_unknown_versions(version: int) -> None:
    with pytest.raises(FooterError):
        decode(payload(0, b"\x01a", version))


def test_no_footer() -> None:
    for size in range(FOOTER_BYTES):
        with pytest.raises(FooterError):
            decode(bytes(size))
    with pytest.raises(FormatError):
        decode(seal([], 9))


def test_any_changed_bit_is_noticed() -> None:
    good = payload(0, b"\x05hello")
    for i in range(8 * len(good)):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << i % 8
        with pytest.raises(FooterError):
            check_footer(bytes(bad))


BODIES = [each[:-FOOTER_BYTES] for each in PAYLOADS] + [
    b"\x0a" + string(ziplist(WORDS)), b"\x0d" + string(ziplist(WORDS)), b"\x0e" + length(1) + string(ziplist(WORDS)),
    b"\x09" + string(zipmap(WORDS)), b"\x03" + length(2) + string(b"a") + b"\x031.5" + string(b"b") + b"\xfe",
]  # fmt: skip


def same_or_refused(body: bytes) -> None:
    """Whatever the bytes are: an error, or a value that can be written and read again."""
    try:
        value = decode(seal([body], 9))
    except FormatError:
        return
    again = decode(encoded(value))
    if isinstance(value, StreamWhole):
        assert isinstance(again, StreamWhole)
        assert [entry.id for entry in again.entries] == [entry.id for entry in value.entries]
    else:
        assert again == value


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_payloads(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(BODIES)))
    interesting = st.sampled_from([0, 1, 127, 128, 254, 255]) | st.integers(0, 255)
    # Near the beginning are the headers of what is packed.
    places = st.integers(0, min(len(body), 60) - 1) | st.integers(0, len(body) - 1)
    for _ in range(data.draw(st.integers(1, 4))):
        place = min(data.draw(places), max(len(body) - 1, 0))
        match data.draw(st.integers(0, 5)):
            case 0:
                del body[place : place + data.draw(st.integers(1, 8))]
            case 1:
                body[place:place] = bytes(data.draw(st.lists(interesting, min_size=1, max_size=9)))
            case 2:
                del body[place:]
            case _:
                body[place : place + 1] = bytes([data.draw(interesting)])
    same_or_refused(bytes(body))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 22), st.binary(max_size=60))
def test_random_bytes(encoding: int, body: bytes) -> None:
    same_or_refused(bytes((encoding,)) + body)


def test_every_byte_damaged() -> None:
    """Each recorded payload with each of its first bytes replaced, and cut off after each."""
    for body in BODIES:
        for i in range(min(len(body), 160)):
            same_or_refused(body[:i])
            for byte in (0, 1, body[i] ^ 1, body[i] ^ 0x80, 0x7F, 0xFE, 0xFF):
                same_or_refused(body[:i] + bytes((byte,)) + body[i + 1 :])


# -- inverses

words = st.binary(max_size=70) | st.integers(-(2**63), 2**63 - 1).map(lambda n: b"%d" % n) | st.just(b"x" * 20000)
scores = st.floats(allow_nan=False)
ids = st.builds(StreamID, st.integers(0, 5) | st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1))


@st.composite
def streams(draw: st.DrawFn) -> StreamWhole:
    known = sorted(draw(st.sets(ids, max_size=8)))
    pairs = st.lists(st.tuples(st.sampled_from([b"f", b"g", b"1"]), words), min_size=1, max_size=3)
    entries = [Entry(each, [word for pair in draw(pairs) for word in pair]) for each in known]
    stream = StreamWhole(known[-1] if known else draw(ids), draw(ids), draw(st.integers(0, 2**62)), entries)
    for name in sorted(draw(st.sets(words, max_size=2))):
        times = st.integers(0, 2**63 - 1)
        consumers = [Consumer(name, each, seen, seen) for each in (b"a", b"b") for seen in (draw(times),)]
        pending = [
            Pending(name, each, draw(st.sampled_from([b"a", b"b"])), draw(times), draw(st.integers(0, 2**62)))
            for each in sorted(draw(st.sets(ids, max_size=3)))
        ]
        stream.groups.append(GroupState(name, draw(ids), draw(st.integers(-1, 2**62)), consumers, pending))
    return stream


values = st.one_of(
    st.builds(StringValue, words),
    st.builds(ListValue, st.lists(words, min_size=1, max_size=80)),
    st.builds(SetValue, st.lists(words, min_size=1, unique=True)),
    st.builds(HashValue, st.dictionaries(words, words, min_size=1)),
    st.builds(ZSetValue, st.dictionaries(words, scores, min_size=1)),
    streams(),
)


@settings(max_examples=300, deadline=None)
@given(values)
def test_decode_inverts_encode(value: Value) -> None:
    assert decode(encoded(value)) == value


@given(st.lists(words | st.integers(-(2**63), 2**63 - 1), max_size=80))
def test_listpack_inverse(elements: list[bytes | int]) -> None:
    assert decode_listpack(encode_listpack(elements)) == [b"%d" % e if isinstance(e, int) else e for e in elements]


def test_large_listpack() -> None:
    for size in (63, 64, 125, 126, 127, 4095, 4096, 16380, 16381, 16382, 2097140, 2097148, 2097150):
        assert decode_listpack(encode_listpack([b"x" * size, b"y"])) == [b"x" * size, b"y"]
    many = [b"%d" % (i % 90) for i in range(70000)]
    assert decode_listpack(encode_listpack(many)) == many


def test_back_lengths() -> None:
    """Bytes as Redis writes them."""
    assert encode_back_length(127).hex() == "7f"
    assert encode_back_length(128).hex() == "0180"
    assert encode_back_length(16382).hex() == "7ffe"
    assert encode_back_length(16383).hex() == "00ffff"
    assert encode_back_length(2097151).hex() == "00ffffff"


@given(st.integers(0, 2**64 - 1) | st.sampled_from([63, 64, 16383, 16384, 2**32 - 1, 2**32]))
def test_length_inverse(number: int) -> None:
    data = encode_length(number)
    reader = Reader(data, len(data))
    assert (reader.length(), reader.at) == (number, len(data))


# -- checksum and compression


def test_crc64() -> None:
    assert crc64(b"123456789", 9) == 0xE9C6D914C4B8D9CA
    assert crc64(b"123456789", 0) == 0
    data = bytes(range(7, 67))
    for size in range(len(data) + 1):
        crc = 0
        for byte in data[:size]:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        assert crc64(data, size) == crc
    for size in (-1, 61):
        with pytest.raises(ValueError):
            crc64(data, size)


@given(st.lists(st.binary(min_size=1, max_size=32) | st.tuples(st.integers(1, 8192), st.integers(3, 264)), max_size=20))
def test_lzf(steps: list[bytes | tuple[int, int]]) -> None:
    data, plain = bytearray(), bytearray()
    for step in steps:
        if isinstance(step, bytes):
            data += bytes((len(step) - 1,)) + step
            plain += step
        elif plain:
            distance, count = (step[0] - 1) % len(plain) + 1, step[1]
            high, low = divmod(distance - 1, 256)
            data += bytes((count - 2 << 5 | high, low) if count < 9 else (7 << 5 | high, count - 9, low))
            for _ in range(count):
                plain.append(plain[-distance])
    assert lzf_decompress(bytes(data), len(plain)) == plain
    for wrong in (len(plain) - 1, len(plain) + 1):
        with pytest.raises(ValueError):
            lzf_decompress(bytes(data), wrong)


@pytest.mark.parametrize("data", [b"\x01a", b"\x20", b"\x20\0", b"\xe0", b"\xe0\0", b"\0a\x20\x01", b"\0a\xe0\xff\0"])
def test_malformed_lzf(data: bytes) -> None:
    for size in range(1, 300):
        if (data, size) != (b"\0a\xe0\xff\0", 265):
            with pytest.raises(ValueError):
                lzf_decompress(data, size)
