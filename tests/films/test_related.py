"""Films that share names."""

import numpy as np

from workshop.films.related import related_by, sharing

NAMES = [["Joel Coen", "Ethan Coen"], [], ["Ethan Coen", "Ethan Coen"], {"Joel|Ethan"}, ("Joel Coen", "Ethan Coen")]


def test_names_in_common():
    assert sharing(NAMES).tolist() == [[2, 0, 1, 0, 2], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1], [0, 0, 0, 1, 0], [2, 0, 1, 0, 2]]
    assert sharing([[], []]).tolist() == [[0, 0], [0, 0]]


def test_relatives_share_a_name_and_are_others():
    table = related_by(NAMES)
    assert table.dtype == bool
    assert [tuple(pair) for pair in np.argwhere(np.triu(table))] == [(0, 2), (0, 4), (2, 4)]
    assert np.array_equal(table, table.T)
