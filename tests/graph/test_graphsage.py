"""GraphSAGE: the model against message passing by hand, both objectives, and trainings that are stopped and continued."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from workshop import settings
from workshop.errors import WorkshopError
from workshop.graph import tasks, training
from workshop.graph.model import MLP, GraphSAGE
from workshop.graph.sampler import CSR, NeighborSampler
from workshop.products import dataset, layout
from workshop.products.catalogue import Products

SCRIPT = settings.ROOT / "scripts" / "train_graphsage.py"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three hundred products of four categories, mostly bought with others of their own; the last one with none."""
    random = np.random.default_rng(0)
    count, labels = 300, np.arange(300) % 4
    ends = random.integers(count - 1, size=(4_000, 2))
    ends = ends[(labels[ends[:, 0]] == labels[ends[:, 1]]) | (random.random(len(ends)) < 0.05)]
    pairs = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    titles = [
        f"thing word{random.integers(40)} part{random.integers(40)} kind{(label + random.integers(2)) % 4}"
        for label in labels
    ]
    made = Products(
        [f"p{number}" for number in range(count)],
        titles,
        labels,
        list("ABCD"),
        None,
        pairs,
        np.ones(len(pairs), dtype=np.int64),
    )
    path = tmp_path_factory.mktemp("graphs") / "small"
    layout.write(made, path)
    return path


@pytest.fixture(scope="module")
def graph(folder):
    return dataset.load(folder)


def layers_by_hand(model, x, neighbours):
    """Every layer's embeddings of all nodes, a node at a time."""
    outputs, h = [], x
    for number, conv in enumerate(model.convs):
        rows = []
        for node in range(len(x)):
            near = h[neighbours[node]].mean(dim=0) if len(neighbours[node]) else torch.zeros(h.shape[1])
            rows.append(conv.lin_l(near) + conv.lin_r(h[node]))
        h = torch.stack(rows)
        h = h.relu() if number < 2 else h
        outputs.append(h)
    return outputs


@pytest.fixture
def small():
    """A graph of thirty nodes, one of them alone, as CSR and as lists."""
    edges = torch.randint(29, (2, 90), generator=torch.Generator().manual_seed(1))
    csr = CSR.from_edge_index(torch.cat([edges, edges.flip(0)], dim=1), 30)
    return csr, [csr.indices[csr.indptr[node] : csr.indptr[node + 1]] for node in range(30)]


def test_inference_and_sampled_layers_are_message_passing_by_hand(small):
    csr, neighbours = small
    torch.manual_seed(0)
    model, x = GraphSAGE(5, 3, hidden_channels=8), torch.randn(30, 5)
    with torch.no_grad():
        expected = layers_by_hand(model.eval(), x, neighbours)
        for measured, wanted in zip(model.inference(x, csr), expected):
            torch.testing.assert_close(measured, wanted, atol=1e-5, rtol=1e-5)
        for seeds in ([7], [29], [3, 29, 0, 12], list(range(30))):
            batch = NeighborSampler(csr, (-1, -1, -1)).sample(torch.tensor(seeds), torch.Generator())
            for measured, wanted in zip(model.embed(x, batch), expected):
                torch.testing.assert_close(measured, wanted[batch.nodes[: len(measured)]], atol=1e-5, rtol=1e-5)
            assert batch.nodes[: len(seeds)].tolist() == seeds


def test_inference_leaves_the_model_in_its_mode(small):
    model = GraphSAGE(5, 3, hidden_channels=8)
    model.train().inference(torch.randn(30, 5), small[0])
    assert model.training
    model.eval().inference(torch.randn(30, 5), small[0])
    assert not model.training


def test_sizes_of_the_models():
    shapes = [tuple(conv.lin_l.weight.shape) for conv in GraphSAGE(100, 47).convs]
    assert shapes == [(256, 100), (256, 256), (47, 256)]
    assert MLP(100, 47)(torch.randn(4, 100)).shape == (4, 47)
    assert tasks.FAN_OUTS == (15, 10, 5)


