import pytest

from tests.support.aql_functions import Context, call, check, table
from workshop.arango.embedded.aql.functions import misc
from workshop.arango.embedded.errors import ArangoError

MISC = table(r"""
    ASSERT(1, "holds") => true
    ASSERT(0, "broken") fails 1593
    ASSERT(0, 1) warns 1542
    FAIL() fails 1569
    FAIL("enough") fails 1569
    NOT_NULL(null, false, 1) => false
    NOT_NULL(null) => null
    FIRST_LIST(1, {}, [2], [3]) => [2]
    FIRST_LIST(1) => null
    FIRST_DOCUMENT(1, [], {"a": 1}) => {"a": 1}
    FIRST_DOCUMENT([]) => null
    IN_RANGE(4, 3, 4, true, true) => true
    IN_RANGE(4, 3, 4, true, false) => false
    IN_RANGE("b", "a", [], false, false) => true
    IN_RANGE(4, 3, 4, 1, true) warns 1542
    MIN_MATCH(true, false, 1, 2) => true
    MIN_MATCH(true, false, 2) => false
    MIN_MATCH(true, "1") warns 1542
    MINHASH_ERROR(400) => 0.05
    MINHASH_ERROR(0) => null
    MINHASH_ERROR("400") warns 1542
    MINHASH_COUNT(0.05) => 400
    MINHASH_COUNT(0) warns 1542
    PASSTHRU([1]) => [1]
    NOOPT(1) => 1
    NOEVAL(1) => 1
    V8(1) => 1
    SLEEP(0) => null
    SLEEP(-1) warns 1542
    CALL("SUBSTRING", "this is a test", 0, 7) => "this is"
    CALL("date_now") => 1700000000250
    CALL("SUBSTRING") fails 1541
    CALL("NO_SUCH_FUNCTION", 1) fails 1540
    CALL(1) fails 1542
    APPLY("concat", ["a", "b"]) => "ab"
    APPLY("CURRENT_USER") => "ada"
    APPLY("CONCAT", "a") warns 1542
    APPLY("CURRENT_USER", [1]) fails 1541
    BM25("doc") fails 9
""")


@pytest.mark.parametrize("case", MISC)
def test_misc(case):
    check(case)


def test_a_broken_condition_warns_with_its_message():
    context = Context()
    assert call("WARN", 1, "fine", context=context) is True
    assert call("WARN", None, "not fine", context=context) is False
    assert context.warnings == [(1594, "not fine")]


def test_failing_says_what_was_asked_for():
    for arguments, message in (((), "FAIL() called"), (("enough",), "enough"), ((1,), "FAIL() called")):
        with pytest.raises(ArangoError) as caught:
            call("FAIL", *arguments)
        assert caught.value.message == message


def test_what_is_missing_answers_501():
    assert len(set(misc.NOT_IMPLEMENTED)) == len(misc.NOT_IMPLEMENTED)
    for name in misc.NOT_IMPLEMENTED:
        with pytest.raises(ArangoError) as caught:
            call(name, 1, 2, 3)
        assert (caught.value.number, caught.value.http) == (9, 501)
        assert caught.value.message == f"{name}() is not implemented by the embedded server"


def test_hashes_are_equal_for_equal_values():
    equal = [(1, 1.0), ([1, None], [1]), ({"a": 1, "b": None}, {"a": 1.0}), ({"a": 1, "b": 2}, {"b": 2, "a": 1})]
    for one, other in equal:
        assert call("HASH", one) == call("HASH", other)
    values = [None, False, True, 0, 1, 1.5, "", "1", "a", [], [1], [[1]], {}, {"a": 1}, {"a": [1]}, "null", -0.5, "é"]
    hashes = {call("HASH", value) for value in values}
    assert len(hashes) == len(values) and all(0 <= each < 2**51 for each in hashes)
