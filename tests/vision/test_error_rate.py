"""The character error rate, on cases counted by hand and against the definition of the distance."""

import functools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.vision.error_rate import character_error_rate, distance, page_text, pooled_error_rate


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", 0),
        ("open", "open", 0),
        ("open", "oden", 1),
        ("open", "opens", 1),
        ("open", "pen", 1),
        ("open", "", 4),
        ("", "open", 4),
        ("kitten", "sitting", 3),
        ("ab", "ba", 2),
        ("Tür", "Tur", 1),
        ("Open", "open", 1),
    ],
)
def test_distance(first, second, expected):
    assert distance(first, second) == expected


@given(st.text("abc ", max_size=8), st.text("abc ", max_size=8))
def test_distance_is_the_recursive_definition(first, second):
    @functools.cache
    def away(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(away(i - 1, j) + 1, away(i, j - 1) + 1, away(i - 1, j - 1) + (first[i - 1] != second[j - 1]))

    assert distance(first, second) == distance(second, first) == away(len(first), len(second))


@pytest.mark.parametrize(
    ("expected", "found", "rate"),
    [
        (["Exit 24"], ["Exit 24"], 0),
        (["Exit 24"], ["Exit 29"], 1 / 7),
        (["Exit 24"], ["Exit 244"], 1 / 7),
        (["Exit 24"], ["Exit 4"], 1 / 7),
        (["Exit 24"], ["Exit24"], 1 / 7),
        (["Exit 24"], [], 1),
        (["Exit 24"], [""], 1),
        (["Exit 24"], ["Exit", "24"], 0),
        (["Exit 24"], ["  Exit \t 24 "], 0),
        (["a", "b"], ["b", "a"], 2 / 3),
        (["a"], ["abcd"], 3),
        ([], [], 0),
        ([], ["a"], math.inf),
    ],
)
def test_character_error_rate(expected, found, rate):
    assert character_error_rate(expected, found) == pytest.approx(rate)


def test_without_spaces():
    assert character_error_rate(["Exit 24", "Mind the step"], ["Exit24", "Mindthestep"], spaces=False) == 0
    assert character_error_rate(["Exit 24"], ["Exit29"], spaces=False) == pytest.approx(1 / 6)
    assert page_text([" a  b ", "", "c"]) == "a b c"
    assert page_text([" a  b ", "", "c"], spaces=False) == "abc"


def test_pages_are_pooled_not_averaged():
    pairs = [(["abcd"], ["abcd"]), (["ab"], ["xy"]), ([], ["z"])]
    assert pooled_error_rate(iter(pairs)) == pytest.approx(3 / 6)
    assert pooled_error_rate([]) == 0
