"""The `pytorch` backend's rules, with a stand-in for Triton's module, and what a real server makes of them."""

import re
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from tests.support.small_models import add_model, free_ports, kill_servers, torchscript
from tests.support.stand_in import Logger, MetricFamily, Request, TritonError, floats, instance, load_backend, tensor_spec
from workshop.triton import server


@pytest.fixture(scope="module")
def backend():
    yield from load_backend("pytorch")


@pytest.fixture
def serve(backend, tmp_path):
    """A function that makes a loaded instance of a module, as Triton would."""

    def make(module, inputs, outputs, *, content=None, **config):
        file = config.get("default_model_filename", "model.pt")
        content = content if content is not None else torchscript(module)
        return instance(backend, tmp_path, file, content, inputs, outputs, **config)

    return make


class Subtract(torch.nn.Module):
    def forward(self, minuend: torch.Tensor, subtrahend: torch.Tensor) -> torch.Tensor:
        return minuend - subtrahend


class Both(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x + 1, x + 2


class Calls(torch.nn.Module):
    """Returns the batch size that it was called with, for each row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x < 0).any()):
            raise RuntimeError("negative values are refused")
        return torch.full([x.shape[0], 1], float(x.shape[0]))


@pytest.mark.parametrize(
    ("first", "second"),
    [("minuend", "subtrahend"), ("subtrahend", "minuend"), ("a__0", "a__1"), ("b__1", "b__0"), ("p", "q")],
)
def test_inputs_by_argument_name_by_index_or_by_order(serve, first, second):
    model = serve(Subtract(), [first, second], ["out"])
    swapped = first in ("subtrahend", "b__1")
    request = Request(
        ["out"], **{first: floats([1]) if swapped else floats([5]), second: floats([5]) if swapped else floats([1])}
    )
    assert model.execute([request])[0].tensors["out"].tolist() == [[4]]


def test_outputs_by_index_or_by_order_and_only_those_asked_for(serve):
    model = serve(Both(), ["x"], ["y__1", "y__0"])
    answer = model.execute([Request(["y__0", "y__1"], x=floats([0]))])[0].tensors
    assert {name: value.tolist() for name, value in answer.items()} == {"y__0": [[1]], "y__1": [[2]]}
    ordered = serve(Both(), ["x"], ["one", "two"]).execute([Request(["two"], x=floats([0]))])[0].tensors
    assert {name: value.tolist() for name, value in ordered.items()} == {"two": [[2]]}


def test_a_batch_is_one_call_and_is_split_again(serve):
    model = serve(Calls(), ["x"], ["y"])
    answers = model.execute([Request(["y"], x=np.ones((rows, 2), np.float32)) for rows in (1, 3, 2)])
    assert [answer.tensors["y"].shape for answer in answers] == [(1, 1), (3, 1), (2, 1)]
    assert all((answer.tensors["y"] == 6).all() for answer in answers)


def test_only_the_request_at_fault_gets_an_error(serve):
    model = serve(Calls(), ["x"], ["y"])
    good, bad, fine = model.execute([Request(["y"], x=floats([value])) for value in (1, -1, 1)])
    assert good.error is None and fine.error is None and good.tensors["y"].tolist() == [[1]]
    assert "m version 1: " in str(bad.error) and "negative values" in str(bad.error) and "\n" not in str(bad.error)


def test_without_batching_shapes_are_the_clients(serve):
    model = serve(Both(), ["x"], ["a", "b"], max_batch_size=0)
    assert model.execute([Request(["a"], x=floats([1, 2], [3, 4]))])[0].tensors["a"].tolist() == [[2, 3], [4, 5]]


def test_ragged_inputs_with_element_counts(serve):
    class RowSums(torch.nn.Module):
        def forward(self, values: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
            sums = values.cumsum(0)[(ends - 1).long()]
            return torch.diff(sums, prepend=torch.zeros(1)).unsqueeze(1)

    counts = {
        "kind": "BATCH_ACCUMULATED_ELEMENT_COUNT",
        "target_name": ["ends"],
        "data_type": "TYPE_FP32",
        "source_input": ["values"],
    }
    model = serve(RowSums(), [tensor_spec("values", allow_ragged_batch=True)], ["sum"], batch_input=[counts])
    answers = model.execute([Request(["sum"], values=floats(row)) for row in ([1, 2, 3], [10], [5, 5])])
    assert [answer.tensors["sum"].tolist() for answer in answers] == [[[6]], [[10]], [[10]]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("BATCH_ELEMENT_COUNT", [3, 1]),
        ("BATCH_ACCUMULATED_ELEMENT_COUNT", [3, 4]),
        ("BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO", [0, 3, 4]),
        ("BATCH_ITEM_SHAPE", [[3], [1]]),
        ("BATCH_ITEM_SHAPE_FLATTEN", [3, 1]),
    ],
)
def test_kinds_of_batch_input(backend, kind, expected):
    spec = {"kind": kind, "target_name": ["t"], "data_type": "TYPE_INT32", "source_input": ["x"]}
    found = sys.modules[backend.ServedModel.__module__].batch_input(spec, {"x": [floats([1, 2, 3]), floats([4])]})
    assert found.tolist() == expected and found.dtype == np.int32


def test_strings_are_lists_of_one_dimension(serve):
    class Shout(torch.nn.Module):
        def forward(self, words: list[str]) -> list[str]:
            return [word + "!" for word in words]

    words, loud = tensor_spec("words", "TYPE_STRING"), tensor_spec("loud", "TYPE_STRING")
    model = serve(Shout(), [words], [loud], max_batch_size=0)
    answer = model.execute([Request(["loud"], words=np.array([b"a", "é".encode()], object))])[0]
    assert answer.tensors["loud"].tolist() == [b"a!", "é!".encode()]
    refused = model.execute([Request(["loud"], words=np.array([[b"a"]], object))])[0]
    assert "one dimension" in str(refused.error)


def test_a_dictionary_argument_takes_the_inputs_by_name(serve):
    class FromDictionary(torch.nn.Module):
        def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
            return inputs["left"] - inputs["right"]

    model = serve(FromDictionary(), ["right", "left"], ["y"])
    assert model.execute([Request(["y"], left=floats([3]), right=floats([1]))])[0].tensors["y"].tolist() == [[2]]


def test_another_file_name(serve):
    assert serve(Both(), ["x"], ["y"], default_model_filename="other.pt")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content": b"PK not a model"}, "model.pt cannot be loaded as TorchScript"),
        ({"inputs": []}, "declares no inputs"),
        ({"outputs": []}, "declares no outputs"),
        ({"inputs": ["a", "b", "c"]}, r"declares 3 input\(s\), the model's forward takes: minuend, subtrahend"),
        ({"inputs": ["a__0", "a__2"]}, "do not fill forward's arguments 0 to 1"),
        ({"parameters": {"INFERENCE_MODE": "yes"}}, "INFERENCE_MODE must be true or false"),
        ({"parameters": {"INTRA_OP_THREAD_COUNT": "0"}}, "INTRA_OP_THREAD_COUNT must be a whole number from 1 on"),
    ],
)
def test_configurations_that_do_not_fit(serve, change, reason):
    arguments = {"inputs": ["a", "b"], "outputs": ["y"], **change}
    with pytest.raises(TritonError, match=reason):
        serve(Subtract(), arguments.pop("inputs"), arguments.pop("outputs"), **arguments)


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ([tensor_spec("y", "TYPE_INT32")], "output 'y' is float32, but the configuration says TYPE_INT32"),
        (["y__0", "y__2"], r"output 'y__2' is number 2, but the model returns 2 output\(s\)"),
    ],
)
def test_outputs_that_do_not_fit(serve, outputs, reason):
    names = [spec if isinstance(spec, str) else spec["name"] for spec in outputs]
    answer = serve(Both(), ["x"], outputs).execute([Request(names, x=floats([1]))])[0]
    assert answer.error is not None
    with pytest.raises(TritonError, match=reason):
        raise answer.error


def test_parameters_reach_torch(serve):
    before = torch.get_num_threads()
    try:
        model = serve(Both(), ["x"], ["y"], parameters={"INTRA_OP_THREAD_COUNT": "1", "INFERENCE_MODE": "false"})
        assert torch.get_num_threads() == 1
        with model.context():
            assert not torch.is_inference_mode_enabled() and not torch.is_grad_enabled()
        with serve(Both(), ["x"], ["y"]).context():
            assert torch.is_inference_mode_enabled()
    finally:
        torch.set_num_threads(before)


# --- what a configuration may ask for besides ---


def controls(*given):
    """`sequence_batching` with control inputs; each is (name, kind, what says its type)."""
    return {
        "control_input": [
            {"name": name, "control": [{"kind": f"CONTROL_SEQUENCE_{kind}", **values}]} for name, kind, values in given
        ]
    }


START = ("start__1", "START", {"int32_false_true": [0, 1]})
END = ("end__2", "END", {"bool_false_true": [False, True]})


class Marked(torch.nn.Module):
    def forward(self, x: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        return x + 10 * start + 100 * end


def test_control_inputs_are_arguments_of_the_model(serve):
    model = serve(Marked(), ["x__0"], ["y"], sequence_batching=controls(END, START))
    first = Request(["y"], x__0=floats([1]), start__1=np.array([[1]], np.int32), end__2=np.array([[False]]))
    last = Request(["y"], x__0=floats([2]), start__1=np.array([[0]], np.int32), end__2=np.array([[True]]))
    assert [answer.tensors["y"].tolist() for answer in model.execute([first, last])] == [[[11]], [[102]]]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([("start", "START", {"int32_false_true": [0, 1]}), END], "'start' must be named <name>__<index>"),
        (
            [START, ("end__3", "END", {"fp32_false_true": [0.0, 1.0]})],
            "do not fill forward's arguments 0 to 2: x, start, end",
        ),
        ([START], r"declares 2 input\(s\), the model's forward takes: x, start, end"),
        (
            [START, ("id__2", "CORRID", {"data_type": "TYPE_UINT64"})],
            "unsupported datatype TYPE_UINT64 for control input 'id__2'",
        ),
        ([START, ("id__2", "CORRID", {"data_type": "TYPE_STRING"})], None),
    ],
)
def test_control_inputs_that_do_not_fit(serve, given, reason):
    if reason is None:
        assert serve(Marked(), ["x__0"], ["y"], sequence_batching=controls(*given))
        return
    with pytest.raises(TritonError, match=reason):
        serve(Marked(), ["x__0"], ["y"], sequence_batching=controls(*given))


class Totals(torch.nn.Module):
    """Adds what it is given to its state."""

    def forward(self, x: torch.Tensor, total: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if bool((x < 0).any()):
            raise RuntimeError("negative values are refused")
        return x + total, x + total


def state(**more):
    return {"state": [{"input_name": "total__1", "output_name": "total__1", "data_type": "TYPE_FP32", "dims": [1], **more}]}


def step(sequence, value, flags=0, *, outputs=("y__0",), initial=7.0):
    return Request(list(outputs), sequence=(sequence, flags), x__0=floats([value]), total__1=floats([initial]))


def test_implicit_state_is_kept_for_each_sequence(serve):
    model = serve(
        Totals(), ["x__0"], ["y__0"], sequence_batching=state(initial_state=[{"zero_data": True, "name": "zeros"}])
    )
    a, b = model.execute([step(1, 1, 1), step("two", 10, 1)])
    assert (a.tensors["y__0"].tolist(), b.tensors["y__0"].tolist()) == ([[8]], [[17]])
    nobody = step(0, 1000, outputs=[])
    a, empty, b = model.execute([step(1, 1), nobody, step("two", 10)])
    assert (a.tensors["y__0"].tolist(), empty.tensors, b.tensors["y__0"].tolist()) == ([[9]], {}, [[27]])
    bad, good = model.execute([step(1, -1), step("two", 10)])
    assert "negative values" in str(bad.error) and "negative values" in str(good.error)
    assert model.execute([step(1, 1, 2)])[0].tensors["y__0"].tolist() == [[10]]
    assert list(model.states.kept) == ["two"]
    assert model.execute([step("two", 1, 1)])[0].tensors["y__0"].tolist() == [[8]]


def test_a_sequence_without_initial_state_starts_at_zero_and_idle_ones_are_forgotten(serve):
    model = serve(Totals(), ["x__0"], ["y__0"], max_batch_size=2, sequence_batching=state())
    for sequence in range(5):
        assert model.execute([step(sequence, 1, 1)])[0].tensors["y__0"].tolist() == [[1]]
    assert list(model.states.kept) == [3, 4]


def test_state_needs_names_with_indices(serve):
    with pytest.raises(TritonError, match="'total__1' and all inputs must be named <name>__<index>"):
        serve(Totals(), ["x"], ["y__0"], sequence_batching=state())
    with pytest.raises(TritonError, match="state 'total__1' and all outputs must be named"):
        serve(Totals(), ["x__0"], ["y"], sequence_batching=state())


def test_a_decoupled_model_sends_one_final_answer(serve):
    model = serve(Calls(), ["x"], ["y"], model_transaction_policy={"decoupled": True})
    requests = [Request(["y"], x=floats([value])) for value in (1, -1)]
    assert model.execute(requests) is None
    (good, flags), (bad, _) = (request.sent[0] for request in requests)
    assert good.tensors["y"].tolist() == [[1]] and flags == 1 and "negative values" in str(bad.error)
    assert [len(request.sent) for request in requests] == [1, 1]


def test_empty_lists_of_strings_are_known_by_their_type(serve):
    class Third(torch.nn.Module):
        def forward(self, texts: list[str]) -> list[str]:
            return texts[2:]

    class Both(torch.nn.Module):
        def forward(self, texts: list[str]) -> tuple[torch.Tensor, list[str]]:
            return torch.ones(len(texts)), texts[2:]

    class Tensors(torch.nn.Module):
        def forward(self, texts: list[str]) -> list[torch.Tensor]:
            return [torch.ones(1)]

    texts, strings = tensor_spec("texts", "TYPE_STRING"), [tensor_spec("s__0", "TYPE_STRING")]
    request = Request(["s__0", "s__1", "n__0"], texts=np.array([b"a", b"b"], object))
    answer = serve(Third(), [texts], strings, max_batch_size=0).execute([request])[0].tensors
    assert answer["s__0"].shape == (0,) and answer["s__0"].dtype == np.object_
    both = [tensor_spec("n__0"), tensor_spec("s__1", "TYPE_STRING")]
    answer = serve(Both(), [texts], both, max_batch_size=0).execute([request])[0].tensors
    assert answer["n__0"].tolist() == [1, 1] and answer["s__1"].shape == (0,)
    refused = serve(Tensors(), [texts], strings, max_batch_size=0).execute([request])[0]
    assert "must be a tensor or a list of strings" in str(refused.error)


class Reused(torch.nn.Module):
    """Returns its own memory, one row at a time."""

    def __init__(self):
        super().__init__()
        self.register_buffer("row", torch.zeros(1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.row.copy_(x)
        return self.row


@pytest.mark.parametrize("decoupled", [False, True])
def test_answers_that_share_memory_with_the_model_are_copied_before_it_runs_again(serve, decoupled):
    MetricFamily.counts.clear()
    Logger.warnings.clear()
    model = serve(Reused(), ["x"], ["y"], model_transaction_policy={"decoupled": decoupled})
    requests = [Request(["y"], x=floats([value])) for value in (1, 2, 3)]
    answers = model.execute(requests) or [request.sent[0][0] for request in requests]
    assert [answer.tensors["y"].tolist() for answer in answers] == [[[1]], [[2]], [[3]]]
    # The batch failed, and the log and a counter say what that cost.
    assert re.search(
        r"m version 1: a batch of 3 requests failed \(RuntimeError: output with shape .*\) and is run again one by one",
        Logger.warnings[0],
    )
    assert MetricFamily.counts == {("backend_reruns", "m", "1"): 3}


def test_batch_output_is_cut_by_the_shapes_of_an_input(serve):
    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    scatter = {"kind": "BATCH_SCATTER_WITH_INPUT_SHAPE", "target_name": ["y"], "source_input": ["x"]}
    model = serve(Twice(), [tensor_spec("x", allow_ragged_batch=True)], ["y"], batch_output=[scatter])
    answers = model.execute([Request(["y"], x=floats(row)) for row in ([1, 2, 3], [10])])
    assert [answer.tensors["y"].tolist() for answer in answers] == [[[2, 4, 6]], [[20]]]
    with pytest.raises(TritonError, match="batch_output: 'y' has more dimensions than 'x' that shapes it"):
        serve(Twice(), ["x"], [tensor_spec("y", dims=[-1, -1])], batch_output=[scatter])

    class Fewer(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[1:]

    short = serve(Fewer(), [tensor_spec("x", allow_ragged_batch=True)], ["y"], batch_output=[scatter])
    answer = short.execute([Request(["y"], x=floats([1, 2]))])[0]
    assert "output 'y' has 1 values, fewer than the shapes of 'x' ask for" in str(answer.error)


class Choosy(torch.nn.Module):
    def forward(self, x: torch.Tensor, scale: float = 2.0) -> torch.Tensor:
        return x * scale


class WithDefault(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        return x


@pytest.mark.parametrize(
    ("module", "inputs", "config", "reason"),
    [
        (Both, [tensor_spec("x", "TYPE_BF16")], {}, "unsupported datatype TYPE_BF16 for input 'x'"),
        (Both, [tensor_spec("x", "TYPE_UINT32")], {}, "unsupported datatype TYPE_UINT32 for input 'x'"),
        (Both, [tensor_spec("x", optional=True)], {}, "cannot obey the field 'input.optional'"),
        (Both, [tensor_spec("x", "TYPE_STRING")], {}, "'x' is TYPE_STRING of 2 dimensions with the batch"),
        (Choosy, ["x"], {}, "forward's argument 'scale' is a float"),
        (WithDefault, ["x"], {}, "forward's argument 'y' is a Optional"),
        (
            Both,
            ["x"],
            {"parameters": {"ENABLE_WEIGHT_SHARING": "true"}, "instance_group": [{"count": 2}]},
            "WEIGHT_SHARING: each of",
        ),
        (Both, ["x"], {"default_model_filename": "other.pt", "cc_model_filenames": {"8.0": "b.pt"}}, None),
        (Both, ["x"], {"parameters": {"ENABLE_WEIGHT_SHARING": "1", "ENABLE_TENSOR_FUSER": "on"}}, None),
    ],
)
def test_what_the_official_backend_refuses_or_cannot_be_kept(serve, module, inputs, config, reason):
    if reason is None:
        assert serve(module(), inputs, ["y"], **config)
        return
    with pytest.raises(TritonError, match=reason) as refused:
        serve(module(), inputs, ["y"], **config)
    assert "\n" not in str(refused.value)


def test_several_lines_of_an_error_come_whole(backend):
    trace = (
        "The following operation failed in the TorchScript interpreter.\n  return x\n         ~ <--- HERE\n        more\n"
    )
    trace += "RuntimeError: one\nand two"
    assert backend._summary(RuntimeError(trace)) == "RuntimeError: one and two"
    assert backend._summary(RuntimeError("first\nsecond\nException raised from f at a.cpp:1\nframe #0")) == "first second"


def test_what_has_no_effect_is_said_when_the_model_is_loaded(serve):
    Logger.warnings.clear()
    serve(Both(), ["x"], ["y"], optimization={"cuda": {"graphs": True}}, parameters={"mine": "1"})
    assert Logger.warnings == [
        "m version 1: without effect here, as in the official backend: parameters.mine, optimization.cuda.graphs"
    ]


CALLS_CONFIG = """
platform: "pytorch_libtorch"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ 2 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
dynamic_batching { max_queue_delay_microseconds: 500000 preferred_batch_size: [ 8 ] }
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """A server with one TorchScript model that batches; its HTTP address."""
    folder = tmp_path_factory.mktemp("backend")
    add_model(folder / "models", "calls", CALLS_CONFIG, {"1/model.pt": torchscript(Calls())})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(folder / "home"))
        patch.delenv("TRITON_URL", raising=False)
        try:
            yield server.up(model_repository=folder / "models", **free_ports())[0].urls["http"]
        finally:
            kill_servers()


