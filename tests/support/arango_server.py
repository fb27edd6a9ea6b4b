"""An embedded ArangoDB server in a process of its own, for tests."""

import contextlib
import subprocess
import tempfile
import time

from workshop.arango import server
from workshop.machine import services

DEADLINE = 60.0


def start(data_dir, *arguments, password="secret", secret="signing secret of the tests, long enough"):
    """Start a server on a free port; the process, its address and its stderr. It may not answer yet."""
    port = services.free_port()
    command = [*server.command(port, data_dir), *arguments]
    environment = {
        **server.environment(),
        "WORKSHOP_ARANGO_ROOT_PASSWORD": password,
        "WORKSHOP_ARANGO_JWT_SECRET": secret,
    }
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (it goes with the process)
    process = subprocess.Popen(command, env=environment, stderr=errors)
    return process, f"http://127.0.0.1:{port}", errors


def read(errors):
    """What the server wrote to stderr so far."""
    errors.seek(0)
    return errors.read()


def wait(process, url, errors):
    """Wait until the server answers."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}: {read(errors)}")
        if server.available(url):
            return
        time.sleep(0.02)
    raise AssertionError(f"no answer from {url} after {DEADLINE} seconds")


@contextlib.contextmanager
def running_server(data_dir, password="secret", secret="signing secret of the tests, long enough"):
    """A server for the data of a folder; its address. What it wrote to stderr is checked: it must not have failed inside."""
    process, url, errors = start(data_dir, password=password, secret=secret)
    try:
        wait(process, url, errors)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert "Traceback" not in read(errors), read(errors)
