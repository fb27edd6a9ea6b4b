"""Collections, databases, indexes, and the simple queries on collections."""

from tests.support.arango_http import Http


def test_collections(http, films):
    made = http(
        "POST", "/_api/collection", {"name": "more", "keyOptions": {"type": "autoincrement", "offset": 5}}, status=200
    )
    assert made.json()["keyOptions"]["type"] == "autoincrement" and made.json()["status"] == 3
    names = [each["name"] for each in http("GET", "/_api/collection", excludeSystem="true").json()["result"]]
    assert names == ["films", "more"]
    short = http("GET", "/_api/collection/films").json()
    assert short["type"] == 2 and "waitForSync" not in short
    assert http("GET", f"/_api/collection/{short['id']}").json()["name"] == "films"
    assert http("GET", "/_api/collection/films/count").json()["count"] == 3
    figures = http("GET", "/_api/collection/films/figures").json()
    assert figures["count"] == 3 and figures["figures"]["indexes"]["count"] == 1 and figures["figures"]["documentsSize"] > 0
    revision = http("GET", "/_api/collection/films/revision").json()["revision"]
    checksum = http("GET", "/_api/collection/films/checksum").json()["checksum"]
    assert checksum == http("GET", "/_api/collection/films/checksum").json()["checksum"]
    http("PATCH", "/_api/document/films/cube", {"year": 1998})
    assert http("GET", "/_api/collection/films/revision").json()["revision"] != revision
    assert http("GET", "/_api/collection/films/checksum").json()["checksum"] == checksum
    with_data = http("GET", "/_api/collection/films/checksum", withData="true").json()["checksum"]
    http("PATCH", "/_api/document/films/cube", {"year": 1999})
    assert http("GET", "/_api/collection/films/checksum", withData="true").json()["checksum"] != with_data
    for action in ("load", "unload", "compact", "recalculateCount", "loadIndexesIntoMemory"):
        http("PUT", f"/_api/collection/films/{action}", status=200)
    assert http("PUT", "/_api/collection/films/load").json()["count"] == 3
    assert http("PUT", "/_api/collection/more/rename", {"name": "less"}).json()["name"] == "less"
    http.error("GET", "/_api/collection/more", status=404, number=1203)
    http.error("PUT", "/_api/collection/less/rename", {"name": "films"}, status=409, number=1207)
    http.error("PUT", "/_api/collection/less/rename", {}, status=400, number=1208)
    http("PUT", "/_api/collection/films/truncate", status=200)
    assert http("GET", "/_api/collection/films/count").json()["count"] == 0
    assert http("DELETE", "/_api/collection/less").json()["id"] == made.json()["id"]
    http.error("DELETE", "/_api/collection/less", status=404, number=1203)
    http.error("POST", "/_api/collection", {"name": "films"}, status=409, number=1207)
    for body in ({}, {"name": ""}, {"name": 1}, {"name": "a b/c"}, {"name": "1a"}):
        http.error("POST", "/_api/collection", body, status=400, number=1208)
    http.error("POST", "/_api/collection", {"name": "x", "type": 4}, status=400, number=1218)
    http.error("POST", "/_api/collection", {"name": "x", "waitForSync": "yes"}, status=400, number=400)
    http.error("DELETE", "/_api/collection/_graphs", status=403, number=11)
    http.error("PUT", "/_api/collection/films/nonsense", status=405, number=405)
    http.error("GET", "/_api/collection/films/nonsense", status=404, number=404)
    http.error("GET", "/_api/collection/films/shards", status=501, number=9)


