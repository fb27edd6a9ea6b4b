"""AQL functions called by themselves: tables of cases, one a line, and the query that they are called in.

    LENGTH([1, 2]) => 2                the result: equal and of the same type; a set stands for an array in any order
    SQRT(2) ~ math.sqrt(2)             the result but for rounding
    FIRST("x") warns 1563              null and a warning of that number that names the function
    COLLECTION_COUNT("none") fails 1203

Arguments and results are Python, with AQL's null, true and false.
"""

import math
import re

import pytest

from workshop.arango.embedded.aql import functions
from workshop.arango.embedded.aql.values import AqlWarning
from workshop.arango.embedded.errors import ArangoError

NAMES = {"null": None, "true": True, "false": False, "math": math}


class Collection:
    def __init__(self, name, identifier, documents):
        self.name, self.id, self.documents = name, identifier, documents

    def get(self, key):
        return self.documents.get(key)

    def count(self):
        return len(self.documents)


class Context:
    """Stands for a query's context."""

    now, user = 1_700_000_000.25, "ada"

    def __init__(self):
        self.warnings = []
        people = {key: {"_key": key, "_id": f"people/{key}"} for key in ("ada", "bob")}
        self.known = {"people": Collection("people", "17", people), "_users": Collection("_users", "3", {})}
        self.database = self
        self.name = "course"

    def collections(self):
        return [self.known[name] for name in sorted(self.known)]

    def collection(self, name):
        if name not in self.known:
            raise ArangoError(1203)
        return self.known[name]

    def warn(self, number, message):
        self.warnings.append((number, message))

    def check(self):
        pass


def call(name, *arguments, context=None):
    """What the function gives, called with as many arguments as it takes."""
    found = functions.find(name)
    assert found.least <= len(arguments) and (found.most is None or len(arguments) <= found.most)
    return found.call(context or Context(), *arguments) if found.context else found.call(*arguments)


def table(text):
    """The cases of a text."""
    return [line.strip() for line in text.strip().splitlines()]


def check(case, **names):
    """Call a function as a case says and compare; `names` may stand in the case for values."""
    names |= NAMES
    query, kind, expected = re.fullmatch(r"(.*?) (=>|~|warns|fails) (.*)", case).groups()
    name, arguments = re.fullmatch(r"([A-Z0-9_]+)\((.*)\)", query).groups()
    arguments, expected = eval(f"[{arguments}]", names), eval(expected, names)
    if kind in ("warns", "fails"):
        with pytest.raises(AqlWarning if kind == "warns" else ArangoError) as caught:
            call(name, *arguments)
        assert caught.value.number == expected, caught.value
        assert kind == "fails" or name in caught.value.message, caught.value
        return
    before = repr(arguments)
    found = call(name, *arguments)
    assert repr(arguments) == before, "arguments are not changed"
    if kind == "~":
        assert found == pytest.approx(expected, rel=1e-12)
    elif isinstance(expected, set):
        assert set(found) == expected and len(found) == len(expected), found
    else:
        assert found == expected and type(found) is type(expected), f"{found!r}, not {expected!r}"
