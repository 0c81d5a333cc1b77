"""Streams: adding, trimming, deleting and ranges of entries."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any, NamedTuple

from slotrocks.engine import NULL_ARRAY, OK, TYPE_STREAM
from slotrocks.engine.types import streams, streams_trim
from slotrocks.engine.types.streams import Stream as OpenStream
from slotrocks.engine.types.streams_ids import FIRST, StreamID
from slotrocks.engine.types.streams_trim import Trim
from slotrocks.server.arguments import integer
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.lookup import find
from slotrocks.server.session import Session
from slotrocks.server.stream_arguments import interval_end, interval_start, strict_id
from slotrocks.server.streaming import SLICE_BYTES, SLICE_ITEMS_MAX, Stream, commit_pending
from slotrocks.server.table import command

RETURNED = (
    "O(N) with N being the number of elements {}returned. If N is constant (e.g. always asking for the first 10 "
    "elements with COUNT), you can consider it O(1)."
)


def read(s: Session, key: bytes) -> OpenStream | None:
    """The stream that a command reads, or None. Raises WrongTypeError."""
    m = find(s, key, TYPE_STREAM)
    return None if m is None else streams.of(m)


# -- adding and trimming


class NewEntry(NamedTuple):
    """What XADD and XTRIM were given. `ms` None: an id from the clock, `seq` None: the next free one. `position` is
    that of the id in argv."""

    trim: Trim | None
    ms: int | None
    seq: int | None
    create: bool
    position: int


def parse_options(argv: list[bytes], *, add: bool) -> NewEntry:
    """The options of XADD, up to and with the id, or those of XTRIM."""
    trim: Trim | None = None
    limit: int | None = None
    ms: int | None = None
    seq: int | None = None
    create = True
    i = 2
    while i < len(argv):
        option, more = argv[i].upper(), len(argv) - 1 - i
        if add and option == b"*":
            break
        if option in (b"MAXLEN", b"MINID") and more:
            if trim is not None:
                raise CommandError("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
            sign = argv[i + 1] if more >= 2 and argv[i + 1] in (b"~", b"=") else b""
            i += 2 if sign else 1
            trim = trim_to(option, argv[i])._replace(approximate=sign == b"~")
        elif option == b"LIMIT" and more:
            i += 1
            limit = integer(argv[i])
            if limit < 0:
                raise CommandError("ERR The LIMIT argument must be >= 0.")
        elif add and option == b"NOMKSTREAM":
            create = False
        elif add:
            ms, seq = new_id(argv[i])
            break
        else:
            raise CommandError(SYNTAX)
        i += 1
    return NewEntry(with_limit(trim, limit, required=not add), ms, seq, create, i)


def trim_to(option: bytes, arg: bytes) -> Trim:
    """MAXLEN or MINID with its argument."""
    if option == b"MINID":
        return Trim(-1, strict_id(arg))
    length = integer(arg)
    if length < 0:
        raise CommandError("ERR The MAXLEN argument must be >= 0.")
    return Trim(length)


def with_limit(trim: Trim | None, limit: int | None, *, required: bool) -> Trim | None:
    """The way to trim, with the LIMIT that was given, or the one that approximate trimming has otherwise."""
    if trim is None and limit:
        raise CommandError("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
    if trim is None and required:
        raise CommandError("ERR syntax error, XTRIM must be called with a trimming strategy")
    if limit is not None and (trim is None or not trim.approximate):
        raise CommandError("ERR syntax error, LIMIT cannot be used without the special ~ option")
    if trim is None or not trim.approximate:
        return trim
    return trim._replace(limit=streams_trim.LIMIT_DEFAULT if limit is None else limit)


def new_id(arg: bytes) -> tuple[int, int | None]:
    """XADD's id, when it is not "*"; the sequence number of "ms-*" is None."""
    ms, seq = strict_id(arg[:-1] + b"0" if arg.endswith(b"-*") else arg)
    return ms, None if arg.endswith(b"-*") else seq


@command(
    "xadd", arity=-5, flags="write denyoom fast", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Appends a new message to a stream. Creates the key if it doesn't exist.",
    complexity="O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
    differs="MAXLEN ~ and MINID ~ trim as if Redis's nodes had 100 entries each, however long.",
)  # fmt: skip
def xadd(s: Session, argv: list[bytes]) -> Any:
    options = parse_options(argv, add=True)
    fields = argv[options.position + 1 :]
    if not fields or len(fields) % 2:
        raise CommandError("ERR wrong number of arguments for 'xadd' command")
    if options.ms == 0 and options.seq == 0:
        raise CommandError("ERR The ID specified in XADD must be greater than 0-0")
    stream = streams.find(s.txn, argv[1])
    if stream is None:
        if not options.create:
            return None
        stream = streams.create(s.txn, argv[1])
    try:
        entry_id = streams.next_id(stream, s.txn.now_ms, options.ms, options.seq)
    except streams.ExhaustedError:
        raise CommandError("ERR The stream has exhausted the last possible ID, unable to add more items") from None
    except streams.IDTooSmallError:
        raise CommandError("ERR The ID specified in XADD is equal or smaller than the target stream top item") from None
    if options.trim is not None:
        commit_pending(s)
    streams.append(s.txn, stream, entry_id, fields)
    if options.trim is not None:
        streams_trim.trim(s.txn, stream, options.trim)
    stream.store(s.txn)
    return entry_id.text


