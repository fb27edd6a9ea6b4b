"""Products' titles as numbers: a bag of words, reduced by principal component analysis.

OGB made the features of ogbn-products in this way from the *descriptions* of the products: "bag-of-words features […]
followed by a Principal Component Analysis to reduce the dimension to 100",
https://ogb.stanford.edu/docs/nodeprop/#ogbn-products. A title is what this course has, and what a new product has.
"""

import dataclasses
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import regex
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer

from workshop import settings
from workshop.errors import WorkshopError

WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['-][\p{L}\p{M}\p{N}]+)*")
"""Letters with their marks and digits, apostrophes and hyphens between them; a script without spaces gives long words."""
TITLES = 2
"""A word that stands in fewer titles says nothing that another title could share."""
WORDS = 4000
"""At most so many words, those in most titles: the covariance matrix has a row and a column for each."""
SIZE = 100
"""Features of a title, as many as ogbn-products has of a product."""
DECIMALS = 6
NO_VARIANCE = 1e-10
"""A component with less variance than this, relative to the first, is rounding error, not a direction."""


def words(title: str) -> list[str]:
    """The words of a title in lower case, in their order, repeated as they are."""
    text = unicodedata.normalize("NFKC", title).lower()
    return WORD.findall(text.replace("’", "'").replace("‐", "-").replace("‑", "-"))


@dataclasses.dataclass(frozen=True)
class TitleFeatures:
    """How a title becomes features: subtract the mean from its counts of words, and project what is left.

    The components are rounded, and a feature is a sum of a few of them, so that the features are the same numbers on
    another machine, whose linear algebra rounds differently, as long as no two components have the same variance.
    """

    words: list[str]
    """[W], sorted."""
    mean: np.ndarray
    """float64 [W]: how often each word stands in a title, on average."""
    components: np.ndarray
    """float64 [size, W]: orthogonal directions of length 1, most variance first, rounded to six decimals. The entry
    of largest magnitude is positive. Zeros where the titles have fewer directions than `size`."""

    @classmethod
    def fit(cls, titles: Iterable[str], size: int = SIZE) -> "TitleFeatures":
        """Learn the words and the components from titles; as many as there are, none is a title without words."""
        vectorizer = CountVectorizer(analyzer=words)
        titles = list(titles)
        known: list[str] = []
        if any(map(words, titles)):
            counts = vectorizer.fit_transform(titles)
            spread = np.bincount(counts.indices, minlength=counts.shape[1])
            names = vectorizer.get_feature_names_out()
            known = sorted(
                sorted(names[spread >= TITLES], key=lambda word: (-spread[vectorizer.vocabulary_[word]], word))[:WORDS]
            )
        components = np.zeros((size, len(known)))
        mean = np.zeros(len(known))
        if known:
            bags = csr_array(counts[:, [vectorizer.vocabulary_[word] for word in known]], dtype=np.float64)
            # Titles that are all the same have no variance to take shares of.
            with np.errstate(invalid="ignore"):
                pca = PCA(min(size, *bags.shape), svd_solver="covariance_eigh").fit(bags)
            real = pca.explained_variance_ > NO_VARIANCE * max(pca.explained_variance_[0], NO_VARIANCE)
            components[: real.sum()] = np.round(pca.components_[real], DECIMALS)
            # After rounding, entries of the same magnitude are equal, and the first of them decides everywhere.
            largest = np.abs(components).argmax(axis=1)
            components[components[np.arange(size), largest] < 0] *= -1
            components += 0.0
            mean = pca.mean_
        return cls([str(word) for word in known], mean, components)

    def transform(self, titles: Iterable[str]) -> np.ndarray:
        """Features of titles, float32 [n, size], rounded to six decimals.

        Unknown words count for nothing: a title without a known word gets the features of an empty one.
        """
        titles = list(titles)
        if not (titles and self.words):
            return np.zeros((len(titles), len(self.components)), np.float32)
        bags = CountVectorizer(analyzer=words, vocabulary=self.words).transform(titles)
        offset = np.round(self.components @ self.mean, DECIMALS)
        return np.round(bags @ self.components.T - offset, DECIMALS).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write words, mean and components into one .npz, which holds no pickled objects."""
        np.savez_compressed(path, words=np.array(self.words, dtype=np.str_), mean=self.mean, components=self.components)

    @classmethod
    def load(cls, path: Path) -> "TitleFeatures":
        """Read what `save` wrote.

        Raises:
            WorkshopError: the file is missing, damaged or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                features = cls([str(word) for word in file["words"]], file["mean"], file["components"])
        except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise WorkshopError(
                f"{settings.shown(path)} holds no features of titles ({error}); make the graph anew"
            ) from error
        count = len(features.words)
        if features.mean.shape != (count,) or features.components.ndim != 2 or features.components.shape[1] != count:
            raise WorkshopError(
                f"{settings.shown(path)}: {count} words do not fit its mean or components; make the graph anew"
            )
        return features
