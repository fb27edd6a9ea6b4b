import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.arango.embedded.aql import functions
from workshop.arango.embedded.aql.values import AqlWarning
from workshop.arango.embedded.errors import ArangoError

WARNS_TYPE = 1542
WARNS_ARRAY = 1563
WARNS_ARITHMETIC = 1561


class Context:
    """Stands for a query's context where a function only warns."""

    def __init__(self):
        self.warnings = []

    def warn(self, number, message):
        self.warnings.append(number)


def call(name, *arguments, context=None):
    found = functions.find(name)
    assert found.least <= len(arguments) and (found.most is None or len(arguments) <= found.most)
    return found.call(context or Context(), *arguments) if found.context else found.call(*arguments)


def check(name, arguments, expected):
    before = repr(arguments)
    found = call(name, *arguments)
    assert repr(arguments) == before, "arguments are not changed"
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-12)
    else:
        assert found == expected and type(found) is type(expected)


def warns(name, arguments, number):
    with pytest.raises(AqlWarning) as caught:
        call(name, *arguments)
    assert caught.value.number == number
    assert name in caught.value.message


def test_functions_are_found_in_any_case():
    assert functions.find("length").name == "LENGTH"
    assert functions.find("Count").call is functions.find("LENGTH").call
    with pytest.raises(ArangoError) as caught:
        functions.find("no_such_thing")
    assert (caught.value.number, caught.value.message) == (1540, "usage of unknown function 'NO_SUCH_THING()'")


def test_a_name_is_registered_once():
    with pytest.raises(ValueError):
        functions.function("LENGTH", 1, 1)(len)


def test_functions_of_chance_are_never_folded():
    assert not functions.find("RAND").deterministic
    assert functions.find("SQRT").deterministic
    assert 0 <= call("RAND") <= 1


