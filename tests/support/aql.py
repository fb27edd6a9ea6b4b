"""AQL queries on a database of its own: what the tests of the query language share."""

from typing import Any

import pytest

from workshop.arango.embedded.aql import query
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.storage import Storage


class Queries:
    """A fresh store in a folder; called with a query and its bind variables (`_at` stands for a leading @)."""

    def __init__(self, folder):
        self.store = Storage(folder)
        self.database = self.store.database("_system")
        self.extra: dict[str, Any] = {}
        """What the last query reported besides its results."""

    def __call__(self, text, *, options=None, **binds):
        binds = {"@" + name[3:] if name.startswith("_at") else name: value for name, value in binds.items()}
        execution = query.prepare(text, binds, options)
        with self.store.writing() if execution.writes else self.store.reading():
            results = list(execution.results(self.database))
        self.extra = execution.extra()
        return results

    def warnings(self):
        """The numbers of the last query's warnings."""
        return [warning["code"] for warning in self.extra["warnings"]]

    def stats(self, name):
        """One of the last query's statistics."""
        return self.extra["stats"][name]

    def explain(self, text, **binds):
        """The types of the steps that a query is executed in."""
        with self.store.reading():
            plan = query.explain(text, binds, None, self.database)["plan"]
        return [step["type"] for step in plan["nodes"]]

    def collection(self, name, documents=(), *, edges=False, indexes=()):
        """A new collection with documents in it."""
        with self.store.writing():
            made = self.database.create_collection(name, type=3 if edges else 2)
            for document in documents:
                made.insert(document)
            for index in indexes:
                made.create_index(index)
        return made

    def drop(self, name):
        """Drop a collection."""
        with self.store.writing():
            self.database.drop_collection(name)


def check(run, cases):
    """Compare what queries of one result each give, in value and type."""
    for text, expected in cases.items():
        results = run(text)
        assert results == [expected] and type(results[0]) is type(expected), text


def stored(run, name="docs"):
    """The documents of a collection by key, without what the store adds."""
    return {document["_key"]: document for document in run(f"FOR d IN {name} RETURN UNSET(d, '_id', '_rev')")}


def refuses(run, text, number, **binds):
    """A query that must fail with this number; the error."""
    with pytest.raises(ArangoError) as caught:
        run(text, **binds)
    assert caught.value.number == number, caught.value
    return caught.value


BINDS = {"n": 1, "limit": 5, "v": [1, 0], "@c": "docs", "attribute": "g", "pattern": "x("}
"""Values for the bind variables of a query that is attempted."""


class _Undo(Exception):
    pass


def attempt(run, text, binds=BINDS, options=None):
    """Run, parse and explain a query, undoing its changes; gives the numbers of the errors."""
    numbers = []
    try:
        asked = query.prepare(text, {}, options)
    except ArangoError as error:
        return [error.number]
    used = {name: value for name, value in binds.items() if "@" + name in text}
    asked = query.prepare(text, used, {**(options or {}), "maxRuntime": 2})
    for action in (
        lambda: list(asked.results(run.database)),
        lambda: query.explain(text, used, options, run.database),
        lambda: query.parse(text),
    ):
        try:
            with run.store.writing():
                action()
                raise _Undo
        except _Undo:
            pass
        except ArangoError as error:
            numbers.append(error.number)
    return numbers
