"""The longest common subsequence of two strings (LCS), by the textbook table.

    length[i][j] = length of the LCS of a[:i] and b[:j]

The table takes 4 bytes for each pair of positions; callers bound it with `lcs_table_bytes()` before they ask. When
several subsequences are longest, the one found is Redis's: the walk back from the end prefers to step back in `b`.
"""

from libc.stdlib cimport malloc


def lcs_table_bytes(Py_ssize_t a_size, Py_ssize_t b_size) -> int:
    """The memory that lcs() needs for strings of these lengths."""
    return (int(a_size) + 1) * (int(b_size) + 1) * sizeof(uint32_t)


def lcs(bytes a not None, bytes b not None) -> tuple[bytes, list[tuple[int, int, int]]]:
    """The subsequence, and its contiguous matches as (start in `a`, start in `b`, length), the last one first."""
    cdef Py_ssize_t rows = PyBytes_GET_SIZE(a), columns = PyBytes_GET_SIZE(b), width = columns + 1
    cdef const uint8_t* pa = <const uint8_t*>PyBytes_AS_STRING(a)
    cdef const uint8_t* pb = <const uint8_t*>PyBytes_AS_STRING(b)
    cdef Py_ssize_t i, j, left, run = 0
    cdef bytes found
    cdef uint8_t* out
    cdef list matches = []
    cdef uint32_t* length = <uint32_t*>malloc((rows + 1) * width * sizeof(uint32_t))
    if length == NULL:
        raise MemoryError()
    try:
        with nogil:
            fill_lcs_table(length, pa, rows, pb, columns)
        left = length[rows * width + columns]
        found = PyBytes_FromStringAndSize(NULL, left)
        out = <uint8_t*>PyBytes_AS_STRING(found)
        i, j = rows, columns
        while i > 0 and j > 0:
            if pa[i - 1] == pb[j - 1]:
                i -= 1
                j -= 1
                left -= 1
                out[left] = pa[i]
                run += 1
                continue
            if run:
                matches.append((i, j, run))
                run = 0
            if length[(i - 1) * width + j] > length[i * width + j - 1]:
                i -= 1
            else:
                j -= 1
        if run:
            matches.append((i, j, run))
        return found, matches
    finally:
        free(length)


cdef void fill_lcs_table(
    uint32_t* length, const uint8_t* a, Py_ssize_t rows, const uint8_t* b, Py_ssize_t columns
) noexcept nogil:
    cdef Py_ssize_t i, j, width = columns + 1
    cdef uint32_t* above
    cdef uint32_t* row = length
    for j in range(width):
        row[j] = 0
    for i in range(rows):
        above = row
        row += width
        row[0] = 0
        for j in range(columns):
            if a[i] == b[j]:
                row[j + 1] = above[j] + 1
            else:
                row[j + 1] = max(above[j + 1], row[j])
