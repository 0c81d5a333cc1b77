"""The topology: which nodes there are, and which of them owns each slot.

A `Topology` is immutable and has a version (the "epoch" that CLUSTER INFO shows; -1 before the first one). Nodes never
change it among themselves: an operator or a controller pushes it, whole with SETNODES or as a difference with SETSLOT.
Text form (CLUSTERX SETNODES; nodes.conf has the same lines after the word "node"), lines separated by LF:

    line = id " " host " " port " " role " " master *(" " slots)     spaces collapse
    id   = 40 characters          role = "master" / "slave" / "replica" / "slave,fail" / "replica,fail", any case
    port = 0..65535               master = "-" for a master, else the id of a node
    slots = slot / slot "-" slot  first < last; only on a master's line

Unlike Kvrocks: a slot that a newer topology does not mention has no owner; SETSLOT changes nothing when it is refused;
a second line for the same id is an error, as are "-5" and "5-" (which Kvrocks reads as 5) and
characters that are not printable ASCII (a host with a CR in it would end up in a MOVED).
"""

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from slotrocks.server.cluster.ranges import NO_SLOTS, SLOTS, SlotSet, parse_slot
from slotrocks.server.errors import CommandError

NODE_ID_CHARS = 40
INVALID_VERSION = "ERR Invalid cluster version"
INVALID_NODE_ID = "ERR Invalid cluster node id"
NOT_A_MASTER = "ERR The node isn't a master"
INVALID_NODES = "ERR Invalid cluster nodes info"
SLOT_OUT_OF_RANGE = "ERR Slot is out of range"

_NODE_ID = re.compile(r"[0-9a-fA-F]{40}")
_PORT = re.compile(r"[0-9]{1,16}", re.ASCII)

Role = Literal["master", "slave"]


@dataclass(frozen=True, slots=True)
class Node:
    """One server of the cluster. `host` is a name or an IPv4 or IPv6 address (without brackets), as clients shall use
    it."""

    id: str
    host: str
    port: int
    role: Role
    master_id: str | None = None
    """Whom a replica follows (the node may be unknown); None for a master."""
    slots: SlotSet = NO_SLOTS
    is_failed: bool = False
    """A controller marked this replica as down ("slave,fail")."""

    @property
    def address(self) -> str:
        """``host:port``, as MOVED names it."""
        return f"{self.host}:{self.port}"


class Topology:
    """Nodes, in the order given, and the owner of each slot. Never changed after it is made."""

    __slots__ = ("_owners", "nodes", "version")

    def __init__(self, version: int, nodes: Iterable[Node] = ()) -> None:
        """CommandError if two nodes have the same id or claim the same slot."""
        self.version = version
        self.nodes: dict[str, Node] = {}
        self._owners: list[Node | None] = [None] * SLOTS
        for node in nodes:
            if node.id in self.nodes:
                raise CommandError(INVALID_NODES)
            self.nodes[node.id] = node
            for slot in node.slots:
                if self._owners[slot] is not None:
                    raise CommandError("ERR Slot distribution is overlapped")
                self._owners[slot] = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Topology) and (self.version, self.nodes) == (other.version, other.nodes)

    def __hash__(self) -> int:
        return hash((self.version, tuple(self.nodes.values())))

    def __repr__(self) -> str:
        return f"Topology({self.version}, {list(self.nodes.values())})"

    @property
    def is_initialized(self) -> bool:
        """Whether a topology was ever set; commands that describe the cluster answer CLUSTERDOWN until then."""
        return self.version >= 0

    @property
    def slots_assigned(self) -> SlotSet:
        """The slots that have an owner."""
        return SlotSet(slots for node in self.nodes.values() for slots in node.slots.ranges)

    def owner(self, slot: int) -> Node | None:
        """The master that owns `slot` (0..16383), or None."""
        return self._owners[slot]

    def node_of_address(self, address: str) -> Node | None:
        """The node whose ``host:port`` this is."""
        return next((node for node in self.nodes.values() if node.address == address), None)

    def replicas_of(self, node_id: str) -> list[Node]:
        """The replicas of a node, in the order of the topology."""
        return [node for node in self.nodes.values() if node.master_id == node_id]

    def master_of(self, node_id: str) -> Node | None:
        """The master of the node's shard: itself, or whom it follows. None if either is unknown, or not a master."""
        node = self.nodes.get(node_id)
        if node is not None and node.master_id is not None:
            node = self.nodes.get(node.master_id)
        return node if node is not None and node.role == "master" else None

    def with_owner(self, slots: SlotSet, node_id: str, version: int) -> "Topology":
        """This topology with `slots` owned by `node_id`, whoever owned them, and another version."""
        moved = [
            replace(node, slots=node.slots | slots if node.id == node_id else node.slots - slots)
            for node in self.nodes.values()
        ]
        return Topology(version, moved)

    def with_slots_moved(self, slots: SlotSet, node_id: str, version: int) -> "Topology":
        """What CLUSTERX SETSLOT makes: a step from exactly this topology. CommandError as Kvrocks gives it."""
        if version <= 0 or version != self.version + 1:
            raise CommandError(INVALID_VERSION)
        if len(node_id) != NODE_ID_CHARS:
            raise CommandError(INVALID_NODE_ID)
        node = self.nodes.get(node_id)
        if node is None:
            raise CommandError("ERR No this node in the cluster")
        if node.role != "master":
            raise CommandError(NOT_A_MASTER)
        return self.with_owner(slots, node_id, version)


