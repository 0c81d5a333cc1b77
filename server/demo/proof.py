"""The proof: every key is on the node that owns its slot, on no other, and has the value that it was given.

Two walks over the nodes, and one over the originals:

1. For each slot each node is asked for the keys that it has (CLUSTER GETKEYSINSLOT tells what is stored, whoever owns the
   slot). A key in the wrong slot, or on a node that does not own it, is *misplaced*.
2. Each key that must exist is read from its owner: an answer that is no value is a *lost* key, another value a *changed* one.
3. So all keys that must be there are. If the owners have more than those, something came back that should not exist: *extra*.

Whatever clients read during the migration and should not have read counts as well: *wrong reads*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from slotrocks.engine import SLOTS, slot_of
from slotrocks.server.demo.link import Link, LinkError, ReplyError, Request

EXAMPLES_MAX = 10
ALL_KEYS = 2**31 - 1
SLOTS_PER_REQUEST = 256
KEYS_PER_REQUEST = 128

Expected = tuple[bytes, Sequence[bytes | None]]
"""A key, and the values that it may have; None: it may be absent."""
OwnerOf = Callable[[int], str]


class Proof:
    """Collects evidence; `holds` is the verdict."""

    def __init__(self, owner_of: OwnerOf) -> None:
        """`owner_of`: slot -> name of the node that has to have it."""
        self.faults: Counter[str] = Counter()
        self.examples: list[str] = []
        self.keys: Counter[str] = Counter()
        """Keys found on each node."""
        self.checked = 0
        self._owner_of = owner_of
        self._present = 0

    @property
    def holds(self) -> bool:
        """Whether something was checked and no fault was found."""
        return self.checked > 0 and not self.faults

    def found(self, node: str, slot: int, keys: Iterable[bytes]) -> None:
        """`node` has these keys in `slot`."""
        for key in keys:
            self.keys[node] += 1
            if slot_of(key) != slot:
                self._fault("misplaced", f"{_show(key)} is in slot {slot} of node {node}, it belongs into {slot_of(key)}")
            elif self._owner_of(slot) != node:
                self._fault("misplaced", f"{_show(key)} is on node {node}, slot {slot} belongs to {self._owner_of(slot)}")

    def read(self, expected: Expected, reply: Any) -> None:
        """What the owner of a key answered to GET."""
        key, possible = expected
        self.checked += 1
        self._present += reply is not None
        if reply in possible:
            return
        if reply is None:
            self._fault("lost", f"{_show(key)} is gone")
        elif isinstance(reply, ReplyError):
            self._fault("lost", f"{_show(key)} can't be read: {reply}")
        else:
            self._fault("changed", f"{_show(key)} has another value")

    def wrong_reads(self, reads: Iterable[str]) -> None:
        """What clients read and should not have read."""
        for each in reads:
            self._fault("wrong reads", each)

    def finish(self) -> None:
        """All keys have been found and read."""
        extra = self.keys.total() - self._present
        if extra > 0 and not self.faults["misplaced"]:
            self._fault("extra", f"the nodes have {extra} keys that nobody wrote", extra)

    def _fault(self, kind: str, example: str, count: int = 1) -> None:
        self.faults[kind] += count
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(example)


def _show(key: bytes) -> str:
    return key.decode(errors="backslashreplace")


async def prove(
    links: dict[str, Link], owner_of: OwnerOf, expected: Iterable[Expected], wrong_reads: Iterable[str] = ()
) -> Proof:
    """Asks the nodes (by name). Nobody may write meanwhile. Raises LinkError when one does not answer."""
    proof = Proof(owner_of)
    proof.wrong_reads(wrong_reads)
    for name, link in links.items():
        for first in range(0, SLOTS, SLOTS_PER_REQUEST):
            slots = range(first, min(first + SLOTS_PER_REQUEST, SLOTS))
            requests: list[Request] = [("CLUSTER", "GETKEYSINSLOT", slot, ALL_KEYS) for slot in slots]
            for slot, keys in zip(slots, await link.call_all(requests), strict=True):
                if isinstance(keys, ReplyError):
                    raise LinkError(f"node {name} does not tell its keys: {keys}")
                proof.found(name, slot, keys)
    for owner, group in _by_owner(expected, owner_of):
        replies = await links[owner].call_all([("GET", key) for key, _ in group])
        for each, reply in zip(group, replies, strict=True):
            proof.read(each, reply)
    proof.finish()
    return proof


def _by_owner(expected: Iterable[Expected], owner_of: OwnerOf) -> Iterator[tuple[str, list[Expected]]]:
    """Groups of keys of the same owner, each small enough for one exchange."""
    groups: dict[str, list[Expected]] = {}
    for each in expected:
        owner = owner_of(slot_of(each[0]))
        group = groups.setdefault(owner, [])
        group.append(each)
        if len(group) == KEYS_PER_REQUEST:
            yield owner, groups.pop(owner)
    yield from groups.items()
