"""The `onnxruntime` backend's rules, with a stand-in for Triton's module, and what a real server makes of them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tritonclient.http as httpclient
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from tests.support.small_models import add_model, free_ports, kill_servers
from tests.support.stand_in import Logger, MetricFamily, Request, TritonError, floats, instance, load_backend, tensor_spec
from workshop.triton import server

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


def model(nodes, inputs, outputs, *, ir=10, opset=17, initializers=()):
    """An ONNX model as bytes; inputs and outputs are (name, type, shape)."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        list(initializers),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = ir
    return made.SerializeToString()


DIFFERENCE = model(
    [
        helper.make_node("Sub", ["minuend", "subtrahend"], ["difference"]),
        helper.make_node("Neg", ["difference"], ["opposite"]),
    ],
    [("minuend", FLOAT, ["n", "m"]), ("subtrahend", FLOAT, ["n", "m"])],
    [("difference", FLOAT, ["n", "m"]), ("opposite", FLOAT, ["n", "m"])],
)
# How many rows were in the call, for each row; a text that is no number is an error.
NUMBERS = model(
    [
        helper.make_node("Cast", ["text"], ["number"], to=FLOAT),
        helper.make_node("Shape", ["text"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["rows"], axis=0),
        helper.make_node("Cast", ["rows"], ["count"], to=FLOAT),
        helper.make_node("Mul", ["number", "nothing"], ["zeros"]),
        helper.make_node("Add", ["zeros", "count"], ["calls"]),
    ],
    [("text", STRING, ["n", 1])],
    [("number", FLOAT, ["n", 1]), ("calls", FLOAT, ["n", 1])],
    initializers=[helper.make_tensor("zero", INT64, [], [0]), helper.make_tensor("nothing", FLOAT, [], [0.0])],
)
ECHO = model(
    [helper.make_node("Identity", ["words"], ["again"])], [("words", STRING, ["n", "m"])], [("again", STRING, ["n", "m"])]
)
FIXED = model([helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, [2, 3])], [("y", FLOAT, [2, 3])])


@pytest.fixture(scope="module")
def backend():
    yield from load_backend("onnxruntime")


@pytest.fixture
def serve(backend, tmp_path):
    """A function that makes a loaded instance of a model, as Triton would."""

    def make(content, inputs, outputs, **config):
        file = config.get("default_model_filename", "model.onnx")
        return instance(backend, tmp_path, file, content, inputs, outputs, **config)

    return make


BOTH = (["minuend", "subtrahend"], ["difference", "opposite"])
X, Y = tensor_spec("x", dims=[1]), tensor_spec("y", dims=[1])
TEXT = ([tensor_spec("text", "TYPE_STRING", dims=[1])], [tensor_spec("number", dims=[1]), tensor_spec("calls", dims=[1])])


def text(*values):
    return np.array([[value.encode()] for value in values], dtype=object)


def test_inputs_and_outputs_by_name_and_only_those_asked_for(serve):
    served = serve(DIFFERENCE, ["subtrahend", "minuend"], ["opposite", "difference"])
    given = {"minuend": floats([5, 1]), "subtrahend": floats([1, 1])}
    answer = served.execute([Request(["opposite"], **given)])[0]
    assert {name: value.tolist() for name, value in answer.tensors.items()} == {"opposite": [[-4, 0]]}
    one, other = served.execute([Request(["difference"], **given), Request(["opposite", "difference"], **given)])
    assert list(one.tensors) == ["difference"] and set(other.tensors) == {"difference", "opposite"}


def test_a_batch_is_one_call_and_is_split_again(serve):
    served = serve(NUMBERS, *TEXT)
    answers = served.execute([Request(["calls", "number"], text=text(*"1234"[:rows])) for rows in (1, 3, 2)])
    assert [answer.tensors["calls"].tolist() for answer in answers] == [[[6]] * 1, [[6]] * 3, [[6]] * 2]
    assert answers[1].tensors["number"].tolist() == [[1], [2], [3]]


