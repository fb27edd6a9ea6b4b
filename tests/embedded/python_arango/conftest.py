"""The embedded ArangoDB server through python-arango, as people use it: one server for the tests of each file."""

import arango
import pytest

from tests.support.arango_server import running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    client = arango.ArangoClient(hosts=server.url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def system(client, server):
    return client.db("_system", username="root", password=server.password)


@pytest.fixture
def db(client, system, server):
    """A database of its own."""
    system.create_database("tour")
    yield client.db("tour", username="root", password=server.password, verify=True)
    system.delete_database("tour")


@pytest.fixture
def films(db):
    """A collection with six documents."""
    films = db.create_collection("films")
    films.import_bulk(
        [
            {"_key": "alien", "title": "Alien", "year": 1979, "crew": {"size": 7}},
            {"_key": "brazil", "title": "Brazil", "year": 1985},
            {"_key": "cube", "title": "Cube", "year": 1997},
            {"_key": "dune", "title": "Dune", "year": 1984},
            {"_key": "eraserhead", "title": "Eraserhead", "year": 1977},
            {"_key": "fargo", "title": "Fargo", "year": 1996},
        ]
    )
    return films
