"""nodes.conf: the topology, and which of its nodes this server is, kept across restarts.

The format is that of Kvrocks, so that either server starts from the other's folder. Lines end with LF; blank lines and
those that begin with "#" are skipped:

    "version " int                  -1 before the first topology (then there are no nodes)
    "id " [40 characters]           this node; empty while unknown
    "node " line                    one for each node, as in CLUSTERX SETNODES (see `topology`)

A save survives a crash at any moment (`atomic_file`): `load` finds the old text or the new one, whole; and after `save`
returned, the new one. A file that makes no sense is never ignored or repaired: ownership of slots hangs on it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from slotrocks.server.atomic_file import OsCalls, remove_file, replace_file
from slotrocks.server.cluster.ranges import NO_SLOTS
from slotrocks.server.cluster.topology import NODE_ID_CHARS, UNINITIALIZED, Node, Topology, parse_node
from slotrocks.server.errors import CommandError


@dataclass(frozen=True, slots=True)
class NodesConf:
    """What the file says. `myid` is "" while this node has no id."""

    myid: str = ""
    topology: Topology = UNINITIALIZED


class NodesConfError(Exception):
    """The file is damaged; the text names file and line."""


def encode_nodes_conf(conf: NodesConf) -> str:
    """The text of the file."""
    lines = [f"version {conf.topology.version}", f"id {conf.myid}"]
    lines += [_encode_node(node) for node in conf.topology.nodes.values()]
    return "\n".join(lines) + "\n"


def _encode_node(node: Node) -> str:
    role = node.role + (",fail" if node.is_failed else "")
    # Two spaces before the slots, and one after a master's id, is how Kvrocks writes them.
    slots = f" {node.slots.text()}" if node.slots else ""
    return f"node {node.id} {node.host} {node.port} {role} {node.master_id or '-'} {slots}"


def decode_nodes_conf(text: str, name: str = "nodes.conf") -> NodesConf:
    """The inverse of `encode_nodes_conf`. NodesConfError names the line of `name` that is wrong."""
    values: dict[str, str] = {}
    nodes: list[Node] = []
    ids: set[str] = set()
    claimed = NO_SLOTS
    *lines, rest = text.split("\n")
    number = 1
    try:
        for number, line in enumerate(lines, 1):
            key, _, value = line.strip(" ").partition(" ")
            if not key or key.startswith("#"):
                continue
            if key == "node":
                node = parse_node(value)
                # Topology checks this, too, but doesn't know the line.
                if node.id in ids or claimed & node.slots:
                    raise ValueError("a second line for this node" if node.id in ids else "slots of another node")
                nodes.append(node)
                ids.add(node.id)
                claimed |= node.slots
            elif key not in ("version", "id"):
                raise ValueError(f"unknown key {key!r}")
            elif key in values:
                raise ValueError(f"a second {key!r}")
            else:
                values[key] = _checked(key, value)
        if rest:
            number += bool(lines)
            raise ValueError("its end is missing")
        if "version" not in values:
            raise ValueError("the version is missing")
        version = int(values["version"])
        if (version >= 0) != bool(nodes):
            raise ValueError(f"version {version} with {len(nodes)} nodes")
    except (ValueError, CommandError) as error:
        raise NodesConfError(f"{name}: line {number}: {error}") from None
    return NodesConf(values.get("id", ""), Topology(version, nodes))


def _checked(key: str, value: str) -> str:
    if key == "version" and int(value) < -1:
        raise ValueError(f"invalid version {value}")
    if key == "id" and value and (len(value) != NODE_ID_CHARS or not (value.isascii() and value.isprintable())):
        raise ValueError("invalid node id")
    return value


def load(path: Path) -> NodesConf | None:
    """What the file says, or None if there is none. NodesConfError if it is damaged, OSError if it can't be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    # One character for each byte: what is not ASCII is reported with its line, not as a decoding error.
    return decode_nodes_conf(data.decode("latin-1"), str(path))


def save(path: Path, conf: NodesConf, calls: OsCalls = os) -> None:
    """Replaces the file, durably. On OSError the file may be the old one or the new one, but is whole."""
    replace_file(path, encode_nodes_conf(conf).encode("ascii"), mode=0o644, calls=calls)


def remove(path: Path, calls: OsCalls = os) -> None:
    """Removes the file, durably; none there is fine."""
    remove_file(path, calls)
