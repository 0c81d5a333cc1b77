"""A digest of a set of rows that can be kept while rows come and go, and does not depend on their order.

    digest = (number of rows, sum of the rows' hashes mod 2^128)
    hash   = SipHash-2-4-128(key, u8 column family | u32 size of the storage key | storage key | value)

Two nodes that use the same key compare what they hold with it: every column family, row key and value, and with the
metadata rows' values every expiry time. A row that is lost, doubled, changed or kept too long changes the sum by its
hash, which nobody can foresee without the key: two different sets have the same digest with probability 2^-128 or so.
So each comparison has a random key of its own. (SipHash: Aumasson and Bernstein, 2012; sums of hashes as a digest of
sets: Bellare and Micciancio, 1997, and Clarke et al., 2003.)
"""

DIGEST_KEY_BYTES = 16


cdef struct Sip:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3
    uint64_t tail           # the bytes that do not make a word yet
    uint64_t size           # bytes so far


cdef inline uint64_t rotated(uint64_t v, int bits) noexcept nogil:
    return (v << bits) | (v >> (64 - bits))


cdef inline void sip_round(Sip* s) noexcept nogil:
    s.v0 += s.v1
    s.v1 = rotated(s.v1, 13) ^ s.v0
    s.v0 = rotated(s.v0, 32)
    s.v2 += s.v3
    s.v3 = rotated(s.v3, 16) ^ s.v2
    s.v0 += s.v3
    s.v3 = rotated(s.v3, 21) ^ s.v0
    s.v2 += s.v1
    s.v1 = rotated(s.v1, 17) ^ s.v2
    s.v2 = rotated(s.v2, 32)


cdef inline void sip_word(Sip* s, uint64_t word) noexcept nogil:
    s.v3 ^= word
    sip_round(s)
    sip_round(s)
    s.v0 ^= word


cdef inline void sip_start(Sip* s, uint64_t k0, uint64_t k1) noexcept nogil:
    s.v0 = k0 ^ <uint64_t>0x736F6D6570736575
    s.v1 = k1 ^ <uint64_t>0x646F72616E646F6D ^ 0xEE
    s.v2 = k0 ^ <uint64_t>0x6C7967656E657261
    s.v3 = k1 ^ <uint64_t>0x7465646279746573
    s.tail = 0
    s.size = 0


cdef inline void sip_add(Sip* state, const uint8_t* p, Py_ssize_t size) noexcept nogil:
    cdef Sip s = state[0]    # a copy, which the compiler can keep in registers: `p` might point to anything
    cdef int bits = 8 * <int>(s.size & 7)
    cdef uint64_t word
    s.size += size
    while size >= 8:
        word = le64(p)
        p += 8
        size -= 8
        if bits == 0:
            sip_word(&s, word)
        else:
            sip_word(&s, s.tail | (word << bits))
            s.tail = word >> (64 - bits)
    while size > 0:
        s.tail |= <uint64_t>p[0] << bits
        bits += 8
        if bits == 64:
            sip_word(&s, s.tail)
            s.tail = 0
            bits = 0
        p += 1
        size -= 1
    state[0] = s


