"""`graph_embeddings` and `product_embedder` as they are served, against the network in process."""

import csv
import subprocess
import sys
import threading
from hashlib import sha1

import numpy as np
import pytest
import torch
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from workshop import arango, settings
from workshop.clients import embed_products
from workshop.graph import tasks
from workshop.graph.sampler import CSR, NeighborSampler
from workshop.products import catalogue, dataset, layout, store
from workshop.products.features import TitleFeatures

MODEL = settings.MODEL_REPOSITORY / "graph_embeddings" / "1" / "model.pt"
NONE = torch.zeros(2, 0, dtype=torch.int64)
COUNTS = (1, 2, 33, 256, 1024)


@pytest.fixture(scope="module")
def graph():
    return dataset.load(dataset.default())


@pytest.fixture(scope="module")
def network():
    return store.trained("co-purchase")


@pytest.fixture(scope="module")
def cases(graph):
    """The seven inputs for products that the training never saw, 1 to 1,024 of them, and for isolated ones."""
    unseen = torch.from_numpy(tasks.CoPurchase(graph, torch.device("cpu")).parts.new_products)
    csr = CSR.from_edge_index(graph.data.edge_index, graph.data.num_nodes)
    sampler, generator = NeighborSampler(csr, tasks.FAN_OUTS), torch.Generator().manual_seed(0)
    made = {f"{count} unseen": sampler.sample(unseen[:count], generator).inputs(graph.data.x) for count in COUNTS}
    for count in (1, 5):
        made[f"{count} isolated"] = [graph.data.x[:count], *[NONE, torch.tensor([count, count])] * 3]
    return made


@pytest.fixture
def client(triton_server):
    with httpclient.InferenceServerClient(triton_server) as client:
        yield client


def ask(client, inputs, outputs=("output__2",)):
    tensors = []
    for number, tensor in enumerate(inputs):
        kind = {torch.float32: "FP32", torch.int64: "INT64"}[tensor.dtype]
        tensors.append(httpclient.InferInput(f"input__{number}", list(tensor.shape), kind))
        tensors[-1].set_data_from_numpy(tensor.numpy())
    answer = client.infer("graph_embeddings", tensors, outputs=[httpclient.InferRequestedOutput(name) for name in outputs])
    return [answer.as_numpy(name) for name in outputs]


# --- graph_embeddings ---


