"""A node without sockets (see node_bench.py).

Each test runs twice: with everything still pending in the transaction, and with a commit after each command. There must
be no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from node_bench import Bench, Caller


@pytest.fixture(params=[False, True], ids=["pending", "committed"])
def commits(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def bench(tmp_path: Path, commits: bool) -> Iterator[Bench]:
    bench = Bench(tmp_path, commits=commits)
    yield bench
    bench.close()


@pytest.fixture
def call(bench: Bench) -> Caller:
    """A client of the node."""
    return bench.call
