import pytest

from tests.support.aql_functions import Context, call, check, table

DOCUMENT = {"_key": "1", "_id": "users/1", "name": "Ann", "tags": ["x", {"y": 5}], "none": None}

OBJECTS = table(r"""
    HAS(DOCUMENT, "name") => true
    HAS(DOCUMENT, "none") => true
    HAS(DOCUMENT, "age") => false
    HAS({"5": 1}, 5) => true
    HAS(null, "name") => false
    ATTRIBUTES({"b": 1, "_a": 2}) => ["b", "_a"]
    KEYS({"b": 1, "_a": 2, "a": 3}, true, true) => ["a", "b"]
    ATTRIBUTES({}) => []
    ATTRIBUTES([1]) warns 1542
    VALUES({"b": 1, "_a": 2}) => [1, 2]
    VALUES({"b": 1, "_a": 2}, true) => [1]
    VALUES([1]) warns 1542
    ENTRIES({"a": 1, "b": null}) => [["a", 1], ["b", null]]
    ENTRIES([1]) warns 1542
    VALUE(DOCUMENT, ["tags", 1, "y"]) => 5
    VALUE(DOCUMENT, ["tags", 9]) => null
    VALUE(DOCUMENT, ["tags", -1]) => null
    VALUE(DOCUMENT, ["age"]) => null
    VALUE(DOCUMENT, ["name", "age"]) => null
    VALUE(DOCUMENT, []) => null
    VALUE(null, "a") warns 1542
    VALUE({}, "a") warns 1542
    KEEP({"a": 1, "b": 2, "c": 3}, "a", ["c", "d"]) => {"a": 1, "c": 3}
    KEEP({"a": 1, "5": 2}, 5, null) => {"5": 2}
    KEEP(null, "a") warns 1542
    KEEP_RECURSIVE({"a": {"a": 1, "b": 2}, "b": {"a": 1}}, "a") => {"a": {"a": 1}}
    KEEP_RECURSIVE(null, "a") warns 1542
    UNSET({"a": 1, "b": {"a": 1}}, "a") => {"b": {"a": 1}}
    UNSET(null, "a") warns 1542
    UNSET_RECURSIVE({"a": 1, "b": {"a": 1, "c": 2}}, ["a"]) => {"b": {"c": 2}}
    UNSET_RECURSIVE(null, "a") warns 1542
    MERGE({"a": 1, "b": {"x": 1}}, {"b": {"y": 2}}) => {"a": 1, "b": {"y": 2}}
    MERGE([{"a": 1}, {"b": 2}, {"a": 3}]) => {"a": 3, "b": 2}
    MERGE({"a": 1}) => {"a": 1}
    MERGE([]) => {}
    MERGE({"a": 1}, {"a": null}) => {"a": null}
    MERGE([1]) warns 1542
    MERGE({}, null) warns 1542
    MERGE([{}], {}) warns 1542
    MERGE_RECURSIVE({"a":{"x":1,"z":{"p":1}}},{"a":{"y":2,"z":{"q":2}}}) => {"a":{"x":1,"z":{"p":1,"q":2},"y":2}}
    MERGE_RECURSIVE({"a": {"x": 1}}, {"a": 5}, {"a": {"y": 1}}) => {"a": {"y": 1}}
    MERGE_RECURSIVE([1]) warns 1542
    MATCHES({"a": 1, "b": [2]}, {"a": 1.0}) => true
    MATCHES({"a": 1}, [{"a": 2}, {"a": 1, "c": null}], true) => 1
    MATCHES({"a": 1}, [{"a": true}], true) => -1
    MATCHES({"a": 1}, {"b": 2}) => false
    MATCHES({"a": 1}, {}) => true
    MATCHES(null, {}) => false
    TRANSLATE("FR", {"FR": "France"}) => "France"
    TRANSLATE(42, {"42": true}) => true
    TRANSLATE(42, {}) => 42
    TRANSLATE(42, {}, null) => null
    TRANSLATE(null, "a") warns 1542
    ZIP(["a", "b", "a"], [1, 2, 3]) => {"a": 1, "b": 2}
    ZIP([1, null], ["x", "y"]) => {"1": "x", "": "y"}
    ZIP(["a"], []) warns 1542
    ZIP("a", "b") warns 1542
    JSON_STRINGIFY({"a": [1.0, "é"]}) => '{"a":[1,"é"]}'
    JSON_STRINGIFY("x") => '"x"'
    JSON_STRINGIFY(null) => "null"
    JSON_PARSE('{"a": [1, null]}') => {"a": [1, null]}
    JSON_PARSE('"abc"') => "abc"
    JSON_PARSE(null) warns 1542
    JSON_PARSE("") warns 1542
    JSON_PARSE("{") warns 1542
    JSON_PARSE("NaN") warns 1542
    JSON_PARSE("1e999") warns 1542
    JSON_PARSE("[1,]") warns 1542
    PARSE_IDENTIFIER("users/1") => {"collection": "users", "key": "1"}
    PARSE_IDENTIFIER(DOCUMENT) => {"collection": "users", "key": "1"}
    PARSE_IDENTIFIER(null) warns 1542
    PARSE_IDENTIFIER("x") warns 1542
    PARSE_IDENTIFIER("a/b/c") warns 1542
    PARSE_IDENTIFIER({}) warns 1542
    PARSE_IDENTIFIER({"_id": 5}) warns 1542
    PARSE_COLLECTION(DOCUMENT) => "users"
    PARSE_COLLECTION(null) warns 1542
    PARSE_COLLECTION("x") warns 1542
    PARSE_COLLECTION("a/b/c") warns 1542
    PARSE_COLLECTION({}) warns 1542
    PARSE_COLLECTION({"_id": 5}) warns 1542
    PARSE_KEY("users/1") => "1"
    PARSE_KEY(null) warns 1542
    PARSE_KEY("x") warns 1542
    PARSE_KEY("a/b/c") warns 1542
    PARSE_KEY({}) warns 1542
    PARSE_KEY({"_id": 5}) warns 1542
""")


@pytest.mark.parametrize("case", OBJECTS)
def test_objects(case):
    check(case, DOCUMENT=DOCUMENT)


def test_names_and_examples_of_the_wrong_type_are_left_out_with_a_warning():
    context = Context()
    assert call("KEEP", {"a": 1, "b": 2}, ["a", 5], context=context) == {"a": 1}
    assert call("MATCHES", {"a": 1}, [7, {"a": 1}], True, context=context) == 1
    assert [number for number, _ in context.warnings] == [1542, 1542]
