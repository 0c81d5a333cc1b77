"""Searching for positions: GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS and GEORADIUSBYMEMBER.

All are one search with options, read in Redis's order because errors depend on it. A source that does not exist gives
nothing, but only after the options have been checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slotrocks.engine import Metadata
from slotrocks.engine.types import geo, zsets
from slotrocks.server.arguments import integer
from slotrocks.server.commands.geo import coordinates, distance_text, position, unit_m
from slotrocks.server.commands.zsets import number, read
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.session import Session
from slotrocks.server.streaming import Stream, commit_pending
from slotrocks.server.table import command

SEARCH = (
    "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as "
    "the filter and M is the number of items inside the shape."
)
RADIUS = (
    "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center "
    "and radius and M is the number of items inside the index."
)


@dataclass
class Search:
    """What is asked for. A size is (radius) or (width, height) in metres."""

    centre: tuple[float, float] | None = None
    size_m: tuple[float, ...] | None = None
    unit_m: float = 1.0
    withdist: bool = False
    withhash: bool = False
    withcoord: bool = False
    sort: bytes = b""
    count: int = 0
    any: bool = False
    target: bytes | None = None
    storedist: bool = False

    @property
    def shape(self) -> geo.Shape:
        """The shape, once centre and size are known."""
        assert self.centre is not None and self.size_m is not None
        return geo.Circle(*self.centre, *self.size_m) if len(self.size_m) == 1 else geo.Box(*self.centre, *self.size_m)

    def plain_option(self, argv: list[bytes], i: int) -> int:
        """Takes an option that all searches have. How many words it is; 0 if it is none of these."""
        option = argv[i].upper()
        if option in (b"WITHDIST", b"WITHHASH", b"WITHCOORD", b"ANY"):
            setattr(self, option.decode().lower(), True)
        elif option in (b"ASC", b"DESC"):
            self.sort = option
        elif option == b"COUNT" and i + 1 < len(argv):
            self.count = integer(argv[i + 1])
            if self.count <= 0:
                raise CommandError("ERR COUNT must be > 0")
            return 2
        else:
            return 0
        return 1

    def radius(self, radius: bytes, unit: bytes) -> None:
        """Takes the size of a circle."""
        value = number(radius, "ERR need numeric radius")
        if value < 0:
            raise CommandError("ERR radius cannot be negative")
        self.unit_m = unit_m(unit)
        self.size_m = (value * self.unit_m,)

    def box(self, width: bytes, height: bytes, unit: bytes) -> None:
        """Takes the size of a rectangle."""
        values = number(width, "ERR need numeric width"), number(height, "ERR need numeric height")
        if min(values) < 0:
            raise CommandError("ERR height or width cannot be negative")
        self.unit_m = unit_m(unit)
        self.size_m = (values[0] * self.unit_m, values[1] * self.unit_m)

    def check_target(self, name: str) -> None:
        """Storing and showing are not to be had together."""
        if self.target is not None and (self.withdist or self.withhash or self.withcoord):
            raise CommandError(f"ERR {name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options")

    def check_any(self) -> None:
        """ANY is something that COUNT does."""
        if self.any and not self.count:
            raise CommandError("ERR the ANY argument requires COUNT argument")


def centre_of(s: Session, zset: Metadata, member: bytes) -> tuple[float, float]:
    """A member's position."""
    (score,) = zsets.scores(s.txn, zset, [member])
    if score is None:
        raise CommandError("ERR could not decode requested zset member")
    return geo.decode(score)


def answer(s: Session, zset: Metadata | None, search: Search) -> Any:
    """Searches; replies with what was found, or stores it and replies with how much that is."""
    if zset is None:
        points = []
    else:
        commit_pending(s)
        points = geo.search(s.txn, zset, search.shape, stop_at=search.count if search.any else 0)
    if search.sort or (search.count and not search.any):
        points.sort(key=lambda point: point.distance_m, reverse=search.sort == b"DESC")
    if search.count:
        del points[search.count :]
    if search.target is not None:
        entries = [
            (point.member, point.distance_m / search.unit_m if search.storedist else point.score) for point in points
        ]  # fmt: skip
        return zsets.replace(s.txn, search.target, entries)
    return Stream("array", len(points), (show(s, point, search) for point in points))


def show(s: Session, point: geo.Point, search: Search) -> Any:
    """A member in the reply, with what was asked for about it."""
    if not (search.withdist or search.withhash or search.withcoord):
        return point.member
    shown: list[Any] = [point.member]
    if search.withdist:
        shown.append(distance_text(point.distance_m / search.unit_m))
    if search.withhash:
        shown.append(int(point.score))
    if search.withcoord:
        shown.append(coordinates(s, point.longitude, point.latitude))
    return shown


# -- GEOSEARCH and GEOSEARCHSTORE


