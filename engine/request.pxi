"""Requests: bytes in any chunks in, commands (lists of byte strings) out.

    request  = command | inline
    command  = "*" count CRLF count * ("$" length CRLF length * byte CRLF)
    inline   = words split as a shell would, LF or CRLF        (any line whose first byte is not "*")

hiredis builds the commands. In front of it a scanner walks over the headers, because hiredis also accepts what a server
must refuse (other types than bulk strings, any nesting, any length) and knows no inline commands. The scanner keeps no
data but an incomplete header line: bytes go to hiredis as soon as they have been checked, so each byte is copied once
however small the chunks are, and each limit is checked before anything is allocated for what it limits.

Limits and error texts are those of Redis 7.2 (processInlineBuffer, processMultibulkBuffer), with three differences: at
most 1,048,576 arguments (as before Redis 7.0); a NUL byte does not hide the rest of a line; a header line that ends in
a CR without LF is an error.

As in Redis, a command is checked when its turn has come, after the one before it was executed, so that AUTH lifts
the limits for what follows it in the same packet. A client that is authenticated has its bytes checked a little ahead.
"""

from hiredis import Reader

cdef enum:
    ARGUMENTS_MAX = 1048576                        # in one command
    UNAUTHENTICATED_ARGUMENTS_MAX = 10
    UNAUTHENTICATED_BULK_BYTES_MAX = 16384
    LINE_BYTES_MAX = 65536                         # an inline command, or a header
    AHEAD_BYTES_MAX = 16384                        # checked ahead; hiredis moves what it holds after each KiB consumed
    READER_KEPT_BYTES_MAX = 65536                  # a reader that held more than this is replaced when it is empty
    PROTO_MAX_BULK_BYTES = 536870912

cdef enum LineState:
    LINE_TOO_BIG = -1
    LINE_INCOMPLETE = -2


class ProtocolError(Exception):
    """A client broke the protocol: `args[0]` is the error's text without "ERR ". Reply with it, then close."""


cdef inline Py_ssize_t line_size(const uint8_t* p, Py_ssize_t size, int end) noexcept nogil:
    """The number of bytes in front of the byte `end`, or a LineState."""
    cdef const uint8_t* found = <const uint8_t*>memchr(p, end, min(size, LINE_BYTES_MAX + 1))
    if found != NULL:
        return found - p
    return LINE_TOO_BIG if size > LINE_BYTES_MAX else LINE_INCOMPLETE


cdef inline int hex_digit(uint8_t c) noexcept nogil:
    """The value of a hexadecimal digit, -1 for anything else."""
    if 0x30 <= c <= 0x39:
        return c - 0x30
    c |= 0x20
    return c - 0x57 if 0x61 <= c <= 0x66 else -1


cdef inline uint8_t unescape(uint8_t c) noexcept nogil:
    """What a backslash and `c` mean inside double quotes."""
    if c == c'n':
        return 0x0A
    if c == c'r':
        return 0x0D
    if c == c't':
        return 0x09
    if c == c'b':
        return 0x08
    if c == c'a':
        return 0x07
    return c


cdef Py_ssize_t read_word(const uint8_t* p, Py_ssize_t size, uint8_t* word, Py_ssize_t* used) noexcept nogil:
    """Unquotes the word at `p` into `word`, which needs no more than `size` bytes. Its size, -1 when unbalanced."""
    cdef Py_ssize_t i = 0, n = 0
    cdef uint8_t c, quote = 0
    while i < size:
        c = p[i]
        if quote == 0:
            if c == c'"' or c == c"'":
                quote = c
            elif c == 0x20 or c == 0x09 or c == 0x0A or c == 0x0D:
                break
            else:
                word[n] = c
                n += 1
        elif c == quote:                            # the closing quote ends the word
            if i + 1 < size and not is_space(p[i + 1]):
                return -1
            used[0] = i + 1
            return n
        elif c == c"\\" and quote == c'"' and i + 3 < size and p[i + 1] == c"x" and hex_digit(p[i + 2]) >= 0 \
                and hex_digit(p[i + 3]) >= 0:
            word[n] = <uint8_t>(hex_digit(p[i + 2]) * 16 + hex_digit(p[i + 3]))
            n += 1
            i += 3
        elif c == c"\\" and i + 1 < size and (quote == c'"' or p[i + 1] == c"'"):
            word[n] = unescape(p[i + 1]) if quote == c'"' else c"'"
            n += 1
            i += 1
        else:
            word[n] = c
            n += 1
        i += 1
    if quote:
        return -1
    used[0] = i
    return n


