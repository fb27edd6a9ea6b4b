"""The photographs out of packages: their files, licences and classes."""

import numpy as np
import pytest

from workshop.vision import classification, pictures
from workshop.vision.photographs import OUTSIDE, PHOTOGRAPHS


@pytest.mark.parametrize("photograph", PHOTOGRAPHS + OUTSIDE, ids=lambda one: one.name)
def test_each_is_there_whole_with_its_licence(photograph):
    pixels = pictures.decode(photograph.file.read_bytes())
    assert pixels.dtype == np.uint8 and min(pixels.shape[:2]) >= 224
    assert photograph.licence and photograph.author


def test_there_are_a_dozen_with_a_class_of_imagenet():
    names = classification.labels()
    assert len(PHOTOGRAPHS) >= 12
    assert all(one.classes and set(one.classes) <= set(names) for one in PHOTOGRAPHS)
    assert not any(one.classes for one in OUTSIDE)
    assert len({one.name for one in PHOTOGRAPHS + OUTSIDE}) == len(PHOTOGRAPHS + OUTSIDE)
    assert len({one.sha256 for one in PHOTOGRAPHS + OUTSIDE}) == len(PHOTOGRAPHS + OUTSIDE)
