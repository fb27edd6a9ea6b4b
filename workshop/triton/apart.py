"""A server of one kernel's own, for experiments that would disturb the course's: it has its own models, ports and options.

It differs from the one that `workshop up` starts in its state folder alone, which is a temporary one: while it runs,
`WORKSHOP_HOME` of this process names that folder, so that all of `workshop.triton` speaks to this server.
"""

import atexit
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from workshop.errors import WorkshopError
from workshop.machine import services
from workshop.triton import server

PREFIX = "workshop_apart_"
"""How the names of the state folders begin; the process id of the kernel follows."""
VARIABLES = ("WORKSHOP_HOME", "TRITON_URL", "TRITON_GRPC_URL")
"""What says which server is meant, and is set aside while the server apart runs."""

_before: dict[str, str | None] = {}


def start(models: Mapping[str, Mapping[str, str]], arguments: Sequence[str] = ()) -> services.Service:
    """Start a server apart, on free ports of 127.0.0.1, and have this process mean it by `workshop.triton`.

    Servers apart of kernels that have ended are removed first, and so is one that this process started before.

    Args:
        models: name → the model's files, as path within its folder → text, `config.pbtxt` among them. All are loaded. Their
            folder is `options["model_repository"]` of what is returned.
        arguments: further options of `tritonserver`, such as `--log-verbose=1`.

    Raises:
        WorkshopError: it did not start. Nothing of it is left.
    """
    stop()
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}_"))
    _before.update({name: os.environ.pop(name, None) for name in VARIABLES})
    os.environ["WORKSHOP_HOME"] = str(folder / "home")
    atexit.register(stop)
    try:
        repository = folder / "models"
        repository.mkdir()
        for name, files in models.items():
            for file, text in files.items():
                path = repository / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        running, _ = server.up(
            model_repository=str(repository),
            models=sorted(models),
            arguments=arguments,
            device="cpu",
            remember=False,
            **services.unused_ports(server.NAME),
        )
    except BaseException:
        stop()
        raise
    return running


def stop() -> bool:
    """End this process's server apart and remove its folder; False when there is none.

    Afterwards `workshop.triton` speaks to the server that it spoke to before.
    """
    if not _before:
        return False
    try:
        _remove(Path(os.environ["WORKSHOP_HOME"]).parent)
    finally:
        for name, value in _before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _before.clear()
        atexit.unregister(stop)
    return True


def remove_abandoned() -> list[Path]:
    """End the servers apart whose kernels have ended without `stop`, killed for example; their folders, which go too."""
    found = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        match = re.match(rf"{PREFIX}(\d+)_", folder.name)
        with contextlib.suppress(FileNotFoundError):  # another kernel may be removing it
            if match and folder.stat().st_uid == os.getuid() and not psutil.pid_exists(int(match[1])):
                with _home(folder / "home"):
                    _remove(folder)
                found.append(folder)
    return found


@contextlib.contextmanager
def _home(home: Path) -> Iterator[None]:
    before = os.environ.get("WORKSHOP_HOME")
    os.environ["WORKSHOP_HOME"] = str(home)
    try:
        yield
    finally:
        os.environ.pop("WORKSHOP_HOME")
        if before is not None:
            os.environ["WORKSHOP_HOME"] = before


def _remove(folder: Path) -> None:
    """End what runs in the state folder within a folder, which `WORKSHOP_HOME` names now, and remove the folder.

    The server is killed: its orderly end waits for connections that are still open, for as long as `--exit-timeout-secs`.
    """
    if running := server.find():
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(running.pid).kill()
    with contextlib.suppress(WorkshopError):
        server.down()
    shutil.rmtree(folder, ignore_errors=True)
