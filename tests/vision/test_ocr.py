"""The pipeline that reads text, as a server serves it: `ocr`, `ocr_ensemble`, and the networks asked one by one."""

import io
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from PIL import Image, ImageDraw, ImageFont
from tritonclient.utils import InferenceServerException

from workshop import settings, triton
from workshop.triton import loading, processes, server
from workshop.vision import pictures, reading

MODELS = ("ocr", "ocr_ensemble")
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
TEXTS = ["Serving models", "1234.50"]


def page(texts=TEXTS, size=(320, 320), height=30, ink="black", ground="white", mode="RGB"):
    """A picture with a line for each text, the first at (30, 25)."""
    picture = Image.new(mode, size, ground)
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(str(FONT), height)
    for number, text in enumerate(texts):
        draw.text((30, 25 + number * 2 * height), text, font=font, fill=ink)
    return picture


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def ask(client, model, *files, module=httpclient):
    """Boxes, texts and scores for the pictures of one request."""
    image = module.InferInput("image", [len(files), 1], "BYTES")
    image.set_data_from_numpy(np.array([[file] for file in files], object))
    answer = client.infer(model, [image])
    assert [_data_type(answer, name) for name in ("boxes", "texts", "scores")] == ["FP32", "BYTES", "FP32"]
    texts = [[text.decode() for text in row] for row in answer.as_numpy("texts")]
    return answer.as_numpy("boxes"), texts, answer.as_numpy("scores")


def _data_type(answer, output):
    """What the server says: of an empty tensor, the client's array has a type of its own."""
    found = answer.get_output(output)
    return found["datatype"] if isinstance(found, dict) else found.datatype


def connect(address):
    return httpclient.InferenceServerClient(address, network_timeout=120, connection_timeout=120)


@pytest.fixture(scope="module")
def client(triton_server):
    with connect(triton_server) as client:
        yield client


@pytest.fixture(scope="module")
def characters(triton_server):
    return reading.characters(settings.MODEL_REPOSITORY / "ocr" / "1")


def read_step_by_step(client, characters, file, angles=True):
    """What a client does that asks the networks itself; without `angles`, no line is turned."""

    def network(model, x, *outputs, version=""):
        tensor = httpclient.InferInput("x", list(x.shape), "FP32")
        tensor.set_data_from_numpy(x)
        answer = client.infer(model, [tensor], model_version=version)
        return [answer.as_numpy(output) for output in outputs]

    fitted = reading.fit(pictures.decode(file))
    (probability,) = network("text_detection", reading.detection_input(fitted.pixels), "sigmoid_0.tmp_0")
    boxes = reading.find_boxes(probability[0, 0], fitted.pixels.shape[1::-1])
    crops = [reading.crop(fitted.pixels, box) for box in boxes]
    lines, read = [reading.line(crop) for crop in crops], [None] * len(crops)
    if angles and crops:
        (sure,) = network("text_angle", reading.angle_input(crops), "save_infer_model/scale_0.tmp_1")
        lines = [reading.upright(line, angle) for line, angle in zip(lines, sure)]
    for width, rows in reading.batches(lines):
        x = reading.line_input([lines[row] for row in rows], width)
        steps = network("text_recognition", x, "classes", "probabilities", version="1")
        for row, text in zip(rows, reading.decode_ctc(*steps, characters)):
            read[row] = text
    kept = [number for number, (_, score) in enumerate(read) if score >= reading.TEXT_SCORE]
    return fitted.back(boxes[kept]), [read[number][0] for number in kept]


@pytest.mark.parametrize("model", MODELS)
def test_lines_are_read_from_top_to_bottom_each_within_its_box(client, model):
    boxes, texts, scores = ask(client, model, encoded(page()))
    assert texts == [TEXTS]
    assert boxes.shape == (1, 2, 4, 2)
    assert scores.shape == (1, 2) and (scores > 0.9).all() and (scores <= 1).all()
    draw, font = ImageDraw.Draw(page()), ImageFont.truetype(str(FONT), 30)
    for number, text in enumerate(TEXTS):
        left, top, right, bottom = draw.textbbox((30, 25 + number * 60), text, font=font)
        drawn = np.float32([[left, top], [right, top], [right, bottom], [left, bottom]])
        np.testing.assert_allclose(boxes[0, number], drawn, atol=12)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("size", [(300, 200), (1, 1), (500, 3), (3, 500)])