TYPES = [None, True, 1, 1.5, "a", [1], {"a": 1}]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("IS_NULL", {0}),
        ("IS_BOOL", {1}),
        ("IS_NUMBER", {2, 3}),
        ("IS_STRING", {4}),
        ("IS_ARRAY", {5}),
        ("IS_LIST", {5}),
        ("IS_OBJECT", {6}),
        ("IS_DOCUMENT", {6}),
        ("IS_KEY", {4}),
    ],
)
def test_types_are_told_apart(name, places):
    assert [call(name, value) for value in TYPES] == [i in places for i in range(len(TYPES))]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("TYPENAME", [None], "null"),
        ("TYPENAME", [False], "bool"),
        ("TYPENAME", [0.5], "number"),
        ("TYPENAME", [[]], "array"),
        ("TYPENAME", [{}], "object"),
        ("IS_KEY", ["a/b"], False),
        ("IS_KEY", [""], False),
        ("IS_KEY", ["x" * 254], True),
        ("IS_KEY", ["x" * 255], False),
        ("IS_KEY", ["A-z_0:.@()+,=;$!*'%"], True),
        ("IS_KEY", ["a\n"], False),
        ("TO_NUMBER", ["x"], 0),
        ("TO_STRING", [[1, {"a": "b"}]], '[1,{"a":"b"}]'),
        ("TO_BOOL", [[]], True),
        ("TO_ARRAY", [{"a": 1}], [1]),
        ("TO_LIST", [None], []),
    ],
)
def test_casts_and_type_names(name, arguments, expected):
    check(name, arguments, expected)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("ABS", [-5], 5),
        ("ABS", ["-5"], 5),
        ("ABS", [None], 0),
        ("ACOS", [2], None),
        ("ACOS", [0.5], math.acos(0.5)),
        ("ASIN", [1], math.pi / 2),
        ("ATAN", [1], math.pi / 4),
        ("ATAN2", [1, -1], 3 * math.pi / 4),
        ("CEIL", [2.1], 3),
        ("CEIL", [-2.9], -2),
        ("COS", [0], 1),
        ("DEGREES", [math.pi], 180),
        ("EXP", [0], 1),
        ("EXP", [1000], None),
        ("EXP2", [10], 1024),
        ("EXP2", [5000], None),
        ("FLOOR", [-2.1], -3),
        ("FLOOR", [1e300], 1e300),
        ("LOG", [0], None),
        ("LOG", [-1], None),
        ("LOG", [math.e], 1),
        ("LOG2", [1024], 10),
        ("LOG10", [1000], 3),
        ("PI", [], math.pi),
        ("POW", [2, 4], 16),
        ("POW", [4, 0.5], 2),
        ("POW", [2, -1], 0.5),
        ("POW", ["2", True], 2),
        ("POW", [None, 0], 1),
        ("POW", [0, -1], None),
        ("POW", [-1, 0.5], None),
        ("POW", [10, 400], None),
        ("POW", [10, 300], 1e300),
        ("RADIANS", [180], math.pi),
        ("ROUND", [2.5], 3),
        ("ROUND", [-2.5], -2),
        ("ROUND", [2.49], 2),
        ("ROUND", [[]], 0),
        ("SIN", [0], 0),
        ("SQRT", [9], 3),
        ("SQRT", [2], math.sqrt(2)),
        ("SQRT", [-1], None),
        ("SQRT", ["9"], 3),
        ("SQRT", [1e200], 1e100),
        ("TAN", [0], 0),
    ],
)
def test_numbers(name, arguments, expected):
    check(name, arguments, expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([1, 4], [1, 2, 3, 4]),
        ([4, 1], [4, 3, 2, 1]),
        ([2, 2], [2]),
        ([1.9, "3"], [1, 2, 3]),
        ([1, 4, 2], [1, 3]),
        ([1, 4, None], [1, 2, 3, 4]),
        ([10, 1, -4], [10, 6, 2]),
        ([1, 1, 5], [1]),
        ([0, 1, 0.25], [0, 0.25, 0.5, 0.75, 1]),
        ([-0.75, 1.1, 0.5], [-0.75, -0.25, 0.25, 0.75]),
        ([1, 2.5, 1], [1, 2]),
        ([2.5, 0, -1], [2.5, 1.5, 0.5]),
    ],
)
def test_ranges(arguments, expected):
    check("RANGE", arguments, expected)


def test_ranges_that_lead_nowhere_warn():
    warns("RANGE", [1, 4, 0], WARNS_TYPE)
    warns("RANGE", [1, 4, -1], WARNS_TYPE)
    warns("RANGE", [4, 1, 1], WARNS_TYPE)