def test_the_file_equals_the_network_in_a_fresh_process(triton_server, cases, network, tmp_path):
    """The process imports torch alone: nothing of PyG or of this package is needed to run the file."""
    torch.save(list(cases.values()), tmp_path / "inputs.pt")
    code = (
        "import sys, torch; model = torch.jit.load(sys.argv[1]); inputs = torch.load(sys.argv[2] + '/inputs.pt')\n"
        "with torch.inference_mode(): torch.save([list(model(*given)) for given in inputs], sys.argv[2] + '/outputs.pt')\n"
        "assert 'torch_geometric' not in sys.modules and 'workshop' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, MODEL, tmp_path], check=True, cwd=tmp_path)
    for inputs, found in zip(cases.values(), torch.load(tmp_path / "outputs.pt"), strict=True):
        with torch.inference_mode():
            for layer, (served, expected) in enumerate(zip(found, network(*inputs), strict=True)):
                assert served.shape == expected.shape == (int(inputs[2 * layer + 2][1]), (256, 256, 64)[layer])
                assert (served - expected).abs().max() <= 1e-5


def test_the_server_equals_the_network(client, cases, network):
    for inputs in cases.values():
        with torch.inference_mode():
            expected = network(*inputs)
        for served, wanted in zip(ask(client, inputs, ("output__0", "output__1", "output__2")), expected, strict=True):
            np.testing.assert_allclose(served, wanted.numpy(), atol=1e-5)


def test_no_device_is_frozen_in_the_file(triton_server):
    assert 'value="c' not in str(torch.jit.load(MODEL).inlined_graph)


def changed(inputs, number, change):
    copies = [tensor.clone() for tensor in inputs]
    copies[number] = change(copies[number])
    return copies


def put(place, value):
    def change(tensor):
        tensor[place] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ("number", "change", "reason"),
    [
        (0, put((-1, 3), np.nan), "a feature is NaN or infinite"),
        (0, put((0, 0), np.inf), "a feature is NaN or infinite"),
        (0, lambda x: x[:-1], "layer 1: its size says"),
        (0, lambda x: x[:, :99].contiguous(), "unexpected shape for input 'input__0'"),
        (1, put((0, 0), 10**9), "layer 1: an edge begins at node 1000000000 of"),
        (1, put((1, -1), 10**9), "layer 1: an edge ends at node 1000000000 of"),
        (3, put((0, -1), -1), "layer 2: an edge has a negative node"),
        (5, put((1, 0), 2), "layer 3: an edge ends at node 2 of 2 target nodes"),
        (3, lambda edges: edges[:1], "unexpected shape for input 'input__3'"),
        (4, lambda size: size + 1, "layer 2: its size says"),
        (6, lambda size: size.flip(0), "layer 3: its size says 2 source nodes"),
        (6, put(1, -1), "layer 3: -1 target nodes"),
        (2, lambda size: torch.cat([size, size]), "unexpected shape for input 'input__2'"),
        (4, lambda size: size.float(), "data-type is 'FP32'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_clear_line(client, cases, number, change, reason):
    inputs = cases["2 unseen"]
    with pytest.raises(InferenceServerException) as refused:
        ask(client, changed(inputs, number, change))
    assert reason in refused.value.message() and "\n" not in refused.value.message().strip()
    assert ask(client, inputs)[0].shape == (2, 64)


# --- product_embedder ---


@pytest.fixture
def database(triton_server):
    """The course's database; what a test adds is taken away again."""
    database = arango.connect()
    yield database
    vertices = database.graph(store.GRAPH).vertex_collection(store.PRODUCTS)
    for key in database.aql.execute("FOR product IN Products FILTER LEFT(product._key, 5) == 'test-' RETURN product._key"):
        vertices.delete(key)
    database.aql.execute("FOR pair IN bought_together FILTER LEFT(pair._key, 5) == 'test-' REMOVE pair IN bought_together")
    assert (database.collection(store.PRODUCTS).count(), database.collection(store.CO_PURCHASES).count()) == (
        13_000,
        144_049,
    )


def features_of(graph, title):
    return store.rounded(graph.features().transform([title]))[0]


def arrive(database, graph, key, title, partners):
    """A new product and its pairs, as lesson 07 inserts them."""
    database.collection(store.PRODUCTS).insert({"_key": key, "title": title, "features": features_of(graph, title)})
    for partner in partners:
        database.collection(store.CO_PURCHASES).insert(store.pair(key, partner))


def test_products_keep_their_order_over_requests_and_may_come_twice(client):
    keys = [f"P{number:06d}" for number in range(0, 3000, 10)] + ["P000010"]
    vectors = embed_products(keys, client)
    assert vectors.shape == (301, 64) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[[1, 299, 300]], embed_products(["P000010", "P002990", "P000010"], client), atol=1e-5)
    assert embed_products([], client).shape[0] == 0


def test_an_embedding_does_not_depend_on_what_else_is_asked_for(client):
    """Partners of each other, and a product that all the others reach, in one request and alone."""
    keys = ["P000272", "P005671", "P003697", "P001870"]
    alone = np.concatenate([embed_products([key], client) for key in keys])
    np.testing.assert_allclose(embed_products(keys, client), alone, atol=1e-5)
    np.testing.assert_allclose(embed_products(keys[::-1], client)[::-1], alone, atol=1e-5)


def test_sampled_embeddings_are_near_the_stored_ones(client, graph, network):
    keys = graph.ids[:13_000:130]
    sampled = embed_products(keys, client)
    stored = np.array(
        list(
            arango.connect().aql.execute(
                "FOR key IN @keys RETURN DOCUMENT('Products', key).predicted_node_embeddings", bind_vars={"keys": keys}
            )
        )
    )
    cosines = (sampled * stored).sum(1) / np.linalg.norm(sampled, axis=1) / np.linalg.norm(stored, axis=1)
    assert np.median(cosines) > 0.98


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (
            ["P000001", "P999999", "tent"],
            "there is no product 'P999999' in Products; there is no product 'tent' in Products",
        ),
        ([""], "there is no product '' in Products"),
        (["P000001/../x"], "there is no product 'P000001/../x' in Products"),
        (['" OR 1 == 1 OR "'], "there is no product '\" OR 1 == 1 OR \"' in Products"),
    ],
)
def test_unknown_products_are_named(client, keys, reason):
    with pytest.raises(InferenceServerException) as refused:
        embed_products(keys, client)
    assert refused.value.message() == reason


