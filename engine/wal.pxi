"""One log file of RocksDB 9 (``db/log_format.h``, ``db/log_writer.cc``), read while its writer may still be appending.

    file     := block* ; blocks of 32,768 bytes, the last one as long as what was written
    block    := physical* [trailer] ; no physical record crosses a block's end
    trailer  := zeros, too few for a header
    physical := u32 masked crc32c(type … payload) | u16 size | u8 type | [u32 log number] | payload[size]
    record   := FULL | FIRST MIDDLE* LAST ; the payloads joined are one write batch

Integers are little-endian. Types: 0 zero (allocated, not yet written); 1 full, 2 first, 3 middle, 4 last; 5..8 the same
in recycled files, with the log number, which tells the file's records from those of its former life; 9 compression
type (u32) and 10, 11 user-defined timestamp sizes stand first in the file when that feature is on, and are refused;
130, 131 (what the preceding file was) hold nothing that the sequence numbers do not tell. Any other type is an error.

A writer appends, so what is incomplete at the very end is *not yet* there: a cut header or payload, zeros up to the end
of the file, or a bad checksum with nothing but zeros after it. Each of those anywhere else is corruption. Whether
something follows is looked up *before* the record is read once more: the writer may have completed it in between.
In a recycled file anything may follow the end, so there a bad record always reads as the end; a hole that this
hides shows in the sequence numbers. So does damage in the newest file that looks like an unfinished record, once the
writer goes on or changes files: until then nobody can tell.
"""

import os

from libc.errno cimport EINTR, errno
from posix.unistd cimport pread, close as close_fd

from slotrocks.engine.wal_files import WALError, WALFiles

cdef enum:
    LOG_BLOCK_BYTES = 32768
    LOG_CHUNK_BYTES = 8 * 32768         # read at once; whole blocks
    LOG_HEADER_BYTES = 7
    LOG_RECYCLED_HEADER_BYTES = 11

    LOG_NOT_YET = -2                    # in place of a type
    LOG_ZERO = 0
    LOG_FULL = 1
    LOG_FIRST = 2
    LOG_MIDDLE = 3
    LOG_LAST = 4
    LOG_RECYCLED = 4                    # added to the four above
    LOG_COMPRESSION = 9
    LOG_TIMESTAMP_SIZE = 10
    LOG_RECYCLED_TIMESTAMP_SIZE = 11
    LOG_PREDECESSOR = 130
    LOG_RECYCLED_PREDECESSOR = 131


