"""A key with an end: written once, with a time to live. It must be there until then, and never again after.

The server's clock is this machine's. It read it between the moment that the write was sent and that of its
acknowledgement, so the end is known up to that interval. Times are Unix times in seconds.
"""

from __future__ import annotations

from slotrocks.server.torture.violation import Trace, Violation

SLACK_S = 0.05  # how exact clocks are taken to be


class Expiring:
    """A key with an end."""

    def __init__(self, name: str, ttl_s: float) -> None:
        self.name = name
        self.ttl_s = ttl_s
        self.trace = Trace()
        self._earliest: float | None = None  # its end; None as long as it is not known to have been written
        self._latest: float | None = None

    def acknowledge(self, sent: float, answered: float) -> None:
        """It was written in this interval."""
        self.trace.add("written, to live", self.ttl_s)
        self._earliest, self._latest = sent + self.ttl_s, answered + self.ttl_s

    def end_read(self, sent: float, answered: float, exists: bool) -> Violation | None:
        """A read that took this interval found the key, or did not."""
        self.trace.add("read", exists)
        if self._earliest is None or self._latest is None:
            return None
        if exists and sent > self._latest + SLACK_S:
            return self._violation(f"came back to life, {sent - self._latest:.3f} s after its end")
        if not exists and answered < self._earliest - SLACK_S:
            return self._violation(f"lost, {self._earliest - answered:.3f} s before its end")
        return None

    def _violation(self, what: str) -> Violation:
        return Violation(what, self.name, self.trace.lines())
