"""Write batches as RocksDB 9 encodes them (``WriteBatch::Data()``: ``db/write_batch.cc``, ``db/dbformat.h``).

    batch   := fixed64 sequence | fixed32 count | record*                          (fixed integers are little-endian)
    record  := 0x01 str str | 0x05 cf str str            put: key, value           (the second form names its
             | 0x00 str     | 0x04 cf str                delete: key                column family, the first
             | 0x07 str     | 0x08 cf str                single delete: key         means the default one)
             | 0x0F str str | 0x0E cf str str            delete range: begin, end (excluded)
             | 0x03 str                                  log data: a blob for readers of the log; no row
             | 0x0D                                      no-op
    cf      := varint32
    str     := varint32 size | size bytes

`count` is the number of records that take a sequence number: all but log data and no-op. The first of them has the
sequence number `sequence`. What else RocksDB can write (merges, blob indexes, wide columns, two-phase commit …) is
recognised and refused by name, because nothing here could apply it faithfully; an unknown tag is an error. A record is
never skipped.
"""

from libc.stdlib cimport realloc, free
from libc.string cimport memset

# What a record does. Records of both forms have the same number.
OP_PUT, OP_DELETE, OP_SINGLE_DELETE, OP_DELETE_RANGE, OP_LOG_DATA = range(5)

cdef enum:
    RECORD_PUT = 0
    RECORD_DELETE = 1
    RECORD_SINGLE_DELETE = 2
    RECORD_DELETE_RANGE = 3
    RECORD_LOG_DATA = 4
    BATCH_HEADER_SIZE = 12
    COLUMN_FAMILY_COUNT = 7
    FAMILY_METADATA = 1
    IDLE_BUFFER_BYTES = 4 << 20     # a larger buffer is given back once its content is delivered

cdef dict REFUSED_TAGS = {
    0x02: "Merge", 0x06: "Merge",
    0x09: "BeginPrepare", 0x0A: "EndPrepare", 0x0B: "Commit", 0x0C: "Rollback",
    0x12: "BeginPersistedPrepare", 0x13: "BeginUnprepare", 0x15: "CommitWithTimestamp",
    0x10: "BlobIndex", 0x11: "BlobIndex",
    0x14: "DeletionWithTimestamp",
    0x16: "WideColumnEntity", 0x17: "WideColumnEntity",
    0x18: "ValuePreferredSeqno", 0x19: "ValuePreferredSeqno",
}


class BatchError(ValueError):
    """The bytes are not a write batch that can be applied here."""


cdef inline uint32_t le32(const uint8_t* p) noexcept nogil:
    return p[0] | (<uint32_t>p[1] << 8) | (<uint32_t>p[2] << 16) | (<uint32_t>p[3] << 24)


cdef inline uint64_t le64(const uint8_t* p) noexcept nogil:
    return le32(p) | (<uint64_t>le32(p + 4) << 32)


cdef inline void put_le32(uint8_t* p, uint32_t v) noexcept nogil:
    p[0] = v & 0xFF
    p[1] = (v >> 8) & 0xFF
    p[2] = (v >> 16) & 0xFF
    p[3] = v >> 24


cdef inline bytes bytes_of(const uint8_t* p, Py_ssize_t size):
    return PyBytes_FromStringAndSize(<const char*>p, size)


