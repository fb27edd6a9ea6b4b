"""Distances and similarities of vectors: arrays of numbers, or an array of vectors against one vector."""

from collections.abc import Callable

import numpy as np

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import NUMERIC, AqlWarning, number, wrong_type
from workshop.arango.embedded.errors import ArangoError


def _vector(name: str, values) -> np.ndarray:
    if type(values) is not list or not values or not NUMERIC.issuperset(map(type, values)):
        raise wrong_type(name)
    return np.array(values, np.float64)


def _register(name: str, measure: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """Register a function of two vectors, of which one may be an array of vectors of the same length.

    `measure` takes a matrix (rows, width) and a vector (width) and returns one number for each row.
    """

    def call(one, other):
        if type(one) is not list or type(other) is not list or not one or not other:
            raise wrong_type(name)
        if type(one[0]) is list:
            rows, vector = one, _vector(name, other)
        elif type(other[0]) is list:
            rows, vector = other, _vector(name, one)
        else:
            return one_pair(one, other)
        matrix = np.stack([_sized(name, row, len(vector)) for row in rows])
        with np.errstate(over="ignore", invalid="ignore"):
            results = [number(result) for result in measure(matrix, vector).tolist()]
        return None if None in results else results

    def one_pair(one, other):
        """The frequent case, called for each document: as few steps as possible."""
        if len(one) != len(other) or not NUMERIC.issuperset(map(type, one)) or not NUMERIC.issuperset(map(type, other)):
            raise wrong_type(name)
        both = np.array((one, other), np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            return number(measure(both[:1], both[1]).item())

    function(name, 2, 2)(call)


def _sized(name: str, values, width: int) -> np.ndarray:
    vector = _vector(name, values)
    if len(vector) != width:
        raise wrong_type(name)
    return vector


def _cosine(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix)) * np.sqrt(vector @ vector)
    if not lengths.all():
        raise AqlWarning(1561, "in function 'COSINE_SIMILARITY()': invalid arithmetic value")
    return np.clip(matrix @ vector / lengths, -1.0, 1.0)


_register("COSINE_SIMILARITY", _cosine)
_register("L1_DISTANCE", lambda matrix, vector: np.abs(matrix - vector).sum(axis=1))
_register("L2_DISTANCE", lambda matrix, vector: np.sqrt(np.square(matrix - vector).sum(axis=1)))


def _register_search(name: str) -> None:
    """Register a function that only a vector index can compute: a call that is left to run has found none."""

    def call(one, other, options=None):
        raise ArangoError(1554, f"failed vector search: {name}() found no vector index that it could use")

    function(name, 2, 3, deterministic=False)(call)


for _name in ("APPROX_NEAR_COSINE", "APPROX_NEAR_L2", "APPROX_NEAR_INNER_PRODUCT"):
    _register_search(_name)
