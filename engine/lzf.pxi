"""LZF, the compression of strings in Redis's dumps: decompression only.

    data    = (literal | copy)*
    literal = 000nnnnn, n + 1 bytes                     the bytes themselves
    copy    = LLLddddd, [u8 more], u8 low               L + 2 bytes (L = 7: more + 9) from d * 256 + low + 1 bytes back

A copy may overlap what it writes: then it repeats.
"""

# A copy of 264 bytes takes three.
LZF_RATIO_MAX = 88


def lzf_decompress(bytes data not None, Py_ssize_t size) -> bytes:
    """The `size` bytes that `data` stands for. Raises ValueError if it is not what compression gives, or stands for
    more or less; nothing larger than LZF_RATIO_MAX * len(data) is allocated."""
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(data)
    cdef Py_ssize_t used = PyBytes_GET_SIZE(data)
    cdef bytes result
    if size < 0 or size > used * <Py_ssize_t>LZF_RATIO_MAX:
        raise ValueError("LZF: impossible length")
    result = PyBytes_FromStringAndSize(NULL, size)
    if not lzf_fill(p, used, <uint8_t*>PyBytes_AS_STRING(result), size):
        raise ValueError("LZF: malformed")
    return result


cdef bint lzf_fill(const uint8_t* p, Py_ssize_t used, uint8_t* out, Py_ssize_t size) noexcept nogil:
    """Whether the `used` bytes at `p` gave exactly the `size` bytes at `out`."""
    cdef Py_ssize_t i = 0, n = 0, count, distance
    cdef uint8_t control
    while i < used:
        control = p[i]
        i += 1
        if control < 32:
            count = control + 1
            if count > used - i or count > size - n:
                return False
            memcpy(out + n, p + i, count)
            i += count
            n += count
            continue
        count = (control >> 5) + 2
        if count == 9:
            if i >= used:
                return False
            count += p[i]
            i += 1
        if i >= used:
            return False
        distance = (<Py_ssize_t>(control & 31) << 8) + p[i] + 1
        i += 1
        if distance > n or count > size - n:
            return False
        while count > 0:  # byte by byte: it may read what it has just written
            out[n] = out[n - distance]
            n += 1
            count -= 1
    return n == size
