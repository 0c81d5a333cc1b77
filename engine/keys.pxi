"""Storage keys, as Apache Kvrocks 2.10 writes them (``src/storage/redis_metadata.cc``). All integers are big-endian.

    metadata key = u8 ns_len | ns | [u16 slot] | user_key                                    (column family metadata)
    sub-key      = u8 ns_len | ns | [u16 slot] | u32 key_len | user_key | u64 version | sub  (default, zset_score,
                                                                                              stream)

The slot is there when the database was written with ``cluster-enabled yes``: so a slot is one contiguous range of every
column family. The namespace is always Kvrocks's default one, ``__namespace``.
"""

NAMESPACE = b"__namespace"
# Column families in the order of their ids, which travel inside write batches.
COLUMN_FAMILIES = ("default", "metadata", "zset_score", "pubsub", "propagate", "stream", "search")
CF_DEFAULT, CF_METADATA, CF_ZSET_SCORE, CF_PUBSUB, CF_PROPAGATE, CF_STREAM, CF_SEARCH = range(7)

cdef enum:
    NS_PREFIX_SIZE = 12

cdef bytes NS_PREFIX = bytes([len(NAMESPACE)]) + NAMESPACE


cdef inline void put_u16(uint8_t* p, uint16_t v) noexcept nogil:
    p[0] = v >> 8
    p[1] = v & 0xFF


cdef inline void put_u32(uint8_t* p, uint32_t v) noexcept nogil:
    p[0] = v >> 24
    p[1] = (v >> 16) & 0xFF
    p[2] = (v >> 8) & 0xFF
    p[3] = v & 0xFF


cdef inline void put_u64(uint8_t* p, uint64_t v) noexcept nogil:
    put_u32(p, <uint32_t>(v >> 32))
    put_u32(p + 4, <uint32_t>v)


cdef inline uint16_t get_u16(const uint8_t* p) noexcept nogil:
    return (<uint16_t>p[0] << 8) | p[1]


cdef inline uint32_t get_u32(const uint8_t* p) noexcept nogil:
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline uint64_t get_u64(const uint8_t* p) noexcept nogil:
    return (<uint64_t>get_u32(p) << 32) | get_u32(p + 4)


def prefix_end(bytes prefix not None) -> bytes:
    """The smallest byte string greater than every string that starts with `prefix` (which is not all 0xFF)."""
    stripped = prefix.rstrip(b"\xff")
    if not stripped:
        raise ValueError("no string is greater than every string with this prefix")
    last = len(stripped) - 1
    return stripped[:last] + bytes([stripped[last] + 1])


cdef class KeyCodec:
    """Encodes and decodes storage keys for one database, slot-encoded (cluster-enabled) or not."""

    cdef readonly bint slot_encoded      # whether keys carry their slot
    cdef Py_ssize_t head                 # bytes before the user key in a metadata key

    def __init__(self, bint slot_encoded):
        self.slot_encoded = slot_encoded
        self.head = NS_PREFIX_SIZE + (2 if slot_encoded else 0)

    cdef inline void put_head(self, uint8_t* p, const uint8_t* key, Py_ssize_t size) noexcept:
        memcpy(p, PyBytes_AS_STRING(NS_PREFIX), NS_PREFIX_SIZE)
        if self.slot_encoded:
            put_u16(p + NS_PREFIX_SIZE, slot_of_bytes(key, size))

    cpdef bytes metadata_key(self, bytes key):
        """The key of the metadata row of user key `key`."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
        cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(key)
        cdef bytes result = PyBytes_FromStringAndSize(NULL, self.head + size)
        cdef uint8_t* p = <uint8_t*>PyBytes_AS_STRING(result)
        self.put_head(p, data, size)
        memcpy(p + self.head, data, size)
        return result

    cpdef bytes subkey(self, bytes key, uint64_t version, bytes sub):
        """The key of one element's row: `version` is the collection's, `sub` the field, member, index …"""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
        cdef Py_ssize_t sub_size = PyBytes_GET_SIZE(sub)
        cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(key)
        cdef bytes result = PyBytes_FromStringAndSize(NULL, self.head + 4 + size + 8 + sub_size)
        cdef uint8_t* p = <uint8_t*>PyBytes_AS_STRING(result)
        self.put_head(p, data, size)
        p += self.head
        put_u32(p, <uint32_t>size)
        memcpy(p + 4, data, size)
        put_u64(p + 4 + size, version)
        memcpy(p + 12 + size, PyBytes_AS_STRING(sub), sub_size)
        return result

    def subkey_range(self, bytes key not None, uint64_t version) -> tuple[bytes, bytes]:
        """(begin, end) of all the rows of one collection, the end excluded."""
        begin = self.subkey(key, version, b"")
        return begin, prefix_end(begin)

    def user_key(self, bytes metadata_key not None) -> bytes:
        """The user key inside a metadata key. Raises ValueError for a key that this database could not hold."""
        if PyBytes_GET_SIZE(metadata_key) < self.head or not metadata_key.startswith(NS_PREFIX):
            raise ValueError(f"not a metadata key: {metadata_key!r}")
        return metadata_key[self.head:]

    def decode_subkey(self, bytes storage_key not None) -> tuple[bytes, int, bytes]:
        """(user key, version, sub) of a sub-key. Raises ValueError for a key that this database could not hold."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(storage_key)
        cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(storage_key)
        cdef Py_ssize_t key_size
        if size < self.head + 12 or not storage_key.startswith(NS_PREFIX):
            raise ValueError(f"not a sub-key: {storage_key!r}")
        key_size = get_u32(p + self.head)
        if size < self.head + 12 + key_size:
            raise ValueError(f"not a sub-key: {storage_key!r}")
        return (
            storage_key[self.head + 4:self.head + 4 + key_size],
            get_u64(p + self.head + 4 + key_size),
            storage_key[self.head + 12 + key_size:],
        )

    def slot_in_key(self, bytes storage_key not None) -> int:
        """The slot that a storage key of a slot-encoded database carries. Raises ValueError for anything else."""
        if not self.slot_encoded or PyBytes_GET_SIZE(storage_key) < self.head or not storage_key.startswith(NS_PREFIX):
            raise ValueError(f"no slot in key: {storage_key!r}")
        return get_u16(<const uint8_t*>PyBytes_AS_STRING(storage_key) + NS_PREFIX_SIZE)

    def slot_range(self, int first, int last) -> tuple[bytes, bytes]:
        """(begin, end) of the rows of slots `first`..`last` in any column family, the end excluded."""
        if not self.slot_encoded:
            raise ValueError("this database is not slot-encoded")
        if not 0 <= first <= last < SLOTS:
            raise ValueError(f"not a slot range: {first}-{last}")
        return NS_PREFIX + first.to_bytes(2, "big"), NS_PREFIX + (last + 1).to_bytes(2, "big")

    def namespace_range(self) -> tuple[bytes, bytes]:
        """(begin, end) of all the rows of the namespace in any column family, the end excluded."""
        return NS_PREFIX, prefix_end(NS_PREFIX)
