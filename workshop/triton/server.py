"""Start, find, wait for and stop the embedded Triton server."""

import contextlib
import dataclasses
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from workshop import recipes, services, settings
from workshop.errors import WorkshopError
from workshop.triton import installation

NAME = "triton"
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""What glibc is told, unless the environment says otherwise: keep up to 256 MiB of freed memory for the next request.

By default it may return the tensors of one request to the system, which clears each page anew for the next: a model
process then takes two to four times as long. 32 MiB is the largest threshold that glibc takes. mallopt(3)
"""
DEADLINE = 180.0
"""Seconds that the server may take to load its models before it is given up."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What `workshop up triton` can be told. Ports are TCP ports on 127.0.0.1; device is `auto`, `gpu` or `cpu`."""

    model_repository: str = str(settings.MODEL_REPOSITORY)
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int = 8002
    model_control_mode: str = "explicit"
    device: str = "auto"


@dataclasses.dataclass(frozen=True)
class Model:
    """One version of one model, as the server's repository index lists it."""

    name: str
    version: str
    state: str
    reason: str


def find() -> services.Service | None:
    """The running embedded server, or None."""
    return services.find_running(NAME)


def up(*, progress: Callable[[float], None] = lambda seconds: None, **wanted: Any) -> tuple[services.Service, bool]:
    """Make sure that the embedded server runs; return it, and whether it was started by this call.

    Args:
        progress: called with the seconds waited so far while the server starts.
        **wanted: fields of `Options`; those left out or None take their defaults.

    Raises:
        WorkshopError: a server runs already with other options (it is left as it is), a port is taken, the machine
            lacks something, or the server did not start.
    """
    wanted = {key: value for key, value in wanted.items() if value is not None}
    if "model_repository" in wanted:
        wanted["model_repository"] = str(Path(wanted["model_repository"]).expanduser().resolve())
    with services.exclusive(NAME):
        running = find()
        if running is not None:
            different = [key for key, value in wanted.items() if running.options.get(key) != value]
            if different:
                now = ", ".join(f"{_option(key)} {settings.shown(str(running.options.get(key)))}" for key in different)
                raise WorkshopError(
                    f"Triton runs already with {now} (pid {running.pid}); nothing was changed. "
                    "`workshop down triton` first, then `workshop up triton` with the new options"
                )
            return running, False
        clean_up()
        return _start(Options(**wanted), progress), True


def _option(field: str) -> str:
    return "--" + field.replace("_", "-")


def _start(options: Options, progress: Callable[[float], None]) -> services.Service:
    repository = Path(options.model_repository)
    if not repository.is_dir():
        raise WorkshopError(f"there is no model repository at {repository}; name one with --model-repository DIR")
    ports = {name: getattr(options, name) for name in ("http_port", "grpc_port", "metrics_port")}
    if len(set(ports.values())) < len(ports):
        raise WorkshopError("--http-port, --grpc-port and --metrics-port must be three different ports")
    for name, port in ports.items():
        services.require_free(port, _option(name))
    installation.require_shared_memory()
    if options.device == "gpu":
        installation.require_gpu()
    found = installation.find()
    environment = MEMORY | found.environment
    if options.device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    service = services.spawn(
        NAME,
        _command(found, options),
        environment=environment,
        urls={
            "http": f"127.0.0.1:{options.http_port}",
            "grpc": f"127.0.0.1:{options.grpc_port}",
            "metrics": f"127.0.0.1:{options.metrics_port}",
        },
        options=dataclasses.asdict(options),
    )
    client = httpclient.InferenceServerClient(service.urls["http"])
    try:
        services.wait_until(lambda: _ready(client), service, deadline=DEADLINE, describe=progress)
    except BaseException:  # Ctrl-C too: what did not come up is not left behind
        services.stop(service)
        clean_up()
        raise
    finally:
        client.close()
    return service


def _command(found: installation.Installation, options: Options) -> list[str]:
    command = [
        str(found.program),
        f"--model-repository={options.model_repository}",
        f"--backend-directory={found.backends}",
        f"--model-control-mode={options.model_control_mode}",
        # One broken model must not keep the others from being served.
        "--exit-on-error=false",
        "--strict-readiness=false",
        "--exit-timeout-secs=10",
        "--http-address=127.0.0.1",
        f"--http-port={options.http_port}",
        "--grpc-address=127.0.0.1",
        f"--grpc-port={options.grpc_port}",
        "--metrics-address=127.0.0.1",
        f"--metrics-port={options.metrics_port}",
        f"--cache-directory={found.caches}",
        f"--backend-config=python,shm-region-prefix-name={segment_prefix()}",
    ]
    if options.model_control_mode == "explicit":
        command += [f"--load-model={name}" for name in loadable_models(Path(options.model_repository))]
    return command


def loadable_models(repository: Path) -> list[str]:
    """The models of a repository that have something to load, sorted.

    A fresh clone holds configurations whose weights are still to be built: asking the server for those would only bring
    errors. An ensemble has nothing in its version folder. A Python model without its file would hang this release.
    """
    to_be_built = recipes.missing() if repository == settings.MODEL_REPOSITORY else []
    return sorted(
        config.parent.name
        for config in repository.glob("*/config.pbtxt")
        if config.parent.name not in to_be_built and _has_files(config.parent, config.read_text())
    )


