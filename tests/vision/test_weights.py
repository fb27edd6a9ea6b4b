"""The networks' files, and what is added to a recogniser."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from workshop.errors import WorkshopError
from workshop.vision import weights


@pytest.fixture
def recogniser():
    """An ONNX model whose probabilities are its input, with a metadata entry of three characters."""
    shape = ["lines", "steps", 4]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["softmax"])],
        "recogniser",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("softmax", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=8)
    helper.set_model_props(model, {"other": "1", "character": "a\n疗\n'"})
    return model


@pytest.mark.parametrize("network", weights.FILES)
def test_the_bundled_networks_are_their_publishers(network):
    file = weights.bundled(network)
    assert file.name == weights.FILES[network][0] and file.is_file()


def test_a_file_that_differs_is_refused(monkeypatch):
    monkeypatch.setitem(weights.FILES, "angle", (weights.FILES["angle"][0], "0" * 64))
    with pytest.raises(WorkshopError, match="ch_ppocr_mobile_v2.0_cls_infer.onnx .* is not the publisher's file"):
        weights.bundled("angle")


def test_a_file_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setitem(weights.FILES, "angle", ("nowhere.onnx", weights.FILES["angle"][1]))
    with pytest.raises(WorkshopError, match="nowhere.onnx"):
        weights.bundled("angle")


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package")
    with pytest.raises(WorkshopError, match="no-such-package is not installed"):
        weights.bundled("angle")


def test_the_characters_of_a_recogniser(recogniser):
    assert weights.characters(recogniser) == ["a", "疗", "'", " "]


def test_every_class_of_the_bundled_recogniser_has_its_character():
    model = onnx.load(weights.bundled("recognition"))
    (output,) = model.graph.output
    found = weights.characters(model)
    assert 1 + len(found) == output.type.tensor_type.shape.dim[2].dim_value == 6625
    assert all(len(character) == 1 for character in found) and found[-1] == " "


def test_a_decided_recogniser_tells_the_likeliest_class_of_each_step(recogniser):
    before = recogniser.SerializeToString()
    decided = weights.decided(recogniser)
    assert recogniser.SerializeToString() == before
    session = onnxruntime.InferenceSession(decided.SerializeToString(), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["classes", "probabilities"]
    x = np.random.default_rng(0).random((3, 7, 4), np.float32)
    x[0, 0] = 0.5  # of equals, the first
    classes, probabilities = session.run(None, {"x": x})
    assert classes.dtype == np.int64 and probabilities.dtype == np.float32
    np.testing.assert_array_equal(classes, x.argmax(axis=2))
    np.testing.assert_array_equal(probabilities, x.max(axis=2))
    assert weights.characters(decided) == weights.characters(recogniser)


def test_a_recogniser_with_two_outputs_is_not_taken(recogniser):
    recogniser.graph.output.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, ["lines", "steps", 4]))
    with pytest.raises(ValueError):
        weights.decided(recogniser)