UNINITIALIZED = Topology(-1)


def decide_setnodes(current_version: int, new_version: int, *, force: bool) -> bool:
    """Whether SETNODES applies (True) or is a no-op that succeeds (False). CommandError if the version is refused.

    Equal versions are the same topology: a controller may repeat itself. `force` applies any version, an older one too.
    """
    if new_version < 0 or (new_version < current_version and not force):
        raise CommandError(INVALID_VERSION)
    return force or new_version > current_version


def derive_myid(topology: Topology, current_myid: str, port: int, local_hosts: Collection[str], *, force: bool) -> str:
    """Which node of a new topology this server is: "" while unknown.

    What it was told or found before stands, unless it was nothing or `force` is set: then it is the first node with its
    port and one of `local_hosts` (all addresses and names that it listens on), and what it was if there is none.
    """
    if current_myid and not force:
        return current_myid
    local = {_canonical_host(host) for host in local_hosts}
    for node in topology.nodes.values():
        if node.port == port and _canonical_host(node.host) in local:
            return node.id
    return current_myid


def parse_nodes(text: str) -> list[Node]:
    """The nodes of the text form (see the module). CommandError with Kvrocks's texts; at least one node is required."""
    lines = [line for line in text.split("\n") if line]
    if not lines:
        raise CommandError(INVALID_NODES)
    return [parse_node(line) for line in lines]


def parse_node(line: str) -> Node:
    """The node of one line."""
    fields = [field for field in line.split(" ") if field]
    if len(fields) < 5 or not (line.isascii() and line.isprintable()):
        raise CommandError(INVALID_NODES)
    node_id, host, port, role_text, master_id = fields[:5]
    if len(node_id) != NODE_ID_CHARS:
        raise CommandError(INVALID_NODE_ID)
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise CommandError("ERR Invalid cluster node port")
    role, is_failed = _parse_role(role_text)
    if master_id != "-" if role == "master" else len(master_id) != NODE_ID_CHARS:
        raise CommandError(INVALID_NODE_ID)
    if role == "master":
        return Node(node_id, host, int(port), role, None, _parse_slots(fields[5:]), is_failed)
    if len(fields) != 5:
        raise CommandError(INVALID_NODES)
    return Node(node_id, host, int(port), role, master_id, NO_SLOTS, is_failed)


def _parse_role(text: str) -> tuple[Role, bool]:
    match text.lower():
        case "master":
            return "master", False
        case "slave" | "replica":
            return "slave", False
        case "slave,fail" | "replica,fail":
            return "slave", True
    raise CommandError("ERR Invalid cluster node role")


def _parse_slots(items: list[str]) -> SlotSet:
    ranges: list[tuple[int, int]] = []
    for item in items:
        if _NODE_ID.fullmatch(item):
            raise CommandError("ERR Invalid nodes definition: Missing newline between node entries.")
        ends = item.split("-")
        slots = [slot for slot, why in map(parse_slot, ends) if not why]
        # A one-slot range "5-5" is refused as Kvrocks does: other nodes of the cluster would refuse the same text.
        if len(slots) != len(ends) or len(ends) > 2 or (len(ends) == 2 and slots[0] >= slots[1]):
            raise CommandError(SLOT_OUT_OF_RANGE)
        ranges.append((slots[0], slots[-1]))
    slot_set = SlotSet(ranges)
    if len(slot_set) != sum(last - first + 1 for first, last in ranges):
        raise CommandError("ERR Slot distribution is overlapped")
    return slot_set


def _canonical_host(host: str) -> str:
    """Equal for two spellings of the same address (``::1``, ``0:0::1``) or name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.lower()
