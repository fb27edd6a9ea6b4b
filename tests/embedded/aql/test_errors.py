"""What is wrong with a query is told as ArangoDB tells it, and nothing but an ArangoError ever comes out."""

import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.aql import Queries
from workshop.arango.embedded.aql import plan, query
from workshop.arango.embedded.errors import ArangoError

QUERIES = [
    "FOR d IN docs FILTER d.n >= @n && d.tags ANY == 'a' OR NOT d.b SORT d.n DESC, d._key LIMIT 1, @limit RETURN DISTINCT d",
    "LET x = (FOR i IN 1..3 RETURN i * 2) RETURN {x, [CONCAT('a', 1)]: x[* FILTER CURRENT > 2 LIMIT 1 RETURN 1 / CURRENT]}",
    "FOR d IN docs COLLECT g = d.g, h = d.n % 2 AGGREGATE s = SUM(d.n), m = MAX(d.n) INTO a RETURN {g, h, s, m, a}",
    "FOR d IN docs COLLECT g = d.g INTO members KEEP d SORT g RETURN [g, LENGTH(members), members[*].d.n]",
    "FOR d IN docs COLLECT g = d.g WITH COUNT INTO c RETURN {[g]: c}",
    "FOR v, e, p IN 1..2 OUTBOUND 'docs/1' links PRUNE x = v.n OPTIONS {order: 'bfs', uniqueVertices: 'path'} RETURN p",
    "FOR v IN ANY SHORTEST_PATH 'docs/1' TO 'docs/3' INBOUND links, links OPTIONS {weightAttribute: 'w'} RETURN v._key",
    "FOR p IN 1..3 OUTBOUND K_PATHS 'docs/1' TO 'docs/3' GRAPH 'nope' RETURN p.edges[*]._key",
    "FOR d IN docs UPDATE d WITH {n: d.n + 1, t: {u: null}} IN docs OPTIONS {keepNull: false} RETURN [OLD, NEW]",
    "UPSERT {_key: '1'} INSERT {_key: '1', n: 1} UPDATE {n: OLD.n + 1} IN docs RETURN {old: OLD, new: NEW}",
    "UPSERT FILTER CURRENT.n == 3 INSERT {n: 3} REPLACE {n: 4} IN docs",
    "FOR i IN 1..2 INSERT {_key: CONCAT('x', i)} INTO docs OPTIONS {overwriteMode: 'update'} RETURN NEW._key",
    "FOR d IN docs FILTER d._key IN ['1', '2'] REMOVE d IN docs LET o = OLD RETURN o",
    "WITH docs RETURN DOCUMENT('docs/1').tags[? 1..2 FILTER CURRENT LIKE 'a%'] ? -1.5e3 + 0x1f : null ?: \"\\u00e4\\n\"",
    "LET [a, {b: [c]}] = [1, {b: [2]}], z = `a` /* comment */ RETURN a != c AND c NOT IN [a] // end",
    "FOR d IN docs LET s = COSINE_SIMILARITY(d.v, @v) FILTER s > 0 SORT s DESC LIMIT 3 RETURN {k: d._key, s}",
    "FOR d IN docs SORT APPROX_NEAR_L2(d.v, @v, {nProbe: 2}) LIMIT 2 RETURN d",
    "RETURN (FOR d IN @@c FILTER d.@attribute =~ '^[a-b]' || d['n'] !~ @pattern RETURN KEEP(d, 'n', @attribute))[**].n",
]
BINDS = {"n": 1, "limit": 5, "v": [1, 0], "@c": "docs", "attribute": "g", "pattern": "x("}
WORDS = [
    *("FOR", "IN", "RETURN", "FILTER", "SORT", "LIMIT", "LET", "COLLECT", "INTO", "WITH", "COUNT", "KEEP", "AGGREGATE"),
    *("INSERT", "UPDATE", "REPLACE", "REMOVE", "UPSERT", "OPTIONS", "GRAPH", "OUTBOUND", "INBOUND", "ANY", "ALL", "NONE"),
    *("AT", "LEAST", "SHORTEST_PATH", "K_PATHS", "TO", "PRUNE", "DISTINCT", "NOT", "AND", "OR", "LIKE", "NULL", "TRUE"),
    *(
        "FALSE",
        "ASC",
        "DESC",
        "WINDOW",
        "SEARCH",
        "CURRENT",
        "OLD",
        "NEW",
        "d",
        "docs",
        "links",
        "x",
        "`y`",
        "@n",
        "@@c",
        "@v",
    ),
    *("1", "0", "-1", "1.5", "1e3", "0xff", "'a'", '"b"', "''", "1..3", "d.n", "d[0]", "x.y", "SUM(", "LENGTH(", "RAND("),
    *("[*]", "[**]", "[?]", "{}", "[]", "()", *"()[]{},.:?!+-*/%=<>\\ä\u2028\0´`'\"@$#;"),
    *("==", "!=", "<=", ">=", "=~", "!~", "..", "&&", "||", "::", "//", "/*", "*/"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Queries(tmp_path_factory.mktemp("errors"))
    documents = [
        {"_key": str(n), "n": n, "g": "ab"[n % 2], "tags": ["a", "b"][: n % 3], "v": [n, 1], "b": None} for n in range(6)
    ]
    made.collection("docs", documents, indexes=[{"type": "persistent", "fields": ["g"]}])
    links = [{"_from": f"docs/{n}", "_to": f"docs/{n + 1}", "w": n} for n in range(6)]
    made.collection("links", links, edges=True)
    yield made
    made.store.close()


class _Undo(Exception):
    pass


def attempt(run, text, binds=BINDS, options=None):
    """Run, parse and explain a query, undoing its changes; gives the numbers of the errors."""
    numbers = []
    try:
        asked = query.prepare(text, {}, options)
    except ArangoError as error:
        return [error.number]
    used = {name: value for name, value in binds.items() if "@" + name in text}
    asked = query.prepare(text, used, {**(options or {}), "maxRuntime": 2})
    for action in (
        lambda: list(asked.results(run.database)),
        lambda: query.explain(text, used, options, run.database),
        lambda: query.parse(text),
    ):
        try:
            with run.store.writing():
                action()
                raise _Undo
        except _Undo:
            pass
        except ArangoError as error:
            numbers.append(error.number)
    return numbers


def test_the_real_queries_are_right(run):
    numbers = [attempt(run, text) for text in QUERIES]
    assert [each for each in numbers if each] == [[1924] * 2, [1554] * 2]


def test_queries_cut_at_every_position(run):
    for text in QUERIES:
        for end in range(len(text)):
            attempt(run, text[:end])


def test_queries_with_a_part_left_out_or_exchanged(run):
    chosen = random.Random(1)
    for text in QUERIES:
        words = text.split(" ")
        for _ in range(25):
            place, other = chosen.randrange(len(words)), chosen.randrange(len(words))
            exchanged = words.copy()
            exchanged[place] = chosen.choice([words[other], chosen.choice(WORDS), ""])
            attempt(run, " ".join(exchanged))
            begin, end = sorted(chosen.sample(range(len(text)), 2))
            attempt(run, text[:begin] + text[end:])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_random_words(run, words):
    attempt(run, " ".join(words))
    attempt(run, "RETURN " + " ".join(words))
    attempt(run, "FOR d IN docs " + " ".join(words) + " RETURN d")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=30))
