"""`/_api/document`: single documents, and several at once."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson

from workshop.arango.embedded.answers import Json, error_fields, failure
from workshop.arango.embedded.calls import Call
from workshop.arango.embedded.collection import Collection
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes
from workshop.arango.embedded.writes import Change

_IMPOSSIBLE = "\0"
"""A revision that no document has."""


def revision(call: Call, name: bytes) -> str | None:
    """The revision in an If-Match or If-None-Match header."""
    value = call.header(name)
    if value is None:
        return None
    return value.strip().removeprefix("W/").strip('"').strip() or _IMPOSSIBLE


def synchronous(call: Call, collection: Collection) -> bool:
    """Whether the client is told that the write is on disk, by the parameter or the collection's property."""
    return call.flag("waitForSync") or bool(collection.properties()["waitForSync"])


def identity(collection: Collection, change: Change, *, old: bool = False, new: bool = False) -> dict[str, Any]:
    """What tells of a write: id, key, revisions, and the documents before and after where wanted."""
    answer: dict[str, Any] = {"_id": f"{collection.name}/{change.key}", "_key": change.key, "_rev": change.rev}
    if change.old_rev is not None and change.action in ("update", "replace"):
        answer["_oldRev"] = change.old_rev
    if old and change.old is not None:
        answer["old"] = change.old
    if new and change.new is not None:
        answer["new"] = change.new
    return answer


def conflict(error: ArangoError, collection: Collection, key: str) -> Json:
    """The answer to a revision that was asked for and is not the current one."""
    current = collection.get(key) or {}
    found = {name: current[name] for name in ("_id", "_key", "_rev") if name in current}
    return failure(error, _etag(current["_rev"]) if current else None, **found)


def _etag(rev: str) -> dict[str, str]:
    return {"etag": f'"{rev}"'}


# Reading


@routes("GET HEAD", "/_api/document/{collection}/{key}")
def read_document(call: Call, name: str, key: str) -> Json:
    """One document; 304 where the client has the current revision already, 412 where it wants another one."""
    wanted, known = revision(call, b"if-match"), revision(call, b"if-none-match")
    with call.reading() as database:
        document = call.collection(database, name).get(key)
        if document is None:
            raise ArangoError(1202)
        etag = _etag(document["_rev"])
        if wanted is not None and wanted != document["_rev"]:
            found = {each: document[each] for each in ("_id", "_key", "_rev")}
            return failure(ArangoError(1200, "conflict, _rev values do not match", http=412), etag, **found)
        if known == document["_rev"]:
            return Json(None, 304, etag)
        return Json(document, 200, etag)


@routes("GET", "/_api/document", "/_api/document/{collection}")
def read_nothing(call: Call, *rest: str) -> Json:
    """Without a key there is nothing to read."""
    raise ArangoError(1203, "expecting GET /_api/document/<collection>/<key>")


@routes("GET HEAD POST PUT PATCH DELETE", "/_api/document/{collection}/{key}/{*}")
def too_long(call: Call, *rest: str) -> Json:
    """A path with more after the key."""
    raise ArangoError(601, "superfluous suffix, expecting /_api/document/<collection>/<key>")


def _read_many(call: Call, name: str) -> Json:
    wanted = call.json(list)
    check = not call.flag("ignoreRevs", True)
    with call.reading() as database:
        collection = call.collection(database, name)

        def read(selector: Any) -> dict[str, Any]:
            selector = _selector(selector)
            document = collection.get(selector["_key"])
            if document is None:
                raise ArangoError(1202)
            if check and isinstance(selector.get("_rev"), str) and selector["_rev"] != document["_rev"]:
                raise ArangoError(1200, "conflict, _rev values do not match", http=412)
            return document

        answers, errors = _each(wanted, read)
        return Json(answers, 200, errors)


# Writing


@routes("POST", "/_api/document", "/_api/document/{collection}")
def insert_documents(call: Call, name: str | None = None) -> Json:
    """Insert one document, or an array of them."""
    name = _collection_name(call, name)
    body = call.json()
    mode = _overwrite_mode(call)
    options = {
        "overwrite_mode": mode,
        "keep_null": call.flag("keepNull", mode != "update"),
        "merge_objects": call.flag("mergeObjects", True),
        "version_attribute": call.params.get("versionAttribute") or None,
        "keep_rev": call.flag("isRestore"),
    }
    if mode in ("replace", "update"):
        options["ignore_revs"] = call.flag("ignoreRevs", True)

    def write(collection: Collection, document: Any) -> Change:
        return collection.insert(document, **options)

    return _write(call, name, body, write, 201, isinstance(body, list), old=mode in ("replace", "update"))


@routes("POST", "/_api/document/{collection}/{key}")
def insert_nowhere(call: Call, name: str, key: str) -> Json:
    """A new document's key is in its body."""
    raise ArangoError(601, "superfluous suffix, expecting POST /_api/document/<collection>")


@routes("PUT PATCH", "/_api/document", "/_api/document/{collection}")
def modify_documents(call: Call, name: str | None = None) -> Json:
    """Update or replace several documents; with the parameter onlyget, read them."""
    if call.method == "PUT" and "onlyget" in call.params:
        return _read_many(call, _collection_name(call, name))
    name = _collection_name(call, name)
    body = call.json()
    if not isinstance(body, list):
        raise ArangoError(1227)
    options = _modification(call)
    options["ignore_revs"] = call.flag("ignoreRevs", True)
    method = "update" if call.method == "PATCH" else "replace"

    def write(collection: Collection, document: Any) -> Change:
        if not isinstance(document, dict):
            raise ArangoError(1227)
        return getattr(collection, method)(_selector(document), document, **options)

    return _write(call, name, body, write, 201, True)


