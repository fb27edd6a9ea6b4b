"""One server for the tests of each file here, with the database `test`."""

import pytest

from tests.support.arango_http import Http
from tests.support.arango_server import running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server"), password="pass wörd:with colon") as server:
        Http(server)("POST", "/_api/database", {"name": "test"}, status=201)
        yield server


@pytest.fixture
def http(server):
    with Http(server, "test") as client:
        yield client


@pytest.fixture
def system(server):
    with Http(server) as client:
        yield client


@pytest.fixture
def films(http):
    """A collection with three documents."""
    http("POST", "/_api/collection", {"name": "films"}, status=200)
    for key, year in (("alien", 1979), ("brazil", 1985), ("cube", 1997)):
        http("POST", "/_api/document/films", {"_key": key, "year": year}, status=202)
    yield "films"
    http("DELETE", "/_api/collection/films", status=200)
