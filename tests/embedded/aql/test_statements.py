"""Statements that change nothing: loops, filters, sorting, grouping, subqueries, bind variables."""

import pytest

from tests.support.aql import check


def test_scopes(values):
    check(
        values,
        {
            "LET a = 1 RETURN (LET b = a + 1 RETURN (RETURN a + b))": [[3]],
            "LET a = (FOR i IN 1..2 RETURN i) LET b = (FOR i IN 3..4 RETURN i) RETURN [a, b]": [[1, 2], [3, 4]],
            "LET a = 1, b = a + 1 RETURN b": 2,
            "LET docs = 1 RETURN docs": 1,
            "LET docs = [7] FOR d IN docs RETURN d": 7,
            "RETURN LENGTH(docs)": 6,
            "RETURN COUNT(docs)": 6,
            "RETURN SUM(docs[*].n)": 15,
            "LET [a, b] = [1] RETURN [a, b]": [1, None],
            "LET [, b, [c]] = [1, 2, [3]] RETURN [b, c]": [2, 3],
            "LET [] = 1 RETURN 1": 1,
            "LET {} = 1 RETURN 1": 1,
            "LET {, x} = {x: 1} RETURN x": 1,
            "LET {a, b: {c}, 'd e': f} = {a: 1, b: {c: 2}, 'd e': 3} RETURN [a, c, f]": [1, 2, 3],
            "LET {t: [{u}]} = {t: [{u: 1}]} RETURN u": 1,
            "LET {x} = [1], [y] = {x: 1} RETURN [x, y]": [None, None],
        },
    )
    assert values("FOR [k, {v}] IN [['a', {v: 1}], 5] RETURN [k, v]") == [["a", 1], [None, None]]
    assert values("FOR {n, g} IN docs FILTER n > 3 RETURN [n, g]") == [[4, "a"], [5, "b"]]


def test_loops_filters_and_limits(values):
    assert values("FOR i IN 1..2 FOR j IN [i, i * 10] RETURN [i, j]") == [[1, 1], [1, 10], [2, 2], [2, 20]]
    assert values("FOR i IN 3..1 RETURN i") == [3, 2, 1]
    assert values("FOR i IN 1..1e15 LIMIT 2 RETURN i") == [1, 2]
    assert values("FOR i IN 1..5 LIMIT 0 RETURN i") == []
    assert values("FOR i IN 1..5 LIMIT 7, 2 RETURN i") == []
    assert values("FOR i IN 1..5 LIMIT 3, 7 RETURN i") == [4, 5]
    assert values("FOR i IN 1..5 LIMIT 1 + 1 RETURN i") == [1, 2]
    assert values("FOR i IN 1..5 LIMIT @o, @c RETURN i", o=1, c=2.0) == [2, 3]
    assert values("FOR i IN 1..3 LIMIT 2 FOR j IN 1..2 LIMIT 3 RETURN [i, j]") == [[1, 1], [1, 2], [2, 1]]
    assert values("FOR i IN 1..5 FILTER i > 1 FILTER i < 4 RETURN i") == [2, 3]
    assert values.stats("filtered") == 3
    assert values("LET x = 1 FILTER x > 1 RETURN x") == []
    assert values("FOR d IN docs FILTER d.g == 'a' RETURN d.n") == [0, 2, 4]
    assert values.stats("scannedFull") == 6


def test_sorting(values):
    assert values("FOR x IN [[1, 2], [0, 5], [1, 1]] SORT x[0], x[1] DESC RETURN x") == [[0, 5], [1, 2], [1, 1]]
    assert values("FOR x IN [[1, 2], [0, 5], [1, 1]] SORT x[0] DESC, x[1] RETURN x") == [[1, 1], [1, 2], [0, 5]]
    pairs = "[[1, 'a'], [0, 'b'], [1, 'c'], [0, 'd']]"
    assert values(f"FOR x IN {pairs} SORT x[0] RETURN x[1]") == ["b", "d", "a", "c"]
    assert values(f"FOR x IN {pairs} SORT x[0] DESC RETURN x[1]") == ["a", "c", "b", "d"]
    assert values(f"FOR x IN {pairs} SORT x[0] DESC LIMIT 1, 2 RETURN x[1]") == ["c", "b"]
    assert values("FOR x IN [2, 1] SORT null RETURN x") == [2, 1]
    assert values("FOR x IN [2, 1, 3] SORT x LIMIT 1e9 RETURN x") == [1, 2, 3]
    for direction, expected in {"asc": [1, 2], "DESC": [2, 1], True: [1, 2], False: [2, 1]}.items():
        assert values("FOR x IN [2, 1] SORT x @way RETURN x", way=direction) == expected
    assert values("FOR x IN [2, 1] SORT x 'desc' RETURN x") == [2, 1]
    assert sorted(values("FOR x IN 1..9 SORT RAND() RETURN x")) == list(range(1, 10))
    assert values("FOR x IN 1..3 SORT -x LET y = x * 2 RETURN y") == [6, 4, 2]


