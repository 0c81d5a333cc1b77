"""A queue: one client appends 1, 2, 3, … as to a sequence, another takes them from the front and may block.

A number must not be taken more often than it may be there, none that was acknowledged may be gone without having been
taken (each taking whose outcome is unknown excuses one), and they come in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence as Sequenced

from slotrocks.server.torture.sequence import Sequence
from slotrocks.server.torture.violation import Violation


class Fifo(Sequence):
    """A queue between two clients."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.taken: Counter[int] = Counter()
        self.takes_lost = 0
        self._newest_taken = 0

    def take(self, number: int) -> Violation | None:
        """The consumer was given a number."""
        self.trace.add("taken", number)
        self.taken[number] += 1
        under_way = number == self.next  # its acknowledgement may come after the element
        if self.taken[number] > self.times_max(number) + under_way:
            return Violation(f"{number} was taken {self.taken[number]} times", self.name, self.trace.lines())
        if number < self._newest_taken and not self.lost[number]:
            return Violation(f"{number} was taken after {self._newest_taken}", self.name, self.trace.lines())
        self._newest_taken = max(self._newest_taken, number)
        return None

    def lose_take(self) -> None:
        """The consumer lost its connection while it waited."""
        self.trace.add("a taking is unknown")
        self.takes_lost += 1

    def check(self, found: Sequenced[int]) -> list[Violation]:
        """What is wrong with what is left in the queue, while nothing is under way."""
        counts = Counter(found) + self.taken
        missing = [number for number in range(1, self.acknowledged + 1) if not counts[number]]
        wrong = []
        if len(missing) > self.takes_lost:
            shown = ", ".join(map(str, missing[:8]))
            wrong.append(f"lost: {len(missing)} numbers ({shown}), {self.takes_lost} takings are unknown")
        surplus = [number for number, count in counts.items() if count > self.times_max(number)]
        if surplus:
            wrong.append(f"taken and still there, or never appended: {surplus[:8]}")
        return [Violation(what, self.name, self.trace.lines()) for what in wrong]