cdef inline void sip_end(Sip* s, uint64_t* low, uint64_t* high) noexcept nogil:
    sip_word(s, s.tail | (s.size << 56))
    s.v2 ^= 0xEE
    sip_round(s)
    sip_round(s)
    sip_round(s)
    sip_round(s)
    low[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3
    s.v1 ^= 0xDD
    sip_round(s)
    sip_round(s)
    sip_round(s)
    sip_round(s)
    high[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3


cdef inline void put_le64(uint8_t* p, uint64_t v) noexcept nogil:
    put_le32(p, <uint32_t>v)
    put_le32(p + 4, <uint32_t>(v >> 32))


def siphash128(bytes key not None, bytes data not None) -> bytes:
    """SipHash-2-4-128 of `data`: 16 bytes. `key` has 16, too."""
    cdef RowDigest digest = RowDigest(key)
    cdef Sip s
    cdef uint64_t low, high
    sip_start(&s, digest.k0, digest.k1)
    sip_add(&s, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    sip_end(&s, &low, &high)
    return digest_bytes(low, high)


cdef bytes digest_bytes(uint64_t low, uint64_t high):
    cdef uint8_t out[16]
    put_le64(out, low)
    put_le64(out + 8, high)
    return bytes_of(out, 16)


cdef class RowDigest:
    """The digest of a set of rows."""

    cdef readonly bytes key              # of the hash
    cdef readonly int64_t rows           # negative if more was taken out than there was
    cdef uint64_t k0
    cdef uint64_t k1
    cdef uint64_t low                    # the sum
    cdef uint64_t high

    def __init__(self, bytes key not None, bytes total=None, int64_t rows=0):
        """That of no rows, or one that was kept: its `total` and `rows`."""
        cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(key)
        if PyBytes_GET_SIZE(key) != 16 or (total is not None and PyBytes_GET_SIZE(total) != 16):
            raise ValueError("the key and the total of a digest have 16 bytes")
        self.key = key
        self.k0 = le64(p)
        self.k1 = le64(p + 8)
        self.rows = rows
        if total is not None:
            p = <const uint8_t*>PyBytes_AS_STRING(total)
            self.low = le64(p)
            self.high = le64(p + 8)

    @property
    def total(self) -> bytes:
        """The sum: 16 bytes, little-endian."""
        return digest_bytes(self.low, self.high)

    def copy(self) -> RowDigest:
        """Another one with the same value."""
        return RowDigest(self.key, self.total, self.rows)

    cdef inline void hash_row(self, uint32_t cf, const uint8_t* key, Py_ssize_t key_size, const uint8_t* value,
                              Py_ssize_t value_size, uint64_t* low, uint64_t* high) noexcept:
        cdef Sip s
        cdef uint8_t head[5]
        head[0] = cf & 0xFF
        put_le32(head + 1, <uint32_t>key_size)
        sip_start(&s, self.k0, self.k1)
        sip_add(&s, head, 5)
        sip_add(&s, key, key_size)
        sip_add(&s, value, value_size)
        sip_end(&s, low, high)

    cdef inline void plus(self, uint64_t low, uint64_t high) noexcept:
        self.low += low
        self.high += high + (self.low < low)
        self.rows += 1

    cdef inline void minus(self, uint64_t low, uint64_t high) noexcept:
        self.high -= high + (self.low < low)
        self.low -= low
        self.rows -= 1

    def add_rows(self, bytes batch not None) -> None:
        """Adds the rows of an encoded write batch, which has nothing but puts of rows that are new. Raises
        BatchError."""
        cdef BatchCursor cursor
        cdef BatchRecord record
        cdef uint64_t low, high
        batch_open(&cursor, <const uint8_t*>PyBytes_AS_STRING(batch), PyBytes_GET_SIZE(batch))
        while batch_next(&cursor, &record):
            if record.op != RECORD_PUT:
                raise BatchError("a write batch that should only add rows changes some")
            self.hash_row(record.cf, record.key, record.key_size, record.value, record.value_size, &low, &high)
            self.plus(low, high)


cdef class RowChanges:
    """Keeps the digest of a database's rows while they change, by what is read from the database as it *was*.

    `get_many(column family, storage keys) -> list of values or None` and `scan(column family, begin, end) -> (storage
    key, value)*` read it as it was when this object was made. So the hashes of the rows that have changed since are
    kept here: some 250 bytes a row.
    """

    cdef readonly RowDigest digest
    cdef object get_many
    cdef object scan
    cdef list known                      # for each column family: {storage key: hash, or None when there is no row}

    def __init__(self, RowDigest digest not None, get_many not None, scan not None):
        self.digest = digest
        self.get_many = get_many
        self.scan = scan
        self.known = [{} for _ in COLUMN_FAMILIES]

    @property
    def rows_known(self) -> int:
        """How many rows' hashes are kept."""
        return sum([len(each) for each in self.known])

    def apply(self, bytes batch not None) -> None:
        """The effect of an encoded write batch. Raises BatchError, or what the database raises; then the digest is of
        no more use."""
        cdef BatchCursor cursor
        cdef BatchRecord record
        cdef uint64_t low, high
        cdef dict known
        self.read_old(batch)
        batch_open(&cursor, <const uint8_t*>PyBytes_AS_STRING(batch), PyBytes_GET_SIZE(batch))
        while batch_next(&cursor, &record):
            if record.op == RECORD_LOG_DATA:
                continue
            key = bytes_of(record.key, record.key_size)
            known = self.known[<Py_ssize_t>record.cf]
            if record.op == RECORD_DELETE_RANGE:
                self.forget_range(record.cf, key, bytes_of(record.value, record.value_size))
                continue
            self.forget(<bytes>known[key])
            if record.op == RECORD_PUT:
                self.digest.hash_row(
                    record.cf, record.key, record.key_size, record.value, record.value_size, &low, &high)
                self.digest.plus(low, high)
                known[key] = digest_bytes(low, high)
            else:
                known[key] = None

    cdef int read_old(self, bytes batch) except -1:
        """Learns the hashes of the rows that a batch names for the first time."""
        cdef BatchCursor cursor
        cdef BatchRecord record
        cdef list wanted = [[] for _ in COLUMN_FAMILIES]
        cdef int cf
        batch_open(&cursor, <const uint8_t*>PyBytes_AS_STRING(batch), PyBytes_GET_SIZE(batch))
        while batch_next(&cursor, &record):
            if record.cf >= COLUMN_FAMILY_COUNT:
                raise BatchError(f"a write batch names column family {record.cf}")
            if record.op == RECORD_LOG_DATA or record.op == RECORD_DELETE_RANGE:
                continue
            key = bytes_of(record.key, record.key_size)
            if key not in <dict>self.known[<Py_ssize_t>record.cf]:
                (<list>wanted[<Py_ssize_t>record.cf]).append(key)
        for cf in range(COLUMN_FAMILY_COUNT):
            if wanted[cf]:
                for key, value in zip(wanted[cf], self.get_many(cf, wanted[cf])):
                    (<dict>self.known[cf])[key] = self.hash_of(cf, key, value)
        return 0

    cdef bytes hash_of(self, int cf, bytes key, bytes value):
        cdef uint64_t low, high
        if value is None:
            return None
        self.digest.hash_row(cf, <const uint8_t*>PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key),
                             <const uint8_t*>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), &low, &high)
        return digest_bytes(low, high)

    cdef int forget(self, bytes row_hash) except -1:
        cdef const uint8_t* p
        if row_hash is not None:
            p = <const uint8_t*>PyBytes_AS_STRING(row_hash)
            self.digest.minus(le64(p), le64(p + 8))
        return 0

    cdef int forget_range(self, uint32_t cf, bytes begin, bytes end) except -1:
        """Takes out the rows from `begin` to before `end`: those that are known, then those still as they were."""
        cdef dict known = self.known[<Py_ssize_t>cf]
        for key, row_hash in known.items():
            if row_hash is not None and begin <= <bytes>key < end:
                self.forget(<bytes>row_hash)
                known[key] = None
        for key, value in self.scan(cf, begin, end):
            if key not in known:
                self.forget(self.hash_of(cf, key, value))
                known[key] = None
        return 0


def last_row(bytes batch not None) -> tuple[int, bytes]:
    """(column family, storage key) of the last record of an encoded write batch. Raises BatchError, also when it has
    none."""
    cdef BatchCursor cursor
    cdef BatchRecord record
    batch_open(&cursor, <const uint8_t*>PyBytes_AS_STRING(batch), PyBytes_GET_SIZE(batch))
    if cursor.count == 0:
        raise BatchError("a write batch has no rows")
    while batch_next(&cursor, &record):
        pass
    return record.cf, bytes_of(record.key, record.key_size)
