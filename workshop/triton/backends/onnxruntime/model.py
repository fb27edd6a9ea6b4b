"""A Python-based Triton backend for ONNX models, named `onnxruntime`.

Triton runs this file for `platform: "onnxruntime_onnx"` and `backend: "onnxruntime"` where the official C++ backend is not
installed. It follows that backend's rules, as its source and README have them, so that one config.pbtxt serves both:
https://github.com/triton-inference-server/onnxruntime_backend

**Obeyed** by Triton: versions, instances, dynamic batching, the sequence batcher, response cache, warm-up, labels, reshape.
Obeyed here: types, dims and `max_batch_size` against the model's; ragged inputs with `batch_input`, `batch_output`; control
inputs and implicit state of sequences; optional inputs that the model has values for; `decoupled` (one final answer); file
names, custom operators, `optimization.graph`, `execution_accelerators` on GPUs, the official `parameters`.
**Refused** at load, by name: `secondary_devices`, `iterative_sequence`, `use_growable_memory`, `cc_model_filenames` and
`optimization.priority` on a GPU, accelerators that are not there, BF16.
**Without effect**, as in the official backend, and said in the log: `optimization.cuda`, what concerns GPUs on a CPU,
unknown `parameters`. The whole list is in triton_fields.py, and in docs/configuration.md with the reasons.
"""

from __future__ import annotations

import os
import re
from operator import itemgetter
from typing import Any

import numpy as np
import triton_fields as fields
import triton_python_backend_utils as pb_utils
import triton_sequences as sequences
from triton_fields import ConfigurationError
from triton_served_model import ServedModel, shape_of

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
BF16 = "TYPE_BF16"
"""A type that Triton and ONNX Runtime have, and NumPy has not."""
LEVELS = {0: "ORT_ENABLE_ALL", -1: "ORT_ENABLE_BASIC", 1: "ORT_ENABLE_EXTENDED", 2: "ORT_DISABLE_ALL"}
"""`optimization { graph { level } }` and ONNX Runtime's names of what it asks for."""
DEFAULT_MAX_BATCH_SIZE = 4
"""What a completed configuration of a model that can batch gets, as from the official backend."""
ALGORITHMS = ("EXHAUSTIVE", "HEURISTIC", "DEFAULT")
STRATEGIES = ("kNextPowerOfTwo", "kSameAsRequested")


class TritonPythonModel(ServedModel):
    """One instance of one ONNX model."""

    BACKEND = "onnxruntime"
    TYPES = frozenset(TYPES.values())

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

    def load(self, args: dict[str, str]) -> None:
        """Make a session of this version's model file on the device of this instance, and compare the configuration."""
        file = self.config.get("default_model_filename") or "model.onnx"
        path = os.path.join(args["model_repository"], args["model_version"], file)
        self.session = _session(path, self.config, args["model_instance_kind"], int(args["model_instance_device_id"]))
        self.shapes = _fitting_inputs(self.config, self.session, self.added_inputs())
        self.dims = _fitting_outputs(self.config, self.session, set(self.scattered))
        for spec in self.states.specs:
            _known("output", spec["output_name"], spec["data_type"], self.session.get_outputs())
        self.options = _run_options(self.config)

    def compute(self, inputs: dict[str, np.ndarray], wanted: set[str]) -> dict[str, np.ndarray]:
        """Run the session for the outputs that are wanted."""
        feeds = {}
        for name, array in inputs.items():
            array = array.reshape(()) if self.shapes[name] == [] else array
            feeds[name] = _decoded(array) if array.dtype == np.object_ else array
        names = sorted(wanted)
        results = dict(zip(names, map(_encoded, self.session.run(names, feeds, self.options)), strict=False))
        return {name: array if array.ndim else array.reshape(self.dims.get(name, ())) for name, array in results.items()}

    def summary(self, error: Exception) -> str:
        """All that ONNX Runtime says, on one line."""
        return _summary(error)

    def about(self, data_type: str) -> str:
        """Why a type is refused that the official backend serves."""
        return ": Triton's Python backend, which runs this one, hands it over as no NumPy array" if data_type == BF16 else ""


