"""A server apart: for one process, with models of its own, gone without a trace afterwards."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import tritonclient.http as httpclient

from tests.support.small_models import ECHO, ECHO_CONFIG
from workshop import triton
from workshop.errors import WorkshopError
from workshop.machine import hardware, services
from workshop.triton import apart, server

ECHOES = {"echo": {"config.pbtxt": ECHO_CONFIG, "1/model.py": ECHO.decode()}}
LEFT_BEHIND = """
import os, signal, sys
from tests.triton.test_apart import ECHOES
from workshop.triton import apart
running = apart.start(ECHOES)
print(running.pid, os.environ["WORKSHOP_HOME"], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A state folder without a server, an address in TRITON_URL, and a folder for temporary files of this test alone."""
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRITON_URL", "127.0.0.1:1")
    monkeypatch.delenv("TRITON_GRPC_URL", raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    apart.stop()


def variables():
    return {name: os.environ.get(name) for name in apart.VARIABLES}


def test_it_serves_its_models_alone_and_leaves_nothing(elsewhere):
    before = variables()
    running = apart.start(ECHOES, arguments=["--metrics-config=summary_latencies=true"])
    assert triton.http_url() == running.urls["http"] != before["TRITON_URL"]
    assert [model.name for model in triton.models()] == ["echo"]
    assert running.process.cmdline()[-1] == "--metrics-config=summary_latencies=true"
    family, prefix = [running.process, *running.process.children(recursive=True)], server.segment_prefix()
    client = httpclient.InferenceServerClient(running.urls["http"])
    assert client.is_model_ready("echo")  # its connection stays open: the end does not wait for it
    assert apart.stop()
    assert not [process for process in family if services.alive(process)]
    assert not list(hardware.SHARED_MEMORY.glob(f"{prefix}*"))
    assert not list((elsewhere / "tmp").glob(f"{apart.PREFIX}*"))
    assert variables() == before
    assert not apart.stop()


def test_another_start_takes_the_place_of_the_first(elsewhere):
    before = variables()
    first = apart.start(ECHOES)
    second = apart.start({"other": ECHOES["echo"]})
    assert not first.running and [model.name for model in triton.models()] == ["other"]
    assert len(list((elsewhere / "tmp").glob(f"{apart.PREFIX}*"))) == 1
    apart.stop()
    assert not second.running and variables() == before


def test_what_does_not_start_leaves_nothing(elsewhere):
    before = variables()
    with pytest.raises(WorkshopError, match="ended while it started"):
        apart.start(ECHOES, arguments=["--no-such-option=1"])
    assert variables() == before
    assert not list((elsewhere / "tmp").glob(f"{apart.PREFIX}*"))


def test_what_a_killed_process_left_is_removed_by_the_next(elsewhere):
    killed = subprocess.run([sys.executable, "-c", LEFT_BEHIND], capture_output=True, text=True, timeout=120)
    pid, home = killed.stdout.split()
    folder = Path(home).parent
    left = psutil.Process(int(pid))
    assert services.alive(left) and folder.parent == elsewhere / "tmp"
    before = variables()
    assert apart.remove_abandoned() == [folder]
    assert not folder.exists() and not services.alive(left)
    assert variables() == before and apart.remove_abandoned() == []


def test_that_of_a_process_which_lives_stays(elsewhere):
    running = apart.start(ECHOES)
    assert apart.remove_abandoned() == [] and running.running
