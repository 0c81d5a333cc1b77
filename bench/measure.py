"""Comparisons that hold on a noisy machine: contenders take turns, and ratios are taken within a round.

What disturbs a machine for some seconds disturbs the neighbours in time alike, so it mostly cancels in their ratio;
what hits only one of them makes one bad round, which the median drops. The order of turns is reversed in every other
round, so that none always runs after the same neighbour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """Two rates of one run. `ours` and `theirs` are medians in `unit`; `ratio` is the median of the rounds' ratios, so
    it need not be their quotient."""

    section: str
    what: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: float

    @property
    def name(self) -> str:
        """How thresholds name it: "section/what/peer"."""
        return f"{self.section}/{self.what}/{self.peer}"


def take_turns(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The rates of each contender, a value for each round."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for number in range(rounds):
        for name in order if number % 2 == 0 else reversed(order):
            rates[name].append(contenders[name]())
    return rates


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of ours / theirs within each round."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def compare(section: str, what: str, unit: str, rates: Mapping[str, list[float]], ours: str, peer: str) -> Comparison:
    """The comparison of two of the contenders of `take_turns`."""
    return Comparison(
        section, what, peer, unit, median(rates[ours]), median(rates[peer]), median_ratio(rates[ours], rates[peer])
    )


def calls_per_second(call: Callable[[], Any], seconds: float) -> float:
    """How often `call` runs in a second, measured for about `seconds`."""
    count = 0
    started = time.perf_counter()
    end = started + seconds
    while True:
        call()
        count += 1
        now = time.perf_counter()
        if now >= end:
            return count / (now - started)
