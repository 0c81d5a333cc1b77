"""Counters that INFO shows, and the rates that it derives from them."""

from __future__ import annotations

from collections import Counter, deque

from slotrocks.engine import Counters

SAMPLES = 16


class Rate:
    """A counter's growth per second, averaged over the last samples."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES)

    def sample(self, now: float, count: int) -> None:
        """Notes the counter's value at a monotonic time in seconds."""
        self._samples.append((now, count))

    @property
    def per_second(self) -> float:
        if len(self._samples) < 2:
            return 0.0
        (then, before), (now, count) = self._samples[0], self._samples[-1]
        return (count - before) / (now - then) if now > then else 0.0


class Stats(Counters):
    """Since the start, or CONFIG RESETSTAT."""

    def __init__(self) -> None:
        self.commands = Rate()
        self.input_bytes = Rate()
        self.output_bytes = Rate()
        self.reset()

    def reset(self) -> None:
        """Sets every counter to zero."""
        self.connections_received = 0
        self.rejected_connections = 0
        self.net_input_bytes = 0
        self.net_output_bytes = 0
        self.keyspace_hits = 0
        self.keyspace_misses = 0
        self.expired_keys = 0
        self.error_replies: Counter[str] = Counter()