def _session(path: str, config: dict[str, Any], kind: str, device: int) -> Any:
    """An inference session, set as the configuration says."""
    import onnxruntime

    if os.path.isdir(path):
        path = os.path.join(path, "model.onnx")
    if not os.path.exists(path):
        raise ConfigurationError(f"there is no file {os.path.basename(path)} in its version folder")
    parameters = fields.parameters(config)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: they are reported as the model's
    level = int(config.get("optimization", {}).get("graph", {}).get("level", 0))
    name = LEVELS.get(level, LEVELS[0])
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, name)
    modes = (onnxruntime.ExecutionMode.ORT_SEQUENTIAL, onnxruntime.ExecutionMode.ORT_PARALLEL)
    options.execution_mode = modes[fields.choice(parameters, "execution_mode", 2)]
    options.intra_op_num_threads = fields.count(parameters, "intra_op_thread_count", least=0)
    options.inter_op_num_threads = fields.count(parameters, "inter_op_thread_count", least=0)
    options.enable_cpu_mem_arena = fields.flag(parameters, "enable_mem_arena", True)
    options.enable_mem_pattern = fields.flag(parameters, "enable_mem_pattern", True)
    entry = "session.use_device_allocator_for_initializers"
    if entry in parameters:
        options.add_session_config_entry(entry, parameters[entry])
    for library in config.get("model_operations", {}).get("op_library_filename", []):
        try:
            options.register_custom_ops_library(library)
        except Exception as error:
            raise ConfigurationError(f"model_operations: {_summary(error)}") from error
    providers = _providers(config, parameters, kind, device)
    try:
        return onnxruntime.InferenceSession(path, options, providers=providers)
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
        raise ConfigurationError(
            f"execution_accelerators: unknown Execution Accelerator '{accelerator['name']}' is requested"
        )
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
            raise ConfigurationError(
                f"execution_accelerators: unknown Execution Accelerator '{accelerator['name']}' is requested"
            )
    if "CUDAExecutionProvider" not in available:
        # Triton makes GPU instances wherever there is a GPU; the package onnxruntime has no provider for it.
        pb_utils.Logger.log_warn(
            f"onnxruntime {onnxruntime.__version__} has no CUDA provider (onnxruntime-gpu has): the model runs on the CPU"
        )
        return ["CPUExecutionProvider"]
    cuda.setdefault("cudnn_conv_algo_search", ALGORITHMS[fields.choice(parameters, "cudnn_conv_algo_search", 3)])
    cuda.setdefault("arena_extend_strategy", STRATEGIES[fields.choice(parameters, "arena_extend_strategy", 2)])
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


def _run_options(config: dict[str, Any]) -> Any:
    """Options of each run, or None."""
    import onnxruntime

    entry = "memory.enable_memory_arena_shrinkage"
    parameters = fields.parameters(config)
    if entry not in parameters:
        return None
    options = onnxruntime.RunOptions()
    options.add_run_config_entry(entry, parameters[entry])
    return options