def test_distinct(values):
    assert values("FOR x IN [1, 1.0, true, '1', [1], [1, null], null, {}] RETURN DISTINCT x") == [
        1,
        True,
        "1",
        [1],
        None,
        {},
    ]
    assert values("RETURN (FOR x IN [1, 1] RETURN DISTINCT x)") == [[1]]
    assert values("FOR x IN [3, 1, 3] SORT x RETURN DISTINCT x") == [1, 3]


def test_full_count(values):
    for text, expected in {
        "FOR i IN 1..10 LIMIT 3 RETURN i": 10,
        "FOR i IN 1..10 LIMIT 20, 3 RETURN i": 10,
        "FOR i IN 1..10 FILTER i > 4 SORT -i LIMIT 1, 2 RETURN i": 6,
        "FOR i IN 1..10 LIMIT 8 LIMIT 3 RETURN i": 8,
        "FOR i IN 1..10 LIMIT 1 FOR j IN 1..3 RETURN j": 10,
        "FOR i IN 1..4 LET s = (FOR j IN 1..9 LIMIT 1 RETURN j) RETURN s": 4,
        "FOR i IN 1..4 LET s = (FOR j IN 1..9 LIMIT 1 RETURN j) LIMIT 2 RETURN s": 4,
        "FOR d IN docs SORT COSINE_SIMILARITY(d.v, [1]) LIMIT 2 RETURN d": 6,
        "RETURN 1": 1,
    }.items():
        results = values(text, options={"fullCount": True})
        assert values.stats("fullCount") == expected, text
        assert results == values(text)
        assert "fullCount" not in values.extra["stats"]


def test_collect(values):
    assert values("FOR x IN [2, 1, 2] COLLECT y = x RETURN y") == [1, 2]
    assert values("FOR x IN ['b', null, 1, 'a', [1], null, 1.0] COLLECT y = x RETURN y") == [None, 1, "a", "b", [1]]
    assert values("FOR d IN docs COLLECT g = d.g, odd = d.n > 2 WITH COUNT INTO c RETURN [g, odd, c]") == [
        ["a", False, 2],
        ["a", True, 1],
        ["b", False, 1],
        ["b", True, 2],
    ]
    assert values("FOR d IN docs COLLECT WITH COUNT INTO c RETURN c") == [6]
    assert values("FOR d IN [] COLLECT WITH COUNT INTO c RETURN c") == [0]
    assert values("FOR d IN [] COLLECT x = d WITH COUNT INTO c RETURN c") == []
    assert values("COLLECT WITH COUNT INTO c RETURN c") == [1]
    assert values("FOR i IN 1..3 LET j = i % 2 COLLECT k = j INTO g RETURN [k, g]") == [
        [0, [{"i": 2, "j": 0}]],
        [1, [{"i": 1, "j": 1}, {"i": 3, "j": 1}]],
    ]
    assert values("FOR i IN 1..3 COLLECT k = i % 2 INTO g = i * 10 RETURN [k, g]") == [[0, [20]], [1, [10, 30]]]
    assert values("FOR i IN 1..3 LET j = 0 COLLECT k = i % 2 INTO g KEEP i RETURN g") == [[{"i": 2}], [{"i": 1}, {"i": 3}]]
    assert values("LET a = 7 FOR i IN 1..2 COLLECT k = i INTO g RETURN [a, k, g]") == [
        [7, 1, [{"i": 1}]],
        [7, 2, [{"i": 2}]],
    ]
    assert values("LET a = 7 COLLECT k = a INTO g RETURN [k, g]") == [[7, [{"a": 7}]]]
    assert values("FOR i IN 1..4 COLLECT k = i % 2 INTO g COLLECT n = LENGTH(g) INTO h RETURN [n, h[*].k]") == [[2, [0, 1]]]
    assert values("FOR i IN 1..2 COLLECT k = i FOR i IN [k] RETURN i") == [1, 2]
    assert values("FOR i IN 1..2 RETURN (FOR j IN 1..2 COLLECT k = j * i INTO g RETURN [k, g])") == [
        [[1, [{"j": 1}]], [2, [{"j": 2}]]],
        [[2, [{"j": 1}]], [4, [{"j": 2}]]],
    ]
    assert values("FOR i IN 1..3 COLLECT k = i % 2 OPTIONS {method: 'sorted'} RETURN k") == [0, 1]


