"""Starting, finding again and stopping the embedded server, and what it leaves behind: nothing."""

import os
import socket
import stat
from collections import namedtuple
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient

from tests.support.small_models import ECHO_CONFIG, add_model, free_ports, workshop
from workshop.errors import WorkshopError
from workshop.machine import libpython, services
from workshop.triton import configuration, installation, loading, server


def flags(ports):
    return [part for name, port in ports.items() for part in (f"--{name.replace('_', '-')}", str(port))]


def leftovers():
    """Model processes and shared-memory segments of this test's server."""
    prefix = server.segment_prefix()
    stubs = [p for p in psutil.process_iter(["cmdline"]) if any(prefix in part for part in p.info["cmdline"] or [])]
    return [p for p in stubs if "stub" in p.info["cmdline"][0]], list(Path("/dev/shm").glob(f"{prefix}*"))


def test_up_answer_again_kill_up_down_twice(own_home, repository):
    ports = free_ports()
    first = workshop("up", "triton", "--model-repository", str(repository), *flags(ports))
    assert first.returncode == 0, first.stderr
    service = server.find()
    assert f"HTTP 127.0.0.1:{ports['http_port']}" in first.stdout and f"pid {service.pid}" in first.stdout

    for module, name in ((httpclient, "http_port"), (grpcclient, "grpc_port")):
        client = module.InferenceServerClient(f"127.0.0.1:{ports[name]}")
        tensor = module.InferInput("x", [3], "FP32")
        tensor.set_data_from_numpy(np.arange(3, dtype=np.float32))
        np.testing.assert_array_equal(client.infer("echo", [tensor]).as_numpy("y"), [0, 1, 2])
        client.close()

    again = workshop("up", "triton")
    assert again.returncode == 0 and "runs already" in again.stdout and server.find().pid == service.pid

    other = workshop("up", "triton", "--http-port", str(services.free_port()))
    assert other.returncode == 1 and "nothing was changed" in other.stderr
    assert f"--http-port {ports['http_port']}" in other.stderr and len(other.stderr.strip().splitlines()) == 1
    assert server.find().pid == service.pid

    stubs, segments = leftovers()
    assert stubs and segments
    process = service.process
    process.kill()
    services.end([process], 10.0)
    assert server.find() is None

    revived = workshop("up", "triton", "--model-repository", str(repository), *flags(ports))
    assert revived.returncode == 0, revived.stderr
    assert server.find().pid != service.pid
    assert not any(services.alive(stub) for stub in stubs) and not any(segment.exists() for segment in segments)

    assert "stopped" in workshop("down").stdout
    assert leftovers() == ([], [])
    twice = workshop("down", "triton")
    assert twice.returncode == 0 and "was not running" in twice.stdout


def test_orphaned_model_processes_and_segments_are_removed(own_home, repository, monkeypatch):
    """A model process that outlives its server (here: stopped, so that it cannot notice) is found by its segment's name."""
    service, _ = server.up(model_repository=repository, **free_ports())
    stubs, segments = leftovers()
    for stub in stubs:
        stub.suspend()
    service.process.kill()
    server.down()
    assert not any(services.alive(stub) for stub in stubs)
    assert not any(segment.exists() for segment in segments)


def test_a_record_of_a_recycled_pid_is_not_ours(own_home):
    service = services.Service("triton", os.getpid(), 1.0, {}, {}, "")
    assert not service.running


def test_a_taken_port_is_named_with_its_option(own_home, repository):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = free_ports() | {"grpc_port": taken.getsockname()[1]}
        result = workshop("up", "triton", "--model-repository", str(repository), *flags(ports))
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert f"port {ports['grpc_port']} is taken" in result.stderr and "--grpc-port" in result.stderr
    assert server.find() is None


def test_a_broken_model_is_named_and_the_others_are_served(own_home, repository):
    config = """
    platform: "pytorch_libtorch"
    input { name: "x" data_type: TYPE_FP32 dims: [ 2 ] }
    output { name: "y" data_type: TYPE_FP32 dims: [ 2 ] }
    """
    add_model(repository, "broken", config, {"1/model.pt": b"not a model"})
    ports = free_ports()
    result = workshop("up", "triton", "--model-repository", str(repository), *flags(ports))
    assert result.returncode == 1
    assert "broken version 1: " in result.stderr and "model.pt cannot be loaded as TorchScript" in result.stderr
    states = {model.name: model.state for model in loading.models()}
    assert states == {"broken": "UNAVAILABLE", "echo": "READY"}


def test_a_server_that_cannot_start_quotes_its_log(own_home, repository, monkeypatch):
    monkeypatch.setattr(
        server, "_command", lambda found, options, models: [str(found.program), "--model-repository=/no/such/folder"]
    )
    with pytest.raises(WorkshopError, match="ended while it started(.|\n)*/no/such/folder"):
        server.up(model_repository=repository, **free_ports())
    assert server.find() is None and services.find("triton") is None


def test_interrupting_up_leaves_nothing(own_home, repository):
    def interrupt(seconds, far):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.up(model_repository=repository, progress=interrupt, **free_ports())
    assert server.find() is None and leftovers() == ([], [])


def test_missing_repository_and_equal_ports(own_home, repository, tmp_path):
    with pytest.raises(WorkshopError, match="--model-repository"):
        server.up(model_repository=tmp_path / "nowhere")
    with pytest.raises(WorkshopError, match="three different ports"):
        server.up(model_repository=repository, http_port=9000, grpc_port=9000, metrics_port=9001)


FINDS = b"""
import importlib.util
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        found = np.array([importlib.util.find_spec(name) is not None for name in ("my_folder", "json")], np.float32)
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", found)]) for _ in requests]
"""


