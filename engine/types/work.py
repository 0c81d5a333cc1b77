"""Work that may be long: a generator that yields now and then, so that its caller can let others run, and returns its
result. What it reads is the database as it was when the first step ran, whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Work = Generator[None, None, T]

# How many rows of about a kilobyte are worked on between two yields: a few milliseconds.
STEP_ROWS = 1024


def complete(work: Work[T]) -> T:
    """Does some work in one go; its result."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
