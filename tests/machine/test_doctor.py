"""`workshop doctor`: every check against machines that are not this one."""

import collections
import importlib.metadata
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from workshop import settings
from workshop.machine import doctor, libpython, services

MIB, GIB = 2**20, 2**30
Usage = collections.namedtuple("Usage", "total used free")
Memory = collections.namedtuple("Memory", "total available")
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-manylinux_2_35_x86_64\n"


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    """No server other than the embedded one, and no program on PATH but those that a test puts there."""
    monkeypatch.delenv("TRITON_URL", raising=False)
    monkeypatch.delenv("CXX", raising=False)
    programs: set[str] = set()
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}" if name in programs else None)
    return programs


def answers(monkeypatch, outputs: dict[str, tuple[bool, str]]):
    """Let programs answer: the first key that the command line holds counts."""
    monkeypatch.setattr(doctor, "_run", lambda *command: next(outputs[key] for key in outputs if key in " ".join(command)))


def gpu(name="NVIDIA GeForce RTX 4090", driver="560.35.03", compute=(8, 9)):
    return doctor.Gpu(name, driver, 24564, compute)


# --- system, C library, Python, packages ---


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_machines_with_wheels(monkeypatch, machine):
    monkeypatch.setattr(doctor.platform, "machine", lambda: machine)
    assert doctor.system().level == "ok"


@pytest.mark.parametrize("here", [("Linux", "riscv64"), ("Darwin", "arm64"), ("Windows", "AMD64")])
def test_other_systems_use_the_container(monkeypatch, here):
    monkeypatch.setattr(doctor.platform, "system", lambda: here[0])
    monkeypatch.setattr(doctor.platform, "machine", lambda: here[1])
    found = doctor.system()
    assert found.level == "problem"
    assert here[1] in found.text and "docker compose up" in found.text


def test_what_the_embedded_server_lacks_matters_less_beside_another_server(monkeypatch, plain_machine):
    monkeypatch.setattr(doctor.platform, "machine", lambda: "riscv64")
    monkeypatch.setenv("TRITON_URL", "127.0.0.1:8000")
    assert doctor.system().level == "note"
    monkeypatch.delenv("TRITON_URL")
    plain_machine.add("tritonserver")
    assert doctor.system().level == "note"


@pytest.mark.parametrize(
    ("wheel", "needed"),
    [
        (WHEEL, (2, 35)),
        ("Tag: cp310-abi3-manylinux_2_17_x86_64\nTag: cp310-abi3-manylinux2014_x86_64\n", (2, 17)),
        ("Tag: cp311-cp311-manylinux_2_9_x86_64\nTag: cp311-cp311-manylinux_2_28_x86_64\n", (2, 28)),
        ("Tag: py3-none-any\n", None),
        ("", None),
    ],
)
def test_glibc_of_a_wheel(wheel, needed):
    assert doctor.wheel_glibc(wheel) == needed


def test_the_installed_wheel_names_its_glibc():
    assert doctor.wheel_glibc(importlib.metadata.distribution("nvidia-pytriton").read_text("WHEEL")) == (2, 35)


@pytest.mark.parametrize(
    ("library", "level"),
    [
        (("glibc", "2.34"), "problem"),
        (("glibc", "2.4"), "problem"),
        (("glibc", "2.35"), "ok"),
        (("glibc", "2.100"), "ok"),
        (("", ""), "problem"),
    ],
)
def test_glibc(monkeypatch, library, level):
    monkeypatch.setattr(doctor.platform, "libc_ver", lambda: library)
    found = doctor.glibc()
    assert found.level == level and "2.35" in found.text
    assert level == "ok" or "Ubuntu 22.04" in found.text


def test_glibc_without_the_wheel(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.importlib.metadata, "distribution", missing)
    assert doctor.glibc().level == "note"


@pytest.mark.parametrize("version", ["3.10.12", "3.13.0"])
def test_other_pythons(monkeypatch, version):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: version)
    found = doctor.python()
    assert found.level == "problem" and version in found.text and "./scripts/start.sh" in found.text


def test_python_without_its_library(monkeypatch):
    monkeypatch.setattr(libpython, "find", lambda: None)
    found = doctor.python()
    assert found.level == "problem"
    assert libpython.NAME in found.text and "apt install libpython" in found.text


