"""CRC-64 as Redis computes it for DUMP ("Jones": polynomial 0xAD93D23594C935A9, reflected, start 0, nothing inverted at
the end), eight bytes a step with eight tables. Check value: crc64(b"123456789") == 0xE9C6D914C4B8D9CA.
"""

cdef uint64_t CRC64_TABLE[8][256]


cdef void fill_crc64_tables() noexcept:
    cdef uint64_t byte, crc
    cdef int bit, slice
    for byte in range(256):
        crc = byte
        for bit in range(8):
            crc = (crc >> 1) ^ (<uint64_t>0x95AC9329AC4BC9B5 if crc & 1 else 0)  # the polynomial, reflected
        CRC64_TABLE[0][byte] = crc
    for byte in range(256):
        for slice in range(1, 8):
            crc = CRC64_TABLE[slice - 1][byte]
            CRC64_TABLE[slice][byte] = (crc >> 8) ^ CRC64_TABLE[0][crc & 0xFF]


fill_crc64_tables()


cdef uint64_t crc64_of(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t crc = 0
    while size >= 8:
        crc ^= le64(data)
        crc = (
            CRC64_TABLE[7][crc & 0xFF] ^ CRC64_TABLE[6][(crc >> 8) & 0xFF]
            ^ CRC64_TABLE[5][(crc >> 16) & 0xFF] ^ CRC64_TABLE[4][(crc >> 24) & 0xFF]
            ^ CRC64_TABLE[3][(crc >> 32) & 0xFF] ^ CRC64_TABLE[2][(crc >> 40) & 0xFF]
            ^ CRC64_TABLE[1][(crc >> 48) & 0xFF] ^ CRC64_TABLE[0][crc >> 56]
        )
        data += 8
        size -= 8
    while size > 0:
        crc = (crc >> 8) ^ CRC64_TABLE[0][(crc ^ data[0]) & 0xFF]
        data += 1
        size -= 1
    return crc


def crc64(bytes data not None, Py_ssize_t size) -> int:
    """The CRC-64 of the first `size` bytes. Raises ValueError if there are not so many."""
    if size < 0 or size > PyBytes_GET_SIZE(data):
        raise ValueError(f"no {size} bytes")
    return crc64_of(<const uint8_t*>PyBytes_AS_STRING(data), size)
