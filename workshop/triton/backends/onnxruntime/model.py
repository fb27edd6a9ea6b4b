"""A Python-based Triton backend for ONNX models, named `onnxruntime`.

Triton runs this file for `platform: "onnxruntime_onnx"` and `backend: "onnxruntime"` where the official C++ backend is not
installed. It follows that backend's rules, so that one config.pbtxt serves both:
https://github.com/triton-inference-server/onnxruntime_backend
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

TYPES = {
    "tensor(bool)": "TYPE_BOOL",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(uint16)": "TYPE_UINT16",
    "tensor(uint32)": "TYPE_UINT32",
    "tensor(uint64)": "TYPE_UINT64",
    "tensor(int8)": "TYPE_INT8",
    "tensor(int16)": "TYPE_INT16",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int64)": "TYPE_INT64",
    "tensor(float16)": "TYPE_FP16",
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
    "tensor(string)": "TYPE_STRING",
}
"""ONNX Runtime's names of types and those of config.pbtxt."""
LEVELS = {0: "ORT_ENABLE_ALL", -1: "ORT_ENABLE_BASIC", 1: "ORT_ENABLE_EXTENDED", 2: "ORT_DISABLE_ALL"}
"""`optimization { graph { level } }` and ONNX Runtime's names of what it asks for."""
DEFAULT_MAX_BATCH_SIZE = 4
"""What a completed configuration of a model that can batch gets, as from the official backend."""
ALGORITHMS = ("EXHAUSTIVE", "HEURISTIC", "DEFAULT")
STRATEGIES = ("kNextPowerOfTwo", "kSameAsRequested")


class ConfigurationError(Exception):
    """The configuration does not fit the model file."""


