"""The course's product graph: a catalogue and its co-purchases, made from the vocabulary by the rules written here.

Products. Each type gets a share of the catalogue, each product a brand of its category (the first ones named are the
largest), a look that suits one of six tastes, and one or two details; its title is made of these. How attractive a
product is follows a power law.

Co-purchases. Customers fill baskets. A basket begins with one product, which is drawn by attraction (each product begins one
basket at least: it is on sale because it sells). Its companions are, by the shares of `COMPANIONS`, of a type that goes
with the first one, of a type that replaces it, anything of the same category, or anything at all, which is the noise. Within
the type a companion is chosen for the customer's taste, for the brand, or for its attraction alone (`CHOICES`). All
products in one basket were bought together.

The graph has the shape of ogbn-products (https://ogb.stanford.edu/docs/nodeprop/#ogbn-products): 47 categories, few
products with very many co-purchases, many triangles, and most edges within a category.
"""

import numpy as np

from workshop.errors import WorkshopError
from workshop.products import vocabulary
from workshop.products.catalogue import Products

COUNT = 13_000
"""Products of the default graph."""
BASKETS = 5
"""Baskets a product, on average."""
COMPANIONS = {"goes with": 0.50, "replaces": 0.25, "same category": 0.20, "anything": 0.05}
"""What a companion in the basket is to the first product."""
CHOICES = {"taste": 0.45, "brand": 0.20, "attraction": 0.35}
"""What a companion is chosen for among the products of its type."""
FURTHER, FURTHER_CHANCE = 3, 0.4
"""A basket has one companion, and up to so many further ones, each with this chance."""
TAIL = 1.3
"""Exponent of the attraction's power law: P(attraction > x) = x ** -TAIL."""
SPREAD = 0.5
"""Standard deviation of the logarithm of the shares of types, and of those of categories."""
BRAND_DECAY = 0.8
"""Share of a category's next brand, relative to the one named before."""
LOYAL = 0.7
"""How often a customer's taste is that of the first product; otherwise it is any."""
WITHOUT_LOOK, ONE_DETAIL = 0.15, 0.3
"""How many titles leave out the look, and how many name one detail instead of two."""


def generate(*, count: int = COUNT, seed: int = 0) -> Products:
    """Make a catalogue with its co-purchases; the same count and seed give the same one.

    Args:
        count: number of products, at least as many as the vocabulary has types.
        seed: of every draw.

    Raises:
        WorkshopError: there are fewer products than types, or the vocabulary has faults.
    """
    categories = vocabulary.load()
    types = [kind for category in categories for kind in category.types]
    if count < len(types):
        raise WorkshopError(f"{count} products are too few: the vocabulary has {len(types)} types, and each needs one")
    random = np.random.default_rng(seed)
    labels_of_types = np.array([kind.label for kind in types])
    kinds = _kinds(labels_of_types, count, random)
    brands, tastes, titles = _titles(categories, types, kinds, random)
    attraction = (1 - random.random(count)) ** (-1 / TAIL)
    baskets = _baskets(types, kinds, labels_of_types[kinds], brands, tastes, attraction, random)
    pairs, counts = _pairs(baskets, count)
    return Products(
        ids=[f"P{number:06d}" for number in range(count)],
        titles=titles,
        labels=labels_of_types[kinds],
        categories=[category.name for category in categories],
        ogb_categories=[category.ogb for category in categories],
        co_purchases=pairs,
        counts=counts,
    )


