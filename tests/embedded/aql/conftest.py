"""Queries on a database of each test, and on one that no test changes."""

import pytest

from tests.support.aql import Queries


@pytest.fixture
def run(tmp_path):
    made = Queries(tmp_path)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """For queries that change nothing."""
    made = Queries(tmp_path_factory.mktemp("values"))
    made.collection("docs", [{"_key": str(n), "n": n, "g": "ab"[n % 2]} for n in range(6)])
    yield made
    made.store.close()