cdef list split_words(const uint8_t* p, Py_ssize_t size):
    """The words of an inline command (sdssplitargs), None when its quotes are unbalanced."""
    cdef list words = []
    cdef bytes scratch = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t* word = <uint8_t*>PyBytes_AS_STRING(scratch)
    cdef Py_ssize_t i = 0, used = 0, n
    while True:
        while i < size and is_space(p[i]):
            i += 1
        if i == size:
            return words
        n = read_word(p + i, size - i, word, &used)
        if n < 0:
            return None
        words.append(PyBytes_FromStringAndSize(<char*>word, n))
        i += used


@final
cdef class RequestParser:
    """Turns one client's bytes into commands: `feed(data)`, then `next()` until it returns None.

    `authenticated` and `proto_max_bulk_len` (bytes of one argument) may be changed between two commands.
    """

    cdef public bint authenticated       # False: the small limits for clients that have yet to give a password
    cdef public int64_t proto_max_bulk_len
    cdef object reader_feed              # bound methods of the hiredis reader, whose bytes have all been checked
    cdef object reader_gets
    cdef bytes data                      # the chunk being scanned
    cdef Py_ssize_t position             # what of it has been scanned
    cdef list chunks                     # fed, but not yet being scanned
    cdef Py_ssize_t chunks_bytes
    cdef Py_ssize_t arguments_left       # of the command being scanned; 0 between commands
    cdef int64_t bulk_left               # bytes of the argument being scanned, its CRLF included; 0 before its header
    cdef Py_ssize_t ready                # complete commands in the reader
    cdef Py_ssize_t ready_bytes          # bytes of them, those taken since the last scan included
    cdef Py_ssize_t partial_bytes        # bytes of an incomplete command in the reader
    cdef bint reader_grown               # the reader has held more than READER_KEPT_BYTES_MAX
    cdef str error                       # why nothing can follow the commands in the reader

    def __init__(self, int64_t proto_max_bulk_len=PROTO_MAX_BULK_BYTES, bint authenticated=True):
        self.proto_max_bulk_len = proto_max_bulk_len
        self.authenticated = authenticated
        self.data = b""
        self.chunks = []
        self.new_reader()

    cdef int new_reader(self) except -1:
        reader = Reader()
        self.reader_feed = reader.feed
        self.reader_gets = reader.gets
        self.reader_grown = False
        return 0

    @property
    def buffered(self) -> int:
        """Bytes held. Exact when `next()` has returned None; before that, taken commands may still be counted."""
        return self.held()

    cdef Py_ssize_t held(self) noexcept:
        return (
            PyBytes_GET_SIZE(self.data) - self.position + self.chunks_bytes
            + (self.ready_bytes if self.ready else 0) + self.partial_bytes
        )

    cpdef int feed(self, bytes data) except -1:
        """Adds bytes from the client. Ignored after a ProtocolError."""
        if self.error is not None:
            return 0
        if self.position == PyBytes_GET_SIZE(self.data) and not self.chunks:
            self.data = data
            self.position = 0
        else:
            self.chunks.append(data)
            self.chunks_bytes += PyBytes_GET_SIZE(data)
        return 0

    cpdef list next(self):
        """The next command, None when more bytes are needed.

        Raises ProtocolError when the client broke the protocol and the commands before that have been taken.
        """
        while True:
            if self.ready:
                return self.take_ready()
            if self.error is not None:
                raise ProtocolError(self.error)
            words = self.scan()
            if words is not None:
                return words
            if not self.ready and self.error is None and not self.next_chunk():
                return None

    cdef list take_ready(self):
        command = self.reader_gets()
        assert type(command) is list, command        # the scanner lets nothing else through
        self.ready -= 1
        if self.ready == 0 and self.partial_bytes == 0 and self.reader_grown:
            self.new_reader()
        return command

    cdef bint next_chunk(self) except -1:
        """Makes the chunks that wait the one being scanned, behind what remains of it. False when there is none."""
        cdef bytes rest = self.data[self.position:]
        cdef bint more = bool(self.chunks)
        if more:
            self.data = self.chunks[0] if len(self.chunks) == 1 and not rest else rest + b"".join(self.chunks)
            self.chunks.clear()
            self.chunks_bytes = 0
        else:
            self.data = rest                         # lets go of a big chunk for a small rest
        self.position = 0
        return more

    cdef object fail(self, str text):
        """Nothing after the complete commands counts any more."""
        self.error = "Protocol error: " + text
        self.data = b""
        self.position = 0
        self.chunks.clear()
        self.chunks_bytes = 0
        self.partial_bytes = 0

    cdef int pass_on(
        self, bytes data, Py_ssize_t start, Py_ssize_t end, Py_ssize_t complete, Py_ssize_t ready
    ) except -1:
        """Gives the checked bytes [start, end) to hiredis; `ready` commands end in it, the last one at `complete`."""
        if end > start:
            self.reader_feed(data, start, end - start)
        self.ready = ready
        if ready:
            self.ready_bytes = self.partial_bytes + complete - start
            self.partial_bytes = end - complete
        else:
            self.ready_bytes = 0
            self.partial_bytes += end - start
        if self.ready_bytes + self.partial_bytes > READER_KEPT_BYTES_MAX:
            self.reader_grown = True
        return 0

    cdef object scan(self):
        """Checks headers from the present position on and passes to hiredis what is right.

        Stops at the end of the chunk, in front of an incomplete line, at an error, after a batch. Returns the words of
        an inline command when one is next, otherwise None.
        """
        cdef bytes data = self.data                  # keeps the bytes alive when an error drops them
        cdef const uint8_t* base = <const uint8_t*>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Py_ssize_t start = self.position, p = start, complete = start, ready = 0, line
        cdef Py_ssize_t arguments_left = self.arguments_left
        cdef int64_t bulk_left = self.bulk_left, number
        cdef list words = None
        cdef str problem = None
        while p < size:
            if bulk_left:
                if bulk_left > size - p:
                    bulk_left -= size - p
                    p = size
                    break
                p += bulk_left
                bulk_left = 0
                arguments_left -= 1
                if arguments_left == 0:
                    ready += 1
                    complete = p
                    if not self.authenticated or self.partial_bytes + p - start >= AHEAD_BYTES_MAX:
                        break
                continue
            if arguments_left == 0 and base[p] != c'*':
                if ready:
                    break                            # it is read when the commands before it have been taken
                line = line_size(base + p, size - p, c'\n')
                if line == LINE_INCOMPLETE:
                    break
                if line == LINE_TOO_BIG:
                    problem = "too big inline request"
                    break
                words = split_words(base + p, line - 1 if line and base[p + line - 1] == c'\r' else line)
                if words is None:
                    problem = "unbalanced quotes in request"
                    break
                p += line + 1
                start = complete = p
                if words:
                    break
                words = None
                continue
            line = line_size(base + p, size - p, c'\r')
            if line == LINE_INCOMPLETE or line == size - p - 1:
                break
            if line == LINE_TOO_BIG:
                problem = "too big bulk count string" if arguments_left else "too big mbulk count string"
                break
            if arguments_left:
                if base[p] != c'$':
                    problem = f"expected '$', got '{base[p:p + 1].decode('utf-8', 'surrogateescape')}'"
                    break
                if (
                    base[p + line + 1] != c'\n' or not read_decimal(base + p + 1, line - 1, &number)
                    or number < 0 or number > self.proto_max_bulk_len
                ):
                    problem = "invalid bulk length"
                    break
                if number > UNAUTHENTICATED_BULK_BYTES_MAX and not self.authenticated:
                    problem = "unauthenticated bulk length"
                    break
                bulk_left = number + 2
            else:
                if (
                    base[p + line + 1] != c'\n' or not read_decimal(base + p + 1, line - 1, &number)
                    or number > ARGUMENTS_MAX
                ):
                    problem = "invalid multibulk length"
                    break
                if number > UNAUTHENTICATED_ARGUMENTS_MAX and not self.authenticated:
                    problem = "unauthenticated multibulk length"
                    break
                if number <= 0:                      # an empty command: nothing that hiredis should see
                    if ready:
                        break
                    p += line + 2
                    start = complete = p
                    continue
                arguments_left = number
            p += line + 2
        self.arguments_left = arguments_left
        self.bulk_left = bulk_left
        self.pass_on(data, start, p, complete, ready)
        self.position = p
        if problem is not None:
            self.fail(problem)
        return words
