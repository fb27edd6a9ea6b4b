"""The nearest documents by vector: the search through matrices and indexes gives what sorting all documents gives."""

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.aql import Queries
from workshop.arango.embedded import vectors
from workshop.arango.embedded.aql import query
from workshop.arango.embedded.aql import search as nearest_search
from workshop.arango.embedded.errors import ArangoError

MEASURES = ("COSINE_SIMILARITY", "L1_DISTANCE", "L2_DISTANCE")
APPROXIMATE = {
    "APPROX_NEAR_COSINE": ("COSINE_SIMILARITY", "cosine", "DESC"),
    "APPROX_NEAR_L2": ("L2_DISTANCE", "l2", "ASC"),
}

element = st.sampled_from([0, 1, -1, 2, 0.5, 1 / 3, 1e-20, -1e20, 1e-300, 1e308, 3.0000001, 7])
usual = st.sampled_from([0, 1, -1, 2, 0.5, 1 / 3, 3, 3.0000001])
odd = st.sampled_from([None, "x", True, {}, [], [1, "a"], [None, 1], [[1, 2], [3, 4]], [1, 2, 3, 4], [True, 1]])


def vector(dimension):
    size = {"min_size": dimension, "max_size": dimension}
    return st.one_of(st.lists(usual, **size), st.lists(usual, **size), st.lists(element, **size))


@st.composite
def searches(draw):
    """Documents' vectors, how many times each is there, changes, and queries."""
    dimension = draw(st.integers(1, 3))
    value = st.one_of(vector(dimension), vector(dimension), vector(dimension), odd)
    return {
        "values": draw(st.lists(value, max_size=20)),
        "copies": draw(st.integers(1, 6)),
        "changes": draw(st.lists(st.tuples(st.integers(0, 30), st.one_of(st.none(), value)), max_size=5)),
        "queries": draw(st.lists(queries(dimension), min_size=1, max_size=4)),
    }


@st.composite
def queries(draw, dimension):
    measure, direction = draw(st.sampled_from(MEASURES)), draw(st.sampled_from(["ASC", "DESC", ""]))
    call = draw(st.sampled_from([f"{measure}(d.a.v, @q)", f"{measure}(@q, d.a.v)", f"{measure}(d.a['v'], @q)"]))
    before = draw(
        st.sampled_from(["", "LET m = d.n % 3", "FILTER d.n % 2 == 0", "FILTER d.n > 40 LET m = d.n FILTER m < 70"])
    )
    after = draw(st.sampled_from(["", "FILTER d.n % 3 > 0", "LET k = d.n"]))
    offset, count = draw(st.integers(0, 12)), draw(st.sampled_from([0, 1, 3, 10, 1000]))
    named = draw(st.booleans())
    key = "s" if named else call
    fast = (
        f"FOR d IN films {before} LET s = {call} {after} SORT {key} {direction} LIMIT {offset}, {count} RETURN [d._key, s]"
    )
    return (
        fast,
        fast.replace(f"SORT {key}", f"SORT NOOPT({key})"),
        draw(st.one_of(vector(dimension), vector(dimension), odd)),
    )