cdef class BatchBuilder:
    """Appends records to one growing buffer; `take` gives the finished batch and starts the next."""

    cdef uint8_t* data                   # header and records; NULL until the first record
    cdef readonly Py_ssize_t size        # bytes of the batch, its header included
    cdef Py_ssize_t capacity             # bytes allocated
    cdef readonly uint32_t count         # records that take a sequence number

    def __cinit__(self):
        self.data = NULL
        self.capacity = 0
        self.size = BATCH_HEADER_SIZE
        self.count = 0

    def __dealloc__(self):
        free(self.data)

    cdef uint8_t* reserve(self, Py_ssize_t more) except NULL:
        """Where the next `more` bytes go."""
        cdef Py_ssize_t capacity
        cdef uint8_t* data
        if self.size + more > self.capacity:
            capacity = max(self.size + more, 2 * self.capacity, 4096)
            data = <uint8_t*>realloc(self.data, capacity)
            if data == NULL:
                raise MemoryError
            self.data = data
            self.capacity = capacity
        return self.data + self.size

    cdef int add(self, uint8_t short_tag, uint8_t long_tag, uint32_t cf, const uint8_t* a, Py_ssize_t a_size,
                 const uint8_t* b, Py_ssize_t b_size, bint with_b) except -1:
        cdef uint8_t* p
        if a_size > <Py_ssize_t>0xFFFFFFFF or b_size > <Py_ssize_t>0xFFFFFFFF:
            raise BatchError("a key or value of a write batch must be smaller than 4 GiB")
        if self.count == 0xFFFFFFFF:
            raise BatchError("a write batch has at most 4294967295 records")
        p = self.reserve(1 + 3 * 5 + a_size + b_size)
        if cf == 0:
            p[0] = short_tag
            p += 1
        else:
            p[0] = long_tag
            p = put_varint(p + 1, cf)
        p = put_varint(p, <uint32_t>a_size)
        memcpy(p, a, a_size)
        p += a_size
        if with_b:
            p = put_varint(p, <uint32_t>b_size)
            memcpy(p, b, b_size)
            p += b_size
        self.size = p - self.data
        return 0

    cdef inline int add_put(self, uint32_t cf, const uint8_t* key, Py_ssize_t key_size,
                            const uint8_t* value, Py_ssize_t value_size) except -1:
        self.add(0x01, 0x05, cf, key, key_size, value, value_size, True)
        self.count += 1
        return 0

    cdef inline int add_delete(self, uint32_t cf, const uint8_t* key, Py_ssize_t key_size) except -1:
        self.add(0x00, 0x04, cf, key, key_size, NULL, 0, False)
        self.count += 1
        return 0

    cdef inline int add_delete_range(self, uint32_t cf, const uint8_t* begin, Py_ssize_t begin_size,
                                     const uint8_t* end, Py_ssize_t end_size) except -1:
        self.add(0x0F, 0x0E, cf, begin, begin_size, end, end_size, True)
        self.count += 1
        return 0

    cpdef put(self, uint32_t cf, bytes key, bytes value):
        self.add_put(cf, <const uint8_t*>PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key),
                     <const uint8_t*>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))

    cpdef delete(self, uint32_t cf, bytes key):
        self.add_delete(cf, <const uint8_t*>PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))

    cpdef delete_range(self, uint32_t cf, bytes begin, bytes end):
        """Deletes every key from `begin` to before `end`."""
        self.add_delete_range(cf, <const uint8_t*>PyBytes_AS_STRING(begin), PyBytes_GET_SIZE(begin),
                              <const uint8_t*>PyBytes_AS_STRING(end), PyBytes_GET_SIZE(end))

    cpdef log_data(self, bytes blob):
        """A blob for readers of the log. Takes no sequence number, so it does not count."""
        self.add(0x03, 0x03, 0, <const uint8_t*>PyBytes_AS_STRING(blob), PyBytes_GET_SIZE(blob), NULL, 0, False)

    cpdef bytes take(self):
        """The batch, with sequence number 0 (who writes it assigns the real one). The builder is empty afterwards."""
        cdef bytes batch
        self.reserve(0)
        memset(self.data, 0, 8)
        put_le32(self.data + 8, self.count)
        batch = bytes_of(self.data, self.size)
        self.size = BATCH_HEADER_SIZE
        self.count = 0
        if self.capacity > IDLE_BUFFER_BYTES:
            free(self.data)
            self.data = NULL
            self.capacity = 0
        return batch


cdef inline uint8_t* put_varint(uint8_t* p, uint32_t v) noexcept nogil:
    while v >= 0x80:
        p[0] = (v & 0x7F) | 0x80
        v >>= 7
        p += 1
    p[0] = <uint8_t>v
    return p + 1


