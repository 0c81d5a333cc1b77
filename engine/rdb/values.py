"""What a payload holds: a value of one of Redis's types, free of any encoding. Streams are values already."""

from __future__ import annotations

from typing import NamedTuple

from slotrocks.engine.types.streams_state import StreamWhole


class StringValue(NamedTuple):
    """A string. HyperLogLogs and bitmaps are strings to Redis."""

    data: bytes


class ListValue(NamedTuple):
    """A list, not empty."""

    elements: list[bytes]


class SetValue(NamedTuple):
    """A set, not empty; no member stands there twice."""

    members: list[bytes]


class HashValue(NamedTuple):
    """A hash, not empty."""

    fields: dict[bytes, bytes]


class ZSetValue(NamedTuple):
    """A sorted set, not empty; no score is NaN."""

    scores: dict[bytes, float]


Value = StringValue | ListValue | SetValue | HashValue | ZSetValue | StreamWhole
