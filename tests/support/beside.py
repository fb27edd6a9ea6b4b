"""Data that may lie beside the checkout, in ../shared/data, and the mark of the tests that need it."""

import pytest

from workshop import settings

DATA = settings.ROOT.parent / "shared" / "data"
KNOWLEDGE_GRAPH = DATA / "movie_knowledge_graph"
AQL_CASES = DATA / "aql_golden" / "cases.json"


def needs(path):
    """Skip a test where the file or folder is not there; the reason names it."""
    return pytest.mark.skipif(not path.exists(), reason=f"there is no ../shared/data/{path.relative_to(DATA)}")
