"""Positions on the earth as scores of a sorted set, exactly as in Redis: scores, results and their order agree.

A geohash halves the ranges of longitude (-180..180) and latitude (-85.05112878..85.05112878, as far as Web Mercator
goes) in turn: with `step` halvings of each, a cell is 2 * step bits, latitude in the even ones. A score is such a cell
with 26 steps, 52 bits, which a double holds exactly. All positions in a coarser cell are one range of scores; a search
looks at the cell with its centre and the eight around it, with cells so large that these nine contain what is searched.

Distances are great circles on a sphere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from slotrocks.engine._engine import Metadata, Transaction
from slotrocks.engine.types.zset_ranges import Span, score_span
from slotrocks.engine.types.zsets import entries

LONGITUDE_MAX = 180.0
LATITUDE_MAX = 85.05112878
STEP_MAX = 26
EARTH_RADIUS_M = 6372797.560856
MERCATOR_M = 20037726.37
ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
# The cells around a centre (north, east), in the order in which Redis looks at them.
AROUND = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_RADIANS = math.pi / 180.0


class Cell(NamedTuple):
    """A cell: its indexes from the south-west corner on. `step` says how many cells there are each way: 2 ** step."""

    latitude: int
    longitude: int
    step: int

    def beside(self, north: int, east: int) -> Cell:
        """Another cell, so many to the north and the east. The map is a torus."""
        mask = (1 << self.step) - 1
        latitude = (self.latitude + north) & mask if north else self.latitude
        longitude = (self.longitude + east) & mask if east else self.longitude
        return Cell(latitude, longitude, self.step)

    def bounds(self) -> tuple[float, float, float, float]:
        """(south, west, north, east) in degrees."""
        cells = 1 << self.step
        return (
            -LATITUDE_MAX + (self.latitude / cells) * (2 * LATITUDE_MAX),
            -LONGITUDE_MAX + (self.longitude / cells) * (2 * LONGITUDE_MAX),
            -LATITUDE_MAX + ((self.latitude + 1) / cells) * (2 * LATITUDE_MAX),
            -LONGITUDE_MAX + ((self.longitude + 1) / cells) * (2 * LONGITUDE_MAX),
        )

    def span(self) -> Span:
        """The scores of the positions in it."""
        bits, shift = interleave(self.latitude, self.longitude), 2 * (STEP_MAX - self.step)
        return score_span(float(bits << shift), float((bits + 1) << shift), high_excluded=True)


def spread(value: int) -> int:
    """The 32 bits of a number, each followed by a 0: a number of 64 bits."""
    value = (value | value << 16) & 0x0000FFFF0000FFFF
    value = (value | value << 8) & 0x00FF00FF00FF00FF
    value = (value | value << 4) & 0x0F0F0F0F0F0F0F0F
    value = (value | value << 2) & 0x3333333333333333
    return (value | value << 1) & 0x5555555555555555


def gather(value: int) -> int:
    """The inverse of spread(), whatever the other bits are."""
    value &= 0x5555555555555555
    value = (value | value >> 1) & 0x3333333333333333
    value = (value | value >> 2) & 0x0F0F0F0F0F0F0F0F
    value = (value | value >> 4) & 0x00FF00FF00FF00FF
    value = (value | value >> 8) & 0x0000FFFF0000FFFF
    return (value | value >> 16) & 0x00000000FFFFFFFF


def interleave(low: int, high: int) -> int:
    """Bits of `low` and `high` in turn, beginning with the lowest of `low`."""
    return spread(low) | spread(high) << 1


def cell_of(longitude: float, latitude: float, step: int, latitude_max: float = LATITUDE_MAX) -> Cell:
    """The cell of a position."""
    south_share = (latitude + latitude_max) / (2 * latitude_max)
    west_share = (longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)
    return Cell(int(south_share * (1 << step)), int(west_share * (1 << step)), step)


def valid(longitude: float, latitude: float) -> bool:
    """Whether a position can be encoded."""
    return -LONGITUDE_MAX <= longitude <= LONGITUDE_MAX and -LATITUDE_MAX <= latitude <= LATITUDE_MAX


def encode(longitude: float, latitude: float) -> float:
    """The score of a valid() position."""
    cell = cell_of(longitude, latitude, STEP_MAX)
    return float(interleave(cell.latitude, cell.longitude))


def decode(score: float) -> tuple[float, float]:
    """(longitude, latitude) of a score: the middle of its cell. Scores that no position has give some position."""
    bits = int(score) & (2**64 - 1) if math.isfinite(score) else 0
    south, west, north, east = Cell(gather(bits), gather(bits >> 1), STEP_MAX).bounds()
    longitude = max(min((west + east) / 2, LONGITUDE_MAX), -LONGITUDE_MAX)
    return longitude, max(min((south + north) / 2, LATITUDE_MAX), -LATITUDE_MAX)


def geohash(score: float) -> str:
    """The position as the 11 characters that geohash.org knows, where latitudes go from -90 to 90. There are bits for
    ten: the last one is always "0"."""
    longitude, latitude = decode(score)
    cell = cell_of(longitude, latitude, STEP_MAX, latitude_max=90.0)
    bits = interleave(cell.latitude, cell.longitude)
    return "".join(ALPHABET[bits >> (2 * STEP_MAX - 5 * i) & 31] for i in range(1, 11)) + "0"


def distance_m(longitude1: float, latitude1: float, longitude2: float, latitude2: float) -> float:
    """The great-circle distance of two positions, by the haversine formula."""
    v = math.sin((longitude2 * _RADIANS - longitude1 * _RADIANS) / 2)
    if v == 0.0:
        return latitude_distance_m(latitude1, latitude2)
    phi1, phi2 = latitude1 * _RADIANS, latitude2 * _RADIANS
    u = math.sin((phi2 - phi1) / 2)
    return 2.0 * EARTH_RADIUS_M * math.asin(math.sqrt(u * u + math.cos(phi1) * math.cos(phi2) * v * v))


def latitude_distance_m(latitude1: float, latitude2: float) -> float:
    """The distance of two positions on one meridian."""
    return EARTH_RADIUS_M * abs(latitude2 * _RADIANS - latitude1 * _RADIANS)


class Circle(NamedTuple):
    """Everything within a radius."""

    longitude: float
    latitude: float
    radius_m: float

    @property
    def reach_m(self) -> float:
        """How far its farthest point is from the centre."""
        return self.radius_m

    @property
    def half_m(self) -> tuple[float, float]:
        """(half its width, half its height)."""
        return self.radius_m, self.radius_m

    def distance_m(self, longitude: float, latitude: float) -> float | None:
        """A position's distance from the centre, None if it is outside."""
        found = distance_m(self.longitude, self.latitude, longitude, latitude)
        return None if found > self.radius_m else found