cdef class LogReader:
    """The records of one log file, in order; `next_record` may be called again when the file has grown."""

    cdef readonly str path
    cdef readonly uint64_t log_number    # the file's number
    cdef readonly int64_t offset         # in the file, of the next physical record
    cdef readonly uint64_t bytes_read    # from the file, in total
    cdef int fd                          # -1 when closed
    cdef bint recycled                   # the file was another log before
    cdef uint8_t* chunk                  # LOG_CHUNK_BYTES of the file, from a block's beginning
    cdef int64_t chunk_offset            # of the chunk in the file
    cdef Py_ssize_t chunk_size           # bytes of it that are there
    cdef uint8_t* joined                 # fragments of the record that is being read
    cdef Py_ssize_t joined_size, joined_capacity
    cdef bint in_record                  # a FIRST came, its LAST has not

    def __cinit__(self):
        self.fd = -1
        self.chunk = NULL
        self.joined = NULL

    def __init__(self, str path not None, uint64_t log_number):
        if self.fd >= 0:
            raise ValueError("a LogReader is opened once")
        self.path = path
        self.log_number = log_number
        self.chunk = <uint8_t*>realloc(self.chunk, LOG_CHUNK_BYTES)
        if self.chunk == NULL:
            raise MemoryError
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __dealloc__(self):
        if self.fd >= 0:
            close_fd(self.fd)
        free(self.chunk)
        free(self.joined)

    def close(self) -> None:
        """Closes the file. May be called again."""
        if self.fd >= 0:
            close_fd(self.fd)
            self.fd = -1

    def next_record(self):
        """The next record (bytes), or None while the file holds no further whole one. Raises WALError, OSError."""
        cdef const uint8_t* data
        cdef Py_ssize_t size
        return bytes_of(data, size) if self.next(&data, &size) else None

    def finish(self) -> None:
        """Verifies that nothing is left, for a file that will not grow any more. Raises WALError."""
        cdef const uint8_t* data
        cdef Py_ssize_t size
        if self.next(&data, &size):
            raise self.damage("there are unread records")
        if self.in_record:
            raise self.damage("a record has no end")
        if not self.recycled and self.written_after(self.offset):
            raise self.damage("an incomplete record")

    cdef int next(self, const uint8_t** data, Py_ssize_t* size) except -1:
        """1 with the next record, valid until the next call; 0 for not yet."""
        cdef const uint8_t* payload
        cdef Py_ssize_t length
        cdef int kind
        if not self.in_record and self.joined_capacity > IDLE_BUFFER_BYTES:
            free(self.joined)
            self.joined = NULL
            self.joined_capacity = 0
        while True:
            kind = self.next_physical(&payload, &length)
            if kind == LOG_NOT_YET:
                return 0
            if LOG_FULL + LOG_RECYCLED <= kind <= LOG_LAST + LOG_RECYCLED:
                kind -= LOG_RECYCLED
            if kind == LOG_FULL or kind == LOG_FIRST:
                # early writers could leave an empty FIRST at the end of a block
                if self.in_record and self.joined_size > 0:
                    raise self.damage("a record begins inside another")
                self.joined_size = 0
                self.in_record = kind == LOG_FIRST
                if kind == LOG_FULL:
                    data[0] = payload
                    size[0] = length
                    return 1
                self.join(payload, length)
            elif kind == LOG_MIDDLE or kind == LOG_LAST:
                if not self.in_record:
                    raise self.damage("a record without a beginning")
                self.join(payload, length)
                if kind == LOG_LAST:
                    self.in_record = False
                    data[0] = self.joined
                    size[0] = self.joined_size
                    return 1
            elif kind == LOG_COMPRESSION:
                if length != 4 or le32(payload) != 0:
                    raise self.damage("compressed logs (wal_compression) are not supported")
            elif kind == LOG_TIMESTAMP_SIZE or kind == LOG_RECYCLED_TIMESTAMP_SIZE:
                if length > 0:
                    raise self.damage("user-defined timestamps are not supported")
            elif kind != LOG_PREDECESSOR and kind != LOG_RECYCLED_PREDECESSOR:
                raise self.damage(f"a record of unknown type {kind}")

    cdef int first_sequence(self, uint64_t* sequence) except -1:
        """1 with the sequence number of the file's first batch, 0 for not yet. For a reader that has read nothing."""
        cdef const uint8_t* payload
        cdef Py_ssize_t length
        cdef int kind
        while True:
            kind = self.next_physical(&payload, &length)
            if kind == LOG_NOT_YET:
                return 0
            if kind == LOG_FULL or kind == LOG_FIRST or kind == LOG_FULL + LOG_RECYCLED \
                    or kind == LOG_FIRST + LOG_RECYCLED:
                if length < BATCH_HEADER_SIZE:
                    raise self.damage("a record shorter than a batch's header")
                sequence[0] = le64(payload)
                return 1

    cdef int join(self, const uint8_t* payload, Py_ssize_t length) except -1:
        cdef Py_ssize_t needed = self.joined_size + length
        cdef uint8_t* joined
        if needed > self.joined_capacity:
            needed = max(needed, 2 * self.joined_capacity)
            joined = <uint8_t*>realloc(self.joined, needed)
            if joined == NULL:
                raise MemoryError
            self.joined = joined
            self.joined_capacity = needed
        memcpy(self.joined + self.joined_size, payload, length)
        self.joined_size += length
        return 0

    cdef int next_physical(self, const uint8_t** payload, Py_ssize_t* length) except -1:
        """The type of the next physical record, and its payload; LOG_NOT_YET."""
        cdef Py_ssize_t block_left, header, size
        cdef const uint8_t* p
        cdef bint again = False          # this record was bad, and is read a second time
        cdef str fault
        while True:
            block_left = LOG_BLOCK_BYTES - self.offset % LOG_BLOCK_BYTES
            if block_left < LOG_HEADER_BYTES:
                self.offset += block_left
                continue
            if self.load(LOG_HEADER_BYTES) < LOG_HEADER_BYTES:
                return self.not_yet()
            p = self.chunk + (self.offset - self.chunk_offset)
            size = p[4] | (<Py_ssize_t>p[5] << 8)
            header = LOG_HEADER_BYTES
            if LOG_FULL + LOG_RECYCLED <= p[6] <= LOG_LAST + LOG_RECYCLED \
                    or p[6] == LOG_RECYCLED_TIMESTAMP_SIZE or p[6] == LOG_RECYCLED_PREDECESSOR:
                header = LOG_RECYCLED_HEADER_BYTES
            if p[6] == LOG_ZERO and size == 0:
                if self.recycled and block_left < LOG_RECYCLED_HEADER_BYTES:
                    self.offset += block_left
                    continue
                fault = "zeros instead of a record"
                size = 0
            elif header + size > block_left:
                fault = "a record exceeds its block"
                size = block_left - header
            elif self.load(header + size) < header + size:
                return self.not_yet()
            else:
                p = self.chunk + (self.offset - self.chunk_offset)
                if le32(p) == masked_crc32c(p + 6, header - 6 + size):
                    if header == LOG_RECYCLED_HEADER_BYTES:
                        if self.offset == 0:
                            self.recycled = True
                        if le32(p + 7) != <uint32_t>self.log_number:
                            return self.not_yet()    # left from the file's former life
                    payload[0] = p + header
                    length[0] = size
                    self.offset += header + size
                    return p[6]
                fault = "a bad checksum"
            if again and not self.recycled:
                raise self.damage(fault)
            if self.recycled or not self.written_after(self.offset + header + size):
                return self.not_yet()
            again = True
            self.not_yet()                       # forget it, to read it once more

    cdef Py_ssize_t load(self, Py_ssize_t wanted) except -1:
        """Reads on until `wanted` bytes from the offset are in the chunk, or the file's end. Returns how many are.

        What is wanted lies within one block, and the chunk consists of whole blocks: so it fits.
        """
        cdef Py_ssize_t at = self.offset - self.chunk_offset
        cdef Py_ssize_t got
        if self.chunk_size - at >= wanted:
            return self.chunk_size - at
        if at >= LOG_CHUNK_BYTES:
            self.chunk_offset = self.offset
            self.chunk_size = 0
            at = 0
        while self.chunk_size - at < wanted:
            got = self.read_at(self.chunk_offset + self.chunk_size, self.chunk + self.chunk_size,
                               LOG_CHUNK_BYTES - self.chunk_size)
            if got == 0:
                break
            self.chunk_size += got
        return max(self.chunk_size - at, 0)      # the offset may lie beyond, after a trailer that is not there yet

    cdef int not_yet(self) except -1:
        """Forgets what was read beyond the offset: the writer may still change it. Returns LOG_NOT_YET."""
        cdef Py_ssize_t at = self.offset - self.chunk_offset
        self.chunk_size = min(self.chunk_size, at)
        return LOG_NOT_YET

    cdef bint written_after(self, int64_t offset) except -1:
        """Whether the file holds anything but zeros from `offset` to its end."""
        cdef uint8_t buffer[4096]
        cdef Py_ssize_t got, i
        while True:
            got = self.read_at(offset, buffer, sizeof(buffer))
            if got == 0:
                return False
            for i in range(got):
                if buffer[i]:
                    return True
            offset += got

    cdef Py_ssize_t read_at(self, int64_t offset, uint8_t* target, Py_ssize_t size) except -1:
        cdef Py_ssize_t got
        if self.fd < 0:
            raise ValueError("the log file is closed")
        while True:
            with nogil:
                got = pread(self.fd, target, size, offset)
            if got >= 0:
                self.bytes_read += got
                return got
            if errno != EINTR:
                raise OSError(errno, os.strerror(errno), self.path)

    cdef object damage(self, str what):
        return WALError(f"log file {os.path.basename(self.path)}: {what} at offset {self.offset}")
