"""XREAD and XREADGROUP: new entries of several streams, or those that a consumer has got already.

A call with BLOCK that finds nothing waits as any blocking call does (see server/blocking.py) and runs again when one of
its keys changes; by then "$" in its arguments has become the id that it stood for. XREADGROUP runs again, too, when a
key is deleted or becomes something else, since then its group is gone: that is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from slotrocks.engine import NULL_ARRAY, TYPE_NAMES, TYPE_STREAM
from slotrocks.engine.types import streams_groups, streams_pending
from slotrocks.engine.types.streams import Stream as OpenStream
from slotrocks.engine.types.streams_groups import OpenGroup
from slotrocks.engine.types.streams_ids import FIRST, LAST, StreamID
from slotrocks.engine.types.streams_rows import Group
from slotrocks.server.arguments import INT64_MAX, integer
from slotrocks.server.blocking import Types
from slotrocks.server.commands.streams import RETURNED, entries_reply, read
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.stream_arguments import strict_id, text_of
from slotrocks.server.streaming import Stream, commit_pending
from slotrocks.server.table import KeysAfterWord, command

STREAMS: Types = frozenset((TYPE_STREAM,))
ANYTHING: Types = frozenset(range(len(TYPE_NAMES)))  # a key that does not exist, too
TAKEN = ((b"BLOCK", 1), (b"COUNT", 1), (b"GROUP", 2))  # the arguments of options before STREAMS


@dataclass(slots=True)
class Call:
    """The arguments before STREAMS. `block_ms` None: does not wait, 0: without an end. `count` None: all. `streams_at`
    is where the keys begin, `keys` how many there are."""

    block_ms: int | None = None
    count: int | None = None
    group: bytes | None = None
    consumer: bytes = b""
    noack: bool = False
    streams_at: int = 0
    keys: int = 0


def parse_call(argv: list[bytes], now_ms: int, *, with_group: bool) -> Call:
    """The arguments of XREAD, or of XREADGROUP."""
    call = Call()
    i = 1
    while i < len(argv):
        option, more = argv[i].upper(), len(argv) - 1 - i
        if option == b"BLOCK" and more:
            i += 1
            call.block_ms = block_ms(argv[i], now_ms)
        elif option == b"COUNT" and more:
            i += 1
            count = integer(argv[i])
            call.count = count if count > 0 else None
        elif option == b"STREAMS" and more:
            if more % 2:
                name, symbol = ("xreadgroup", ">") if with_group else ("xread", "$")
                raise CommandError(
                    f"ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' must be "
                    "specified."
                )
            call.streams_at, call.keys = i + 1, more // 2
            break
        elif option == b"GROUP" and more >= 2:
            if not with_group:
                raise CommandError("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
            call.group, call.consumer = argv[i + 1], argv[i + 2]
            i += 2
        elif option == b"NOACK":
            if not with_group:
                raise CommandError("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
            call.noack = True
        else:
            raise CommandError(SYNTAX)
        i += 1
    if call.streams_at == 0:
        raise CommandError(SYNTAX)
    return call


def block_ms(arg: bytes, now_ms: int) -> int:
    """BLOCK's argument."""
    ms = integer(arg, "ERR timeout is not an integer or out of range")
    if ms < 0:
        raise CommandError("ERR timeout is negative")
    if ms > INT64_MAX - now_ms:
        raise CommandError("ERR timeout is out of range")
    return ms


@command(
    "xread", arity=-4, flags="readonly blocking", keys=KeysAfterWord(b"STREAMS", 1, TAKEN),
    group="stream", since="5.0.0",
    summary="Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message "
    "is available otherwise.",
    complexity="For each stream mentioned: " + RETURNED.format("being "),
    differs="In a cluster redirected by its keys, as in Redis; Kvrocks 2.10 reads what the node happens to have.",
)  # fmt: skip
def xread(s: Session, argv: list[bytes]) -> Any:
    call = parse_call(argv, s.txn.now_ms, with_group=False)
    keys = argv[call.streams_at : call.streams_at + call.keys]
    places = []
    for i, key in enumerate(keys, call.streams_at + call.keys):
        stream = read(s, key)
        if argv[i] == b">":
            raise CommandError(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
            )
        if argv[i] == b"$":
            after = FIRST if stream is None else stream.last_id
            if call.block_ms is not None:
                argv[i] = after.text
        else:
            after = strict_id(argv[i])
        places.append((key, stream, after))
    commit_pending(s)
    found: list[tuple[bytes, Any]] = []
    for key, stream, after in places:
        if stream is None or stream.last_entry_id <= after:
            continue
        entries = entries_reply(s, stream, after.after(), LAST, call.count)
        if entries.__class__ is Stream or entries:
            if found:
                found[-1] = (found[-1][0], whole(found[-1][1]))
            found.append((key, entries))
    return answer(s, found) if found else nothing(s, keys, call, STREAMS)