def test_pins():
    lock = "aiohttp==3.14.5\nappnope==1.0.0 ; sys_platform == 'darwin'\n# numpy==2.0\nnumpy==1.26.4\n"
    assert doctor.pins(lock) == {"aiohttp": "3.14.5", "appnope": "1.0.0", "numpy": "1.26.4"}


def test_the_lock_pins_one_release():
    pinned = doctor.pins(doctor.LOCK.read_text())
    assert pinned["tritonclient"] == doctor.EMBEDDED.server
    assert pinned["nvidia-pytriton"]


@pytest.mark.parametrize("other", ["2.50.0", None])
def test_packages_that_are_not_the_pinned_ones(monkeypatch, other):
    pinned = doctor.pins(doctor.LOCK.read_text())
    monkeypatch.setattr(doctor, "_installed", lambda name: other if name == "tritonclient" else pinned[name])
    found = doctor.packages()
    assert found.level == "problem"
    assert pinned["tritonclient"] in found.text and (other or "missing") in found.text and "./scripts/start.sh" in found.text
    assert "nvidia-pytriton" not in found.text


def test_pinned_packages(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", doctor.pins(doctor.LOCK.read_text()).get)
    found = doctor.packages()
    assert found.level == "ok" and "24.10" in found.text


def test_the_age_of_the_server_is_told(monkeypatch, plain_machine):
    found = doctor.security()
    assert found.level == "note"
    for number in ("CVE-2025-23310", "23316", "23317", "23319", "23334"):
        assert number in found.text
    assert "24.10" in found.text and "127.0.0.1 only" in found.text and "docker compose up" in found.text
    plain_machine.add("tritonserver")
    assert "on PATH" in doctor.security().text
    monkeypatch.setenv("TRITON_URL", "gpu.example:8000")
    assert doctor.security().level == "ok"


# --- shared memory, ports, memory, cores, disk ---


@pytest.mark.parametrize(("free", "level"), [(47, "problem"), (64, "note"), (255, "note"), (256, "ok"), (1024, "ok")])
def test_shared_memory(monkeypatch, free, level):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Usage(2048 * MIB, 0, free * MIB))
    found = doctor.shared_memory()
    assert found.level == level and f"{free:,} MB" in found.text
    assert level == "ok" or "size=1g" in found.text


@pytest.fixture
def default_ports(monkeypatch):
    """Three free ports in place of 8000 to 8002, and no server of ours."""
    ports = services.unused_ports("triton")
    monkeypatch.setattr(services, "next_ports", lambda name: ports)
    monkeypatch.setattr(services, "find_running", lambda name: None)
    return ports


def test_free_ports(default_ports):
    found = doctor.ports()
    assert found.level == "ok" and str(default_ports["grpc_port"]) in found.text


def test_taken_port_is_named_with_its_option(default_ports):
    with socket.create_server(("127.0.0.1", default_ports["grpc_port"])):
        found = doctor.ports()
    assert found.level == "problem"
    assert f"port {default_ports['grpc_port']} is taken" in found.text and "--grpc-port" in found.text
    assert "--http-port" not in found.text and "TRITON_URL" in found.text


def test_ports_of_our_own_server(monkeypatch, default_ports):
    urls = {"http": "127.0.0.1:9000", "grpc": "127.0.0.1:9001", "metrics": "127.0.0.1:9002"}
    monkeypatch.setattr(services, "find_running", lambda name: services.Service("triton", 4711, 0.0, urls, {}, ""))
    with socket.create_server(("127.0.0.1", default_ports["http_port"])):
        found = doctor.ports()
    assert found.level == "ok" and "9001" in found.text and "4711" in found.text


def test_no_ports_are_needed_beside_another_server(monkeypatch, default_ports):
    monkeypatch.setenv("TRITON_URL", "http://triton.example:8000")
    with socket.create_server(("127.0.0.1", default_ports["http_port"])):
        found = doctor.ports()
    assert found.level == "ok" and "triton.example:8000" in found.text


def test_limits_of_a_control_group():
    assert doctor.group_limit("max\n") is None
    assert doctor.group_limit("") is None
    assert doctor.group_limit("4294967296\n") == 4 * GIB
    assert doctor.group_cores("max 100000\n") is None
    assert doctor.group_cores("") is None
    assert doctor.group_cores("150000 100000\n") == 1.5


def test_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: Memory(16 * GIB, 10 * GIB))
    assert doctor.memory() == doctor.Finding("ok", "memory", "10.0 GB available of 16.0 GB")
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: Memory(4 * GIB, 2 * GIB))
    assert doctor.memory().level == "note"


