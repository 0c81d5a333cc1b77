"""The path of every command: from a client's bytes to its handler and back to reply bytes.

The state that each call looks at has C fields here: CommandRow, ClientState and NodeState are the bases of the server's
Command, Session and Node. `NodeState.run()` executes what has arrived from a client. A call that nothing special holds
for (see `execute()`) goes straight to its handler; every other one, and every refusal, is decided by the server's
dispatch module, in Python, which runs what may run by the same `call()`.

This is the only part of the engine that reads clocks.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

cdef enum:
    COMMANDS_MAX = 512               # of one client before the others have their turn
    REPLY_BYTES_MAX = 262144         # and how many bytes of replies

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


class CommandError(Exception):
    """An error reply; `text` starts with its prefix word ("ERR …", "MOVED …") and is one line."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


cdef class Unwritten:
    """Base of what a handler returns when its reply does not go out at once, as it is."""


cdef class CommandRow:
    """What a call asks of its command. The server's table adds what documentation and introspection need."""

    cdef public str name
    cdef public object handler       # takes (session, argv), returns the reply's value
    cdef public int arity            # counts the name(s); negative means at least
    cdef public bint container       # a subcommand's row is the one that counts
    cdef public bint write
    cdef public bint has_keys
    cdef public bint single_key      # its only key is argv[1]
    cdef public bint no_auth         # may be called before AUTH
    cdef public int64_t calls
    cdef public int64_t nanoseconds  # spent in all calls
    cdef public int64_t rejected_calls
    cdef public int64_t failed_calls

    def arity_fits(self, Py_ssize_t count) -> bool:
        """Whether a call of `count` words, the name's included, has enough and not too many."""
        return self.fits(count)

    cdef inline bint fits(self, Py_ssize_t count) noexcept:
        return count == self.arity if self.arity >= 0 else count >= -self.arity


cdef class ClientState:
    """What a call asks of its client, and leaves there."""

    cdef readonly ReplyWriter writer
    cdef public bint authenticated
    cdef public bint asking          # ASKING was said
    cdef public bint suspended       # executes nothing: it waits for something
    cdef public bint stopped         # executes nothing: its connection is closing, or does not take its replies
    cdef public list queue           # the calls since MULTI, None outside
    cdef public str reply_mode       # CLIENT REPLY: on, off, skip (the next reply), skipping (this one)
    cdef public object waiter        # its call waits for keys
    cdef public str last_command
    cdef public uint64_t last_active_ms  # Unix time

    def __init__(self):
        self.writer = ReplyWriter()
        self.reply_mode = "on"
        self.last_command = "NULL"


cdef class Counters:
    """What INFO counts and calls touch."""

    cdef public int64_t keyspace_hits
    cdef public int64_t keyspace_misses
    cdef public int64_t net_input_bytes
    cdef public int64_t net_output_bytes


cdef class TickState:
    """Who waits for the end of the tick. A subclass gives `schedule()`, which has it end soon."""

    cdef readonly list waiters

    def __init__(self):
        self.waiters = []

    def reply(self, waiter) -> None:
        """Has the waiter's replies sent when this tick's writes are as safe as configured."""
        self.add(waiter)

    cdef int add(self, waiter) except -1:
        if not self.waiters:
            self.schedule()
        self.waiters.append(waiter)
        return 0

    def take_waiters(self) -> list:
        """Those of the tick that ends now."""
        cdef list waiters = self.waiters
        self.waiters = []
        return waiters


