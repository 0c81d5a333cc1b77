"""Which hash slot a key belongs to.

slot = CRC16-XMODEM(tag) & 0x3fff, where the tag is what stands between the first '{' and the next '}' when that is not
empty, else the whole key (Redis Cluster specification, "Key distribution model" and "Hash tags").
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.string cimport memchr, memcpy, memcmp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE, PyBytes_FromStringAndSize

SLOTS = 16384

cdef uint16_t CRC16_TABLE[256]


cdef void fill_crc16_table() noexcept:
    """CRC16-XMODEM: polynomial 0x1021, initial value 0, not reflected."""
    cdef uint32_t byte, crc
    cdef int bit
    for byte in range(256):
        crc = byte << 8
        for bit in range(8):
            crc = ((crc << 1) ^ 0x1021) if crc & 0x8000 else (crc << 1)
            crc &= 0xFFFF
        CRC16_TABLE[byte] = <uint16_t>crc


fill_crc16_table()


cdef inline uint16_t crc16_of(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    cdef uint32_t crc = 0
    cdef Py_ssize_t i
    for i in range(size):
        crc = ((crc << 8) & 0xFFFF) ^ CRC16_TABLE[((crc >> 8) ^ data[i]) & 0xFF]
    return <uint16_t>crc


cdef inline uint16_t slot_of_bytes(const uint8_t* key, Py_ssize_t size) noexcept nogil:
    cdef const uint8_t* opening = <const uint8_t*>memchr(key, 0x7B, size)
    cdef const uint8_t* closing
    cdef Py_ssize_t rest
    if opening != NULL:
        rest = size - (opening - key) - 1
        closing = <const uint8_t*>memchr(opening + 1, 0x7D, rest)
        if closing != NULL and closing > opening + 1:
            return crc16_of(opening + 1, closing - opening - 1) & 0x3FFF
    return crc16_of(key, size) & 0x3FFF


def crc16(bytes data not None) -> int:
    """The CRC16-XMODEM of `data`, as Redis Cluster uses it (``crc16(b"123456789") == 0x31C3``)."""
    return crc16_of(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


def slot_of(bytes key not None) -> int:
    """The hash slot (0..16383) of a user key, its hash tag respected."""
    return slot_of_bytes(<const uint8_t*>PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
