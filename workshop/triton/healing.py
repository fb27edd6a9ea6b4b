"""Models whose process has died: finding them and bringing them back.

Release 24.10 does not start a model process again that died: the requests that reach it fail after a second, and the model
counts as ready. A process is missed by comparing the server's children with the instances that a model's configuration asks
for. Unloading and loading the model brings it back.
"""

import contextlib
import dataclasses
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from workshop.errors import WorkshopError, first_line
from workshop.machine import lost, services
from workshop.triton import loading, processes, server

SECOND_LOOK = 0.3
"""Seconds after which a process that is missed is looked for again: a model may just be loading or leaving."""
GRACE = 2.0
"""Seconds from the unloading that the other processes of a model with a dead one have to answer what they are at."""
GRACE_OF_THE_WELL = 10.0
"""The same for a model without a dead one: it waits for its requests by itself."""
IN_MEMORY = "model_config_content_name_ is empty"
"""What the server logs before it loads a model whose files came with the request."""

Tell = Callable[[str], object]


@dataclasses.dataclass(frozen=True)
class Served:
    """One version of a model that is ready, and its processes."""

    name: str
    version: str
    wanted: int
    """The processes that its configuration asks for; 0 where nothing of it runs in a process of its own."""
    died: int
    """How many of them are missing."""
    groups: tuple[str, ...]
    """The names of its instance groups."""
    listed: bool
    """Whether the repository's index lists it. It does not list a model without a folder, loaded with its files."""

    @property
    def fault(self) -> str:
        """What is wrong in a few words; empty where nothing is."""
        return f"{self.died} of {self.wanted} process{'es' if self.wanted > 1 else ''} died" if self.died else ""


def look() -> list[Served]:
    """Every version of every model that the embedded server serves, with what has died of it.

    Only what is missed twice, `SECOND_LOOK` seconds apart, counts as dead.

    Raises:
        WorkshopError: no embedded server answers.
    """
    running = server.find()
    if running is None:
        raise lost.server(server.NAME)
    try:
        with loading.patient_client() as client:
            first = _look(client, running)
            if not any(one.died for one in first):
                return first
            time.sleep(SECOND_LOOK)
            before = {(one.name, one.version): one.died for one in first}
            again = _look(client, running)
    except server.NO_ANSWER as error:
        raise lost.server(server.NAME, error) from error
    return [
        dataclasses.replace(one, died=min(one.died, before.get((one.name, one.version), 0))) if one.died else one
        for one in again
    ]


def dead() -> dict[str, str]:
    """The models of the embedded server with a process that died, and what is wrong with each."""
    found: dict[str, str] = {}
    for one in look():
        if one.died:
            found[one.name] = f"{found[one.name]}, {one.fault}" if one.name in found else one.fault
    return found


def _look(client: httpclient.InferenceServerClient, running: services.Service) -> list[Served]:
    index = client.get_model_repository_index()
    listed = {(row["name"], row["version"]) for row in index if row.get("state") == "READY"}
    known = {row["name"] for row in index}
    # The index leaves out what was loaded without a folder; the statistics have it.
    others = {(row["name"], row["version"]) for row in client.get_inference_statistics()["model_stats"]}
    ready = sorted(listed | {(name, version) for name, version in others if name not in known})
    configs = {name: config for name in {name for name, _ in ready} if (config := _config(client, name)) is not None}
    stubs, repository = processes.stubs(running), Path(running.options["model_repository"])
    based = _python_based(running)
    rows = []
    for name, version in ready:
        config = configs.get(name)
        if config is None or config != _config(client, name):
            continue  # it is just being unloaded or loaded
        groups = config["instance_group"]
        names = tuple(group["name"] for group in groups)
        wanted = sum(group["count"] * _devices(group) for group in groups) if based(config["backend"]) else 0
        own = [stub for stub in stubs if stub.serves(name, version, repository, names)]
        died = max(0, wanted - _present(own, groups))
        rows.append(Served(name, version, wanted, died, names, (name, version) in listed))
    return rows


