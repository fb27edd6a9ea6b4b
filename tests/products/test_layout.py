"""From a shop's tables to a folder in OGB's layout, and back through OGB's own loader."""

import csv
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from torch_geometric.data import Data

from workshop import settings
from workshop.errors import WorkshopError
from workshop.products import dataset, features, generator, layout
from workshop.products.catalogue import Products, from_csv
from workshop.products.features import TitleFeatures

THINGS = ("lamp", "mug", "tent", "drill", "scarf", "puzzle", "kettle", "rug")
COLOURS = ("red", "blue", "green", "black", "white")
MATERIALS = ("steel", "wool", "oak", "glass", "cotton", "paper", "clay")


def catalogue(count=120, seed=0):
    """A small catalogue of which every field is known: half the pairs join neighbours, the other half any two."""
    random = np.random.default_rng(seed)
    near = np.stack([np.arange(count), (np.arange(count) + 1) % count], axis=1)
    pairs = np.sort(np.concatenate([near, random.integers(0, count, (2 * count, 2))]), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
    titles = [f"{random.choice(COLOURS)} {random.choice(MATERIALS)} {THINGS[node % 8]} no-{node}" for node in range(count)]
    return Products(
        ids=[f"{node:05d}" for node in range(count)],
        titles=titles,
        labels=np.arange(count) % 8,
        categories=[f"All about, {thing}s" for thing in THINGS],
        ogb_categories=None,
        co_purchases=pairs,
        counts=random.integers(1, 9, len(pairs)),
    )


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def python(code, *arguments, environment=None, closed=False):
    """A Python of its own, which may use the network as little as this one may ask questions."""
    offline = "import socket\ndef refused(*_): raise SystemExit('network')\nsocket.socket.connect = refused\n"
    paths = {"PYTHONPATH": str(settings.ROOT)}
    command = [sys.executable, "-c", offline + code, *map(str, arguments)]
    return subprocess.Popen(
        ["bash", "-c", 'exec "$0" "$@" <&-', *command] if closed else command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **paths, **(environment or {})},
    )


def result(process):
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs") / "shop"
    layout.write(catalogue(), folder)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "shop"))


# --- Tables -----------------------------------------------------------------------------------------------------------

PRODUCTS = "id,title,category\n007,Red mug,Kitchen\nNA,Blue lamp,Light\nnull,Oak table,Living\n"
PAIRS = "a,b,count\n007,NA,2\nnull,007,1\n"