def test_only_the_request_at_fault_gets_an_error(serve):
    served = serve(NUMBERS, *TEXT)
    good, bad, fine = served.execute([Request(["number"], text=text(value)) for value in ("1.5", "many", "2")])
    assert good.tensors["number"].tolist() == [[1.5]] and fine.error is None
    assert str(bad.error).startswith("m version 1: ") and "\n" not in str(bad.error)


def test_without_batching_shapes_are_the_clients(serve):
    specs = [tensor_spec(name, dims=[-1, -1]) for name in ("minuend", "subtrahend", "difference")]
    served = serve(DIFFERENCE, specs[:2], specs[2:], max_batch_size=0)
    given = np.ones((2, 3), np.float32)
    assert served.execute([Request(["difference"], minuend=given, subtrahend=given)])[0].tensors["difference"].shape == (
        2,
        3,
    )


def test_strings_go_in_and_out(serve):
    served = serve(ECHO, [tensor_spec("words", "TYPE_STRING")], [tensor_spec("again", "TYPE_STRING")])
    words = np.array([["é".encode(), b""], [b"b", "日本".encode()]], dtype=object)
    assert served.execute([Request(["again"], words=words)])[0].tensors["again"].tolist() == words.tolist()


def test_another_file_name_and_a_folder(serve, backend, tmp_path):
    assert serve(DIFFERENCE, *BOTH, default_model_filename="other.onnx")
    (tmp_path / "1" / "whole").mkdir()
    (tmp_path / "1" / "whole" / "model.onnx").write_bytes(FIXED)
    assert backend._session(str(tmp_path / "1" / "whole"), {}, "CPU", 0).get_inputs()[0].name == "x"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content": b"no model"}, "model.onnx cannot be loaded as ONNX"),
        ({"content": model([], [], [], ir=99)}, r"IR version.*this is ONNX Runtime .*export the model for an older one"),
        ({"content": model([], [], [], opset=99)}, r"opset.*export the model for an older one"),
        ({"inputs": ["minuend", "b"]}, "unexpected inference input 'b', allowed inputs are: minuend, subtrahend"),
        ({"inputs": ["minuend"]}, "the configuration has no input subtrahend; the model takes: minuend, subtrahend"),
        ({"outputs": ["sum"]}, "unexpected inference output 'sum', allowed outputs are: difference, opposite"),
        ({"outputs": [tensor_spec("difference", "TYPE_FP64")]}, "'difference' is TYPE_FP64 in the configuration, TYPE_FP32"),
        ({"outputs": [tensor_spec("difference", dims=[-1, -1])]}, r"'difference' is \[-1, -1, -1\] in the configuration"),
        ({"parameters": {"execution_mode": "2"}}, "execution_mode must be a whole number from 0 to 1, not '2'"),
        ({"parameters": {"intra_op_thread_count": "-1"}}, "intra_op_thread_count must be a whole number from 0 on"),
        ({"parameters": {"enable_mem_arena": "maybe"}}, "enable_mem_arena must be true or false"),
        (
            {"optimization": {"execution_accelerators": {"cpu_execution_accelerator": [{"name": "openvino"}]}}},
            "m version 1: execution_accelerators: unknown Execution Accelerator 'openvino'",
        ),
        (
            {"model_operations": {"op_library_filename": ["/nowhere.so"]}},
            "m version 1: model_operations: Failed to load library /nowhere.so",
        ),
    ],
)
def test_what_does_not_fit_is_told(serve, change, reason):
    arguments = {"content": DIFFERENCE, "inputs": BOTH[0], "outputs": BOTH[1], **change}
    content, inputs, outputs = (arguments.pop(name) for name in ("content", "inputs", "outputs"))
    with pytest.raises(TritonError, match=reason) as refused:
        serve(content, inputs, outputs, **arguments)
    assert str(refused.value).startswith("m version 1: ") and "\n" not in str(refused.value)


def test_a_missing_file_is_told(backend, tmp_path):
    with pytest.raises(backend.ConfigurationError, match="there is no file model.onnx in its version folder"):
        backend._session(str(tmp_path / "1" / "model.onnx"), {}, "CPU", 0)


