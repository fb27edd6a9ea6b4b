"""What AQL queries give: expressions, statements, changes and walks over graphs, as ArangoDB 3.12 has them."""

import pytest

from tests.support.aql import Queries
from workshop.arango.embedded.aql import query
from workshop.arango.embedded.errors import ArangoError


@pytest.fixture
def run(tmp_path):
    made = Queries(tmp_path)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """For queries that change nothing."""
    made = Queries(tmp_path_factory.mktemp("values"))
    made.collection("docs", [{"_key": str(n), "n": n, "g": "ab"[n % 2]} for n in range(6)])
    yield made
    made.store.close()


def check(run, cases):
    for text, expected in cases.items():
        results = run(text)
        assert results == [expected] and type(results[0]) is type(expected), text


def test_precedence_and_associativity(values):
    check(
        values,
        {
            "RETURN 1 + 2 * 3 - 4 / 2": 5,
            "RETURN 10 - 3 - 2": 5,
            "RETURN 2 - -3": 5,
            "RETURN -2 * -3": 6,
            "RETURN 7 % 4 * 2": 6,
            "RETURN NOT 1 == 2": False,
            "RETURN NOT (1 == 2)": True,
            "RETURN ! false && false": False,
            "RETURN true || true && false": True,
            "RETURN 1 < 2 == true": True,
            "RETURN 1 == 1 IN [true]": False,
            "RETURN 2 IN [2] == true": True,
            "RETURN 1 + 1 IN [2]": True,
            "RETURN 1..1 + 2": [1, 2, 3],
            "RETURN [2] == 1 + 1..2": True,
            "RETURN true ? 1 : false ? 2 : 3": 1,
            "RETURN false ? 1 : false ? 2 : 3": 3,
            "RETURN true ? false ? 1 : 2 : 3": 2,
            "RETURN null ?: 0 ?: 'x'": "x",
            "RETURN 5 ? : 6": 5,
            "RETURN 1 == 1 ? 'y' : 'n'": "y",
            "RETURN 'abc' LIKE 'a%' == true": True,
            "RETURN 'abc' NOT LIKE 'a%'": False,
            "RETURN NOT 'abc' LIKE 'a%'": False,
            "RETURN 1 + [1, 2] ALL == 2": False,
            "RETURN [1, 2] ALL < 2 + 1 AND true": True,
            "RETURN [1, 2][0] + 1": 2,
            "RETURN -[3][0]": -3,
            "RETURN {a: {b: 2}}.a.b * 2": 4,
            "RETURN 1 in [1] and not false or false": True,
        },
    )


def test_truth(values):
    for text, expected in {
        **{value: False for value in ("null", "false", "0", "0.0", "''")},
        **{value: True for value in ("true", "1", "-1", "' '", "'0'", "[]", "{}", "[0]")},
    }.items():
        check(values, {f"RETURN NOT {text}": not expected, f"RETURN {text} ? true : false": expected})
        assert values(f"FOR i IN [1] FILTER {text} RETURN i") == [1] * expected
    check(
        values,
        {
            "RETURN 1 || 7": 1,
            "RETURN null || 'foo'": "foo",
            "RETURN null && true": None,
            "RETURN true && 23": 23,
            "RETURN 0 AND FAIL('not evaluated')": 0,
            "RETURN 1 OR FAIL('not evaluated')": 1,
            "RETURN true ? 1 : FAIL('not evaluated')": 1,
            "RETURN NOT_NULL(null, 2, FAIL('not evaluated'))": 2,
        },
    )


def test_order_of_types(values):
    ordered = [
        "null",
        "false",
        "true",
        "-1",
        "0.5",
        "2",
        "''",
        "'A'",
        "'a'",
        "'b'",
        "[]",
        "[0]",
        "[0, 1]",
        "[1]",
        "{}",
        "{a: 1}",
    ]
    for n, one in enumerate(ordered):
        for m, other in enumerate(ordered):
            expected = [n < m, n <= m, n > m, n >= m, n == m, n != m]
            assert values(f"LET a = {one} LET b = {other} RETURN [a < b, a <= b, a > b, a >= b, a == b, a != b]") == [
                expected
            ]
    shuffled = "[{a: 1}, '', [1], 2, null, 'b', true, [0, 1], -1, 'A', [], false, {}, 'a', 0.5, [0]]"
    expected = values(f"RETURN [{', '.join(ordered)}]")[0]
    assert values(f"FOR x IN {shuffled} SORT x RETURN x") == expected
    assert values(f"FOR x IN {shuffled} SORT x DESC RETURN x") == expected[::-1]
    check(values, {"RETURN [1] == [1, null]": True, "RETURN {a: null} == {}": True, "RETURN 1 == 1.0": True})


