"""`/_api/cursor`, `/_api/query` and `/_api/explain`: AQL."""

import collections
import time
from typing import Any

from starlette.responses import Response

from workshop.arango.embedded.answers import Json, ok
from workshop.arango.embedded.aql import query
from workshop.arango.embedded.calls import Call, field
from workshop.arango.embedded.collection import Collection
from workshop.arango.embedded.cursors import TTL, Results
from workshop.arango.embedded.database import Database
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

BATCH = 1000

_TRACKING: dict[str, Any] = {
    "enabled": True,
    "trackSlowQueries": True,
    "trackBindVars": True,
    "maxSlowQueries": 64,
    "slowQueryThreshold": 10.0,
    "slowStreamingQueryThreshold": 10.0,
    "maxQueryStringLength": 4096,
}
_slow: collections.deque[dict[str, Any]] = collections.deque(maxlen=64)


# Cursors


@routes("POST", "/_api/cursor")
def create_cursor(call: Call) -> Response:
    """Run a query and answer with the first batch of its results."""
    body = call.json()
    if not isinstance(body, dict):
        raise ArangoError(1502)
    return run(call, body)


def run(call: Call, body: dict[str, Any]) -> Response:
    """Run the query that a body as for `/_api/cursor` describes."""
    text, binds, options = _parts(body)
    count = field(body, "count", bool, False)
    size = field(body, "batchSize", (int, float), BATCH)
    if not size >= 1:
        raise ArangoError(17, "expecting non-zero value for <batchSize>")
    ttl = field(body, "ttl", (int, float), TTL)
    retry = bool(options.get("allowRetry"))
    execution, results = execute(call, text, binds, options, min(int(size), 1 << 31))
    fields: dict[str, Any] = {"count": results.count} if count and not options.get("stream") else {}
    fields["cached"] = False
    fields["extra"] = execution.extra()
    if ttl <= 0:
        ttl = TTL
    return call.server.cursors.open(
        results, fields, database=call.database_name, user=call.user, ttl=float(ttl), retry=retry
    )


def execute(
    call: Call, text: str, binds: dict[str, Any], options: dict[str, Any], batch_size: int = BATCH
) -> tuple[query.Execution, Results]:
    """Run a query to its end, in one transaction if it writes."""
    execution = query.prepare(text, binds, options, user=call.user or "root")
    with call.writing() if execution.writes else call.reading() as database:
        accessible = _accessible(call, database, text, binds, options)
        results = Results(execution.results(accessible), batch_size)
    if _TRACKING["trackSlowQueries"] and time.monotonic() - execution.began >= _TRACKING["slowQueryThreshold"]:
        _slow.append({**execution.describe(), "state": "finished"})
    return execution, results


class _Readable:
    """A database as somebody sees it who may not read all of it: other collections answer 403."""

    def __init__(self, database: Database, call: Call):
        self._database = database
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def collection(self, name: str) -> Collection:
        return self._call.collection(self._database, name)

    def collections(self) -> list[Collection]:
        return [each for each in self._database.collections() if self._call.can_use(each.name, "ro")]


def _accessible(call: Call, database: Database, text: str, binds: dict[str, Any], options: dict[str, Any]) -> Any:
    """The database for a query of this user. ArangoError 11 (403) where it writes to what the user may only read."""
    if call.server.authenticator.unrestricted(call.user, call.database_name):
        return database
    readable = _Readable(database, call)
    described = query.explain(text, binds, {**options, "allPlans": False}, readable)
    for used in described["plan"]["collections"]:
        if used["type"] == "write" and not call.can_use(used["name"], "rw"):
            raise ArangoError(11)
    return readable


