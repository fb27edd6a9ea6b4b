"""What is loaded at the start, and how long the start is waited for."""

import json
import signal
import sys

import pytest
import tritonclient.http as httpclient

from tests.support.small_models import ECHO, ECHO_CONFIG, add_echo, add_model, free_ports, workshop
from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import services
from workshop.triton import configuration, loading, server

ONE_LINE = "name: 'words' backend: 'python' max_batch_size: 0  # a comment, single quotes, one line"
COMMENTED = "# ensemble_scheduling: not here\n" + 'backend: "python" # default_model_filename is left alone'
OTHER_FILE = 'backend: "python"\ndefault_model_filename: "own.py"'
TWO_VERSIONS = 'backend: "python"\nversion_policy { all { } }'


@pytest.mark.parametrize(
    ("config", "files", "loaded"),
    [
        (None, ["1/model.py"], True),
        (None, ["1/model.onnx"], True),
        (None, ["notes.txt"], False),
        (None, ["1/.keep"], True),
        (ONE_LINE, ["1/model.py"], True),
        (ONE_LINE, ["1/notes.txt"], False),
        (COMMENTED, ["1/notes.txt"], False),
        (OTHER_FILE, ["1/own.py"], True),
        (OTHER_FILE, ["1/model.py"], False),
        (TWO_VERSIONS, ["1/model.py", "2/notes.txt"], False),
        ('backend: "python"', ["1/notes.txt", "2/model.py"], True),
        ('backend: "python"', ["1/model.py", "2/notes.txt"], False),
        ('backend: "python" version_policy { specific { versions: [ 1 ] } }', ["1/model.py", "2/notes.txt"], True),
        ('platform: "ensemble" ensemble_scheduling { }', [], True),
        ('platform: "pytorch_libtorch"', [], False),
        ('platform: "pytorch_libtorch"', ["1/model.pt"], True),
        ('backend "no colon', ["1/model.py"], True),
        ("a_field_of_later_releases: 3", [], True),
    ],
)
def test_what_has_something_to_load(tmp_path, config, files, loaded):
    """A configuration that cannot be read is handed to the server, which says so."""
    (tmp_path / "m").mkdir()
    add_model(tmp_path, "m", config or "", dict.fromkeys(files, b"x"))
    if config is None:
        (tmp_path / "m" / "config.pbtxt").unlink()
    assert configuration.loadable(tmp_path) == ["m"] * loaded


def test_what_is_no_model_is_left_alone(tmp_path):
    (tmp_path / ".ipynb_checkpoints" / "1").mkdir(parents=True)
    (tmp_path / ".ipynb_checkpoints" / "1" / "x").touch()
    (tmp_path / "README.md").touch()
    assert configuration.loadable(tmp_path) == []


def test_every_model_of_the_course_is_asked_for():
    committed = {path.parent.name for path in settings.MODEL_REPOSITORY.glob("*/config.pbtxt")}
    built = {name for name in committed if any((settings.MODEL_REPOSITORY / name).glob("[0-9]*/*"))}
    assert built <= set(configuration.loadable(settings.MODEL_REPOSITORY))


def test_models_without_configuration_are_served_and_broken_ones_named(own_home, repository):
    model = ECHO.replace(
        b"    def execute",
        b"    @staticmethod\n    def auto_complete_config(config):\n"
        b"        config.add_input({'name': 'x', 'data_type': 'TYPE_FP32', 'dims': [-1]})\n"
        b"        config.add_output({'name': 'y', 'data_type': 'TYPE_FP32', 'dims': [-1]})\n"
        b"        return config\n\n    def execute",
    )
    add_model(repository, "completed", "", {"1/model.py": model})
    (repository / "completed" / "config.pbtxt").unlink()
    add_model(repository, "broken", 'backend: "python"\nnonsense: 3', {"1/model.py": ECHO})
    add_model(repository, "nameless", 'name: "other"\n' + ECHO_CONFIG, {"1/model.py": ECHO})
    add_model(repository, "fileless", ECHO_CONFIG, {"1/notes.txt": b""})
    told = []
    server.up(model_repository=repository, progress=lambda seconds, far: told.append(far), **free_ports())
    found = {model.name: model for model in loading.models()}
    assert {name: model.state for name, model in found.items() if model.state == "READY"} == {
        "completed": "READY",
        "echo": "READY",
    }
    assert "2:1" in found["broken"].reason and "nonsense" in found["broken"].reason
    assert "directory name must equal model name" in found["nameless"].reason
    assert all(far.endswith(" of 4 models") for far in told)


def test_a_python_model_without_its_file_is_refused_where_all_models_are_loaded(own_home, repository):
    add_model(repository, "fileless", ECHO_CONFIG, {"1/notes.txt": b""})
    with pytest.raises(WorkshopError, match="^fileless: the file of a Python model is missing"):
        server.up(model_repository=repository, model_control_mode="poll", **free_ports())


