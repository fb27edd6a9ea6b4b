"""The networks that read text: where they come from, and what is added to a recogniser before it is served."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from workshop import packaged

PACKAGE = "rapidocr_onnxruntime"
FILES = {
    "detection": ("ch_PP-OCRv4_det_infer.onnx", "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9"),
    "recognition": ("ch_PP-OCRv4_rec_infer.onnx", "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b"),
    "angle": ("ch_ppocr_mobile_v2.0_cls_infer.onnx", "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c"),
}
"""Files of PaddleOCR's networks in the package (Apache-2.0), and the SHA-256 that their publisher gives."""


def bundled(network: str) -> Path:
    """The file of a network out of the package `rapidocr-onnxruntime`, checked.

    Args:
        network: detection, recognition or angle.

    Raises:
        WorkshopError: the package is not installed, or its file is not the publisher's.
    """
    name, digest = FILES[network]
    return packaged.file(PACKAGE, f"models/{name}", digest)


def characters(model: onnx.ModelProto) -> list[str]:
    """What classes 1, 2, 3 … of a recogniser stand for: its metadata `character`, a character a line, and the space."""
    (listed,) = (entry.value for entry in model.metadata_props if entry.key == "character")
    return [*listed.splitlines(), " "]


def decided(model: onnx.ModelProto) -> onnx.ModelProto:
    """A recogniser that tells the likeliest class of each step, not the probabilities of all.

    Greedy decoding needs no more, and it is thousands of times less to carry: PP-OCRv4 has 6,625 classes.

    Args:
        model: with one output, probabilities float32 [lines, steps, classes], of an opset below 18.

    Returns:
        A copy with two outputs in its place: `classes` int64 [lines, steps] and `probabilities` float32 [lines, steps].
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    (output,) = graph.output
    graph.node.append(helper.make_node("ArgMax", [output.name], ["classes"], axis=2, keepdims=0))
    graph.node.append(helper.make_node("ReduceMax", [output.name], ["probabilities"], axes=[2], keepdims=0))
    del graph.output[:]
    for name, kind in (("classes", TensorProto.INT64), ("probabilities", TensorProto.FLOAT)):
        graph.output.append(helper.make_tensor_value_info(name, kind, ["lines", "steps"]))
    onnx.checker.check_model(model)
    return model
