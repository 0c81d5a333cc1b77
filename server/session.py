"""What the node knows of one client between its commands. No I/O: the connection moves bytes, the session holds state.

A handler that cannot answer now returns `session.suspend(on_cancel)`: the connection then executes nothing more of this
client until somebody calls `resume(value)`, which writes the reply, or `retry()`, which has the call decided and run
again (a write that was held while its slot was frozen, any call during CLIENT PAUSE).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from slotrocks.engine import ClientState, Transaction, Unwritten

if TYPE_CHECKING:
    from slotrocks.server.node import Node
    from slotrocks.server.streaming import Stream


class Suspended(Unwritten):
    """The type of SUSPENDED: what a handler returns instead of a reply when the reply comes later."""


class NoReply(Unwritten):
    """The type of NO_REPLY: what a handler returns when it wrote everything itself, or there is nothing to say."""


SUSPENDED = Suspended()
NO_REPLY = NoReply()


class Link(Protocol):
    """What a session may ask of its connection."""

    peer_name: str
    local_name: str

    def wake(self) -> None:
        """Replies were written, or a suspended session may go on: flush and execute what waits."""

    def retry(self) -> None:
        """Soon executes the session's suspended call again, and then whatever waits behind it."""

    def close(self, *, after_replies: bool = True) -> None:
        """Ends the connection, by default once everything written has been sent."""

    def on_authenticated(self, authenticated: bool) -> None:
        """The client gave its password, or RESET took the right away: how much it may send at once depends on it."""

    @property
    def closing(self) -> bool:
        """Whether the connection is ending."""

    @property
    def query_bytes(self) -> int:
        """What arrived and has not been executed."""

    @property
    def output_bytes(self) -> int:
        """Replies that the client has not taken yet."""

    @property
    def descriptor(self) -> int:
        """The socket's file descriptor, or -1."""


class Session(ClientState):
    """One client's state."""

    __slots__ = (
        "argv", "created", "dirty_exec", "dirty_watch", "id", "importing", "info", "link", "name", "no_evict",
        "no_touch", "node", "on_cancel", "readonly", "stream", "txn", "user", "watched",
    )  # fmt: skip

    def __init__(self, node: Node, link: Link, session_id: int, now: float) -> None:
        super().__init__()
        self.node = node
        self.txn: Transaction = node.txn
        self.link = link
        self.id = session_id
        self.created = now  # Unix time, seconds
        self.last_active_ms = int(now * 1000)
        self.name = b""
        self.user = "default"
        self.info: dict[str, str] = {}  # CLIENT SETINFO: lib-name, lib-ver
        self.authenticated = not node.config.requirepass
        self.no_evict = False
        self.no_touch = False
        # MULTI: an error while queueing makes EXEC fail, a changed key makes it nil.
        self.dirty_exec = False
        self.dirty_watch = False
        self.watched: dict[bytes, int] = {}  # key -> its expiry when WATCH saw it alive, 0 = none
        # Cluster: READONLY; the import job that this connection feeds.
        self.readonly = False
        self.importing: Any = None
        # Suspension: the call that waits, and what to undo if the client goes away first.
        self.argv: list[bytes] = []
        self.on_cancel: Callable[[], None] | None = None
        self.stream: Stream | None = None  # a large reply that is going out

    @property
    def protocol(self) -> int:
        """The RESP version that the client asked for: 2 or 3."""
        return int(self.writer.protocol)

    @property
    def admin(self) -> bool:
        """Whether the client may administer the node: until there are ACLs, everyone who has authenticated may."""
        return self.authenticated

    @property
    def blocked(self) -> bool:
        """Whether a call waits for something else than for the client to take its reply."""
        return self.suspended and self.stream is None

    def suspend(self, on_cancel: Callable[[], None] | None = None) -> Suspended:
        """Marks the session as waiting. `on_cancel` runs if the client disconnects before the reply."""
        self.suspended = True
        self.on_cancel = on_cancel
        return SUSPENDED

    def resume(self, value: Any) -> None:
        """Writes the awaited reply and lets the client's next commands run."""
        self.suspended = False
        self.on_cancel = None
        self.asking = False
        if self.reply_mode == "on":
            self.writer.write(value)
        elif self.reply_mode == "skipping":
            self.reply_mode = "on"
        self.link.wake()

    def push(self, value: Any) -> None:
        """Sends an out-of-band message, after the reply that is going out."""
        if self.stream is None:
            self.writer.write(value)
            self.link.wake()
        else:
            self.stream.pushed.append(value)

    def retry(self) -> None:
        """Has the suspended call decided and run again, between two other commands."""
        self.on_cancel = None
        self.link.retry()

    def end_transaction(self) -> None:
        """Back to before MULTI; nothing is watched any more."""
        self.queue = None
        self.dirty_exec = False
        self.node.unwatch(self)

    def cancel(self) -> None:
        """The client is gone: undoes whatever a suspended command had registered, and forgets what was watched."""
        if self.on_cancel is not None:
            self.on_cancel()
            self.on_cancel = None
        self.stream = None
        if self.waiter is not None:
            self.node.blocking.end(self)
        self.suspended = False
        self.node.unwatch(self)
        self.node.monitors.discard(self)