@pytest.mark.parametrize(
    ("level", "expected"),
    [(None, "ENABLE_ALL"), (0, "ENABLE_ALL"), (-1, "ENABLE_BASIC"), (1, "ENABLE_EXTENDED"), (2, "DISABLE_ALL")],
)
def test_parameters_reach_the_session(serve, level, expected):
    parameters = {
        "intra_op_thread_count": "2",
        "inter_op_thread_count": "3",
        "execution_mode": "1",
        "enable_mem_arena": "0",
        "enable_mem_pattern": "false",
    }
    graph = {} if level is None else {"optimization": {"graph": {"level": level}}}
    options = serve(DIFFERENCE, *BOTH, parameters=parameters, **graph).session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 3)
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert not options.enable_cpu_mem_arena and not options.enable_mem_pattern
    assert options.graph_optimization_level.name == f"ORT_{expected}"


def test_without_a_cuda_provider_a_gpu_instance_runs_on_the_cpu_and_says_so(serve):
    Logger.warnings.clear()
    assert serve(DIFFERENCE, *BOTH, kind="GPU").session.get_providers() == ["CPUExecutionProvider"]
    assert "has no CUDA provider" in Logger.warnings[0]


def test_gpu_providers_and_their_options(backend, monkeypatch):
    available = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    tensorrt = {"name": "tensorrt", "parameters": {"precision_mode": "FP16", "max_workspace_size_bytes": "1"}}
    config = {"optimization": {"execution_accelerators": {"gpu_execution_accelerator": [tensorrt]}}}
    assert backend._providers(config, {"gpu_mem_limit": "5", "cudnn_conv_algo_search": "1"}, "GPU", 1) == [
        ("TensorrtExecutionProvider", {"device_id": "1", "trt_fp16_enable": "1", "trt_max_workspace_size": "1"}),
        (
            "CUDAExecutionProvider",
            {
                "cudnn_conv_algo_search": "HEURISTIC",
                "arena_extend_strategy": "kNextPowerOfTwo",
                "gpu_mem_limit": "5",
                "device_id": "1",
            },
        ),
        "CPUExecutionProvider",
    ]
    tensorrt["parameters"]["precision_mode"] = "INT4"
    with pytest.raises(backend.ConfigurationError, match="unsupported precision mode 'INT4'"):
        backend._providers(config, {}, "GPU", 0)


# --- what a configuration may ask for besides ---

BF16 = TensorProto.BFLOAT16
MARKED = model(
    [
        helper.make_node("Cast", ["start"], ["begun"], to=FLOAT),
        helper.make_node("Cast", ["id"], ["number"], to=FLOAT),
        helper.make_node("Sum", ["x", "begun", "number"], ["y"]),
    ],
    [("x", FLOAT, ["n", 1]), ("start", TensorProto.BOOL, ["n", 1]), ("id", TensorProto.UINT64, ["n", 1])],
    [("y", FLOAT, ["n", 1])],
)
TOTALS = model(
    [helper.make_node("Add", ["x", "total"], ["y"]), helper.make_node("Identity", ["y"], ["new_total"])],
    [("x", FLOAT, ["n", 1]), ("total", FLOAT, ["n", 1])],
    [("y", FLOAT, ["n", 1]), ("new_total", FLOAT, ["n", 1])],
)
# Of ragged rows in one long one: the sum up to the end of each row.
RAGGED = model(
    [
        helper.make_node("CumSum", ["x", "axis"], ["sums"]),
        helper.make_node("Sub", ["ends", "one"], ["last"]),
        helper.make_node("Gather", ["sums", "last"], ["at_ends"], axis=0),
        helper.make_node("Unsqueeze", ["at_ends", "axes"], ["y"]),
        helper.make_node("Identity", ["x"], ["same"]),
    ],
    [("x", FLOAT, ["n"]), ("ends", TensorProto.INT32, ["b"])],
    [("y", FLOAT, ["b", "k"]), ("same", FLOAT, ["n"])],
    initializers=[
        helper.make_tensor("axis", TensorProto.INT32, [], [0]),
        helper.make_tensor("one", TensorProto.INT32, [], [1]),
        helper.make_tensor("axes", INT64, [1], [1]),
    ],
)
NARROW = model([helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, ["n", 3])], [("y", FLOAT, ["n", 3])])
SCALAR = model(
    [helper.make_node("Add", ["x", "by"], ["y"])],
    [("x", FLOAT, []), ("by", FLOAT, [])],
    [("y", FLOAT, [])],
    initializers=[helper.make_tensor("by", FLOAT, [], [2.0])],
)
BFLOAT = model([helper.make_node("Identity", ["x"], ["y"])], [("x", BF16, ["n", 2])], [("y", BF16, ["n", 2])])


