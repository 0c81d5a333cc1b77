import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.server.cluster.ranges import ALL_SLOTS, NO_SLOTS, SLOTS, SlotRange, SlotSet, parse_ranges
from slotrocks.server.errors import CommandError

FORM = "The slot range should be of the form `int1-int2`."
ENDS = "The character '-' can't appear in the first or last position."
CONDITION = "The slot range `int1-int2` needs to satisfy the condition (int1 <= int2)."


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("5", "5"),
        ("11-11", "11"),
        ("0-9", "0-9"),
        ("16383-16383", "16383"),
        ("1-3 4", "1-4"),
        ("5 1-3", "1-3 5"),
        ("10229  16301 4710 3557-8559 ", "3557-8559 10229 16301"),
        ("3--5", "3-5"),
    ],
)
def test_parses_what_kvrocks_accepts(text: str, canonical: str) -> None:
    assert parse_ranges(text).text() == canonical


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "No slots to parse."),
        ("    ", "Invalid slots: `    `. No slots to parse. Please use spaces to separate slots."),
        ("830849ad", "Invalid slot id: encounter non-integer characters"),
        ("abc", "Invalid slot id: not started as an integer"),
        ("+5", "Invalid slot id: not started as an integer"),
        ("1683093429", "Invalid slot id: out of numeric range"),
        ("16384", "Invalid slot id: out of numeric range"),
        ("3000000000", "Invalid slot id: out of range of integer type"),
        ("9" * 5000, "Invalid slot id: out of range of integer type"),
        ("1_0", "Invalid slot id: encounter non-integer characters"),
        ("\u0665", "Invalid slot id: not started as an integer"),
        ("-1", f"Invalid slot range: `-1`. {ENDS}"),
        ("-1-3", f"Invalid slot range: `-1-3`. {ENDS}"),
        ("-1--1", f"Invalid slot range: `-1--1`. {ENDS}"),
        ("1234-3456-", f"Invalid slot range: `1234-3456-`. {ENDS}"),
        ("12-34-56", f"Invalid slot range: `12-34-56`. {FORM}"),
        ("2-1", f"Invalid slot range: `2-1`. {CONDITION}"),
        ("4-16384", f"Invalid slot range: `4-16384`. {CONDITION}"),
        ("16384-16384", f"Invalid slot range: `16384-16384`. {CONDITION}"),
        ("1-\r\n2x", f"Invalid slot range: `1-??2x`. {CONDITION}"),
    ],
)
@pytest.mark.parametrize("before", ["", "7 100-200 "])
def test_refuses_with_kvrocks_texts(text: str, error: str, before: str) -> None:
    if before and not text.strip():
        return
    with pytest.raises(CommandError) as refused:
        parse_ranges(before + text)
    assert refused.value.text == f"ERR {error}"


def test_range_out_of_bounds_is_refused() -> None:
    for pair in [(-1, 3), (3, 2), (0, SLOTS)]:
        with pytest.raises(ValueError, match="not a slot range"):
            SlotSet([pair])


def test_constants() -> None:
    assert len(ALL_SLOTS) == SLOTS and 0 in ALL_SLOTS and SLOTS - 1 in ALL_SLOTS
    assert not NO_SLOTS and NO_SLOTS.text() == "" and SlotRange(4, 4).text() == "4"


# Few distinct slots, so that ranges touch and overlap often.
pairs = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair)))
range_lists = st.lists(pairs, max_size=6)


def plain(ranges: list[tuple[int, int]]) -> set[int]:
    return {slot for first, last in ranges for slot in range(first, last + 1)}


@settings(max_examples=300, deadline=None)
@given(range_lists, range_lists)
def test_behaves_as_a_set(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    a, b, pa, pb = SlotSet(left), SlotSet(right), plain(left), plain(right)
    assert list(a) == sorted(pa) and len(a) == len(pa) and bool(a) == bool(pa)
    assert set(a | b) == pa | pb and set(a & b) == pa & pb and set(a - b) == pa - pb
    assert a.overlaps(b) == bool(pa & pb)
    assert (a == b) == (pa == pb) and (pa != pb or hash(a) == hash(b))
    assert all((slot in a) == (slot in pa) for slot in range(43))
    assert all(left.last + 1 < right.first for left, right in zip(a.ranges, a.ranges[1:], strict=False))
    assert SlotSet.of(*pa) == a
    if a:
        assert parse_ranges(a.text()) == a
