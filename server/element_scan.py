"""HSCAN and SSCAN: enumerating a collection's elements in steps.

The elements are rows in the order of their sub-keys, and a cursor stands for the last one that was looked at (see
scan_cursors.py). So what is there from the beginning to the end of a scan is returned exactly once, unless the cursor
is not known any more: then the scan begins anew.

A collection that Redis would keep in one piece is returned whole, whatever COUNT says, as Redis does: there are clients
that rely on it. On the other hand one call never looks at more than COUNT_MAX elements.
"""

from __future__ import annotations

from slotrocks.engine import Metadata, prefix_end
from slotrocks.engine.types import elements
from slotrocks.engine.types.elements import Element
from slotrocks.server.commands.scan import parse_cursor, parse_scan_options
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.glob import literal_prefix, matcher
from slotrocks.server.lookup import find
from slotrocks.server.session import Session
from slotrocks.server.streaming import commit_pending

WHOLE_ELEMENTS_MAX = 128  # hash-max-listpack-entries, set-max-listpack-entries
COUNT_MAX = 10_000


def scan_elements(s: Session, argv: list[bytes], kind: int) -> tuple[bytes, list[Element]]:
    """One call of HSCAN or SSCAN (command, key, cursor, options): (the next cursor, the elements found). Raises
    CommandError, WrongTypeError."""
    cursor = parse_cursor(argv[2])
    m = find(s, argv[1], kind)
    if m is None:
        return b"0", []
    pattern, type_id, count = parse_scan_options(argv[1:])
    if type_id is not None:
        raise CommandError(SYNTAX)
    commit_pending(s)
    return step(s, m, cursor, pattern, WHOLE_ELEMENTS_MAX if m.size <= WHOLE_ELEMENTS_MAX else min(count, COUNT_MAX))


def step(s: Session, m: Metadata, cursor: int, pattern: bytes | None, count: int) -> tuple[bytes, list[Element]]:
    """Looks at `count` elements."""
    cursors = s.node.scan_cursors
    # Not with the collection's version: the same elements may get a new one (SUNIONSTORE a a).
    head = s.txn.codec.subkey(m.key, 0, b"")
    position = cursors.position(cursor)
    begin = position[len(head) :] + b"\0" if position.startswith(head) else b""
    end = None
    matches = None
    if pattern is not None:
        matches = matcher(pattern)
        prefix, _ = literal_prefix(pattern)
        begin = max(begin, prefix)
        end = None if not prefix.rstrip(b"\xff") else prefix_end(prefix)
        if end is not None and begin >= end:
            return b"0", []
    found: list[Element] = []
    last = b""
    for examined, element in enumerate(elements.walk(s.txn, m, begin=begin, end=end)):
        if examined == count:
            return b"%d" % cursors.add(head + last), found
        last = element[0]
        if matches is None or matches(last):
            found.append(element)
    return b"0", found
