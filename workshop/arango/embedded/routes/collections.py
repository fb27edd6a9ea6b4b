"""`/_api/collection`: the collections of a database, their properties and figures."""

import hashlib
from typing import Any

import orjson

from workshop.arango.embedded.answers import Json, not_implemented, ok
from workshop.arango.embedded.calls import Call, field
from workshop.arango.embedded.collection import Collection
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

_PATH = "/_api/collection/{collection}"
_PROPERTIES = (
    "waitForSync",
    "isSystem",
    "keyOptions",
    "cacheEnabled",
    "schema",
    "computedValues",
    "numberOfShards",
    "shardKeys",
    "replicationFactor",
    "minReplicationFactor",
    "writeConcern",
    "distributeShardsLike",
    "shardingStrategy",
    "smartJoinAttribute",
    "isSmart",
    "isDisjoint",
    "syncByRevision",
)
_CHANGEABLE = ("waitForSync", "cacheEnabled", "schema", "computedValues", "replicationFactor", "writeConcern")


@routes("GET", "/_api/collection")
def list_collections(call: Call) -> Json:
    """All collections that the user may read."""
    skip_system = call.flag("excludeSystem")
    with call.reading() as database:
        result = [
            collection.summary()
            for collection in database.collections()
            if not (skip_system and collection.is_system) and call.can_use(collection.name, "ro")
        ]
    return ok(result=result)


@routes("POST", "/_api/collection")
def create_collection(call: Call) -> Json:
    """Create a collection of documents (type 2) or of edges (type 3)."""
    body = call.json(dict)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise ArangoError(1208)
    kind = {2: 2, 3: 3, "2": 2, "3": 3, "document": 2, "edge": 3, None: 2}.get(_hashable(body.get("type")))
    if kind is None:
        raise ArangoError(1218)
    properties = {key: body[key] for key in _PROPERTIES if body.get(key) is not None}
    for key in ("waitForSync", "isSystem", "cacheEnabled"):
        field(properties, key, bool)
    field(properties, "keyOptions", dict)
    with call.writing() as database:
        call.need("rw")
        collection = database.create_collection(name, kind, **properties)
        return ok(**collection.properties())


def _hashable(value: Any) -> Any:
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) or value is None else ""


@routes("GET", _PATH)
def read_collection(call: Call, name: str) -> Json:
    """One collection in short."""
    with call.reading() as database:
        return ok(**call.collection(database, name).summary())


@routes("DELETE", _PATH)
def drop_collection(call: Call, name: str) -> Json:
    """Drop a collection with everything in it."""
    with call.writing() as database:
        collection = call.collection(database, name, "rw")
        call.need("rw")
        identifier = collection.id
        database.drop_collection(collection.name, system=call.flag("isSystem"))
        return ok(id=identifier)


@routes("GET", _PATH + "/{what}")
def describe_collection(call: Call, name: str, what: str) -> Json:
    """Properties, count, figures, revision or checksum of a collection."""
    with call.reading() as database:
        collection = call.collection(database, name)
        if what == "properties":
            return ok(**collection.properties())
        if what == "count":
            return ok(**collection.properties(), count=collection.count())
        if what == "figures":
            return ok(**collection.properties(), count=collection.count(), figures=_figures(collection))
        if what == "revision":
            return ok(**collection.properties(), revision=collection.revision())
        if what == "checksum":
            checksum = _checksum(call, collection)
            return ok(**collection.summary(), checksum=checksum, revision=collection.revision())
        if what == "shards":
            raise not_implemented("a collection's list of shards")
    raise ArangoError(404, "expecting one of 'checksum', 'count', 'figures', 'properties', 'revision', 'shards'")


def _figures(collection: Collection) -> dict[str, Any]:
    return {
        "indexes": {"count": len(collection.indexes()), "size": 0},
        "documentsSize": collection.size(),
        "cacheInUse": False,
        "cacheSize": 0,
        "cacheUsage": 0,
    }


def _checksum(call: Call, collection: Collection) -> str:
    """A number that does not depend on the order of the documents."""
    with_revisions = call.flag("withRevisions") or call.flag("withRevision")
    with_data = call.flag("withData")
    total = 0
    for document in collection.documents():
        parts: list[Any] = [document["_key"]]
        if with_revisions:
            parts.append(document["_rev"])
        if with_data:
            parts.append({name: value for name, value in document.items() if name not in ("_id", "_key", "_rev")})
        digest = hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=8).digest()
        total ^= int.from_bytes(digest)
    return str(total)


@routes("PUT", _PATH + "/properties")
def change_properties(call: Call, name: str) -> Json:
    """Change those properties of a collection that can be changed."""
    body = call.json(dict, default={})
    changes = {key: body[key] for key in _CHANGEABLE if key in body}
    for key in ("waitForSync", "cacheEnabled"):
        field(changes, key, bool)
    with call.writing() as database:
        collection = call.collection(database, name, "rw")
        call.need("rw")
        collection.set_properties(**changes)
        return ok(**collection.properties())


@routes("PUT", _PATH + "/rename")
def rename_collection(call: Call, name: str) -> Json:
    """Give a collection another name."""
    new = call.json(dict).get("name")
    if not isinstance(new, str) or not new:
        raise ArangoError(1208, "name is empty")
    with call.writing() as database:
        collection = call.collection(database, name, "rw")
        call.need("rw")
        collection.rename(new)
        return ok(**collection.summary())


@routes("PUT", _PATH + "/truncate")
def truncate_collection(call: Call, name: str) -> Json:
    """Remove all documents of a collection."""
    with call.writing() as database:
        collection = call.collection(database, name, "rw")
        collection.truncate()
        return ok(**collection.summary())


@routes("PUT", _PATH + "/responsibleShard")
def responsible_shard(call: Call, name: str) -> Json:
    """There are no shards."""
    raise ArangoError(1471)


@routes("PUT", _PATH + "/load", _PATH + "/unload", _PATH + "/compact")
def touch_collection(call: Call, name: str) -> Json:
    """Collections need no loading and no compaction: nothing is done."""
    count = call.segments[-1] == "load" and call.json(dict, default={}).get("count") is not False
    with call.reading() as database:
        collection = call.collection(database, name)
        return ok(**collection.summary(), **({"count": collection.count()} if count else {}))


@routes("PUT", _PATH + "/recalculateCount")
def recalculate_count(call: Call, name: str) -> Json:
    """The count is always right."""
    with call.reading() as database:
        return ok(result=True, count=call.collection(database, name, "rw").count())


@routes("PUT", _PATH + "/loadIndexesIntoMemory")
def load_indexes(call: Call, name: str) -> Json:
    """Indexes need no loading."""
    with call.reading() as database:
        call.collection(database, name)
        return ok(result=True)


@routes("GET", "/_api/key-generators")
def key_generators(call: Call) -> Json:
    """The ways of making keys."""
    return ok(keyGenerators=["autoincrement", "padded", "traditional", "uuid"])