def _config(client: httpclient.InferenceServerClient, name: str) -> dict[str, Any] | None:
    with contextlib.suppress(InferenceServerException):
        return client.get_model_config(name)
    return None


def _devices(group: Mapping[str, Any]) -> int:
    """Of a group on GPUs every instance is there once on each of them."""
    return max(1, len(group["gpus"])) if group["kind"] == "KIND_GPU" else 1


def _present(stubs: Iterable[processes.Stub], groups: Iterable[Mapping[str, Any]]) -> int:
    """How many of a model's instances have a process.

    Where several have one name, all but one are left over from before the model was loaded anew; while such a one lives, the
    death of its successor goes unnoticed. `heal` leaves none behind.
    """
    devices = {group["name"]: _devices(group) for group in groups}
    names = Counter(stub.instance for stub in stubs)
    group = {stub.instance: stub.group(devices) for stub in stubs}
    return sum(min(number, devices.get(group[name] or "", 1)) for name, number in names.items())


def _python_based(running: services.Service) -> Callable[[str], bool]:
    """Whether a backend of this server runs models in processes: `python`, and those that are a model.py themselves."""
    command = running.process.cmdline() if running.process else []
    folder = next((part.partition("=")[2] for part in command if part.startswith("--backend-directory=")), "")
    return lambda backend: backend == "python" or (Path(folder) / backend / "model.py").exists()


def heal(names: Collection[str], tell: Tell, kept: dict[str, dict[str, Any]] | None = None) -> dict[str, Exception]:
    """Unload and load models; what was done is told, a line for each. Ctrl-C waits until a model is loaded again.

    Ensembles that a model is a step of go and come back with it; models that call it by themselves only wait for it. Once a
    request has reached a dead process the server waits for it for ever, and the model's other processes live on unasked:
    what is left of them is ended here.

    Args:
        names: the models.
        tell: called with each line.
        kept: the configurations of models that were unloaded here and could not be loaded. It is read, and kept up.

    Returns:
        The models that could not be brought back, and why, which has been told.
    """
    running = None if server.external() else server.find()
    kept = {} if kept is None else kept
    failed: dict[str, Exception] = {}
    left: list[tuple[float, list[processes.Stub]]] = []
    with loading.patient_client() as client:
        for name in names:
            began = time.monotonic()
            try:
                with loading.uninterrupted():
                    mine, hurt = _of(running, name, client)
                    note = _reload(client, running, name, mine, kept)
            except (WorkshopError, *server.NO_ANSWER) as error:
                tell(f"{name}: {first_line(error)}")
                failed[name] = error
                continue
            left.append((began + (GRACE if hurt else GRACE_OF_THE_WELL), mine))
            tell(f"{name}: unloaded and loaded in {time.monotonic() - began:.1f} s{note}")
    for until, stubs in sorted(left, key=lambda one: one[0]):
        services.end([stub.process for stub in stubs], until - time.monotonic())
    return failed


def _of(
    running: services.Service | None, name: str, client: httpclient.InferenceServerClient
) -> tuple[list[processes.Stub], bool]:
    """The processes of a model that live, of all its versions, and whether some died."""
    if running is None:
        return [], False
    repository, rows = Path(running.options["model_repository"]), [one for one in _look(client, running) if one.name == name]
    live = [
        stub
        for stub in processes.stubs(running)
        if any(stub.serves(name, one.version, repository, one.groups) for one in rows)
    ]
    return live, any(one.died for one in rows)


