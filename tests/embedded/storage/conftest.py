"""A store of its own for each test."""

import pytest

from workshop.arango.embedded.storage import Storage


@pytest.fixture
def store(tmp_path):
    with Storage(tmp_path / "data") as store:
        yield store


@pytest.fixture
def database(store):
    return store.database("_system")


@pytest.fixture
def things(store, database):
    with store.writing():
        return database.create_collection("things")
