"""What the node tells of its cluster: CLUSTER INFO, NODES, REPLICAS, SLOTS and SHARDS.

INFO and NODES are read by programs: kvrocks-controller takes its whole view of a migration from INFO, and a line that
it can't read counts as a failed probe of the node, which ends in a failover. It uses the lines with exactly one colon,
so none of ours has two; and it reads `migrating_slot(s)` as one range, so there is never a list or -1 in it.

INFO, each line ended by CRLF: Kvrocks's fields in Kvrocks's order (its misplaced blanks and "(s)" included), those of
migrations only when there is something to show, and only on a master; then ours, which it ignores.

NODES, each line ended by LF, fields separated by one blank:

    id host:port@cport [myself,]flags master|- ping-sent pong-received version connected *slots *moving
    cport  = port + 10000 (there is no such port: nodes do not gossip)  ping = now - 1, pong = now, in ms: made up, too
    moving = "[" slots "->-" id of the target "]" / "[" slots "-<-" id of the source "]"   only on the line of myself
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slotrocks.server.cluster.ranges import SlotRange
from slotrocks.server.cluster.topology import INVALID_NODE_ID, NOT_A_MASTER, Node, Topology
from slotrocks.server.errors import CommandError

BUS_PORT_OFFSET = 10000
NOT_INITIALIZED = "CLUSTERDOWN The cluster is not initialized"

MigrationState = Literal["none", "start", "success", "fail"]
ImportState = Literal["none", "start", "success", "error"]


@dataclass(frozen=True, slots=True)
class MigrationView:
    """The job that CLUSTER INFO shows: the running one, else the last one until the next topology."""

    slots: SlotRange
    """One range, also when the job has several: see the module."""
    target_id: str
    state: MigrationState
    stage: str = "none"
    """Where the job's state machine is, one word."""
    elapsed_ms: int = 0
    keys: int = 0
    """Sent so far, as are `bytes`."""
    bytes: int = 0
    rate_bytes_per_sec: int = 0
    rounds: int = 0
    """Passes over the WAL after the snapshot."""
    lag_bytes: int = 0
    """Changes of the slots that are written, but not sent."""
    pause_ms: int = 0
    """How long writes were, or have been, held."""
    error: str = ""
    """Why it failed."""
    job: str = ""
    """Its id."""
    digest: str = ""
    """Whether the target's rows have been compared with the source's, one word."""


@dataclass(frozen=True, slots=True)
class ImportView:
    """The import that CLUSTER INFO shows: the running one, else the last one."""

    slots: SlotRange
    state: ImportState
    stage: str = ""
    """What this node has promised, one word; empty for a source that speaks Kvrocks's protocol."""
    source_id: str = ""
    job: str = ""


def cluster_info(
    topology: Topology, myid: str, migration: MigrationView | None = None, importing: ImportView | None = None
) -> str:
    """The text of CLUSTER INFO."""
    _check_initialized(topology)
    assigned = len(topology.slots_assigned)
    size = sum(bool(node.slots) for node in topology.nodes.values())
    lines = [
        "cluster_state:ok",
        f"cluster_slots_assigned:{assigned}",
        f"cluster_slots_ok:{assigned}",
        "cluster_slots_pfail:0",
        "cluster_slots_fail:0",
        f"cluster_known_nodes:{len(topology.nodes)}",
        f"cluster_size:{size}",
        f"cluster_current_epoch:{topology.version}",
        f"cluster_my_epoch:{topology.version}",
    ]
    me = topology.nodes.get(myid)
    if me is not None and me.role == "master":
        if migration is not None:
            lines += [
                f"migrating_slot(s): {migration.slots.text()}",
                f"destination_node: {migration.target_id}",
                f"migrating_state: {migration.state}",
            ]
        if importing is not None:
            lines += [f"importing_slot(s): {importing.slots.text()}", f"import_state: {importing.state}"]
        if migration is not None:
            lines += _migration_lines(migration)
        if importing is not None and importing.stage:
            lines += [
                f"importing_job:{importing.job}",
                f"importing_stage:{importing.stage}",
                f"importing_source:{importing.source_id}",
            ]
    return "".join(f"{line}\r\n" for line in lines)


