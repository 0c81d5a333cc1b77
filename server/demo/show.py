"""The order of events of the demo; see the package for what it is about."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator

import uvloop

from slotrocks.engine import slot_of
from slotrocks.server.demo import source as sources
from slotrocks.server.demo.link import LinkError, ReplyError, Request
from slotrocks.server.demo.live import CLIENTS, KEYS_PER_CLIENT, LiveClients, live_key
from slotrocks.server.demo.measure import Phase
from slotrocks.server.demo.migration import Progress, migrate
from slotrocks.server.demo.nodes import FIRST_MOVED_SLOT, MOVED_SLOTS, DemoError, Nodes
from slotrocks.server.demo.proof import Expected, Proof, prove
from slotrocks.server.demo.report import report_clients, report_migration, report_proof
from slotrocks.server.demo.screen import Screen, megabytes, time_left
from slotrocks.server.demo.source import Source

BEFORE_S = 3.0
AFTER_S = 1.0
LOAD_REQUESTS_MAX = 500
LOAD_BYTES_MAX = 1 << 20
EXIT_INTERRUPTED = 130


def run(args: argparse.Namespace) -> int:
    """See the package's `run`."""
    source = sources.choose(args.keys, args.input)
    screen = Screen()
    try:
        return uvloop.run(_run(source, screen, keep=args.keep))
    except (DemoError, LinkError, OSError) as error:
        print(f"slotrocks demo: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("slotrocks demo: interrupted, everything is stopped", file=sys.stderr)
        return EXIT_INTERRUPTED


async def _run(source: Source, screen: Screen, *, keep: bool) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    nodes = Nodes()
    kept = False
    try:
        proof, progress = await _show(nodes, source, screen)
        if keep:
            nodes.keep()
            kept = True
            _tell_how_to_connect(nodes, screen)
    except LinkError:
        nodes.check()  # a node that has died says more
        raise
    finally:
        if not kept:
            nodes.stop()
    return 0 if proof.holds and progress.state == "success" else 1


async def _show(nodes: Nodes, source: Source, screen: Screen) -> tuple[Proof, Progress]:
    await nodes.form()
    a, b = nodes.all
    screen.line(
        f"Two nodes in {nodes.folder}: A on port {a.address.port} owns all slots, B on port {b.address.port} none."
    )
    moving = await _load(nodes, source, screen)
    clients = LiveClients(a.address, source)
    clients.start()
    try:
        screen.line(f"{CLIENTS} clients read and write.")
        await asyncio.sleep(BEFORE_S)
        progress = await _move(nodes, clients, moving, screen)
        clients.measurements.phase = Phase.AFTER
        await asyncio.sleep(AFTER_S)
        await clients.stop()
    finally:
        await clients.abandon()
    moved = progress.state == "success"
    screen.line("The clients are stopped. Every key is looked for on both nodes, and compared with its original.")
    proof = await _prove(nodes, source, clients, screen, moved=moved)
    report_migration(screen, progress, proof)
    report_clients(screen, clients)
    report_proof(screen, proof, progress)
    return proof, progress


async def _load(nodes: Nodes, source: Source, screen: Screen) -> int:
    """Writes the whole source to A. How many keys of it are in the slots that will move. Raises DemoError."""
    loop = asyncio.get_running_loop()
    link = nodes.links[nodes.a.name]
    started = loop.time()
    requests: list[Request] = []
    pending = size = moving = 0
    with screen.bar("Loading", len(source)) as bar:
        for index in range(len(source)):
            key, value = source.item(index)
            requests.append(("SET", key, value))
            pending += len(value)
            moving += slot_of(key) >= FIRST_MOVED_SLOT
            last = index + 1 == len(source)
            if last or len(requests) == LOAD_REQUESTS_MAX or pending >= LOAD_BYTES_MAX:
                errors = [reply for reply in await link.call_all(requests) if isinstance(reply, ReplyError)]
                if errors:
                    raise DemoError(f"a SET was refused: {errors[0]}")
                size += pending
                requests, pending = [], 0
                bar.update(index + 1, megabytes(size), last=last)
    seconds = loop.time() - started
    screen.line(f"A has {len(source):,} {source.title}, {megabytes(size)}, loaded in {seconds:.1f} s.")
    return moving


async def _move(nodes: Nodes, clients: LiveClients, loaded: int, screen: Screen) -> Progress:
    """Migrates half of the slots, and confirms the move with a topology, on which A deletes its data."""
    own = [live_key(client, number) for client in range(CLIENTS) for number in range(KEYS_PER_CLIENT)]
    total = loaded + sum(slot_of(key) >= FIRST_MOVED_SLOT for key in own)
    clients.measurements.phase = Phase.DURING
    screen.line(f"Slots {MOVED_SLOTS} move from A to B: {total:,} keys.")
    with screen.bar("Moving", total) as bar:
        async for progress in migrate(nodes):
            clients.check()
            note = f"{progress.keys_per_s:,.0f} keys/s, {megabytes(progress.bytes_per_s)}/s"
            over = progress.state != "start"
            left = "" if over else time_left(progress.left_s(total))
            bar.update(progress.keys, f"{note}  {left}", progress.stage, last=over)
    if progress.state == "success":
        await nodes.push_topology(2, moved=True)
    return progress


async def _prove(nodes: Nodes, source: Source, clients: LiveClients, screen: Screen, *, moved: bool) -> Proof:
    total = len(source) + sum(len(client.journal.keys) for client in clients.clients)
    with screen.bar("Checking", total) as bar:
        return await prove(
            nodes.links,
            lambda slot: nodes.owner_of(slot, moved=moved),
            _expected(source, clients),
            clients.wrong,
            on_progress=lambda checked: bar.update(checked, f"{checked:,} keys", last=checked == total),
        )


def _expected(source: Source, clients: LiveClients) -> Iterator[Expected]:
    """Every key that must exist, and what it may hold."""
    for index in range(len(source)):
        key, value = source.item(index)
        yield key, [value]
    for client in clients.clients:
        for key in client.journal.keys:
            yield key, client.journal.possible(key)


def _tell_how_to_connect(nodes: Nodes, screen: Screen) -> None:
    screen.line("The cluster stays. To use it, and to end it:")
    for node in nodes.all:
        screen.line(f"    redis-cli -c -p {node.address.port}        # node {node.name}")
    pids = " ".join(str(node.pid) for node in nodes.all)
    screen.line(f"    kill {pids} && sleep 2 && rm -r {nodes.folder}")
