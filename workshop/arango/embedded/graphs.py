"""Named graphs: their definitions in the collection _graphs, and what must be changed together with them.

A graph is given as `Database.graph` does: the document of _graphs, and its name. It has edgeDefinitions, a list of
{"collection", "from": […], "to": […]}, and orphanCollections, a list of names.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workshop.arango.embedded.errors import ERRORS, ArangoError
from workshop.arango.embedded.writes import Change

if TYPE_CHECKING:
    from workshop.arango.embedded.database import Database

Graph = dict[str, Any]


def named(document: dict[str, Any]) -> Graph:
    """The graph that a document of _graphs describes."""
    return {**document, "name": document["_key"]}


# Definitions


def create(database: "Database", definition: Any) -> Graph:
    """Create a graph, and its collections that do not exist. ArangoError 1922, 1925, 1901, 1920, 1921, 1923, 1944.

    `definition` has a name, and may have edgeDefinitions, orphanCollections and options, of which none matter here.
    """
    name = definition.get("name") if isinstance(definition, dict) else None
    if not isinstance(name, str) or not name:
        raise ArangoError(1922)
    if database.collection("_graphs").get(name) is not None:
        raise ArangoError(1925)
    options = definition.get("options")
    given = options if isinstance(options, dict) else {}
    if (
        definition.get("isSmart") is True
        or given.get("smartGraphAttribute")
        or given.get("replicationFactor") == "satellite"
    ):
        raise ArangoError(31, "smart and satellite graphs are not supported")
    graph: Graph = {
        "_key": name,
        "numberOfShards": _whole(given.get("numberOfShards")),
        "replicationFactor": _whole(given.get("replicationFactor")),
        "minReplicationFactor": 1,
        "writeConcern": 1,
        "isSmart": False,
        "isSatellite": False,
        "edgeDefinitions": [],
        "orphanCollections": [],
    }
    definitions, orphans = definition.get("edgeDefinitions") or [], definition.get("orphanCollections") or []
    if not isinstance(definitions, list):
        raise ArangoError(1901, "'edgeDefinitions' are not an array in the graph definition")
    if not isinstance(orphans, list):
        raise ArangoError(1901, "'orphanCollections' are not an array in the graph definition")
    for each in definitions:
        _add_definition(graph, _checked(each))
    for orphan in orphans:
        if not isinstance(orphan, str):
            raise ArangoError(1943)
        if orphan not in graph["orphanCollections"] and orphan not in _vertices(graph):
            graph["orphanCollections"].append(orphan)
    graph["orphanCollections"].sort()
    _check_conflicts(database, name, graph["edgeDefinitions"])
    _ensure_collections(database, graph)
    database.collection("_graphs").insert(graph)
    return database.graph(name)


def drop(database: "Database", name: str, *, drop_collections: bool = False) -> None:
    """Remove a graph, and those of its collections that no other graph uses if `drop_collections`. ArangoError 1924."""
    graph = database.graph(name)
    database.collection("_graphs").remove(name)
    if drop_collections:
        for collection in (*vertex_collections(database, graph), *_edges(graph)):
            _drop_unused(database, collection)


def using(database: "Database", collection: str) -> list[str]:
    """The names of the graphs that a collection belongs to."""
    if not database.has_collection("_graphs"):
        return []
    documents = database.collection("_graphs").documents()
    return [
        graph["_key"]
        for graph in documents
        if collection in (*_edges(graph), *_vertices(graph), *graph["orphanCollections"])
    ]


def rename_collection(database: "Database", old: str, new: str) -> None:
    """Put the new name of a collection into all graphs."""

    def renamed(names: list[str]) -> list[str]:
        return sorted(new if name == old else name for name in names)

    for name in using(database, old):
        graph = database.graph(name)
        definitions = [
            {"collection": renamed([each["collection"]])[0], "from": renamed(each["from"]), "to": renamed(each["to"])}
            for each in graph["edgeDefinitions"]
        ]
        definitions.sort(key=lambda each: each["collection"])
        orphans = renamed(graph["orphanCollections"])
        _save(database, {**graph, "edgeDefinitions": definitions, "orphanCollections": orphans})


def edge_collections(database: "Database", graph: str | Graph) -> list[str]:
    """The edge collections of a graph, given by name or as such, sorted. ArangoError 1924."""
    return sorted(_edges(database.graph(graph) if isinstance(graph, str) else graph))


def vertex_collections(database: "Database", graph: str | Graph) -> list[str]:
    """The vertex collections of a graph, orphans too, sorted. ArangoError 1924."""
    graph = database.graph(graph) if isinstance(graph, str) else graph
    return sorted({*_vertices(graph), *graph["orphanCollections"]})


def add_vertex_collection(database: "Database", name: str, collection: Any, *, create: bool = True) -> Graph:
    """Add an orphan collection, created if need be and `create`. ArangoError 1938, 1929, 1926, 1927."""
    graph = database.graph(name)
    if not isinstance(collection, str):
        raise ArangoError(10)
    if collection in graph["orphanCollections"]:
        raise ArangoError(1938)
    if collection in _vertices(graph):
        raise _about(1929, collection)
    if not database.has_collection(collection):
        if not create:
            raise _about(1926, collection)
    elif database.collection(collection).is_edge:
        raise ArangoError(1927)
    changed = {**graph, "orphanCollections": sorted((*graph["orphanCollections"], collection))}
    _ensure_collections(database, changed)
    return _save(database, changed)


def remove_vertex_collection(database: "Database", name: str, collection: str, *, drop: bool = False) -> Graph:
    """Take an orphan collection out, and drop it if `drop` and no graph uses it. ArangoError 1928."""
    graph = database.graph(name)
    if collection not in graph["orphanCollections"]:
        raise ArangoError(1928)
    orphans = [each for each in graph["orphanCollections"] if each != collection]
    saved = _save(database, {**graph, "orphanCollections": orphans})
    if drop:
        _drop_unused(database, collection)
    return saved


def add_edge_definition(database: "Database", name: str, definition: Any) -> Graph:
    """Add an edge definition, and create its collections if need be. ArangoError 1920, 1921, 1923, 1944."""
    graph = database.graph(name)
    graph["edgeDefinitions"] = list(graph["edgeDefinitions"])
    checked = _checked(definition)
    _add_definition(graph, checked)
    graph["orphanCollections"] = [each for each in graph["orphanCollections"] if each not in checked["from"] + checked["to"]]
    _check_conflicts(database, name, [checked])
    _ensure_collections(database, graph)
    return _save(database, graph)


def replace_edge_definition(database: "Database", name: str, collection: str, definition: Any) -> Graph:
    """Change an edge definition, in all graphs that have it. ArangoError 1930, 1923."""
    checked = _checked(definition)
    if collection not in _edges(database.graph(name)) or checked["collection"] not in _edges(database.graph(name)):
        raise ArangoError(1930)
    for graph in database.graphs():
        old = next((each for each in graph["edgeDefinitions"] if each["collection"] == checked["collection"]), None)
        if old is not None:
            definitions = [checked if each is old else each for each in graph["edgeDefinitions"]]
            changed = _with_orphans({**graph, "edgeDefinitions": definitions}, old)
            _ensure_collections(database, changed)
            _save(database, changed)
    return database.graph(name)


def remove_edge_definition(database: "Database", name: str, collection: str, *, drop: bool = False) -> Graph:
    """Take an edge definition out; vertex collections that are left over become orphans. ArangoError 1930."""
    graph = database.graph(name)
    old = next((each for each in graph["edgeDefinitions"] if each["collection"] == collection), None)
    if old is None:
        raise ArangoError(1930)
    definitions = [each for each in graph["edgeDefinitions"] if each is not old]
    saved = _save(database, _with_orphans({**graph, "edgeDefinitions": definitions}, old))
    if drop:
        _drop_unused(database, collection)
    return saved


# Documents


def check_vertex_collection(database: "Database", name: str, collection: str) -> None:
    """See that a graph has the vertex collection. ArangoError 1924, 1947, or 1926 when it was dropped."""
    if collection not in vertex_collections(database, name):
        raise ArangoError(1947)
    if not database.has_collection(collection):
        raise _about(1926, collection)


def check_edge_collection(database: "Database", name: str, collection: str) -> None:
    """See that a graph has the edge collection. ArangoError 1924, 1930."""
    if collection not in _edges(database.graph(name)):
        raise ArangoError(1930)


def insert_vertex(database: "Database", name: str, collection: str, document: Any, **options: Any) -> Change:
    """Insert a vertex; options as for `Collection.insert`. ArangoError 1947, 1926."""
    check_vertex_collection(database, name, collection)
    return database.collection(collection).insert(document, **options)


def insert_edge(database: "Database", name: str, collection: str, document: Any, **options: Any) -> Change:
    """Insert an edge between vertices that exist. ArangoError 1930, 1233, 1947, 1202."""
    check_edge_collection(database, name, collection)
    _check_ends(database, name, document, required=True)
    return database.collection(collection).insert(document, **options)


def update_edge(database: "Database", name: str, collection: str, selector: Any, patch: Any, **options: Any) -> Change:
    """Change an edge; if _from and _to are given, their vertices must exist. Errors as for `insert_edge`."""
    check_edge_collection(database, name, collection)
    _check_ends(database, name, patch, required=False)
    return database.collection(collection).update(selector, patch, **options)


def replace_edge(database: "Database", name: str, collection: str, selector: Any, document: Any, **options: Any) -> Change:
    """Replace an edge. Errors as for `insert_edge`."""
    check_edge_collection(database, name, collection)
    _check_ends(database, name, document, required=True)
    return database.collection(collection).replace(selector, document, **options)


def remove_vertex(database: "Database", name: str, collection: str, selector: Any, **options: Any) -> Change:
    """Remove a vertex, or an edge, and the edges at it that belong to a graph. ArangoError 1202, 1200."""
    edges = set(_edges(database.graph(name)))
    for graph in database.graphs():
        edges.update(each["collection"] for each in graph["edgeDefinitions"] if collection in (*each["from"], *each["to"]))
    change = database.collection(collection).remove(selector, **options)
    identifier = f"{collection}/{change.key}"
    for each in sorted(edges):
        if database.has_collection(each):
            for edge in database.collection(each).edges(identifier, "any"):
                database.collection(each).remove(edge["_key"])
    return change


def _check_ends(database: "Database", name: str, edge: Any, *, required: bool) -> None:
    if not isinstance(edge, dict):
        raise ArangoError(1227)
    ends = {side: edge.get(side) for side in ("_from", "_to")}
    if not all(isinstance(end, str) for end in ends.values()):
        if required:
            raise ArangoError(1233)
        return
    known = vertex_collections(database, name)
    for side, end in ends.items():
        collection, slash, _ = end.partition("/")
        if not slash:
            raise ArangoError(1233)
        if collection not in known:
            raise ArangoError(1947, f"referenced {side} collection '{collection}' is not part of the graph")
    for end in ends.values():
        collection, _, key = end.partition("/")
        if not database.has_collection(collection) or database.collection(collection).row(key) is None:
            raise ArangoError(1202)


# Parts of definitions


def _edges(graph: Graph) -> list[str]:
    return [each["collection"] for each in graph["edgeDefinitions"]]


def _vertices(graph: Graph) -> set[str]:
    return {name for each in graph["edgeDefinitions"] for name in (*each["from"], *each["to"])}


def _malformed(message: str) -> ArangoError:
    """ArangoDB's number for it comes with status 500 there; here a client's mistake is never answered as the server's."""
    return ArangoError(1941, message, http=400)


