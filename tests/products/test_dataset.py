"""A folder in OGB's layout read through OGB's own loader, whole or damaged."""

import re
import shutil

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tests.support.products import catalogue, change, python, result, rows
from workshop.errors import WorkshopError
from workshop.products import dataset, layout


def test_round_trip(folder):
    made, graph = catalogue(), dataset.load(folder)
    assert graph.name == "shop" and graph.folder == folder and graph.num_classes == 8
    assert graph.ids == made.ids and graph.titles == made.titles and graph.categories == made.categories
    assert graph.data.x.dtype == torch.float32 and graph.data.x.shape == (120, 100)
    assert graph.data.y.dtype == torch.int64 and graph.data.y.view(-1).tolist() == made.labels.tolist()
    edges = graph.data.edge_index
    assert edges.dtype == torch.int64 and edges.shape == (2, 2 * len(made.co_purchases))
    assert edges[:, ::2].T.tolist() == made.co_purchases.tolist() and (edges[:, 1::2] == edges[:, ::2].flip(0)).all()
    assert {name: (len(nodes), nodes.dtype) for name, nodes in graph.split.items()} == {
        "train": (10, torch.int64),
        "valid": (3, torch.int64),
        "test": (107, torch.int64),
    }
    np.testing.assert_allclose(graph.features().transform(graph.titles), graph.data.x, atol=1e-5)


def test_ogbs_loader_reads_it_without_questions_or_network_and_load_says_nothing(folder):
    code = """
import shutil, sys
from workshop.products import dataset
print(dataset.load(sys.argv[1]).data.num_nodes)
print("so far", file=sys.stderr)
shutil.rmtree(sys.argv[1] + "/processed")
from ogb.nodeproppred import PygNodePropPredDataset
loaded = PygNodePropPredDataset("shop", "nowhere", meta_dict=dataset.meta(sys.argv[1]))
split, graph = loaded.get_idx_split(), loaded[0]
print(sys.stdin, graph.x.shape[0], graph.edge_index.shape[1], loaded.num_classes, [len(nodes) for nodes in split.values()])
print(sys.modules["ogb.version"].check_outdated, "outdated" in sys.modules)
"""
    status, out, told = result(python(code, folder, closed=True))
    assert status == 0, told
    assert told.startswith("so far\n")
    pairs, lines = len(catalogue().co_purchases), out.splitlines()
    assert lines[:2] == ["120", "Loading necessary files..."]
    assert lines[-2:] == [f"None 120 {2 * pairs} 8 [10, 3, 107]", "None False"]


def test_two_processes_load_a_fresh_folder(folder):
    code = "import sys\nfrom workshop.products import dataset\nprint(dataset.load(sys.argv[1]).data.x.double().sum().item())"
    outcomes = [result(process) for process in [python(code, folder) for _ in range(2)]]
    assert [status for status, _, _ in outcomes] == [0, 0], outcomes
    assert outcomes[0][1] == outcomes[1][1]


def line(number, text):
    return lambda lines: [*lines[:number], text, *lines[number + 1 :]]


def field(number, text):
    return lambda lines: [*lines[:number], f"{text},{lines[number].partition(',')[2]}", *lines[number + 1 :]]


