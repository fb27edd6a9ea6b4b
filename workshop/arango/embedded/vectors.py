"""Vectors of a collection in memory: a matrix for exact ranking and a faiss index for approximate search.

Both follow the collection's writes: before each use they take the rows that were touched since the last one.
"""

import dataclasses
import math
import threading
from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np

from workshop.arango.embedded.aql.values import NUMERIC, reach
from workshop.arango.embedded.errors import ArangoError

DEAD, ABSENT, EXACT, GOOD = range(4)
"""States of a matrix row: removed; without a list of numbers there; to be looked at exactly; comparable in float32."""
SMALLEST, GREATEST = 1e-15, 1e15
"""Lengths of vectors that float32 arithmetic can compare within the error bounds below."""
TRAINING_POINTS = 256
"""Vectors for each inverted list that k-means is trained on at most, faiss's own default."""


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Rows in the order of a bound on their score: no row's exact score is better than its bound.

    `bounds` are ascending for "ascending" rankings and descending otherwise, float64 [n]; `rows` int64 [n]. `exact` are the
    rows whose score must be computed to be known, `absent` those that have no vector and so a score of null.
    """

    rows: np.ndarray
    bounds: np.ndarray
    exact: np.ndarray
    absent: np.ndarray


class Matrix:
    """The vectors at one attribute path of a collection, float32 [rows, dimension]."""

    def __init__(self, collection: Any, path: tuple[str, ...], dimension: int):
        self.collection = collection
        self.path = path
        self.dimension = dimension
        self.lock = threading.Lock()
        self._changes = collection.subscribe()
        self._clear(0)

    def _clear(self, capacity: int) -> None:
        self.count = 0
        self._rows = np.zeros(capacity, np.int64)
        self._states = np.zeros(capacity, np.int8)
        self._values = np.zeros((capacity, self.dimension), np.float32)
        self._lengths = np.zeros(capacity, np.float32)
        self._sums = np.zeros(capacity, np.float32)

    def refresh(self) -> None:
        """Take over what was written since the last call. Hold the lock."""
        touched = self._changes.take()
        if touched is not None and touched:
            rows = np.array(sorted(touched), np.int64)
            known = self._positions(rows)
            # A removed row that was dropped in a compaction can only come back when its removal is undone.
            if self.count and np.any((known < 0) & (rows <= self._rows[self.count - 1])):
                touched = None
            else:
                self._states[known[known >= 0]] = DEAD
                self._read(rows.tolist())
        if touched is None:
            self._clear(self.collection.count())
            self._read(None)
        elif touched and np.count_nonzero(self._states[: self.count] == DEAD) > self.count // 2 + 64:
            self._compact()

    def _positions(self, rows: np.ndarray) -> np.ndarray:
        """Where rows stand, -1 for those that are not there."""
        if not self.count:
            return np.full(len(rows), -1)
        places = np.minimum(np.searchsorted(self._rows[: self.count], rows), self.count - 1)
        return np.where(self._rows[places] == rows, places, -1)

    def _read(self, rows: list[int] | None) -> None:
        for row, document in self.collection.items(rows):
            self._put(row, reach(document, self.path))

    def _put(self, row: int, value: Any) -> None:
        """Store the vector of a row that is known, or that comes behind all others."""
        if self.count and row <= self._rows[self.count - 1]:
            place = int(self._positions(np.array([row]))[0])
        else:
            place = self.count
            self._grow()
            self.count += 1
            self._rows[place] = row
        self._states[place] = self._store(place, value)

    def _store(self, place: int, value: Any) -> int:
        if type(value) is not list:
            return ABSENT
        if len(value) != self.dimension or not NUMERIC.issuperset(map(type, value)):
            return EXACT
        vector, length = measured(value)
        if not SMALLEST < length < GREATEST:
            return EXACT
        self._values[place] = vector
        self._lengths[place] = length
        self._sums[place] = np.abs(vector).sum()
        return GOOD

    def _grow(self) -> None:
        if self.count < len(self._rows):
            return
        capacity = max(64, len(self._rows) * 3 // 2)
        for name in ("_rows", "_states", "_values", "_lengths", "_sums"):
            old = getattr(self, name)
            new = np.zeros((capacity, *old.shape[1:]), old.dtype)
            new[: self.count] = old[: self.count]
            setattr(self, name, new)

    def _compact(self) -> None:
        alive = self._states[: self.count] != DEAD
        for name in ("_rows", "_states", "_values", "_lengths", "_sums"):
            setattr(self, name, getattr(self, name)[: self.count][alive])
        self.count = int(np.count_nonzero(alive))

    def good(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows, int64 [n], and vectors, float32 [n, dimension], of all comparable vectors. Hold the lock."""
        chosen = self._states[: self.count] == GOOD
        return self._rows[: self.count][chosen], self._values[: self.count][chosen]

    def vectors(self, rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """The comparable ones among some rows, with their vectors. Hold the lock."""
        places = self._positions(np.array(rows, np.int64))
        places = places[places >= 0]
        places = places[self._states[places] == GOOD]
        return self._rows[places], self._values[places]

    def rank(self, query: list[float], measure: str, *, ascending: bool) -> Ranking | None:
        """Rank all rows by "cosine", "l1" or "l2"; None for a query that float32 cannot be trusted with."""
        vector, length = measured(query)
        if not SMALLEST < length < GREATEST:
            return None
        with self.lock:
            self.refresh()
            n = self.count
            rows, states = self._rows[:n], self._states[:n]
            scores, errors = self._scores(vector, length, measure)
            good = states == GOOD
            bounds = scores - errors if ascending else scores + errors
            if not good.all():
                bounds, ranked = bounds[good], rows[good]
            else:
                ranked = rows.copy()
            return Ranking(ranked, bounds, rows[states == EXACT], rows[states == ABSENT])

    def _scores(self, vector: np.ndarray, length: float, measure: str) -> tuple[np.ndarray, np.ndarray | float]:
        """Scores in float32 and how far they may be from the exact ones."""
        n = self.count
        values, lengths = self._values[:n], self._lengths[:n]
        query = vector.astype(np.float32)
        # Each product and sum is rounded to 24 bits: the usual bound for a dot product, generously doubled.
        unit = 2.0 * (self.dimension + 16) * 2.0**-24
        if measure == "l1":
            scores = np.empty(n, np.float32)
            for begin in range(0, n, 4096):
                scores[begin : begin + 4096] = np.abs(values[begin : begin + 4096] - query).sum(axis=1)
            return scores, unit * (self._sums[:n] + np.abs(vector).sum())
        dots = values @ query
        if measure == "cosine":
            with np.errstate(divide="ignore", invalid="ignore"):
                return dots / (lengths * np.float32(length)), unit
        squares = np.square(lengths, dtype=np.float64) + length**2 - 2.0 * dots
        error = unit * np.square(lengths + length, dtype=np.float64)
        near = np.sqrt(np.maximum(squares - error, 0.0))
        far = np.sqrt(np.maximum(squares + error, 0.0))
        return (near + far) / 2, (far - near) / 2 + 1e-12


def measured(values: list[float]) -> tuple[np.ndarray, float]:
    """A vector as float64 and its length, which is infinite or NaN where float64 does not suffice."""
    try:
        vector = np.array(values, np.float64)
    except OverflowError:
        return np.zeros(len(values)), math.inf
    with np.errstate(over="ignore"):
        return vector, math.sqrt(vector @ vector)


def in_order(ranking: Ranking, *, ascending: bool, first: int) -> Iterator[tuple[np.ndarray, float]]:
    """Chunks of a ranking's rows, best first, each with the best bound within it; `first` rows, then more and more."""
    keys = ranking.bounds if ascending else -ranking.bounds
    remaining = np.arange(len(keys))
    if first < len(keys):
        parted = np.argpartition(keys, first)
        part = parted[:first][np.argsort(keys[parted[:first]])]
        yield ranking.rows[part], float(ranking.bounds[part[0]])
        remaining = parted[first:]
    remaining = remaining[np.argsort(keys[remaining])]
    while len(remaining):
        part, remaining = remaining[:first], remaining[first:]
        yield ranking.rows[part], float(ranking.bounds[part[0]])
        first *= 2


class NearIndex:
    """A vector index: faiss's inverted lists over the matrix's vectors (`IndexIVFFlat`, as ArangoDB builds it).

    Cosine compares normalised vectors by their inner product. k-means starts from a fixed seed, so that an index built
    again over the same rows is the same.
    """

    def __init__(self, matrix: Matrix, parameters: dict[str, Any]):
        self.matrix = matrix
        self.metric = parameters["metric"]
        self.lists = parameters["nLists"]
        self.probes = parameters.get("defaultNProbe", 1)
        self.iterations = parameters.get("trainingIterations", 25)
        self.index: Any = None
        self._changes = matrix.collection.subscribe()

    def build(self) -> None:
        """Train on the vectors that are there and add them. ArangoError 10 when there are fewer than lists."""
        with self.matrix.lock:
            self._changes.take()
            self.matrix.refresh()
            rows, _ = self.matrix.good()
            if len(rows) < self.lists:
                message = f"Number of training points ({len(rows)}) should be at least as large as nLists ({self.lists})"
                raise ArangoError(10, message)
            self._rebuild()

    def _rebuild(self) -> None:
        rows, vectors = self.matrix.good()
        self.index = None
        if not len(rows):
            return
        inner = self.metric in ("cosine", "innerProduct")
        quantizer = (faiss.IndexFlatIP if inner else faiss.IndexFlatL2)(self.matrix.dimension)
        metric = faiss.METRIC_INNER_PRODUCT if inner else faiss.METRIC_L2
        # Of an index that is built again after documents were removed, fewer lists may be left to train.
        index = faiss.IndexIVFFlat(quantizer, self.matrix.dimension, min(self.lists, len(rows)), metric)
        index.cp.niter = self.iterations
        index.cp.max_points_per_centroid = TRAINING_POINTS
        index.cp.min_points_per_centroid = 1  # fewer are allowed: no warning
        index.cp.seed = 1234
        vectors = self._comparable(vectors)
        index.train(vectors)
        index.add_with_ids(vectors, rows)
        self.index = index

    def _comparable(self, vectors: np.ndarray) -> np.ndarray:
        if self.metric == "cosine":
            faiss.normalize_L2(vectors)
        return vectors

    def _refresh(self) -> None:
        touched = self._changes.take()
        self.matrix.refresh()
        if touched is None or (touched and self.index is None):
            self._rebuild()
        elif touched:
            self.index.remove_ids(np.array(sorted(touched), np.int64))
            rows, vectors = self.matrix.vectors(sorted(touched))
            if len(rows):
                self.index.add_with_ids(self._comparable(vectors), rows)

    def search(self, query: list[float], count: int, probes: int | None = None) -> np.ndarray:
        """The rows of the nearest vectors in the probed lists, nearest first, int64 [at most count]."""
        vector, length = measured(query)
        if self.metric == "cosine" and length > 0:
            vector = vector / length
        with self.matrix.lock, np.errstate(over="ignore", invalid="ignore"):
            self._refresh()
            if self.index is None or not self.index.ntotal:
                return np.zeros(0, np.int64)
            parameters = faiss.SearchParametersIVF(nprobe=min(probes or self.probes, self.index.nlist))
            wanted = min(count, self.index.ntotal)
            _, rows = self.index.search(vector.astype(np.float32)[np.newaxis], wanted, params=parameters)
        return rows[0][rows[0] >= 0]
