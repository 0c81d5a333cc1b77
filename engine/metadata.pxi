"""The value of a key's row in column family metadata, as Apache Kvrocks 2.10 writes it.

    u8 flags : bit 7 = 64-bit common fields, bits 0-3 = type
    expire   : u64 milliseconds (64-bit) | u32 seconds (32-bit)     0 = none
    -- strings and JSON stop here: the rest is their payload
    version  : u64                                                  every other type
    size     : u64 (64-bit) | u32 (32-bit)
    -- the rest is the type's own (engine/layout.py)

Both widths are read, as bit 7 of each value says; only the 64-bit form is written. A type that cannot be empty is dead
with size 0, and any key is dead once its expiry has passed: dead rows are as good as absent.
"""

TYPE_STRING, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET, TYPE_BITMAP, TYPE_SORTEDINT, TYPE_STREAM, TYPE_BLOOM, \
    TYPE_JSON, TYPE_HYPERLOGLOG = range(1, 12)

# What TYPE answers, by type id.
TYPE_NAMES = (
    "none", "string", "hash", "list", "set", "zset", "bitmap", "sortedint", "stream", "MBbloom--", "ReJSON-RL",
    "hyperloglog",
)

cdef enum:
    T_STRING = 1
    T_STREAM = 8
    T_BLOOM = 9
    T_JSON = 10
    T_HLL = 11
    T_LAST = 11
    WIDE = 0x80


class CorruptionError(Exception):
    """Stored bytes that no version of the format could have produced."""


cdef class Metadata:
    """One key's metadata. `payload` is what follows the common fields: a string's bytes, or a type's own fields."""

    cdef readonly int type              # TYPE_*
    cdef public uint64_t expire_ms      # absolute, Unix time; 0 = none
    cdef public uint64_t version        # of the sub-keys; 0 for strings and JSON
    cdef public uint64_t size           # elements (bitmaps: bytes); 0 for strings and JSON
    cdef public bytes payload
    cdef readonly bytes key             # the user key, where the row came from the transaction, else b""

    def __init__(
        self, int type, *, uint64_t expire_ms=0, uint64_t version=0, uint64_t size=0, bytes payload=b"", bytes key=b""
    ):
        if not 1 <= type <= T_LAST:
            raise ValueError(f"no such type: {type}")
        self.type = type
        self.expire_ms = expire_ms
        self.version = version
        self.size = size
        self.payload = payload
        self.key = key

    @property
    def has_subkeys(self) -> bool:
        """Whether rows of other column families belong to this key."""
        return self.type != T_STRING and self.type != T_JSON

    cpdef bint alive(self, uint64_t now_ms):
        """Whether readers may see the key: neither expired nor empty."""
        if self.expire_ms != 0 and self.expire_ms < now_ms:
            return False
        return self.size != 0 or self.type == T_STRING or self.type >= T_STREAM

    cpdef bytes encode(self):
        """The row's value, in the 64-bit form."""
        cdef bint simple = self.type == T_STRING or self.type == T_JSON
        cdef Py_ssize_t head = 9 if simple else 25
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.payload)
        cdef bytes result = PyBytes_FromStringAndSize(NULL, head + size)
        cdef uint8_t* p = <uint8_t*>PyBytes_AS_STRING(result)
        p[0] = WIDE | self.type
        put_u64(p + 1, self.expire_ms)
        if not simple:
            put_u64(p + 9, self.version)
            put_u64(p + 17, self.size)
        memcpy(p + head, PyBytes_AS_STRING(self.payload), size)
        return result

    def __repr__(self) -> str:
        name = TYPE_NAMES[self.type]
        return f"<Metadata {name} expire_ms={self.expire_ms} version={self.version} size={self.size}>"


cdef Py_ssize_t metadata_head(const uint8_t* p, Py_ssize_t size) except -1:
    """The length of the common fields of an encoded row, checked against `size`."""
    cdef int type
    cdef Py_ssize_t head
    if size < 1:
        raise CorruptionError("empty metadata row")
    type = p[0] & 0x0F
    if p[0] & 0x70 or not 1 <= type <= T_LAST:
        raise CorruptionError(f"unknown metadata flags 0x{p[0]:02x}")
    if type == T_STRING or type == T_JSON:
        head = 9 if p[0] & WIDE else 5
    else:
        head = 25 if p[0] & WIDE else 17
    if size < head:
        raise CorruptionError(f"metadata row of {size} bytes, at least {head} expected")
    return head


cdef inline uint64_t metadata_expire(const uint8_t* p) noexcept nogil:
    """Of a row that metadata_head() has passed: the absolute expiry in ms, 0 = none."""
    return get_u64(p + 1) if p[0] & WIDE else <uint64_t>get_u32(p + 1) * 1000


cdef Metadata metadata_of(bytes row, bytes key):
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(row)
    cdef Py_ssize_t head = metadata_head(p, PyBytes_GET_SIZE(row))
    cdef Metadata m = Metadata.__new__(Metadata)
    m.type = p[0] & 0x0F
    m.expire_ms = metadata_expire(p)
    m.key = key
    if m.type != T_STRING and m.type != T_JSON:
        if p[0] & WIDE:
            m.version = get_u64(p + 9)
            m.size = get_u64(p + 17)
        else:
            m.version = get_u64(p + 5)
            m.size = get_u32(p + 13)
    m.payload = row[head:]
    return m


def decode_metadata(bytes row not None) -> Metadata:
    """Decodes a metadata row of either width. Raises CorruptionError."""
    return metadata_of(row, b"")


def live_type(bytes row not None, uint64_t now_ms) -> int:
    """The type of the key of a metadata row, 0 if it is dead: what enumerating keys needs, without copying the payload.
    Raises CorruptionError."""
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(row)
    cdef int type
    cdef uint64_t expire_ms
    metadata_head(p, PyBytes_GET_SIZE(row))
    type = p[0] & 0x0F
    expire_ms = metadata_expire(p)
    if expire_ms != 0 and expire_ms < now_ms:
        return 0
    if type != T_STRING and type < T_STREAM and (get_u64(p + 17) if p[0] & WIDE else get_u32(p + 13)) == 0:
        return 0
    return type
