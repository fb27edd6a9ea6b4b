"""Model processes that die: reported, brought back, watched for, while the other models answer."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
import tritonclient.http as httpclient
from click.testing import CliRunner
from tritonclient.utils import InferenceServerException

from tests.support.small_models import (
    ECHO,
    ECHO_CONFIG,
    add_echo,
    add_model,
    free_ports,
    kill_servers,
    torchscript,
)
from workshop import cli
from workshop.machine import services
from workshop.triton import configuration, healing, loading, processes, server, watching

CALLS = b"""
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        return [self.ask(request) for request in requests]

    def ask(self, request):
        called = pb_utils.InferenceRequest(
            model_name="echo", requested_output_names=["y"], inputs=[pb_utils.get_input_tensor_by_name(request, "x")]
        )
        answer = called.exec()
        if answer.has_error():
            return pb_utils.InferenceResponse(error=answer.error())
        return pb_utils.InferenceResponse([pb_utils.get_output_tensor_by_name(answer, "y")])
"""
ENSEMBLE = """
platform: "ensemble"
input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }
ensemble_scheduling { step {
  model_name: "echo" model_version: -1 input_map { key: "x" value: "x" } output_map { key: "y" value: "y" }
} }
"""
INITIALIZED = """
    def initialize(self, arguments):
        {}

    def execute"""
DIES = ECHO.replace(
    b"    def execute", INITIALIZED.format("threading.Timer(0.3, os._exit, [3]).start()").strip("\n").encode()
)
DIES = b"import os, threading\n" + DIES


def two_of(config):
    return config + "instance_group { count: 2 kind: KIND_CPU }"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with small models of every kind, and the folder of its models."""
    folder = tmp_path_factory.mktemp("heal")
    repository = folder / "models"
    for name in ("echo", "bystander"):
        add_echo(repository, name)
    add_model(repository, "two", two_of(ECHO_CONFIG), {"1/model.py": ECHO})
    add_model(repository, "versions", ECHO_CONFIG + "version_policy { all { } }", {"1/model.py": ECHO, "2/model.py": ECHO})
    add_model(repository, "caller", ECHO_CONFIG, {"1/model.py": CALLS})
    add_model(repository, "both", ENSEMBLE, {"1/.keep": b""})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(folder / "home"))
        for variable in ("TRITON_URL", "TRITON_GRPC_URL"):
            patch.delenv(variable, raising=False)
        server.up(model_repository=repository, **free_ports())
        yield repository
        kill_servers()


@pytest.fixture
def client(served):
    with connect() as client:
        yield client


def connect():
    return httpclient.InferenceServerClient(server.http_url(), network_timeout=60, connection_timeout=60)


def ask(client, model):
    tensor = httpclient.InferInput("x", [2], "FP32")
    tensor.set_data_from_numpy(np.array([1, 2], np.float32))
    return client.infer(model, [tensor]).as_numpy("y").tolist()


def answers(client, model, times=4):
    """Whether a model answers, asked so often that each of its instances is."""
    try:
        return all(ask(client, model) == [1, 2] for _ in range(times))
    except InferenceServerException:
        return False


def pids(model):
    """The processes of a model, the youngest first: those before it was loaded anew may still be leaving."""
    stubs = sorted(processes.stubs(server.find()), key=lambda stub: -stub.created)
    return [stub.process.pid for stub in stubs if stub.instance.startswith(model)]


def kill(model, number=1):
    """End so many of a model's processes at once, as the system does when memory is short."""
    for pid in pids(model)[:number]:
        process = psutil.Process(pid)
        process.kill()
        until(lambda process=process: not services.alive(process))


def until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


@contextlib.contextmanager
def asked_all_the_time(*models):
    """Ask models without a pause, each by a thread of its own; yields the failures and the numbers of answers."""
    over, failed, answered = threading.Event(), [], dict.fromkeys(models, 0)

    def go_on(model):
        with connect() as client:
            while not over.is_set():
                try:
                    ask(client, model)
                    answered[model] += 1
                except Exception as error:  # whatever it is, the request is lost
                    failed.append(f"{model}: {error}")

    threads = [threading.Thread(target=go_on, args=[model]) for model in models]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(answered.values()))
        yield failed, answered
    finally:
        over.set()
        for thread in threads:
            thread.join()


def run(*arguments):
    """The exit code of a command and what it printed."""
    done = CliRunner().invoke(cli.main, arguments)
    return done.exit_code, done.output


