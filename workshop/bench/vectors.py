"""Vectors to measure with, float32 of unit length, and their exact nearest neighbours."""

import numpy as np


def isotropic(count: int, dimension: int, seed: int = 1) -> np.ndarray:
    """Vectors in all directions alike, float32 [count, dimension]: neighbours are hardly nearer than everything else.

    The hard case of an approximate index, which no embedding of real texts is.
    """
    return normalised(np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32))


def clustered(count: int, dimension: int, seed: int = 2, *, topics: int = 300) -> np.ndarray:
    """Vectors like embeddings of texts, float32 [count, dimension].

    Topics of different sizes overlap, some directions matter more than others, and all vectors have a share in common.
    The weights are those with which cosines of neighbours and of strangers, and what an index finds among 3,000, come out
    as for the course's sentence model and short summaries of films.
    """
    random = np.random.default_rng(seed)
    scale = np.arange(1, dimension + 1, dtype=np.float32) ** -0.35
    scale /= np.linalg.norm(scale)
    rotation = np.linalg.qr(random.standard_normal((dimension, dimension)))[0].astype(np.float32)
    weights = random.pareto(1.5, topics) + 0.2
    topic = random.choice(topics, count, p=weights / weights.sum())
    centres = random.standard_normal((topics, dimension), dtype=np.float32) * scale
    made = random.standard_normal((count, dimension), dtype=np.float32) * scale
    made += 0.5 * centres[topic]
    common = normalised(random.standard_normal((1, dimension), dtype=np.float32))
    return normalised(made @ rotation + 0.45 * common)


def normalised(rows: np.ndarray) -> np.ndarray:
    """The rows at unit length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nearest(rows: np.ndarray, query: np.ndarray, count: int, mask: np.ndarray | None = None) -> np.ndarray:
    """Numbers of the rows with the greatest inner products, greatest first; of those in `mask` alone."""
    scores = rows @ query
    if mask is not None:
        scores[~mask] = -np.inf
    best = np.argpartition(scores, -count)[-count:]
    return best[np.argsort(-scores[best], kind="stable")]