def test_arithmetic(values):
    check(
        values,
        {
            "RETURN 1 + 'a'": 1,
            "RETURN 1 + '99'": 100,
            "RETURN 1 + ' 2.5 '": 3.5,
            "RETURN null + 1": 1,
            "RETURN 3 + []": 3,
            "RETURN 24 + [2]": 26,
            "RETURN 24 + [2, 4]": 24,
            "RETURN 17 - true": 16,
            "RETURN 23 * {}": 0,
            "RETURN 24 / '12'": 2,
            "RETURN 5 / 2": 2.5,
            "RETURN -7 % 3": -1,
            "RETURN 7 % -3": 1,
            "RETURN 7.5 % 2": 1.5,
            "RETURN +'-3.5'": -3.5,
            "RETURN -'3'": -3,
            "RETURN -null": 0,
            "RETURN 9223372036854775807": 9223372036854775807,
            "RETURN 9223372036854775807 + 1": 9223372036854775808.0,
            "RETURN 9223372036854775808": 9223372036854775808.0,
            "RETURN 1e308 * 10": None,
            "RETURN -1e308 - 1e308": None,
        },
    )
    for text in ("1 / 0", "1 % 0", "1 / null", "1 % 'a'", "0 / 0"):
        check(values, {f"RETURN {text}": None})
        assert values.warnings() == [1562]
        assert values(f"FOR x IN [1, 2] LET y = x * 0 RETURN {text[0]} {text[2]} y") == [None, None]
        assert values.warnings() == [1562, 1562]


def test_numbers_and_strings(values):
    check(
        values,
        {
            "RETURN [0, 10, 1.5, .5, 1e2, 1.5E-1, 2e+1]": [0, 10, 1.5, 0.5, 100, 0.15, 20],
            "RETURN [0xff, 0XfF, 0b101, -0b11]": [255, 255, 5, -3],
            "RETURN 1..3": [1, 2, 3],
            "RETURN 1.5..3.9": [1, 2, 3],
            "RETURN 2..-1": [2, 1, 0, -1],
            "RETURN '1'..null": [1, 0],
            "RETURN LENGTH(1..1000)": 1000,
            r"RETURN 'a\'b\"c\\d\/\n\t\r\b\f\u00e4\x'": "a'b\"c\\d/\n\t\r\b\fäx",
            r'RETURN "it\"s \ud83d\ude00"': 'it"s 😀',
            "RETURN 'two\nlines'": "two\nlines",
            "RETURN '// no /* comment'": "// no /* comment",
            "RETURN 'über ´ `'": "über ´ `",
            "return 1": 1,
            "Let A = 1 rEtUrN A": 1,
            "LET `ein Name` = 1 RETURN `ein Name`": 1,
            "LET ´for´ = 1 RETURN {´for´, `a.b`: ´for´}": {"for": 1, "a.b": 1},
            r"LET `a\`b` = 1 RETURN `a\`b`": 1,
            "LET $a = 1, _b = 2, __c1 = 3 RETURN [$a, _b, __c1]": [1, 2, 3],
            "LET options = 1, search = 2, count = 3, to = 4, keep = 5 RETURN options + search + count + to + keep": 15,
            "RETURN {count: 1, options: 2, keep: 3}.count": 1,
            "RETURN/**/1/* 2 */+//x\n3/***/": 4,
            "RETURN 1 NOT /* a */ IN // b\n [2]": True,
            "RETURN [1] ANY /* = */ == 1": True,
            "RETURN [1] AT /* x */ LEAST (1) == 1": True,
            "RETURN 1/2": 0.5,
        },
    )


def test_access(values):
    check(
        values,
        {
            "RETURN [1, 2, 3][0]": 1,
            "RETURN [1, 2, 3][-1]": 3,
            "RETURN [1, 2, 3][-4]": None,
            "RETURN [1, 2, 3][3]": None,
            "RETURN [1, 2, 3][1.9]": 2,
            "RETURN [1, 2, 3][-0.5]": 1,
            "RETURN [1, 2, 3]['1']": 2,
            "RETURN [1, 2, 3]['-1']": 3,
            "RETURN [1, 2, 3]['a']": None,
            "RETURN [1, 2, 3]['1.5']": None,
            "RETURN [1, 2, 3]['٢']": None,
            "RETURN [1, 2, 3][true]": None,
            "RETURN [1, 2, 3][null]": None,
            "RETURN [1, 2, 3][[1]]": None,
            "RETURN [1, 2, 3][1e300]": None,
            "RETURN [1, 2].length": None,
            "RETURN {'1': 5}[1.7]": 5,
            "RETURN {a: 5}['a']": 5,
            "RETURN {'true': 5}[true]": None,
            "RETURN {a: {b: [{c: 1}]}}.a['b'][0].c": 1,
            "RETURN (1).a.b[0]": None,
            "RETURN ('abc')[0]": None,
            "RETURN (null).x": None,
            "LET x = 'abc' RETURN x.y.z": None,
            "RETURN MERGE({a: 1}).a": 1,
            "RETURN (FOR i IN 1..3 RETURN {i})[1].i": 2,
        },
    )


def test_objects(values):
    check(
        values,
        {
            "LET a = 1 RETURN {a, 'b': 2, `c d`: 3,}": {"a": 1, "b": 2, "c d": 3},
            "RETURN {[CONCAT('x', 1)]: 1, [1.5]: 2, [null]: 3, [[1]]: 4}": {"x1": 1, "1.5": 2, "": 3, "[1]": 4},
            "RETURN {a: 1, b: 2, a: 3}": {"a": 3, "b": 2},
            "FOR i IN [1] RETURN {a: i, ['a']: i + 1}": {"a": 2},
            "RETURN [1, [], {},]": [1, [], {}],
        },
    )
    assert values("RETURN {@name: 1, [@number]: 2}", name="x", number=5) == [{"x": 1, "5": 2}]


