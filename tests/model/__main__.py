"""Random command sequences against Slotrocks and redis-server, for as long as one likes.

python tests/model --minutes 10              new sequences until the time is over or a difference is found
python tests/model --seed 123                one sequence again, as a failure prints it
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from random_compare import LENGTH, check, fresh_seed
from twins import Twins

import servers


def main() -> int:
    """The exit status is 1 if there was a difference."""
    parser = argparse.ArgumentParser(prog="python tests/model", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, help="the first (with --minutes 0, the only) sequence's seed")
    parser.add_argument("--length", type=int, default=LENGTH, help="commands in a sequence")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first difference")
    options = parser.parse_args()
    seed = fresh_seed() if options.seed is None else options.seed
    minutes = 0 if options.seed is not None and "--minutes" not in sys.argv else options.minutes
    end = time.monotonic() + 60 * minutes
    status = done = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.start_redis(Path(folder)) as redis,
        servers.start_slotrocks(Path(folder)) as slotrocks,
    ):
        twins = Twins(slotrocks.port, redis.port)
        while True:
            report = check(twins, seed, options.length)
            done += 1
            seed += 1
            if report is not None:
                print(report, flush=True)
                status = 1
            if time.monotonic() >= end or (report is not None and not options.keep_going):
                break
        print(f"{done} sequences, {twins.compared} replies compared, the last seed was {seed - 1}")
        log = slotrocks.log.read_text()
        if "Traceback" in log:
            print(f"the node's log:\n{log}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
