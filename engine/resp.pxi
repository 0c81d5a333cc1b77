"""Replies as RESP2 or RESP3 bytes in one growing buffer.

    value               RESP2                    RESP3              value               RESP2              RESP3
    int                 :1                       :1                 Simple("OK"), OK    +OK                +OK
    bytes, str (UTF-8)  $1 b                     $1 b               ReplyError("ERR x") -ERR x             -ERR x
    None                $-1                      _                  NULL_ARRAY          *-1                _
    list, tuple         *n ...                   *n ...             Push([...])         *n ...             >n ...
    dict                *2n k v ...              %n k v ...         Verbatim("txt", b)  $n b               =n+4 txt:b
    set, frozenset      *n ...                   ~n ...             bool                :1 :0              #t #f
    float               $n digits                ,digits
"""

from cython cimport final
from libc.stdlib cimport free, realloc

cdef enum:
    BUFFER_FIRST_BYTES = 512         # capacity of a writer's first allocation
    BUFFER_KEPT_BYTES_MAX = 16384    # a buffer that grew beyond this is freed when it is emptied
    REPLY_DEPTH_MAX = 64             # arrays inside arrays; beyond it is a bug of ours


# ---- what a reply is made of, beyond Python's own types ----

cdef bytes text_bytes(text):
    """Bytes as they are; str as UTF-8, where surrogate escapes stand for the bytes that they were decoded from."""
    if isinstance(text, bytes):
        return bytes(text)
    return text.encode("utf-8", "surrogateescape")


cdef bytes one_line(text):
    """`text` fit for a line of the protocol: line ends at the ends are cut, those inside become spaces, as in Redis."""
    line = text_bytes(text)
    if b"\n" in line or b"\r" in line:
        line = line.strip(b"\r\n").replace(b"\r", b" ").replace(b"\n", b" ")
    return line


cdef class LineReply:
    """Base of the replies that are one line; equal when type and text are equal."""

    cdef bytes line                      # without its type byte and line end

    def __init__(self, text: str | bytes):
        self.line = one_line(text)

    @property
    def text(self) -> str:
        """The line; bytes that are no UTF-8 appear as surrogate escapes."""
        return self.line.decode("utf-8", "surrogateescape")

    def __eq__(self, other):
        return type(other) is type(self) and (<LineReply>other).line == self.line

    def __hash__(self):
        return hash((type(self), self.line))

    def __repr__(self):
        return f"{type(self).__name__}({self.text!r})"


@final
cdef class Simple(LineReply):
    """A simple string (``+OK``)."""


@final
cdef class ReplyError(LineReply):
    """An error as a value, so that it can stand inside an array. `text` begins with the code word (``ERR …``)."""


@final
cdef class Verbatim:
    """Text with a three-letter format ("txt", "mkd"); RESP2 clients get a bulk string."""

    cdef readonly bytes format           # three characters
    cdef readonly bytes data

    def __init__(self, format: str | bytes, data: str | bytes):
        self.format = text_bytes(format)
        self.data = text_bytes(data)
        if PyBytes_GET_SIZE(self.format) != 3:
            raise ValueError(f"not a verbatim format: {format!r}")


@final
cdef class Push:
    """An out-of-band message (RESP3 ``>``); RESP2 clients get an array."""

    cdef readonly list items

    def __init__(self, list items not None):
        self.items = items


@final
cdef class NullArray:
    """The type of NULL_ARRAY."""

    def __repr__(self):
        return "NULL_ARRAY"


OK = Simple("OK")
NULL_ARRAY = NullArray()
cdef object ok_reply = OK
cdef object null_array = NULL_ARRAY


# ---- the writer ----

