"""When keys end: the EXPIRE and TTL families."""

from __future__ import annotations

from typing import Any

from slotrocks.engine.types import keyspace
from slotrocks.server.arguments import any_expiry
from slotrocks.server.commands.keys import lookup
from slotrocks.server.errors import CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import Handler, command


def expire_handler(name: str, *, absolute: bool, unit_ms: int) -> Handler:
    """The handler of one of EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT."""

    def handler(s: Session, argv: list[bytes]) -> Any:
        conditions = parse_conditions(argv)
        txn = s.txn
        expire_ms = any_expiry(argv[2], absolute=absolute, unit_ms=unit_ms, now_ms=txn.now_ms, command=name)
        found = txn.lookup(argv[1])
        if found is None or not allowed(conditions, found.expire_ms, expire_ms):
            return 0
        # A time before 1970 is in the past like any other.
        keyspace.set_expiry(txn, found, max(expire_ms, 1))
        return 1

    return handler


def parse_conditions(argv: list[bytes]) -> set[bytes]:
    """NX, XX, GT, LT from the fourth word on."""
    conditions = set()
    for arg in argv[3:]:
        condition = arg.upper()
        if condition not in (b"NX", b"XX", b"GT", b"LT"):
            raise CommandError(f"ERR Unsupported option {arg.decode('utf-8', 'replace')}")
        conditions.add(condition)
    if b"NX" in conditions and len(conditions) > 1:
        raise CommandError("ERR NX and XX, GT or LT options at the same time are not compatible")
    if {b"GT", b"LT"} <= conditions:
        raise CommandError("ERR GT and LT options at the same time are not compatible")
    return conditions


def allowed(conditions: set[bytes], current_ms: int, expire_ms: int) -> bool:
    """Whether the conditions let a key's expiry change. Without one (0) a key never ends, so GT is never true."""
    if b"NX" in conditions and current_ms:
        return False
    if b"XX" in conditions and not current_ms:
        return False
    if b"GT" in conditions and (not current_ms or expire_ms <= current_ms):
        return False
    return not (b"LT" in conditions and current_ms and expire_ms >= current_ms)


def ttl_handler(*, absolute: bool, unit_ms: int) -> Handler:
    """The handler of one of TTL, PTTL, EXPIRETIME, PEXPIRETIME. Seconds are rounded to the nearest."""

    def handler(s: Session, argv: list[bytes]) -> Any:
        found = lookup(s, argv[1])
        if found is None:
            return -2
        if not found.expire_ms:
            return -1
        ms = found.expire_ms if absolute else max(found.expire_ms - s.txn.now_ms, 0)
        return (ms + unit_ms // 2) // unit_ms

    return handler


for _name, _since, _absolute, _unit_ms, _summary in (
    ("expire", "1.0.0", False, 1000, "Sets the expiration time of a key in seconds."),
    ("pexpire", "2.6.0", False, 1, "Sets the expiration time of a key in milliseconds."),
    ("expireat", "1.2.0", True, 1000, "Sets the expiration time of a key to a Unix timestamp."),
    ("pexpireat", "2.6.0", True, 1, "Sets the expiration time of a key to a Unix milliseconds timestamp."),
):
    command(
        _name, arity=-3, flags="write fast", keys=(1, 1, 1), group="generic", since=_since, summary=_summary,
        differs="Kvrocks 2.10 does not have NX, XX, GT and LT.",
    )(expire_handler(_name, absolute=_absolute, unit_ms=_unit_ms))  # fmt: skip

for _name, _since, _absolute, _unit_ms, _summary in (
    ("ttl", "1.0.0", False, 1000, "Returns the expiration time in seconds of a key."),
    ("pttl", "2.6.0", False, 1, "Returns the expiration time in milliseconds of a key."),
    ("expiretime", "7.0.0", True, 1000, "Returns the expiration time of a key as a Unix timestamp."),
    ("pexpiretime", "7.0.0", True, 1, "Returns the expiration time of a key as a Unix milliseconds timestamp."),
):
    command(
        _name, arity=2, flags="readonly fast", keys=(1, 1, 1), group="generic", since=_since, summary=_summary,
    )(ttl_handler(absolute=_absolute, unit_ms=_unit_ms))  # fmt: skip


@command(
    "persist", arity=2, flags="write fast", keys=(1, 1, 1), group="generic", since="2.2.0",
    summary="Removes the expiration time of a key.",
)  # fmt: skip
def persist(s: Session, argv: list[bytes]) -> Any:
    found = s.txn.lookup(argv[1])
    if found is None or not found.expire_ms:
        return 0
    keyspace.set_expiry(s.txn, found, 0)
    return 1
