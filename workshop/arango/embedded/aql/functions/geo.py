"""Functions that construct GeoJSON from coordinates, longitude first, and the distance between two points."""

import math
from collections.abc import Callable

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import NUMERIC, AqlWarning, number, wrong_type

_EARTH = 6_371_000.0  # mean radius in metres


@function("DISTANCE", 4, 4)
def distance(latitude1, longitude1, latitude2, longitude2):
    """Return the distance of two points on a sphere as great as the earth, in metres."""
    values = latitude1, longitude1, latitude2, longitude2
    if not NUMERIC.issuperset(map(type, values)):
        raise wrong_type("DISTANCE")
    radians = math.pi / 180.0
    height = math.sin((latitude2 - latitude1) * radians / 2.0)
    width = math.sin((longitude2 - longitude1) * radians / 2.0)
    share = height * height + math.cos(latitude1 * radians) * math.cos(latitude2 * radians) * width * width
    return number(_EARTH * 2.0 * math.atan2(math.sqrt(share), math.sqrt(max(0.0, 1.0 - share))))


class _Refused(Exception):
    """Coordinates that cannot be used."""


def _position(value) -> list:
    if type(value) is not list:
        raise _Refused("not an array containing positions")
    if not 2 <= len(value) <= 3:
        raise _Refused("a position needs two or three numbers")
    if not NUMERIC.issuperset(map(type, value)):
        raise _Refused("a coordinate is not a number")
    return [number(each) for each in value]


def _positions(value, least: int, kind: str) -> list:
    if type(value) is not list:
        raise _Refused("not an array containing positions")
    if len(value) < least:
        raise _Refused(f"a {kind} needs at least {least} positions")
    return [_position(each) for each in value]


def _ring(value) -> list:
    positions = _positions(value, 3, "Polygon")
    if len(positions) < 4 or positions[0] != positions[-1]:
        raise _Refused("a ring of a Polygon ends where it begins, with at least four positions")
    return positions


def _lines(value) -> list:
    if not value:
        raise _Refused("a MultiLineString needs at least one array of positions")
    return [_positions(each, 2, "LineString") for each in value]


def _rings(value) -> list:
    """The rings of a polygon, which may be given as the positions of its only ring."""
    if type(value) is not list:
        raise _Refused("not an array containing positions")
    if not value:
        raise _Refused("a Polygon needs at least three positions")
    single = any(type(each) is list and len(each) == 2 and NUMERIC.issuperset(map(type, each)) for each in value)
    return [_ring(each) for each in ([value] if single else value)]


def _polygons(value) -> list:
    if len(value) < 2:
        raise _Refused("a MultiPolygon needs at least two Polygons inside")
    return [_rings(each) for each in value]


def _register(kind: str, coordinates: Callable) -> None:
    """Register the constructor of a kind of GeoJSON object: `coordinates` checks and copies its only argument, an array."""
    name = f"GEO_{kind.upper()}"

    def call(value):
        if type(value) is not list:
            raise AqlWarning(1563, f"in function '{name}()': array expected")
        try:
            return {"type": kind, "coordinates": coordinates(value)}
        except _Refused as refused:
            raise AqlWarning(1542, f"in function '{name}()': {refused}") from None

    function(name, 1, 1)(call)


for _kind, _coordinates in {
    "MultiPoint": lambda value: _positions(value, 2, "MultiPoint"),
    "LineString": lambda value: _positions(value, 2, "LineString"),
    "MultiLineString": _lines,
    "Polygon": _rings,
    "MultiPolygon": _polygons,
}.items():
    _register(_kind, _coordinates)


@function("GEO_POINT", 2, 2)
def geo_point(longitude, latitude):
    """Construct a point."""
    if type(longitude) not in NUMERIC or type(latitude) not in NUMERIC:
        raise wrong_type("GEO_POINT")
    return {"type": "Point", "coordinates": [number(longitude), number(latitude)]}