@final
cdef class ReplyWriter:
    """Collects replies as protocol bytes until `take()`. `protocol` is 2 or 3 and may change between replies.

    A reply is one `write(value)`, or, when it is big, a header (`array_header(n)` …) followed by n more replies.
    A `write` that raises leaves the buffer as it was: TypeError for a type that has no RESP form, OverflowError for an
    int beyond 64 bits, ValueError for nesting beyond 64.
    """

    cdef int version                     # 2 or 3
    cdef char* buffer
    cdef Py_ssize_t length               # bytes written
    cdef Py_ssize_t capacity             # bytes allocated

    def __init__(self, int protocol=2):
        self.protocol = protocol

    def __dealloc__(self):
        free(self.buffer)

    @property
    def protocol(self) -> int:
        """2 or 3, as negotiated by HELLO."""
        return self.version

    @protocol.setter
    def protocol(self, int value):
        if value != 2 and value != 3:
            raise ValueError(f"not a protocol version: {value}")
        self.version = value

    @property
    def size(self) -> int:
        """Bytes waiting to be taken."""
        return self.length

    cdef int grow(self, Py_ssize_t extra) except -1:
        cdef Py_ssize_t wanted = max(self.length + extra, self.capacity * 2, BUFFER_FIRST_BYTES)
        cdef char* grown = <char*>realloc(self.buffer, wanted)
        if grown == NULL:
            raise MemoryError()
        self.buffer = grown
        self.capacity = wanted
        return 0

    cdef inline char* room(self, Py_ssize_t extra) except NULL:
        """Where the next bytes go, with space for `extra` of them: the one bounds check of the writer."""
        if self.capacity - self.length < extra:
            self.grow(extra)
        return self.buffer + self.length

    cdef inline int put_raw(self, const char* data, Py_ssize_t size) except -1:
        memcpy(self.room(size), data, size)
        self.length += size
        return 0

    cdef inline int put_header(self, char kind, int64_t count) except -1:
        cdef char* p = self.room(INT_CHARS_MAX + 3)
        cdef Py_ssize_t size
        p[0] = kind
        size = 1 + put_decimal(p + 1, count)
        p[size] = 0x0D
        p[size + 1] = 0x0A
        self.length += size + 2
        return 0

    cdef inline int put_bulk(self, const char* data, Py_ssize_t size) except -1:
        cdef char* p = self.room(size + INT_CHARS_MAX + 5)
        cdef Py_ssize_t head
        p[0] = 0x24
        head = 1 + put_decimal(p + 1, size)
        p[head] = 0x0D
        p[head + 1] = 0x0A
        p += head + 2
        memcpy(p, data, size)
        p[size] = 0x0D
        p[size + 1] = 0x0A
        self.length += head + size + 4
        return 0

    cdef int put_line(self, char kind, bytes text) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(text)
        cdef char* p = self.room(size + 3)
        p[0] = kind
        memcpy(p + 1, PyBytes_AS_STRING(text), size)
        p[size + 1] = 0x0D
        p[size + 2] = 0x0A
        self.length += size + 3
        return 0

    cdef int put_float(self, double value) except -1:
        cdef char text[DOUBLE_CHARS_MAX + 3]
        cdef int size
        if self.version == 2:
            return self.put_bulk(text, put_double(text, value))
        text[0] = c','
        size = 1 + put_double(text + 1, value)
        memcpy(text + size, "\r\n", 2)
        return self.put_raw(text, size + 2)

    cdef int put_verbatim(self, Verbatim value) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(value.data)
        if self.version == 2:
            return self.put_bulk(PyBytes_AS_STRING(value.data), size)
        self.put_header(c'=', size + 4)
        self.put_raw(PyBytes_AS_STRING(value.format), 3)
        self.put_raw(":", 1)
        self.put_raw(PyBytes_AS_STRING(value.data), size)
        return self.put_raw("\r\n", 2)

    cdef int put_map_header(self, Py_ssize_t count) except -1:
        return self.put_header(c'%', count) if self.version == 3 else self.put_header(c'*', 2 * count)

    cdef int put_null(self) except -1:
        return self.put_raw("_\r\n", 3) if self.version == 3 else self.put_raw("$-1\r\n", 5)

    cdef int put(self, object value, int depth) except -1:
        kind = type(value)
        if kind is bytes:
            return self.put_bulk(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if kind is int:
            return self.put_header(c':', value)
        if value is None:
            return self.put_null()
        if value is ok_reply:
            return self.put_raw("+OK\r\n", 5)
        if kind is list or kind is tuple:
            return self.put_items(c'*', value, depth)
        return self.put_other(value, depth)

    cdef int put_other(self, object value, int depth) except -1:
        """The rarer kinds, and subclasses of the common ones."""
        if isinstance(value, bool):
            if self.version == 3:
                return self.put_raw("#t\r\n" if value else "#f\r\n", 4)
            return self.put_raw(":1\r\n" if value else ":0\r\n", 4)
        if isinstance(value, bytes):
            return self.put_bulk(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if isinstance(value, str):
            encoded = text_bytes(value)
            return self.put_bulk(PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))
        if isinstance(value, int):
            return self.put_header(c':', value)
        if isinstance(value, float):
            return self.put_float(value)
        if isinstance(value, (list, tuple)):
            return self.put_items(c'*', value, depth)
        if isinstance(value, (set, frozenset)):
            return self.put_items(c'~' if self.version == 3 else c'*', value, depth)
        if isinstance(value, dict):
            return self.put_dict(value, depth)
        if isinstance(value, Simple):
            return self.put_line(c'+', (<LineReply>value).line)
        if isinstance(value, ReplyError):
            return self.put_line(c'-', (<LineReply>value).line)
        if value is null_array:
            return self.put_raw("_\r\n", 3) if self.version == 3 else self.put_raw("*-1\r\n", 5)
        if isinstance(value, Push):
            return self.put_items(c'>' if self.version == 3 else c'*', (<Push>value).items, depth)
        if isinstance(value, Verbatim):
            return self.put_verbatim(value)
        raise TypeError(f"no RESP form for {type(value).__name__}")

    cdef int check_depth(self, int depth) except -1:
        if depth >= REPLY_DEPTH_MAX:
            raise ValueError(f"a reply nested deeper than {REPLY_DEPTH_MAX}")
        return 0

    cdef int put_items(self, char kind, object items, int depth) except -1:
        self.check_depth(depth)
        self.put_header(kind, len(items))
        for item in items:
            self.put(item, depth + 1)
        return 0

    cdef int put_dict(self, object items, int depth) except -1:
        self.check_depth(depth)
        self.put_map_header(len(items))
        for key, value in items.items():
            self.put(key, depth + 1)
            self.put(value, depth + 1)
        return 0

    cdef int write_value(self, object value) except -1:
        cdef Py_ssize_t before = self.length
        try:
            return self.put(value, 0)
        except BaseException:
            self.length = before
            raise

    def write(self, value: object) -> None:
        """Appends one whole reply."""
        self.write_value(value)

    def ok(self) -> None:
        """Appends ``+OK``."""
        self.put_raw("+OK\r\n", 5)

    def error(self, text: str | bytes) -> None:
        """Appends an error; `text` begins with its code word. Line ends inside become spaces."""
        self.put_line(c'-', one_line(text))

    def bulk(self, bytes data not None) -> None:
        """Appends one bulk string."""
        self.put_bulk(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    def integer(self, int64_t value) -> None:
        """Appends one integer."""
        self.put_header(c':', value)

    def null(self) -> None:
        """Appends a null."""
        self.put_null()

    def array_header(self, Py_ssize_t count) -> None:
        """Announces an array of the next `count` replies."""
        self.put_header(c'*', count)

    def map_header(self, Py_ssize_t count) -> None:
        """Announces a map of the next `count` pairs of replies."""
        self.put_map_header(count)

    def set_header(self, Py_ssize_t count) -> None:
        """Announces a set of the next `count` replies."""
        self.put_header(c'~' if self.version == 3 else c'*', count)

    def push_header(self, Py_ssize_t count) -> None:
        """Announces an out-of-band message of the next `count` replies."""
        self.put_header(c'>' if self.version == 3 else c'*', count)

    cpdef bytes take(self):
        """All bytes written so far; the writer is empty afterwards."""
        taken = PyBytes_FromStringAndSize(self.buffer, self.length)
        self.clear()
        return taken

    def truncate(self, Py_ssize_t size) -> None:
        """Drops what was written after the first `size` bytes; nothing if there are fewer."""
        if 0 <= size < self.length:
            self.length = size

    cpdef int clear(self) except -1:
        """Drops what was written."""
        self.length = 0
        if self.capacity > BUFFER_KEPT_BYTES_MAX:
            free(self.buffer)
            self.buffer = NULL
            self.capacity = 0
        return 0
