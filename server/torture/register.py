"""A register: one value that one client at a time writes and anybody reads, and what a read may return.

The writes have numbers in the order in which they were sent. The writer sends one only when it knows what became of the
one before, so at each moment there is a *floor*: the newest write that is known to be done, by its acknowledgement or
because somebody has read it. A read may return the value of the floor at the time it was sent, or of any later write;
anything else is a lost write, a stale read, or a value that was never written.

A write whose outcome is unknown may still be done much later (it may lie in a buffer of a stopped process). Its
register is retired: never written again, so the rule stays as simple as it is.
"""

from __future__ import annotations

from collections import deque

from slotrocks.server.torture.violation import Trace, Violation

REMEMBERED = 64  # values below the floor, to say how stale a read was

Value = bytes | None
"""None: nothing is there."""


class Register:
    """A register. Empty at first: that counts as write 0."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.retired = False
        self.trace = Trace()
        self._first = 0  # the number of the first value that is remembered
        self._values: deque[Value] = deque([None])
        self._floor = 0
        self._pending = False

    @property
    def value(self) -> Value:
        """The newest value; only certain while no write is under way and the register is not retired."""
        return self._values[-1]

    @property
    def busy(self) -> bool:
        """Whether a write is under way."""
        return self._pending

    def begin_write(self, value: Value) -> None:
        """From now on the value may be there."""
        assert not self._pending and not self.retired
        self.trace.add("write", value)
        self._values.append(value)
        self._pending = True
        while self._floor - self._first > REMEMBERED:
            self._values.popleft()
            self._first += 1

    def acknowledge(self) -> None:
        """The write is done."""
        self.trace.add("acknowledged")
        self._pending = False
        self._floor = self._last

    def refuse(self) -> Violation | None:
        """The write was answered with an error, or could not be sent: it is not done, and must not have been read."""
        self.trace.add("refused")
        self._pending = False
        if self._floor == self._last:
            return self._violation(f"write of {self._values[-1]!r} was refused, but has been read")
        self._values.pop()
        return None

    def lose(self) -> None:
        """Nobody knows what became of the write."""
        self.trace.add("unknown")
        self._pending = False
        self.retired = True

    def begin_read(self) -> int:
        """A read is sent: a token for end_read."""
        return self._floor

    def end_read(self, floor: int, value: Value) -> Violation | None:
        """A read was answered."""
        self.trace.add("read", value)
        remembered = list(self._values)
        for number in range(max(floor, self._first), self._last + 1):
            if remembered[number - self._first] == value:
                self._floor = max(self._floor, number)
                return None
        if floor < self._first:
            return None  # so many writes have been done since it was sent that nobody remembers what it may say
        known = remembered[floor - self._first]
        if value in remembered:
            age = floor - self._first - remembered.index(value)
            text = f"stale: {value!r:.20} was read, {age} writes older than {known!r:.20}, which was done"
        elif value is None:
            text = f"lost: nothing was read, though {known!r:.20} was done"
        else:
            text = f"foreign: {value!r:.20} was read, though {known!r:.20} was done"
        return self._violation(text)

    @property
    def _last(self) -> int:
        return self._first + len(self._values) - 1

    def _violation(self, what: str) -> Violation:
        return Violation(what, self.name, self.trace.lines())
