"""Replies: every kind of value in both protocols, whole and streamed, read back with hiredis."""

import math
from collections import OrderedDict
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.engine._engine import NULL_ARRAY, OK, Push, ReplyError, ReplyWriter, Simple, Verbatim


def written(value: object, protocol: int) -> bytes:
    writer = ReplyWriter(protocol)
    writer.write(value)
    return writer.take()


class SubInt(int):
    pass


class SubBytes(bytes):
    pass


class SubStr(str):
    pass


# value, RESP2, RESP3 (None: the same)
CASES: list[tuple[object, bytes, bytes | None]] = [
    (0, b":0\r\n", None),
    (9, b":9\r\n", None),
    (10, b":10\r\n", None),
    (-1, b":-1\r\n", None),
    (2**63 - 1, b":9223372036854775807\r\n", None),
    (-(2**63), b":-9223372036854775808\r\n", None),
    (SubInt(7), b":7\r\n", None),
    (b"", b"$0\r\n\r\n", None),
    (b"a\r\n\x00", b"$4\r\na\r\n\x00\r\n", None),
    (SubBytes(b"x"), b"$1\r\nx\r\n", None),
    ("é", b"$2\r\n\xc3\xa9\r\n", None),
    (SubStr("e"), b"$1\r\ne\r\n", None),
    (None, b"$-1\r\n", b"_\r\n"),
    (NULL_ARRAY, b"*-1\r\n", b"_\r\n"),
    (True, b":1\r\n", b"#t\r\n"),
    (False, b":0\r\n", b"#f\r\n"),
    (1.5, b"$3\r\n1.5\r\n", b",1.5\r\n"),
    (3.0, b"$1\r\n3\r\n", b",3\r\n"),
    (1e20, b"$5\r\n1e+20\r\n", b",1e+20\r\n"),
    (math.inf, b"$3\r\ninf\r\n", b",inf\r\n"),
    (-math.inf, b"$4\r\n-inf\r\n", b",-inf\r\n"),
    (math.nan, b"$3\r\nnan\r\n", b",nan\r\n"),
    (OK, b"+OK\r\n", None),
    (Simple("OK"), b"+OK\r\n", None),
    (Simple(b"PONG"), b"+PONG\r\n", None),
    (ReplyError("ERR no\r\nnewline\n"), b"-ERR no  newline\r\n", None),
    (Verbatim("txt", b"ab"), b"$2\r\nab\r\n", b"=6\r\ntxt:ab\r\n"),
    ([], b"*0\r\n", None),
    ((), b"*0\r\n", None),
    ([1, b"a", [None]], b"*3\r\n:1\r\n$1\r\na\r\n*1\r\n$-1\r\n", b"*3\r\n:1\r\n$1\r\na\r\n*1\r\n_\r\n"),
    ([ReplyError("WRONGTYPE x"), OK], b"*2\r\n-WRONGTYPE x\r\n+OK\r\n", None),
    ({}, b"*0\r\n", b"%0\r\n"),
    ({b"k": 1, "j": [2]}, b"*4\r\n$1\r\nk\r\n:1\r\n$1\r\nj\r\n*1\r\n:2\r\n",
     b"%2\r\n$1\r\nk\r\n:1\r\n$1\r\nj\r\n*1\r\n:2\r\n"),
    (OrderedDict(k=1), b"*2\r\n$1\r\nk\r\n:1\r\n", b"%1\r\n$1\r\nk\r\n:1\r\n"),
    ({b"m"}, b"*1\r\n$1\r\nm\r\n", b"~1\r\n$1\r\nm\r\n"),
    (frozenset([1]), b"*1\r\n:1\r\n", b"~1\r\n:1\r\n"),
    (Push([b"message", 1]), b"*2\r\n$7\r\nmessage\r\n:1\r\n", b">2\r\n$7\r\nmessage\r\n:1\r\n"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "resp2", "resp3"), CASES, ids=lambda v: repr(v)[:40])
def test_every_kind_of_value(value: object, resp2: bytes, resp3: bytes | None) -> None:
    assert written(value, 2) == resp2
    assert written(value, 3) == (resp2 if resp3 is None else resp3)


