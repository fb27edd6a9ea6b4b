"""How good recommendations are: the hit rate among the ten best, and the simple rules that a model has to beat."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

WANTED = 10
SCORES = 1 << 24
"""So many scores are in memory at a time: of as many queries as that allows, one at least."""

Scores = Callable[[np.ndarray], np.ndarray]
"""Scores of all products for some queries: int64 [queries] to FP32 [queries, N]; the higher, the better."""


def hit_rate(
    scores: Scores, queries: np.ndarray, partners: np.ndarray, known: sparse.csr_array, *, wanted: int = WANTED
) -> float:
    """Share of held-out pairs whose partner is among the best ranked products: the mean of `hits`.

    Returns:
        0 … 1; not a number where there are no pairs.
    """
    return float(hits(scores, queries, partners, known, wanted=wanted).mean()) if len(queries) else float("nan")


def hits(
    scores: Scores, queries: np.ndarray, partners: np.ndarray, known: sparse.csr_array, *, wanted: int = WANTED
) -> np.ndarray:
    """Whether each held-out pair's partner is among the best ranked products.

    For each pair all products are ranked, but the query itself, the products known to be bought with it, and its
    other held-out partners: the filtered setting of Bordes et al. (2013,
    https://papers.nips.cc/paper/5071-translating-embeddings-for-modeling-multi-relational-data). So a product with many
    partners does not stand in its own way. Products with the same score come in random order: such a pair counts by its
    chance.

    Args:
        scores: ranks the products.
        queries: int64 [pairs], the products that something is recommended for.
        partners: int64 [pairs], what was bought with them.
        known: [N, N], non-zero where two products are known to be bought together, both ways.
        wanted: how many are recommended.

    Returns:
        float64 [pairs], 0 … 1 each, in the order of the pairs.
    """
    order = np.argsort(queries, kind="stable")
    queries, partners = queries[order], partners[order]
    chances = np.zeros(len(queries))
    unique = np.unique(queries)
    chunk = max(1, SCORES // known.shape[0])
    for asked in np.split(unique, range(chunk, len(unique), chunk)):
        first, last = np.searchsorted(queries, asked[0], "left"), np.searchsorted(queries, asked[-1], "right")
        rows, columns = np.searchsorted(asked, queries[first:last]), partners[first:last]
        table = np.array(scores(asked), dtype=np.float32)
        found = table[rows, columns]
        # What is out of the running gets a score below all others.
        out, others = known[asked].nonzero()
        table[out, others] = -np.inf
        table[np.arange(len(asked)), asked] = -np.inf
        table[rows, columns] = -np.inf
        for pair, row, score in zip(order[first:last], rows, found):
            ahead, equal = np.count_nonzero(table[row] > score), np.count_nonzero(table[row] == score)
            chances[pair] = min(1.0, max(0.0, (wanted - ahead) / (equal + 1)))
    return chances


def both_ways(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Queries and partners, int64 [2 * pairs] each: each product of a pair asks for the other one."""
    return np.concatenate([pairs[:, 0], pairs[:, 1]]), np.concatenate([pairs[:, 1], pairs[:, 0]])


def adjacency(pairs: np.ndarray, num_nodes: int) -> sparse.csr_array:
    """The graph of some pairs as a symmetric matrix of ones, FP32 [N, N]."""
    ends = both_ways(pairs)
    return sparse.csr_array((np.ones(2 * len(pairs), np.float32), ends), shape=(num_nodes, num_nodes))


def cosine(vectors: np.ndarray) -> Scores:
    """By the cosine of two vectors, FP32 [N, any]; a vector of zeros is as near to all."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    return lambda queries: unit[queries] @ unit.T


def popularity(known: sparse.csr_array) -> Scores:
    """By the number of known partners: the same products for every query."""
    degree = np.asarray(known.sum(axis=0), dtype=np.float32).ravel()
    return lambda queries: np.tile(degree, (len(queries), 1))


def common_partners(known: sparse.csr_array) -> Scores:
    """By known partners in common, each weighted by 1 / log of its own partners (Adamic and Adar, 2003)."""
    degree = np.asarray(known.sum(axis=0)).ravel()
    weights = sparse.diags_array((1 / np.log(np.maximum(degree, 2))).astype(np.float32))
    right = sparse.csr_array(weights @ known)
    return lambda queries: (known[queries] @ right).toarray()
