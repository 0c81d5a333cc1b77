"""CLUSTER, and the switches of a connection in a cluster: READONLY, READWRITE, ASKING. Texts and order are
Kvrocks's."""

from __future__ import annotations

import os
from typing import Any

from slotrocks.engine import CF_METADATA, OK, Verbatim, slot_of
from slotrocks.server.cluster import view
from slotrocks.server.cluster.ranges import SLOTS, SlotSet, parse_ranges
from slotrocks.server.cluster.state import Cluster
from slotrocks.server.cluster.view import ImportView
from slotrocks.server.errors import NOT_INTEGER, CommandError
from slotrocks.server.migration.records import ImportState
from slotrocks.server.session import Session
from slotrocks.server.table import command

NOT_ENABLED = "ERR Cluster mode is not enabled"
USAGE = "ERR CLUSTER command, CLUSTER INFO|NODES|SLOTS|SHARDS|KEYSLOT|MYID|COUNTKEYSINSLOT|GETKEYSINSLOT|RESET|REPLICAS"
_IMPORT_VIEWS: dict[ImportState, Any] = {
    ImportState.IMPORTING: "start",
    ImportState.PREPARED: "start",
    ImportState.COMMITTED: "success",
    ImportState.ABORTED: "error",
}


def cluster_of(s: Session) -> Cluster:
    """The node's cluster. Raises CommandError when it is not one."""
    if s.node.cluster is None:
        raise CommandError(NOT_ENABLED)
    return s.node.cluster


def require_admin(s: Session) -> None:
    """Refuses a client that may not administer the cluster."""
    if not s.admin:
        raise CommandError("ERR admin permission required to perform the command")


@command("cluster", arity=-2, group="cluster", since="3.0.0", summary="A container for Redis Cluster commands.",
         complexity="Depends on subcommand.", unknown=USAGE,
         differs="No gossip: the topology is pushed with CLUSTERX. There is no MEET, FORGET, ADDSLOTS, "
         "DELSLOTS, SETSLOT, REPLICATE, FAILOVER or HELP.")  # fmt: skip
def cluster(s: Session, argv: list[bytes]) -> Any:
    raise CommandError(USAGE)


@command("cluster|info", arity=2, flags="loading stale", group="cluster", since="3.0.0",
         summary="Returns information about the state of a node, its migrations included.",
         differs="Kvrocks's fields, those of a migration included, and more about it (see "
         "[migration.md](migration.md)). cluster_state is always ok, and there is nothing about "
         "messages.")  # fmt: skip
