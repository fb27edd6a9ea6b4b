"""Start, find, wait for and stop the embedded Triton server."""

import contextlib
import dataclasses
import hashlib
import http.client
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import hardware, services, serving
from workshop.triton import configuration, environment, installation, processes

NAME = "triton"
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""What glibc is told, unless the environment says otherwise: keep up to 256 MiB of freed memory for the next request.

By default it may return the tensors of one request to the system, which clears each page anew for the next: a model
process then takes two to four times as long. 32 MiB is the largest threshold that glibc takes. mallopt(3)
"""
NO_ANSWER = (InferenceServerException, OSError, http.client.HTTPException)
"""What the HTTP client raises when a server is not there, or goes while it answers."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What `workshop up triton` can be told. Ports are TCP ports on 127.0.0.1; device is `auto`, `gpu` or `cpu`."""

    model_repository: str = str(settings.MODEL_REPOSITORY)
    http_port: int = services.PORTS[NAME]["http_port"]
    grpc_port: int = services.PORTS[NAME]["grpc_port"]
    metrics_port: int = services.PORTS[NAME]["metrics_port"]
    model_control_mode: str = "explicit"
    device: str = "auto"


def find() -> services.Service | None:
    """The running embedded server, or None."""
    return services.find_running(NAME)


def options(**given: Any) -> Options:
    """What the next start takes: what is given, else the ports of the last start, else the defaults."""
    return Options(**{**services.next_ports(NAME), **given})


def up(
    *,
    models: Sequence[str] | None = None,
    arguments: Sequence[str] = (),
    progress: serving.Progress = lambda seconds, far: None,
    timeout: float | None = None,
    remember: bool = True,
    **wanted: Any,
) -> tuple[services.Service, bool]:
    """Make sure that the embedded server runs; return it, and whether it was started by this call.

    Args:
        models: what a server that is started here loads; by default all that have something to load, but none of the
            course's own, which are loaded by what uses them (`require`).
        arguments: further options of `tritonserver` for a server that is started here, such as `--log-verbose=1`.
        progress: called with the seconds waited so far while the server starts, and how far it is.
        timeout: seconds after which the server is left to go on alone. By default as long as it shows signs of work.
        remember: whether the next start takes these ports too.
        **wanted: fields of `Options`; those left out or None take their defaults, ports those of the last start.

    Raises:
        WorkshopError: a server runs already with other options (it is left as it is), a port is taken, the machine
            lacks something, or the server did not start.
    """
    wanted = {key: value for key, value in wanted.items() if value is not None}
    if "model_repository" in wanted:
        wanted["model_repository"] = str(Path(wanted["model_repository"]).expanduser().resolve())

    def different(running: services.Service) -> list[str]:
        others = [key for key, value in wanted.items() if running.options.get(key) != value]
        return [f"{_option(key)} {settings.shown(str(running.options.get(key)))}" for key in others]

    return serving.up(
        NAME,
        spawn=lambda: _spawn(options(**wanted), given=wanted, models=models, arguments=arguments),
        different=different,
        answers=answers,
        far=loading,
        clean_up=clean_up,
        progress=progress,
        timeout=timeout,
        remember=remember,
    )


def repository(given: Path | str | None = None) -> Path:
    """The model repository that is meant: the one given, else that of the running server, else the course's own.

    Raises:
        WorkshopError: there is no such folder.
    """
    running = None if external() else find()
    folder = Path(given or (running.options["model_repository"] if running else settings.MODEL_REPOSITORY))
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise WorkshopError(f"there is no model repository at {folder}; name one with --model-repository DIR")
    return folder


def _option(field: str) -> str:
    return "--" + field.replace("_", "-")


def _spawn(
    options: Options, given: dict[str, Any], models: Sequence[str] | None, arguments: Sequence[str] = ()
) -> services.Service:
    folder = repository(options.model_repository)
    ports = {name: getattr(options, name) for name in services.PORTS[NAME]}
    if len(set(ports.values())) < len(ports):
        raise WorkshopError("--http-port, --grpc-port and --metrics-port must be three different ports")
    for name, port in ports.items():
        services.require_free(port, _option(name), remembered=name in services.remembered_ports(NAME) and name not in given)
    if options.model_control_mode != "explicit" and (hang := configuration.without_file(folder)):
        raise WorkshopError(
            f"{', '.join(hang)}: the file of a Python model is missing, at which this release waits for ever; add it, move "
            "the folder away, or use --model-control-mode explicit, which leaves it out"
        )
    hardware.require_shared_memory()
    if options.device == "gpu":
        hardware.require_gpu()
    found = installation.find()
    environment = MEMORY | found.environment
    if options.device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return services.spawn(
        NAME,
        [*_command(found, options, models), *arguments],
        environment=environment,
        urls={
            "http": f"127.0.0.1:{options.http_port}",
            "grpc": f"127.0.0.1:{options.grpc_port}",
            "metrics": f"127.0.0.1:{options.metrics_port}",
        },
        options=dataclasses.asdict(options),
    )


