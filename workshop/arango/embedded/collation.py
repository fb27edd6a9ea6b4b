"""The order of strings: ArangoDB's collation for its default language, from the Unicode collation algorithm.

Letters come first by base letter, then by accent, then by case with capitals before small letters; punctuation counts.
Texts that are alike in all of that are ordered by code points, which is the order of their UTF-8 bytes.
"""

import re
import unicodedata
from functools import cache, lru_cache

import pyuca

# Third-level weights of capital letters (and of kana in full size, which Unicode counts as such).
_CAPITAL = frozenset((*range(0x08, 0x0D), 0x0E, 0x11, 0x12, 0x1D))
_LONG = 256  # keys of longer texts are not kept

# A character of ASCII stands for itself unless one beyond ASCII follows, which may be its accent.
_PIECES = re.compile(r"(?:[\x00-\x7f](?![^\x00-\x7f]))+|[\x00-\x7f]?[^\x00-\x7f]+")


def collation_key(text: str) -> str:
    """Return a key for comparing texts: keys have the order of the collation and are equal for equal texts only."""
    return _kept_key(text) if len(text) <= _LONG else _key(text)


def _key(text: str) -> str:
    """Join the weights of three levels and the text; 0 separates, and no weight is 0, so that prefixes come first."""
    if text.isascii():
        base, case = _ascii()
        first = text.translate(base)
        return f"{first}\0{chr(0x20) * len(first)}\0{text.translate(case)}\0{text}"
    levels = zip(*map(_weights, _PIECES.findall(unicodedata.normalize("NFD", text))))
    return "\0".join((*map("".join, levels), text))


_kept_key = lru_cache(maxsize=1 << 16)(_key)


@cache
def _collator() -> pyuca.Collator:
    return pyuca.Collator()


@cache
def _ascii() -> tuple[dict[int, str], dict[int, str]]:
    """The weights of the first and the third level of every ASCII character; those of the second are all the same."""
    weights = [_element_weights(chr(code)) for code in range(128)]
    return {i: each[0] for i, each in enumerate(weights)}, {i: each[2] for i, each in enumerate(weights)}


@lru_cache(maxsize=1 << 12)
def _weights(piece: str) -> tuple[str, str, str]:
    if piece.isascii():
        base, case = _ascii()
        first = piece.translate(base)
        return first, chr(0x20) * len(first), piece.translate(case)
    return _element_weights(piece)


def _element_weights(piece: str) -> tuple[str, str, str]:
    """The weights of each level as characters of these codes; capitals are put before what is not capital."""
    elements = _collator().collation_elements(piece)
    first = "".join(chr(each[0]) for each in elements if each[0])
    second = "".join(chr(each[1]) for each in elements if each[1])
    third = "".join(chr(each[2] if each[2] in _CAPITAL else each[2] + 0x20) for each in elements if each[2])
    return first, second, third
