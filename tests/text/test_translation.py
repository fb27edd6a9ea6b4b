"""`apertium` and `translate`, as a server serves them: real engines, many clients, texts that cannot be translated."""

import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from tests.support.small_models import add_model, free_ports, kill_servers
from workshop import settings
from workshop.errors import WorkshopError
from workshop.text import languages
from workshop.text.apertium import direction, packages
from workshop.triton import loading, server

NEURAL_CONFIG = """
backend: "python"
max_batch_size: 8
input [
  { name: "text" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "source_language" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "target_language" data_type: TYPE_STRING dims: [ 1 ] }
]
output [
  { name: "translation" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "source_languages" data_type: TYPE_STRING dims: [ -1 ] },
  { name: "target_languages" data_type: TYPE_STRING dims: [ -1 ] }
]
dynamic_batching { }
"""
NEURAL = b'''
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    """Stands in for a neural engine: German, English, French; it cannot translate what is about fish."""

    def execute(self, requests):
        responses = []
        for request in requests:
            columns = [pb_utils.get_input_tensor_by_name(request, name) for name in ("text", "target_language")]
            text, target = (column.as_numpy()[0, 0] for column in columns)
            if b"fish" in text:
                responses.append(pb_utils.InferenceResponse(error=pb_utils.TritonError("no fish")))
                continue
            found = {"translation": [b"<" + target + b"> " + text]}
            found |= {name: [b"de", b"en", b"fr"] for name in ("source_languages", "target_languages")}
            tensors = [pb_utils.Tensor(name, np.array([found[name]], object)) for name in request.requested_output_names()]
            responses.append(pb_utils.InferenceResponse(tensors))
        return responses
'''
EXAMPLES = {
    ("en", "es"): ("The house is red.", "casa"),
    ("es", "en"): ("La casa es roja.", "house"),
    ("fr", "es"): ("La maison est grande.", "casa"),
    ("es", "fr"): ("La casa es grande.", "maison"),
    ("es", "pt"): ("Mañana vamos a la playa.", "praia"),
    ("pt", "es"): ("Amanhã vamos à praia.", "playa"),
    ("en", "ca"): ("The water is cold.", "aigua"),
    ("ca", "en"): ("L'aigua és freda.", "water"),
}


def put(repository, name, model, change=lambda config: config):
    """A committed model under a name of its own."""
    shutil.copytree(settings.MODEL_REPOSITORY / model, repository / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = repository / name / "config.pbtxt"
    config.write_text(change(config.read_text().replace(f'name: "{model}"\n', "")))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """The service and its engines, and again with settings of the tests' own."""
    try:
        root = packages.find()
    except WorkshopError as error:
        pytest.skip(str(error))
    repository = tmp_path_factory.mktemp("translation") / "models"
    put(repository, "fasttext-language-identification", "fasttext-language-identification")
    shutil.copy(languages.identifier(), repository / "fasttext-language-identification" / "1" / "lid.176.ftz")
    for name, timeout in (("apertium", "10"), ("impatient", "1")):
        put(repository, name, "apertium", lambda config: config.replace('"10"', f'"{timeout}"'))  # noqa: B023
        shutil.copy(direction.__file__, repository / name / "1" / "direction.py")
        (repository / name / "1" / "root.txt").write_text(f"{root}\n")
    for name, place in (("rootless", None), ("moved", "/nowhere")):
        put(repository, name, "apertium")
        shutil.copy(direction.__file__, repository / name / "1" / "direction.py")
        (repository / name / "1" / "root.txt").unlink(missing_ok=True)
        if place:
            (repository / name / "1" / "root.txt").write_text(place)
    put(repository, "translate", "translate")
    put(repository, "with_neural", "translate", lambda config: config.replace("seamless-m4t-v2-large", "neural"))
    put(repository, "on_its_own", "translate", lambda config: config.replace('"apertium"', '"nobody"'))
    add_model(repository, "neural", NEURAL_CONFIG, {"1/model.py": NEURAL})
    return repository


@pytest.fixture(scope="module")
def running(repository):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(repository.parent / "home"))
        patch.delenv("TRITON_URL", raising=False)
        models = [
            "apertium",
            "impatient",
            "neural",
            "fasttext-language-identification",
            "translate",
            "with_neural",
            "on_its_own",
        ]
        try:
            yield server.up(model_repository=repository, models=models, **free_ports())[0]
        finally:
            kill_servers()


