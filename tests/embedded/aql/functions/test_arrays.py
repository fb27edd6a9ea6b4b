import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.aql_functions import call, check, table

ARRAYS = table(r"""
    LENGTH([1, 2]) => 2
    LENGTH("äöü") => 3
    LENGTH({"a": 1}) => 1
    LENGTH(null) => 0
    LENGTH(true) => 1
    LENGTH(false) => 0
    COUNT(12.5) => 4
    COUNT_DISTINCT([1, 1.0, true, "1", null]) => 4
    COUNT_UNIQUE([]) => 0
    COUNT_DISTINCT("x") warns 1563
    FIRST([1, 2]) => 1
    FIRST([]) => null
    FIRST("x") warns 1563
    LAST([1, 2]) => 2
    LAST([]) => null
    LAST("x") warns 1563
    NTH(["a", "b"], 1) => "b"
    NTH(["a", "b"], 2) => null
    NTH(["a", "b"], -1) => null
    NTH(["a", "b"], "1") => "b"
    NTH(["a", "b"], null) => "a"
    NTH(["a", "b"], 1.9) => "b"
    NTH(null, 1) warns 1563
    POSITION([1, true], true) => true
    POSITION([1, 2], true) => false
    POSITION(["a", "b"], "b", true) => 1
    POSITION(["a", "b"], "c", true) => -1
    CONTAINS_ARRAY([[1]], [1.0]) => true
    POSITION(null, 1) warns 1563
    APPEND([1, 2], [2, 3]) => [1, 2, 2, 3]
    APPEND([1, 1], [2, 1], true) => [1, 2]
    APPEND([1], "x") => [1, "x"]
    APPEND([1], null) => [1]
    APPEND(null, [2]) => [2]
    APPEND("x", []) => "x"
    APPEND("x", [1]) warns 1542
    PUSH([1], [2]) => [1, [2]]
    PUSH([1, 2], 2.0, true) => [1, 2]
    PUSH(null, 1) => [1]
    PUSH("x", [1]) warns 1542
    UNSHIFT([1], 0) => [0, 1]
    UNSHIFT([1, 2], 2, true) => [1, 2]
    UNSHIFT(null, 1) => [1]
    UNSHIFT("x", [1]) warns 1542
    POP([1, 2]) => [1]
    POP([]) => []
    POP(null) => null
    POP("x") warns 1542
    SHIFT([1, 2]) => [2]
    SHIFT([]) => []
    SHIFT(null) => null
    SHIFT("x") warns 1542
    REMOVE_VALUE(["a", "b", "a"], "a") => ["b"]
    REMOVE_VALUE(["a", "b", "a"], "a", 1) => ["b", "a"]
    REMOVE_VALUE(["a", "b", "a"], "a", 0) => ["a", "b", "a"]
    REMOVE_VALUE([1, true, 1.0], 1) => [true]
    REMOVE_VALUE(null, 1) => []
    REMOVE_VALUE("x", [1]) warns 1542
    REMOVE_VALUES([1, true, 2, 1], [1, 3]) => [true, 2]
    REMOVE_VALUES(null, [1]) => []
    REMOVE_VALUES([1], null) => [1]
    REMOVE_VALUES("x", [1]) warns 1542
    REMOVE_NTH(["a", "b", "c"], 1) => ["a", "c"]
    REMOVE_NTH(["a", "b", "c"], -1) => ["a", "b"]
    REMOVE_NTH(["a", "b", "c"], 3) => ["a", "b", "c"]
    REMOVE_NTH(["a", "b", "c"], -4) => ["a", "b", "c"]
    REMOVE_NTH(null, 0) => []
    REMOVE_NTH("x", [1]) warns 1542
    REPLACE_NTH(["a", "b"], 1, "z") => ["a", "z"]
    REPLACE_NTH(["a", "b"], 2, "z") => ["a", "b", "z"]
    REPLACE_NTH(["a", "b"], 4, "z", "y") => ["a", "b", "y", "y", "z"]
    REPLACE_NTH(["a", "b"], -1, "z") => ["a", "z"]
    REPLACE_NTH(["a", "b"], -9, "z") => ["z", "b"]
    REPLACE_NTH(null, 0, 1) warns 1542
    REPLACE_NTH(["a"], null, "z") fails 1542
    REPLACE_NTH(["a"], 2, "z") fails 1542
    SLICE([1, 2, 3, 4, 5], 0, 1) => [1]
    SLICE([1, 2, 3, 4, 5], 3) => [4, 5]
    SLICE([1, 2, 3, 4, 5], 1, -1) => [2, 3, 4]
    SLICE([1, 2, 3, 4, 5], -3, 2) => [3, 4]
    SLICE([1, 2, 3, 4, 5], -9, 2) => [1, 2]
    SLICE([1, 2, 3], 0, -9) => []
    SLICE([1, 2, 3], 9, 2) => []
    SLICE([1, 2, 3], 0, 0) => []
    SLICE("x", [1]) warns 1542
    REVERSE([1, 2]) => [2, 1]
    REVERSE("añb") => "bña"
    REVERSE(null) warns 1563
    REVERSE({}) warns 1563
    FLATTEN([1, [2, [3, [4]]]]) => [1, 2, [3, [4]]]
    FLATTEN([1, [2, [3, [4]]]], 2) => [1, 2, 3, [4]]
    FLATTEN([1, [2]], 0) => [1, 2]
    FLATTEN([[], [[]]]) => [[]]
    FLATTEN("x") warns 1563
    INTERLEAVE([1, 1, 1], [2], [3, 3]) => [1, 2, 3, 1, 3, 1]
    INTERLEAVE([null, 1], []) => [null, 1]
    INTERLEAVE([], null) warns 1563
    UNIQUE([2, 1, 2.0, true, [1], [1]]) => [2, 1, true, [1]]
    UNIQUE("x") warns 1563
    SORTED([3, 1.5, 2]) => [1.5, 2, 3]
    SORTED(["b", null, 1, "a", true]) => [null, true, 1, "a", "b"]
    SORTED("x") warns 1563
    SORTED_UNIQUE(["b", 1, "a", 1, "b"]) => [1, "a", "b"]
    SORTED_UNIQUE("x") warns 1563
    UNION([1, 2], [2]) => [1, 2, 2]
    UNION([], null) warns 1542
    UNION_DISTINCT([1, 2], [2, 3], [1]) => [1, 2, 3]
    UNION_DISTINCT([], null) warns 1542
    JACCARD([1, 2, 3, 4], [3, 4, 5, 6]) ~ 1 / 3
    JACCARD([1, 1], []) => 0
    JACCARD([], []) => 1
    JACCARD([], null) warns 1563
    INTERSECTION([1, 2, 2, 3], [2, 3, 4], [3, 2]) => {2, 3}
    INTERSECTION([1], [2]) => set()
    INTERSECTION([], null) warns 1563
    OUTERSECTION([1, 2, 3], [2, 3, 4], [3, 4, 5]) => {1, 5}
    OUTERSECTION([1, 1], [2]) => {2}
    OUTERSECTION([], null) warns 1563
    MINUS([1, 2, 3, 3, 4], [3, 4, 5]) => {1, 2}
    MINUS([1], [], [1]) => set()
    MINUS([], null) warns 1542
""")


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(case):
    check(case)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from("abAB")), max_size=8))
def test_sorting_and_uniqueness_keep_all_different_elements(values):
    distinct = call("UNIQUE", values)
    assert call("SORTED_UNIQUE", values) == call("SORTED", distinct)
    assert len(distinct) == call("COUNT_DISTINCT", values)
    assert call("LENGTH", call("SORTED", values)) == len(values)
    assert call("MINUS", values, values) == []