def tables(folder, catalogue=PRODUCTS, pairs=PAIRS):
    paths = folder / "products.csv", folder / "co_purchases.csv"
    for path, content in zip(paths, (catalogue, pairs), strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return from_csv(*paths)


def test_tables_become_products(tmp_path):
    made = tables(tmp_path)
    assert made.ids == ["007", "NA", "null"]
    assert made.titles == ["Red mug", "Blue lamp", "Oak table"]
    assert made.categories == ["Kitchen", "Light", "Living"] and made.ogb_categories is None
    assert made.labels.tolist() == [0, 1, 2] and made.labels.dtype == np.int64
    assert made.co_purchases.tolist() == [[0, 1], [0, 2]] and made.co_purchases.dtype == np.int64
    assert made.counts.tolist() == [2, 1] and made.counts.dtype == np.int64
    assert made.sales.tolist() == [3, 2, 1]


def test_labels_follow_the_sorted_names(tmp_path):
    made = tables(tmp_path, PRODUCTS.replace("Kitchen", "Yard"))
    assert made.categories == ["Light", "Living", "Yard"] and made.labels.tolist() == [2, 0, 1]


def test_columns_in_any_order_and_case_beside_others(tmp_path):
    made = tables(tmp_path, "Category,price, TITLE ,Id\nKitchen,1,Red mug,1\nLight,2,Lamp,2\nLight,3,Lamp,3\n", "x,y\n1,2\n")
    assert made.ids == ["1", "2", "3"] and made.titles == ["Red mug", "Lamp", "Lamp"] and made.counts.tolist() == [1]


def test_only_a_column_called_count_counts(tmp_path):
    made = tables(tmp_path, pairs="first,second,price,Count\n007,NA,9,4\n")
    assert made.counts.tolist() == [4]
    assert tables(tmp_path, pairs="first,second,price\n007,NA,9\n").counts.tolist() == [1]


def test_a_pair_again_in_either_order_adds_its_count(tmp_path):
    made = tables(tmp_path, pairs="a,b,count\nNA,007,2\n007,NA,3\nnull,NA,1\nNA,007,1\n")
    assert made.co_purchases.tolist() == [[0, 1], [1, 2]] and made.counts.tolist() == [6, 1]


@pytest.mark.parametrize("encode", [lambda text: text.encode("utf-8-sig"), lambda text: text.replace("\n", "\r\n").encode()])
def test_byte_order_mark_and_windows_lines(tmp_path, encode):
    made = tables(tmp_path, encode(PRODUCTS), encode(PAIRS))
    assert made.ids == ["007", "NA", "null"] and made.counts.tolist() == [2, 1]


def test_quoted_fields_empty_lines_and_no_last_newline(tmp_path):
    catalogue = 'id,title,category\n\n1,"Mug, ""large"",\n  blue",Kitchen\n\n2, 湯呑み茶碗 ,"Tea, 茶"\n"3,4",كوب,Kitchen'
    made = tables(tmp_path, catalogue, 'a,b\n"3,4", 2\n')
    assert made.ids == ["1", "2", "3,4"]
    assert made.titles == ['Mug, "large", blue', "湯呑み茶碗", "كوب"]
    assert made.categories == ["Kitchen", "Tea, 茶"] and made.co_purchases.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "products.csv is empty"),
        ("\n\n", "products.csv is empty"),
        ("id,title,category\n", "a header and nothing else"),
        ("id,name,category\n1,a,b\n", "lacks title, or has it twice"),
        ("id;title;category\n1;a;b\n", "lacks id, title, category.* commas"),
        ("id,title,category,ID\n1,a,b,2\n", "lacks id, or has it twice"),
        (PRODUCTS + "4, ,Light\n", "line 5: the title is missing"),
        (PRODUCTS + "4,Lamp,\n", "line 5: the category is missing"),
        (PRODUCTS + ",Lamp,Light\n", "line 5: the id is missing"),
        (PRODUCTS + "NA,Lamp,Light\n", "line 5: the id 'NA' is there already, in line 3"),
        (PRODUCTS + "4,Lamp, large,Light\n", "line 5: 4 field.s. where the header has 3"),
        (PRODUCTS + "4\n", "line 5: 1 field.s. where the header has 3"),
        (PRODUCTS + '4,"Lamp,Light\n5,Mug,Kitchen\n', "line 5: .*quote"),
        (PRODUCTS + '4,"La"mp,Light\n', "line 5: .*quote"),
        (PRODUCTS.encode() + b"4,Caf\xe9,Light\n", "line 5: this is not UTF-8"),
        (PRODUCTS.encode("utf-16"), "line 1: this is not UTF-8"),
        (PRODUCTS + "4,La\0mp,Light\n", "line 5: there is a NUL byte"),
        ("id,title,category\n1,a,A\n2,b,B\n", "2 product.s. is too small: .* at least 3"),
        ("id,title,category\n1,a,A\n2,b,A\n3,c,A\n", "all products are of the category 'A'"),
    ],
)
def test_faults_of_a_catalogue(tmp_path, content, told):
    with pytest.raises(WorkshopError, match=f"(?s)products.csv.*{told}|{told}"):
        tables(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "co_purchases.csv is empty"),
        ("a,b\n", "a header and nothing else"),
        ("a\n1\n", "1 column"),
        ("007,NA\nnull,NA\n", "line 1: these are ids"),
        ("a,b\n007,8\n", "line 2: the id '8' is not in .*products.csv"),
        ("a,b\n7,NA\n", "line 2: the id '7' is not in .*products.csv"),
        ("a,b\n007,\n", "line 2: an id is missing"),
        ("a,b\nNA,NA\n", "line 2: 'NA' is bought together with itself"),
        ("a,b,count\n007,NA,0\n", "line 2: the count '0' is no whole number"),
        ("a,b,count\n007,NA,-1\n", "line 2: the count '-1'"),
        ("a,b,count\n007,NA,1.5\n", "line 2: the count '1.5'"),
        ("a,b,count\n007,NA,\n", "line 2: the count ''"),
        ("a,b,count\n007,NA,²\n", "line 2: the count '²'"),
        ("a,b,count\n007,NA,99999999999999999999\n", "line 2: the count"),
        ("a,b,count\n007,NA\n", "line 2: 2 field.s. where the header has 3"),
        (b"a,b\n007,\xff\n", "line 2: this is not UTF-8"),
    ],
)
def test_faults_of_co_purchases(tmp_path, content, told):
    with pytest.raises(WorkshopError, match=told) as error:
        tables(tmp_path, pairs=content)
    assert "co_purchases.csv" in str(error.value)


