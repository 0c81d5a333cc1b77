"""One seed's run: three nodes, their clients, an operator that moves slots and pushes topologies, and an adversary.

The operator keeps to what any operator must: it names as owner who last served a slot, and moves a slot again only when
every node has a topology that names its owner. Apart from that its pushes come at any time: late, in the middle of a
migration, from before it.

In the end the adversary rests, what is dead is started and what is cut is healed; then everything has to come to rest,
too, and every client to be answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import shutil
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from simulation.adversary import Adversary
from simulation.clients import PORT, Clients
from simulation.clock import VirtualLoop
from simulation.disk import Disk, Store
from simulation.invariants import Invariants
from simulation.network import Network
from simulation.processes import CURRENT, Process
from simulation.sender import Senders
from slotrocks.engine import slot_of
from slotrocks.server import blocking, node
from slotrocks.server.cluster import state
from slotrocks.server.config import Config
from slotrocks.server.migration import faults, job, link, steps
from slotrocks.server.session import Session

TAGS = ("a", "b", "c")
ACTIVE_S = 8.0
CALM_S_MAX = 60.0
SETTINGS: dict[str, Any] = {
    "cluster_enabled": True, "port": PORT, "migrate_pause_timeout_ms": 400, "migrate_response_timeout_ms": 500,
    "migrate_resume_timeout_ms": 2000, "migrate_sequence_gap": 2, "rocksdb_row_cache_size": 1,
}  # fmt: skip

log = logging.getLogger("slotrocks")


class Host:
    """A machine with a node, through all its lives."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self.name = f"10.0.0.{number}"
        self.id = f"{number}" * 40
        self.folder = world.folder / self.name
        self.disk = world.disks[self.name] = Disk()
        self.process: Process | None = None
        self.node: node.Node | None = None

    @property
    def alive(self) -> bool:
        """Whether a process of it runs."""
        return self.process is not None and self.process.alive

    def start(self) -> None:
        """A new process."""
        self.node = None
        self.disk.sync_up_to(len(self.disk.log))  # RocksDB writes what it finds in its log to files when it opens
        self.process = Process(self.name)
        self.process.spawn(self._main())

    async def _main(self) -> None:
        config = Config(bind=(self.name,), dir=str(self.folder), **SETTINGS)
        config.appendfsync = "always" if self._world.power else "everysec"
        fresh = node.Node(config, asyncio.get_running_loop())
        self.node = fresh
        await fresh.start()
        # What has nothing to do with migrations costs time only.
        fresh.expiry.close()
        fresh.indexing.close()
        assert fresh._cron_handle is not None
        fresh._cron_handle.cancel()


@dataclass
class Result:
    """What came of a seed."""

    seed: int
    violation: str = ""
    migrations: int = 0  # accepted
    moved: int = 0  # imports that were committed
    crashes: int = 0
    faults: int = 0
    acknowledged: int = 0  # writes
    steps: int = 0
    trace: tuple[str, ...] = ()


