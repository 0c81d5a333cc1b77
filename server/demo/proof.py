"""The proof: every key is on the node that owns its slot, on no other, and has the value that it was given.

1. Each node is asked for the keys that it has (SCAN tells what is stored, whoever owns the slot). A key on a node
   that does not own its slot is *misplaced*.
2. Each key that must exist is read from its owner: an answer that is no value is a *lost* key, another value a
   *changed* one.
3. So all keys that must be there are. If the owners have more than those, something came back that should not exist:
   *extra*.

Whatever clients read during the migration and should not have read counts as well: *wrong reads*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any

from slotrocks.engine import slot_of
from slotrocks.server.demo.link import Link, LinkError, ReplyError

EXAMPLES_MAX = 10
KEYS_PER_SCAN = 1000
KEYS_PER_REQUEST = 128  # values may be large: replies of some MB

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

    def found(self, node: str, keys: Iterable[bytes]) -> None:
        """`node` has these keys."""
        for key in keys:
            self.keys[node] += 1
            owner = self._owner_of(slot_of(key))
            if owner != node:
                self._fault(
                    "misplaced", f"{_show(key)} is on node {node}, but its slot {slot_of(key)} belongs to {owner}"
                )

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
    links: dict[str, Link],
    owner_of: OwnerOf,
    expected: Iterable[Expected],
    wrong_reads: Iterable[str],
    on_progress: Callable[[int], None],
) -> Proof:
    """Asks the nodes (by name). Nobody may write meanwhile. Raises LinkError when one does not answer.

    `on_progress` is told, now and then, how many keys have been checked.
    """
    proof = Proof(owner_of)
    proof.wrong_reads(wrong_reads)
    for name, link in links.items():
        async for keys in _scan(link):
            proof.found(name, keys)
    for owner, group in _by_owner(expected, owner_of):
        replies = await links[owner].call_all([("GET", key) for key, _ in group])
        for each, reply in zip(group, replies, strict=True):
            proof.read(each, reply)
        on_progress(proof.checked)
    proof.finish()
    return proof


async def _scan(link: Link) -> AsyncIterator[list[bytes]]:
    cursor = b"0"
    while True:
        reply = await link.call("SCAN", cursor, "COUNT", KEYS_PER_SCAN)
        if isinstance(reply, ReplyError):
            raise LinkError(f"a node does not tell its keys: {reply}")
        cursor, keys = reply
        yield keys
        if cursor == b"0":
            return


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
