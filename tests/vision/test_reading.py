"""What stands before, between and behind the networks of the OCR pipeline, against arrays made by hand."""

import itertools
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.vision import reading

MOST_PIXELS = reading.FLATTEST * reading.DETECTION_SIDE**2
"""What the detector sees at most: a strip of eight to one, 4.3 million pixels."""


def blank(width, height, value=0):
    return np.full((height, width, 3), value, np.uint8)


def rectangle(middle, size, angle=0.0):
    """Corners of a turned rectangle, clockwise from its own top left, float32 [4, 2]."""
    turn = math.radians(angle)
    across = np.array([math.cos(turn), math.sin(turn)]) * size[0] / 2
    down = np.array([-math.sin(turn), math.cos(turn)]) * size[1] / 2
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.float32([np.array(middle) + x * across + y * down for x, y in signs])


# fit and detection_input


@pytest.mark.parametrize(
    "size, fitted, margin",
    [
        ((640, 480), (640, 480), (0, 0)),
        ((2000, 1500), (2000, 1500), (0, 0)),
        ((4000, 3000), (1984, 1504), (0, 0)),
        ((3000, 4000), (1504, 1984), (0, 0)),
        ((1, 1), (32, 32), (0, 0)),
        ((20, 40), (32, 64), (0, 0)),
        ((40, 30), (40, 60), (0, 15)),
        ((800, 100), (800, 100), (0, 0)),
        ((808, 100), (808, 202), (0, 51)),
        ((100, 808), (202, 808), (51, 0)),
        ((8000, 100), (1984, 496), (0, 232)),
    ],
)
def test_fit(size, fitted, margin):
    found = reading.fit(blank(*size, 255))
    assert found.pixels.shape == (*fitted[::-1], 3) and found.margin == margin and found.size == size
    across, down = margin
    inner = found.pixels[down : fitted[1] - down, across : fitted[0] - across]
    assert (inner == 255).all() and found.pixels.astype(int).sum() == inner.astype(int).sum()  # the margins are black


