"""Entries of streams: the fields of an entry as one row's value, as Apache Kvrocks 2.10 writes them.

    value := (varint32 size | size bytes)*        field, value, field, value …

The sub-key of an entry is its id, `u64 ms | u64 seq`, which are the last 16 bytes of the storage key.
"""

from libc.stdio cimport snprintf


def encode_stream_fields(list fields not None) -> bytes:
    """The value of an entry's row: `fields` has names and values in turn."""
    cdef bytes field, result
    cdef Py_ssize_t size = 0
    cdef uint8_t* p
    for field in fields:
        if PyBytes_GET_SIZE(field) > 0x7FFFFFFF:
            raise ValueError("a field or value of a stream entry is too long")
        size += 5 + PyBytes_GET_SIZE(field)
    result = PyBytes_FromStringAndSize(NULL, size)
    p = <uint8_t*>PyBytes_AS_STRING(result)
    for field in fields:
        p = put_varint(p, <uint32_t>PyBytes_GET_SIZE(field))
        memcpy(p, PyBytes_AS_STRING(field), PyBytes_GET_SIZE(field))
        p += PyBytes_GET_SIZE(field)
    return result[:p - <uint8_t*>PyBytes_AS_STRING(result)]


def decode_stream_fields(bytes value not None) -> list[bytes]:
    """The names and values, in turn, of an entry's row. Raises CorruptionError."""
    cdef BatchCursor cursor
    cdef const uint8_t* data
    cdef Py_ssize_t size
    cdef list fields = []
    cursor.at = <const uint8_t*>PyBytes_AS_STRING(value)
    cursor.end = cursor.at + PyBytes_GET_SIZE(value)
    try:
        while cursor.at < cursor.end:
            take_string(&cursor, &data, &size)
            fields.append(PyBytes_FromStringAndSize(<const char*>data, size))
    except BatchError:
        raise CorruptionError("a stream entry's fields are cut short") from None
    return fields


def stream_entry(bytes storage_key not None, bytes value not None) -> tuple[bytes, list[bytes]]:
    """(id as clients see it, names and values in turn) of an entry's row. Raises CorruptionError."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(storage_key)
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(storage_key)
    cdef char text[42]
    if size < 16:
        raise CorruptionError(f"not the key of a stream entry: {storage_key!r}")
    size = snprintf(text, sizeof(text), "%llu-%llu", <unsigned long long>get_u64(p + size - 16),
                    <unsigned long long>get_u64(p + size - 8))
    return PyBytes_FromStringAndSize(text, size), decode_stream_fields(value)
