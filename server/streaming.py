"""Replies of many elements (HGETALL, SMEMBERS …), written in slices, so that a large one neither stops the loop nor is
ever in memory as a whole.

A handler returns a Stream: how many elements there will be and an iterator over them, which shows the moment at which
it was made (as Transaction.scan() does). If the first slice is not the whole reply, the session is suspended, and the
connection asks for the next slice when the one before has gone out and the client takes more; other clients have their
turn in between. Out-of-band messages wait for the end of the reply (Session.push()). A client that goes away takes its
iterator with it.

Inside MULTI the reply is part of another one and nothing may come between the commands, so there it is written whole.

The header says how many elements follow before they are read. A collection whose metadata counts wrongly (no such thing
is written here) is answered with what there is if that fits one slice; else the connection is closed: no client
could read on after a reply that is too short.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

from slotrocks.engine import ReplyWriter, Unwritten
from slotrocks.server.session import Session

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

SLICE_BYTES = 64 << 10
SLICE_ITEMS_MAX = 1024
# What earlier commands of the tick left uncommitted has to be sorted into each scan: beyond this it is committed first.
PENDING_ROWS_MAX = 256

_HEADERS = {"array": ReplyWriter.array_header, "set": ReplyWriter.set_header, "map": ReplyWriter.map_header}


class Stream(Unwritten):
    """An array, a set or a map as a reply. `count` is that of its elements, of a map's pairs; `items` are the replies
    that follow the header, a map's keys and values in turn."""

    __slots__ = ("_items", "_left", "kind", "pushed")

    def __init__(self, kind: Literal["array", "set", "map"], count: int, items: Iterable[Any]) -> None:
        self.kind = kind
        self.pushed: list[Any] = []  # out-of-band messages that wait for the end
        self._items: Iterator[Any] = iter(items)
        self._left = 2 * count if kind == "map" else count

    @classmethod
    def of_pairs(cls, count: int, pairs: Iterable[tuple[bytes, bytes]]) -> Stream:
        """A map."""
        return cls("map", count, chain.from_iterable(pairs))

    def begin(self, writer: ReplyWriter) -> bool:
        """Writes the header and the first slice. Whether that was all. Raises ValueError, see go_on()."""
        items, more = self._take_first()
        if not more:
            self._left = len(items)
        elif len(items) > self._left:
            raise ValueError(f"more elements than the announced {self._left}")
        self._write_header(writer, self._left)
        self._write(writer, items)
        return self._left == 0

    def go_on(self, writer: ReplyWriter) -> bool:
        """Writes the next slice. Whether it was the last. Raises ValueError if it cannot be as announced."""
        end = writer.size + SLICE_BYTES
        left = self._left
        for item in islice(self._items, min(left, SLICE_ITEMS_MAX)):
            writer.write(item)
            self._left -= 1
            if writer.size >= end:
                break
        else:
            if self._left and left - self._left < SLICE_ITEMS_MAX:
                raise ValueError(f"{self._left} elements less than announced")
        return self._left == 0

    def write_whole(self, writer: ReplyWriter) -> None:
        """Writes everything at once."""
        items = list(self._items)
        self._left = len(items)
        self._write_header(writer, self._left)
        self._write(writer, items)

    def rest(self) -> list[Any]:
        """All the items that have not been written, for who cannot stream them."""
        return list(self._items)

    def _take_first(self) -> tuple[list[Any], bool]:
        """(the first slice, whether there may be more)."""
        items = []
        size = 0
        for item in self._items:
            items.append(item)
            size += weight(item)
            if size >= SLICE_BYTES or len(items) == SLICE_ITEMS_MAX:
                return items, True
        return items, False

    def _write_header(self, writer: ReplyWriter, count: int) -> None:
        _HEADERS[self.kind](writer, count // 2 if self.kind == "map" else count)

    def _write(self, writer: ReplyWriter, items: list[Any]) -> None:
        self._left -= len(items)
        for item in items:
            writer.write(item)


def weight(item: Any) -> int:
    """About how many bytes an item takes."""
    if item.__class__ is bytes:
        return len(item)
    return sum(map(weight, item)) if isinstance(item, list | tuple) else 16


def send(session: Session, stream: Stream) -> None:
    """Answers with a stream: the first slice now, the others as the client takes them."""
    if session.reply_mode != "on":  # CLIENT REPLY OFF or SKIP: nobody reads it
        return
    if not stream.begin(session.writer):
        session.suspend()
        session.asking = False
        session.stream = stream


def advance(session: Session) -> None:
    """Writes the next slice of a session's stream, after the last one what was pushed meanwhile."""
    stream = session.stream
    assert stream is not None
    try:
        if not stream.go_on(session.writer):
            return
    except Exception:
        log.exception("closing %s in the middle of a reply", session.link.peer_name)
        session.link.close(after_replies=False)
        return
    session.stream = None
    session.suspended = False
    for value in stream.pushed:
        session.writer.write(value)


def commit_pending(session: Session) -> None:
    """Before a command scans: commits what earlier commands left, if it is much. Not inside MULTI, where they and this
    one are one change, nor when the reply will be dropped, which needs the replies before it where they are."""
    node: Node = session.node
    if session.queue is None and session.reply_mode == "on" and session.txn.pending_rows > PENDING_ROWS_MAX:
        node.tick.end()
