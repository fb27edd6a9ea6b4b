"""Models that belong to one kernel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tritonclient.http as httpclient
from click.testing import CliRunner
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from tests.support.small_models import ECHO, ECHO_CONFIG, add_echo, free_ports
from workshop import cli, settings
from workshop.triton import configuration, own, server


@pytest.fixture
def course(repository, monkeypatch):
    """A repository of the course's with one model, `echo`, whose configuration has its name."""
    config = repository / "echo" / "config.pbtxt"
    config.write_text(f'# a comment\nname: "echo"\n{config.read_text()}')
    monkeypatch.setattr(settings, "MODEL_REPOSITORY", repository)
    return repository


def of_ended_process(model):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    return own.name(model).removesuffix(str(os.getpid())) + ended.stdout.strip()


def test_a_folder_has_the_committed_configuration_under_a_name_of_its_own(own_home, course):
    mine = own.folder("echo")
    assert mine.parent == course and mine.name == own.name("my_echo") != "my_echo"
    config = text_format.Parse((mine / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert config.name == "" and config.backend == "python" and config.input[0].name == "x"
    assert (mine / "1" / "model.py").read_bytes() == (course / "echo" / "1" / "model.py").read_bytes()
    assert own.folder("echo") == mine, "a second call keeps the folder"


def test_a_build_makes_the_models_of_the_course(own_home, course, monkeypatch):
    monkeypatch.setenv(own.BUILDING, "1")
    assert own.folder("echo") == course / "echo"


def test_what_an_ended_kernel_left_is_removed_and_nothing_else(own_home, course):
    mine, abandoned = own.folder("echo"), course / of_ended_process("my_echo")
    abandoned.mkdir()
    own.folder("echo")
    assert mine.exists() and (course / "echo").exists() and not abandoned.exists()


def test_up_loads_nothing_of_an_ended_kernel(own_home, course, monkeypatch):
    mine, abandoned = own.folder("echo"), course / of_ended_process("my_echo")
    abandoned.mkdir()
    found = []
    monkeypatch.setattr(server, "up", lambda **_: found.extend(course.iterdir()) or sys.exit(3))
    assert CliRunner().invoke(cli.main, ["up", "triton"]).exit_code == 3
    assert sorted(found) == sorted([course / "echo", mine])


def test_models_in_memory_go_too(own_home, course):
    for model in (own.name("demo"), of_ended_process("demo")):
        add_echo(course, model)
    server.up(model_repository=course, models=configuration.loadable(course), **free_ports())
    client = httpclient.InferenceServerClient(server.http_url())
    config = json_format.MessageToJson(text_format.Parse(ECHO_CONFIG, model_config_pb2.ModelConfig()))
    for model in (own.name("memory"), of_ended_process("memory")):
        client.load_model(model, config=config, files={"file:1/model.py": ECHO})

    def served():
        return {model["name"] for model in client.get_inference_statistics()["model_stats"]}

    assert len(served()) == 5
    own.remove_abandoned()
    assert served() == {"echo", own.name("demo"), own.name("memory")}
    own.remove()
    assert served() == {"echo"}
    client.close()


def test_a_file_is_put_into_place_in_one_step(tmp_path):
    file = tmp_path / "model" / "1" / "model.pt"
    own.save(file, lambda path: Path(path).write_text("old"))
    assert file.read_text() == "old"

    def breaks_off(path):
        Path(path).write_text("a par")
        assert file.read_text() == "old"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        own.save(file, breaks_off)
    assert file.read_text() == "old"