def connect(running):
    return httpclient.InferenceServerClient(running.urls["http"], network_timeout=60, connection_timeout=60)


@pytest.fixture(scope="module")
def client(running):
    with connect(running) as client:
        yield client


def ask(client, model, *outputs, module=httpclient, **columns):
    """Rows of a request's outputs, as texts, for columns of texts."""
    inputs = []
    for name, values in columns.items():
        values = [[value if isinstance(value, bytes) else value.encode()] for value in values]
        inputs.append(module.InferInput(name, [len(values), 1], "BYTES"))
        inputs[-1].set_data_from_numpy(np.array(values, np.object_))
    answer = client.infer(model, inputs)
    return [tuple(value.decode() for value in row) for row in zip(*(answer.as_numpy(name)[:, 0] for name in outputs))]


def by_apertium(client, *rows, model="apertium"):
    """Translations of rows of source, target and text."""
    sources, targets, texts = zip(*rows)
    found = ask(client, model, "translation", text=texts, source_language=sources, target_language=targets)
    return [translation for (translation,) in found]


def translated(client, *rows, model="translate", **more):
    """Translation, source and route of rows of text and target."""
    texts, targets = zip(*rows)
    outputs = ("translation", "source_language", "route")
    return ask(client, model, *outputs, text=texts, target_language=targets, **more)


def refusal(function, *arguments, status="400", **more):
    """What a client is told; by the status, whether it is at fault (400) or the server (500)."""
    with pytest.raises(InferenceServerException) as error:
        function(*arguments, **more)
    assert error.value.status() == status
    return error.value.message()


# --- apertium ---


@pytest.mark.parametrize("pair", EXAMPLES, ids="-".join)
def test_a_sentence_in_each_direction(client, pair):
    text, word = EXAMPLES[pair]
    (translation,) = by_apertium(client, (*pair, text))
    assert word in translation.lower() and translation.endswith(".") and "*" not in translation


def test_a_batch_in_all_directions_comes_back_in_order(client):
    rows = [(*pair, text) for pair, (text, _) in EXAMPLES.items()] * 8
    alone = {row: by_apertium(client, row)[0] for row in rows[:8]}
    assert by_apertium(client, *rows) == [alone[row] for row in rows]


def test_what_is_no_word_of_the_language_stays(client):
    text = "[1] Xyzzy, 5 $ & <b>\n\nhome page: a/b ^ \\ {x} 🚆"
    assert by_apertium(client, ("en", "es", ""), ("en", "es", "Xyzzy 🚆")) == ["", "Xyzzy 🚆"]
    (translation,) = by_apertium(client, ("en", "es", text))
    assert all(piece in translation for piece in ("[1] Xyzzy, 5 $ & <", "\n\n", "/", " ^ \\ {", "} 🚆"))


def test_requests_at_fault_get_errors_of_their_own(client):
    message = refusal(by_apertium, client, ("en", "es", "a"), ("en", "de", "a"))
    assert message.startswith("apertium does not translate from 'en' into 'de'; it has ") and " en-es " in message
    assert "text has 10001 characters" in refusal(by_apertium, client, ("en", "es", "x" * 10001))
    assert refusal(by_apertium, client, ("en", "es", b"\xff")).startswith("text is not UTF-8 (invalid start byte at byte 0)")


def test_good_neighbours_of_a_bad_request_are_answered(running):
    """Forty requests at once, every fourth of them wrong: whoever shares a batch with it gets its answer."""

    def one(number):
        with connect(running) as connection:
            try:
                return by_apertium(connection, ("en", "xx" if number % 4 == 0 else "es", f"The house {number}."))[0]
            except InferenceServerException as error:
                return error.message()[:34]

    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(one, range(40)))
    for number, answer in enumerate(answers):
        assert answer == ("apertium does not translate from '" if number % 4 == 0 else f"La casa {number}.")