def reported(name):
    """What `workshop status --json` says of the versions of a model."""
    code, text = run("status", "--json")
    assert code == 0
    return [model for model in json.loads(text)["triton"]["models"] if model["name"] == name]


def test_nothing_dead(client):
    assert run("heal") == (0, "all is well: every model that is served has its processes\n")
    assert [model["dead_processes"] for model in reported("two")] == [0]
    assert "PROBLEM" not in run("status")[1]


@pytest.mark.parametrize("asked", [True, False], ids=["a request failed", "not asked"])
@pytest.mark.parametrize(("model", "processes_of", "died"), [("echo", 1, 1), ("two", 2, 1), ("two", 2, 2)])
def test_a_dead_process_is_reported_and_healed(client, model, processes_of, died, asked):
    """Once a request has reached a dead process the server does not end the others when it unloads the model."""
    before = set(pids(model))
    kill(model, died)
    if asked:
        until(lambda: not answers(client, model, 1))
    (told,) = reported(model)
    fault = f"{died} of {processes_of} process{'es' * (processes_of > 1)} died"
    assert (told["state"], told["reason"], told["dead_processes"]) == ("READY", fault, died)
    assert client.is_model_ready(model), "the server does not notice"
    shown = run("status")[1]
    assert "READY, DEAD" in shown and f"requests to {model} fail; `workshop heal` brings them back" in shown
    with asked_all_the_time("bystander", "versions") as (failed, answered):
        earlier = dict(answered)
        code, text = run("heal")
        assert code == 0 and f"{model}: unloaded and loaded in" in text and "all is well" in text, text
        assert answers(client, model)
        until(lambda: all(answered[one] > earlier[one] for one in answered))
    assert failed == []
    assert len(pids(model)) == processes_of and not before & set(pids(model)), "what was left over is ended"


def test_a_model_that_others_call(client):
    """An ensemble goes and comes back with its step; a model that calls it by itself is not touched."""
    caller = pids("caller")
    kill("echo")
    until(lambda: not answers(client, "caller", 1) and not answers(client, "both", 1))
    assert list(healing.dead()) == ["echo"]
    code, text = run("heal")
    assert code == 0 and "loaded in" in text and ", and with it both\n" in text
    assert all(answers(client, model) for model in ("echo", "both", "caller")) and pids("caller") == caller


def test_one_of_two_versions(client):
    kill("versions")
    assert sorted(model["dead_processes"] for model in reported("versions")) == [0, 1]
    assert run("heal")[0] == 0
    assert {model["dead_processes"] for model in reported("versions")} == {0} and answers(client, "versions")


def test_a_named_model_is_healed_dead_or_not(client):
    before, others = pids("echo"), pids("two")
    assert run("heal", "echo")[0] == 0
    until(lambda: not set(before) & set(pids("echo")))
    assert len(pids("echo")) == 1 and pids("two") == others
    code, text = run("heal", "nobody")
    assert code == 1 and "nobody: the server does not serve it; `workshop up --models nobody` loads it" in text


def test_another_configuration_survives(client, served):
    own = configuration.as_json(served / "two")
    with loading.configured("two", own | {"parameters": {"colour": {"string_value": "red"}}}):
        before = client.get_model_config("two")
        until(lambda: len(pids("two")) == 2)
        kill("two")
        code, text = run("heal")
        assert code == 0 and "with the configuration that it had, which is not the one of its config.pbtxt" in text
        assert client.get_model_config("two") == before and answers(client, "two")
    assert client.get_model_config("two")["parameters"] == {}


@pytest.mark.parametrize("name", ["memory_3f2a_4711", "echo"], ids=["without a folder", "in place of a folder's"])
@pytest.mark.parametrize(("instances", "died"), [(1, 1), (2, 1)])
def test_files_in_memory(client, served, name, instances, died):
    """The server forgets them when it unloads a model: it is left as it is, and what to do is said."""
    config = configuration.as_json(served / "echo") | {"instance_group": [{"count": instances, "kind": "KIND_CPU"}]}
    client.load_model(name, config=json.dumps(config), files={"file:7/model.py": ECHO})
    try:
        until(lambda: len(pids(name)) == instances)
        assert name not in healing.dead()
        kill(name, died)
        told = next(model for model in reported(name) if model["version"] == "7")
        assert (told["dead_processes"], told["processes"]) == (died, instances - died)
        code, text = run("heal")
        assert code == 1 and f"{name}: the model repository does not have what is served" in text
        assert f"workshop: not all is well: {name}: {died} of {instances} process" in text
        client.unload_model(name)
        client.load_model(name, config=json.dumps(config), files={"file:7/model.py": ECHO})
        assert answers(client, name) and name not in healing.dead()
    finally:
        client.unload_model(name)
        if name == "echo":
            client.load_model(name)