class TritonPythonModel:
    """One instance of one ONNX model."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config: Any) -> Any:
        """Fill in inputs, outputs and batching from the model file where the configuration has no inputs or no outputs."""
        config = auto_complete_model_config.as_dict()
        if config["input"] and config["output"]:
            return auto_complete_model_config
        # Triton hands over neither the repository's path nor the version, but names the file when it starts the process.
        with open("/proc/self/cmdline", "rb") as file:
            path = os.fsdecode(file.read().split(b"\0")[1])
        try:
            session = _session(path, config, "CPU", 0)
            types = {tensor.name: _data_type(tensor) for tensor in (*session.get_inputs(), *session.get_outputs())}
        except ConfigurationError as error:
            raise pb_utils.TritonModelException(str(error)) from error
        inputs, outputs = session.get_inputs(), session.get_outputs()
        batching = all(tensor.shape and not isinstance(tensor.shape[0], int) for tensor in (*inputs, *outputs))
        size = config["max_batch_size"]
        if not batching and size:
            reason = "its inputs and outputs do not all begin with a dimension of any size"
            raise pb_utils.TritonModelException(f"max_batch_size is {size}, but the model cannot batch: {reason}")
        if batching and not size:
            size = DEFAULT_MAX_BATCH_SIZE
            auto_complete_model_config.set_max_batch_size(size)
        if size > 1 and not {"sequence_batching", "dynamic_batching"} & config.keys():
            auto_complete_model_config.set_dynamic_batching()
        for add, known, tensors in (
            (auto_complete_model_config.add_input, config["input"], inputs),
            (auto_complete_model_config.add_output, config["output"], outputs),
        ):
            if not known:
                for tensor in tensors:
                    dims = _dims(tensor)[bool(size) :]
                    add({"name": tensor.name, "data_type": types[tensor.name], "dims": dims or [1]})
        return auto_complete_model_config

    def initialize(self, args: dict[str, str]) -> None:
        """Make a session of this version's model file on the device of this instance.

        Raises:
            TritonModelException: the file cannot be read or the configuration does not fit it. Triton reports it as the
                reason why this model is unavailable; the other models are not touched.
        """
        self.config = json.loads(args["model_config"])
        self.name = f"{args['model_name']} version {args['model_version']}"
        file = self.config.get("default_model_filename") or "model.onnx"
        path = os.path.join(args["model_repository"], args["model_version"], file)
        try:
            kind, device = args["model_instance_kind"], int(args["model_instance_device_id"])
            self.session = _session(path, self.config, kind, device)
            self.inputs = _fitting(self.config, "input", self.session.get_inputs())
            self.outputs = _fitting(self.config, "output", self.session.get_outputs())
        except ConfigurationError as error:
            raise pb_utils.TritonModelException(f"{self.name}: {error}") from error

    def execute(self, requests: list[Any]) -> list[Any]:
        """Run all requests of a batch in one call of the session, and answer each of them.

        If the call fails the requests are run one by one, so that only those at fault get an error.
        """
        try:
            return self._run(requests)
        except Exception as error:
            if len(requests) > 1:
                return [response for request in requests for response in self.execute([request])]
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(f"{self.name}: {_summary(error)}"))]

    def _run(self, requests: list[Any]) -> list[Any]:
        batching = self.config["max_batch_size"] > 0
        feeds, sizes = {}, [1] * len(requests)
        for name in self.inputs:
            tensors = [pb_utils.get_input_tensor_by_name(request, name) for request in requests]
            parts = [tensor.as_numpy() for tensor in tensors if tensor is not None]
            if not parts:
                continue  # an optional input that nobody gives
            if len(parts) < len(requests):
                raise ValueError(f"input '{name}' is missing; others in the batch have it")
            if batching:
                sizes = [len(part) for part in parts]
            whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
            feeds[name] = _decoded(whole) if whole.dtype == np.object_ else whole
        wanted = [name for name in self.outputs if any(name in request.requested_output_names() for request in requests)]
        results = dict(zip(wanted, map(_encoded, self.session.run(wanted, feeds))))
        ends = np.cumsum(sizes)
        responses = []
        for number, request in enumerate(requests):
            tensors = []
            for name in request.requested_output_names():
                rows = results[name]
                if batching:
                    if rows.ndim == 0 or len(rows) != ends[-1]:
                        raise ValueError(f"output '{name}' has shape {list(rows.shape)} for a batch of {ends[-1]}")
                    rows = rows[ends[number] - sizes[number] : ends[number]]
                tensors.append(pb_utils.Tensor(name, rows))
            responses.append(pb_utils.InferenceResponse(tensors))
        return responses


def _session(path: str, config: dict[str, Any], kind: str, device: int) -> Any:
    """An inference session, set as the configuration says."""
    import onnxruntime

    if os.path.isdir(path):
        path = os.path.join(path, "model.onnx")
    if not os.path.exists(path):
        raise ConfigurationError(f"there is no file {os.path.basename(path)} in its version folder")
    parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: they are reported as the model's
    level = int(config.get("optimization", {}).get("graph", {}).get("level", 0))
    name = LEVELS.get(level, LEVELS[0])
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, name)
    modes = (onnxruntime.ExecutionMode.ORT_SEQUENTIAL, onnxruntime.ExecutionMode.ORT_PARALLEL)
    options.execution_mode = modes[_choice(parameters, "execution_mode", 2)]
    options.intra_op_num_threads = _count(parameters, "intra_op_thread_count")
    options.inter_op_num_threads = _count(parameters, "inter_op_thread_count")
    options.enable_cpu_mem_arena = _flag(parameters, "enable_mem_arena", True)
    options.enable_mem_pattern = _flag(parameters, "enable_mem_pattern", True)
    entry = "session.use_device_allocator_for_initializers"
    if entry in parameters:
        options.add_session_config_entry(entry, parameters[entry])
    for library in config.get("model_operations", {}).get("op_library_filename", []):
        options.register_custom_ops_library(library)
    try:
        return onnxruntime.InferenceSession(path, options, providers=_providers(config, parameters, kind, device))
    except Exception as error:
        reason = _summary(error)
        if "IR version" in reason or "opset" in reason:
            reason += f" (this is ONNX Runtime {onnxruntime.__version__}): export the model for an older one, or update it"
        raise ConfigurationError(f"{os.path.basename(path)} cannot be loaded as ONNX: {reason}") from error


def _providers(config: dict[str, Any], parameters: dict[str, str], kind: str, device: int) -> list[Any]:
    """Execution providers in the order of preference, each with its options."""
    import onnxruntime

    accelerators = config.get("optimization", {}).get("execution_accelerators", {})
    for accelerator in accelerators.get("cpu_execution_accelerator", []):
        raise ConfigurationError(f"unknown Execution Accelerator '{accelerator['name']}' is requested")
    if kind != "GPU":
        return ["CPUExecutionProvider"]
    available = onnxruntime.get_available_providers()
    providers: list[Any] = []
    cuda: dict[str, str] = {}
    for accelerator in accelerators.get("gpu_execution_accelerator", []):
        given = accelerator.get("parameters", {})
        if accelerator["name"] == "cuda":
            cuda.update(given)
        elif accelerator["name"] == "tensorrt" and "TensorrtExecutionProvider" in available:
            providers.append(("TensorrtExecutionProvider", {"device_id": str(device), **_tensorrt(given)}))
        else:
            raise ConfigurationError(f"unknown Execution Accelerator '{accelerator['name']}' is requested")
    if "CUDAExecutionProvider" not in available:
        # Triton makes GPU instances wherever there is a GPU; the package onnxruntime has no provider for it.
        pb_utils.Logger.log_warn(
            f"onnxruntime {onnxruntime.__version__} has no CUDA provider (onnxruntime-gpu has): the model runs on the CPU"
        )
        return ["CPUExecutionProvider"]
    cuda.setdefault("cudnn_conv_algo_search", ALGORITHMS[_choice(parameters, "cudnn_conv_algo_search", 3)])
    cuda.setdefault("arena_extend_strategy", STRATEGIES[_choice(parameters, "arena_extend_strategy", 2)])
    for name in ("gpu_mem_limit", "do_copy_in_default_stream"):
        if name in parameters:
            cuda.setdefault(name, parameters[name])
    return [*providers, ("CUDAExecutionProvider", {**cuda, "device_id": str(device)}), "CPUExecutionProvider"]


def _tensorrt(given: dict[str, str]) -> dict[str, str]:
    """TensorRT's options as ONNX Runtime calls them."""
    options = {}
    for key, value in given.items():
        if key == "precision_mode":
            if value not in ("FP32", "FP16", "BF16", "INT8"):
                raise ConfigurationError(f"unsupported precision mode '{value}' is requested")
            if value != "FP32":
                options[f"trt_{value.lower()}_enable"] = "1"
        elif key == "max_workspace_size_bytes":
            options["trt_max_workspace_size"] = value
        elif key.startswith("int8_"):
            options[f"trt_{key}"] = value
        elif key.startswith("trt_"):
            options[key] = value
        else:
            raise ConfigurationError(f"unknown parameter '{key}' is provided for TensorRT Execution Accelerator")
    return options


