"""Writing RDB's primitives: lengths and strings (reader.py has the grammar). Strings are never compressed."""

from __future__ import annotations

from collections.abc import Iterable

_SHORT = tuple(bytes((size,)) for size in range(64))


def encode_length(length: int) -> bytes:
    """A length, a count, or half of a stream id."""
    if length < 64:
        return _SHORT[length]
    if length < 1 << 14:
        return (0x4000 | length).to_bytes(2, "big")
    return b"\x80" + length.to_bytes(4, "big") if length < 1 << 32 else b"\x81" + length.to_bytes(8, "big")


def add_strings(parts: list[bytes], strings: Iterable[bytes]) -> None:
    """Appends strings to what will be a payload."""
    append = parts.append
    for string in strings:
        size = len(string)
        append(_SHORT[size] if size < 64 else encode_length(size))
        append(string)