def _fitting_inputs(config: dict[str, Any], session: Any, added: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The shapes that the model wants of its inputs, after a look whether the configuration's are the same.

    Args:
        added: the inputs that no client sends, of `batch_input`, controls and states.
    """
    batching = config["max_batch_size"] > 0
    required = session.get_inputs()
    tensors = [*required, *session.get_overridable_initializers()]
    shapes = {}
    for spec in config["input"]:
        name = spec["name"]
        tensor = _known("input", name, spec["data_type"], tensors)
        shapes[name] = _dims(tensor)
        if spec.get("optional") and batching:
            raise ConfigurationError(f"optional input '{name}' is not supported for models that support batching")
        if spec.get("optional") and tensor in required:
            raise ConfigurationError(f"input '{name}' is optional in the configuration, and the model has no value for it")
        if not spec.get("allow_ragged_batch"):
            _compare("input", spec, shapes[name], config, exact=False)
        elif shapes[name] != [-1]:
            raise ConfigurationError(f"ragged input '{name}' must have shape [-1] in the model, which has {shapes[name]}")
    for spec in added:
        shapes[spec["name"]] = _dims(_known("input", spec["name"], spec["data_type"], tensors))
    for control in map(itemgetter("name"), sequences.controls(config)):
        if shapes[control][batching:] != [1]:
            raise ConfigurationError(
                f"control input '{control}' has shape {shapes[control]} in the model; dims [1] are expected"
            )
    names = [spec["name"] for spec in (*config["input"], *added)]
    if len(names) != len(set(names)):
        raise ConfigurationError(f"the configuration names an input twice: {', '.join(names)}")
    if missing := sorted({tensor.name for tensor in required} - set(names)):
        takes = ", ".join(sorted(tensor.name for tensor in required))
        raise ConfigurationError(f"the configuration has no input {', '.join(missing)}; the model takes: {takes}")
    return shapes


def _fitting_outputs(config: dict[str, Any], session: Any, scattered: set[str]) -> dict[str, list[int]]:
    """The shapes that the configuration gives its outputs, after a look whether the model's are the same.

    Args:
        scattered: those of `batch_output`, whose shapes come from an input.
    """
    # Sizes that follow from a ragged batch are often left open by whoever exports the model.
    ragged = any(spec.get("allow_ragged_batch") for spec in config["input"])
    for spec in config["output"]:
        tensor = _known("output", spec["name"], spec["data_type"], session.get_outputs())
        if spec["name"] not in scattered:
            _compare("output", spec, _dims(tensor), config, exact=not ragged)
    return {spec["name"]: shape_of(spec) for spec in config["output"]}


def _known(role: str, name: str, data_type: str, tensors: list[Any]) -> Any:
    """The model's input or output of that name, which must have that type."""
    there = {tensor.name: tensor for tensor in tensors}
    if name not in there:
        raise ConfigurationError(f"unexpected inference {role} '{name}', allowed {role}s are: {', '.join(sorted(there))}")
    if data_type != _data_type(there[name]):
        raise ConfigurationError(
            f"{role} '{name}' is {data_type} in the configuration, {_data_type(there[name])} in the model"
        )
    return there[name]


def _compare(role: str, spec: dict[str, Any], model: list[int], config: dict[str, Any], *, exact: bool) -> None:
    """Refuse shapes as the official backend does.

    An input of the model whose size is open takes any; an output's must be open in the configuration too, if `exact`.
    """
    batching = config["max_batch_size"] > 0
    shape = shape_of(spec)
    if batching and model[:1] != [-1]:
        raise ConfigurationError(
            f"{role} '{spec['name']}': for the model to support batching (max_batch_size is {config['max_batch_size']}) the "
            f"shape should have at least 1 dimension and the first dimension must be -1; the model's shape is {model}"
        )
    shape = [-1, *shape] if batching else shape
    fits = len(shape) == len(model) and all(
        theirs == ours or (theirs == -1 and not exact) for theirs, ours in zip(model, shape)
    )
    if not fits and not (not model and all(size == 1 for size in shape)):
        raise ConfigurationError(f"{role} '{spec['name']}' is {shape} in the configuration, {model} in the model")


def _dims(tensor: Any) -> list[int]:
    """The shape of a model's input or output, -1 for any size."""
    return [size if isinstance(size, int) else -1 for size in tensor.shape]


def _data_type(tensor: Any) -> str:
    if tensor.type == "tensor(bfloat16)":
        return BF16
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


def _summary(error: Exception) -> str:
    """All lines of an error as one, without ONNX Runtime's prefix of code and kind."""
    text = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", text)
