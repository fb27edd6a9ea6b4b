"""A Python-based Triton backend for TorchScript models, named `pytorch`.

Triton runs this file for `platform: "pytorch_libtorch"` and `backend: "pytorch"` where the official C++ backend is not
installed. It follows that backend's rules, as its source and README have them, so that one config.pbtxt serves both:
https://github.com/triton-inference-server/pytorch_backend

**Obeyed** by Triton: versions, instances, dynamic batching, the sequence batcher, response cache, warm-up, labels, reshape.
Obeyed here: inputs and outputs by argument name, `__<index>` or order; ragged inputs with `batch_input`, `batch_output`;
control inputs and implicit state of sequences; `decoupled` (one final answer); file names; the official `parameters`.
**Refused** at load, by name: `input.optional`, `execution_accelerators`, `model_operations`, `secondary_devices`,
`iterative_sequence`, `use_growable_memory`, `optimization.priority` on a GPU, weight sharing among several instances, types
that the official backend has not (BF16, unsigned ones above 8 bits).
**Without effect**, as in the official backend, and said in the log: `optimization.graph`, `optimization.cuda`, what concerns
GPUs on a CPU, unknown `parameters`. The whole list is in triton_fields.py, and in docs/configuration.md with the reasons.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import triton_fields as fields
import triton_python_backend_utils as pb_utils
import triton_sequences as sequences
from triton_fields import ConfigurationError
from triton_served_model import ServedModel, shape_of


class TritonPythonModel(ServedModel):
    """One instance of one TorchScript model."""

    BACKEND = "pytorch"
    TYPES = frozenset(
        f"TYPE_{name}"
        for name in ("BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", ServedModel.STRINGS[5:])
    )

    def load(self, args: dict[str, str]) -> None:
        """Load the model file and see how named inputs and outputs become arguments and results."""
        # Triton first starts a process that only asks for a completed configuration. It is spared two seconds of import.
        global torch
        import torch

        self._set_parameters()
        kind = args["model_instance_kind"]
        self.device = _device(kind, args["model_instance_device_id"])
        file = self.config.get("default_model_filename") or "model.pt"
        if kind == "GPU":
            capability = ".".join(map(str, torch.cuda.get_device_capability(self.device)))
            file = self.config.get("cc_model_filenames", {}).get(capability, file)
        self.model = _load(os.path.join(args["model_repository"], args["model_version"], file), self.device)
        _check_strings(self.config)
        self.pass_inputs = _input_convention(self.config, self.model, self.added_inputs())
        self.output_indices = _output_indices(self.config)
        self.string_results = _string_results(self.model)

    def compute(self, inputs: dict[str, np.ndarray], wanted: set[str]) -> dict[str, np.ndarray]:
        """Call `forward`; return all configured outputs and states."""
        tensors = {name: self._to_torch(array) for name, array in inputs.items()}
        with self.context():
            result = self.model(*self.pass_inputs(tensors))
            results = list(result) if isinstance(result, tuple) else [result]
            outputs = {name: self._to_numpy(name, results) for name in self.output_indices}
        if self.clean_cache and self.device is not None and self.device.type == "cuda":
            torch.cuda.empty_cache()
        return outputs

    def summary(self, error: Exception) -> str:
        """The lines of an error that say what is wrong, as one: without TorchScript's trace."""
        return _summary(error)

    def about(self, data_type: str) -> str:
        """Other types fail in the official backend in the same way."""
        return ": TorchScript models are served with " + ", ".join(sorted(self.TYPES))

    def _to_torch(self, array: np.ndarray) -> Any:
        if array.dtype == np.object_:
            if array.ndim != 1:
                raise ValueError(f"string inputs must have one dimension, this one has {array.ndim}")
            return [value.decode() for value in array]
        tensor = torch.from_numpy(array)
        return tensor if self.device is None else tensor.to(self.device)

    def _to_numpy(self, name: str, results: list[Any]) -> np.ndarray:
        """One output of the batch, which may share memory with the model."""
        index, data_type = self.output_indices[name]
        if index >= len(results):
            raise ValueError(f"output '{name}' is number {index}, but the model returns {len(results)} output(s)")
        value = results[index]
        if isinstance(value, torch.Tensor):
            if value.ndim == 0:
                raise ValueError(f"output '{name}' is a scalar, which Triton has no shape for; return it as [1]")
            if value.dtype == torch.bfloat16:
                raise ValueError(f"output '{name}' is bfloat16, but the configuration says {data_type}")
            array = value.detach().cpu().numpy()
        elif self.string_results.get(index, False):
            array = np.array([text.encode() for text in value], dtype=np.object_)
        else:
            raise ValueError(f"output '{name}' is a {type(value).__name__}; it must be a tensor or a list of strings")
        expected = np.dtype(pb_utils.triton_string_to_numpy(data_type))
        if array.dtype != expected:
            raise ValueError(f"output '{name}' is {array.dtype}, but the configuration says {data_type}")
        return array

    def _set_parameters(self) -> None:
        """Apply the official backend's parameters. Thread counts are per process here, and each instance is a process."""
        given = fields.parameters(self.config)
        if "INTRA_OP_THREAD_COUNT" in given:
            torch.set_num_threads(fields.count(given, "INTRA_OP_THREAD_COUNT", least=1))
        if "INTER_OP_THREAD_COUNT" in given:
            torch.set_num_interop_threads(fields.count(given, "INTER_OP_THREAD_COUNT", least=1))
        if fields.flag(given, "DISABLE_CUDNN", False):
            torch.backends.cudnn.enabled = False
        instances = sum(group.get("count", 1) for group in self.config.get("instance_group", []))
        if fields.flag(given, "ENABLE_WEIGHT_SHARING", False) and instances > 1:
            raise ConfigurationError(
                f"parameter ENABLE_WEIGHT_SHARING: each of the {instances} instances is a process with weights of its own"
            )
        torch._C._jit_set_profiling_executor(fields.flag(given, "ENABLE_JIT_EXECUTOR", True))
        torch._C._jit_set_profiling_mode(fields.flag(given, "ENABLE_JIT_PROFILING", True))
        if "ENABLE_TENSOR_FUSER" in given:
            torch._C._jit_set_texpr_fuser_enabled(fields.flag(given, "ENABLE_TENSOR_FUSER", True))
        self.clean_cache = fields.flag(given, "ENABLE_CACHE_CLEANING", False)
        inference_mode = fields.flag(given, "INFERENCE_MODE", True)
        optimized = not fields.flag(given, "DISABLE_OPTIMIZED_EXECUTION", False)

        @contextlib.contextmanager
        def context() -> Iterator[None]:
            gradients = torch.inference_mode() if inference_mode else torch.no_grad()
            with gradients, torch.jit.optimized_execution(optimized):
                yield

        self.context = context


