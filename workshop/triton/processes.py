"""The processes behind the models, and the memory that they hold."""

import contextlib
import dataclasses
from collections.abc import Collection, Iterator, Mapping
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


@dataclasses.dataclass(frozen=True)
class Stub:
    """A model process that lives: one instance of one version of one model."""

    process: psutil.Process
    file: Path
    """The file that it serves: in its version's folder, which is a temporary one where the files came with the request to
    load."""
    instance: str
    """`two_0_1` is the second instance of the group `two_0`, which is the first group of the model `two`."""
    created: float
    """When it was started, in seconds since the epoch."""

    def group(self, groups: Collection[str]) -> str | None:
        """Its group among these: an instance has the name of its group, and a number if it is not alone."""
        return next((name for name in (self.instance, self.instance.rpartition("_")[0]) if name in groups), None)

    def serves(self, model: str, version: str, repository: Path, groups: Collection[str]) -> bool:
        """Whether it is of this version of this model, which has these instance groups."""
        if self.file.is_relative_to(repository):
            return self.file.relative_to(repository).parts[:2] == (model, version)
        return self.file.parent.name == version and self.group(groups) is not None


def stubs(service: services.Service) -> list[Stub]:
    """The model processes of a server that live. One that died is a zombie without arguments, or gone."""
    process = service.process
    found = []
    with contextlib.suppress(psutil.Error):
        for one in process.children(recursive=True) if process else []:
            with contextlib.suppress(psutil.Error, OSError):
                if stub := _stub(one):
                    found.append(stub)
    return found


def usage(
    service: services.Service, groups: Mapping[tuple[str, str], Collection[str]] | None = None
) -> dict[tuple[str, str], Usage]:
    """What each version of each model takes, and the server itself, which is `("", "")`.

    Args:
        service: the server.
        groups: the instance groups of the models and versions that are served, by which a process is known whose files came
            with the request to load; without them it is counted under its instance's name.
    """
    found: dict[tuple[str, str], Usage] = {}
    process = service.process
    if process is None:
        return found
    repository = Path(service.options["model_repository"])
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            stub = _stub(one)
            model = next(_owners(stub, repository, groups or {})) if stub else ("", "")
            before = found.get(model, Usage(0, 0))
            found[model] = Usage(before.processes + 1, before.memory + one.memory_full_info().pss)
    return found


def _stub(process: psutil.Process) -> Stub | None:
    command = process.cmdline()
    if len(command) < 4 or STUB not in command[0]:  # fewer while it is being started
        return None
    return Stub(process, Path(command[1]), command[-2], process.create_time())


def _owners(stub: Stub, repository: Path, groups: Mapping[tuple[str, str], Collection[str]]) -> Iterator[tuple[str, str]]:
    """The model that a process serves, and the version: its file lies in their folder, unless it was loaded in memory."""
    if stub.file.is_relative_to(repository):
        yield stub.file.relative_to(repository).parts[:2]
    yield from (model for model, names in groups.items() if stub.serves(*model, repository, names))
    yield stub.instance, stub.file.parent.name
