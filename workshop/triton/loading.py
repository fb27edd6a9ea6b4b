"""What the server serves, and loading what is missing."""

import contextlib
import dataclasses
import json
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from workshop.errors import WorkshopError, first_line
from workshop.machine import hardware, lost
from workshop.triton import configuration, server

PATIENCE = 300.0
"""Seconds that loading one model may take."""


def patient_client() -> httpclient.InferenceServerClient:
    """A client that waits for as long as loading a model may take."""
    return httpclient.InferenceServerClient(server.http_url(), network_timeout=PATIENCE, connection_timeout=PATIENCE)


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
    gpu = (running is None or running.options["device"] != "cpu") and hardware.has_gpu()
    return configuration.with_called(names, server.repository(), gpu=gpu)


def not_served(names: Iterable[str]) -> list[str]:
    """Those of the models that the server does not serve."""
    there = ready()
    return [name for name in names if name not in there]


def load(names: Iterable[str]) -> dict[str, str]:
    """Have the running server load models (explicit mode), in this order; the reason for each that it could not load."""
    problems = {}
    with patient_client() as client:
        for name in names:
            try:
                client.load_model(name)
            except server.NO_ANSWER as error:
                problems[name] = first_line(error)
    return problems


def load_missing(names: Iterable[str], tell: Callable[[str], object]) -> None:
    """Load those of the models, and of the models that they call, that are not served; a line is told first.

    Raises:
        WorkshopError: what could not be loaded, and the command that brings it.
    """
    missing = not_served(needed(names))
    if not missing:
        return
    tell(f"Triton loads {', '.join(missing)} …")
    if problems := load(missing):
        reasons = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
        raise WorkshopError(
            f"the Triton server at {server.http_url()} does not serve {', '.join(problems)} ({reasons}). "
            f"`workshop build {' '.join(problems)}` builds and loads what is missing"
        )


def raise_failed(problems: Mapping[str, str]) -> None:
    """Raise when models could not be loaded, with the reason of each by its name."""
    if problems:
        reasons = "\n".join(f"  {name}: {first_line(reason)}" for name, reason in problems.items())
        raise WorkshopError(f"the server is up, but {len(problems)} model(s) could not be loaded:\n{reasons}")


def require(*names: str) -> None:
    """See to it that the server serves these models and those that they call; the one call at the top of a notebook.

    What is not loaded yet is loaded, and a line says so. From then on a request of this notebook that no server answers
    ends in one line too, and not in a traceback.

    Raises:
        WorkshopError: what is missing, and the command that brings it.
    """
    lost.explain_in_notebooks()
    load_missing(names, print)
    print(f"Triton at {server.http_url()} answers and serves {', '.join(names) if names else 'what is loaded'}.")


@contextlib.contextmanager
def configured(model: str, config: Mapping[str, Any] | None = None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A model served with other configurations for a while (explicit mode); at the end it has its own again.

    Triton takes the configuration that comes with a request to load in place of config.pbtxt, with no gap in serving. It
    keeps it, too: to load the model without one changes nothing as long as its files are unchanged. So what the file says
    is sent to put things back, and Ctrl-C waits for that.

    Args:
        model: one that the server serves.
        config: one to begin with, as JSON values; without it the model begins as it is in its file.

    Yields:
        A function that loads the model with a configuration: the file's (`configuration.as_json`) with other fields.

    Raises:
        WorkshopError: the server does not load it so.
    """
    own = configuration.as_json(server.repository() / model) | {"name": model}

    def load_with(config: Mapping[str, Any]) -> None:
        with patient_client() as client:
            try:
                client.load_model(model, config=json.dumps({**config, "name": model}))
            except InferenceServerException as error:
                raise WorkshopError(
                    f"the server does not load {model} on request: {error.message()}; it has to run with "
                    "--model-control-mode explicit"
                ) from error

    load_with(own if config is None else config)
    try:
        yield load_with
    finally:
        with uninterrupted():
            load_with(own)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold off Ctrl-C until the end, so that an impatient second one does not keep the server from being put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed.is_set():
        raise KeyboardInterrupt
