"""Functions of objects and of the ids of documents."""

import orjson

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import equal, to_bool, to_json, to_string, wrong_type
from workshop.arango.embedded.collation import collation_key

_ABSENT = object()


@function("HAS", 2, 2)
def has(document, name):
    """Tell whether the object has the attribute, be its value null or not."""
    return type(document) is dict and (name if type(name) is str else to_string(name)) in document


@function("ATTRIBUTES", 1, 3, also=("KEYS",))
def attributes(document, remove_internal=False, ordered=False):
    """Return the names of the attributes, on demand without those that start with _, on demand in order."""
    if type(document) is not dict:
        raise wrong_type("ATTRIBUTES")
    hidden = to_bool(remove_internal)
    names = [name for name in document if not (hidden and name.startswith("_"))]
    return sorted(names, key=collation_key) if to_bool(ordered) else names


@function("VALUES", 1, 2)
def values_of(document, remove_internal=False):
    """Return the values of the attributes, on demand without those whose names start with _."""
    if type(document) is not dict:
        raise wrong_type("VALUES")
    hidden = to_bool(remove_internal)
    return [value for name, value in document.items() if not (hidden and name.startswith("_"))]


@function("ENTRIES", 1, 1)
def entries(document):
    """Return the attributes as pairs of name and value."""
    if type(document) is not dict:
        raise wrong_type("ENTRIES")
    return [[name, value] for name, value in document.items()]


@function("VALUE", 2, 2)
def value_at(document, path):
    """Return the value at a path of attribute names and array positions; null where there is none."""
    if type(document) is not dict or type(path) is not list:
        raise wrong_type("VALUE")
    if not path:
        return None
    value = document
    for step in path:
        kind = type(step)
        if kind is str and type(value) is dict:
            value = value.get(step, _ABSENT)
        elif (kind is int or kind is float) and type(value) is list and 0 <= step < len(value):
            value = value[int(step)]
        else:
            return None
    return None if value is _ABSENT else value


def _names(context, function_name: str, arguments: tuple) -> set[str]:
    """The attribute names in the arguments: strings, numbers and arrays of strings."""
    found = set()
    for argument in arguments:
        kind = type(argument)
        if kind is str or kind is int or kind is float:
            found.add(to_string(argument))
        elif kind is list:
            for name in argument:
                if type(name) is str:
                    found.add(name)
                else:
                    context.warn(1542, wrong_type(function_name).message)
    return found


def _select(document: dict, names: set[str], keep: bool, recursive: bool) -> dict:
    return {
        name: _select(value, names, keep, True) if recursive and type(value) is dict else value
        for name, value in document.items()
        if (name in names) is keep
    }


def _register(name: str, keep: bool, recursive: bool) -> None:
    def call(context, document, *arguments):
        if type(document) is not dict:
            raise wrong_type(name)
        return _select(document, _names(context, name, arguments), keep, recursive)

    function(name, 2, None, context=True)(call)


_register("KEEP", keep=True, recursive=False)
_register("KEEP_RECURSIVE", keep=True, recursive=True)
_register("UNSET", keep=False, recursive=False)
_register("UNSET_RECURSIVE", keep=False, recursive=True)


def _documents(name: str, arguments: tuple) -> list[dict]:
    """The objects to merge: the arguments, or the elements of a single array."""
    documents = arguments[0] if len(arguments) == 1 and type(arguments[0]) is list else arguments
    if any(type(document) is not dict for document in documents):
        raise wrong_type(name)
    return documents


@function("MERGE", 1, None)
def merge(*arguments):
    """Return one object with the attributes of all; of the same attributes the last counts."""
    result = {}
    for document in _documents("MERGE", arguments):
        result.update(document)
    return result


@function("MERGE_RECURSIVE", 1, None)
def merge_recursive(*arguments):
    """Return one object with the attributes of all; inner objects are merged too."""
    result = {}
    for document in _documents("MERGE_RECURSIVE", arguments):
        result = _merged(result, document)
    return result


def _merged(one: dict, other: dict) -> dict:
    result = {**one, **other}
    for name, value in other.items():
        if type(value) is dict and type(one.get(name)) is dict:
            result[name] = _merged(one[name], value)
    return result


@function("MATCHES", 2, 3, context=True)
def matches(context, document, examples, as_index=False):
    """Tell whether the object has the attributes and values of one of the examples, on demand of which; else -1."""
    as_index = to_bool(as_index)
    if type(document) is not dict:
        return False
    for i, example in enumerate(examples if type(examples) is list else [examples]):
        if type(example) is not dict:
            context.warn(1542, wrong_type("MATCHES").message)
        elif all(equal(document[name], value) if name in document else value is None for name, value in example.items()):
            return i if as_index else True
    return -1 if as_index else False


@function("TRANSLATE", 2, 3)
def translate(value, table, default=_ABSENT):
    """Return what the table has for the value, else the default, else the value itself."""
    if type(table) is not dict:
        raise wrong_type("TRANSLATE")
    return table.get(to_string(value), value if default is _ABSENT else default)


@function("ZIP", 2, 2)
def aql_zip(names, values):
    """Return an object of these names and values; of the same names the first counts."""
    if type(names) is not list or type(values) is not list or len(names) != len(values):
        raise wrong_type("ZIP")
    result = {}
    for name, value in zip(names, values):
        result.setdefault(to_string(name), value)
    return result


@function("JSON_STRINGIFY", 1, 1)
def json_stringify(value):
    """Return the value as JSON."""
    return to_json(value)


@function("JSON_PARSE", 1, 1)
def json_parse(text):
    """Return the value that the JSON text stands for."""
    if type(text) is not str:
        raise wrong_type("JSON_PARSE")
    try:
        value = orjson.loads(text)
    except (ValueError, RecursionError):
        raise wrong_type("JSON_PARSE") from None
    return value


def _parts(name: str, value) -> list[str]:
    """Collection and key of an id, or of the document with that id."""
    if type(value) is dict:
        value = value.get("_id")
    if type(value) is not str or value.count("/") != 1:
        raise wrong_type(name)
    return value.split("/")


@function("PARSE_IDENTIFIER", 1, 1)
def parse_identifier(value):
    """Return the collection and the key of an id or a document, as an object."""
    collection, key = _parts("PARSE_IDENTIFIER", value)
    return {"collection": collection, "key": key}


@function("PARSE_COLLECTION", 1, 1)
def parse_collection(value):
    """Return the collection of an id or a document."""
    return _parts("PARSE_COLLECTION", value)[0]


@function("PARSE_KEY", 1, 1)
def parse_key(value):
    """Return the key of an id or a document."""
    return _parts("PARSE_KEY", value)[1]
