"""Documents, one and several at once, and their revisions."""

import json
import urllib.parse


def test_one_document_and_its_revision(http, films):
    answer = http("GET", "/_api/document/films/alien", status=200)
    document = answer.json()
    assert document["_id"] == "films/alien" and document["year"] == 1979
    assert answer.headers["ETag"] == f'"{document["_rev"]}"'
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    path, rev = "/_api/document/films/alien", document["_rev"]

    head = http("HEAD", path, status=200)
    assert head.headers["ETag"] == answer.headers["ETag"] and not head.content
    assert http("GET", path, status=304, headers={"If-None-Match": f'"{rev}"'}).content == b""
    http("GET", path, status=200, headers={"If-None-Match": '"other"'})
    http("GET", path, status=200, headers={"If-Match": rev})
    refused = http("GET", path, status=412, headers={"If-Match": '"other"'})
    assert refused.json()["_rev"] == rev and refused.json()["errorNum"] == 1200 and refused.headers["ETag"] == f'"{rev}"'
    http("HEAD", path, status=412, headers={"If-Match": '""'})

    changed = http("PATCH", path, {"crew": None, "ship": {"a": 1}}, status=202, headers={"If-Match": rev}).json()
    assert changed["_oldRev"] == rev and changed["_rev"] != rev and "new" not in changed
    assert http("PATCH", path, {"x": 1}, status=412, headers={"If-Match": rev}).json()["_rev"] == changed["_rev"]
    assert http("PUT", path, {"x": 1, "_rev": rev}, status=412, ignoreRevs="false").json()["errorNum"] == 1200
    assert http("DELETE", path, status=412, headers={"If-Match": rev}).json()["_key"] == "alien"
    merged = http("PATCH", path, {"ship": {"b": 2}, "year": None}, keepNull="false", returnNew="1", returnOld="true").json()
    assert merged["new"]["ship"] == {"a": 1, "b": 2} and "year" not in merged["new"] and merged["old"]["year"] == 1979
    assert http("PATCH", path, {"ship": {"c": 3}}, mergeObjects="0", returnNew="1").json()["new"]["ship"] == {"c": 3}
    assert http("PUT", path, {"only": 1}, status=201, returnNew="1", waitForSync="1").json()["new"].keys() == {
        "_key",
        "_id",
        "_rev",
        "only",
    }
    assert http("PATCH", path, {"v": 1}, silent="true").json() == {}
    removed = http("DELETE", path, status=200, returnOld="true", waitForSync="true").json()
    assert removed["old"]["v"] == 1 and removed["_key"] == "alien"
    assert http.error("GET", path, status=404, number=1202) == "document not found"
    assert http("HEAD", path, status=404).content == b""
    http.error("PATCH", path, {}, status=404, number=1202)
    http.error("DELETE", path, status=404, number=1202)
    http("DELETE", "/_api/document/films/cube", status=202)


def test_inserting(http, films):
    answer = http("POST", "/_api/document/films", {"a": [1.0, 2.5, "ü"]}, status=201, waitForSync="true", returnNew="true")
    made = answer.json()
    assert made["new"]["a"] == [1, 2.5, "ü"] and answer.headers["ETag"] == f'"{made["_rev"]}"'
    assert answer.headers["Location"] == f"/_db/test/_api/document/{made['_id']}"
    http("POST", "/_api/document", {"_key": "x"}, status=202, collection="films")
    http.error("POST", "/_api/document", {}, status=400, number=1204)
    http.error("POST", "/_api/document/films", {"_key": "x"}, status=409, number=1210)
    http.error("POST", "/_api/document/nowhere", {}, status=404, number=1203)
    http.error("POST", "/_api/document/films", {"_key": "a/b"}, status=400, number=1221)
    http.error("POST", "/_api/document/films", {"_key": 7}, status=400, number=1221)
    http.error("POST", "/_api/document/films", 7, status=400, number=1227)
    http.error("POST", "/_api/document/films", data="{'a': 1}", status=400, number=600)
    http.error("POST", "/_api/document/films", data="", status=400, number=600)
    http.error("POST", "/_api/document/films", {}, overwriteMode="nonsense", status=400, number=400)
    http.error("GET", "/_api/document/films", status=404, number=1203)
    http.error("GET", "/_api/document/films/x/y", status=400, number=601)

    replaced = http("POST", "/_api/document/films", {"_key": "x", "n": 1}, overwrite="true", returnOld="true", status=202)
    assert replaced.json()["old"]["_key"] == "x" and "_oldRev" in replaced.json()
    updated = http("POST", "/_api/document/films", {"_key": "x", "m": 2}, overwriteMode="update", returnNew="true").json()
    assert (updated["new"]["n"], updated["new"]["m"]) == (1, 2)
    ignored = http("POST", "/_api/document/films", {"_key": "x", "m": 3}, overwriteMode="ignore", status=202).json()
    assert ignored["_rev"] == updated["_rev"] and "_oldRev" not in ignored
    http.error("POST", "/_api/document/films", {"_key": "x"}, overwriteMode="conflict", status=409, number=1210)
    assert http("GET", "/_api/document/films/x").json()["m"] == 2


