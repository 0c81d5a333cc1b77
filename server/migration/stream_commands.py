"""Streams as commands, like key_commands: entries one by one, consumer groups as a whole.

*Entries* do not change once they are there, and are added with rising ids. The view from which a stream was built can
be ahead of the log, or of itself: an entry of the log whose id is not behind the last one sent is passed over if that
view has it. Else nothing can add it any more, and the stream is built anew; so it is when ids were given anew, after
XSETID to a smaller one (`Log.lowered`).

*Groups* are sent anew as soon as one of their rows was touched, once a round, from a view: XGROUP DESTROY, CREATE, and
XCLAIM of what is pending, as the source has it. An entry that is pending but deleted has to exist when it is claimed:
where a stream is built it is added, claimed, and deleted; where only a group is sent anew, the stream is built anew.

A target that is not ours gets the stream anew instead: its XGROUP DESTROY may delete entries.

What no command can say: when a consumer was last seen and last successful.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from slotrocks.engine import CF_STREAM, Metadata, Snapshot
from slotrocks.engine.layout import StreamState, decode_u64
from slotrocks.engine.types.streams_ids import FIRST, StreamID
from slotrocks.engine.types.streams_rows import (
    ENTRIES_READ_UNKNOWN,
    ENTRY_SUB_SIZE,
    Consumer,
    Entry,
    Group,
    Pending,
    decode_row,
    groups_prefix,
)
from slotrocks.server.migration.key_commands import ELEMENTS_MAX, Command, Log, Rows, UnclearError, in_parts

_NAME_AT = len(groups_prefix()) + 8
_GROUPS_END = b"\xff" * 9
_NO_GROUP = b"slotrocks"  # of a stream without entries, while it is made


@dataclass
class GroupState:
    """A group with everything in it."""

    last_id: StreamID = FIRST
    entries_read: int = ENTRIES_READ_UNKNOWN
    exists: bool = False
    consumers: list[bytes] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)


def read_groups(rows: Rows, only: set[bytes] | None = None) -> dict[bytes, GroupState]:
    """The groups (default: all) of a stream, from its rows behind the entries."""
    groups: dict[bytes, GroupState] = {}
    for sub, value in rows:
        if len(sub) == ENTRY_SUB_SIZE or (only is not None and group_of(sub) not in only):
            continue
        row = decode_row(sub, value)
        group = groups.setdefault(group_of(sub), GroupState())
        match row:
            case Group():
                group.last_id, group.entries_read, group.exists = row.last_id, row.entries_read, True
            case Consumer():
                group.consumers.append(row.name)
            case Pending():
                group.pending.append(row)
    return {name: group for name, group in groups.items() if group.exists}


def group_of(sub: bytes) -> bytes:
    """The group that a sub-key behind the entries belongs to."""
    return sub[_NAME_AT : _NAME_AT + decode_u64(sub[_NAME_AT - 8 : _NAME_AT])]


def group_rows(view: Snapshot, key: bytes, m: Metadata) -> Rows:
    """The rows of a stream behind its entries (and those of entries in between)."""
    return view.elements(CF_STREAM, key, m.version, groups_prefix(), _GROUPS_END)


def build_stream(key: bytes, m: Metadata, view: Snapshot) -> Iterator[Command]:
    """XADD of each entry, XSETID, and the groups; of a stream without entries, too."""
    state = StreamState.decode(m.payload)
    last = StreamID(*state.last_generated)
    groups = read_groups(group_rows(view, key, m))
    # Pending, but deleted: what is left of these ids when the entries have been taken out.
    gone = {pending.id for group in groups.values() for pending in group.pending if pending.id <= last}
    first = None
    added = False
    for entry in _with_deleted(_entries(view, key, m, last), gone):
        added = True
        if first is None and entry.id not in gone:
            first = entry.id
        yield ("XADD", key, entry.id.text, *entry.fields)
    if not added:
        yield "XGROUP", "CREATE", key, _NO_GROUP, "0", "MKSTREAM"
        yield "XGROUP", "DESTROY", key, _NO_GROUP
    for name, group in groups.items():
        yield from make_group(key, name, group)
    yield from _without(key, gone, first)
    yield from set_id(key, state)


def restate_stream(key: bytes, old: Metadata, new: Metadata, log: Log, view: Snapshot) -> Iterator[Command]:
    """XADD, XDEL, XTRIM, XSETID for the entries that were touched; `view` is the one from which the stream was built.
    Groups: see touched_groups()."""
    state = StreamState.decode(new.payload)
    sent = StreamState.decode(old.payload).last_generated
    first = StreamID(*state.first_entry) if new.size else None
    deleted = _trimmed(new, log)
    if log.lowered or any(first is not None and each >= first for each in deleted):
        raise UnclearError
    for sub, value in sorted(log.of(CF_STREAM, new.version).items()):
        if len(sub) != ENTRY_SUB_SIZE:
            continue
        entry_id = StreamID.decode(sub)
        if value is None:
            deleted.add(entry_id)
        elif entry_id > sent:
            entry = decode_row(sub, value)
            assert isinstance(entry, Entry)
            yield ("XADD", key, entry_id.text, *entry.fields)
        elif not view.has_element(CF_STREAM, key, new.version, sub):
            raise UnclearError
    yield from _without(key, deleted, first)
    if log.touched and state.last_generated >= sent:
        yield from set_id(key, state)


def _without(key: bytes, deleted: set[StreamID], first: StreamID | None) -> Iterator[Command]:
    """Takes entries away from a stream whose first entry is then `first`. Trimming, unlike XDEL, does not leave a
    trace: it would be wrong where the source has none (XSETID does not take MAXDELETEDID back to 0-0)."""
    if any(first is None or each < first for each in deleted):
        yield ("XTRIM", key, "MINID", first.text) if first is not None else ("XTRIM", key, "MAXLEN", 0)
    if first is not None:
        yield from in_parts("XDEL", key, ((each.text,) for each in sorted(deleted) if each > first))


def sent_state(old: Metadata, new: Metadata) -> Metadata:
    """What the target has of a stream after restate_stream(). The log may lag: its image does not take the last id
    back."""
    before, after = StreamState.decode(old.payload), StreamState.decode(new.payload)
    if after.last_generated < before.last_generated:
        new.payload = after._replace(last_generated=before.last_generated).encode()
    return new


def _trimmed(m: Metadata, log: Log) -> set[StreamID]:
    """The last ids of deleted ranges of entries. Such a range begins with the first entry there is."""
    ends = [
        end for cf, version, begin, end in log.ranges
        if cf == CF_STREAM and version == m.version and len(begin) <= ENTRY_SUB_SIZE
    ]  # fmt: skip
    ids = [(StreamID.decode(end[:ENTRY_SUB_SIZE]), len(end) > ENTRY_SUB_SIZE) for end in ends]
    return {entry_id if included else entry_id.before() for entry_id, included in ids}


def touched_groups(m: Metadata, log: Log) -> set[bytes]:
    """The groups that rows of a stream's log belong to."""
    subs = [sub for sub in log.of(CF_STREAM, m.version) if len(sub) != ENTRY_SUB_SIZE]
    subs += [
        begin for cf, version, begin, _ in log.ranges
        if cf == CF_STREAM and version == m.version and len(begin) > ENTRY_SUB_SIZE
    ]  # fmt: skip
    return {group_of(sub) for sub in subs}


