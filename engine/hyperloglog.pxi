"""The inner loops of HyperLogLog: where an element belongs, and 16384 registers of 6 bits each.

Registers are packed from the lowest bit of the first byte on, four in three bytes, as in Redis's dense encoding. The
hash is MurmurHash64A with Redis's seed: its low 14 bits choose the register, and the number of zero bits that follow
them, and one more, is what the register is raised to if it is lower.
"""

HLL_REGISTERS = 16384
HLL_REGISTER_BYTES = HLL_REGISTERS // 4 * 3

cdef enum:
    HLL_COUNT = 16384
    HLL_PACKED = 12288
    HLL_INDEX_BITS = 14
    HLL_HASH_BITS = 50                  # those that do not choose the register
    HLL_MAX = 63                        # of a register

cdef uint64_t MURMUR_M = 0xc6a4a7935bd1e995
cdef uint64_t MURMUR_SEED = 0xadc83b19


cdef uint64_t murmur64a(const uint8_t* p, Py_ssize_t size) noexcept nogil:
    cdef uint64_t h = MURMUR_SEED ^ (<uint64_t>size * MURMUR_M)
    cdef uint64_t k
    cdef Py_ssize_t i, whole = size & ~<Py_ssize_t>7
    cdef int j
    for i in range(0, whole, 8):
        k = 0
        for j in range(8):
            k |= <uint64_t>p[i + j] << (8 * j)
        k *= MURMUR_M
        k ^= k >> 47
        k *= MURMUR_M
        h ^= k
        h *= MURMUR_M
    if whole != size:
        for i in range(whole, size):
            h ^= <uint64_t>p[i] << (8 * (i - whole))
        h *= MURMUR_M
    h ^= h >> 47
    h *= MURMUR_M
    h ^= h >> 47
    return h


cdef inline unsigned int register_at(const uint8_t* p, Py_ssize_t index) noexcept nogil:
    cdef const uint8_t* group = p + (index >> 2) * 3
    cdef uint32_t four = group[0] | <uint32_t>group[1] << 8 | <uint32_t>group[2] << 16
    return (four >> (6 * (index & 3))) & HLL_MAX


cdef inline void set_register(uint8_t* p, Py_ssize_t index, unsigned int value) noexcept nogil:
    cdef uint8_t* group = p + (index >> 2) * 3
    cdef uint32_t four = group[0] | <uint32_t>group[1] << 8 | <uint32_t>group[2] << 16
    cdef int shift = 6 * (index & 3)
    four = (four & ~(<uint32_t>HLL_MAX << shift)) | value << shift
    group[0] = four & 0xFF
    group[1] = (four >> 8) & 0xFF
    group[2] = four >> 16


def hll_place(bytes element not None) -> tuple[int, int]:
    """(the register that an element belongs to, what it raises it to)."""
    cdef uint64_t h = murmur64a(<const uint8_t*>PyBytes_AS_STRING(element), PyBytes_GET_SIZE(element))
    cdef int count = 1
    cdef uint64_t rest = h >> HLL_INDEX_BITS | <uint64_t>1 << HLL_HASH_BITS
    while rest & 1 == 0:
        rest >>= 1
        count += 1
    return h & (HLL_COUNT - 1), count


def hll_raise(bytes registers not None, list places not None) -> bytes:
    """Packed registers (any number that is a multiple of 4) after raising some: `places` are (index, value). The same
    object if none of them was lower. Raises IndexError."""
    cdef Py_ssize_t index, count = PyBytes_GET_SIZE(registers) // 3 * 4
    cdef unsigned int value
    cdef bytes result = None
    cdef uint8_t* p = <uint8_t*>PyBytes_AS_STRING(registers)
    for index, value in places:
        if not 0 <= index < count:
            raise IndexError(index)
        if value & HLL_MAX > register_at(p, index):
            if result is None:
                result = PyBytes_FromStringAndSize(<char*>p, PyBytes_GET_SIZE(registers))
                p = <uint8_t*>PyBytes_AS_STRING(result)
            set_register(p, index, value & HLL_MAX)
    return registers if result is None else result


def hll_merge(bytes a not None, bytes b not None) -> bytes:
    """Of two equally many packed registers the higher ones. Raises ValueError."""
    cdef Py_ssize_t i, size = PyBytes_GET_SIZE(a)
    cdef bytes result = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(result)
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(a)
    cdef const uint8_t* q = <const uint8_t*>PyBytes_AS_STRING(b)
    cdef uint32_t x, y, high
    cdef int shift
    if size != PyBytes_GET_SIZE(b) or size % 3:
        raise ValueError("registers of different number")
    for i in range(0, size, 3):
        x = p[i] | <uint32_t>p[i + 1] << 8 | <uint32_t>p[i + 2] << 16
        y = q[i] | <uint32_t>q[i + 1] << 8 | <uint32_t>q[i + 2] << 16
        high = 0
        for shift in range(0, 24, 6):
            high |= max(x & <uint32_t>HLL_MAX << shift, y & <uint32_t>HLL_MAX << shift)
        out[i] = high & 0xFF
        out[i + 1] = high >> 8 & 0xFF
        out[i + 2] = high >> 16
    return result


def hll_histogram(bytes registers not None) -> list[int]:
    """How many of the packed registers have each of the values 0..63."""
    cdef Py_ssize_t i
    cdef uint32_t counts[4][64]         # one for each of four neighbours, which mostly have the same value
    cdef uint32_t four
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(registers)
    memset(counts, 0, sizeof(counts))
    for i in range(PyBytes_GET_SIZE(registers) // 3):
        four = p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16
        counts[0][four & HLL_MAX] += 1
        counts[1][four >> 6 & HLL_MAX] += 1
        counts[2][four >> 12 & HLL_MAX] += 1
        counts[3][four >> 18] += 1
        p += 3
    return [counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i] for i in range(64)]


def hll_unpack(bytes registers not None) -> bytes:
    """Packed registers, a byte for each."""
    cdef Py_ssize_t i, count = PyBytes_GET_SIZE(registers) // 3 * 4
    cdef bytes result = PyBytes_FromStringAndSize(NULL, count)
    cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(result)
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(registers)
    for i in range(count):
        out[i] = register_at(p, i)
    return result


def hll_pack(bytes values not None) -> bytes:
    """The inverse of hll_unpack(). Raises ValueError if there is a value above 63, or no multiple of 4 of them."""
    cdef Py_ssize_t i, count = PyBytes_GET_SIZE(values)
    cdef bytes result
    cdef uint8_t* out
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(values)
    if count % 4:
        raise ValueError("registers come in fours")
    result = PyBytes_FromStringAndSize(NULL, count // 4 * 3)
    out = <uint8_t*>PyBytes_AS_STRING(result)
    for i in range(count):
        if p[i] > HLL_MAX:
            raise ValueError(f"register {i} has {p[i]}")
        set_register(out, i, p[i])
    return result