cdef class NodeState:
    """What a call asks of the node. A subclass gives `dispatch(session, argv)`, which decides and runs a call that is
    not plain, `deliver(session, argv, unwritten)`, `on_error(text)`, `on_touched(keys)`, `on_slow(session, row, argv,
    us)`, `feed_monitors(session, row, argv)` and `serve_blocked()`."""

    cdef readonly Transaction txn
    cdef readonly Counters stats
    cdef public TickState tick
    cdef public uint64_t now_ms      # the clock of the next call, Unix time
    cdef readonly dict rows          # CommandRow by its name as clients write it; a name that is absent may yet exist
    cdef public bytearray served     # for each slot 1 if any call on it runs here, None without a cluster
    cdef public object pause         # CLIENT PAUSE, None when there is none
    cdef public str write_error      # why writes are refused, "" if they are not
    cdef public double slow_us       # from how many microseconds on a call is of interest to on_slow()
    cdef readonly set monitors       # sessions of MONITOR
    cdef readonly dict watchers      # by key: the sessions that watch it
    cdef readonly dict blocked_keys  # by key: the sessions that wait for it

    def __init__(self, Transaction txn not None, Counters stats not None, dict rows not None):
        self.txn = txn
        self.stats = stats
        self.rows = rows
        self.write_error = ""
        self.slow_us = float("inf")
        self.monitors = set()
        self.watchers = {}
        self.blocked_keys = {}
        self.read_clock()

    def refresh_clock(self) -> None:
        """Reads the clock that the next commands see."""
        self.read_clock()

    cdef int read_clock(self) except -1:
        cdef timespec now
        clock_gettime(CLOCK_REALTIME, &now)
        self.now_ms = <uint64_t>now.tv_sec * 1000 + <uint64_t>now.tv_nsec // 1000000
        return 0

    def read_string(self, bytes key not None) -> bytes | None:
        """The string at a key for a command that reads, None if there is none: counts as a hit or a miss. Raises
        WrongTypeError."""
        cdef bytes value = self.txn.string(key)
        if value is None:
            self.stats.keyspace_misses += 1
        else:
            self.stats.keyspace_hits += 1
        return value

    cdef bint run(self, ClientState client, RequestParser parser) except -1:
        """Executes the commands of a client that have arrived, in order, up to a fair share of them. Whether there may
        be more that could run. Raises ProtocolError."""
        cdef int budget = COMMANDS_MAX
        cdef list argv
        self.read_clock()
        client.last_active_ms = self.now_ms
        while not (client.suspended or client.stopped):
            if budget == 0 or client.writer.length > REPLY_BYTES_MAX:
                return True
            argv = parser.next()
            if argv is None:
                return False
            budget -= 1
            self.execute(client, argv)
        return False

    cdef int execute(self, ClientState client, list argv) except -1:
        """Runs one command if it is plain, or has dispatch() decide."""
        cdef CommandRow row = self.rows.get(argv[0])
        if (
            row is None or row.container or client.queue is not None or not client.authenticated or client.asking
            or client.reply_mode != "on" or self.pause is not None or (row.write and self.write_error)
            or not row.fits(len(argv)) or (row.has_keys and self.served is not None and not self.serves(row, argv))
        ):
            self.dispatch(client, argv)
            return 0
        client.last_command = row.name
        value = self.call_row(client, row, argv)
        if isinstance(value, Unwritten):
            self.deliver(client, argv, value)
        else:
            client.writer.write_value(value)
        if self.blocked_keys:
            self.serve_blocked()
        return 0

    cdef bint serves(self, CommandRow row, list argv) except -1:
        """Whether the call's only key is in a slot that is served here whatever the call does."""
        cdef bytes key
        if not row.single_key:
            return False
        key = argv[1]
        return PyByteArray_AS_STRING(self.served)[
            slot_of_bytes(<const uint8_t*>PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
        ]

    def call(self, ClientState client not None, CommandRow row not None, argv) -> object:
        """Executes a call in a savepoint of its own. Returns the reply's value; an error is a ReplyError. A call that
        blocked and runs again counts once."""
        return self.call_row(client, row, argv)

    cdef object call_row(self, ClientState client, CommandRow row, argv):
        cdef Transaction txn = self.txn
        cdef timespec started, ended
        cdef int64_t elapsed_ns
        cdef bint again = client.waiter is not None
        clock_gettime(CLOCK_MONOTONIC, &started)
        if self.monitors and not again:
            self.feed_monitors(client, row, argv)
        txn.begin(self.now_ms)
        try:
            value = row.handler(client, argv)
        except WrongTypeError:
            value = wrong_type_reply
        except CommandError as error:
            value = ReplyError(error.text)
        except BaseException:
            # A mistake of ours: the connection breaks, and nothing of the command may be left to commit.
            txn.rollback()
            raise
        if type(value) is ReplyError:
            txn.rollback()
            row.failed_calls += 1
            self.on_error(value.text)
        elif txn.touched and (self.watchers or self.blocked_keys):
            self.on_touched(txn.touched)
        clock_gettime(CLOCK_MONOTONIC, &ended)
        elapsed_ns = (ended.tv_sec - started.tv_sec) * <int64_t>1000000000 + ended.tv_nsec - started.tv_nsec
        row.calls += not again
        row.nanoseconds += elapsed_ns
        if elapsed_ns >= self.slow_us * 1000:
            self.on_slow(client, row, argv, elapsed_ns // 1000)
        return value


cdef object wrong_type_reply = ReplyError(WRONG_TYPE)
