import pytest

from slotrocks.server.cluster.ranges import ALL_SLOTS, SLOTS, SlotSet, parse_ranges
from slotrocks.server.cluster.topology import (
    UNINITIALIZED,
    Node,
    Topology,
    decide_setnodes,
    derive_myid,
    parse_node,
    parse_nodes,
)
from slotrocks.server.errors import CommandError

A, B, C, R = ("x" * 38 + tail for tail in ("00", "01", "02", "03"))
HEX = "07c37dfeb235213a872192d90877d0cd55635b91"


def topology(*lines: str, version: int = 1) -> Topology:
    return Topology(version, parse_nodes("\n".join(lines)))


def error_of(call: object, *args: object) -> str:
    with pytest.raises(CommandError) as refused:
        call(*args)  # type: ignore[operator]
    return refused.value.text


def test_parses_a_cluster() -> None:
    made = topology(
        f"{A} 127.0.0.1 30001 master - 0-2 4-8193 10000 10002-11002 16381 16382-16383",
        f"{B}   127.0.0.1   30002 MASTER -   8194-9999  ",
        "",
        f"{R} ::1 30003 Replica {A}",
        f"{C} node-c.example 0 slave,fail {B}",
    )
    assert list(made.nodes) == [A, B, R, C]
    assert made.nodes[A].slots.text() == "0-2 4-8193 10000 10002-11002 16381-16383"
    assert made.nodes[R] == Node(R, "::1", 30003, "slave", A)
    assert made.nodes[C] == Node(C, "node-c.example", 0, "slave", B, is_failed=True)
    assert made.nodes[R].address == "::1:30003"
    owners = {slot: made.owner(slot) for slot in (0, 3, 8193, 8194, 10001, 16383)}
    assert {slot: owner and owner.id for slot, owner in owners.items()} == {
        0: A, 3: None, 8193: A, 8194: B, 10001: None, 16383: A
    }  # fmt: skip
    assert [node.id for node in made.replicas_of(A)] == [R] and made.replicas_of(R) == []
    assert made.slots_assigned.text() == "0-2 4-10000 10002-11002 16381-16383"
    assert made.node_of_address("127.0.0.1:30002") is made.nodes[B] and made.node_of_address("x:1") is None


def test_master_of_a_shard() -> None:
    made = topology(f"{A} h 1 master -", f"{R} h 2 slave {A}", f"{B} h 3 slave {C}", f"{HEX} h 4 slave {R}")
    assert [made.master_of(node) for node in (A, R)] == [made.nodes[A]] * 2
    assert [made.master_of(node) for node in (B, C, HEX, "")] == [None] * 4


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "Invalid cluster nodes info"),
        ("\n\n", "Invalid cluster nodes info"),
        (f"{A} h 1 master", "Invalid cluster nodes info"),
        ("short h 1 master -", "Invalid cluster node id"),
        (f"{A} h x master -", "Invalid cluster node port"),
        (f"{A} h -1 master -", "Invalid cluster node port"),
        (f"{A} h 65536 master -", "Invalid cluster node port"),
        (f"{A} h {'1' * 5000} master -", "Invalid cluster node port"),
        (f"{A} h 1 chief -", "Invalid cluster node role"),
        (f"{A} h 1 master,fail -", "Invalid cluster node role"),
        (f"{A} h 1 master {B}", "Invalid cluster node id"),
        (f"{A} h 1 slave -", "Invalid cluster node id"),
        (f"{A} h 1 slave {B} 0-3", "Invalid cluster nodes info"),
        (f"{A} h 1 master - 16384", "Slot is out of range"),
        (f"{A} h 1 master - 1-16384", "Slot is out of range"),
        (f"{A} h 1 master - x", "Slot is out of range"),
        (f"{A} h 1 master - 5-5", "Slot is out of range"),
        (f"{A} h 1 master - 6-5", "Slot is out of range"),
        (f"{A} h 1 master - 1-2-3", "Slot is out of range"),
        (f"{A} h 1 master - -5", "Slot is out of range"),
        (f"{A} h 1 master - 5-", "Slot is out of range"),
        (f"{A} h 1 master - 1-3 2", "Slot distribution is overlapped"),
        (f"{A} h 1 master - 1-3\n{B} h 2 master - 3", "Slot distribution is overlapped"),
        (
            f"{A} h 1 master - 0-3 {HEX} h 2 master - 4-5",
            "Invalid nodes definition: Missing newline between node entries.",
        ),
        (f"{A} h\rMOVED 1 master -", "Invalid cluster nodes info"),
        (f"{A} h 1 master - 1-3\r", "Invalid cluster nodes info"),
        (f"{'é' * 40} h 1 master -", "Invalid cluster nodes info"),
        (f"{A} h 1 master -\n{A} h 2 master -", "Invalid cluster nodes info"),
    ],
)
def test_refuses(text: str, error: str) -> None:
    assert error_of(lambda: topology(text)) == f"ERR {error}"


