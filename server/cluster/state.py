"""The cluster as this node lives it: the topology it was given, its own id, and what migrations change about both.

All changes happen between two commands, and end with `rebuild()`, which recomputes the table that routing reads.
The topology is saved before it counts; slots that a topology takes away for good lose their data here at once.
"""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from slotrocks.engine import COLUMN_FAMILIES, SLOTS, slot_of
from slotrocks.server.cluster import nodes_conf
from slotrocks.server.cluster.nodes_conf import NodesConf
from slotrocks.server.cluster.ranges import NO_SLOTS, SlotSet
from slotrocks.server.cluster.route import IMPORTED, OWNED, SlotTable, effective_topology, reconcile
from slotrocks.server.cluster.topology import UNINITIALIZED, Topology, decide_setnodes, derive_myid, parse_nodes
from slotrocks.server.errors import CommandError
from slotrocks.server.migration.coordinator import Coordinator
from slotrocks.server.migration.importer import Importer
from slotrocks.server.migration.verify import Verifier

if TYPE_CHECKING:
    from slotrocks.server.node import Node
    from slotrocks.server.session import Session

log = logging.getLogger(__name__)


class Cluster:
    """One node's view of its cluster."""

    def __init__(self, node: Node) -> None:
        """Loads nodes.conf. Raises NodesConfError."""
        self.node = node
        self._path = Path(node.directory) / "nodes.conf"
        saved = nodes_conf.load(self._path) if node.config.persist_cluster_nodes_enabled else None
        saved = saved or NodesConf()
        self.topology: Topology = saved.topology
        self.myid = saved.myid
        self.slots = SlotTable()
        self._effective: Topology | None = None
        self.held: set[Session] = set()  # sessions whose call waits for the end of a freeze
        self.importer = Importer(self)
        self.coordinator = Coordinator(self)
        self.verifier = Verifier(node)
        node.config.on_change("persist-cluster-nodes-enabled", self._save_or_remove)

    def start(self) -> None:
        """Takes up what was going on before a restart."""
        self.importer.recover()
        self.coordinator.recover()
        self.settle()
        self.node.tick.end()

    async def stop(self) -> None:
        """Ends what runs; promises stay in the database."""
        self.importer.stop()
        await self.coordinator.stop()

    # -- what I am

    @property
    def is_replica(self) -> bool:
        """Whether the topology has this node follow another."""
        me = self.topology.nodes.get(self.myid)
        return me is not None and me.role != "master"

    @property
    def assigned(self) -> SlotSet:
        """The slots that the topology says this node, a master, owns."""
        me = self.topology.nodes.get(self.myid)
        return me.slots if me is not None and me.role == "master" else NO_SLOTS

    @property
    def owned(self) -> SlotSet:
        """The slots that this node owns, whatever the topology does not know yet."""
        moved_out = SlotSet.of(*self.coordinator.moved_out)
        return (self.assigned - moved_out - self.importer.promised) | self.importer.imported

    @property
    def effective(self) -> Topology:
        """The topology as clients should see it: with the moves that no topology has confirmed yet."""
        if self._effective is None:
            moved_out, imported = self.coordinator.moved_out, self.importer.imported
            self._effective = effective_topology(self.topology, self.myid, moved_out, imported)
        return self._effective

    def may_expire(self, key: bytes) -> bool:
        """Whether this node may delete an expired key of its own accord."""
        return self.slots.state[slot_of(key)] in (OWNED, IMPORTED)

    # -- the topology

    def set_nodes(self, text: str, version: int, *, force: bool) -> None:
        """CLUSTERX SETNODES. Raises CommandError; then nothing has changed."""
        if not decide_setnodes(self.topology.version, version, force=force):
            return
        topology = Topology(version, parse_nodes(text))
        myid = derive_myid(topology, self.myid, self.node.port, self._local_hosts(), force=force)
        self._adopt(topology, myid)

    def set_slots(self, slots: SlotSet, node_id: str, version: int) -> None:
        """CLUSTERX SETSLOT. Raises CommandError; then nothing has changed."""
        self._adopt(self.topology.with_slots_moved(slots, node_id, version), self.myid)

    def set_node_id(self, node_id: str) -> None:
        """CLUSTERX SETNODEID."""
        self._adopt(self.topology, node_id)

    def reset(self) -> None:
        """CLUSTER RESET. Raises CommandError while slots move or keys are left."""
        if self.coordinator.running is not None:
            raise CommandError("ERR Can't reset cluster while migrating slot")
        if self.importer.running is not None:
            raise CommandError("ERR Can't reset cluster while importing slot")
        if self.has_data(SlotSet([(0, SLOTS - 1)])):
            raise CommandError("ERR Can't reset cluster while database is not empty")
        nodes_conf.remove(self._path)
        self.topology, self.myid = UNINITIALIZED, ""
        self.importer.clear()
        self.coordinator.clear()
        self.rebuild()

    def _adopt(self, topology: Topology, myid: str) -> None:
        if self.node.config.persist_cluster_nodes_enabled:
            try:
                nodes_conf.save(self._path, NodesConf(myid, topology))
            except OSError as error:
                raise CommandError(f"ERR cannot save nodes.conf: {error.strerror}") from error
        self.topology, self.myid = topology, myid
        self.settle()
        if self.is_replica:
            log.warning("the topology makes this node a replica: it serves reads of what it has, but copies nothing")
        log.info("topology version %d, this node is %s", topology.version, myid or "not in it")

    def settle(self) -> None:
        """The topology, or what this node owns beside it, has changed: compares the two, and ends what agrees."""
        left = reconcile(self.topology, self.myid, self.coordinator.moved_out, self.importer.imported)
        self.importer.on_topology(self.assigned)
        self.coordinator.on_topology(left.slots_to_delete)
        self.rebuild()

    def _save_or_remove(self) -> None:
        if not self.node.config.persist_cluster_nodes_enabled:
            nodes_conf.remove(self._path)
        elif self.topology.is_initialized or self.myid:
            nodes_conf.save(self._path, NodesConf(self.myid, self.topology))

    def _local_hosts(self) -> set[str]:
        """Every address and name at which this node listens."""
        hosts = set(self.node.config.bind)
        if hosts & {"0.0.0.0", "::", "*"}:
            for addresses in psutil.net_if_addrs().values():
                hosts.update(each.address.split("%")[0] for each in addresses if each.family != psutil.AF_LINK)
            hosts.update(("localhost", socket.gethostname()))
        return hosts

    # -- the table that routing reads

    def rebuild(self) -> None:
        """Recomputes every slot's state, and lets held and blocked calls be decided anew."""
        self._effective = None  # computed when a client asks: after a migration, all of them do at once
        coordinator = self.coordinator
        self.slots.rebuild(
            self.topology,
            self.myid,
            moved_out=coordinator.moved_out,
            frozen=coordinator.frozen,
            fenced=coordinator.fenced,
            refused=coordinator.refused,
            importing=self.importer.importing,
            promised=self.importer.promised,
            may_ask=self.importer.may_ask,
            imported=self.importer.imported,
        )
        held, self.held = self.held, set()
        for session in held:
            session.retry()
        self.node.blocking.on_slots_changed()

    # -- data

    def has_data(self, slots: SlotSet) -> bool:
        """Whether any row of these slots exists."""
        return any(
            self._has_rows(cf, first, last) for first, last in slots.ranges for cf in range(len(COLUMN_FAMILIES))
        )

    def delete_slots(self, slots: SlotSet) -> None:
        """Deletes the rows of these slots in every column family, in the transaction of the tick.

        The memtables are flushed afterwards: until then every scan that meets the range walks over each deleted row.
        """
        txn = self.node.txn
        found = False
        for first, last in slots.ranges:
            for cf in range(len(COLUMN_FAMILIES)):
                if self._has_rows(cf, first, last):
                    txn.delete_range(cf, *txn.codec.slot_range(first, last))
                    found = True
        if found:
            self.node.loop.call_soon(self.node.flush_memtables)
            self.node.expiry.sweep()

    def _has_rows(self, cf: int, first: int, last: int) -> bool:
        begin, end = self.node.txn.codec.slot_range(first, last)
        return next(iter(self.node.txn.scan(cf, begin, end)), None) is not None

    # -- what happens around it

    def on_session_closed(self, session: Session) -> None:
        """A client is gone; it may have been a source's link, or have waited for a migration."""
        self.held.discard(session)
        self.importer.on_session_closed(session)
        self.coordinator.on_session_closed(session)

    def on_flush(self) -> None:
        """Before FLUSHALL: what is being copied, in or out, will not be what there is. Raises CommandError if it must
        wait."""
        self.importer.on_flush()
        self.coordinator.fail("the database was flushed")
