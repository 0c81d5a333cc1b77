"""The simulation: fixed seeds, fresh ones for a while, that a seed always does the same, and that bugs are found."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulation.mutations import MUTATIONS
from simulation.runs import fresh_seed, report, run_seeds
from simulation.world import simulate

SECONDS = 5.0


@pytest.mark.parametrize("first", [1, 1000])
def test_nothing_is_wrong_with_fixed_seeds(first: int) -> None:
    totals = run_seeds(first, time.monotonic() + 60, seeds_max=8)
    assert not totals.failures, report(totals.failures[0])
    assert totals.moved > totals.seeds
    assert totals.crashes + totals.faults > totals.seeds


def test_nothing_is_wrong_with_fresh_seeds() -> None:
    totals = run_seeds(fresh_seed(), time.monotonic() + SECONDS)
    print(totals.text())
    assert not totals.failures, report(totals.failures[0])


def test_a_seed_always_does_the_same(tmp_path: Path) -> None:
    one, other = (simulate(7, tmp_path / "nodes", tracing=True) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.__name__)
def test_a_bug_is_found(mutation: Callable[[], Any]) -> None:
    with mutation():
        assert run_seeds(18, time.monotonic() + 30).failures
