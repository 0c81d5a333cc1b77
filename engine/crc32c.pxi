"""CRC-32C (Castagnoli: reflected polynomial 0x82F63B78), eight bytes a step with eight tables ("slicing-by-8").

RocksDB stores it *masked* (``util/crc32c.h``), because a checksum of data that contains checksums is weak:
masked = rotate_right(crc, 15) + 0xA282EAD8 (mod 2^32). Check value: crc32c(b"123456789") == 0xE3069283.
"""

cdef uint32_t CRC32C_TABLE[8][256]


cdef void fill_crc32c_tables() noexcept:
    cdef uint32_t byte, crc
    cdef int bit, slice
    for byte in range(256):
        crc = byte
        for bit in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        CRC32C_TABLE[0][byte] = crc
    for byte in range(256):
        for slice in range(1, 8):
            crc = CRC32C_TABLE[slice - 1][byte]
            CRC32C_TABLE[slice][byte] = (crc >> 8) ^ CRC32C_TABLE[0][crc & 0xFF]


fill_crc32c_tables()


cdef uint32_t crc32c_of(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    cdef uint32_t crc = <uint32_t>0xFFFFFFFF
    cdef uint32_t high
    while size >= 8:
        crc ^= le32(data)
        high = le32(data + 4)
        crc = (
            CRC32C_TABLE[7][crc & 0xFF] ^ CRC32C_TABLE[6][(crc >> 8) & 0xFF]
            ^ CRC32C_TABLE[5][(crc >> 16) & 0xFF] ^ CRC32C_TABLE[4][crc >> 24]
            ^ CRC32C_TABLE[3][high & 0xFF] ^ CRC32C_TABLE[2][(high >> 8) & 0xFF]
            ^ CRC32C_TABLE[1][(high >> 16) & 0xFF] ^ CRC32C_TABLE[0][high >> 24]
        )
        data += 8
        size -= 8
    while size > 0:
        crc = (crc >> 8) ^ CRC32C_TABLE[0][(crc ^ data[0]) & 0xFF]
        data += 1
        size -= 1
    return ~crc


cdef inline uint32_t masked_crc32c(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    cdef uint32_t crc = crc32c_of(data, size)
    return ((crc >> 15) | (crc << 17)) + <uint32_t>0xA282EAD8


def crc32c(bytes data not None) -> int:
    """The CRC-32C of `data`, not masked."""
    return crc32c_of(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
