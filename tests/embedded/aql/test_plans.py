"""How queries are executed, and what they tell of it."""

import pytest

from workshop.arango.embedded.aql import query


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
