"""The controller: who owns what, migrations, and the topology that is pushed after each.

It knows what an operator's program can know: what CLUSTER INFO says of a job, and who, says the source, has the slots
when it is over. It pushes each new topology to every node, in any order, at once or a while later, again until it is
taken; topologies that know nothing of a move that has just happened elsewhere are pushed all the time.

The slots are divided into units, which move whole. A node is the source of one job at a time, so there are up to as
many as nodes.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from slotrocks.engine import SLOTS
from slotrocks.server.demo.link import LinkError, ReplyError
from slotrocks.server.torture.network import Network
from slotrocks.server.torture.nodes import HOST, Node

POLL_S = 0.03
PUSH_RETRY_S = 0.1
PUSH_DELAY_S_MAX = 0.6
REST_S_MAX = 0.5
MOVED_UNITS_MAX = 5
ERROR_LENGTH_MAX = 100


class Job:
    """A migration that was asked for."""

    def __init__(self, source: Node, target: Node, units: list[int]) -> None:
        self.source = source
        self.target = target
        self.units = units


class Controller:
    """The cluster's controller. `counts`: attempted, completed, rolled back, refused."""

    def __init__(
        self, nodes: list[Node], network: Network, units: int, rng: random.Random, note: Callable[[str], None]
    ) -> None:
        self.nodes = nodes
        self.units = units
        self.owner = [unit * len(nodes) // units for unit in range(units)]
        self.version = 1
        self.jobs: list[Job] = []  # under way
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()  # why migrations failed
        self._network = network
        self._rng = rng
        self._note = note
        self._taken = [0] * len(nodes)  # the version that each node has
        self._eager = False  # push at once
        self._moving = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # -- who owns what

    def range_of(self, unit: int) -> tuple[int, int]:
        """The first and the last slot of a unit."""
        return unit * SLOTS // self.units, (unit + 1) * SLOTS // self.units - 1

    def text_of(self, units: list[int]) -> str:
        """Their slots, as commands take them."""
        return " ".join(f"{first}-{last}" for first, last in map(self.range_of, units))

    def units_of(self, node: Node) -> list[int]:
        """What a node owns."""
        return [unit for unit in range(self.units) if self.owner[unit] == node.index]

    def owner_of_slot(self, slot: int) -> int:
        """The index of the node that owns a slot, as far as is known here."""
        return self.owner[next(unit for unit in range(self.units) if self.range_of(unit)[1] >= slot)]

    def topology(self, viewer: Node) -> str:
        """The nodes as `viewer` can reach them."""
        lines = []
        for node in self.nodes:
            port = node.port if node is viewer else self._network.links[viewer.index, node.index].port
            lines.append(f"{node.id} {HOST} {port} master - {self.text_of(self.units_of(node))}".rstrip())
        return "\n".join(lines)

    # -- its tasks

    def start(self) -> None:
        """Begins to push; moves nothing before resume()."""
        self._tasks = [asyncio.create_task(self._push(node)) for node in self.nodes]
        self._tasks += [asyncio.create_task(self._migrate(node)) for node in self.nodes]

    def resume(self) -> None:
        """From now on slots move."""
        self._eager = False
        self._moving.set()

    def pause(self) -> None:
        """No new migration begins; topologies are pushed at once."""
        self._moving.clear()
        self._eager = True

    @property
    def settled(self) -> bool:
        """Whether no job is under way and every node has the newest topology."""
        return not self.jobs and all(taken == self.version for taken in self._taken)

    @property
    def state(self) -> str:
        """What is not settled, for people."""
        jobs = [f"{job.source.name} -> {job.target.name} {self.text_of(job.units)}" for job in self.jobs]
        late = [node.name for node in self.nodes if self._taken[node.index] != self.version]
        return f"jobs under way: {jobs or 'none'}; without the newest topology: {late or 'none'}"

    def check(self) -> None:
        """Raises what ended a task: a mistake of ours."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """Ends all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- topologies

    async def _push(self, node: Node) -> None:
        while True:
            if self._taken[node.index] == self.version or node.dead:
                await asyncio.sleep(POLL_S)
                continue
            if not self._eager:
                await asyncio.sleep(self._rng.random() ** 2 * PUSH_DELAY_S_MAX)
            version, text = self.version, self.topology(node)
            try:
                await self._order(node, "CLUSTERX", "SETNODEID", node.id)
                await self._order(node, "CLUSTERX", "SETNODES", text, version)
                self._taken[node.index] = version
            except LinkError as error:
                self._note(f"topology {version} not taken by {node.name}: {error}")
                await asyncio.sleep(PUSH_RETRY_S)

    async def _order(self, node: Node, *words: str | int) -> None:
        link = await node.connect()
        try:
            reply = await link.call(*words)
        finally:
            link.close()
        if reply != b"OK":
            raise LinkError(f"{words[1]} was refused: {reply}")

    # -- migrations

    async def _migrate(self, source: Node) -> None:
        while True:
            await self._moving.wait()
            await asyncio.sleep(self._rng.random() * REST_S_MAX)
            units = self.units_of(source)
            if not units or source.dead or not self._moving.is_set():
                continue
            count = min(len(units), self._rng.randint(1, MOVED_UNITS_MAX))
            target = self._target(source)
            job = Job(source, target, sorted(self._rng.sample(units, count)))
            self.jobs.append(job)
            try:
                await self._run(job)
            finally:
                self.jobs.remove(job)

    def _target(self, source: Node) -> Node:
        """Mostly one that can do it."""
        others = [node for node in self.nodes if node is not source]
        busy = {job.target for job in self.jobs}
        able = [node for node in others if not node.dead and node not in busy]
        return self._rng.choice(able if able and self._rng.random() < 0.9 else others)

    async def _run(self, job: Job) -> None:
        name = f"{self.text_of(job.units)} from {job.source.name} to {job.target.name}"
        self.counts["attempted"] += 1
        try:
            link = await job.source.connect()
            try:
                reply = await link.call("CLUSTERX", "MIGRATE", self.text_of(job.units), job.target.id)
            finally:
                link.close()
        except LinkError as error:
            reply = None  # it may have begun
            self._note(f"migrate {name}: {error}")
        if isinstance(reply, ReplyError):
            self.counts["refused"] += 1
            self._note(f"migrate {name}: refused: {reply}")
            return
        self._note(f"migrate {name}")
        owner, why = await self._outcome(job)
        if owner == job.target.index:
            self.counts["completed"] += 1
            for unit in job.units:
                self.owner[unit] = owner
            self.version += 1
            self._note(f"moved {name}: topology {self.version}")
        else:
            self.counts["rolled back"] += 1
            self.errors[_kind_of(why)] += 1
            self._note(f"not moved {name}: {why}")

    async def _outcome(self, job: Job) -> tuple[int, str]:
        """Who has the slots when the job is over, and what went wrong; for as long as that takes."""
        while True:
            try:
                info = await job.source.info()
                if info.get("migrating_state") != "start":
                    return await self._asked_owner(job), info.get("migrating_error", "")
            except LinkError:
                pass  # it is dead, or will be
            await asyncio.sleep(POLL_S)

    async def _asked_owner(self, job: Job) -> int:
        """Who has the slots of a job, says its source. Raises LinkError."""
        link = await job.source.connect()
        try:
            rows = await link.call("CLUSTER", "SLOTS")
        finally:
            link.close()
        slot = self.range_of(job.units[0])[0]
        for first, last, (_, port, *_), *_ in rows:
            if first <= slot <= last and port == job.source.port:
                return job.source.index
            if first <= slot <= last and port == self._network.links[job.source.index, job.target.index].port:
                return job.target.index
        raise LinkError("the source says that neither it nor the target has the slots")


def _kind_of(error: str) -> str:
    """Without numbers, slots and ids, to be counted."""
    kind: list[str] = []
    for word in error.split() or ["no reason given (restarted)"]:
        plain = "…" if any(each.isdigit() for each in word) else word
        if kind[-1:] != ["…"] or plain != "…":
            kind.append(plain)
    return " ".join(kind)[:ERROR_LENGTH_MAX]
