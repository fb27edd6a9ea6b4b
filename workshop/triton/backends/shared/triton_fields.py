"""What the backends `pytorch` and `onnxruntime` do with each field of config.pbtxt.

The fields are those of Triton's model_config.proto in release 24.10; what that release does not know, it refuses itself. A
field is obeyed, by Triton or by the backend; or the model is refused with one line that names it. A field that changes no
answer and has no effect in the official backend either has none here, and the server's log says so. docs/configuration.md
has the reasons.
https://github.com/triton-inference-server/common/blob/r24.10/protobuf/model_config.proto
"""

from __future__ import annotations

from typing import Any

TRITON = "Triton"
"""Triton itself obeys the field or refuses it, before the backend and whatever the backend."""
OBEYED = "obeyed"
ON_GPU = "obeyed on a GPU"
"""Obeyed by an instance on a GPU; on another one it has no effect, in the official backend neither, and the log says so."""
SAID = "said in the log"
"""No effect, in the official backend neither; the log says so."""
NOT_ON_GPU = "refused on a GPU"
"""The official backend obeys it on a GPU only; here such an instance is refused; elsewhere the log says that it has none."""
REFUSED = "refused"

FIELDS: dict[str, tuple[str, str]] = {
    # field and all that is in it, unless that has a line of its own: (pytorch, onnxruntime)
    "name": (TRITON, TRITON),
    "platform": (TRITON, TRITON),
    "backend": (TRITON, TRITON),
    "runtime": (TRITON, TRITON),
    "version_policy": (TRITON, TRITON),
    "max_batch_size": (OBEYED, OBEYED),
    "input": (OBEYED, OBEYED),
    "input.format": (TRITON, TRITON),
    "input.reshape": (TRITON, TRITON),
    "input.is_shape_tensor": (TRITON, TRITON),
    "input.is_non_linear_format_io": (TRITON, TRITON),
    "input.optional": (REFUSED, OBEYED),
    "output": (OBEYED, OBEYED),
    "output.reshape": (TRITON, TRITON),
    "output.label_filename": (TRITON, TRITON),
    "output.is_shape_tensor": (TRITON, TRITON),
    "output.is_non_linear_format_io": (TRITON, TRITON),
    "batch_input": (OBEYED, OBEYED),
    "batch_output": (OBEYED, OBEYED),
    "optimization.graph": (SAID, OBEYED),
    "optimization.priority": (NOT_ON_GPU, NOT_ON_GPU),
    "optimization.cuda": (SAID, SAID),
    "optimization.execution_accelerators": (REFUSED, OBEYED),
    "optimization.execution_accelerators.gpu_execution_accelerator": (REFUSED, ON_GPU),
    "optimization.input_pinned_memory": (TRITON, TRITON),
    "optimization.output_pinned_memory": (TRITON, TRITON),
    "optimization.gather_kernel_buffer_threshold": (SAID, SAID),
    "optimization.eager_batching": (TRITON, TRITON),
    "dynamic_batching": (TRITON, TRITON),
    "sequence_batching": (TRITON, TRITON),
    "sequence_batching.control_input": (OBEYED, OBEYED),
    "sequence_batching.state": (OBEYED, OBEYED),
    "sequence_batching.state.initial_state": (TRITON, TRITON),
    "sequence_batching.state.use_same_buffer_for_input_output": (SAID, SAID),
    "sequence_batching.state.use_growable_memory": (REFUSED, REFUSED),
    "sequence_batching.iterative_sequence": (REFUSED, REFUSED),
    "ensemble_scheduling": (TRITON, TRITON),
    "instance_group": (TRITON, TRITON),
    "instance_group.secondary_devices": (REFUSED, REFUSED),
    "default_model_filename": (OBEYED, OBEYED),
    "cc_model_filenames": (ON_GPU, NOT_ON_GPU),
    "metric_tags": (TRITON, TRITON),
    "parameters": (OBEYED, OBEYED),
    "model_warmup": (TRITON, TRITON),
    "model_operations": (REFUSED, OBEYED),
    "model_transaction_policy": (OBEYED, OBEYED),
    "model_repository_agents": (TRITON, TRITON),
    "response_cache": (TRITON, TRITON),
}
PARAMETERS: dict[str, dict[str, str]] = {
    "pytorch": {
        "DISABLE_OPTIMIZED_EXECUTION": OBEYED,
        "INFERENCE_MODE": OBEYED,
        "DISABLE_CUDNN": ON_GPU,
        "ENABLE_CACHE_CLEANING": ON_GPU,
        "ENABLE_WEIGHT_SHARING": OBEYED,
        "ENABLE_TENSOR_FUSER": OBEYED,
        "ENABLE_JIT_PROFILING": OBEYED,
        "ENABLE_JIT_EXECUTOR": OBEYED,
        "INTRA_OP_THREAD_COUNT": OBEYED,
        "INTER_OP_THREAD_COUNT": OBEYED,
    },
    "onnxruntime": {
        "execution_mode": OBEYED,
        "intra_op_thread_count": OBEYED,
        "inter_op_thread_count": OBEYED,
        "enable_mem_arena": OBEYED,
        "enable_mem_pattern": OBEYED,
        "memory.enable_memory_arena_shrinkage": OBEYED,
        "session.use_device_allocator_for_initializers": OBEYED,
        "cudnn_conv_algo_search": ON_GPU,
        "gpu_mem_limit": ON_GPU,
        "arena_extend_strategy": ON_GPU,
        "do_copy_in_default_stream": ON_GPU,
    },
}
"""`parameters` of each official backend. Any other is for a client or for nobody: the log says so."""
PYTHON_PARAMETERS = ("EXECUTION_ENV_PATH", "FORCE_CPU_ONLY_INPUT_TENSORS")
"""`parameters` that Triton's Python backend reads, which runs these backends."""
DEFAULTS = ("FORMAT_NONE", "PRIORITY_DEFAULT")
"""Names of values that a configuration has where nothing is set."""


