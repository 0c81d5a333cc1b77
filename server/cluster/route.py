"""Whether this node executes a command, or where else the client must go: the redirect decision, pure.

The contract, first match wins (Kvrocks's order; `Cluster::CanExecByMySelf`):

 1. no keys                                       -> run
 2. keys of more than one slot                    -> CROSSSLOT
 3. the slot has no owner in the topology         -> CLUSTERDOWN (also before the first topology)
 4. the topology says it is mine, and
    a. it was handed over                         -> MOVED to the node that has it now
    b. it is frozen for a hand-over, and a write  -> HOLD: execute nothing, decide again when the hand-over ended
    c. it is fenced (the target may serve already) -> HOLD reads as well; TRYAGAIN once that has lasted too long
       it has arrived, but its outcome is unknown -> TRYAGAIN, however early the topology is
    d. otherwise                                  -> run (reads of a frozen slot, too)
 5. it is being imported, and the connection is the importer's or said ASKING -> run (ASKING only if it comes in
    Kvrocks's form: between Slotrocks nodes every row is accounted for, and nobody is sent on before it is served)
 6. its import was committed                      -> run, as 4b to 4d
 7. I am a replica of its owner, the connection said READONLY, and a read     -> run
 8. otherwise                                     -> MOVED to the master that owns it (never to a replica)

A hand-over changes the owner before any topology says so. What this node handed over (`moved_out`) or got (`imported`)
is an *override*, durable, that wins over the topology it was made under. A newer topology that agrees retires it
(`reconcile`); one that still names the old owner was made without knowing of the move, and must not undo it.
A replica's overrides are its master's: it owns nothing itself.

`dispatch` applies rules 1 and 2, for it has the keys; `SlotTable.decide` the others. Its hot path is one index: every
slot has a code in `SlotTable.state`, recomputed only when topology or migrations change.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from slotrocks.server.cluster.ranges import NO_SLOTS, SLOTS, SlotSet
from slotrocks.server.cluster.topology import Topology

UNASSIGNED, REMOTE, OWNED, FROZEN, FENCED, REFUSED, MOVED_OUT, IMPORTING, IMPORTED, REPLICA = range(10)

CROSS_SLOT = "CROSSSLOT Attempted to access keys that don't hash to the same slot"
NOT_SERVED = "CLUSTERDOWN Hash slot not served"
TRYAGAIN_FROZEN = "TRYAGAIN Can't write to slot being migrated which is in write forbidden phase"


class Hold(Enum):
    """The decision to let a write wait; its connection executes nothing until the hand-over ended."""

    HOLD = "hold"


HOLD = Hold.HOLD
_SERVED = bytes(code in (OWNED, IMPORTED) for code in range(256))
Decision = str | Hold | None
"""None: run the command here. HOLD: wait. A str: refuse, and this is the text of the error reply."""


class SlotTable:
    """What each slot is to this node. Rebuilt when topology or migrations change, between two commands."""

    __slots__ = ("_address", "_may_ask", "served", "state")

    def __init__(self) -> None:
        """As before the first topology: no slot has an owner."""
        self.state = bytearray(SLOTS)
        """A code for each slot. The object stays the same for life, so that callers may keep it."""
        self.served = bytearray(SLOTS)
        """1 for each slot on which any call runs here (rules 4d and 6), the same object for life, too."""
        self._may_ask = True
        self._address = [""] * SLOTS  # where MOVED sends to; that of this node, or its master, when the slot is here

    def rebuild(
        self,
        topology: Topology,
        myid: str,
        *,
        moved_out: Mapping[int, str] | None = None,
        frozen: SlotSet = NO_SLOTS,
        fenced: SlotSet = NO_SLOTS,
        refused: SlotSet = NO_SLOTS,
        importing: SlotSet = NO_SLOTS,
        promised: SlotSet = NO_SLOTS,
        may_ask: bool = True,
        imported: SlotSet = NO_SLOTS,
    ) -> None:
        """Recomputes all. `moved_out` maps each slot handed over to the ``host:port`` that has it. A slot that is
        fenced may be in `refused` as well, when its clients have waited too long: that counts then. `promised`: those
        of `importing` that have arrived, and wait for their outcome. `may_ask`: ASKING opens what is being imported.

        ValueError if a slot is both handed over and imported: two owners, or none, and no way to tell which.
        """
        moved_out = moved_out or {}
        if any(slot in imported for slot in moved_out):
            raise ValueError("a slot is both moved out and imported")
        home = topology.master_of(myid)
        is_master = home is not None and home.id == myid
        is_replica = myid in topology.nodes and not is_master
        state, address = bytearray(SLOTS), [""] * SLOTS
        for node in topology.nodes.values():
            code = REMOTE if node is not home else OWNED if is_master else REPLICA
            for first, last in node.slots.ranges:
                size = last + 1 - first
                state[first : last + 1] = bytes([code]) * size
                address[first : last + 1] = [node.address] * size
        for slot in imported:
            if state[slot] == REMOTE and not is_replica:
                state[slot] = IMPORTED
            elif state[slot] == REMOTE and home is not None:
                state[slot], address[slot] = REPLICA, home.address
        for slots, code in ((frozen, FROZEN), (refused, REFUSED), (fenced, FENCED)):
            for slot in slots:
                if state[slot] in (OWNED, IMPORTED):
                    state[slot] = code
        for slot, target in moved_out.items():
            if home is not None and topology.owner(slot) is home:
                state[slot], address[slot] = MOVED_OUT, target
        for slot in importing:  # it may be on its way back, before any topology has named the other node
            if state[slot] in (REMOTE, MOVED_OUT) and is_master:
                state[slot] = IMPORTING
        for slot in promised:
            if state[slot] == OWNED:
                state[slot] = REFUSED
        self._may_ask = may_ask
        self.state[:] = state
        self.served[:] = state.translate(_SERVED)
        self._address = address

    def decide(
        self, slot: int, is_write: bool, asking: bool = False, readonly: bool = False, importer: bool = False
    ) -> Decision:
        """Rules 3 to 8 for a slot (0..16383). `asking`, `readonly`: the connection said so; `importer`: it feeds an
        import."""
        state = self.state[slot]
        if state in (OWNED, IMPORTED):
            return None
        if state == UNASSIGNED:
            return NOT_SERVED
        if state == FROZEN:
            return HOLD if is_write else None
        if state == FENCED:
            return HOLD
        if state == REFUSED:
            return TRYAGAIN_FROZEN
        if state == IMPORTING and (importer or (asking and self._may_ask)):
            return None
        if state == REPLICA and readonly and not is_write:
            return None
        return self.moved(slot)

    def moved(self, slot: int) -> str:
        """The error that sends a client on. The slot must have an owner."""
        return f"MOVED {slot} {self._address[slot]}"


class Reconciled(NamedTuple):
    """What is left of the overrides under a newer topology."""

    moved_out: dict[int, str]
    imported: SlotSet
    slots_to_delete: SlotSet
    """Handed over, and now confirmed: the data that this node still has of them is nobody's."""


