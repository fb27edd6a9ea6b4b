"""scripts/image_client.py against a server of its own: small models of every kind, and EfficientNet-Lite0."""

import contextlib
import http.server
import importlib.util
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image
from tritonclient.utils import InferenceServerException

from tests.support.small_models import add_model, free_ports, kill_servers
from workshop import settings
from workshop.machine import services
from workshop.triton import server
from workshop.vision import classification, image_models, image_requests, photographs, pictures, preprocessing

SCRIPT = settings.ROOT / "scripts" / "image_client.py"
FLOAT, HALF, BYTE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
COLOURS = {"red": (200, 20, 40), "green": (30, 210, 10), "blue": (0, 50, 220)}


def means(shape, axes, kind=FLOAT, batch=("n",), out=FLOAT):
    """An ONNX model whose classes are the channels: the mean of each. Where there is one, the second class is darkness."""
    nodes = [helper.make_node("Cast", ["x"], ["pixels"], to=FLOAT)]
    nodes.append(helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=axes, keepdims=0))
    channels = shape[-1] if axes[-1] == len(batch) + 1 else shape[0]
    classes, made = channels, "mean"
    if channels == 1:
        nodes.append(helper.make_node("Sub", ["white", "mean"], ["dark"]))
        nodes.append(helper.make_node("Concat", ["mean", "dark"], ["both"], axis=len(batch)))
        classes, made = 2, "both"
    nodes.append(helper.make_node("Cast", [made], ["y"], to=out))
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("x", kind, [*batch, *shape])],
        [helper.make_tensor_value_info("y", out, [*batch, classes])],
        [helper.make_tensor("white", FLOAT, [1], [255.0])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10).SerializeToString()


def onnx_config(kind, dims, most=8, classes=3, *, more="", labels=True, out="FP32"):
    label_file = 'label_filename: "labels.txt"' if labels else ""
    return f"""
        platform: "onnxruntime_onnx" max_batch_size: {most}
        input {{ name: "x" data_type: TYPE_{kind} dims: {dims} {more} }}
        output {{ name: "y" data_type: TYPE_{out} dims: {[classes] if most else [*dims[:-3], classes]} {label_file} }}
        instance_group [ {{ count: 2 kind: KIND_CPU }} ]
    """


PICKY = b"""
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(pb_utils.get_input_tensor_by_name(request, "x").as_numpy()) for request in requests]

    def answer(self, x):
        means = x.mean(axis=(1, 2), dtype=np.float32)
        if (means[:, 1] > 128).any():
            return pb_utils.InferenceResponse(error=pb_utils.TritonError("green is not for me"))
        return pb_utils.InferenceResponse([pb_utils.Tensor("y", means)])
"""
PICKY_CONFIG = """
    backend: "python" max_batch_size: 4
    input { name: "x" data_type: TYPE_UINT8 dims: [ 4, 4, 3 ] }
    output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "labels.txt" }
"""
DECODING = b"""
import io

import numpy as np
import triton_python_backend_utils as pb_utils
from PIL import Image
from tritonclient.utils import InferenceServerException

class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            files = pb_utils.get_input_tensor_by_name(request, "image").as_numpy()[:, 0]
            means = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).mean(axis=(0, 1)) for file in files]
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", np.float32(means))]))
        return answers
"""
UNFIT_CONFIG = 'backend: "python" max_batch_size: 2 %s'


def unfit(inputs, outputs="output { name: 'y' data_type: TYPE_FP32 dims: [ 3 ] }", more=""):
    return UNFIT_CONFIG % (inputs + outputs + more)


