"""`sentence_bert` and `sentence_embedder` as they are served, against the model in process."""

import json
import threading

import numpy as np
import pytest
import torch
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer
from tritonclient.utils import InferenceServerException

from tests.support.stand_in import load_model_file
from workshop import settings, triton
from workshop.clients import embed
from workshop.errors import WorkshopError
from workshop.text import pretrained, sentence_model

TEXTS = [
    "A short one.",
    "Pineapple belongs on nothing, said the baker, and went on kneading the dough for tomorrow's bread.",
    "naïve café – 3 °C, „Straße“",
    "I paid with 🚲 and 🎻.",
    "nul \x00 in the middle",
    "?",
    "日本語のテキスト",
    "word " * 10_000,
]


EMBEDDER = settings.MODEL_REPOSITORY / "sentence_embedder"


@pytest.fixture
def embedder_module():
    """The module of the model's file, imported with a stand-in for Triton's own."""
    yield from load_model_file(EMBEDDER / "1" / "model.py")


@pytest.fixture(scope="module")
def reference():
    return SentenceTransformer(sentence_model(), device="cpu")


@pytest.fixture
def client(triton_server):
    with httpclient.InferenceServerClient(triton_server) as client:
        yield client


def test_vectors_equal_sentence_transformers(client, reference):
    vectors = embed(TEXTS, client)
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    assert vectors.dtype == np.float32 and vectors.shape == expected.shape
    assert (vectors * expected).sum(axis=1).min() >= 0.9999


def test_a_text_is_truncated_after_256_tokens(client):
    long, longer = embed(["word " * 300, "word " * 300 + "entirely different ending"], client)
    np.testing.assert_allclose(long, longer, atol=1e-6)


def test_neighbours_in_a_batch_change_nothing(client):
    together = embed(TEXTS, client)
    alone = np.concatenate([embed([text], client) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-6)


def test_more_texts_than_a_request_holds_keep_their_order(client):
    texts = [f"{number} " * (number % 7 + 1) for number in range(600)]
    vectors = embed(texts, client)
    assert vectors.shape == (600, 384)
    np.testing.assert_allclose(vectors[[3, 300, 599]], embed([texts[3], texts[300], texts[599]], client), atol=2e-6)


def test_no_text_gives_no_vector(client):
    assert embed([], client).shape[0] == 0


def request(values):
    tensor = httpclient.InferInput("text", [len(values), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[value] for value in values], dtype=object))
    return [tensor]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([b"fine", b""], "text 2 of 2 is empty"),
        ([b" \n\t"], "text 1 of 1 is empty"),
        ([b"\xff\xfe"], "text 1 of 1 is not UTF-8"),
        ([b"x"] * 257, "batch-size must be <= 256"),
    ],
)
def test_what_cannot_be_embedded_gets_one_clear_line(client, values, reason):
    with pytest.raises(InferenceServerException) as refused:
        client.infer("sentence_embedder", request(values))
    assert reason in refused.value.message() and "\n" not in refused.value.message()
    assert embed(["still serving"], client).shape == (1, 384)


def test_a_bad_request_does_not_fail_its_neighbours_in_the_batch(triton_server):
    """Requests sent at the same moment share a Triton batch; only the empty text is refused."""
    outcomes, barrier = {}, threading.Barrier(8)

    def ask(number):
        with httpclient.InferenceServerClient(triton_server) as client:
            barrier.wait()
            try:
                outcomes[number] = embed(["" if number == 3 else f"text {number}"], client).shape
            except InferenceServerException as error:
                outcomes[number] = error.message()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "is empty" in outcomes.pop(3)
    assert set(outcomes.values()) == {(1, 384)}


def test_http_and_grpc_answer_alike(triton_server, client):
    with grpcclient.InferenceServerClient(triton.grpc_url()) as other:
        tensor = grpcclient.InferInput("text", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[b"the same"]], dtype=object))
        np.testing.assert_array_equal(
            other.infer("sentence_embedder", [tensor]).as_numpy("embedding"), embed(["the same"], client)
        )


