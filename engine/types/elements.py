"""The elements of hashes and sets: one row each, `sub-key -> value`, in the order of the sub-keys' bytes.

Choosing at random: up to ENUMERATED_MAX elements are looked at in one go, and each is as likely as any other. A larger
collection is not read as a whole for a few of its elements. There a place is found by halving the range of sub-keys at
random points, and the choice is among the elements that follow it: every element can be met, but not with exactly equal
chance when the sub-keys are spread unevenly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

from slotrocks.engine._engine import CF_DEFAULT, Metadata, Transaction
from slotrocks.engine.types import collection
from slotrocks.engine.types.keyspace import random_between

Element = tuple[bytes, bytes]  # (sub-key, value)
Elements = Iterator[Element]

ENUMERATED_MAX = 2048
# From a larger collection more than this share is chosen by looking at all of it …
CHOSEN_SHARE_MAX = 1 / 8
# … and less from so many places at most, among so many elements at least.
PLACES_MAX = 32
WINDOW_MIN = 128
HALVINGS_MAX = 128


def walk(
    txn: Transaction, m: Metadata, *, begin: bytes = b"", end: bytes | None = None, reverse: bool = False
) -> Iterator[Element]:
    """The elements of a collection as they are now, from sub-key `begin` to before `end` (None: all that follow)."""
    first, last = txn.codec.subkey_range(m.key, m.version)
    head = len(first)
    rows = txn.scan(CF_DEFAULT, first + begin, last if end is None else first + end, reverse)
    return ((storage_key[head:], value) for storage_key, value in rows)


def subkeys(txn: Transaction, m: Metadata) -> Iterator[bytes]:
    """The sub-keys of a collection as it is now."""
    first, last = txn.codec.subkey_range(m.key, m.version)
    head = len(first)
    return (storage_key[head:] for storage_key, _ in txn.scan(CF_DEFAULT, first, last))


def values(txn: Transaction, m: Metadata) -> Iterator[bytes]:
    """The values of a collection as it is now, in the order of subkeys()."""
    return (value for _, value in txn.scan(CF_DEFAULT, *txn.codec.subkey_range(m.key, m.version)))


def get_many(txn: Transaction, m: Metadata, subs: list[bytes]) -> list[bytes | None]:
    """The values under several sub-keys, None where there is no element."""
    subkey, key, version = txn.codec.subkey, m.key, m.version
    return txn.get_many(CF_DEFAULT, [subkey(key, version, sub) for sub in subs])


def remove(txn: Transaction, m: Metadata, subs: Iterable[bytes]) -> int:
    """Deletes elements of a living collection, and with the last one the key. How many there were."""
    subkey, key, version = txn.codec.subkey, m.key, m.version
    storage_keys = [subkey(key, version, sub) for sub in dict.fromkeys(subs)]
    present = txn.get_many(CF_DEFAULT, storage_keys)
    removed = 0
    for storage_key, value in zip(storage_keys, present, strict=True):
        if value is not None:
            txn.delete(CF_DEFAULT, storage_key)
            removed += 1
    if removed:
        m.size -= removed
        collection.close(txn, key, m, m)
    return removed


def on_put(txn: Transaction, key: bytes, m: Metadata, old: Metadata | None, added: int) -> None:
    """Ends a change of a collection that open_for_write() gave: elements were written, `added` of them new."""
    if added:
        m.size += added
        collection.close(txn, key, m, old)
    else:
        txn.touch(key)


def choose(txn: Transaction, m: Metadata, count: int, rng: Random) -> list[Element]:
    """`count` different elements (all of them if there are not so many), in random order."""
    if count == 1:
        return [choose_one(txn, m, rng)]
    if count >= m.size or m.size <= ENUMERATED_MAX:
        found = list(walk(txn, m))
        return rng.sample(found, min(count, len(found)))
    if count > m.size * CHOSEN_SHARE_MAX:
        return choose_by_position(txn, m, count, rng)
    chosen: dict[bytes, bytes] = {}
    places = min(count, PLACES_MAX)
    share = -(-count // places)
    for _ in range(4 * places):
        window = elements_near(txn, m, max(WINDOW_MIN, 8 * share), rng)
        chosen.update(rng.sample(window, min(share, count - len(chosen), len(window))))
        if len(chosen) == count:
            break
    else:  # the places were too close to each other
        return choose_by_position(txn, m, count, rng)
    found = list(chosen.items())
    rng.shuffle(found)
    return found


def choose_again(txn: Transaction, m: Metadata, count: int, rng: Random) -> Iterator[Element]:
    """`count` elements, of which each may be met any number of times; chosen from the collection as it is now."""
    if m.size <= ENUMERATED_MAX or count > m.size * CHOSEN_SHARE_MAX:
        found = list(walk(txn, m))
    else:
        places = min(count, PLACES_MAX)
        share = max(WINDOW_MIN, 8 * count // places)
        found = [element for _ in range(places) for element in elements_near(txn, m, share, rng)]
    return (rng.choice(found) for _ in range(count))


def choose_one(txn: Transaction, m: Metadata, rng: Random) -> Element:
    """One element."""
    if m.size > ENUMERATED_MAX:
        return rng.choice(elements_near(txn, m, WINDOW_MIN, rng))
    position = rng.randrange(m.size)
    reverse = position > m.size // 2
    return next(islice(walk(txn, m, reverse=reverse), m.size - 1 - position if reverse else position, None))


def choose_by_position(txn: Transaction, m: Metadata, count: int, rng: Random) -> list[Element]:
    """`count` different elements, each as likely as any other, by looking at all."""
    positions = set(rng.sample(range(m.size), count))
    found = [element for position, element in enumerate(walk(txn, m)) if position in positions]
    rng.shuffle(found)
    return found


def elements_near(txn: Transaction, m: Metadata, count: int, rng: Random) -> list[Element]:
    """`count` elements from a random place on; after the last one comes the first. `count` is less than the size."""
    place = random_place(txn, m, rng)
    found = list(islice(walk(txn, m, begin=place), count))
    found += islice(walk(txn, m, end=place), count - len(found))
    return found


def random_place(txn: Transaction, m: Metadata, rng: Random) -> bytes:
    """The sub-key of some element, found by halving: a random point between the first and the last one decides for
    those before it or those from it on, the likelier the farther it is from that end."""
    first, _ = next(walk(txn, m))
    last, _ = next(walk(txn, m, reverse=True))
    for _ in range(HALVINGS_MAX):
        if first == last:
            break
        point, share = random_between(first, last, rng)
        if rng.random() < share:
            last, _ = next(walk(txn, m, begin=first, end=point, reverse=True))
        else:
            first, _ = next(walk(txn, m, begin=point, end=last + b"\0"))
    return first
