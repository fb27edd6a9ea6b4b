"""Functions that read documents and collections, and that tell who asks where."""

from workshop.arango.embedded.aql.functions import function, zones
from workshop.arango.embedded.aql.values import wrong_type
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.keys import decode_revision


def _document(context, identifier: str, collection: str | None = None) -> dict | None:
    """The document with an id, or with a key of the collection; None where there is no such document or collection."""
    name, slash, key = identifier.partition("/")
    if not slash:
        if collection is None:
            return None
        name, key = collection, identifier
    elif collection is not None and name != collection:
        return None
    try:
        return context.collection(name).get(key)
    except ArangoError as error:
        if error.number in (1202, 1203, 1205, 1221):
            return None
        raise


@function("DOCUMENT", 1, 2, context=True)
def document(context, first, *rest):
    """Return the document with an id, or with a key of a collection, null for none; of an array those that exist."""
    if rest:
        if type(first) is not str:
            raise wrong_type("DOCUMENT")
        collection, wanted = first, rest[0]
    else:
        collection, wanted = None, first
    if type(wanted) is str:
        return _document(context, wanted, collection)
    if type(wanted) is not list:
        return None
    found = (_document(context, each, collection) for each in wanted if type(each) is str)
    return [each for each in found if each is not None]


@function("COLLECTION_COUNT", 1, 1, context=True, deterministic=False)
def collection_count(context, name):
    """Return the number of documents in a collection. ArangoError 1203 for an unknown one, 1542 for what is no name."""
    if type(name) is not str:
        raise ArangoError(1542, wrong_type("COLLECTION_COUNT").message)
    return context.collection(name).count()


@function("COLLECTIONS", 0, 0, context=True, deterministic=False)
def collections(context):
    """Return the ids and names of all collections, ordered by name."""
    return [{"_id": each.id, "name": each.name} for each in context.database.collections()]


@function("CURRENT_USER", 0, 0, context=True)
def current_user(context):
    """Return the name of the user who runs the query; null without authentication."""
    return context.user or None


@function("CURRENT_DATABASE", 0, 0, context=True)
def current_database(context):
    """Return the name of the query's database."""
    return context.database.name


def _collection_name(value) -> str:
    """The collection that a name, an id or a document belongs to; "" for anything else."""
    if type(value) is dict:
        value = value.get("_id")
    return value.partition("/")[0] if type(value) is str else ""


@function("IS_SAME_COLLECTION", 2, 2)
def is_same_collection(one, other):
    """Tell whether two names, ids or documents belong to the same collection."""
    names = _collection_name(one), _collection_name(other)
    if not all(names):
        raise wrong_type("IS_SAME_COLLECTION")
    return names[0] == names[1]


@function("CHECK_DOCUMENT", 1, 1)
def check_document(value):
    """Tell whether the value is an object that could be stored; attributes cannot occur twice here."""
    return type(value) is dict


@function("DECODE_REV", 1, 1)
def decode_rev(revision):
    """Return the time in a revision and its count within the millisecond."""
    value = decode_revision(revision)
    if not 0 < value < 2**64 - 1:
        raise wrong_type("DECODE_REV")
    return {"date": zones.iso(value >> 20), "count": value & 0xFFFFF}