def _load(path: str, device: torch.device | None) -> torch.jit.ScriptModule:
    file = os.path.basename(path)
    if not os.path.exists(path):
        other = os.path.exists(os.path.join(os.path.dirname(path), "model.py"))
        reason = "; a model.py of PyTorch 2 is for the official backend only" if other else ""
        raise ConfigurationError(f"there is no file {file} in its version folder{reason}")
    try:
        return torch.jit.load(path, map_location=device).eval()
    except Exception as error:
        raise ConfigurationError(f"{file} cannot be loaded as TorchScript: {_summary(error)}") from error


def _device(kind: str, device_id: str) -> torch.device | None:
    """The device of an instance; None for KIND_MODEL, where the model keeps the devices that it was saved with."""
    if kind == "MODEL":
        return None
    if kind == "GPU":
        if not torch.cuda.is_available():
            raise ConfigurationError("the instance is KIND_GPU, but PyTorch finds no GPU (driver too old for this build?)")
        return torch.device("cuda", int(device_id))
    return torch.device("cpu")


def _check_strings(config: dict[str, Any]) -> None:
    """A string tensor is a `List[str]`: it has one dimension, the batch included."""
    for role in ("input", "output"):
        for spec in config[role]:
            dimensions = len(shape_of(spec)) + (config["max_batch_size"] > 0)
            if spec["data_type"] == ServedModel.STRINGS and dimensions > 1:
                raise ConfigurationError(
                    f"{role} '{spec['name']}' is TYPE_STRING of {dimensions} dimensions with the batch; a List[str] has one"
                )