X = "input { name: 'x' data_type: TYPE_FP32 dims: [ 3, 4, 4 ] }"
UNFIT = {
    "two_inputs": (unfit(X + X.replace("'x'", "'z'")), "it has 2 inputs (x, z); one of each is asked for"),
    "two_outputs": (
        unfit(X, "".join(f"output {{ name: '{name}' data_type: TYPE_FP32 dims: [ 3 ] }}" for name in "yz")),
        "it has 2 outputs (y, z); one of each is asked for",
    ),
    "text": (unfit("input { name: 'text' data_type: TYPE_STRING dims: [ 1 ] }"), "its input text is STRING"),
    "numbers": (unfit(X.replace("3, 4, 4", "17")), "its input x [17] has other dims than height, width and channels"),
    "five_channels": (unfit(X.replace("3, 4", "5, 4")), "its input x [5, 4, 4] has neither one channel nor three"),
    "half_out": (
        unfit(X, "output { name: 'y' data_type: TYPE_FP16 dims: [ 3 ] }"),
        "its output y is FP16, which the server does not rank",
    ),
    "strings_out": (
        unfit(X, "output { name: 'y' data_type: TYPE_STRING dims: [ 3 ] }"),
        "its output y is STRING, which the server does not rank",
    ),
    "map_out": (
        unfit(X, "output { name: 'y' data_type: TYPE_FP32 dims: [ 3, 7 ] }"),
        "its output y [3, 7] is not one number for each class",
    ),
    "decoupled": (unfit(X, more="model_transaction_policy { decoupled: true }"), "it is decoupled"),
}
IDLE = b"class TritonPythonModel:\n    def execute(self, requests):\n        return [None for _ in requests]\n"


def efficientnet(models):
    """The course's model, traced here."""
    folder = settings.MODEL_REPOSITORY / "efficientnet_lite0"
    network = classification.network()
    (models / folder.name / "1").mkdir(parents=True)
    with torch.inference_mode():
        torch.jit.trace(network, torch.zeros(1, 3, 224, 224)).save(str(models / folder.name / "1" / "model.pt"))
    for file in ("config.pbtxt", "labels.txt"):
        (models / folder.name / file).write_bytes((folder / file).read_bytes())


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A server with models that tell which channel is the brightest, with unfit ones, and with the course's."""
    folder = tmp_path_factory.mktemp("image_client")
    made = folder / "models"
    labels = {"labels.txt": b"RED\nGREEN: LIKE GRASS\nBLUE\n"}

    def add(name, config, content, **files):
        add_model(made, name, config, {"1/model.onnx": content, **labels, **files})

    nchw, nhwc = means([3, 4, 6], [2, 3]), means([4, 6, 3], [1, 2], BYTE)
    add("nchw", onnx_config("FP32", [3, 4, 6], more="format: FORMAT_NCHW"), nchw)
    add("nhwc", onnx_config("UINT8", [4, 6, 3]), nhwc)
    add("fp16", onnx_config("FP16", [3, 4, 6]), means([3, 4, 6], [2, 3], HALF))
    add("unlabelled", onnx_config("FP32", [3, 4, 6], labels=False), nchw)
    add("grey", onnx_config("FP32", [1, 4, 6], classes=2, labels=False), means([1, 4, 6], [2, 3]))
    add("one_at_a_time", onnx_config("FP32", [1, 3, 4, 6], 0), means([3, 4, 6], [2, 3], batch=(1,)))
    add("any_at_a_time", onnx_config("FP32", [-1, 3, 4, 6], 0), nchw)
    add("plain", onnx_config("FP32", [4, 6, 3], 0), means([4, 6, 3], [0, 1], batch=()))
    add("four_at_a_time", onnx_config("FP32", [4, 3, 4, 6], 0), means([3, 4, 6], [2, 3], batch=(4,)))
    add("narrow", onnx_config("UINT8", [3, 6, 3], more="format: FORMAT_NHWC"), means([3, 6, 3], [1, 2], BYTE))
    add("any_size", onnx_config("UINT8", [-1, -1, 3]), means(["h", "w", 3], [1, 2], BYTE))
    add("scaled", onnx_config("FP32", [3, 4, 6]) + parameter("INCEPTION"), nchw)
    add("badly_scaled", onnx_config("FP32", [3, 4, 6]) + parameter("CAFFE"), nchw)
    add("second", onnx_config("FP32", [3, 4, 6]) + "version_policy { all { } }", nchw, **{"3/model.onnx": nchw})
    add_model(made, "picky", PICKY_CONFIG, {"1/model.py": PICKY, **labels})
    files_config = PICKY_CONFIG.replace('"x"', '"image"').replace("UINT8", "STRING").replace("4, 4, 3", "1")
    add_model(made, "files", files_config, {"1/model.py": DECODING, **labels})
    for name, (config, _) in UNFIT.items():
        add_model(made, name, config, {"1/model.py": IDLE})
    add_model(made, "broken", onnx_config("FP32", [3, 4, 6], labels=False), {"1/model.onnx": b"no model"})
    efficientnet(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(folder / "home"))
        for name in ("TRITON_URL", "TRITON_GRPC_URL"):
            patch.delenv(name, raising=False)
        try:
            yield server.up(model_repository=made, **free_ports())[0].urls
        finally:
            kill_servers()