DAMAGES = [
    ("raw/node-feat", field(7, ""), r"node-feat.csv.gz, line 8: node 7 has nan as its feature 0"),
    ("raw/node-feat", field(7, "nan"), r"node-feat.csv.gz, line 8 \(node 7\), field 1: 'nan' is no finite number"),
    ("raw/node-feat", field(7, "-inf"), r"node-feat.csv.gz, line 8 \(node 7\), field 1: '-inf' is no finite number"),
    ("raw/node-feat", field(7, "1e99"), r"node 7 has inf as its feature 0"),
    ("raw/node-feat", field(7, "red"), r"line 8 \(node 7\), field 1: 'red' is no finite number"),
    ("raw/node-feat", field(7, "1,2"), r"node-feat.csv.gz: .*Expected 100 fields in line 8, saw 101"),
    ("raw/node-feat", line(7, "0.5"), r"line 8: node 7 has nan as its feature 1"),
    ("raw/node-feat", lambda lines: lines[:-1], r"node-feat.csv.gz has 119 lines, but num-node-list.csv.gz says 120"),
    ("raw/node-feat", lambda lines: [*lines, lines[0]], r"node-feat.csv.gz has 121 lines"),
    ("raw/node-label", lambda lines: [*lines, "0"], r"node-label.csv.gz has 121 lines"),
    ("raw/node-label", lambda lines: lines[:-1], r"node-label.csv.gz has 119 lines"),
    ("raw/node-label", line(5, "8"), r"node-label.csv.gz, line 6: node 5 has the label 8, .* 0 to 7"),
    ("raw/node-label", line(5, "-1"), r"line 6: node 5 has the label -1"),
    ("raw/node-label", line(5, "nan"), r"line 6 \(node 5\), field 1: 'nan' is no whole number"),
    ("raw/node-label", line(5, '""'), r"line 6 \(node 5\), field 1: '' is no whole number"),
    ("raw/node-label", line(5, "1.5"), r"line 6 \(node 5\), field 1: '1.5' is no whole number"),
    ("raw/node-label", lambda lines: [f"{label},0" for label in lines], r"one label, not 2"),
    ("raw/edge", line(4, "3,120"), r"edge.csv.gz, line 5: edge 4 joins the nodes 3 and 120, but nodes are 0 to 119"),
    ("raw/edge", line(4, "-1,3"), r"line 5: edge 4 joins the nodes -1 and 3"),
    ("raw/edge", line(4, "1,lamp"), r"line 5 \(edge 4\), field 2: 'lamp' is no whole number"),
    ("raw/edge", line(4, "1,1.5"), r"line 5 \(edge 4\), field 2: '1.5' is no whole number"),
    ("raw/edge", line(4, "1,2,3"), r"edge.csv.gz: .*Expected 2 fields in line 5, saw 3"),
    ("raw/edge", lambda lines: lines[1:], r"edge.csv.gz has 3\d\d lines, but num-edge-list.csv.gz says 3\d\d"),
    ("raw/edge", lambda lines: [f"{pair},0" for pair in lines], r"3\d\d edges with 3 ends"),
    ("raw/num-node-list", lambda lines: ["119"], r"says 119"),
    ("raw/num-node-list", lambda lines: ["60", "60"], r"has to hold one whole number"),
    ("raw/num-edge-list", lambda lines: ["1,2"], r"has to hold one whole number"),
    ("split/sales_ranking/valid", lambda lines: [], r"valid.csv.gz is empty"),
    ("split/sales_ranking/valid", line(1, "120"), r"valid.csv.gz, line 2: there is no node 120, nodes are 0 to 119"),
    ("split/sales_ranking/valid", line(1, "-3"), r"valid.csv.gz, line 2: there is no node -3"),
    ("split/sales_ranking/valid", line(1, "x"), r"valid.csv.gz, line 2 \(entry 1\), field 1: 'x' is no whole number"),
    ("mapping/nodeidx2asin", lambda lines: lines[:-1], r"nodeidx2asin.csv.gz has to name 0 to 119, and names 119"),
    ("mapping/nodeidx2title", line(3, "two"), r"nodeidx2title.csv.gz is damaged"),
    ("mapping/labelidx2productcategory", lambda lines: [], r"has to name 0 to 7, and names 0"),
]


@pytest.mark.parametrize("loaded", [False, True], ids=["fresh", "loaded before"])
@pytest.mark.parametrize(("name", "edit", "told"), DAMAGES, ids=range(len(DAMAGES)))
def test_faults_of_a_folder(folder, name, edit, told, loaded):
    if loaded:
        dataset.load(folder)
    change(folder / f"{name}.csv.gz", edit)
    with pytest.raises(WorkshopError, match=told) as error:
        dataset.load(folder)
    assert "\n" not in str(error.value) and "make the graph anew" in str(error.value)


@pytest.mark.parametrize("first, second", [("train", "test"), ("valid", "valid")])
def test_a_node_in_two_parts_of_the_split(folder, first, second):
    node = rows(folder / f"split/sales_ranking/{first}.csv.gz")[0][0]
    change(folder / f"split/sales_ranking/{second}.csv.gz", lambda lines: [*lines, node])
    with pytest.raises(WorkshopError, match=f"node {node} is in the split more than once, in {first} and {second}"):
        dataset.load(folder)


FILES = [f"raw/{name}.csv.gz" for name in dataset.RAW] + [f"split/sales_ranking/{name}.csv.gz" for name in dataset.SPLITS]


