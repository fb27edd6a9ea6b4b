"""The classifier in process and served: labels, preprocessing in three places, what is refused, torchvision's networks."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from PIL import Image
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from workshop import settings, triton
from workshop.errors import WorkshopError
from workshop.triton import own
from workshop.vision import classification, pictures, preprocessing
from workshop.vision.photographs import PHOTOGRAPHS

LABELLED = ("efficientnet_lite0", "efficientnet_lite0_onnx", "efficientnet_lite0_pixels", "image_classification")
FLOATS = {"efficientnet_lite0": 1e-5, "efficientnet_lite0_onnx": 1e-4}
"""Models that take what a client has prepared, and how far their logits may be from the network's in process: ONNX Runtime
adds up in another order, which is seen in the fifth decimal of a logit."""


def decoded(file):
    """Red, green, blue."""
    return pictures.decode(file)[:, :, ::-1]


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def ask(client, model, values, module=httpclient, **wanted):
    """A model's logits, or its best classes, for an array; encoded pictures for `image_classification`."""
    kind = "BYTES" if values.dtype == object else np_to_triton_dtype(values.dtype)
    name, output = ("image", "logits") if model == "image_classification" else ("input__0", "output__0")
    tensor = module.InferInput(name, list(values.shape), kind)
    tensor.set_data_from_numpy(values)
    asked = [module.InferRequestedOutput(output, **wanted)] if wanted else None
    return client.infer(model, [tensor], outputs=asked).as_numpy(output)


def files(*given):
    return np.array([[file] for file in given], object)


@pytest.fixture(scope="module")
def client(triton_server):
    with httpclient.InferenceServerClient(triton_server, network_timeout=120, connection_timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def photographs():
    """The files of the photographs, and the network's inputs for them, FP32 [photographs, 3, 224, 224]."""
    found = [photograph.file.read_bytes() for photograph in PHOTOGRAPHS]
    return found, np.stack([preprocessing.prepare(decoded(file)) for file in found])


@pytest.fixture(scope="module")
def in_process(photographs):
    """The logits of the network in this process."""
    with torch.inference_mode():
        return classification.network()(torch.tensor(photographs[1])).numpy()


@pytest.mark.parametrize("model", LABELLED)
def test_the_labels_are_the_packages(model):
    text = (settings.MODEL_REPOSITORY / model / "labels.txt").read_text()
    assert text.splitlines() == classification.labels()
    assert len(set(classification.labels())) == 1000


def test_the_right_class_is_among_the_first_five(in_process):
    names = classification.labels()
    best = [{names[number] for number in np.argsort(-row)[:5]} for row in in_process]
    right = [photograph.name for photograph, five in zip(PHOTOGRAPHS, best) if five & set(photograph.classes)]
    assert len(PHOTOGRAPHS) >= 12 and len(right) >= 10, right


@pytest.mark.parametrize("model", FLOATS)
@pytest.mark.parametrize("size", [1, 3, 8])
def test_served_as_in_process(client, photographs, in_process, model, size):
    parts = [photographs[1][start : start + size] for start in range(0, len(PHOTOGRAPHS), size)]
    served = np.concatenate([ask(client, model, part) for part in parts])
    np.testing.assert_allclose(served, in_process, rtol=0, atol=FLOATS[model])


def test_the_step_before_the_network_prepares_as_a_client_does(client, photographs, in_process):
    given, prepared = photographs
    tensor = httpclient.InferInput("image", [len(given), 1], "BYTES")
    tensor.set_data_from_numpy(files(*given))
    np.testing.assert_array_equal(client.infer("image_preprocess", [tensor]).as_numpy("pixels"), prepared)
    np.testing.assert_allclose(ask(client, "image_classification", files(*given)), in_process, rtol=0, atol=1e-5)


def test_preprocessing_in_the_graph_differs_by_single_shades(client, photographs, in_process):
    inside = np.stack([ask(client, "efficientnet_lite0_pixels", decoded(file)[None])[0] for file in photographs[0]])
    np.testing.assert_array_equal(inside.argmax(axis=1), in_process.argmax(axis=1))
    assert np.abs(inside - in_process).max() < 0.01  # of logits up to 12


SIZES = [(256, 256), (224, 224), (1, 1), (3, 500), (500, 3), (333, 225)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pictures_of_any_size(client, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    prepared = preprocessing.prepare(pixels)
    assert prepared.shape == (3, 224, 224) and prepared.dtype == np.float32
    expected = ask(client, "efficientnet_lite0", prepared[None])
    np.testing.assert_allclose(ask(client, "image_classification", files(encoded(pixels))), expected, rtol=0, atol=1e-5)
    inside = ask(client, "efficientnet_lite0_pixels", pixels[None])
    np.testing.assert_allclose(inside, expected, rtol=0, atol=0.01)


def test_the_middle_is_cut_out_as_published():
    rows, columns = np.mgrid[:100, :161]
    pixels = np.stack([rows, columns, rows], axis=2).astype(np.uint8)
    middle = preprocessing.middle(pixels)
    assert middle.shape == (87, 87, 3)  # 7/8 of 100, without its fraction
    assert middle[0, 0].tolist() == [7, 37, 7] and middle[-1, -1].tolist() == [93, 123, 93]


def test_numbers_are_scaled_and_channels_come_first():
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 1] = (255, 127, 0)
    scaled = preprocessing.scale(pixels)
    assert scaled.shape == (3, 2, 3) and scaled.dtype == np.float32 and scaled.flags.c_contiguous
    np.testing.assert_array_equal(scaled[:, 0, 1], np.float32([1, 0, -127 / 128]))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "four channels", "floats", "empty"],
)
def test_what_are_no_pixels(pixels):
    with pytest.raises(ValueError, match="pixels are uint8"):
        preprocessing.prepare(pixels)


