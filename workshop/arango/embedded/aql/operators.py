"""Arithmetic, comparison and membership on AQL values, as two-argument functions.

Results that are no number (overflow) are null; division by zero is null with warning 1562. Comparison follows
ArangoDB's order of types: null < bool < number < string < array < object.
"""

import math
from collections.abc import Callable
from typing import Any

from workshop.arango.embedded.aql import values
from workshop.arango.embedded.aql.values import AqlWarning, compare, equal, to_bool, to_number

LARGEST = 1.7976931348623157e308
INT64 = 1 << 63


def add(left: Any, right: Any) -> Any:
    """`left + right`."""
    if type(left) is float and type(right) is float:
        result = left + right
        return result if -LARGEST <= result <= LARGEST else None
    return _checked(to_number(left) + to_number(right))


def subtract(left: Any, right: Any) -> Any:
    """`left - right`."""
    if type(left) is float and type(right) is float:
        result = left - right
        return result if -LARGEST <= result <= LARGEST else None
    return _checked(to_number(left) - to_number(right))


def multiply(left: Any, right: Any) -> Any:
    """`left * right`."""
    if type(left) is float and type(right) is float:
        result = left * right
        return result if -LARGEST <= result <= LARGEST else None
    return _checked(to_number(left) * to_number(right))


def divide(left: Any, right: Any) -> Any:
    """`left / right`; null with a warning when the right side is 0."""
    divisor = to_number(right)
    if divisor == 0:
        raise AqlWarning(1562, "division by zero")
    return values.number(to_number(left) / divisor)


def modulo(left: Any, right: Any) -> Any:
    """`left % right` with the sign of the left side, as in C."""
    divisor = to_number(right)
    if divisor == 0:
        raise AqlWarning(1562, "division by zero")
    dividend = to_number(left)
    if isinstance(dividend, int) and isinstance(divisor, int):
        rest = abs(dividend) % abs(divisor)
        return rest if dividend >= 0 else -rest
    return values.number(math.fmod(dividend, divisor))


def _checked(result: int | float) -> Any:
    if isinstance(result, int):
        return result if -INT64 <= result < INT64 else values.number(float(result))
    return result if -LARGEST <= result <= LARGEST else None


def negate(value: Any) -> Any:
    """`-value`."""
    return _checked(-to_number(value))


def equals(left: Any, right: Any) -> bool:
    """`left == right`."""
    if type(left) is type(right) and type(left) in _PLAIN:
        return left == right
    return equal(left, right)


def differs(left: Any, right: Any) -> bool:
    """`left != right`."""
    return not equals(left, right)


_PLAIN = frozenset((str, int, float, bool))
_NUMBERS = frozenset((int, float))


def less(left: Any, right: Any) -> bool:
    """`left < right`."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left < right
    return compare(left, right) < 0


def less_or_equal(left: Any, right: Any) -> bool:
    """`left <= right`."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left <= right
    return compare(left, right) <= 0


def greater(left: Any, right: Any) -> bool:
    """`left > right`."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left > right
    return compare(left, right) > 0


def greater_or_equal(left: Any, right: Any) -> bool:
    """`left >= right`."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left >= right
    return compare(left, right) >= 0


def membership() -> Callable[[Any, Any], bool]:
    """A new `value IN array`, false for what is no array. An array seen again is searched through a set from then on."""
    last: Any = None
    known: set[Any] | None = None

    def contained(value: Any, array: Any) -> bool:
        nonlocal last, known
        if type(array) is not list:
            return False
        if array is not last:
            last, known = array, None
            return any(equals(value, item) for item in array)
        if known is None:
            known = {values.hash_key(item) for item in array}
        return values.hash_key(value) in known

    return contained


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equals,
    "!=": differs,
    "<": less,
    "<=": less_or_equal,
    ">": greater,
    ">=": greater_or_equal,
}


def truth(value: Any) -> bool:
    """AQL's truth of a value: null, false, 0 and "" are false."""
    return value if type(value) is bool else to_bool(value)