@pytest.fixture
def looking_at_few(monkeypatch):
    """Few documents are read at first, so that the search depends on its bounds."""
    monkeypatch.setattr(nearest_search, "FIRST_LOOK", 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Queries(tmp_path_factory.mktemp("search"))
    made.collection("films")
    yield made
    made.store.close()


def fill(run, values, copies=1):
    films = run.database.collection("films")
    with run.store.writing():
        films.truncate()
        for n, value in enumerate(values * copies):
            films.insert({"_key": str(n), "n": n, "a": {"v": value}} if value != "x" else {"_key": str(n), "n": n})


def check(run, pairs):
    for fast, general, vector in pairs:
        assert run(fast, q=vector) == run(general, q=vector), (fast, vector)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(searches())
def test_exact_search_gives_what_sorting_gives(run, looking_at_few, search):
    fill(run, search["values"], search["copies"])
    check(run, search["queries"])
    with run.store.writing():
        films = run.database.collection("films")
        for n, value in search["changes"]:
            if films.get(str(n)) is None:
                films.insert({"_key": str(n), "n": n, "a": {"v": value}})
            elif value is None:
                films.remove(str(n))
            else:
                films.update(str(n), {"a": {"v": value}})
    check(run, search["queries"])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_scores_that_float32_cannot_tell_apart(run, looking_at_few, measure, direction):
    random = np.random.default_rng(5)
    values = (np.array([0.3, -1.7, 2.2, 0.1]) + random.normal(scale=3e-9, size=(400, 4))).tolist()
    fill(run, values)
    text = f"FOR d IN films SORT {measure}(d.a.v, @q) {direction} LIMIT 1 RETURN d.n"
    wanted = [1.3, -0.7, 2.0, 0.5]
    assert run(text, q=wanted) == run(text.replace("SORT ", "SORT 0, "), q=wanted)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("odd", [[1e200, 1.0], [1e-200, 0.0], [0.0, 0.0], [1.0], None, [1.0, "x"], "no"])
def test_documents_that_must_be_looked_at_one_by_one(run, looking_at_few, measure, direction, odd):
    fill(run, [[float(n), 1.0] for n in range(150)] + [odd])
    text = f"FOR d IN films LET s = {measure}(d.a.v, [1, 0]) SORT s {direction} LIMIT 2 RETURN [d.n, s]"
    assert run(text) == run(text.replace("SORT ", "SORT 0, "))


def test_the_search_is_used_and_reads_little(run):
    random = np.random.default_rng(0)
    fill(run, random.normal(size=(500, 4)).tolist())
    fast = "FOR d IN films LET s = COSINE_SIMILARITY(d.a.v, @q) SORT s DESC LIMIT 5 RETURN d.n"
    wanted = random.normal(size=4).tolist()
    films = run.database.collection("films")
    read, items = [], films.items
    films.items = lambda rows=None: (read.append(rows), items(rows))[1]
    run(fast, q=wanted)
    read.clear()
    nearest = run(fast, q=wanted)
    del films.items
    assert len(read) == 1 and len(read[0]) < 100
    assert nearest == run(fast.replace("SORT s", "SORT NOOPT(s)"), q=wanted)


@pytest.mark.parametrize(
    "text",
    [
        "FOR d IN films LET s = L2_DISTANCE(d.a.v, @q) SORT s LIMIT 3 LET m = d.n FILTER m > 0 RETURN [m, s]",
        "LET q = @q FOR d IN films SORT L1_DISTANCE(q, d.a.v) LIMIT 2, 3 RETURN d.n",
        "FOR i IN 1..2 FOR d IN films SORT L1_DISTANCE(@q, d.a.v), i LIMIT 3 RETURN [i, d.n]",
        "FOR d IN films SORT L1_DISTANCE(@q, d.a.v) LIMIT 3 FOR e IN films SORT L1_DISTANCE(e.a.v, d.a.v), d.n RETURN e.n",
        "FOR i IN 1..3 RETURN (FOR d IN films FILTER d.n % 3 == i % 3 SORT L2_DISTANCE(@q, d.a.v) LIMIT 2 RETURN d.n)",
        "FOR d IN films LET q = d.a.v SORT L2_DISTANCE(q, @q) LIMIT 2 RETURN d.n",
        "FOR d IN films LET [x] = [1] SORT L2_DISTANCE(d.a.v, @q) LIMIT 2 RETURN [x, d.n]",
        "FOR {a, n} IN films SORT L2_DISTANCE(a.v, @q) LIMIT 2 RETURN n",
        "FILTER false FOR d IN films SORT L2_DISTANCE(d.a.v, @q) LIMIT 2 RETURN d.n",
        "FOR d IN films SORT L2_DISTANCE(d.a.v, FIRST(FOR e IN films FILTER e._key == '7' RETURN e.a.v)) "
        "LIMIT @q[0] > 99 ? 1 : 2 RETURN d.n",
        "FOR d IN films SORT L2_DISTANCE(d.a.v, DOCUMENT('films/7').a.v) LIMIT 2 RETURN [d.n, @q]",
        "FOR d IN films SORT L2_DISTANCE(d.a.@v, @q) LIMIT 2 RETURN d.n",
        "FOR d IN films FILTER d._key IN ['3', '4', '5'] SORT L2_DISTANCE(d.a.v, @q) DESC LIMIT 2 RETURN d.n",
    ],
)
def test_forms_of_queries(run, text):
    fill(run, np.random.default_rng(1).normal(size=(60, 3)).tolist())
    binds = {"q": [0.3, -1, 0.5], **({"v": "v"} if "@v" in text else {})}
    assert run(text, **binds) == run(text.replace("SORT L", "SORT 0, L"), **binds)


def test_a_change_within_is_made_for_all_documents(run):
    fill(run, np.random.default_rng(1).normal(size=(200, 3)).tolist())
    run.collection("log")
    text = """FOR d IN films LET w = (INSERT {n: d.n} INTO log) SORT L2_DISTANCE(d.a.v, [1, 1, 1]) LIMIT 2 RETURN d.n"""
    assert len(run(text)) == 2
    assert run("RETURN LENGTH(log)") == [200]


def test_changes_in_a_transaction_that_is_undone(run):
    fill(run, [[float(n), 1.0] for n in range(300)])
    films = run.database.collection("films")
    text = "FOR d IN films SORT L2_DISTANCE(d.a.v, [0, 1]) LIMIT 3 RETURN d.n"
    assert run(text) == [0, 1, 2]
    with pytest.raises(RuntimeError), run.store.writing():
        for n in range(299):
            films.remove(str(n))
        assert query.run(text, run.database) == [299]
        raise RuntimeError
    assert run(text) == [0, 1, 2]
    run("FOR d IN films FILTER d.n < 2 REMOVE d IN films")
    assert run(text) == [2, 3, 4]


# Vector indexes


def index(run, metric, lists, dimension, **parameters):
    films = run.database.collection("films")
    with run.store.writing():
        for each in films.indexes():
            if each["type"] == "vector":
                films.drop_index(each["id"])
        parameters = {"metric": metric, "nLists": lists, "dimension": dimension, **parameters}
        films.create_index({"type": "vector", "fields": ["a.v"], "params": parameters})


@pytest.mark.parametrize("name", APPROXIMATE)
def test_searching_all_lists_is_exact(run, name):
    exact, metric, direction = APPROXIMATE[name]
    random = np.random.default_rng(3)
    fill(run, random.normal(size=(300, 8)).tolist())
    index(run, metric, 10, 8)
    films = run.database.collection("films")
    for turn in range(3):
        for condition in ("", "FILTER d.n % 10 == 3", "FILTER d.n > 1000"):
            wanted = random.normal(size=8).tolist()
            text = f"FOR d IN films {condition} SORT {exact}(d.a.v, @q) {direction} LIMIT 2, 20 RETURN d.n"
            approximate = text.replace(f"{exact}(d.a.v, @q)", f"{name}(d.a.v, @q, {{nProbe: 10}})")
            assert run(approximate, q=wanted) == run(text, q=wanted)
        with run.store.writing():  # what was searched for exactly in between must reach the index as well
            films.remove(str(turn))
            films.update(str(100 + turn), {"a": {"v": random.normal(size=8).tolist()}})
            films.insert({"_key": f"new{turn}", "n": 500 + turn, "a": {"v": random.normal(size=8).tolist()}})
        run(text, q=wanted)


def test_scores_of_an_approximate_search(run):
    fill(run, [[1, 0], [0, 1], [1, 1], [-1, 0.5]])
    index(run, "innerProduct", 1, 2)
    text = "FOR d IN films LET s = APPROX_NEAR_INNER_PRODUCT(d.a.v, @q) SORT s DESC LIMIT 3 RETURN [d.n, s]"
    assert run(text, q=[2, 1]) == [[2, 3], [0, 2], [1, 1]]
    assert "EnumerateNearVectorNode" in run.explain(text, q=[2, 1])
    index(run, "cosine", 1, 2)
    text = "FOR d IN films SORT APPROX_NEAR_COSINE(@q, d.a.v) DESC LIMIT 1 RETURN d.n"
    assert run(text, q=[1e-30, 1e-30]) == [2]


def test_an_index_survives_the_removal_of_its_documents(run):
    fill(run, [[1, 0], [0, 1], [1, 1]])
    index(run, "l2", 3, 2)
    text = "FOR d IN films SORT APPROX_NEAR_L2(d.a.v, [0, 0], {nProbe: 3}) LIMIT 5 RETURN d.n"
    assert run(text)[-1] == 2
    run("FOR d IN films REMOVE d IN films")
    assert run(text) == []
    fill(run, [[5, 5]])
    assert run(text) == [0]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("FOR d IN films SORT APPROX_NEAR_L2(d.a.v, [1, 2]) DESC LIMIT 1 RETURN d", 1554),
        ("FOR d IN films SORT APPROX_NEAR_COSINE(d.a.v, [1, 2]) DESC LIMIT 1 RETURN d", 1554),
        ("FOR d IN films SORT APPROX_NEAR_L2(d.b, [1, 2]) LIMIT 1 RETURN d", 1554),
        ("FOR d IN films SORT APPROX_NEAR_L2(d.a.v, [1, 2]) RETURN d", 1554),
        ("RETURN APPROX_NEAR_L2([1, 2], [1, 2])", 1554),
        ("FOR d IN films SORT APPROX_NEAR_L2(d.a.v, [1, 2, 3]) LIMIT 1 RETURN d", 10),
        ("FOR d IN films SORT APPROX_NEAR_L2(d.a.v, null) LIMIT 1 RETURN d", 10),
        ("FOR d IN films SORT APPROX_NEAR_L2(d.a.v, [1, 2], {nProbe: 0}) LIMIT 1 RETURN d", 10),
        ("FOR d IN films SORT APPROX_NEAR_L2(d.a.v, [1, 2], 3) LIMIT 1 RETURN d", 10),
    ],
)
def test_errors_of_approximate_searches(run, text, number):
    fill(run, [[1, 0], [0, 1], [1, 1]])
    index(run, "l2", 1, 2)
    with pytest.raises(ArangoError) as caught:
        run(text)
    assert caught.value.number == number


