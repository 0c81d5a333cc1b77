"""Reading the arguments that stream commands share: ids, and the ends of ranges. All errors have Redis's texts."""

from __future__ import annotations

from slotrocks.engine.types.streams_ids import FIRST, LAST, U64_MAX, StreamID, parse_id
from slotrocks.server.errors import CommandError

BAD_ID = "ERR Invalid stream ID specified as stream command argument"


def text_of(word: bytes) -> str:
    """A client's word as part of an error."""
    return word.decode("utf-8", "surrogateescape")


def strict_id(arg: bytes) -> StreamID:
    """An id whose sequence number may be left out."""
    try:
        return parse_id(arg)
    except ValueError:
        raise CommandError(BAD_ID) from None


def interval_start(arg: bytes) -> StreamID:
    """Where a range begins: an id, "(" and an id, "-" or "+"."""
    if arg in (b"-", b"+"):
        return FIRST if arg == b"-" else LAST
    try:
        return strict_id(arg[1:]).after() if len(arg) > 1 and arg.startswith(b"(") else strict_id(arg)
    except OverflowError:
        raise CommandError("ERR invalid start ID for the interval") from None


def interval_end(arg: bytes) -> StreamID:
    """Where a range ends: the same, but a sequence number that is left out is the greatest one."""
    if arg in (b"-", b"+"):
        return FIRST if arg == b"-" else LAST
    exclusive = len(arg) > 1 and arg.startswith(b"(")
    try:
        end = parse_id(arg[1:] if exclusive else arg, U64_MAX)
        return end.before() if exclusive else end
    except ValueError:
        raise CommandError(BAD_ID) from None
    except OverflowError:
        raise CommandError("ERR invalid end ID for the interval") from None