def parameter(scaling):
    return f'parameters {{ key: "scaling" value {{ string_value: "{scaling}" }} }}'


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("image_client", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(script, models, capsys, monkeypatch):
    """Exit code, lines and lines of errors of the script with these arguments."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["image_client.py", *map(str, arguments)])
        try:
            code = script.main()
        except SystemExit as end:
            code = end.code
        written = capsys.readouterr()
        return code, written.out.splitlines(), written.err.splitlines()

    return call


@pytest.fixture
def colours(tmp_path):
    """A folder with a picture of each colour, in the order of their names blue, green, red."""
    folder = tmp_path / "colours"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (9, 5), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A folder of photographs, and the files' names with the classes that are right."""
    folder = tmp_path_factory.mktemp("photographs")
    right = {}
    for photograph in photographs.PHOTOGRAPHS:
        name = photograph.name + photograph.file.suffix
        (folder / name).write_bytes(photograph.file.read_bytes())
        right[name] = photograph.classes
    return folder, right


WAYS = {
    "HTTP": (),
    "HTTP async": ("-a",),
    "gRPC": ("-i", "gRPC"),
    "gRPC async": ("-i", "grpc", "--async"),
    "streaming": ("-i", "gRPC", "--streaming"),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def classes(lines):
    """What is printed of each picture, without the lines that tell of requests."""
    return [line for line in lines if not line.startswith("Request ")]


# What is printed


def test_the_form_of_what_is_printed(run, colours):
    assert run("-m", "nchw", "-c", 2, colours / "red.png") == (
        0,
        [
            "Request 1, batch size 1",
            f"Image '{colours}/red.png':",
            "    200.000000 (0) = RED",
            "    40.000000 (2) = BLUE",
            "PASS",
        ],
        [],
    )


def expected(folder, *names, lines=None):
    found = {"red": "200.000000 (0) = RED", "green": "210.000000 (1) = GREEN: LIKE GRASS", "blue": "220.000000 (2) = BLUE"}
    return [line for name in names for line in (f"Image '{folder}/{name}.png':", f"    {(lines or found)[name]}")]


@ways
@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_pictures_of_a_folder_in_the_order_of_their_names(run, colours, way, batch):
    code, lines, errors = run("-m", "nhwc", "-b", batch, *way, colours)
    sizes = {1: [1, 1, 1], 2: [2, 1], 3: [3], 8: [3]}[batch]
    assert [line for line in lines if line.startswith("Request ")] == [
        f"Request {number}, batch size {size}" for number, size in enumerate(sizes, start=1)
    ]
    assert classes(lines) == [*expected(colours, "blue", "green", "red"), "PASS"]
    assert (code, errors) == (0, [])


@pytest.mark.parametrize(
    "model", ["nchw", "nhwc", "fp16", "one_at_a_time", "any_at_a_time", "plain", "narrow", "any_size", "second", "files"]
)
@pytest.mark.parametrize("protocol", ["HTTP", "gRPC"])
def test_models_of_many_kinds(run, colours, model, protocol):
    code, lines, errors = run("-m", model, "-i", protocol, colours)
    assert (code, classes(lines), errors) == (0, [*expected(colours, "blue", "green", "red"), "PASS"], [])


def test_a_model_without_labels(run, colours):
    assert run("-m", "unlabelled", colours / "red.png")[1][2] == "    200.000000 (0)"


def test_grey(run, colours):
    """0.299 × 200 + 0.587 × 20 + 0.114 × 40 = 76.1: the dark class is the larger."""
    assert run("-m", "grey", "-c", 2, colours / "red.png")[1][2:4] == ["    179.000000 (1)", "    76.000000 (0)"]


@ways
def test_more_classes_than_there_are(run, colours, way):
    code, lines, _ = run("-m", "nchw", "-c", 50, *way, colours / "red.png")
    assert code == 0 and [line[:4] + line.split(" = ")[1] for line in lines[2:5]] == [
        "    RED",
        "    BLUE",
        "    GREEN: LIKE GRASS",
    ]


def test_files_one_by_one_in_the_order_given(run, colours):
    lines = run("-m", "nchw", "-b", 2, colours / "red.png", colours / "blue.png", colours / "red.png")[1]
    assert classes(lines) == [*expected(colours, "red", "blue", "red"), "PASS"]


def test_verbose_tells_the_model_and_the_time_of_each_request(run, colours):
    code, lines, errors = run("-v", "-m", "nhwc", "-b", 2, colours)
    assert (code, classes(lines)) == (0, [*expected(colours, "blue", "green", "red"), "PASS"])
    first, *requests = errors
    assert (
        "nhwc takes x UINT8 [4, 6, 3] (NHWC), gives y; at most 8 pictures a request; scaling NONE; served: version 1"
        in first
    )
    assert [line.rpartition(" ")[0].rpartition(" ")[0] for line in requests] == [
        "image_client.py: request 1: UINT8 [2, 4, 6, 3], 0.00 MB, answered after",
        "image_client.py: request 2: UINT8 [1, 4, 6, 3], 0.00 MB, answered after",
    ]


# Size and scaling


def test_a_picture_keeps_its_size_where_the_model_takes_any(run, colours, tmp_path):
    Image.new("RGB", (31, 17), COLOURS["red"]).save(colours / "another.png")
    _, lines, errors = run("-v", "-m", "any_size", "-b", 4, colours)
    assert [line for line in lines if "Request" in line] == ["Request 1, batch size 1", "Request 2, batch size 3"]
    assert "UINT8 [1, 17, 31, 3]" in errors[1] and "UINT8 [3, 5, 9, 3]" in errors[2]
    _, lines, errors = run("-v", "-m", "any_size", "-b", 4, "--size", "12x7", colours)
    assert "UINT8 [4, 7, 12, 3]" in errors[1]


@ways
def test_answers_keep_their_order_however_long_each_takes(run, tmp_path, way):
    """The model has two instances: the second, of one pixel, is done long before the first."""
    Image.new("RGB", (3000, 3000), COLOURS["green"]).save(tmp_path / "a.png")
    for number in range(9):
        Image.new("RGB", (1, 1), COLOURS["red" if number % 2 else "blue"]).save(tmp_path / f"b{number}.png")
    code, lines, _ = run("-m", "any_size", *way, tmp_path)
    found = [line.split(" = ")[1] for line in lines if " = " in line]
    assert code == 0 and found == ["GREEN: LIKE GRASS", *(["BLUE", "RED"] * 5)[:9]]


@pytest.mark.parametrize(
    ("scaling", "value"), [("NONE", "200.000000"), ("INCEPTION", "0.568627"), ("VGG", "77.000000"), ("vgg", "77.000000")]
)
def test_scalings(run, colours, scaling, value):
    """200 / 127.5 - 1; 200 - 123."""
    assert run("-m", "nchw", "-s", scaling, colours / "red.png")[1][2] == f"    {value} (0) = RED"


def test_the_scaling_that_the_configuration_names_counts_unless_another_is_given(run, colours):
    assert run("-m", "scaled", colours / "red.png")[1][2] == "    0.568627 (0) = RED"
    assert run("-m", "scaled", "-s", "NONE", colours / "red.png")[1][2] == "    200.000000 (0) = RED"
    code, lines, (error,) = run("-m", "badly_scaled", colours / "red.png")
    assert (code, lines) == (3, []) and "the parameter scaling 'CAFFE', which is not known here: give --scaling" in error
    assert run("-m", "badly_scaled", "-s", "NONE", colours / "red.png")[0] == 0


def test_pixels_are_stretched_as_the_official_client_does_it():
    """The whole picture, bilinear; half floats are scaled before they are rounded, which it does the other way round."""
    pixels = np.random.default_rng(0).integers(0, 256, (11, 7, 3), np.uint8)
    model = image_models.ImageModel("m", "x", "FP32", True, 3, 5, 4, True, 1, "y", "")
    stretched = np.asarray(Image.fromarray(pixels[:, :, ::-1]).resize((4, 5), Image.Resampling.BILINEAR), np.float32)
    np.testing.assert_allclose(image_models.prepared(pixels, model, "INCEPTION"), (stretched / 127.5 - 1).transpose(2, 0, 1))
    np.testing.assert_array_equal(
        image_models.prepared(pixels, model, "VGG"), (stretched - [123, 117, 104]).transpose(2, 0, 1)
    )


def test_the_script_knows_the_scalings_of_the_package(script):
    assert tuple(image_models.SCALINGS) == script.SCALINGS


# What cannot be asked: one line each


@pytest.mark.parametrize("model", UNFIT)
@pytest.mark.parametrize("protocol", ["HTTP", "gRPC"])
def test_a_model_that_does_not_fit(run, colours, model, protocol):
    code, lines, errors = run("-m", model, "-i", protocol, colours)
    assert (code, lines) == (3, [])
    assert len(errors) == 1 and f"{model} is no model that classifies one picture: {UNFIT[model][1]}" in errors[0]


@pytest.mark.parametrize("protocol", ["HTTP", "gRPC"])
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-m", "four_at_a_time"), "its input x [4, 3, 4, 6] holds 4 pictures, no more and no fewer"),
        (("-m", "nobody"), "serves no model nobody; it serves any_at_a_time, any_size,"),
        (("-m", ""), "serves no model ; it serves any_at_a_time, any_size,"),
        (("-m", "second", "-x", "2"), "serves no version 2 of second, but 1, 3"),
        (("-m", "broken"), "could not load broken: "),
        (("-m", "nchw", "-b", "9"), "nchw takes at most 8 pictures in a request, not --batch-size 9"),
        (("-m", "plain", "-b", "2"), "plain takes one picture in a request, not --batch-size 2"),
        (("-m", "nhwc", "-s", "INCEPTION"), "nhwc takes UINT8: that does not hold the fractions from -1 to 1"),
        (("-m", "nhwc", "-s", "VGG"), "nhwc takes UINT8: that does not hold the numbers from -123 to 151"),
        (("-m", "nchw", "-s", "EFFICIENTNET_LITE"), "makes squares of one size in colour, which nchw does not take"),
        (("-m", "nchw", "--size", "4x4"), "nchw has a size of its own: leave out --size"),
        (("-m", "files", "-s", "VGG"), "files takes files as they are: leave out --scaling VGG"),
    ],
)
def test_what_cannot_be_asked(run, colours, arguments, reason, protocol):
    code, lines, errors = run(*arguments, "-i", protocol, colours)
    assert (code, lines) == (3, []) and len(errors) == 1 and reason in errors[0], errors


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--streaming",), "--streaming is for gRPC alone"),
        (("-c", "0"), "--classes and --batch-size are whole numbers from 1 on"),
        (("-b", "-1"), "--classes and --batch-size are whole numbers from 1 on"),
        (("-b", "many"), "invalid int value: 'many'"),
        (("-x", "latest"), "--model-version is a whole number from 1 on, not latest"),
        (("-s", "RESNET"), "invalid choice: 'RESNET'"),
        (("-i", "REST"), "--protocol is HTTP or gRPC, not REST"),
        (("--size", "4"), "--size is WIDTHxHEIGHT, as in 224x224, not 4"),
    ],
)
def test_wrong_options(run, colours, arguments, reason):
    code, lines, errors = run(*arguments, colours)
    assert (code, lines) == (2, []) and reason in errors[-1]


