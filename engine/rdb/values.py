"""What a payload holds: a value of one of Redis's types, free of any encoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

StreamId = tuple[int, int]  # (ms, sequence)


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


@dataclass(slots=True)
class Delivery:
    """An entry that a consumer got and has not acknowledged."""

    consumer: bytes
    time_ms: int
    count: int


@dataclass(slots=True)
class Consumer:
    """A consumer: when it last asked, and when it last got something (-1: never)."""

    name: bytes
    seen_ms: int
    active_ms: int


@dataclass(slots=True)
class Group:
    """A consumer group. `entries_read` is -1 when it is not known. Pending entries are in the order of their ids."""

    name: bytes
    last_delivered: StreamId
    entries_read: int
    consumers: list[Consumer] = field(default_factory=list)
    pending: dict[StreamId, Delivery] = field(default_factory=dict)


@dataclass(slots=True)
class StreamValue:
    """A stream, which may be empty. Entries are in the order of their ids: fields and values by turns."""

    entries: list[tuple[StreamId, list[bytes]]]
    last_id: StreamId
    max_deleted: StreamId
    entries_added: int
    groups: list[Group] = field(default_factory=list)


Value = StringValue | ListValue | SetValue | HashValue | ZSetValue | StreamValue
