"""What the tests of the embedded ArangoDB's storage share."""

import pytest

from workshop.arango.embedded.errors import ArangoError


def fails(number, call, *arguments, **options):
    with pytest.raises(ArangoError) as caught:
        call(*arguments, **options)
    assert caught.value.number == number
    return caught.value


class Undo(Exception):
    pass


def undone(store, *calls):
    """Run calls in a transaction that is undone."""
    with pytest.raises(Undo), store.writing():
        for call in calls:
            call()
        raise Undo


def contents(collection):
    """The documents by key, without system attributes."""
    with collection.store.reading():
        return {
            each["_key"]: {name: value for name, value in each.items() if name not in ("_key", "_id", "_rev")}
            for each in collection.documents()
        }