def _input_convention(
    config: dict[str, Any], model: torch.jit.ScriptModule, added: list[dict[str, Any]]
) -> Callable[[dict[str, Any]], list[Any]]:
    """How named inputs become positional arguments of `forward`.

    The official order of preference: all names are names of forward's arguments; or all end in `__<index>`; or the order
    in the configuration counts. Control inputs always end in `__<index>`, and with implicit state all do. A model with one
    `Dict[str, Tensor]` argument gets the named inputs as they are.

    Args:
        added: the inputs that no client sends, of `batch_input`, controls and states.
    """
    names = [spec["name"] for spec in config["input"]]
    if not names:
        raise ConfigurationError("the configuration declares no inputs; the pytorch backend cannot complete them")
    all_names = [*names, *(spec["name"] for spec in added)]
    arguments = model.forward.schema.arguments[1:]
    if len(arguments) == 1 and arguments[0].type.kind() == "DictType":
        return lambda inputs: [inputs]
    for argument in arguments:
        if argument.type.kind() not in ("TensorType", "ListType"):
            raise ConfigurationError(
                f"forward's argument '{argument.name}' is a {argument.type}; "
                "it must be a Tensor, a List[str] or the only one and a Dict[str, Tensor]"
            )
    wanted = ", ".join(argument.name for argument in arguments)
    if len(all_names) != len(arguments):
        raise ConfigurationError(
            f"the configuration declares {len(all_names)} input(s), the model's forward takes: {wanted}"
        )
    by_argument = {argument.name: index for index, argument in enumerate(arguments)}
    by_index = {name: index for name in all_names if (index := _index(name)) is not None}
    if set(names) <= set(by_argument):
        positions = by_argument
    elif set(names) <= set(by_index):
        positions = by_index
    else:
        targets = [name for spec in config.get("batch_input", []) for name in spec["target_name"]]
        positions = {name: index for index, name in enumerate([*names, *targets])}
    for spec in [*sequences.controls(config), *sequences.states(config)]:
        name = spec.get("name") or spec["input_name"]
        if name not in by_index or ("input_name" in spec and positions is not by_index):
            raise ConfigurationError(
                f"sequence_batching: '{name}' "
                + ("and all inputs must" if "input_name" in spec else "must")
                + " be named <name>__<index>, the index of forward's argument"
            )
    positions = {**positions, **{spec["name"]: by_index[spec["name"]] for spec in sequences.controls(config)}}
    if any(name not in positions for name in all_names) or sorted(positions[name] for name in all_names) != list(
        range(len(arguments))
    ):
        raise ConfigurationError(
            f"the inputs {', '.join(all_names)} do not fill forward's arguments 0 to {len(arguments) - 1}: {wanted}"
        )
    order = sorted(all_names, key=positions.__getitem__)
    return lambda inputs: [inputs[name] for name in order]


def _output_indices(config: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Each output's position in what the model returns, and its data type: by `__<index>`, else by order."""
    outputs = config["output"]
    if not outputs:
        raise ConfigurationError("the configuration declares no outputs; the pytorch backend cannot complete them")
    indexed = all(_index(spec["name"]) is not None for spec in outputs)
    indices = {
        spec["name"]: (_index(spec["name"]) if indexed else position, spec["data_type"])
        for position, spec in enumerate(outputs)
    }
    for spec in sequences.states(config):
        name = spec["output_name"]
        if not indexed or _index(name) is None:
            raise ConfigurationError(f"sequence_batching: state '{name}' and all outputs must be named <name>__<index>")
        indices[name] = (_index(name), spec["data_type"])
    return indices


def _index(name: str) -> int | None:
    """The index of a name like `INPUT__0`, or None."""
    _, _, index = name.partition("__")
    return int(index) if index.isdigit() else None


def _string_results(model: torch.jit.ScriptModule) -> dict[int, bool]:
    """Which of the results are lists of strings, by their TorchScript type: an empty list does not show what it is of."""
    returned = model.forward.schema.returns[0].type
    types = returned.elements() if returned.kind() == "TupleType" else [returned]
    return {
        index: kind.kind() == "ListType" and kind.getElementType().kind() == "StringType" for index, kind in enumerate(types)
    }


def _summary(error: Exception) -> str:
    """What an error says, on one line: of TorchScript's traces what follows the last line of code.

    What a scripted model asserts comes behind the names of two exceptions; C++ adds the functions that it was in.
    """
    lines = str(error).split("\nException raised from ")[0].splitlines()
    if here := [number for number, line in enumerate(lines) if line.endswith("<--- HERE")]:
        lines = list(itertools.dropwhile(lambda line: line.startswith(" "), lines[here[-1] + 1 :]))
    return " ".join(" ".join(lines).split()).removeprefix("RuntimeError: AssertionError: ") or type(error).__name__