def test_slots_that_a_newer_topology_drops_have_no_owner() -> None:
    assert topology(f"{A} h 1 master - 0-10").owner(5)
    assert topology(f"{A} h 1 master - 0-4", version=2).owner(5) is None


@pytest.mark.parametrize(
    ("current", "new", "force", "applies"),
    [(-1, 0, False, True), (1, 2, False, True), (2, 2, False, False), (2, 2, True, True), (9, 2, True, True)],
)
def test_setnodes_versions(current: int, new: int, force: bool, applies: bool) -> None:
    assert decide_setnodes(current, new, force=force) is applies


@pytest.mark.parametrize(("current", "new", "force"), [(-1, -1, False), (3, 2, False), (3, -1, True)])
def test_setnodes_versions_refused(current: int, new: int, force: bool) -> None:
    assert error_of(lambda: decide_setnodes(current, new, force=force)) == "ERR Invalid cluster version"


def test_setslot_moves_slots() -> None:
    before = topology(f"{A} h 1 master - 0-10", f"{B} h 2 master -", version=7)
    after = before.with_slots_moved(parse_ranges("1-3 5 20"), B, 8)
    assert after.version == 8 and after.nodes[A].slots.text() == "0 4 6-10"
    assert after.nodes[B].slots.text() == "1-3 5 20" and after.owner(20) is after.nodes[B]
    assert before.version == 7 and before.nodes[A].slots.text() == "0-10"
    assert before.with_slots_moved(SlotSet.of(2), A, 8).nodes == before.nodes


@pytest.mark.parametrize(
    ("node_id", "version", "error"),
    [
        (B, 7, "Invalid cluster version"),
        (B, 9, "Invalid cluster version"),
        ("short", 9, "Invalid cluster version"),
        ("short", 8, "Invalid cluster node id"),
        (C, 8, "No this node in the cluster"),
        (R, 8, "The node isn't a master"),
    ],
)
def test_setslot_refused(node_id: str, version: int, error: str) -> None:
    before = topology(f"{A} h 1 master - 0-10", f"{B} h 2 master -", f"{R} h 3 slave {A}", version=7)
    assert error_of(before.with_slots_moved, SlotSet.of(1), node_id, version) == f"ERR {error}"


def test_setslot_needs_a_topology() -> None:
    assert error_of(UNINITIALIZED.with_slots_moved, SlotSet.of(1), A, 0) == "ERR Invalid cluster version"


@pytest.mark.parametrize(
    ("current", "port", "hosts", "force", "found"),
    [
        ("", 1, {"127.0.0.1", "10.0.0.7"}, False, A),
        ("", 2, {"10.0.0.7"}, False, B),
        ("", 3, {"0:0:0:0:0:0:0:1"}, False, R),
        ("", 4, {"Node-C.example"}, False, C),
        ("", 9, {"10.0.0.7"}, False, ""),
        ("", 1, {"10.0.0.8"}, False, ""),
        (C, 1, {"10.0.0.7"}, False, C),
        (C, 1, {"10.0.0.7"}, True, A),
        (C, 9, {"10.0.0.7"}, True, C),
    ],
)
def test_myid(current: str, port: int, hosts: set[str], force: bool, found: str) -> None:
    made = topology(
        f"{A} 10.0.0.7 1 master -",
        f"{B} 10.0.0.7 2 master -",
        f"{R} ::1 3 slave {A}",
        f"{C} node-c.example 4 slave {A}",
    )
    assert derive_myid(made, current, port, hosts, force=force) == found


def test_largest_topologies_are_quick_to_change() -> None:
    """Alternate slots: 8192 ranges on either side, where a quadratic difference would take seconds."""
    even = SlotSet.of(*range(0, SLOTS, 2))
    made = Topology(1, [Node(A, "h", 1, "master", None, even), Node(B, "h", 2, "master", None, ALL_SLOTS - even)])
    assert made.with_slots_moved(even, B, 2).nodes[B].slots == ALL_SLOTS
    assert parse_node(f"{A} h 1 master - {even.text()}").slots == even
