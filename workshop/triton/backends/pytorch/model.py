"""A Python-based Triton backend for TorchScript models, named `pytorch`.

Triton runs this file for `platform: "pytorch_libtorch"` and `backend: "pytorch"` where the official C++ backend is not
installed. It follows that backend's rules, as its README describes them, so that one config.pbtxt serves both:
https://github.com/triton-inference-server/pytorch_backend
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

INDEXED = re.compile(r".+__(\d+)")


class ConfigurationError(Exception):
    """The configuration does not fit the model file."""


class TritonPythonModel:
    """One instance of one TorchScript model."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model file of this version onto the device of this instance.

        Raises:
            TritonModelException: the file cannot be read or the configuration does not fit it. Triton reports it as the
                reason why this model is unavailable; the other models are not touched.
        """
        # Triton first starts a process that only asks for a completed configuration. It is spared two seconds of import.
        global torch
        import torch

        self.config = json.loads(args["model_config"])
        self.name = f"{args['model_name']} version {args['model_version']}"
        try:
            self._set_parameters()
            self.device = _device(args["model_instance_kind"], args["model_instance_device_id"])
            file = self.config.get("default_model_filename") or "model.pt"
            self.model = _load(os.path.join(args["model_repository"], args["model_version"], file), self.device)
            self.pass_inputs = _input_convention(self.config, self.model)
            self.output_indices = _output_indices(self.config)
        except ConfigurationError as error:
            raise pb_utils.TritonModelException(f"{self.name}: {error}") from error

    def execute(self, requests: list[Any]) -> list[Any]:
        """Run all requests of a batch in one call of the model, and answer each of them.

        If the call fails the requests are run one by one, so that only those at fault get an error.
        """
        try:
            return self._run(requests)
        except Exception as error:
            if len(requests) > 1:
                return [response for request in requests for response in self.execute([request])]
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(f"{self.name}: {_summary(error)}"))]

    def _run(self, requests: list[Any]) -> list[Any]:
        inputs, sizes = self._collect(requests)
        with self.context():
            result = self.model(*self.pass_inputs(inputs))
            outputs = list(result) if isinstance(result, (tuple, list)) and not _is_strings(result) else [result]
            split = {name: self._split(name, spec, outputs, sizes) for name, spec in self.output_indices.items()}
        if self.clean_cache and self.device is not None and self.device.type == "cuda":
            torch.cuda.empty_cache()
        responses = []
        for position, request in enumerate(requests):
            wanted = request.requested_output_names()
            responses.append(
                pb_utils.InferenceResponse(
                    [pb_utils.Tensor(name, rows[position]) for name, rows in split.items() if name in wanted]
                )
            )
        return responses

    def _collect(self, requests: list[Any]) -> tuple[dict[str, Any], list[int]]:
        """The model's inputs by name, concatenated over the requests, and each request's size along the batch."""
        batching = self.config["max_batch_size"] > 0
        arrays: dict[str, list[np.ndarray]] = {}
        for spec in self.config["input"]:
            tensors = [pb_utils.get_input_tensor_by_name(request, spec["name"]) for request in requests]
            if any(tensor is None for tensor in tensors):
                raise ValueError(f"input '{spec['name']}' is missing; the pytorch backend has no optional inputs")
            arrays[spec["name"]] = [tensor.as_numpy() for tensor in tensors]
        first = next(iter(arrays.values()))
        sizes = [array.shape[0] if batching else 1 for array in first]
        inputs = {}
        for spec in self.config["input"]:
            parts = arrays[spec["name"]]
            if spec.get("allow_ragged_batch"):
                parts = [part.reshape(-1) for part in parts]
            whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
            inputs[spec["name"]] = self._to_torch(whole)
        for spec in self.config.get("batch_input", []):
            inputs[spec["target_name"][0]] = self._to_torch(_batch_input(spec, arrays))
        return inputs, sizes

    def _to_torch(self, array: np.ndarray) -> Any:
        if array.dtype == np.object_:
            if array.ndim != 1:
                raise ValueError(f"string inputs must have one dimension, this one has {array.ndim}")
            return [value.decode() for value in array]
        tensor = torch.from_numpy(array)
        return tensor if self.device is None else tensor.to(self.device)

    def _split(self, name: str, spec: tuple[int, str], outputs: list[Any], sizes: list[int]) -> list[np.ndarray]:
        """One output as NumPy arrays, one for each request."""
        index, data_type = spec
        if index >= len(outputs):
            raise ValueError(f"output '{name}' is number {index}, but the model returns {len(outputs)} output(s)")
        value = outputs[index]
        if isinstance(value, torch.Tensor):
            array = value.detach().cpu().numpy()
        elif _is_strings(value):
            array = np.array([text.encode() for text in value], dtype=np.object_)
        else:
            raise ValueError(f"output '{name}' is a {type(value).__name__}; it must be a tensor or a list of strings")
        expected = np.dtype(pb_utils.triton_string_to_numpy(data_type))
        if array.dtype != expected:
            raise ValueError(f"output '{name}' is {array.dtype}, but the configuration says {data_type}")
        if self.config["max_batch_size"] == 0:
            return [array]
        if array.ndim == 0 or array.shape[0] != sum(sizes):
            raise ValueError(f"output '{name}' has shape {list(array.shape)} for a batch of {sum(sizes)}")
        return np.split(array, np.cumsum(sizes)[:-1])

    def _set_parameters(self) -> None:
        """Apply the official backend's parameters. Thread counts are per process here, and each instance is a process."""
        parameters = {key: value["string_value"] for key, value in self.config.get("parameters", {}).items()}
        if "INTRA_OP_THREAD_COUNT" in parameters:
            torch.set_num_threads(_integer(parameters, "INTRA_OP_THREAD_COUNT"))
        if "INTER_OP_THREAD_COUNT" in parameters:
            torch.set_num_interop_threads(_integer(parameters, "INTER_OP_THREAD_COUNT"))
        if _flag(parameters, "DISABLE_CUDNN", False):
            torch.backends.cudnn.enabled = False
        torch._C._jit_set_profiling_executor(_flag(parameters, "ENABLE_JIT_EXECUTOR", True))
        torch._C._jit_set_profiling_mode(_flag(parameters, "ENABLE_JIT_PROFILING", True))
        self.clean_cache = _flag(parameters, "ENABLE_CACHE_CLEANING", False)
        inference_mode = _flag(parameters, "INFERENCE_MODE", True)
        optimized = not _flag(parameters, "DISABLE_OPTIMIZED_EXECUTION", False)

        @contextlib.contextmanager
        def context() -> Iterator[None]:
            gradients = torch.inference_mode() if inference_mode else torch.no_grad()
            with gradients, torch.jit.optimized_execution(optimized):
                yield

        self.context = context


