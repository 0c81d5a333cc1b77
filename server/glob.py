"""Redis's glob patterns (KEYS, SCAN MATCH …), translated to regular expressions over bytes.

    ?  any byte     *  any bytes     [abc] [a-z] [^a-z]  one byte (not) of a class     \\x  the byte x

Redis's corner cases are kept: a range may be given backwards, a class that is not closed ends with the pattern, "[]"
never matches and "[^]" matches any byte (there is no way to write "]" first), a lone backslash at the end is a
backslash. One is not: "**" matches the empty string like "*" does.

What stands between two stars is matched at the first place where it fits and never tried again (an atomic group): a
later place could not be better. So no pattern takes exponential time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

PATTERNS_CACHED_MAX = 256
_SPECIAL = re.compile(rb"[?*\[\\]")


@lru_cache(PATTERNS_CACHED_MAX)
def matcher(pattern: bytes) -> Callable[[bytes], object]:
    """A function that tells (by truth) whether a byte string matches `pattern`."""
    return re.compile(to_regex(pattern), re.DOTALL).fullmatch


def literal_prefix(pattern: bytes) -> tuple[bytes, bool]:
    """(the bytes that everything which matches begins with, whether the pattern is nothing but them)."""
    special = _SPECIAL.search(pattern)
    return (pattern, True) if special is None else (pattern[: special.start()], False)


def to_regex(pattern: bytes) -> bytes:
    """The regular expression for re.fullmatch() with re.DOTALL."""
    parts: list[list[bytes]] = [[]]  # what stands between the stars
    i, size = 0, len(pattern)
    while i < size:
        c = pattern[i : i + 1]
        if c == b"*":
            parts.append([])
        elif c == b"?":
            parts[-1].append(b".")
        elif c == b"[":
            regex, i = _class(pattern, i + 1)
            parts[-1].append(regex)
        else:
            if c == b"\\" and i + 1 < size:
                i += 1
            parts[-1].append(re.escape(pattern[i : i + 1]))
        i += 1
    first, *rest = [b"".join(part) for part in parts]
    if not rest:
        return first
    *middle, last = rest
    return first + b"".join(b"(?>.*?" + part + b")" for part in middle if part) + b".*" + last


def _class(pattern: bytes, i: int) -> tuple[bytes, int]:
    """The regular expression of a class whose first byte after "[" is at `i`, and where its "]" is."""
    size = len(pattern)
    negated = pattern[i : i + 1] == b"^"
    if negated:
        i += 1
    members: set[int] = set()
    while True:
        if i >= size:
            i = size - 1
            break
        if pattern[i] == 0x5C and i + 1 < size:
            i += 1
            members.add(pattern[i])
        elif pattern[i] == 0x5D:
            break
        elif i + 2 < size and pattern[i + 1] == 0x2D:
            low, high = sorted((pattern[i], pattern[i + 2]))
            members.update(range(low, high + 1))
            i += 2
        else:
            members.add(pattern[i])
        i += 1
    if not members:
        return (b"." if negated else b"(?!)"), i
    listed = b"".join(b"\\x%02x" % member for member in sorted(members))
    return b"[" + (b"^" if negated else b"") + listed + b"]", i