SLOW = """
import pathlib, sys, time
for number in range(int(sys.argv[1])):
    print(f"successfully loaded 'm{number}'", flush=True)
    time.sleep(float(sys.argv[2]))
time.sleep(60)
"""


@pytest.fixture
def slow_start(own_home, repository, monkeypatch):
    """A stand-in for a server that logs that it loaded a model every so often and never answers."""

    def start(count, pause, **options):
        command = [sys.executable, "-c", SLOW, str(count), str(pause), *(f"--load-model=m{n}" for n in range(40))]
        monkeypatch.setattr(server, "_command", lambda found, options, models: command)
        told = []
        with pytest.raises(services.StillStarting) as error:
            server.up(model_repository=repository, progress=lambda s, far: told.append(far), **options, **free_ports())
        return str(error.value), told

    return start


def test_a_server_that_loads_on_is_waited_for_and_one_that_hangs_is_told(slow_start, monkeypatch):
    """It loads for longer than a hang takes to be noticed; it is left running, and the next `up` waits on."""
    monkeypatch.setattr(services, "STALLED", 1.0)
    error, told = slow_start(12, 0.2)
    assert "no sign of work for 1 s" in error and "`workshop down triton` stops it" in error and "'m11'" in error
    assert told[-1] == "12 of 40 models" and len(set(told)) > 3
    assert server.find().running
    with pytest.raises(services.StillStarting):
        server.up()
    assert server.loading(server.find()) == "12 of 40 models"


def test_the_timeout_leaves_the_server_running(slow_start):
    error, _ = slow_start(40, 0.1, timeout=0.5)
    assert "was still starting after 0.5 s" in error and "`workshop up triton` waits on" in error
    assert server.find().running and server.down()


def test_a_configuration_for_a_while(own_home, repository):
    server.up(model_repository=repository, **free_ports())
    own = configuration.as_json(repository / "echo")

    def batch_size():
        with httpclient.InferenceServerClient(server.http_url()) as client:
            return client.get_model_config("echo")["max_batch_size"]

    with loading.configured("echo") as load_with:
        assert batch_size() == 0
        load_with(own | {"max_batch_size": 8})
        assert batch_size() == 8
    with pytest.raises(ZeroDivisionError), loading.configured("echo", own | {"max_batch_size": 4}):
        assert batch_size() == 4
        raise ZeroDivisionError
    assert batch_size() == 0
    with pytest.raises(WorkshopError, match="does not load echo on request"), loading.configured("echo") as load_with:
        load_with(own | {"backend": "none_of_these"})
    assert batch_size() == 0


def test_ctrl_c_waits_until_things_are_put_back():
    done = []
    with pytest.raises(KeyboardInterrupt), loading.uninterrupted():
        signal.raise_signal(signal.SIGINT)
        done.append("put back")
    assert done == ["put back"]
    with loading.uninterrupted():
        done.append("nobody pressed it")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_a_lesson_needs_is_loaded_with_what_it_calls(own_home, repository, capsys):
    calls = ECHO_CONFIG + 'parameters { key: "network" value { string_value: "echo" } }'
    add_model(repository, "caller", calls, {"1/model.py": ECHO})
    server.up(model_repository=repository, models=[], **free_ports())
    assert loading.ready() == set()
    loading.require("caller")
    assert "Triton loads echo, caller …\n" in capsys.readouterr().out and loading.ready() == {"echo", "caller"}
    loading.require("caller")
    assert "loads" not in capsys.readouterr().out
    with pytest.raises(WorkshopError, match=r"does not serve nobody \(.*\). `workshop build nobody` builds"):
        loading.require("nobody")


def test_the_models_that_a_server_is_started_with(own_home, repository):
    ports = [f"--{name.replace('_', '-')}={port}" for name, port in free_ports().items()]
    add_echo(repository, "second")
    assert workshop("up", "triton", "--model-repository", str(repository), "--models", "second", *ports).returncode == 0
    assert loading.ready() == {"second"}
    more = workshop("up", "triton", "--models", "echo")
    assert more.returncode == 0 and loading.ready() == {"second", "echo"}, more.stdout + more.stderr
    told = json.loads(workshop("status", "--json").stdout)["triton"]
    assert told["processes"] == 3 and told["memory_bytes"] > sum(model["memory_bytes"] for model in told["models"]) > 2e6
    assert {model["name"]: model["processes"] for model in told["models"]} == {"echo": 1, "second": 1}
    wrong = workshop("up", "triton", "--models", "ecko")
    assert wrong.returncode == 1 and "there is no ecko" in wrong.stderr and "echo, second" in wrong.stderr


def test_of_the_courses_own_models_none_is_loaded_unasked(own_home, repository, monkeypatch):
    monkeypatch.setattr(settings, "MODEL_REPOSITORY", repository)
    server.up(model_repository=repository, **free_ports())
    assert loading.ready() == set()
