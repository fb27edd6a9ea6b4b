"""Whatever stands in a query, nothing but an ArangoError comes out: queries cut short, mixed up and made at random."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.aql import attempt

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