def whole(entries: list[Any] | Stream) -> list[Any]:
    """Entries that are not the last ones of a reply: only those can go out in slices."""
    return entries.rest() if isinstance(entries, Stream) else entries


def nothing(s: Session, keys: list[bytes], call: Call, types: Types) -> Any:
    """There is nothing to read: waits if that was asked for."""
    return NULL_ARRAY if call.block_ms is None else s.node.blocking.wait(s, keys, types, call.block_ms)


def answer(s: Session, found: list[tuple[bytes, Any]]) -> Any:
    """The reply: keys and their entries, in RESP3 as a map (with a key twice if it was asked for twice). The last
    entries may be a Stream."""
    if found[-1][1].__class__ is not Stream:
        return found if s.protocol == 2 else Stream("map", len(found), chain.from_iterable(found))
    last = found.pop()
    if s.protocol == 2:
        s.writer.array_header(len(found) + 1)
        for pair in found:
            s.writer.write(pair)
        s.writer.array_header(2)
    else:
        s.writer.map_header(len(found) + 1)
        for value in chain.from_iterable(found):
            s.writer.write(value)
    s.writer.write(last[0])
    return last[1]


class Place(NamedTuple):
    """A stream that XREADGROUP reads: behind `after`, LAST for what nobody has got."""

    key: bytes
    stream: OpenStream
    group: Group
    after: StreamID


@command(
    "xreadgroup", arity=-7, flags="write blocking", keys=KeysAfterWord(b"STREAMS", 4, TAKEN),
    group="stream", since="5.0.0",
    summary="Returns new or historical messages from a stream for a consumer in a group. Blocks until a message is "
    "available otherwise.",
    complexity="For each stream mentioned: O(M) with M being the number of elements returned, and, for those that the "
    "consumer has got already, of those that are pending for others in between.",
    differs="In a cluster redirected by its keys, as in Redis; Kvrocks 2.10 is not.",
)  # fmt: skip
def xreadgroup(s: Session, argv: list[bytes]) -> Any:
    call = parse_call(argv, s.txn.now_ms, with_group=True)
    if call.group is None:
        raise CommandError("ERR Missing GROUP option for XREADGROUP")
    keys = argv[call.streams_at : call.streams_at + call.keys]
    places = [
        group_place(s, key, call.group, arg) for key, arg in zip(keys, argv[call.streams_at + call.keys :], strict=True)
    ]
    commit_pending(s)
    found: list[Any] = []
    for i, place in enumerate(places):
        if place.key in keys[:i]:  # read just now
            place = group_place(s, place.key, call.group, argv[call.streams_at + call.keys + i])
        entries = read_group(s, place, call)
        if entries is not None:
            shown = [(entry_id, NULL_ARRAY if fields is None else fields) for entry_id, fields in entries]
            found.append((place.key, shown))
    return answer(s, found) if found else nothing(s, keys, call, ANYTHING)


def group_place(s: Session, key: bytes, group_name: bytes, arg: bytes) -> Place:
    """Where XREADGROUP begins to read one of its streams."""
    stream = read(s, key)
    group = None if stream is None else streams_groups.find(s.txn, stream, group_name)
    if stream is None or group is None:
        raise CommandError(
            f"NOGROUP No such key '{text_of(key)}' or consumer group '{text_of(group_name)}' in XREADGROUP with GROUP "
            "option"
        )
    if arg == b"$":
        raise CommandError(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer "
            "by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty "
            "result set."
        )
    return Place(key, stream, group, LAST if arg == b">" else strict_id(arg))


def read_group(s: Session, place: Place, call: Call) -> list[streams_pending.Shown] | None:
    """What a consumer gets of one stream; None if that is nothing new."""
    if s.waiter is not None and place.after == LAST and place.stream.last_entry_id <= place.group.last_id:
        return None  # woken for something else; that it was seen is noted since it began to wait
    opened = OpenGroup(s.txn, place.stream, place.group)
    consumer = opened.see(call.consumer)
    if place.after != LAST:
        history = streams_pending.read_again(opened, consumer, place.after, call.count)
        opened.close()
        return history
    entries = streams_pending.read_new(opened, call.consumer, call.count, noack=call.noack)
    opened.close()
    return entries or None
