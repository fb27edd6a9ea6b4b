"""Functions of whole numbers as rows of up to 32 bits."""

import operator
from collections.abc import Callable

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import wrong_type

BITS = 32
_ABSENT = object()


def _bits(name: str, value, most: int = 2**BITS - 1) -> int:
    """The value as a whole number from 0 to `most`; warns about everything else."""
    if (type(value) is int or type(value) is float) and value >= 0 and int(value) <= most:
        return int(value)
    raise wrong_type(name)


def _register(name: str, combine: Callable[[int, int], int]) -> None:
    """Register a function of two numbers or of an array of numbers, nulls left out."""

    def call(values, other=_ABSENT):
        if other is not _ABSENT:
            return combine(_bits(name, values), _bits(name, other))
        if type(values) is not list:
            raise wrong_type(name)
        result = None
        for value in values:
            if value is not None:
                result = _bits(name, value) if result is None else combine(result, _bits(name, value))
        return result

    function(name, 1, 2)(call)


_register("BIT_AND", operator.and_)
_register("BIT_OR", operator.or_)
_register("BIT_XOR", operator.xor)


@function("BIT_NEGATE", 2, 2)
def bit_negate(value, width):
    """Return the number with its lowest `width` bits turned over and all others 0."""
    return ~_bits("BIT_NEGATE", value) & ((1 << _bits("BIT_NEGATE", width, BITS)) - 1)


@function("BIT_TEST", 2, 2)
def bit_test(value, index):
    """Tell whether the bit at that place is set; the lowest is at 0."""
    return bool(_bits("BIT_TEST", value) >> _bits("BIT_TEST", index, BITS - 1) & 1)


@function("BIT_POPCOUNT", 1, 1)
def bit_popcount(value):
    """Return how many bits are set."""
    return _bits("BIT_POPCOUNT", value).bit_count()


@function("BIT_SHIFT_LEFT", 3, 3)
def bit_shift_left(value, shift, width):
    """Return the number shifted to the left, of which the lowest `width` bits are kept."""
    shifted = _bits("BIT_SHIFT_LEFT", value) << _bits("BIT_SHIFT_LEFT", shift, BITS)
    return shifted & ((1 << _bits("BIT_SHIFT_LEFT", width, BITS)) - 1)


@function("BIT_SHIFT_RIGHT", 3, 3)
def bit_shift_right(value, shift, width):
    """Return the number shifted to the right, of which the lowest `width` bits are kept."""
    shifted = _bits("BIT_SHIFT_RIGHT", value) >> _bits("BIT_SHIFT_RIGHT", shift, BITS)
    return shifted & ((1 << _bits("BIT_SHIFT_RIGHT", width, BITS)) - 1)


@function("BIT_CONSTRUCT", 1, 1)
def bit_construct(places):
    """Return the number that has the bits at these places set."""
    if type(places) is not list:
        raise wrong_type("BIT_CONSTRUCT")
    result = 0
    for place in places:
        result |= 1 << _bits("BIT_CONSTRUCT", place, BITS - 1)
    return result


@function("BIT_DECONSTRUCT", 1, 1)
def bit_deconstruct(value):
    """Return the places of the bits that are set."""
    value = _bits("BIT_DECONSTRUCT", value)
    return [place for place in range(BITS) if value >> place & 1]


@function("BIT_TO_STRING", 2, 2)
def bit_to_string(value, width):
    """Return the lowest `width` bits as a text of 0 and 1."""
    value, width = _bits("BIT_TO_STRING", value), _bits("BIT_TO_STRING", width, BITS)
    return "".join("01"[value >> place & 1] for place in reversed(range(width)))


@function("BIT_FROM_STRING", 1, 1)
def bit_from_string(text):
    """Return the number whose bits are given as a text of 0 and 1."""
    if type(text) is not str or len(text) > BITS or text.strip("01"):
        raise wrong_type("BIT_FROM_STRING")
    return int(text or "0", 2)
