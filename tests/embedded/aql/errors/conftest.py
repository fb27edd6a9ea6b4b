"""Queries on documents and edges that are as they were after each test."""

import pytest

from tests.support.aql import Queries


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Queries(tmp_path_factory.mktemp("errors"))
    documents = [
        {"_key": str(n), "n": n, "g": "ab"[n % 2], "tags": ["a", "b"][: n % 3], "v": [n, 1], "b": None} for n in range(6)
    ]
    made.collection("docs", documents, indexes=[{"type": "persistent", "fields": ["g"]}])
    links = [{"_from": f"docs/{n}", "_to": f"docs/{n + 1}", "w": n} for n in range(6)]
    made.collection("links", links, edges=True)
    yield made
    made.store.close()
