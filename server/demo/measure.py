"""What the clients saw: latencies, pauses and errors, before, during and after the migration.

A client sends a request at a time, one every `interval`. One that waits longer than that holds back those that were
due meanwhile, and counting it as a single slow request would flatter the server ("coordinated omission"). So each of
those counts too, with the time that it would have waited.
"""

from collections import Counter
from enum import Enum


class Phase(Enum):
    """When a request was under way."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class Measurements:
    """Of all clients together."""

    def __init__(self, interval_s: float) -> None:
        self.phase = Phase.BEFORE  # now
        self.requests: Counter[Phase] = Counter()
        self.errors: dict[Phase, Counter[str]] = {phase: Counter() for phase in Phase}
        self._interval_s = interval_s
        self._latencies_s: dict[Phase, list[float]] = {phase: [] for phase in Phase}

    def add(self, begun: Phase, latency_s: float) -> None:
        """A request that ends now. One that overlaps the migration belongs to it."""
        phase = Phase.DURING if begun is Phase.DURING else self.phase
        self.requests[phase] += 1
        latencies = self._latencies_s[phase]
        while latency_s > 0:
            latencies.append(latency_s)
            latency_s -= self._interval_s

    def add_error(self, text: str) -> None:
        """A request failed now: the client got an error, or no answer."""
        self.errors[self.phase][text] += 1

    def percentile_s(self, phase: Phase, percent: float) -> float:
        """The latency that `percent` of the requests did not exceed; 0 without requests."""
        latencies = sorted(self._latencies_s[phase])
        return latencies[min(len(latencies) - 1, int(len(latencies) * percent / 100))] if latencies else 0.0

    def longest_s(self, phase: Phase) -> float:
        """The longest that a client waited for a reply."""
        return max(self._latencies_s[phase], default=0.0)

    def error_count(self, phase: Phase) -> int:
        """Errors in a phase, of every kind."""
        return self.errors[phase].total()
