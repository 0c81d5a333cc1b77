"""Entries that are pending in a consumer group: XACK, XPENDING, XCLAIM, XAUTOCLAIM."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from slotrocks.engine import NULL_ARRAY
from slotrocks.engine.types import streams, streams_groups, streams_pending
from slotrocks.engine.types.streams import Stream
from slotrocks.engine.types.streams_groups import OpenGroup
from slotrocks.engine.types.streams_ids import FIRST, StreamID, parse_id
from slotrocks.engine.types.streams_pending import Claim, Shown
from slotrocks.engine.types.streams_rows import Group, Pending
from slotrocks.server.arguments import INT64_MAX, bounded_integer, integer
from slotrocks.server.commands.streams import read
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.stream_arguments import interval_end, interval_start, strict_id, text_of
from slotrocks.server.streaming import commit_pending
from slotrocks.server.table import command

COUNT_DEFAULT = 100  # of XAUTOCLAIM
COUNT_MAX = INT64_MAX // 16


def group_of(s: Session, stream: Stream | None, key: bytes, name: bytes) -> tuple[Stream, Group]:
    """A stream and its group, which have to exist."""
    group = None if stream is None else streams_groups.find(s.txn, stream, name)
    if stream is None or group is None:
        raise CommandError(f"NOGROUP No such key '{text_of(key)}' or consumer group '{text_of(name)}'")
    return stream, group


def reply_of(entries: list[Shown], *, just_id: bool) -> list[Any]:
    """Claimed entries as clients see them."""
    return [entry_id for entry_id, _ in entries] if just_id else list(entries)


@command(
    "xack", arity=-4, flags="write fast", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Returns the number of messages that were successfully acknowledged by the consumer group member of a "
    "stream.",
    complexity="O(1) for each message ID processed.",
)  # fmt: skip
def xack(s: Session, argv: list[bytes]) -> Any:
    stream = streams.find(s.txn, argv[1])
    group = None if stream is None else streams_groups.find(s.txn, stream, argv[2])
    if stream is None or group is None:
        return 0
    return streams_pending.acknowledge(s.txn, stream, group, [strict_id(arg) for arg in argv[3:]])


@command(
    "xpending", arity=-3, flags="readonly", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Returns the information and entries from a stream consumer group's pending entries list.",
    complexity="O(N) with N being the number of elements returned, so asking for a small fixed number of entries per "
    "call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter or for one "
    "consumer. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; "
    "otherwise, an additional O(N) time for iterating every consumer.",
)  # fmt: skip
def xpending(s: Session, argv: list[bytes]) -> Any:
    if len(argv) == 3:
        stream, group = group_of(s, read(s, argv[1]), argv[1], argv[2])
        return summary(s, stream, group)
    if not 6 <= len(argv) <= 9:
        raise CommandError(SYNTAX)
    at, min_idle_ms = 3, 0
    if argv[3].upper() == b"IDLE":
        min_idle_ms = integer(argv[4])
        if len(argv) < 8:
            raise CommandError(SYNTAX)
        at = 5
    count = max(integer(argv[at + 2]), 0)
    start, end = interval_start(argv[at]), interval_end(argv[at + 1])
    stream, group = group_of(s, read(s, argv[1]), argv[1], argv[2])
    commit_pending(s)
    rows: Iterator[Pending]
    if len(argv) > at + 3:
        consumer = streams_groups.find_consumer(s.txn, stream, group.name, argv[at + 3])
        if consumer is None:
            return []
        rows = streams_groups.pending_of(s.txn, stream, consumer, start, end)
    else:
        rows = streams_groups.pending(s.txn, stream, group.name, start, end)
    now_ms = s.txn.now_ms
    if min_idle_ms:
        rows = (row for row in rows if now_ms - row.delivered_ms >= min_idle_ms)
    return [
        (row.id.text, row.consumer, max(now_ms - row.delivered_ms, 0), row.deliveries) for row in islice(rows, count)
    ]


def summary(s: Session, stream: Stream, group: Group) -> list[Any]:
    """XPENDING's short form."""
    if group.pending == 0:
        return [0, None, None, NULL_ARRAY]
    first = next(streams_groups.pending(s.txn, stream, group.name))
    last = next(streams_groups.pending(s.txn, stream, group.name, reverse=True))
    consumers = streams_groups.consumers(s.txn, stream, group.name)
    counts = [[consumer.name, b"%d" % consumer.pending] for consumer in consumers if consumer.pending]
    return [group.pending, first.id.text, last.id.text, counts]