def test_the_first_faults_are_told_and_the_others_counted(tmp_path):
    with pytest.raises(WorkshopError, match="has 8 fault") as error:
        tables(tmp_path, pairs="a,b\n" + "".join(f"007,x{number}\n" for number in range(8)))
    lines = str(error.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:6]] == [f"line {number}" for number in range(2, 7)]
    assert lines[6].strip() == "… and 3 more" and len(lines) == 7


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(WorkshopError, match="missing.csv: No such file"):
        from_csv(tmp_path / "missing.csv", tmp_path / "missing.csv")
    with pytest.raises(WorkshopError, match="Is a directory"):
        from_csv(tmp_path, tmp_path)


def test_products_without_pairs():
    made = catalogue()
    with pytest.raises(WorkshopError, match="no two products"):
        Products(made.ids, made.titles, made.labels, made.categories, None, made.co_purchases[:0], made.counts[:0])


# --- Features ---------------------------------------------------------------------------------------------------------


def dense(titles, vectorizer_words):
    return CountVectorizer(analyzer=features.words, vocabulary=vectorizer_words).transform(titles).toarray().astype(float)


def test_words():
    assert features.words("Men’s T-Shirt, 2-pack (XL) - don't") == ["men's", "t-shirt", "2-pack", "xl", "don't"]
    assert features.words("ＡＢＣ हिन्दी 湯呑み كوب __ '-'") == ["abc", "हिन्दी", "湯呑み", "كوب"]


def test_features_are_those_of_pca():
    titles = catalogue(400).titles
    made = TitleFeatures.fit(titles, size=10)
    assert made.words == sorted({*COLOURS, *MATERIALS, *THINGS})
    bags = dense(titles, made.words)
    exact = PCA(10, svd_solver="full").fit(bags)
    got = made.transform(titles)
    assert got.shape == (400, 10) and got.dtype == np.float32
    np.testing.assert_allclose(made.components @ made.components.T, np.eye(10), atol=1e-5)
    np.testing.assert_allclose(got.var(axis=0, ddof=1), exact.explained_variance_, rtol=1e-4)
    np.testing.assert_allclose(got.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.abs(got), np.abs(exact.transform(bags)), atol=1e-4)
    largest = np.abs(made.components).argmax(axis=1)
    assert (made.components[np.arange(10), largest] > 0).all()


def test_features_do_not_depend_on_rounding_elsewhere(monkeypatch):
    titles = catalogue(400).titles
    expected = TitleFeatures.fit(titles, size=8)

    class Elsewhere(PCA):
        def fit(self, bags):
            super().fit(bags)
            noise = np.random.default_rng(0).uniform(-1e-12, 1e-12, self.components_.shape)
            self.components_ = -(self.components_ + noise)
            self.mean_ = self.mean_ * (1 + 1e-15)
            return self

    monkeypatch.setattr(features, "PCA", Elsewhere)
    other = TitleFeatures.fit(titles, size=8)
    assert (other.components == expected.components).all()
    assert (other.transform(titles) == expected.transform(titles)).all()


def test_fewer_words_than_features_leave_zeros():
    made = TitleFeatures.fit(["red mug", "red lamp", "blue mug", "blue lamp", "red"], size=100)
    got = made.transform(["red mug", "blue lamp"])
    assert got.shape == (2, 100) and made.words == ["blue", "lamp", "mug", "red"]
    assert got[:, :3].any() and not got[:, 4:].any() and not made.components[4:].any()


