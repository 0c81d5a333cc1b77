"""What goes wrong: at random times, and at the points of the protocol that have names (server/migration/faults.py).

A world has a mood of its own: how often what happens, and one point at which its first faults strike.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from simulation.processes import CURRENT, Crash
from slotrocks.engine import OP_DELETE_RANGE, OP_PUT, BatchBuilder, decode_batch
from slotrocks.server.migration.faults import POINTS

if TYPE_CHECKING:
    from simulation.world import World

OUR_POINTS = sorted(point for point in POINTS if not point.startswith("sender."))


class Adversary:
    """The adversary of a world."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._random = rng
        self.active = False
        self.crashes = self.faults = 0
        self._interval_s = rng.choice((0.2, 0.5, 1.0, 5.0))
        self._point = rng.choice(OUR_POINTS)
        self._visits = rng.randint(1, 3)
        self._point_rate = rng.choice((0.0, 0.003, 0.01, 0.03))
        self._row_rate = rng.choice((0.0, 0.0, 0.003, 0.02))
        self._actions = rng.sample(
            [self._crash, self._crash, self._cut, self._cut, self._break, self._kill_sender, self._cancel, self._stop],
            4,
        )

    async def run(self) -> None:
        """Until it is cancelled."""
        self.active = True
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self._interval_s))
            self._random.choice(self._actions)()

    # -- at random times

    def _crash(self) -> None:
        host = self._random.choice(self._world.hosts)
        if host.alive:
            self._world.crash(host)

    def _stop(self) -> None:
        """SIGSTOP, and some time later SIGCONT."""
        process = self._random.choice(self._world.hosts).process
        if process is not None and process.alive and process.standing is None:
            self.faults += 1
            process.stop()
            network = self._world.network
            network.loop.call_later(self._random.expovariate(2), process.go_on, context=network.context.copy())

    def _pair(self) -> tuple[str, str]:
        one, other = self._random.sample([host.name for host in self._world.hosts], 2)
        return one, other

    def _cut(self) -> None:
        self.faults += 1
        one, other = self._pair()
        directions = [(one, other), (other, one)][: self._random.randint(1, 2)]
        network = self._world.network
        network.cut.update(directions)
        network.loop.call_later(self._random.expovariate(1 / 0.6), network.heal, *directions)

    def _break(self) -> None:
        self.faults += 1
        self._world.network.break_between(*self._pair())

    def _kill_sender(self) -> None:
        for process in self._world.senders.processes:
            if process.alive and self._random.random() < 0.5:
                self.faults += 1
                process.die()

    def _cancel(self) -> None:
        """An operator stops a job."""
        host = self._random.choice(self._world.hosts)
        if host.alive and host.node is not None and host.node.cluster is not None:
            job = host.node.cluster.coordinator.running
            if job is not None:
                self._world.tell(host, "CLUSTERX", "MIGRATION", "CANCEL", job.slots.text())

    # -- at named points: these stand in for faults.reach and faults.altered

    def reach(self, point: str, error: type[Exception] | None = None) -> None:
        """A process has come to a point: it may die there, or see what it just did fail."""
        host = self._world.host_running(CURRENT.get())
        if host is None or not host.alive:
            return
        self._world.invariants.at_point(point, host)
        if not self.active:
            return
        if point == self._point:
            self._visits -= 1
            strikes = self._visits == 0
        else:
            strikes = self._random.random() < self._point_rate
        if strikes:
            if error is not None and point != "node.sync" and self._random.random() < 0.5:
                self.faults += 1
                raise error(f"ERR fault at {point}")
            self._world.crash(host)
            raise Crash

    def altered(self, point: str, batch: bytes) -> bytes:
        """The rows that pass a point: the first may be lost."""
        rows = decode_batch(batch)
        if not self.active or not rows or self._random.random() >= self._row_rate:
            return batch
        self.faults += 1
        builder = BatchBuilder()
        for op, family, key, value in rows[1:]:
            if op == OP_PUT:
                builder.put(family, key, value)
            elif op == OP_DELETE_RANGE:
                builder.delete_range(family, key, value)
            else:
                builder.delete(family, key)
        return builder.take()
