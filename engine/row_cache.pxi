"""A bounded cache of rows in front of RocksDB: what was read or written lately, found in two memory accesses.

A read of a row that is in a memtable or in the block cache costs RocksDB 1-3 µs, and holds the GIL; finding that
there is no such row costs about the same, so the cache knows what is absent, too. Two generations: rows go into the
young one; when it is full it becomes the old one, whose rows come back when they are asked for, and are dropped with it
otherwise. So eviction costs nothing, and what is in use stays.

A generation is a hash table with open addressing over entries that lie one behind the other in chunks: an entry is key
and row together, is overwritten in place if it has room, and is freed with its generation. (A dict of bytes objects
needs five accesses to memory where this needs two, and twice the space.) Both are made of huge pages where the system
gives them on request: nearly every access is to another page, and looking a page up costs as much as the access.
"""

from cython cimport final
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from posix.stdlib cimport posix_memalign

ABSENT = object()                                   # in place of a row that the database does not have

cdef enum:
    ROW_BYTES_MAX = 4096                            # larger ones are not kept: they would push out many
    KEY_BYTES_MAX = 4096
    HUGE_PAGE_BYTES = 2097152
    CHUNK_BYTES = HUGE_PAGE_BYTES
    FIRST_PLACES = 1024                             # of a table; a power of two

cdef enum RowState:
    ROW_ABSENT = -1                                 # the database has no such row
    ROW_UNKNOWN = -2                                # it may have one

cdef struct CachedRow:
    uint32_t key_size
    int32_t size                                    # of the row, or a RowState
    uint32_t room                                   # for the row; it follows the key, which follows this struct

cdef struct Place:
    Py_hash_t hash
    CachedRow* entry                                # NULL: free


cdef inline uint8_t* entry_key(CachedRow* entry) noexcept nogil:
    return <uint8_t*>entry + sizeof(CachedRow)


cdef inline uint8_t* entry_row(CachedRow* entry) noexcept nogil:
    return <uint8_t*>entry + sizeof(CachedRow) + entry.key_size


cdef extern from "<sys/mman.h>" nogil:
    int madvise(void* address, size_t size, int advice)
    enum:
        MADV_HUGEPAGE


cdef void* new_block(size_t size) except NULL:
    """Zeroed memory for a table, or for a chunk; free() frees it."""
    cdef void* block = NULL
    if size < HUGE_PAGE_BYTES:
        block = calloc(1, size)
    elif posix_memalign(&block, HUGE_PAGE_BYTES, size) == 0:
        madvise(block, size, MADV_HUGEPAGE)         # it may be refused: then the pages are small
        memset(block, 0, size)
    if block == NULL:
        raise MemoryError()
    return block


