"""Each field of Triton's configuration: obeyed or refused by name, by both backends of the course."""

import re

import pytest
from tritonclient.grpc import model_config_pb2

from tests.support.stand_in import load_backend
from workshop import settings

DOCUMENT = settings.ROOT / "docs" / "configuration.md"


@pytest.fixture(scope="module")
def fields():
    for backend in load_backend("onnxruntime"):
        yield backend.fields


def paths(message, before=""):
    """The names of all fields of a message and of the messages in it, joined by dots; of a map, its own name only."""
    for field in message.fields:
        inner = field.message_type
        if inner is None or inner.GetOptions().map_entry:
            yield before + field.name
        else:
            yield before + field.name
            yield from paths(inner, f"{before}{field.name}.")


def test_there_is_a_line_for_every_field_of_the_configuration(fields):
    every = list(paths(model_config_pb2.ModelConfig.DESCRIPTOR))
    assert len(every) > 120
    # `optimization` and `sequence_batching` hold fields of different standing: what is in them has lines of its own.
    containers = {"optimization"}
    assert [path for path in every if path not in containers and not any_line(fields, path)] == []


def any_line(fields, path):
    try:
        return fields.covered(path)
    except KeyError:
        return None


def test_every_line_is_a_field_that_there_is(fields):
    assert set(fields.FIELDS) <= set(paths(model_config_pb2.ModelConfig.DESCRIPTOR))


def test_the_document_tells_of_every_line_and_parameter(fields):
    rows = {}
    for row in re.findall(r"^\| `([^|]+)` \| ([^|]+) \| ([^|]+) \|", DOCUMENT.read_text(), re.MULTILINE):
        rows[row[0]] = (row[1].strip(), row[2].strip())
    assert {field: rows.get(field) for field in fields.FIELDS} == fields.FIELDS
    for backend, place in (("pytorch", 0), ("onnxruntime", 1)):
        for name, standing in fields.PARAMETERS[backend].items():
            assert rows[f"parameters.{name}"][place] == standing


REFUSED = [
    ("pytorch", {"input": [{"name": "x", "optional": True}]}, "input.optional"),
    ("pytorch", {"model_operations": {"op_library_filename": ["a.so"]}}, "model_operations.op_library_filename"),
    (
        "pytorch",
        {
            "optimization": {
                "execution_accelerators": {"gpu_execution_accelerator": [{"name": "tensorrt", "parameters": {}}]}
            }
        },
        "optimization.execution_accelerators.gpu_execution_accelerator.name",
    ),
    *(
        (backend, config, name)
        for backend in ("pytorch", "onnxruntime")
        for config, name in (
            ({"instance_group": [{"secondary_devices": [{"kind": "KIND_NVDLA"}]}]}, "instance_group.secondary_devices.kind"),
            ({"sequence_batching": {"iterative_sequence": True}}, "sequence_batching.iterative_sequence"),
            (
                {"sequence_batching": {"state": [{"use_growable_memory": True}]}},
                "sequence_batching.state.use_growable_memory",
            ),
            ({"of_a_later_release": {"here": 1}}, "of_a_later_release.here"),
        )
    ),
]


@pytest.mark.parametrize(("backend", "config", "name"), REFUSED)
def test_what_cannot_be_obeyed_is_refused_by_name(fields, backend, config, name):
    with pytest.raises(fields.ConfigurationError, match=rf"{backend} backend cannot obey the field '{name}'"):
        fields.check(backend, config, "CPU")


@pytest.mark.parametrize(
    ("config", "kind", "said"),
    [
        ({"optimization": {"cuda": {"graphs": True, "busy_wait_events": False}}}, "CPU", ["optimization.cuda.graphs"]),
        ({"optimization": {"gather_kernel_buffer_threshold": 3}}, "GPU", ["optimization.gather_kernel_buffer_threshold"]),
        ({"optimization": {"priority": "PRIORITY_MAX"}}, "CPU", ["optimization.priority"]),
        ({"optimization": {"priority": "PRIORITY_DEFAULT", "input_pinned_memory": {"enable": True}}}, "CPU", []),
        ({"cc_model_filenames": {"8.0": "a"}}, "CPU", ["cc_model_filenames.8.0"]),
        ({"parameters": {"mine": {"string_value": "1"}, "FORCE_CPU_ONLY_INPUT_TENSORS": {}}}, "CPU", ["parameters.mine"]),
        ({"parameters": {"gpu_mem_limit": {"string_value": "1"}}}, "CPU", ["parameters.gpu_mem_limit"]),
        ({"parameters": {"gpu_mem_limit": {"string_value": "1"}}}, "GPU", []),
        ({"dynamic_batching": {"preferred_batch_size": [4]}, "version_policy": {"latest": {"num_versions": 2}}}, "CPU", []),
    ],
)
def test_what_has_no_effect_is_said(fields, config, kind, said):
    assert fields.check("onnxruntime", config, kind) == said


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"cc_model_filenames": {"8.0": "a"}}, "cc_model_filenames.8.0"),
        ({"optimization": {"priority": "PRIORITY_MAX"}}, "priority"),
    ],
)
def test_what_needs_a_gpu_is_refused_there(fields, config, name):
    with pytest.raises(fields.ConfigurationError, match=rf"{name}' on a GPU"):
        fields.check("onnxruntime", config, "GPU")
