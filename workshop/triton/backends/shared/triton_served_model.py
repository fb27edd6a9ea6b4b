"""What the backends `pytorch` and `onnxruntime` do alike: from requests to a batch, from a batch to answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import triton_fields as fields
import triton_python_backend_utils as pb_utils
import triton_sequences as sequences
from triton_fields import ConfigurationError

RERUNS = "backend_reruns"
"""The counter, at the server's metrics address, of runs that Triton's own counts leave out. Labels: model, version."""


class ServedModel:
    """One instance of one model. A backend says how a model is loaded and computed."""

    BACKEND: str
    STRINGS = "TYPE_STRING"
    TYPES: frozenset[str]
    """Types of tensors that the backend takes."""
    reruns: Any = None

    def load(self, args: dict[str, str]) -> None:
        """Load the model file; raise a ConfigurationError if it does not fit the configuration."""
        raise NotImplementedError

    def compute(self, inputs: dict[str, np.ndarray], wanted: set[str]) -> dict[str, np.ndarray]:
        """Run the model on a batch; return at least the outputs that are wanted."""
        raise NotImplementedError

    def summary(self, error: Exception) -> str:
        """What an error says, on one line."""
        raise NotImplementedError

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model file of this version onto the device of this instance.

        Raises:
            TritonModelException: the file cannot be read, a field cannot be obeyed or does not fit the file.
                Triton reports it as the reason why this model is unavailable; the other models are not touched.
        """
        self.config = json.loads(args["model_config"])
        self.name = f"{args['model_name']} version {args['model_version']}"
        self.labels = {"model": args["model_name"], "version": args["model_version"]}
        self.batching = self.config["max_batch_size"] > 0
        self.decoupled = self.config.get("model_transaction_policy", {}).get("decoupled", False)
        try:
            if said := fields.check(self.BACKEND, self.config, args["model_instance_kind"]):
                pb_utils.Logger.log_warn(f"{self.name}: without effect here, as in the official backend: {', '.join(said)}")
            self._check_types()
            self.controls = [spec["name"] for spec in sequences.controls(self.config)]
            self.states = sequences.States(self.config)
            self.scattered = self._scattered()
            self.load(args)
        except ConfigurationError as error:
            raise pb_utils.TritonModelException(f"{self.name}: {error}") from error

    def execute(self, requests: list[Any]) -> list[Any] | None:
        """Run all requests of a batch in one call of the model, and answer each of them.

        If the call fails the requests are run one by one, so that only those at fault get an error, and the log says so.
        Requests of sequences are not: their place in the batch may be what the model tells them apart by.
        A decoupled model sends its one answer through the request's sender.
        """
        answers = self._answers(requests)
        if not self.decoupled:
            return answers
        for request, answer in zip(requests, answers):
            request.get_response_sender().send(answer, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None

    def _answers(self, requests: list[Any]) -> list[Any]:
        try:
            return self._run(requests)
        except Exception as error:
            reason = self.summary(error)
        if len(requests) > 1 and "sequence_batching" not in self.config:
            self._tell_of_rerun(len(requests), reason)
            return [self._alone(request) for request in requests]
        return [self._failed(reason) for _ in requests]

    def _alone(self, request: Any) -> Any:
        try:
            return self._run([request], own=True)[0]
        except Exception as error:
            return self._failed(self.summary(error))

    def _failed(self, reason: str) -> Any:
        return pb_utils.InferenceResponse(error=pb_utils.TritonError(f"{self.name}: {reason}"))

    def _tell_of_rerun(self, number: int, reason: str) -> None:
        """Say in the log that a batch is run again one by one, and count these runs: Triton counts one execution for all."""
        pb_utils.Logger.log_warn(
            f"{self.name}: a batch of {number} requests failed ({reason}) and is run again one by one: {number} more runs, "
            f"which execution_count in Triton's statistics does not show and the metric {RERUNS} does"
        )
        try:
            if self.reruns is None:
                about = "Runs of requests one by one after their batch failed, which nv_inference_exec_count leaves out"
                self.family = pb_utils.MetricFamily(name=RERUNS, description=about, kind=pb_utils.MetricFamily.COUNTER)
                self.reruns = self.family.Metric(labels=self.labels)
            self.reruns.increment(number)
        except Exception as error:  # a server started without metrics has none to count with; the log has the figures
            pb_utils.Logger.log_warn(f"{self.name}: the metric {RERUNS} cannot be kept: {self.summary(error)}")

    def _run(self, requests: list[Any], *, own: bool = False) -> list[Any]:
        """Answer requests by one call of the model.

        Args:
            own: answers get memory of their own, because another run comes before they are sent: a model may return memory
                that it writes to again.
        """
        inputs, parts, sizes = self._collect(requests)
        asked = [set(request.requested_output_names()) for request in requests]
        wanted = set().union(*asked) | {spec["output_name"] for spec in self.states.specs}
        rows = {name: self._split(name, array, parts, sizes) for name, array in self.compute(inputs, wanted).items()}
        self.states.keep(requests, rows)
        answers = []
        for number, names in enumerate(asked):
            tensors = [(name, array[number]) for name, array in rows.items() if name in names]
            answers.append(
                pb_utils.InferenceResponse([pb_utils.Tensor(name, row.copy() if own else row) for name, row in tensors])
            )
        return answers

    def _collect(self, requests: list[Any]) -> tuple[dict[str, np.ndarray], dict[str, list[np.ndarray]], list[int]]:
        """The model's inputs by name, one array over all requests; the same request by request; rows of each request."""
        parts: dict[str, list[np.ndarray]] = {}
        specs = {spec["name"]: spec for spec in self.config["input"]}
        for name in [*specs, *self.controls]:
            tensors = [pb_utils.get_input_tensor_by_name(request, name) for request in requests]
            if specs.get(name, {}).get("optional") and all(tensor is None for tensor in tensors):
                continue
            if any(tensor is None for tensor in tensors):
                raise ValueError(f"input '{name}' is missing")
            parts[name] = [tensor.as_numpy() for tensor in tensors]
        sizes = [part.shape[0] if self.batching else 1 for part in next(iter(parts.values()), [])]
        inputs = {}
        for name, arrays in {**parts, **self.states.inputs(requests)}.items():
            if specs.get(name, {}).get("allow_ragged_batch"):
                arrays = [array.reshape(-1) for array in arrays]
            inputs[name] = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        for spec in self.config.get("batch_input", []):
            for name in spec["target_name"]:
                inputs[name] = batch_input(spec, parts)
        return inputs, parts, sizes

    def _split(self, name: str, array: np.ndarray, parts: dict[str, list[np.ndarray]], sizes: list[int]) -> list[np.ndarray]:
        """One output, request by request."""
        if name in self.scattered:
            source, shape = self.scattered[name]
            return scatter(name, array, shape, source, parts[source])
        if not self.batching:
            return [array]
        if array.ndim == 0 or array.shape[0] != sum(sizes):
            raise ValueError(f"output '{name}' has shape {list(array.shape)} for a batch of {sum(sizes)}")
        return np.split(array, np.cumsum(sizes)[:-1])

    def _scattered(self) -> dict[str, tuple[str, list[int]]]:
        """Outputs of `batch_output`: the input that gives each answer its shape, and the shape with -1 to be filled in."""
        scattered = {}
        for given in self.config.get("batch_output", []):
            source = given["source_input"][0]
            rank = next(len(shape_of(spec)) for spec in self.config["input"] if spec["name"] == source)
            for spec in self.config["output"]:
                if spec["name"] in given["target_name"]:
                    shape = shape_of(spec)
                    if any(size == -1 for size in shape[rank:]):
                        raise ConfigurationError(
                            f"batch_output: '{spec['name']}' has more dimensions than '{source}' that shapes it"
                        )
                    scattered[spec["name"]] = (source, [-1] * self.batching + shape)
        return scattered

    def _check_types(self) -> None:
        """Refuse tensors of types that the backend cannot hand to the model."""
        given = [("input", spec["name"], spec["data_type"]) for spec in self.config["input"]]
        given += [("output", spec["name"], spec["data_type"]) for spec in self.config["output"]]
        given += [("state", spec["input_name"], spec["data_type"]) for spec in sequences.states(self.config)]
        given += [("control input", spec["name"], spec["data_type"]) for spec in sequences.controls(self.config)]
        for role, name, data_type in given:
            if data_type not in self.TYPES:
                raise ConfigurationError(f"unsupported datatype {data_type} for {role} '{name}'{self.about(data_type)}")

    def about(self, data_type: str) -> str:
        """More about a type that the backend refuses."""
        return ""

    def added_inputs(self) -> list[dict[str, Any]]:
        """The inputs that no client sends: of `batch_input`, controls and states, with `name` and `data_type`."""
        added = [
            {"name": name, "data_type": spec["data_type"]}
            for spec in self.config.get("batch_input", [])
            for name in spec["target_name"]
        ]
        added += sequences.controls(self.config)
        added += [{**spec, "name": spec["input_name"]} for spec in self.states.specs]
        return added


def shape_of(spec: dict[str, Any]) -> list[int]:
    """The shape of an input or output as the model sees it, without the batch: `reshape` where there is one, else `dims`."""
    return [int(size) for size in spec.get("reshape", {}).get("shape", spec["dims"])]


def batch_input(spec: dict[str, Any], parts: dict[str, list[np.ndarray]]) -> np.ndarray:
    """The tensor that tells a model with ragged inputs where each request begins, for the kinds that Triton documents.

    https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/ragged_batching.html
    """
    kind = spec["kind"]
    given = parts[spec["source_input"][0]]
    counts = np.array([part.size for part in given])
    if kind == "BATCH_ELEMENT_COUNT":
        values = counts
    elif kind == "BATCH_ACCUMULATED_ELEMENT_COUNT":
        values = np.cumsum(counts)
    elif kind == "BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO":
        values = np.concatenate([[0], np.cumsum(counts)])
    elif kind == "BATCH_MAX_ELEMENT_COUNT_AS_SHAPE":
        values = np.zeros(counts.max())
    elif kind == "BATCH_ITEM_SHAPE":
        values = np.array([part.shape[1:] for part in given for _ in range(part.shape[0])])
    elif kind == "BATCH_ITEM_SHAPE_FLATTEN":
        values = np.array([part.shape[1:] for part in given for _ in range(part.shape[0])]).reshape(-1)
    else:
        raise ValueError(f"batch input kind {kind} is unknown")
    return values.astype(pb_utils.triton_string_to_numpy(spec["data_type"]))


def scatter(name: str, array: np.ndarray, shape: list[int], source: str, parts: Iterable[np.ndarray]) -> list[np.ndarray]:
    """BATCH_SCATTER_WITH_INPUT_SHAPE: cut the values of an output into pieces, each shaped as one request's input.

    Args:
        shape: of a piece; -1 stands for the size that the input has at that place.
        parts: that input, request by request.
    """
    values = array.reshape(-1)
    pieces, begin = [], 0
    for part in parts:
        sizes = [part.shape[place] if size == -1 else size for place, size in enumerate(shape)]
        end = begin + int(np.prod(sizes))
        if end > len(values):
            raise ValueError(f"output '{name}' has {len(values)} values, fewer than the shapes of '{source}' ask for")
        pieces.append(values[begin:end].reshape(sizes))
        begin = end
    return pieces
