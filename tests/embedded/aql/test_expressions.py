"""Operators, access to parts of values, and expansions, as ArangoDB 3.12 has them."""

from tests.support.aql import check


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