# One record, pointing into the batch. A record without a second string has `value` NULL.
cdef struct BatchRecord:
    int op
    uint32_t cf
    const uint8_t* key
    Py_ssize_t key_size
    const uint8_t* value
    Py_ssize_t value_size


cdef struct BatchCursor:
    const uint8_t* at       # next record
    const uint8_t* end      # end of the batch
    uint64_t sequence       # of the first record that counts
    uint32_t count          # records that count, as the header says
    uint32_t found          # the same as met so far


cdef int batch_open(BatchCursor* cursor, const uint8_t* data, Py_ssize_t size) except -1:
    if size < BATCH_HEADER_SIZE:
        raise BatchError(f"a write batch of {size} bytes is shorter than its header")
    cursor.sequence = le64(data)
    cursor.count = le32(data + 8)
    cursor.found = 0
    cursor.at = data + BATCH_HEADER_SIZE
    cursor.end = data + size
    return 0


cdef inline int take_varint(BatchCursor* cursor, uint32_t* value) except -1:
    cdef uint64_t result = 0
    cdef int shift = 0
    cdef uint8_t byte
    while cursor.at < cursor.end and shift <= 28:
        byte = cursor.at[0]
        cursor.at += 1
        result |= <uint64_t>(byte & 0x7F) << shift
        if byte < 0x80:
            if result > 0xFFFFFFFF:
                break
            value[0] = <uint32_t>result
            return 0
        shift += 7
    raise BatchError("a length in a write batch is cut short or too large")


cdef inline int take_string(BatchCursor* cursor, const uint8_t** data, Py_ssize_t* size) except -1:
    cdef uint32_t length = 0
    take_varint(cursor, &length)
    if <Py_ssize_t>length > cursor.end - cursor.at:
        raise BatchError(f"a string of {length} bytes exceeds its write batch")
    data[0] = cursor.at
    size[0] = length
    cursor.at += length
    return 0


cdef int batch_next(BatchCursor* cursor, BatchRecord* record) except -1:
    """The next record, if there is one (1), or none (0): then the header's count has been verified."""
    cdef uint8_t tag
    while cursor.at < cursor.end:
        tag = cursor.at[0]
        cursor.at += 1
        if tag == 0x0D:
            continue
        record.cf = 0
        record.value = NULL
        record.value_size = 0
        if tag == 0x03:
            record.op = RECORD_LOG_DATA
            take_string(cursor, &record.key, &record.key_size)
            return 1
        if tag == 0x01 or tag == 0x05:
            record.op = RECORD_PUT
        elif tag == 0x00 or tag == 0x04:
            record.op = RECORD_DELETE
        elif tag == 0x07 or tag == 0x08:
            record.op = RECORD_SINGLE_DELETE
        elif tag == 0x0F or tag == 0x0E:
            record.op = RECORD_DELETE_RANGE
        elif tag in REFUSED_TAGS:
            raise BatchError(f"a write batch has a record of type {REFUSED_TAGS[tag]}, which is not supported")
        else:
            raise BatchError(f"a write batch has a record of unknown type 0x{tag:02x}")
        if tag == 0x05 or tag == 0x04 or tag == 0x08 or tag == 0x0E:
            take_varint(cursor, &record.cf)
        take_string(cursor, &record.key, &record.key_size)
        if record.op == RECORD_PUT or record.op == RECORD_DELETE_RANGE:
            take_string(cursor, &record.value, &record.value_size)
        cursor.found += 1
        return 1
    if cursor.found != cursor.count:
        raise BatchError(f"a write batch announces {cursor.count} records and has {cursor.found}")
    return 0


cdef inline tuple tuple_of_record(BatchRecord* record):
    return (record.op, record.cf, bytes_of(record.key, record.key_size), bytes_of(record.value, record.value_size))


