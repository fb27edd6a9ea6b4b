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
from collections.abc import Callable
from pathlib import Path

import psutil
import tritonclient.http as httpclient
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from workshop import settings
from workshop.triton import server

SUFFIX = re.compile(r"(_[0-9a-f]{4}_)(\d+)$")
BUILDING = "WORKSHOP_BUILDING"
"""The environment variable that `workshop build` sets: then a lesson's cells make the course's own models."""


def name(model: str) -> str:
    """The model's name with this kernel's suffix, as in `demo_scale_3f2a_4711`."""
    return f"{model}{_machine()}{os.getpid()}"


def folder(model: str) -> Path:
    """The folder of the model repository that a lesson writes its model into; the folder's name is the model's.

    It is the kernel's own, `my_NAME_…`, with the committed files of NAME: its configuration (but for the name), those beside
    it, and a Python model's program. Under `workshop build` it is NAME itself.
    """
    committed = settings.MODEL_REPOSITORY / model
    if os.environ.get(BUILDING):
        return committed
    remove_abandoned()
    own = settings.MODEL_REPOSITORY / name(f"my_{model}")
    own.mkdir(exist_ok=True)
    for file in (*committed.glob("*.*"), *committed.glob("*/model.py")):
        copy = own / file.relative_to(committed)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(file, copy)
    config = text_format.Parse((committed / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    config.ClearField("name")
    (own / "config.pbtxt").write_text(text_format.MessageToString(config))
    return own


def save(file: Path, write: Callable[[str], object]) -> None:
    """Have a model's file written and put into place in one step: who reads it gets the old one or the new, never a part.

    Args:
        file: for example `own.folder("sentence_bert") / "1" / "model.pt"`; its folder is made where it is missing.
        write: called with the path to write to, such as the `save` of a TorchScript module.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    write(str(unfinished))
    unfinished.replace(file)


def remove() -> None:
    """Unload this kernel's models and remove their folders: the last call of a lesson that made any."""
    _remove(lambda model: model.endswith(name("")))


def remove_abandoned() -> list[str]:
    """Unload the models, and remove the folders, of this machine's kernels that have ended; the models' names."""
    return _remove(abandoned)


def abandoned(name: str) -> bool:
    """Whether a name is one that `name` gave to a kernel of this machine which has ended."""
    match = SUFFIX.search(name)
    return match is not None and match[1] == _machine() and not psutil.pid_exists(int(match[2]))


def _remove(chosen: Callable[[str], bool]) -> list[str]:
    loaded = set()
    if server.version() is not None:
        client = httpclient.InferenceServerClient(server.http_url())
        # The repository's index has no models that were loaded in memory; the statistics have all that are served.
        loaded = {row["name"] for row in client.get_inference_statistics()["model_stats"] if chosen(row["name"])}
        for model in loaded:
            client.unload_model(model)
        client.close()
    folders = [path for path in settings.MODEL_REPOSITORY.glob("my_*") if chosen(path.name)]
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)  # another kernel may be removing it
    return sorted(loaded | {path.name for path in folders})


@functools.cache
def _machine() -> str:
    return f"_{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:4]}_"