@pytest.mark.parametrize("arguments", [[1, 10**9], [0, 1, 1e-9], [10**9, 1, -1]])
def test_ranges_have_an_end(arguments):
    with pytest.raises(ArangoError) as caught:
        call("RANGE", *arguments)
    assert caught.value.http == 400


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("SUM", [[1, 2, 3]], 6),
        ("SUM", [[0.5, None, 0.5]], 1),
        ("SUM", [[]], 0),
        ("SUM", [["1"]], None),
        ("SUM", [[True]], None),
        ("SUM", [[1e308, 1e308]], 0),
        ("PRODUCT", [[2, 3, None, 4]], 24),
        ("PRODUCT", [[]], 1),
        ("PRODUCT", [["2"]], None),
        ("PRODUCT", [[1e308, 10]], 0),
        ("AVERAGE", [[1, 2, None]], 1.5),
        ("AVG", [[5, 5]], 5),
        ("AVG", [[]], None),
        ("AVG", [[None]], None),
        ("MIN", [[3, 1, 2]], 1),
        ("MIN", [[None, "a", 5]], 5),
        ("MIN", [[]], None),
        ("MIN", [[None]], None),
        ("MAX", [[3, 1, 2.5]], 3),
        ("MAX", [[None, "a", 5, True]], "a"),
        ("MAX", [["b", "B"]], "b"),
        ("MAX", [[]], None),
        ("MEDIAN", [[3, 1, 2]], 2),
        ("MEDIAN", [[4, None, 1, 2, 3]], 2.5),
        ("MEDIAN", [[]], None),
        ("PERCENTILE", [[1, 2, 3, 4], 50], 2),
        ("PERCENTILE", [[1, 2, 3, 4], 50, "rank"], 2),
        ("PERCENTILE", [[1, 2, 3, 4], 50, "interpolation"], 2.5),
        ("PERCENTILE", [[1, 2, 3, 4], 100], 4),
        ("PERCENTILE", [[1, 2, 3, 4], 1, "interpolation"], None),
        ("PERCENTILE", [[1, 2, 3, 4], 99, "interpolation"], 4),
        ("PERCENTILE", [[7], 30], 7),
        ("PERCENTILE", [[], 30], None),
        ("VARIANCE", [[1, 3, 6, 5, 2]], 3.44),
        ("VARIANCE_POPULATION", [[1, 3, None, 6, 5, 2]], 3.44),
        ("VARIANCE_SAMPLE", [[1, 3, 6, 5, 2]], 4.3),
        ("VARIANCE_SAMPLE", [[1]], None),
        ("VARIANCE", [[]], None),
        ("STDDEV", [[1, 3, 6, 5, 2]], math.sqrt(3.44)),
        ("STDDEV_POPULATION", [[2, 2]], 0),
        ("STDDEV_SAMPLE", [[1, 3, 6, 5, 2]], math.sqrt(4.3)),
    ],
)
def test_statistics(name, arguments, expected):
    check(name, arguments, expected)


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        *[(name, [None], WARNS_ARRAY) for name in ("SUM", "PRODUCT", "AVERAGE", "MIN", "MAX", "MEDIAN", "VARIANCE_SAMPLE")],
        ("PERCENTILE", ["x", 50], WARNS_ARRAY),
        ("AVERAGE", [[1, "2"]], WARNS_ARRAY),
        ("MEDIAN", [[1, "2"]], WARNS_ARITHMETIC),
        ("STDDEV_SAMPLE", [[1, []]], WARNS_ARITHMETIC),
        ("PERCENTILE", [[1], 0], WARNS_TYPE),
        ("PERCENTILE", [[1], 101], WARNS_TYPE),
        ("PERCENTILE", [[1], "50"], WARNS_TYPE),
        ("PERCENTILE", [[1], 50, "median"], WARNS_TYPE),
    ],
)
def test_statistics_of_anything_else_warn(name, arguments, number):
    warns(name, arguments, number)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("BIT_AND", [[1, 4, 8, 16]], 0),
        ("BIT_AND", [[3, None, 7, 63]], 3),
        ("BIT_AND", [127, 255], 127),
        ("BIT_AND", [[]], None),
        ("BIT_OR", [[1, 4, 8, 16]], 29),
        ("BIT_XOR", [[1, 4, 8, 5]], 8),
        ("BIT_XOR", [255, 257], 510),
        ("BIT_NEGATE", [0, 8], 255),
        ("BIT_NEGATE", [0, 32], 4294967295),
        ("BIT_NEGATE", [5, 0], 0),
        ("BIT_TEST", [255, 0], True),
        ("BIT_TEST", [7, 3], False),
        ("BIT_POPCOUNT", [255], 8),
        ("BIT_SHIFT_LEFT", [0b0001, 1, 4], 2),
        ("BIT_SHIFT_LEFT", [255, 2, 8], 252),
        ("BIT_SHIFT_RIGHT", [51, 2, 8], 12),
        ("BIT_CONSTRUCT", [[1, 2, 3]], 14),
        ("BIT_CONSTRUCT", [[]], 0),
        ("BIT_DECONSTRUCT", [14], [1, 2, 3]),
        ("BIT_DECONSTRUCT", [0], []),
        ("BIT_TO_STRING", [7, 4], "0111"),
        ("BIT_TO_STRING", [255, 0], ""),
        ("BIT_FROM_STRING", ["0111"], 7),
        ("BIT_FROM_STRING", [""], 0),
    ],
)
def test_bits(name, arguments, expected):
    check(name, arguments, expected)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("BIT_AND", [1]),
        ("BIT_AND", [1, -1]),
        ("BIT_OR", [[1, "2"]]),
        ("BIT_XOR", [1, True]),
        ("BIT_NEGATE", [1, 33]),
        ("BIT_TEST", [1, 32]),
        ("BIT_POPCOUNT", [2**32]),
        ("BIT_SHIFT_LEFT", [1, 33, 4]),
        ("BIT_CONSTRUCT", [[32]]),
        ("BIT_CONSTRUCT", [3]),
        ("BIT_DECONSTRUCT", ["1"]),
        ("BIT_TO_STRING", [1, None]),
        ("BIT_FROM_STRING", ["012"]),
        ("BIT_FROM_STRING", ["1" * 33]),
    ],
)
def test_bits_of_anything_else_warn(name, arguments):
    warns(name, arguments, WARNS_TYPE)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("LENGTH", [[1, 2]], 2),
        ("LENGTH", ["äöü"], 3),
        ("LENGTH", [{"a": 1}], 1),
        ("LENGTH", [None], 0),
        ("LENGTH", [True], 1),
        ("LENGTH", [False], 0),
        ("COUNT", [12.5], 4),
        ("COUNT_DISTINCT", [[1, 1.0, True, "1", None]], 4),
        ("COUNT_UNIQUE", [[]], 0),
        ("FIRST", [[1, 2]], 1),
        ("FIRST", [[]], None),
        ("LAST", [[1, 2]], 2),
        ("LAST", [[]], None),
        ("NTH", [["a", "b"], 1], "b"),
        ("NTH", [["a", "b"], 2], None),
        ("NTH", [["a", "b"], -1], None),
        ("NTH", [["a", "b"], "1"], "b"),
        ("NTH", [["a", "b"], None], "a"),
        ("NTH", [["a", "b"], 1.9], "b"),
        ("POSITION", [[1, True], True], True),
        ("POSITION", [[1, 2], True], False),
        ("POSITION", [["a", "b"], "b", True], 1),
        ("POSITION", [["a", "b"], "c", True], -1),
        ("CONTAINS_ARRAY", [[[1]], [1.0]], True),
        ("APPEND", [[1, 2], [2, 3]], [1, 2, 2, 3]),
        ("APPEND", [[1, 1], [2, 1], True], [1, 2]),
        ("APPEND", [[1], "x"], [1, "x"]),
        ("APPEND", [[1], None], [1]),
        ("APPEND", [None, [2]], [2]),
        ("APPEND", ["x", []], "x"),
        ("PUSH", [[1], [2]], [1, [2]]),
        ("PUSH", [[1, 2], 2.0, True], [1, 2]),
        ("PUSH", [None, 1], [1]),
        ("UNSHIFT", [[1], 0], [0, 1]),
        ("UNSHIFT", [[1, 2], 2, True], [1, 2]),
        ("UNSHIFT", [None, 1], [1]),
        ("POP", [[1, 2]], [1]),
        ("POP", [[]], []),
        ("POP", [None], None),
        ("SHIFT", [[1, 2]], [2]),
        ("SHIFT", [[]], []),
        ("SHIFT", [None], None),
        ("REMOVE_VALUE", [["a", "b", "a"], "a"], ["b"]),
        ("REMOVE_VALUE", [["a", "b", "a"], "a", 1], ["b", "a"]),
        ("REMOVE_VALUE", [["a", "b", "a"], "a", 0], ["a", "b", "a"]),
        ("REMOVE_VALUE", [[1, True, 1.0], 1], [True]),
        ("REMOVE_VALUE", [None, 1], []),
        ("REMOVE_VALUES", [[1, True, 2, 1], [1, 3]], [True, 2]),
        ("REMOVE_VALUES", [None, [1]], []),
        ("REMOVE_VALUES", [[1], None], [1]),
        ("REMOVE_NTH", [["a", "b", "c"], 1], ["a", "c"]),
        ("REMOVE_NTH", [["a", "b", "c"], -1], ["a", "b"]),
        ("REMOVE_NTH", [["a", "b", "c"], 3], ["a", "b", "c"]),
        ("REMOVE_NTH", [["a", "b", "c"], -4], ["a", "b", "c"]),
        ("REMOVE_NTH", [None, 0], []),
        ("REPLACE_NTH", [["a", "b"], 1, "z"], ["a", "z"]),
        ("REPLACE_NTH", [["a", "b"], 2, "z"], ["a", "b", "z"]),
        ("REPLACE_NTH", [["a", "b"], 4, "z", "y"], ["a", "b", "y", "y", "z"]),
        ("REPLACE_NTH", [["a", "b"], -1, "z"], ["a", "z"]),
        ("REPLACE_NTH", [["a", "b"], -9, "z"], ["z", "b"]),
        ("SLICE", [[1, 2, 3, 4, 5], 0, 1], [1]),
        ("SLICE", [[1, 2, 3, 4, 5], 3], [4, 5]),
        ("SLICE", [[1, 2, 3, 4, 5], 1, -1], [2, 3, 4]),
        ("SLICE", [[1, 2, 3, 4, 5], -3, 2], [3, 4]),
        ("SLICE", [[1, 2, 3, 4, 5], -9, 2], [1, 2]),
        ("SLICE", [[1, 2, 3], 0, -9], []),
        ("SLICE", [[1, 2, 3], 9, 2], []),
        ("SLICE", [[1, 2, 3], 0, 0], []),
        ("REVERSE", [[1, 2]], [2, 1]),
        ("REVERSE", ["añb"], "bña"),
        ("FLATTEN", [[1, [2, [3, [4]]]]], [1, 2, [3, [4]]]),
        ("FLATTEN", [[1, [2, [3, [4]]]], 2], [1, 2, 3, [4]]),
        ("FLATTEN", [[1, [2]], 0], [1, 2]),
        ("FLATTEN", [[[], [[]]]], [[]]),
        ("INTERLEAVE", [[1, 1, 1], [2], [3, 3]], [1, 2, 3, 1, 3, 1]),
        ("INTERLEAVE", [[None, 1], []], [None, 1]),
        ("UNIQUE", [[2, 1, 2.0, True, [1], [1]]], [2, 1, True, [1]]),
        ("SORTED", [[3, 1.5, 2]], [1.5, 2, 3]),
        ("SORTED", [["b", None, 1, "a", True]], [None, True, 1, "a", "b"]),
        ("SORTED_UNIQUE", [["b", 1, "a", 1, "b"]], [1, "a", "b"]),
        ("UNION", [[1, 2], [2]], [1, 2, 2]),
        ("UNION_DISTINCT", [[1, 2], [2, 3], [1]], [1, 2, 3]),
        ("JACCARD", [[1, 2, 3, 4], [3, 4, 5, 6]], 1 / 3),
        ("JACCARD", [[1, 1], []], 0),
        ("JACCARD", [[], []], 1),
    ],
)
def test_arrays(name, arguments, expected):
    check(name, arguments, expected)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("INTERSECTION", [[1, 2, 2, 3], [2, 3, 4], [3, 2]], {2, 3}),
        ("INTERSECTION", [[1], [2]], set()),
        ("OUTERSECTION", [[1, 2, 3], [2, 3, 4], [3, 4, 5]], {1, 5}),
        ("OUTERSECTION", [[1, 1], [2]], {2}),
        ("MINUS", [[1, 2, 3, 3, 4], [3, 4, 5]], {1, 2}),
        ("MINUS", [[1], [], [1]], set()),
    ],
)
def test_sets_of_elements(name, arguments, expected):
    found = call(name, *arguments)
    assert set(found) == expected and len(found) == len(expected)


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        *[
            (name, ["x"], WARNS_ARRAY)
            for name in ("FIRST", "LAST", "COUNT_DISTINCT", "FLATTEN", "UNIQUE", "SORTED", "SORTED_UNIQUE")
        ],
        *[(name, [None, 1], WARNS_ARRAY) for name in ("NTH", "POSITION")],
        *[(name, [[], None], WARNS_ARRAY) for name in ("INTERSECTION", "OUTERSECTION", "JACCARD", "INTERLEAVE")],
        *[(name, [[], None], WARNS_TYPE) for name in ("UNION", "UNION_DISTINCT", "MINUS")],
        *[
            (name, ["x", [1]], WARNS_TYPE)
            for name in ("APPEND", "PUSH", "UNSHIFT", "REMOVE_VALUE", "REMOVE_VALUES", "REMOVE_NTH", "SLICE")
        ],
        *[(name, ["x"], WARNS_TYPE) for name in ("POP", "SHIFT")],
        ("REVERSE", [None], WARNS_ARRAY),
        ("REVERSE", [{}], WARNS_ARRAY),
        ("REPLACE_NTH", [None, 0, 1], WARNS_TYPE),
    ],
)
def test_anything_but_arrays_warns(name, arguments, number):
    warns(name, arguments, number)


