"""``slotrocks torture``: migrations among real nodes that are killed, stopped and cut off, and clients that remember.

Node processes (nodes.py) reach each other only through TCP proxies (network.py). A controller (controller.py) moves
slots among them at random and pushes topologies, clients (workload.py) read and write every type, and an adversary
(adversary.py) kills, stops and breaks whatever it likes. Every so often all of it pauses, what was broken is mended,
and the inspection (inspection.py) looks for what must hold: one owner for each slot, every acknowledged write, nothing
left over. What a client may be told meanwhile is decided by models (register.py, sequence.py, counter.py, fifo.py,
expiring.py): pure, and themselves tested to find what they are to find.

The seed decides what is tried and in which order. It does not decide the timing of processes, so two runs with a seed
differ, and a violation may need several to show again.

Everything stays on this machine's loopback and in one temporary folder, and ends with the command, however that ends.
"""

import argparse


def run(args: argparse.Namespace) -> int:
    """The command ``slotrocks torture`` with its options `minutes`, `seed`, `nodes` and `keep`.

    Exit status: 0 if nothing was violated, 1 if something was or a node could not be run.
    """
    from slotrocks.server.torture import driver  # the nodes' processes import this package, too

    return driver.run(args.minutes, args.seed, args.nodes, keep=args.keep)