def ask(url, array, data_type="FP32", model="calls"):
    client = httpclient.InferenceServerClient(url)
    try:
        tensor = httpclient.InferInput("x", list(array.shape), data_type)
        tensor.set_data_from_numpy(array)
        return client.infer(model, [tensor]).as_numpy("y").tolist()
    finally:
        client.close()


def test_a_batch_that_is_run_again_is_in_the_log_and_in_the_metrics(calls):
    with ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(ask, calls, floats([value, 1])) for value in (1, 1, 1, -1, 1, 1, 1, 1)]
    assert [task.exception() is None for task in tasks] == [True, True, True, False, True, True, True, True]
    running = server.find()
    said = re.search(r"calls version 1: a batch of (\d) requests failed \(.*negative", Path(running.log).read_text())
    with urllib.request.urlopen(f"http://{running.urls['metrics']}/metrics") as answer:
        counted = re.search(r'backend_reruns\{model="calls",version="1"\} (\d+)', answer.read().decode())
    assert said and counted and said[1] == counted[1]


def test_the_server_batches_requests_into_one_call(calls):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(calls, floats([1, 1])), range(8)))
    assert max(answer[0][0] for answer in answers) > 1


@pytest.mark.parametrize(
    ("array", "data_type", "model", "reason"),
    [
        (floats([1, 2, 3]), "FP32", "calls", "unexpected shape for input 'x'"),
        (np.array([[1, 2]], np.int32), "INT32", "calls", "data-type is 'INT32'"),
        (np.ones((9, 2), np.float32), "FP32", "calls", "batch-size must be <= 8"),
        (floats([1, 2]), "FP32", "nobody", "unknown model"),
        (floats([-1, 2]), "FP32", "calls", "negative values are refused"),
    ],
)
def test_a_bad_request_gets_one_clear_line_and_the_next_one_an_answer(calls, array, data_type, model, reason):
    with pytest.raises(InferenceServerException) as refused:
        ask(calls, array, data_type, model)
    assert reason in refused.value.message()
    assert ask(calls, floats([1, 2])) == [[1]]
