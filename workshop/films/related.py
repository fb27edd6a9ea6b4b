"""Which films are relatives: the stand-in for "a right recommendation" that recommendations are measured by."""

from collections.abc import Collection, Sequence

import numpy as np
from sklearn.preprocessing import MultiLabelBinarizer


def sharing(names: Sequence[Collection[str]]) -> np.ndarray:
    """How many names each two films have in common.

    Args:
        names: for each film a collection of names, such as its directors or its genres; each name counts once.

    Returns:
        int64 [films, films]; the diagonal tells how many names each film has.
    """
    has = MultiLabelBinarizer().fit_transform([set(found) for found in names])  # 0 or 1, [films, names]
    return has @ has.T


def related_by(names: Sequence[Collection[str]]) -> np.ndarray:
    """Which two films share a name, bool [films, films]; no film is its own relative."""
    table = sharing(names) > 0
    np.fill_diagonal(table, False)
    return table