@routes("PUT PATCH", "/_api/document/{collection}/{key}")
def modify_document(call: Call, name: str, key: str) -> Json:
    """Update or replace one document."""
    body = call.json()
    if not isinstance(body, dict):
        raise ArangoError(1227)
    if not isinstance(body.get("_key"), (str, type(None))):
        raise ArangoError(1221)
    rev, options = expected_revision(call, body), _modification(call)
    options["ignore_revs"] = rev is None
    method = "update" if call.method == "PATCH" else "replace"

    def write(collection: Collection, document: Any) -> Change:
        return getattr(collection, method)({"_key": key, "_rev": rev}, document, **options)

    return _write(call, name, body, write, 201, False, key)


@routes("DELETE", "/_api/document/{collection}")
def remove_documents(call: Call, name: str) -> Json:
    """Remove several documents, given by keys or by objects with keys."""
    body = call.json()
    if not isinstance(body, (list, dict)):
        raise ArangoError(400, "Request body not parseable")
    ignore = call.flag("ignoreRevs", True)

    def write(collection: Collection, selector: Any) -> Change:
        return collection.remove(_selector(selector), ignore_revs=ignore)

    return _write(call, name, body, write, 200, isinstance(body, list))


@routes("DELETE", "/_api/document/{collection}/{key}")
def remove_document(call: Call, name: str, key: str) -> Json:
    """Remove one document."""
    rev = revision(call, b"if-match")

    def write(collection: Collection, selector: Any) -> Change:
        return collection.remove({"_key": key, "_rev": rev}, ignore_revs=rev is None)

    return _write(call, name, None, write, 200, False, key)


def expected_revision(call: Call, body: dict[str, Any]) -> str | None:
    """The revision that a document must have to be changed: from the header, or from the body where ignoreRevs is off."""
    rev = revision(call, b"if-match")
    if rev is None and not call.flag("ignoreRevs", True) and isinstance(body.get("_rev"), str):
        rev = body["_rev"]
    return rev


def _write(
    call: Call,
    name: str,
    body: Any,
    write: Callable[[Collection, Any], Change],
    status: int,
    several: bool,
    key: str = "",
    *,
    old: bool = True,
) -> Json:
    """Write one document or each of several, and answer with `status`, or 202 where nobody waits for the disk."""
    silent, new = call.flag("silent"), call.flag("returnNew")
    old = old and call.flag("returnOld")
    with call.writing() as database:
        collection = call.collection(database, name, "rw")
        if not synchronous(call, collection):
            status = 202
        if several:

            def change(document: Any) -> dict[str, Any] | None:
                made = write(collection, document)
                return None if silent else identity(collection, made, old=old, new=new)

            answers, errors = _each(body, change)
            if silent:
                return Json([answer for answer in answers if answer] or {}, status, errors)
            return Json(answers, status, errors)
        try:
            made = write(collection, body)
        except ArangoError as error:
            if error.number == 1200 and key:
                return conflict(error, collection, key)
            raise
        if silent:
            return Json({}, status)
        headers = _etag(made.rev)
        headers["location"] = quote(f"/_db/{database.name}/_api/document/{collection.name}/{made.key}")
        return Json(identity(collection, made, old=old, new=new), status, headers)


def _each(body: list[Any], act: Callable[[Any], Any]) -> tuple[list[Any], dict[str, str] | None]:
    """What came of each element, an error where it failed, and the header that counts the errors."""
    answers: list[Any] = []
    errors: Counter[int] = Counter()
    for element in body:
        try:
            answers.append(act(element))
        except ArangoError as error:
            errors[error.number] += 1
            answers.append(error_fields(error))
    counted = {str(number): count for number, count in errors.items()}
    return answers, {"x-arango-error-codes": orjson.dumps(counted).decode()} if counted else None


def _selector(given: Any) -> dict[str, Any]:
    """A key and perhaps a revision from a key, an id or an object with one of them."""
    if isinstance(given, str):
        return {"_key": given.rpartition("/")[2]}
    if not isinstance(given, dict):
        raise ArangoError(1205)
    key = given.get("_key")
    if key is None and isinstance(given.get("_id"), str):
        key = given["_id"].partition("/")[2]
    if not isinstance(key, str) or not key:
        raise ArangoError(1205)
    return {"_key": key, "_rev": given.get("_rev")}


def _modification(call: Call) -> dict[str, Any]:
    options: dict[str, Any] = {"version_attribute": call.params.get("versionAttribute") or None}
    if call.method == "PATCH":
        options["keep_null"] = call.flag("keepNull", True)
        options["merge_objects"] = call.flag("mergeObjects", True)
    return options


def _overwrite_mode(call: Call) -> str | None:
    mode = call.params.get("overwriteMode")
    if mode:
        if mode not in ("ignore", "replace", "update", "conflict"):
            raise ArangoError(400, "overwriteMode must be 'ignore', 'replace', 'update' or 'conflict'")
        return mode
    return "replace" if call.flag("overwrite") else None


def _collection_name(call: Call, name: str | None) -> str:
    name = name or call.params.get("collection")
    if not name:
        raise ArangoError(
            1204, "'collection' is missing, expecting /_api/document/<collection> or the parameter 'collection'"
        )
    return name
