"""Walks over graphs."""

import pytest

from tests.support.aql import Queries, stored
from workshop.arango.embedded.errors import ArangoError


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
