"""Start, find, wait for and stop the embedded ArangoDB server; where ArangoDB is, embedded or not."""

import dataclasses
import os
import re
import secrets
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import services, serving

NAME = "arango"
PORT = services.PORTS[NAME]["port"]


@dataclasses.dataclass(frozen=True)
class Options:
    """What `workshop up arango` can be told, except for secrets. The port is a TCP port on 127.0.0.1."""

    port: int = PORT
    data_dir: str = ""


def find() -> services.Service | None:
    """The running embedded server, or None."""
    return services.find_running(NAME)


def up(
    *,
    root_password: str | None = None,
    jwt_secret: str | None = None,
    progress: serving.Progress = lambda seconds, far: None,
    timeout: float | None = None,
    remember: bool = True,
    **wanted: Any,
) -> tuple[services.Service, bool]:
    """Make sure that the embedded server runs; return it, and whether it was started by this call.

    Args:
        root_password: password of the user root. Kept in the state folder, mode 0600; made up where none is given.
        jwt_secret: what tokens are signed with, kept in the same way.
        progress: called with the seconds waited so far while the server starts.
        timeout: seconds after which the server is left to go on alone. By default as long as it shows signs of work.
        remember: whether the next start takes this port too.
        **wanted: fields of `Options`; those left out or None take their defaults, the port that of the last start.

    Raises:
        WorkshopError: a server runs already with other options (it is left as it is), the port is taken, the data
            folder cannot be used, or the server did not start.
    """
    wanted = {key: value for key, value in wanted.items() if value is not None}
    if "data_dir" in wanted:
        wanted["data_dir"] = str(Path(wanted["data_dir"]).expanduser().resolve())
    return serving.up(
        NAME,
        spawn=lambda: _spawn(options(**wanted), root_password, jwt_secret, port_given="port" in wanted),
        different=lambda running: _different(running, wanted, root_password, jwt_secret),
        answers=lambda service: available(service.urls["http"]),
        progress=progress,
        timeout=timeout,
        remember=remember,
    )


def options(**given: Any) -> Options:
    """What the next start takes: what is given, else the port of the last start, else the defaults."""
    return Options(**{**services.next_ports(NAME), **given})


def _different(
    running: services.Service, wanted: dict[str, Any], root_password: str | None, jwt_secret: str | None
) -> list[str]:
    others = [f"--{key.replace('_', '-')}" for key, value in wanted.items() if running.options.get(key) != value]
    for name, value in (("root-password", root_password), ("jwt-secret", jwt_secret)):
        if value is not None and value != _secret_file(name).read_text():
            others.append(f"--{name}")
    return [f"another {', '.join(others)}"] if others else []


def _secret_file(name: str) -> Path:
    return services.folder(NAME) / name


def _keep_secret(name: str, given: str | None) -> Path:
    """The file of a secret, mode 0600: what was given, else what is there, else a new one."""
    path = _secret_file(name)
    if given is None and path.exists():
        return path
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(24) if given is None else given)
    return path


def _spawn(options: Options, root_password: str | None, jwt_secret: str | None, *, port_given: bool) -> services.Service:
    services.require_free(options.port, "--port", remembered=not port_given and bool(services.remembered_ports(NAME)))
    data = options.data_dir or str(services.folder(NAME) / "data")
    options = dataclasses.replace(options, data_dir=data)
    password, secret = _keep_secret("root-password", root_password), _keep_secret("jwt-secret", jwt_secret)
    return services.spawn(
        NAME,
        [*command(options.port, data), "--root-password-file", str(password), "--jwt-secret-file", str(secret)],
        environment=environment(),
        urls={"http": f"http://127.0.0.1:{options.port}"},
        options=dataclasses.asdict(options),
    )


def command(port: int, data_dir: Path | str) -> list[str]:
    """The command that serves a data folder on a port; options for the secrets come behind it."""
    return [sys.executable, "-m", "workshop.arango.embedded", "--port", str(port), "--data-dir", str(data_dir)]


def environment() -> dict[str, str]:
    """The environment of that command: it finds this package from whatever folder it is started in."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(settings.ROOT), os.environ.get("PYTHONPATH", "")])}


def available(url: str, timeout: float = 2.0) -> bool:
    """Whether a server answers at this address, within `timeout` seconds."""
    try:
        with urllib.request.urlopen(f"{url}/_admin/server/availability", timeout=timeout) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def down() -> bool:
    """Stop the embedded server; False when none was running. Its data stays."""
    with services.exclusive(NAME):
        return services.stop_named(NAME)


def external() -> bool:
    """Whether `ARANGO_URL` names the server to use, so that none has to be started."""
    return bool(os.environ.get("ARANGO_URL"))


def url() -> str:
    """`http://host:port` of ArangoDB: `ARANGO_URL`, else the embedded server's, else where that would be."""
    if given := os.environ.get("ARANGO_URL"):
        match = re.fullmatch(r"(?:(https?)://)?(\[[\da-fA-F:]+\]|[^/:\s]+)(?::(\d+))?/?", given.strip())
        if match is None:
            raise WorkshopError(f"ARANGO_URL={given} is no server address; write for example http://127.0.0.1:{PORT}")
        scheme, host, port = match.groups()
        return f"{scheme or 'http'}://{host}:{port or PORT}"
    running = find()
    return running.urls["http"] if running else f"http://127.0.0.1:{options().port}"


def credentials() -> tuple[str, str]:
    """User and password: `ARANGO_USER` (default root) and `ARANGO_PASSWORD`, else those of the embedded server."""
    user, password = os.environ.get("ARANGO_USER") or "root", os.environ.get("ARANGO_PASSWORD")
    if password is None and not external() and _secret_file("root-password").exists():
        password = _secret_file("root-password").read_text()
    return user, password or ""