def test_membership(values):
    check(
        values,
        {
            "RETURN 1 IN [1.0]": True,
            "RETURN '1' IN [1]": False,
            "RETURN [1] IN [[1], 2]": True,
            "RETURN null IN [null]": True,
            "RETURN 1 IN null": False,
            "RETURN 1 NOT IN null": False,
            "RETURN 1 NOT IN {}": False,
            "RETURN 1 NOT IN []": True,
            "RETURN 'a' IN 'abc'": False,
            "RETURN 3 IN 1..5": True,
        },
    )
    assert values("FOR i IN 1..5 FILTER i IN [2, '3', 4.0, true] RETURN i") == [2, 4]
    assert values("FOR i IN 1..5 FILTER i NOT IN (FOR j IN 2..9 RETURN j) RETURN i") == [1]


def test_quantifiers(values):
    check(
        values,
        {
            "RETURN [] ALL == 1": True,
            "RETURN [] ANY == 1": False,
            "RETURN [] NONE == 1": True,
            "RETURN [] AT LEAST (0) == 1": True,
            "RETURN [] AT LEAST (1) == 1": False,
            "RETURN null ALL == 1": False,
            "RETURN null NONE == 1": False,
            "RETURN {} ANY == 1": False,
            "RETURN [1, 2, 3] ALL IN [2, 3, 4]": False,
            "RETURN [1, 2, 3] ALL IN [1, 2, 3]": True,
            "RETURN [1, 2, 3] NONE IN [23, 42]": True,
            "RETURN [1, 2, 3] ANY NOT IN [1, 2]": True,
            "RETURN [1, 2, 3] NONE IN 3": False,
            "RETURN [1, 2, 3] any <= 1": True,
            "RETURN [1, 2, 3] NONE < 99": False,
            "RETURN [1, 2, 3] ALL>0": True,
            "RETURN [1, 2, 3] AT LEAST (2) IN [2, 3, 4]": True,
            "RETURN ['foo', 'bar'] AT LEAST (1 + 1) == 'foo'": False,
            "RETURN ['foo', 'bar'] ALL != 'moo'": True,
            "RETURN ['foo', 'bar'] ALL LIKE '%o%'": False,
            "RETURN ['foo', 'bar'] ANY NOT LIKE '%o%'": True,
            "RETURN ['foo', 'bar'] ANY =~ '^f'": True,
            "RETURN ['foo', 'bar'] NONE !~ 'o|a'": True,
            "RETURN [1, 2, 3, 4][? 2 FILTER CURRENT % 2 == 0]": True,
            "RETURN [1, 2, 3, 4][? 3..5 FILTER CURRENT > 1]": True,
            "RETURN [1, 2, 3, 4][? FILTER CURRENT > 3]": True,
            "RETURN [1, 2, 3, 4][? NONE FILTER CURRENT > 3]": False,
            "RETURN [1, 2, 3, 4][? ALL FILTER CURRENT > 0]": True,
            "RETURN [1, 2, 3, 4][? AT LEAST (4) FILTER CURRENT > 1]": False,
            "RETURN [][? ALL FILTER false]": True,
            "RETURN (1)[? ALL FILTER false]": False,
            "RETURN [[], [0]][*][?]": [False, True],
            "RETURN [[1], [2]][?? 2 FILTER CURRENT > 0]": True,
            "RETURN (null)[?]": False,
        },
    )


def test_expansions(values):
    check(
        values,
        {
            "RETURN [{a: 1}, {a: 2}, 3][*].a": [1, 2, None],
            "RETURN (3)[*]": [],
            "RETURN (null)[**].a": [],
            "RETURN [[1, [2]], 3][**]": [1, [2], 3],
            "RETURN [[1, [2]], 3][***]": [1, 2, 3],
            "RETURN [{a: [{b: 1}, {b: 2}]}, {a: [{b: 3}]}][*].a[*].b": [[1, 2], [3]],
            "RETURN [{a: [{b: 1}, {b: 2}]}, {a: [{b: 3}]}][*].a[**].b": [1, 2, 3],
            "RETURN ([{a: [{b: 1}]}][*].a)[0]": [{"b": 1}],
            "RETURN [{a: [5, 6]}][*].a[0]": [5],
            "RETURN [{a: [5, 6]}][*]['a'][-1]": [6],
            "RETURN [1, 2, 3, 4][* FILTER CURRENT % 2 == 0]": [2, 4],
            "RETURN [1, 2, 3, 4][* LIMIT 2]": [1, 2],
            "RETURN [1, 2, 3, 4][* LIMIT 1, 2]": [2, 3],
            "RETURN [1, 2, 3, 4][* LIMIT -1, 2]": [],
            "RETURN [1, 2, 3, 4][* LIMIT 0]": [],
            "RETURN [1, 2, 3, 4][* FILTER CURRENT > 1 LIMIT 1, 2 RETURN CURRENT * 10]": [30, 40],
            "RETURN [[1, 2], [3]][** FILTER CURRENT > 1 RETURN -CURRENT]": [-2, -3],
            "RETURN [1, 2][* RETURN $CURRENT]": [1, 2],
            "LET x = 2 RETURN [1, 2, 3][* FILTER CURRENT >= x].y": [None, None],
            "RETURN [[1, 2], [3, 4]][* RETURN CURRENT[* FILTER CURRENT > 1]]": [[2], [3, 4]],
            "RETURN [[1, 2], [3, 4]][* RETURN [CURRENT[* RETURN CURRENT * 2], CURRENT[0]]]": [[[2, 4], 1], [[6, 8], 3]],
            "RETURN [1, 2][* RETURN (FOR i IN 1..CURRENT RETURN i + CURRENT)]": [[2], [3, 4]],
            "RETURN [{a: [{b: 1}, {b: 2}]}][*].a[* FILTER CURRENT.b > 1].b": [[2]],
            "RETURN [3, 4][* FILTER [CURRENT] ANY == 3]": [3],
        },
    )


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


