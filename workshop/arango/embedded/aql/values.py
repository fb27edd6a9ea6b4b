"""Values of AQL: null, bool, number, string, array and object as Python's own types, their order, equality and casts.

NaN and infinity are never values. Values are never changed in place; what returns a container returns a new one.
"""

import math
import re
from json.encoder import encode_basestring

from workshop.arango.embedded.collation import collation_key

LEAST_INTEGER = -(2**63)
GREATEST_INTEGER = 2**64 - 1
NUMERIC = frozenset((int, float))  # bool, which is a kind of int to Python, is no number here
EXACT = 2.0**53  # below this every integral float stands for one integer

_RANKS = {type(None): 0, bool: 1, int: 2, float: 2, str: 3, list: 4, dict: 5}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"\s*[+-]?\d{1,19}", re.ASCII)
_NULL = (0,)


class AqlWarning(Exception):
    """Raised by functions and operators: the query registers `number` and `message` and goes on with null."""

    def __init__(self, number: int, message: str):
        self.number = number
        self.message = message
        super().__init__(f"[{number}] {message}")


def wrong_type(name: str) -> AqlWarning:
    """The warning about an argument of the wrong type for the function of that name; to be raised."""
    return AqlWarning(1542, f"invalid argument type in call to function '{name}()'")


def array_expected(name: str) -> AqlWarning:
    """The warning about an argument of the function that should have been an array; to be raised."""
    return AqlWarning(1563, f"in function '{name}()': array expected")


def reach(value, path):
    """The value at an attribute path, `("a", "b")` for `.a.b`; None where there is none."""
    for name in path:
        value = value.get(name) if type(value) is dict else None
    return value


def type_rank(value) -> int:
    """Return the place of the value's type in the order: 0 null, 1 bool, 2 number, 3 string, 4 array, 5 object."""
    return _RANKS[type(value)]


def compare(a, b) -> int:
    """Return -1, 0 or 1: the order of all values, first by type, then within the type.

    Arrays are compared element by element and objects attribute by attribute in the order of the names; what is
    missing counts as null. Strings follow `collation_key`.
    """
    kind, other = type(a), type(b)
    rank, other_rank = _RANKS[kind], _RANKS[other]
    if rank != other_rank:
        return -1 if rank < other_rank else 1
    if rank < 3:
        return 0 if rank == 0 or a == b else -1 if a < b else 1
    if rank == 3:
        return 0 if a == b else -1 if collation_key(a) < collation_key(b) else 1
    if rank == 4:
        for i in range(max(len(a), len(b))):
            order = compare(a[i] if i < len(a) else None, b[i] if i < len(b) else None)
            if order:
                return order
        return 0
    if equal(a, b):
        return 0
    return -1 if sort_key(a) < sort_key(b) else 1


class _Name:
    """An attribute name in the sort key of an object: of two first differing names the smaller makes the object greater.

    The object without that attribute has null there, which is less than any value that a sort key retains.
    """

    __slots__ = ("key",)

    def __init__(self, name: str):
        self.key = collation_key(name)

    def __eq__(self, other):
        return self.key == other.key

    def __lt__(self, other):
        return self.key > other.key

    __hash__ = None


def sort_key(value) -> tuple:
    """Return a key whose order among keys is that of `compare` among values; equal exactly where `compare` gives 0."""
    kind = type(value)
    if kind is float or kind is int:
        return (2, value)
    if kind is str:
        return (3, collation_key(value))
    if value is None:
        return _NULL
    if kind is bool:
        return (1, value)
    if kind is list:
        keys = [sort_key(element) for element in value]
        while keys and keys[-1] is _NULL:
            keys.pop()
        return (4, tuple(keys))
    if kind is dict:
        names = sorted((name for name, each in value.items() if each is not None), key=collation_key)
        return (5, tuple((_Name(name), sort_key(value[name])) for name in names))
    raise TypeError(f"no value of AQL: {kind.__name__}")


def hash_key(value):
    """Return a hashable key, equal exactly where `compare` gives 0 (1 and 1.0 are equal, 1 and true are not)."""
    kind = type(value)
    if kind is str or kind is int or kind is float or value is None:
        return value
    if kind is bool:
        return (1, value)
    if kind is list:
        end = len(value)
        while end and value[end - 1] is None:
            end -= 1
        return (4, *map(hash_key, value[:end]))
    if kind is dict:
        return (5, frozenset((name, hash_key(each)) for name, each in value.items() if each is not None))
    raise TypeError(f"no value of AQL: {kind.__name__}")


