"""The part of a client's connection that every chunk of bytes goes through. The rest, and each socket, is the server's.
"""

from collections import deque

cdef enum:
    C_QUERY_BYTES_AHEAD_MAX = 65536

QUERY_BYTES_AHEAD_MAX = C_QUERY_BYTES_AHEAD_MAX


cdef class ConnectionState:
    """Base of the server's Connection. A subclass gives what is rare: `process()` (what waits before the next commands,
    then `execute_arrived()`), `continue_later()`, `regulate_reading()`, `on_protocol_error(error)`, `flush_rest()`,
    `on_replies_sent()` and `check_unsent()`."""

    cdef readonly NodeState node
    cdef readonly RequestParser parser
    cdef public ClientState session
    cdef public object send          # takes bytes for the client
    cdef public bint closing         # the connection is ending
    cdef public bint waiting         # for the end of the tick
    cdef public bint continuing      # process() is scheduled
    cdef public bint reading_paused
    cdef public bint writing_paused  # the client does not take its replies
    cdef readonly object sealed      # replies that wait for an fsync, those of a tick each

    def __init__(self, NodeState node not None, RequestParser parser not None):
        self.node = node
        self.parser = parser
        self.sealed = deque()

    def data_received(self, bytes data not None) -> None:
        """Bytes have arrived: executes the commands that are complete, if this client's turn is now."""
        self.node.stats.net_input_bytes += PyBytes_GET_SIZE(data)
        if self.closing:
            return
        self.parser.feed(data)
        if self.session.suspended or self.session.stopped or self.continuing:
            self.regulate_reading()
        elif self.sealed:
            self.process()
        else:
            self.execute_next()

    def execute_arrived(self) -> None:
        """Executes the commands that have arrived, up to a fair share of them."""
        self.execute_next()

    cdef int execute_next(self) except -1:
        try:
            if self.node.run(self.session, self.parser):
                self.continue_later()
        except ProtocolError as error:
            self.on_protocol_error(error)
        self.report()
        if self.reading_paused or self.parser.held() > C_QUERY_BYTES_AHEAD_MAX:
            self.regulate_reading()
        return 0

    def reply_later(self) -> None:
        """Has what was written sent, and what was changed committed, at the end of the tick."""
        self.report()

    cdef int report(self) except -1:
        if not self.waiting and (self.session.writer.length or self.node.txn.is_dirty()):
            self.waiting = True
            self.node.tick.add(self)
        return 0

    def flush(self) -> None:
        """The tick has ended: sends the replies that were sealed first; if there are none, all that are written."""
        if self.sealed or self.closing:
            self.flush_rest()
            return
        self.waiting = False
        data = self.session.writer.take()
        if data:
            self.node.stats.net_output_bytes += PyBytes_GET_SIZE(data)
            self.send(data)
        if self.writing_paused:
            self.check_unsent()
        elif self.session.suspended:
            self.on_replies_sent()
