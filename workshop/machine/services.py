"""Background services: start them detached, find them again, stop them with everything that they started.

A service leaves one file in the state folder, `<name>/service.json`. It names the process by id *and* by its time of
creation, so a process id that the system has handed to somebody else is never taken for ours. The ports that it was given
stay in `<name>/ports.json` for the next start, after `stop` too.
"""

import contextlib
import dataclasses
import datetime
import fcntl
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from workshop import settings
from workshop.errors import WorkshopError

PORTS = {
    "triton": {"http_port": 8000, "grpc_port": 8001, "metrics_port": 8002},
    "arango": {"port": 8529},
}
"""The options that are ports, of each service, and the ports unless others are given: TCP on 127.0.0.1."""
STALLED = 120.0
"""Seconds without any sign of work after which a service that starts is taken to hang."""


class StillStarting(WorkshopError):
    """A service is not ready yet; it was left running."""


@dataclasses.dataclass(frozen=True)
class Service:
    """A service that was started by the course, as its file in the state folder describes it."""

    name: str
    pid: int
    created: float
    """Creation time of the process in seconds since the epoch, as the system reports it."""
    urls: dict[str, str]
    options: dict[str, Any]
    log: str

    @property
    def process(self) -> psutil.Process | None:
        """The running process, or None when it has ended."""
        try:
            process = psutil.Process(self.pid)
            return process if abs(process.create_time() - self.created) < 1.0 and alive(process) else None
        except psutil.NoSuchProcess:
            return None

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None


def folder(name: str) -> Path:
    """The state folder of one service, made when it is missing."""
    path = settings.home() / name
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def find(name: str) -> Service | None:
    """The service that was started last under this name, alive or not; None when there is no record of one."""
    try:
        return Service(**json.loads((folder(name) / "service.json").read_text()))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


def find_running(name: str) -> Service | None:
    """The running service of this name, or None."""
    service = find(name)
    return service if service is not None and service.running else None


def find_dead(name: str) -> Service | None:
    """The service of this name that ended by itself, so that its record is still there; None when it runs or was stopped."""
    service = find(name)
    return None if service is None or service.running else service


def died_at(service: Service) -> str:
    """When a service that has ended wrote its last line, as far as its log tells."""
    try:
        return f"{datetime.datetime.fromtimestamp(Path(service.log).stat().st_mtime):%Y-%m-%d %H:%M:%S}"
    except FileNotFoundError:
        return "an unknown time"


def remember_ports(name: str, ports: dict[str, int]) -> None:
    """Keep the ports of a service for its next start."""
    (folder(name) / "ports.json").write_text(json.dumps(ports))


