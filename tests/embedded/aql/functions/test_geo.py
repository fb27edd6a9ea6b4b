import pytest

from tests.support.aql_functions import check, table

GEO = table(r"""
    DISTANCE(52.5163, 13.3777, 50.9322, 6.94) => 476918.89688380965
    DISTANCE(0, 0, 0, 0) => 0
    DISTANCE(0, 0, 0, "1") warns 1542
    GEO_POINT(1.0, 2.5) => {"type": "Point", "coordinates": [1, 2.5]}
    GEO_POINT(1.0, null) warns 1542
    GEO_MULTIPOINT([[35, 10], [45, 45]]) => {"type": "MultiPoint", "coordinates": [[35, 10], [45, 45]]}
    GEO_MULTIPOINT([[35, 10]]) warns 1542
    GEO_MULTIPOINT("x") warns 1563
    GEO_LINESTRING([[35, 10], [45, 45]]) => {"type": "LineString", "coordinates": [[35, 10], [45, 45]]}
    GEO_LINESTRING([[35, 10], [45]]) warns 1542
    GEO_LINESTRING([[35, 10], [45, "a"]]) warns 1542
    GEO_MULTILINESTRING([[[1, 2], [3, 4]]]) => {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]]]}
    GEO_MULTILINESTRING([]) warns 1542
    GEO_MULTILINESTRING([[[1, 2]]]) warns 1542
    GEO_POLYGON([[0, 0], [7, 2], [0, 5], [0, 0]]) => {"type": "Polygon", "coordinates": [[[0, 0], [7, 2], [0, 5], [0, 0]]]}
    GEO_POLYGON([[[0, 0], [7, 2], [0, 5], [0, 0]]]) => {"type": "Polygon", "coordinates": [[[0, 0], [7, 2], [0, 5], [0, 0]]]}
    GEO_POLYGON([[0, 0], [7, 2], [0, 5]]) warns 1542
    GEO_POLYGON([]) warns 1542
    GEO_POLYGON([1]) warns 1542
    GEO_POLYGON(null) warns 1563
    GEO_MULTIPOLYGON([[[[0, 0], [7, 2], [0, 5], [0, 0]]]]) warns 1542
    GEO_MULTIPOLYGON([1, 2]) warns 1542
""")


@pytest.mark.parametrize("case", GEO)
def test_geo(case):
    check(case)