def test_keys_that_need_escaping(http, films):
    for key in ("a:b@c", "(x)+,=;$!*'%", "100%25"):
        http("POST", "/_api/document/films", {"_key": key}, status=202)
        path = "/_api/document/films/" + urllib.parse.quote(key, safe="")
        assert http("GET", path, status=200).json()["_key"] == key
    http.error("GET", "/_api/document/films/%ff", status=400, number=400)


def test_several_documents_at_once(http, films):
    answer = http("POST", "/_api/document/films", [{"_key": "d"}, {"_key": "alien"}, 3, {"_key": "e", "n": 1}], status=202)
    made = answer.json()
    assert [entry.get("_key", entry.get("errorNum")) for entry in made] == ["d", 1210, 1227, "e"]
    assert made[1]["error"] is True and "_id" not in made[1]
    assert json.loads(answer.headers["X-Arango-Error-Codes"]) == {"1210": 1, "1227": 1}
    assert http("POST", "/_api/document/films", [{"_key": "f"}], silent="true").json() == {}
    silent = http("POST", "/_api/document/films", [{"_key": "f"}, {"_key": "g"}], silent="true").json()
    assert [entry["errorNum"] for entry in silent] == [1210]
    assert http("POST", "/_api/document/films", [], status=202).json() == []

    changes = [{"_key": "d", "n": 4}, {"_key": "missing"}, {"n": 1}, "d", {"_key": "e", "_rev": "old", "n": 2}]
    for method in ("PATCH", "PUT"):
        answer = http(method, "/_api/document/films", changes, ignoreRevs="false", returnNew="true", status=202)
        found = [entry.get("errorNum") or entry["new"]["n"] for entry in answer.json()]
        assert found == [4, 1202, 1205, 1227, 1200]
        assert "_oldRev" in answer.json()[0] and "_id" not in answer.json()[4]
    http.error("PATCH", "/_api/document/films", {"_key": "d"}, status=400, number=1227)

    answer = http(
        "PUT", "/_api/document/films", ["d", "films/e", {"_key": "alien"}, "missing", 7], onlyget="true", status=200
    )
    assert [entry.get("_key", entry.get("errorNum")) for entry in answer.json()] == ["d", "e", "alien", 1202, 1205]
    assert json.loads(answer.headers["X-Arango-Error-Codes"]) == {"1202": 1, "1205": 1}

    answer = http("DELETE", "/_api/document/films", ["d", {"_key": "e"}, "films/f", "d", None], returnOld="true", status=202)
    assert [entry.get("_key", entry.get("errorNum")) for entry in answer.json()] == ["d", "e", "f", 1202, 1205]
    assert answer.json()[1]["old"]["n"] == 1
    assert http("DELETE", "/_api/document/films", {"_key": "g"}).json()["_key"] == "g"


def test_waiting_for_the_disk(http):
    http("POST", "/_api/collection", {"name": "safe", "waitForSync": True}, status=200)
    assert http("POST", "/_api/document/safe", {"_key": "a"}, status=201)
    assert http("DELETE", "/_api/document/safe/a", status=200)
    http("PUT", "/_api/collection/safe/properties", {"waitForSync": False}, status=200)
    assert http("POST", "/_api/document/safe", {"_key": "a"}, status=202)
    http("DELETE", "/_api/collection/safe", status=200)
