"""Micro benchmarks in absolute times: `pytest bench`. A round is one call, which does `units` operations (see
extra_info)."""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import micro

with micro.cases() as _named:
    IDS = [(case.name, contender) for case in _named for contender in case.contenders]


@pytest.fixture(scope="module")
def cases() -> Iterator[dict[str, micro.Case]]:
    with micro.cases() as all_cases:
        yield {case.name: case for case in all_cases}


@pytest.mark.parametrize(("name", "contender"), IDS)
def test_speed(cases: dict[str, micro.Case], benchmark: BenchmarkFixture, name: str, contender: str) -> None:
    case = cases[name]
    case.check()
    benchmark.group = f"{name} (x {case.units})"
    benchmark.extra_info["units"] = case.units
    benchmark(case.contenders[contender])
