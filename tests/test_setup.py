"""The way in: setup script, lock file, conda environment, and the command line's manners."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from small_models import workshop

from workshop import settings

ROOT = settings.ROOT
LOCK = (ROOT / "requirements.lock").read_text()


@pytest.fixture
def checkout(tmp_path):
    """What the setup script reads, in a folder of its own."""
    for file in ("requirements.lock", "pyproject.toml", "workshop/triton/libpython.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path


def set_up(checkout, **environment):
    return subprocess.run(
        ["bash", "scripts/setup.sh"], cwd=checkout, env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_without_a_fitting_python_setup_says_so(checkout):
    result = set_up(checkout, PYTHON="/no/such/python")
    assert result.returncode == 1 and "no Python 3.11 or 3.12 with venv found" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_shared_libpython_is_refused_before_anything_is_installed(checkout):
    """A stand-in for such a Python: of the right version, and its own answer to the question for its library."""
    python = checkout / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit 0\nexec {shutil.which("python3")} - <<"END"\n{STATIC}\nEND\n')
    python.chmod(0o755)
    result = set_up(checkout, PYTHON=str(python))
    assert result.returncode == 1 and not (checkout / ".venv").exists()
    assert re.search(r"has no shared libpython3\.\d+\.so\.1\.0.*apt install libpython3", result.stderr)
    assert len(result.stderr.strip().splitlines()) == 1


STATIC = """
import runpy, sys, pathlib
pathlib.Path.exists = lambda path: False
runpy.run_path("workshop/triton/libpython.py", run_name="__main__")
"""


def test_another_architecture_is_sent_to_the_container(checkout):
    (checkout / "uname").write_text("#!/bin/sh\necho Linux aarch64\n")
    (checkout / "uname").chmod(0o755)
    result = set_up(checkout, PATH=f"{checkout}:{os.environ['PATH']}")
    assert result.returncode == 1 and "Linux aarch64: use the container" in result.stderr


def test_nothing_to_do_is_quiet():
    result = subprocess.run(["bash", "scripts/setup.sh"], cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_cpu_build_leaves_out_cuda_packages_and_nothing_else():
    (pattern,) = re.findall(r"grep -vE '([^']+)'", (ROOT / "scripts" / "setup.sh").read_text())
    left_out = {line.split("==")[0] for line in LOCK.splitlines() if re.match(pattern, line)}
    assert {"triton", "nvidia-cublas", "nvidia-nccl-cu13", "cuda-bindings"} <= left_out
    assert all(name == "triton" or name.startswith(("nvidia-", "cuda-")) for name in left_out)
    assert not left_out & {"nvidia-pytriton", "tritonclient"}


def test_the_lock_pins_every_dependency_and_names_no_registry():
    assert "://" not in LOCK and "--" not in LOCK
    assert all("==" in line for line in LOCK.splitlines())
    locked = {line.split("==")[0]: line.split("==")[1].split()[0] for line in LOCK.splitlines()}
    for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        name, version = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?==([\d.]+?)(?:\.\*)?", requirement).groups()
        assert (locked[name] + ".").startswith(version + "."), requirement


def test_conda_installs_from_the_same_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {"pip": ["-r requirements.lock", "-e ."]}


@pytest.mark.parametrize("tool", [["ruff", "check"], ["ruff", "format", "--check"], ["codespell"]], ids=" ".join)
def test_code_and_notebooks_are_tidy(tool):
    program = Path(sys.executable).parent / tool[0]
    result = subprocess.run([program, *tool[1:], "."], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_help_names_every_command():
    text, names = workshop("--help").stdout, "up down status build restore ask run bench doctor"
    assert all(f"\n  {name} " in text for name in names.split())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["build", "nobody"], "nothing builds nobody; there are: sentence_bert"),
        (["run", "77"], "no notebook begins with 77"),
        (["bench", "nothing"], "nothing"),
    ],
)
def test_errors_are_one_line(own_home, arguments, reason):
    result = workshop(*arguments)
    assert result.returncode == 1 and reason in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and result.stderr.startswith("workshop: ")


def test_a_traceback_comes_with_debug(own_home):
    assert "Traceback" in workshop("--debug", "build", "nobody").stderr


def test_status_without_a_server(own_home):
    assert "does not run" in workshop("status").stdout
    status = json.loads(workshop("status", "--json").stdout)["triton"]
    assert status["running"] is False and status["pid"] is None and status["models"] == []


def test_status_shows_address_process_version_and_models(triton_server):
    status = json.loads(workshop("status", "--json").stdout)["triton"]
    assert status["running"] and status["url"] == triton_server and status["version"]
    assert {"sentence_bert", "sentence_embedder"} <= {m["name"] for m in status["models"] if m["state"] == "READY"}
    assert "sentence_embedder" in workshop("status").stdout
