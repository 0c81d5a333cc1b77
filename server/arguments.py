"""Reading the arguments that many commands share: integers, expiry times, options. All errors have Redis's texts."""

from __future__ import annotations

from typing import NamedTuple

from slotrocks.engine import parse_int
from slotrocks.server.errors import NOT_INTEGER, SYNTAX, CommandError

INT32_MAX = 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# The options of SET and GETEX that give a time: (is it absolute, milliseconds of its unit).
EXPIRY_OPTIONS = {b"EX": (False, 1000), b"PX": (False, 1), b"EXAT": (True, 1000), b"PXAT": (True, 1)}


def integer(arg: bytes, error: str = NOT_INTEGER) -> int:
    """A signed 64-bit integer."""
    try:
        return parse_int(arg)
    except ValueError:
        raise CommandError(error) from None


def bounded_integer(arg: bytes, low: int, high: int, error: str | None = None) -> int:
    """An integer from `low` to `high`; `error`, if given, is the text for everything else."""
    value = integer(arg, error or NOT_INTEGER)
    if not low <= value <= high:
        raise CommandError(error or f"ERR value is out of range, value must between {low} and {high}")
    return value


def positive_count(arg: bytes) -> int:
    """How many elements a command is to take: 0 or more."""
    return bounded_integer(arg, 0, INT64_MAX, "ERR value is out of range, must be positive")


def int32(arg: bytes) -> int:
    """A C int, as database numbers are."""
    return bounded_integer(arg, -INT32_MAX - 1, INT32_MAX)


def check_database(arg: bytes) -> None:
    """A database number where the only one is 0."""
    if int32(arg) != 0:
        raise CommandError("ERR DB index is out of range")


def invalid_expire(command: str) -> CommandError:
    """For a time that is no time, or beyond 64 bits of milliseconds."""
    return CommandError(f"ERR invalid expire time in '{command}' command")


def positive_expiry(arg: bytes, *, absolute: bool, unit_ms: int, now_ms: int, command: str) -> int:
    """The absolute expiry in ms that SET, SETEX or GETEX was given: a positive count of units."""
    count = integer(arg)
    expire_ms = count * unit_ms + (0 if absolute else now_ms)
    if count <= 0 or expire_ms > INT64_MAX:
        raise invalid_expire(command)
    return expire_ms


def any_expiry(arg: bytes, *, absolute: bool, unit_ms: int, now_ms: int, command: str) -> int:
    """The absolute expiry in ms that the EXPIRE family was given, which may lie in the past or before 1970."""
    after_ms = integer(arg) * unit_ms
    expire_ms = after_ms + (0 if absolute else now_ms)
    if not INT64_MIN <= after_ms <= INT64_MAX or expire_ms > INT64_MAX:
        raise invalid_expire(command)
    return expire_ms


class Expiry(NamedTuple):
    """One of EX, PX, EXAT, PXAT with its argument, not yet looked at."""

    arg: bytes
    absolute: bool
    unit_ms: int

    def at_ms(self, now_ms: int, command: str) -> int:
        """See positive_expiry()."""
        return positive_expiry(
            self.arg, absolute=self.absolute, unit_ms=self.unit_ms, now_ms=now_ms, command=command
        )  # fmt: skip


def expiry_options(argv: list[bytes], first: int, allowed: frozenset[bytes]) -> tuple[frozenset[bytes], Expiry | None]:
    """The options of SET and GETEX from argv[first] on: (those of `allowed` that are there, the expiry).

    At most one of EX, PX, EXAT, PXAT, KEEPTTL and PERSIST, and not both of NX and XX. The same one again is no error,
    and the last time counts.
    """
    found: set[bytes] = set()
    expiry_option = b""
    expiry: Expiry | None = None
    i = first
    while i < len(argv):
        option = argv[i].upper()
        if option in EXPIRY_OPTIONS and i + 1 < len(argv) and expiry_option in (b"", option):
            expiry_option = option
            expiry = Expiry(argv[i + 1], *EXPIRY_OPTIONS[option])
            i += 2
            continue
        if option not in allowed:
            raise CommandError(SYNTAX)
        if option in (b"KEEPTTL", b"PERSIST"):
            if expiry_option not in (b"", option):
                raise CommandError(SYNTAX)
            expiry_option = option
        found.add(option)
        if b"NX" in found and b"XX" in found:
            raise CommandError(SYNTAX)
        i += 1
    return frozenset(found), expiry
