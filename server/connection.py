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
from collections import deque
from typing import TYPE_CHECKING, Any

from slotrocks.engine import ProtocolError, RequestParser
from slotrocks.server.dispatch import execute
from slotrocks.server.session import Session
from slotrocks.server.streaming import advance

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

SEALED_BYTES_MAX = 256 << 10
QUERY_BYTES_AHEAD_MAX = 64 << 10


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.parser = RequestParser(node.config.proto_max_bulk_len, not node.config.requirepass)
        self.peer_name = self.local_name = ""
        self._transport: Any = None
        self._writing_paused = False
        self._reading_paused = False
        self._closing = False
        self._waiting = False  # for the end of the tick
        self._continuing = False  # process() is scheduled
        self._sealed: deque[bytes] = deque()  # replies that wait for an fsync, those of a tick each
        self.session: Session

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
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

    def data_received(self, data: bytes) -> None:
        self.node.stats.net_input_bytes += len(data)
        self.parser.feed(data)
        if self.session.suspended or self.session.stopped or self._continuing:
            self._regulate_reading()
        else:
            self.process()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._writing_paused = self.session.stopped = True
        self._regulate_reading()

    def resume_writing(self) -> None:
        self._writing_paused = False
        self.session.stopped = self._closing
        self._continue()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = self.session.stopped = True
        self.node.close_session(self.session)

    # -- executing

    def process(self) -> None:
        """Executes the commands that have arrived, up to a fair share of them."""
        self._continuing = False
        session = self.session
        if self._closing:
            return
        if self._sealed and self._sealed_bytes > SEALED_BYTES_MAX:  # flush() comes back here
            self._regulate_reading()
            return
        # The next slice of a large reply, if the one before has gone out; flush() and resume_writing() come back here.
        if session.stream is not None and not (self._writing_paused or self._sealed or session.writer.size):
            advance(session)
        try:
            if self.node.run(session, self.parser):
                self._continue()
        except ProtocolError as error:
            session.writer.error(f"ERR {error}")
            log.debug("protocol error from %s: %s", self.peer_name, error)
            self.close()
        self._reply_later()
        if self._reading_paused or self.parser.buffered > QUERY_BYTES_AHEAD_MAX:
            self._regulate_reading()

    def _reply_later(self) -> None:
        if not self._waiting and (self.session.writer.size or self.node.txn.dirty):
            self._waiting = True
            self.node.tick.reply(self)

    def _continue(self) -> None:
        """Has process() called once the loop has served the others."""
        if not self._continuing and not self._closing:
            self._continuing = True
            self.node.loop.call_soon(self.process)

    def _regulate_reading(self) -> None:
        """Reads from the socket only while this client's commands can run, or little of them waits."""
        if self._closing:
            return
        if self.parser.buffered > self.node.config.client_query_buffer_limit:
            log.warning("closing %s: its query buffer holds %d bytes", self.peer_name, self.parser.buffered)
            self.abort()
            return
        stalled = (
            self.session.suspended or self._writing_paused or self._continuing or self._sealed_bytes > SEALED_BYTES_MAX
        )
        pause = stalled and self.parser.buffered > QUERY_BYTES_AHEAD_MAX
        if pause == self._reading_paused:
            return
        self._reading_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # -- the session's side

    def wake(self) -> None:
        """See session.Link."""
        self._reply_later()
        self._continue()

    def retry(self) -> None:
        """See session.Link."""
        self.node.loop.call_soon(self._retry)

    def _retry(self) -> None:
        if not self._closing:
            self.session.suspended = False
            self.node.refresh_clock()
            execute(self.session, self.session.argv)
            self.wake()

    def close(self, *, after_replies: bool = True) -> None:
        """See session.Link."""
        if not after_replies:
            self.abort()
            return
        self._closing = self.session.stopped = True
        self.session.stream = None  # its iterator must not outlive the database
        if not self._waiting:
            self._waiting = True
            self.node.tick.reply(self)

    def on_authenticated(self, authenticated: bool) -> None:
        """See session.Link."""
        self.parser.authenticated = authenticated

    @property
    def closing(self) -> bool:
        """Whether the connection is ending."""
        return self._closing

    @property
    def query_bytes(self) -> int:
        """What arrived and has not been executed."""
        return int(self.parser.buffered)

    # -- the tick's side

    def seal(self) -> None:
        """See tick.Waiter."""
        self._waiting = False
        self._sealed.append(self.session.writer.take())

    @property
    def _sealed_bytes(self) -> int:
        return sum(map(len, self._sealed))

    def flush(self) -> None:
        """Sends replies, see tick.Waiter; what they report is safe."""
        was_sealed = bool(self._sealed)
        if was_sealed:
            data = self._sealed.popleft()
        else:
            self._waiting = False
            data = self.session.writer.take()
        if data:
            self.node.stats.net_output_bytes += len(data)
            self._transport.write(data)
            if self._writing_paused and self._transport.get_write_buffer_size() > self.node.output_bytes_max:
                log.warning("closing %s: it does not read its replies", self.peer_name)
                self.abort()
                return
        if self._closing and not self._sealed and not self._waiting:
            self._transport.close()
        elif not self._writing_paused and (was_sealed or self.session.stream is not None):
            self._continue()

    def abort(self) -> None:
        """Drops the connection at once."""
        self._waiting = False
        self._closing = self.session.stopped = True
        self.session.stream = None
        self.session.writer.clear()
        self._sealed.clear()
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
