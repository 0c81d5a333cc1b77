"""Where the living rows of a collection begin and end in the database.

A queue deletes at one end of its rows (ZPOPMIN, or ZRANGEBYSCORE with LIMIT and ZREM). RocksDB keeps what is deleted
until a compaction drops it, and a scan from that end walks over all of it: after 16,000 ZPOPMIN another one took 8 ms.
So a scan from an end of a collection remembers which row it found first, and later scans begin there.

What is remembered is true of the database, whatever is pending in the transaction's overlay: deletions leave it true, a
commit moves it when it puts a row beyond it, and all is forgotten when a commit fails or the database was written to by
another way. The keys are a collection's prefix: what precedes the sub-key, version included.
"""

from itertools import chain

cdef enum:
    EDGES_MAX = 4096


@final
cdef class Edges:
    """The edges of the collections of one column family."""

    cdef KeyCodec codec
    cdef dict first                     # prefix -> no row of the collection is before this storage key
    cdef dict last                      # prefix -> no row of the collection is at or after this storage key

    def __init__(self, KeyCodec codec not None):
        self.codec = codec
        self.first = {}
        self.last = {}

    cdef bytes prefix_of(self, bytes storage_key):
        """The prefix of the collection that a sub-key belongs to, None for a shorter key."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(storage_key)
        cdef Py_ssize_t head = self.codec.head
        if size < head + 12:
            return None
        head += 12 + get_u32(<const uint8_t*>PyBytes_AS_STRING(storage_key) + head)
        return None if size < head else storage_key[:head]

    cdef object scan(self, store, int cf, bytes begin, bytes end, bint reverse):
        """store.scan() without what is known to be deleted."""
        cdef bytes prefix = self.prefix_of(begin), limit, edge
        if prefix is None:
            return store.scan(cf, begin, end, reverse)
        limit = prefix_end(prefix)
        if end > limit:
            return store.scan(cf, begin, end, reverse)
        from_edge = end == limit if reverse else begin == prefix
        edge = self.first.get(prefix)
        if edge is not None and edge > begin:
            begin = edge
        edge = self.last.get(prefix)
        if edge is not None and edge < end:
            end = edge
        if begin >= end:
            return iter(())
        rows = store.scan(cf, begin, end, reverse)
        if not from_edge:
            return rows
        row = next(rows, None)
        if row is None:
            return iter(())
        edges = self.last if reverse else self.first
        if len(edges) >= EDGES_MAX:
            edges.clear()
        edges[prefix] = row[0] + b"\0" if reverse else row[0]
        return chain((row,), rows)

    cdef int on_commit(self, dict overlay) except -1:
        """The rows of an overlay are in the database now."""
        cdef bytes storage_key, prefix, edge
        if not self.first and not self.last:
            return 0
        for storage_key, value in overlay.items():
            if value is None:
                continue
            prefix = self.prefix_of(storage_key)
            if prefix is None:
                continue
            edge = self.first.get(prefix)
            if edge is not None and storage_key < edge:
                self.first[prefix] = storage_key
            edge = self.last.get(prefix)
            if edge is not None and storage_key >= edge:
                self.last[prefix] = storage_key + b"\0"
        return 0

    cdef int clear(self) except -1:
        """Forgets everything."""
        self.first.clear()
        self.last.clear()
        return 0