def test_a_pairs_own_edge_is_taken_out_of_every_layer(graph):
    csr = CSR.from_edge_index(graph.data.edge_index, graph.data.num_nodes)
    pairs = graph.data.edge_index.T[::40]
    sampler = NeighborSampler(csr, tasks.FAN_OUTS)
    batch = sampler.sample(torch.unique(pairs), torch.Generator().manual_seed(0))
    reduced = tasks.without(batch, pairs, graph.data.num_nodes)
    forbidden = {tuple(pair) for pair in pairs.tolist()} | {tuple(pair[::-1]) for pair in pairs.tolist()}
    for before, after in zip(batch.edge_indices, reduced.edge_indices):
        edges = [tuple(edge) for edge in batch.nodes[before].T.tolist()]
        kept = [tuple(edge) for edge in reduced.nodes[after].T.tolist()]
        assert kept == [edge for edge in edges if edge not in forbidden]
        assert len(kept) < len(edges)


def test_unsupervised_loss_is_equation_one_of_the_paper(graph, monkeypatch):
    task = tasks.CoPurchase(graph, CPU)
    model = task.model().eval()
    monkeypatch.setattr(task, "sampler", NeighborSampler(task.csr, (-1, -1, -1)))
    pairs = task.train[:1]
    generator = torch.Generator().manual_seed(4)
    drawn = torch.multinomial(task.draw, task.negatives, replacement=True, generator=torch.Generator().manual_seed(4))
    loss = task.loss(model, pairs, generator)
    keep = ~(((task.train == pairs[0]).all(dim=1)) | ((task.train == pairs[0].flip(0)).all(dim=1)))
    csr = tasks.csr_of(task.train[keep].numpy(), task.nodes)
    z = F.normalize(model.inference(task.x, csr)[-1])
    first, second = z[pairs[0, 0]], z[pairs[0, 1]]
    positive = -torch.log(torch.sigmoid((first @ second - tasks.MARGIN) / tasks.TEMPERATURE))
    negative = -torch.log(torch.sigmoid(-(z[drawn] @ first - tasks.MARGIN) / tasks.TEMPERATURE)).mean()
    torch.testing.assert_close(loss, positive + tasks.WEIGHT * negative, atol=1e-3, rtol=1e-4)


def test_terms_of_the_loss_and_own_edges_can_be_changed(graph, monkeypatch):
    calls = []
    monkeypatch.setattr(tasks, "without", lambda batch, pairs, nodes: calls.append(len(pairs)) or batch)
    losses = {}
    for name, changed in {"usual": {}, "leak": {"own_edges": True}, "plain": {"margin": 0.0, "temperature": 1.0}}.items():
        task = tasks.CoPurchase(graph, CPU, **changed)
        torch.manual_seed(0)
        losses[name] = task.loss(task.model().eval(), task.train[:8], torch.Generator().manual_seed(0)).item()
    assert calls == [8, 8], "own edges stay only where that is asked for"
    assert losses["usual"] == losses["leak"] != losses["plain"]


def test_a_test_leaves_the_perceptron_in_its_mode(graph):
    task = tasks.CategoryWithoutGraph(graph, CPU)
    for mode in (True, False):
        model = task.model().train(mode)
        task.test(model)
        assert model.training == mode


def test_training_never_sees_what_is_held_out(graph):
    task = tasks.CoPurchase(graph, CPU)
    new = torch.from_numpy(task.parts.new_products)
    assert not torch.isin(task.train, new).any()
    assert not torch.isin(task.csr.indices, new).any()
    assert (task.csr.indptr.diff()[new] == 0).all()
    assert task.draw[new].sum() == 0
    edges = {tuple(sorted(pair)) for pair in task.train.tolist()}
    for part in (task.parts.valid, task.parts.test, task.parts.new_test):
        assert len(part) and not edges & {tuple(sorted(pair)) for pair in part.tolist()}
    known = {tuple(sorted(pair)) for pair in task.parts.known.tolist()}
    assert not known & {tuple(sorted(pair)) for pair in (*task.parts.test.tolist(), *task.parts.new_test.tolist())}


