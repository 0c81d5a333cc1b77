"""Rows of the database and of a transaction's overlay as one, in key order."""


def merge_scan(rows, list pending, list deleted, bint reverse):
    """Merges the database's rows with the overlay's: on equal keys the overlay wins, and its deletions hide, as do the
    `deleted` ranges, (begin, end) each."""
    cdef Py_ssize_t i = 0, n = len(pending)
    for storage_key, value in rows:
        while i < n and (pending[i][0] > storage_key if reverse else pending[i][0] < storage_key):
            if pending[i][1] is not None:
                yield pending[i]
            i += 1
        if i < n and pending[i][0] == storage_key:
            if pending[i][1] is not None:
                yield pending[i]
            i += 1
        elif not deleted or not in_range(deleted, storage_key):
            yield storage_key, value
    while i < n:
        if pending[i][1] is not None:
            yield pending[i]
        i += 1


cdef bint in_range(list ranges, bytes storage_key) except -1:
    for begin, end in ranges:
        if begin <= storage_key < end:
            return True
    return False
