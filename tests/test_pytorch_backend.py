"""The `pytorch` backend's rules, with a stand-in for Triton's module, and what a real server makes of them."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import tritonclient.http as httpclient
from small_models import add_model, free_ports, kill_servers, torchscript
from stand_in import Request, TritonError, floats, instance, load_backend, tensor_spec
from tritonclient.utils import InferenceServerException

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
