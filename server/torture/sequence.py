"""A sequence: one client appends 1, 2, 3, …; it repeats a number until that is acknowledged.

Afterwards the list must have every acknowledged number, in order, without a gap. A number may be there more often than
once only if an attempt's outcome was unknown, and at most once for each such attempt; the extra ones may stand anywhere
behind the first, since an attempt that was given up may still be done later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence as Sequenced

from slotrocks.server.torture.violation import Trace, Violation


class Sequence:
    """The list that one client appends to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trace = Trace()
        self.acknowledged = 0  # the greatest number
        self.lost: Counter[int] = Counter()  # number -> attempts whose outcome is unknown

    @property
    def next(self) -> int:
        """The number to append."""
        return self.acknowledged + 1

    def begin(self) -> int:
        """An attempt is sent."""
        self.trace.add("append", self.next)
        return self.next

    def acknowledge(self) -> None:
        """It is done."""
        self.trace.add("acknowledged")
        self.acknowledged += 1

    def refuse(self) -> None:
        """It is not done, for certain."""
        self.trace.add("refused")

    def lose(self) -> None:
        """Nobody knows."""
        self.trace.add("unknown")
        self.lost[self.next] += 1

    def times_max(self, number: int) -> int:
        """How often a number may be there."""
        return self.lost[number] + (number <= self.acknowledged)

    def check(self, found: Sequenced[int]) -> list[Violation]:
        """What is wrong with the list as it was read while no attempt was under way."""
        wrong = []
        counts = Counter(found)
        first_ones = list(dict.fromkeys(found))
        missing = [number for number in range(1, self.acknowledged + 1) if not counts[number]]
        if missing:
            wrong.append(f"lost: {_shown(missing)}, acknowledged up to {self.acknowledged}")
        surplus = [number for number, count in counts.items() if count > self.times_max(number)]
        duplicates = [number for number in surplus if self.times_max(number)]
        if duplicates:
            wrong.append(f"duplicate without an unknown outcome: {_shown(duplicates)}")
        foreign = [number for number in surplus if not self.times_max(number)]
        if foreign:
            wrong.append(f"never appended: {_shown(foreign)}")
        if first_ones != sorted(first_ones):
            at = next(i for i in range(1, len(first_ones)) if first_ones[i] < first_ones[i - 1])
            wrong.append(f"out of order: {first_ones[at]} behind {first_ones[at - 1]}")
        return [Violation(what, self.name, self.trace.lines()) for what in wrong]


def _shown(numbers: list[int]) -> str:
    return f"{len(numbers)} numbers ({', '.join(map(str, numbers[:8]))}{' …' if len(numbers) > 8 else ''})"