@pytest.mark.parametrize("arguments", [[["a"], None, "z"], [["a"], 2, "z"]])
def test_replacing_beyond_the_end_without_padding_is_an_error(arguments):
    with pytest.raises(ArangoError) as caught:
        call("REPLACE_NTH", *arguments)
    assert caught.value.number == 1542


DOCUMENT = {"_key": "1", "_id": "users/1", "name": "Ann", "tags": ["x", {"y": 5}], "none": None}


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("HAS", [DOCUMENT, "name"], True),
        ("HAS", [DOCUMENT, "none"], True),
        ("HAS", [DOCUMENT, "age"], False),
        ("HAS", [{"5": 1}, 5], True),
        ("HAS", [None, "name"], False),
        ("ATTRIBUTES", [{"b": 1, "_a": 2}], ["b", "_a"]),
        ("KEYS", [{"b": 1, "_a": 2, "a": 3}, True, True], ["a", "b"]),
        ("ATTRIBUTES", [{}], []),
        ("VALUES", [{"b": 1, "_a": 2}], [1, 2]),
        ("VALUES", [{"b": 1, "_a": 2}, True], [1]),
        ("ENTRIES", [{"a": 1, "b": None}], [["a", 1], ["b", None]]),
        ("VALUE", [DOCUMENT, ["tags", 1, "y"]], 5),
        ("VALUE", [DOCUMENT, ["tags", 9]], None),
        ("VALUE", [DOCUMENT, ["tags", -1]], None),
        ("VALUE", [DOCUMENT, ["age"]], None),
        ("VALUE", [DOCUMENT, ["name", "age"]], None),
        ("VALUE", [DOCUMENT, []], None),
        ("KEEP", [{"a": 1, "b": 2, "c": 3}, "a", ["c", "d"]], {"a": 1, "c": 3}),
        ("KEEP", [{"a": 1, "5": 2}, 5, None], {"5": 2}),
        ("KEEP_RECURSIVE", [{"a": {"a": 1, "b": 2}, "b": {"a": 1}}, "a"], {"a": {"a": 1}}),
        ("UNSET", [{"a": 1, "b": {"a": 1}}, "a"], {"b": {"a": 1}}),
        ("UNSET_RECURSIVE", [{"a": 1, "b": {"a": 1, "c": 2}}, ["a"]], {"b": {"c": 2}}),
        ("MERGE", [{"a": 1, "b": {"x": 1}}, {"b": {"y": 2}}], {"a": 1, "b": {"y": 2}}),
        ("MERGE", [[{"a": 1}, {"b": 2}, {"a": 3}]], {"a": 3, "b": 2}),
        ("MERGE", [{"a": 1}], {"a": 1}),
        ("MERGE", [[]], {}),
        ("MERGE", [{"a": 1}, {"a": None}], {"a": None}),
        (
            "MERGE_RECURSIVE",
            [{"a": {"x": 1, "z": {"p": 1}}}, {"a": {"y": 2, "z": {"q": 2}}}],
            {"a": {"x": 1, "z": {"p": 1, "q": 2}, "y": 2}},
        ),
        ("MERGE_RECURSIVE", [{"a": {"x": 1}}, {"a": 5}, {"a": {"y": 1}}], {"a": {"y": 1}}),
        ("MATCHES", [{"a": 1, "b": [2]}, {"a": 1.0}], True),
        ("MATCHES", [{"a": 1}, [{"a": 2}, {"a": 1, "c": None}], True], 1),
        ("MATCHES", [{"a": 1}, [{"a": True}], True], -1),
        ("MATCHES", [{"a": 1}, {"b": 2}], False),
        ("MATCHES", [{"a": 1}, {}], True),
        ("MATCHES", [None, {}], False),
        ("TRANSLATE", ["FR", {"FR": "France"}], "France"),
        ("TRANSLATE", [42, {"42": True}], True),
        ("TRANSLATE", [42, {}], 42),
        ("TRANSLATE", [42, {}, None], None),
        ("ZIP", [["a", "b", "a"], [1, 2, 3]], {"a": 1, "b": 2}),
        ("ZIP", [[1, None], ["x", "y"]], {"1": "x", "": "y"}),
        ("JSON_STRINGIFY", [{"a": [1.0, "é"]}], '{"a":[1,"é"]}'),
        ("JSON_STRINGIFY", ["x"], '"x"'),
        ("JSON_STRINGIFY", [None], "null"),
        ("JSON_PARSE", ['{"a": [1, null]}'], {"a": [1, None]}),
        ("JSON_PARSE", ['"abc"'], "abc"),
        ("PARSE_IDENTIFIER", ["users/1"], {"collection": "users", "key": "1"}),
        ("PARSE_IDENTIFIER", [DOCUMENT], {"collection": "users", "key": "1"}),
        ("PARSE_COLLECTION", [DOCUMENT], "users"),
        ("PARSE_KEY", ["users/1"], "1"),
    ],
)
def test_objects(name, arguments, expected):
    check(name, arguments, expected)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[(name, [[1]]) for name in ("ATTRIBUTES", "VALUES", "ENTRIES", "MERGE", "MERGE_RECURSIVE")],
        *[(name, [None, "a"]) for name in ("KEEP", "KEEP_RECURSIVE", "UNSET", "UNSET_RECURSIVE", "VALUE", "TRANSLATE")],
        ("VALUE", [{}, "a"]),
        ("MERGE", [{}, None]),
        ("MERGE", [[{}], {}]),
        ("ZIP", [["a"], []]),
        ("ZIP", ["a", "b"]),
        *[("JSON_PARSE", [text]) for text in (None, "", "{", "NaN", "1e999", "[1,]")],
        *[
            (f"PARSE_{part}", [value])
            for part in ("IDENTIFIER", "COLLECTION", "KEY")
            for value in (None, "x", "a/b/c", {}, {"_id": 5})
        ],
    ],
)
def test_anything_but_objects_warns(name, arguments):
    warns(name, arguments, WARNS_TYPE)


