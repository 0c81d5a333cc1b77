"""Samples of what took long, by event, as LATENCY shows them: events of at least `latency-monitor-threshold` ms.

An event keeps its last 160 samples, at most one a second (the worst of that second), as in Redis.
"""

from collections import deque
from collections.abc import Sequence

from slotrocks.server.config import Config

SAMPLES_MAX = 160
SPARKS = "_-`"  # sparkline levels of Redis's LATENCY GRAPH: three in each of its rows
GRAPH_ROWS = 4


class Event:
    """The samples (Unix time in seconds, milliseconds) of one event, oldest first."""

    def __init__(self) -> None:
        self.samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES_MAX)
        self.max_ms = 0

    def add(self, ms: int, unix_time: int) -> None:
        """Notes a sample; within one second only the worst is kept."""
        self.max_ms = max(self.max_ms, ms)
        if self.samples and self.samples[-1][0] == unix_time:
            ms = max(ms, self.samples.pop()[1])
        self.samples.append((unix_time, ms))


class Latency:
    """The events of a node."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.events: dict[str, Event] = {}

    def add(self, event: str, ms: int, unix_time: int) -> None:
        """Notes how long an event took, if long enough."""
        threshold_ms = self._config.latency_monitor_threshold
        if threshold_ms and ms >= threshold_ms:
            self.events.setdefault(event, Event()).add(ms, unix_time)

    def reset(self, names: Sequence[str]) -> int:
        """Forgets the named events, or all when none is named. Returns how many there were."""
        gone = [name for name in names or list(self.events) if self.events.pop(name, None) is not None]
        return len(gone)

    def report(self) -> str:
        """LATENCY DOCTOR: the facts for each event, without advice."""
        if not self._config.latency_monitor_threshold and not self.events:
            return (
                'Latency monitoring is disabled. You may use "CONFIG SET latency-monitor-threshold <milliseconds>" '
                "to enable it.\n"
            )
        if not self.events:
            return "No latency spike was observed during the lifetime of this server.\n"
        lines = []
        for name, event in sorted(self.events.items()):
            values = [ms for _, ms in event.samples]
            average = sum(values) / len(values)
            lines.append(
                f"{name}: {len(values)} latency spikes (average {average:.0f}ms, worst of these {max(values)}ms, "
                f"all time high {event.max_ms}ms).\n"
            )
        return "".join(lines)


def graph(name: str, event: Event, now: int) -> str:
    """LATENCY GRAPH: a column for each sample, its height relative to the worst, its age below, read downwards."""
    samples = list(event.samples)
    values = [ms for _, ms in samples]
    low, high = min(values), max(values)
    head = f"{name} - high {high} ms, low {low} ms (all time high {event.max_ms} ms)\n"
    levels = GRAPH_ROWS * len(SPARKS)
    heights = [(ms - low) * (levels - 1) // (high - low) if high > low else 0 for ms in values]
    rows = []
    for row in reversed(range(GRAPH_ROWS)):
        base = row * len(SPARKS)
        rows.append("".join(spark(height - base) for height in heights).rstrip())
    ages = [age_text(now - then) for then, _ in samples]
    for i in range(max(map(len, ages))):
        rows.append("".join(age[i] if i < len(age) else " " for age in ages).rstrip())
    return head + "-" * 80 + "\n" + "\n".join(rows) + "\n"


def spark(height: int) -> str:
    """The character of one row of the graph: how far the column reaches into it."""
    if height < 0:
        return " "
    return SPARKS[height] if height < len(SPARKS) else "|"


def age_text(seconds: int) -> str:
    """ "12s", "3m", "5h" or "2d"."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
