import pytest

from tests.support.aql_functions import call, check, table
from workshop.arango.embedded.aql import functions
from workshop.arango.embedded.errors import ArangoError

NUMERIC = table(r"""
    ABS(-5) => 5
    ABS("-5") => 5
    ABS(null) => 0
    ACOS(2) => null
    ACOS(0.5) ~ math.acos(0.5)
    ASIN(1) ~ math.pi / 2
    ATAN(1) ~ math.pi / 4
    ATAN2(1, -1) ~ 3 * math.pi / 4
    CEIL(2.1) => 3
    CEIL(-2.9) => -2
    COS(0) => 1
    DEGREES(math.pi) => 180
    EXP(0) => 1
    EXP(1000) => null
    EXP2(10) => 1024
    EXP2(5000) => null
    FLOOR(-2.1) => -3
    FLOOR(1e300) ~ 1e300
    LOG(0) => null
    LOG(-1) => null
    LOG(math.e) => 1
    LOG2(1024) => 10
    LOG10(1000) => 3
    PI() ~ math.pi
    POW(2, 4) => 16
    POW(4, 0.5) => 2
    POW(2, -1) ~ 0.5
    POW("2", true) => 2
    POW(null, 0) => 1
    POW(0, -1) => null
    POW(-1, 0.5) => null
    POW(10, 400) => null
    POW(10, 300) ~ 1e300
    RADIANS(180) ~ math.pi
    ROUND(2.5) => 3
    ROUND(-2.5) => -2
    ROUND(2.49) => 2
    ROUND([]) => 0
    SIN(0) => 0
    SQRT(9) => 3
    SQRT(2) ~ math.sqrt(2)
    SQRT(-1) => null
    SQRT("9") => 3
    SQRT(1e200) ~ 1e100
    TAN(0) => 0
    RANGE(1, 4) => [1, 2, 3, 4]
    RANGE(4, 1) => [4, 3, 2, 1]
    RANGE(2, 2) => [2]
    RANGE(1.9, "3") => [1, 2, 3]
    RANGE(1, 4, 2) => [1, 3]
    RANGE(1, 4, null) => [1, 2, 3, 4]
    RANGE(10, 1, -4) => [10, 6, 2]
    RANGE(1, 1, 5) => [1]
    RANGE(0, 1, 0.25) => [0, 0.25, 0.5, 0.75, 1]
    RANGE(-0.75, 1.1, 0.5) => [-0.75, -0.25, 0.25, 0.75]
    RANGE(1, 2.5, 1) => [1, 2]
    RANGE(2.5, 0, -1) => [2.5, 1.5, 0.5]
    RANGE(1, 4, 0) warns 1542
    RANGE(1, 4, -1) warns 1542
    RANGE(4, 1, 1) warns 1542
    SUM([1, 2, 3]) => 6
    SUM([0.5, null, 0.5]) => 1
    SUM([]) => 0
    SUM(["1"]) => null
    SUM([true]) => null
    SUM([1e308, 1e308]) => 0
    SUM(null) warns 1563
    PRODUCT([2, 3, null, 4]) => 24
    PRODUCT([]) => 1
    PRODUCT(["2"]) => null
    PRODUCT([1e308, 10]) => 0
    PRODUCT(null) warns 1563
    AVERAGE([1, 2, null]) ~ 1.5
    AVG([5, 5]) => 5
    AVG([]) => null
    AVG([null]) => null
    AVERAGE(null) warns 1563
    AVERAGE([1, "2"]) warns 1563
    MIN([3, 1, 2]) => 1
    MIN([null, "a", 5]) => 5
    MIN([]) => null
    MIN([null]) => null
    MIN(null) warns 1563
    MAX([3, 1, 2.5]) => 3
    MAX([null, "a", 5, true]) => "a"
    MAX(["b", "B"]) => "b"
    MAX([]) => null
    MAX(null) warns 1563
    MEDIAN([3, 1, 2]) => 2
    MEDIAN([4, null, 1, 2, 3]) ~ 2.5
    MEDIAN([]) => null
    MEDIAN(null) warns 1563
    MEDIAN([1, "2"]) warns 1561
    PERCENTILE([1, 2, 3, 4], 50) => 2
    PERCENTILE([1, 2, 3, 4], 50, "rank") => 2
    PERCENTILE([1, 2, 3, 4], 50, "interpolation") ~ 2.5
    PERCENTILE([1, 2, 3, 4], 100) => 4
    PERCENTILE([1, 2, 3, 4], 1, "interpolation") => null
    PERCENTILE([1, 2, 3, 4], 99, "interpolation") => 4
    PERCENTILE([7], 30) => 7
    PERCENTILE([], 30) => null
    PERCENTILE("x", 50) warns 1563
    PERCENTILE([1], 0) warns 1542
    PERCENTILE([1], 101) warns 1542
    PERCENTILE([1], "50") warns 1542
    PERCENTILE([1], 50, "median") warns 1542
    VARIANCE([1, 3, 6, 5, 2]) ~ 3.44
    VARIANCE_POPULATION([1, 3, null, 6, 5, 2]) ~ 3.44
    VARIANCE([]) => null
    VARIANCE_SAMPLE([1, 3, 6, 5, 2]) ~ 4.3
    VARIANCE_SAMPLE([1]) => null
    VARIANCE_SAMPLE(null) warns 1563
    STDDEV([1, 3, 6, 5, 2]) ~ math.sqrt(3.44)
    STDDEV_POPULATION([2, 2]) => 0
    STDDEV_SAMPLE([1, 3, 6, 5, 2]) ~ math.sqrt(4.3)
    STDDEV_SAMPLE([1, []]) warns 1561
""")


@pytest.mark.parametrize("case", NUMERIC)
def test_numeric(case):
    check(case)


@pytest.mark.parametrize("arguments", [[1, 10**9], [0, 1, 1e-9], [10**9, 1, -1]])
def test_ranges_have_an_end(arguments):
    with pytest.raises(ArangoError) as caught:
        call("RANGE", *arguments)
    assert caught.value.http == 400


def test_functions_of_chance_are_never_folded():
    assert not functions.find("RAND").deterministic
    assert functions.find("SQRT").deterministic
    assert 0 <= call("RAND") <= 1
