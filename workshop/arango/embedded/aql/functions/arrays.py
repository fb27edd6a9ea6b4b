"""Functions of arrays. Elements are the same when they compare as equal; nothing is changed in place."""

from collections import Counter
from itertools import chain, zip_longest

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import (
    NUMERIC,
    array_expected,
    equal,
    hash_key,
    number,
    sort_key,
    to_bool,
    to_integer,
    to_number,
    to_string,
    wrong_type,
)
from workshop.arango.embedded.errors import ArangoError

_ABSENT = object()


def _contains(values: list, wanted) -> bool:
    return wanted in values if type(wanted) is str else any(equal(value, wanted) for value in values)


def _distinct(values) -> dict:
    """The first of each group of equal elements, by hash key, in the order of the array."""
    found = {}
    for value in values:
        found.setdefault(hash_key(value), value)
    return found


@function("LENGTH", 1, 1, also=("COUNT",))
def length(value):
    """Count elements, attributes, characters or the digits of a number; true counts 1, false and null 0."""
    kind = type(value)
    if kind is list or kind is str or kind is dict:
        return len(value)
    return int(value) if kind is bool else len(to_string(value))


@function("COUNT_DISTINCT", 1, 1, also=("COUNT_UNIQUE",))
def count_distinct(values):
    """Count the different elements."""
    if type(values) is not list:
        raise array_expected("COUNT_DISTINCT")
    return len(set(map(hash_key, values)))


@function("FIRST", 1, 1)
def first(values):
    """Return the first element; null when there is none."""
    if type(values) is not list:
        raise array_expected("FIRST")
    return values[0] if values else None


@function("LAST", 1, 1)
def last(values):
    """Return the last element; null when there is none."""
    if type(values) is not list:
        raise array_expected("LAST")
    return values[-1] if values else None


@function("NTH", 2, 2)
def nth(values, position):
    """Return the element at that position, counted from 0; null outside of the array."""
    if type(values) is not list:
        raise array_expected("NTH")
    if type(position) is not int:
        position = to_integer(position)
    return values[position] if 0 <= position < len(values) else None


@function("POSITION", 2, 3, also=("CONTAINS_ARRAY",))
def position_of(values, wanted, as_index=False):
    """Tell whether the element is in the array, or on demand at which position; -1 where it is not."""
    if type(values) is not list:
        raise array_expected("POSITION")
    if not to_bool(as_index):
        return _contains(values, wanted)
    return next((i for i, value in enumerate(values) if equal(value, wanted)), -1)


@function("APPEND", 2, 3)
def append(values, added, unique=False):
    """Return the array with the elements of another, or one value, at its end; on demand each element once."""
    if added is None or added == []:
        return values
    if values is None:
        return added
    if type(values) is not list:
        raise wrong_type("APPEND")
    joined = [*values, *added] if type(added) is list else [*values, added]
    return list(_distinct(joined).values()) if to_bool(unique) else joined


@function("PUSH", 2, 3)
def push(values, added, unique=False):
    """Return the array with one more element at its end; on demand only where it is not yet in there."""
    if values is None:
        return [added]
    if type(values) is not list:
        raise wrong_type("PUSH")
    return list(values) if to_bool(unique) and _contains(values, added) else [*values, added]


@function("UNSHIFT", 2, 3)
def unshift(values, added, unique=False):
    """Return the array with one more element at its start; on demand only where it is not yet in there."""
    if values is None:
        return [added]
    if type(values) is not list:
        raise wrong_type("UNSHIFT")
    return values if to_bool(unique) and _contains(values, added) else [added, *values]


@function("POP", 1, 1)
def pop(values):
    """Return the array without its last element."""
    if values is None:
        return None
    if type(values) is not list:
        raise wrong_type("POP")
    return values[:-1]


@function("SHIFT", 1, 1)
def shift(values):
    """Return the array without its first element."""
    if values is None:
        return None
    if type(values) is not list:
        raise wrong_type("SHIFT")
    return values[1:]


@function("REMOVE_VALUE", 2, 3)
def remove_value(values, unwanted, limit=None):
    """Return the array without the elements equal to that one, or without the first few of them."""
    if values is None:
        return []
    if type(values) is not list:
        raise wrong_type("REMOVE_VALUE")
    left = -1 if limit is None else to_integer(limit)  # below 0: as many as there are
    kept = []
    for value in values:
        if left and equal(value, unwanted):
            left -= 1
        else:
            kept.append(value)
    return kept


@function("REMOVE_VALUES", 2, 2)
def remove_values(values, unwanted):
    """Return the array without any of the elements of another."""
    if unwanted is None:
        return values
    if values is None:
        return []
    if type(values) is not list or type(unwanted) is not list:
        raise wrong_type("REMOVE_VALUES")
    keys = set(map(hash_key, unwanted))
    return [value for value in values if hash_key(value) not in keys]


@function("REMOVE_NTH", 2, 2)
def remove_nth(values, position):
    """Return the array without the element at that position; negative ones count from the end."""
    if values is None:
        return []
    if type(values) is not list:
        raise wrong_type("REMOVE_NTH")
    position = to_number(position)
    if not -len(values) <= position < len(values):
        return values
    index = int(position + len(values) if position < 0 else position)
    return values[:index] + values[index + 1 :]