def test_memory_of_a_container(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: Memory(64 * GIB, 60 * GIB))
    (tmp_path / "memory.max").write_text(f"{8 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{6 * GIB}\n")
    assert doctor.memory().level == "note" and "2.0 GB available of 8.0 GB" in doctor.memory().text
    (tmp_path / "memory.stat").write_text(f"anon {2 * GIB}\nfile {4 * GIB}\nfile_mapped 1\n")
    assert doctor.memory().level == "ok" and "6.0 GB available of 8.0 GB" in doctor.memory().text


@pytest.mark.parametrize(
    ("usable", "quota", "level"), [(4, "max 100000", "ok"), (1, "max 100000", "note"), (4, "50000 100000", "note")]
)
def test_cores(monkeypatch, tmp_path, usable, quota, level):
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(doctor, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(usable)))
    found = doctor.cores()
    assert found.level == level and found.text.startswith(f"{usable} usable")
    assert ("limited to the time of 0.5" in found.text) == quota.startswith("50000")


@pytest.mark.parametrize(("free", "level"), [(0.4, "problem"), (3, "note"), (20, "ok")])
def test_disk(monkeypatch, free, level):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Usage(100 * GIB, 0, int(free * GIB)))
    assert doctor.disk().level == level


# --- compiler and docker ---


def test_compiler(monkeypatch, plain_machine):
    assert doctor.compiler().level == "note" and "apt install g++" in doctor.compiler().text
    plain_machine.add("clang++")
    assert doctor.compiler() == doctor.Finding("ok", "C++ compiler", "clang++")


def test_curl(monkeypatch, plain_machine):
    assert doctor.curl().level == "note" and "apt install curl" in doctor.curl().text
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert doctor.curl().level == "ok"


def test_no_docker():
    found = doctor.docker()
    assert found.level == "note" and "not installed" in found.text and "docs.docker.com" in found.text


@pytest.mark.parametrize(
    ("engine", "compose", "says"),
    [
        ((False, "Cannot connect to the Docker daemon"), (True, "2.36.2"), "systemctl start docker"),
        ((False, "permission denied while trying to connect"), (True, "2.36.2"), "usermod"),
        ((True, "28.2.2"), (False, "unknown command"), "docker-compose-v2"),
    ],
)
def test_docker_that_cannot_be_used(monkeypatch, plain_machine, engine, compose, says):
    plain_machine.add("docker")
    answers(monkeypatch, {"docker compose": compose, "docker version": engine})
    found = doctor.docker()
    assert found.level == "note" and says in found.text


def test_docker(monkeypatch, plain_machine):
    plain_machine.add("docker")
    answers(monkeypatch, {"docker compose": (True, "2.36.2"), "docker version": (True, "28.2.2")})
    assert doctor.docker() == doctor.Finding("ok", "docker", "engine 28.2.2, compose 2.36.2")


# --- GPU ---


def test_gpus_are_parsed():
    answer = "NVIDIA H200, 580.95.05, 143771, 9.0\nNVIDIA GB10, 580.95.05, [N/A], 12.1\nTesla V100, 470.57.02, 16160\n"
    assert doctor.parse_gpus(answer) == [
        doctor.Gpu("NVIDIA H200", "580.95.05", 143771, (9, 0)),
        doctor.Gpu("NVIDIA GB10", "580.95.05", None, (12, 1)),
        doctor.Gpu("Tesla V100", "470.57.02", 16160, None),
    ]
    assert doctor.parse_gpus("No devices were found") == []


def test_no_gpu_is_no_problem():
    assert doctor._gpus() == ([], "")
    assert doctor.gpu([]) == doctor.Finding("ok", "NVIDIA GPU", "none; everything runs on the CPU")


def test_driver_that_does_not_answer(monkeypatch, plain_machine):
    plain_machine.add("nvidia-smi")
    answers(monkeypatch, {"nvidia-smi": (False, "NVIDIA-SMI has failed\nMake sure that …")})
    found = doctor.gpu(*doctor._gpus())
    assert found.level == "note" and "NVIDIA-SMI has failed" in found.text and "drivers" in found.text


def test_driver_too_old_to_tell_the_compute_capability(monkeypatch, plain_machine):
    plain_machine.add("nvidia-smi")
    refusal = 'Field "compute_cap" is not a valid field to query.'
    answers(monkeypatch, {"compute_cap": (False, refusal), "nvidia-smi": (True, "Tesla T4, 470.57.02, 15109")})
    assert doctor._gpus() == ([doctor.Gpu("Tesla T4", "470.57.02", 15109, None)], "")


