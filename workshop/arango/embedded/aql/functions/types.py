"""Functions that tell and cast types."""

import re

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import to_bool, to_list, to_number, to_string, type_rank

_NAMES = ("null", "bool", "number", "string", "array", "object")
_KEY = re.compile(r"[A-Za-z0-9_:.@()+,=;$!*'%-]{1,254}")


@function("IS_NULL", 1, 1)
def is_null(value):
    """Tell whether the value is null."""
    return value is None


@function("IS_BOOL", 1, 1)
def is_bool(value):
    """Tell whether the value is true or false."""
    return type(value) is bool


@function("IS_NUMBER", 1, 1)
def is_number(value):
    """Tell whether the value is a number."""
    kind = type(value)
    return kind is float or kind is int


@function("IS_STRING", 1, 1)
def is_string(value):
    """Tell whether the value is a string."""
    return type(value) is str


@function("IS_ARRAY", 1, 1, also=("IS_LIST",))
def is_array(value):
    """Tell whether the value is an array."""
    return type(value) is list


@function("IS_OBJECT", 1, 1, also=("IS_DOCUMENT",))
def is_object(value):
    """Tell whether the value is an object."""
    return type(value) is dict


@function("IS_KEY", 1, 1)
def is_key(value):
    """Tell whether the value may be the key of a document."""
    return type(value) is str and _KEY.fullmatch(value) is not None


@function("TYPENAME", 1, 1)
def typename(value):
    """Return the name of the value's type."""
    return _NAMES[type_rank(value)]


function("TO_BOOL", 1, 1)(to_bool)
function("TO_NUMBER", 1, 1)(to_number)
function("TO_STRING", 1, 1)(to_string)
function("TO_ARRAY", 1, 1, also=("TO_LIST",))(to_list)