def info(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    text = view.cluster_info(c.topology, c.myid, c.coordinator.view(), _import_view(c))
    return Verbatim("txt", text.encode())


def _import_view(c: Cluster) -> ImportView | None:
    """The import to be shown, if there is one."""
    last = c.importer.last
    if last is None:
        return None
    slots, state = last.slots.ranges[0], _IMPORT_VIEWS[last.state]
    return (
        ImportView(slots, state) if last.kvrocks else ImportView(slots, state, last.state.value, last.source, last.job)
    )


@command("cluster|nodes", arity=2, flags="loading stale", group="cluster", since="3.0.0",
         summary="Returns the cluster configuration for a node.",
         complexity="O(N) where N is the number of nodes",
         differs="Times of ping and pong are made up, links always connected; epoch is the topology's "
         "version, as in Kvrocks.")  # fmt: skip
def nodes(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    job, incoming = c.coordinator.running, c.importer.running
    migrating = [(each, job.target.id) for each in job.slots.ranges] if job is not None else []
    importing = [(each, incoming.source) for each in incoming.slots.ranges] if incoming is not None else []
    return Verbatim("txt", view.cluster_nodes(c.topology, c.myid, s.node.now_ms, migrating, importing).encode())


@command("cluster|slots", arity=2, flags="loading stale", group="cluster", since="3.0.0",
         summary="Returns the mapping of cluster slots to nodes.",
         complexity="O(N) where N is the number of nodes",
         differs="Three fields for each node, as in Kvrocks and Redis before 7.")  # fmt: skip
def slots(s: Session, argv: list[bytes]) -> Any:
    return view.cluster_slots(cluster_of(s).effective)


@command("cluster|shards", arity=2, flags="loading stale", group="cluster", since="7.0.0",
         summary="Returns the mapping of cluster slots to shards.",
         complexity="O(N) where N is the number of nodes",
         differs="The offsets of other nodes are 0.")  # fmt: skip
def shards(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    return view.cluster_shards(c.effective, c.myid, s.node.store.sequence)


@command("cluster|links", arity=2, flags="loading stale", group="cluster", since="7.0.0",
         summary="Returns a list of all TCP links to and from peer nodes: none, for nodes do not gossip.",
         differs="Always empty.")  # fmt: skip
def links(s: Session, argv: list[bytes]) -> Any:
    cluster_of(s)
    return view.cluster_links()


@command("cluster|keyslot", arity=3, flags="loading stale", group="cluster", since="3.0.0",
         summary="Returns the hash slot for a key.",
         complexity="O(N) where N is the number of bytes in the key")  # fmt: skip
def keyslot(s: Session, argv: list[bytes]) -> Any:
    cluster_of(s)
    return slot_of(argv[2])


@command("cluster|myid", arity=2, flags="loading stale", group="cluster", since="3.0.0",
         summary="Returns the ID of a node.")  # fmt: skip
def myid(s: Session, argv: list[bytes]) -> Any:
    return cluster_of(s).myid.encode()


@command("cluster|replicas", arity=3, flags="admin stale", group="cluster", since="5.0.0",
         summary="Lists the replica nodes of a master node.",
         complexity="O(N) where N is the number of replicas",
         differs="One text with a line for each, as in Kvrocks; Redis has an array.")  # fmt: skip
def replicas(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    text = view.cluster_replicas(c.topology, argv[2].decode("latin-1"), s.node.now_ms)
    return Verbatim("txt", text.encode())


def _slot(word: bytes) -> int:
    if not word.isdigit():
        raise CommandError(NOT_INTEGER)
    slot = int(word)
    if slot >= SLOTS:
        raise CommandError("ERR Invalid slot")
    return slot


def _keys_in(c: Cluster, slot: int, count: int | None) -> list[bytes]:
    txn = c.node.txn
    found: list[bytes] = []
    for row_key, _ in txn.scan(CF_METADATA, *txn.codec.slot_range(slot, slot)):
        key = txn.codec.user_key(row_key)
        if txn.lookup(key) is not None:
            found.append(key)
            if len(found) == count:
                break
    return found


@command("cluster|countkeysinslot", arity=3, flags="stale", group="cluster", since="3.0.0",
         summary="Returns the number of keys in a hash slot.",
         complexity="O(N) where N is the number of keys in the slot",
         differs="Counts at each call (Redis: O(1)).")  # fmt: skip
def countkeysinslot(s: Session, argv: list[bytes]) -> Any:
    return len(_keys_in(cluster_of(s), _slot(argv[2]), None))


@command("cluster|getkeysinslot", arity=4, flags="stale", group="cluster", since="3.0.0",
         summary="Returns the key names in a hash slot.",
         complexity="O(N) where N is the number of requested keys")  # fmt: skip
def getkeysinslot(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    slot = _slot(argv[2])
    if not argv[3].isdigit():
        raise CommandError("ERR Invalid number of keys")
    count = int(argv[3])
    return _keys_in(c, slot, count) if count else []


@command("cluster|reset", arity=-2, flags="admin stale noscript no_multi", group="cluster", since="3.0.0",
         summary="Makes an empty node forget its topology.",
         differs="HARD and SOFT are the same, as in Kvrocks; an error as long as there are keys, or "
         "slots move.")  # fmt: skip
def reset(s: Session, argv: list[bytes]) -> Any:
    c = cluster_of(s)
    require_admin(s)
    if len(argv) > 3 or (len(argv) == 3 and argv[2].lower() not in (b"hard", b"soft")):
        raise CommandError("ERR syntax error")
    c.reset()
    return OK


@command("cluster|import", arity=4, flags="admin stale noscript no_multi", group="cluster", since="2.0.6",
         summary="Internal: a source announces slots (0), confirms them (1), or gives up (2).",
         differs="Redis does not have it. What a Kvrocks node says to a target.")  # fmt: skip
def import_slots(s: Session, argv: list[bytes]) -> Any:
    """The form that Kvrocks sources use; Slotrocks sources use CLUSTERX HANDOVER."""
    c = cluster_of(s)
    require_admin(s)
    wanted = parse_import_ranges(argv[2])
    try:
        state = int(argv[3])
    except ValueError:
        raise CommandError(NOT_INTEGER) from None
    if state == 0:
        running = c.importer.running
        if running is not None and running.slots == wanted and running.session is s:
            return OK
        c.importer.start(s, wanted, os.urandom(10).hex(), source_id(c, wanted), kvrocks=True)
        return OK
    if state == 1:
        each = c.importer.running_for(wanted)
        c.importer.commit(each)
        return s.node.reply_when_synced(s, lambda: c.importer.serve(each))
    if state == 2:
        c.importer.abort(c.importer.running_for(wanted), "the source gave up")
        return OK
    raise CommandError("ERR Invalid import state")


def parse_import_ranges(word: bytes) -> SlotSet:
    """The slots of an import."""
    return parse_ranges(word.decode("latin-1"))


def source_id(c: Cluster, wanted: SlotSet) -> str:
    """Who, by the topology, gives these slots away."""
    owner = c.topology.owner(wanted.ranges[0].first)
    return owner.id if owner is not None else ""


@command("readonly", arity=1, flags="fast loading stale no_multi", group="cluster", since="3.0.0",
         summary="Enables read-only queries for a connection to a replica.",
         differs="Nodes do not replicate: one that the topology calls a replica reads what it happens to "
         "have.")  # fmt: skip
def readonly(s: Session, argv: list[bytes]) -> Any:
    cluster_of(s)
    s.readonly = True
    return OK


@command("readwrite", arity=1, flags="fast loading stale no_multi", group="cluster", since="3.0.0",
         summary="Disables read-only queries for a connection.")  # fmt: skip
def readwrite(s: Session, argv: list[bytes]) -> Any:
    cluster_of(s)
    s.readonly = False
    return OK


@command("asking", arity=1, flags="fast", group="cluster", since="3.0.0",
         summary="Lets the next command use a slot that is being imported.")  # fmt: skip
def asking(s: Session, argv: list[bytes]) -> Any:
    cluster_of(s)
    s.asking = True
    return OK