def _load(path: str, device: torch.device | None) -> torch.jit.ScriptModule:
    if not os.path.exists(path):
        raise ConfigurationError(f"there is no file {os.path.basename(path)} in its version folder")
    try:
        return torch.jit.load(path, map_location=device).eval()
    except Exception as error:
        raise ConfigurationError(f"{os.path.basename(path)} cannot be loaded as TorchScript: {_summary(error)}") from error


def _device(kind: str, device_id: str) -> torch.device | None:
    """The device of an instance; None for KIND_MODEL, where the model keeps the devices that it was saved with."""
    if kind == "MODEL":
        return None
    if kind == "GPU":
        if not torch.cuda.is_available():
            raise ConfigurationError("the instance is KIND_GPU, but PyTorch finds no GPU (driver too old for this build?)")
        return torch.device("cuda", int(device_id))
    return torch.device("cpu")


def _input_convention(config: dict[str, Any], model: torch.jit.ScriptModule) -> Callable[[dict[str, Any]], list[Any]]:
    """How named inputs become positional arguments of `forward`.

    The official order of preference: all names are names of forward's arguments; or all end in `__<index>`; or the order
    in the configuration counts. A model with one `Dict[str, Tensor]` argument gets the named inputs as they are.
    """
    names = [spec["name"] for spec in config["input"]]
    names += [spec["target_name"][0] for spec in config.get("batch_input", [])]
    if not names:
        raise ConfigurationError("the configuration declares no inputs; the pytorch backend cannot complete them")
    arguments = model.forward.schema.arguments[1:]
    if len(arguments) == 1 and arguments[0].type.kind() == "DictType":
        return lambda inputs: [inputs]
    required = sum(not argument.has_default_value() for argument in arguments)
    if not required <= len(names) <= len(arguments):
        wanted = ", ".join(argument.name for argument in arguments)
        raise ConfigurationError(f"the configuration declares {len(names)} input(s), the model's forward takes: {wanted}")
    positions = {argument.name: index for index, argument in enumerate(arguments)}
    if not set(names) <= set(positions):
        matches = [INDEXED.fullmatch(name) for name in names]
        indexed = all(matches)
        positions = {name: int(match[1]) if indexed else i for i, (name, match) in enumerate(zip(names, matches))}
    order = sorted(names, key=positions.__getitem__)
    if [positions[name] for name in order] != list(range(len(order))):
        raise ConfigurationError(f"the inputs {', '.join(names)} do not fill forward's arguments 0 to {len(names) - 1}")
    return lambda inputs: [inputs[name] for name in order]