def was_ready(service: services.Service) -> bool:
    """Whether a server got through its start: its log says then that HTTP is served."""
    with contextlib.suppress(FileNotFoundError):
        return "Started HTTPService" in Path(service.log).read_text(errors="replace")
    return False


def loading(service: services.Service) -> str:
    """How far a server that starts is, as `12 of 40 models`. It answers only when it is through, so its log is read."""
    try:
        log, command = Path(service.log).read_text(errors="replace"), service.process.cmdline()
    except (FileNotFoundError, AttributeError, psutil.Error):
        return ""
    asked = sum(part.startswith("--load-model=") for part in command)
    whole = asked or sum(path.is_dir() for path in Path(service.options["model_repository"]).iterdir())
    done = set(re.findall(r"successfully loaded '([^']+)'|failed to load '([^']+)'", log))
    return f"{min(len(done), whole)} of {whole} models"


def _command(found: installation.Installation, options: Options, models: Sequence[str] | None = None) -> list[str]:
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
        # Quantiles of latencies, over the last minute of each model: p50 to p99.9. Off unless asked for.
        "--metrics-config=summary_latencies=true",
        f"--cache-directory={found.caches}",
        f"--backend-config=python,shm-region-prefix-name={segment_prefix()}",
    ]
    if options.model_control_mode == "explicit":
        repository = Path(options.model_repository)
        if models is None:
            models = [] if repository == settings.MODEL_REPOSITORY else configuration.loadable(repository)
        command += [f"--load-model={name}" for name in models]
    return command


def answers(service: services.Service) -> bool:
    """Whether a server is ready: it answers, and has loaded its models."""
    with httpclient.InferenceServerClient(service.urls["http"]) as client, contextlib.suppress(*NO_ANSWER):
        return client.is_server_ready()
    return False


def down() -> bool:
    """Stop the embedded server, its model processes and its shared-memory segments; False when none was running."""
    with services.exclusive(NAME):
        running = services.stop_named(NAME)
        clean_up()
        return running


def clean_up() -> None:
    """Remove what a killed server leaves behind: orphaned model processes, shared-memory segments, unpacked environments."""
    prefix = segment_prefix()
    orphans = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(part.startswith(prefix) for part in process.info["cmdline"] or [])
        and processes.STUB in process.info["cmdline"][0]
    ]
    services.end(orphans, 0.0)
    for segment in hardware.SHARED_MEMORY.glob(f"{prefix}*"):
        segment.unlink(missing_ok=True)
    environment.remove_abandoned()


def segment_prefix() -> str:
    """How the names of this checkout's shared-memory segments begin: two checkouts never touch each other's."""
    return f"triton_{hashlib.sha256(str(settings.home()).encode()).hexdigest()[:12]}_"


def http_url() -> str:
    """`host:port` of the server's HTTP endpoint, as `tritonclient.http` wants it.

    `TRITON_URL` names a server that already runs (with or without `http://`); otherwise the embedded server's is given,
    and where it would be started when none runs.
    """
    if url := os.environ.get("TRITON_URL"):
        return host_and_port(url, "TRITON_URL", 8000)
    running = find()
    return running.urls["http"] if running else f"127.0.0.1:{options().http_port}"


def grpc_url() -> str:
    """`host:port` of the gRPC endpoint: `TRITON_GRPC_URL`, else the port after `TRITON_URL`'s, else the embedded one's."""
    if url := os.environ.get("TRITON_GRPC_URL"):
        return host_and_port(url, "TRITON_GRPC_URL", 8001)
    if os.environ.get("TRITON_URL"):
        host, port = http_url().rsplit(":", 1)
        return f"{host}:{int(port) + 1}"
    running = find()
    return running.urls["grpc"] if running else f"127.0.0.1:{options().grpc_port}"


def external() -> bool:
    """Whether `TRITON_URL` names the server to use, so that none has to be started."""
    return bool(os.environ.get("TRITON_URL"))


def host_and_port(url: str, variable: str, default_port: int) -> str:
    """`host:port` of an address with or without scheme and port; `variable` is what named it.

    Raises:
        WorkshopError: it is no address, or one of a scheme that the course does not speak.
    """
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


def version() -> str | None:
    """The version of the server at `http_url()`, or None when it does not answer within five seconds.

    Where `TRITON_URL` names none and the embedded one does not run, nobody is asked: what listens there is not ours.
    """
    if not external() and find() is None:
        return None
    client = httpclient.InferenceServerClient(http_url(), connection_timeout=5.0, network_timeout=5.0)
    try:
        return client.get_server_metadata()["version"] if client.is_server_ready() else None
    except NO_ANSWER:
        return None
    finally:
        client.close()
