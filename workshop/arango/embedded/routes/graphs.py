"""`/_api/gharial`: named graphs, their collections, vertices and edges."""

from typing import Any

from workshop.arango.embedded import graphs
from workshop.arango.embedded.answers import Json, failure, ok
from workshop.arango.embedded.calls import Call, field
from workshop.arango.embedded.collection import Collection
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routes.documents import conflict, expected_revision, identity, revision, synchronous
from workshop.arango.embedded.routing import routes
from workshop.arango.embedded.writes import Change

_GRAPH = "/_api/gharial/{graph}"
_PLAIN = {
    "isSmart": False,
    "isDisjoint": False,
    "isSatellite": False,
    "numberOfShards": 1,
    "replicationFactor": 1,
    "writeConcern": 1,
}


def _shown(graph: dict[str, Any]) -> dict[str, Any]:
    return {**_PLAIN, **graph}


def _changed(call: Call, graph: dict[str, Any], status: int = 202) -> Json:
    return Json(
        {"error": False, "code": status, "graph": _shown(graph)},
        status,
        {"etag": graph["_rev"]} if "_rev" in graph else None,
    )


# Graphs


@routes("GET", "/_api/gharial")
def list_graphs(call: Call) -> Json:
    """All graphs of the database."""
    with call.reading() as database:
        return ok(graphs=[_shown(graph) for graph in database.graphs()])


@routes("POST", "/_api/gharial")
def create_graph(call: Call) -> Json:
    """Create a graph, and those of its collections that do not exist."""
    definition = call.json(dict)
    if not isinstance(definition.get("name"), str) or not definition["name"]:
        raise ArangoError(1922)
    with call.writing() as database:
        call.need("rw")
        name = definition["name"]
        graphs.create(database, definition)
        return _changed(call, database.graph(name), 201 if call.flag("waitForSync") else 202)


@routes("GET", _GRAPH)
def read_graph(call: Call, name: str) -> Json:
    """One graph."""
    with call.reading() as database:
        return ok(graph=_shown(database.graph(name)))


@routes("DELETE", _GRAPH)
def drop_graph(call: Call, name: str) -> Json:
    """Drop a graph, and with dropCollections those collections that no other graph uses."""
    with call.writing() as database:
        call.need("rw")
        graphs.drop(database, name, drop_collections=call.flag("dropCollections"))
    return ok(202, removed=True)


# Collections of a graph


@routes("GET", _GRAPH + "/vertex")
def list_vertex_collections(call: Call, name: str) -> Json:
    """The names of the vertex collections."""
    with call.reading() as database:
        database.graph(name)
        return ok(collections=sorted(graphs.vertex_collections(database, name)))


@routes("GET", _GRAPH + "/edge")
def list_edge_collections(call: Call, name: str) -> Json:
    """The names of the edge collections."""
    with call.reading() as database:
        database.graph(name)
        return ok(collections=sorted(graphs.edge_collections(database, name)))


@routes("POST", _GRAPH + "/vertex")
def add_vertex_collection(call: Call, name: str) -> Json:
    """Add a vertex collection that no edge definition uses."""
    collection = field(call.json(dict), "collection", str)
    if not collection:
        raise ArangoError(10, "expecting string for <collection>")
    with call.writing() as database:
        call.need("rw")
        graphs.add_vertex_collection(database, name, collection, create=call.flag("createCollection", True))
        return _changed(call, database.graph(name))


@routes("DELETE", _GRAPH + "/vertex/{collection}")
def remove_vertex_collection(call: Call, name: str, collection: str) -> Json:
    """Take a vertex collection that no edge definition uses out of the graph."""
    with call.writing() as database:
        call.need("rw")
        graphs.remove_vertex_collection(database, name, collection, drop=call.flag("dropCollection"))
        return _changed(call, database.graph(name))


@routes("POST", _GRAPH + "/edge")
def add_edge_definition(call: Call, name: str) -> Json:
    """Add an edge collection with the vertex collections that it connects."""
    definition = call.json(dict)
    with call.writing() as database:
        call.need("rw")
        graphs.add_edge_definition(database, name, definition)
        return _changed(call, database.graph(name))


@routes("PUT", _GRAPH + "/edge/{collection}")
def replace_edge_definition(call: Call, name: str, collection: str) -> Json:
    """Change which vertex collections an edge collection connects."""
    definition = call.json(dict)
    with call.writing() as database:
        call.need("rw")
        graphs.replace_edge_definition(database, name, collection, definition)
        return _changed(call, database.graph(name))


