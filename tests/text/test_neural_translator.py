"""`seamless-m4t-v2-large` as it is served, with small models of random weights in place of the 9 GB that few have."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import tritonclient.http as httpclient
from google.protobuf import json_format, text_format
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException

from tests.support import tiny_translators
from tests.support.small_models import add_model, free_ports, kill_servers
from tests.support.stand_in import Request, load_model_file
from workshop import settings
from workshop.triton import server

NAME = "seamless-m4t-v2-large"
FOLDER = settings.MODEL_REPOSITORY / NAME
PROGRAM = (FOLDER / "1" / "model.py").read_bytes()
NEW_TOKENS = 12
KINDS = {"seamless": tiny_translators.seamless, "nllb": tiny_translators.nllb, "marian": tiny_translators.marian}
TEXTS = [
    "The house is red.",
    "Where is the railway station? The house is red, and the dog sleeps in the house.",
    "red",
    "The dog.",
    "Where is the dog?",
    "Is the house red? The railway station is red. Where is the railway station?",
]
ASK = """
import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer() for _ in requests]

    def answer(self):
        ready = [pb_utils.is_model_ready(name) for name in ("seamless", "seamless-m4t-v2-large", "nothing")]
        asked = pb_utils.InferenceRequest(
            model_name="seamless",
            requested_output_names=["source_languages", "target_languages"],
            inputs=[
                pb_utils.Tensor(name, np.array([[b""]], np.object_))
                for name in ("text", "source_language", "target_language")
            ],
        ).exec()
        languages = pb_utils.get_output_tensor_by_name(asked, "target_languages").as_numpy()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("ready", np.array(ready)), pb_utils.Tensor("languages", languages.reshape(-1))]
        )
"""
ASK_CONFIG = """
backend: "python"
input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
output { name: "ready" data_type: TYPE_BOOL dims: [ -1 ] }
output { name: "languages" data_type: TYPE_STRING dims: [ -1 ] }
"""


def config(**parameters):
    """The committed configuration without its name, with other parameters."""
    parsed = text_format.Parse((FOLDER / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    parsed.ClearField("name")
    for key, value in parameters.items():
        parsed.parameters[key].string_value = value
    return text_format.MessageToString(parsed)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {kind: make(folder / kind) for kind, make in KINDS.items()}


@pytest.fixture(scope="module")
def address(tmp_path_factory, weights):
    """A server with a translator of each kind, Marian's with three beams, and the committed one, which finds no weights."""
    folder = tmp_path_factory.mktemp("translators")
    models, options = folder / "models", {"max_new_tokens": str(NEW_TOKENS), "tokens_per_call": "40"}
    for kind, place in weights.items():
        beams = "3" if kind == "marian" else "1"
        add_model(models, kind, config(model=str(place), num_beams=beams, **options), {"1/model.py": PROGRAM})
    for name, value in {NAME: "facebook/seamless-m4t-v2-large", "damaged": "weights", "nowhere": "/no/such/folder"}.items():
        add_model(models, name, config(model=value), {"1/model.py": PROGRAM})
    (models / "damaged" / "weights").mkdir()
    (models / "damaged" / "weights" / "config.json").write_text('{"model_type": "marian"}')
    add_model(models, "ask", ASK_CONFIG, {"1/model.py": ASK.encode()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(folder / "home"))
        patch.setenv("HF_HOME", str(folder / "no-cache"))
        patch.delenv("TRITON_URL", raising=False)
        try:
            url = server.up(model_repository=models, models=[], **free_ports())[0].urls["http"]
            with connect(url) as client:
                for name in (*KINDS, "ask"):
                    client.load_model(name)
            yield url
        finally:
            kill_servers()


def connect(address):
    return httpclient.InferenceServerClient(address, network_timeout=120, connection_timeout=120)


@pytest.fixture(scope="module")
def client(address):
    with connect(address) as client:
        yield client


def ask(client, model, texts, sources, targets, outputs=("translation",)):
    """What a model answers to a request with these texts; languages may be one for all."""
    columns = {"text": texts, "source_language": sources, "target_language": targets}
    inputs = []
    for name, values in columns.items():
        values = [values] * len(texts) if isinstance(values, str) else values
        tensor = httpclient.InferInput(name, [len(texts), 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[value] for value in values], np.object_))
        inputs.append(tensor)
    answer = client.infer(model, inputs, outputs=[httpclient.InferRequestedOutput(name) for name in outputs])
    found = [[[value.decode() for value in row] for row in answer.as_numpy(name)] for name in outputs]
    return [row[0] for row in found[0]] if outputs == ("translation",) else found