def test_random_text(run, text):
    attempt(run, text)
    attempt(run, "RETURN " + text)


LEAVES = ["null", "true", "0", "-1", "1.5", "1e308", "9223372036854775807", "''", "'1'", "'abc'", "d", "d.n", "CURRENT"]
FORMS = [
    *("[{}]", "[{}, {}]", "{{a: {}}}", "{{[{}]: {}, ['b']: 1}}", "-({}).a.b", "NOT {}", "{} ? {} : {}", "({} ?: {})"),
    *(
        f"({{}} {sign} {{}})"
        for sign in ("+", "-", "*", "/", "%", "==", "<", "IN", "NOT IN", "AND", "OR", "..", "LIKE", "=~")
    ),
    *(f"({{}} {sign} {{}})" for sign in ("ANY <", "ALL IN", "NONE NOT IN", "AT LEAST (1) !=", "ANY LIKE", "NOT LIKE")),
    *("({})[{}]", "({})[* FILTER {} LIMIT {} RETURN {}].a[**]", "({})[? {} FILTER {}]", "({})[?]", "({})[***]"),
    *("(FOR i IN 1..2 FILTER {} RETURN {})", "(FOR j IN [{}] SORT {} RETURN DISTINCT j)"),
    *(
        f"{name}({{}})"
        for name in ("LENGTH", "SUM", "MAX", "REVERSE", "TO_NUMBER", "FLATTEN", "KEYS", "FIRST", "SQRT", "MERGE")
    ),
    *(
        f"{name}({{}}, {{}})"
        for name in ("NTH", "PUSH", "POSITION", "HAS", "SPLIT", "CONCAT", "RANGE", "POW", "L2_DISTANCE")
    ),
]


def expression(chosen, depth):
    """A random expression of the query language."""
    if not depth or chosen.random() < 0.2:
        return chosen.choice(LEAVES)
    form = chosen.choice(FORMS)
    return form.format(*(expression(chosen, depth - 1) for _ in range(form.count("{}"))))


def test_random_expressions(run):
    chosen = random.Random(2)
    for _ in range(600):
        one, other = expression(chosen, 3), expression(chosen, 3)
        text = f"FOR d IN docs LIMIT 2 LET l = {one} SORT {other}, l COLLECT g = l INTO m RETURN [g, LENGTH(m)]"
        assert set(attempt(run, text)) <= {1203, 1504, 1511, 1563}, text
        attempt(run, f"FOR d IN docs UPDATE d WITH {one} IN docs OPTIONS {{ignoreErrors: true}} RETURN {other}")


def refuses(run, text, number, **binds):
    with pytest.raises(ArangoError) as caught:
        run(text, **binds)
    assert caught.value.number == number, caught.value
    return caught.value


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