def _output_indices(config: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Each output's position in what the model returns, and its data type: by `__<index>`, else by order."""
    outputs = config["output"]
    if not outputs:
        raise ConfigurationError("the configuration declares no outputs; the pytorch backend cannot complete them")
    matches = [INDEXED.fullmatch(spec["name"]) for spec in outputs]
    indexed = all(matches)
    return {
        spec["name"]: (int(match[1]) if indexed else position, spec["data_type"])
        for position, (spec, match) in enumerate(zip(outputs, matches))
    }


def _batch_input(spec: dict[str, Any], arrays: dict[str, list[np.ndarray]]) -> np.ndarray:
    """The tensor that tells a model with ragged inputs where each request begins, for the kinds that Triton documents."""
    kind = spec["kind"]
    parts = arrays[spec["source_input"][0]]
    counts = np.array([part.size for part in parts])
    if kind == "BATCH_ELEMENT_COUNT":
        values = counts
    elif kind == "BATCH_ACCUMULATED_ELEMENT_COUNT":
        values = np.cumsum(counts)
    elif kind == "BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO":
        values = np.concatenate([[0], np.cumsum(counts)])
    elif kind == "BATCH_MAX_ELEMENT_COUNT_AS_SHAPE":
        values = np.empty(counts.max())
    elif kind == "BATCH_ITEM_SHAPE":
        values = np.array([part.shape[1:] for part in parts for _ in range(part.shape[0])])
    elif kind == "BATCH_ITEM_SHAPE_FLATTEN":
        values = np.array([part.shape[1:] for part in parts for _ in range(part.shape[0])]).reshape(-1)
    else:
        raise ValueError(f"batch input kind {kind} is unknown")
    return values.astype(pb_utils.triton_string_to_numpy(spec["data_type"]))


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _flag(parameters: dict[str, str], name: str, default: bool) -> bool:
    value = parameters.get(name, str(default)).lower()
    if value not in ("true", "false"):
        raise ConfigurationError(f"parameter {name} must be true or false, not '{value}'")
    return value == "true"


def _integer(parameters: dict[str, str], name: str) -> int:
    value = parameters[name]
    if not value.isdigit() or int(value) < 1:
        raise ConfigurationError(f"parameter {name} must be a positive whole number, not '{value}'")
    return int(value)


def _summary(error: Exception) -> str:
    """The one line of an error that says what is wrong: for TorchScript's long traces, the last one.

    What a scripted model asserts comes as that line, behind the names of two exceptions.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = lines[-1] if lines[0].startswith("The following operation failed") else lines[0]
    return line.removeprefix("RuntimeError: AssertionError: ")
