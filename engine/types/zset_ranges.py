"""Ranges of a sorted set, as clients spell them and as the rows lie.

A range by score or by member is a half-open interval of sub-keys in one column family, since both are sorted as Redis
sorts them: zset_score has score|member, default has member. Excluded bounds are the neighbouring byte string:

    scores    1    ->  begin encode(1)         (1  ->  begin encode(1) + 1 in the last place
    members   [m   ->  begin m                 (m  ->  begin m|00           -  ->  begin      +  ->  no end

0 and -0 are the same score to a range, although their rows differ. A range by rank is a pair of indexes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from slotrocks.engine._engine import CF_DEFAULT, CF_ZSET_SCORE, parse_float
from slotrocks.engine.layout import decode_u64, encode_score, encode_u64

LOWEST_SCORE, HIGHEST_SCORE = encode_score(-math.inf), encode_score(math.inf)


class Span(NamedTuple):
    """The rows of one sorted set whose sub-key is at least `begin` and below `end` (None: no limit)."""

    cf: int
    begin: bytes
    end: bytes | None

    @property
    def empty(self) -> bool:
        """Whether no row can be in it."""
        return self.end is not None and self.begin >= self.end

    @property
    def whole(self) -> bool:
        """Whether every row is in it."""
        return not self.begin and self.end is None


BY_SCORE = Span(CF_ZSET_SCORE, b"", None)
BY_MEMBER = Span(CF_DEFAULT, b"", None)


def score_span(low: float, high: float, *, low_excluded: bool = False, high_excluded: bool = False) -> Span:
    """The members with scores from `low` to `high`, both included unless said otherwise."""
    begin = after(low) if low_excluded else encode_score(low or -0.0)
    end = encode_score(high or -0.0) if high_excluded else after(high)
    # An open end is spelled as such: scans from there are the fastest.
    return Span(CF_ZSET_SCORE, b"" if begin == LOWEST_SCORE else begin, None if end > HIGHEST_SCORE else end)


def after(score: float) -> bytes:
    """The 8 bytes that follow those of every row with this score."""
    return encode_u64(decode_u64(encode_score(score or 0.0)) + 1)


def parse_score_span(low: bytes, high: bytes) -> Span:
    """From the bounds of ZRANGEBYSCORE. Raises ValueError."""
    low_excluded, high_excluded = low.startswith(b"("), high.startswith(b"(")
    return score_span(
        parse_bound(low[low_excluded:]), parse_bound(high[high_excluded:]),
        low_excluded=low_excluded, high_excluded=high_excluded,
    )  # fmt: skip


def parse_bound(text: bytes) -> float:
    """A bound's number as strtod reads it: spaces before it are skipped, nothing at all is 0, and what a double cannot
    hold is infinite or 0. Raises ValueError."""
    text = text.partition(b"\0")[0]
    try:
        return parse_float(text.lstrip(b" \t\n\v\f\r")) if text else 0.0
    except ValueError:
        # Too large or too small for parse_float; the rest of what float() takes and strtod does not is refused.
        value = float(text)
        if math.isnan(value) or text != text.rstrip() or b"_" in text:
            raise
        return value


def parse_lex_span(low: bytes, high: bytes) -> Span:
    """From the bounds of ZRANGEBYLEX: "-", "+", "[member" or "(member". Raises ValueError."""
    begin = parse_lex_bound(low, lower=True)
    end = parse_lex_bound(high, lower=False)
    return Span(CF_DEFAULT, b"\0", b"") if begin is None else Span(CF_DEFAULT, begin, end)


def parse_lex_bound(text: bytes, *, lower: bool) -> bytes | None:
    """Where a range begins, or ends; None is behind everything."""
    if text == b"-":
        return b""
    if text == b"+":
        return None
    kind, member = text[:1], text[1:]
    if kind not in (b"(", b"["):
        raise ValueError("neither of - + ( [")
    # Nothing lies between a member and the member with a zero byte appended.
    return member + b"\0" if (kind == b"(") == lower else member


def resolve_ranks(start: int, stop: int, size: int) -> tuple[int, int]:
    """(first, how many) of the ranks from `start` to `stop`, both included, negative ones counted from the end."""
    first = max(start + size if start < 0 else start, 0)
    last = min(stop + size if stop < 0 else stop, size - 1)
    return first, max(last - first + 1, 0)
