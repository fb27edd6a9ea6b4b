"""The pages with known text: the same in every draw, half of them hard, every line in its box."""

import io
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from workshop.errors import WorkshopError
from workshop.vision import pages as drawn
from workshop.vision.hardships import HARDSHIPS
from workshop.vision.layouts import LAYOUTS

PACKAGE = Path(find_spec("rapidocr_onnxruntime").origin).parent
RECOGNISER = PACKAGE / "models" / "ch_PP-OCRv4_rec_infer.onnx"


@pytest.fixture(scope="module")
def pages():
    return drawn.pages()


@pytest.fixture(scope="module")
def clean(pages):
    return [page for page in pages if page.difficulty == drawn.CLEAN]


def same(first, second):
    """Whether two pages are equal, pixel by pixel."""
    words = [(page.name, page.layout, page.difficulty, page.lines) for page in (first, second)]
    return (
        words[0] == words[1] and np.array_equal(first.picture, second.picture) and np.array_equal(first.boxes, second.boxes)
    )


def around(page, number, margin=0):
    """The upright rectangle of pixels around a line's box."""
    left, top = np.floor(page.boxes[number].min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(page.boxes[number].max(axis=0)).astype(int) + margin
    assert left >= 0 and top >= 0 and bottom <= page.picture.shape[0] and right <= page.picture.shape[1]
    return page.picture[top:bottom, left:right]


def ring(page, number):
    """The colours of the pixels that lie 2 pixels around a line's box."""
    part = around(page, number, margin=2)
    return np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])


def test_two_draws_are_equal(pages):
    assert all(same(first, second) for first, second in zip(pages, drawn.each_page(), strict=True))


@pytest.mark.parametrize("number", [0, 7, 41, 79])
def test_one_page_by_name_is_the_one_of_the_list(pages, number):
    assert same(drawn.page(pages[number].name), pages[number])


def test_names_are_known_without_drawing_and_unique(pages):
    assert [page.name for page in pages] == drawn.names()
    assert len(set(drawn.names(240))) == 240
    assert drawn.names(16) == drawn.names()[:16]


@pytest.mark.parametrize("name", ["receipt-00-clean", "sign-00", "sign-xx-clean", "", "sign-0-clean"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(WorkshopError, match="there is no page"):
        drawn.page(name)


@pytest.mark.parametrize("count", [7, -2])
def test_pages_come_in_pairs(count):
    with pytest.raises(WorkshopError, match="even number"):
        drawn.pages(count)


def test_half_are_clean_and_hardships_and_layouts_are_spread_evenly(pages):
    assert len(pages) == 80
    difficulties = Counter(page.difficulty for page in pages)
    assert difficulties == {drawn.CLEAN: 40} | dict.fromkeys(HARDSHIPS, 5)
    assert Counter(page.layout for page in pages) == dict.fromkeys(LAYOUTS, 10)


def test_the_recogniser_knows_every_character(pages):
    properties = onnx.load(str(RECOGNISER)).metadata_props
    characters = {one for found in properties if found.key == "character" for one in found.value.splitlines()}
    written = {character for page in pages for line in page.lines for character in line}
    assert written - characters == {" "}
    assert {"ä", "ü", "é", "ñ", "ö", "€"} & characters == {"ä", "ü", "é"}


def test_lines_are_tidy_and_many(pages):
    lines = [line for page in pages for line in page.lines]
    assert all(line == " ".join(line.split()) != "" for line in lines)
    assert len(set(lines)) > 500


def test_shapes_and_types(pages):
    for page in pages:
        assert page.picture.dtype == np.uint8 and page.picture.shape[2] == 3
        assert page.boxes.dtype == np.float32 and page.boxes.shape == (len(page.lines), 4, 2)


def test_boxes_lie_within_the_picture_and_hold_ink(pages):
    for page in pages:
        for number in range(len(page.lines)):
            grey = around(page, number).mean(axis=2)
            assert np.ptp(grey) > 12, page.name


def test_no_ink_leaves_its_box_on_a_page_that_is_clean_or_turned(pages):
    for page in pages:
        if page.difficulty in (drawn.CLEAN, "turned"):
            for number, line in enumerate(page.lines):
                assert len(np.unique(ring(page, number), axis=0)) == 1, (page.name, line)


def test_lines_keep_apart_and_stand_in_reading_order(clean):
    for page in clean:
        (left, top), (right, bottom) = page.boxes.min(axis=1).T, page.boxes.max(axis=1).T
        for one in range(len(page.lines)):
            for other in range(one + 1, len(page.lines)):
                in_one_row = top[other] < bottom[one]
                assert not in_one_row or left[other] - right[one] >= 24, (page.name, page.lines[one], page.lines[other])


def test_corners_go_clockwise_from_the_top_left_of_the_text(pages):
    for page in pages:
        right, down = page.boxes[:, 1] - page.boxes[:, 0], page.boxes[:, 3] - page.boxes[:, 0]
        assert (right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0] > 0).all()
        if page.difficulty == "rotated":
            angles = np.rad2deg(np.arctan2(right[:, 1], right[:, 0]))
            assert np.ptp(angles) < 0.1 and 2 <= abs(angles[0]) <= 12
        elif page.difficulty == "turned":
            assert (right[:, 0] < 1e-3).all()
        else:
            assert (right[:, 0] > 0).all() and np.abs(right[:, 1]).max() < 1e-3


@pytest.mark.parametrize(("format", "options"), [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {"lossless": True})])
def test_encoded_opens_again(pages, format, options):
    image = Image.open(io.BytesIO(pages[1].encoded(format, **options)))
    assert image.format == format
    away = np.abs(np.asarray(image.convert("RGB"), int) - pages[1].picture)
    assert away.mean() < (3 if format == "JPEG" else 1e-9)


def test_arranged_puts_shuffled_texts_into_the_order_of_the_lines(pages):
    for page in pages[1::2]:
        order = np.random.default_rng(1).permutation(len(page.lines))
        assert page.arranged(page.boxes[order], [page.lines[number] for number in order]) == list(page.lines)


def test_arranged_puts_two_halves_of_a_line_one_after_the_other():
    page = drawn.lines_page(["left right", "below"])
    (left, top), (right, bottom) = page.boxes[0].min(axis=0), page.boxes[0].max(axis=0)
    middle = (left + right) / 2
    halves = [[[a, top], [b, top], [b, bottom], [a, bottom]] for a, b in ((middle, right), (left, middle))]
    boxes = np.array([page.boxes[1], *halves])
    assert page.arranged(boxes, ["below", "right", "left"]) == ["left", "right", "below"]


def test_arranged_where_nothing_is_expected_or_found():
    empty = drawn.empty_page()
    assert empty.arranged(np.zeros((2, 4, 2)), ["a", "b"]) == ["a", "b"]
    assert drawn.lines_page(["a"]).arranged(np.zeros((0, 4, 2)), []) == []


def test_a_page_of_exactly_twenty_lines():
    lines = drawn.some_lines(20)
    page = drawn.lines_page(lines, face="mono", size=20)
    assert len(set(lines)) == 20 and page.lines == tuple(lines)
    for number in range(20):
        assert len(np.unique(ring(page, number), axis=0)) == 1
    assert (np.diff(page.boxes[:, 0, 1]) > 0).all()


def test_a_page_without_text():
    page = drawn.empty_page(320, 200)
    assert page.picture.shape == (200, 320, 3) and page.lines == () and page.boxes.shape == (0, 4, 2)
    assert drawn.lines_page([]).lines == ()