def test_folders_of_the_state_folder_are_no_modules_of_a_model(own_home, repository):
    """`triton/` in it would hide that a package of this name is missing, as it is beside a torch for CPUs."""
    (own_home / "my_folder").mkdir(parents=True)
    add_model(repository, "finds", ECHO_CONFIG, {"1/model.py": FINDS})
    running, _ = server.up(model_repository=repository, models=["finds"], **free_ports())
    with httpclient.InferenceServerClient(running.urls["http"]) as client:
        tensor = httpclient.InferInput("x", [1], "FP32")
        tensor.set_data_from_numpy(np.zeros(1, np.float32))
        assert client.infer("finds", [tensor]).as_numpy("y").tolist() == [0, 1]


def test_too_little_shared_memory(own_home, repository, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda path: usage(2**22, 0, 2**22))
    with pytest.raises(WorkshopError, match="/dev/shm has 4 MB free .* remount"):
        server.up(model_repository=repository, **free_ports())


def test_a_python_without_shared_libpython(own_home, repository, monkeypatch):
    monkeypatch.setattr(libpython, "find", lambda: None)
    with pytest.raises(WorkshopError, match="has no shared libpython.*apt install libpython"):
        server.up(model_repository=repository, **free_ports())


def test_gpu_is_refused_without_one(own_home, repository, monkeypatch):
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    with pytest.raises(WorkshopError, match="--gpu"):
        server.up(model_repository=repository, device="gpu", **free_ports())


def test_the_state_is_private(own_home, repository):
    server.up(model_repository=repository, **free_ports())
    for path, mode in ((own_home, 0o700), (own_home / "triton" / "service.json", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_only_the_loopback_address_is_bound(own_home, repository):
    service, _ = server.up(model_repository=repository, **free_ports())
    listening = [c.laddr.ip for c in service.process.net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening and {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_freed_memory_is_kept_unless_the_environment_says_otherwise(own_home, repository, monkeypatch):
    name, other = server.MEMORY
    monkeypatch.setenv(other, "1000000")
    service, _ = server.up(model_repository=repository, **free_ports())
    environment = service.process.environ()
    assert (environment[name], environment[other]) == (server.MEMORY[name], "1000000")


def test_a_server_on_path_is_preferred_and_keeps_its_own_backends(own_home, repository, tmp_path, monkeypatch):
    """The layout of NVIDIA's container, made of the wheel's files."""
    wheel = installation.find()
    root = tmp_path / "opt"
    (root / "bin").mkdir(parents=True)
    (root / "backends").symlink_to(wheel.backends)
    (root / "caches").symlink_to(wheel.caches)
    program = root / "bin" / "tritonserver"
    environment = " ".join(f'{name}="{wheel.environment[name]}"' for name in ("LD_LIBRARY_PATH", "PATH"))
    program.write_text(f'#!/bin/sh\n{environment} exec "{wheel.program}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{root / 'bin'}:{os.environ['PATH']}")
    found = installation.find()
    assert (found.source, found.program, found.backends) == ("PATH", program, root / "backends")
    server.up(model_repository=repository, **free_ports())
    assert [(model.name, model.state) for model in loading.models()] == [("echo", "READY")]


@pytest.mark.parametrize(
    ("url", "grpc", "expected"),
    [
        ("gpu.example:9000", None, ("gpu.example:9000", "gpu.example:9001")),
        ("http://gpu.example:9000/", None, ("gpu.example:9000", "gpu.example:9001")),
        ("gpu.example", None, ("gpu.example:8000", "gpu.example:8001")),
        ("http://10.0.0.1:80", "grpc://10.0.0.1:81", ("10.0.0.1:80", "10.0.0.1:81")),
        ("[::1]:9000", None, ("[::1]:9000", "[::1]:9001")),
    ],
)
def test_addresses_with_and_without_scheme(url, grpc, expected, monkeypatch):
    monkeypatch.setenv("TRITON_URL", url)
    monkeypatch.setenv("TRITON_GRPC_URL", grpc) if grpc else monkeypatch.delenv("TRITON_GRPC_URL", raising=False)
    assert (server.http_url(), server.grpc_url()) == expected


@pytest.mark.parametrize("url", ["https://gpu.example", "not an address", "host:port"])
def test_addresses_that_cannot_be_used(url, monkeypatch):
    monkeypatch.setenv("TRITON_URL", url)
    with pytest.raises(WorkshopError, match="TRITON_URL"):
        server.http_url()


def test_an_external_server_is_used_and_none_is_started(own_home, repository, tmp_path, monkeypatch):
    service, _ = server.up(model_repository=repository, **free_ports())
    outside = {"TRITON_URL": f"http://{service.urls['http']}", "WORKSHOP_HOME": str(tmp_path / "other")}
    result = workshop("up", "triton", **outside)
    assert result.returncode == 0 and "nothing to start" in result.stdout
    assert '"external": true' in workshop("status", "--json", **outside).stdout
    absent = workshop("up", "triton", TRITON_URL=f"127.0.0.1:{services.free_port()}", WORKSHOP_HOME=str(tmp_path / "other"))
    assert absent.returncode == 1 and "no Triton answers" in absent.stderr


def test_only_what_can_be_loaded_is_asked_for(repository):
    """A configuration without weights is left out, an ensemble is not."""
    (repository / "unbuilt").mkdir()
    (repository / "unbuilt" / "config.pbtxt").write_text('platform: "pytorch_libtorch"')
    add_model(repository, "fileless", 'backend: "python"', {"1/notes.txt": b""})
    (repository / "both" / "1").mkdir(parents=True)
    (repository / "both" / "config.pbtxt").write_text("ensemble_scheduling { }")
    assert configuration.loadable(repository) == ["both", "echo"]
