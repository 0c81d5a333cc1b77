"""What a checker reports, and what it remembers of an object in order to explain it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, NamedTuple

TRACE_LENGTH = 80
BEGAN = time.monotonic()


def clock_s() -> float:
    """Seconds since this process began: the clock of every trace and of the event log."""
    return time.monotonic() - BEGAN


class Violation(NamedTuple):
    """A promise that was broken. `trace`: the last that happened to the object, oldest first."""

    what: str
    object: str
    trace: tuple[str, ...] = ()


class Trace:
    """The last operations on an object."""

    def __init__(self) -> None:
        self._events: deque[tuple[Any, ...]] = deque(maxlen=TRACE_LENGTH)

    def add(self, *words: Any) -> None:
        """Notes an event."""
        self._events.append((clock_s(), *words))

    def lines(self) -> tuple[str, ...]:
        """For people."""
        return tuple(f"{at:9.3f}  {' '.join(f'{word!s:.40}' for word in words)}" for at, *words in self._events)
