"""``slotrocks demo``: what this server is for, shown to a person in under a minute, and proved.

Two nodes are started on this machine, in a temporary folder: A owns all slots, B none. A is filled (source.py),
clients read and write all the while (client.py, live.py), and half of the slots move from A to B (migration.py). In
the end every key must be on the node that owns its slot and on no other, with the value that it was given (proof.py):
the exit status says whether it is so. What people see is screen.py's, the order of events show.py's.

Everything here talks to the nodes as a stranger would, over the network with public commands, because what it shows
must be true for any client.
"""

import argparse


def run(args: argparse.Namespace) -> int:
    """The command ``slotrocks demo`` with its options `keys`, `input` and `keep`. Raises ConfigError.

    Exit status: 0 if the proof held, else 1.
    """
    # Not at the top: the nodes' processes import this package too, and need no more of it.
    from slotrocks.server.demo import show

    return show.run(args)