def _reload(
    client: httpclient.InferenceServerClient,
    running: services.Service | None,
    name: str,
    mine: list[processes.Stub],
    kept: dict[str, dict[str, Any]],
) -> str:
    """Unload and load one model; what is worth knowing of it, to stand behind the news."""
    served = _config(client, name)
    before = served or kept.get(name)
    if before is None:
        raise WorkshopError(f"the server does not serve it; `workshop up --models {name}` loads it")
    if served and running is not None and _loaded_in_memory(client, running, name, mine):
        raise WorkshopError(
            "the model repository does not have what is served: its files came with the request to load it, or its folder "
            "has gone, and the server forgets them when it unloads it. Nothing was changed: unload it, and load it from "
            "where its files are"
        )
    above = _ensembles_with(client, name)
    kept[name] = before
    if served:
        client.unload_model(name)
    try:
        client.load_model(name)
        same = client.get_model_config(name) == before
    except InferenceServerException:
        same = False
    if not same:
        client.load_model(name, config=json.dumps(before))
    for one in above:
        if not client.is_model_ready(one):
            client.load_model(one)
    kept.pop(name)
    notes = [] if same else ["with the configuration that it had, which is not the one of its config.pbtxt"]
    if above:
        notes.append(f"and with it {', '.join(above)}")
    return ", ".join(["", *notes])


def _ensembles_with(client: httpclient.InferenceServerClient, name: str) -> list[str]:
    """The ensembles that are served and have a model among their steps, each before those that it is a step of."""
    served = {row["name"] for row in client.get_inference_statistics()["model_stats"]}
    steps = {}
    for one in sorted(served):
        ensemble = (_config(client, one) or {}).get("ensemble_scheduling", {})
        steps[one] = {step["model_name"] for step in ensemble.get("step", ())}
    found = [name]
    for one in found:
        found += [other for other in steps if one in steps[other] and other not in found]
    return found[1:]


def _loaded_in_memory(
    client: httpclient.InferenceServerClient, running: services.Service, name: str, mine: Iterable[processes.Stub]
) -> bool:
    """Whether a model's files came with the request to load it: told by its processes, the index, or else by the log."""
    repository = Path(running.options["model_repository"])
    if any(not stub.file.is_relative_to(repository) for stub in mine):
        return True
    if name not in {row["name"] for row in client.get_model_repository_index()}:
        return True
    announced = in_memory = False
    with contextlib.suppress(OSError), open(running.log, errors="replace") as log:
        for line in log:
            if IN_MEMORY in line:
                announced = True
            elif found := re.search(r'"loading: (.+):\d+"', line):
                if found[1] == name:
                    in_memory = announced
                announced = announced and found[1] == name
    return in_memory


def heal_command(names: Collection[str], tell: Tell) -> None:
    """What `workshop heal` does: bring back the models named, or all whose process died.

    Raises:
        WorkshopError: the server takes no such requests, its processes cannot be seen, or a model is not well afterwards.
    """
    if server.external():
        if not names:
            raise WorkshopError(
                "TRITON_URL names the server, and the processes of one that runs elsewhere cannot be seen; name the models: "
                "`workshop heal MODEL` unloads and loads them"
            )
        if server.version() is None:
            raise lost.server(server.NAME)
    with alone():
        found = {} if server.external() else dead()
        for name, fault in found.items():
            tell(f"{name}: {fault}")
        wanted = list(dict.fromkeys(names or found))
        if wanted:
            require_explicit()
        failed = heal(wanted, tell)
        still = dict.fromkeys(failed, "not brought back") | ({} if server.external() else dead())
    if still:
        raise WorkshopError(f"not all is well: {'; '.join(f'{name}: {fault}' for name, fault in still.items())}")
    tell("all is well" if server.external() else "all is well: every model that is served has its processes")


def alone() -> contextlib.AbstractContextManager[None]:
    """Let one command at a time look and heal: two would unload what the other one has just loaded."""
    return services.exclusive("healing")


def require_explicit() -> None:
    """Raise where the server takes no requests to load."""
    running = None if server.external() else server.find()
    mode = running.options["model_control_mode"] if running else "explicit"
    if mode != "explicit":
        raise WorkshopError(
            f"the server runs with --model-control-mode {mode}, in which no model is loaded on request; "
            "`workshop down triton`, then `workshop up triton` with the same options brings back what died"
        )
