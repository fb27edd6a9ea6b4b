"""New products of several kernels in one store."""

import os
import subprocess
import sys

import pytest

from tests.support.arango_server import running_server
from workshop.products import arrivals, store
from workshop.triton import own


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("arango")) as server:
        yield server


@pytest.fixture
def shop(server):
    """A store with a tent and its vector."""
    system = server.connect()
    system.delete_database("shop", ignore_missing=True)
    system.create_database("shop")
    db = server.connect("shop")
    graph = db.create_graph(store.GRAPH)
    graph.create_vertex_collection(store.PRODUCTS)
    graph.create_edge_definition(store.CO_PURCHASES, [store.PRODUCTS], [store.PRODUCTS])
    db.collection(store.PRODUCTS).insert({"_key": "tent", "predicted_node_embeddings": [1, 0]})
    return db


def arrive(db, kernel=None):
    """A lamp that is bought with the tent, whose vector is embedded anew; the lamp's key."""
    key = arrivals.reserve(db, "lamp")
    db.collection(store.CO_PURCHASES).insert(store.pair(key, "tent"))
    db.collection(store.PRODUCTS).update({"_key": "tent", "predicted_node_embeddings": [0, 1], "vector_before": [1, 0]})
    if kernel:
        db.collection(store.PRODUCTS).update({"_key": key, "kernel": kernel})
    return key


def ended_kernel():
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    return own.name("kernel").removesuffix(str(os.getpid())) + ended.stdout.strip()


def content(db):
    products = {product["_key"]: product.get("predicted_node_embeddings") for product in db.collection(store.PRODUCTS).all()}
    return products, db.collection(store.CO_PURCHASES).count()


def test_a_kernel_gets_one_key_and_all_is_as_it_was_when_it_has_gone(shop, capsys):
    assert arrive(shop) == arrivals.reserve(shop, "lamp") == "lamp"
    for _ in range(2):
        arrivals.clear(shop)
        assert content(shop) == ({"tent": [1, 0]}, 0) and "vector_before" not in shop.collection(store.PRODUCTS).get("tent")
    assert capsys.readouterr().out == ""


def test_what_a_restarted_kernel_left_is_removed_with_one_line(shop, capsys):
    arrive(shop, kernel=ended_kernel())
    arrivals.clear(shop)
    assert content(shop) == ({"tent": [1, 0]}, 0)
    assert capsys.readouterr().out == "lamp, left in the store by a kernel that has ended, was removed.\n"


def test_another_kernel_keeps_its_own(shop, capsys):
    living = f"{own.name('kernel').removesuffix(str(os.getpid()))}{os.getppid()}"
    arrive(shop, kernel=living)
    assert arrivals.reserve(shop, "lamp") == "lamp-2"
    arrivals.clear(shop)
    assert content(shop) == ({"tent": [0, 1], "lamp": None}, 1)
    assert capsys.readouterr().out.startswith("lamp is in the store too, from another kernel:")
