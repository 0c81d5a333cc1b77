"""Kills a node under load, for as long as one likes, and says what is wrong afterwards.

python tests/crash --minutes 10
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from crash_rounds import Crashes

import servers


def main() -> int:
    """The exit status is 1 if something was wrong."""
    parser = argparse.ArgumentParser(prog="python tests/crash", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder, servers.start_redis(Path(folder)) as redis:
        crashes = Crashes(Path(folder), redis, secrets.randbelow(10**9))
        try:
            while time.monotonic() < end:
                report = crashes.round()
                if report is not None:
                    print(report)
                    return 1
        finally:
            crashes.close()
        print(f"{crashes.rounds} crashes, {crashes.commands} acknowledged commands, nothing wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