def batch_header(bytes data not None) -> tuple[int, int]:
    """(sequence number of the first record, records that take one) of a write batch. Raises BatchError."""
    cdef BatchCursor cursor
    batch_open(&cursor, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return cursor.sequence, cursor.count


def decode_batch(bytes data not None) -> list[tuple[int, int, bytes, bytes]]:
    """The records of a write batch in order, as (OP_*, column family id, key, value).

    The value is the end of the range for OP_DELETE_RANGE, and empty for the deletes; OP_LOG_DATA has its blob as key.
    Raises BatchError for anything that is not a whole, supported batch.
    """
    cdef BatchCursor cursor
    cdef BatchRecord record
    cdef list records = []
    batch_open(&cursor, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    while batch_next(&cursor, &record):
        records.append(tuple_of_record(&record))
    return records


cdef int check_record(BatchRecord* record, SlotFilter slots) except -1:
    """Raises BatchError when the record writes anything outside `slots` (None: anywhere in the column families)."""
    if record.cf >= COLUMN_FAMILY_COUNT:
        raise BatchError(f"a write batch names column family {record.cf}")
    if slots is None:
        pass
    elif record.op == RECORD_DELETE_RANGE:
        begin, end = bytes_of(record.key, record.key_size), bytes_of(record.value, record.value_size)
        if slots.clip(begin, end) != [(begin, end)]:
            raise BatchError(f"a write batch deletes a range outside the expected slots: {begin!r} to {end!r}")
    elif not slots.has_key(record.key, record.key_size):
        key = bytes_of(record.key, record.key_size)
        raise BatchError(f"a write batch has a row outside the expected slots: {key!r}")
    if record.op == RECORD_PUT and record.cf == FAMILY_METADATA:
        try:
            metadata_head(record.value, record.value_size)
        except CorruptionError as error:
            key = bytes_of(record.key, record.key_size)
            raise BatchError(f"a write batch has a bad row: {error}: {key!r}") from error
    return 0


def apply_batch(
    bytes data not None, write_batch not None, handles not None, SlotFilter slots
) -> list[tuple[bytes, int]]:
    """Appends the rows of the encoded batch `data` to `write_batch` (a rocksdict.WriteBatch in raw mode).

    `handles` are the column family handles, indexed by column family id. Everything is checked first: raises
    BatchError, and has appended nothing, when the bytes are no supported batch or touch anything outside `slots` (None:
    any row will do). Returns [(metadata key, expiry time in ms since 1970)] of the metadata rows that it puts with an
    expiry, in order. Log data is dropped: rocksdict cannot write it.
    """
    cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(data)
    cdef BatchCursor cursor
    cdef BatchRecord record
    cdef uint64_t expiry
    cdef list expiries = []
    batch_open(&cursor, start, PyBytes_GET_SIZE(data))
    while batch_next(&cursor, &record):
        if record.op != RECORD_LOG_DATA:
            check_record(&record, slots)
    by_id = tuple(handles)
    if len(by_id) != COLUMN_FAMILY_COUNT:
        raise ValueError(f"{COLUMN_FAMILY_COUNT} column family handles are needed")
    put, delete, delete_range = write_batch.put, write_batch.delete, write_batch.delete_range
    batch_open(&cursor, start, PyBytes_GET_SIZE(data))
    while batch_next(&cursor, &record):
        if record.op == RECORD_LOG_DATA:
            continue
        key = bytes_of(record.key, record.key_size)
        if record.op == RECORD_PUT:
            put(key, bytes_of(record.value, record.value_size), by_id[<Py_ssize_t>record.cf])
            if record.cf == FAMILY_METADATA:
                expiry = metadata_expire(record.value)
                if expiry != 0:
                    expiries.append((key, expiry))
        elif record.op == RECORD_DELETE_RANGE:
            delete_range(key, bytes_of(record.value, record.value_size), by_id[<Py_ssize_t>record.cf])
        else:
            delete(key, by_id[<Py_ssize_t>record.cf])
    return expiries
