import pytest

from tests.support.aql_functions import call, check, table

TYPES = table(r"""
    TYPENAME(null) => "null"
    TYPENAME(false) => "bool"
    TYPENAME(0.5) => "number"
    TYPENAME([]) => "array"
    TYPENAME({}) => "object"
    IS_KEY("a/b") => false
    IS_KEY("") => false
    IS_KEY("x" * 254) => true
    IS_KEY("x" * 255) => false
    IS_KEY("A-z_0:.@()+,=;$!*'%") => true
    IS_KEY("a\n") => false
    TO_NUMBER("x") => 0
    TO_STRING([1, {"a": "b"}]) => '[1,{"a":"b"}]'
    TO_BOOL([]) => true
    TO_ARRAY({"a": 1}) => [1]
    TO_LIST(null) => []
""")

VALUES = [None, True, 1, 1.5, "a", [1], {"a": 1}]


@pytest.mark.parametrize("case", TYPES)
def test_types(case):
    check(case)


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
    assert [call(name, value) for value in VALUES] == [i in places for i in range(len(VALUES))]