@pytest.mark.parametrize(
    ("driver", "compute", "level", "says"),
    [
        ("580.65.06", (8, 9), "ok", "fits driver 580.65.06"),
        ("610.43.02", (12, 0), "ok", "fits driver 610.43.02"),
        ("580.65.06", None, "ok", "fits driver"),
        ("575.57.08", (8, 9), "note", "asks for driver 580, not 575.57.08: update it"),
        ("470.57.02", (7, 5), "note", "asks for driver 580"),
        ("580.65.06", (7, 0), "note", "no code for GPUs before Turing"),
    ],
)
def test_container(plain_machine, driver, compute, level, says):
    plain_machine.add("nvidia-ctk")
    found = doctor.gpu_container([gpu(driver=driver, compute=compute)])
    assert found.level == level and says in found.text and doctor.CONTAINER_RELEASE.name in found.text


def test_one_old_gpu_among_others_is_named(plain_machine):
    plain_machine.add("nvidia-ctk")
    both = [gpu(driver="580.95.05"), gpu("Tesla V100-SXM2-16GB", "580.95.05", (7, 0))]
    assert "before Turing" in doctor.gpu_container(both).text


def test_containers_need_the_toolkit():
    found = doctor.gpu_container([gpu(driver="580.65.06")])
    assert found.level == "note" and "Container Toolkit" in found.text


@pytest.mark.parametrize(
    ("driver", "compute", "cuda", "level", "says"),
    [
        ("580.65.06", (8, 9), "13.2.86", "ok", "CUDA 13.2"),
        ("575.57.08", (8, 9), "13.2.86", "note", "needs driver 580"),
        ("575.57.08", (8, 9), "12.9.79", "ok", "CUDA 12.9"),
        ("580.65.06", (7, 0), "13.2.86", "note", "Turing"),
        ("580.65.06", (8, 9), None, "note", "UV_TORCH_BACKEND"),
    ],
)
def test_gpu_of_the_embedded_server(driver, compute, cuda, level, says):
    found = doctor.gpu_embedded([gpu(driver=driver, compute=compute)], cuda)
    assert found.level == level and says in found.text


# --- the whole report ---


def test_programs_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(doctor, "PATIENCE", 0.2)
    assert doctor._run(sys.executable, "-c", "import time; time.sleep(30)") == (False, "no answer within 0 s")
    assert not doctor._run("/nonexistent/program")[0]


def test_a_check_that_fails_leaves_a_note(monkeypatch):
    def disk_usage(path):
        raise PermissionError("not for you")

    monkeypatch.setattr(doctor.shutil, "disk_usage", disk_usage)
    found = {finding.what: finding for finding in doctor.examine()}
    assert found["disk"].level == "note" and "not for you" in found["disk"].text


def test_examine_reports_everything_without_home_paths(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(libpython, "find", lambda: None)
    monkeypatch.setattr(libpython, "MISSING", f"{settings.ROOT}/.venv/bin/python, {tmp_path}/elsewhere/python: no libpython")
    findings = {finding.what: finding for finding in doctor.examine()}
    wanted = [
        "system",
        "glibc",
        "python",
        "packages",
        "security",
        "/dev/shm",
        "ports",
        "memory",
        "CPU cores",
        "disk",
        "C++ compiler",
        "curl",
        "docker",
    ]
    assert list(findings) == [*wanted, "NVIDIA GPU"]
    assert findings["python"].text == ".venv/bin/python, ~/elsewhere/python: no libpython"
    assert not [finding for finding in findings.values() if "\n" in finding.text]


def test_gpu_lines_come_with_a_gpu(monkeypatch):
    monkeypatch.setattr(doctor, "_gpus", lambda: ([gpu()], ""))
    assert {"NVIDIA GPU", "GPU, embedded", "GPU, container"} <= {finding.what for finding in doctor.examine()}


def test_command():
    program = Path(sys.executable).with_name("workshop")
    done = subprocess.run([program, "doctor"], capture_output=True, text=True, timeout=60)
    assert "glibc" in done.stdout and "NVIDIA GPU" in done.stdout and "Traceback" not in done.stderr
    assert (done.returncode == 1) == ("PROBLEM" in done.stdout) == ("problem(s)" in done.stderr)
