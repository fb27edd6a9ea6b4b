"""Functions of numbers and of arrays of numbers."""

import math
import random
from collections.abc import Callable

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import (
    EXACT,
    NUMERIC,
    AqlWarning,
    array_expected,
    number,
    sort_key,
    to_integer,
    to_number,
    wrong_type,
)
from workshop.arango.embedded.errors import ArangoError

LONGEST_RANGE = 10_000_000


def _register(name: str, compute: Callable) -> None:
    """Register a function of one number. Where it is not defined, or infinite, the result is null."""

    def call(value):
        kind = type(value)
        if kind is not float and kind is not int:
            value = to_number(value)
        try:
            return number(compute(value))
        except (ValueError, OverflowError):
            return None

    function(name, 1, 1)(call)


for _name, _compute in {
    "ABS": abs,
    "ACOS": math.acos,
    "ASIN": math.asin,
    "ATAN": math.atan,
    "CEIL": math.ceil,
    "COS": math.cos,
    "DEGREES": lambda value: value * (180.0 / math.pi),
    "EXP": math.exp,
    "EXP2": lambda value: math.pow(2.0, value),
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
    "LOG2": math.log2,
    "RADIANS": lambda value: value * (math.pi / 180.0),
    "ROUND": lambda value: value if type(value) is int else math.floor(value + 0.5),
    "SIN": math.sin,
    "TAN": math.tan,
}.items():
    _register(_name, _compute)


@function("SQRT", 1, 1)
def sqrt(value):
    """Return the square root; null for negative numbers."""
    try:
        root = math.sqrt(value)
    except TypeError:
        return sqrt(to_number(value))
    except ValueError:
        return None
    return int(root) if root < EXACT and root.is_integer() else root


@function("POW", 2, 2)
def power(base, exponent):
    """Return the base to the power of the exponent; null where it is not defined or too great."""
    try:
        result = math.pow(base, exponent)
    except TypeError:
        return power(to_number(base), to_number(exponent))
    except (ValueError, OverflowError):
        return None
    return int(result) if -EXACT < result < EXACT and result.is_integer() else result


@function("ATAN2", 2, 2)
def atan2(y, x):
    """Return the angle of the point (x, y)."""
    return number(math.atan2(to_number(y), to_number(x)))


@function("PI", 0, 0)
def pi():
    """Return the number pi."""
    return math.pi


@function("RAND", 0, 0, deterministic=False)
def rand():
    """Return a random number between 0 and 1."""
    return random.random()


@function("RANGE", 2, 3)
def aql_range(start, stop, step=None):
    """Return the numbers from start to stop, both included; without a step whole numbers, up or down."""
    if step is None:
        start, stop = to_integer(start), to_integer(stop)
        _limit(abs(stop - start) + 1)
        return list(range(start, stop + 1)) if start <= stop else list(range(start, stop - 1, -1))
    start, stop, step = to_number(start), to_number(stop), to_number(step)
    if step == 0 or (start < stop and step < 0) or (start > stop and step > 0):
        raise wrong_type("RANGE")
    _limit((stop - start) / step)
    if type(start) is int and type(step) is int:
        return list(range(start, math.floor(stop) + 1 if step > 0 else math.ceil(stop) - 1, step))
    result = []
    while start <= stop if step > 0 else start >= stop:
        result.append(number(start))
        start += step
    return result


def _limit(length: float) -> None:
    if length > LONGEST_RANGE:
        raise ArangoError(1504, "range is too big to be materialized")


def _numbers(name: str, values) -> list:
    """The array without its nulls; warns about what is no array or has other than numbers in it."""
    if type(values) is not list:
        raise array_expected(name)
    kinds = set(map(type, values))
    if kinds <= NUMERIC:
        return values
    if not kinds <= NUMERIC | {type(None)}:
        raise AqlWarning(1561, f"in function '{name}()': invalid arithmetic value")
    return [value for value in values if value is not None]