@pytest.fixture(scope="module")
def in_process(weights):
    """A function that translates one text alone with the classes of transformers, as their pages show it."""
    loaded = {
        kind: (AutoTokenizer.from_pretrained(p), AutoModelForSeq2SeqLM.from_pretrained(p)) for kind, p in weights.items()
    }

    def translate(kind, text, source, target, **options):
        tokenizer, model = loaded[kind]
        if kind != "marian":
            tokenizer.src_lang = source
        tokens = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        if kind == "seamless":
            options["tgt_lang"] = target
        elif kind == "nllb":
            options["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(target)
        with torch.inference_mode():
            found = model.generate(**tokens, max_new_tokens=NEW_TOKENS, **options)
        return tokenizer.batch_decode(found, skip_special_tokens=True)[0]

    return translate


OWN = {
    "seamless": {"en": "eng", "fr": "fra", "de": "deu", "zh": "cmn", "cmn_Hant": "cmn_Hant"},
    "nllb": {"en": "eng_Latn", "fr": "fra_Latn", "de": "deu_Latn"},
}


@pytest.mark.parametrize("model", OWN)
def test_a_batch_of_mixed_languages_is_answered_as_each_text_alone(client, in_process, model):
    codes = OWN[model]
    pairs = [(source, target) for source in codes for target in codes]
    asked = [(TEXTS[number % len(TEXTS)], *pairs[number * 4 % len(pairs)]) for number in range(18)]
    found = ask(client, model, *(list(column) for column in zip(*asked)))
    expected = [in_process(model, text, codes[source], codes[target]) for text, source, target in asked]
    assert found == expected
    assert len(set(expected)) >= 8 and max(map(len, expected)) > 10, "the models are too dull to tell answers apart"


def test_marian_has_one_direction(client, in_process):
    assert ask(client, "marian", TEXTS, "de", "en") == [
        in_process("marian", text, "de", "en", num_beams=3) for text in TEXTS
    ]
    with pytest.raises(InferenceServerException, match="source_language 'en' is none of this model's: de$"):
        ask(client, "marian", TEXTS[:1], "en", "de")


def test_a_language_that_is_not_there_spoils_its_own_request(address):
    """Requests that arrive together: good ones beside those with an unknown language, and one that is not UTF-8."""
    requests = [
        (TEXTS[0], "en", "fr"),
        (TEXTS[0], "en", "xx"),
        (TEXTS[1], "tlh", "en"),
        (b"\xff", "en", "fr"),
        (TEXTS[1], "en", "zh"),
    ]
    start = threading.Barrier(len(requests))

    def answer(request):
        with connect(address) as client:
            start.wait()
            try:
                return ask(client, "seamless", *([value] for value in request))[0]
            except InferenceServerException as error:
                return error

    with ThreadPoolExecutor(len(requests)) as pool:
        first, unknown, unread, damaged, last = pool.map(answer, requests)
    assert isinstance(first, str) and isinstance(last, str) and first != last
    assert unknown.message().endswith("target_language 'xx' is none of this model's: cmn_Hant, de, en, fr, zh")
    assert "source_language 'tlh' is none of" in unread.message()
    assert "not UTF-8" in damaged.message()


def test_a_request_of_several_texts_gets_one_answer_or_one_error(client):
    with pytest.raises(InferenceServerException, match="target_language 'xx'"):
        ask(client, "seamless", TEXTS[:2], "en", ["fr", "xx"])
    with pytest.raises(InferenceServerException, match=r"a text has \d+ tokens; this model reads 64 at most"):
        ask(client, "seamless", [TEXTS[0], "house " * 100], "en", "fr")


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_text_is_an_empty_translation(client, text):
    assert ask(client, "seamless", [text, TEXTS[0]], "en", "fr") == ["", ask(client, "seamless", [TEXTS[0]], "en", "fr")[0]]


def test_own_codes_are_taken_too(client):
    assert ask(client, "nllb", TEXTS, "en", "fr") == ask(client, "nllb", TEXTS, "eng_Latn", "fra")


@pytest.mark.parametrize(
    ("model", "sources", "targets"),
    [
        ("seamless", ["cmn_Hant", "de", "en", "fr", "zh"], ["cmn_Hant", "de", "en", "fr", "zh"]),
        ("nllb", ["de", "en", "fr"], ["de", "en", "fr"]),
        ("marian", ["de"], ["en"]),
    ],
)
def test_a_model_tells_its_languages_and_translates_nothing_for_it(client, model, sources, targets):
    for text, language in (("", ""), ("x", "no such language")):
        found = ask(client, model, [text], language, language, outputs=("source_languages", "target_languages"))
        assert found == [[sources], [targets]]
    found = ask(client, model, TEXTS[:2], sources[0], targets[0], outputs=("translation", "target_languages"))
    assert found[1] == [targets] * 2 and len(found[0]) == 2


def test_another_model_asks_whether_it_is_ready_and_what_it_has(client):
    tensor = httpclient.InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(np.zeros(1, np.float32))
    answer = client.infer("ask", [tensor])
    assert answer.as_numpy("ready").tolist() == [True, False, False]
    assert [value.decode() for value in answer.as_numpy("languages")] == ["cmn_Hant", "de", "en", "fr", "zh"]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (NAME, "the weights of facebook/seamless-m4t-v2-large are not on this machine: `hf download facebook/seamless"),
        ("nowhere", "there is no folder /no/such/folder"),
        ("damaged", "weights cannot be loaded: "),
    ],
)
def test_what_is_missing_is_told_when_the_model_is_loaded(client, model, reason):
    with pytest.raises(InferenceServerException, match=reason):
        client.load_model(model)
    assert client.is_model_ready("seamless") and not client.is_model_ready(model)


