"""What is wrong with a query is told as ArangoDB tells it."""

import pytest

from tests.support.aql import refuses
from workshop.arango.embedded.errors import ArangoError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("RETURN 1 +", "unexpected end of query string near '' at position 1:11"),
        ("FOR i IN 1..2\n  FILTR i > 1\n  RETURN i", "unexpected identifier near 'FILTR i > 1\n  RETURN i' at position 2:3"),
        ("RETURN 'a' 'b'", "unexpected quoted string near ''b'' at position 1:12"),
        ("FOR return IN [1] RETURN 1", "unexpected RETURN declaration near 'return IN [1] RETURN 1' at position 1:5"),
        ("RETURN #", "unexpected '#' near '#' at position 1:8"),
        ("RETURN /* c\nc */ 1 1", "unexpected integer number near '1' at position 2:8"),
        ("RETURN 'abc", "unexpected unterminated string literal near ''abc' at position 1:8"),
        ("RETURN 1 /* abc", "unexpected unterminated multi-line comment near '/* abc' at position 1:10"),
        ("LET `a = 1", "unexpected unterminated identifier near '`a = 1' at position 1:5"),
        ("FOR i IN 1..2 LET x == 1 RETURN x", "unexpected == operator near '== 1 RETURN x' at position 1:21"),
        ("RETURN {a: 1 b: 2}", "unexpected identifier near 'b: 2}' at position 1:14"),
        ("RETURN x = 1", "unexpected assignment near '= 1' at position 1:10"),
    ],
)
def test_syntax_errors_say_where(run, text, place):
    error = refuses(run, text, 1501)
    assert error.message.startswith("AQL: ") and place in error.message and error.message.endswith("(while parsing)")
    assert error.http == 400


@pytest.mark.parametrize(
    "text", [" ", "\n\t", "// nothing", "1", "RETURN", "RETURN 1;", "FOR u IN [1]", "RETURN 00", "RETURN 1."]
)
def test_what_is_no_query(run, text):
    refuses(run, text, 1501)