def test_a_model_of_a_backend_in_python(client, served):
    """TorchScript is served by processes too here."""
    config = 'platform: "pytorch_libtorch" {} {} parameters {{ key: "INTRA_OP_THREAD_COUNT" value {{ string_value: "1" }} }}'
    ends = (f'{end} {{ name: "{end.upper()}__0" data_type: TYPE_FP32 dims: [ -1 ] }}' for end in ("input", "output"))
    add_model(served, "script", config.format(*ends), {"1/model.pt": torchscript(torch.nn.Identity())})
    client.load_model("script")
    assert healing.dead() == {} and len(pids("script")) == 1
    kill("script")
    assert healing.dead() == {"script": "1 of 1 process died"}
    assert run("heal")[0] == 0 and len(pids("script")) == 1
    client.unload_model("script")


def test_a_model_that_loads_is_not_reported(client, served, tmp_path):
    """Neither while it is loaded first, nor while more instances of it are."""
    go = tmp_path / "go"
    waits = INITIALIZED.format(f"while not os.path.exists({str(go)!r}): time.sleep(0.02)").strip("\n").encode()
    add_model(served, "waits", ECHO_CONFIG, {"1/model.py": b"import os, time\n" + ECHO.replace(b"    def execute", waits)})

    def while_loading(processes_then, **options):
        def load():
            with connect() as another:
                another.load_model("waits", **options)

        thread = threading.Thread(target=load)
        thread.start()
        until(lambda: len(pids("waits")) >= processes_then)
        assert healing.dead() == {}
        go.touch()
        thread.join()
        assert healing.dead() == {}

    while_loading(1)
    go.unlink()
    more = configuration.as_json(served / "waits") | {"instance_group": [{"count": 3, "kind": "KIND_CPU"}]}
    while_loading(3, config=json.dumps(more))
    until(lambda: len(pids("waits")) == 3)
    kill("waits")
    assert healing.dead() == {"waits": "1 of 3 processes died"}
    client.unload_model("waits")


def test_one_that_cannot_be_loaded_again_is_told(client, served):
    add_echo(served, "breaks")
    client.load_model("breaks")
    (served / "breaks" / "1" / "model.py").write_text("raise RuntimeError('not this time')")
    kill("breaks")
    code, text = run("heal")
    assert (
        code == 1 and "breaks: " in text and "not this time" in text and "not all is well: breaks: not brought back" in text
    )


def test_one_whose_folder_has_gone_is_left(client, served):
    add_echo(served, "goes")
    client.load_model("goes")
    kill("goes")
    shutil.rmtree(served / "goes")
    code, text = run("heal")
    assert code == 1 and "goes: the model repository does not have what is served" in text
    client.unload_model("goes")
    assert "goes" not in healing.dead()


def test_a_server_that_runs_elsewhere(client, monkeypatch, tmp_path):
    """Its processes are not ours to see: nothing is said to be dead or well, and models are healed by name."""
    kill("two")
    monkeypatch.setenv("TRITON_URL", server.http_url())
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("WORKSHOP_HOME", str(tmp_path))
        assert [model["dead_processes"] for model in reported("two")] == [None]
        shown = run("status")[1]
        assert "whether one died is not known" in shown and "DEAD" not in shown
        code, text = run("heal")
        assert code == 1 and "cannot be seen; name the models: `workshop heal MODEL`" in text
        code, text = run("up", "triton", "--watch")
        assert code == 2 and "--watch: not with TRITON_URL" in text
        assert run("heal", "two")[0] == 0 and answers(client, "two")