# Changes


def stored(run, name="docs"):
    return {document["_key"]: document for document in run(f"FOR d IN {name} RETURN UNSET(d, '_id', '_rev')")}


def test_insert(run):
    run.collection("docs")
    assert run("FOR i IN 1..2 INSERT {_key: CONCAT('k', i), n: i} INTO docs") == []
    assert run.stats("writesExecuted") == 2
    assert run("INSERT {_key: 'x'} IN docs RETURN [OLD, NEW._id, NEW._key]") == [[None, "docs/x", "x"]]
    assert run("INSERT {_key: 'x', a: 1} INTO 'docs' OPTIONS {overwrite: true} RETURN [OLD.a, NEW.a]") == [[None, 1]]
    assert run("INSERT {_key: 'x', b: 2} INTO docs OPTIONS {overwriteMode: 'update'} RETURN [NEW.a, NEW.b]") == [[1, 2]]
    assert run("INSERT {_key: 'x', b: 3} INTO docs OPTIONS {overwriteMode: 'replace'} RETURN [NEW.a, NEW.b]") == [[None, 3]]
    assert run("INSERT {_key: 'x', b: 4} INTO docs OPTIONS {overwriteMode: 'ignore'} RETURN NEW") == [None]
    assert run("RETURN DOCUMENT('docs/x').b") == [3]
    with pytest.raises(ArangoError) as caught:
        run("FOR k IN ['new', 'x'] INSERT {_key: k} INTO docs")
    assert caught.value.number == 1210 and caught.value.http == 409
    assert "new" not in stored(run)
    assert run("FOR k IN ['new', 'x', 'y'] INSERT {_key: k} INTO docs OPTIONS {ignoreErrors: true} RETURN NEW._key") == [
        "new",
        "y",
    ]
    assert (run.stats("writesExecuted"), run.stats("writesIgnored")) == (2, 1)
    for wrong in ("1", "null", "[]"):
        with pytest.raises(ArangoError) as caught:
            run(f"INSERT {wrong} INTO docs")
        assert caught.value.number == 1227


def test_update_and_replace(run):
    run.collection("docs", [{"_key": str(n), "n": n, "o": {"a": 1, "b": 2}} for n in range(3)])
    assert run("FOR d IN docs UPDATE d WITH {n: d.n + 10} IN docs RETURN [OLD.n, NEW.n]") == [[0, 10], [1, 11], [2, 12]]
    assert run("UPDATE '1' WITH {o: {a: null, c: 3}} IN docs RETURN NEW.o") == [{"a": None, "b": 2, "c": 3}]
    assert run("UPDATE '1' WITH {o: {a: null}} IN docs OPTIONS {keepNull: false} RETURN NEW.o") == [{"b": 2, "c": 3}]
    assert run("UPDATE '1' WITH {o: {z: 1}} IN docs OPTIONS {mergeObjects: false} RETURN NEW.o") == [{"z": 1}]
    assert run("UPDATE {_key: '1', x: 5} IN docs RETURN [NEW.x, NEW.n]") == [[5, 11]]
    assert run("REPLACE '1' WITH {y: 6} IN docs RETURN [NEW.y, NEW.n, OLD.n]") == [[6, None, 11]]
    assert run("REPLACE {_key: '1', y: 7} INTO docs RETURN NEW.y") == [7]
    assert run("FOR d IN docs FILTER d.n > 11 REPLACE d WITH {} IN docs LET n = NEW RETURN KEYS(n, true)") == [[]]
    for selector, number in {"'nope'": 1202, "1": 1226, "{}": 1226, "{_key: 1}": 1226, "null": 1226}.items():
        with pytest.raises(ArangoError) as caught:
            run(f"UPDATE {selector} WITH {{a: 1}} IN docs")
        assert caught.value.number == number
    assert run("FOR k IN ['nope', '2'] UPDATE k WITH {a: 1} IN docs OPTIONS {ignoreErrors: true} RETURN NEW.a") == [1]
    with pytest.raises(ArangoError) as caught:
        run("UPDATE {_key: '2', _rev: 'old'} WITH {a: 2} IN docs OPTIONS {ignoreRevs: false}")
    assert caught.value.number == 1200
    assert run("FOR d IN docs UPDATE d WITH {z: (FOR e IN docs RETURN 1)[0]} IN docs LIMIT 1 RETURN NEW.z") == [1]
    assert run("FOR d IN docs RETURN d.z") == [1, 1, 1]


