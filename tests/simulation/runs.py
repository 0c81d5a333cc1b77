"""Many seeds, and what came of them."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from simulation.world import Result, simulate


@dataclass
class Totals:
    """Of many seeds."""

    first: int
    seconds: float = 0.0
    seeds: int = 0
    migrations: int = 0
    moved: int = 0
    crashes: int = 0
    faults: int = 0
    acknowledged: int = 0
    steps: int = 0
    failures: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Counts a seed."""
        self.seeds += 1
        for name in ("migrations", "moved", "crashes", "faults", "acknowledged", "steps"):
            setattr(self, name, getattr(self, name) + getattr(result, name))
        if result.violation:
            self.failures.append(result)

    def text(self) -> str:
        """For people."""
        return (
            f"seeds {self.first} to {self.first + self.seeds - 1} in {self.seconds:.1f} s: {self.migrations} migrations"
            f" ({60 * self.migrations / max(self.seconds, 0.001):.0f} a minute), {self.moved} slots moved,"
            f" {self.crashes} crashes, {self.faults} other faults, {self.acknowledged} acknowledged writes,"
            f" {self.steps} steps, {len(self.failures)} failures"
        )


def fresh_seed() -> int:
    """One that was hardly ever run before."""
    return int.from_bytes(os.urandom(4), "big")


def report(result: Result) -> str:
    """What was wrong, and how to see it again."""
    return f"seed {result.seed}: {result.violation}\n    python tests/simulation --seed {result.seed}"


def run_seeds(first: int, until: float, seeds_max: int | None = None, *, keep_going: bool = False) -> Totals:
    """Runs seeds from `first` on, until a time of time.monotonic(), so many, or a failure."""
    totals = Totals(first)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        for seed in count(first):
            totals.add(simulate(seed, Path(folder) / str(seed)))
            if time.monotonic() >= until or totals.seeds == seeds_max or (totals.failures and not keep_going):
                break
    totals.seconds = time.monotonic() - begin
    return totals