def _fitting(config: dict[str, Any], key: str, tensors: list[Any]) -> list[str]:
    """The names of the configured inputs or outputs, after a look whether the model has such."""
    batching = config["max_batch_size"] > 0
    there = {tensor.name: tensor for tensor in tensors}
    names = [spec["name"] for spec in config[key]]
    allowed = ", ".join(sorted(there))
    for spec in config[key]:
        if spec["name"] not in there:
            raise ConfigurationError(f"unexpected inference {key} '{spec['name']}', allowed {key}s are: {allowed}")
        tensor = there[spec["name"]]
        if spec["data_type"] != _data_type(tensor):
            raise ConfigurationError(
                f"{key} '{spec['name']}' is {spec['data_type']} in the configuration, {_data_type(tensor)} in the model"
            )
        shape = [int(size) for size in spec.get("reshape", {}).get("shape", spec["dims"])]
        shape = [-1, *shape] if batching else shape
        expected = _dims(tensor)
        fits = len(shape) == len(expected) and all(-1 in pair or pair[0] == pair[1] for pair in zip(shape, expected))
        if not fits and not (shape == [1] and not expected):
            raise ConfigurationError(f"{key} '{spec['name']}' is {shape} in the configuration, {expected} in the model")
    if key == "input" and (missing := sorted(there.keys() - set(names))):
        raise ConfigurationError(f"the configuration has no input {', '.join(missing)}; the model takes: {allowed}")
    return names


def _dims(tensor: Any) -> list[int]:
    """The shape of a model's input or output, -1 for any size."""
    return [size if isinstance(size, int) else -1 for size in tensor.shape]


def _data_type(tensor: Any) -> str:
    try:
        return TYPES[tensor.type]
    except KeyError:
        raise ConfigurationError(f"'{tensor.name}' is a {tensor.type}, which Triton has no type for") from None


def _decoded(array: np.ndarray) -> np.ndarray:
    """Triton's bytes as ONNX Runtime's strings."""
    return np.array([value.decode() for value in array.reshape(-1)], dtype=np.object_).reshape(array.shape)


def _encoded(array: np.ndarray) -> np.ndarray:
    """ONNX Runtime's strings as Triton's bytes; other arrays as they are."""
    if array.dtype.kind not in "OU":
        return array
    return np.array([text.encode() for text in array.reshape(-1)], dtype=np.object_).reshape(array.shape)


def _count(parameters: dict[str, str], name: str) -> int:
    value = parameters.get(name, "0")
    if not value.isdigit():
        raise ConfigurationError(f"parameter {name} must be a whole number from 0 on, not '{value}'")
    return int(value)


def _choice(parameters: dict[str, str], name: str, choices: int) -> int:
    value = parameters.get(name, "0")
    if value not in map(str, range(choices)):
        raise ConfigurationError(f"parameter {name} must be a whole number from 0 to {choices - 1}, not '{value}'")
    return int(value)


def _flag(parameters: dict[str, str], name: str, default: bool) -> bool:
    value = parameters.get(name, str(int(default))).lower()
    if value not in ("0", "1", "true", "false"):
        raise ConfigurationError(f"parameter {name} must be 0 or 1, not '{value}'")
    return value in ("1", "true")


def _summary(error: Exception) -> str:
    """The first line of an error, without ONNX Runtime's prefix of code and kind."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rpartition(" : ")[2] if lines[0].startswith("[ONNXRuntimeError]") else lines[0]