def test_remove(run):
    run.collection("docs", [{"_key": str(n), "n": n} for n in range(5)])
    assert run("REMOVE '0' IN docs RETURN OLD.n") == [0]
    assert run("FOR d IN docs FILTER d.n == 1 REMOVE d IN docs RETURN OLD._key") == ["1"]
    assert run("FOR d IN docs FILTER d.n == 2 REMOVE {_key: d._key} INTO docs COLLECT WITH COUNT INTO c RETURN c") == [1]
    with pytest.raises(ArangoError) as caught:
        run("FOR d IN docs REMOVE d IN docs RETURN NEW")
    assert caught.value.number == 1203
    assert run("FOR d IN docs FOR e IN docs REMOVE e IN docs OPTIONS {ignoreErrors: true} RETURN OLD.n") == [3, 4]
    assert run("RETURN LENGTH(docs)") == [0]


def test_upsert(run):
    run.collection("docs", [{"_key": "1", "n": 1, "o": {"a": 1, "b": 2}, "t": [1]}])
    assert run("UPSERT {n: 1} INSERT {n: 0} UPDATE {m: OLD.n + 1} IN docs RETURN [OLD._key, NEW.m]") == [["1", 2]]
    assert run("UPSERT {n: 2} INSERT {_key: '2', n: 2} UPDATE {} IN docs RETURN [OLD, NEW.n]") == [[None, 2]]
    assert run("UPSERT {o: {a: 1}, t: [1]} INSERT {} REPLACE {r: 1} IN docs RETURN [NEW._key, NEW.n]") == [["1", None]]
    assert run("UPSERT @e INSERT {} UPDATE {u: 1} IN docs RETURN NEW._key", e={"_key": "2"}) == ["2"]
    assert run("UPSERT FILTER CURRENT.u == 1 && CURRENT.n > 1 INSERT {} UPDATE {u: 2} INTO docs RETURN NEW.u") == [2]
    text = "FOR x IN ['a', 'b', 'a'] UPSERT {name: x} INSERT {name: x, c: 1} UPDATE {c: OLD.c + 1} IN docs RETURN NEW.c"
    assert run(text) == [1, 1, 2]
    assert run("UPSERT {missing: null} INSERT {} UPDATE {found: true} IN docs RETURN OLD._key") == ["1"]


def test_several_changes(run):
    run.collection("docs", [{"_key": str(n)} for n in range(3)])
    run.collection("log")
    text = """FOR d IN docs
      UPDATE d WITH {seen: true} IN docs
      LET key = NEW._key
      INSERT {key, old: OLD.seen} INTO log
      RETURN [key, NEW.key]"""
    assert run(text) == [["0", "0"], ["1", "1"], ["2", "2"]]
    assert run.stats("writesExecuted") == 6
    assert run("INSERT {a: 1} INTO log LET l = NEW RETURN l.a") == [1]
    assert run("RETURN [(INSERT {} INTO log), (INSERT {} INTO docs RETURN 1)]") == [[[], [1]]]
    assert run("FOR i IN [] INSERT {} INTO log") == []
    assert run("FOR d IN docs LET s = (FOR j IN 1..2 INSERT {j} INTO docs) RETURN 1") == [1] * 4
    assert run("RETURN LENGTH(docs)") == [12]
    assert run("FOR d IN docs INSERT {copy: d._key} INTO docs LIMIT 1 RETURN 1") == [1]
    assert run("RETURN LENGTH(docs)") == [24]
    assert run("FOR d IN docs REMOVE d IN docs SORT 1 LIMIT 0 RETURN 1") == []
    assert run("RETURN LENGTH(docs)") == [0]


@pytest.mark.parametrize("unique", [False, True])
def test_indexes_give_what_reading_everything_gives(run, unique):
    odd = [1, 1.0, "1", "a", "A", "ä", None, True, [1], [1, None], {"x": 1}, {}, 0, 2, "", [None]]
    documents = [{"_key": str(n), "a": {"b": value}} for n, value in enumerate(odd)] + [
        {"_key": "missing"},
        {"_key": "half", "a": 1},
    ]
    run.collection("plain", documents)
    fields = ["a.b", "_key"] if unique else ["a.b"]
    run.collection("docs", documents, indexes=[{"type": "persistent", "fields": fields, "unique": unique}])
    for value in [*odd, "nope", 3, -1]:
        for text in (
            "FOR d IN docs FILTER d.a.b == @v RETURN d._key",
            "FOR d IN docs FILTER @v == d.a['b'] AND d._key != '3' RETURN d._key",
            "FOR d IN docs FILTER d.a.b IN [@v, 'a', 2] RETURN d._key",
            "FOR d IN docs FILTER d.a.b IN @v RETURN d._key",
            "FOR x IN [@v, 'a'] FOR d IN docs FILTER d.a.b == x FILTER d.a.b != 2 RETURN d._key",
            "FOR d IN docs FILTER d._key == @v OR d.a.b == @v RETURN d._key",
            "FOR d IN docs FILTER d._key == @v RETURN d._key",
            "FOR d IN docs FILTER d._id IN ['docs/1', CONCAT('docs/', @v)] RETURN d._key",
        ):
            assert run(text, v=value) == run(text.replace("docs FILTER", "plain FILTER").replace("docs/", "plain/"), v=value)
    assert "IndexNode" in run.explain("FOR d IN docs FILTER d._key == '1' RETURN d")
    run("FOR d IN docs FILTER d._key == '1' RETURN d")
    assert (run.stats("scannedIndex"), run.stats("scannedFull")) == (1, 0)
    assert len(run("FOR d IN docs FILTER d._key == TO_STRING(FLOOR(RAND() * 1000)) RETURN d")) <= 1