@pytest.mark.parametrize("titles", [[], ["…", "!"], ["one", "two", "three"], ["same words", "same words"]])
def test_titles_that_share_nothing_or_everything(titles):
    made = TitleFeatures.fit(titles, size=5)
    assert made.transform([*titles, "unknown"]).shape == (len(titles) + 1, 5)
    assert np.isfinite(made.transform(["same", ""])).all() and not made.transform(titles).any()
    assert made.transform([]).shape == (0, 5)


def test_unknown_words_count_for_nothing():
    made = TitleFeatures.fit(catalogue().titles, size=6)
    empty, unknown, known, more = made.transform(["", "zyzzyva 茶", "red oak rug", "RED zyzzyva Oak rug!"])
    assert (empty == unknown).all() and (known == more).all() and (known != empty).any()


def test_words_are_limited_to_those_in_most_titles(monkeypatch):
    monkeypatch.setattr(features, "WORDS", 3)
    assert TitleFeatures.fit(["a b c d", "a b c d", "a b c d", "d e", "e f"], size=2).words == ["a", "b", "d"]


def test_features_are_kept_in_a_file_without_pickles(tmp_path):
    made = TitleFeatures.fit(["Tee für dich", "Tee 茶", "茶 für dich"], size=2)
    made.save(tmp_path / "features.npz")
    read = TitleFeatures.load(tmp_path / "features.npz")
    assert read.words == made.words and (read.components == made.components).all() and (read.mean == made.mean).all()


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:200])])
def test_features_from_a_damaged_file(folder, damage):
    damage(folder / layout.FEATURES)
    with pytest.raises(WorkshopError, match="title_features.npz holds no features"):
        TitleFeatures.load(folder / layout.FEATURES)


def test_features_from_other_arrays(tmp_path):
    np.savez(tmp_path / "other.npz", words=np.array(["a"]), mean=np.zeros(2), components=np.zeros((3, 1)))
    with pytest.raises(WorkshopError, match="do not fit"):
        TitleFeatures.load(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.zeros(2))
    with pytest.raises(WorkshopError, match="holds no features"):
        TitleFeatures.load(tmp_path / "array.npy")


# --- The folder -------------------------------------------------------------------------------------------------------


def read(path):
    return gzip.decompress(path.read_bytes()).decode()


def rows(path):
    return list(csv.reader(read(path).splitlines()))


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
    code = "import sys\nfrom pathlib import Path\nfrom tests.products.test_layout import catalogue, layout\n"
    code += "layout.write(catalogue(), Path(sys.argv[1]))"
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
    code = "import os, signal, sys\nfrom pathlib import Path\nfrom tests.products.test_layout import catalogue, layout\n"
    code += "layout._put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nlayout.write(catalogue(150), Path(sys.argv[1]))"
    assert result(python(code, folder))[0] == -9
    assert digest(folder) == before and len(list(folder.parent.iterdir())) == 2
    layout.write(catalogue(150), folder)
    assert [path.name for path in folder.parent.iterdir()] == ["shop"]


# --- Loading ----------------------------------------------------------------------------------------------------------


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


def change(path, edit):
    """Edit the lines of a compressed file, and make it newer than what was made of it."""
    lines = read(path).splitlines() if path.exists() else []
    made = path.parents[1] / "processed" / "geometric_data_processed.pt"
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in edit(lines)).encode()))
    if made.exists():
        os.utime(path, ns=(made.stat().st_mtime_ns + 1000,) * 2)


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


# --- The course's own graph, and OGB's --------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_default_graph_is_made_once_and_again_for_other_sources(home, monkeypatch):
    made, steps = [], []
    monkeypatch.setattr(generator, "generate", lambda *, seed: made.append(seed) or catalogue(seed=seed))
    folder = dataset.default(steps.append)
    assert folder == dataset.default_folder() == home / "datasets" / "products" and made == [0] and len(steps) == 2
    assert (folder / "processed" / "geometric_data_processed.pt").exists()
    assert dataset.default(steps.append) == folder and made == [0] and len(steps) == 2
    monkeypatch.setattr(layout, "sources", lambda: "other")
    assert dataset.default() == folder and made == [0, 0]
    assert dataset.default() == folder and made == [0, 0]


def test_two_processes_make_the_default_graph(home):
    code = """
from tests.products.test_layout import catalogue
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