@pytest.fixture
def module():
    """The module of the model's file, imported with a stand-in for Triton's own."""
    yield from load_model_file(FOLDER / "1" / "model.py")


def loaded(module, place, kind="CPU", **parameters):
    """An instance of the model, as Triton would make it."""
    parsed = json_format.MessageToDict(text_format.Parse(config(model=str(place)), model_config_pb2.ModelConfig()))
    values = {key: value["stringValue"] for key, value in parsed["parameters"].items()} | parameters
    model = module.TritonPythonModel()
    model.initialize(
        {
            "model_config": json.dumps({"parameters": {key: {"string_value": value} for key, value in values.items()}}),
            "model_repository": "/no/such/repository",
            "model_instance_kind": kind,
            "model_instance_device_id": "0",
        }
    )
    return model


def test_device_and_numbers_follow_the_kind_of_the_instance(module, weights, monkeypatch):
    assert loaded(module, weights["nllb"]).model.dtype == torch.float32
    assert loaded(module, weights["nllb"], dtype_on_cpu="bfloat16").model.dtype == torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = loaded(module, weights["nllb"], kind="GPU", dtype_on_gpu="bfloat16")
    assert (model.device.type, model.model.dtype) == ("cpu", torch.float32)


OF_PIECES = {
    "seamless_as_published": ("eng", ["fra", "deu"], {"zh": "cmn", "en": "eng", "cmn_Hant": "cmn_Hant"}),
    "m2m100": ("en", ["fr", "de"], {"en": "en", "zh": "zh"}),
    "marian_into_several": ("eng", [">>fra<<", ">>spa<<"], {"es": ">>spa<<", "fra": ">>fra<<"}),
}


