"""The form of a Python model: docs/python_model as a server serves it, and what the models of the repository have of it."""

import ast
import json
import shutil
import threading

import numpy as np
import pytest
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from tests.support.small_models import free_ports, kill_servers
from tests.support.stand_in import Request, TritonError, load_model_file
from workshop import settings
from workshop.triton import server

TEMPLATE = settings.ROOT / "docs" / "python_model" / "words"
PROGRAMS = [*sorted(settings.MODEL_REPOSITORY.glob("*/*/model.py")), TEMPLATE / "1" / "model.py"]
PROGRAMS = [path for path in PROGRAMS if not path.parents[1].name.startswith("my_")]
TEXTS = ["The cat and the dog", "a", "Serving models is work"]
COUNTS = [[2], [0], [3]]


@pytest.fixture
def words():
    yield from load_model_file(TEMPLATE / "1" / "model.py")


def arguments(folder=TEMPLATE, **changed):
    parameters = {"least_letters": "2", "left_out": "common_words.txt", **changed}
    return {
        "model_config": json.dumps({"parameters": {key: {"string_value": value} for key, value in parameters.items()}}),
        "model_name": "words",
        "model_repository": str(folder),
        "model_version": "1",
    }


def request(*texts):
    return Request(text=np.array([[text if isinstance(text, bytes) else text.encode()] for text in texts], object))


def test_all_texts_of_a_batch_in_one_go_and_each_request_its_own(words, monkeypatch):
    model = words.TritonPythonModel()
    model.initialize(arguments())
    batches = []
    count = model.count
    monkeypatch.setattr(model, "count", lambda texts: batches.append(len(texts)) or count(texts))
    first, bad, last = model.execute([request(*TEXTS[:2]), request("fine", b"\xff"), request(TEXTS[2])])
    assert first.tensors["words"].tolist() == COUNTS[:2] and last.tensors["words"].tolist() == COUNTS[2:]
    assert first.tensors["words"].dtype == np.int32
    assert str(bad.error) == "text 2 of 2 is not UTF-8 (invalid start byte at byte 0)" and batches == [3]
    model.finalize()