@final
cdef class Generation:
    """A hash table of rows that only grows."""

    cdef Place* places
    cdef size_t mask                                # number of places - 1
    cdef size_t used
    cdef char* chunk                                # the newest; each begins with a pointer to the one before
    cdef size_t chunk_left                          # bytes at its end
    cdef Py_ssize_t size_bytes                      # of all chunks and places

    def __cinit__(self):
        self.places = <Place*>new_block(FIRST_PLACES * sizeof(Place))
        self.mask = FIRST_PLACES - 1
        self.size_bytes = FIRST_PLACES * sizeof(Place)

    def __dealloc__(self):
        cdef char* chunk = self.chunk
        cdef char* before
        while chunk != NULL:
            before = (<char**>chunk)[0]
            free(chunk)
            chunk = before
        free(self.places)

    cdef inline Place* place_of(self, bytes key, Py_hash_t hash_) noexcept:
        """Where the key is, or the free place where it belongs."""
        cdef size_t i = <size_t>hash_ & self.mask
        cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
        cdef Place* place
        while True:
            place = &self.places[i]
            if place.entry == NULL:
                return place
            if (
                place.hash == hash_ and <Py_ssize_t>place.entry.key_size == size
                and memcmp(entry_key(place.entry), PyBytes_AS_STRING(key), size) == 0
            ):
                return place
            i = (i + 1) & self.mask

    cdef int grow(self) except -1:
        cdef size_t count = (self.mask + 1) * 2, i, j
        cdef Place* places = <Place*>new_block(count * sizeof(Place))
        for i in range(self.mask + 1):
            if self.places[i].entry != NULL:
                j = <size_t>self.places[i].hash & (count - 1)
                while places[j].entry != NULL:
                    j = (j + 1) & (count - 1)
                places[j] = self.places[i]
        free(self.places)
        self.places = places
        self.size_bytes += (count - self.mask - 1) * sizeof(Place)
        self.mask = count - 1
        return 0

    cdef CachedRow* new_entry(self, bytes key, size_t room) except NULL:
        cdef size_t key_size = PyBytes_GET_SIZE(key)
        cdef size_t wanted = (sizeof(CachedRow) + key_size + room + 7) & ~<size_t>7
        cdef char* chunk
        cdef CachedRow* entry
        if wanted > self.chunk_left:
            chunk = <char*>new_block(CHUNK_BYTES)
            (<char**>chunk)[0] = self.chunk
            self.chunk = chunk
            self.chunk_left = CHUNK_BYTES - sizeof(char*)
            self.size_bytes += CHUNK_BYTES
        entry = <CachedRow*>(self.chunk + CHUNK_BYTES - self.chunk_left)
        self.chunk_left -= wanted
        entry.key_size = <uint32_t>key_size
        entry.room = <uint32_t>room
        entry.size = ROW_UNKNOWN
        memcpy(entry_key(entry), PyBytes_AS_STRING(key), key_size)
        return entry

    cdef int put(self, bytes key, Py_hash_t hash_, const char* row, Py_ssize_t size) except -1:
        """Sets a row; `size` may be a RowState."""
        cdef Place* place = self.place_of(key, hash_)
        cdef size_t room = size if size > 0 else 0
        if place.entry == NULL:
            if (self.used + 1) * 3 > (self.mask + 1) * 2:
                self.grow()
                place = self.place_of(key, hash_)
            place.entry = self.new_entry(key, room)
            place.hash = hash_
            self.used += 1
        elif place.entry.room < room:
            place.entry = self.new_entry(key, room)
        place.entry.size = <int32_t>size
        if room:
            memcpy(entry_row(place.entry), row, room)
        return 0


@final
cdef class RowCache:
    """Rows by storage key. `bytes_max` bounds its memory; with 0 it keeps nothing."""

    cdef Generation young
    cdef Generation old
    cdef Py_ssize_t generation_bytes_max

    def __cinit__(self, Py_ssize_t bytes_max):
        self.young = Generation()
        self.old = Generation()
        self.generation_bytes_max = bytes_max // 2

    cdef CachedRow* peek(self, bytes key) except? NULL:
        """The entry of a key, good until the next call; NULL when the cache does not know."""
        cdef Py_hash_t hash_ = hash(key)
        cdef CachedRow* entry = self.young.place_of(key, hash_).entry
        if entry == NULL:
            entry = self.old.place_of(key, hash_).entry
            if entry == NULL or entry.size == ROW_UNKNOWN:
                return NULL
            self.young.put(key, hash_, <char*>entry_row(entry), entry.size)
            return self.young.place_of(key, hash_).entry
        return NULL if entry.size == ROW_UNKNOWN else entry

    cpdef object find(self, bytes key):
        """The row, or ABSENT; None when the cache does not know."""
        cdef CachedRow* entry = self.peek(key)
        if entry == NULL:
            return None
        if entry.size == ROW_ABSENT:
            return ABSENT
        return PyBytes_FromStringAndSize(<char*>entry_row(entry), entry.size)

    cpdef int keep(self, bytes key, object row) except -1:
        """Notes what the database holds under a key: a row, or ABSENT."""
        cdef Py_ssize_t size = ROW_ABSENT if row is ABSENT else PyBytes_GET_SIZE(<bytes>row)
        if self.generation_bytes_max == 0 or PyBytes_GET_SIZE(key) > KEY_BYTES_MAX:
            return 0
        if self.young.size_bytes > self.generation_bytes_max:
            self.old = self.young
            self.young = Generation()
        if size == ROW_ABSENT or size > ROW_BYTES_MAX:
            return self.young.put(key, hash(key), NULL, ROW_ABSENT if size == ROW_ABSENT else ROW_UNKNOWN)
        return self.young.put(key, hash(key), PyBytes_AS_STRING(<bytes>row), size)

    cpdef int clear(self) except -1:
        """Anything may have changed."""
        if self.young.used or self.old.used:
            self.young = Generation()
            self.old = Generation()
        return 0

    @property
    def size_bytes(self) -> int:
        """The memory that it takes."""
        return self.young.size_bytes + self.old.size_bytes