def test_addresses(run, models, colours, monkeypatch):
    red = ("-m", "nchw", colours / "red.png")
    assert run("-u", f"http://{models['http']}/", *red)[0] == run("-u", models["http"], *red)[0] == 0
    assert run("-u", f"grpc://{models['grpc']}", "-i", "gRPC", *red)[0] == 0
    assert run("-u", "https://localhost", *red)[0] == 3
    code, _, (error,) = run("-u", "no such host", *red)
    assert code == 3 and "--url=no such host is no server address" in error
    monkeypatch.setenv("TRITON_URL", models["http"])
    monkeypatch.setenv("TRITON_GRPC_URL", models["grpc"])
    assert run(*red)[0] == run("-i", "gRPC", *red)[0] == 0


@ways
def test_nobody_there(run, colours, way, tmp_path, monkeypatch):
    address = f"127.0.0.1:{services.free_port()}"
    code, lines, errors = run("-u", address, *way, colours)
    assert (code, lines) == (3, [])
    assert len(errors) == 1 and f"no Triton answers at {address}" in errors[0] and "Connection refused" in errors[0]
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path / "other"))
    code, lines, errors = run(*way, colours)
    assert (code, lines) == (3, []) and len(errors) == 1 and "Triton does not run" in errors[0]
    monkeypatch.setenv("TRITON_URL", f"http://{address}")
    monkeypatch.setenv("TRITON_GRPC_URL", address)
    code, lines, errors = run(*way, colours)
    assert (code, lines) == (3, []) and len(errors) == 1 and f"no Triton answers at {address}" in errors[0]