def test_settings_are_the_configurations(words, tmp_path):
    shutil.copytree(TEMPLATE / "1", tmp_path / "1")
    (tmp_path / "1" / "other.txt").write_text("dog\n")
    model = words.TritonPythonModel()
    model.initialize(arguments(tmp_path, least_letters="4", left_out="other.txt"))
    assert model.count(TEXTS) == [0, 0, 3]
    with pytest.raises(TritonError, match="1/gone.txt is missing: put the words to leave out there"):
        words.TritonPythonModel().initialize(arguments(tmp_path, left_out="gone.txt"))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a server with the template, with one that lacks its file, and with two that contradict the program."""
    folder = tmp_path_factory.mktemp("python_model")
    shutil.copytree(TEMPLATE.parent, folder / "models")
    config = (TEMPLATE / "config.pbtxt").read_text()
    for name, more in {
        "lacks_its_file": "",
        "contradicts": 'input { name: "text" data_type: TYPE_STRING dims: [ 3 ] }',
        "smaller": "max_batch_size: 2",
    }.items():
        shutil.copytree(TEMPLATE, folder / "models" / name)
        (folder / "models" / name / "config.pbtxt").write_text(config.replace('"words"', f'"{name}"') + more)
    (folder / "models" / "lacks_its_file" / "1" / "common_words.txt").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(folder / "home"))
        patch.delenv("TRITON_URL", raising=False)
        try:
            yield server.up(model_repository=folder / "models", **free_ports())[0]
        finally:
            kill_servers()


def ask(address, *texts, model="words"):
    tensor = httpclient.InferInput("text", [len(texts), 1], "BYTES")
    tensor.set_data_from_numpy(request(*texts).tensors["text"])
    with httpclient.InferenceServerClient(address) as client:
        return client.infer(model, [tensor]).as_numpy("words").tolist()


def test_the_template_is_served_and_completes_its_configuration(served):
    assert ask(served.urls["http"], *TEXTS) == COUNTS
    with httpclient.InferenceServerClient(served.urls["http"]) as client:
        config = client.get_model_config("words")
        assert client.get_model_config("smaller")["max_batch_size"] == 2
    assert config["max_batch_size"] == 64 and "dynamic_batching" in config
    assert [(tensor["name"], tensor["data_type"], tensor["dims"]) for tensor in (*config["input"], *config["output"])] == [
        ("text", "TYPE_STRING", [1]),
        ("words", "TYPE_INT32", [1]),
    ]


def test_requests_at_the_same_moment_only_the_bad_one_gets_an_error(served):
    outcomes, barrier = {}, threading.Barrier(8)

    def one(number):
        barrier.wait()
        try:
            outcomes[number] = ask(served.urls["http"], b"\xff" if number == 3 else "word " * number)
        except InferenceServerException as error:
            outcomes[number] = error.message()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "text 1 of 1 is not UTF-8" in outcomes.pop(3)
    assert outcomes == {number: [[number]] for number in range(8) if number != 3}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("lacks_its_file", "common_words.txt is missing: put the words to leave out there, a word a line"),
        ("contradicts", "the model expects dims [1] but the model configuration specifies dims [3]"),
    ],
)
def test_what_is_missing_or_wrong_fails_at_load(served, model, reason):
    with httpclient.InferenceServerClient(served.urls["http"]) as client:
        (row,) = [row for row in client.get_model_repository_index() if row["name"] == model]
    assert row["state"] == "UNAVAILABLE" and reason in row["reason"]


def test_the_log_says_what_was_loaded_and_what_was_done(served):
    with open(served.log) as log:
        assert "words: 8 words are left out" in log.read()


# The models of the repository


def program(name):
    """The class of a model of the repository."""
    for module in load_model_file(settings.MODEL_REPOSITORY / name / "1" / "model.py"):
        return module.TritonPythonModel()


def test_sentence_embedder_gives_each_request_its_own_vectors_or_its_own_error():
    model = program("sentence_embedder")
    calls = []
    model.embed = lambda texts: calls.append(texts) or np.float32([[len(text), 1] for text in texts])
    first, bad, last = model.execute([request("abc", "d"), request("fine", " "), request("efgh")])
    assert first.tensors["embedding"].tolist() == [[3, 1], [1, 1]] and last.tensors["embedding"].tolist() == [[4, 1]]
    assert first.tensors["embedding"].dtype == np.float32 and calls == [["abc", "d", "efgh"]]
    assert str(bad.error) == "text 2 of 2 is empty; leave it out of the request"
    assert (
        str(model.execute([request("")])[0].error) == "text 1 of 1 is empty; leave it out of the request" and len(calls) == 1
    )


def broken(items):
    raise RuntimeError("the network is gone")


def test_what_fails_for_all_is_the_error_of_each_request_that_was_asked_about():
    for name, tensor in (("sentence_embedder", "text"), ("product_embedder", "product")):
        model = program(name)
        model.embed = broken
        given = [Request(**{tensor: np.array([[value]], object)}) for value in (b"one", b"\xff", b"two")]
        errors = [str(response.error) for response in model.execute(given)]
        assert errors[0] == errors[2] == "the network is gone" and "is not UTF-8" in errors[1], name


def test_product_embedder_asks_for_each_product_once_and_names_all_that_are_not_there():
    model = program("product_embedder")
    calls = []

    def embed(keys):
        calls.append(keys)
        return {key: f"no {key}" for key in keys if key.startswith("x")}, np.float32([[ord(key[-1])] for key in keys])

    model.embed = embed
    requests = [
        Request(product=np.array([[key] for key in keys], object))
        for keys in ((b"a", b"b", b"a"), (b"x1", b"b", b"x2", b"x1"), (b"c",))
    ]
    first, bad, last = model.execute(requests)
    assert calls == [["a", "b", "x1", "x2", "c"]]
    assert first.tensors["embedding"].tolist() == [[97], [98], [97]] and last.tensors["embedding"].tolist() == [[99]]
    assert str(bad.error) == "no x1; no x2"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.parents[1].name)
def test_the_form_of_a_program(path):
    tree = ast.parse(path.read_text())
    (model,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "TritonPythonModel"]
    methods = [node for node in model.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    names = [method.name for method in methods]
    placed = [name for name in names if name in ("auto_complete_config", "initialize", "execute", "finalize")]
    assert placed == [name for name in ("auto_complete_config", "initialize", "execute", "finalize") if name in placed]
    assert "finalize" not in names or names[-1] == "finalize"
    (execute,) = [method for method in methods if method.name == "execute"]
    assert [argument.arg for argument in execute.args.args] == ["self", "requests"]
    assert all(ast.get_docstring(node) for node in (tree, model, *methods))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert "print" not in calls and not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    # An error leaves `execute` as a request's own, unless it is one for all.
    joined = "dynamic_batching" in (path.parents[1] / "config.pbtxt").read_text()
    assert not joined or "pb_utils.TritonError" in calls