def test_names_and_examples_of_the_wrong_type_are_left_out_with_a_warning():
    context = Context()
    assert call("KEEP", {"a": 1, "b": 2}, ["a", 5], context=context) == {"a": 1}
    assert call("MATCHES", {"a": 1}, [7, {"a": 1}], True, context=context) == 1
    assert context.warnings == [WARNS_TYPE, WARNS_TYPE]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("COSINE_SIMILARITY", [[0, 1], [1, 0]], 0),
        ("COSINE_SIMILARITY", [[1, 2], [2, 4]], 1.0),
        ("COSINE_SIMILARITY", [[1.5, -2], [-1.5, 2]], -1.0),
        ("L1_DISTANCE", [[1, 1], [3, 5]], 6),
        ("L1_DISTANCE", [[1.5], [3]], 1.5),
        ("L2_DISTANCE", [[1, 1], [4, 5]], 5),
        ("L2_DISTANCE", [[1e200], [-1e200]], None),
    ],
)
def test_vectors(name, arguments, expected):
    found = call(name, *arguments)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize("flipped", [False, True])
def test_a_matrix_against_a_vector_gives_one_number_for_each_row(flipped):
    arguments = [[[0, 1], [1, 0], [1, 1]], [0, 1]][:: -1 if flipped else 1]
    assert call("L1_DISTANCE", *arguments) == [0, 2, 1]
    assert call("L2_DISTANCE", *arguments) == pytest.approx([0, math.sqrt(2), 1])
    assert call("COSINE_SIMILARITY", *arguments) == pytest.approx([1, 0, math.sqrt(0.5)])