@pytest.mark.parametrize("name", [*FILES, layout.LABEL_MAPPING, layout.ID_MAPPING, layout.TITLE_MAPPING])
def test_damaged_files(folder, name):
    path = folder / name
    content = path.read_bytes()
    for damaged in (b"1,2\n3,4\n", content[: len(content) // 2], content[:-4], b""):
        path.write_bytes(damaged)
        with pytest.raises(WorkshopError, match=re.escape(path.name)) as error:
            dataset.load(folder)
        assert "\n" not in str(error.value)
    if not name.startswith("mapping"):
        path.unlink()
        with pytest.raises(WorkshopError, match=f"{re.escape(path.name)} is missing"):
            dataset.load(folder)


def test_labels_that_the_loader_has_processed_as_nan(folder):
    graph = dataset.load(folder)
    path = folder / "processed" / "geometric_data_processed.pt"
    data, slices = torch.load(path)
    data.y = graph.data.y.float()
    data.y[9] = float("nan")
    torch.save((data, slices), path)
    with pytest.raises(WorkshopError, match="line 10: node 9 has the label nan"):
        dataset.load(folder)


def test_without_names(folder):
    shutil.rmtree(folder / "mapping")
    (folder / layout.FEATURES).unlink()
    graph = dataset.load(folder)
    assert graph.ids is None and graph.titles is None and graph.features() is None
    assert graph.categories[:2] == ["category 0", "category 1"]


def test_whole_numbers_as_features_and_lonely_products(folder):
    change(folder / "raw/node-feat.csv.gz", lambda lines: ["1,0,2"] * 120)
    change(folder / "raw/edge.csv.gz", lambda lines: ["0,1"])
    change(folder / "raw/num-edge-list.csv.gz", lambda lines: ["1"])
    graph = dataset.load(folder)
    assert graph.data.x.dtype == torch.float32 and graph.data.x.shape == (120, 3)
    assert graph.data.num_nodes == 120 and graph.data.edge_index.tolist() == [[0, 1], [1, 0]]


def test_processed_is_made_anew_when_raw_changed(folder):
    assert dataset.load(folder).data.y[0].item() == 0
    change(folder / "raw/node-label.csv.gz", line(0, "7"))
    assert dataset.load(folder).data.y[0].item() == 7


@pytest.mark.parametrize("damage", [lambda content: content[:5000], lambda content: b"", lambda content: b"pickle" * 99])
def test_processed_is_made_anew_when_it_is_damaged(folder, damage):
    expected = dataset.load(folder).data.x
    path = folder / "processed" / "geometric_data_processed.pt"
    path.write_bytes(damage(path.read_bytes()))
    assert (dataset.load(folder).data.x == expected).all()
    assert torch.load(path)[0].num_nodes == 120


@pytest.mark.parametrize("other", [{"weights": 1}, ("no graph", None), (Data(), None), (Data(x=torch.ones(120, 3)), None)])
def test_processed_is_made_anew_when_it_holds_something_else(folder, other):
    expected = dataset.load(folder).data.x
    path = folder / "processed" / "geometric_data_processed.pt"
    torch.save(other, path)
    assert (dataset.load(folder).data.x == expected).all()


def test_a_split_that_is_none_is_told_in_one_line(folder):
    dataset.load(folder)
    (split,) = folder.glob("split/*")
    torch.save(["train"], split / "split_dict.pt")
    with pytest.raises(WorkshopError, match="split_dict.pt"):
        dataset.load(folder)


def test_processed_is_used_when_it_is_fresh(folder, monkeypatch):
    dataset.load(folder)
    monkeypatch.setattr(dataset, "_check_raw", lambda raw: pytest.fail("raw/ is read again"))
    dataset.load(str(folder))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (shutil.rmtree, "there is no folder"),
        (lambda folder: (folder / "meta.json").unlink(), "is no product graph: it has no meta.json"),
        (lambda folder: (folder / "meta.json").write_text("{"), "meta.json cannot be read"),
        (lambda folder: (folder / "meta.json").write_text("[]"), "meta.json lacks"),
        (lambda folder: (folder / "meta.json").write_text('{"num classes": "8"}'), "meta.json lacks"),
        (lambda folder: (folder / "RELEASE_v1.txt").unlink(), "has no RELEASE_v1.txt"),
    ],
)
def test_folders_that_are_no_graphs(folder, damage, told):
    damage(folder)
    with pytest.raises(WorkshopError, match=told):
        dataset.load(folder)
