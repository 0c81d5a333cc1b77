"""The redirect decision, row by row and in its order, and how overrides retire."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.server.cluster import route
from slotrocks.server.cluster.ranges import ALL_SLOTS, NO_SLOTS, SlotSet, parse_ranges
from slotrocks.server.cluster.route import (
    HOLD,
    NOT_SERVED,
    Decision,
    Reconciled,
    SlotTable,
    effective_topology,
    reconcile,
)
from slotrocks.server.cluster.topology import UNINITIALIZED, Topology, parse_nodes

ME, OTHER, THIRD, REPLICA = ("x" * 38 + tail for tail in ("00", "01", "02", "03"))


def topology(mine: str = "0-99", others: str = "100-199", third: str = "300-399", version: int = 1) -> Topology:
    return Topology(
        version,
        parse_nodes(
            f"{ME} me.example 1 master - {mine}\n{OTHER} 10.0.0.2 2 master - {others}\n"
            f"{THIRD} ::1 3 master - {third}\n{REPLICA} 10.0.0.4 4 slave {OTHER}"
        ),
    )


def table(myid: str = ME, of: Topology | None = None) -> SlotTable:
    made = SlotTable()
    made.rebuild(
        of or topology(),
        myid,
        moved_out={10: "10.0.0.2:2", 11: "10.0.0.9:9", 150: "10.0.0.9:9", 250: "10.0.0.9:9"},
        frozen=parse_ranges("10 20-21 120 130 251"),
        fenced=parse_ranges("24-25"),
        refused=parse_ranges("25"),
        importing=parse_ranges("22 110-111 252"),
        imported=parse_ranges("23 120-121 253"),
    )
    return made


RUN = None
TO_OTHER = "MOVED {slot} 10.0.0.2:2"
# (what the slot is, slots, decision for a read, for a write) on a connection without any flag
ROWS: list[tuple[str, tuple[int, ...], Decision, Decision]] = [
    ("3: no owner", (200,), NOT_SERVED, NOT_SERVED),
    ("3 before 4a, 4b, 5 and 6: no owner, whatever else", (250, 251, 252, 253), NOT_SERVED, NOT_SERVED),
    ("4a before 4b: handed over, still frozen", (10,), TO_OTHER, TO_OTHER),
    (
        "4a: handed over to a node the topology does not know",
        (11,),
        "MOVED {slot} 10.0.0.9:9",
        "MOVED {slot} 10.0.0.9:9",
    ),
    ("4b: mine, frozen", (20, 21), RUN, HOLD),
    ("4c: mine, fenced: the target may serve already", (24,), HOLD, HOLD),
    ("4c: mine, fenced for too long", (25,), route.TRYAGAIN_FROZEN, route.TRYAGAIN_FROZEN),
    ("4d before 5 and 6: mine, whatever import says", (22, 23), RUN, RUN),
    ("4d: mine", (0, 9, 12, 99), RUN, RUN),
    ("6, 4b: imported, frozen again", (120,), RUN, HOLD),
    ("6: imported", (121,), RUN, RUN),
    ("5: importing, an ordinary connection", (110, 111), TO_OTHER, TO_OTHER),
    ("8: another's", (100, 199), TO_OTHER, TO_OTHER),
    ("8: another's, whatever was frozen or handed over here", (130, 150), TO_OTHER, TO_OTHER),
    ("8: another's, IPv6", (300,), "MOVED {slot} ::1:3", "MOVED {slot} ::1:3"),
]


@pytest.mark.parametrize(("what", "slots", "read", "write"), ROWS, ids=[row[0] for row in ROWS])
def test_rows(what: str, slots: tuple[int, ...], read: Decision, write: Decision) -> None:
    made = table()
    for slot, is_write, readonly, asking, importer in product(slots, *[(False, True)] * 4):
        expected = write if is_write else read
        if what.startswith("5") and (asking or importer):
            expected = RUN
        expected = expected.format(slot=slot) if isinstance(expected, str) else expected
        assert made.decide(slot, is_write, asking=asking, readonly=readonly, importer=importer) == expected


@pytest.mark.parametrize(
    ("slot", "readonly", "is_write", "expected"),
    [
        (100, True, False, RUN),
        (100, True, True, "MOVED 100 10.0.0.2:2"),
        (100, False, False, "MOVED 100 10.0.0.2:2"),
        (0, True, False, "MOVED 0 me.example:1"),
        (200, True, False, NOT_SERVED),
        # What its master handed over or imported, it did, too; frozen and importing are its master's business.
        (150, True, False, "MOVED 150 10.0.0.9:9"),
        (23, True, False, RUN),
        (23, True, True, "MOVED 23 10.0.0.2:2"),
        (22, True, False, "MOVED 22 me.example:1"),
        (130, True, False, RUN),
        (130, True, True, "MOVED 130 10.0.0.2:2"),
    ],
)
def test_replica_serves_reads_of_its_masters_slots(
    slot: int, readonly: bool, is_write: bool, expected: Decision
) -> None:
    for asking, importer in product((False, True), repeat=2):
        made = table(REPLICA)
        assert made.decide(slot, is_write, asking=asking, readonly=readonly, importer=importer) == expected


def test_replica_of_an_unknown_master_redirects_everything() -> None:
    orphan = Topology(1, [*topology().nodes.values(), *parse_nodes(f"{'o' * 40} h 5 slave {'u' * 40}")])
    made = table("o" * 40, orphan)
    assert made.decide(23, False, readonly=True) == "MOVED 23 me.example:1"
    assert made.decide(100, False, asking=True, readonly=True) == "MOVED 100 10.0.0.2:2"


def test_non_member_redirects_everything_it_did_not_import() -> None:
    made = table("")
    assert made.decide(0, False, asking=True, readonly=True) == "MOVED 0 me.example:1"
    assert made.decide(110, False, asking=True) == "MOVED 110 10.0.0.2:2"
    assert made.decide(121, True) is RUN


def test_before_the_first_topology() -> None:
    made = SlotTable()
    assert made.decide(0, False) == NOT_SERVED
    made.rebuild(UNINITIALIZED, ME)
    assert all(made.decide(slot, True, True, True, True) == NOT_SERVED for slot in ALL_SLOTS)


def test_rebuild_forgets_what_was_and_keeps_the_state_object() -> None:
    made = table()
    state = made.state
    made.rebuild(topology(mine="0-199", others="", third="", version=2), ME)
    assert made.state is state and set(state[:200]) == {route.OWNED} and set(state[200:]) == {route.UNASSIGNED}


def test_a_slot_handed_over_and_imported_is_a_contradiction() -> None:
    with pytest.raises(ValueError, match="both"):
        SlotTable().rebuild(topology(), ME, moved_out={5: "h:1"}, imported=SlotSet.of(5))


MOVED = {10: "10.0.0.2:2", 11: "10.0.0.2:2"}


@pytest.mark.parametrize(
    ("what", "newer", "expected"),
    [
        ("unrelated", topology(version=2), Reconciled(MOVED, parse_ranges("120-121"), NO_SLOTS)),
        (
            "all confirmed",
            topology("0-9 12-99 120-121", "10-11 100-119 122-199"),
            Reconciled({}, NO_SLOTS, parse_ranges("10-11")),
        ),
        (
            "partly",
            topology("0-9 11-99 120", "10 100-119 121-199"),
            Reconciled({11: "10.0.0.2:2"}, SlotSet.of(121), SlotSet.of(10)),
        ),
        (
            "moved on to a third",
            topology("0-9", third="10-11"),
            Reconciled({}, parse_ranges("120-121"), parse_ranges("10-11")),
        ),
        ("no owner", topology("0-9", "100-119"), Reconciled(MOVED, parse_ranges("120-121"), NO_SLOTS)),
        ("nothing at all", UNINITIALIZED, Reconciled(MOVED, parse_ranges("120-121"), NO_SLOTS)),
    ],
)
def test_reconcile(what: str, newer: Topology, expected: Reconciled) -> None:
    assert reconcile(newer, ME, MOVED, parse_ranges("120-121")) == expected


def test_a_replica_retires_overrides_with_its_master_and_deletes_nothing() -> None:
    newer = topology("0-99 150", "120 100-119 122-149 151-199", "")
    assert reconcile(newer, REPLICA, {150: "me.example:1", 122: "me.example:1"}, parse_ranges("120-121")) == Reconciled(
        {122: "me.example:1"}, SlotSet.of(121), NO_SLOTS
    )


def test_clients_see_the_moves_at_once() -> None:
    before = topology()
    seen = effective_topology(
        before, ME, {10: "10.0.0.2:2", 11: "10.0.0.9:9", 12: "::1:3", 13: "10.0.0.4:4"}, parse_ranges("120 250")
    )
    assert seen.version == before.version
    assert [seen.nodes[node].slots.text() for node in (ME, OTHER, THIRD)] == [
        "0-9 11 13-99 120", "10 100-119 121-199", "12 300-399"
    ]  # fmt: skip
    assert effective_topology(before, ME, {}, NO_SLOTS) is before
    assert effective_topology(before, "", {10: "10.0.0.2:2"}, NO_SLOTS) is before


owners = st.lists(st.sampled_from([None, ME, OTHER, THIRD]), min_size=12, max_size=12)
slot_sets = st.frozensets(st.integers(0, 11), max_size=5).map(lambda slots: SlotSet.of(*slots))


def assigned(to: list[str | None], version: int) -> Topology:
    slots = {node: " ".join(str(slot) for slot, owner in enumerate(to) if owner == node) for node in (ME, OTHER, THIRD)}
    return topology(slots[ME], slots[OTHER], slots[THIRD], version)


@settings(max_examples=150, deadline=None)
@given(owners, owners, slot_sets, slot_sets)
def test_no_topology_makes_a_moved_slot_served_here(
    first: list[str | None], second: list[str | None], moving: SlotSet, coming: SlotSet
) -> None:
    """Whatever is pushed: a slot that was handed over is served here again only by an import; an imported one stays
    unless the topology takes it away or drops it, once it confirmed it."""
    moved = {slot: "10.0.0.2:2" for slot in moving if first[slot] == ME}
    got = SlotSet.of(*(slot for slot in coming if first[slot] in (OTHER, THIRD)))
    for version, to in enumerate((first, second), 1):
        newer = assigned(to, version)
        moved_before = moved
        moved, got_after, deleted = reconcile(newer, ME, moved, got)
        made = SlotTable()
        made.rebuild(newer, ME, moved_out=moved, imported=got_after)
        assert all(made.decide(slot, False) is not RUN for slot in moved_before)
        assert all(made.decide(slot, True) is RUN for slot in got if to[slot] is not None)
        assert set(deleted) == set(moved_before) - set(moved) and all(to[slot] in (OTHER, THIRD) for slot in deleted)
        assert reconcile(newer, ME, moved, got_after) == (moved, got_after, NO_SLOTS)
        got = got_after
        seen = effective_topology(newer, ME, moved, got)
        for slot, owner in enumerate(to):
            mine = seen.owner(slot) is not None and seen.owner(slot) is seen.nodes[ME]
            assert mine == (made.decide(slot, False) is RUN), (slot, owner)