# Graphs


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """a→b→d, a→c→d, d→e, e→a; parallel edges b→d; a loop at c; weights; f stands alone, x is missing."""
    made = Queries(tmp_path_factory.mktemp("graph"))
    made.collection("v", [{"_key": key, "n": n} for n, key in enumerate("abcdef")])
    ends = ["ab", "ac", "bd", "bd", "cd", "cc", "de", "ea", "ex"]
    weights = [1, 5, 1, 2, 1, 1, 3, None, 1]
    made.collection(
        "e",
        [
            {
                "_key": f"{n}{one}{other}",
                "_from": f"v/{one}",
                "_to": f"v/{other}",
                **({} if weight is None else {"w": weight}),
            }
            for n, ((one, other), weight) in enumerate(zip(ends, weights))
        ],
        edges=True,
    )
    made.collection("e2", [{"_key": "bf", "_from": "v/b", "_to": "v/f"}], edges=True)
    with made.store.writing():
        definition = [{"collection": "e", "from": ["v"], "to": ["v"]}, {"collection": "e2", "from": ["v"], "to": ["v"]}]
        made.database.collection("_graphs").insert({"_key": "g", "edgeDefinitions": definition, "orphanCollections": []})
    yield made
    made.store.close()


def keys(rows):
    return ["-" if row is None else row["_key"] for row in rows]


def test_depths(graph):
    assert sorted(keys(graph("FOR v IN OUTBOUND 'v/a' e RETURN v"))) == ["b", "c"]
    assert keys(graph("FOR v IN 0 OUTBOUND 'v/a' e RETURN v")) == ["a"]
    assert sorted(keys(graph("FOR v IN 0..1 OUTBOUND 'v/a' e RETURN v"))) == ["a", "b", "c"]
    assert sorted(keys(graph("FOR v IN 2 OUTBOUND 'v/a' e RETURN v"))) == ["c", "d", "d", "d"]
    assert sorted(keys(graph("FOR v IN @from..@to OUTBOUND 'v/a' e RETURN v", **{"from": 2, "to": 2}))) == [
        "c",
        "d",
        "d",
        "d",
    ]
    assert keys(graph("FOR v IN 1..9 OUTBOUND 'v/f' e RETURN v")) == []
    assert graph("FOR v, e, p IN 0 OUTBOUND 'v/a' e RETURN [v._key, e, LENGTH(p.edges), LENGTH(p.vertices)]") == [
        ["a", None, 0, 1]
    ]
    rows = graph("FOR v, ed, p IN 1..3 OUTBOUND 'v/a' e RETURN [v._key, ed._key, p.vertices[*]._key, p.edges[*]._key]")
    assert all(row[0] == row[2][-1] and row[1] == row[3][-1] and len(row[2]) == len(row[3]) + 1 for row in rows)


def test_directions(graph):
    assert keys(graph("FOR v IN INBOUND 'v/d' e SORT v._key RETURN v")) == ["b", "b", "c"]
    assert keys(graph("FOR v IN ANY 'v/c' e SORT v._key RETURN v")) == ["a", "c", "d"]
    assert keys(graph("FOR v IN ANY 'v/b' e SORT v._key RETURN v")) == ["a", "d", "d"]
    assert keys(graph("FOR v IN OUTBOUND 'v/b' INBOUND e, e2 SORT v._key RETURN v")) == ["a", "f"]
    assert keys(graph("FOR v IN ANY 'v/f' e, INBOUND e2 RETURN v")) == ["b"]
    assert keys(graph("FOR v IN OUTBOUND 'v/b' @@one, @two SORT v._key RETURN v", _atone="e", two="e2")) == ["d", "d", "f"]
    assert keys(graph("FOR v IN OUTBOUND 'v/b' GRAPH 'g' SORT v._key RETURN v")) == ["d", "d", "f"]
    assert keys(graph("FOR v IN OUTBOUND 'v/b' GRAPH @g OPTIONS {edgeCollections: 'e2'} RETURN v", g="g")) == ["f"]
    assert keys(graph("FOR v IN OUTBOUND DOCUMENT('v/b') GRAPH g OPTIONS {edgeCollections: ['e2']} RETURN v")) == ["f"]
    assert keys(graph("FOR s IN ['v/f', 'v/e'] FOR v IN 1 ANY s e2, e FILTER v != null SORT v._key RETURN v")) == [
        "a",
        "b",
        "d",
    ]


