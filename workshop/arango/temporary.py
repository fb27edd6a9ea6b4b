"""An embedded server of its own, on a free port and in a given folder: for benchmarks and tests, apart from the course's."""

import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

import arango
import psutil
from arango.database import StandardDatabase

from workshop.arango import server
from workshop.errors import WorkshopError
from workshop.machine import services

DEADLINE = 60.0
"""Seconds that the server may take to answer."""


class TemporaryServer:
    """A server whose data lie in `folder`; a context manager that starts it and stops it. The folder stays.

    Secrets are made up where none are given. Without `secrets_in_files` the server has only those of its environment.
    """

    def __init__(
        self, folder: Path, *, password: str | None = None, jwt_secret: str | None = None, secrets_in_files: bool = True
    ):
        self.folder = folder
        self.data = folder / "data"
        self.port = services.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.user = "root"
        self.password = secrets.token_urlsafe(12) if password is None else password
        self.jwt_secret = secrets.token_urlsafe(48) if jwt_secret is None else jwt_secret
        self.secrets_in_files = secrets_in_files
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / "server.log"

    def __enter__(self) -> "TemporaryServer":
        """Start the server."""
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the server."""
        self.stop()

    def start(self) -> float:
        """Start the server on what is in its folder; return the seconds until it answers. WorkshopError if it does not."""
        command = server.command(self.port, self.data)
        if self.secrets_in_files:
            for option, secret in (("--root-password-file", self.password), ("--jwt-secret-file", self.jwt_secret)):
                path = self.folder / option.strip("-")
                path.touch(mode=0o600)
                path.write_text(secret)
                command += [option, str(path)]
        began = time.perf_counter()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                env=server.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            while not self.available():
                status = self.process.poll()
                if status is not None or time.perf_counter() - began > DEADLINE:
                    ended = "" if status is None else f", it ended with {status}"
                    raise WorkshopError(f"the server did not start{ended}:\n{self.printed()[-2000:]}")
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise
        return time.perf_counter() - began

    def printed(self) -> str:
        """What the server printed since the folder is used."""
        return self.log.read_text(errors="replace")

    def available(self) -> bool:
        """Whether the server answers."""
        return server.available(self.url, timeout=10.0)

    def stop(self) -> int | None:
        """Ask the server to end, insist after 20 seconds; the status that it ended with, None if none was started."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            return self.kill()
        self.process = None
        return status

    def kill(self) -> int | None:
        """End the server at once (SIGKILL)."""
        if self.process is None:
            return None
        self.process.kill()
        status = self.process.wait()
        self.process = None
        return status

    def connect(self, database: str = "_system", *, timeout: float = 300.0) -> StandardDatabase:
        """A connection of root through python-arango; the database must be there."""
        return arango.ArangoClient(hosts=self.url, request_timeout=timeout).db(database, self.user, self.password)

    def memory(self) -> dict[str, Any]:
        """Resident memory of the server's process in bytes, now and at its greatest."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:"))
        return {"rss_bytes": psutil.Process(self.process.pid).memory_info().rss, "peak_bytes": peak}

    def disk(self) -> int:
        """Bytes of the data folder."""
        return sum(path.stat().st_size for path in self.data.rglob("*") if path.is_file())
