"""`migrate-type redis-command`: keys as the commands that make them, and changes as commands that restate them.

Why the target ends with exactly the source's state. Call what the snapshot was read from *the first view*, and N the
sequence number that a round was ordered up to.

1. Every view has everything up to the number that was noted before it was opened or brought up to date, and may have
   any part of what was written later (see Snapshot). What is written later is in the log, and all of it is read.
2. `_sent` says of each key that was touched what the target has: the metadata (type, version, list bounds, last id of a
   stream) of the view or of the log's image that was sent. What is not in it was sent from the first view, which stays
   as it is, and is asked.
3. The log's rows are absolute: this sub-key has this value, is gone. As long as the version is the one that the target
   has, restating the touched rows (key_commands, stream_commands) leaves the target with the state at the end of what
   was read, wherever the view may have been ahead; and doing it again changes nothing.
4. Otherwise - another version or type, an expiry that may have struck at the target meanwhile, rows that do not
   suffice - the key is built anew: DEL and everything, once, at the end of the round, from *the second view*, brought
   up to date when all rows up to N have been read. What is written to the key after N comes with a later round, and is
   restated upon it (3).
5. The last round is ordered when the slots are frozen. Nothing is written to them after its N: the second view is
   exact then, and what is built from it is final.

A view that is ahead of itself can show a key half (a list whose elements do not fill its bounds): that key is built
again in the next round, since what the view lacked is in the log. In the last round it means damage.

Expiry: the target lets a key die at its time, also while the source's is prolonged. So a key whose expiry, as sent, is
nearer than what a command may take to arrive, is built anew when it is touched.

Nobody sees any of this at the target: slots that are being imported are not served.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from slotrocks.engine import (
    CF_DEFAULT,
    CF_METADATA,
    OP_DELETE,
    OP_DELETE_RANGE,
    OP_PUT,
    TYPE_LIST,
    TYPE_NAMES,
    TYPE_STREAM,
    TYPE_STRING,
    KeyCodec,
    Metadata,
    SlotFilter,
    Snapshot,
    WALTail,
    decode_metadata,
    prefix_end,
)
from slotrocks.engine.layout import ListBounds, StreamState, encode_u64
from slotrocks.server.migration.key_commands import BY_ELEMENTS, Command, Log, Rows, UnclearError
from slotrocks.server.migration.outlet import Outlet, Throttle
from slotrocks.server.migration.payload import PayloadError
from slotrocks.server.migration.plan import Plan, encode_request
from slotrocks.server.migration.row_commands import CARRIED, build_rows, restate_rows
from slotrocks.server.migration.stream_commands import (
    build_stream,
    resend_groups,
    restate_stream,
    sent_state,
    touched_groups,
)

CLOCKS_DIFFER_MS_MAX = 2000
SEND_BYTES_MAX = 256 << 10


class RedisCommands:
    """Counts `keys` (living keys of the snapshot) and `rows` (commands)."""

    keeps_snapshot = True  # and goes on asking it what has been sent

    def __init__(self, outlet: Outlet, plan: Plan) -> None:
        self._outlet = outlet
        outlet.takes_lists = True
        self._plan = plan
        self._throttle = Throttle(plan.commands_per_s)
        self._codec = KeyCodec(True)
        self._buffer = bytearray()
        self._buffered = 0
        self._arrival_ms = round(plan.response_timeout_s * 1000) + CLOCKS_DIFFER_MS_MAX
        self._first: Snapshot | None = None
        self._second: Snapshot | None = None
        self._collections = False  # whether the snapshot had any
        self._sent: dict[bytes, Metadata | None] = {}  # what the target has of touched keys; None: not what it should
        self._from_second: set[bytes] = set()  # streams that were built from the second view
        self._last_ids: dict[bytes, tuple[int, tuple[int, int]]] = {}  # of streams in the log: version, last id
        self._again: set[bytes] = set()  # to be built anew at the end of the round
        self._groups: dict[bytes, set[bytes]] = {}  # of streams: groups to be sent anew at the end of the round
        self.keys = 0
        self.rows = 0

    # -- the snapshot

    def snapshot(self, snapshot: Snapshot, first: int, last: int) -> Iterator[None]:
        """Sends every living key of the slots; yields now and then. The snapshot must stay open, and as it is."""
        self._first = snapshot
        for row_key, row in snapshot.rows(CF_METADATA, first, last):
            metadata = decode_metadata(row)
            if metadata.type in BY_ELEMENTS:
                self._collections = True
                continue  # its elements come in one scan, below
            if metadata.alive(_now_ms()):
                self._build(self._codec.user_key(row_key), metadata, snapshot)
                self.keys += 1
                if not self._buffered:
                    yield
        for (key, version), rows in groupby(snapshot.rows(CF_DEFAULT, first, last), self._owner_of):
            owner = snapshot.metadata(key)
            if owner is None or owner.version != version or owner.type not in BY_ELEMENTS:
                continue
            if owner.alive(_now_ms()):
                head = len(self._codec.subkey(key, version, b""))
                self._build(key, owner, snapshot, ((row_key[head:], value) for row_key, value in rows))
                self.keys += 1
                yield
        self._flush()

    def _owner_of(self, row: tuple[bytes, bytes]) -> tuple[bytes, int]:
        return self._codec.decode_subkey(row[0])[:2]

    # -- the log

    def changes(self, tail: WALTail, slots: SlotFilter, bytes_max: int) -> None:
        """Restates what the log has next, or puts it off to settle()."""
        logs: dict[bytes, Log] = {}
        for op, cf, row_key, value in tail.read_rows(slots, bytes_max):
            self._note(logs, op, cf, row_key, value)
        for key, log in logs.items():
            self._restate(key, log)
        self._flush()

    def _note(self, logs: dict[bytes, Log], op: int, cf: int, row_key: bytes, value: bytes) -> None:
        """Adds a row of the log to what is known of its key."""
        if cf == CF_METADATA:
            if op not in (OP_PUT, OP_DELETE):
                raise PayloadError("a range of keys was deleted")
            key = self._codec.user_key(row_key)
            log = logs.setdefault(key, Log())
            log.touched, log.row = True, value if op == OP_PUT else None
            if op == OP_PUT and value[0] & 0x0F == TYPE_STREAM:
                log.lowered |= self._lowers(key, decode_metadata(value))
            return
        try:
            key, version, sub = self._codec.decode_subkey(row_key)
            if op != OP_DELETE_RANGE:
                logs.setdefault(key, Log()).put(cf, version, sub, value if op == OP_PUT else None)
                return
            head = self._codec.subkey(key, version, b"")
            if value > prefix_end(head):
                raise ValueError
        except ValueError:
            raise PayloadError("rows of several keys were deleted at once") from None
        end = value[len(head) :] if value < prefix_end(head) else b"\xff" * 17
        logs.setdefault(key, Log()).delete_range(cf, version, sub, end)

    def _lowers(self, key: bytes, metadata: Metadata) -> bool:
        """Whether this image of a stream has a smaller last id than the one before."""
        last_id = StreamState.decode(metadata.payload).last_generated
        before = self._last_ids.get(key)
        self._last_ids[key] = metadata.version, last_id
        if before is not None:
            return before[0] == metadata.version and last_id < before[1]
        sent = self._target_has(key)
        if sent is None or sent.version != metadata.version:
            return False
        return last_id < StreamState.decode(sent.payload).last_generated

    def _target_has(self, key: bytes) -> Metadata | None:
        """What has been sent of a key. None: it has to be built anew."""
        if key in self._sent:
            return self._sent[key]
        assert self._first is not None
        return self._first.metadata(key) if self._collections else None

    def _restate(self, key: bytes, log: Log) -> None:
        if key in self._again:
            return
        sent = self._target_has(key)
        metadata = sent
        if log.touched:
            metadata = None if log.row is None else decode_metadata(log.row)
            if metadata is None or not metadata.alive(_now_ms()):
                self._send("DEL", key)
                self._forget(key, sent)
                return
            if metadata.type == TYPE_STRING:
                self._send_all(_string(key, metadata))
                self._forget(key, sent)
                return
        if not self._is_upon(key, sent, metadata):
            self._build_again(key)
            return
        assert sent is not None and metadata is not None
        try:
            self._send_all(self._restating(key, sent, metadata, log))
        except UnclearError:
            self._build_again(key)
            return
        if metadata.expire_ms != sent.expire_ms and metadata.type not in CARRIED:
            self._send_all(_expiry(key, metadata))
        self._sent[key] = sent_state(sent, metadata) if metadata.type == TYPE_STREAM else metadata

    def _is_upon(self, key: bytes, sent: Metadata | None, metadata: Metadata | None) -> bool:
        """Whether what the target has can be brought up to date."""
        if sent is None or metadata is None or (sent.type, sent.version) != (metadata.type, metadata.version):
            return False
        if self._may_die(sent):
            return False
        if sent.type == TYPE_LIST and key not in self._sent:  # without a single row in the view, it was not built
            assert self._first is not None
            head = encode_u64(ListBounds.decode(sent.payload).head)
            return self._first.has_element(CF_DEFAULT, key, sent.version, head)
        return True

    def _may_die(self, sent: Metadata) -> bool:
        """Whether a key may expire at the target before another command arrives there."""
        return sent.expire_ms != 0 and sent.expire_ms <= _now_ms() + self._arrival_ms

    def _restating(self, key: bytes, sent: Metadata, metadata: Metadata, log: Log) -> Iterable[Command]:
        if metadata.type in CARRIED:
            return restate_rows(key, sent, metadata, log)
        if metadata.type != TYPE_STREAM:
            return BY_ELEMENTS[metadata.type][1](key, sent, metadata, log)
        if names := touched_groups(metadata, log):
            if self._plan.kvrocks:
                raise UnclearError  # XGROUP DESTROY deletes entries there, up to early 2026 (Kvrocks #3420)
            self._groups.setdefault(key, set()).update(names)
        view = self._second if key in self._from_second else self._first
        assert view is not None
        return restate_stream(key, sent, metadata, log, view)

    def _build_again(self, key: bytes) -> None:
        self._again.add(key)
        self._groups.pop(key, None)

    def _forget(self, key: bytes, sent: Metadata | None) -> None:
        """The target has no collection under this key any more."""
        self._groups.pop(key, None)
        self._last_ids.pop(key, None)
        if sent is not None:
            self._sent[key] = None

    # -- the end of a round

    def settle(self, sequence: int, *, final: bool) -> Iterator[None]:
        """Builds anew what could not be restated, from a view of everything up to `sequence`, where the log has been
        read to; yields now and then. `final`: nothing is written to the slots any more."""
        if self._second is not None:
            self._second.catch_up()
        elif self._collections or self._again:
            # Early, even if it is not needed yet: opening it takes longer than a pause should.
            self._second = Snapshot(self._plan.database, Path(self._plan.directory) / "second")
        view = self._second
        if view is None:
            return
        if view.sequence < sequence:
            raise PayloadError(f"the view ends at sequence number {view.sequence}, but {sequence} has been written")
        groups, self._groups = self._groups, {}
        for key, names in groups.items():
            self._resend_groups(key, names, view)
            yield
        again, self._again = self._again, set()
        for key in again:
            self._rebuild(key, view)
            yield
        self._flush()
        if final and self._again:
            raise PayloadError(f"the rows of key {min(self._again)!r} contradict each other")

    def _resend_groups(self, key: bytes, names: set[bytes], view: Snapshot) -> None:
        sent, metadata = self._sent[key], view.metadata(key)
        assert sent is not None
        if metadata is None or metadata.version != sent.version:
            return  # it is gone meanwhile, as the log will tell
        try:
            if self._may_die(sent):
                raise UnclearError
            self._send_all(resend_groups(key, metadata, names, view))
        except UnclearError:
            self._again.add(key)

    def _rebuild(self, key: bytes, view: Snapshot) -> None:
        self._sent[key] = None
        metadata = view.metadata(key)
        if metadata is None or not metadata.alive(_now_ms()):
            self._send("DEL", key)
        else:
            if metadata.type in CARRIED:
                self._send("SET", key, "")  # DEL may pass over the rows of a key that has expired
            else:
                self._send("DEL", key)
            if metadata.type == TYPE_STREAM:
                self._from_second.add(key)
            self._build(key, metadata, view)

    # -- commands

    def _build(self, key: bytes, metadata: Metadata, view: Snapshot, rows: Rows | None = None) -> None:
        """Sends the commands that make a key; of collections `rows`, or what the view has."""
        try:
            self._send_all(self._building(key, metadata, view, rows))
        except UnclearError:
            self._sent[key] = None
            self._again.add(key)
            return
        if view is not self._first:
            self._sent[key] = metadata

    def _building(self, key: bytes, metadata: Metadata, view: Snapshot, rows: Rows | None) -> Iterator[Command]:
        if metadata.type == TYPE_STRING:
            yield from _string(key, metadata)
            return
        if metadata.type == TYPE_STREAM:
            yield from build_stream(key, metadata, view)
        else:
            if rows is None:
                rows = view.elements(CF_DEFAULT, key, metadata.version)
            if metadata.type in CARRIED:
                yield from self._carried(key, metadata, rows)
                return
            yield from BY_ELEMENTS[metadata.type][0](key, metadata, rows)
        if metadata.expire_ms:
            yield from _expiry(key, metadata)

    def _carried(self, key: bytes, metadata: Metadata, rows: Rows) -> Iterator[Command]:
        if not self._plan.takes_batches:
            name = TYPE_NAMES[metadata.type]
            raise PayloadError(f"no command can make key {key!r} of type {name}, and the target has no APPLYBATCH")
        return build_rows(key, metadata, rows)

    def _send_all(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._send(*command)

    def _send(self, *words: str | bytes | int) -> None:
        self._buffer += encode_request(*words)
        self._buffered += 1
        self.rows += 1
        if self._buffered >= self._plan.pipeline or len(self._buffer) >= SEND_BYTES_MAX:
            self._flush()

    def _flush(self) -> None:
        if self._buffered:
            self._throttle.pay(self._buffered)
            self._outlet.send(bytes(self._buffer), self._buffered)
            self._buffer.clear()
            self._buffered = 0


def _string(key: bytes, metadata: Metadata) -> Iterator[Command]:
    if metadata.expire_ms:
        yield "SET", key, metadata.payload, "PXAT", metadata.expire_ms
    else:
        yield "SET", key, metadata.payload


def _expiry(key: bytes, metadata: Metadata) -> Iterator[Command]:
    if metadata.expire_ms:
        yield "PEXPIREAT", key, metadata.expire_ms
    else:
        yield "PERSIST", key


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