@command(
    "xtrim", arity=-4, flags="write", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Deletes messages from the beginning of a stream.",
    complexity="O(N), with N being the number of evicted entries, or of those that stay if these are fewer.",
    differs="With ~ as if Redis's nodes had 100 entries each, however long.",
)  # fmt: skip
def xtrim(s: Session, argv: list[bytes]) -> Any:
    how = parse_options(argv, add=False).trim
    assert how is not None
    stream = streams.find(s.txn, argv[1])
    if stream is None:
        return 0
    commit_pending(s)
    trimmed = streams_trim.trim(s.txn, stream, how)
    if trimmed:
        stream.store(s.txn)
    return trimmed


@command(
    "xdel", arity=-3, flags="write fast", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Returns the number of messages after removing them from a stream.",
    complexity="O(1) for each single item to delete in the stream, regardless of the stream size.",
)  # fmt: skip
def xdel(s: Session, argv: list[bytes]) -> Any:
    stream = streams.find(s.txn, argv[1])
    if stream is None:
        return 0
    return streams.delete(s.txn, stream, [strict_id(arg) for arg in argv[2:]])


@command(
    "xsetid", arity=-3, flags="write denyoom fast", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="An internal command for replicating stream values.",
    differs="Counts as a change to those who WATCH the stream. A key that is not there is an error (Kvrocks makes a "
    "stream).",
)  # fmt: skip
def xsetid(s: Session, argv: list[bytes]) -> Any:
    last_id = strict_id(argv[2])
    max_deleted_id = FIRST
    entries_added: int | None = None
    for i in range(3, len(argv), 2):
        option = argv[i].upper()
        if option == b"ENTRIESADDED" and i + 1 < len(argv):
            entries_added = integer(argv[i + 1])
            if entries_added < 0:
                raise CommandError("ERR entries_added must be positive")
        elif option == b"MAXDELETEDID" and i + 1 < len(argv):
            max_deleted_id = strict_id(argv[i + 1])
            if last_id < max_deleted_id:
                raise CommandError("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
        else:
            raise CommandError(SYNTAX)
    stream = streams.find(s.txn, argv[1])
    if stream is None:
        # A Kvrocks node that migrates an empty stream here has XSETID make it, which it does there.
        if s.importing is None or not entries_added or max_deleted_id == FIRST:
            raise CommandError("ERR no such key")
        stream = streams.create(s.txn, argv[1])
    try:
        streams.set_id(s.txn, stream, last_id, entries_added, max_deleted_id)
    except streams.XSetIDError as error:
        raise CommandError(f"ERR {error}") from None
    return OK


# -- reading


@command(
    "xlen", arity=2, flags="readonly fast", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Return the number of messages in a stream.",
)  # fmt: skip
def xlen(s: Session, argv: list[bytes]) -> Any:
    stream = read(s, argv[1])
    return 0 if stream is None else stream.size


@command(
    "xrange", arity=-4, flags="readonly", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Returns the messages from a stream within a range of IDs.", complexity=RETURNED.format("being "),
)  # fmt: skip
def xrange(s: Session, argv: list[bytes]) -> Any:
    return entries_between(s, argv, argv[2], argv[3], reverse=False)


@command(
    "xrevrange", arity=-4, flags="readonly", keys=(1, 1, 1), group="stream", since="5.0.0",
    summary="Returns the messages from a stream within a range of IDs in reverse order.",
    complexity=RETURNED.format(""),
)  # fmt: skip
def xrevrange(s: Session, argv: list[bytes]) -> Any:
    return entries_between(s, argv, argv[3], argv[2], reverse=True)


def entries_between(s: Session, argv: list[bytes], start_arg: bytes, end_arg: bytes, *, reverse: bool) -> Any:
    """XRANGE and XREVRANGE."""
    start, end = interval_start(start_arg), interval_end(end_arg)
    count: int | None = None
    for i in range(4, len(argv), 2):
        if argv[i].upper() != b"COUNT" or i + 1 == len(argv):
            raise CommandError(SYNTAX)
        count = max(integer(argv[i + 1]), 0)
    stream = read(s, argv[1])
    if stream is None:
        return []
    if count == 0:
        return NULL_ARRAY
    commit_pending(s)
    return entries_reply(s, stream, start, end, count, reverse=reverse)


def entries_reply(
    s: Session, stream: OpenStream, start: StreamID, end: StreamID, count: int | None, *, reverse: bool = False
) -> list[Any] | Stream:
    """The entries in a range. If they are many they are counted first: the reply begins with how many."""
    rows = islice(streams.rows(s.txn, stream, start, end, reverse=reverse), count)
    first = []
    size = 0
    for row in rows:
        first.append(row)
        size += len(row[1])
        if size >= SLICE_BYTES or len(first) == SLICE_ITEMS_MAX:
            break
    else:
        return list(streams.show(iter(first)))
    total = streams.count(s.txn, stream, start, end)
    return Stream("array", total if count is None else min(total, count), streams.show(chain(first, rows)))
