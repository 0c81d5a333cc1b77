"""LCS, the longest common subsequence of two strings."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import WrongTypeError, lcs, lcs_table_bytes
from slotrocks.server.arguments import integer
from slotrocks.server.commands.strings import read
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import command


@command(
    "lcs", arity=-3, flags="readonly", keys=(1, 2, 1), group="string", since="7.0.0",
    summary="Finds the longest common substring.",
    complexity="O(N*M) where N and M are the lengths of s1 and s2, respectively",
)  # fmt: skip
def lcs_(s: Session, argv: list[bytes]) -> Any:
    try:
        a, b = read(s, argv[1]) or b"", read(s, argv[2]) or b""
    except WrongTypeError:
        raise CommandError("ERR The specified keys must contain string values") from None
    options, length_min = parse_options(argv)
    if {b"IDX", b"LEN"} <= options:
        raise CommandError("ERR If you want both the length and indexes, please just use IDX.")
    if lcs_table_bytes(len(a), len(b)) > s.node.config.proto_max_bulk_len:
        raise CommandError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    found, matches = lcs(a, b)
    if b"LEN" in options:
        return len(found)
    if b"IDX" not in options:
        return found
    with_length = b"WITHMATCHLEN" in options
    return {
        b"matches": [
            [[i, i + size - 1], [j, j + size - 1], *([size] if with_length else [])]
            for i, j, size in matches
            if size >= length_min
        ],
        b"len": len(found),
    }


def parse_options(argv: list[bytes]) -> tuple[set[bytes], int]:
    """(the options that are there, MINMATCHLEN or 0)."""
    options: set[bytes] = set()
    length_min = 0
    i = 3
    while i < len(argv):
        option = argv[i].upper()
        if option == b"MINMATCHLEN" and i + 1 < len(argv):
            length_min = integer(argv[i + 1])
            i += 1
        elif option in (b"IDX", b"LEN", b"WITHMATCHLEN"):
            options.add(option)
        else:
            raise CommandError(SYNTAX)
        i += 1
    return options, length_min