def test_orders_and_uniqueness(graph):
    def walk(given, depth="1..3"):
        return graph(f"FOR v, ed, p IN {depth} OUTBOUND 'v/a' e OPTIONS {given} RETURN [LENGTH(p.edges), v._key]")

    breadth = walk("{order: 'bfs'}")
    assert [length for length, _ in breadth] == sorted(length for length, _ in breadth)
    assert sorted(map(str, breadth)) == sorted(map(str, walk("{}"))) == sorted(map(str, walk("{bfs: true}")))
    assert [length for length, _ in walk("{}")][:3] == [1, 2, 3]
    found = graph("FOR v IN 0..9 OUTBOUND 'v/a' e OPTIONS {order: 'bfs', uniqueVertices: 'global'} RETURN v")
    assert sorted(keys(found)) == ["-", "a", "b", "c", "d", "e"] and graph.warnings() == [1202]
    simple = graph("FOR v, ed, p IN 1..9 OUTBOUND 'v/a' e OPTIONS {uniqueVertices: 'path'} RETURN p.vertices[*]._key")
    assert all(len({str(key) for key in path}) == len(path) for path in simple)
    assert len(graph("FOR v IN 3 OUTBOUND 'v/c' e OPTIONS {uniqueEdges: 'none'} FILTER v._key == 'c' RETURN 1")) == 1
    assert len(graph("FOR v IN 3 OUTBOUND 'v/c' e FILTER v._key == 'c' RETURN 1")) == 0
    weighted = graph(
        "FOR v, ed, p IN 1..3 OUTBOUND 'v/a' e OPTIONS {order: 'weighted', weightAttribute: 'w', defaultWeight: 9} "
        "RETURN [SUM(p.edges[*].w), LAST(p.weights)]"
    )
    assert [row[1] for row in weighted] == sorted(row[1] for row in weighted) and all(a == b for a, b in weighted)
    found = graph(
        "FOR v IN 1..9 OUTBOUND 'v/a' e OPTIONS {order: 'weighted', weightAttribute: 'w', uniqueVertices: 'global'} RETURN v"
    )
    assert keys(found) == ["b", "d", "c", "e", "-"]
    graph.collection("other", [{"_key": "o"}])
    graph.collection("eo", [{"_from": "v/a", "_to": "other/o"}], edges=True)
    assert sorted(keys(graph("FOR v IN OUTBOUND 'v/a' e, eo RETURN v"))) == ["b", "c", "o"]
    assert keys(graph("FOR v IN OUTBOUND 'v/a' e, eo OPTIONS {vertexCollections: 'other'} RETURN v")) == ["o"]


def test_prune(graph):
    assert keys(
        graph("FOR v, ed, p IN 1..3 OUTBOUND 'v/a' e PRUNE v._key == 'b' FILTER 'b' IN p.vertices[*]._key RETURN v")
    ) == ["b"]
    rows = graph("FOR v IN 0..2 OUTBOUND 'v/a' e PRUNE stop = v._key IN ['b', 'c'] SORT v._key RETURN [v._key, stop]")
    assert rows == [["a", False], ["b", True], ["c", True]]
    rows = graph("FOR v IN 1..1 OUTBOUND 'v/a' e PRUNE stop = v._key == 'b' SORT v._key RETURN [v._key, stop]")
    assert rows == [["b", True], ["c", False]]
    assert keys(graph("FOR v IN 0..9 OUTBOUND 'v/a' e PRUNE true RETURN v")) == ["a"]
    assert graph("FOR v, ed IN 1..9 OUTBOUND 'v/a' e PRUNE ed.w > 1 FILTER ed.w > 4 RETURN v._key") == ["c"]


def test_vertices_that_are_missing_or_wrong(graph):
    assert graph("FOR v, ed IN OUTBOUND 'v/e' e SORT ed._to RETURN v._key") == ["a", None]
    assert graph.warnings() == [1202]
    assert graph("FOR v IN 0..1 OUTBOUND 'v/nope' e RETURN v") == [None] and graph.warnings() == [1202]
    assert graph("FOR v IN 0..1 OUTBOUND 'nope/nope' e RETURN v") == [None]
    for start in ("null", "1", "{}", "'nope'", "[]", "{_id: 5}"):
        assert graph(f"FOR v IN 0..1 OUTBOUND {start} e RETURN v") == []
        assert graph.warnings() == [10]


