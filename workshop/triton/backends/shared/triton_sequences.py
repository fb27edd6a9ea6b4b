"""Control inputs and implicit state of `sequence_batching`, for the backends `pytorch` and `onnxruntime`.

Triton routes the requests of a sequence to one instance and adds the control inputs to each request, and the initial state.
What a Python-based backend cannot do is hand the new state back to Triton: each instance keeps the states of its sequences.
https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/implicit_state_management.html
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

START, END = 1, 2
"""Flags of a request: the first and the last one of its sequence."""
VALUES = {"int32_false_true": "TYPE_INT32", "fp32_false_true": "TYPE_FP32", "bool_false_true": "TYPE_BOOL"}
"""Where a control's two values stand, and the type that its tensor then has."""


def controls(config: dict[str, Any]) -> list[dict[str, str]]:
    """The control inputs of a configuration: `name` and `data_type` of each."""
    return [
        {
            "name": given["name"],
            "data_type": next((VALUES[key] for key in VALUES if control.get(key)), control.get("data_type", "")),
        }
        for given in config.get("sequence_batching", {}).get("control_input", [])
        for control in given["control"]
    ]


def states(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of `sequence_batching { state }`."""
    return config.get("sequence_batching", {}).get("state", [])


def null(request: Any) -> bool:
    """Whether Triton only fills the slot of a sequence that has no request now: nobody asked for an output of it."""
    return not request.requested_output_names()


class States:
    """The states of the sequences of one instance."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.specs = states(config)
        oldest = config.get("sequence_batching", {}).get("oldest", {})
        # As many sequences as Triton gives to an instance at a time. One that falls idle ends without a word to the backend,
        # so that the one unused for longest goes when there are more.
        self.most = max(int(oldest.get("max_candidate_sequences", 0)) or config["max_batch_size"], 1)
        self.kept: dict[Any, dict[str, np.ndarray]] = {}

    def inputs(self, requests: list[Any]) -> dict[str, list[np.ndarray]]:
        """The state inputs: for each request what its sequence left, or the initial state."""
        given: dict[str, list[np.ndarray]] = {}
        for spec in self.specs:
            name = spec["input_name"]
            arrays = [self._before(request, spec) for request in requests]
            real = next((array for request, array in zip(requests, arrays) if not null(request)), arrays[0])
            given[name] = [np.zeros_like(real) if null(request) else array for request, array in zip(requests, arrays)]
        return given

    def _before(self, request: Any, spec: dict[str, Any]) -> np.ndarray:
        name = spec["input_name"]
        kept = self.kept.get(request.correlation_id())
        if kept is not None and not request.flags() & START and not null(request):
            return kept[name].copy()
        initial = pb_utils.get_input_tensor_by_name(request, name).as_numpy()
        # Without `initial_state` Triton hands over memory as it finds it.
        return initial if spec.get("initial_state") or initial.dtype == np.object_ else np.zeros_like(initial)

    def keep(self, requests: list[Any], rows: dict[str, list[np.ndarray]]) -> None:
        """Keep the state outputs of each request, by output name, for the next request of its sequence."""
        for number, request in enumerate(requests):
            key = request.correlation_id()
            if not self.specs or null(request):
                continue
            self.kept.pop(key, None)
            if not request.flags() & END:
                self.kept[key] = {spec["input_name"]: rows[spec["output_name"]][number].copy() for spec in self.specs}
        while len(self.kept) > self.most:
            del self.kept[next(iter(self.kept))]