def resend_groups(key: bytes, m: Metadata, names: set[bytes], view: Snapshot) -> Iterator[Command]:
    """The commands that make these groups of an existing stream what they are in `view`. Raises UnclearError, before
    any command, when something pending is deleted."""
    groups = read_groups(group_rows(view, key, m), names)
    for group in groups.values():
        for pending in group.pending:
            if not view.has_element(CF_STREAM, key, m.version, pending.id.encode()):
                raise UnclearError
    for name in sorted(names):
        yield "XGROUP", "DESTROY", key, name
        if name in groups:
            yield from make_group(key, name, groups[name])


def make_group(key: bytes, name: bytes, group: GroupState) -> Iterator[Command]:
    """A group that does not exist."""
    read: Command = () if group.entries_read == ENTRIES_READ_UNKNOWN else ("ENTRIESREAD", group.entries_read)
    yield ("XGROUP", "CREATE", key, name, group.last_id.text, *read)
    for consumer in group.consumers:
        yield "XGROUP", "CREATECONSUMER", key, name, consumer
    for (consumer, delivered_ms, deliveries), alike in groupby(group.pending, lambda pending: pending[2:]):
        ids = [pending.id.text for pending in alike]
        for begin in range(0, len(ids), ELEMENTS_MAX):
            some = ids[begin : begin + ELEMENTS_MAX]
            how = ("TIME", delivered_ms, "RETRYCOUNT", deliveries, "FORCE", "JUSTID")
            yield ("XCLAIM", key, name, consumer, 0, *some, *how)


def set_id(key: bytes, state: StreamState) -> Iterator[Command]:
    """What a stream remembers beyond its entries. Of one that never had an entry nothing needs to be said."""
    last, deleted = StreamID(*state.last_generated), StreamID(*state.max_deleted)
    if last != FIRST or state.entries_added:
        yield "XSETID", key, last.text, "ENTRIESADDED", state.entries_added, "MAXDELETEDID", deleted.text


def _entries(view: Snapshot, key: bytes, m: Metadata, last: StreamID) -> Iterator[Entry]:
    """The entries up to the last id that the metadata know; what is behind will come with the log."""
    for sub, value in view.elements(CF_STREAM, key, m.version):
        if len(sub) == ENTRY_SUB_SIZE and StreamID.decode(sub) <= last:
            entry = decode_row(sub, value)
            assert isinstance(entry, Entry)
            yield entry


def _with_deleted(entries: Iterable[Entry], gone: set[StreamID]) -> Iterator[Entry]:
    """The entries, and a stand-in for each id in `gone` that none of them has, in order. `gone` then has only these."""
    waiting = sorted(gone, reverse=True)
    for entry in entries:
        while waiting and waiting[-1] < entry.id:
            yield Entry(waiting.pop(), [b"", b""])
        if waiting and waiting[-1] == entry.id:
            gone.discard(waiting.pop())
        yield entry
    while waiting:
        yield Entry(waiting.pop(), [b"", b""])
