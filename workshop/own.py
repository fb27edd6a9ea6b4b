"""Models that belong to one kernel: two notebooks on one server never overwrite each other's, nor the course's own.

A lesson that loads a model in memory asks for a `name`, one that writes a model into the repository for a `folder`. Both
end in what identifies the kernel: four digits of the machine and the process id. What a kernel leaves behind when it is
restarted is removed by the next one.
"""

import functools
import hashlib
import os
import re
import shutil
import socket
from pathlib import Path

import psutil
import tritonclient.http as httpclient
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from workshop import settings
from workshop.triton import server

BUILDING = "WORKSHOP_BUILDING"
"""The environment variable that `workshop build` sets: then a lesson's cells make the course's own models."""


def name(model: str) -> str:
    """The model's name with this kernel's suffix, as in `demo_scale_3f2a_4711`."""
    return f"{model}{_machine()}{os.getpid()}"


def folder(model: str) -> Path:
    """The folder of the model repository that a lesson writes its model into; the folder's name is the model's.

    It is the kernel's own, `my_NAME_…`, with the committed configuration of NAME (but for its name) and the files beside it.
    Under `workshop build` it is NAME itself.
    """
    committed = settings.MODEL_REPOSITORY / model
    if os.environ.get(BUILDING):
        return committed
    remove_abandoned()
    own = settings.MODEL_REPOSITORY / name(f"my_{model}")
    own.mkdir(exist_ok=True)
    for file in committed.iterdir():
        if file.is_file():
            shutil.copy(file, own)
    config = text_format.Parse((committed / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    config.ClearField("name")
    (own / "config.pbtxt").write_text(text_format.MessageToString(config))
    return own


def remove() -> None:
    """Unload this kernel's models and remove their folders: the last call of a lesson that made any."""
    _remove(lambda machine, pid: machine == _machine() and pid == os.getpid())


def remove_abandoned() -> None:
    """Unload the models, and remove the folders, of this machine's kernels that have ended."""
    _remove(lambda machine, pid: machine == _machine() and not psutil.pid_exists(pid))


def _remove(condemned) -> None:
    def chosen(model: str) -> bool:
        match = re.search(r"(_[0-9a-f]{4}_)(\d+)$", model)
        return match is not None and condemned(match[1], int(match[2]))

    if server.version() is not None:
        client = httpclient.InferenceServerClient(server.http_url())
        # The repository's index has no models that were loaded in memory; the statistics have all that are served.
        for model in {model["name"] for model in client.get_inference_statistics()["model_stats"]}:
            if chosen(model):
                client.unload_model(model)
        client.close()
    for path in settings.MODEL_REPOSITORY.glob("my_*"):
        if chosen(path.name):
            shutil.rmtree(path)


@functools.cache
def _machine() -> str:
    return f"_{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:4]}_"
