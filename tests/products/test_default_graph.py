"""The course's own graph, and OGB's."""

import io
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.products import catalogue, change, python, result
from workshop.errors import WorkshopError
from workshop.products import dataset, generator, layout


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_default_graph_is_made_once_and_again_for_other_sources(home, monkeypatch):
    made, steps = [], []
    monkeypatch.setattr(generator, "generate", lambda *, seed: made.append(seed) or catalogue(seed=seed))
    folder = dataset.default(steps.append)
    assert folder == layout.default_folder() == home / "datasets" / "products" and made == [0] and len(steps) == 2
    assert (folder / "processed" / "geometric_data_processed.pt").exists()
    assert dataset.default(steps.append) == folder and made == [0] and len(steps) == 2
    monkeypatch.setattr(layout, "sources", lambda: "other")
    assert dataset.default() == folder and made == [0, 0]
    assert dataset.default() == folder and made == [0, 0]


def test_two_processes_make_the_default_graph(home):
    code = """
from tests.support.products import catalogue
from workshop.products import dataset, generator
made = []
generator.generate = lambda *, seed: made.append(seed) or catalogue(seed=seed)
print(len(made), dataset.load(dataset.default()).data.num_nodes, len(made))
"""
    outcomes = [result(process) for process in [python(code) for _ in range(2)]]
    assert sorted(out for _, out, _ in outcomes) == ["0 120 0\n", "0 120 1\n"], outcomes


def test_ogbn_products_is_not_downloaded_without_being_asked(home, monkeypatch):
    closed = io.StringIO()
    closed.close()
    for stdin in (None, io.StringIO("y\n"), closed):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(WorkshopError, match="ogbn-products is not here yet: it is 1.4 GB.* in a terminal"):
            dataset.load("ogbn-products")


class Terminal:
    closed = False

    def isatty(self):
        return True


def test_ogbn_products_is_downloaded_in_a_terminal_when_wanted(home, folder, monkeypatch):
    partial = home / "datasets" / "ogbn_products" / "raw"
    partial.mkdir(parents=True)
    loader = dataset.ogb.nodeproppred.PygNodePropPredDataset
    answers = [SystemExit(-1), OSError("no route to host"), None]

    def download(name, root="dataset", meta_dict=None):
        if meta_dict is not None:
            return loader(name, root, meta_dict=meta_dict)
        assert not partial.exists()
        answer = answers.pop(0)
        if answer:
            raise answer
        shutil.copytree(folder, Path(root) / "ogbn_products", ignore=shutil.ignore_patterns("meta.json", "nodeidx2title*"))

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(dataset.ogb.nodeproppred, "PygNodePropPredDataset", download)
    for reason in ("SystemExit", "no route to host"):
        with pytest.raises(WorkshopError, match=f"was not downloaded .*{reason}"):
            dataset.load("ogbn-products")
    # OGB's own list says that there are 47 categories.
    change(folder / "mapping/labelidx2productcategory.csv.gz", lambda lines: [lines[0], *(f"{n},c{n}" for n in range(47))])
    graph = dataset.load("ogbn-products")
    assert graph.name == "ogbn-products" and graph.num_classes == 47 and graph.titles is None and len(graph.ids) == 120
    monkeypatch.setattr(sys, "stdin", None)
    assert dataset.load("ogbn-products").data.num_nodes == 120
