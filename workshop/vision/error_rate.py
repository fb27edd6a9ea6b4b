"""How far a found text is from the expected one: the character error rate."""

import math
from collections.abc import Iterable, Sequence

import numpy as np


def distance(first: str, second: str) -> int:
    """The fewest characters to insert, delete or replace that turn one text into the other.

    The dynamic programme of Wagner and Fischer (1974) for the distance of V. I. Levenshtein, "Binary codes capable of
    correcting deletions, insertions, and reversals", Soviet Physics Doklady 10 (1966); one row of the table at a time.
    """
    codes = np.array([ord(character) for character in second], np.int64)
    places = np.arange(len(codes) + 1)
    row = places  # from nothing to the beginnings of `second`
    for number, character in enumerate(first, start=1):
        above = np.empty_like(row)
        above[0] = number
        above[1:] = np.minimum(row[1:] + 1, row[:-1] + (codes != ord(character)))
        row = np.minimum.accumulate(above - places) + places  # an insertion costs 1 more than the cell at the left
    return int(row[-1])


def page_text(lines: Sequence[str], *, spaces: bool = True) -> str:
    """The lines of a page as one text: joined by single spaces, every run of white space a single one, none at the ends.

    Args:
        spaces: False takes out all white space: recognisers of the PP-OCR family often leave out the gaps between words.
    """
    return (" " if spaces else "").join(" ".join(lines).split())


def character_error_rate(expected: Sequence[str], found: Sequence[str], *, spaces: bool = True) -> float:
    """The distance from the expected text of one page to the found one, per expected character.

    Args:
        expected: the page's lines in reading order.
        found: what was read, in reading order; it need not be as many lines.
        spaces: whether spaces count, as in `page_text`.

    Returns:
        0.0 where nothing differs; above 1.0 where more was found than expected; infinite where text was found and none
        expected.
    """
    return pooled_error_rate([(expected, found)], spaces=spaces)


def pooled_error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], *, spaces: bool = True) -> float:
    """The error rate of many pages: the sum of their distances divided by the sum of their expected characters.

    Args:
        pairs: for each page the expected lines and the found ones.
        spaces: as in `character_error_rate`.
    """
    errors = characters = 0
    for expected, found in pairs:
        wanted = page_text(expected, spaces=spaces)
        errors += distance(wanted, page_text(found, spaces=spaces))
        characters += len(wanted)
    if characters == 0:
        return math.inf if errors else 0.0
    return errors / characters
