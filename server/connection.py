"""Bytes in, bytes out: one client's socket. The only file of the server that touches a transport.

Commands of a chunk run in order as soon as they are complete (NodeState.run()). A client is never allowed to hurt the
others: after a number of commands, or of bytes of replies, the loop gets its turn first; a client that does not read
its replies is not read from either; one that is suspended (blocked, or its write held) may send ahead only
QUERY_BYTES_AHEAD_MAX.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

from slotrocks.engine import QUERY_BYTES_AHEAD_MAX, ConnectionState, ProtocolError, RequestParser
from slotrocks.server.dispatch import execute
from slotrocks.server.session import Session
from slotrocks.server.streaming import advance

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

SEALED_BYTES_MAX = 256 << 10


class Connection(ConnectionState, asyncio.Protocol):
    """One client's connection."""

    node: Node
    session: Session

    def __init__(self, node: Node) -> None:
        super().__init__(node, RequestParser(node.config.proto_max_bulk_len, not node.config.requirepass))
        self.peer_name = self.local_name = ""

    # -- asyncio's side

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.send = transport.write
        self.peer_name = address_text(transport.get_extra_info("peername"))
        self.local_name = address_text(transport.get_extra_info("sockname"))
        self.session = self.node.open_session(self)
        sock = transport.get_extra_info("socket")
        if sock is not None and self.node.config.tcp_keepalive and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, self.node.config.tcp_keepalive)
        if self.node.full:
            self.session.writer.error("ERR max number of clients reached")
            self.node.stats.rejected_connections += 1
            self.close()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self.writing_paused = self.session.stopped = True
        self.regulate_reading()

    def resume_writing(self) -> None:
        self.writing_paused = False
        self.session.stopped = self.closing
        self.continue_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = self.session.stopped = True
        self.node.close_session(self.session)

    # -- executing

    def process(self) -> None:
        """Executes the commands that have arrived, after what has to go out before."""
        self.continuing = False
        session = self.session
        if self.closing:
            return
        if self.sealed and self._sealed_bytes > SEALED_BYTES_MAX:  # flush() comes back here
            self.regulate_reading()
            return
        # The next slice of a large reply, if the one before has gone out; flush() and resume_writing() come back here.
        if session.stream is not None and not (self.writing_paused or self.sealed or session.writer.size):
            advance(session)
        self.execute_arrived()

    def on_protocol_error(self, error: ProtocolError) -> None:
        """The client broke the protocol."""
        self.session.writer.error(f"ERR {error}")
        log.debug("protocol error from %s: %s", self.peer_name, error)
        self.close()

    def continue_later(self) -> None:
        """Has process() called once the loop has served the others."""
        if not self.continuing and not self.closing:
            self.continuing = True
            self.node.loop.call_soon(self.process)

    def regulate_reading(self) -> None:
        """Reads from the socket only while this client's commands can run, or little of them waits."""
        if self.closing:
            return
        if self.parser.buffered > self.node.config.client_query_buffer_limit:
            log.warning("closing %s: its query buffer holds %d bytes", self.peer_name, self.parser.buffered)
            self.abort()
            return
        stalled = (
            self.session.suspended or self.writing_paused or self.continuing or self._sealed_bytes > SEALED_BYTES_MAX
        )
        pause = stalled and self.parser.buffered > QUERY_BYTES_AHEAD_MAX
        if pause == self.reading_paused:
            return
        self.reading_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # -- the session's side

    def wake(self) -> None:
        """See session.Link."""
        self.reply_later()
        self.continue_later()

    def retry(self) -> None:
        """See session.Link."""
        self.node.loop.call_soon(self._retry)

    def _retry(self) -> None:
        if not self.closing:
            self.session.suspended = False
            self.node.refresh_clock()
            execute(self.session, self.session.argv)
            self.wake()

    def close(self, *, after_replies: bool = True) -> None:
        """See session.Link."""
        if not after_replies:
            self.abort()
            return
        self.closing = self.session.stopped = True
        self.session.stream = None  # its iterator must not outlive the database
        if not self.waiting:
            self.waiting = True
            self.node.tick.reply(self)

    def on_authenticated(self, authenticated: bool) -> None:
        """See session.Link."""
        self.parser.authenticated = authenticated

    @property
    def query_bytes(self) -> int:
        """What arrived and has not been executed."""
        return int(self.parser.buffered)

    # -- the tick's side

    def seal(self) -> None:
        """See tick.Waiter."""
        self.waiting = False
        self.sealed.append(self.session.writer.take())

    @property
    def _sealed_bytes(self) -> int:
        return sum(map(len, self.sealed))

    def flush_rest(self) -> None:
        """flush() when replies are sealed or the connection is closing."""
        was_sealed = bool(self.sealed)
        if was_sealed:
            data = self.sealed.popleft()
        else:
            self.waiting = False
            data = self.session.writer.take()
        if data and not self._transport.is_closing():  # a client that has left must not keep others from their replies
            self.node.stats.net_output_bytes += len(data)
            self.send(data)
        if self.writing_paused and self.check_unsent():
            return
        if self.closing:
            if not self.sealed and not self.waiting:
                self._transport.close()
        elif was_sealed:
            self.continue_later()

    def on_replies_sent(self) -> None:
        """A client that is suspended was sent what there was: if it is taking a large reply, there is more."""
        if self.session.stream is not None:
            self.continue_later()

    def check_unsent(self) -> bool:
        """Drops a client that has left too many replies unread. Whether it did."""
        if self._transport.get_write_buffer_size() <= self.node.output_bytes_max:
            return False
        log.warning("closing %s: it does not read its replies", self.peer_name)
        self.abort()
        return True

    def abort(self) -> None:
        """Drops the connection at once."""
        self.waiting = False
        self.closing = self.session.stopped = True
        self.session.stream = None
        self.session.writer.clear()
        self.sealed.clear()
        self._transport.abort()

    @property
    def output_bytes(self) -> int:
        """Replies that the client has not taken yet."""
        return self.session.writer.size + self._sealed_bytes + int(self._transport.get_write_buffer_size())

    @property
    def descriptor(self) -> int:
        """The socket's file descriptor, or -1."""
        sock = self._transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())


def address_text(address: Any) -> str:
    """ "ip:port" of a socket address, IPv6 in brackets; "?:0" for none."""
    if isinstance(address, tuple) and len(address) >= 2:
        host = f"[{address[0]}]" if ":" in str(address[0]) else address[0]
        return f"{host}:{address[1]}"
    return "?:0"
