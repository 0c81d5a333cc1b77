"""Sets: a row for each member, `member -> empty`.

What reads takes the sets' metadata, as collection.find() gives it; what writes takes the key and raises WrongTypeError
for a key of another type.

Members come in the order of their bytes. Intersection and difference read the set that bounds the result once and look
for its members in the others, a chunk at a time: one by one in a set that is much larger, else by going through that
set in step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from random import Random

from slotrocks.engine._engine import CF_DEFAULT, TYPE_SET, Metadata, Transaction
from slotrocks.engine.types import collection, elements

CHUNK_MEMBERS = 1024
# Finding one member costs about as much as reading so many in order.
ROWS_READ_PER_GET = 4


def contains(txn: Transaction, m: Metadata, member: bytes) -> bool:
    """Whether `member` is in the set."""
    return txn.get(CF_DEFAULT, txn.codec.subkey(m.key, m.version, member)) is not None


def contains_many(txn: Transaction, m: Metadata, members: list[bytes]) -> list[bool]:
    """Which of `members` are in the set."""
    return [value is not None for value in elements.get_many(txn, m, members)]


def add(txn: Transaction, key: bytes, members: Iterable[bytes]) -> int:
    """Adds members. How many are new."""
    m, old = collection.open_for_write(txn, key, TYPE_SET)
    subkey, version = txn.codec.subkey, m.version
    storage_keys = [subkey(key, version, member) for member in dict.fromkeys(members)]
    if m.size:
        present = txn.get_many(CF_DEFAULT, storage_keys)
        storage_keys = [each for each, value in zip(storage_keys, present, strict=True) if value is None]
    for storage_key in storage_keys:
        txn.put(CF_DEFAULT, storage_key, b"")
    if storage_keys:
        elements.on_put(txn, key, m, old, len(storage_keys))
    return len(storage_keys)


def remove(txn: Transaction, key: bytes, members: Iterable[bytes]) -> int:
    """Removes members, and with the last one the key. How many there were."""
    m = collection.find(txn, key, TYPE_SET)
    return 0 if m is None else elements.remove(txn, m, members)


def pop(txn: Transaction, key: bytes, count: int, rng: Random) -> list[bytes]:
    """Removes `count` (positive) members chosen at random, all if there are not so many; see elements.choose()."""
    m = collection.find(txn, key, TYPE_SET)
    if m is None:
        return []
    if count >= m.size:
        found = list(elements.subkeys(txn, m))
        txn.remove(m)
        return found
    found = [member for member, _ in elements.choose(txn, m, count, rng)]
    subkey, version = txn.codec.subkey, m.version
    for member in found:
        txn.delete(CF_DEFAULT, subkey(key, version, member))
    m.size -= len(found)
    collection.close(txn, key, m, m)
    return found


def move(txn: Transaction, source: bytes, target: bytes, member: bytes) -> bool:
    """Moves a member from one set to another. Whether it was there. Raises WrongTypeError for either, if there is a
    source."""
    m = collection.find(txn, source, TYPE_SET)
    if m is None:
        return False
    collection.find(txn, target, TYPE_SET)
    if source == target:
        return contains(txn, m, member)
    if not elements.remove(txn, m, (member,)):
        return False
    add(txn, target, (member,))
    return True


def replace(txn: Transaction, key: bytes, members: list[bytes]) -> None:
    """Makes the key a set of these members (each once), whatever it held; without members there is no key."""
    old = txn.lookup_any(key)
    if not members:
        if old is not None:
            txn.remove(old)
        return
    m = Metadata(TYPE_SET, version=txn.new_version(), size=len(members))
    subkey, version = txn.codec.subkey, m.version
    for member in members:
        txn.put(CF_DEFAULT, subkey(key, version, member), b"")
    txn.store_metadata(key, m, old)


# -- algebra: iterators over members in order, each of them once. A set that does not exist is None. What is to be
# written afterwards must be collected first.

Algebra = Callable[[Transaction, list[Metadata | None]], Iterator[bytes]]


def intersection(txn: Transaction, sets: list[Metadata | None]) -> Iterator[bytes]:
    """The members that all of the sets have. `sets` is not empty."""
    found = [m for m in sets if m is not None]
    if len(found) < len(sets):
        return iter(())
    smallest, *others = sorted({m.key: m for m in found}.values(), key=lambda m: m.size)
    return filtered(elements.subkeys(txn, smallest), [(finder(txn, m, smallest.size), True) for m in others])


def difference(txn: Transaction, sets: list[Metadata | None]) -> Iterator[bytes]:
    """The members of the first set that no other one has. `sets` is not empty."""
    first = sets[0]
    if first is None:
        return iter(())
    others = {m.key: m for m in sets[1:] if m is not None}
    if first.key in others:
        return iter(())
    return filtered(elements.subkeys(txn, first), [(finder(txn, m, first.size), False) for m in others.values()])


def union(txn: Transaction, sets: list[Metadata | None]) -> Iterator[bytes]:
    """The members that any of the sets has."""
    found = {m.key: m for m in sets if m is not None}
    return iter(sorted(set().union(*[elements.subkeys(txn, m) for m in found.values()])))


Finder = Callable[[list[bytes]], list[bool]]


def finder(txn: Transaction, m: Metadata, asked: int) -> Finder:
    """A function that tells which of the members that it is given are in the set: `asked` of them in all, in order."""
    if m.size > asked * ROWS_READ_PER_GET:
        return lambda members: contains_many(txn, m, members)
    following = elements.subkeys(txn, m)
    last = next(following, None)

    def find(members: list[bytes]) -> list[bool]:
        nonlocal last
        found = []
        for member in members:
            while last is not None and last < member:
                last = next(following, None)
            found.append(last == member)
        return found

    return find


def filtered(members: Iterator[bytes], finders: list[tuple[Finder, bool]]) -> Iterator[bytes]:
    """The members for which every finder answers what goes with it."""
    while chunk := list(islice(members, CHUNK_MEMBERS)):
        for find, wanted in finders:
            if not chunk:
                break
            chunk = [member for member, present in zip(chunk, find(chunk), strict=True) if present is wanted]
        yield from chunk