@pytest.mark.parametrize("name", ["COSINE_SIMILARITY", "L1_DISTANCE", "L2_DISTANCE"])
@pytest.mark.parametrize(
    "arguments",
    [
        [[1], [1, 2]],
        [[], []],
        [[1], None],
        ["ab", "ab"],
        [[1], ["1"]],
        [[True], [1]],
        [[None], [1]],
        [[[1, 2], [1]], [1, 2]],
        [[[1], 2], [1]],
        [[[1]], [[1]]],
    ],
)
def test_vectors_that_do_not_fit_warn(name, arguments):
    warns(name, arguments, WARNS_TYPE)


@pytest.mark.parametrize("arguments", [[[0, 0], [1, 1]], [[[1, 1], [0, 0]], [1, 1]]])
def test_vectors_without_length_have_no_direction(arguments):
    warns("COSINE_SIMILARITY", arguments, WARNS_ARITHMETIC)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.floats(-1e6, 1e6).map(lambda value: value if abs(value) > 1e-3 else 1.0)] * 2),
        min_size=1,
        max_size=20,
    )
)
def test_vectors_agree_with_numpy(pairs):
    one, other = (list(each) for each in zip(*pairs))
    assert call("L1_DISTANCE", one, other) == pytest.approx(np.abs(np.subtract(one, other)).sum())
    assert call("L2_DISTANCE", one, other) == pytest.approx(np.linalg.norm(np.subtract(one, other)))
    cosine = np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other))
    assert call("COSINE_SIMILARITY", one, other) == pytest.approx(cosine, abs=1e-9)


@pytest.mark.parametrize("name", ["APPROX_NEAR_COSINE", "APPROX_NEAR_L2", "APPROX_NEAR_INNER_PRODUCT"])
def test_approximate_search_needs_an_index(name):
    for arguments in ([[1], [1]], [[1], [1], {"nProbe": 5}]):
        with pytest.raises(ArangoError) as caught:
            call(name, *arguments)
        assert caught.value.number == 1554 and caught.value.http == 400


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from("abAB")), max_size=8))
def test_sorting_and_uniqueness_keep_all_different_elements(values):
    distinct = call("UNIQUE", values)
    assert call("SORTED_UNIQUE", values) == call("SORTED", distinct)
    assert len(distinct) == call("COUNT_DISTINCT", values)
    assert call("LENGTH", call("SORTED", values)) == len(values)
    assert call("MINUS", values, values) == []
