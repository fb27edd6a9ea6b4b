"""The way in: setup script, lock file, conda environment, and the command line's manners."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker

from tests.support.small_models import workshop
from workshop import settings

ROOT = settings.ROOT
LOCK = (ROOT / "requirements.lock").read_text()


@pytest.fixture
def checkout(tmp_path):
    """What the setup script reads, in a folder of its own."""
    for file in ("requirements.lock", "pyproject.toml", "workshop/machine/libpython.py"):
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
    assert result.returncode == 1 and "no Python 3.11 or 3.12 with venv at PYTHON=/no/such/python" in result.stderr
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
runpy.run_path("workshop/machine/libpython.py", run_name="__main__")
"""


def program(path, script):
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("machine", "says"), [("riscv64", "this is Linux riscv64: use the container"), ("aarch64", "no Python 3.11 or 3.12")]
)
def test_the_architectures_of_the_wheels_are_taken_and_no_other(checkout, machine, says):
    program(checkout / "uname", f"echo Linux {machine}")
    result = set_up(checkout, PATH=f"{checkout}:{os.environ['PATH']}", PYTHON="/no/such/python")
    assert result.returncode == 1 and says in result.stderr


def wrong_pythons(folder):
    """Stand-ins that come first on PATH: Pythons of other versions, which can do all else."""
    folder.mkdir()
    for name in ("python3.12", "python3.11", "python3", "python"):
        program(folder / name, f'case "$*" in *"(3, 11) <="*) exit 1;; esac\nexec {sys.executable} "$@"')
    (folder / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return f"{folder}:/usr/bin:/bin"


def test_uv_brings_its_own_python_from_a_mirror(checkout, tmp_path):
    """The mirror's archive is laid out as uv's own; in it stands a program that runs this machine's Python."""
    version, data = f"{sys.version_info.major}.{sys.version_info.minor}", f"{sysconfig._get_sysconfigdata_name()}.py"
    files = tmp_path / "archive" / "python"
    (files / "bin").mkdir(parents=True)
    python = Path(sys.executable).resolve()
    without_pip = (
        f'[ "$1 $2" = "-m venv" ] && exec {python} -m venv --without-pip "$3"'  # the packages are not for this test
    )
    program(files / "bin" / f"python{version}", f'{without_pip}\nexec {python} "$@"')
    (files / "lib" / f"python{version}").mkdir(parents=True)
    shutil.copy(Path(sysconfig.get_path("stdlib")) / data, files / "lib" / f"python{version}" / data)
    name = f"cpython-{version}.99-unknown-linux-gnu-install_only.tar.gz"
    mirror = tmp_path / "mirror" / "20990101"
    mirror.mkdir(parents=True)
    with tarfile.open(mirror / name, "w:gz") as archive:
        archive.add(files, "python")
    entry = {
        **{"name": "cpython", "os": "linux", "libc": "gnu", "arch": {"family": platform.machine(), "variant": None}},
        **{"major": 3, "minor": sys.version_info.minor, "patch": 99, "prerelease": "", "variant": None, "build": "20990101"},
        "url": f"https://github.com/astral-sh/python-build-standalone/releases/download/20990101/{name}",
        "sha256": hashlib.sha256((mirror / name).read_bytes()).hexdigest(),
    }
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps({f"cpython-{version}.99-linux-{platform.machine()}-gnu": entry}))
    script = checkout / "scripts" / "setup.sh"
    asked = script.read_text()
    assert asked.count("--no-bin 3.12") == asked.count("--managed-python 3.12") == 1
    script.write_text(re.sub(r"(--no-bin|--managed-python) 3\.12", rf"\1 {version}", asked))
    result = set_up(
        checkout,
        PATH=wrong_pythons(tmp_path / "bin"),
        UV_PYTHON_INSTALL_DIR=str(tmp_path / "pythons"),
        UV_PYTHON_INSTALL_MIRROR=f"file://{tmp_path / 'mirror'}",
        UV_PYTHON_DOWNLOADS_JSON_URL=f"file://{listed}",
    )
    assert "uv brings its own 3.12" in result.stderr, result.stderr
    assert f"creating .venv with Python {version}" in result.stdout and (checkout / ".venv" / "bin" / "python").exists()
    assert [path for path in (tmp_path / "pythons").iterdir() if path.name.startswith(f"cpython-{version}.99-")]


def test_a_mirror_that_has_nothing_is_told_in_one_line(checkout, tmp_path):
    result = set_up(
        checkout,
        PATH=wrong_pythons(tmp_path / "bin"),
        UV_PYTHON_INSTALL_DIR=str(tmp_path / "pythons"),
        UV_PYTHON_INSTALL_MIRROR=f"file://{tmp_path / 'nowhere'}",
        UV_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert result.returncode == 1 and not (checkout / ".venv").exists()
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("setup: uv brought no Python 3.12 (") and "UV_PYTHON_INSTALL_MIRROR" in last


def test_without_uv_and_without_venv_set_up_says_what_to_install(checkout, tmp_path):
    folder = tmp_path / "bin"
    wrong_pythons(folder)
    for name in ("python3.14", "python3.13", "python3.10", "python3", "python"):
        program(folder / name, "exit 1")
    (folder / "uv").unlink()
    result = set_up(checkout, PATH=f"{folder}:/usr/bin:/bin")
    assert result.returncode == 1 and "apt install python3-venv" in result.stderr.strip().splitlines()[-1]


def test_the_lock_has_one_version_of_a_package_for_each_python():
    for version in ("3.11", "3.12"):
        names = [
            line.split("==")[0]
            for line in LOCK.splitlines()
            if not (marker := line.partition(" ; ")[2])
            or Marker(marker).evaluate({"python_full_version": f"{version}.1", "python_version": version})
        ]
        assert len(names) == len(set(names)) and "geventhttpclient" in names


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
