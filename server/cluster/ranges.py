"""Slot numbers, ranges of them, and sets of ranges.

A `SlotRange` is inclusive at both ends. A `SlotSet` is immutable: sorted, disjoint ranges, of which no two touch, so
equal sets have equal ranges and `text()` is canonical. Sets are for decisions that are rare (topology changes, jobs);
the path of a client's command uses the flat table of `route` instead.

Grammar of the text form (CLUSTERX SETSLOT and MIGRATE, CLUSTER IMPORT):

    ranges = item *(" " item)          spaces collapse
    item   = slot / slot "-" slot      first <= last
    slot   = 1*DIGIT                   0..16383
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from slotrocks.server.errors import CommandError

SLOTS = 16384
_INT32_MAX = 2**31 - 1
_LEADING_INT = re.compile(r"-?[0-9]+", re.ASCII)


class SlotRange(NamedTuple):
    """The slots `first`..`last`, both included."""

    first: int
    last: int

    def text(self) -> str:
        """``"5-9"``, or ``"5"`` when it is one slot."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


class SlotSet:
    """An immutable set of slots, held as maximal ranges in ascending order."""

    __slots__ = ("ranges",)
    ranges: tuple[SlotRange, ...]

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """The union of `ranges`, in any order, overlapping or not. ValueError if one is not within 0..16383."""
        merged: list[SlotRange] = []
        for first, last in sorted(ranges):
            if not 0 <= first <= last < SLOTS:
                raise ValueError(f"not a slot range: {first}-{last}")
            if merged and first <= merged[-1].last + 1:
                merged[-1] = SlotRange(merged[-1].first, max(last, merged[-1].last))
            else:
                merged.append(SlotRange(first, last))
        self.ranges = tuple(merged)

    @classmethod
    def of(cls, *slots: int) -> "SlotSet":
        """The set of these slots."""
        return cls((slot, slot) for slot in slots)

    def __contains__(self, slot: int) -> bool:
        before = bisect_right(self.ranges, (slot, SLOTS))
        return before > 0 and slot <= self.ranges[before - 1].last

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SlotSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __repr__(self) -> str:
        return f"SlotSet({self.text()!r})"

    def __or__(self, other: "SlotSet") -> "SlotSet":
        return SlotSet(self.ranges + other.ranges)

    def __and__(self, other: "SlotSet") -> "SlotSet":
        return self - (self - other)

    def __sub__(self, other: "SlotSet") -> "SlotSet":
        kept: list[tuple[int, int]] = []
        cuts = other.ranges
        start = 0  # cuts before this one end before the range in hand
        for first, last in self.ranges:
            while start < len(cuts) and cuts[start].last < first:
                start += 1
            for cut in islice(cuts, start, None):
                if cut.first > last:
                    break
                if first < cut.first:
                    kept.append((first, cut.first - 1))
                first = cut.last + 1
            if first <= last:
                kept.append((first, last))
        return SlotSet(kept)

    def overlaps(self, other: "SlotSet") -> bool:
        """Whether any slot is in both."""
        return bool(self & other)

    def text(self) -> str:
        """``"1-3 5"``: what `parse_ranges` reads; the empty set is the empty string."""
        return " ".join(slots.text() for slots in self.ranges)


NO_SLOTS = SlotSet()
ALL_SLOTS = SlotSet([(0, SLOTS - 1)])


def parse_ranges(text: str) -> SlotSet:
    """The slots that a client named. CommandError with Kvrocks's texts (its CommandTable::ParseSlotRanges)."""
    if not text:
        raise CommandError("ERR No slots to parse.")
    items = [item for item in text.split(" ") if item]
    if not items:
        raise CommandError(f"ERR Invalid slots: `{text}`. No slots to parse. Please use spaces to separate slots.")
    return SlotSet(_parse_item(item) for item in items)


def _parse_item(item: str) -> tuple[int, int]:
    if "-" not in item:
        slot, why = parse_slot(item)
        if why:
            raise CommandError(f"ERR Invalid slot id: {why}")
        return slot, slot
    wrong = f"ERR Invalid slot range: `{_printable(item[:128])}`."
    if item.startswith("-") or item.endswith("-"):
        raise CommandError(f"{wrong} The character '-' can't appear in the first or last position.")
    ends = [end for end in item.split("-") if end]
    if len(ends) != 2:
        raise CommandError(f"{wrong} The slot range should be of the form `int1-int2`.")
    (first, why_first), (last, why_last) = parse_slot(ends[0]), parse_slot(ends[1])
    if why_first or why_last or first > last:
        raise CommandError(f"{wrong} The slot range `int1-int2` needs to satisfy the condition (int1 <= int2).")
    return first, last


def parse_slot(text: str) -> tuple[int, str]:
    """(slot, "") or (-1, Kvrocks's reason why `text` is none), its checks in its order."""
    leading = _LEADING_INT.match(text)
    if leading is None:
        return -1, "not started as an integer"
    digits = leading.group()
    # The length is checked first: int() of a very long number is slow, and refused by Python.
    if len(digits) > 64 or not -_INT32_MAX - 1 <= int(digits) <= _INT32_MAX:
        return -1, "out of range of integer type"
    if leading.end() != len(text):
        return -1, "encounter non-integer characters"
    slot = int(digits)
    return (slot, "") if 0 <= slot < SLOTS else (-1, "out of numeric range")


def _printable(text: str) -> str:
    """`text` as it may stand in an error line: what could end the line, or garble a terminal, becomes ``?``."""
    return "".join(char if char.isprintable() else "?" for char in text)