def _checked(definition: Any) -> dict[str, Any]:
    """An edge definition with its collections sorted, each once. ArangoError 1923, 1941."""
    if not isinstance(definition, dict):
        raise ArangoError(1923)
    for name in ("collection", "from", "to"):
        if name not in definition:
            raise _malformed(f"Attribute '{name}' missing in edge definition!")
    if not isinstance(definition["collection"], str):
        raise _malformed("edge definition is not a string!")
    for name in ("from", "to"):
        if not isinstance(definition[name], list):
            raise _malformed(f"Edge definition '{name}' is not an array!")
        if not all(isinstance(each, str) for each in definition[name]):
            raise _malformed(f"Edge definition '{name}' does not only contain strings!")
    if not definition["from"] or not definition["to"]:
        raise ArangoError(1923)
    ends = {name: sorted(set(definition[name])) for name in ("from", "to")}
    return {"collection": definition["collection"], **ends}


def _add_definition(graph: Graph, definition: dict[str, Any]) -> None:
    if definition["collection"] in _edges(graph):
        raise _about(1920, definition["collection"])
    graph["edgeDefinitions"].append(definition)
    graph["edgeDefinitions"].sort(key=lambda each: each["collection"])


def _check_conflicts(database: "Database", name: str, definitions: Iterable[dict[str, Any]]) -> None:
    """An edge collection has the same definition in all graphs."""
    wanted = {each["collection"]: each for each in definitions}
    for graph in database.graphs():
        for each in graph["edgeDefinitions"]:
            if graph["name"] != name and wanted.get(each["collection"], each) != each:
                raise _about(1921, each["collection"])


