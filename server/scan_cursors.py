"""SCAN's cursors: numbers that stand for positions in the key space.

A position is a storage key, of any length, so a number can only be a name for it: the node remembers the positions
behind the last CURSORS_MAX numbers that it gave out. A number that it does not know (older than that, made before a
restart, or made up) stands for the beginning: a client then sees keys twice, which SCAN may do, and misses none,
which it may not.

Numbers count up from a random start, so that one from before a restart is not mistaken for a new one, and stay below
2^53 for clients that hold them in a double.
"""

from __future__ import annotations

from random import randrange

CURSORS_MAX = 16384
FIRST_CURSOR_MAX = 2**52


class ScanCursors:
    """The cursors of one node."""

    def __init__(self) -> None:
        self._next = randrange(1, FIRST_CURSOR_MAX)
        self._positions: dict[int, bytes] = {}  # oldest first

    def add(self, position: bytes) -> int:
        """A number for a position."""
        if len(self._positions) == CURSORS_MAX:
            del self._positions[next(iter(self._positions))]
        cursor = self._next
        self._next += 1
        self._positions[cursor] = position
        return cursor

    def position(self, cursor: int) -> bytes:
        """The position of a number; b"" (the beginning) for 0 and for unknown ones."""
        return self._positions.get(cursor, b"")