@pytest.mark.parametrize("kind", OF_PIECES)
def test_tokenizers_that_are_files_of_sentencepiece(module, kind, tmp_path):
    pytest.importorskip("sentencepiece", reason="the package sentencepiece is not in this environment")
    source, targets, known = OF_PIECES[kind]
    place = getattr(tiny_translators, kind)(tmp_path / kind)
    model = loaded(module, place, max_new_tokens="6")
    assert known.items() <= model.targets.items()
    tokenizer = AutoTokenizer.from_pretrained(place)
    texts = ["The house is red.", "red", "Where is the dog?"]
    for target in targets:
        ids = model.tokens([(0, text, source, target) for text in texts])
        if kind != "marian_into_several":
            tokenizer.src_lang = source
        first = f"{target} " if target.startswith(">>") else ""
        assert ids == [tokenizer(first + text)["input_ids"] for text in texts]
        alone = [model.generate([tokens], target)[0] for tokens in ids]
        assert model.generate(ids, target) == alone and any(alone)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
def test_on_a_gpu_it_runs_in_half_precision(module, weights):
    model = loaded(module, weights["seamless"], kind="GPU")
    assert (model.device.type, model.model.dtype) == ("cuda", torch.float16)
    assert len(model.generate(model.tokens([(0, TEXTS[0], "eng", "fra")]), "fra")[0]) > 0


def test_a_call_that_fails_spoils_its_own_requests(module, weights, monkeypatch):
    model = loaded(module, weights["seamless"], max_new_tokens="4")
    generate = model.generate

    def out_of_memory(ids, target):
        if target == "fra":
            raise RuntimeError("out of memory\nof much")
        return generate(ids, target)

    monkeypatch.setattr(model, "generate", out_of_memory)
    names = ("text", "source_language", "target_language")
    rows = [[TEXTS[0], "en", language] for language in ("de", "fr", "zh")]
    requests = [
        Request(["translation"], **{name: np.array([[value.encode()]], np.object_) for name, value in zip(names, row)})
        for row in rows
    ]
    first, refused, last = model.execute(requests)
    assert str(refused.error) == "the translation failed: out of memory"
    assert first.tensors["translation"].shape == last.tensors["translation"].shape == (1, 1)


def test_codes_of_the_real_models_are_known_by_iso_639(module):
    seamless = module.with_iso(["arb", "ary", "cmn", "cmn_Hant", "eng", "nob", "swh", "yue", "zlm"])
    assert [seamless[code] for code in ("ar", "zh", "en", "no", "nb", "sw", "ms", "ary")] == [
        "arb", "cmn", "eng", "nob", "nob", "swh", "zlm", "ary",
    ]  # fmt: skip
    assert module.listed(seamless) == ["ar", "ary", "cmn_Hant", "en", "ms", "no", "sw", "yue", "zh"]
    nllb = module.with_iso(["arb_Arab", "srp_Cyrl", "zho_Hans", "zho_Hant"])
    assert [nllb[code] for code in ("ar", "sr", "zh", "zho_Hant")] == ["arb_Arab", "srp_Cyrl", "zho_Hans", "zho_Hant"]
    assert module.with_iso(["en_XX", "de_DE"])["de"] == "de_DE" and module.with_iso(["no", "en"])["no"] == "no"
    assert module.with_iso([">>por<<", ">>fra<<"])["pt"] == ">>por<<"


def test_calls_hold_texts_of_similar_length(module):
    model = module.TritonPythonModel()
    model.tokens_per_call = 20
    assert model.calls([3, 25, 10, 9, 4]) == [[1], [2, 3], [4, 0]]
    assert model.calls([]) == []
