"""The rows of the expiry index, in column family propagate (Kvrocks does not use such keys, and no slot contains them):

    "slotrocks.expiry:" | u64 expire_ms | metadata key  ->  empty

A row of it is a hint: whoever acts on it first compares it with the key's metadata. Rows written through the
transaction keep the index exact; imported rows bring theirs in the same batch.
"""

EXPIRY_PREFIX = b"slotrocks.expiry:"

cdef bytes EXPIRY_HEAD = EXPIRY_PREFIX


cdef inline bytes expiry_key(uint64_t expire_ms, bytes metadata_key):
    cdef bytes head = PyBytes_FromStringAndSize(NULL, 8)
    put_u64(<uint8_t*>PyBytes_AS_STRING(head), expire_ms)
    return EXPIRY_HEAD + head + metadata_key


def encode_expiry_key(uint64_t expire_ms, bytes metadata_key not None) -> bytes:
    """The expiry index's row for a metadata key."""
    return expiry_key(expire_ms, metadata_key)


def decode_expiry_key(bytes storage_key not None) -> tuple[int, bytes]:
    """(expire_ms, metadata key) of a row of the expiry index. Raises ValueError for another row."""
    cdef Py_ssize_t head = PyBytes_GET_SIZE(EXPIRY_HEAD)
    if not storage_key.startswith(EXPIRY_HEAD) or PyBytes_GET_SIZE(storage_key) < head + 8:
        raise ValueError(f"not a row of the expiry index: {storage_key!r}")
    return get_u64(<const uint8_t*>PyBytes_AS_STRING(storage_key) + head), storage_key[head + 8:]
