"""The processes behind the models, and the memory that they hold."""

import contextlib
import dataclasses
import re
from pathlib import Path

import psutil

from workshop.machine import services

STUB = "triton_python_backend_stub"
"""The program of a model process. Its arguments begin with the model's file and end with the name of the instance and the
backend's folder."""


@dataclasses.dataclass(frozen=True)
class Usage:
    """Processes and their proportional memory in bytes: what several share is divided among them (PSS of Linux)."""

    processes: int
    memory: int


def usage(service: services.Service) -> dict[tuple[str, str], Usage]:
    """What each version of each model takes, and the server itself, which is `("", "")`."""
    found: dict[tuple[str, str], Usage] = {}
    process = service.process
    if process is None:
        return found
    repository = Path(service.options["model_repository"])
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            command = one.cmdline()
            model = _model(command, repository) if STUB in command[0] else ("", "")
            before = found.get(model, Usage(0, 0))
            found[model] = Usage(before.processes + 1, before.memory + one.memory_full_info().pss)
    return found


def _model(command: list[str], repository: Path) -> tuple[str, str]:
    """The model that a process serves, and the version: its file lies in their folder, unless it was loaded in memory."""
    file = Path(command[1])
    if file.is_relative_to(repository):
        return file.relative_to(repository).parts[:2]
    return re.sub(r"(_\d+)+$", "", command[-2]), file.parent.name