@pytest.mark.parametrize(
    "text",
    [
        "RETURN 1" + " + 1" * 10_000,
        "RETURN " + "(" * 4000 + "1" + ")" * 4000,
        "RETURN " + "[" * 4000 + "]" * 4000,
        "RETURN " + "{a: " * 2000 + "1" + "}" * 2000,
        "RETURN " + "NOT " * 5000 + "1",
        "RETURN " + "-" * 5000 + "1",
        "RETURN " + "1 ? " * 2000 + "1" + " : 1" * 2000,
        "RETURN " + "ABS(" * 3000 + "1" + ")" * 3000,
        "RETURN " + "(RETURN " * 1000 + "1" + ")" * 1000,
        "RETURN {}" + ".a" * 20_000,
        "RETURN []" + "[*]" * 5000,
        "RETURN " + "[][* FILTER " * 600 + "1" + "]" * 600,
        "LET [" + "[" * 1000 + "x" + "]" * 1000 + "] = 1 RETURN x",
    ],
)
def test_queries_that_are_too_deep(run, text):
    begun = time.monotonic()
    assert attempt(run, text) == [1524]
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("depth", [50, 100, 200, 400])
@pytest.mark.parametrize(
    "form",
    ["({} + 1)", "[{}]", "{{a: {}}}", "ABS({})", "(RETURN {})", "({} ? 1 : 2)", "(FOR i{n} IN [1] RETURN {})", "({}).a[*]"],
)
def test_deep_queries_run_or_are_refused(run, depth, form):
    text = "1"
    for n in range(depth):
        text = form.format(text, n=n)
    assert set(attempt(run, "RETURN " + text)) <= {1524}


def test_deep_queries_in_a_thread_with_a_full_stack(run):
    found = []

    def deeper(levels):
        if levels:
            return deeper(levels - 1)
        return attempt(run, "RETURN " + "[" * 90 + "]" * 90)

    thread = threading.Thread(target=lambda: found.append(deeper(800)))
    thread.start()
    thread.join()
    assert found == [[1524] * 3] or found == [[1524]]


def test_long_queries_run(run):
    assert run("RETURN 1" + " + 1" * 300) == [301]
    assert run("RETURN " + " OR ".join(["false"] * 400)) == [False]
    many = " OR ".join(f"d.n == {n}" for n in range(300))
    assert len(run(f"FOR d IN docs FILTER {many} RETURN 1")) == 6
    assert len(run(f"FOR d IN docs FILTER {many.replace('OR', 'AND').replace('==', '!=')} RETURN 1")) == 0
    assert run(f"RETURN [{', '.join(map(str, range(5000)))}]") == [list(range(5000))]
    assert run(f"RETURN '{'ä' * 100_000}'") == ["ä" * 100_000]
    refuses(run, f"RETURN '{'a' * (1 << 20)}'", 1501)


@pytest.mark.parametrize("text", ["RETURN REPEAT('x', 1e11)", "RETURN LENGTH(REPEAT(REPEAT('abcdefgh', 100000), 100000))"])
def test_what_would_fill_the_memory(run, text):
    begun = time.monotonic()
    attempt(run, text)
    assert run(text) == [None] or run(text) == [0]
    assert time.monotonic() - begun < 2


def test_a_query_that_fills_the_memory_is_refused(run, monkeypatch):
    monkeypatch.setattr(plan, "MEMORY", 1 << 20)
    refuses(run, "FOR i IN 1..1e9 RETURN i", 32)


def test_queries_that_run_too_long_or_are_killed(run):
    endless = [
        "FOR i IN 1..1e15 FILTER i < 0 RETURN i",
        "FOR i IN 1..1e15 COLLECT WITH COUNT INTO c RETURN c",
        "FOR i IN 1..1e6 FOR j IN 1..1e6 FILTER false RETURN 1",
        "RETURN LENGTH(FOR i IN 1..1e9 FILTER i == 0 RETURN 1)",
        "FOR v IN 1..1e9 ANY 'docs/1' links OPTIONS {uniqueEdges: 'none'} FILTER false RETURN v",
        "FOR v IN 100000..1e9 ANY 'docs/1' links OPTIONS {uniqueEdges: 'none', order: 'dfs'} RETURN v",
    ]
    for text in endless:
        begun = time.monotonic()
        with pytest.raises(ArangoError) as caught:
            run(text, options={"maxRuntime": 0.05})
        assert caught.value.number == 1500 and caught.value.http == 410
        assert time.monotonic() - begun < 1


def test_killing(run):
    asked = query.prepare("FOR i IN 1..1e15 FILTER i < 0 RETURN i")
    problems = []

    def work():
        with run.store.reading():
            try:
                list(asked.results(run.database))
            except ArangoError as error:
                problems.append(error.number)

    thread = threading.Thread(target=work)
    thread.start()
    while not query.running():
        time.sleep(0.001)
    assert [each["query"] for each in query.running()] == [asked.text]
    query.kill(asked.identifier)
    thread.join()
    assert problems == [1500] and not query.running()
    with pytest.raises(ArangoError) as caught:
        query.kill(asked.identifier)
    assert caught.value.number == 1591


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
