"""Geographic positions: adding and showing them. Searching is in geo_search."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import NULL_ARRAY
from slotrocks.engine.types import geo, zsets
from slotrocks.server.commands.zsets import add, number, read
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import command

UNITS_M = {b"m": 1.0, b"km": 1000.0, b"ft": 0.3048, b"mi": 1609.34}


def unit_m(arg: bytes) -> float:
    """A unit's length."""
    try:
        return UNITS_M[arg.lower()]
    except KeyError:
        raise CommandError("ERR unsupported unit provided. please use M, KM, FT, MI") from None


def position(longitude: bytes, latitude: bytes) -> tuple[float, float]:
    """A position that can be encoded."""
    x, y = number(longitude), number(latitude)
    if not geo.valid(x, y):
        raise CommandError(f"ERR invalid longitude,latitude pair {x:f},{y:f}")
    return x, y


def distance_text(distance: float) -> bytes:
    """A distance as Redis prints it, in RESP3, too."""
    return b"%.4f" % distance


def coordinates(s: Session, longitude: float, latitude: float) -> list[Any]:
    """A position in a reply: 17 decimals, without the zeros at their end in RESP2, as a double in RESP3."""
    texts = [b"%.17f" % degrees for degrees in (longitude, latitude)]
    return [float(text) if s.protocol > 2 else text.rstrip(b"0").rstrip(b".") for text in texts]


@command(
    "geoadd", arity=-5, flags="write denyoom", keys=(1, 1, 1), group="geo", since="3.2.0",
    summary="Adds one or more members to a geospatial index. The key is created if it doesn't exist.",
    complexity="O(log(N)) for each item added, where N is the number of elements in the sorted set.",
)  # fmt: skip
def geoadd(s: Session, argv: list[bytes]) -> Any:
    first = 2
    while first < len(argv) and argv[first].upper() in (b"NX", b"XX", b"CH"):
        first += 1
    options = {option.upper() for option in argv[2:first]}
    if (len(argv) - first) % 3 or {b"NX", b"XX"} <= options or first == len(argv):
        raise CommandError(SYNTAX)
    pairs = [(geo.encode(*position(argv[i], argv[i + 1])), argv[i + 2]) for i in range(first, len(argv), 3)]
    done = add(s, argv[1], pairs, zsets.Condition(nx=b"NX" in options, xx=b"XX" in options))
    return done.added + done.updated if b"CH" in options else done.added


def scores(s: Session, argv: list[bytes]) -> list[float | None]:
    """The scores of the members from argv[2] on."""
    zset = read(s, argv[1])
    return [None] * (len(argv) - 2) if zset is None else zsets.scores(s.txn, zset, argv[2:])


@command(
    "geopos", arity=-2, flags="readonly", keys=(1, 1, 1), group="geo", since="3.2.0",
    summary="Returns the longitude and latitude of members from a geospatial index.",
    complexity="O(1) for each member requested.",
)  # fmt: skip
def geopos(s: Session, argv: list[bytes]) -> Any:
    return [NULL_ARRAY if score is None else coordinates(s, *geo.decode(score)) for score in scores(s, argv)]


@command(
    "geohash", arity=-2, flags="readonly", keys=(1, 1, 1), group="geo", since="3.2.0",
    summary="Returns members from a geospatial index as geohash strings.",
    complexity="O(1) for each member requested.",
)  # fmt: skip
def geohash(s: Session, argv: list[bytes]) -> Any:
    return [None if score is None else geo.geohash(score) for score in scores(s, argv)]


@command(
    "geodist", arity=-4, flags="readonly", keys=(1, 1, 1), group="geo", since="3.2.0",
    summary="Returns the distance between two members of a geospatial index.",
)  # fmt: skip
def geodist(s: Session, argv: list[bytes]) -> Any:
    unit = unit_m(argv[4]) if len(argv) == 5 else 1.0
    if len(argv) > 5:
        raise CommandError(SYNTAX)
    first, second = scores(s, argv[:4])
    if first is None or second is None:
        return None
    return distance_text(geo.distance_m(*geo.decode(first), *geo.decode(second)) / unit)
