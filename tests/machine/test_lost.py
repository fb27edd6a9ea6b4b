"""Errors of servers and of their clients, as one line: in a notebook, and by the `workshop` command."""

import dataclasses
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import arango as python_arango
import numpy as np
import pytest
import requests
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from arango.http import DefaultHTTPClient
from click.testing import CliRunner
from IPython.core.interactiveshell import InteractiveShell

from tests.support.small_models import add_model, free_ports, workshop
from workshop import arango, cli, triton
from workshop.arango import server as arango_server
from workshop.errors import WorkshopError
from workshop.machine import lost, services
from workshop.triton import server


def caught(call):
    with pytest.raises(Exception) as error:
        call()
    return error.value


def kill(service):
    """End a server at once, and wait until it has ended."""
    process = service.process
    process.kill()
    services.end([process], 10.0)


@pytest.fixture
def ports(own_home):
    """Ports of a Triton and an ArangoDB that ran here once and were stopped."""
    given = free_ports()
    services.remember_ports("triton", given)
    services.remember_ports("arango", {"port": services.free_port()})
    return given


def asks(ports):
    """A request through each client that the notebooks use, none of which is answered."""
    http, grpc = (f"127.0.0.1:{ports[name]}" for name in ("http_port", "grpc_port"))
    store = python_arango.ArangoClient(hosts=arango.url(), http_client=DefaultHTTPClient(retry_attempts=0))
    database = store.db("_system", username="root", password="")
    return {
        "http": ("Triton", lambda: httpclient.InferenceServerClient(http).is_server_live()),
        "grpc": ("Triton", lambda: grpcclient.InferenceServerClient(grpc).get_server_metadata()),
        "requests": ("Triton", lambda: requests.get(f"http://{http}/v2")),
        "urllib": ("Triton", lambda: urllib.request.urlopen(f"http://127.0.0.1:{ports['metrics_port']}/metrics")),
        "python-arango": ("ArangoDB", database.version),
    }


@pytest.mark.parametrize("client", ["http", "grpc", "requests", "urllib", "python-arango"])
def test_a_server_that_does_not_run_is_one_line_whatever_the_client(ports, client):
    title, ask = asks(ports)[client]
    line = str(lost.explain(caught(ask)))
    assert line.startswith(f"{title} does not run") and "\n" not in line
    assert f"`workshop up {'triton' if title == 'Triton' else 'arango'}` starts it" in line


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Can't connect to host(s) within limit (3)", "Can't connect to host(s) within limit (3)"),
        ("x (Caused by E('<c>: Failed to establish: [Errno 111] Connection refused'))", "[Errno 111] Connection refused"),
    ],
)
def test_a_reason_is_quoted_whole(ports, message, reason):
    assert f"({reason})" in str(lost.server("triton", ConnectionError(message)))


def test_an_external_server_is_named(ports, monkeypatch):
    _, ask = asks(ports)["http"]
    monkeypatch.setenv("TRITON_URL", "gpu.example:8000")
    assert "gpu.example:8000 (" in str(lost.explain(caught(ask))) and "TRITON_URL names" in str(lost.explain(caught(ask)))


def test_other_errors_are_left_alone(ports):
    def own():
        raise ConnectionRefusedError("of the learner's own socket")

    elsewhere = f"http://127.0.0.1:{services.free_port()}"
    for call in (own, lambda: requests.get(elsewhere), lambda: urllib.request.urlopen(elsewhere), lambda: 1 / 0):
        assert lost.explain(caught(call)) is None
    answer = urllib.error.HTTPError("http://x", 404, "not found", None, None)
    assert lost.explain(answer) is None


def test_what_a_notebook_shows_when_servers_end_and_move(own_home, repository):
    """Started, killed, started anew on other ports: IPython shows a line for each client, and other errors as always."""
    shell = InteractiveShell.instance()
    shown = []
    shell._showtraceback = lambda kind, error, lines: shown.append(lines)

    def run(code):
        shown.clear()
        result = shell.run_cell(code)
        return "\n".join(shown[0]) if result.error_in_exec is not None else result.result

    first, _ = server.up(model_repository=repository, **free_ports())
    shell.user_ns.update(triton=triton, http=httpclient.InferenceServerClient, grpc=grpcclient.InferenceServerClient)
    try:
        run("triton.require('echo'); h, g = http(triton.http_url()), grpc(triton.grpc_url())")
        assert run("h.is_server_live()") is True and run("g.is_server_live()") is True
        unknown = run("h.load_model('nobody', config='{}')")
        assert "InferenceServerException" in unknown and len(unknown.splitlines()) > 3
        assert run("h.get_model_config('gone'), 1").startswith("WorkshopError: Triton does not serve gone now")

        kill(first)
        for ask in ("h.get_server_metadata()", "g.get_server_metadata()", "triton.require()"):
            line = run(ask)
            assert line.startswith("WorkshopError: Triton died") and "`workshop up triton` starts it" in line
            assert len(line.splitlines()) == 1

        second, _ = server.up(model_repository=repository, **free_ports())
        line = run("h.get_server_metadata()")
        assert f"Triton runs at {second.urls['http']}" in line and "make the client again" in line
        assert run("http(triton.http_url()).is_server_live()") is True
        assert "ZeroDivisionError" in run("1 / 0") and len(run("1 / 0").splitlines()) > 1
    finally:
        shell.set_custom_exc((), None)
        InteractiveShell.clear_instance()


