"""A counter that clients increment by 1: acknowledged <= value <= attempted, it never goes back, and no two increments
make the same value.

A refused attempt was not made. One whose outcome is unknown may be done at any time, or never.
"""

from __future__ import annotations

from slotrocks.server.torture.violation import Trace, Violation


class Counter:
    """A counter."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trace = Trace()
        self.acknowledged = 0
        self.attempted = 0
        self._floor = 0  # the greatest value that is known to have been reached
        self._made: set[int] = set()  # values that acknowledged increments have made

    def begin(self) -> int:
        """An increment is sent: a token for its acknowledgement."""
        self.trace.add("increment")
        self.attempted += 1
        return self._floor

    def acknowledge(self, floor: int, value: int) -> Violation | None:
        """It was answered with the new value."""
        self.trace.add("acknowledged", value)
        self.acknowledged += 1
        if value in self._made:
            return Violation(f"a lost update: two increments have made {value}", self.name, self.trace.lines())
        self._made.add(value)
        return self._check(floor + 1, value, "the reply to an increment")

    def refuse(self) -> None:
        """It is not done, for certain."""
        self.trace.add("refused")
        self.attempted -= 1

    def lose(self) -> None:
        """Nobody knows."""
        self.trace.add("unknown")

    def begin_read(self) -> int:
        """A read is sent: a token for end_read."""
        return self._floor

    def end_read(self, floor: int, value: int) -> Violation | None:
        """A read was answered; 0 if nothing is there."""
        self.trace.add("read", value)
        return self._check(floor, value, "a read")

    def _check(self, at_least: int, value: int, what: str) -> Violation | None:
        if at_least <= value <= self.attempted:
            self._floor = max(self._floor, value, self.acknowledged)
            return None
        kind = "lost increments" if value < at_least else "increments that nobody made"
        text = f"{kind}: {what} says {value}, it must be {at_least} to {self.attempted}"
        return Violation(text, self.name, self.trace.lines())