def _migration_lines(migration: MigrationView) -> list[str]:
    """The fields that Kvrocks lacks."""
    lines = [
        f"migrating_stage:{migration.stage}",
        f"migrating_elapsed_ms:{migration.elapsed_ms}",
        f"migrating_keys:{migration.keys}",
        f"migrating_bytes:{migration.bytes}",
        f"migrating_rate_bytes_per_sec:{migration.rate_bytes_per_sec}",
        f"migrating_rounds:{migration.rounds}",
        f"migrating_lag_bytes:{migration.lag_bytes}",
        f"migrating_pause_ms:{migration.pause_ms}",
    ]
    if migration.job:
        lines += [f"migrating_job:{migration.job}", f"migrating_digest:{migration.digest}"]
    if migration.error:
        # Clients, too, split a line at every colon, and expect two parts.
        words = migration.error.replace(":", " ").split()
        lines.append(f"migrating_error:{' '.join(words)}")
    return lines


def cluster_nodes(
    topology: Topology,
    myid: str,
    now_ms: int,
    migrating: Sequence[tuple[SlotRange, str]] = (),
    importing: Sequence[tuple[SlotRange, str]] = (),
) -> str:
    """The text of CLUSTER NODES. `migrating` and `importing`: what moves just now, with the id of the node at the other
    end."""
    _check_initialized(topology)
    moving = "".join(
        f" [{slots.text()}{arrow}{node_id}]"
        for arrow, moves in (("->-", migrating), ("-<-", importing))
        for slots, node_id in moves
    )
    lines = []
    for node in topology.nodes.values():
        is_me = node.id == myid
        slots = f" {node.slots.text()}" if node.slots else ""
        lines.append(_node_line(node, topology.version, now_ms, "myself," if is_me else "") + slots + moving * is_me)
    return "".join(f"{line}\n" for line in lines)


def cluster_replicas(topology: Topology, node_id: str, now_ms: int) -> str:
    """The text of CLUSTER REPLICAS: the lines of a master's replicas. CommandError if it is none."""
    _check_initialized(topology)
    node = topology.nodes.get(node_id)
    if node is None:
        raise CommandError(INVALID_NODE_ID)
    if node.role != "master":
        raise CommandError(NOT_A_MASTER)
    return "".join(f"{_node_line(replica, topology.version, now_ms)}\n" for replica in topology.replicas_of(node_id))


def _node_line(node: Node, version: int, now_ms: int, myself: str = "") -> str:
    flags = f"{myself}{node.role}{',fail' if node.is_failed else ''}"
    return (
        f"{node.id} {node.address}@{node.port + BUS_PORT_OFFSET} {flags} {node.master_id or '-'}"
        f" {now_ms - 1} {now_ms} {version} connected"
    )


def cluster_slots(topology: Topology) -> list[list[Any]]:
    """The reply of CLUSTER SLOTS, ascending: ``[first, last, [host, port, id] of the master, ... of each replica]``.

    Three fields a node as in Kvrocks and Redis before 7; clients treat the fourth, metadata, as optional.
    """
    _check_initialized(topology)
    rows: list[list[Any]] = []
    for node in topology.nodes.values():
        servers = [[each.host, each.port, each.id] for each in (node, *topology.replicas_of(node.id))]
        rows += [[first, last, *servers] for first, last in node.slots.ranges]
    return sorted(rows, key=lambda row: int(row[0]))


def cluster_shards(topology: Topology, myid: str, replication_offset: int = 0) -> list[dict[str, Any]]:
    """The reply of CLUSTER SHARDS as in Redis 7: a map for each master, with its slots (first, last, ...) and its
    nodes.

    A replica whose master is unknown is a shard of its own. `replication_offset` is that of this node; those of the
    others aren't known here and are 0.
    """
    _check_initialized(topology)

    def describe(node: Node) -> dict[str, Any]:
        return {
            "id": node.id,
            "port": node.port,
            "ip": node.host,
            "endpoint": node.host,
            "role": "master" if node.role == "master" else "replica",
            "replication-offset": replication_offset if node.id == myid else 0,
            "health": "fail" if node.is_failed else "online",
        }

    return [
        {
            "slots": [slot for slots in node.slots.ranges for slot in slots],
            "nodes": [describe(each) for each in (node, *topology.replicas_of(node.id))],
        }
        for node in topology.nodes.values()
        if node.role == "master" or topology.master_of(node.id) is None
    ]


def cluster_links() -> list[Any]:
    """The reply of CLUSTER LINKS: none, since nodes keep no links among themselves."""
    return []


def _check_initialized(topology: Topology) -> None:
    if not topology.is_initialized:
        raise CommandError(NOT_INITIALIZED)