def remembered_ports(name: str) -> dict[str, int]:
    """The ports that a service was last given; empty when none were."""
    try:
        return {key: int(port) for key, port in json.loads((folder(name) / "ports.json").read_text()).items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def next_ports(name: str) -> dict[str, int]:
    """The ports of the next start unless others are given: those of the last start, else the usual ones."""
    return PORTS[name] | remembered_ports(name)


def last_ports(name: str) -> set[int]:
    """The ports at which a service runs, or ran last."""
    service = find(name)
    used = {int(url.rpartition(":")[2]) for url in service.urls.values()} if service else set()
    return used or set(remembered_ports(name).values())


def forget(name: str) -> None:
    """Remove the record of a service that has ended."""
    (folder(name) / "service.json").unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Let one command at a time start or stop a service."""
    with open(folder(name) / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def spawn(
    name: str, command: list[str], *, environment: dict[str, str], urls: dict[str, str], options: dict[str, Any]
) -> Service:
    """Start a command detached from this one, in a session of its own, and leave its record.

    Its output goes to `<name>/server.log` in the state folder; the log before it is kept as `server.log.1`. It works in an
    empty folder: Python looks for modules in the one where a process works, and would take `triton/` for a package.
    """
    log = folder(name) / "server.log"
    empty = folder(name) / "working_folder"
    empty.mkdir(exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=empty,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    service = Service(name, process.pid, psutil.Process(process.pid).create_time(), urls, options, str(log))
    record = folder(name) / "service.json"
    partial = record.with_suffix(".partial")
    partial.write_text(json.dumps(dataclasses.asdict(service), indent=1))
    partial.chmod(0o600)
    partial.replace(record)
    return service


def stop(service: Service, *, patience: float = 20.0) -> None:
    """End a service and its children: asked first, killed after `patience` seconds, its record removed."""
    process = service.process
    if process is not None:
        family = [process]
        with contextlib.suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
            process.terminate()
        end([process], patience)
        end(family, 3.0)
    forget(service.name)


def stop_named(name: str) -> bool:
    """Stop what was started last under this name, if anything; False when it was not running. Needs `exclusive(name)`."""
    service = find(name)
    running = service is not None and service.running
    if service is not None:
        stop(service)
    return running


def alive(process: psutil.Process) -> bool:
    """Whether a process runs. One that has ended and waits for its parent to notice (a zombie) does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def end(processes: list[psutil.Process], patience: float) -> None:
    """Wait for processes to end; kill those that are left after `patience` seconds and wait for them too."""
    left = _wait(processes, patience)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(left, 5.0)


def _wait(processes: list[psutil.Process], patience: float) -> list[psutil.Process]:
    """Wait for processes to end; return those that still run after `patience` seconds."""
    deadline = time.monotonic() + patience
    while (left := [process for process in processes if alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def log_tail(service: Service, lines: int = 12) -> str:
    """The last lines of a service's log, indented for an error message."""
    try:
        text = Path(service.log).read_text(errors="replace").strip().splitlines()[-lines:]
    except FileNotFoundError:
        return "    (no log)"
    return "\n".join(f"    {line if len(line) <= 200 else line[:200] + '…'}" for line in text)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different TCP ports on 127.0.0.1 that nothing listens on."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def unused_ports(name: str) -> dict[str, int]:
    """Ports for a service that nothing listens on, as its options."""
    return dict(zip(PORTS[name], free_ports(len(PORTS[name]))))


def require_free(port: int, option: str, *, remembered: bool = False) -> None:
    """Raise when a port is taken, naming the port, who holds it where that can be seen, and the option.

    `remembered` says that the port was not given now: it is the one of the last start.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return
        except PermissionError as error:
            raise WorkshopError(f"port {port} is reserved for the system; choose one above 1023 with {option} N") from error
        except OSError:
            pass
    last = ", the one of the last start," if remembered else ""
    raise WorkshopError(
        f"port {port}{last} is taken{_holder(port)}; choose another with {option} N, or stop what listens there"
    )


def _holder(port: int) -> str:
    """` by NAME (pid N)` for the process that listens on a port, or an empty string."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def wait_until(
    ready: Callable[[], bool], service: Service, *, describe: Callable[[float], None], timeout: float | None = None
) -> None:
    """Poll `ready()` until it is true, telling `describe` the seconds so far.

    There is no fixed deadline: loading may take long. A service that works is told from one that hangs by its log and by
    what its processes compute and read.

    Raises:
        StillStarting: `timeout` seconds went by, or `STALLED` seconds without a sign of work. The service is left running.
        WorkshopError: the process ended; the message quotes the log.
    """
    began = moved = looked = time.monotonic()
    signs = _signs_of_work(service)
    while not ready():
        if not service.running:
            raise WorkshopError(f"{service.name} ended while it started. Its log says:\n{log_tail(service)}")
        now = time.monotonic()
        if now - looked > min(1.0, STALLED / 4):
            looked, seen = now, _signs_of_work(service)
            if seen != signs:
                moved, signs = now, seen
        if now - moved > STALLED:
            raise StillStarting(_still(service, f"shows no sign of work for {STALLED:.0f} s: it seems to hang"))
        if timeout is not None and now - began > timeout:
            raise StillStarting(_still(service, f"was still starting after {timeout:g} s"))
        describe(now - began)
        time.sleep(0.1)


def _signs_of_work(service: Service) -> tuple[int, int, int]:
    """What grows while a service works: bytes of its log, whole seconds computed and MiB read by it and its children."""
    seconds, read, size = 0.0, 0, 0
    with contextlib.suppress(OSError):
        size = Path(service.log).stat().st_size
    process = service.process
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)] if process else []:
            with contextlib.suppress(psutil.Error):
                times = one.cpu_times()
                seconds += times.user + times.system
                read += one.io_counters().read_chars
    return size, int(seconds), read >> 20


def _still(service: Service, what: str) -> str:
    return (
        f"{service.name} (pid {service.pid}) {what}; it was left running. `workshop up {service.name}` waits on, "
        f"`workshop down {service.name}` stops it. Its log ends:\n{log_tail(service, 4)}"
    )