@routes("DELETE", _GRAPH + "/edge/{collection}")
def remove_edge_definition(call: Call, name: str, collection: str) -> Json:
    """Take an edge collection out of the graph."""
    drop = call.flag("dropCollections") or call.flag("dropCollection")
    with call.writing() as database:
        call.need("rw")
        graphs.remove_edge_definition(database, name, collection, drop=drop)
        return _changed(call, database.graph(name))


# Vertices and edges


def _checked(call: Call, database: Any, graph: str, what: str, name: str, level: str) -> Collection:
    """The collection, which must be one of the graph's and the user's."""
    database.graph(graph)
    check = graphs.check_vertex_collection if what == "vertex" else graphs.check_edge_collection
    check(database, graph, name)
    return call.collection(database, name, level)


def _read(call: Call, graph: str, name: str, key: str) -> Json:
    what = _what(call)
    wanted, known = revision(call, b"if-match") or call.params.get("rev"), revision(call, b"if-none-match")
    with call.reading() as database:
        document = _checked(call, database, graph, what, name, "ro").get(key)
        if document is None:
            raise ArangoError(1202)
        etag = {"etag": document["_rev"]}
        if wanted and wanted != document["_rev"]:
            found = {each: document[each] for each in ("_id", "_key", "_rev")}
            return failure(ArangoError(1200, "conflict, _rev values do not match", http=412), etag, **found)
        if known == document["_rev"]:
            return Json(None, 304, etag)
        return Json({"error": False, "code": 200, what: document}, 200, etag)


def _written(call: Call, what: str, collection: Collection, change: Change, status: int) -> Json:
    if not synchronous(call, collection):
        status = 202
    fields: dict[str, Any] = {"error": False, "code": status}
    if change.action == "remove":
        fields["removed"] = True
        if call.flag("returnOld"):
            fields["old"] = change.old
        return Json(fields, status)
    fields[what] = identity(collection, change)
    if call.flag("returnNew"):
        fields["new"] = change.new
    if call.flag("returnOld") and change.old is not None:
        fields["old"] = change.old
    return Json(fields, status, {"etag": change.rev})


def _what(call: Call) -> str:
    return call.segments[3]


for _path in (_GRAPH + "/vertex/{collection}/{key}", _GRAPH + "/edge/{collection}/{key}"):
    routes("GET", _path)(_read)


@routes("POST", _GRAPH + "/vertex/{collection}", _GRAPH + "/edge/{collection}")
def insert_element(call: Call, graph: str, name: str) -> Json:
    """Insert a vertex, or an edge between vertices of the graph."""
    what, document = _what(call), call.json()
    if not isinstance(document, dict):
        raise ArangoError(1227)
    insert = graphs.insert_vertex if what == "vertex" else graphs.insert_edge
    with call.writing() as database:
        collection = _checked(call, database, graph, what, name, "rw")
        return _written(call, what, collection, insert(database, graph, name, document), 201)


@routes("PATCH PUT", _GRAPH + "/vertex/{collection}/{key}", _GRAPH + "/edge/{collection}/{key}")
def modify_element(call: Call, graph: str, name: str, key: str) -> Json:
    """Update (PATCH) or replace (PUT) a vertex or an edge."""
    what, document, patch = _what(call), call.json(), call.method == "PATCH"
    if not isinstance(document, dict):
        raise ArangoError(1227)
    rev = expected_revision(call, document) or call.params.get("rev") or None
    options: dict[str, Any] = {"ignore_revs": rev is None}
    if patch:
        options["keep_null"] = call.flag("keepNull", True)
    selector = {"_key": key, "_rev": rev}
    with call.writing() as database:
        collection = _checked(call, database, graph, what, name, "rw")
        try:
            if what == "edge":
                act = graphs.update_edge if patch else graphs.replace_edge
                change = act(database, graph, name, selector, document, **options)
            else:
                change = (collection.update if patch else collection.replace)(selector, document, **options)
        except ArangoError as error:
            if error.number == 1200:
                return conflict(error, collection, key)
            raise
        return _written(call, what, collection, change, 200)


@routes("DELETE", _GRAPH + "/vertex/{collection}/{key}", _GRAPH + "/edge/{collection}/{key}")
def remove_element(call: Call, graph: str, name: str, key: str) -> Json:
    """Remove a vertex with its edges, or an edge."""
    what = _what(call)
    rev = revision(call, b"if-match") or call.params.get("rev") or None
    with call.writing() as database:
        collection = _checked(call, database, graph, what, name, "rw")
        try:
            change = graphs.remove_vertex(database, graph, name, {"_key": key, "_rev": rev}, ignore_revs=rev is None)
        except ArangoError as error:
            if error.number == 1200:
                return conflict(error, collection, key)
            raise
        return _written(call, what, collection, change, 200)
