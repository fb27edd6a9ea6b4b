"""AQL queries with the results that ArangoDB 3.12 gave, where the data of them is at hand."""

import json
import math

import pytest

from tests.support.aql import Queries
from tests.support.beside import AQL_CASES, needs
from workshop.arango.embedded.aql.values import sort_key
from workshop.arango.embedded.errors import ArangoError

DIFFERENT = {
    "lastExpressionResult": "an expression of the shell, not a query",
}
"""Cases that cannot pass, and why."""
SHELL = ("aqlRegexMatches_3", "aqlRegexTest_3", "aqlTrim_4")
"""Cases whose backslashes are doubled for the shell, which takes one of two away before it sends a query."""


def cases():
    if not AQL_CASES.exists():
        return [pytest.param(None, marks=needs(AQL_CASES), id="missing")]
    found = json.loads(AQL_CASES.read_text())
    return [pytest.param(case, id=case["name"]) for case in found]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    queries = Queries(tmp_path_factory.mktemp("golden"))
    yield queries
    queries.store.close()


def same(result, expected):
    """Whether two values are equal: numbers within 1e-9, arrays in any order, as many functions leave it open."""
    if isinstance(expected, bool) or not isinstance(expected, (int, float, list, dict)):
        return type(result) is type(expected) and result == expected
    if isinstance(expected, (int, float)):
        return type(result) in (int, float) and math.isclose(result, expected, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(expected, dict):
        return (
            isinstance(result, dict)
            and result.keys() == expected.keys()
            and all(same(result[k], expected[k]) for k in result)
        )
    if not isinstance(result, list) or len(result) != len(expected):
        return False
    return all(map(same, result, expected)) or all(
        map(same, sorted(result, key=sort_key), sorted(expected, key=sort_key)),
    )


def passes(run, case):
    results, expected = run(case["query"], **case["bindVars"]), case["expected"]
    # The edition of the time zone database is that of the system.
    return same(*[[unset(value, "tzdb") for value in values] for values in (results, expected)])


def unset(value, name):
    return {key: value[key] for key in value if key != name} if isinstance(value, dict) else value


@pytest.mark.parametrize("case", cases())
def test_results_are_those_of_arangodb(run, case):
    if case["name"] in SHELL:
        assert not passes(run, case)
        case = {**case, "query": case["query"].replace("\\\\", "\\")}
    if case["name"] in DIFFERENT:
        with pytest.raises((AssertionError, ArangoError)):
            assert passes(run, case)
    else:
        assert passes(run, case), run(case["query"], **case["bindVars"])
