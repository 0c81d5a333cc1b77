"""Random commands against Slotrocks and redis-server, for as long as one likes.

python tests/model --minutes 10                 new sequences until the time is over or a reply differs
python tests/model --seed 123                   one sequence again, as a failure prints it
python tests/model --node="--rocksdb.row_cache_size 0"      flags for the node: sizes chosen to hurt
python tests/model crash --minutes 10           kill -9 under load, until something is wrong
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from crash_rounds import Crashes
from random_compare import LENGTH, check, fresh_seed
from twins import Twins

import servers


def main() -> int:
    """The exit status is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(
        prog="python tests/model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("compare", "crash"), default="compare")
    parser.add_argument("--minutes", type=float, help="default: 1, or with --seed one sequence")
    parser.add_argument("--seed", type=int, help="of the first sequence")
    parser.add_argument("--length", type=int, default=LENGTH, help="commands in a sequence")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first difference")
    parser.add_argument("--node", default="", help="flags for `slotrocks serve`")
    options = parser.parse_args()
    if options.minutes is None:
        options.minutes = 1 if options.seed is None else 0
    if options.seed is None:
        options.seed = fresh_seed()
    with tempfile.TemporaryDirectory() as folder, servers.start_redis(Path(folder)) as redis:
        return (crash if options.what == "crash" else compare)(Path(folder), redis, options)


def compare(folder: Path, redis: servers.Server, options: argparse.Namespace) -> int:
    """One sequence after the other."""
    end = time.monotonic() + 60 * options.minutes
    status = 0
    seed = options.seed
    with servers.start_slotrocks(folder, *options.node.split()) as slotrocks:
        twins = Twins(slotrocks.port, redis.port)
        while True:
            report = check(twins, seed, options.length)
            seed += 1
            if report is not None:
                print(report, flush=True)
                status = 1
            if time.monotonic() >= end or (report is not None and not options.keep_going):
                break
        print(f"{seed - options.seed} sequences, {twins.compared} replies compared, the last seed was {seed - 1}")
        log = slotrocks.log.read_text()
    if "Traceback" in log:
        print(f"the node's log:\n{log}")
        status = 1
    return status


def crash(folder: Path, redis: servers.Server, options: argparse.Namespace) -> int:
    """One crash after the other."""
    end = time.monotonic() + 60 * options.minutes
    crashes = Crashes(folder, redis, options.seed)
    report = None
    try:
        while report is None and time.monotonic() < end:
            report = crashes.round()
    finally:
        crashes.close()
    print(report or f"{crashes.rounds} crashes, {crashes.commands} acknowledged commands, nothing wrong")
    return 0 if report is None else 1


if __name__ == "__main__":
    sys.exit(main())
