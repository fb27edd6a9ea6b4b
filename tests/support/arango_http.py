"""A client that sends requests to a server as they are: no retries, nothing made of paths, headers and bodies."""

import base64
import contextlib
import http.client
import json
import urllib.parse
from dataclasses import dataclass

import jwt

GONE = (ConnectionError, http.client.HTTPException)
"""What a request raises whose server went away."""


def token(secret, *, algorithm="HS256", **claims):
    """A signed token of ArangoDB's; claims that are None are left out."""
    claims = {"iss": "arangodb", **claims}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, algorithm=algorithm)


def superuser(server):
    """A token that may do everything."""
    return token(server.jwt_secret, server_id="tests")


def basic(user, password):
    """The value of the header Authorization for a user with a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def keys(documents):
    """The keys of documents, sorted."""
    return sorted(document["_key"] for document in documents)


@dataclass
class Answer:
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    def json(self):
        return json.loads(self.content)


class Http:
    """One connection to a server: as root, as another user, as whom a token names, or as nobody (`user` is None).

    Paths are those of a database, unless they say another; with None for the database they are sent as they stand.
    """

    def __init__(self, server, database="_system", *, user="root", password=None, token=None, timeout=60):
        self.database = database
        self.headers = {}
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"
        elif user is not None:
            self.headers["Authorization"] = basic(user, server.password if password is None else password)
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.connection.close()

    def __call__(self, method, path, body=None, *, status=None, headers=None, data=None, **params):
        """Send a value as JSON, or `data` as they are; the answer, which has the given status."""
        if self.database is not None and not path.startswith(("/_db", "/_open")):
            path = f"/_db/{self.database}{path}"
        if params:
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode(params)
        if body is not None:
            data = json.dumps(body)
        if isinstance(data, str):
            data = data.encode()
        try:
            with contextlib.suppress(BrokenPipeError):  # a server may answer before it has the whole body
                self.connection.request(method, path, data, {**self.headers, **(headers or {})})
            found = self.connection.getresponse()
            answer = Answer(found.status, found.headers, found.read())
        except BaseException:
            self.close()
            raise
        assert status is None or answer.status == status, (answer.status, answer.content)
        return answer

    def error(self, method, path, body=None, *, status, number, **rest):
        """A request that must fail like this; the message."""
        answer = self(method, path, body, **rest)
        found = answer.json()
        assert (answer.status, found["errorNum"]) == (status, number), found
        assert found["error"] is True and found["code"] == status
        return found["errorMessage"]

    def aql(self, query, **variables):
        """The whole result of a query; it must succeed."""
        body = {"query": query, "bindVars": variables, "batchSize": 1_000_000}
        return self("POST", "/_api/cursor", body, status=201).json()["result"]