def test_streamed_replies_equal_whole_ones() -> None:
    for protocol in (2, 3):
        writer = ReplyWriter(protocol)
        writer.array_header(7)
        writer.map_header(1)
        writer.bulk(b"k")
        writer.integer(-5)
        writer.set_header(1)
        writer.null()
        writer.push_header(0)
        writer.ok()
        writer.error("ERR a\nb")
        writer.error(b"ERR \xff")
        writer.write(OK)
        parts = [{b"k": -5}, {None}, Push([]), OK, ReplyError("ERR a b"), ReplyError(b"ERR \xff"), OK]
        assert writer.take() == written(parts, protocol)


def test_protocol_changes_between_replies() -> None:
    writer = ReplyWriter()
    assert writer.protocol == 2
    writer.write(None)
    writer.protocol = 3
    writer.write(None)
    assert (writer.size, writer.take(), writer.size, writer.take()) == (8, b"$-1\r\n_\r\n", 0, b"")
    with pytest.raises(ValueError):
        writer.protocol = 4


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "error"),
    [(object(), TypeError), ([b"x", object()], TypeError), ({b"k": [bytearray()]}, TypeError), (2**63, OverflowError),
     ([-(2**63) - 1], OverflowError), (nested(65), ValueError), ({b"k": nested(64)}, ValueError)],
    ids=lambda v: repr(v)[:40],
)  # fmt: skip
def test_a_reply_that_cannot_be_written_leaves_nothing(value: object, error: type[Exception]) -> None:
    writer = ReplyWriter(3)
    writer.write(1)
    with pytest.raises(error):
        writer.write(value)
    writer.write(2)
    assert writer.take() == b":1\r\n:2\r\n"


def test_nesting_to_the_limit() -> None:
    assert written(nested(64), 2) == b"*1\r\n" * 63 + b"*0\r\n"


def test_huge_replies() -> None:
    writer = ReplyWriter()
    data = bytes(range(256)) * 40_000
    for _ in range(3):
        writer.write([data, 1])
        assert writer.take() == b"*2\r\n$%d\r\n%s\r\n:1\r\n" % (len(data), data)
    writer.write(data)
    writer.clear()
    assert (writer.size, writer.take()) == (0, b"")


def test_markers_compare_by_value() -> None:
    assert Simple("OK") == OK == Simple(b"OK") and hash(Simple("OK")) == hash(OK)
    assert Simple("x") != ReplyError("x") and Simple("x") != b"x"
    assert repr(ReplyError("ERR x")) == "ReplyError('ERR x')" and repr(NULL_ARRAY) == "NULL_ARRAY"
    assert (ReplyError("ERR a\nb").text, Simple(b"\xff").text) == ("ERR a b", "\udcff")
    with pytest.raises(ValueError):
        Verbatim("text", b"")


doubles = st.floats(allow_nan=False)
exact = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40)
keys = st.binary(max_size=8) | st.integers(0, 99)


def nested_values(leaves: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.recursive(leaves, lambda v: st.lists(v, max_size=4) | st.dictionaries(keys, v, max_size=4), max_leaves=20)


@settings(max_examples=150, deadline=None)
@given(nested_values(exact | doubles))
def test_hiredis_reads_back_what_was_written(value: object) -> None:
    reader = hiredis.Reader()
    reader.feed(written(value, 3))
    assert reader.gets() == value
    assert not reader.has_data()


def flat(value: Any) -> Any:
    """What a RESP2 client sees of `value`, doubles and their spelling apart."""
    if isinstance(value, dict):
        return [flat(part) for pair in value.items() for part in pair]
    if isinstance(value, list):
        return [flat(part) for part in value]
    return int(value) if isinstance(value, bool) else value


@settings(max_examples=150, deadline=None)
@given(nested_values(exact))
def test_hiredis_reads_back_resp2(value: object) -> None:
    reader = hiredis.Reader()
    reader.feed(written(value, 2))
    assert reader.gets() == flat(value)