class ConfigurationError(Exception):
    """The configuration does not fit the backend or the model file. One line; it names the field."""


def check(backend: str, config: dict[str, Any], kind: str) -> list[str]:
    """Go through all fields that are set.

    Args:
        backend: `pytorch` or `onnxruntime`.
        config: the configuration as Triton hands it over, its defaults filled in.
        kind: of this instance: CPU, GPU or MODEL.

    Returns:
        The fields that are set and have no effect.

    Raises:
        ConfigurationError: a field is set that the backend does not obey.
    """
    said: list[str] = []
    for field in _set_fields(config):
        standing = _standing(backend, field)
        if standing == REFUSED or (standing == NOT_ON_GPU and kind == "GPU"):
            where = " on a GPU" if standing == NOT_ON_GPU else ""
            raise ConfigurationError(f"the {backend} backend cannot obey the field '{field}'{where}; take it out")
        if (standing == SAID or (standing in (ON_GPU, NOT_ON_GPU) and kind != "GPU")) and field not in said:
            said.append(field)
    return said


def parameters(config: dict[str, Any]) -> dict[str, str]:
    """`parameters` as strings by name."""
    return {key: value["string_value"] for key, value in config.get("parameters", {}).items()}


def flag(given: dict[str, str], name: str, default: bool) -> bool:
    """A parameter that is on or off, in the spellings that Triton takes."""
    value = given.get(name, str(default)).lower()
    if value not in ("true", "on", "1", "false", "off", "0"):
        raise ConfigurationError(f"parameter {name} must be true or false, not '{value}'")
    return value in ("true", "on", "1")


def count(given: dict[str, str], name: str, *, least: int) -> int:
    """A parameter that is a whole number, `least` or more; `least` where it is not given."""
    value = given.get(name, str(least))
    if not value.isdigit() or int(value) < least:
        raise ConfigurationError(f"parameter {name} must be a whole number from {least} on, not '{value}'")
    return int(value)


def choice(given: dict[str, str], name: str, choices: int) -> int:
    """A parameter that is a number from 0 to `choices` − 1; 0 where it is not given."""
    value = given.get(name, "0")
    if value not in map(str, range(choices)):
        raise ConfigurationError(f"parameter {name} must be a whole number from 0 to {choices - 1}, not '{value}'")
    return int(value)


def covered(field: str) -> str:
    """The line of FIELDS that holds for a field.

    Raises:
        KeyError: there is none.
    """
    while field not in FIELDS:
        if "." not in field:
            raise KeyError(field)
        field = field.rpartition(".")[0]
    return field


def _standing(backend: str, field: str) -> str:
    root, _, name = field.partition(".")
    if root == "parameters":
        return TRITON if name in PYTHON_PARAMETERS else PARAMETERS[backend].get(name, SAID)
    try:
        return FIELDS[covered(field)][backend == "onnxruntime"]
    except KeyError:
        return REFUSED


def _set_fields(value: Any, path: str = "") -> list[str]:
    """The fields of a configuration that are set: names joined by dots."""
    if not value or value in DEFAULTS:
        return []
    if path == "parameters":
        return [f"parameters.{name}" for name in value]
    if isinstance(value, list) and isinstance(value[0], dict):
        return [field for item in value for field in _set_fields(item, path)]
    if isinstance(value, dict):
        return [field for key, item in value.items() for field in _set_fields(item, f"{path}.{key}" if path else key)]
    return [path]
