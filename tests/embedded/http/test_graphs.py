"""Named graphs, their vertices and edges."""


def test_graphs(http):
    definition = {"collection": "acts", "from": ["people"], "to": ["shows"]}
    made = http("POST", "/_api/gharial", {"name": "stage", "edgeDefinitions": [definition]}, status=202)
    assert made.json()["graph"]["edgeDefinitions"] == [definition] and made.headers["ETag"]
    http.error("POST", "/_api/gharial", {"name": "stage"}, status=409, number=1925)
    http.error("POST", "/_api/gharial", {}, status=400, number=1922)
    http.error("GET", "/_api/gharial/none", status=404, number=1924)
    assert [graph["_key"] for graph in http("GET", "/_api/gharial").json()["graphs"]] == ["stage"]
    assert http("GET", "/_api/gharial/stage/vertex").json()["collections"] == ["people", "shows"]
    assert http("GET", "/_api/gharial/stage/edge").json()["collections"] == ["acts"]

    for collection, key in (("people", "ann"), ("people", "bob"), ("shows", "hamlet")):
        path = f"/_api/gharial/stage/vertex/{collection}"
        vertex = http("POST", path, {"_key": key}, status=201, waitForSync="true", returnNew="true").json()
        assert vertex["vertex"]["_id"] == vertex["new"]["_id"] == f"{collection}/{key}"
    acts = "/_api/gharial/stage/edge/acts"
    edge = http("POST", acts, {"_key": "1", "_from": "people/ann", "_to": "shows/hamlet"}, status=202).json()["edge"]
    assert edge["_id"] == "acts/1"
    http.error("POST", acts, {"_from": "people/ann", "_to": "shows/missing"}, status=404, number=1202)
    http.error("POST", acts, {"_from": "people/ann"}, status=400, number=1233)
    http.error("POST", acts, [], status=400, number=1227)
    answer = http("GET", acts + "/1", status=200)
    assert answer.json()["edge"]["_rev"] == edge["_rev"] == answer.headers["ETag"]
    http("GET", acts + "/1", status=304, headers={"If-None-Match": edge["_rev"]})
    http("GET", acts + "/1", status=412, headers={"If-Match": "x"})
    http("GET", acts + "/2", status=404)
    http("PATCH", acts + "/1", {"role": "king"}, status=412, headers={"If-Match": "x"})
    changed = http("PATCH", acts + "/1", {"role": "king"}, status=202, returnNew="true", returnOld="true").json()
    assert changed["edge"]["_oldRev"] == edge["_rev"] and changed["new"]["role"] == "king" and "role" not in changed["old"]
    http("PUT", acts + "/1", {"_from": "people/bob", "_to": "shows/hamlet"}, status=202)
    http("PUT", "/_api/gharial/stage/vertex/people/ann", {"age": 3}, status=202)
    http.error("GET", "/_api/gharial/stage/vertex/nowhere/ann", status=400, number=1947)
    http("DELETE", "/_api/gharial/stage/vertex/people/bob", status=412, headers={"If-Match": "x"})
    removed = http("DELETE", "/_api/gharial/stage/vertex/people/bob", status=202, returnOld="true").json()
    assert removed["removed"] is True and removed["old"]["_key"] == "bob"
    http("GET", acts + "/1", status=404)

    http("POST", "/_api/gharial/stage/vertex", {"collection": "halls"}, status=202)
    assert http("GET", "/_api/gharial/stage").json()["graph"]["orphanCollections"] == ["halls"]
    http("DELETE", "/_api/gharial/stage/vertex/halls", dropCollection="true", status=202)
    http.error("GET", "/_api/collection/halls", status=404, number=1203)
    http("POST", "/_api/gharial/stage/edge", {"collection": "likes", "from": ["people"], "to": ["people"]}, status=202)
    http("PUT", "/_api/gharial/stage/edge/likes", {"collection": "likes", "from": ["people"], "to": ["shows"]}, status=202)
    http("DELETE", "/_api/gharial/stage/edge/likes", dropCollections="true", status=202)
    assert http("DELETE", "/_api/gharial/stage", dropCollections="true", status=202).json()["removed"] is True
    assert http("GET", "/_api/collection", excludeSystem="true").json()["result"] == []