def programs(running, model):
    """The programs of a model's process, by name."""
    found = []
    for process in psutil.Process(running.pid).children():
        if any(f"/{model}/" in word for word in process.cmdline()):
            found += process.children(recursive=True)
    return found


def test_programs_that_are_killed_are_started_again(client, running):
    by_apertium(client, ("es", "pt", "La casa."), model="impatient")
    victims = programs(running, "impatient")
    assert len(victims) == 6
    victims[2].kill()
    assert by_apertium(client, ("es", "pt", "La casa."), model="impatient") == ["A casa."]
    for victim in programs(running, "impatient"):
        victim.kill()
    assert by_apertium(client, ("es", "pt", "La casa."), model="impatient") == ["A casa."]


def test_programs_that_hang_give_an_error_within_the_timeout(client, running):
    by_apertium(client, ("es", "pt", "La casa."), model="impatient")
    programs(running, "impatient")[3].send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert "es-pt: the translator took more than 1 s" in refusal(
        by_apertium, client, ("es", "pt", "La casa."), model="impatient", status="500"
    )
    assert time.monotonic() - began < 15  # 1 s and what a busy machine adds, not the request's own 60 s
    assert by_apertium(client, ("es", "pt", "La casa."), model="impatient") == ["A casa."]


def test_unloading_leaves_no_programs(client, running):
    by_apertium(client, ("es", "pt", "La casa."), model="impatient")
    left = programs(running, "impatient")
    client.unload_model("impatient")
    gone, alive = psutil.wait_procs(left, timeout=20)
    client.load_model("impatient")
    assert left and not alive


@pytest.mark.parametrize(("model", "says"), [("rootless", "root.txt is missing"), ("moved", "Apertium is not in /nowhere")])
def test_a_model_that_finds_no_apertium_says_what_brings_it(client, model, says):
    if model == "moved" and direction.modes("/usr"):
        pytest.skip("Apertium is installed in /usr here, where the model finds it too")
    message = refusal(client.load_model, model)
    assert says in message and "`workshop build apertium`" in message


# --- translate ---


def test_what_the_service_answers(client):
    assert translated(
        client,
        ("The house is red and the garden is green.", "es"),
        ("La maison est grande et blanche.", "en"),
        ("La casa es grande y blanca.", " ES "),
        ("12:30 🚆", "fr"),
        ("", "en"),
    ) == [
        ("La casa es roja y el jardín es verde.", "en", "en-es by apertium"),
        ("The house is big and white.", "fr", "fr-es by apertium, es-en by apertium"),
        ("La casa es grande y blanca.", "es", ""),
        ("12:30 🚆", "und", ""),
        ("", "und", ""),
    ]


def test_over_grpc_and_with_the_source_language(running):
    with grpcclient.InferenceServerClient(running.urls["grpc"]) as client:
        assert translated(client, ("casa", "en"), module=grpcclient, source_language=["es"]) == [
            ("House", "es", "es-en by apertium")
        ]


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        (
            "The house is red and the garden is green.",
            "de",
            r"no way from en (which the text was taken for with a score of 0.",
        ),
        ("The house is red and the garden is green.", "de", "into de: the engines loaded have ca-en, en-ca, en-es, es-en"),
        ("The house is red and the garden is green.", "de", "; not loaded: seamless-m4t-v2-large"),
        ("The house is red and the garden is green.", "", "no way from en"),
        ("The house is red.", b"es\0", r"target_language 'es\x00' is no code of a language"),
        ("The house is red.", "Spanish, please", "target_language 'spanish, please' is no code of a language"),
        ("The house is red.", "x" * 1000, "target_language 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…' is no code of a language"),
        ("Das Haus ist rot und der Garten ist schön.", "es", "no way from de"),
        (b"\xff\xfe", "es", "text is not UTF-8 (invalid start byte at byte 0)"),
        ("The house is big. " * 600, "es", "apertium: the text has 10800 characters"),
    ],
)
def test_what_cannot_be_translated(client, text, target, says):
    status = "500" if says.startswith("apertium: ") else "400"  # what an engine says is passed on as its failure
    assert says in refusal(translated, client, (text, target), status=status)


