"""What OBJECT ENCODING says: nothing is packed here, so it is what Redis 7.2 with its defaults would do with the value.

Applications and test suites ask for it to see whether a collection is "small". Few rows are read to tell, whatever its
size.
"""

from __future__ import annotations

from collections.abc import Iterable

from slotrocks.engine._engine import (
    TYPE_HASH,
    TYPE_LIST,
    TYPE_SET,
    TYPE_STREAM,
    TYPE_STRING,
    TYPE_ZSET,
    Metadata,
    Transaction,
    parse_int,
)
from slotrocks.engine.rdb.listpack import encode_element
from slotrocks.engine.types import elements, lists, string

# Redis's defaults: *-max-listpack-entries, *-max-listpack-value, set-max-intset-entries, list-max-listpack-size -2.
HASH_ENTRIES_MAX = 512
SET_ENTRIES_MAX = 128
ZSET_ENTRIES_MAX = 128
INTSET_ENTRIES_MAX = 512
VALUE_BYTES_MAX = 64
LIST_BYTES_MAX = 8192
# The fewest bytes that an element of a listpack takes, with its size behind it.
ELEMENT_BYTES_MIN = 2


def encoding_of(txn: Transaction, m: Metadata) -> str:
    """The encoding of a living key's value; "raw" for bitmaps, HyperLogLogs, and what Redis does not have."""
    if m.type == TYPE_STRING:
        return string.encoding(m.payload)
    if m.type == TYPE_LIST:
        return "listpack" if list_is_small(txn, m) else "quicklist"
    if m.type == TYPE_SET:
        return set_encoding(txn, m)
    if m.type == TYPE_HASH:
        return "listpack" if hash_is_small(txn, m) else "hashtable"
    if m.type == TYPE_ZSET:
        return "listpack" if zset_is_small(txn, m) else "skiplist"
    return "stream" if m.type == TYPE_STREAM else "raw"


def all_short(strings: Iterable[bytes]) -> bool:
    """Whether all of them fit into a listpack."""
    return all(len(each) <= VALUE_BYTES_MAX for each in strings)


def hash_is_small(txn: Transaction, m: Metadata) -> bool:
    """Whether Redis would keep a hash in a listpack."""
    return m.size <= HASH_ENTRIES_MAX and all(all_short(pair) for pair in elements.walk(txn, m))


def zset_is_small(txn: Transaction, m: Metadata) -> bool:
    """Whether Redis would keep a sorted set in a listpack."""
    return m.size <= ZSET_ENTRIES_MAX and all_short(elements.subkeys(txn, m))


def set_encoding(txn: Transaction, m: Metadata) -> str:
    """How Redis would keep a set."""
    if m.size > INTSET_ENTRIES_MAX:
        return "hashtable"
    members = list(elements.subkeys(txn, m))
    if all(map(is_integer, members)):
        return "intset"
    return "listpack" if m.size <= SET_ENTRIES_MAX and all_short(members) else "hashtable"


def is_integer(text: bytes) -> bool:
    """Whether a string is the digits of a 64-bit integer."""
    try:
        parse_int(text)
    except ValueError:
        return False
    return True


def list_is_small(txn: Transaction, m: Metadata) -> bool:
    """Whether Redis would keep a list in one listpack."""
    if m.size * ELEMENT_BYTES_MIN > LIST_BYTES_MAX:
        return False
    size = 0
    for element in lists.elements(txn, m, 0, m.size):
        if len(element) > LIST_BYTES_MAX:
            return False
        size += len(encode_element(element)) + 1
        if size > LIST_BYTES_MAX:
            return False
    return True
