import random
import unicodedata
from functools import cmp_to_key

import pytest
import pyuca
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.arango.embedded.aql.values import (
    AqlWarning,
    compare,
    equal,
    hash_key,
    number,
    sort_key,
    to_bool,
    to_integer,
    to_json,
    to_list,
    to_number,
    to_string,
    type_rank,
)
from workshop.arango.embedded.collation import collation_key
from workshop.arango.embedded.errors import ERRORS, ArangoError

NUMBERS = st.one_of(
    st.integers(-3, 3), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False, width=16)
)
TEXTS = st.text(alphabet="aAbBäÄáéß_-1 2.日Ω\u0301\x00", max_size=4)
NAMES = st.sampled_from(["a", "A", "b", "_key", "ä", "c"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
FAST = settings(max_examples=100, deadline=None)


def sign(number):
    return (number > 0) - (number < 0)


@FAST
@given(VALUES, VALUES)
def test_the_order_is_antisymmetric(a, b):
    assert compare(a, b) == -compare(b, a)
    assert compare(a, a) == 0


@FAST
@given(VALUES, VALUES, VALUES)
def test_the_order_is_transitive(a, b, c):
    low, middle, high = sorted([a, b, c], key=cmp_to_key(compare))
    assert compare(low, middle) <= 0 and compare(middle, high) <= 0 and compare(low, high) <= 0


@FAST
@given(VALUES, VALUES)
def test_sort_keys_have_the_order_of_the_values(a, b):
    one, other = sort_key(a), sort_key(b)
    assert (one > other) - (one < other) == compare(a, b)
    assert (one == other) is (compare(a, b) == 0)


@FAST
@given(VALUES, VALUES)
def test_hash_keys_are_equal_for_equal_values_only(a, b):
    assert (hash_key(a) == hash_key(b)) is (compare(a, b) == 0) is equal(a, b)
    if compare(a, b) == 0:
        assert hash(hash_key(a)) == hash(hash_key(b))


@FAST
@given(st.dictionaries(NAMES, NUMBERS | st.none(), max_size=4), st.dictionaries(NAMES, NUMBERS | st.none(), max_size=4))
def test_objects_are_compared_by_the_first_name_in_which_they_differ(a, b):
    differences = (compare(a.get(name), b.get(name)) for name in sorted({*a, *b}, key=collation_key))
    assert compare(a, b) == next((order for order in differences if order), 0)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (None, False),
        (False, True),
        (True, -5),
        (-5, 0),
        (2, 2.5),
        (2**53, 2**53 + 1),
        (10, ""),
        ("", "0"),
        ("10", "2"),
        ("A", "a"),
        ("a", "ab"),
        ("a", "B"),
        ("Z", "z"),
        ("a", "á"),
        ("áa", "ab"),
        ("a-b", "ab"),
        ("z", "Ω"),
        ("z", []),
        ([], [False]),
        ([1, 2], [2]),
        ([1], [1, None, 0]),
        ([9], {}),
        ({}, {"a": 0}),
        ({"b": 9}, {"a": 0}),
        ({"a": 1}, {"a": 1, "b": 0}),
    ],
)
def test_values_in_order(low, high):
    assert compare(low, high) == -1 and compare(high, low) == 1
    assert sort_key(low) < sort_key(high)
    assert not equal(low, high)


@pytest.mark.parametrize(
    ("a", "b"), [(1, 1.0), ([1], [1, None]), ({}, {"a": None}), (0, -0.0), ([{"a": [None]}], [{"a": []}])]
)
def test_values_that_are_equal(a, b):
    assert compare(a, b) == 0 and equal(a, b)
    assert sort_key(a) == sort_key(b) and hash_key(a) == hash_key(b)


@pytest.mark.parametrize(
    ("a", "b"), [(1, True), (0, False), (0, None), ("1", 1), ([1], [True]), ("", None), ([], {}), ("e\u0301", "é")]
)
def test_values_that_differ(a, b):
    assert compare(a, b) != 0 and not equal(a, b)
    assert hash_key(a) != hash_key(b)


def test_many_values_sort_alike_by_key_and_by_comparison():
    values = [None, True, False, 0, 1.5, -2, "b", "a", "B", "é", [], [1], [None, 2], {}, {"a": 1}, {"b": None, "c": 2}]
    random.Random(1).shuffle(values)
    assert sorted(values, key=sort_key) == sorted(values, key=cmp_to_key(compare))


# Case only decides between texts that are otherwise alike, so lower-case texts have the plain order of the algorithm.
@FAST
@given(*[st.text(alphabet="abzäáéßœñ _-.·19日本Ωя\u0301\u0308\x01l", max_size=8)] * 2)
def test_strings_follow_the_unicode_collation_algorithm(a, b):
    a, b = a.lower(), b.lower()
    plain = pyuca_key(a), pyuca_key(b)
    if plain[0] != plain[1]:
        assert (collation_key(a) < collation_key(b)) is (plain[0] < plain[1])
    else:
        assert (collation_key(a) < collation_key(b)) is (a < b)


