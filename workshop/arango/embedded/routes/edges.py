"""`/_api/edges`: the edges of a vertex."""

from workshop.arango.embedded.answers import Json, ok
from workshop.arango.embedded.calls import Call
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

_DIRECTIONS = {"in": "inbound", "inbound": "inbound", "out": "outbound", "outbound": "outbound", "any": "any", "": "any"}


@routes("GET POST", "/_api/edges/{collection}")
def read_edges(call: Call, name: str) -> Json:
    """The edges of the vertex that a parameter names, or of several in the body."""
    direction = _DIRECTIONS.get(call.params.get("direction", "any"))
    if direction is None:
        raise ArangoError(400, f"<direction> must be any, in, or out, not: {call.params['direction']}")
    vertices = [call.params.get("vertex", "")] if call.method == "GET" else call.json(list)
    if not all(isinstance(vertex, str) and vertex for vertex in vertices):
        raise ArangoError(1205, "illegal document handle")
    with call.reading() as database:
        collection = call.collection(database, name)
        if collection.type != 3:
            raise ArangoError(1218)
        found = [edge for vertex in dict.fromkeys(vertices) for edge in collection.edges(vertex, direction)]
        edges = list({edge["_key"]: edge for edge in found}.values())
    stats = {"scannedIndex": len(found), "filtered": 0, "cursorsCreated": 0, "cursorsRearmed": 0, "cacheHits": 0}
    return ok(edges=edges, stats={**stats, "cacheMisses": 0})
