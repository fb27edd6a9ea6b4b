"""Requests as such: paths, methods, headers and bodies."""

import gzip
import json
import zlib

import pytest

from tests.support.arango_http import Http, superuser
from tests.support.arango_server import serving
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import Routes


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
    answer = http("GET", "/_api/index?collection=%ff")
    assert answer.status == 400
    for depth in (150, 250, 5000):
        status = http("POST", "/_api/document/films", data='{"a":' + "[" * depth + "]" * depth + "}").status
        assert status == (202 if depth == 150 else 400)
    huge = http("POST", "/_api/document/films", data='{"n": 123456789012345678901234567890}', returnNew="1").json()
    assert huge["new"]["n"] == 1.2345678901234568e29


def test_bodies_that_are_too_large(tmp_path):
    with serving(tmp_path, limit=1 << 20) as (server, _):
        http = Http(server)
        for data in (b"x" * (2 << 20), iter([b"x" * 700_000, b"x" * 700_000])):
            answer = http("POST", "/_api/cursor", data=data)
            assert answer.status == 413 and "1 MB" in answer.json()["errorMessage"]
        bomb = gzip.compress(b"[" + b" " * (3 << 20) + b"]")
        assert http("POST", "/_api/cursor", data=bomb, headers={"Content-Encoding": "gzip"}).status == 413
        http("POST", "/_api/cursor", {"query": "RETURN 1"}, status=201)


def test_an_error_inside_is_told_and_logged(tmp_path, capsys, monkeypatch):
    with serving(tmp_path) as (server, store):
        monkeypatch.setattr(store, "databases", lambda: 1 / 0)
        http = Http(server, token=superuser(server))
        message = http.error("GET", "/_api/database", status=500, number=4)
    assert "ZeroDivisionError" in message and "Traceback" in capsys.readouterr().err