def test_a_row_that_cannot_be_translated_is_the_error_of_its_request(client):
    good = ("The house is red and the garden is green.", "es")
    assert "into de" in refusal(translated, client, good, (good[0], "de"), good)


def test_the_threads_of_calls_are_kept_from_batch_to_batch(client, running):
    """Starting a thread for each call would cost more than the call."""

    def threads():
        processes = [child for child in psutil.Process(running.pid).children() if "/translate/" in " ".join(child.cmdline())]
        return {(process.pid, thread.id) for process in processes for thread in process.threads()}

    good = ("The house is red and the garden is green.", "es")
    translated(client, *[good] * 8)
    before = threads()
    for _ in range(4):
        translated(client, good)
    assert before <= threads()


def test_a_loaded_neural_engine_comes_first(client):
    rows = [
        ("The house is red and the garden is green.", "fr"),
        ("The house is red and the garden is green.", "es"),
        ("Das Haus ist rot und der Garten ist schön.", "es"),
    ]
    first, second, third = translated(client, *rows, model="with_neural")
    assert first == ("<fr> The house is red and the garden is green.", "en", "en-fr by neural")
    assert second == ("La casa es roja y el jardín es verde.", "en", "en-es by apertium")
    assert third[1:] == ("de", "de-en by neural, en-es by apertium")
    fish = ("The fish is in the water.", "fr")
    assert refusal(translated, client, fish, model="with_neural", status="500") == "neural: no fish"


def test_an_engine_that_is_unloaded_is_done_without(client):
    text = ("The house is red and the garden is green.", "fr")
    assert translated(client, text, model="with_neural")[0][2] == "en-fr by neural"
    client.unload_model("neural")
    assert translated(client, text, model="with_neural")[0][2] == "en-es by apertium, es-fr by apertium"
    client.load_model("neural")
    assert translated(client, text, model="with_neural")[0][2] == "en-fr by neural"


def test_without_any_engine(client):
    message = refusal(translated, client, ("The house is red and the garden is green.", "es"), model="on_its_own")
    assert message.endswith("the engines loaded have no pair; not loaded: seamless-m4t-v2-large, nobody")
    assert translated(client, ("12:30", "es"), model="on_its_own") == [("12:30", "und", "")]


def test_many_clients_lose_and_mix_up_nothing(running, slow):
    """Each text has a number of its own, which comes back with it."""
    pool = [
        ("The train number {} leaves at nine in the morning.", "es"),
        ("El tren número {} sale a las nueve de la mañana.", "en"),
        ("Le train numéro {} part à neuf heures du matin.", "pt"),
        ("O comboio número {} parte às nove da manhã.", "es"),
        ("Der Zug Nummer {} fährt um neun Uhr am Morgen ab.", "es"),
    ]

    def one(number):
        text, target = pool[number % 5]
        with connect(running) as connection:
            try:
                return translated(connection, (text.format(number + 1000), target))[0]
            except InferenceServerException as error:
                return error.message()[:14], "", ""

    count = 1000 if slow else 100
    first = [one(number) for number in range(5)]
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(one, range(count)))
    for number, (translation, source, route) in enumerate(answers):
        expected, language, way = first[number % 5]
        assert (translation, source, route) == (expected.replace(str(1000 + number % 5), str(number + 1000)), language, way)
    assert first[4] == ("no way from de", "", "") and first[2][2] == "fr-es by apertium, es-pt by apertium"


def test_the_pairs_that_the_service_counts_on_are_those_of_the_course_s_packages():
    parameters = loading.configuration.as_json(settings.MODEL_REPOSITORY / "translate")["parameters"]
    pairs = {tuple(pair.split("-")) for pair in parameters["engine_2_pairs"]["string_value"].split()}
    assert pairs == {*packages.PACKAGES, *(pair[::-1] for pair in packages.PACKAGES)}