@given(
    st.one_of(
        st.tuples(st.integers(1, 6000), st.integers(1, 50)),
        st.tuples(st.integers(1, 50), st.integers(1, 6000)),
        st.tuples(st.integers(1, 2500), st.integers(1, 2500)),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_picture_fits_and_has_a_way_back(size):
    fitted = reading.fit(blank(*size))
    high, wide = fitted.pixels.shape[:2]
    assert min(high, wide) >= reading.SHORTEST and max(high, wide) <= reading.LONGEST
    assert max(high, wide) <= reading.FLATTEST * min(high, wide)
    across, down = fitted.margin
    corners = rectangle((wide / 2, high / 2), (wide - 2 * across, high - 2 * down))
    np.testing.assert_allclose(fitted.back(corners[None])[0], rectangle(np.array(size) / 2, size), atol=1)
    x = reading.detection_input(fitted.pixels)
    assert x.shape[2] % reading.GRID == x.shape[3] % reading.GRID == 0
    assert min(x.shape[2:]) >= reading.DETECTION_SIDE and x.shape[2] * x.shape[3] <= MOST_PIXELS


def test_the_largest_that_the_detector_sees():
    assert reading.detection_input(reading.fit(blank(1000, 125)).pixels).shape == (1, 3, 736, 5888)


@pytest.mark.parametrize("size", [(40_000_000, 1), (1, 40_000_000)])
def test_a_picture_one_pixel_high_or_wide(size):
    fitted = reading.fit(blank(*size))
    assert sorted(fitted.pixels.shape[:2]) == [496, 1984]
    assert fitted.back(rectangle((992, 992), (4000, 4000))[None]).max() == 40_000_000


def test_boxes_stay_within_the_picture():
    fitted = reading.fit(blank(808, 100))
    outside = rectangle((404, 101), (2000, 600))[None]
    np.testing.assert_array_equal(fitted.back(outside)[0], rectangle((404, 50), (808, 100)))
    assert fitted.back(np.zeros((0, 4, 2), np.float32)).shape == (0, 4, 2)


def test_the_detectors_input():
    pixels = blank(640, 480)
    pixels[:, :, 0], pixels[:, :, 1] = 255, 51
    x = reading.detection_input(pixels)
    assert x.shape == (1, 3, 736, 992) and x.dtype == np.float32
    np.testing.assert_allclose(x[0, :, 100, 100], [1, -0.6, -1], atol=1e-6)  # blue, green, red
    assert reading.detection_input(blank(1000, 800)).shape == (1, 3, 800, 992)


# find_boxes


def drawn(*rectangles, size=(320, 160), probability=0.9):
    """A map of zeros with rectangles, float32 [height, width]."""
    found = np.zeros(size[::-1], np.float32)
    for corners in rectangles:
        cv2.fillPoly(found, [np.round(corners).astype(np.int32)], probability)
    return found


def growth(width, height):
    return width * height * reading.UNCLIP / (2 * (width + height))


def test_a_box_is_grown_on_all_sides():
    core = rectangle((160, 80), (200, 20))
    (box,) = reading.find_boxes(drawn(core), (320, 160))
    expected = rectangle((160, 80), (200 + 2 * growth(200, 20), 20 + 2 * growth(200, 20)))
    np.testing.assert_allclose(box, expected, atol=2)


@pytest.mark.parametrize("angle", [-30, -10, 5, 20, 40])
def test_a_turned_box(angle):
    core = rectangle((160, 160), (180, 24), angle)
    (box,) = reading.find_boxes(drawn(core, size=(320, 320)), (320, 320))
    expected = rectangle((160, 160), (180 + 2 * growth(180, 24), 24 + 2 * growth(180, 24)), angle)
    np.testing.assert_allclose(box, expected, atol=5)  # a slanted edge in pixels, and dilated, is a little farther out


def test_boxes_in_the_pixels_of_the_fitted_picture():
    core = rectangle((160, 80), (200, 20))
    (box,) = reading.find_boxes(drawn(core), (640, 80))
    (same,) = reading.find_boxes(drawn(core), (320, 160))
    np.testing.assert_allclose(box, same * (2, 0.5), atol=1)


def test_boxes_end_at_the_border():
    (box,) = reading.find_boxes(drawn(rectangle((160, 5), (400, 20))), (320, 160))
    assert box.min() == 0 and box[:, 0].max() == 319


@pytest.mark.parametrize(
    "probability",
    [
        drawn(),
        drawn(rectangle((160, 80), (200, 20)), probability=0.29),
        drawn(rectangle((160, 80), (200, 20)), probability=0.45),
        drawn(rectangle((160, 80), (200, 1))),
        drawn(rectangle((160, 80), (1, 1))),
        drawn(size=(32, 32)),
    ],
    ids=["empty", "unlikely", "likely here and there", "too thin", "a speck", "empty and small"],
)
def test_no_box(probability):
    boxes = reading.find_boxes(probability, probability.shape[::-1])
    assert boxes.shape == (0, 4, 2) and boxes.dtype == np.float32


def test_two_lines_from_the_top():
    boxes = reading.find_boxes(drawn(rectangle((160, 110), (200, 16)), rectangle((160, 50), (200, 16))), (320, 160))
    assert boxes.shape == (2, 4, 2) and boxes.dtype == np.float32
    np.testing.assert_allclose(boxes.mean(axis=1), [[160, 50], [160, 110]], atol=1)


@pytest.mark.parametrize("seed", range(8))
def test_any_map_gives_boxes_that_can_be_cut_out(seed):
    rng = np.random.default_rng(seed)
    probability = cv2.GaussianBlur(rng.random((160, 224), np.float32), (0, 0), 1 + seed % 4)
    probability = (probability - probability.min()) / np.ptp(probability)
    for _ in range(4):
        middle, size = rng.uniform(-20, 250, 2), rng.uniform(2, 400, 2)
        corners = rectangle(middle, size, rng.uniform(-90, 90)).astype(np.int32)
        cv2.fillPoly(probability, [corners], float(rng.uniform(0.3, 1)))
    pixels = blank(500, 300, 9)
    for box in reading.find_boxes(probability, (500, 300)):
        assert (box >= 0).all() and (box <= (499, 299)).all()
        crop = reading.crop(pixels, box)
        assert (crop == 9).all() and reading.line(crop).shape[0] == reading.LINE_HEIGHT


def test_unclip():
    outline = reading.unclip(rectangle((100, 50), (80, 20)))
    assert outline.dtype == np.int32 and outline.shape[1] == 2
    low, high = outline.min(axis=0), outline.max(axis=0)
    grown = growth(80, 20)
    np.testing.assert_allclose(low, [60 - grown, 40 - grown], atol=1)
    np.testing.assert_allclose(high, [140 + grown, 60 + grown], atol=1)
    middle, size, _ = cv2.minAreaRect(outline)
    assert np.allclose(middle, (100, 50), atol=1)
    assert reading.unclip(rectangle((100, 50), (80, 20)), 3.2)[:, 0].min() == pytest.approx(60 - 2 * grown, abs=1)


@pytest.mark.parametrize("angle", [-44, -20, -1, 0, 1, 20, 44])
@pytest.mark.parametrize("size", [(100, 20), (60, 60), (200, 50)])
def test_clockwise_whatever_the_order(size, angle):
    corners = rectangle((150, 150), size, angle)
    for order in itertools.permutations(range(4)):
        np.testing.assert_array_equal(reading.clockwise(corners[list(order)]), corners)


# in_reading_order


def ordered(boxes):
    """The numbers of boxes (middle, size, angle) in reading order."""
    made = np.array([rectangle(*box) for box in boxes], np.float32).reshape(-1, 4, 2)
    found = reading.in_reading_order(made)
    assert found.shape == made.shape and found.dtype == np.float32
    return [next(number for number, box in enumerate(made) if np.array_equal(box, one)) for one in found]


def test_no_box_and_one():
    assert ordered([]) == []
    assert ordered([((50, 50), (80, 20))]) == [0]


def test_two_columns_are_read_line_by_line():
    assert ordered([((x, y), (180, 24)) for x in (100, 320) for y in (30, 60, 90)]) == [0, 3, 1, 4, 2, 5]


def test_columns_whose_lines_are_not_level_keep_their_order():
    """Each line is near the next one of the other column: they are no single line for that."""
    left = [((100 + number * 7 % 5, 30 + 24 * number), (180, 26)) for number in range(8)]
    right = [((320 + number * 3 % 4, 42 + 24 * number), (180, 26)) for number in range(8)]
    assert ordered(left + right) == [number for pair in zip(range(8), range(8, 16)) for number in pair]


def test_words_of_slightly_tilted_lines():
    turn = math.tan(math.radians(3))
    words = [((x, y + x * turn), (70, 24), 3) for y in (30, 80) for x in (40, 130, 220, 310)]
    assert ordered(words) == list(range(8))
    assert ordered(words[::-1]) == list(range(8))[::-1]


def test_a_table_with_cells_of_several_sizes():
    rows = [
        ((60 + 120 * column, 30 + 40 * row), (40 + 20 * column, 18 + 4 * column)) for row in range(3) for column in range(3)
    ]
    shuffled = np.random.default_rng(0).permutation(9)
    assert [shuffled[number] for number in ordered([rows[number] for number in shuffled])] == list(range(9))


def test_small_print_beside_a_headline_is_below_it():
    assert ordered([((300, 62), (100, 12)), ((100, 50), (180, 60))]) == [1, 0]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(4, 200), st.integers(4, 60)), max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_box_stays_whatever_the_order(boxes):
    made = np.array([rectangle((x, y), (w, h)) for x, y, w, h in boxes], np.float32).reshape(-1, 4, 2)
    found = reading.in_reading_order(made)
    assert sorted(found.reshape(-1, 8).tolist()) == sorted(made.reshape(-1, 8).tolist())


# crop, line, line_input, angle_input, upright, batches


@pytest.fixture(scope="module")
def gradient():
    """A picture whose blue is x and whose green is y, uint8 [200, 240, 3]."""
    down, right = np.mgrid[0:200, 0:240]
    return np.stack([right, down, np.zeros_like(down)], 2).astype(np.uint8)


def test_an_upright_crop_is_a_part_of_the_picture(gradient):
    box = np.float32([[30, 40], [130, 40], [130, 70], [30, 70]])
    np.testing.assert_array_equal(reading.crop(gradient, box), gradient[40:70, 30:130])


def test_a_turned_crop_is_set_upright(gradient):
    box = rectangle((120, 100), (100, 30), 20)
    found = reading.crop(gradient, box)
    assert found.shape[0] in (29, 30) and found.shape[1] in (99, 100)
    np.testing.assert_allclose(found[0, 0, :2], box[0], atol=1.5)
    np.testing.assert_allclose(found[15, 50, :2], (120, 100), atol=1.5)
    np.testing.assert_allclose(found[-1, -1, :2], box[2], atol=1.5)


def test_a_column_is_laid_down(gradient):
    box = np.float32([[30, 40], [60, 40], [60, 140], [30, 140]])
    np.testing.assert_array_equal(reading.crop(gradient, box), np.rot90(gradient[40:140, 30:60]))
    short = np.float32([[30, 40], [60, 40], [60, 84], [30, 84]])  # not yet one and a half times as high as wide
    assert reading.crop(gradient, short).shape == (44, 30, 3)


def test_a_crop_beyond_the_border_repeats_it(gradient):
    box = np.float32([[200, 40], [260, 40], [260, 60], [200, 60]])
    assert (reading.crop(gradient, box)[:, 40:, 0] == 239).all()


@pytest.mark.parametrize(
    "size, wide", [((100, 48), 100), ((100, 24), 200), ((101, 50), 97), ((1, 100), 1), ((48, 48), 48), ((2000, 4), 24_000)]
)
def test_a_line_has_the_recognisers_height(size, wide):
    found = reading.line(blank(*size, 7))
    assert found.shape == (48, wide, 3) and found.dtype == np.uint8 and (found == 7).all()
    assert reading.line(blank(*size), 90).shape == (48, min(wide, 90), 3)


def test_lines_as_a_batch():
    x = reading.line_input([blank(100, 48, 255), blank(330, 48, 51)])
    assert x.shape == (2, 3, 48, 330) and x.dtype == np.float32
    assert (x[0, :, :, :100] == 1).all() and not x[0, :, :, 100:].any()
    np.testing.assert_allclose(x[1], -0.6, atol=1e-6)
    assert reading.line_input([blank(100, 48)]).shape == (1, 3, 48, reading.LINE_WIDTH)
    assert reading.line_input([blank(100, 48)], 120).shape == (1, 3, 48, 120)


def test_crops_for_the_classifier_of_angles():
    x = reading.angle_input([blank(400, 20, 255), blank(50, 50, 255)])
    assert x.shape == (2, 3, 48, 192) and x.dtype == np.float32
    assert (x[0] == 1).all()
    assert (x[1, :, :, :48] == 1).all() and not x[1, :, :, 48:].any()


def test_only_what_surely_stands_on_its_head_is_turned(gradient):
    line = gradient[:48]
    np.testing.assert_array_equal(reading.upright(line, np.float32([0.05, 0.95])), np.rot90(line, 2))
    np.testing.assert_array_equal(reading.upright(line, np.float32([0.1, 0.9])), line)
    np.testing.assert_array_equal(reading.upright(line, np.float32([0.95, 0.05])), line)


def test_batches_hold_each_crop_once_from_the_narrowest_to_the_flattest():
    widths = np.random.default_rng(0).permutation(np.arange(20, 20 + 13 * 10, 10))
    crops = [blank(width, 20) for width in widths]
    found = reading.batches(crops)
    assert [len(rows) for rows in found] == [6, 6, 1]
    order = np.concatenate(found)
    assert sorted(order) == list(range(13)) and (np.diff(widths[order]) > 0).all()
    assert [len(rows) for rows in reading.batches(crops, 5)] == [5, 5, 3]
    assert reading.batches([]) == []
    assert [list(rows) for rows in reading.batches([blank(9, 9)] * 3)] == [[0, 1, 2]]


# decode_ctc, characters, answer


@pytest.mark.parametrize(
    "classes, text, kept",
    [
        ([0, 0, 0, 0], "", []),
        ([1, 0, 2, 0], "ab", [0, 2]),
        ([1, 1, 2, 2], "ab", [0, 2]),
        ([1, 0, 1, 0], "aa", [0, 2]),
        ([1, 1, 1, 1], "a", [0]),
        ([0, 3, 3, 0], " ", [1]),
        ([1, 2, 1, 2], "abab", [0, 1, 2, 3]),
    ],
)
def test_ctc(classes, text, kept):
    probabilities = np.float32([[0.9, 0.5, 0.7, 0.2]])
    ((found, score),) = reading.decode_ctc(np.array([classes]), probabilities, ["a", "b", " "])
    assert found == text and isinstance(score, float)
    assert score == pytest.approx(float(probabilities[0, kept].mean()) if kept else 0.0)


def test_ctc_of_some_texts_and_of_none():
    classes, probabilities = np.array([[1, 2], [0, 0], [2, 2]]), np.ones((3, 2), np.float32)
    assert reading.decode_ctc(classes, probabilities, "ab") == [("ab", 1.0), ("", 0.0), ("b", 1.0)]
    assert reading.decode_ctc(np.zeros((0, 5), int), np.zeros((0, 5), np.float32), "ab") == []
    assert reading.decode_ctc(np.zeros((1, 0), int), np.zeros((1, 0), np.float32), "ab") == [("", 0.0)]


def test_characters_of_a_folder(tmp_path):
    (tmp_path / "characters.txt").write_text("a\né\n疗\n ", encoding="utf-8")
    assert reading.characters(tmp_path) == ["a", "é", "疗", " "]


def test_an_answer_fills_shorter_pages_up():
    box = rectangle((10, 10), (8, 4))
    found = reading.answer([[(box, "one", 0.5), (box + 1, "zwölf", 0.75)], [], [(box + 2, "three", 1.0)]])
    assert {name: (array.shape, array.dtype) for name, array in found.items()} == {
        "boxes": ((3, 2, 4, 2), np.float32),
        "texts": ((3, 2), np.object_),
        "scores": ((3, 2), np.float32),
    }
    assert found["texts"].tolist() == [[b"one", "zwölf".encode()], [b"", b""], [b"three", b""]]
    assert found["scores"].tolist() == [[0.5, 0.75], [0, 0], [1, 0]]
    np.testing.assert_array_equal(found["boxes"][0], [box, box + 1])
    np.testing.assert_array_equal(found["boxes"][2, 0], box + 2)
    assert not found["boxes"][1].any() and not found["boxes"][2, 1].any()


@pytest.mark.parametrize("pages", [0, 1, 3])
def test_an_answer_without_any_line(pages):
    found = reading.answer([[] for _ in range(pages)])
    assert found["boxes"].shape == (pages, 0, 4, 2)
    assert found["texts"].shape == found["scores"].shape == (pages, 0)