def test_shortest_path(graph):
    text = "FOR v, ed IN OUTBOUND SHORTEST_PATH 'v/a' TO 'v/e' e RETURN [v._key, ed._key]"
    path = graph(text)
    assert [key for key, _ in path] in (["a", "b", "d", "e"], ["a", "c", "d", "e"]) and path[0][1] is None
    weighted = text.replace(" e RETURN", " e OPTIONS {weightAttribute: 'w'} RETURN")
    assert graph(weighted) == [["a", None], ["b", "0ab"], ["d", "2bd"], ["e", "6de"]]
    assert keys(graph("FOR v IN INBOUND SHORTEST_PATH 'v/b' TO 'v/a' e RETURN v")) == ["b", "a"]
    assert keys(graph("FOR v IN ANY SHORTEST_PATH 'v/f' TO 'v/a' GRAPH 'g' RETURN v")) == ["f", "b", "a"]
    assert keys(graph("FOR v IN OUTBOUND SHORTEST_PATH 'v/a' TO 'v/a' e RETURN v")) == ["a"]
    assert graph("FOR v IN OUTBOUND SHORTEST_PATH 'v/a' TO 'v/f' e RETURN v") == []
    assert graph("FOR v IN OUTBOUND SHORTEST_PATH 'v/a' TO null e RETURN v") == [] and graph.warnings() == [10]
    assert len(graph("FOR t IN ['v/b', 'v/c'] FOR v IN OUTBOUND SHORTEST_PATH 'v/a' TO t e RETURN v")) == 4
    graph.collection("negative", [{"_from": "v/a", "_to": "v/b", "w": -1}], edges=True)
    with pytest.raises(ArangoError) as caught:
        graph("FOR v IN OUTBOUND SHORTEST_PATH 'v/a' TO 'v/b' negative OPTIONS {weightAttribute: 'w'} RETURN v")
    assert caught.value.number == 1948
    graph.drop("negative")


def test_several_paths(graph):
    text = (
        "FOR p IN OUTBOUND K_SHORTEST_PATHS 'v/a' TO 'v/d' e LIMIT 9 RETURN [p.vertices[*]._key, p.edges[*]._key, p.weight]"
    )
    paths = graph(text)
    assert sorted(paths) == [
        [["a", "b", "d"], ["0ab", "2bd"], 2],
        [["a", "b", "d"], ["0ab", "3bd"], 2],
        [["a", "c", "d"], ["1ac", "4cd"], 2],
    ]
    weighted = graph(text.replace(" e LIMIT", " e OPTIONS {weightAttribute: 'w'} LIMIT"))
    assert [weight for _, _, weight in weighted] == [2, 3, 6]
    assert len(graph("FOR p IN OUTBOUND ALL_SHORTEST_PATHS 'v/a' TO 'v/d' e RETURN p")) == 3
    assert graph("FOR p IN OUTBOUND ALL_SHORTEST_PATHS 'v/a' TO 'v/e' e RETURN DISTINCT ATTRIBUTES(p, false, true)") == [
        ["edges", "vertices"]
    ]
    assert len(graph("FOR p IN 1..2 OUTBOUND K_PATHS 'v/a' TO 'v/d' e RETURN p")) == 3
    assert graph("FOR p IN 1 OUTBOUND K_PATHS 'v/a' TO 'v/d' e RETURN p") == []
    assert len(graph("FOR p IN 1..9 ANY K_PATHS 'v/b' TO 'v/d' e RETURN p")) == 4
    assert graph("FOR p IN OUTBOUND K_SHORTEST_PATHS 'v/f' TO 'v/a' e RETURN p") == []


def test_walking_while_changing(run):
    run.collection("v", [{"_key": str(n)} for n in range(1, 5)])
    run.collection("e", [{"_from": f"v/{n}", "_to": f"v/{n + 1}"} for n in (1, 2)], edges=True)
    assert run("FOR v IN 1..99 OUTBOUND 'v/1' e REMOVE v._key IN v") == []
    assert run.stats("writesExecuted") == 2 and sorted(stored(run, "v")) == ["1", "4"]
    run("FOR v, d IN 1..3 ANY 'v/1' e INSERT {_from: d._to, _to: d._from} INTO e")
    assert run("RETURN LENGTH(e)") == [4]


# What a query tells of itself


def test_parsing():
    parsed = query.parse(
        "WITH z FOR d IN docs FILTER d.a == @x INSERT {b: @@y} INTO @@c OPTIONS {overwrite: @o} RETURN LENGTH(other)"
    )
    assert parsed["collections"] == ["docs", "other"]
    assert parsed["bindVars"] == ["@c", "@y", "o", "x"]
    parsed = query.parse("FOR v IN @from..2 ANY @start GRAPH @g OPTIONS {order: @order} SORT v @way LIMIT @l RETURN v.@name")
    assert parsed["bindVars"] == ["from", "g", "l", "name", "order", "start", "way"]


def test_explaining(values):
    assert values.explain("FOR d IN docs FILTER d.n > 1 SORT d.n LIMIT 2 RETURN d") == [
        "SingletonNode",
        "EnumerateCollectionNode",
        "FilterNode",
        "SortNode",
        "LimitNode",
        "ReturnNode",
    ]
    with values.store.reading():
        explained = query.explain("INSERT {} INTO docs", {}, None, values.database)
    assert explained["plan"]["isModificationQuery"] and explained["plan"]["collections"] == [
        {"name": "docs", "type": "write"}
    ]
    assert values("RETURN LENGTH(docs)") == [6]


def test_a_query_runs_again_from_what_was_parsed_once(values):
    text = "FOR d IN docs FILTER d.n == @n RETURN {n: d.n, x: [@n, {y: @n}]}"
    assert [values(text, n=n) for n in (1, 2)] == [[{"n": n, "x": [n, {"y": n}]}] for n in (1, 2)]
