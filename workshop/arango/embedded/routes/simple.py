"""`/_api/simple`: queries without AQL, which are turned into AQL."""

from typing import Any

from starlette.responses import Response

from workshop.arango.embedded.answers import Json, dumps, ok
from workshop.arango.embedded.calls import Call, field
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routes.queries import execute, run
from workshop.arango.embedded.routing import routes

_LARGEST = 2**53


def _collection(call: Call, body: dict[str, Any]) -> str:
    name = body.get("collection", call.params.get("collection"))
    if not isinstance(name, str) or not name:
        raise ArangoError(17, "expecting string for <collection>")
    with call.reading() as database:
        return call.collection(database, name).name


def _bound(body: dict[str, Any], name: str) -> int | None:
    value = field(body, name, (int, float))
    if value is None:
        return None
    if not 0 <= value <= _LARGEST:
        raise ArangoError(17, f"expecting a number that is not negative for <{name}>")
    return int(value)


def _limit(body: dict[str, Any], binds: dict[str, Any]) -> str:
    """The LIMIT that skip and limit ask for."""
    skip, limit = _bound(body, "skip"), _bound(body, "limit")
    if skip is None and limit is None:
        return ""
    binds["skip"], binds["limit"] = skip or 0, _LARGEST if limit is None else limit
    return " LIMIT @skip, @limit"


