"""A bounded cache of rows in front of RocksDB: what was read or written lately, found in one dict access.

A read of a row that is in a memtable or in the block cache costs RocksDB 1-3 µs, and holds the GIL; finding that
there is no such row costs about the same, so the cache knows what is ABSENT, too. Two generations: rows go into the
young one; when it is full it becomes the old one, whose rows come back when they are asked for, and are dropped with it
otherwise. So eviction costs nothing, and what is in use stays.
"""

from cython cimport final

cdef object ABSENT = object()

cdef enum:
    ROW_OVERHEAD_BYTES = 200                        # two bytes objects and a dict entry
    ROW_BYTES_MAX = 4096                            # larger ones are not kept: they would push out many


@final
cdef class RowCache:
    """Rows by storage key; ABSENT for a key that has none."""

    cdef dict young
    cdef dict old
    cdef Py_ssize_t young_bytes
    cdef Py_ssize_t generation_bytes_max

    def __cinit__(self, Py_ssize_t bytes_max):
        self.young = {}
        self.old = {}
        self.generation_bytes_max = bytes_max // 2

    cdef inline object find(self, bytes key):
        """The row, or ABSENT; None when the cache does not know."""
        row = self.young.get(key)
        if row is None:
            row = self.old.get(key)
            if row is not None:
                self.keep(key, row)
        return row

    cdef inline int keep(self, bytes key, object row) except -1:
        """Notes what the database holds under a key: a row, or ABSENT."""
        cdef Py_ssize_t size = 0 if row is ABSENT else PyBytes_GET_SIZE(<bytes>row)
        before = self.young.get(key)
        if size > ROW_BYTES_MAX:
            self.young.pop(key, None)
            self.old.pop(key, None)
            return 0
        if self.young_bytes > self.generation_bytes_max:
            self.old = self.young
            self.young = {}
            self.young_bytes = 0
            before = None
        self.young[key] = row
        if before is None:
            self.young_bytes += size + PyBytes_GET_SIZE(key) + ROW_OVERHEAD_BYTES
        else:
            self.young_bytes += size - (0 if before is ABSENT else PyBytes_GET_SIZE(<bytes>before))
        return 0

    cdef int clear(self) except -1:
        """Anything may have changed."""
        if self.young or self.old:
            self.young = {}
            self.old = {}
            self.young_bytes = 0
        return 0
