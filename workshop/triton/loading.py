"""What the server serves, and loading what is missing."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import tritonclient.http as httpclient

from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import hardware, lost
from workshop.triton import configuration, server

PATIENCE = 300.0
"""Seconds that loading one model may take."""


@dataclasses.dataclass(frozen=True)
class Model:
    """One version of one model, as the server's repository index lists it."""

    name: str
    version: str
    state: str
    reason: str


def models() -> list[Model]:
    """Every model that the server's repository index lists, sorted by name and version. An unloaded model has no version.

    Raises:
        WorkshopError: no server answers; what became of it and how to start it.
    """
    if not server.external() and server.find() is None:
        raise lost.server(server.NAME)
    client = httpclient.InferenceServerClient(server.http_url())
    try:
        index = client.get_model_repository_index()
    except server.NO_ANSWER as error:
        raise lost.server(server.NAME, error) from error
    finally:
        client.close()
    rows = [Model(m["name"], m.get("version", ""), m.get("state", "UNLOADED"), m.get("reason", "")) for m in index]
    if not server.external() and any(not model.version and not model.reason for model in rows):
        refused = _refused()
        rows = [model if model.version else dataclasses.replace(model, reason=refused.get(model.name, "")) for model in rows]
    return sorted(rows, key=lambda model: (model.name, model.version))


def _refused() -> dict[str, str]:
    """Why the embedded server did not look at a model at all; only its log says so, for example of a configuration."""
    running = server.find()
    log = Path(running.log).read_text(errors="replace") if running else ""
    reasons = dict(re.findall(r"Poll failed for model directory '([^']+)': (.*?)\"?$", log, re.MULTILINE))
    for model, reason in reasons.items():
        if "text proto" in reason and (fault := configuration.fault(Path(running.options["model_repository"]) / model)):
            reasons[model] = f"{reason}: {fault}"
    return reasons


def ready() -> set[str]:
    """The names of the models that are served."""
    return {model.name for model in models() if model.state == "READY"}


def needed(names: Iterable[str]) -> list[str]:
    """Models and those that they call, in the order of loading, as the repository of the running server has them."""
    running = None if server.external() else server.find()
    options = running.options if running else {}
    repository = Path(options.get("model_repository") or settings.MODEL_REPOSITORY)
    return configuration.with_called(names, repository, gpu=options.get("device") != "cpu" and hardware.has_gpu())


def load(names: Iterable[str]) -> dict[str, str]:
    """Have the running server load models (explicit mode), in this order; the reason for each that it could not load."""
    problems = {}
    patience = {"network_timeout": PATIENCE, "connection_timeout": PATIENCE}
    with httpclient.InferenceServerClient(server.http_url(), **patience) as client:
        for name in names:
            try:
                client.load_model(name)
            except server.NO_ANSWER as error:
                problems[name] = _first_line(error)
    return problems


def raise_failed(problems: Mapping[str, str]) -> None:
    """Raise when models could not be loaded, with the reason of each by its name."""
    if problems:
        reasons = "\n".join(f"  {name}: {_first_line(reason)}" for name, reason in problems.items())
        raise WorkshopError(f"the server is up, but {len(problems)} model(s) could not be loaded:\n{reasons}")


def require(*names: str) -> None:
    """See to it that the server serves these models and those that they call; the one call at the top of a notebook.

    What is not loaded yet is loaded, and a line says so. From then on a request of this notebook that no server answers
    ends in one line too, and not in a traceback.

    Raises:
        WorkshopError: what is missing, and the command that brings it.
    """
    lost.explain_in_notebooks()
    there = ready()
    missing = [name for name in needed(names) if name not in there]
    if missing:
        print(f"Triton loads {', '.join(missing)} …")
        if problems := load(missing):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
            raise WorkshopError(
                f"the Triton server at {server.http_url()} does not serve {', '.join(problems)} ({reasons}). "
                f"`workshop build {' '.join(problems)}` builds and loads what is missing"
            )
    print(f"Triton at {server.http_url()} answers and serves {', '.join(names) if names else 'what is loaded'}.")


def _first_line(text: object) -> str:
    return (str(text).strip().splitlines() or [""])[0]