@pytest.mark.parametrize(
    "text", ["0b", "0b12", "0x", "0xg", "0x1ffffffff", "0b" + "1" * 33, "1a", "_ ", "_1", "@", "@_", "@@", "1..2.5e"]
)
def test_what_is_no_number_and_no_name(run, text):
    refuses(run, "RETURN " + text, 1501)


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("", 1502, "query is empty"),
        ("RETURN nope", 1203, "collection or view not found: nope"),
        ("FOR d IN nope RETURN d", 1203, "collection or view not found: nope"),
        ("WITH nope RETURN 1", 1203, "collection or view not found: nope"),
        ("FOR d IN `` RETURN d", 1208, "illegal name"),
        ("INSERT {} INTO nope", 1203, "collection or view not found: nope"),
        ("RETURN LENGTH(nope)", 1203, "collection or view not found: nope"),
        ("RETURN NEW", 1203, "collection or view not found: NEW"),
        ("RETURN CURRENT", 1203, "collection or view not found: CURRENT"),
        ("RETURN {nope}", 1512, "nope"),
        ("LET a = 1 LET a = 2 RETURN a", 1511, "'a'"),
        ("FOR a IN [1] RETURN (FOR a IN [2] RETURN a)", 1511, "'a'"),
        ("LET [a, a] = [1] RETURN a", 1511, "'a'"),
        ("FOR [a, {b: a}] IN [] RETURN a", 1511, "'a'"),
        ("LET x = 1 FOR i IN [1] COLLECT x = i RETURN x", 1511, "'x'"),
        ("RETURN FOO(1)", 1540, "usage of unknown function 'FOO()'"),
        ("RETURN my::func(1)", 1582, "'MY::FUNC()'"),
        (
            "RETURN SUM()",
            1541,
            "invalid number of arguments for function 'SUM()', expected number of arguments: minimum: 1, maximum: 1",
        ),
        ("RETURN SUM([], 2)", 1541, "'SUM()'"),
        ("FOR i IN [1] COLLECT AGGREGATE x = CONCAT(i) RETURN x", 1574, "aggregate"),
        ("FOR i IN [1] COLLECT AGGREGATE x = NOPE(i) RETURN x", 1540, "'NOPE()'"),
        ("FOR i IN [1] COLLECT AGGREGATE x = SUM(i, i) RETURN x", 1541, "'SUM()'"),
        ("FOR i IN [1] COLLECT AGGREGATE x = i RETURN x", 1501, "syntax error"),
        ("FOR i IN [1] COLLECT AGGREGATE x = SUM(i) + 1 RETURN x", 1501, "syntax error"),
        ("FOR i IN [1] COLLECT x = i INTO g KEEP nope RETURN g", 1501, "use of unknown variable 'nope' for KEEP"),
        ("FOR i IN [1] COLLECT INTO g RETURN g", 1501, "COLLECT"),
        ("FOR i IN [1] COLLECT x = i KEEP i RETURN x", 1501, "KEEP"),
        ("RETURN DISTINCT 1", 1501, "cannot use DISTINCT modifier on top-level query element"),
        ("FOR i IN 1..2 LIMIT -1 RETURN i", 1504, "number out of range"),
        ("FOR i IN 1..2 LIMIT 'a' RETURN i", 1504, "number out of range"),
        ("FOR i IN 1..2 LIMIT i RETURN i", 1501, "LIMIT"),
        ("FOR i, j IN [1] RETURN i", 1501, "only allow a single return variable"),
        ("FOR v, e, p, x IN OUTBOUND 'a/b' links RETURN v", 1501, "Traversals only have one, two or three return variables"),
        ("FOR [v] IN OUTBOUND 'a/b' links RETURN v", 1501, "Traversal does not support array/object destructuring"),
        ("FOR v, e, p IN OUTBOUND SHORTEST_PATH 'a/b' TO 'a/c' links RETURN v", 1501, "SHORTEST_PATH must have one or two"),
        ("FOR p, q IN OUTBOUND K_PATHS 'a/b' TO 'a/c' links RETURN p", 1501, "K_PATHS only has one return variable"),
        ("FOR p IN 1..2 OUTBOUND K_SHORTEST_PATHS 'a/b' TO 'a/c' links RETURN p", 1501, "K_SHORTEST_PATHS"),
        ("FOR v IN 2..1 OUTBOUND 'docs/1' links RETURN v", 1501, "depth"),
        ("FOR v IN -1..1 OUTBOUND 'docs/1' links RETURN v", 1501, "depth"),
        ("FOR v IN OUTBOUND 'docs/1' docs RETURN v", 1218, "docs"),
        ("FOR v IN OUTBOUND 'docs/1' nope RETURN v", 1203, "nope"),
        ("FOR v IN OUTBOUND 'docs/1' GRAPH 'nope' RETURN v", 1924, "nope"),
        ("FOR v IN 1..2 OUTBOUND 'docs/1' links OPTIONS {uniqueVertices: 'global'} RETURN v", 10, "uniqueVertices"),
        ("FOR v IN 1..2 OUTBOUND 'docs/1' links OPTIONS {uniqueEdges: 'global'} RETURN v", 10, "uniqueEdges"),
        ("FOR d IN docs OPTIONS 1 RETURN d", 1501, "syntax error"),
        (
            "FOR i IN 1..2 INSERT {} INTO docs OPTIONS {ignoreErrors: i}",
            1575,
            "'OPTIONS' have to be known at query compile time",
        ),
        ("FOR i IN null RETURN i", 1563, "you provided a value of type 'null'"),
        ("FOR i IN 'abc' RETURN i", 1563, "you provided a value of type 'string'"),
        ("FOR i IN {} RETURN i", 1563, "you provided a value of type 'object'"),
        ("RETURN 1..1e12", 1504, "range"),
        ("RETURN RANGE(1, 1e12)", 1504, "range"),
        ("UPSERT 1 INSERT {} UPDATE {} IN docs", 1501, "syntax error"),
        ("RETURN FAIL('no')", 1569, "no"),
        ("FOR d IN docs SEARCH d.n == 1 RETURN d", 9, "SEARCH"),
        ("FOR i IN 1..3 WINDOW {preceding: 1} AGGREGATE s = SUM(i) RETURN s", 9, "WINDOW"),
        ("RETURN 'a'.b", 1501, "unexpected '.'"),
        ("FOR d IN docs RETURN d.filter", 1501, "unexpected FILTER declaration"),
    ],
)
def test_errors(run, text, number, message):
    error = refuses(run, text, number)
    assert message in error.message


