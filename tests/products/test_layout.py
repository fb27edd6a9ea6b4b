"""The folder in OGB's layout: what it holds, and that it is written whole or not at all."""

import hashlib
import re

import numpy as np
import pytest

from tests.support.products import THINGS, catalogue, digest, python, read, result, rows
from workshop.errors import WorkshopError
from workshop.products import dataset, layout
from workshop.products.catalogue import Products
from workshop.products.features import TitleFeatures


def test_the_folder_holds_what_ogb_describes(written):
    made = catalogue()
    assert rows(written / "raw/edge.csv.gz") == [[str(node) for node in pair] for pair in made.co_purchases]
    assert rows(written / "raw/num-node-list.csv.gz") == [["120"]]
    assert rows(written / "raw/num-edge-list.csv.gz") == [[str(len(made.co_purchases))]]
    assert [int(row[0]) for row in rows(written / "raw/node-label.csv.gz")] == made.labels.tolist()
    assert rows(written / layout.LABEL_MAPPING)[:2] == [["label idx", "product category"], ["0", "All about, lamps"]]
    assert rows(written / layout.ID_MAPPING)[:2] == [["node idx", "asin"], ["0", "00000"]]
    assert rows(written / layout.TITLE_MAPPING)[:2] == [["node idx", "title"], ["0", made.titles[0]]]


def test_node_features_are_those_of_the_saved_transformation(written):
    numbers = np.loadtxt(written / "raw/node-feat.csv.gz", delimiter=",", dtype=np.float64)
    made = TitleFeatures.load(written / layout.FEATURES)
    np.testing.assert_allclose(numbers, made.transform(catalogue().titles), atol=1e-6)
    assert not re.search(r"\.\d{7}|e-?\d*[^-\d\n,]|-0\.0[,\n]", read(written / "raw/node-feat.csv.gz"))


def test_the_split_is_by_sales(tmp_path):
    made = catalogue(200)
    layout.write(made, tmp_path / "shop")
    parts = [[int(row[0]) for row in rows(tmp_path / f"shop/split/sales_ranking/{name}.csv.gz")] for name in dataset.SPLITS]
    assert [len(part) for part in parts] == [16, 4, 180]
    assert sum(parts, []) == sorted(range(200), key=lambda node: (-made.sales[node], node))


@pytest.mark.parametrize(
    ("count", "sizes"), [(3, [1, 1, 1]), (10, [1, 1, 8]), (13, [2, 1, 10]), (13_000, [1040, 260, 11_700])]
)
def test_parts_of_the_split_are_rounded_up(count, sizes):
    assert [len(part) for part in layout._split(np.ones(count, np.int64)).values()] == sizes


def test_categories_of_ogb(tmp_path):
    made = catalogue()
    named = Products(made.ids, made.titles, made.labels, made.categories, list(THINGS), made.co_purchases, made.counts)
    layout.write(named, tmp_path / "shop")
    assert rows(tmp_path / "shop" / layout.LABEL_MAPPING)[:2] == [
        ["label idx", "product category", "ogb product category"],
        ["0", "All about, lamps", "lamp"],
    ]
    assert dataset.load(tmp_path / "shop").categories == made.categories


def test_the_same_products_give_the_same_bytes(written, tmp_path):
    code = """
import sys
from pathlib import Path
from tests.support.products import catalogue
from workshop.products import layout
layout.write(catalogue(), Path(sys.argv[1]))
"""
    layout.write(catalogue(), tmp_path / "here")
    environment = {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    status, _, told = result(python(code, tmp_path / "elsewhere", environment=environment))
    assert status == 0, told
    assert digest(tmp_path / "elsewhere") == digest(tmp_path / "here") == digest(written)


def test_a_folder_of_this_kind_or_an_empty_one_is_replaced(folder, tmp_path):
    dataset.load(folder)
    layout.write(catalogue(150), folder)
    assert dataset.load(folder).data.num_nodes == 150
    (tmp_path / "empty").mkdir()
    layout.write(catalogue(), tmp_path / "empty")
    (tmp_path / "link").symlink_to(folder)
    layout.write(catalogue(130), tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and dataset.load(folder).data.num_nodes == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "link", "shop"]


def test_folders_that_cannot_be_exchanged_are_renamed(folder, monkeypatch):
    monkeypatch.setattr(layout.ctypes, "CDLL", lambda *_, **__: object())
    layout.write(catalogue(150), folder)
    assert dataset.load(folder).data.num_nodes == 150
    assert [path.name for path in folder.parent.iterdir()] == ["shop"]


def test_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.md").write_text("years of work")
    with pytest.raises(WorkshopError, match="something else than a product graph"):
        layout.write(catalogue(), tmp_path / "thesis")
    assert digest(tmp_path / "thesis") == {"chapter.md": hashlib.sha256(b"years of work").hexdigest()}
    with pytest.raises(WorkshopError, match="is no folder"):
        layout.write(catalogue(), tmp_path / "thesis" / "chapter.md")
    with pytest.raises(WorkshopError, match="cannot write"):
        layout.write(catalogue(), tmp_path / "thesis" / "chapter.md" / "graph")


@pytest.mark.parametrize("error", [RuntimeError("full"), KeyboardInterrupt()])
def test_an_exception_in_the_middle_leaves_the_old_folder(folder, monkeypatch, error):
    before = digest(folder)

    def fails(*_):
        raise error

    monkeypatch.setattr(layout, "_table", fails)
    with pytest.raises(type(error)):
        layout.write(catalogue(150), folder)
    assert digest(folder) == before and [path.name for path in folder.parent.iterdir()] == ["shop"]


def test_a_kill_in_the_middle_leaves_the_old_folder(folder):
    before = digest(folder)
    code = """
import os, signal, sys
from pathlib import Path
from tests.support.products import catalogue
from workshop.products import layout
layout._put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
layout.write(catalogue(150), Path(sys.argv[1]))
"""
    assert result(python(code, folder))[0] == -9
    assert digest(folder) == before and len(list(folder.parent.iterdir())) == 2
    layout.write(catalogue(150), folder)
    assert [path.name for path in folder.parent.iterdir()] == ["shop"]
