"""The Python models of the pipeline by themselves, with a stand-in for Triton's module and for the networks."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from tests.support.stand_in import Request, load_model_file
from workshop import settings
from workshop.vision import pictures, reading


def model(name):
    """The module of a model, which has copies of the course's two in its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pictures", pictures)
        patch.setitem(sys.modules, "reading", reading)
        yield from load_model_file(settings.MODEL_REPOSITORY / name / "1" / "model.py")


@pytest.fixture(scope="module")
def pipeline():
    yield from model("ocr")


@pytest.fixture(scope="module")
def pixels():
    yield from model("ocr_pixels")


@pytest.fixture(scope="module")
def crops():
    yield from model("ocr_crops")


@pytest.fixture(scope="module")
def upright():
    yield from model("ocr_upright")


@pytest.fixture(scope="module")
def texts():
    yield from model("ocr_texts")


def picture(width, height, grey=255):
    file = io.BytesIO()
    Image.new("L", (width, height), grey).save(file, "PNG")
    return file.getvalue()


def request(*files):
    return Request(image=np.array([[file] for file in files], object))


# ocr_pixels


def test_pictures_of_a_request_lie_in_the_corner_of_the_largest(pixels):
    (response,) = pixels.TritonPythonModel().execute([request(picture(200, 100), picture(100, 300, 51))])
    x, laid, placing = (response.tensors[name] for name in ("x", "pixels", "placing"))
    assert x.shape == (2, 3, 2208, 1472) and laid.shape == (2, 300, 200, 3) and placing.dtype == np.float32
    assert placing.tolist() == [
        [736, 1472, 100, 200, 1, 1, 0, 0, 200, 100],
        [2208, 736, 300, 100, 1, 1, 0, 0, 100, 300],
    ]
    assert (x[0, :, :736] == 1).all() and not x[0, :, 736:].any() and not x[1, :, :, 736:].any()
    assert (laid[1, :, :100] == 51).all() and not laid[1, :, 100:].any() and not laid[0, 100:].any()


def test_a_request_with_a_bad_picture_is_refused_alone(pixels):
    bad, good = pixels.TritonPythonModel().execute([request(picture(40, 40), b"no picture"), request(picture(40, 40))])
    assert "no picture of a kind" in str(bad.error) and good.error is None


def test_more_than_the_detector_gets_at_once_is_refused(pixels):
    (response,) = pixels.TritonPythonModel().execute([request(*[picture(50, 50)] * 16)])
    assert response.error is None
    strips = request(picture(400, 100), picture(100, 400))
    (response,) = pixels.TritonPythonModel().execute([strips])
    assert "2 pictures in one request, each in the size of the largest, are 17 million pixels" in str(response.error)


def read(**steps):
    """What the recogniser answers, by width: classes and probabilities. A width without any has what an empty line gives."""
    answers = {}
    for width in reading.WIDTHS:
        classes, probabilities = steps.get(f"x_{width}", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]))
        answers |= {f"classes_{width}": np.array(classes), f"probabilities_{width}": np.float32(probabilities)}
    return answers


# ocr_crops


def found(crops, probability, width, height):
    """What `ocr_crops` makes of one picture and the detector's map for it."""
    placing = np.float32([[*probability.shape, height, width, 1, 1, 0, 0, width, height]])
    laid = np.full((1, height, width, 3), 255, np.uint8)
    (response,) = crops.TritonPythonModel().execute(
        [Request(probability=probability[None, None], pixels=laid, placing=placing)]
    )
    return response.tensors


def test_a_line_that_is_cut_out(crops):
    probability = np.zeros((160, 320), np.float32)
    probability[70:90, 40:280] = 0.9
    tensors = found(crops, probability, 320, 160)
    assert tensors["boxes"].shape == (1, 4, 2) and tensors["picture"].tolist() == [0]
    (wide,) = tensors["widths"]
    assert tensors["lines"].shape == (1, 48, wide, 3) and tensors["angle_x"].shape == (1, 3, 48, 192)
    assert {name: array.dtype for name, array in tensors.items()} == {
        "boxes": np.float32,
        "picture": np.int32,
        "lines": np.uint8,
        "widths": np.int32,
        "angle_x": np.float32,
    }


def test_without_text_one_empty_line_goes_on(crops, upright, texts):
    tensors = found(crops, np.zeros((64, 64), np.float32), 64, 64)
    assert tensors["boxes"].shape == (1, 4, 2) and tensors["picture"].tolist() == [-1]
    angles = np.float32([[0, 1]])
    step = Request(lines=tensors["lines"], widths=tensors["widths"], angles=angles)
    (response,) = upright.TritonPythonModel().execute([step])
    assert [len(x) for x in response.tensors.values()] == [1] * len(reading.WIDTHS)
    last = texts.TritonPythonModel()
    last.characters = ["a"]
    step = {name: tensors[name] for name in ("boxes", "picture", "widths")}
    (response,) = last.execute([Request(**read(), **step, placing=np.zeros((2, 10), np.float32))])
    assert response.tensors["boxes"].shape == (2, 0, 4, 2)
    assert response.tensors["texts"].shape == response.tensors["scores"].shape == (2, 0)