def _kinds(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """The type of each product, int64 [count]: every type once, the others by its share."""
    categories = random.lognormal(sigma=SPREAD, size=labels.max() + 1)
    shares = random.lognormal(sigma=SPREAD, size=len(labels)) * categories[labels]
    more = random.choice(len(labels), size=count - len(labels), p=shares / shares.sum())
    return random.permutation(np.concatenate([np.arange(len(labels)), more]))


def _titles(
    categories: list[vocabulary.Category],
    types: list[vocabulary.ProductType],
    kinds: np.ndarray,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Brand and taste of each product, int64 [count] each, and its title; a title that is taken gets a model number."""
    number_of = {name: number for number, name in enumerate(dict.fromkeys(b for c in categories for b in c.brands))}
    brands, tastes, titles, taken = [], [], [], {}
    for kind in (types[number] for number in kinds):
        category = categories[kind.label]
        shares = BRAND_DECAY ** np.arange(len(category.brands))
        brand = category.brands[random.choice(len(category.brands), p=shares / shares.sum())]
        taste = int(random.integers(len(vocabulary.TASTES)))
        look = category.looks[taste][random.integers(len(category.looks[taste]))]
        words = [brand, kind.name] if random.random() < WITHOUT_LOOK else [brand, look, kind.name]
        chosen = random.permutation(len(kind.details))[: 1 if random.random() < ONE_DETAIL else 2]
        title = ", ".join([" ".join(words), *(kind.details[place] for place in chosen)])
        taken[title] = taken.get(title, 0) + 1
        titles.append(title if taken[title] == 1 else f"{title}, model {taken[title]}")
        brands.append(number_of[brand])
        tastes.append(taste)
    return np.array(brands), np.array(tastes), titles


def _baskets(
    types: list[vocabulary.ProductType],
    kinds: np.ndarray,
    labels: np.ndarray,
    brands: np.ndarray,
    tastes: np.ndarray,
    attraction: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Products by basket, int64 [baskets, 2 + FURTHER], the first one first; -1 where a basket has fewer."""
    count = len(kinds)
    anyone = _Groups(np.zeros(count, dtype=np.int64), attraction)
    more = anyone.draw(np.zeros((BASKETS - 1) * count, dtype=np.int64), random)
    first = np.concatenate([np.arange(count), more])
    size = (len(first), 1 + FURTHER)
    taste = np.where(
        random.random(len(first)) < LOYAL, tastes[first], random.integers(len(vocabulary.TASTES), size=len(first))
    )

    relation = random.choice(len(COMPANIONS), size=size, p=list(COMPANIONS.values()))
    choice = random.choice(len(CHOICES), size=size, p=list(CHOICES.values()))
    complements, substitutes = _related(types)
    anchor = np.broadcast_to(first[:, None], size)
    wanted = np.where(relation == 0, complements.draw(kinds[anchor], random), substitutes.draw(kinds[anchor], random))

    # A choice for which there is no product of the wanted type falls back to attraction alone.
    by_type = _Groups(kinds, attraction)
    by_taste = _Groups(kinds * len(vocabulary.TASTES) + tastes, attraction)
    by_brand = _Groups(kinds * (brands.max() + 1) + brands, attraction)
    companion = by_type.draw(wanted, random)
    for_taste = by_taste.draw(wanted * len(vocabulary.TASTES) + taste[:, None], random)
    companion = np.where((choice == 0) & (for_taste >= 0), for_taste, companion)
    for_brand = by_brand.draw(wanted * (brands.max() + 1) + brands[anchor], random)
    companion = np.where((choice == 1) & (for_brand >= 0), for_brand, companion)
    companion = np.where(relation == 2, _Groups(labels, attraction).draw(labels[anchor], random), companion)
    companion = np.where(relation == 3, anyone.draw(np.zeros(size, dtype=np.int64), random), companion)

    present = random.random(size) < FURTHER_CHANCE
    present[:, 0] = True
    return np.column_stack([first, np.where(present, companion, -1)])


def _related(types: list[vocabulary.ProductType]) -> tuple["_Groups", "_Groups"]:
    """For each type, the types that go with it and those that replace it, itself among them; rules hold both ways."""
    number = {kind.name: place for place, kind in enumerate(types)}
    complements = {(number[kind.name], number[other]) for kind in types for other in kind.complements}
    substitutes = {(number[kind.name], number[other]) for kind in types for other in kind.substitutes}
    found = []
    for rules in (complements, substitutes):
        both = sorted(rules | {(second, first) for first, second in rules})
        own = [] if rules is complements else [(place, place) for place in range(len(types))] * 2
        keys, members = np.array(both + own).T
        found.append(_Groups(keys, np.ones(len(keys)), members))
    return found[0], found[1]


class _Groups:
    """Members by key, drawn within their group in proportion to their weights."""

    def __init__(self, keys: np.ndarray, weights: np.ndarray, members: np.ndarray | None = None):
        order = np.argsort(keys, kind="stable")
        self.keys = keys[order]
        self.members = order if members is None else members[order]
        self.cumulated = np.concatenate([[0.0], np.cumsum(weights[order])])

    def draw(self, keys: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """One member for each key, of the keys' shape; -1 where the group is empty."""
        begin, end = np.searchsorted(self.keys, keys, "left"), np.searchsorted(self.keys, keys, "right")
        low, high = self.cumulated[begin], self.cumulated[end]
        place = np.searchsorted(self.cumulated, low + random.random(keys.shape) * (high - low), "right") - 1
        place = np.clip(place, begin, np.maximum(end - 1, begin))
        return np.where(begin < end, self.members[np.minimum(place, len(self.members) - 1)], -1)


def _pairs(baskets: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every two products that shared a basket, int64 [E, 2], the smaller first, and how often, int64 [E]."""
    columns = range(baskets.shape[1])
    pairs = np.concatenate([baskets[:, (one, other)] for one in columns for other in columns if one < other])
    pairs = np.sort(pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])], axis=1)
    keys, counts = np.unique(pairs[:, 0] * count + pairs[:, 1], return_counts=True)
    return np.column_stack([keys // count, keys % count]), counts