@function("SUM", 1, 1)
def aql_sum(values):
    """Return the sum of the numbers in the array, nulls left out; null when there is anything else in it."""
    try:
        return _total(_numbers("SUM", values))
    except AqlWarning as warning:
        if warning.number == 1563:
            raise
        return None


def _total(values: list) -> int | float:
    try:
        return number(sum(values)) or 0
    except OverflowError:
        return 0


@function("PRODUCT", 1, 1)
def product(values):
    """Return the product of the numbers in the array, nulls left out; null when there is anything else in it."""
    try:
        values = _numbers("PRODUCT", values)
    except AqlWarning as warning:
        if warning.number == 1563:
            raise
        return None
    result = 1
    for value in values:
        result = number(result * value)
        if result is None:
            return 0
    return result


@function("AVERAGE", 1, 1, also=("AVG",))
def average(values):
    """Return the mean of the numbers in the array, nulls left out; null when there are none."""
    try:
        values = _numbers("AVERAGE", values)
    except AqlWarning:
        raise array_expected("AVERAGE") from None
    total = sum(values)
    return number(total / len(values)) if values and math.isfinite(total) else None


@function("MIN", 1, 1)
def least(values):
    """Return the smallest value of the array that is not null."""
    if type(values) is not list:
        raise array_expected("MIN")
    if values and NUMERIC.issuperset(map(type, values)):
        return min(values)
    return min((value for value in values if value is not None), key=sort_key, default=None)


@function("MAX", 1, 1)
def greatest(values):
    """Return the greatest value of the array."""
    if type(values) is not list:
        raise array_expected("MAX")
    if values and NUMERIC.issuperset(map(type, values)):
        return max(values)
    return max(values, key=sort_key, default=None)


@function("MEDIAN", 1, 1)
def median(values):
    """Return the middle of the numbers in the array, or the mean of the two in the middle."""
    values = sorted(_numbers("MEDIAN", values))
    if not values:
        return None
    middle = len(values) // 2
    return number(values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2)


@function("PERCENTILE", 2, 3)
def percentile(values, share, method="rank"):
    """Return the number below which that percentage of the array's numbers lies.

    With the method "interpolation" the result may lie between two of them.
    """
    if type(values) is not list:
        raise array_expected("PERCENTILE")
    if type(share) not in NUMERIC or not 0 < share <= 100 or method not in ("rank", "interpolation"):
        raise wrong_type("PERCENTILE")
    values = sorted(_numbers("PERCENTILE", values))
    if len(values) < 2:
        return number(values[0]) if values else None
    index = share * (len(values) + (method == "interpolation")) / 100.0
    place = math.floor(index) if method == "interpolation" else math.ceil(index)
    if place >= len(values):
        return number(values[-1])
    if place <= 0:
        return None
    below = values[place - 1]
    return number(below if method == "rank" else (index - place) * (values[place] - below) + below)


def _spread(name: str, values, sample: bool) -> float | None:
    """The variance, computed in one pass by Welford's method."""
    values = _numbers(name, values)
    if len(values) <= sample:
        return None
    mean = total = 0.0
    for count, value in enumerate(values, 1):
        delta = value - mean
        mean += delta / count
        total += delta * (value - mean)
    return total / (len(values) - sample)


def _register_spread(name: str, also: tuple[str, ...], sample: bool, root: bool) -> None:
    def call(values):
        variance = _spread(name, values, sample)
        if variance is None or not math.isfinite(variance):
            return None
        return number(math.sqrt(variance) if root else variance)

    function(name, 1, 1, also=also)(call)


_register_spread("VARIANCE_POPULATION", ("VARIANCE",), sample=False, root=False)
_register_spread("VARIANCE_SAMPLE", (), sample=True, root=False)
_register_spread("STDDEV_POPULATION", ("STDDEV",), sample=False, root=True)
_register_spread("STDDEV_SAMPLE", (), sample=True, root=True)
