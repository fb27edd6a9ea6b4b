"""The embedded ArangoDB server over HTTP: what it answers to whom, and that nothing makes it fail."""

import base64
import contextlib
import gzip
import json
import signal
import socket
import subprocess
import threading
import time
import zlib

import jwt
import pytest
import requests
import uvicorn

from tests.support import arango_server
from workshop.arango.embedded.app import application
from workshop.arango.embedded.auth import Authenticator
from workshop.arango.embedded.cursors import Cursors, Results
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import Routes, routes
from workshop.arango.embedded.storage import Storage

PASSWORD = "pass wörd:with colon"
SECRET = "the secret that signs the tokens of these tests"


class Client:
    """Requests to one server as one user."""

    def __init__(self, url, user="root", password=PASSWORD, token=None, database="test"):
        self.url, self.database = url, database
        self.session = requests.Session()
        secret = token and f"Bearer {token}"
        if user and not token:
            secret = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if secret:
            self.session.headers["Authorization"] = secret

    def __call__(self, method, path, body=None, *, status=None, headers=None, data=None, **params):
        if not path.startswith(("/_db", "/_open")):
            path = f"/_db/{self.database}{path}"
        if body is not None:
            data = json.dumps(body)
        answer = self.session.request(method, self.url + path, params=params, data=data, headers=headers, timeout=60)
        if status is not None:
            assert answer.status_code == status, (answer.status_code, answer.text)
        return answer

    def error(self, method, path, body=None, *, status, number, **rest):
        """A request that must fail like this; the message."""
        answer = self(method, path, body, **rest)
        found = answer.json()
        assert (answer.status_code, found["errorNum"]) == (status, number), found
        assert found["error"] is True and found["code"] == status
        return found["errorMessage"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with arango_server.running_server(tmp_path_factory.mktemp("data"), password=PASSWORD, secret=SECRET) as url:
        Client(url, database="_system")("POST", "/_api/database", {"name": "test"}, status=201)
        yield url


@pytest.fixture
def http(url):
    return Client(url)


@pytest.fixture
def system(url):
    return Client(url, database="_system")


@pytest.fixture
def films(http):
    """A collection with three documents."""
    http("POST", "/_api/collection", {"name": "films"}, status=200)
    for key, year in (("alien", 1979), ("brazil", 1985), ("cube", 1997)):
        http("POST", "/_api/document/films", {"_key": key, "year": year}, status=202)
    yield "films"
    http("DELETE", "/_api/collection/films", status=200)


@contextlib.contextmanager
def serving(folder, **options):
    """A server in a thread of this process, with its store."""
    with Storage(folder) as store:
        with store.writing():
            store.users.ensure_root(PASSWORD)
        app = application(store, authenticator=Authenticator(store, SECRET), **options)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", loop="uvloop", http="httptools", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", store
        finally:
            server.should_exit = True
            thread.join()


def until(condition, seconds=30):
    """Ask again and again until it is so."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


# Authentication


def token(secret=SECRET, algorithm="HS256", **claims):
    claims = {"iss": "arangodb", "preferred_username": "root", **claims}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, algorithm=algorithm)


@pytest.mark.parametrize(
    "path",
    ["/_api/version", "/_api/collection", "/_admin/status", "/nowhere", "/", "/_db/nowhere/_api/version", "/_api/cursor"],
)
@pytest.mark.parametrize("header", [None, "Basic", "Basic !", "Basic cm9vdDp3cm9uZw==", "Digest x", "Bearer x", "Bearer "])
def test_without_valid_credentials_nothing_answers(url, path, header):
    answer = requests.get(url + path, headers={"Authorization": header} if header else None, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    found = answer.json()
    assert (found["error"], found["code"], found["errorNum"]) == (True, 401, 11)
    assert found["errorMessage"] == "not authorized to execute this request"


@pytest.mark.parametrize(
    "bad",
    [
        token(secret="some other secret that is long enough"),
        token(exp=int(time.time()) - 10),
        token(iss=None),
        token(iss="somebody"),
        token(preferred_username=None),
        token(preferred_username="nobody"),
        token(preferred_username=7),
        token(algorithm="HS512", secret=SECRET * 2),
        token(algorithm="none", secret=""),
        token()[:-2],
    ],
)
def test_bad_tokens_are_refused(url, bad):
    Client(url, token=bad).error("GET", "/_api/version", status=401, number=11)


def test_a_token_works_until_its_time_is_over(url):
    soon = time.time() + 2
    client = Client(url, token=token(exp=soon))
    client("GET", "/_api/version", status=200)
    until(lambda: client("GET", "/_api/version").status_code == 401)
    assert time.time() >= soon - 1


def test_tokens_for_users_and_superusers(url):
    anyone = Client(url, user=None)
    answer = anyone("POST", "/_open/auth", {"username": "root", "password": PASSWORD}, status=200)
    claims = jwt.decode(answer.json()["jwt"], SECRET, algorithms=["HS256"], issuer="arangodb")
    assert claims["preferred_username"] == "root" and claims["exp"] - claims["iat"] == 3600
    Client(url, token=answer.json()["jwt"])("GET", "/_api/version", status=200)
    superuser = Client(url, token=token(preferred_username=None, server_id="x"), database="_system")
    assert "root" in [user["user"] for user in superuser("GET", "/_api/user", status=200).json()["result"]]

    assert anyone.error("POST", "/_open/auth", {"username": "root", "password": "x"}, status=401, number=401)
    anyone.error("POST", "/_open/auth", {"username": "root"}, status=400, number=400)
    anyone.error("POST", "/_open/auth", data="{", status=400, number=400)
    anyone.error("GET", "/_open/auth", status=405, number=405)


def test_open_paths(url):
    assert requests.get(url + "/_admin/server/availability", timeout=10).json()["mode"] == "default"
    assert requests.post(url + "/_admin/server/availability", timeout=10).status_code == 401


def test_levels_of_access(url, http, system, films):
    system("POST", "/_api/user", {"user": "ann", "passwd": "one"}, status=201)
    ann = Client(url, "ann", "one")
    ann.error("GET", "/_api/collection", status=401, number=11)
    Client(url, "ann", "one", database="no_such").error("GET", "/_api/version", status=401, number=11)

    system("PUT", "/_api/user/ann/database/test", {"grant": "ro"}, status=200)
    ann("GET", "/_api/document/films/alien", status=200)
    ann.error("POST", "/_api/document/films", {}, status=403, number=11)
    ann.error("POST", "/_api/collection", {"name": "own"}, status=403, number=11)
    ann.error("POST", "/_api/cursor", {"query": "INSERT {} INTO films"}, status=403, number=11)
    ann("POST", "/_api/cursor", {"query": "FOR f IN films RETURN f"}, status=201)
    ann.error("GET", "/_api/user", status=403, number=11)
    ann.error("GET", "/_api/user/root", status=403, number=11)
    assert ann("GET", "/_api/user/ann", status=200).json()["user"] == "ann"

    system("PUT", "/_api/user/ann/database/test/films", {"grant": "rw"}, status=200)
    ann("POST", "/_api/document/films", {}, status=202)
    system("PUT", "/_api/user/ann/database/test/films", {"grant": "none"}, status=200)
    ann.error("GET", "/_api/document/films/alien", status=403, number=11)
    ann.error("POST", "/_api/cursor", {"query": "FOR f IN @@c RETURN f", "bindVars": {"@c": "films"}}, status=403, number=11)
    ann.error("POST", "/_api/cursor", {"query": "RETURN DOCUMENT('films/alien')"}, status=403, number=11)
    ann.error("POST", "/_api/explain", {"query": "FOR f IN films RETURN f"}, status=403, number=11)
    assert "films" not in [each["name"] for each in ann("GET", "/_api/collection").json()["result"]]
    granted = system("GET", "/_api/user/ann/database", full="true").json()["result"]
    assert granted["test"]["permission"] == "ro" and granted["test"]["collections"]["films"] == "none"
    assert system("GET", "/_api/user/ann/database/test/films").json()["result"] == "none"
    system("DELETE", "/_api/user/ann/database/test/films", status=202)
    ann("GET", "/_api/document/films/alien", status=200)

    own = Client(url, token=ann("POST", "/_open/auth", {"username": "ann", "password": "one"}).json()["jwt"])
    own("GET", "/_api/document/films/alien", status=200)
    ann("PATCH", "/_api/user/ann", {"passwd": "two"}, status=200)
    ann.error("GET", "/_api/document/films/alien", status=401, number=11)
    ann = Client(url, "ann", "two")
    ann("GET", "/_api/document/films/alien", status=200)
    system("PATCH", "/_api/user/ann", {"active": False}, status=200)
    for client in (ann, own):
        client.error("GET", "/_api/document/films/alien", status=401, number=11)
    system("DELETE", "/_api/user/ann", status=202)
    system.error("DELETE", "/_api/user/ann", status=404, number=1703)
    system.error("GET", "/_api/user/ann", status=404, number=1703)


# Documents


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
        path = "/_api/document/films/" + requests.utils.quote(key, safe="")
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


# Import


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


# Collections, databases, indexes, graphs


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


def test_databases(url, http, system):
    assert http("GET", "/_api/database/current").json()["result"]["name"] == "test"
    http.error("GET", "/_api/database", status=403, number=1230)
    http.error("POST", "/_api/database", {"name": "x"}, status=403, number=1230)
    users = [{"username": "bob", "passwd": "b"}]
    assert system("POST", "/_api/database", {"name": "other", "users": users}, status=201).json()["result"] is True
    assert system("GET", "/_api/database").json()["result"] == ["_system", "other", "test"]
    bob = Client(url, "bob", "b", database="other")
    assert bob("GET", "/_api/database/user").json()["result"] == ["other"]
    bob("POST", "/_api/collection", {"name": "mine"}, status=200)
    Client(url, "bob", "b").error("GET", "/_api/version", status=401, number=11)
    system.error("POST", "/_api/database", {"name": "other"}, status=409, number=1207)
    for name in ("", None, 7, "a/b"):
        system.error("POST", "/_api/database", {"name": name}, status=400, number=1229)
    system.error("POST", "/_api/database", {"name": "z", "users": [{}]}, status=400, number=400)
    cursor = bob("POST", "/_api/cursor", {"query": "FOR i IN 1..9 RETURN i", "batchSize": 2}).json()["id"]
    system("DELETE", "/_api/database/other", status=200)
    system.error("DELETE", "/_api/database/other", status=404, number=1228)
    system.error("DELETE", "/_api/database/_system", status=403, number=1230)
    Client(url, database="other").error("POST", f"/_api/cursor/{cursor}", status=404, number=1228)
    bob.error("GET", "/_api/version", status=401, number=11)
    system("DELETE", "/_api/user/bob", status=202)


def test_indexes(http, films):
    made = http("POST", "/_api/index", {"type": "persistent", "fields": ["year"], "name": "by_year"}, collection="films")
    assert made.status_code == 201 and made.json()["isNewlyCreated"]
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


def test_simple_queries(http, films):
    def ask(what, **body):
        return http("PUT", f"/_api/simple/{what}", {"collection": "films", **body})

    assert len(ask("all").json()["result"]) == 3 and ask("all", skip=1, limit=1).json()["count"] == 1
    assert sorted(ask("all-keys", type="key").json()["result"]) == ["alien", "brazil", "cube"]
    assert "/_db/test/_api/document/films/alien" in ask("all-keys").json()["result"]
    assert ask("by-example", example={"year": 1985}).json()["result"][0]["_key"] == "brazil"
    assert ask("first-example", example={"year": 1985}).json()["document"]["_key"] == "brazil"
    assert ask("first-example", example={"year": 1}).status_code == 404
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


# Queries


def test_a_cursor_batch_by_batch(http):
    body = {"query": "FOR i IN 1..@n RETURN i", "bindVars": {"n": 5}, "batchSize": 2, "count": True}
    first = http("POST", "/_api/cursor", body, status=201).json()
    assert (first["result"], first["hasMore"], first["count"], first["cached"]) == ([1, 2], True, 5, False)
    assert first["extra"]["warnings"] == [] and "stats" in first["extra"]
    path = f"/_api/cursor/{first['id']}"
    second = http("POST", path, status=200).json()
    assert second["result"] == [3, 4] and second["id"] == first["id"] and "nextBatchId" not in second
    third = http("PUT", path, status=200).json()
    assert third["result"] == [5] and third["hasMore"] is False and "id" not in third
    http.error("POST", path, status=404, number=1600)
    http.error("DELETE", path, status=404, number=1600)
    for size in (5, 6, 10**9, 2.0**70):
        whole = http("POST", "/_api/cursor", {**body, "batchSize": size}).json()
        assert whole["result"] == [1, 2, 3, 4, 5] and "id" not in whole
    identifier = http("POST", "/_api/cursor", body).json()["id"]
    http.error("POST", f"/_db/_system/_api/cursor/{identifier}", status=404, number=1600)
    assert http("DELETE", f"/_api/cursor/{identifier}", status=202).json()["id"] == identifier
    empty = http("POST", "/_api/cursor", {"query": "FOR i IN [] RETURN i"}, status=201).json()
    assert empty["result"] == [] and empty["hasMore"] is False and "count" not in empty


def test_a_cursor_whose_last_batch_can_be_asked_for_again(http):
    body = {"query": "FOR i IN 1..5 RETURN i", "batchSize": 2, "options": {"allowRetry": True}}
    first = http("POST", "/_api/cursor", body).json()
    path = f"/_api/cursor/{first['id']}"
    for _ in range(2):
        second = http("POST", f"{path}/{first['nextBatchId']}", status=200).json()
        assert second["result"] == [3, 4]
    http.error("POST", f"{path}/{int(second['nextBatchId']) + 1}", status=404, number=1600)
    for _ in range(2):
        third = http("POST", f"{path}/{second['nextBatchId']}", status=200).json()
        assert third["result"] == [5] and third["hasMore"] is False
    http("DELETE", path, status=202)


def test_a_cursor_that_is_not_used_is_forgotten(http):
    first = http("POST", "/_api/cursor", {"query": "FOR i IN 1..9 RETURN i", "batchSize": 1, "ttl": 0.5}).json()
    http("POST", f"/_api/cursor/{first['id']}", status=200)
    before = time.monotonic()
    until(lambda: http("GET", "/_admin/shutdown").json()["AQLcursors"] == 0)
    assert time.monotonic() - before > 0.4
    http.error("POST", f"/_api/cursor/{first['id']}", status=404, number=1600)


def test_large_results_are_whole(http):
    text = "FOR i IN 1..@n RETURN {i, text: REPEAT('x', 1000)}"
    answer = http("POST", "/_api/cursor", {"query": text, "bindVars": {"n": 20000}, "batchSize": 20000}, status=201)
    assert int(answer.headers["Content-Length"]) > 20_000_000
    assert [each["i"] for each in answer.json()["result"]] == list(range(1, 20001))
    first = http("POST", "/_api/cursor", {"query": text, "bindVars": {"n": 20000}, "batchSize": 7000}).json()
    found = [each["i"] for each in first["result"]]
    while first["hasMore"]:
        first = http("POST", f"/_api/cursor/{first['id']}").json()
        found += [each["i"] for each in first["result"]]
    assert found == list(range(1, 20001))


def test_wrong_queries(http):
    def wrong(status, number, **body):
        return http.error("POST", "/_api/cursor", body, status=status, number=number)

    wrong(400, 1502)
    wrong(400, 1502, query="")
    wrong(400, 1502, query=7)
    wrong(400, 1501, query="FOR")
    wrong(400, 1551, query="RETURN @x")
    wrong(400, 1552, query="RETURN 1", bindVars={"x": 1})
    wrong(404, 1203, query="FOR d IN nowhere RETURN d")
    wrong(400, 17, query="RETURN 1", bindVars=[])
    wrong(400, 17, query="RETURN 1", batchSize=0)
    wrong(400, 17, query="RETURN 1", batchSize=-1)
    wrong(400, 400, query="RETURN 1", batchSize="many")
    wrong(400, 400, query="RETURN 1", count=1)
    wrong(400, 400, query="RETURN 1", ttl=[])
    wrong(400, 400, query="RETURN 1", options=[])
    wrong(400, 400, query="RETURN 1", options={"memoryLimit": "x"})
    wrong(400, 400, query="RETURN 1", memoryLimit=True)
    http("POST", "/_api/cursor", {"query": "RETURN 1", "memoryLimit": 0, "ttl": 0, "options": {"stream": True}}, status=201)
    http.error("POST", "/_api/cursor", [], status=400, number=1502)
    http.error("GET", "/_api/cursor", status=405, number=405)


def test_a_query_that_fails_changes_nothing(http, films):
    text = "FOR i IN 1..5 INSERT {_key: i == 4 ? 'alien' : CONCAT('n', i)} INTO films"
    http.error("POST", "/_api/cursor", {"query": text}, status=409, number=1210)
    assert http("GET", "/_api/collection/films/count").json()["count"] == 3


def test_parsing_and_explaining(http, films):
    parsed = http("POST", "/_api/query", {"query": "FOR f IN films FILTER f.x == @x RETURN f"}, status=200).json()
    assert (parsed["parsed"], parsed["collections"], parsed["bindVars"]) == (True, ["films"], ["x"]) and parsed["ast"]
    http.error("POST", "/_api/query", {"query": "FOR"}, status=400, number=1501)
    explained = http("POST", "/_api/explain", {"query": "FOR f IN films RETURN f"}, status=200).json()
    assert explained["plan"]["collections"] == [{"name": "films", "type": "read"}] and "nodes" in explained["plan"]
    plans = http("POST", "/_api/explain", {"query": "RETURN 1", "options": {"allPlans": True}}).json()["plans"]
    assert len(plans) == 1
    http.error("POST", "/_api/explain", {"query": "FOR d IN nowhere RETURN d"}, status=404, number=1203)


FOREVER = "FOR a IN 1..1000000 FOR b IN 1..1000000 FILTER a == -1 RETURN a"


def test_stopping_a_query_that_keeps_everybody_waiting(url, http, films):
    """A query that writes holds the lock; it can be seen and stopped although dozens of requests wait for it."""
    answers = {}

    def send(name, method, path, body=None):
        answers[name] = Client(url)(method, path, body).status_code

    long = {"query": FOREVER.replace("RETURN a", "INSERT {} INTO films")}
    threads = [threading.Thread(target=send, args=("long", "POST", "/_api/cursor", long))]
    threads[0].start()
    running = until(lambda: http("GET", "/_api/query/current", status=200).json())
    assert running[0]["query"] == long["query"] and running[0]["user"] == "root"
    for number in range(80):
        threads.append(threading.Thread(target=send, args=(number, "GET", "/_api/document/films/alien")))
        threads[-1].start()
    assert requests.get(url + "/_admin/server/availability", timeout=5).status_code == 200
    http("GET", "/_api/version", status=200)
    http.error("DELETE", "/_api/query/0", status=404, number=1591)
    http("DELETE", f"/_api/query/{running[0]['id']}", status=200)
    for thread in threads:
        thread.join()
    assert answers.pop("long") == 410 and set(answers.values()) == {200}
    assert http("GET", "/_api/query/current").json() == []


def test_a_query_that_may_not_run_long(http):
    http.error("POST", "/_api/cursor", {"query": FOREVER, "options": {"maxRuntime": 0.2}}, status=410, number=1500)


def test_slow_queries_are_noted(http):
    assert http("GET", "/_api/query/properties").json()["slowQueryThreshold"] == 10
    http("PUT", "/_api/query/properties", {"slowQueryThreshold": 0}, status=200)
    http("POST", "/_api/cursor", {"query": "RETURN 'slow'"})
    assert "RETURN 'slow'" in [each["query"] for each in http("GET", "/_api/query/slow").json()]
    http("PUT", "/_api/query/properties", {"slowQueryThreshold": 10}, status=200)
    http("DELETE", "/_api/query/slow", status=200)
    assert http("GET", "/_api/query/slow").json() == []
    http.error("PUT", "/_api/query/properties", {"enabled": 1}, status=400, number=400)


# Requests as such


def test_paths_and_methods(http, system):
    assert "nowhere" in http.error("GET", "/_api/nowhere", status=404, number=404)
    http.error("GET", "/nowhere", status=404, number=404)
    http.error("DELETE", "/_api/version", status=405, number=405)
    http.error("OPTIONS", "/_api/version", status=405, number=405)
    http.error("GET", "/_db/no_such/_api/version", status=404, number=1228)
    message = http.error("POST", "/_api/batch", {}, status=501, number=9)
    assert message == "POST /_api/batch is not implemented by the embedded server"
    for method, path in (
        ("POST", "/_api/transaction/begin"),
        ("POST", "/_api/view"),
        ("POST", "/_api/analyzer"),
        ("POST", "/_api/aqlfunction"),
        ("GET", "/_api/foxx/service"),
        ("GET", "/_api/replication/inventory"),
        ("GET", "/_admin/cluster/health"),
        ("GET", "/_admin/statistics"),
        ("PUT", "/_api/job/7"),
    ):
        http.error(method, path, status=501, number=9)
    for path in ("/_api/view", "/_api/analyzer", "/_api/aqlfunction"):
        assert http("GET", path, status=200).json()["error"] is False
    for path in ("/_api/tasks", "/_api/foxx", "/_api/job/pending", "/_api/query-cache/entries", "/_api/query/rules"):
        assert http("GET", path, status=200).json() == []
    assert http("GET", "/_api/transaction").json() == {"transactions": []}
    echo = system("POST", "/_admin/echo", {"a": 1}, x="1").json()
    assert (echo["url"], echo["parameters"], echo["requestBody"]) == ("/_db/_system/_admin/echo", {"x": "1"}, '{"a": 1}')
    assert "authorization" not in echo["headers"]


def test_headers_that_ask_for_what_there_is_not(http):
    for value in ("true", "store"):
        http.error("GET", "/_api/version", headers={"x-arango-async": value}, status=501, number=9)
    http.error("GET", "/_api/version", headers={"x-arango-trx-id": "123"}, status=404, number=1655)
    http("GET", "/_api/version", headers={"x-arango-async": "false", "x-arango-allow-dirty-read": "true"}, status=200)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("identity", lambda body: body),
        ("gzip, deflate", lambda body: zlib.compress(gzip.compress(body))),
    ],
)
def test_compressed_bodies(http, encoding, pack):
    body = json.dumps({"query": "RETURN @x", "bindVars": {"x": "ä" * 1000}}).encode()
    answer = http("POST", "/_api/cursor", data=pack(body), headers={"Content-Encoding": encoding}, status=201)
    assert answer.json()["result"] == ["ä" * 1000]


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", b"nonsense"), ("deflate", b"x"), ("gzip", gzip.compress(b"{}")[:-4])]
)
def test_damaged_bodies(http, encoding, body):
    http.error("POST", "/_api/cursor", data=body, headers={"Content-Encoding": encoding}, status=400, number=400)


def test_bodies_and_parameters_that_are_not_unicode(http, films):
    http.error("POST", "/_api/document/films", data=b'{"a": "\xff"}', status=400, number=600)
    http.error("POST", "/_api/document/films", data=b'{"a": "\\ud800"}', status=400, number=600)
    http.error("POST", "/_api/document/films", data=b'{"a": NaN}', status=400, number=600)
    answer = http.session.get(http.url + "/_db/test/_api/index?collection=%ff", timeout=10)
    assert answer.status_code == 400
    for depth in (150, 250, 5000):
        status = http("POST", "/_api/document/films", data='{"a":' + "[" * depth + "]" * depth + "}").status_code
        assert status == (202 if depth == 150 else 400)
    huge = http("POST", "/_api/document/films", data='{"n": 123456789012345678901234567890}', returnNew="1").json()
    assert huge["new"]["n"] == 1.2345678901234568e29


def test_bodies_that_are_too_large(tmp_path):
    with serving(tmp_path, limit=1 << 20) as (url, _):
        http = Client(url, database="_system")
        for data in (b"x" * (2 << 20), iter([b"x" * 700_000, b"x" * 700_000])):
            answer = http("POST", "/_api/cursor", data=data)
            assert answer.status_code == 413 and "1 MB" in answer.json()["errorMessage"]
        bomb = gzip.compress(b"[" + b" " * (3 << 20) + b"]")
        assert http("POST", "/_api/cursor", data=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
        http("POST", "/_api/cursor", {"query": "RETURN 1"}, status=201)


def test_an_error_inside_is_told_and_logged(tmp_path, capsys, monkeypatch):
    with serving(tmp_path) as (url, store):
        monkeypatch.setattr(store, "databases", lambda: 1 / 0)
        http = Client(url, database="_system", user=None, token=token(preferred_username=None, server_id="x"))
        message = http.error("GET", "/_api/database", status=500, number=4)
    assert "ZeroDivisionError" in message and "Traceback" in capsys.readouterr().err


WRONG = [
    None,
    [],
    {},
    7,
    "x",
    True,
    [None],
    [{}],
    [[]],
    ["x"],
    [7],
    {"name": 7},
    {"name": "x", "type": {}},
    {"collection": []},
]
WRONG += [
    {"query": [], "bindVars": 7},
    {"query": "RETURN 1", "options": {"profile": []}},
    {"query": "RETURN @@x", "bindVars": {"@x": 7}},
    {"collection": "films", "example": 7, "keys": 7, "skip": -1, "limit": "x", "newValue": 7},
    {"collection": "films", "example": {"": 1, "a..b": 2, "`": 3}, "keys": [None, {}, []], "newValue": {}, "attribute": ""},
    {"collection": "films", "attribute": "a.b", "left": [], "right": {}, "options": 7, "example": {}},
    {"type": "persistent", "fields": 7},
    {"type": "persistent", "fields": [7, None, ""], "unique": "x", "name": []},
    {"type": "vector", "fields": ["a"], "params": {"metric": 7}},
    {"type": "persistent", "fields": ["a[*]", "a[*]"], "storedValues": 7},
    {"name": "g", "edgeDefinitions": 7, "orphanCollections": 7},
    {"name": "g", "edgeDefinitions": [{"collection": 7, "from": "x", "to": None}], "options": 7},
    {"collection": "films", "from": 7, "to": [7]},
    {"user": "u", "passwd": 7},
    {"user": "", "active": "yes", "extra": 7},
    {"grant": []},
    {"name": "c", "keyOptions": {"type": [], "increment": "x", "allowUserKeys": 7}},
    {"name": "c", "schema": 7, "computedValues": 7, "waitForSync": None},
    {"_key": [], "_id": 7, "_rev": {}, "_from": 7, "_to": None},
    {"_key": "alien", "_rev": 7, "_from": "x", "_to": "y/"},
]


def every_path(names, node=None, path=""):
    """All registered routes, with names in the place of parameters."""
    node = node or routes._root
    for method in node.handlers:
        yield method, path
    for method in node.rest:
        yield method, path + "/some/thing"
    for segment, child in node.children.items():
        yield from every_path(names, child, f"{path}/{segment}")
    if node.parameter is not None:
        for name in names:
            yield from every_path(names, node.parameter, f"{path}/{name}")


def test_nothing_makes_the_server_fail(tmp_path, slow):
    """Every route with bodies and parameters that are wrong in many ways: no answer is 500."""
    folder = tmp_path / "data"
    with arango_server.running_server(folder, password=PASSWORD, secret=SECRET) as url:
        Client(url, database="_system")("POST", "/_api/database", {"name": "test"}, status=201)
        http = Client(url)
        names = ("films", "nowhere", "0", "test") if slow else ("films", "nowhere")
        paths = sorted({each for each in every_path(names) if each[1] != "/_admin/shutdown"})
        assert len(paths) > 300
        params = {"collection": "films", "type": "auto", "vertex": "x", "rev": "", "full": "1", "onDuplicate": "update"}
        for round_, (method, path) in enumerate(paths):
            if round_ % 40 == 0:
                http("POST", "/_api/gharial", {"name": "films"})
                http("POST", "/_api/collection", {"name": "films", "type": 2 + round_ // 40 % 2})
                http("POST", "/_api/document/films", {"_key": "films", "_from": "a/b", "_to": "a/b"})
            few = path.endswith("/some/thing") or (method in ("GET", "HEAD") and not slow)
            for body in WRONG[:2] if few else WRONG:
                query = params if round_ % 2 else {}
                answer = http(method, path, body, headers={"If-Match": "x"} if body == [] else None, **query)
                # ArangoDB itself answers one kind of malformed graph with 500 and this number.
                assert answer.status_code != 500 or answer.json()["errorNum"] == 1941, (method, path, body, answer.text)
                if answer.status_code >= 400 and method != "HEAD":
                    found = answer.json()
                    assert found["error"] is True and found["code"] == answer.status_code and found["errorMessage"], found


# The parts


def test_routes_prefer_names_to_parameters():
    found = Routes()
    for path in ("/a/b", "/a/{x}", "/a/{x}/c", "/r", "/r/{*}", "/r/known"):
        found("GET", path)(lambda path=path: path)
    found("PUT", "/a/{x}")(lambda: "put")

    def at(path, method="GET"):
        handler, arguments = found.find(method, path.split("/"))
        return handler.function(), arguments

    assert at("a/b") == ("/a/b", []) and at("a/z") == ("/a/{x}", ["z"]) and at("a/b", "PUT") == ("put", ["b"])
    assert at("a/b/c") == ("/a/{x}/c", ["b"]) and at("r/x/y") == ("/r/{*}", ["x", "y"]) and at("r/known") == ("/r/known", [])
    for method, path, number in (("GET", "a", 404), ("GET", "a/b/c/d", 404), ("POST", "a/b", 405), ("GET", "q", 404)):
        with pytest.raises(ArangoError) as error:
            found.find(method, path.split("/"))
        assert error.value.number == number


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 2500])
@pytest.mark.parametrize("size", [1, 2, 3, 1000, 1500, 10**9])
def test_results_in_batches(count, size):
    results = Results(({"n": number} for number in range(count)), size)
    assert results.count == count
    assert len(results.batches) == max(1, -(-count // size))
    bodies = [json.loads(results.answer(number, 200, {"x": 1}).body) for number in range(len(results.batches))]
    assert all(body["x"] == 1 and len(body["result"]) <= size for body in bodies)
    assert [each["n"] for body in bodies for each in body["result"]] == list(range(count))
    assert len(json.loads(results.whole())) == count if len(bodies) == 1 else True


def test_results_that_break_off_leave_nothing():
    def values():
        yield 1
        raise ArangoError(1500)

    with pytest.raises(ArangoError):
        Results(values(), 10)


def test_a_cursor_that_is_being_fetched_is_busy():
    cursors = Cursors()
    answer = cursors.open(Results(iter(range(5)), 2), {}, database="d", user="u")
    identifier = json.loads(answer.body)["id"]
    cursor = cursors._cursors[identifier]
    with cursor.lock, pytest.raises(ArangoError) as error:
        cursors.fetch(identifier, None, database="d", user="u")
    assert error.value.number == 1601
    with pytest.raises(ArangoError) as error:
        cursors.fetch(identifier, None, database="d", user="somebody")
    assert error.value.number == 1600
    assert json.loads(cursors.fetch(identifier, None, database="d", user="u").body)["result"] == [2, 3]


# The process


def end(process):
    process.terminate()
    return process.wait(timeout=30)


def test_data_outlives_the_process_and_secrets_change(tmp_path):
    with arango_server.running_server(tmp_path, password="one") as url:
        http = Client(url, password="one", database="_system")
        http("POST", "/_api/collection", {"name": "kept"}, status=200)
        http("POST", "/_api/document/kept", {"_key": "a"}, status=202)
    password, secret = tmp_path / "password", tmp_path / "secret"
    password.write_text("two\n")
    secret.write_text("a secret from a file, which is longer\n")
    files = ["--root-password-file", str(password), "--jwt-secret-file", str(secret)]
    process, url, errors = arango_server.start(tmp_path, *files, password="ignored")
    try:
        arango_server.wait(process, url, errors)
        Client(url, password="one", database="_system").error("GET", "/_api/version", status=401, number=11)
        http = Client(url, password="two", database="_system")
        assert http("GET", "/_api/document/kept/a", status=200).json()["_key"] == "a"
        Client(url, token=token(secret="a secret from a file, which is longer"), database="_system")(
            "GET", "/_api/version", status=200
        )
    finally:
        assert end(process) == 0
    assert "two" not in arango_server.read(errors)


def test_a_folder_or_port_that_is_in_use(tmp_path):
    with arango_server.running_server(tmp_path / "a") as url:
        process, _, errors = arango_server.start(tmp_path / "a")
        assert process.wait(timeout=30) == 1
        assert "in use by another server" in arango_server.read(errors) and len(arango_server.read(errors).splitlines()) == 1
        port = url.rpartition(":")[2]
        process, _, errors = arango_server.start(tmp_path / "b", "--port", port)
        assert process.wait(timeout=30) == 1
        assert f"Port {port} of 127.0.0.1 cannot be used" in arango_server.read(errors)
        assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_at_once_although_a_query_runs(tmp_path, number):
    process, url, errors = arango_server.start(tmp_path, password=PASSWORD)
    try:
        arango_server.wait(process, url, errors)
        http = Client(url, database="_system")
        http("GET", "/_api/version", status=200)
        status = []

        def run():
            status.append(Client(url, database="_system")("POST", "/_api/cursor", {"query": FOREVER}).status_code)

        thread = threading.Thread(target=run)
        thread.start()
        until(lambda: http("GET", "/_api/query/current").json())
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=30) == 0 and time.monotonic() - began < 8
        thread.join()
        assert status == [410]
    finally:
        process.kill()
    assert "Traceback" not in arango_server.read(errors)


def test_shutting_down_by_a_request(tmp_path):
    process, url, errors = arango_server.start(tmp_path, password=PASSWORD)
    try:
        arango_server.wait(process, url, errors)
        assert Client(url, database="_system")("DELETE", "/_admin/shutdown", status=200).json() == "OK"
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()


def test_without_a_password_it_does_not_start(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKSHOP_ARANGO_ROOT_PASSWORD", raising=False)
    command = arango_server.server.command(0, tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "--root-password-file" in done.stderr
    done = subprocess.run(
        [*command, "--root-password-file", str(tmp_path / "none")], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1 and "cannot be read" in done.stderr
