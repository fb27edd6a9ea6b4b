"""`/_api/import`: many documents in one request."""

from collections.abc import Iterator
from typing import Any

import orjson

from workshop.arango.embedded.answers import Json, dumps
from workshop.arango.embedded.calls import Call, loads
from workshop.arango.embedded.collection import Collection
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

_SHOWN = 255
_BLANK = b" \t\r\n\b\f"


class _Import:
    """What one import did so far."""

    def __init__(self, call: Call, collection: Collection):
        self.collection = collection
        self.complete = call.flag("complete")
        self.on_duplicate = call.params.get("onDuplicate", "error")
        if self.on_duplicate not in ("error", "update", "replace", "ignore"):
            raise ArangoError(400, "onDuplicate must be 'error', 'update', 'replace' or 'ignore'")
        self.prefixes = {
            attribute: prefix if not prefix or prefix.endswith("/") else prefix + "/"
            for attribute, prefix in (("_from", call.params.get("fromPrefix", "")), ("_to", call.params.get("toPrefix", "")))
        }
        self.counts = {"created": 0, "errors": 0, "empty": 0, "updated": 0, "ignored": 0}
        self.details: list[str] = []

    def fail(self, position: int, number: int, text: str) -> None:
        """Note an error; where everything or nothing is wanted, raise it."""
        if self.complete:
            raise ArangoError(number, f"at position {position}: {text}")
        self.counts["errors"] += 1
        self.details.append(f"at position {position}: {text}")

    def add(self, position: int, document: Any) -> None:
        """Store one document."""
        if not isinstance(document, dict):
            self.fail(position, 1227, f"invalid JSON type (expecting object), offending document: {_shown(document)}")
            return
        if self.collection.type == 3:
            document = self._with_ends(document)
            if not (isinstance(document.get("_from"), str) and isinstance(document.get("_to"), str)):
                self.fail(position, 1233, f"missing '_from' or '_to' attribute, offending document: {_shown(document)}")
                return
        try:
            self._store(document)
        except ArangoError as error:
            text = f"creating document failed with error '{error.message}', offending document: {_shown(document)}"
            self.fail(position, error.number, text)

    def _with_ends(self, document: dict[str, Any]) -> dict[str, Any]:
        ends = {}
        for attribute, prefix in self.prefixes.items():
            end = document.get(attribute)
            if not prefix:
                continue
            if type(end) is int:
                end = str(end)
            if isinstance(end, str) and "/" not in end:
                ends[attribute] = prefix + end
        return {**document, **ends} if ends else document

    def _store(self, document: dict[str, Any]) -> None:
        try:
            self.collection.insert(document)
            self.counts["created"] += 1
            return
        except ArangoError as error:
            key = document.get("_key")
            if error.number != 1210 or self.on_duplicate == "error" or not isinstance(key, str):
                raise
            if self.on_duplicate == "ignore":
                self.counts["ignored"] += 1
                return
            if self.collection.row(key) is None:  # another unique attribute is in the way
                raise
        if self.on_duplicate == "update":
            self.collection.update(key, document)
        else:
            self.collection.replace(key, document)
        self.counts["updated"] += 1


@routes("POST", "/_api/import")
def import_documents(call: Call) -> Json:
    """Store documents: one a line, an array of them, or arrays of values after an array of attribute names."""
    name = call.params.get("collection")
    if not name:
        raise ArangoError(1204, "'collection' is missing, expecting /_api/import?collection=<identifier>")
    kind = call.params.get("type", "")
    if kind == "auto":
        kind = "list" if call.body.lstrip(_BLANK)[:1] == b"[" else "documents"
    rows = None
    if kind in ("list", "array"):
        rows = loads(call.body)
        if not isinstance(rows, list):
            raise ArangoError(400, "expecting a JSON array in the request")
    elif kind == "":
        names, first = _attribute_names(call)
    elif kind != "documents":
        raise ArangoError(400, "invalid value for 'type'")
    with call.writing() as database:
        collection = call.collection(database, name, "rw")
        work = _Import(call, collection)
        if call.flag("overwrite"):
            collection.truncate()
        if rows is not None:
            for position, document in enumerate(rows, 1):
                work.add(position, document)
        elif kind == "documents":
            for position, document in _lines(work, call.body, 1):
                work.add(position, document)
        else:
            for position, values in _lines(work, call.body[first:], 1 + _integer(call, "line")):
                if not isinstance(values, list) or len(values) != len(names):
                    text = f"wrong number of JSON values (expected: {len(names)}), offending context: {_shown(values)}"
                    work.fail(position, 400, text)
                else:
                    work.add(position, {key: value for key, value in zip(names, values) if value is not None})
    answer: dict[str, Any] = {"error": False, **work.counts}
    if call.flag("details"):
        answer["details"] = work.details
    return Json(answer, 201)


def _lines(work: _Import, body: bytes, first: int) -> Iterator[tuple[int, Any]]:
    """The values of the body's lines, with their numbers. Empty lines and errors are counted."""
    lines = body.split(b"\n")
    if not lines[-1].strip(_BLANK):
        lines.pop()
    for position, line in enumerate(lines, first):
        if not line.strip(_BLANK):
            work.counts["empty"] += 1
            continue
        try:
            value = loads(line)
        except ArangoError:
            context = line[:_SHOWN].decode("utf-8", "replace").strip()
            text = f"invalid JSON type (expecting object, probably parse error), offending context: {context}"
            work.fail(position, 600, text)
            continue
        yield position, value


def _attribute_names(call: Call) -> tuple[list[str], int]:
    """The attribute names in the first line, and where the second line begins."""
    head, newline, _ = call.body.partition(b"\n")
    if not newline:
        raise ArangoError(400, "no JSON array found in second line")
    try:
        names = orjson.loads(head)
    except orjson.JSONDecodeError as error:
        raise ArangoError(400, "no JSON string array found in first line") from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise ArangoError(400, "no JSON string array found in first line")
    return names, len(head) + 1


def _integer(call: Call, name: str) -> int:
    value = call.params.get(name, "0")
    if not value.isascii() or not value.isdecimal() or len(value) > 15:
        raise ArangoError(400, f"'{name}' must be a number")
    return int(value)


def _shown(value: Any) -> str:
    text = dumps(value).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