def _parts(body: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Text, bind variables and options of a query."""
    text = body.get("query")
    if not isinstance(text, str) or not text.strip():
        raise ArangoError(1502)
    binds = body.get("bindVars")
    if not isinstance(binds, (dict, type(None))):
        raise ArangoError(17, "expecting object for <bindVars>")
    options = dict(field(body, "options", dict, {}))
    for name in ("memoryLimit", "cache"):
        if body.get(name) is not None:
            options.setdefault(name, body[name])
    field(options, "memoryLimit", (int, float))
    field(options, "maxRuntime", (int, float))
    field(options, "maxWarningCount", (int, float))
    for name in ("cache", "fullCount", "failOnWarning", "stream", "allowRetry"):
        field(options, name, bool)
    if not isinstance(options.get("profile"), (bool, int, float, type(None))):
        raise ArangoError(400, "expecting a number for <profile>")
    return text, binds or {}, options


@routes("POST PUT", "/_api/cursor/{cursor}")
def fetch_next(call: Call, identifier: str) -> Response:
    """The next batch of a cursor."""
    return call.server.cursors.fetch(identifier, None, database=call.database_name, user=call.user)


@routes("POST", "/_api/cursor/{cursor}/{batch}")
def fetch_batch(call: Call, identifier: str, batch: str) -> Response:
    """The next batch of a cursor, or the last one again."""
    return call.server.cursors.fetch(identifier, batch, database=call.database_name, user=call.user)


@routes("DELETE", "/_api/cursor/{cursor}")
def delete_cursor(call: Call, identifier: str) -> Json:
    """Forget a cursor."""
    call.server.cursors.delete(identifier, database=call.database_name, user=call.user)
    return ok(202, id=identifier)


# Queries


@routes("POST", "/_api/query", light=True)
def parse_query(call: Call) -> Json:
    """Parse a query without running it."""
    text, _, _ = _parts(call.json(dict))
    return ok(**{"warnings": [], **query.parse(text)})


@routes("POST", "/_api/explain")
def explain_query(call: Call) -> Json:
    """How a query would be run."""
    text, binds, options = _parts(call.json(dict))
    with call.reading() as database:
        return ok(**query.explain(text, binds, options, _accessible(call, database, text, binds, options)))


def _mine(call: Call, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if call.flag("all"):
        return found
    return [each for each in found if each["database"] == call.database_name]


@routes("GET", "/_api/query/current", light=True)
def list_running(call: Call) -> Json:
    """The queries that run at this moment."""
    return Json(_mine(call, query.running()))


@routes("GET", "/_api/query/slow", light=True)
def list_slow(call: Call) -> Json:
    """The last queries that took long."""
    return Json(_mine(call, list(_slow)))


@routes("DELETE", "/_api/query/slow", light=True)
def forget_slow(call: Call) -> Json:
    """Empty the list of slow queries."""
    _slow.clear()
    return ok()


@routes("DELETE", "/_api/query/{query}", light=True)
def kill_query(call: Call, identifier: str) -> Json:
    """Stop a running query."""
    if not any(each["id"] == identifier for each in _mine(call, query.running())):
        raise ArangoError(1591)
    query.kill(identifier)
    return ok()


@routes("GET", "/_api/query/properties", light=True)
def read_tracking(call: Call) -> Json:
    """What is noted about queries."""
    return ok(**_TRACKING)


@routes("PUT", "/_api/query/properties", light=True)
def change_tracking(call: Call) -> Json:
    """Change what is noted about queries."""
    body = call.json(dict)
    changes = {}
    for name, value in _TRACKING.items():
        given = field(body, name, bool if isinstance(value, bool) else (int, float))
        if given is not None:
            if given < 0:
                raise ArangoError(400, f"expecting a positive number for <{name}>")
            changes[name] = given
    _TRACKING.update(changes)
    return ok(**_TRACKING)


@routes("GET", "/_api/query/rules", light=True)
def list_rules(call: Call) -> Json:
    """The rules of the optimizer that can be switched, which there are none of."""
    return Json([])


@routes("GET", "/_api/query-cache/properties", light=True)
def read_cache(call: Call) -> Json:
    """Results of queries are not cached."""
    return Json(
        {"mode": "off", "maxResults": 128, "maxResultsSize": 268435456, "maxEntrySize": 16777216, "includeSystem": False}
    )


@routes("GET", "/_api/query-cache/entries", "/_api/query-plan-cache", light=True)
def list_cached(call: Call) -> Json:
    """Nothing is cached."""
    return Json([])


@routes("DELETE", "/_api/query-cache", "/_api/query-plan-cache", light=True)
def clear_cache(call: Call) -> Json:
    """There is nothing to forget."""
    return ok()
