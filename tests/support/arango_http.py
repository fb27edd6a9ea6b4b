"""A client that sends requests to a server as they are: no retries, nothing made of the answers."""

import json

import requests


class Http:
    """One connection to a database as root. `call` gives the status and the JSON of the answer."""

    def __init__(self, server, database="_system", *, timeout=60):
        self.base = f"{server.url}/_db/{database}"
        self.timeout = timeout
        self.session = requests.Session()
        self.session.auth = (server.user, server.password)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.session.close()

    def call(self, method, path, body=None, **options):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.session.request(method, self.base + path, data=data, timeout=self.timeout, **options)
        return answer.status_code, answer.json() if answer.content else None

    def aql(self, query, **variables):
        """The whole result of a query; it must succeed."""
        status, answer = self.call("POST", "/_api/cursor", {"query": query, "bindVars": variables, "batchSize": 1_000_000})
        assert status == 201, answer
        return answer["result"]
