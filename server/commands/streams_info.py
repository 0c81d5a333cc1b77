"""XINFO: what there is to know about a stream, its consumer groups and their consumers.

There is no radix tree here. XINFO STREAM tells how many keys Redis's would have if its nodes were full.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from slotrocks.engine.types import streams, streams_groups
from slotrocks.engine.types.streams import Stream
from slotrocks.engine.types.streams_rows import ENTRIES_READ_UNKNOWN, NEVER_ACTIVE, Group, Pending
from slotrocks.engine.types.streams_trim import NODE_ENTRIES
from slotrocks.server.arguments import integer
from slotrocks.server.commands.streams import read
from slotrocks.server.commands.streams_groups import bad_subcommand, no_group
from slotrocks.server.errors import CommandError
from slotrocks.server.help_text import help_reply
from slotrocks.server.session import Session
from slotrocks.server.streaming import commit_pending
from slotrocks.server.table import command

FULL_COUNT_DEFAULT = 10
HELP = """
    CONSUMERS <key> <groupname>
        Show consumers of <groupname>.
    GROUPS <key>
        Show the stream consumer groups.
    STREAM <key> [FULL [COUNT <count>]
        Show information about the stream.
"""


def stream_of(s: Session, key: bytes) -> Stream:
    """The stream at a key that has to exist."""
    stream = read(s, key)
    if stream is None:
        raise CommandError("ERR no such key")
    return stream


@command("xinfo", arity=-2, group="stream", since="5.0.0", summary="A container for stream introspection commands.",
         complexity="Depends on subcommand.")  # fmt: skip
def xinfo(s: Session, argv: list[bytes]) -> Any:
    raise AssertionError("a container is never called")


@command(
    "xinfo|stream", arity=-3, flags="readonly", keys=(2, 2, 1), group="stream", since="5.0.0",
    summary="Returns information about a stream.",
    differs="radix-tree-keys and radix-tree-nodes are what they would be with full nodes.",
)  # fmt: skip
def info_stream(s: Session, argv: list[bytes]) -> Any:
    stream = stream_of(s, argv[2])
    options = [word.upper() for word in argv[3:]]
    if options and options not in ([b"FULL"], [b"FULL", b"COUNT", *options[2:3]]):
        raise bad_subcommand(argv)
    if len(options) == 2:
        raise bad_subcommand(argv)
    count = integer(options[2]) if len(options) == 3 else FULL_COUNT_DEFAULT
    if count < 0:
        count = FULL_COUNT_DEFAULT
    commit_pending(s)
    nodes = -(-stream.size // NODE_ENTRIES)
    info = {
        b"length": stream.size,
        b"radix-tree-keys": nodes,
        b"radix-tree-nodes": nodes + 1,
        b"last-generated-id": stream.last_id.text,
        b"max-deleted-entry-id": stream.max_deleted_id.text,
        b"entries-added": stream.entries_added,
        b"recorded-first-entry-id": stream.first_id.text,
    }
    if options:
        limit = count or None
        info[b"entries"] = list(streams.show(streams.rows(s.txn, stream), limit))
        info[b"groups"] = [group_in_full(s, stream, group, limit) for group in streams_groups.groups(s.txn, stream)]
    else:
        info[b"groups"] = stream.groups
        info[b"first-entry"] = next(streams.show(streams.rows(s.txn, stream)), None)
        info[b"last-entry"] = next(streams.show(streams.rows(s.txn, stream, reverse=True)), None)
    return info


def progress(stream: Stream, group: Group) -> dict[bytes, Any]:
    """How far a group has read."""
    return {
        b"last-delivered-id": group.last_id.text,
        b"entries-read": None if group.entries_read == ENTRIES_READ_UNKNOWN else group.entries_read,
        b"lag": streams.lag(stream, group.last_id, group.entries_read),
    }


def group_in_full(s: Session, stream: Stream, group: Group, limit: int | None) -> dict[bytes, Any]:
    """A group with its consumers and at most `limit` pending entries of the group, and of each consumer."""
    consumers = streams_groups.consumers(s.txn, stream, group.name)
    wanted = {each.name: each.pending if limit is None else min(each.pending, limit) for each in consumers}
    missing = sum(wanted.values())
    shown: list[Any] = []
    owned: defaultdict[bytes, list[Pending]] = defaultdict(list)
    for row in streams_groups.pending(s.txn, stream, group.name):
        if limit is None or len(shown) < limit:
            shown.append((row.id.text, row.consumer, row.delivered_ms, row.deliveries))
        if len(owned[row.consumer]) < wanted.get(row.consumer, 0):
            owned[row.consumer].append(row)
            missing -= 1
        if missing == 0:
            break
    return {
        b"name": group.name,
        **progress(stream, group),
        b"pel-count": group.pending,
        b"pending": shown,
        b"consumers": [
            {
                b"name": each.name,
                b"seen-time": each.seen_ms,
                b"active-time": each.active_ms,
                b"pel-count": each.pending,
                b"pending": [(row.id.text, row.delivered_ms, row.deliveries) for row in owned[each.name]],
            }
            for each in consumers
        ],
    }


@command(
    "xinfo|groups", arity=3, flags="readonly", keys=(2, 2, 1), group="stream", since="5.0.0",
    summary="Returns a list of the consumer groups of a stream.",
)  # fmt: skip
def info_groups(s: Session, argv: list[bytes]) -> Any:
    stream = stream_of(s, argv[2])
    return [
        {b"name": group.name, b"consumers": group.consumers, b"pending": group.pending, **progress(stream, group)}
        for group in streams_groups.groups(s.txn, stream)
    ]


@command(
    "xinfo|consumers", arity=4, flags="readonly", keys=(2, 2, 1), group="stream", since="5.0.0",
    summary="Returns a list of the consumers in a consumer group.",
)  # fmt: skip
def info_consumers(s: Session, argv: list[bytes]) -> Any:
    stream = stream_of(s, argv[2])
    if streams_groups.find(s.txn, stream, argv[3]) is None:
        raise no_group(argv[2], argv[3])
    now_ms = s.txn.now_ms
    return [
        {
            b"name": each.name,
            b"pending": each.pending,
            b"idle": max(now_ms - each.seen_ms, 0),
            b"inactive": NEVER_ACTIVE if each.active_ms == NEVER_ACTIVE else now_ms - each.active_ms,
        }
        for each in streams_groups.consumers(s.txn, stream, argv[3])
    ]


@command("xinfo|help", arity=2, flags="loading stale", group="stream", since="5.0.0",
         summary="Returns helpful text about the different subcommands.")  # fmt: skip
def xinfo_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("xinfo", HELP)
