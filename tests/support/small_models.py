"""Small model repositories and the `workshop` command, for tests that start servers of their own."""

import io
import os
import subprocess
import sys
from pathlib import Path

import torch

from workshop.arango import server as arango_server
from workshop.machine import services
from workshop.triton import server

ECHO_CONFIG = """
backend: "python"
input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }
"""
ECHO = b"""
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        values = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", value)]) for value in values]
"""


def torchscript(module: torch.nn.Module) -> bytes:
    """A scripted module as the bytes of a model file."""
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(module), buffer)
    return buffer.getvalue()


def add_model(repository: Path, name: str, config: str, files: dict[str, bytes]) -> None:
    """Write one model's folder; the files' names are relative to it."""
    for file, content in files.items():
        path = repository / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (repository / name / "config.pbtxt").write_text(config)


def add_echo(repository: Path, name: str = "echo") -> None:
    """Add a Python model that returns its input; it loads in a fraction of a second."""
    add_model(repository, name, ECHO_CONFIG, {"1/model.py": ECHO})


def free_ports() -> dict[str, int]:
    """A free port for each of the server's endpoints, as options of `server.up`."""
    return services.unused_ports(server.NAME)


def kill_servers() -> None:
    """End the servers of the present state folder without waiting for Triton's orderly end, which takes three seconds."""
    for module in (server, arango_server):
        if running := module.find():
            running.process.kill()
        module.down()


def workshop(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the `workshop` command as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "workshop", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