def reconcile(topology: Topology, myid: str, moved_out: Mapping[int, str], imported: SlotSet) -> Reconciled:
    """Retires the overrides that `topology` confirms; keeps the others.

    A move out is confirmed when another shard owns the slot, an import when this shard does. A slot without an owner
    confirms nothing. Only a master has data to delete: a replica follows its master's deletions.
    """
    home = topology.master_of(myid)
    is_replica = myid in topology.nodes and (home is None or home.id != myid)
    confirmed = SlotSet.of(
        *(slot for slot in moved_out if (owner := topology.owner(slot)) is not None and owner is not home)
    )
    return Reconciled(
        {slot: target for slot, target in moved_out.items() if slot not in confirmed},
        imported - home.slots if home is not None else imported,
        NO_SLOTS if is_replica else confirmed,
    )


def effective_topology(topology: Topology, myid: str, moved_out: Mapping[int, str], imported: SlotSet) -> Topology:
    """The topology as this node acts on it: with its overrides applied, same version. For CLUSTER SLOTS and SHARDS.

    A client that got MOVED often asks for the slots again; the plain topology would send it back to the old owner.
    """
    home = topology.master_of(myid)
    if home is None:
        return topology
    slots_by_node: dict[str, list[int]] = {}
    for slot, address in moved_out.items():
        node = topology.node_of_address(address)
        if node is not None and node.role == "master" and topology.owner(slot) is home:
            slots_by_node.setdefault(node.id, []).append(slot)
    effective = topology
    for node_id, slots in slots_by_node.items():
        effective = effective.with_owner(SlotSet.of(*slots), node_id, topology.version)
    gained = (imported & topology.slots_assigned) - home.slots
    return effective.with_owner(gained, home.id, topology.version) if gained else effective
