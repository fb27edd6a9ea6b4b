"""Indexes: what definitions mean, and the tables of the persistent ones."""

import itertools
from typing import TYPE_CHECKING, Any

from workshop.arango.embedded import encoding, keys
from workshop.arango.embedded.aql.values import reach
from workshop.arango.embedded.errors import ArangoError

if TYPE_CHECKING:
    from workshop.arango.embedded.collection import Collection

PERSISTENT = frozenset(("persistent", "hash", "skiplist"))
"""Types that are stored, enforce uniqueness and answer lookups, all alike. Others are only listed, or kept elsewhere."""

METRICS = ("cosine", "l2", "innerProduct")


class Index:
    """One index of a collection, other than the primary and the edge index."""

    def __init__(self, identifier: int, definition: dict[str, Any]):
        self.id = str(identifier)
        self.definition = definition
        self.type: str = definition["type"]
        self.name: str = definition["name"]
        self.stored = self.type in PERSISTENT
        self.unique = self.stored and definition["unique"]
        self.sparse = self.stored and definition["sparse"]
        if not self.stored:
            return
        self.deduplicate = definition.get("deduplicate") is not False
        self.fields = [_field(text) for text in definition["fields"]]
        self.expands = any(rest is not None for _, rest in self.fields)
        self.table = f"idx_{self.id}"
        self.sql_insert = f"INSERT INTO {self.table} VALUES (?, ?)"
        self.sql_delete = f"DELETE FROM {self.table} WHERE value = ? AND row = ?"
        self.sql_find = f"SELECT row FROM {self.table} WHERE value = ?"
        self.sql_range = f"SELECT row FROM {self.table} WHERE value >= ? AND value < ?"
        self._estimate: tuple[int, float] = (-1, 1.0)

    def entries(self, document: dict[str, Any]) -> set[bytes]:
        """What the index holds for a document. ArangoError 1210 where an array's values must be unique and are not."""
        if not self.expands:
            values = [reach(document, path) for path, _ in self.fields]
            if self.sparse and None in values:
                return set()
            return {encoding.encode_all(values)}
        parts: list[list[bytes]] = []
        for path, rest in self.fields:
            value = reach(document, path)
            if rest is None:
                if self.sparse and value is None:
                    return set()
                parts.append([encoding.encode(value)])
            else:
                parts.append([encoding.encode(reach(item, rest)) for item in value] if type(value) is list else [])
        found = [b"".join(combination) for combination in itertools.product(*parts)]
        entries = set(found)
        if self.unique and not self.deduplicate and len(entries) < len(found):
            raise self.violated(document["_key"])
        return entries

    def check(self, collection: "Collection", entries: set[bytes], row: int | None = None) -> None:
        """See that no document but that of `row` has one of the entries. ArangoError 1210."""
        execute = collection.store.execute
        for entry in entries:
            for (other,) in execute(self.sql_find, (entry,)).fetchall():
                if other != row:
                    raise self.violated(execute(collection.sql_key, (other,)).fetchone()[0])

    def violated(self, key: str) -> ArangoError:
        """The error about a document that has the same values; to be raised."""
        fields = ", ".join(self.definition["fields"])
        return ArangoError(
            1210,
            f"unique constraint violated - in index {self.name} of type {self.type} over '{fields}'; conflicting key: {key}",
        )

    def serves(self, path: tuple[str, ...], values: list[Any]) -> bool:
        """Whether all documents with one of the values at the path can be found in it."""
        if not self.stored or self.expands or self.fields[0][0] != path:
            return False
        # A sparse index lacks documents that have null anywhere, also in an attribute that was not asked for.
        return not self.sparse or (len(self.fields) == 1 and None not in values)

    def find(self, collection: "Collection", values: list[Any]) -> list[int]:
        """The rows with one of the values in the first field."""
        execute, found = collection.store.execute, []
        for value in values:
            entry = encoding.encode(value)
            if len(self.fields) == 1:
                found += execute(self.sql_find, (entry,)).fetchall()
            else:
                found += execute(self.sql_range, (entry, entry + encoding.AFTER)).fetchall()
        return [row for (row,) in found]

    def build(self, collection: "Collection") -> None:
        """Make the table and fill it. ArangoError 1210."""
        execute = collection.store.execute
        columns = "value BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (value, row)"
        execute(f"CREATE TABLE {self.table} ({columns}) WITHOUT ROWID")
        for row, document in collection.items():
            entries = self.entries(document)
            if self.unique:
                self.check(collection, entries)
            for entry in entries:
                execute(self.sql_insert, (entry, row))

    def printed(self, collection: "Collection") -> dict[str, Any]:
        """The index as clients see it."""
        found = {"id": f"{collection.name}/{self.id}", **self.definition}
        if self.stored and found["estimates"]:
            found["selectivityEstimate"] = 1.0 if self.unique else self._selectivity(collection)
        return found

    def _selectivity(self, collection: "Collection") -> float:
        if self._estimate[0] != collection.version:
            sql = f"SELECT count(*), count(DISTINCT value) FROM {self.table}"
            total, distinct = collection.store.execute(sql).fetchone()
            self._estimate = (collection.version, distinct / total if total else 1.0)
        return self._estimate[1]