def pyuca_key(text, collator=pyuca.Collator()):  # noqa: B008
    """The first two levels and, as nothing is a capital, the third."""
    elements = collator.collation_elements(unicodedata.normalize("NFD", text))
    return tuple(tuple(element[level] for element in elements if element[level]) for level in range(3))


def test_words_sort_as_in_a_dictionary():
    words = [
        "",
        " ",
        "_",
        "-",
        "1",
        "10",
        "2",
        "A",
        "a",
        "á",
        "Ä",
        "ä",
        "a-b",
        "AB",
        "Ab",
        "aB",
        "ab",
        "B",
        "b",
        "ss",
        "ß",
        "Z",
        "z",
    ]
    shuffled = words[:]
    random.Random(2).shuffle(shuffled)
    assert sorted(shuffled, key=collation_key) == words


def test_long_texts_have_the_order_of_short_ones():
    assert collation_key("b" * 500) < collation_key("B" * 501)
    assert collation_key("ä" * 500) < collation_key("b")


def test_texts_with_lone_surrogates_have_a_place():
    assert sort_key("\ud800") != sort_key("\ud801")


CASTS = [  # value, to_bool, to_number, to_string, to_list
    (None, False, 0, "", []),
    (False, False, 0, "false", [False]),
    (True, True, 1, "true", [True]),
    (0, False, 0, "0", [0]),
    (1.0, True, 1, "1", [1]),
    (-1.5, True, -1.5, "-1.5", [-1.5]),
    ("", False, 0, "", [""]),
    ("0", True, 0, "0", ["0"]),
    ("abc", True, 0, "abc", ["abc"]),
    ("1.5", True, 1.5, "1.5", ["1.5"]),
    (" -12 ", True, -12, " -12 ", [" -12 "]),
    ("1e3", True, 1000, "1e3", ["1e3"]),
    ("1e999", True, 0, "1e999", ["1e999"]),
    ("12 monkeys", True, 0, "12 monkeys", ["12 monkeys"]),
    ("٣", True, 0, "٣", ["٣"]),
    ("1_000", True, 0, "1_000", ["1_000"]),
    ("nan", True, 0, "nan", ["nan"]),
    ([], True, 0, "[]", []),
    ([7], True, 7, "[7]", [7]),
    ([["3"]], True, 3, '[["3"]]', [["3"]]),
    ([1, 2], True, 0, "[1,2]", [1, 2]),
    ({}, True, 0, "{}", []),
    ({"a": 1, "b": None}, True, 0, '{"a":1,"b":null}', [1, None]),
]


@pytest.mark.parametrize(("value", "as_bool", "as_number", "as_string", "as_list"), CASTS)
def test_casts(value, as_bool, as_number, as_string, as_list):
    assert to_bool(value) is as_bool
    assert to_number(value) == as_number
    assert to_string(value) == as_string
    assert to_list(value) == as_list


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, 0),
        (True, 1),
        (2.9, 2),
        (-2.9, -2),
        ("12 monkeys", 12),
        (" -3.7", -3),
        ("x", 0),
        ("", 0),
        ([5], 5),
        ([5, 6], 0),
        ({}, 0),
    ],
)
def test_casts_to_integers(value, expected):
    assert to_integer(value) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e15, "1000000000000000"),
        (1e20, "1e+20"),
        (1.5e300, "1.5e+300"),
        (123456.789, "123456.789"),
        (1234567.12345678, "1.23456712345678e+6"),
        (0.0001, "0.0001"),
        (1e-7, "1e-7"),
        (1.5e-9, "1.5e-9"),
        (0.012345678901, "0.012345678901"),
        (0.00012345678, "1.2345678e-4"),
        (18446744073709551616.0, "18446744073709552000"),
        (2**64 - 1, "18446744073709551615"),
    ],
)
def test_numbers_are_printed_as_the_server_prints_them(value, text):
    assert to_string(value) == text
    assert type(value)(text) == value


@FAST
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_numbers_read_back_as_the_same(value):
    assert float(to_string(value)) == value


def test_json_is_compact_and_keeps_letters_beyond_ascii():
    assert to_json({"a": [1, 2.0, None, True, 'ä\n"/']}) == '{"a":[1,2,null,true,"ä\\n\\"/"]}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.0, 2),
        (2.5, 2.5),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, 1e300),
        (2**64, float(2**64)),
        (-(2**70), -float(2**70)),
        (10**400, None),
    ],
)
def test_computed_numbers_become_values(value, expected):
    found = number(value)
    assert found == expected and type(found) is type(expected)


def test_types_rank_in_their_order():
    assert [type_rank(value) for value in (None, True, 1.5, "", [], {})] == [0, 1, 2, 3, 4, 5]


def test_errors_carry_status_and_message():
    error = ArangoError(1202)
    assert (error.number, error.http, error.message) == (1202, 404, "document not found")
    assert ArangoError(1200).http == 409 and ArangoError(1200, "conflict, _rev", http=412).http == 412
    assert "no such thing" in str(ArangoError(1203, "no such thing"))
    assert all(400 <= status < 600 and text for status, text in ERRORS.values())
    assert AqlWarning(1562, "division by zero").number == 1562