def test_an_index_needs_as_many_vectors_as_lists(run):
    fill(run, [[1, 0], [0, 1], None])
    index(run, "l2", 2, 2)
    with pytest.raises(ArangoError) as caught:
        index(run, "l2", 3, 2)
    assert caught.value.http == 400
    assert run("FOR d IN films SORT APPROX_NEAR_L2(d.a.v, [0, 2], {nProbe: 2}) LIMIT 3 RETURN d.n") == [1, 0]


def test_searches_at_the_same_time(run):
    random = np.random.default_rng(4)
    fill(run, random.normal(size=(400, 6)).tolist())
    text = "FOR d IN films SORT COSINE_SIMILARITY(d.a.v, @q) DESC LIMIT 4 RETURN d.n"
    asked = random.normal(size=(24, 6)).tolist()
    expected = [run(text.replace("SORT ", "SORT 0, "), q=wanted) for wanted in asked]
    run("UPDATE '1' WITH {x: 1} IN films")
    found = {}

    def work(numbers):
        for number in numbers:
            with run.store.reading():
                found[number] = query.run(text, run.database, {"q": asked[number]})

    threads = [threading.Thread(target=work, args=(range(start, 24, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(24)] == expected


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5]), max_size=40), st.integers(1, 10), st.booleans())
@settings(deadline=None, derandomize=True)
def test_chunks_of_a_ranking_hold_every_row_once(bounds, first, ascending):
    ranking = vectors.Ranking(np.arange(len(bounds)), np.array(bounds), np.zeros(0, int), np.zeros(0, int))
    chunks = list(vectors.in_order(ranking, ascending=ascending, first=first))
    assert sorted(row for rows, _ in chunks for row in rows) == list(range(len(bounds)))
    ordered = [bounds[row] for rows, _ in chunks for row in rows]
    assert ordered == sorted(bounds, reverse=not ascending)
    assert all(best == bounds[rows[0]] for rows, best in chunks)