def test_somebody_else_there(run, models, colours):
    for protocol, other in (("HTTP", models["grpc"]), ("gRPC", models["http"])):
        code, lines, errors = run("-u", other, "-i", protocol, colours)
        assert (code, lines) == (3, []) and len(errors) == 1 and f"no Triton answers at {other} over {protocol}" in errors[0]


class Other(http.server.BaseHTTPRequestHandler):
    """Answers whatever is asked with the body of its class, or refuses it where that has none."""

    body: bytes | None = None

    def do_GET(self):
        self.send_response(200 if self.body is not None else 501)
        self.send_header("Content-Length", str(len(self.body or b"")))
        self.end_headers()
        self.wfile.write(self.body or b"")

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("body", [None, b"", b"hello", b"[1]", b'{"a": 1}', b'{"versions": 3}'], ids=repr)
def test_what_answers_is_no_triton(run, colours, body):
    """Triton's own port of metrics answers every path with nothing."""
    with http.server.HTTPServer(("127.0.0.1", 0), type("Handler", (Other,), {"body": body})) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        code, lines, errors = run("-u", f"127.0.0.1:{other.server_port}", colours)
        other.shutdown()
    assert (code, lines) == (3, []) and len(errors) == 1
    assert f"what answers at 127.0.0.1:{other.server_port} is no Triton server" in errors[0]