@pytest.mark.parametrize("model", LABELLED)
def test_the_best_classes_with_their_labels(client, photographs, model):
    given = photographs[0][1]  # coffee
    values = {"image_classification": files(given), "efficientnet_lite0_pixels": decoded(given)[None]}
    values = values.get(model, photographs[1][1:2])
    ((first, second),) = ask(client, model, values, class_count=2)
    score, number, label = first.decode().split(":")
    assert (number, label) == ("967", "espresso") and float(score) > float(second.decode().split(":")[0])


def test_http_and_grpc_tell_the_same_classes(client, photographs):
    told = ask(client, "efficientnet_lite0", photographs[1], class_count=5)
    with grpcclient.InferenceServerClient(triton.grpc_url()) as other:
        again = ask(other, "efficientnet_lite0", photographs[1], grpcclient, class_count=5)
    assert told.shape == (len(PHOTOGRAPHS), 5)
    np.testing.assert_array_equal(told, again)


REFUSED = {
    "another size": (np.zeros((1, 3, 200, 200), np.float32), "unexpected shape"),
    "channels last": (np.zeros((1, 224, 224, 3), np.float32), "unexpected shape"),
    "no batch": (np.zeros((3, 224, 224), np.float32), "unexpected shape"),
    "bytes": (np.zeros((1, 3, 224, 224), np.uint8), "data-?type"),
    "too many": (np.zeros((33, 3, 224, 224), np.float32), "batch-size must be <= 32"),
}


@pytest.mark.parametrize("model", FLOATS)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(client, photographs, in_process, model, kind):
    values, reason = REFUSED[kind]
    with pytest.raises(InferenceServerException, match=reason):
        ask(client, model, values)
    np.testing.assert_allclose(ask(client, model, photographs[1][:1]), in_process[:1], rtol=0, atol=FLOATS[model])


def test_a_file_that_is_no_picture_is_refused_alone(client, photographs, in_process):
    with pytest.raises(InferenceServerException, match="no picture of a kind that is read here"):
        ask(client, "image_classification", files(b"Serving models\n"))
    with pytest.raises(InferenceServerException, match="cut off or damaged"):
        ask(client, "image_classification", files(photographs[0][0][:2000]))
    np.testing.assert_allclose(
        ask(client, "image_classification", files(photographs[0][0])), in_process[:1], rtol=0, atol=1e-5
    )


def test_one_of_torchvisions_networks_is_served(client, tmp_path):
    torch.manual_seed(0)
    network = classification.torchvision_network("squeezenet1_1")
    weights = tmp_path / "squeezenet.pth"
    torch.save(network.state_dict(), weights)
    served = settings.MODEL_REPOSITORY / own.name("my_squeezenet")
    try:
        classification.add_torchvision(served, "squeezenet1_1", weights)
        config = (served / "config.pbtxt").read_text()
        assert "squeezenet.pth" in config and str(tmp_path) not in config
        client.load_model(served.name)
        values = np.random.default_rng(0).standard_normal((3, 3, 224, 224)).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.tensor(values)).numpy()
        np.testing.assert_allclose(ask(client, served.name, values), expected, rtol=0, atol=1e-5)
        assert ask(client, served.name, values, class_count=1).shape == (3, 1)
    finally:
        own.remove()


def test_a_network_of_torchvisions_without_weights_has_random_ones(tmp_path):
    classification.add_torchvision(tmp_path / "model", "squeezenet1_1")
    assert "with random weights" in (tmp_path / "model" / "config.pbtxt").read_text()
    traced = torch.jit.load(tmp_path / "model" / "1" / "model.pt")
    assert traced(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)


def add_torchvision(*arguments):
    return subprocess.run(
        [sys.executable, settings.ROOT / "scripts" / "add_torchvision.py", *arguments], capture_output=True, text=True
    )


def test_the_command_that_adds_one(tmp_path):
    place = ("--model-repository", str(tmp_path))
    done = add_torchvision("squeezenet1_1", "--name", "small", *place)
    assert done.returncode == 0 and done.stdout.endswith("small is written; `workshop up triton --models small` loads it\n")
    assert sorted(path.name for path in (tmp_path / "small").iterdir()) == ["1", "config.pbtxt", "labels.txt"]
    for arguments, says in (
        (("squeezenet1_1", "--name", "small"), "small is there already: choose another --name, or remove it"),
        (("resnet18", "--weights", str(tmp_path / "nowhere.pth")), "nowhere.pth"),
        (("resnet19",), "torchvision has no classification network resnet19"),
    ):
        refused = add_torchvision(*arguments, *place)
        assert refused.returncode == 1 and says in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_torchvisions_networks_that_are_not_there(tmp_path):
    with pytest.raises(WorkshopError, match="torchvision has no classification network resnet19; it has alexnet, "):
        classification.torchvision_network("resnet19")
    with pytest.raises(WorkshopError, match="there are no weights at .*missing.pth"):
        classification.torchvision_network("squeezenet1_1", tmp_path / "missing.pth")
    torch.save(classification.torchvision_network("squeezenet1_0").state_dict(), tmp_path / "other.pth")
    with pytest.raises(WorkshopError, match="other.pth has no weights of squeezenet1_1: "):
        classification.torchvision_network("squeezenet1_1", tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text(json.dumps({"no": "weights"}))
    with pytest.raises(WorkshopError, match="text.pth has no weights of squeezenet1_1: "):
        classification.torchvision_network("squeezenet1_1", tmp_path / "text.pth")