def primary(collection: "Collection") -> dict[str, Any]:
    """The index over _key as clients see it."""
    return {
        "id": f"{collection.name}/0",
        "type": "primary",
        "name": "primary",
        "fields": ["_key"],
        "unique": True,
        "sparse": False,
        "selectivityEstimate": 1.0,
    }


def edge(collection: "Collection") -> dict[str, Any]:
    """The index over _from and _to as clients see it."""
    sql = f"SELECT count(*), count(DISTINCT source), count(DISTINCT target) FROM {collection.table}"
    total, sources, targets = collection.store.execute(sql).fetchone()
    return {
        "id": f"{collection.name}/1",
        "type": "edge",
        "name": "edge",
        "fields": ["_from", "_to"],
        "unique": False,
        "sparse": False,
        "selectivityEstimate": (sources + targets) / (2 * total) if total else 1.0,
    }


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two definitions describe the same index, whatever its name."""
    names = ("type", "fields", "unique", "sparse", "expireAfter", "geoJson", "minLength", "prefixFields", "params")
    return all(first.get(name) == second.get(name) for name in names)


def normalize(given: Any, generated_name: str) -> dict[str, Any]:
    """Check a definition and complete it. ArangoError 10, 1208."""
    if not isinstance(given, dict):
        raise ArangoError(10, "expecting object for index definition")
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in _COMPLETE:
        raise ArangoError(10, f"invalid index type '{kind}'" if isinstance(kind, str) else "invalid index type")
    name = given.get("name") or generated_name
    if not keys.is_collection_name(name):
        raise ArangoError(1208)
    fields = _checked_fields(given, "fields", inverted=kind == "inverted")
    found = {"type": kind, "name": name, "fields": fields, **_COMPLETE[kind](given, fields)}
    if given.get("storedValues"):
        found["storedValues"] = given["storedValues"]
    return found


def _checked_fields(given: dict[str, Any], name: str, *, inverted: bool = False) -> list[Any]:
    fields = given.get(name)
    if not isinstance(fields, list) or not fields:
        raise ArangoError(10, "invalid number of index attributes")
    seen = set()
    for field in fields:
        text = field.get("name") if inverted and isinstance(field, dict) else field
        if not isinstance(text, str) or not text:
            raise ArangoError(10, "index field names must be non-empty strings")
        if text in seen:
            raise ArangoError(10, "duplicate attribute name in index fields list")
        if not inverted and text.split(".")[-1] == "_id":
            raise ArangoError(10, "_id attribute cannot be indexed")
        if not inverted and text.count("[*]") > 1:
            raise ArangoError(1220)
        seen.add(text)
    return fields


def _persistent(given: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    stored = given.get("storedValues")
    if stored is not None:
        if not isinstance(stored, list):
            raise ArangoError(10, "when parsing fields for stored values: storedValues must be an array")
        if set(map(str, stored)) & set(fields):
            raise ArangoError(10, "when parsing fields for stored values: an attribute is indexed and stored")
    return {
        "unique": given.get("unique") is True,
        "sparse": given.get("sparse") is True,
        "deduplicate": given.get("deduplicate") is not False,
        "estimates": given.get("estimates") is not False,
        "cacheEnabled": given.get("cacheEnabled") is True,
    }


def _ttl(given: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    after = given.get("expireAfter")
    if len(fields) != 1:
        raise ArangoError(10, "invalid number of index attributes")
    if given.get("unique") is True:
        raise ArangoError(10, "a TTL index cannot be unique")
    if isinstance(after, bool) or not isinstance(after, (int, float)) or after < 0:
        raise ArangoError(10, "expireAfter attribute must be a number, zero or greater")
    return {"unique": False, "sparse": True, "expireAfter": after, "estimates": False}


def _geo(given: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    if len(fields) > 2:
        raise ArangoError(10, "invalid number of index attributes")
    return {
        "unique": False,
        "sparse": True,
        "geoJson": len(fields) == 1 and given.get("geoJson") is True,
        "legacyPolygons": given.get("legacyPolygons") is True,
        "maxNumCoverCells": 8,
        "bestIndexedLevel": 17,
        "worstIndexedLevel": 4,
    }


def _fulltext(given: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    least = given.get("minLength")
    if len(fields) != 1 or not (least is None or type(least) in (int, float)):
        raise ArangoError(10)
    return {"unique": False, "sparse": True, "minLength": 2 if least is None else max(1, int(least))}


def _inverted(given: dict[str, Any], fields: list[Any]) -> dict[str, Any]:
    names = (
        "analyzer",
        "features",
        "includeAllFields",
        "primarySort",
        "searchField",
        "trackListPositions",
        "parallelism",
        "cache",
    )
    return {"unique": False, "sparse": True, **{name: given[name] for name in names if name in given}}


def _multidimensional(given: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    if given.get("fieldValueTypes") != "double":
        raise ArangoError(10, "mdi requires `fieldValueTypes` to be set to `double`")
    found = {"unique": given.get("unique") is True, "sparse": given.get("sparse") is True, "fieldValueTypes": "double"}
    if given["type"] == "mdi-prefixed":
        found["prefixFields"] = _checked_fields(given, "prefixFields")
    return found


def _vector(given: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    parameters = given.get("params")
    if len(fields) != 1 or "[*]" in fields[0]:
        raise ArangoError(10, "a vector index is over one attribute")
    if not isinstance(parameters, dict) or parameters.get("metric") not in METRICS:
        raise ArangoError(10, f"a vector index needs params with a metric: {', '.join(METRICS)}")
    for name, default in (("dimension", None), ("nLists", None), ("defaultNProbe", 1), ("trainingIterations", 25)):
        value = parameters.get(name, default)
        if type(value) is not int or value < 1:
            raise ArangoError(10, f"params.{name} of a vector index must be a positive integer")
    if parameters.get("factory") is not None:
        raise ArangoError(9, "params.factory of a vector index is not supported")
    defaults = {"defaultNProbe": 1, "trainingIterations": 25}
    return {"unique": False, "sparse": given.get("sparse") is True, "params": {**defaults, **parameters}}


_COMPLETE = {
    **dict.fromkeys(PERSISTENT, _persistent),
    "ttl": _ttl,
    "geo": _geo,
    "fulltext": _fulltext,
    "inverted": _inverted,
    **dict.fromkeys(("mdi", "mdi-prefixed", "zkd"), _multidimensional),
    "vector": _vector,
}


def _field(text: str) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The path of an attribute; where it has [*], the path to the array and that within its elements."""
    before, expands, behind = text.partition("[*]")
    return tuple(before.split(".")), tuple(filter(None, behind.split("."))) if expands else None
