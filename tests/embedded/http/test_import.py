"""Bulk import, and the edges of a vertex."""

import json

import pytest


def lines(*values):
    return "\n".join(value if isinstance(value, str) else json.dumps(value) for value in values)


@pytest.mark.parametrize("kind", ["documents", "auto"])
def test_importing_lines(http, films, kind):
    body = lines({"_key": "x"}, "", "  ", {"_key": "alien"}, "{oops", 7, {"_key": "y"}) + "\n"
    answer = http("POST", "/_api/import", data=body, collection="films", type=kind, details="true", status=201).json()
    details = answer.pop("details")
    assert answer == {"error": False, "created": 2, "errors": 3, "empty": 2, "updated": 0, "ignored": 0}
    assert [detail.split(":")[0] for detail in details] == ["at position 4", "at position 5", "at position 6"]
    assert "unique constraint" in details[0] and "parse error" in details[1] and "expecting object" in details[2]


@pytest.mark.parametrize("kind", ["array", "list", "auto"])
@pytest.mark.parametrize(
    ("duplicate", "counts"),
    [("error", (1, 1, 0, 0)), ("update", (1, 0, 1, 0)), ("replace", (1, 0, 1, 0)), ("ignore", (1, 0, 0, 1))],
)
def test_importing_an_array(http, films, kind, duplicate, counts):
    body = [{"_key": "x"}, {"_key": "alien", "n": 1}]
    answer = http("POST", "/_api/import", body, collection="films", type=kind, onDuplicate=duplicate, status=201).json()
    assert tuple(answer[name] for name in ("created", "errors", "updated", "ignored")) == counts
    expected = {"error": (1979, None), "update": (1979, 1), "replace": (None, 1), "ignore": (1979, None)}
    document = http("GET", "/_api/document/films/alien").json()
    assert (document.get("year"), document.get("n")) == expected[duplicate]


def test_importing_values_after_names(http, films):
    body = lines(["_key", "n", "t"], ["a", 1, "one"], "", ["b", None, "two"], ["c", 3], "x")
    answer = http("POST", "/_api/import", data=body, collection="films", details="1", line="10", status=201).json()
    assert (answer["created"], answer["errors"], answer["empty"]) == (2, 2, 1)
    assert answer["details"][0].startswith("at position 14: wrong number of JSON values")
    assert "n" not in http("GET", "/_api/document/films/b").json()
    for bad in ("", "x\n[]", "[1]\n[1]", '["a"]'):
        http.error("POST", "/_api/import", data=bad, collection="films", status=400, number=400)


def test_importing_all_or_nothing(http, films):
    body = [{"_key": "x"}, {"_key": "alien"}, {"_key": "y"}]
    message = http.error(
        "POST", "/_api/import", body, collection="films", type="list", complete="yes", status=409, number=1210
    )
    assert message.startswith("at position 2")
    http("GET", "/_api/document/films/x", status=404)
    http("POST", "/_api/import", [{"_key": "z"}], collection="films", type="list", overwrite="true", status=201)
    assert http("GET", "/_api/collection/films/count").json()["count"] == 1


def test_importing_edges(http):
    http("POST", "/_api/collection", {"name": "links", "type": 3}, status=200)
    body = [
        {"_from": "a", "_to": 7, "_key": "x"},
        {"_from": "v/a", "_to": "w/b"},
        {"_from": "v/a"},
        {"_from": "v/a", "_to": "b"},
    ]
    path = {"collection": "links", "type": "array", "details": "1"}
    answer = http("POST", "/_api/import", body, **path, fromPrefix="v", toPrefix="w/").json()
    assert (answer["created"], answer["errors"]) == (3, 1) and "missing '_from' or '_to'" in answer["details"][0]
    edge = http("GET", "/_api/document/links/x").json()
    assert (edge["_from"], edge["_to"]) == ("v/a", "w/7")
    assert http("POST", "/_api/import", body[3:], **path).json()["errors"] == 1

    def edges(**params):
        return http("GET", "/_api/edges/links", **params, status=200).json()

    assert len(edges(vertex="v/a")["edges"]) == 3 and edges(vertex="v/a")["stats"]["scannedIndex"] == 3
    assert len(edges(vertex="v/a", direction="out")["edges"]) == 3
    assert edges(vertex="v/a", direction="in")["edges"] == []
    assert len(edges(vertex="w/b", direction="inbound")["edges"]) == 2
    assert len(http("POST", "/_api/edges/links", ["v/a", "w/b"]).json()["edges"]) == 3
    http.error("GET", "/_api/edges/links", vertex="v/a", direction="up", status=400, number=400)
    http.error("GET", "/_api/edges/links", status=400, number=1205)
    http("DELETE", "/_api/collection/links", status=200)


def test_wrong_imports(http, films):
    http.error("POST", "/_api/import", [], type="list", status=400, number=1204)
    http.error("POST", "/_api/import", [], type="list", collection="nowhere", status=404, number=1203)
    http.error("POST", "/_api/import", {}, type="list", collection="films", status=400, number=400)
    http.error("POST", "/_api/import", data="[", type="list", collection="films", status=400, number=600)
    http.error("POST", "/_api/import", [], type="nonsense", collection="films", status=400, number=400)
    http.error("POST", "/_api/import", [], type="list", collection="films", onDuplicate="x", status=400, number=400)
    http.error("GET", "/_api/import", collection="films", status=405, number=405)