@pytest.mark.parametrize(("texts", "padding"), [(["a b c"], 0), (TEXTS[:7], 0), (TEXTS[:4] * 10, 5), (["word " * 500], 0)])
def test_token_embeddings_equal_the_original(client, texts, padding):
    tokenizer = AutoTokenizer.from_pretrained(sentence_model())
    model = AutoModel.from_pretrained(sentence_model(), attn_implementation="eager", dtype=torch.float32).eval()
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=512, return_tensors="pt")
    ids = torch.nn.functional.pad(encoded.input_ids, (0, padding))
    mask = torch.nn.functional.pad(encoded.attention_mask, (0, padding))
    with torch.inference_mode():
        expected = model(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
    tensors = []
    for name, values in (("input__0", ids), ("input__1", mask)):
        tensors.append(httpclient.InferInput(name, list(values.shape), "INT32"))
        tensors[-1].set_data_from_numpy(values.numpy().astype(np.int32))
    found = client.infer("sentence_bert", tensors).as_numpy("output__0")
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_model_setting_of_ones_own(monkeypatch):
    monkeypatch.setenv("WORKSHOP_SENTENCE_MODEL", "deepset/sentence_bert")
    assert sentence_model() == "deepset/sentence_bert"


def test_weights_that_are_not_the_publishers_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "SHA256", "0" * 64)
    monkeypatch.delenv("WORKSHOP_SENTENCE_MODEL", raising=False)
    with pytest.raises(WorkshopError, match="model.safetensors .* is not the publisher's file"):
        sentence_model()


@pytest.mark.parametrize(
    ("model", "smallest"), [("sentence_bert", 0.9999), ("sentence_bert_onnx", 0.9999), ("sentence_bert_int8", 0.97)]
)
def test_each_engine_is_near_the_reference(client, reference, model, smallest):
    """Texts of several lengths, padded: the means of the tokens, pooled by the model or here, as the reference has them."""
    tokenizer = AutoTokenizer.from_pretrained(sentence_model())
    tokens = tokenizer(TEXTS[:3], return_tensors="np", padding=True)
    mask = tokens["attention_mask"].astype(np.int32)
    inputs = []
    for number, array in enumerate((tokens["input_ids"].astype(np.int32), mask)):
        inputs.append(httpclient.InferInput(f"input__{number}", list(array.shape), "INT32"))
        inputs[-1].set_data_from_numpy(array)
    found = client.infer(model, inputs).as_numpy("output__0")
    if found.ndim == 3:
        found = (found * mask[:, :, None]).sum(axis=1)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
    cosines = (found * reference.encode(TEXTS[:3], normalize_embeddings=True)).sum(axis=1)
    assert mask.min() == 0 and cosines.min() >= smallest and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("model", ["sentence_bert_onnx", "sentence_bert_int8"])
def test_onnx_models_are_one_warmed_up_instance(client, model):
    """Two instances with a thread for every core each would halve the throughput, and are Triton's default on a CPU."""
    config = client.get_model_config(model)
    assert [group["count"] for group in config["instance_group"]] == [1]
    assert [sample["batch_size"] for sample in config["model_warmup"]] == [1, 1]  # those with 0 are skipped
    client.unload_model(model)
    client.load_model(model)
    [statistics] = client.get_inference_statistics(model)["model_stats"]
    assert statistics["execution_count"] == 4  # two of each, before the first request


@pytest.mark.parametrize(
    ("encoder", "kind", "called"),
    [
        ("auto", "CPU", "sentence_bert_onnx"),
        ("auto", "GPU", "sentence_bert"),
        ("auto", "MODEL", "sentence_bert_onnx"),
        ("sentence_bert_int8", "GPU", "sentence_bert_int8"),
    ],
)
def test_encoder_of_each_device(embedder_module, encoder, kind, called):
    """ONNX Runtime from PyPI has nothing for a GPU, torch has."""
    choices = {"encoder_on_cpu": "sentence_bert_onnx", "encoder_on_gpu": "sentence_bert"}
    parameters = {"encoder": encoder, **choices, "tokens_per_call": "1024", "padding_per_call": "64", "max_tokens": "256"}
    model = embedder_module.TritonPythonModel()
    model.initialize(
        {
            "model_config": json.dumps({"parameters": {key: {"string_value": value} for key, value in parameters.items()}}),
            "model_name": "sentence_embedder",
            "model_instance_kind": kind,
            "model_repository": str(EMBEDDER),
            "model_version": "1",
        }
    )
    assert model.encoder == called


@pytest.mark.parametrize(
    ("lengths", "calls"),
    [
        ([5], [[0]]),
        ([3, 9, 4], [[1, 2, 0]]),  # 11 tokens of padding
        ([30, 12, 10, 9], [[0, 1], [2, 3]]),  # with the third it would be 38
        ([50, 50, 50], [[0, 1], [2]]),  # 100 tokens a call
        ([300, 300], [[0], [1]]),  # a text is never divided
    ],
)
def test_texts_of_similar_length_share_a_call(embedder_module, lengths, calls):
    model = embedder_module.TritonPythonModel()
    model.tokens_per_call, model.padding_per_call = 100, 20
    assert model.calls(lengths) == calls
