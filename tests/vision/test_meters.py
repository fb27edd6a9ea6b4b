"""Drawn crops: the same ones for the same seed, all kinds, only the characters that there are."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

from workshop.vision import meters


@pytest.fixture(scope="module")
def crops():
    return list(meters.drawn(11, 600))


@pytest.mark.parametrize("kind", [*meters.KINDS, None])
def test_a_seed_gives_the_same_crop_again(kind):
    one, other, third = (meters.draw(np.random.default_rng(seed), kind) for seed in (3, 3, 4))
    assert one[1] == other[1] and np.array_equal(one[0], other[0])
    assert one[0].shape != third[0].shape or not np.array_equal(one[0], third[0])


def test_a_crop_depends_on_its_number_alone(crops):
    again = next(meters.drawn(11, 1, first=400))
    assert (again.text, again.kind) == (crops[400].text, crops[400].kind)
    assert np.array_equal(again.image, crops[400].image)


def test_what_a_crop_is(crops):
    for crop in crops:
        height, width, channels = crop.image.shape
        assert crop.image.dtype == np.uint8 and channels == 3
        assert 18 <= height < 72 and 8 <= width < 20 * height
        assert crop.text == crop.text.strip() and 0 < len(crop.text) <= 20
        assert set(crop.text) <= set(meters.CHARACTERS)
        assert crop.image.std() > 2


def test_kinds_come_in_turn(crops):
    assert [crop.kind for crop in crops[:4]] == ["price", "segments", "counter", "price"]


def test_every_character_is_written_somewhere(crops):
    assert {character for crop in crops for character in crop.text} == set(meters.CHARACTERS)


def test_no_columns_are_too_few_for_a_text(crops):
    """CTC needs a column a character, and one more between two that are the same. A column is four pixels of 48."""
    for crop in crops:
        repeats = sum(one == other for one, other in zip(crop.text, crop.text[1:]))
        assert crop.image.shape[1] * 48 / crop.image.shape[0] / 4 >= len(crop.text) + repeats, crop.text


@pytest.mark.parametrize("name", meters.FONTS)
def test_every_character_is_in_every_font(name):
    font = FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"))
    assert [one for one in meters.CHARACTERS if font.get_char_index(ord(one)) == 0] == []


def test_displays_show_different_digits_differently():
    shapes = [frozenset(meters.SEGMENTS[digit]) for digit in "0123456789"]
    shapes += [frozenset(shape) for shape in meters.TAILLESS.values()]
    assert len(set(shapes)) == len(shapes)


def test_an_unknown_kind_is_told():
    with pytest.raises(ValueError, match="no kind of crop; there are price, segments, counter"):
        meters.draw(np.random.default_rng(0), "dial")
