"""Starting, finding again and stopping the embedded ArangoDB; its secrets; what the commands say when something is wrong."""

import json
import socket
import stat

import arango
import pytest

from tests.support.small_models import workshop
from workshop import arango as course
from workshop.arango import server
from workshop.errors import WorkshopError
from workshop.machine import services


def test_up_answer_again_kill_up_down_twice(own_home):
    port = services.free_port()
    first = workshop("up", "arango", "--port", str(port))
    assert first.returncode == 0, first.stderr
    service = server.find()
    assert f"http://127.0.0.1:{port}" in first.stdout and f"pid {service.pid}" in first.stdout

    database = course.connect()
    assert database.name == "workshop"
    database.create_collection("kept").insert({"_key": "a", "n": 1})

    again = workshop("up", "arango")
    assert again.returncode == 0 and "runs already" in again.stdout and server.find().pid == service.pid
    other = workshop("up", "arango", "--root-password", "another")
    assert other.returncode == 1 and "--root-password" in other.stderr and "nothing was changed" in other.stderr

    status = json.loads(workshop("status", "--json").stdout)["arango"]
    assert status["running"] and status["url"] == f"http://127.0.0.1:{port}" and status["version"].startswith("3.12")
    assert f"pid {service.pid}" in workshop("status").stdout

    process = service.process
    process.kill()
    services.end([process], 10.0)
    assert server.find() is None
    assert workshop("up", "arango", "--port", str(port)).returncode == 0
    assert course.connect().collection("kept").get("a")["n"] == 1

    assert "ArangoDB stopped" in workshop("down", "arango").stdout
    assert "was not running" in workshop("down", "arango").stdout


def test_secrets_are_made_up_kept_and_not_shown(own_home):
    started = workshop("up", "arango", "--port", str(services.free_port()))
    folder = services.folder(server.NAME)
    for name in ("root-password", "jwt-secret"):
        secret = (folder / name).read_text()
        assert len(secret) >= 24 and stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        command = " ".join(server.find().process.cmdline())
        record = (folder / "service.json").read_text()
        for place in (started.stdout, started.stderr, command, record, (folder / "server.log").read_text()):
            assert secret not in place
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700


def test_password_and_data_folder_may_be_given(own_home, tmp_path):
    options = ("--root-password", "walnut", "--data-dir", str(tmp_path / "data"), "--port", str(services.free_port()))
    assert workshop("up", "arango", *options).returncode == 0
    url = server.find().urls["http"]
    assert arango.ArangoClient(hosts=url).db("_system", username="root", password="walnut").collections()
    assert list((tmp_path / "data").iterdir())
    environment = {"ARANGO_URL": url, "ARANGO_PASSWORD": "wrong"}
    refused = workshop("restore", "dump/movies", **environment)
    assert refused.returncode == 1 and "refuses user root" in refused.stderr and "ARANGO_PASSWORD" in refused.stderr
    used = workshop("up", "arango", ARANGO_URL=url, ARANGO_PASSWORD="walnut")
    assert used.returncode == 0 and "nothing to start" in used.stdout


def test_a_taken_port_and_an_absent_server_are_named(own_home, monkeypatch):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = workshop("up", "arango", "--port", str(holder.getsockname()[1]))
    assert taken.returncode == 1 and "is taken" in taken.stderr and "--port" in taken.stderr
    assert len(taken.stderr.strip().splitlines()) == 1
    monkeypatch.setenv("ARANGO_URL", f"127.0.0.1:{services.free_port()}")
    with pytest.raises(WorkshopError, match="no ArangoDB answers"):
        course.connect()
    assert course.version() is None
    absent = workshop("up", "arango")
    assert absent.returncode == 1 and "ARANGO_URL names it" in absent.stderr


def test_addresses(monkeypatch):
    for given, wanted in (("db:9", "http://db:9"), ("https://db", "https://db:8529"), ("http://[::1]:1/", "http://[::1]:1")):
        monkeypatch.setenv("ARANGO_URL", given)
        assert server.url() == wanted
    monkeypatch.setenv("ARANGO_URL", "ftp://db")
    with pytest.raises(WorkshopError, match="no server address"):
        server.url()


def test_options_of_the_other_service_are_refused(own_home):
    wrong = workshop("up", "triton", "--root-password", "x")
    assert wrong.returncode == 2 and "--root-password: not for triton" in wrong.stderr


def test_a_missing_collection_is_named_with_the_remedy(own_home):
    course.up(port=services.free_port())
    with pytest.raises(WorkshopError, match="workshop restore dump/movies"):
        course.require("films")
    asked = workshop("ask")
    assert asked.returncode == 1 and "no films" in asked.stderr and len(asked.stderr.strip().splitlines()) == 1


def test_ctrl_c_while_starting_leaves_nothing(own_home, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "wait_until", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.up(port=services.free_port())
    assert server.find() is None


def test_down_frees_the_port(own_home):
    port = services.free_port()
    course.up(port=port)
    with pytest.raises(WorkshopError, match=f"port {port} is taken"):
        services.require_free(port, "--port")
    server.down()
    services.require_free(port, "--port")