@pytest.mark.parametrize(
    ("status", "message", "is_lost"),
    [
        ("StatusCode.UNAVAILABLE", "failed to connect to all addresses; last error: Connection refused", True),
        ("StatusCode.UNAVAILABLE", "errors resolving nowhere:8001: Domain name not found", True),
        ("StatusCode.DEADLINE_EXCEEDED", "Deadline Exceeded", True),
        ("StatusCode.UNAVAILABLE", "Request for unknown model: 'nobody' is not found", False),
        ("StatusCode.UNAVAILABLE", "Exceeds maximum queue size", False),
        ("StatusCode.INTERNAL", "green is not for me", False),
    ],
)
def test_a_server_that_is_lost_and_one_that_refuses(status, message, is_lost):
    assert image_requests.is_lost(InferenceServerException(message, status)) is is_lost


# What one picture does leaves the others alone


@ways
@pytest.mark.parametrize("batch", [1, 2])
def test_bad_files_of_a_folder(run, colours, way, batch):
    (colours / "cut off.png").write_bytes((colours / "red.png").read_bytes()[:50])
    (colours / "empty.jpg").write_bytes(b"")
    (colours / "notes.txt").write_text("not a picture")
    (colours / ".hidden").write_text("not looked at")
    (colours / "folder").mkdir()
    (colours / "gone.png").symlink_to(colours / "nowhere.png")
    code, lines, errors = run("-m", "nhwc", "-b", batch, *way, colours)
    assert (code, classes(lines)) == (1, expected(colours, "blue", "green", "red"))
    reasons = {"cut off.png": "cut off or damaged", "empty.jpg": "no picture of a kind", "notes.txt": "no picture of a kind"}
    assert len(errors) == len(reasons)
    for error, (name, reason) in zip(errors, reasons.items()):
        assert error.startswith(f"image_client.py: {colours}/{name}: ") and reason in error