def _with_orphans(graph: Graph, old: dict[str, Any]) -> Graph:
    """After a definition was changed: its collections that no definition uses are orphans, those that one does are none."""
    vertices = _vertices(graph)
    orphans = {*graph["orphanCollections"], *old["from"], *old["to"]} - vertices
    return {**graph, "orphanCollections": sorted(orphans)}


def _ensure_collections(database: "Database", graph: Graph) -> None:
    edges = _edges(graph)
    for name in edges:
        if database.has_collection(name) and not database.collection(name).is_edge:
            raise ArangoError(1944, f"Collection: '{name}' is not an EdgeCollection")
    for name in (*edges, *sorted({*_vertices(graph), *graph["orphanCollections"]})):
        if not database.has_collection(name):
            database.create_collection(name, 3 if name in edges else 2)


def _drop_unused(database: "Database", collection: str) -> None:
    if database.has_collection(collection) and not using(database, collection):
        database.discard(database.collection(collection))


def _save(database: "Database", graph: Graph) -> Graph:
    document = {name: value for name, value in graph.items() if name != "name"}
    database.collection("_graphs").replace(graph["name"], document)
    return database.graph(graph["name"])


def _about(number: int, collection: str) -> ArangoError:
    return ArangoError(number, f"{collection} {ERRORS[number][1]}")


def _whole(value: Any) -> int:
    return value if type(value) is int and value > 0 else 1
