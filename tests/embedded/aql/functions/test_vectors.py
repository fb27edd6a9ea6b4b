import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.aql_functions import call, check, table
from workshop.arango.embedded.errors import ArangoError

VECTORS = table(r"""
    COSINE_SIMILARITY([0, 1], [1, 0]) => 0
    COSINE_SIMILARITY([1, 2], [2, 4]) ~ 1.0
    COSINE_SIMILARITY([1.5, -2], [-1.5, 2]) ~ -1.0
    COSINE_SIMILARITY([0, 0], [1, 1]) warns 1561
    COSINE_SIMILARITY([[1, 1], [0, 0]], [1, 1]) warns 1561
    L1_DISTANCE([1, 1], [3, 5]) => 6
    L1_DISTANCE([1.5], [3]) ~ 1.5
    L2_DISTANCE([1, 1], [4, 5]) => 5
    L2_DISTANCE([1e200], [-1e200]) => null
""")

UNFIT = table(r"""
    [1], [1, 2]
    [], []
    [1], null
    "ab", "ab"
    [1], ["1"]
    [true], [1]
    [null], [1]
    [[1, 2], [1]], [1, 2]
    [[1], 2], [1]
    [[1]], [[1]]
""")


@pytest.mark.parametrize("case", VECTORS)
def test_vectors(case):
    check(case)


@pytest.mark.parametrize("flipped", [False, True])
def test_a_matrix_against_a_vector_gives_one_number_for_each_row(flipped):
    arguments = [[[0, 1], [1, 0], [1, 1]], [0, 1]][:: -1 if flipped else 1]
    assert call("L1_DISTANCE", *arguments) == [0, 2, 1]
    assert call("L2_DISTANCE", *arguments) == pytest.approx([0, math.sqrt(2), 1])
    assert call("COSINE_SIMILARITY", *arguments) == pytest.approx([1, 0, math.sqrt(0.5)])


@pytest.mark.parametrize("name", ["COSINE_SIMILARITY", "L1_DISTANCE", "L2_DISTANCE"])
@pytest.mark.parametrize("arguments", UNFIT)
def test_vectors_that_do_not_fit_warn(name, arguments):
    check(f"{name}({arguments}) warns 1542")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.floats(-1e6, 1e6).map(lambda value: value if abs(value) > 1e-3 else 1.0)] * 2),
        min_size=1,
        max_size=20,
    )
)
def test_vectors_agree_with_numpy(pairs):
    one, other = (list(each) for each in zip(*pairs))
    assert call("L1_DISTANCE", one, other) == pytest.approx(np.abs(np.subtract(one, other)).sum())
    assert call("L2_DISTANCE", one, other) == pytest.approx(np.linalg.norm(np.subtract(one, other)))
    cosine = np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other))
    assert call("COSINE_SIMILARITY", one, other) == pytest.approx(cosine, abs=1e-9)


@pytest.mark.parametrize("name", ["APPROX_NEAR_COSINE", "APPROX_NEAR_L2", "APPROX_NEAR_INNER_PRODUCT"])
def test_approximate_search_needs_an_index(name):
    for arguments in ([[1], [1]], [[1], [1], {"nProbe": 5}]):
        with pytest.raises(ArangoError) as caught:
            call(name, *arguments)
        assert caught.value.number == 1554 and caught.value.http == 400