def test_what_is_not_there_and_what_is_empty(run, colours, tmp_path):
    (tmp_path / "empty").mkdir()
    code, lines, errors = run("-m", "nhwc", tmp_path / "empty", tmp_path / "nowhere.png", colours / "red.png")
    assert (code, classes(lines)) == (1, expected(colours, "red"))
    assert errors == [
        f"image_client.py: {tmp_path}/empty: the folder holds no file",
        f"image_client.py: {tmp_path}/nowhere.png: No such file or directory",
    ]
    assert run("-m", "nhwc", tmp_path / "empty")[:2] == (1, [])


def test_a_folder_that_may_not_be_read(run, colours, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    code, lines, errors = run("-m", "nhwc", colours, colours / "red.png")
    assert (code, classes(lines)) == (1, expected(colours, "red"))
    assert errors == [f"image_client.py: {colours}: Permission denied"]


@ways
def test_a_request_that_the_server_refuses(run, colours, way):
    code, lines, errors = run("-m", "picky", *way, colours)
    lines_of = {"blue": "220.000000 (2) = BLUE", "red": "200.000000 (0) = RED"}
    assert (code, classes(lines)) == (1, expected(colours, "blue", "red", lines=lines_of))
    assert errors == [f"image_client.py: request 2 ({colours}/green.png): green is not for me"]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@ways
def test_ctrl_c(models, colours, way):
    """While it waits for the content of a file that nobody writes."""
    os.mkfifo(colours / "waits.png")
    process = start("-m", "nhwc", *way, colours / "red.png", colours / "waits.png")
    with open(colours / "waits.png", "wb"):  # returns when the other end is opened
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "image_client.py: interrupted\n")


def test_nobody_reads_what_is_printed(models, colours):
    os.mkfifo(colours / "waits.png")
    process = start("-m", "nhwc", colours / "waits.png", colours / "red.png")
    with open(colours / "waits.png", "wb") as end:
        process.stdout.close()
        end.write((colours / "red.png").read_bytes())
    assert (process.stderr.read(), process.wait(timeout=60)) == ("", 1)


def test_a_server_that_goes_away_between_two_requests(own_home, colours, tmp_path):
    config = PICKY_CONFIG.replace('"labels.txt"', '""')
    add_model(tmp_path / "models", "picky", config, {"1/model.py": PICKY})
    urls = server.up(model_repository=tmp_path / "models", **free_ports())[0].urls
    running = {}
    for name, way in WAYS.items():
        os.mkfifo(colours / name)
        url = urls["grpc"] if "gRPC" in way or "grpc" in way else urls["http"]
        running[name] = start("-m", "picky", "-u", url, *way, colours / "red.png", colours / name, colours / "blue.png")
    content = (colours / "blue.png").read_bytes()
    with contextlib.ExitStack() as opened:
        ends = [opened.enter_context(open(colours / name, "wb")) for name in WAYS]
        kill_servers()  # each client waits for its second picture
        for end in ends:
            end.write(content)
    for name, process in running.items():
        lines, errors = process.communicate(timeout=60)
        assert process.returncode == 3, (name, lines, errors)
        first = "Request 1, batch size 1\n" if name in ("HTTP", "gRPC") else ""  # the others read ahead before they print
        assert (
            lines.startswith(first) and "PASS" not in lines and errors.startswith("image_client.py: no Triton answers at")
        ), (name, errors)
        assert errors.count("\n") == 1, (name, errors)


