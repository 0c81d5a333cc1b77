"""A node of the demo as a process: ``slotrocks serve`` that does not outlive the demo.

Standard input is a pipe from the demo. Its end means that the demo is gone, however it went, and stops the node as
SIGTERM does; a byte before the end means that the node shall stay.
"""

import os
import signal
import sys
import threading

from slotrocks.server import cli


def _watch() -> None:
    if not os.read(sys.stdin.fileno(), 1):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_watch, daemon=True).start()
    sys.exit(cli.main(sys.argv[1:]))