@pytest.mark.parametrize(
    ("text", "number", "binds"),
    [
        ("RETURN @a", 1551, {}),
        ("RETURN @a + @b", 1551, {"a": 1}),
        ("FOR d IN @@c RETURN d", 1551, {}),
        ("FOR d IN @@c RETURN d", 1551, {"c": "docs"}),
        ("FOR d IN @@c RETURN d", 1553, {"_atc": 3}),
        ("FOR d IN @@c RETURN d", 1553, {"_atc": None}),
        ("FOR d IN @@c RETURN d", 1208, {"_atc": ""}),
        ("FOR d IN @@c RETURN d", 1203, {"_atc": "nope"}),
        ("RETURN 1", 1552, {"a": 1}),
        ("RETURN @a", 1552, {"a": 1, "b": None}),
        ("RETURN {}.@a", 1553, {"a": 1}),
        ("RETURN {}.@a", 1553, {"a": []}),
        ("RETURN {}.@a", 1553, {"a": ["b", ""]}),
        ("RETURN {@a: 1}", 1553, {"a": 1}),
        ("FOR i IN 1..2 LIMIT @a RETURN i", 1504, {"a": "1"}),
        ("FOR i IN 1..2 LIMIT @a RETURN i", 1504, {"a": -1}),
        ("FOR v IN OUTBOUND 'docs/1' GRAPH @a RETURN v", 1553, {"a": 1}),
        ("FOR v IN @a OUTBOUND 'docs/1' links RETURN v", 1501, {"a": "x"}),
        ("INSERT {} INTO @@c", 1203, {"_atc": "nope"}),
        ("UPSERT @a INSERT {} UPDATE {} IN docs", 1501, {"a": 1}),
    ],
)
def test_errors_of_bind_variables(run, text, number, binds):
    refuses(run, text, number, **binds)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT {} INTO docs FOR d IN docs RETURN d",
        "INSERT {} INTO docs RETURN LENGTH(docs)",
        "INSERT {} INTO docs RETURN DOCUMENT('links/1')",
        "INSERT {} INTO docs RETURN docs",
        "INSERT {} INTO docs FOR v IN OUTBOUND 'docs/1' links RETURN v",
        "INSERT {} INTO docs FOR v IN OUTBOUND SHORTEST_PATH 'docs/1' TO 'docs/2' links RETURN v",
        "INSERT {} INTO docs INSERT {} INTO docs",
        "FOR i IN 1..2 INSERT {} INTO docs REMOVE NEW IN docs",
        "LET x = (INSERT {} INTO docs) FOR d IN docs RETURN d",
        "RETURN [(INSERT {} INTO docs), (FOR d IN docs RETURN d)]",
        "FOR d IN docs LET a = (INSERT {} INTO docs) LET b = (INSERT {} INTO docs) RETURN 1",
        "INSERT {} INTO docs UPSERT {} INSERT {} UPDATE {} IN docs",
    ],
)
def test_access_after_modification(run, text):
    assert "access after data-modification by" in refuses(run, text, 1579).message


def test_warnings(run):
    assert run("FOR i IN 1..3 RETURN i / (i - i)") == [None] * 3
    assert run.extra["warnings"] == [{"code": 1562, "message": "division by zero"}] * 3
    assert len(run("FOR i IN 1..30 RETURN i % (i - i)")) == 30
    assert len(run.extra["warnings"]) == 10
    run("FOR i IN 1..30 RETURN i % (i - i)", options={"maxWarningCount": 2})
    assert len(run.extra["warnings"]) == 2
    with pytest.raises(ArangoError) as caught:
        run("RETURN 1 / 0", options={"failOnWarning": True})
    assert caught.value.number == 1562 and caught.value.message == "AQL: division by zero (while executing)"
    assert run("RETURN 1e999") == [None] and run.warnings() == [1504]


def test_options_of_a_wrong_type_do_no_harm(run):
    wrong = {
        "maxRuntime": "x",
        "maxWarningCount": "x",
        "fullCount": "x",
        "failOnWarning": None,
        "optimizer": 3,
        "profile": [],
    }
    assert run("FOR i IN 1..2 RETURN 1 / 0", options=wrong) == [None, None]
    for given_options in (
        "{order: 1}",
        "{vertexCollections: 5, edgeCollections: {}}",
        "{weightAttribute: [], defaultWeight: 'x'}",
    ):
        assert len(run(f"FOR v IN 1..2 OUTBOUND 'docs/1' links OPTIONS {given_options} RETURN v")) == 2