def test_category_training_never_uses_labels_outside_its_split(graph):
    changed = dataset.load(graph.folder)
    outside = torch.ones(len(graph.data.y), dtype=torch.bool)
    outside[graph.split["train"]] = False
    changed.data.y[outside] = (changed.data.y[outside] + 1) % 4
    runs = [training.train(which, epochs=1, seed=3) for which in (graph, changed)]
    assert runs[0].metrics["history"][0]["loss"] == runs[1].metrics["history"][0]["loss"]
    assert runs[0].metrics["validation"] != runs[1].metrics["validation"]


@pytest.mark.parametrize("objective, model, least", [("category", "graphsage", 0.6), ("category", "mlp", 0.3)])
def test_category_is_learned(graph, objective, model, least):
    run = training.train(graph, objective=objective, model=model, epochs=20)
    losses = [epoch["loss"] for epoch in run.metrics["history"]]
    assert losses[-1] < losses[0]
    assert run.metrics["test"]["accuracy"] > least
    assert run.metrics["validation"]["accuracy"] == max(epoch["validation"] for epoch in run.metrics["history"])


def test_co_purchases_are_learned(graph):
    run = training.train(graph, objective="co-purchase", epochs=10)
    assert run.metrics["history"][-1]["loss"] < run.metrics["history"][0]["loss"]
    rates = run.metrics["test"]
    assert set(rates) == {
        f"hit rate@10, {rule}, {which} products"
        for rule in ("graphsage", "features", "popularity", "common partners")
        for which in ("seen", "new")
    }
    assert rates["hit rate@10, graphsage, seen products"] > 1.3 * rates["hit rate@10, popularity, seen products"]


def test_weights_and_metrics_are_written_and_nothing_else(graph, tmp_path):
    run = training.train(graph, epochs=2, out=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graphsage-category.json", "graphsage-category.safetensors"]
    metrics = json.loads((tmp_path / "graphsage-category.json").read_text())
    assert metrics == json.loads(json.dumps(run.metrics))
    assert len(metrics["history"]) == 2 and metrics["dataset"]["name"] == "small"
    model = GraphSAGE(graph.data.x.shape[1], 4)
    model.load_state_dict(load_file(tmp_path / "graphsage-category.safetensors"))
    task = tasks.Category(graph, CPU)
    assert task.test(model) == run.metrics["test"]


@pytest.mark.parametrize("objective, model", tasks.TASKS)
def test_a_training_that_was_stopped_ends_like_one_that_was_not(graph, tmp_path, objective, model):
    def stop(epoch, epochs):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    settled = {"objective": objective, "model": model, "epochs": 4, "seed": 5}
    whole = training.train(graph, **settled)
    with pytest.raises(KeyboardInterrupt):
        training.train(graph, out=tmp_path, tell=stop, **settled)
    told = []
    continued = training.train(graph, out=tmp_path, tell=lambda epoch, epochs: told.append(epoch.epoch), **settled)
    assert told == [3, 4]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, continued.model.state_dict()[name]), name
    assert [epoch["loss"] for epoch in whole.metrics["history"]] == [epoch["loss"] for epoch in continued.metrics["history"]]


def test_seeds_differ(graph):
    first, again, other = (training.train(graph, epochs=1, seed=seed).metrics["history"][0]["loss"] for seed in (1, 1, 2))
    assert first == again != other


