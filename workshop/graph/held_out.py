"""What the co-purchase model never sees in training: some pairs of products, and some products altogether."""

import dataclasses

import numpy as np

SEED = 0
"""Of the draw; the same for every training, so that figures can be compared."""
NEW_PRODUCTS = 0.10
"""Share of the products that are held out with all their pairs: they stand for those that arrive after the training."""
VALID, TEST = 0.05, 0.10
"""Shares of the pairs of the other products that are held out to validate and to test with. Of a new product's pairs,
the same share is tested; the others are known by the time that somebody asks."""
MOST = 20_000
"""Of each part, no more pairs than this are asked for, drawn at random: in a large graph all would take days."""


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Pairs of products, int64 [pairs, 2] each. No pair stands in two of them; in a graph that is not large, each in one."""

    train: np.ndarray
    """The graph of the training, and its positive examples."""
    valid: np.ndarray
    test: np.ndarray
    """Between products that the training knows."""
    new_known: np.ndarray
    """With a new product; part of the graph when the test asks, never in training."""
    new_test: np.ndarray
    new_products: np.ndarray
    """int64 [products], sorted."""

    @property
    def known(self) -> np.ndarray:
        """The pairs that the graph has when the test asks."""
        return np.concatenate([self.train, self.new_known])

    def with_at_most(self, partners: int, *, seed: int = SEED) -> np.ndarray:
        """The graph where each new product has no more than so many partners yet, drawn at random: int64 [pairs, 2]."""
        left = dict.fromkeys(self.new_products.tolist(), partners)
        kept = []
        for pair in np.random.default_rng(seed).permutation(self.new_known).tolist():
            ends = [node for node in pair if node in left]
            if all(left[node] for node in ends):
                kept.append(pair)
                for node in ends:
                    left[node] -= 1
        return np.concatenate([self.train, np.array(kept, dtype=np.int64).reshape(-1, 2)])


def hold_out(pairs: np.ndarray, num_nodes: int, *, seed: int = SEED) -> HeldOut:
    """Divide the pairs of a graph.

    Args:
        pairs: int64 [E, 2], each pair once.
        num_nodes: products, those without pairs included.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    new = np.zeros(num_nodes, dtype=bool)
    new[random.permutation(num_nodes)[: round(NEW_PRODUCTS * num_nodes)]] = True
    draw = random.random(len(pairs))
    of_new = new[pairs].any(axis=1)

    def some(part: np.ndarray) -> np.ndarray:
        return part if len(part) <= MOST else part[np.sort(random.permutation(len(part))[:MOST])]

    return HeldOut(
        train=pairs[~of_new & (draw >= VALID + TEST)],
        valid=some(pairs[~of_new & (draw < VALID)]),
        test=some(pairs[~of_new & (draw >= VALID) & (draw < VALID + TEST)]),
        new_known=pairs[of_new & (draw >= TEST)],
        new_test=some(pairs[of_new & (draw < TEST)]),
        new_products=np.flatnonzero(new),
    )