def control(name, kind, **values):
    return {"name": name, "control": [{"kind": f"CONTROL_SEQUENCE_{kind}", **values}]}


BEGIN = control("start", "START", bool_false_true=[False, True])
NUMBER = control("id", "CORRID", data_type="TYPE_UINT64")
STATE = {"state": [{"input_name": "total", "output_name": "new_total", "data_type": "TYPE_FP32", "dims": [1]}]}
SCATTER = {"kind": "BATCH_SCATTER_WITH_INPUT_SHAPE", "target_name": ["same"], "source_input": ["x"]}
ENDS = {
    "kind": "BATCH_ACCUMULATED_ELEMENT_COUNT",
    "target_name": ["ends"],
    "data_type": "TYPE_INT32",
    "source_input": ["x"],
}


def test_control_inputs_count_among_the_inputs(serve):
    served = serve(MARKED, [X], [Y], sequence_batching={"control_input": [NUMBER, BEGIN]})
    given = {"start": np.array([[True]]), "id": np.array([[40]], np.uint64)}
    assert served.execute([Request(["y"], x=floats([1]), **given)])[0].tensors["y"].tolist() == [[42]]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([NUMBER], "the configuration has no input start; the model takes: id, start, x"),
        (
            [BEGIN, control("id", "CORRID", data_type="TYPE_INT32")],
            "input 'id' is TYPE_INT32 in the configuration, TYPE_UINT64 in",
        ),
        ([BEGIN, NUMBER, control("x", "END", fp32_false_true=[0.0, 1.0])], "names an input twice: x, start, id, x"),
        ([BEGIN, NUMBER, control("stop", "END", fp32_false_true=[0.0, 1.0])], "unexpected inference input 'stop'"),
    ],
)
def test_control_inputs_that_do_not_fit(serve, given, reason):
    with pytest.raises(TritonError, match=reason):
        serve(MARKED, [X], [Y], sequence_batching={"control_input": given})


def test_implicit_state_is_kept_for_each_sequence(serve):
    served = serve(TOTALS, [X], [Y], sequence_batching=STATE)

    def step(sequence, value, flags=0):
        return Request(["y"], sequence=(sequence, flags), x=floats([value]), total=floats([99]))

    assert [a.tensors["y"].tolist() for a in served.execute([step(1, 1, 1), step(2, 10, 1)])] == [[[1]], [[10]]]
    assert [a.tensors["y"].tolist() for a in served.execute([step(2, 10, 2), step(1, 1)])] == [[[20]], [[2]]]
    assert list(served.states.kept) == [1]
    with pytest.raises(TritonError, match="unexpected inference output 'old'"):
        serve(TOTALS, [X], [Y], sequence_batching={"state": [{**STATE["state"][0], "output_name": "old"}]})


def test_ragged_inputs_and_outputs_scattered_by_their_shapes(serve):
    x, same = tensor_spec("x", allow_ragged_batch=True), tensor_spec("same")
    served = serve(RAGGED, [x], [Y, same], batch_input=[ENDS], batch_output=[SCATTER])
    requests = [Request(["y", "same"], x=floats(row)) for row in ([1, 2, 3], [10])]
    answers = [answer.tensors for answer in served.execute(requests)]
    assert [answer["y"].tolist() for answer in answers] == [[[6]], [[16]]]
    assert [answer["same"].tolist() for answer in answers] == [[[1, 2, 3]], [[10]]]
    with pytest.raises(TritonError, match=r"ragged input 'x' must have shape \[-1\] in the model, which has \[-1, 3\]"):
        serve(NARROW, [x], [tensor_spec("y", dims=[3])])


def test_a_decoupled_model_sends_one_final_answer(serve):
    served = serve(NUMBERS, *TEXT, model_transaction_policy={"decoupled": True})
    request = Request(["number"], text=text("2"))
    assert served.execute([request]) is None
    ((answer, flags),) = request.sent
    assert answer.tensors["number"].tolist() == [[2]] and flags == 1