def test_a_state_of_another_training_is_not_continued(graph, tmp_path):
    def stop(epoch, epochs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(graph, epochs=3, out=tmp_path, tell=stop)
    with pytest.raises(WorkshopError, match="another seed"):
        training.train(graph, epochs=3, out=tmp_path, seed=1)
    state = tmp_path / ".graphsage-category.state"
    state.write_bytes(state.read_bytes()[:1_000])
    with pytest.raises(WorkshopError, match="cannot be read"):
        training.train(graph, epochs=3, out=tmp_path)


def test_a_loss_that_is_no_number_is_told(graph):
    broken = dataset.load(graph.folder)
    broken.data.x[graph.split["train"][0]] = 1e38
    with pytest.raises(WorkshopError, match="the loss is"):
        training.train(broken, epochs=3)


def test_unknown_tasks_and_devices(graph):
    with pytest.raises(WorkshopError, match="no mlp for co-purchase"):
        training.train(graph, objective="co-purchase", model="mlp")
    with pytest.raises(WorkshopError, match="no device"):
        training.train(graph, device="abacus")
    if not torch.cuda.is_available():
        with pytest.raises(WorkshopError, match="no CUDA device"):
            training.train(graph, device="cuda")


def test_too_few_pairs_to_hold_some_out(graph):
    small = dataset.load(graph.folder)
    small.data.edge_index = small.data.edge_index[:, :12]
    with pytest.raises(WorkshopError, match="too few to hold some out"):
        training.train(small, objective="co-purchase")
    assert training.train(small, epochs=1).metrics["test"]["accuracy"] >= 0


def test_a_product_without_co_purchases_has_a_category_and_an_embedding(graph):
    alone = len(graph.titles) - 1
    assert not (graph.data.edge_index == alone).any()
    for objective in ("category", "co-purchase"):
        task = tasks.TASKS[objective, "graphsage"](graph, CPU)
        vectors = task.model().inference(task.x, task.csr)[-1]
        assert torch.isfinite(vectors).all() and vectors[alone].norm() > 0


def test_checkpoints_of_the_course_are_what_their_metrics_say():
    for objective in ("category", "co-purchase"):
        path = settings.ROOT / "checkpoints" / f"graphsage-{objective}.safetensors"
        metrics = json.loads(path.with_suffix(".json").read_text())
        tensors = load_file(path)
        outputs = {"category": 47, "co-purchase": tasks.EMBEDDING}[objective]
        GraphSAGE(100, outputs).load_state_dict(tensors)
        assert path.stat().st_size < 2_000_000
        assert metrics["objective"] == objective and metrics["best_epoch"] <= metrics["epochs"]


def script(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,
        **options,
    )


def _heed_ctrl_c():
    """What runs in a shell's background inherits that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def epochs_told(lines):
    """The numbers of the epochs in lines of the script's output; a line that was cut off does not count."""
    return [int(line.split()[1]) for line in lines if line.startswith("epoch") and "of" in line]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_script_goes_on_after_it_was_stopped(folder, tmp_path, how):
    arguments = ("--dataset", folder, "--out", tmp_path, "--epochs")
    process = script(*arguments, 100_000)  # so many that it cannot be done before it is stopped
    for line in process.stdout:
        if epochs_told([line]) == [3]:
            os.kill(process.pid, how)
            break
    rest, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    if how == signal.SIGINT:
        assert "the same command goes on" in errors and "Traceback" not in errors
    assert (tmp_path / ".graphsage-category.state").exists()
    reached = max([3, *epochs_told(rest.splitlines())])
    process = script(*arguments, reached + 5)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    epochs = epochs_told(output.splitlines())
    # What is told is saved; one more may have been.
    assert epochs[0] in (reached + 1, reached + 2) and epochs[-1] == reached + 5
    assert "test: accuracy" in output
    assert not (tmp_path / ".graphsage-category.state").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--dataset", "nowhere"), "there is no folder"),
        (("--dataset", "ogbn-products"), "1.4 GB"),
        (("--epochs", "0"), "from 1 on"),
        (("--objective", "co-purchase", "--model", "mlp"), "--objective category"),
        (("--objective", "taste"), "invalid choice"),
    ],
)
def test_script_says_what_is_wrong(tmp_path, own_home, arguments, message):
    process = script(*arguments, cwd=tmp_path, stdin=subprocess.DEVNULL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (1, 2)
    assert message in errors and "Traceback" not in errors


def test_a_checkpoint_does_not_run_code(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors")
    from workshop.graph.checkpoint import read_tensors

    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(WorkshopError, match="cannot be read"):
        read_tensors(tmp_path / "pickle.safetensors")
    with pytest.raises(WorkshopError, match="train_graphsage"):
        read_tensors(tmp_path / "missing.safetensors")
