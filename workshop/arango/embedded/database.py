"""One database: its collections and graphs."""

from typing import TYPE_CHECKING, Any

import orjson

from workshop.arango.embedded import graphs, keys
from workshop.arango.embedded.collection import DOCUMENT, EDGE, Collection, checked_properties
from workshop.arango.embedded.errors import ArangoError

if TYPE_CHECKING:
    from workshop.arango.embedded.storage import Storage

SYSTEM = "_system"
SYSTEM_COLLECTIONS = (
    "_analyzers",
    "_appbundles",
    "_apps",
    "_aqlfunctions",
    "_frontend",
    "_graphs",
    "_jobs",
    "_queues",
)


class Database:
    """One database. Reading needs the store's reading(), changing anything its writing()."""

    def __init__(self, store: "Storage", identifier: int, name: str, properties: str):
        self.store = store
        self.id = str(identifier)
        self.name = name
        self.options: dict[str, Any] = orjson.loads(properties)
        self._collections: dict[str, Collection] = {}

    @property
    def is_system(self) -> bool:
        """Whether this is the database _system."""
        return self.name == SYSTEM

    def properties(self) -> dict[str, Any]:
        """The properties of the database as clients see them."""
        return {"id": self.id, "name": self.name, "isSystem": self.is_system, "path": ""}

    # Collections

    def collection(self, name_or_id: str) -> Collection:
        """The collection with that name or id. ArangoError 1203."""
        if not isinstance(name_or_id, str):
            raise ArangoError(1203)
        found = self._collections.get(name_or_id)
        if found is None and name_or_id.isdecimal():
            found = next((each for each in self._collections.values() if each.id == name_or_id), None)
        if found is None:
            raise ArangoError(1203)
        return found

    def has_collection(self, name: str) -> bool:
        """Whether there is a collection of that name."""
        return name in self._collections

    def collections(self) -> list[Collection]:
        """All collections, those of the system too, sorted by name."""
        return [self._collections[name] for name in sorted(self._collections)]

    def create_collection(self, name: str, type: int = DOCUMENT, **properties: Any) -> Collection:
        """Create a collection, of documents (2) or edges (3). ArangoError 1208, 1207, 1218, 1232, 9.

        The properties are those of the HTTP interface (keyOptions, waitForSync, cacheEnabled, isSystem, …); unknown ones
        are left out.
        """
        if not keys.is_collection_name(name, system=properties.get("isSystem") is True):
            raise ArangoError(1208)
        if type not in (DOCUMENT, EDGE):
            raise ArangoError(1218)
        if name in self._collections:
            raise ArangoError(1207)
        kept = orjson.dumps(checked_properties(properties)).decode()
        options = properties.get("keyOptions")
        generator = keys.key_generator(options, self.store.counter.tick)
        self.store.change_catalog()
        row = (self.store.counter.tick(), self.id, name, type, kept, orjson.dumps(generator.options()).decode())
        self.store.execute("INSERT INTO collections VALUES (?, ?, ?, ?, ?, ?)", row)
        collection = self._collections[name] = Collection(self, row[0], name, type, kept, row[5])
        collection.create_table()
        return collection

    def create_system_collections(self) -> None:
        """Create the collections that every database has."""
        for name in (*SYSTEM_COLLECTIONS, "_users") if self.is_system else SYSTEM_COLLECTIONS:
            self.create_collection(name, isSystem=True)

    def drop_collection(self, name_or_id: str, *, system: bool = False) -> None:
        """Drop a collection; one of the system only if `system`. ArangoError 1203, 11, 1942 (it belongs to a graph)."""
        collection = self.collection(name_or_id)
        if collection.is_system and not system:
            raise ArangoError(11)
        used = graphs.using(self, collection.name)
        if used:
            raise ArangoError(
                1942,
                f"must not drop collection while part of graph: collection '{collection.name}' is used by graph '{used[0]}'",
            )
        self.discard(collection)

    def discard(self, collection: Collection) -> None:
        """Drop a collection without asking whether it may be dropped."""
        self.store.change_catalog()
        collection.drop()
        del self._collections[collection.name]

    def renamed(self, collection: Collection, name: str) -> None:
        """Know a collection by its new name."""
        old = collection.name
        del self._collections[old]
        self._collections[name] = collection
        collection.name, collection.prefix = name, f"{name}/"
        graphs.rename_collection(self, old, name)

    def load(self) -> None:
        """Read which collections there are; those that are known already stay the same objects."""
        known = {collection.id: collection for collection in self._collections.values()}
        self._collections = {}
        sql = "SELECT id, name, type, properties, keys FROM collections WHERE database = ?"
        for identifier, name, kind, properties, options in self.store.execute(sql, (int(self.id),)).fetchall():
            collection = known.pop(str(identifier), None)
            if collection is None:
                collection = Collection(self, identifier, name, kind, properties, options)
            else:
                collection.load(name, properties)
            self._collections[name] = collection

    # Graphs

    def graphs(self) -> list[dict[str, Any]]:
        """All named graphs, sorted by name, as `graph` gives them."""
        return sorted(map(graphs.named, self._collections["_graphs"].documents()), key=lambda graph: graph["name"])

    def graph(self, name: str) -> dict[str, Any]:
        """The graph as the collection _graphs holds it, and its name. ArangoError 1924."""
        document = self._collections["_graphs"].get(name)
        if document is None:
            raise ArangoError(1924, f"graph '{name}' not found")
        return graphs.named(document)
