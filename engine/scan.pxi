"""Iteration over rows: a bounded iterator that is safe to use, and batches of a snapshot.

Two traps of rocksdict 0.3.29, each seen: an upper bound is kept as a pointer into the Python object that was given, so
that object has to outlive the iterator (else rows are missing, now and then); and `set_iterate_lower_bound` sets the
upper bound, so a backward scan has to watch its lower end itself.
"""


cdef class Rows:
    """(storage key, value) from `begin` to before `end` of one column family, as of its creation; backwards from the
    end when `reverse`."""

    cdef object rows
    cdef bytes begin
    cdef bytes end              # kept alive for RocksDB, see above
    cdef bint reverse

    def __init__(self, family, read_options, bytes begin not None, bytes end not None, bint reverse=False):
        self.begin = begin
        self.end = end
        self.reverse = reverse
        read_options.set_iterate_upper_bound(end)
        self.rows = family.items(backwards=reverse, from_key=end if reverse else begin, read_opt=read_options)

    def __iter__(self):
        return self

    def __next__(self):
        row = next(self.rows)
        if self.reverse and <bytes>(<tuple>row)[0] < self.begin:
            raise StopIteration
        return row


def fill_batch(rows, int cf, BatchBuilder builder not None, Py_ssize_t bytes_max) -> int:
    """Moves rows from the iterator `rows` of column family `cf` into `builder` as puts, until it holds `bytes_max`
    bytes or the rows end. How many it moved: 0 at the end."""
    cdef bytes key, value
    cdef int added = 0
    cdef object following = rows.__next__
    while builder.size < bytes_max:
        try:
            row = following()
        except StopIteration:
            break
        key = <bytes>(<tuple>row)[0]
        value = <bytes>(<tuple>row)[1]
        builder.add_put(cf, <const uint8_t*>PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key),
                        <const uint8_t*>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        added += 1
    return added