# ocr_upright


def test_lines_are_turned_and_sorted_by_width(upright):
    lines = np.arange(4 * 48 * 500 * 3, dtype=np.uint32).astype(np.uint8).reshape(4, 48, 500, 3)
    widths, angles = np.int32([100, 500, 400, 320]), np.float32([[1, 0], [1, 0], [0, 1], [0, 1]])
    (response,) = upright.TritonPythonModel().execute([Request(lines=lines, widths=widths, angles=angles)])
    x = response.tensors
    assert {name: array.shape for name, array in x.items()} == {
        "x_320": (2, 3, 48, 320),
        "x_480": (1, 3, 48, 480),
        "x_720": (1, 3, 48, 720),
        "x_1080": (1, 3, 48, 32),  # empty
        "x_1620": (1, 3, 48, 32),
        "x_2430": (1, 3, 48, 32),
    }
    np.testing.assert_array_equal(x["x_320"][:1], reading.line_input([lines[0, :, :100]], 320))
    np.testing.assert_array_equal(x["x_320"][1:], reading.line_input([np.rot90(lines[3, :, :320], 2)], 320))
    np.testing.assert_array_equal(x["x_480"], reading.line_input([np.rot90(lines[2, :, :400], 2)], 480))
    assert not any(x[f"x_{width}"].any() for width in (1080, 1620, 2430))


# ocr_texts


def test_lines_go_back_to_their_pictures(texts):
    last = texts.TritonPythonModel()
    last.characters = ["a", "b"]
    boxes = np.arange(40, dtype=np.float32).reshape(5, 4, 2)
    steps = read(
        x_320=([[1, 0], [2, 2], [1, 2]], [[0.9, 1], [0.4, 1], [0.8, 0.6]]),
        x_720=([[2, 0, 1], [2, 0, 2]], [[0.75, 1, 0.75], [1, 1, 1]]),
    )
    widths, picture = np.int32([700, 100, 320, 90, 481]), np.int32([0, 0, 1, 2, 2])
    (response,) = last.execute(
        [Request(**steps, widths=widths, boxes=boxes, picture=picture, placing=np.zeros((3, 10), np.float32))]
    )
    # The line of the second picture is too unsure.
    assert response.tensors["texts"].tolist() == [[b"ba", b"a"], [b"", b""], [b"ab", b"bb"]]
    np.testing.assert_allclose(response.tensors["scores"], [[0.75, 0.9], [0, 0], [0.7, 1]], atol=1e-6)
    np.testing.assert_array_equal(response.tensors["boxes"][[0, 2]].reshape(4, 4, 2), boxes[[0, 1, 3, 4]])


# ocr


@pytest.fixture
def ocr(pipeline):
    """The pipeline with a detector that finds a line in what is not all white, and a recogniser that reads `a` or fails."""
    found = pipeline.TritonPythonModel()
    found.characters = ["a"]
    found.asked, found.fails, found.lines_per_request = [], set(), 6

    def ask(network, x, *outputs):
        found.asked.append((network, len(x)))
        if network in found.fails:
            raise RuntimeError(f"{network} is broken")
        if network == "detector":
            probability = np.zeros((1, 1, *x.shape[2:]), np.float32)
            if x.min() < 1:
                probability[0, 0, 300:400, 100:600] = 0.9
            return [probability]
        if network == "angle":
            return [np.tile(np.float32([1, 0]), (len(x), 1))]
        return [np.ones((len(x), 40), np.int64), np.full((len(x), 40), 0.75, np.float32)]

    found.ask = ask
    return found


TEXT, EMPTY = picture(100, 100, 0), picture(100, 100)


def test_lines_of_all_requests_are_read_in_batches_of_six(ocr):
    answers = ocr.execute([request(TEXT, EMPTY, TEXT), request(*[TEXT] * 5), request(EMPTY)])
    assert [answer.tensors["texts"].tolist() for answer in answers] == [[[b"a"], [b""], [b"a"]], [[b"a"]] * 5, [[]]]
    assert [asked for asked in ocr.asked if asked[0] != "detector"] == [("angle", 7), ("recogniser", 6), ("recogniser", 1)]


def test_without_a_line_no_other_network_is_asked(ocr):
    (answer,) = ocr.execute([request(EMPTY)])
    assert answer.tensors["boxes"].shape == (1, 0, 4, 2) and ocr.asked == [("detector", 1)]


def test_each_request_has_its_own_error(ocr):
    bad, good = ocr.execute([request(TEXT, b"no picture"), request(TEXT)])
    assert "no picture of a kind" in str(bad.error) and good.tensors["texts"].tolist() == [[b"a"]]
    ocr.fails = {"recogniser"}
    bad, unread, empty = ocr.execute([request(b"no picture"), request(TEXT), request(EMPTY)])
    assert "no picture of a kind" in str(bad.error) and str(unread.error) == "recogniser is broken"
    assert empty.tensors["texts"].tolist() == [[]]
    ocr.fails = {"detector"}
    assert [str(answer.error) for answer in ocr.execute([request(TEXT), request(EMPTY)])] == ["detector is broken"] * 2