def test_an_id_that_is_no_text_is_refused(client):
    tensor = httpclient.InferInput("product", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[b"\xff\xfe"]], dtype=object))
    with pytest.raises(InferenceServerException, match="not UTF-8"):
        client.infer("product_embedder", [tensor])


def test_an_unknown_product_does_not_fail_its_neighbours_in_the_batch(triton_server):
    outcomes, barrier = {}, threading.Barrier(6)

    def run(number):
        barrier.wait()
        try:
            outcomes[number] = embed_products(["nobody" if number == 2 else f"P00000{number}"]).shape
        except InferenceServerException as error:
            outcomes[number] = error.message()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.pop(2) == "there is no product 'nobody' in Products"
    assert set(outcomes.values()) == {(1, 64)}


def test_a_product_without_pairs_is_its_features_alone(client, database, graph, network):
    arrive(database, graph, "test-alone", "Tarnside headlamp, rechargeable", [])
    given = torch.tensor([features_of(graph, "Tarnside headlamp, rechargeable")])
    with torch.inference_mode():
        expected = network(given, *[NONE, torch.tensor([1, 1])] * 3)[2].numpy()
    np.testing.assert_allclose(embed_products(["test-alone"], client), expected, atol=1e-5)


@pytest.mark.parametrize("features", [None, [], [1.0] * 99, "numbers", [None] * 100])
def test_a_product_without_features_is_named(client, database, features):
    database.collection(store.PRODUCTS).insert({"_key": "test-bare", "title": "?", "features": features})
    with pytest.raises(InferenceServerException) as refused:
        embed_products(["P000001", "test-bare"], client)
    assert refused.value.message() == "product 'test-bare' has no features: 100 numbers are needed"


def test_partners_without_features_and_removed_ones_are_left_out(client, database, graph):
    arrive(database, graph, "test-new", "Tarnside headlamp, rechargeable", ["P000272"])
    before = embed_products(["test-new"], client)
    database.collection(store.PRODUCTS).insert({"_key": "test-mute", "title": "no features"})
    for partner in ("test-mute", "test-removed"):
        database.collection(store.CO_PURCHASES).insert(store.pair("test-new", partner))
    np.testing.assert_allclose(embed_products(["test-new"], client), before, atol=1e-6)


def test_a_new_product_gets_the_vector_that_the_data_pipeline_gives_it(client, database, graph, network, tmp_path):
    """The shop's tables with the product in them go through the pipeline; then the same partners are sampled there."""
    new, title, partners = "test-new", "Tarnside sustainable headlamp, rechargeable, red light mode", ["P000272", "P000369"]
    arrive(database, graph, new, title, partners)
    vector = embed_products([new], client)[0]

    with open(tmp_path / "products.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "category"])
        writer.writerows(zip(graph.ids, graph.titles, [graph.categories[label] for label in graph.data.y.view(-1)]))
        writer.writerow([new, title, "Sports & Outdoors"])
    pairs = [
        (pair["_from"].split("/")[1], pair["_to"].split("/")[1]) for pair in database.collection(store.CO_PURCHASES).all()
    ]
    with open(tmp_path / "co_purchases.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "id"), *pairs])
    made = catalogue.from_csv(tmp_path / "products.csv", tmp_path / "co_purchases.csv")
    layout.write(made, tmp_path / "graph", features=TitleFeatures.load(graph.folder / layout.FEATURES))
    later = dataset.load(tmp_path / "graph")

    csr = CSR.from_edge_index(later.data.edge_index, later.data.num_nodes)
    expected = by_definition(network, later, csr, later.ids.index(new)).numpy()
    assert np.abs(vector - expected).max() <= 1e-4


def by_definition(network, graph, csr, node, layer=3):
    """The embedding of one node after a layer, by recursion; the first partners are those of the hash."""
    if not layer:
        return graph.data.x[node]
    near = csr.indices[csr.indptr[node] : csr.indptr[node + 1]].tolist()
    near.sort(key=lambda other: sha1(f"0/{graph.ids[node]}/{graph.ids[other]}".encode()).hexdigest())
    near, conv = near[: tasks.FAN_OUTS[3 - layer]], network.convs[layer - 1]
    with torch.inference_mode():
        below = [by_definition(network, graph, csr, other, layer - 1) for other in near]
        heard = torch.stack(below).mean(0) if below else torch.zeros(conv.in_channels)
        vector = conv.lin_l(heard) + conv.lin_r(by_definition(network, graph, csr, node, layer - 1))
    return vector if layer == 3 else vector.relu()