class Box(NamedTuple):
    """A rectangle along the axes."""

    longitude: float
    latitude: float
    width_m: float
    height_m: float

    @property
    def reach_m(self) -> float:
        """How far its farthest point is from the centre."""
        return math.sqrt((self.width_m / 2) * (self.width_m / 2) + (self.height_m / 2) * (self.height_m / 2))

    @property
    def half_m(self) -> tuple[float, float]:
        """(half its width, half its height)."""
        return self.width_m / 2, self.height_m / 2

    def distance_m(self, longitude: float, latitude: float) -> float | None:
        """A position's distance from the centre, None if it is outside."""
        if latitude_distance_m(latitude, self.latitude) > self.height_m / 2:
            return None
        # The width counts on the position's own parallel.
        if distance_m(longitude, latitude, self.longitude, latitude) > self.width_m / 2:
            return None
        return distance_m(self.longitude, self.latitude, longitude, latitude)


Shape = Circle | Box


class Point(NamedTuple):
    """A member that a search found."""

    member: bytes
    score: float
    longitude: float
    latitude: float
    distance_m: float


def estimate_step(reach_m: float, latitude: float) -> int:
    """How fine cells may be so that nine of them contain everything within reach of a centre. Cells become narrow
    towards the poles."""
    if reach_m == 0:
        return STEP_MAX
    step = 1
    while reach_m < MERCATOR_M:
        reach_m *= 2
        step += 1
    step -= 2
    if abs(latitude) > 66:
        step -= 1
    if abs(latitude) > 80:
        step -= 1
    return max(min(step, STEP_MAX), 1)


def bounding_box(shape: Shape) -> tuple[float, float, float, float]:
    """(south, west, north, east) of a shape that is small against the earth."""
    half_width_m, half_height_m = shape.half_m
    up = half_height_m / EARTH_RADIUS_M / _RADIANS
    # Of its two parallels the one that is farther from the equator decides, where a degree is shorter.
    edge = shape.latitude - up if shape.latitude < 0 else shape.latitude + up
    aside = half_width_m / EARTH_RADIUS_M / math.cos(edge * _RADIANS) / _RADIANS
    return shape.latitude - up, shape.longitude - aside, shape.latitude + up, shape.longitude + aside


def cells_of(shape: Shape) -> list[Cell]:
    """The cells to look at, none of them twice."""
    step = estimate_step(shape.reach_m, shape.latitude)
    if step == 1:
        return distinct(cell_of(shape.longitude, shape.latitude, step), AROUND)
    south, west, north, east = bounding_box(shape)
    centre = cell_of(shape.longitude, shape.latitude, step)
    if (
        centre.beside(1, 0).bounds()[2] < north or centre.beside(-1, 0).bounds()[0] > south
        or centre.beside(0, 1).bounds()[3] < east or centre.beside(0, -1).bounds()[1] > west
    ):  # fmt: skip
        # The shape is so near to a side of its cell that it ends beyond the next one.
        step -= 1
        centre = cell_of(shape.longitude, shape.latitude, step)
    if step == 1:
        return distinct(centre, AROUND)
    cell_south, cell_west, cell_north, cell_east = centre.bounds()
    needed = [
        (to_north, to_east) for to_north, to_east in AROUND
        if not (to_north < 0 and cell_south < south) and not (to_north > 0 and cell_north > north)
        and not (to_east < 0 and cell_west < west) and not (to_east > 0 and cell_east > east)
    ]  # fmt: skip
    return distinct(centre, needed)


def distinct(centre: Cell, steps: Iterable[tuple[int, int]]) -> list[Cell]:
    """The cells that are so many cells to the north and the east of another; coarse ones meet on the other side."""
    return list(dict.fromkeys(centre.beside(north, east) for north, east in steps))


def search(txn: Transaction, zset: Metadata, shape: Shape, *, stop_at: int = 0) -> list[Point]:
    """The members inside a shape, unsorted; the first `stop_at` that are met, if that is not 0."""
    found: list[Point] = []
    inside: Callable[[float, float], float | None] = shape.distance_m
    for cell in cells_of(shape):
        for member, score in entries(txn, zset, cell.span()):
            longitude, latitude = decode(score)
            distance = inside(longitude, latitude)
            if distance is not None:
                found.append(Point(member, score, longitude, latitude, distance))
                if len(found) == stop_at:
                    return found
    return found
