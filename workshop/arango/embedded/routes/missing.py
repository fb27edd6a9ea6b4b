"""What ArangoDB has and this server has not: lists that are empty, and 501 for everything else.

Of two functions for one path the first that is registered answers: a module that has one of these comes before this one.
"""

from typing import Any

from workshop.arango.embedded.answers import Json, not_implemented, ok
from workshop.arango.embedded.calls import Call
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

_EVERY = "GET HEAD POST PUT PATCH DELETE"

_FEATURES = ["frequency", "norm", "position"]
_ANALYZERS = [{"name": "identity", "type": "identity", "properties": {}, "features": ["frequency", "norm"]}] + [
    {
        "name": f"text_{language}",
        "type": "text",
        "properties": {"locale": language, "case": "lower", "stopwords": [], "accent": False, "stemming": True},
        "features": _FEATURES,
    }
    for language in ("de", "en", "es", "fi", "fr", "it", "nl", "no", "pt", "ru", "sv", "zh")
]


@routes("GET", "/_api/view", light=True)
def list_views(call: Call) -> Json:
    """There are no views."""
    return ok(result=[])


@routes("GET DELETE", "/_api/view/{view}", light=True)
@routes("GET PUT PATCH", "/_api/view/{view}/properties", light=True)
@routes("PUT", "/_api/view/{view}/rename", light=True)
def no_view(call: Call, name: str) -> Json:
    """There are no views."""
    raise ArangoError(1203)


@routes("GET", "/_api/analyzer", light=True)
def list_analyzers(call: Call) -> Json:
    """The analyzers that AQL knows."""
    return ok(result=_ANALYZERS)


@routes("GET", "/_api/analyzer/{analyzer}", light=True)
def read_analyzer(call: Call, name: str) -> Json:
    """One analyzer."""
    found: dict[str, Any] | None = next((each for each in _ANALYZERS if each["name"] == name), None)
    if found is None:
        raise ArangoError(1202)
    return ok(**found)


@routes("GET", "/_api/transaction", light=True)
def list_transactions(call: Call) -> Json:
    """No transactions over several requests."""
    return Json({"transactions": []})


@routes("GET", "/_api/aqlfunction", "/_api/aqlfunction/{namespace}", light=True)
def list_functions(call: Call, *namespace: str) -> Json:
    """No functions written in JavaScript."""
    return ok(result=[])


@routes("GET", "/_api/tasks", "/_api/foxx", "/_api/job/done", "/_api/job/pending", light=True)
def list_nothing(call: Call) -> Json:
    """No tasks, no services, no jobs."""
    return Json([])


def _missing(call: Call, *rest: str) -> Json:
    raise not_implemented(f"{call.method} /{'/'.join(call.segments)}")


for _path in (
    "/_admin/aardvark",
    "/_admin/async-registry",
    "/_admin/auth",
    "/_admin/backup",
    "/_admin/cluster",
    "/_admin/debug",
    "/_admin/execute",
    "/_admin/license",
    "/_admin/log",
    "/_admin/metrics",
    "/_admin/options",
    "/_admin/options-description",
    "/_admin/server/api-calls",
    "/_admin/server/aql-queries",
    "/_admin/server/encryption",
    "/_admin/server/id",
    "/_admin/server/jwt",
    "/_admin/server/tls",
    "/_admin/statistics",
    "/_admin/statistics-description",
    "/_admin/support-info",
    "/_admin/telemetrics",
    "/_admin/test",
    "/_admin/wal",
    "/_admin/work-monitor",
    "/_admin/usage-metrics",
    "/_api/agency",
    "/_api/analyzer",
    "/_api/aqlfunction",
    "/_api/batch",
    "/_api/cluster",
    "/_api/control_pregel",
    "/_api/dump",
    "/_api/export",
    "/_api/foxx",
    "/_api/job",
    "/_api/log",
    "/_api/pregel",
    "/_api/replication",
    "/_api/simple/fulltext",
    "/_api/simple/near",
    "/_api/simple/within",
    "/_api/simple/within-rectangle",
    "/_api/tasks",
    "/_api/token",
    "/_api/transaction",
    "/_api/traversal",
    "/_api/ttl",
    "/_api/upload",
    "/_api/view",
    "/_api/wal",
):
    routes(_EVERY, _path, _path + "/{*}", light=True)(_missing)

for _methods, _path in (
    ("PUT", "/_admin/server/mode"),
    ("PUT", "/_api/query-cache/properties"),
    ("PUT DELETE", "/_api/user/{user}/config/{key}"),
    ("DELETE", "/_api/user/{user}/config"),
    ("GET", "/_api/query/registry"),
):
    routes(_methods, _path, light=True)(_missing)