def test_watching_heals_until_ctrl_c(client):
    """Killed, reported and healed while it is watched, with the time of day; Ctrl-C leaves the server running."""
    pid = server.find().pid
    watch = subprocess.Popen(
        [sys.executable, "-m", "workshop", "up", "triton", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        lines = []
        reader = threading.Thread(target=lambda: [lines.append(line) for line in watch.stdout])
        reader.start()
        until(lambda: any("watching the model processes" in line for line in lines))
        with asked_all_the_time("bystander") as (failed, _):
            kill("two")
            until(lambda: any("two: unloaded and loaded" in line for line in lines))
        assert failed == [] and answers(client, "two")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(30) == 0
        reader.join()
    finally:
        watch.kill()
    text = "".join(lines)
    assert "\nthe watching has ended; the services run on" in text and "Traceback" not in text
    assert all(part[2] == part[5] == ":" for part in (line for line in lines if "two: " in line)), text
    assert server.find().pid == pid and answers(client, "two")


def test_a_model_that_dies_again_and_again_is_given_up(own_home, repository, monkeypatch):
    """One line, while the others are healed; when the server dies the watching ends with a line too."""
    add_model(repository, "dies", ECHO_CONFIG, {"1/model.py": DIES})
    add_model(repository, "fails", ECHO_CONFIG, {"1/model.py": ECHO})
    server.up(model_repository=repository, **free_ports())
    for name, value in {"EVERY": 0.05, "TRIES": 2}.items():
        monkeypatch.setattr(watching, name, value)
    told, ended = [], []

    def watch():
        try:
            watching.watch(told.append)
        except Exception as error:
            ended.append(error)

    def count(text):
        return sum(text in line for line in told)

    (repository / "fails" / "1" / "model.py").write_text("raise RuntimeError('not this time')")
    kill("fails")
    thread = threading.Thread(target=watch)
    thread.start()
    until(lambda: count("dies: given up") and count("fails: given up"))
    assert count("dies: 1 of 1 process died") == 2 and count("dies: unloaded and loaded") == 2
    assert count("not this time") == 2 and count("fails: not loaded") == 1
    kill("echo")
    until(lambda: count("echo: unloaded and loaded"))
    assert count("given up") == 2
    server.find().process.kill()
    thread.join(30)
    assert not thread.is_alive() and "Triton died" in str(ended[0])


def test_a_server_that_is_stopped_ends_the_watching(own_home, repository, monkeypatch):
    monkeypatch.setattr(watching, "EVERY", 0.05)
    server.up(model_repository=repository, **free_ports())
    told = []
    thread = threading.Thread(target=watching.watch, args=[told.append])
    thread.start()
    until(lambda: told)
    server.down()
    thread.join(30)
    assert not thread.is_alive() and "Triton was stopped" in told[-1]


def test_where_models_are_not_loaded_on_request(own_home, repository):
    server.up(model_repository=repository, model_control_mode="poll", **free_ports())
    assert run("heal")[0] == 0
    kill("echo")
    code, text = run("heal")
    assert code == 1 and "echo: 1 of 1 process died" in text and "--model-control-mode poll, in which no model" in text
    assert run("up", "triton", "--watch")[0] == 1


def test_without_a_server(own_home):
    code, text = run("heal")
    assert code == 1 and "Triton does not run" in text
    assert run("up", "arango", "--watch")[0] == 2


@pytest.mark.parametrize(
    ("group", "instances", "present"),
    [
        ({"name": "m_0", "kind": "KIND_CPU", "count": 1, "gpus": []}, ["m_0", "m_0"], 1),
        ({"name": "m_0", "kind": "KIND_CPU", "count": 2, "gpus": []}, ["m_0_0", "m_0_1", "m_0_1"], 2),
        ({"name": "m_0", "kind": "KIND_GPU", "count": 2, "gpus": [0, 1]}, ["m_0_0", "m_0_0", "m_0_1"], 3),
        ({"name": "own", "kind": "KIND_CPU", "count": 2, "gpus": []}, ["own", "own_1"], 2),
    ],
    ids=["left over", "one left over", "two GPUs", "grown in place"],
)
def test_the_instances_that_have_a_process(group, instances, present):
    """Of a name the youngest counts, on GPUs one for each; an instance keeps its name when others are added."""
    stubs = [processes.Stub(SimpleNamespace(), Path("/models/m/1/model.py"), name, 0.0) for name in instances]
    assert healing._present(stubs, [group]) == present


def test_after_five_times_within_a_minute_it_is_enough():
    patience, tried, now = watching.Patience(), [], 100.0
    while not patience.exhausted("m", now):
        if patience.due("m", now):
            patience.tried("m", now)
            tried.append(now - 100)
        now += 0.5
    assert tried == [0, 1, 3, 7, 15] and patience.due("other", now)
    assert not patience.exhausted("m", now + 60)