@function("REPLACE_NTH", 3, 4)
def replace_nth(values, position, value, padding=_ABSENT):
    """Return the array with another element at that position, filled up to there with the padding where it is short.

    A position beyond the array's end without a padding is an error, and so is null as a position.
    """
    if type(values) is not list:
        raise wrong_type("REPLACE_NTH")
    index = to_integer(position)
    if index < 0:
        index = max(0, index + len(values))
    if position is None or (index > len(values) and padding is _ABSENT):
        raise ArangoError(1542, wrong_type("REPLACE_NTH").message)
    return values[:index] + [padding] * (index - len(values)) + [value] + values[index + 1 :]


@function("SLICE", 2, 3)
def aql_slice(values, start, count=None):
    """Return so many elements from a position on; a negative count says where to stop, seen from the end."""
    if type(values) is not list:
        raise wrong_type("SLICE")
    start = to_integer(start)
    if start < 0:
        start = max(0, start + len(values))
    if count is None:
        return values[start:]
    count = to_integer(count)
    return values[start : start + count if count >= 0 else max(0, count + len(values))]


@function("REVERSE", 1, 1)
def reverse(value):
    """Return the array or the text backwards."""
    if type(value) is list or type(value) is str:
        return value[::-1]
    raise array_expected("REVERSE")


@function("FLATTEN", 1, 2)
def flatten(values, depth=1):
    """Return the array with inner arrays replaced by their elements, down to that depth."""
    if type(values) is not list:
        raise array_expected("FLATTEN")
    return _flat(values, max(1, int(to_number(depth))))


def _flat(values: list, depth: int) -> list:
    result = []
    for value in values:
        if type(value) is not list:
            result.append(value)
        elif depth > 1:
            result.extend(_flat(value, depth - 1))
        else:
            result.extend(value)
    return result


@function("INTERLEAVE", 2, None)
def interleave(*arrays):
    """Return the first elements of all arrays, then the second ones, and so on."""
    if any(type(values) is not list for values in arrays):
        raise array_expected("INTERLEAVE")
    return [value for row in zip_longest(*arrays, fillvalue=_ABSENT) for value in row if value is not _ABSENT]


@function("UNIQUE", 1, 1)
def unique(values):
    """Return each different element once."""
    if type(values) is not list:
        raise array_expected("UNIQUE")
    return list(_distinct(values).values())


@function("SORTED", 1, 1)
def aql_sorted(values):
    """Return the elements in order."""
    if type(values) is not list:
        raise array_expected("SORTED")
    return sorted(values) if NUMERIC.issuperset(map(type, values)) else sorted(values, key=sort_key)


@function("SORTED_UNIQUE", 1, 1)
def sorted_unique(values):
    """Return each different element once, in order."""
    if type(values) is not list:
        raise array_expected("SORTED_UNIQUE")
    return sorted(_distinct(values).values(), key=sort_key)


@function("UNION", 2, None)
def union(*arrays):
    """Return the elements of all arrays."""
    if any(type(values) is not list for values in arrays):
        raise wrong_type("UNION")
    return list(chain(*arrays))


@function("UNION_DISTINCT", 2, None)
def union_distinct(*arrays):
    """Return each different element of the arrays once."""
    if any(type(values) is not list for values in arrays):
        raise wrong_type("UNION_DISTINCT")
    return list(_distinct(chain(*arrays)).values())


# The order of the following three is nobody's promise. ArangoDB's hash tables mostly give the newest element first.


@function("INTERSECTION", 2, None)
def intersection(*arrays):
    """Return the elements that are in all arrays."""
    if any(type(values) is not list for values in arrays):
        raise array_expected("INTERSECTION")
    others = [set(map(hash_key, values)) for values in arrays[1:]]
    found = [value for key, value in _distinct(arrays[0]).items() if all(key in other for other in others)]
    return found[::-1]


@function("OUTERSECTION", 2, None)
def outersection(*arrays):
    """Return the elements that occur once in all arrays together."""
    if any(type(values) is not list for values in arrays):
        raise array_expected("OUTERSECTION")
    counts = Counter(map(hash_key, chain(*arrays)))
    return [value for key, value in _distinct(chain(*arrays)).items() if counts[key] == 1][::-1]


@function("MINUS", 2, None)
def minus(values, *others):
    """Return the different elements of the first array that are in none of the others."""
    if type(values) is not list or any(type(other) is not list for other in others):
        raise wrong_type("MINUS")
    unwanted = set(map(hash_key, chain(*others)))
    return [value for key, value in _distinct(values).items() if key not in unwanted][::-1]


@function("JACCARD", 2, 2)
def jaccard(one, other):
    """Return how many of the different elements are in both arrays, as a share of all."""
    if type(one) is not list or type(other) is not list:
        raise array_expected("JACCARD")
    one, other = set(map(hash_key, one)), set(map(hash_key, other))
    return number(len(one & other) / len(one | other)) if one or other else 1
