"""A stand-in for Triton's `triton_python_backend_utils`, to test a Python-based backend's module without a server."""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from workshop.triton import installation

NUMPY_TYPES = {
    "TYPE_BOOL": np.bool_,
    "TYPE_FP32": np.float32,
    "TYPE_INT32": np.int32,
    "TYPE_INT64": np.int64,
    "TYPE_STRING": np.object_,
}


class TritonError(Exception):
    """Stands for TritonError and TritonModelException."""


class Tensor:
    """A named array."""

    def __init__(self, name, array):
        self.name, self.array = name, array

    def as_numpy(self):
        """The array."""
        return self.array


class Response:
    """Arrays by name, or an error."""

    def __init__(self, tensors=(), error=None):
        self.tensors, self.error = {tensor.name: tensor.array for tensor in tensors}, error


class Request:
    """A request for some outputs, with inputs as keyword arguments; `sequence` is its id and its flags."""

    def __init__(self, outputs=None, *, sequence=(0, 0), **tensors):
        self.tensors, self.outputs, self.sequence = tensors, outputs, sequence
        self.sent = []

    def correlation_id(self):
        """The sequence it belongs to."""
        return self.sequence[0]

    def flags(self):
        """1 at the start of a sequence, 2 at its end."""
        return self.sequence[1]

    def get_response_sender(self):
        """What a decoupled model answers with."""
        return types.SimpleNamespace(send=lambda response, flags: self.sent.append((response, flags)))

    def requested_output_names(self):
        """The outputs asked for."""
        return self.outputs


class Logger:
    """Keeps the warnings, not what else is said."""

    warnings: list[str] = []

    @classmethod
    def log_warn(cls, text):
        """A warning."""
        cls.warnings.append(text)

    @staticmethod
    def log_info(text):
        """What is said once."""

    @staticmethod
    def log_verbose(text):
        """What is said to those who ask for more."""


class MetricFamily:
    """Counts by label."""

    COUNTER = "counter"
    counts: dict[tuple[str, ...], int] = {}

    def __init__(self, name, description, kind):
        self.name = name

    def Metric(self, labels):  # noqa: N802 - Triton's name
        """One counter."""

        def increment(number):
            key = (self.name, *labels.values())
            self.counts[key] = self.counts.get(key, 0) + number

        return types.SimpleNamespace(increment=increment)


def load_backend(name: str):
    """The module of a backend of the course, imported with the stand-in, as a generator for a fixture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(installation.SHARED)
        for module in installation.SHARED.glob("*.py"):
            patch.delitem(sys.modules, module.stem, raising=False)  # imported with the stand-in of another file's tests
        yield from load_model_file(installation.OWN_BACKENDS / name / "model.py")


def load_model_file(path: Path):
    """A `model.py`, imported with the stand-in, as a generator for a fixture."""
    stand_in = types.ModuleType("triton_python_backend_utils")
    stand_in.Tensor, stand_in.InferenceResponse, stand_in.Logger = Tensor, Response, Logger
    stand_in.TritonError = stand_in.TritonModelException = TritonError
    stand_in.MetricFamily, stand_in.TRITONSERVER_RESPONSE_COMPLETE_FINAL = MetricFamily, 1
    stand_in.triton_string_to_numpy = NUMPY_TYPES.__getitem__
    stand_in.get_input_tensor_by_name = lambda request, name: (
        Tensor(name, request.tensors[name]) if name in request.tensors else None
    )
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_model", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "triton_python_backend_utils", stand_in)
        spec.loader.exec_module(module)
        yield module


def tensor_spec(name, data_type="TYPE_FP32", **more):
    """An input or output as the configuration has it."""
    return {"name": name, "data_type": data_type, "dims": [-1], **more}


def instance(backend, folder: Path, file: str, content: bytes, inputs, outputs, *, kind="CPU", parameters=None, **config):
    """A loaded instance of a model file, as Triton would make it; inputs and outputs are names or specifications."""
    (folder / "1").mkdir(exist_ok=True)
    (folder / "1" / file).write_bytes(content)
    config = {
        "max_batch_size": 8,
        "input": [spec if isinstance(spec, dict) else tensor_spec(spec) for spec in inputs],
        "output": [spec if isinstance(spec, dict) else tensor_spec(spec) for spec in outputs],
        "parameters": {key: {"string_value": value} for key, value in (parameters or {}).items()},
        **config,
    }
    model = backend.TritonPythonModel()
    model.initialize(
        {
            "model_config": json.dumps(config),
            "model_name": "m",
            "model_version": "1",
            "model_repository": str(folder),
            "model_instance_kind": kind,
            "model_instance_device_id": "0",
        }
    )
    return model


def floats(*rows):
    """FP32 rows."""
    return np.array(rows, np.float32)
