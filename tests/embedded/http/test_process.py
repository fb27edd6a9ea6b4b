"""The server's process: its secrets, what it needs for itself, and how it ends."""

import signal
import subprocess
import threading
import time

import pytest

from tests.support.arango_http import Http, superuser, token
from tests.support.arango_server import FOREVER, SECRET, running_server, until
from workshop.arango import server as arango_server
from workshop.arango.temporary import TemporaryServer


def test_data_outlives_the_process_and_secrets_change(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKSHOP_ARANGO_ROOT_PASSWORD", "one")
    monkeypatch.setenv("WORKSHOP_ARANGO_JWT_SECRET", SECRET)
    with TemporaryServer(tmp_path, password="one", jwt_secret=SECRET, secrets_in_files=False) as server:
        http = Http(server)
        http("POST", "/_api/collection", {"name": "kept"}, status=200)
        http("POST", "/_api/document/kept", {"_key": "a"}, status=202)
        Http(server, token=superuser(server))("GET", "/_api/version", status=200)
    assert "Traceback" not in server.printed()
    monkeypatch.setenv("WORKSHOP_ARANGO_ROOT_PASSWORD", "ignored")
    secret = "a secret from a file, which is longer"
    server = TemporaryServer(tmp_path, password="two\n", jwt_secret=f"{secret}\n")
    try:
        server.start()
        Http(server, password="one").error("GET", "/_api/version", status=401, number=11)
        Http(server, password="ignored").error("GET", "/_api/version", status=401, number=11)
        http = Http(server, password="two")
        assert http("GET", "/_api/document/kept/a", status=200).json()["_key"] == "a"
        Http(server, token=token(secret, preferred_username="root"))("GET", "/_api/version", status=200)
    finally:
        assert server.stop() == 0
    assert "two" not in server.printed()


def test_a_folder_or_port_that_is_in_use(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKSHOP_ARANGO_ROOT_PASSWORD", "one")

    def printed(port, folder):
        command = arango_server.command(port, folder)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        return done.stderr

    with running_server(tmp_path / "a") as server:
        lines = printed(0, server.data).splitlines()
        assert len(lines) == 1 and "in use by another server" in lines[0]
        message = printed(server.port, tmp_path / "b")
        assert f"Port {server.port} of 127.0.0.1 cannot be used" in message
        assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_at_once_although_a_query_runs(tmp_path, number):
    with TemporaryServer(tmp_path) as server:
        http = Http(server)
        http("GET", "/_api/version", status=200)
        status = []

        def run():
            status.append(Http(server)("POST", "/_api/cursor", {"query": FOREVER}).status)

        thread = threading.Thread(target=run)
        thread.start()
        until(lambda: http("GET", "/_api/query/current").json())
        began = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(timeout=30) == 0 and time.monotonic() - began < 8
        thread.join()
        assert status == [410]
    assert "Traceback" not in server.printed()


def test_shutting_down_by_a_request(tmp_path):
    with TemporaryServer(tmp_path) as server:
        assert Http(server)("DELETE", "/_admin/shutdown", status=200).json() == "OK"
        assert server.process.wait(timeout=30) == 0


def test_without_a_password_it_does_not_start(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKSHOP_ARANGO_ROOT_PASSWORD", raising=False)
    command = arango_server.command(0, tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "--root-password-file" in done.stderr
    done = subprocess.run(
        [*command, "--root-password-file", str(tmp_path / "none")], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1 and "cannot be read" in done.stderr
