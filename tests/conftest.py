"""Fixtures for tests that start servers of their own, apart from the one that the notebooks use."""

import pytest

from tests.support.small_models import add_echo, kill_servers
from workshop import arango
from workshop.triton import own


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A state folder of its own, without TRITON_URL and ARANGO_URL; servers that a test left behind in it are stopped."""
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TRITON_URL", raising=False)
    monkeypatch.delenv("TRITON_GRPC_URL", raising=False)
    monkeypatch.delenv("ARANGO_URL", raising=False)
    yield tmp_path / "home"
    kill_servers()


@pytest.fixture
def repository(tmp_path):
    """A model repository with one small Python model, `echo`."""
    add_echo(tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture(scope="module")
def nothing_left(triton_server):
    """Removes what the cells of a lesson that were run in this process left on the servers and in the repository."""
    yield
    from workshop.products import arrivals  # seconds of imports, which few tests need

    own.remove()
    arrivals.clear(arango.connect())
