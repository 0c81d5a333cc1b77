"""Three nodes' real state machines in one process, under a seeded adversary; `python tests/simulation --help` runs it.

What is real: Node, Cluster, Coordinator, Steps, Importer, Inquiry, Tick, Transaction, Session, Connection, dispatch and
every command; Link and Target on the source's side; and, of the sender, what it sends (CheckedRows). What stands in for
the world around them:

    clock.py      time: an event loop that never sleeps, its clock jumps to the next timer
    processes.py  processes: a crash is that nothing of a process runs any more, between two steps or inside of one
    disk.py       RocksDB: rows, log, sequence numbers, and what of them would survive the machine
    network.py    sockets: every chunk of bytes takes its time, links are cut one way or both, connections break
    sender.py     the sender process: reads the node's disk, dies by itself, outlives its node for a while

clients.py are the clients and their oracles (slotrocks.server.torture), invariants.py is what holds after every step
and in the end, adversary.py what goes wrong, world.py puts a seed's run together, runs.py many of them, mutations.py
are bugs that it must find.

What is not there: RocksDB itself and its log (tests/engine, tests/migration), the sender's Outlet and its process, keys
that expire, targets that speak Kvrocks's protocol, and an operator who decides an unknown outcome.
"""
