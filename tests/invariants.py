"""What must be true of a database whatever happened to it, a function for each type. They return what is wrong.

The store must have no pending transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    CF_PROPAGATE,
    CF_STREAM,
    CF_ZSET_SCORE,
    TYPE_BITMAP,
    TYPE_HASH,
    TYPE_HYPERLOGLOG,
    TYPE_LIST,
    TYPE_NAMES,
    TYPE_SET,
    TYPE_SORTEDINT,
    TYPE_STREAM,
    TYPE_ZSET,
    Metadata,
    Store,
    decode_metadata,
    encode_expiry_key,
)
from slotrocks.engine.layout import (
    BITMAP_SEGMENT_BYTES,
    HLL_SEGMENT_BYTES,
    HLL_SEGMENTS,
    ListBounds,
    StreamState,
    decode_u64,
)
from slotrocks.engine.types.streams_rows import Consumer, Entry, Group, Pending, Row, decode_row


def collections_of(store: Store, kind: int) -> dict[tuple[bytes, int], Metadata]:
    """The metadata of every key of a type, dead ones too, by key and version."""
    found = {}
    for storage_key, row in store.scan(CF_METADATA, *store.codec.namespace_range()):
        metadata = decode_metadata(row)
        if metadata.type == kind:
            found[store.codec.user_key(storage_key), metadata.version] = metadata
    return found


def element_rows(store: Store) -> Iterator[tuple[bytes, int, bytes]]:
    """(key, version, sub-key) of every row of column family default."""
    for storage_key, _ in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        yield store.codec.decode_subkey(storage_key)


def orphans(store: Store) -> list[str]:
    """Rows of column family default that belong to no key."""
    owners: set[tuple[bytes, int]] = set()
    for kind in range(1, len(TYPE_NAMES)):
        owners |= collections_of(store, kind).keys()
    rows = element_rows(store)
    return [f"{key!r} has no version {version}: {sub!r}" for key, version, sub in rows if (key, version) not in owners]


def element_counts(store: Store, kind: int) -> list[str]:
    """Keys of a type with one row of column family default for each element, whose size is not the number of them."""
    known = collections_of(store, kind)
    rows = element_rows(store)
    counted = Counter((key, version) for key, version, _ in rows)
    return [
        f"{TYPE_NAMES[kind]} {key!r} has size {metadata.size} and {counted[key, version]} rows"
        for (key, version), metadata in known.items()
        if metadata.size != counted[key, version] or metadata.size == 0
    ]


def hashes(store: Store) -> list[str]:
    """Each hash has as many fields as it says, and at least one."""
    return element_counts(store, TYPE_HASH)


def sets(store: Store) -> list[str]:
    """Each set has as many members as it says, at least one, and they have no value."""
    known = collections_of(store, TYPE_SET)
    wrong = []
    for storage_key, value in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        key, version, member = store.codec.decode_subkey(storage_key)
        if value and (key, version) in known:
            wrong.append(f"set {key!r} has a value for {member!r}")
    return wrong + element_counts(store, TYPE_SET)


def lists(store: Store) -> list[str]:
    """Each list has an element under every index from its head to before its tail, no other, and at least one."""
    known = collections_of(store, TYPE_LIST)
    indexes: dict[tuple[bytes, int], list[int]] = {owner: [] for owner in known}
    for key, version, sub in element_rows(store):
        if (key, version) in indexes:
            indexes[key, version].append(decode_u64(sub))
    wrong = []
    for (key, version), metadata in known.items():
        head, tail = ListBounds.decode(metadata.payload)
        if indexes[key, version] != list(range(head, tail)) or metadata.size != tail - head or metadata.size == 0:
            wrong.append(f"list {key!r} has size {metadata.size}, bounds {head}, {tail}, rows {indexes[key, version]}")
    return wrong


def zsets(store: Store) -> list[str]:
    """Each sorted set has as many members as it says, at least one, and its two sides are the same: a row by score for
    each row by member. No row by score belongs to anything else."""
    known = collections_of(store, TYPE_ZSET)
    sides: list[set[tuple[bytes, int, bytes]]] = [set(), set()]
    for storage_key, score in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        key, version, member = store.codec.decode_subkey(storage_key)
        if (key, version) in known:
            sides[0].add((key, version, score + member))
    for storage_key, _ in store.scan(CF_ZSET_SCORE, *store.codec.namespace_range()):
        sides[1].add(store.codec.decode_subkey(storage_key))
    odd = sides[0] ^ sides[1]
    wrong = [f"sorted set {key!r} (version {version}) has {sub!r} on one side only" for key, version, sub in odd]
    return wrong + element_counts(store, TYPE_ZSET)


def rows_of(store: Store, kind: int) -> Iterator[tuple[bytes, Metadata, bytes, bytes]]:
    """(key, its metadata, sub-key, value) of every row of column family default that belongs to a key of a type."""
    known = collections_of(store, kind)
    for storage_key, value in store.scan(CF_DEFAULT, *store.codec.namespace_range()):
        key, version, sub = store.codec.decode_subkey(storage_key)
        if (key, version) in known:
            yield key, known[key, version], sub, value


def bitmaps(store: Store) -> list[str]:
    """Each bitmap has a size, its rows are named by multiples of 1024 within it and not longer than that, and nothing
    is set behind its end. Rows may be missing."""
    wrong = [f"bitmap {key!r} is empty" for (key, _), m in collections_of(store, TYPE_BITMAP).items() if m.size == 0]
    for key, m, sub, row in rows_of(store, TYPE_BITMAP):
        named = sub.isdigit() and b"%d" % int(sub) == sub and int(sub) % BITMAP_SEGMENT_BYTES == 0
        if not named or not 0 < len(row) <= BITMAP_SEGMENT_BYTES:
            wrong.append(f"bitmap {key!r} has row {sub!r} of {len(row)} bytes")
        elif int(sub) >= m.size or any(row[m.size - int(sub) :]):
            wrong.append(f"bitmap {key!r} of {m.size} bytes has bits behind its end, in row {sub!r}")
    return wrong


def hyperloglogs(store: Store) -> list[str]:
    """Each HyperLogLog is in the dense encoding, its rows are named 0 to 15 and have 768 bytes. Rows may be missing."""
    wrong = [
        f"HyperLogLog {key!r} has size {m.size}, payload {m.payload!r}"
        for (key, _), m in collections_of(store, TYPE_HYPERLOGLOG).items()
        if m.size or m.payload != b"\0"
    ]
    names = [b"%d" % i for i in range(HLL_SEGMENTS)]
    for key, _, sub, row in rows_of(store, TYPE_HYPERLOGLOG):
        if sub not in names or len(row) != HLL_SEGMENT_BYTES:
            wrong.append(f"HyperLogLog {key!r} has row {sub!r} of {len(row)} bytes")
    return wrong


def sortedints(store: Store) -> list[str]:
    """Each sortedint has as many ids as it says, at least one; they are 8 bytes and have no value."""
    wrong = [
        f"sortedint {key!r} has row {sub!r}, value {value!r}"
        for key, _, sub, value in rows_of(store, TYPE_SORTEDINT)
        if len(sub) != 8 or value
    ]
    return wrong + element_counts(store, TYPE_SORTEDINT)


def streams(store: Store) -> list[str]:
    """Each stream has as many entries as it says, all of them between the two ends that it names, and none newer than
    its last id. Its groups count their consumers and pending entries, its consumers theirs; no pending entry belongs to
    a consumer, and no row to a group or key, that does not exist."""
    found: dict[tuple[bytes, int], dict[bytes, bytes]] = {owner: {} for owner in collections_of(store, TYPE_STREAM)}
    wrong = []
    for storage_key, value in store.scan(CF_STREAM, *store.codec.namespace_range()):
        key, version, sub = store.codec.decode_subkey(storage_key)
        if (key, version) in found:
            found[key, version][sub] = value
        else:
            wrong.append(f"stream {key!r} has no version {version}: {sub!r}")
    for owner, metadata in collections_of(store, TYPE_STREAM).items():
        rows = [decode_row(sub, value) for sub, value in found[owner].items()]
        wrong += [
            f"stream {owner[0]!r} {what}" for what in wrong_with_stream(StreamState.decode(metadata.payload), rows)
        ]
        entries = sum(isinstance(row, Entry) for row in rows)
        if entries != metadata.size:
            wrong.append(f"stream {owner[0]!r} has size {metadata.size} and {entries} entries")
    return wrong


def wrong_with_stream(state: StreamState, rows: list[Row]) -> Iterator[str]:
    """What is wrong with the rows of one stream."""
    ids = [tuple(row.id) for row in rows if isinstance(row, Entry)]
    ends = (state.first_entry, state.last_entry)
    if ends != ((min(ids), max(ids)) if ids else ((0, 0), (0, 0))) or state.recorded_first != state.first_entry:
        yield f"names {ends} as its ends, {state.recorded_first} as recorded"
    if ids and max(ids) > state.last_generated:
        yield f"has an entry {max(ids)} behind its last id"
    groups = {row.name: row for row in rows if isinstance(row, Group)}
    consumers = {(row.group, row.name): row for row in rows if isinstance(row, Consumer)}
    pending = [row for row in rows if isinstance(row, Pending)]
    if len(groups) != (state.groups or 0):
        yield f"has {len(groups)} groups and says {state.groups}"
    owned = Counter((row.group, row.consumer) for row in pending)
    for owner, count in owned.items():
        if owner not in consumers:
            yield f"has {count} pending entries of {owner}, who does not exist"
    for owner, consumer in consumers.items():
        if consumer.pending != owned[owner]:
            yield f"says that {consumer.pending} entries are pending for {owner}: {owned[owner]} are"
        if owner[0] not in groups:
            yield f"has a consumer {owner} without a group"
    for name, group in groups.items():
        counts = (sum(each[0] == name for each in consumers), sum(row.group == name for row in pending))
        if (group.consumers, group.pending) != counts:
            yield f"group {name!r} says {(group.consumers, group.pending)} consumers and pending: {counts}"


def expiries(store: Store) -> list[str]:
    """Each key with an expiry has its place in the index that background expiry goes by."""
    wrong = []
    for storage_key, row in store.scan(CF_METADATA, *store.codec.namespace_range()):
        expire_ms = decode_metadata(row).expire_ms
        if expire_ms and store.families[CF_PROPAGATE].get(encode_expiry_key(expire_ms, storage_key)) is None:
            wrong.append(f"{store.codec.user_key(storage_key)!r} is not in the index of expiries")
    return wrong


CHECKS = (orphans, hashes, sets, lists, zsets, bitmaps, hyperloglogs, sortedints, streams, expiries)


def everything(store: Store) -> list[str]:
    """What is wrong, of any kind."""
    return [wrong for check in CHECKS for wrong in check(store)]