def test_a_batch_that_is_run_again_is_said_and_counted(serve):
    Logger.warnings.clear()
    MetricFamily.counts.clear()
    serve(NUMBERS, *TEXT).execute([Request(["number"], text=text(value)) for value in ("1", "many")])
    assert "m version 1: a batch of 2 requests failed" in Logger.warnings[0]
    assert MetricFamily.counts == {("backend_reruns", "m", "1"): 2}


def test_scalars_and_optional_inputs(serve):
    x, by, y = (tensor_spec(name, dims=[1]) for name in ("x", "by", "y"))
    given = {"x": np.array([1], np.float32), "by": np.array([5], np.float32)}
    served = serve(SCALAR, [x, {**by, "optional": True}], [y], max_batch_size=0)
    assert served.execute([Request(["y"], **given)])[0].tensors["y"].tolist() == [6]
    assert served.execute([Request(["y"], x=given["x"])])[0].tensors["y"].tolist() == [3]
    with pytest.raises(TritonError, match="input 'x' is optional in the configuration, and the model has no value for it"):
        serve(SCALAR, [{**x, "optional": True}], [y], max_batch_size=0)


@pytest.mark.parametrize(
    ("content", "x", "y", "config", "reason"),
    [
        (
            FIXED,
            [3],
            [3],
            {},
            r"input 'x': for the model to support batching .* the first dimension must be -1; .* \[2, 3\]",
        ),
        (NARROW, [-1], [3], {}, r"input 'x' is \[-1, -1\] in the configuration, \[-1, 3\] in the model"),
        (NARROW, [3], [-1], {}, r"output 'y' is \[-1, -1\] in the configuration, \[-1, 3\] in the model"),
        (
            FIXED,
            [2, 3],
            [-1, 3],
            {"max_batch_size": 0},
            r"output 'y' is \[-1, 3\] in the configuration, \[2, 3\] in the model",
        ),
        (FIXED, [2, 3], [2, 3], {"max_batch_size": 0}, None),
        (SCALAR, [1], [1], {}, "first dimension must be -1"),
    ],
)
def test_shapes_are_compared_as_by_the_official_backend(serve, content, x, y, config, reason):
    given = [tensor_spec("x", dims=x)], [tensor_spec("y", dims=y)]
    if reason is None:
        assert serve(content, *given, **config)
        return
    with pytest.raises(TritonError, match=reason):
        serve(content, *given, **config)


def test_a_size_that_the_model_leaves_open_is_open_in_the_configuration(serve):
    specs = [tensor_spec(name, dims=[2]) for name in BOTH[0]]
    assert serve(DIFFERENCE, specs, ["difference"])
    with pytest.raises(TritonError, match=r"output 'difference' is \[-1, 2\] in the configuration, \[-1, -1\] in the model"):
        serve(DIFFERENCE, specs, [tensor_spec("difference", dims=[2])])


@pytest.mark.parametrize("config_type", ["TYPE_BF16", "TYPE_FP32"])
def test_bf16_is_refused_when_the_model_is_loaded(serve, config_type):
    reason = "unsupported datatype TYPE_BF16 for input 'x'" if config_type == "TYPE_BF16" else "TYPE_BF16 in the model"
    with pytest.raises(TritonError, match=reason):
        serve(BFLOAT, [tensor_spec("x", config_type, dims=[2])], [tensor_spec("y", config_type, dims=[2])])


def test_errors_of_onnx_runtime_come_whole(serve):
    served = serve(FIXED, [tensor_spec("x", dims=[2, 3])], [tensor_spec("y", dims=[2, 3])], max_batch_size=0)
    error = str(served.execute([Request(["y"], x=np.ones((1, 3), np.float32))])[0].error)
    assert error.startswith("m version 1: Got invalid dimensions for input: x") and "index: 0 Got: 1 Expected: 2" in error
    assert "\n" not in error


# --- a real server ---