def test_a_picture_without_text_has_no_line(client, model, size):
    boxes, texts, scores = ask(client, model, encoded(Image.new("RGB", size, "white")))
    assert texts == [[]]
    assert boxes.shape == (1, 0, 4, 2) and scores.shape == (1, 0)


@pytest.fixture(scope="module")
def photo():
    """12 million pixels of grain on a bright ground, with two lines."""
    grain = np.random.default_rng(0).normal(200, 12, (375, 500, 3)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(grain).resize((4000, 3000), Image.Resampling.BICUBIC)
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(str(FONT), 180)
    draw.text((600, 500), "Platform 12", font=font, fill=(20, 20, 60))
    draw.text((1500, 2200), "Way out", font=font, fill=(20, 20, 60))
    return encoded(picture, "JPEG", quality=85)


@pytest.mark.parametrize("model", MODELS)
def test_a_photo_of_12_million_pixels(client, model, photo):
    boxes, texts, _ = ask(client, model, photo)
    assert texts == [["Platform 12", "Way out"]]
    middles = boxes[0].mean(axis=1)
    assert (np.abs(boxes[0, :, 0] - np.float32([[600, 520], [1500, 2220]])) < 60).all()
    assert (middles[0] > (600, 500)).all() and (middles[1] < (2400, 2500)).all()


def on_its_side(orientation=6, turn=Image.Transpose.ROTATE_90):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(page().transpose(turn), "JPEG", quality=95, exif=exif)


def of_16_bits():
    return encoded(Image.fromarray(np.asarray(page().convert("L")).astype(np.uint16) * 257))


KINDS = {
    "grey": lambda: encoded(page().convert("L")),
    "1 bit": lambda: encoded(page().convert("1")),
    "grey and alpha, white on nothing": lambda: encoded(page(mode="LA", ink=(255, 255), ground=(0, 0))),
    "alpha, white on nothing": lambda: encoded(page(mode="RGBA", ink=(255, 255, 255, 255), ground=(0, 0, 0, 0))),
    "alpha, black on nothing": lambda: encoded(page(mode="RGBA", ink=(0, 0, 0, 255), ground=(0, 0, 0, 0))),
    "16 bits": of_16_bits,
    "CMYK": lambda: encoded(page().convert("CMYK"), "JPEG", quality=95),
    "EXIF orientation": on_its_side,
    "animation": lambda: encoded(page(), "GIF", save_all=True, append_images=[page(["Second frame"])]),
}


@pytest.mark.parametrize("model", MODELS)
def test_every_kind_of_picture_is_read_alike(client, model):
    upright, *_ = ask(client, model, encoded(page()))
    for kind, make in KINDS.items():
        boxes, texts, _ = ask(client, model, make())
        assert texts == [TEXTS], kind
        np.testing.assert_allclose(boxes, upright, atol=3, err_msg=kind)


def bomb():
    """A PNG of 100,000 × 100,000 pixels, as its header says, in 60 bytes."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


BAD = {
    "cut off": (encoded(page(), "JPEG")[:2000], "cut off or damaged"),
    "a text": (b"Serving models\n", "no picture of a kind that is read here"),
    "nothing": (b"", "no picture of a kind that is read here"),
    "a bomb": (bomb(), "50 million pixels at most"),
}


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_picture_is_refused_alone(triton_server, model):
    good = encoded(page())

    def answer(file):
        with connect(triton_server) as client:
            try:
                return ask(client, model, file)[1]
            except InferenceServerException as error:
                return error.message()

    files = [good, *(bad for bad, _ in BAD.values()), good]
    with ThreadPoolExecutor(len(files)) as pool:
        first, *refused, last = pool.map(answer, files)
    assert first == last == [TEXTS]
    for message, (name, (_, reason)) in zip(refused, BAD.items()):
        assert isinstance(message, str) and reason in message, name


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_picture_spoils_its_own_request(client, model):
    with pytest.raises(InferenceServerException, match="no picture of a kind that is read here"):
        ask(client, model, encoded(page()), b"no picture")


@pytest.fixture(scope="module")
def different(client):
    """Pictures of several sizes, and what `ocr` answers to each alone."""
    files = [
        encoded(page(["Single"], (200, 200))),
        encoded(Image.new("RGB", (240, 200), "white")),
        encoded(page(["First", "Second", "Third"], (200, 240))),
        encoded(page(["Wide"], (300, 200))),
    ]
    return files, [ask(client, "ocr", file) for file in files]


@pytest.mark.parametrize("model", MODELS)
def test_pictures_of_many_sizes_in_one_request(client, model, different):
    files, alone = different
    boxes, texts, scores = ask(client, model, *files)
    assert boxes.shape == (4, 3, 4, 2) and scores.shape == (4, 3)
    assert [len(list(filter(None, row))) for row in texts] == [1, 0, 3, 1]
    for number, (expected, (read,), sure) in enumerate(alone):
        lines = len(read)
        assert texts[number] == read + [""] * (3 - lines)
        assert (scores[number, :lines] > 0.5).all() and not scores[number, lines:].any() and not boxes[number, lines:].any()
        # `ocr` has each picture looked at by itself. The ensemble lays them on one ground: the detector sees other margins.
        np.testing.assert_allclose(boxes[number, :lines], expected[0], atol=0 if model == "ocr" else 3)
        np.testing.assert_allclose(scores[number, :lines], sure[0], atol=1e-4 if model == "ocr" else 0.2)


def test_the_ensemble_refuses_what_would_be_too_much_for_the_detector_at_once(client):
    tall, wide = page(["Tall"], (300, 1200)), page(["Wide"], (1200, 300))
    with pytest.raises(InferenceServerException, match="2 pictures in one request.* 17 million pixels.*16 at most"):
        ask(client, "ocr_ensemble", encoded(tall), encoded(wide))
    assert ask(client, "ocr", encoded(tall), encoded(wide))[1] == [["Tall"], ["Wide"]]


def tilted():
    return page().rotate(7, Image.Resampling.BICUBIC, fillcolor="white")


@pytest.mark.parametrize("make", [page, tilted, lambda: page().rotate(180)], ids=["upright", "tilted", "on its head"])
def test_pipeline_ensemble_and_client_read_the_same(client, characters, make):
    file = encoded(make())
    boxes, expected = read_step_by_step(client, characters, file)
    assert sorted(expected) == sorted(TEXTS)
    for model in MODELS:
        found, texts, _ = ask(client, model, file)
        assert texts == [expected], model
        np.testing.assert_allclose(found[0], boxes, atol=1, err_msg=model)


def test_a_page_on_its_head_needs_the_classifier_of_angles(client, characters):
    file = encoded(page().rotate(180))
    assert read_step_by_step(client, characters, file)[1] == TEXTS[::-1]
    assert not set(read_step_by_step(client, characters, file, angles=False)[1]) & set(TEXTS)


@pytest.mark.parametrize("model", MODELS)
def test_http_and_grpc_answer_alike(client, model):
    file = encoded(page())
    with grpcclient.InferenceServerClient(triton.grpc_url()) as other:
        boxes, texts, scores = ask(other, model, file, module=grpcclient)
    expected = ask(client, model, file)
    assert texts == expected[1]
    np.testing.assert_array_equal(boxes, expected[0])
    np.testing.assert_array_equal(scores, expected[2])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_does_not_grow_with_the_pages(client, slow):
    if not slow:
        pytest.skip("reads 500 pages, which takes minutes on two cores: --slow")
    if server.external():
        pytest.skip("the memory of a server that TRITON_URL names is not known")
    of_pipeline = set(loading.needed(MODELS))
    choose = random.Random(0)

    def memory():
        used = {found: usage.memory / 2**20 for found, usage in processes.usage(server.find()).items()}
        return {f"{model} {version}": mib for (model, version), mib in used.items() if model in of_pipeline}

    after = {}
    for number in range(1, 501):
        lines = choose.randint(0, 6)
        texts = [f"Item {choose.randint(1, 9999)} costs {choose.randint(1, 99)}.50" for _ in range(lines)]
        drawn = page(texts, (choose.randint(240, 400), choose.randint(240, 400)), choose.randint(14, 30))
        ask(client, MODELS[number % 2], encoded(drawn))
        if number in (50, 200, 500):
            after[number] = memory()
    figures = {pages: {model: round(mib) for model, mib in of.items()} for pages, of in after.items()}
    print(f"MiB after so many pages: {figures}")
    assert sum(after[500].values()) <= 1.2 * sum(after[50].values()), str(figures)
