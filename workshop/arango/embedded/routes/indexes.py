"""`/_api/index`: the indexes of a collection."""

from workshop.arango.embedded.answers import Json, ok
from workshop.arango.embedded.calls import Call
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

# What is answered with its own status; everything else that can be wrong with a new index is answered with 400.
_OWN_STATUS = (9, 11, 1203, 1212)


@routes("GET", "/_api/index")
def list_indexes(call: Call) -> Json:
    """All indexes of the collection that a parameter names."""
    with call.reading() as database:
        indexes = call.collection(database, call.params.get("collection", "")).indexes()
    if call.flag("withStats"):
        indexes = [{**index, "figures": {}} for index in indexes]
    return ok(indexes=indexes, identifiers={index["id"]: index for index in indexes})


@routes("GET", "/_api/index/{collection}/{index}")
def read_index(call: Call, name: str, index: str) -> Json:
    """One index, by its number or name."""
    with call.reading() as database:
        return ok(**call.collection(database, name).index(index))


@routes("POST", "/_api/index")
def create_index(call: Call) -> Json:
    """Create an index, unless there is one like it."""
    definition = call.json(dict)
    with call.writing() as database:
        collection = call.collection(database, call.params.get("collection", ""), "rw")
        call.need("rw")
        try:
            index = collection.create_index({key: value for key, value in definition.items() if key != "collection"})
        except ArangoError as error:
            if error.number in _OWN_STATUS:
                raise
            raise ArangoError(error.number, error.message, http=400) from error
    return ok(201 if index.get("isNewlyCreated") else 200, **index)


@routes("DELETE", "/_api/index/{collection}/{index}", "/_api/index/{collection}/{other}/{index}")
def drop_index(call: Call, name: str, *rest: str) -> Json:
    """Drop an index."""
    with call.writing() as database:
        collection = call.collection(database, name, "rw")
        call.need("rw")
        return ok(id=collection.drop_index(rest[-1]))
