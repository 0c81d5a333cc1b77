"""Sorted sets and positions in the engine: ranges, rows as Kvrocks writes them, both sides of a sorted set equal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import golden_files as golden
from invariants import zsets as wrong_zsets
from slotrocks.engine import CF_DEFAULT, CF_ZSET_SCORE, TYPE_SET, Metadata, Store, Transaction
from slotrocks.engine.layout import encode_score
from slotrocks.engine.types import geo, zset_algebra, zsets
from slotrocks.engine.types.zset_ranges import (
    BY_SCORE,
    Span,
    parse_lex_span,
    parse_score_span,
    resolve_ranks,
    score_span,
)

NOW_MS = 1_700_000_000_000
numbers = st.floats(allow_nan=False) | st.sampled_from((0.0, -0.0, math.inf, -math.inf, 5e-324, -5e-324, 1.7e308))
members = st.binary(max_size=3)


@pytest.fixture
def txn(tmp_path: Path) -> Iterator[Transaction]:
    store = Store(tmp_path / "db", slot_encoded=True)
    txn = Transaction(store)
    txn.begin(NOW_MS)
    yield txn
    txn.commit()
    store.close()


def holds(span: Span, sub: bytes) -> bool:
    return span.begin <= sub and (span.end is None or sub < span.end)


@given(numbers, numbers, numbers, st.booleans(), st.booleans(), members)
def test_score_spans_are_comparisons(
    low: float, high: float, score: float, low_excluded: bool, high_excluded: bool, member: bytes
) -> None:
    span = score_span(low, high, low_excluded=low_excluded, high_excluded=high_excluded)
    above = score > low if low_excluded else score >= low
    below = score < high if high_excluded else score <= high
    assert holds(span, encode_score(score) + member) == (above and below)


@given(members, members, members, st.sampled_from("[("), st.sampled_from("[("))
def test_lex_spans_are_comparisons(low: bytes, high: bytes, member: bytes, low_kind: str, high_kind: str) -> None:
    span = parse_lex_span(low_kind.encode() + low, high_kind.encode() + high)
    above = member > low if low_kind == "(" else member >= low
    below = member < high if high_kind == "(" else member <= high
    assert holds(span, member) == (above and below)
    assert holds(parse_lex_span(b"-", b"+"), member)
    assert parse_lex_span(b"+", b"-").empty and parse_lex_span(b"+", b"+").empty


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 6))
def test_ranks_are_slices(start: int, stop: int, size: int) -> None:
    ranks = list(range(size))
    first, count = resolve_ranks(start, stop, size)
    begin = max(start + size if start < 0 else start, 0)
    end = stop + size if stop < 0 else stop
    assert ranks[first : first + count] == [rank for rank in ranks if begin <= rank <= end]


@pytest.mark.parametrize("bound", [b"nan", b"(nan", b"1 ", b"x", b"1_0", b"[1", b" ", b"1e400 "])
def test_bounds_that_are_no_numbers(bound: bytes) -> None:
    with pytest.raises(ValueError):
        parse_score_span(bound, b"inf")


def test_changes_against_a_model(txn: Transaction) -> None:
    rng = Random(1)
    model: dict[bytes, float] = {}
    for step in range(1500):
        member = b"m%d" % rng.randrange(40)
        score = rng.choice((0.0, -0.0, 1.5, -3.0, math.inf, -math.inf, rng.uniform(-5, 5)))
        action = rng.randrange(10)
        if action < 5:
            zsets.add(txn, b"z", [(score, member)])
            model[member] = score
        elif action < 8:
            assert zsets.remove(txn, b"z", [member, member]) == (model.pop(member, None) is not None)
        elif (zset := zsets.find(txn, b"z")) is not None:
            in_order = zset_algebra.in_order(model)
            size = len(in_order)
            first = rng.randrange(size)
            count = rng.randrange(size - first + 1)
            reverse = rng.random() < 0.5
            wanted = in_order[::-1] if reverse else in_order
            assert list(zsets.by_rank(txn, zset, first, count, reverse=reverse)) == wanted[first : first + count]
            member, score = rng.choice(in_order)
            assert zsets.rank(txn, zset, member) == (in_order.index((member, score)), score)
            if action == 9:
                popped = zsets.pop(txn, zset, rng.randrange(4), largest=reverse)
                assert popped == wanted[: len(popped)]
                for member, _ in popped:
                    del model[member]
        if step % 7 == 0:
            txn.commit()
            txn.begin(NOW_MS)
    txn.commit()
    zset = zsets.find(txn, b"z")
    assert zset is not None and zset.size == len(model)
    assert list(zsets.entries(txn, zset, BY_SCORE)) == zset_algebra.in_order(model)
    assert wrong_zsets(txn.store) == []
    zsets.remove_ranks(txn, b"z", 0, -1)
    txn.commit()
    begin, end = txn.codec.namespace_range()
    assert not list(txn.scan(CF_DEFAULT, begin, end)) and not list(txn.scan(CF_ZSET_SCORE, begin, end))


def test_a_negative_zero_that_kvrocks_wrote(txn: Transaction) -> None:
    zsets.replace(txn, b"z", [(b"a", -0.0), (b"b", 0.0)])
    zset = zsets.find(txn, b"z")
    assert zset is not None
    head = txn.codec.subkey(b"z", zset.version, b"")
    rows = [storage_key for storage_key, _ in zsets.rows_of(txn, zset, BY_SCORE)]
    assert rows == [head + encode_score(0.0) + member for member in (b"a", b"b")]
    minus_zero = encode_score(-0.0)
    txn.put(CF_DEFAULT, head + b"b", minus_zero)
    txn.delete(CF_ZSET_SCORE, head + encode_score(0.0) + b"b")
    txn.put(CF_ZSET_SCORE, head + minus_zero + b"b", b"")
    assert zsets.count(txn, zset, score_span(0.0, 0.0)) == 2
    assert zsets.rank(txn, zset, b"b") == (0, 0.0)
    zsets.add(txn, b"z", [(1.0, b"b")])
    txn.commit()
    assert wrong_zsets(txn.store) == []


def test_sets_as_inputs(txn: Transaction) -> None:
    plain = Metadata(TYPE_SET, version=7, size=2)
    txn.store_metadata(b"s", plain, None)
    for member in (b"a", b"b"):
        txn.put(CF_DEFAULT, txn.codec.subkey(b"s", 7, member), b"")
    zsets.replace(txn, b"z", [(b"b", 5.0), (b"c", 6.0)])
    inputs = zset_algebra.open_inputs(txn, [b"s", b"z"])
    weights = [2.0, 3.0]
    union = zset_algebra.union(txn, inputs, weights, zset_algebra.add_scores)
    assert union == {b"a": 2.0, b"b": 17.0, b"c": 18.0}
    assert dict(zset_algebra.intersection(txn, inputs, weights, max)) == {b"b": 15.0}
    assert zset_algebra.difference(txn, inputs) == {b"a": 1.0}
    assert zset_algebra.difference(txn, inputs[::-1]) == {b"c": 6.0}


def test_large_inputs_are_combined_in_chunks(txn: Transaction) -> None:
    zsets.replace(txn, b"a", [(b"%d" % i, float(i)) for i in range(2000)])
    zsets.replace(txn, b"b", [(b"%d" % i, 1.0) for i in range(0, 4000, 2)])
    zsets.replace(txn, b"few", [(b"%d" % i, 1.0) for i in range(0, 1600, 2)])
    a, b, few = zset_algebra.open_inputs(txn, [b"a", b"b", b"few"])
    both = dict(zset_algebra.intersection(txn, [a, b], [1.0, 1.0], zset_algebra.add_scores))
    assert both == {b"%d" % i: i + 1.0 for i in range(0, 2000, 2)}
    assert len(zset_algebra.difference(txn, [a, b])) == 1000
    assert len(zset_algebra.difference(txn, [few, b])) == 0
    assert len(zset_algebra.difference(txn, [a, few])) == 1200


@pytest.mark.parametrize("name", ["plain", "cluster"])
def test_the_rows_are_those_of_kvrocks(name: str, tmp_path: Path) -> None:
    """The golden commands on sorted sets, given to the functions here, write the rows that Kvrocks wrote."""
    store = Store(tmp_path / "db", slot_encoded=name == "cluster")
    txn = Transaction(store)
    txn.begin(NOW_MS)
    codec = txn.codec
    keys = set()
    for tag in (b"{t}", b"{v}") if name == "cluster" else (b"{t}",):
        for (verb, key, *args), reply in golden.commands(name):
            key = key.replace(b"{t}", tag)
            if verb == b"ZADD":
                pairs = [(float(score), member) for score, member in zip(args[::2], args[1::2], strict=True)]
                assert zsets.add(txn, key, pairs).added == reply
            elif verb == b"ZINCRBY":
                assert zsets.add(txn, key, [(float(args[0]), args[1])], incr=True).score == float(reply)
            elif verb == b"ZREM":
                assert zsets.remove(txn, key, args) == reply
            elif verb == b"GEOADD":
                pairs = [(geo.encode(float(x), float(y)), m) for x, y, m in zip(*[iter(args)] * 3, strict=True)]
                assert zsets.add(txn, key, pairs).added == reply
            else:
                continue
            keys.add(key)
    txn.commit()

    def without_versions(rows: list[tuple[int, bytes, bytes]]) -> list[tuple[int, bytes, bytes, bytes]]:
        decoded = [(cf, codec.decode_subkey(storage_key), value) for cf, storage_key, value in rows]
        return sorted((cf, key, sub, value) for cf, (key, _, sub), value in decoded if key in keys)

    ours = [(cf, *row) for cf in (CF_DEFAULT, CF_ZSET_SCORE) for row in txn.scan(cf, *codec.namespace_range())]
    families = {"default": CF_DEFAULT, "zset_score": CF_ZSET_SCORE}
    theirs = [(families[cf], key, value) for cf, key, value in golden.rows(name) if cf in families]
    assert keys and without_versions(ours) == without_versions(theirs)
    assert wrong_zsets(store) == []
    store.close()


@given(st.floats(-180, 180), st.floats(-85.05112878, 85.05112878))
def test_positions_survive_to_half_a_metre(longitude: float, latitude: float) -> None:
    score = geo.encode(longitude, latitude)
    again = geo.decode(score)
    assert geo.distance_m(longitude, latitude, *again) < 0.6
    assert score >= 2**52 or geo.encode(*again) == score


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_bits_in_turn(low: int, high: int) -> None:
    bits = geo.interleave(low, high)
    assert (geo.gather(bits), geo.gather(bits >> 1)) == (low, high)


def test_a_search_finds_what_looking_at_everything_finds(txn: Transaction) -> None:
    rng = Random(2)
    places = {b"%d" % i: (rng.uniform(-179, 179), rng.uniform(-84, 84)) for i in range(400)}
    zsets.add(txn, b"g", [(geo.encode(*place), member) for member, place in places.items()])
    zset = zsets.find(txn, b"g")
    assert zset is not None
    everything = list(zsets.entries(txn, zset, BY_SCORE))
    # Far from the poles and the date line, where Redis's nine cells are enough.
    for _ in range(60):
        centre = rng.uniform(-100, 100), rng.uniform(-55, 55)
        size_m = rng.choice((1e4, 1e5, 1e6, 2e6))
        for shape in (geo.Circle(*centre, size_m), geo.Box(*centre, size_m, size_m * rng.uniform(0.3, 2))):
            found = geo.search(txn, zset, shape)
            wanted = {member for member, score in everything if shape.distance_m(*geo.decode(score)) is not None}
            assert len(found) == len(wanted) and {point.member for point in found} == wanted
