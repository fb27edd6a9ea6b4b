"""Prometheus and promtool out of Debian: the system's, else unpacked without root into the state folder."""

import contextlib
import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import debian, services

OLDEST = (2, 42)
T = TypeVar("T")


def find() -> dict[str, Path]:
    """The programs `prometheus` and `promtool`.

    Raises:
        WorkshopError: the system's are too old, or there are none and Debian's package cannot be had.
    """
    names = ("prometheus", "promtool")
    installed = {name: Path(path) for name in names if (path := shutil.which(name))}
    if len(installed) == len(names):
        said = subprocess.run([installed["promtool"], "--version"], capture_output=True, text=True).stdout
        version = re.search(r"version (\d+)\.(\d+)", said)
        if tuple(map(int, version.groups())) < OLDEST:
            raise WorkshopError(
                f"Prometheus {version[1]}.{version[2]} is installed; `keep_firing_for` in alerts.yml is known from 2.42 on"
            )
        return installed
    folder = settings.home() / "prometheus"
    unpacked = {name: folder / "usr" / "bin" / name for name in names}
    if not all(path.exists() for path in unpacked.values()):
        # Alone: what it depends on are the fonts and scripts of its pages.
        debian.unpack(folder, [("prometheus",)], title="Prometheus", remedy="apt install prometheus", whole=False)
    return unpacked


class Prometheus:
    """A running Prometheus, asked over its HTTP API."""

    def __init__(self, url: str):
        self.url = url

    def get(self, path: str, **parameters: str) -> dict:
        """What the API answers; an error of it raises `HTTPError`."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def alerts(self) -> dict[tuple[str, str], str]:
        """The state, `pending` or `firing`, of each alert, by its name and its model, empty where it has none."""
        found = self.get("alerts")["alerts"]
        return {(one["labels"]["alertname"], one["labels"].get("model", "")): one["state"] for one in found}


def wait_for(what: Callable[[], T], process: subprocess.Popen | None = None, timeout: float = 60) -> T:
    """The first true value that `what` gives, asked again and again; AssertionError after `timeout` seconds without one."""
    end, last = time.monotonic() + timeout, None
    while time.monotonic() < end:
        assert process is None or process.poll() is None, "the process has ended"
        try:
            if last := what():
                return last
        except OSError as error:  # it does not answer yet, or refuses
            last = error
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout:.0f} s; the last was {last!r}")


@contextlib.contextmanager
def serving(config: Path, data: Path) -> Iterator[Prometheus]:
    """A Prometheus on a free port of 127.0.0.1, ready; it is ended with the block, and its data is the caller's."""
    address = f"127.0.0.1:{services.free_ports(1)[0]}"
    command = [
        find()["prometheus"],
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: urllib.request.urlopen(f"http://{address}/-/ready", timeout=10).status == 200, process)
            yield Prometheus(f"http://{address}")
        finally:
            process.kill()
