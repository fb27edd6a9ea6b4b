"""A collection: writing documents, properties and indexes. What it reads is in `documents`."""

import threading
from typing import TYPE_CHECKING, Any

import orjson

from workshop.arango.embedded import indexes, keys, writes
from workshop.arango.embedded.documents import Documents
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.indexes import Index
from workshop.arango.embedded.writes import Change

if TYPE_CHECKING:
    from workshop.arango.embedded.database import Database

DOCUMENT, EDGE = 2, 3


class Collection(Documents):
    """One collection of a database. Reading needs the store's reading(), changing anything its writing().

    Documents that are returned belong to a cache: they must not be changed.
    """

    def __init__(self, database: "Database", identifier: int, name: str, kind: int, properties: str, key_options: str):
        super().__init__(database.store, identifier, is_edge=kind == EDGE)
        self.database = database
        self.type = kind
        self.generator = keys.key_generator(orjson.loads(key_options), self.store.counter.tick)
        self._indexes: list[Index] = []
        self._derived: dict[Any, Any] = {}
        self._derived_lock = threading.Lock()
        self.load(name, properties)

    def load(self, name: str, properties: str) -> None:
        """Take over what the catalog says about the collection."""
        self.name = name
        self.prefix = f"{name}/"
        self.is_system = name.startswith("_")
        self._properties: dict[str, Any] = orjson.loads(properties)
        known = {index.id: index for index in self._indexes}
        rows = self.store.execute("SELECT id, definition FROM indexes WHERE collection = ? ORDER BY id", (int(self.id),))
        self._set_indexes([known.get(str(i)) or Index(i, orjson.loads(text)) for i, text in rows.fetchall()])

    def _set_indexes(self, found: list[Index]) -> None:
        self._indexes = found
        self.stored_indexes = [index for index in found if index.stored]
        self.has_unique = any(index.unique for index in found)

    # Documents

    def insert(self, document: Any, **options: Any) -> Change:
        """Insert a document. ArangoError 1227, 1221, 1222, 1233 (ends of an edge), 1210 (key or unique attribute exists).

        Options: overwrite_mode=None ("ignore", "replace", "update", "conflict"), keep_null=True, merge_objects=True,
        ignore_revs=True, version_attribute=None; keep_rev=False (keep the given _rev, take any key: for restoring).
        """
        return writes.insert(self, document, **options)

    def update(self, selector: Any, patch: Any, **options: Any) -> Change:
        """Change attributes of the document that a key, or an object with _key (and _rev), selects. ArangoError 1202, 1200.

        Options: keep_null=True, merge_objects=True, ignore_revs=True, version_attribute=None.
        """
        return writes.update(self, selector, patch, **options)

    def replace(self, selector: Any, document: Any, **options: Any) -> Change:
        """Put a document in the place of one that is selected as for `update`. Options: ignore_revs, version_attribute."""
        return writes.update(self, selector, document, replace=True, **options)

    def remove(self, selector: Any, *, ignore_revs: bool = True) -> Change:
        """Remove the document that is selected as for `update`. ArangoError 1202, 1200."""
        return writes.remove(self, selector, ignore_revs=ignore_revs)

    def save_keys(self) -> None:
        """Write down how far the keys got."""
        options = orjson.dumps(self.generator.options()).decode()
        self.store.execute("UPDATE collections SET keys = ? WHERE id = ?", (options, int(self.id)))

    def drop(self) -> None:
        """Drop the collection with its documents and indexes. For `Database.drop_collection`, which asks whether it may."""
        self.drop_tables()
        self.store.execute("DELETE FROM indexes WHERE collection = ?", (int(self.id),))
        self.store.execute("DELETE FROM collections WHERE id = ?", (int(self.id),))

    # Properties

    def rename(self, name: str) -> None:
        """Give the collection another name, in its documents' _id and in graphs too. ArangoError 1208, 1207, 11."""
        if self.is_system:
            raise ArangoError(11)
        if not keys.is_collection_name(name):
            raise ArangoError(1208)
        if name == self.name:
            return
        if self.database.has_collection(name):
            raise ArangoError(1207)
        self.store.change_catalog()
        self.enter()
        old, new = f'"_id":"{self.name}/'.encode(), f'"_id":"{name}/'.encode()
        last = 0
        while batch := self.store.execute(self.sql_batch, (last, 1000)).fetchall():
            last = batch[-1][0]
            # _key comes before _id, and holds nothing that could be mistaken for it.
            changed = [(body.replace(old, new, 1), row) for row, body in batch]
            self.store.connection.executemany(f"UPDATE {self.table} SET body = ? WHERE row = ?", changed)
        self.store.execute("UPDATE collections SET name = ? WHERE id = ?", (name, int(self.id)))
        self.database.renamed(self, name)
        self.all_written(self.count())

    def summary(self) -> dict[str, Any]:
        """What lists of collections say about each."""
        return {
            "id": self.id,
            "name": self.name,
            "status": 3,
            "type": self.type,
            "isSystem": self.is_system,
            "globallyUniqueId": self.name if self.is_system else f"h{self.store.server_id}/{self.id}",
        }

    def properties(self) -> dict[str, Any]:
        """The properties of the collection, its `summary` included."""
        return {
            **self.summary(),
            "statusString": "loaded",
            "waitForSync": False,
            "cacheEnabled": False,
            "schema": None,
            "computedValues": None,
            "syncByRevision": True,
            "usesRevisionsAsDocumentIds": True,
            "isSmart": False,
            "isSmartChild": False,
            "isDisjoint": False,
            "internalValidatorType": 0,
            "numberOfShards": 1,
            "replicationFactor": 1,
            "minReplicationFactor": 1,
            "writeConcern": 1,
            "shardKeys": ["_key"],
            "objectId": self.id,
            **self._properties,
            "keyOptions": self.generator.options(),
        }

    def set_properties(self, **properties: Any) -> None:
        """Change waitForSync or cacheEnabled; others are left as they are. ArangoError 9 for schema and computedValues."""
        changed = checked_properties(properties)
        self.store.change_catalog()
        self._properties = {**self._properties, **changed}
        text = orjson.dumps(self._properties).decode()
        self.store.execute("UPDATE collections SET properties = ? WHERE id = ?", (text, int(self.id)))

    # Indexes

    def indexes(self) -> list[dict[str, Any]]:
        """All indexes as clients see them, the primary one first."""
        fixed = [indexes.primary(self), indexes.edge(self)] if self.is_edge else [indexes.primary(self)]
        return fixed + [index.printed(self) for index in self._indexes]

    def index(self, name_or_id: str) -> dict[str, Any]:
        """The index with that name or id ("COLL/123" or "123"). ArangoError 1212."""
        wanted = name_or_id.removeprefix(self.prefix)
        if wanted in ("0", "primary"):
            return indexes.primary(self)
        if wanted in ("1", "edge") and self.is_edge:
            return indexes.edge(self)
        return self._index(wanted).printed(self)

    def create_index(self, definition: Any) -> dict[str, Any]:
        """Create an index, or find the one that is the same; isNewlyCreated says which. ArangoError 10, 1208, 1005, 1210."""
        self.store.clock.tick()
        complete = indexes.normalize(definition, f"idx_{self.store.clock.last}")
        named = next((index for index in self._indexes if index.name == complete["name"]), None)
        existing = next((index for index in self._indexes if indexes.same(index.definition, complete)), None)
        if existing is not None:
            return {**existing.printed(self), "isNewlyCreated": False}
        if named is not None or complete["name"] in ("primary", "edge"):
            raise ArangoError(1005, "duplicate value for `name`: another index has this name")
        with self.store.writing():
            self.store.change_catalog()
            self.enter()
            index = Index(self.store.counter.tick(), complete)
            row = (int(index.id), int(self.id), orjson.dumps(complete).decode())
            self.store.execute("INSERT INTO indexes VALUES (?, ?, ?)", row)
            if index.stored:
                index.build(self)
            self._set_indexes([*self._indexes, index])
            if index.type == "vector":
                self._near(index).build()
        return {**index.printed(self), "isNewlyCreated": True}

    def drop_index(self, name_or_id: str) -> str:
        """Drop an index; gives its id, "COLL/123". ArangoError 1212, or 11 for the primary and the edge index."""
        wanted = name_or_id.removeprefix(self.prefix)
        if wanted in ("0", "primary") or (self.is_edge and wanted in ("1", "edge")):
            raise ArangoError(11)
        index = self._index(wanted)
        self.store.change_catalog()
        if index.stored:
            self.store.execute(f"DROP TABLE {index.table}")
        self.store.execute("DELETE FROM indexes WHERE id = ?", (int(index.id),))
        self._set_indexes([each for each in self._indexes if each is not index])
        self._derived.pop(index.id, None)
        return f"{self.prefix}{index.id}"

    def _index(self, wanted: str) -> Index:
        for index in self._indexes:
            if wanted in (index.id, index.name):
                return index
        raise ArangoError(1212)

    # What is derived from the documents, and kept current by whoever uses it

    def matrix(self, path: tuple[str, ...], dimension: int) -> Any:
        """The vectors of a length at an attribute, as a `vectors.Matrix`."""
        from workshop.arango.embedded.vectors import Matrix

        return self.derive((path, dimension), lambda: Matrix(self, path, dimension))

    def near_index(self, path: tuple[str, ...], metric: str) -> Any:
        """The `vectors.NearIndex` of a vector index over an attribute; None if there is none with that metric."""
        for index in self._indexes:
            if index.type == "vector" and index.definition["params"]["metric"] == metric and _vector_path(index) == path:
                return self._near(index)
        return None

    def _near(self, index: Index) -> Any:
        from workshop.arango.embedded.vectors import NearIndex

        parameters = index.definition["params"]
        matrix = self.matrix(_vector_path(index), parameters["dimension"])
        return self.derive(index.id, lambda: NearIndex(matrix, parameters))

    def derive(self, name: Any, make: Any) -> Any:
        """What `make()` gives, kept under a name of its own for as long as the collection is open."""
        with self._derived_lock:
            if name not in self._derived:
                self._derived[name] = make()
            return self._derived[name]


def checked_properties(given: dict[str, Any]) -> dict[str, Any]:
    """The properties that are kept, of those given. ArangoError 9 for what is not supported."""
    if given.get("schema") not in (None, {}):
        raise ArangoError(9, "schema validation is not supported")
    if given.get("computedValues") not in (None, []):
        raise ArangoError(9, "computed values are not supported")
    return {name: bool(given[name]) for name in ("waitForSync", "cacheEnabled") if given.get(name) is not None}


def _vector_path(index: Index) -> tuple[str, ...]:
    return tuple(index.definition["fields"][0].split("."))
