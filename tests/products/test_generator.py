"""The course's product graph: vocabulary, titles, and co-purchases that follow the written rules."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from workshop import settings
from workshop.errors import WorkshopError
from workshop.products import dataset, generator, vocabulary

SCRIPT = settings.ROOT / "scripts" / "make_product_graph.py"


@pytest.fixture(scope="module")
def products():
    return generator.generate()


@pytest.fixture(scope="module")
def types():
    return [kind for category in vocabulary.load() for kind in category.types]


@pytest.fixture(scope="module")
def kinds(products, types):
    """The type of each product, read out of its title: the longest that stands in it and belongs to its category."""
    found = []
    for title, label in zip(products.titles, products.labels):
        inside = [kind.name for kind in types if kind.label == label and kind.name in title]
        found.append(max(inside, key=len))
    return found


def run(*arguments, **options):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, **options)


def test_vocabulary_is_as_large_as_promised(types):
    categories = vocabulary.load()
    assert len(categories) == 47
    assert len({category.ogb for category in categories}) == 47
    assert len(types) >= 600


def test_faults_of_a_vocabulary_are_all_told(tmp_path):
    text = vocabulary.VOCABULARY.read_text(encoding="utf-8")
    broken = tmp_path / "vocabulary.toml"
    broken.write_text(text.replace('with = ["', 'with = ["flying carpet", "', 1).replace("label = 3\n", "label = 99\n", 1))
    with pytest.raises(WorkshopError, match="2 fault") as error:
        vocabulary.load(broken)
    assert "flying carpet" in str(error.value) and "labels" in str(error.value)


@pytest.mark.parametrize("content", ["", "category = 3", "[[category]]\nlabel = 0\n", "[[category", "\x00"])
def test_what_is_no_vocabulary_is_refused(tmp_path, content):
    path = tmp_path / "vocabulary.toml"
    path.write_text(content)
    with pytest.raises(WorkshopError, match="no vocabulary"):
        vocabulary.load(path)


def test_default_graph_is_as_large_as_promised(products):
    assert len(products.titles) >= 12_000
    assert set(products.labels) == set(range(47))
    assert len(set(products.titles)) == len(set(products.ids)) == len(products.titles)
    assert all(title == " ".join(title.split()) and 5 < len(title) < 120 for title in products.titles)


def test_every_type_is_on_sale(kinds, types):
    assert set(kinds) == {kind.name for kind in types}


def test_pairs_are_stored_once_and_sorted(products):
    pairs = products.co_purchases
    assert (pairs[:, 0] < pairs[:, 1]).all()
    keys = pairs[:, 0] * len(products.ids) + pairs[:, 1]
    assert (np.diff(keys) > 0).all()
    assert products.counts.min() >= 1
    assert pairs.min() >= 0 and pairs.max() < len(products.ids)


def test_few_products_have_very_many_partners(products):
    degree = np.sort(np.bincount(products.co_purchases.ravel(), minlength=len(products.ids)))[::-1]
    tenth = len(degree) // 10
    assert degree[:tenth].sum() > 0.3 * degree.sum()
    assert degree[0] > 20 * np.median(degree)
    assert degree[-1] >= 1


def test_pairs_follow_the_rules_and_the_noise_is_small(products, kinds, types):
    related = {(kind.name, other) for kind in types for other in (*kind.complements, *kind.substitutes)}
    related |= {(other, name) for name, other in related} | {(kind.name, kind.name) for kind in types}
    labels = products.labels
    pairs = products.co_purchases
    by_rule = np.array([(kinds[one], kinds[other]) in related for one, other in pairs])
    within = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    random = np.random.default_rng(0).permutation(pairs[:, 1])
    by_chance = np.array([(kinds[one], kinds[other]) in related for one, other in zip(pairs[:, 0], random)])
    assert by_rule.mean() > 0.5
    assert by_chance.mean() < 0.05
    assert 0.02 < (~by_rule & ~within).mean() < 0.3


def test_same_seed_same_products_whatever_the_hash_seed():
    code = (
        "import hashlib; from workshop.products.generator import generate; p = generate(count=1000, seed=5); "
        "print(hashlib.sha256(repr((p.ids, p.titles, p.labels.tolist(), p.co_purchases.tolist())).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
    other = generator.generate(count=1_000, seed=6)
    assert hashlib.sha256(repr(other.titles).encode()).hexdigest() not in seen


def test_too_few_products_for_the_types():
    with pytest.raises(WorkshopError, match="too few"):
        generator.generate(count=100)


def test_script_makes_the_same_files_twice(tmp_path):
    for name in ("first", "second"):
        done = run("--count", 1000, "--seed", 2, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert "1,000 products in 47 categories" in done.stdout
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*") if path.is_file())
    assert len(files) >= 11
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes(), file


def test_script_takes_the_tables_of_a_shop(tmp_path):
    rows = "".join(f"A{number},Thing number {number},{'tools' if number % 2 else 'toys'}\n" for number in range(60))
    (tmp_path / "products.csv").write_text("id,title,category\n" + rows)
    (tmp_path / "pairs.csv").write_text("one,other,count\n" + "".join(f"A{n},A{n + 1},{n + 1}\n" for n in range(59)))
    tables = ("--products", tmp_path / "products.csv", "--co-purchases", tmp_path / "pairs.csv")
    done = run(*tables, "--out", tmp_path / "graph")
    assert done.returncode == 0, done.stderr
    assert "60 products in 2 categories, 59 pairs" in done.stdout
    (tmp_path / "products.csv").write_text("id,title,category\n" + rows + "C9,Thing of another kind,toys\n")
    done = run(*tables, "--features-of", tmp_path / "graph", "--out", tmp_path / "later")
    assert done.returncode == 0, done.stderr
    earlier, later = (dataset.load(tmp_path / name) for name in ("graph", "later"))
    assert torch.equal(later.data.x[:60], earlier.data.x) and later.data.x.shape == (61, 100)
    assert earlier.features().words == later.features().words
    (tmp_path / "pairs.csv").write_text("one,other\nA1,B7\n")
    done = run(*tables, "--out", tmp_path / "graph")
    assert done.returncode == 1
    assert "B7" in done.stderr and "pairs.csv" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--products", "p.csv"), "belong together"),
        (("--products", "p.csv", "--co-purchases", "c.csv"), "--out"),
        (("--seed", "1"), "--out"),
        (("--seed", "-1", "--out", "x"), "from 0 on"),
        (("--products", "p.csv", "--co-purchases", "c.csv", "--count", "5", "--out", "x"), "generator"),
        (("--products", "p.csv", "--co-purchases", "c.csv", "--out", "x"), "p.csv"),
        (("--count", "10", "--out", "x"), "too few"),
    ],
)
def test_script_says_what_is_wrong_with_its_arguments(tmp_path, arguments, message):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