TOTALS_CONFIG = """
platform: "onnxruntime_onnx"
max_batch_size: 4
input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
instance_group { count: 1 }
optimization { cuda { graphs: true } }
sequence_batching {
  state {
    input_name: "total" output_name: "new_total" data_type: TYPE_FP32 dims: [ 1 ]
    initial_state { name: "zeros" data_type: TYPE_FP32 dims: [ 1 ] zero_data: true }
  }
}
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A server with small ONNX models, most of them without inputs and outputs in their configuration."""
    folder = tmp_path_factory.mktemp("onnx")
    models = folder / "models"
    add_model(models, "numbers", 'platform: "onnxruntime_onnx" max_batch_size: 8', {"1/model.onnx": NUMBERS})
    add_model(models, "unsaid", 'backend: "onnxruntime"', {"1/model.onnx": DIFFERENCE})
    add_model(models, "fixed", 'backend: "onnxruntime"', {"1/model.onnx": FIXED})
    add_model(models, "fixed_batch", 'backend: "onnxruntime" max_batch_size: 4', {"1/model.onnx": FIXED})
    add_model(models, "totals", TOTALS_CONFIG, {"1/model.onnx": TOTALS})
    add_model(models, "newer", 'backend: "onnxruntime"', {"1/model.onnx": model([], [], [], ir=99)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(folder / "home"))
        patch.delenv("TRITON_URL", raising=False)
        try:
            yield server.up(model_repository=models, **free_ports())[0].urls["http"]
        finally:
            kill_servers()


def config_of(url, name):
    with httpclient.InferenceServerClient(url) as client:
        return client.get_model_config(name)


def test_the_server_completes_configurations(repository):
    numbers = config_of(repository, "numbers")
    assert [(spec["name"], spec["data_type"], spec["dims"]) for spec in (*numbers["input"], *numbers["output"])] == [
        ("text", "TYPE_STRING", [1]),
        ("number", "TYPE_FP32", [1]),
        ("calls", "TYPE_FP32", [1]),
    ]
    assert numbers["max_batch_size"] == 8 and "dynamic_batching" in numbers
    unsaid = config_of(repository, "unsaid")
    assert unsaid["max_batch_size"] == 4 and unsaid["input"][0]["dims"] == [-1] and "dynamic_batching" in unsaid
    fixed = config_of(repository, "fixed")
    assert fixed["max_batch_size"] == 0 and fixed["input"][0]["dims"] == [2, 3] and "dynamic_batching" not in fixed


def test_what_cannot_be_loaded_is_told_and_the_others_are_served(repository):
    with httpclient.InferenceServerClient(repository) as client:
        reasons = {entry["name"]: entry.get("reason", "") for entry in client.get_model_repository_index()}
    assert "cannot batch" in reasons["fixed_batch"]
    assert "export the model for an older one" in reasons["newer"]


def test_the_server_answers_and_batches(repository):
    def ask(value):
        with httpclient.InferenceServerClient(repository) as client:
            tensor = httpclient.InferInput("text", [1, 1], "BYTES")
            tensor.set_data_from_numpy(text(value))
            return client.infer("numbers", [tensor]).as_numpy("number").tolist()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, map(str, range(8)))) == [[[float(number)]] for number in range(8)]
    with pytest.raises(InferenceServerException, match="numbers version 1: "):
        ask("many")
    assert ask("7") == [[7.0]]


def test_the_server_keeps_the_state_of_each_sequence(repository):
    def step(sequence, value, *, start=False, end=False):
        with httpclient.InferenceServerClient(repository) as client:
            tensor = httpclient.InferInput("x", [1, 1], "FP32")
            tensor.set_data_from_numpy(floats([value]))
            answer = client.infer("totals", [tensor], sequence_id=sequence, sequence_start=start, sequence_end=end)
            return answer.as_numpy("y").tolist()

    assert [step(1, 1, start=True), step("b", 10, start=True)] == [[[1]], [[10]]]
    # The second sequence has its place in the batch behind the first, whose place is empty now.
    assert [step("b", 10), step(1, 1), step("b", 10, end=True), step(1, 1)] == [[[20]], [[2]], [[30]], [[3]]]
    assert step(1, 5, start=True, end=True) == [[5]]
    assert "totals version 1: without effect here" in Path(server.find().log).read_text()
