"""Titles as features."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer

from tests.support.products import COLOURS, MATERIALS, THINGS, catalogue
from workshop.errors import WorkshopError
from workshop.products import features, layout
from workshop.products.features import TitleFeatures


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
