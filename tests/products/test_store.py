"""dump/products: what the course's graph and weights give, and no more than is said."""

import gzip

import numpy as np
import orjson
import pytest

from workshop.arango.dump.format import GRAPHS, hashed, read
from workshop.graph import held_out
from workshop.products import dataset, store


@pytest.fixture(scope="module")
def graph():
    return dataset.load(dataset.default())


@pytest.fixture(scope="module")
def expected(graph):
    return {name: documents for name, (_, documents) in store.collections(graph).items()}


def dumped(name):
    with gzip.open(store.DUMP / f"{hashed(name)}.data.json.gz", "rb") as file:
        return [{key: value for key, value in orjson.loads(line).items() if key not in ("_id", "_rev")} for line in file]


def test_it_is_small_and_holds_two_collections_and_a_graph():
    assert sum(path.stat().st_size for path in store.DUMP.iterdir()) <= 15_000_000
    parts = [(part.name, part.kind) for part in read(store.DUMP).parts]
    assert parts == [(store.PRODUCTS, "documents"), (store.CO_PURCHASES, "edges"), (GRAPHS, "graphs")]


def test_the_products_are_those_of_the_graph_and_the_weights(expected):
    """Numbers are compared with the tolerance of their rounding: another processor may round the last digit otherwise."""
    found = dumped(store.PRODUCTS)
    vectors = ("features", "predicted_node_embeddings")
    for name in ("_key", "title", "product_cat"):
        assert [product[name] for product in found] == [product[name] for product in expected[store.PRODUCTS]]
    for name in vectors:
        tables = [np.array([product[name] for product in some]) for some in (found, expected[store.PRODUCTS])]
        assert np.abs(tables[0] - tables[1]).max() < 5e-5, "run scripts/make_dump.py products"
        assert np.array_equal(tables[0], np.round(tables[0], 5))
    same = [a["predicted_product"] == b["predicted_product"] for a, b in zip(found, expected[store.PRODUCTS])]
    assert np.mean(same) > 0.999
    assert set(found[0]) == {"_key", "title", "product_cat", "predicted_product", *vectors}


def test_the_pairs_are_those_that_may_be_known(graph, expected):
    found = dumped(store.CO_PURCHASES)
    assert found == expected[store.CO_PURCHASES]
    edges = graph.data.edge_index.numpy()
    parts = held_out.hold_out(edges.T[edges[0] < edges[1]], graph.data.num_nodes)
    stored = {frozenset((pair["_from"], pair["_to"])) for pair in found}
    for asked in (parts.test, parts.valid, parts.new_test):
        ids = {frozenset(f"Products/{graph.ids[node]}" for node in pair) for pair in asked.tolist()}
        assert len(ids) == len(asked) and not ids & stored


def test_the_category_model_is_right_about_most_products():
    products = dumped(store.PRODUCTS)
    assert np.mean([product["product_cat"] == product["predicted_product"] for product in products]) > 0.9