class World:
    """The run of a seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        rng = random.Random(seed)
        self._random = rng
        self.folder = folder
        self.result = Result(seed)
        self.loop = VirtualLoop(random.Random(rng.random()))
        self.power = rng.random() < 0.5  # crashes are those of machines, not only of processes
        self.network = Network(self.loop, random.Random(rng.random()))
        self.disks: dict[str, Disk] = {}
        self.senders = Senders(self.network, self.disks, random.Random(rng.random()))
        self.hosts = [Host(self, number) for number in (1, 2, 3)]
        self.slots = {slot_of(tag.encode()): tag for tag in TAGS}
        self.invariants = Invariants(self)
        self.adversary = Adversary(self, random.Random(rng.random()))
        self._owner = {slot: self.hosts[i].id for i, slot in enumerate(self.slots)}  # who last served it
        self._known: dict[int, str] = {}  # what the newest topology that every node has says
        self._version = 0
        self._calm = False
        self._tasks: list[asyncio.Task[Any]] = []
        self._clients: list[Clients] = []
        self.trace: deque[str] = deque(maxlen=3000)

    # -- for the others

    def fail(self, what: str) -> None:
        """A violation: the run ends."""
        if not self.result.violation:
            self.result.violation = what
            self.loop.stop()

    def host_of(self, node_id: str) -> Host:
        """A host by its node's id."""
        return next(host for host in self.hosts if host.id == node_id)

    def host_running(self, process: Process | None) -> Host | None:
        """The host whose node a process is."""
        return next((host for host in self.hosts if host.process is process and host.node is not None), None)

    def crash(self, host: Host) -> None:
        """The process, or the whole machine, dies; it is started again after a while."""
        self.note(f"{host.name} crashes")
        self.adversary.crashes += 1
        assert host.process is not None
        host.process.die()
        for process in self.senders.processes:
            if process.host == host.name and process.alive:
                if self.power:
                    process.die()
                else:
                    self._later(self._random.uniform(0, 0.1), process.die)
        if self.power:
            host.disk.fail(self._random)
        self._later(self._random.choice((0.01, 0.2, 1.0, 3.0)), host.start)

    def tell(self, host: Host, *words: str) -> None:
        """Has an operator say something to a node, whatever it answers."""

        async def say() -> None:
            with contextlib.suppress(link.LinkError, link.Refused):
                await self._ask(host, *words)

        self._tasks.append(self.loop.create_task(say(), context=self.network.context.copy()))

    def note(self, text: str) -> None:
        """For the trace."""
        self.trace.append(f"{self.loop.time():10.4f} {text}")

    def _later(self, delay_s: float, callback: Any) -> None:
        self.loop.call_later(delay_s, callback, context=self.network.context.copy())

    # -- the operator

    async def _ask(self, host: Host, *words: str) -> Any:
        connection = await link.Link.open(host.name, PORT, 1.0)
        try:
            return await connection.call(*words)
        finally:
            connection.close()

    async def _push(self) -> None:
        """Gives every node a topology, in some order, however often that takes."""
        self._version += 1
        owner = dict(self._owner)
        self._known = {slot: self._known[slot] for slot in owner if self._known.get(slot) == owner[slot]}
        lines = []
        for host in self.hosts:
            slots = " ".join(str(slot) for slot in owner if owner[slot] == host.id)
            lines.append(f"{host.id} {host.name} {PORT} master - {slots}".strip())
        self.note(f"topology {self._version}: {owner}")
        for host in self._random.sample(self.hosts, 3):
            await asyncio.sleep(self._random.choice((0, 0.01, 0.2)))
            while True:
                with contextlib.suppress(link.LinkError, link.Refused):
                    await self._ask(host, "CLUSTERX", "SETNODEID", host.id)
                    await self._ask(host, "CLUSTERX", "SETNODES", "\n".join(lines), str(self._version))
                    break
                await asyncio.sleep(0.05)
        self._known = owner

    async def _push_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(4))
            if self._random.random() < 0.3 or self._known != self._owner:
                await self._push()

    async def _migrate_now_and_then(self, host: Host) -> None:
        while not self._calm:
            await asyncio.sleep(self._random.expovariate(10))
            if not host.alive or host.node is None:
                continue
            slots = [slot for slot in self.slots if host.node.served[slot] and self._known.get(slot) == host.id]  # type: ignore[index]
            if not slots or host.node.cluster.coordinator.running is not None:  # type: ignore[union-attr]
                continue
            target = self._random.choice([other for other in self.hosts if other is not host])
            chosen = self._random.sample(slots, self._random.randint(1, len(slots)))
            for slot in chosen:
                del self._known[slot]  # not again before the next topology
            text = ",".join(str(slot) for slot in sorted(chosen))
            with contextlib.suppress(link.LinkError, link.Refused):
                await self._ask(host, "CLUSTERX", "MIGRATE", text, target.id)
                self.result.migrations += 1

    # -- the run

    def _after_step(self) -> None:
        self.invariants.after_step()

    def on_served(self, slot: int, host: Host) -> None:
        """A node has begun to serve a slot."""
        self.note(f"{host.name} serves slot {slot}")
        self.result.moved += self._owner[slot] != host.id
        self._owner[slot] = host.id

    async def _main(self) -> None:
        for host in self.hosts:
            host.start()
        await asyncio.sleep(0.1)
        await self._push()
        self._clients = [
            Clients(tag, [host.name for host in self.hosts], random.Random(self._random.random()), self.fail)
            for tag in TAGS
        ]
        create = self.loop.create_task
        movers = [create(self._migrate_now_and_then(host)) for host in self.hosts]
        pusher, adversary = create(self._push_now_and_then()), create(self.adversary.run())
        self._tasks += [*movers, pusher, adversary]
        await asyncio.sleep(ACTIVE_S)
        await self._come_to_rest(movers, adversary)
        for clients in self._clients:
            clients.stop()
        _, late = await asyncio.wait([task for each in self._clients for task in each.tasks], timeout=20)
        if late:
            self.fail(f"{len(late)} clients hang")
        pusher.cancel()
        for clients in self._clients:
            await clients.check()
            clients.close()
        await asyncio.sleep(0.5)
        self.invariants.when_quiet()

    async def _come_to_rest(self, movers: list[asyncio.Task[Any]], adversary: asyncio.Task[Any]) -> None:
        self.note("calm")
        self._calm = True
        self.adversary.active = False
        adversary.cancel()
        self.network.heal(*self.network.cut)
        await asyncio.wait(movers)
        end = self.loop.time() + CALM_S_MAX
        while (why := self._unrest()) and self.loop.time() < end:
            await asyncio.sleep(0.25)
        if why:
            self.fail(f"no rest after {CALM_S_MAX} s: {why}")

    def _unrest(self) -> str:
        for host in self.hosts:
            if not host.alive or host.node is None:
                return f"{host.name} is dead"
            assert host.node.cluster is not None
            if (running := host.node.cluster.coordinator.running) is not None:
                return f"{host.name} has a job in state {running.state.value}: {running.error}"
            if (arriving := host.node.cluster.importer.running) is not None:
                return f"{host.name} has an import in state {arriving.state.value}"
            if host.node.cluster.coordinator.moved_out:
                return f"{host.name} has handed over slots that no topology has confirmed"
        return "" if self._known == self._owner else "no topology names the owners"

    def run(self) -> Result:
        """Runs it to the end."""
        with self._in_place():
            self.loop.on_step = self._after_step
            try:
                self.loop.run_until_complete(self._main())
            except RuntimeError:
                if not self.result.violation:
                    raise
            finally:
                if self.loop.errors and not self.result.violation:
                    self.result.violation = "\n".join(self.loop.errors)
                self.loop.end()
        result = self.result
        result.crashes, result.faults, result.steps = self.adversary.crashes, self.adversary.faults, self.loop.steps
        result.acknowledged = sum(each.acknowledged for each in self._clients)
        result.trace = tuple(self.trace)
        return result

    @contextlib.contextmanager
    def _in_place(self) -> Iterator[None]:
        """What surrounds the nodes is this world's."""

        class Files:
            load = staticmethod(lambda path: self.disks[path.parent.name].conf)
            save = staticmethod(lambda path, conf: setattr(self.disks[path.parent.name], "conf", conf))

        async def open_link(host: str, port: int, timeout_s: float, password: bytes = b"") -> link.Link:
            try:
                async with asyncio.timeout(timeout_s):
                    sock: Any = await self.network.connect(host)
            except (OSError, TimeoutError) as error:
                raise link.LinkError(f"cannot connect to {host}:{port}: {error}") from error
            return link.Link(sock, timeout_s)

        def open_store(path: Path, *, slot_encoded: bool, options: Any) -> Store:
            return Store(self.disks[path.parent.name], options)

        clock = mock.Mock(time_ns=lambda: int(self.loop.time() * 1e9))
        handler = _Handler(self)
        with contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", "coroutine .* was never awaited")  # those of processes that died first
            for patch in (
                mock.patch.object(node, "Store", open_store),
                mock.patch.object(state, "nodes_conf", Files),
                mock.patch.object(link.Link, "open", open_link),
                mock.patch.object(steps, "Sender", self.senders),
                mock.patch.object(faults, "reach", self.adversary.reach),
                mock.patch.object(faults, "altered", self.adversary.altered),
                mock.patch.object(job, "time", clock),
                mock.patch.object(os, "urandom", random.Random(self.result.seed).randbytes),
                # Sets of them are iterated over, and a seed must always do the same.
                mock.patch.object(Session, "__hash__", lambda session: session.id),
                mock.patch.object(blocking.Waiter, "__hash__", lambda waiter: waiter.session.id),
            ):
                stack.enter_context(patch)
            level, propagate = log.level, log.propagate
            log.addHandler(handler)
            log.setLevel(logging.INFO if handler.tracing else logging.ERROR)
            log.propagate = False
            try:
                yield
            finally:
                log.removeHandler(handler)
                log.setLevel(level)
                log.propagate = propagate
                shutil.rmtree(self.folder, ignore_errors=True)


class _Handler(logging.Handler):
    """The nodes' logs go into the trace; a mistake that a node catches and logs is a violation."""

    tracing = False

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        process = CURRENT.get()
        self._world.note(f"{process.host if process else '-'}: {record.getMessage()}")
        if record.exc_info:
            self._world.fail(f"{record.getMessage()}\n{logging.Formatter().formatException(record.exc_info)}")


def simulate(seed: int, folder: Path, *, tracing: bool = False) -> Result:
    """Runs a seed. `folder` is for the nodes' files, and is removed."""
    _Handler.tracing = tracing
    return World(seed, folder).run()