def test_databases(server, http, system):
    assert http("GET", "/_api/database/current").json()["result"]["name"] == "test"
    http.error("GET", "/_api/database", status=403, number=1230)
    http.error("POST", "/_api/database", {"name": "x"}, status=403, number=1230)
    users = [{"username": "bob", "passwd": "b"}]
    assert system("POST", "/_api/database", {"name": "other", "users": users}, status=201).json()["result"] is True
    assert system("GET", "/_api/database").json()["result"] == ["_system", "other", "test"]
    bob = Http(server, "other", user="bob", password="b")
    assert bob("GET", "/_api/database/user").json()["result"] == ["other"]
    bob("POST", "/_api/collection", {"name": "mine"}, status=200)
    Http(server, "test", user="bob", password="b").error("GET", "/_api/version", status=401, number=11)
    system.error("POST", "/_api/database", {"name": "other"}, status=409, number=1207)
    for name in ("", None, 7, "a/b"):
        system.error("POST", "/_api/database", {"name": name}, status=400, number=1229)
    system.error("POST", "/_api/database", {"name": "z", "users": [{}]}, status=400, number=400)
    cursor = bob("POST", "/_api/cursor", {"query": "FOR i IN 1..9 RETURN i", "batchSize": 2}).json()["id"]
    system("DELETE", "/_api/database/other", status=200)
    system.error("DELETE", "/_api/database/other", status=404, number=1228)
    system.error("DELETE", "/_api/database/_system", status=403, number=1230)
    Http(server, "other").error("POST", f"/_api/cursor/{cursor}", status=404, number=1228)
    bob.error("GET", "/_api/version", status=401, number=11)
    system("DELETE", "/_api/user/bob", status=202)


def test_indexes(http, films):
    made = http("POST", "/_api/index", {"type": "persistent", "fields": ["year"], "name": "by_year"}, collection="films")
    assert made.status == 201 and made.json()["isNewlyCreated"]
    again = http("POST", "/_api/index", {"type": "persistent", "fields": ["year"]}, collection="films", status=200).json()
    assert again["id"] == made.json()["id"] and not again["isNewlyCreated"]
    found = http("GET", "/_api/index", collection="films").json()
    assert [index["type"] for index in found["indexes"]] == ["primary", "persistent"]
    assert set(found["identifiers"]) == {index["id"] for index in found["indexes"]}
    number = made.json()["id"].split("/")[1]
    for name in (number, "by_year"):
        assert http("GET", f"/_api/index/films/{name}").json()["fields"] == ["year"]
    http("POST", "/_api/document/films", {"year": 1979})
    unique = {"type": "persistent", "fields": ["year"], "unique": True}
    http.error("POST", "/_api/index", unique, collection="films", status=400, number=1210)
    http.error("POST", "/_api/index", {"type": "nonsense"}, collection="films", status=400, number=10)
    http.error("POST", "/_api/index", {}, collection="nowhere", status=404, number=1203)
    http.error("POST", "/_api/index", {}, status=404, number=1203)
    assert http("DELETE", f"/_api/index/films/{number}").json()["id"] == f"films/{number}"
    http.error("DELETE", f"/_api/index/films/{number}", status=404, number=1212)
    http.error("GET", "/_api/index/films/7777", status=404, number=1212)


def test_simple_queries(http, films):
    def ask(what, **body):
        return http("PUT", f"/_api/simple/{what}", {"collection": "films", **body})

    assert len(ask("all").json()["result"]) == 3 and ask("all", skip=1, limit=1).json()["count"] == 1
    assert sorted(ask("all-keys", type="key").json()["result"]) == ["alien", "brazil", "cube"]
    assert "/_db/test/_api/document/films/alien" in ask("all-keys").json()["result"]
    assert ask("by-example", example={"year": 1985}).json()["result"][0]["_key"] == "brazil"
    assert ask("first-example", example={"year": 1985}).json()["document"]["_key"] == "brazil"
    assert ask("first-example", example={"year": 1}).status == 404
    assert ask("any").json()["document"]["_key"] in ("alien", "brazil", "cube")
    assert len(ask("range", attribute="year", left=1979, right=1985, closed=True).json()["result"]) == 2
    assert len(ask("lookup-by-keys", keys=["alien", "films/cube", "x", 1]).json()["documents"]) == 2
    assert ask("update-by-example", example={"year": 1985}, newValue={"a": {"b": 1}}).json()["updated"] == 1
    assert ask("by-example", example={"a.b": 1}).json()["count"] == 1
    assert ask("replace-by-example", example={"a.b": 1}, newValue={"c": 1}).json()["replaced"] == 1
    assert ask("remove-by-example", example={"c": 1}).json()["deleted"] == 1
    removed = ask("remove-by-keys", keys=["alien", "x"], options={"silent": False}).json()
    assert (removed["removed"], removed["ignored"], removed["old"][0]["_key"]) == (1, 1, "alien")
    http("PUT", "/_api/simple/near", {}, status=501)
    http.error("PUT", "/_api/simple/all", {}, status=400, number=17)
    http.error("PUT", "/_api/simple/all", {"collection": "nowhere"}, status=404, number=1203)