def test_aggregates(values):
    names = "LENGTH MIN MAX SUM AVERAGE STDDEV_SAMPLE VARIANCE UNIQUE SORTED_UNIQUE COUNT_DISTINCT BIT_OR PUSH".split()  # noqa: SIM905
    every = ", ".join(f"a{n} = {name}(x)" for n, name in enumerate(names))
    listed = ", ".join(f"a{n}" for n in range(len(names)))

    def aggregate(items):
        (row,) = values(f"FOR x IN {items} COLLECT AGGREGATE {every} RETURN [{listed}]")
        assert values.warnings() == []
        return row

    assert aggregate("[]") == [0, None, None, None, None, None, None, [], [], 0, None, []]
    assert aggregate("[null]") == [1, None, None, 0, None, None, None, [None], [None], 1, None, [None]]
    assert aggregate("[3, 1, 3]") == [
        3,
        1,
        3,
        7,
        7 / 3,
        pytest.approx(1.1547, 1e-4),
        pytest.approx(8 / 9),
        [3, 1],
        [1, 3],
        2,
        3,
        [3, 1, 3],
    ]
    mixed = aggregate("[1, 'a', null, [2]]")
    assert mixed[:7] == [4, 1, [2], None, None, None, None] and mixed[9:] == [4, None, [1, "a", None, [2]]]
    text = "FOR d IN docs COLLECT g = d.g AGGREGATE s = SUM(d.n), l = COUNT(), m = AVG(d.n * 2) RETURN [g, s, l, m]"
    assert values(text) == [["a", 6, 3, 4], ["b", 9, 3, 6]]
    text = "FOR d IN docs COLLECT AGGREGATE s = sum(d.n) INTO all RETURN [s, LENGTH(all)]".replace(" all", " every").replace(
        "(all", "(every"
    )
    assert values(text) == [[15, 6]]


def test_subqueries_are_remembered_only_where_nothing_changes_them(run):
    run.collection("docs", [{"n": n} for n in range(3)])
    docs, read = run.database.collection("docs"), []
    documents = docs.documents
    docs.documents = lambda rows=None: (read.append(rows), documents(rows))[1]
    assert run("FOR i IN 1..4 LET s = (FOR d IN docs RETURN d.n) RETURN SUM(s) + i") == [4, 5, 6, 7]
    assert len(read) == 1
    del docs.documents
    assert run("FOR i IN 1..3 RETURN (FOR j IN 1..2 RETURN i * j)") == [[1, 2], [2, 4], [3, 6]]
    assert run("FOR i IN 1..3 RETURN (FOR j IN 1..2 RETURN (RETURN i))") == [[[n], [n]] for n in (1, 2, 3)]
    assert run("RETURN [1, 2][* FILTER FIRST(FOR i IN [CURRENT] RETURN i) == 2]") == [[2]]
    assert run("RETURN [{a: [1]}, {a: [2]}][*].a[(RETURN 0)[0]]") == [[1, 2]]
    assert len(set(run("FOR i IN 1..20 LET r = (RETURN RAND()) RETURN r[0]"))) > 1
    assert run("FOR i IN 1..2 LET s = (FOR d IN docs RETURN d.n) INSERT {n: LENGTH(s)} INTO docs RETURN NEW.n") == [3, 3]
    assert run("FOR i IN 1..2 LET w = (INSERT {n: i} INTO docs RETURN NEW.n) RETURN w") == [[1], [2]]
    assert run("RETURN LENGTH(docs)") == [7]
    assert run(
        "UPSERT FILTER CURRENT.n == FIRST(FOR i IN [CURRENT.n] RETURN i) INSERT {} UPDATE {u: 1} IN docs RETURN NEW.n"
    ) == [0]
    assert run("LET s = (FOR i IN 1..3 LET x = DOCUMENT('docs/nope') RETURN x) RETURN s") == [[None] * 3]


def test_bind_variables(values):
    assert values("RETURN [@a, @a, @1, @_x]", a=[None, {"b": 1.5}], **{"1": 2, "_x": "y"}) == [
        [[None, {"b": 1.5}]] * 2 + [2, "y"]
    ]
    assert values("RETURN {a: {b: 1}}.@p", p=["a", "b"]) == [1]
    assert values("RETURN {a: {b: 1}}.@p.@q", p="a", q="b") == [1]
    assert values("RETURN [{a: {b: 1}}][*].@p", p=["a", "b"]) == [[1]]
    assert values("FOR d IN docs FILTER d.@p == 3 RETURN d.n", p="n") == [3]
    assert values("FOR d IN @@c LIMIT 1 RETURN d.n", _atc="docs") == [0]
    assert values("FOR d IN @@c LIMIT 1 RETURN d.n", _atc=values.database.collection("docs").id) == [0]
    assert values("RETURN LENGTH(@@c)", _atc="docs") == [6]
    assert values("RETURN DOCUMENT(@@c, '1').n", _atc="docs") == [1]
    assert values("WITH @@c RETURN 1", _atc="docs") == [1]
    assert values("FOR x IN @list RETURN x", list=[1, 2]) == [1, 2]
    assert values("RETURN /* @no */ 1") == [1]