@pytest.fixture
def neighbour():
    """Somebody else's server, which answers every question with what a Triton says; it counts who asks."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"name": "triton", "version": "9.9.9"}')

        do_POST = do_GET

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as one:
        one.asked = 0
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def test_a_neighbours_server_is_not_taken_for_ours(own_home, neighbour):
    port = neighbour.server_address[1]
    services.remember_ports("triton", free_ports() | {"http_port": port})
    services.remember_ports("arango", {"port": port})
    assert (triton.http_url(), arango.url()) == (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}")
    assert triton.version() is None and arango.version() is None
    for call in (triton.models, triton.require, arango.connect, arango.require):
        assert "does not run" in str(caught(call))
    assert neighbour.asked == 0
    with pytest.raises(WorkshopError, match=rf"port {port}, the one of the last start, is taken.*--http-port N"):
        server.up()
    with pytest.raises(WorkshopError, match=rf"port {port}, the one of the last start, is taken.*--port N"):
        arango_server.up()


def test_ports_given_once_hold_after_down(own_home, repository):
    given = free_ports()
    server.up(model_repository=repository, **given)
    server.down()
    assert server.http_url() == f"127.0.0.1:{given['http_port']}" and server.grpc_url().endswith(str(given["grpc_port"]))
    assert dataclasses.asdict(server.options(http_port=1)).items() >= (given | {"http_port": 1}).items()


@pytest.mark.parametrize("remember", [True, False])
def test_the_last_ports_are_kept_unless_told_otherwise(own_home, monkeypatch, remember):
    """As a test run does, which starts servers on ports of its own."""

    def spawn(options, *arguments, **named):
        return services.Service("any", 0, 0.0, {"http": ""}, dataclasses.asdict(options), "")

    monkeypatch.setattr(services, "wait_until", lambda *arguments, **named: None)
    for one, ports in ((server, free_ports()), (arango_server, {"port": services.free_port()})):
        monkeypatch.setattr(one, "_spawn", spawn)
        before = dataclasses.asdict(one.options())
        one.up(remember=remember, **ports)
        assert dataclasses.asdict(one.options()) == (before | ports if remember else before)


def test_require_says_which_address_it_asked(own_home, repository, capsys):
    service, _ = server.up(model_repository=repository, **free_ports())
    triton.require("echo")
    assert capsys.readouterr().out == f"Triton at {service.urls['http']} answers and serves echo.\n"


WORDS = b"""
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", np.array([b"a"], dtype=object))]) for _ in requests]
"""
WORDS_CONFIG = """
backend: "python"
input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "y" data_type: TYPE_STRING dims: [ -1 ] }
"""


def test_a_server_that_died_is_told_with_its_log_and_started_again(own_home, repository):
    """A classification request on a STRING output ends this release."""
    add_model(repository, "words", WORDS_CONFIG, {"1/model.py": WORDS})
    service, _ = server.up(model_repository=repository, **free_ports())
    client = httpclient.InferenceServerClient(service.urls["http"])
    tensor = httpclient.InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(np.zeros(1, np.float32))
    caught(lambda: client.infer("words", [tensor], outputs=[httpclient.InferRequestedOutput("y", class_count=1)]))
    while service.running:
        pass
    told = workshop("status")
    assert told.returncode == 0 and "Triton died: its log, " in told.stdout and "server.log" in told.stdout
    assert "`workshop up triton` starts it again" in told.stdout
    died = server.find() is None and services.find_dead("triton")
    assert services.died_at(died)[:4].isdigit() and services.log_tail(died, 1).strip()


def test_ask_says_in_one_line_what_is_wrong(own_home, repository, monkeypatch):
    store, _ = arango_server.up(port=services.free_port())
    service, _ = server.up(model_repository=repository, **free_ports())

    def told():
        result = CliRunner().invoke(cli.main, ["ask"])
        assert result.exit_code == 1 and len(result.stderr.strip().splitlines()) == 1
        return result.stderr

    assert "no films, Products, bought_together" in told() and "workshop restore" in told()
    database = arango.connect()
    for name in ("films", "Products", "bought_together"):
        database.create_collection(name)
    assert "does not serve sentence_embedder, product_embedder (" in told()
    with monkeypatch.context() as patch:
        patch.setenv("ARANGO_PASSWORD", "wrong")
        assert "refuses user root; set ARANGO_USER and ARANGO_PASSWORD" in told()
        assert "refuses user root" in CliRunner().invoke(cli.main, ["status"]).stderr
    kill(service)
    assert "Triton died" in told()
    kill(store)
    assert "ArangoDB died" in told()


def test_refusals_of_arangodb_name_the_remedy(own_home):
    arango_server.up(port=services.free_port())
    database = arango.connect()
    missing = caught(lambda: database.aql.execute("FOR film IN films RETURN film"))
    assert "workshop restore dump/movies" in str(lost.explain(missing))
    wrong = caught(lambda: database.aql.execute("RETURN"))
    assert "--debug" in str(lost.explain(wrong)) and "\n" not in str(lost.explain(wrong))
