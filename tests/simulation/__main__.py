"""Migrations of real nodes' state machines in virtual time, under a seeded adversary, until an invariant is broken.

python tests/simulation --minutes 10            new seeds until the time is over
python tests/simulation --seed 123              one seed again, with a trace, as a failure prints it
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulation.runs import fresh_seed, report, run_seeds
from simulation.world import simulate


def main() -> int:
    """The exit status is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(
        prog="python tests/simulation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="run this one only")
    parser.add_argument("--from", dest="first", type=int, help="the first of the seeds")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    options = parser.parse_args()
    if options.seed is not None:
        with tempfile.TemporaryDirectory() as folder:
            result = simulate(options.seed, Path(folder) / "nodes", tracing=True)
        print("\n".join(result.trace))
        print(
            report(result) if result.violation else f"nothing is wrong with seed {options.seed}: {result.steps} steps"
        )
        return int(bool(result.violation))
    first = fresh_seed() if options.first is None else options.first
    totals = run_seeds(first, time.monotonic() + 60 * options.minutes, keep_going=options.keep_going)
    print(totals.text())
    for failure in totals.failures:
        print(report(failure))
    return int(bool(totals.failures))


if __name__ == "__main__":
    sys.exit(main())
