"""`product_embedder`'s model file by itself: where it looks for ArangoDB, and what it says when that does not answer."""

import base64
import sys

import pytest

from tests.support.stand_in import load_model_file
from workshop import settings
from workshop.arango import server
from workshop.machine import services

FILE = settings.MODEL_REPOSITORY / "product_embedder" / "1" / "model.py"


@pytest.fixture
def model():
    """The module, imported as the model process does, with a stand-in for Triton's own."""
    yield from load_model_file(FILE)


def login(store):
    return base64.b64decode(store.headers["Authorization"].removeprefix("Basic ")).decode()


def test_the_environment_names_the_store(model, monkeypatch):
    for name, value in {"URL": "store:1234", "USER": "ann", "PASSWORD": "secret", "DB": "shop"}.items():
        monkeypatch.setenv(f"ARANGO_{name}", value)
    store = model.Store()
    assert store.url == "http://store:1234/_db/shop/_api/cursor" and login(store) == "ann:secret"


def test_the_container_has_the_environment_alone(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "workshop", None)
    monkeypatch.setenv("ARANGO_URL", "https://store:1234/")
    monkeypatch.setenv("ARANGO_PASSWORD", "secret")
    for name in ("ARANGO_USER", "ARANGO_DB"):
        monkeypatch.delenv(name, raising=False)
    store = model.Store()
    assert store.url == "https://store:1234/_db/workshop/_api/cursor" and login(store) == "root:secret"
    monkeypatch.delenv("ARANGO_URL")
    with pytest.raises(model.StoreError, match="ARANGO_URL is not set"):
        model.Store()


def test_the_embedded_server_is_found_wherever_it_runs_by_now(model, own_home, monkeypatch):
    for name in ("ARANGO_USER", "ARANGO_PASSWORD", "ARANGO_DB"):
        monkeypatch.delenv(name, raising=False)
    port = services.free_port()
    server.up(port=port)
    store = model.Store()
    assert store.url == f"http://127.0.0.1:{port}/_db/workshop/_api/cursor"
    with pytest.raises(model.StoreError, match="ArangoDB refuses the query of the neighbours: .*database"):
        store.query(model.FEATURES, {"keys": ["a"], "products": "Products"})
    server.down()
    with pytest.raises(model.StoreError, match=f"no ArangoDB answers at http://127.0.0.1:{port}"):
        store.query(model.FEATURES, {"keys": ["a"], "products": "Products"})


def test_a_wrong_password_is_told(model, own_home, monkeypatch):
    server.up(port=services.free_port())
    monkeypatch.setenv("ARANGO_PASSWORD", "wrong")
    with pytest.raises(model.StoreError, match="ArangoDB refuses"):
        model.Store().query(model.FEATURES, {"keys": ["a"], "products": "Products"})