@command(
    "xclaim", arity=-6, flags="write fast", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Changes, or acquires, ownership of a message in a consumer group, as if the message was delivered a "
    "consumer group member.",
    complexity="O(log N) with N being the number of messages in the PEL of the consumer group.",
)  # fmt: skip
def xclaim(s: Session, argv: list[bytes]) -> Any:
    stream, group = group_of(s, streams.find(s.txn, argv[1]), argv[1], argv[2])
    min_idle_ms = max(integer(argv[4], "ERR Invalid min-idle-time argument for XCLAIM"), 0)
    ids, how, last_id = claim_options(argv, s.txn.now_ms, min_idle_ms)
    opened = OpenGroup(s.txn, stream, group)
    opened.last_id = max(opened.last_id, last_id)
    opened.see(argv[3])
    claimed = streams_pending.claim(opened, argv[3], ids, how)
    opened.close()
    return reply_of(claimed, just_id=how.just_id)


def claim_options(argv: list[bytes], now_ms: int, min_idle_ms: int) -> tuple[list[StreamID], Claim, StreamID]:
    """XCLAIM's arguments from argv[5] on: (ids, how to claim, LASTID)."""
    ids: list[StreamID] = []
    i = 5
    try:
        while i < len(argv):
            ids.append(parse_id(argv[i]))
            i += 1
    except ValueError:
        pass  # the options begin
    delivered_ms = retries = -1
    force = just_id = False
    last_id = FIRST
    while i < len(argv):
        option, more = argv[i].upper(), i + 1 < len(argv)
        if option == b"FORCE":
            force = True
        elif option == b"JUSTID":
            just_id = True
        elif option in (b"IDLE", b"TIME", b"RETRYCOUNT") and more:
            i += 1
            value = integer(argv[i], f"ERR Invalid {option.decode()} option argument for XCLAIM")
            if option == b"RETRYCOUNT":
                retries = value
            else:
                delivered_ms = now_ms - value if option == b"IDLE" else value
        elif option == b"LASTID" and more:
            i += 1
            last_id = strict_id(argv[i])
        else:
            raise CommandError(f"ERR Unrecognized XCLAIM option '{text_of(argv[i])}'")
        i += 1
    if not 0 <= delivered_ms <= now_ms:
        delivered_ms = now_ms
    return ids, Claim(min_idle_ms, delivered_ms, retries if retries >= 0 else None, force, just_id), last_id


@command(
    "xautoclaim", arity=-6, flags="write fast", keys=(1, 1, 1), group="stream", since="6.2.0",
    summary="Changes, or acquires, ownership of messages in a consumer group, as if the messages were delivered to as "
    "consumer group member.",
    complexity="O(1) if COUNT is small.",
)  # fmt: skip
def xautoclaim(s: Session, argv: list[bytes]) -> Any:
    min_idle_ms = max(integer(argv[4], "ERR Invalid min-idle-time argument for XAUTOCLAIM"), 0)
    start = interval_start(argv[5])
    count, just_id = COUNT_DEFAULT, False
    i = 6
    while i < len(argv):
        option = argv[i].upper()
        if option == b"COUNT" and i + 1 < len(argv):
            i += 1
            count = bounded_integer(argv[i], 1, COUNT_MAX, "ERR COUNT must be > 0")
        elif option == b"JUSTID":
            just_id = True
        else:
            raise CommandError(SYNTAX)
        i += 1
    stream, group = group_of(s, streams.find(s.txn, argv[1]), argv[1], argv[2])
    commit_pending(s)
    opened = OpenGroup(s.txn, stream, group)
    opened.see(argv[3])
    how = Claim(min_idle_ms, s.txn.now_ms, just_id=just_id)
    claimed = streams_pending.auto_claim(opened, argv[3], start, count, how)
    opened.close()
    entries = reply_of(claimed.entries, just_id=just_id)
    return [claimed.cursor.text, entries, [entry_id.text for entry_id in claimed.deleted]]