def test_help_and_nothing_named(run):
    code, lines, _ = run("--help")
    assert code == 0 and "Exit code: 0 all pictures were classified" in "\n".join(lines)
    code, _, errors = run()
    assert code == 2 and "IMAGE|FOLDER" in errors[-1]


# EfficientNet-Lite0


@pytest.fixture(scope="module")
def in_process(album):
    """What is to be printed of each photograph: the five best classes of the network in this process."""
    network, labels = classification.network(), classification.labels()
    lines = []
    for name in sorted(album[1]):
        pixels = pictures.decode((album[0] / name).read_bytes())[:, :, ::-1]
        with torch.inference_mode():
            (logits,) = network(torch.from_numpy(preprocessing.prepare(pixels)[None])).numpy()
        best = np.argsort(-logits, kind="stable")[:5]
        lines += [f"Image '{album[0]}/{name}':", *(f"    {logits[k]:.6f} ({k}) = {labels[k]}" for k in best)]
    return lines


def without_values(lines):
    return [line.partition(" (")[2] or line for line in lines]


@ways
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_same_classes_in_every_way(run, album, in_process, way, batch):
    """The values may differ in their last digits with the size of the batch."""
    code, lines, errors = run("-c", 5, "-b", batch, *way, album[0])
    assert (code, errors, lines[-1]) == (0, [], "PASS")
    lines = classes(lines)[:-1]
    assert without_values(lines) == without_values(in_process)
    values = [[float(line.split()[0]) for line in found if " = " in line] for found in (lines, in_process)]
    np.testing.assert_allclose(*values, rtol=0, atol=1e-5)


def test_the_right_class_is_among_the_first_five(run, album):
    code, lines, _ = run("-c", 5, "-b", 8, album[0])
    lines, right = classes(lines), 0
    for number, name in enumerate(sorted(album[1])):
        first, *five = lines[6 * number : 6 * number + 6]
        assert first == f"Image '{album[0]}/{name}':"
        right += any(line.split(" = ")[1] in album[1][name] for line in five)
    assert code == 0 and len(album[1]) >= 12 and right >= 10, lines


def test_the_course_model_names_its_scaling(run, models, album):
    """Without --scaling as with its own; the numbers of INCEPTION are near, but the whole picture is stretched with them."""
    cat = album[0] / "chelsea.png"
    assert run(cat) == run("-s", "EFFICIENTNET_LITE", cat)
    assert run("-s", "INCEPTION", cat) != run(cat)


def test_the_course_scaling_is_the_course_preprocessing(album):
    pixels = pictures.decode((album[0] / "chelsea.png").read_bytes())
    prepared = preprocessing.prepare(pixels[:, :, ::-1])
    for first, expected in ((True, prepared), (False, prepared.transpose(1, 2, 0))):
        model = image_models.ImageModel("m", "x", "FP32", first, 3, 224, 224, True, 1, "y", "")
        np.testing.assert_array_equal(image_models.prepared(pixels, model, "EFFICIENTNET_LITE"), expected)


def test_the_numbers_of_inception_are_near_those_of_efficientnet_lite(album):
    """No logit of up to 11 differs by a fifth: what the scaling with its cut is for is the cut."""
    network = classification.network()
    model = image_models.ImageModel("m", "x", "FP32", True, 3, 224, 224, True, 1, "y", "")
    for name in album[1]:
        exact = image_models.prepared(pictures.decode((album[0] / name).read_bytes()), model, "EFFICIENTNET_LITE")
        near = np.float32((exact * 128 + 127) / 127.5 - 1)
        with torch.inference_mode():
            first, second = network(torch.from_numpy(np.stack([exact, near])))
        assert first.argmax() == second.argmax() and (first - second).abs().max() < 0.2
