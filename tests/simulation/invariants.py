"""What holds after every step, at named points of the protocol, and when all is quiet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from slotrocks.engine import CF_PROPAGATE
from slotrocks.server.cluster.ranges import parse_ranges
from slotrocks.server.cluster.route import IMPORTED
from slotrocks.server.migration.progress import PROGRESS_PREFIX
from slotrocks.server.migration.records import IN_PREFIX, OUT_PREFIX, ImportState

if TYPE_CHECKING:
    from simulation.disk import Image
    from simulation.world import Host, World


def records_of(image: Image, prefix: bytes) -> dict[str, dict[str, object]]:
    """The records of migrations in a node's rows, by job."""
    rows = image.rows[CF_PROPAGATE]
    return {key[len(prefix) :].decode(): json.loads(rows[key]) for key in rows if key.startswith(prefix)}


class Invariants:
    """The invariants of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._serving: dict[int, Host | None] = dict.fromkeys(world.slots)

    def after_step(self) -> None:
        """At most one node serves a slot; and if by a hand-over, then because the medium says so."""
        for slot, before in self._serving.items():
            now = None
            for host in self._world.hosts:
                if host.node is not None and host.alive and host.node.served[slot]:  # type: ignore[index]
                    if now is not None:
                        self._world.fail(f"two owners of slot {slot}: {now.name} and {host.name}")
                    now = host
            if now is not before:
                self._serving[slot] = now
                if now is not None:
                    self._world.on_served(slot, now)
                    self._on_served(slot, now)

    def _on_served(self, slot: int, host: Host) -> None:
        assert host.node is not None and host.node.cluster is not None
        if host.node.cluster.slots.state[slot] == IMPORTED:
            for record in records_of(host.disk.durable, IN_PREFIX).values():
                if record["state"] == "committed" and slot in parse_ranges(str(record["slots"])):
                    return
            self._world.fail(f"{host.name} serves slot {slot} by a commit that is not durable")

    def at_point(self, point: str, host: Host) -> None:
        """At a fault point, in a step of that node."""
        assert host.node is not None and host.node.cluster is not None
        if point == "source.commit.send":
            job = host.node.cluster.coordinator.running
            record = records_of(host.disk.durable, OUT_PREFIX).get(job.id) if job is not None else None
            if record is None or record["state"] != "FENCE":
                self._world.fail(f"{host.name} sends COMMIT, but on the medium the job is {record}")
        elif point == "target.commit.noted":
            imports = host.node.cluster.importer._imports.values()
            each = next(each for each in imports if each.state is ImportState.COMMITTED and not each.served)
            source = self._world.host_of(each.source)
            for slot in each.slots:
                if source.disk.live.slot(slot) != host.disk.live.slot(slot):
                    self._world.fail(f"at COMMIT the rows of slot {slot} at {host.name} are not those at {source.name}")

    def when_quiet(self) -> None:
        """Nothing is left of any migration, and one node has each slot."""
        world = self._world
        for host in world.hosts:
            assert host.node is not None and host.node.cluster is not None
            cluster = host.node.cluster
            if left := records_of(host.disk.live, OUT_PREFIX):
                world.fail(f"{host.name} still has records of jobs: {left}")
            imports = records_of(host.disk.live, IN_PREFIX)
            if left := {job: each for job, each in imports.items() if each["state"] not in ("confirmed", "aborted")}:
                world.fail(f"{host.name} still has records of imports: {left}")
            if any(key.startswith(PROGRESS_PREFIX) for key in host.disk.live.rows[CF_PROPAGATE]):
                world.fail(f"{host.name} still has the progress of an import")
            if host.folder.exists() and (files := sorted(host.folder.rglob("migration*"))):
                world.fail(f"{host.name} still has {files}")
            if cluster.held:
                world.fail(f"{host.name} still holds {len(cluster.held)} clients")
            for slot in world.slots:
                if not host.node.served[slot] and host.disk.live.slot(slot):  # type: ignore[index]
                    world.fail(f"{host.name} still has rows of slot {slot}, which it does not serve")
        for slot, owner in self._serving.items():
            if owner is None:
                world.fail(f"nobody serves slot {slot}")
        if any(process.alive for process in world.senders.processes):
            world.fail("a sender is still running")