def geosearch_any(s: Session, argv: list[bytes], source: int, *, store: bool) -> Any:
    """Both of them; argv[source] is the key to search."""
    zset = read(s, argv[source])
    search = Search(target=argv[1] if store else None)
    from_option = b""
    by_option = b""
    i = source + 1
    while i < len(argv):
        option, left = argv[i].upper(), len(argv) - i - 1
        if words := search.plain_option(argv, i):
            i += words
        elif option == b"STOREDIST" and store:
            search.storedist = True
            i += 1
        elif option == b"FROMMEMBER" and left >= 1 and from_option in (b"", option):
            if zset is not None:
                search.centre = centre_of(s, zset, argv[i + 1])
            from_option = option
            i += 2
        elif option == b"FROMLONLAT" and left >= 2 and from_option in (b"", option):
            search.centre = position(argv[i + 1], argv[i + 2])
            from_option = option
            i += 3
        elif option == b"BYRADIUS" and left >= 2 and by_option in (b"", option):
            search.radius(argv[i + 1], argv[i + 2])
            by_option = option
            i += 3
        elif option == b"BYBOX" and left >= 3 and by_option in (b"", option):
            search.box(argv[i + 1], argv[i + 2], argv[i + 3])
            by_option = option
            i += 4
        else:
            raise CommandError(SYNTAX)
    name = argv[0].decode("utf-8", "replace")
    search.check_target("GEOSEARCHSTORE")
    if not from_option:
        raise CommandError(f"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}")
    if not by_option:
        raise CommandError(f"ERR exactly one of BYRADIUS and BYBOX can be specified for {name}")
    search.check_any()
    return answer(s, zset, search)


@command(
    "geosearch", arity=-7, flags="readonly", keys=(1, 1, 1), group="geo", since="6.2.0",
    summary="Queries a geospatial index for members inside an area of a box or a circle.", complexity=SEARCH,
)  # fmt: skip
def geosearch(s: Session, argv: list[bytes]) -> Any:
    return geosearch_any(s, argv, 1, store=False)


@command(
    "geosearchstore", arity=-8, flags="write denyoom", keys=(1, 2, 1), group="geo", since="6.2.0",
    summary="Queries a geospatial index for members inside an area of a box or a circle, optionally stores the result.",
    complexity=SEARCH,
)  # fmt: skip
def geosearchstore(s: Session, argv: list[bytes]) -> Any:
    return geosearch_any(s, argv, 2, store=True)


# -- GEORADIUS and GEORADIUSBYMEMBER


def georadius_options(argv: list[bytes], first: int, search: Search, *, store: bool) -> None:
    """The options of GEORADIUS from argv[first] on."""
    i = first
    while i < len(argv):
        if words := search.plain_option(argv, i):
            i += words
        elif store and argv[i].upper() in (b"STORE", b"STOREDIST") and i + 1 < len(argv):
            search.target, search.storedist = argv[i + 1], argv[i].upper() == b"STOREDIST"
            i += 2
        else:
            raise CommandError(SYNTAX)
    search.check_target("STORE option in GEORADIUS")
    search.check_any()


def georadius_by_position(s: Session, argv: list[bytes], *, store: bool) -> Any:
    """GEORADIUS: key, longitude, latitude, radius, unit."""
    zset = read(s, argv[1])
    search = Search(centre=position(argv[2], argv[3]))
    search.radius(argv[4], argv[5])
    georadius_options(argv, 6, search, store=store)
    return answer(s, zset, search)


def georadius_by_member(s: Session, argv: list[bytes], *, store: bool) -> Any:
    """GEORADIUSBYMEMBER: key, member, radius, unit."""
    zset = read(s, argv[1])
    search = Search()
    if zset is not None:
        search.centre = centre_of(s, zset, argv[2])
        search.radius(argv[3], argv[4])
    georadius_options(argv, 5, search, store=store)
    return answer(s, zset, search)


def georadius_keys(argv: list[bytes]) -> list[bytes]:
    """The source, and the target of STORE or STOREDIST (the last one counts)."""
    target = []
    i = 5
    while i < len(argv):
        if argv[i].upper() in (b"STORE", b"STOREDIST") and i + 1 < len(argv):
            target = [argv[i + 1]]
            i += 1
        i += 1
    return [argv[1], *target]


@command(
    "georadius", arity=-6, flags="write denyoom", keys=georadius_keys, group="geo", since="3.2.0",
    summary="Queries a geospatial index for members within a distance from a coordinate, optionally stores the result.",
    complexity=RADIUS,
)  # fmt: skip
def georadius(s: Session, argv: list[bytes]) -> Any:
    return georadius_by_position(s, argv, store=True)


@command(
    "georadius_ro", arity=-6, flags="readonly", keys=(1, 1, 1), group="geo", since="3.2.10",
    summary="Returns members from a geospatial index that are within a distance from a coordinate.", complexity=RADIUS,
)  # fmt: skip
def georadius_ro(s: Session, argv: list[bytes]) -> Any:
    return georadius_by_position(s, argv, store=False)


@command(
    "georadiusbymember", arity=-5, flags="write denyoom", keys=georadius_keys, group="geo", since="3.2.0",
    summary="Queries a geospatial index for members within a distance from a member, optionally stores the result.",
    complexity=RADIUS,
)  # fmt: skip
def georadiusbymember(s: Session, argv: list[bytes]) -> Any:
    return georadius_by_member(s, argv, store=True)


@command(
    "georadiusbymember_ro", arity=-5, flags="readonly", keys=(1, 1, 1), group="geo", since="3.2.10",
    summary="Returns members from a geospatial index that are within a distance from a member.", complexity=RADIUS,
)  # fmt: skip
def georadiusbymember_ro(s: Session, argv: list[bytes]) -> Any:
    return georadius_by_member(s, argv, store=False)
