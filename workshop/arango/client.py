"""A connection to ArangoDB through python-arango: the embedded server or the one that `ARANGO_URL` names."""

import os

import arango
from arango.database import StandardDatabase
from arango.exceptions import ArangoClientError, ArangoServerError
from arango.http import DefaultHTTPClient
from requests.exceptions import RequestException

from workshop.arango import server
from workshop.errors import WorkshopError
from workshop.machine import lost

TIMEOUT = 300
"""Seconds that a request may take: a query written out by hand may run for a while."""


def database_name() -> str:
    """The course's database: `ARANGO_DB`, by default "workshop"."""
    return os.environ.get("ARANGO_DB") or "workshop"


def connect(name: str | None = None) -> StandardDatabase:
    """The course's database, or the one of this name; made where it is missing.

    Raises:
        WorkshopError: no server answers, it refuses user or password, or the database can neither be used nor made.
    """
    if not _there():
        raise lost.server(server.NAME)
    name = name or database_name()
    user, password = server.credentials()
    url = server.url()
    client = _client(TIMEOUT)
    try:
        database = client.db(name, username=user, password=password)
        try:
            database.properties()
        except ArangoServerError as error:
            if error.error_code != 1228:
                raise
            client.db("_system", username=user, password=password).create_database(name)
    except ArangoServerError as error:
        if error.http_code == 401:
            raise _refused(user) from error
        raise WorkshopError(f"ArangoDB at {url}, database {name}: {error.error_message}") from error
    except (RequestException, ArangoClientError, ConnectionError) as error:
        raise lost.server(server.NAME, error) from error
    return database


def _there() -> bool:
    """Whether there is a server to ask: what listens at the usual port is not ours, and is not told a password."""
    return server.external() or server.find() is not None


def _client(timeout: float) -> arango.ArangoClient:
    """A client that reports a server that does not answer at once: python-arango's own retries take some 18 seconds."""
    return arango.ArangoClient(hosts=server.url(), http_client=DefaultHTTPClient(request_timeout=timeout, retry_attempts=0))


def version() -> str | None:
    """The version of the server that answers at `server.url()`, or None when none does.

    Raises:
        WorkshopError: the server refuses user or password.
    """
    if not _there():
        return None
    user, password = server.credentials()
    client = _client(5)
    try:
        return str(client.db("_system", username=user, password=password, auth_method="basic").version())
    except ArangoServerError as error:
        if error.http_code == 401:
            raise _refused(user) from error
        return None
    except (ArangoClientError, RequestException, ConnectionError):
        return None


def _refused(user: str) -> WorkshopError:
    return WorkshopError(
        f"ArangoDB at {server.url()} refuses user {user}; set ARANGO_USER and ARANGO_PASSWORD to those of that server"
    )


def with_collections(*collections: str) -> StandardDatabase:
    """The course's database, which must hold these collections.

    Raises:
        WorkshopError: what is missing, and the command that brings it.
    """
    database = connect()
    present = {collection["name"] for collection in database.collections()}
    missing = [name for name in collections if name not in present]
    if missing:
        raise WorkshopError(
            f"the database {database.name} at {server.url()} has no {', '.join(missing)}. "
            "`workshop restore dump/movies` brings the films, `workshop restore dump/products` the products"
        )
    return database


def require(*collections: str) -> StandardDatabase:
    """`with_collections`, told to the reader; the one call at the top of a notebook.

    From then on a request of this notebook that no server answers ends in one line too, and not in a traceback.
    """
    lost.explain_in_notebooks()
    database = with_collections(*collections)
    print(f"ArangoDB at {server.url()} answers" + (f" and holds {', '.join(collections)}." if collections else "."))
    return database