def equal(a, b) -> bool:
    """Return whether `compare` gives 0, without ordering anything."""
    kind, other = type(a), type(b)
    if kind is not other:
        return _RANKS[kind] == 2 == _RANKS[other] and a == b
    if kind is list:
        if len(a) == len(b):
            return all(map(equal, a, b))
        short, long = (a, b) if len(a) < len(b) else (b, a)
        return all(map(equal, short, long)) and all(each is None for each in long[len(short) :])
    if kind is dict:
        return all(equal(each, b.get(name)) for name, each in a.items()) and all(
            each is None or name in a for name, each in b.items()
        )
    return a == b


def number(value: float | int) -> int | float | None:
    """Return a computed number as a value: None for NaN and infinity, an int for a small integral float.

    Integers beyond 64 bits become floats.
    """
    if type(value) is int:
        if LEAST_INTEGER <= value <= GREATEST_INTEGER:
            return value
        try:
            return float(value)
        except OverflowError:
            return None
    if -EXACT < value < EXACT:
        whole = int(value)
        return whole if whole == value else value
    return value if math.isfinite(value) else None


def to_bool(value) -> bool:
    """Cast to bool: null, false, 0 and "" are false, all else is true, empty arrays and objects too."""
    kind = type(value)
    if kind is bool:
        return value
    return True if kind is list or kind is dict else bool(value)


def to_number(value) -> int | float:
    """Cast to a number: texts that are no numbers, objects and arrays of several elements give 0."""
    kind = type(value)
    if kind is float or kind is int:
        return value
    if kind is bool:
        return int(value)
    if kind is str:
        return _parse_number(value)
    if kind is list and len(value) == 1:
        return to_number(value[0])
    return 0


def _parse_number(text: str) -> int | float:
    text = text.strip(" \t\r\n\f\v")
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    if not _NUMBER.fullmatch(text):
        return 0
    try:
        return number(int(text))
    except ValueError:
        found = number(float(text))
        return 0 if found is None else found


def to_integer(value) -> int:
    """Cast to an integer as functions do with positions and lengths: fractions are cut off.

    Texts count up to their first character that is no digit; what is no number gives 0.
    """
    kind = type(value)
    if kind is int:
        return value
    if kind is float or kind is bool:
        return int(value)
    if kind is str:
        found = _INTEGER.match(value)
        return int(found.group()) if found else 0
    if kind is list and len(value) == 1:
        return to_integer(value[0])
    return 0


def to_string(value) -> str:
    """Cast to a string: "" for null, numbers in the shortest form, arrays and objects as compact JSON."""
    kind = type(value)
    if kind is str:
        return value
    if value is None:
        return ""
    return _json(value)


def to_list(value) -> list:
    """Cast to an array: [] for null, the attribute values of an object, [value] for a bool, number or string."""
    kind = type(value)
    if kind is list:
        return value
    if value is None:
        return []
    if kind is dict:
        return list(value.values())
    return [value]


def to_json(value) -> str:
    """Return the value as compact JSON with numbers as ArangoDB prints them."""
    return _json(value)


def _json(value) -> str:
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is int:
        return str(value)
    if kind is float:
        return _float_text(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is list:
        return f"[{','.join(map(_json, value))}]"
    return f"{{{','.join(f'{encode_basestring(name)}:{_json(each)}' for name, each in value.items())}}}"


def _float_text(value: float) -> str:
    """Print a float as ArangoDB does, which turns to exponents earlier than Python for long fractions."""
    if -EXACT < value < EXACT and value.is_integer():
        return str(int(value))
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    shift = int(exponent or 0) - len(fraction)  # the value is digits * 10 ** shift
    kept = digits.rstrip("0")
    shift += len(digits) - len(kept)
    sign = "-" if value < 0 else ""
    leading = shift + len(kept) - 1  # the power of ten of the first digit
    if shift >= 0 and leading < len(kept) + 7:
        return f"{sign}{kept}{'0' * shift}"
    if shift < 0 and (shift > -7 or abs(leading) < 4):
        if leading < 0:
            return f"{sign}0.{'0' * (-leading - 1)}{kept}"
        return f"{sign}{kept[: leading + 1]}.{kept[leading + 1 :]}"
    rest = f".{kept[1:]}" if len(kept) > 1 else ""
    return f"{sign}{kept[0]}{rest}e{'-' if leading < 0 else '+'}{abs(leading)}"
