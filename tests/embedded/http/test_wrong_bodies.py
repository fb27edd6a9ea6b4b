"""Every route with bodies and parameters that are wrong."""

from tests.support.arango_http import Http
from tests.support.arango_server import running_server
from workshop.arango.embedded.routing import routes

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
    with running_server(tmp_path) as server:
        Http(server)("POST", "/_api/database", {"name": "test"}, status=201)
        http = Http(server, "test")
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
                assert answer.status != 500 or answer.json()["errorNum"] == 1941, (method, path, body, answer.content)
                if answer.status >= 400 and method != "HEAD":
                    found = answer.json()
                    assert found["error"] is True and found["code"] == answer.status and found["errorMessage"], found