def _has_files(model: Path, config: str) -> bool:
    if "ensemble_scheduling" in config:
        return True
    python = re.search(r'^\s*backend:\s*"python"', config, re.MULTILINE) and "default_model_filename" not in config
    return any(model.glob("[0-9]*/model.py" if python else "[0-9]*/*"))


def _ready(client: httpclient.InferenceServerClient) -> bool:
    with contextlib.suppress(InferenceServerException, OSError):
        return client.is_server_ready()
    return False


def down() -> bool:
    """Stop the embedded server, its model processes and its shared-memory segments; False when none was running."""
    with services.exclusive(NAME):
        running = services.stop_named(NAME)
        clean_up()
        return running


def clean_up() -> None:
    """Remove what a killed server leaves behind: orphaned model processes and shared-memory segments of this checkout."""
    prefix = segment_prefix()
    orphans = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(part.startswith(prefix) for part in process.info["cmdline"] or [])
        and "triton_python_backend_stub" in process.info["cmdline"][0]
    ]
    services.end(orphans, 0.0)
    for segment in installation.SHARED_MEMORY.glob(f"{prefix}*"):
        segment.unlink(missing_ok=True)


def segment_prefix() -> str:
    """How the names of this checkout's shared-memory segments begin: two checkouts never touch each other's."""
    return f"triton_{hashlib.sha256(str(settings.home()).encode()).hexdigest()[:12]}_"


def http_url() -> str:
    """`host:port` of the server's HTTP endpoint, as `tritonclient.http` wants it.

    `TRITON_URL` names a server that already runs (with or without `http://`); otherwise the embedded server's is given,
    and port 8000 when none runs.
    """
    if url := os.environ.get("TRITON_URL"):
        return _host_and_port(url, "TRITON_URL", 8000)
    running = find()
    return running.urls["http"] if running else f"127.0.0.1:{Options.http_port}"


def grpc_url() -> str:
    """`host:port` of the gRPC endpoint: `TRITON_GRPC_URL`, else the port after `TRITON_URL`'s, else the embedded one's."""
    if url := os.environ.get("TRITON_GRPC_URL"):
        return _host_and_port(url, "TRITON_GRPC_URL", 8001)
    if os.environ.get("TRITON_URL"):
        host, port = http_url().rsplit(":", 1)
        return f"{host}:{int(port) + 1}"
    running = find()
    return running.urls["grpc"] if running else f"127.0.0.1:{Options.grpc_port}"


def external() -> bool:
    """Whether `TRITON_URL` names the server to use, so that none has to be started."""
    return bool(os.environ.get("TRITON_URL"))


def _host_and_port(url: str, variable: str, default_port: int) -> str:
    match = re.fullmatch(r"(?:(\w+)://)?(\[[\da-fA-F:]+\]|[^/:\s]+)(?::(\d+))?/?", url.strip())
    if match is None:
        raise WorkshopError(f"{variable}={url} is no server address; write host:port, for example 127.0.0.1:{default_port}")
    scheme, host, port = match.groups()
    if scheme not in (None, "http", "grpc"):
        raise WorkshopError(
            f"{variable}={url}: the course speaks plain HTTP and gRPC only; open a tunnel "
            f"(ssh -L {default_port}:localhost:{default_port} HOST) and name its local end"
        )
    return f"{host}:{port or default_port}"


def ensure() -> bool:
    """Make sure that a server answers: the one that `TRITON_URL` names, or the embedded one, which is started if need be.

    Returns:
        Whether this call started the embedded server.

    Raises:
        WorkshopError: `TRITON_URL` names a server that does not answer, or the embedded one cannot be started.
    """
    if not external():
        return up()[1]
    if version() is None:
        raise WorkshopError(f"no Triton server answers at {http_url()}, which TRITON_URL names")
    return False


def version() -> str | None:
    """The version of the server that answers at `http_url()` within five seconds, or None when none does."""
    client = httpclient.InferenceServerClient(http_url(), connection_timeout=5.0, network_timeout=5.0)
    try:
        return client.get_server_metadata()["version"] if client.is_server_ready() else None
    except (InferenceServerException, OSError):
        return None
    finally:
        client.close()


def models() -> list[Model]:
    """Every model that the server's repository index lists, sorted by name and version. An unloaded model has no version."""
    client = httpclient.InferenceServerClient(http_url())
    try:
        index = client.get_model_repository_index()
    except (InferenceServerException, OSError) as error:
        raise WorkshopError(f"no Triton server answers at {http_url()} ({error}); start one with `workshop up`") from error
    finally:
        client.close()
    rows = [Model(m["name"], m.get("version", ""), m.get("state", "UNLOADED"), m.get("reason", "")) for m in index]
    return sorted(rows, key=lambda model: (model.name, model.version))


def require(*names: str) -> None:
    """Raise unless the server answers and serves these models; the one call at the top of a notebook.

    Raises:
        WorkshopError: what is missing, and the command that brings it.
    """
    ready = {model.name for model in models() if model.state == "READY"}
    missing = [name for name in names if name not in ready]
    if missing:
        raise WorkshopError(
            f"the Triton server at {http_url()} does not serve {', '.join(missing)}. "
            f"`workshop build {' '.join(missing)}` builds and loads what is missing"
        )
    print(f"Triton answers and serves {', '.join(names) if names else 'what is loaded'}.")