def _example(call: Call, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The beginning of a query for the documents that are like an example, and its bind variables."""
    example = body.get("example")
    if not isinstance(example, dict):
        raise ArangoError(10, "expecting object for <example>")
    binds: dict[str, Any] = {"@collection": _collection(call, body)}
    text = "FOR doc IN @@collection"
    for number, (path, value) in enumerate(example.items()):
        binds[f"path{number}"], binds[f"value{number}"] = path.split("."), value
        text += f" FILTER doc.@path{number} == @value{number}"
    return text, binds


def _cursor(call: Call, body: dict[str, Any], text: str, binds: dict[str, Any], *, count: bool = True) -> Response:
    request: dict[str, Any] = {"query": text, "bindVars": binds, "count": count}
    for name in ("ttl", "batchSize"):
        if body.get(name):
            request[name] = body[name]
    return run(call, request)


def _values(call: Call, text: str, binds: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """All results of a query as JSON, and its statistics."""
    execution, results = execute(call, text, binds, {}, 1 << 31)
    try:
        return results.whole(), execution.extra()["stats"]
    finally:
        results.close()


@routes("PUT", "/_api/simple/all")
def all_documents(call: Call) -> Response:
    """All documents of a collection."""
    body = call.json(dict)
    binds: dict[str, Any] = {"@collection": _collection(call, body)}
    return _cursor(call, body, f"FOR doc IN @@collection{_limit(body, binds)} RETURN doc", binds)


@routes("PUT", "/_api/simple/all-keys")
def all_keys(call: Call) -> Response:
    """The keys (type "key"), ids ("id") or paths of all documents of a collection."""
    body = call.json(dict)
    kind = field(body, "type", str, call.params.get("type", "path"))
    binds: dict[str, Any] = {"@collection": _collection(call, body)}
    value = {"key": "doc._key", "id": "doc._id"}.get(kind)
    if value is None:
        value, binds["path"] = "CONCAT(@path, doc._id)", f"/_db/{call.database_name}/_api/document/"
    return _cursor(call, body, f"FOR doc IN @@collection RETURN {value}", binds, count=False)


@routes("PUT", "/_api/simple/by-example")
def by_example(call: Call) -> Response:
    """The documents that are like an example."""
    body = call.json(dict)
    text, binds = _example(call, body)
    return _cursor(call, body, f"{text}{_limit(body, binds)} RETURN doc", binds)


@routes("PUT", "/_api/simple/first-example")
def first_example(call: Call) -> Json:
    """One document that is like an example."""
    text, binds = _example(call, call.json(dict))
    found, _ = _values(call, f"{text} LIMIT 1 RETURN doc", binds)
    if found == b"[]":
        raise ArangoError(404, "no match")
    return Json(b'{"document":' + found[1:-1] + b',"error":false,"code":200}')


@routes("PUT", "/_api/simple/any")
def any_document(call: Call) -> Json:
    """A document taken by chance, or null."""
    binds = {"@collection": _collection(call, call.json(dict))}
    found, _ = _values(call, "FOR doc IN @@collection SORT RAND() LIMIT 1 RETURN doc", binds)
    return Json(b'{"document":' + (found[1:-1] or b"null") + b',"error":false,"code":200}')


@routes("PUT", "/_api/simple/range")
def range_query(call: Call) -> Response:
    """The documents whose attribute is in a range."""
    body = call.json(dict)
    attribute = field(body, "attribute", str)
    if not attribute:
        raise ArangoError(17, "expecting string for <attribute>")
    binds: dict[str, Any] = {"@collection": _collection(call, body), "path": attribute.split(".")}
    binds["left"], binds["right"] = body.get("left"), body.get("right")
    below = "<=" if field(body, "closed", bool, False) else "<"
    text = f"FOR doc IN @@collection FILTER doc.@path >= @left && doc.@path {below} @right SORT doc.@path"
    return _cursor(call, body, f"{text}{_limit(body, binds)} RETURN doc", binds)


@routes("PUT", "/_api/simple/lookup-by-keys")
def lookup_by_keys(call: Call) -> Json:
    """The documents that have one of the keys."""
    body = call.json(dict)
    keys = [key.rpartition("/")[2] if isinstance(key, str) else key for key in _keys(body)]
    binds = {"@collection": _collection(call, body), "keys": keys}
    found, _ = _values(call, "FOR doc IN @@collection FILTER doc._key IN @keys RETURN doc", binds)
    return Json(b'{"documents":' + found + b',"error":false,"code":200}')


@routes("PUT", "/_api/simple/remove-by-keys")
def remove_by_keys(call: Call) -> Json:
    """Remove the documents that have one of the keys."""
    body = call.json(dict)
    binds = {"@collection": _collection(call, body), "keys": _keys(body)}
    options = field(body, "options", dict, {})
    silent = field(options, "silent", bool, True)
    text = "FOR key IN @keys REMOVE key IN @@collection OPTIONS { ignoreErrors: true }"
    if not silent:
        text += " RETURN OLD" if field(options, "returnOld", bool) else " RETURN KEEP(OLD, '_id', '_key', '_rev')"
    found, stats = _values(call, text, binds)
    answer = b'{"removed":%s,"ignored":%s' % (dumps(stats["writesExecuted"]), dumps(stats["writesIgnored"]))
    if not silent:
        answer += b',"old":' + found
    return Json(answer + b',"error":false,"code":200}')


def _keys(body: dict[str, Any]) -> list[Any]:
    keys = body.get("keys")
    if not isinstance(keys, list):
        raise ArangoError(17, "expecting array for <keys>")
    return keys


def _change(call: Call, body: dict[str, Any], operation: str, **binds: Any) -> int:
    text, found = _example(call, body)
    text += _limit({**field(body, "options", dict, {}), **body}, found)
    _, stats = _values(call, f"{text} {operation}", {**found, **binds})
    return stats["writesExecuted"]


@routes("PUT", "/_api/simple/remove-by-example")
def remove_by_example(call: Call) -> Json:
    """Remove the documents that are like an example."""
    return ok(deleted=_change(call, call.json(dict), "REMOVE doc IN @@collection"))


@routes("PUT", "/_api/simple/update-by-example")
def update_by_example(call: Call) -> Json:
    """Update the documents that are like an example."""
    body = call.json(dict)
    value = _new_value(body)
    options = {**field(body, "options", dict, {}), **body}
    keep, merge = field(options, "keepNull", bool, True), field(options, "mergeObjects", bool, True)
    settings = f"OPTIONS {{ keepNull: {str(keep).lower()}, mergeObjects: {str(merge).lower()} }}"
    return ok(updated=_change(call, body, f"UPDATE doc WITH @new IN @@collection {settings}", new=value))


@routes("PUT", "/_api/simple/replace-by-example")
def replace_by_example(call: Call) -> Json:
    """Replace the documents that are like an example."""
    body = call.json(dict)
    return ok(replaced=_change(call, body, "REPLACE doc WITH @new IN @@collection", new=_new_value(body)))


def _new_value(body: dict[str, Any]) -> dict[str, Any]:
    value = body.get("newValue")
    if not isinstance(value, dict):
        raise ArangoError(10, "expecting object for <newValue>")
    return value
