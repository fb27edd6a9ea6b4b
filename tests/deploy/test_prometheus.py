"""Alert rules and dashboard: read by Prometheus' own tools, against what a running server really exposes."""

import json
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.http as httpclient
import yaml
from tritonclient.utils import InferenceServerException

from tests.support import prometheus
from tests.support.small_models import ECHO, ECHO_CONFIG, add_echo, add_model, free_ports, kill_servers
from workshop import settings
from workshop.errors import WorkshopError
from workshop.triton import processes, server

DEPLOY = settings.ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "triton.json").read_text())
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
GPU = {"nv_gpu_utilization", "nv_gpu_memory_used_bytes", "nv_gpu_memory_total_bytes"}
"""Exposed only where there is a GPU; the names are those of NVIDIA's documentation, and were not seen here."""
PROMETHEUS_OWN = {"up", "ALERTS"}
FASTER = 15
"""By how much all durations are shortened where a test waits for an alert: a scrape a second."""
SHAKY = """
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            value = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
            if value[0] == 1:
                raise ValueError("all of the batch")
            error = pb_utils.TritonError("this request") if value[0] == 2 else None
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", value)], error))
        return answers
"""

GATED_CONFIG = f"""
max_batch_size: 1
{ECHO_CONFIG}
dynamic_batching {{ default_queue_policy {{ max_queue_size: 2 default_timeout_microseconds: 50000 }} }}
"""
GATED = """
import pathlib, time
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, args):
        self.folder = pathlib.Path(args["model_repository"])

    def execute(self, requests):
        (self.folder / "entered").touch()
        while not (self.folder / "open").exists():
            time.sleep(0.01)
        values = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", value)]) for value in values]
"""


def names(expression):
    """The metrics in an expression: words that are neither labels in braces or brackets, nor functions, nor keywords."""
    expression = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on) *\([^)]*\)|\"[^\"]*\"", " ", expression)
    return set(re.findall(r"\b[a-zA-Z_]\w*\b(?! *\()", expression)) - {"sum", "unless", "and", "offset", "by", "1h", "h"}


USED = set().union(*(names(rule["expr"]) for rule in ALERTS.values()), *map(names, QUERIES))


@pytest.fixture(scope="session")
def programs():
    try:
        return prometheus.find()
    except WorkshopError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def triton(tmp_path_factory):
    """A server of its own with a response cache and small models; the record that `workshop up` leaves of it."""
    home = tmp_path_factory.mktemp("watched")
    add_echo(home / "models", "sound")
    add_echo(home / "models", "doomed")
    add_model(home / "models", "shaky", ECHO_CONFIG, {"1/model.py": SHAKY.encode()})
    add_model(home / "models", "cached", f"{ECHO_CONFIG}\nresponse_cache {{ enable: true }}", {"1/model.py": ECHO})
    add_model(home / "models", "gated", GATED_CONFIG, {"1/model.py": GATED.encode()})
    steps = (
        'step { model_name: "shaky" model_version: -1 input_map { key: "x" value: "x" } output_map { key: "y" value: "y" } }'
    )
    chain = ECHO_CONFIG.replace('backend: "python"', 'platform: "ensemble"') + f"\nensemble_scheduling {{ {steps} }}"
    add_model(home / "models", "chain", chain, {"1/.gitkeep": b""})
    command = server._command
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(home / "state"))
        for name in ("TRITON_URL", "TRITON_GRPC_URL"):
            patch.delenv(name, raising=False)
        patch.setattr(server, "_command", lambda *given: [*command(*given), "--cache-config=local,size=1048576"])
        try:
            yield server.up(model_repository=home / "models", remember=False, **free_ports())[0]
        finally:
            kill_servers()


def ask(triton, model, value=0.0, shape=(1,)):
    """Ask a model with one number; what went wrong, or None."""
    with httpclient.InferenceServerClient(triton.urls["http"], network_timeout=60, connection_timeout=60) as client:
        x = httpclient.InferInput("x", list(shape), "FP32")
        x.set_data_from_numpy(np.full(shape, value, np.float32))
        try:
            client.infer(model, [x])
        except InferenceServerException as error:
            return str(error)


def exposed(triton):
    """What the server shows: the value of each series, by its name and its labels."""
    with urllib.request.urlopen(f"http://{triton.urls['metrics']}/metrics", timeout=10) as answer:
        lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    series = {}
    for name, labels, value in (re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups() for line in lines):
        series[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels or ""))] = float(value)
    return series


def failures(triton, model):
    """The failures of a model that were counted, by their reason."""
    found = {}
    for (name, labels), value in exposed(triton).items():
        given = dict(labels)
        if name == "nv_inference_request_failure" and given["model"] == model and value:
            found[given["reason"]] = value
    return found


def configured(folder, *addresses):
    """The shipped configuration in `folder`, for other servers and `FASTER`; its path."""

    def faster(match):
        seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] * 1000 // FASTER
        return f"{seconds}ms"

    shutil.copytree(DEPLOY / "prometheus", folder)
    config, rules = folder / "prometheus.yml", folder / "alerts.yml"
    text = config.read_text().replace('["triton:8002"]', json.dumps(addresses))
    assert json.dumps(addresses) in text
    config.write_text(re.sub(r"\b(\d+)(s)\b", faster, text))
    rules.write_text(re.sub(r"(?<=[\[ ])(\d+)([smh])(?=\]|\)|$)", faster, rules.read_text(), flags=re.MULTILINE))
    return config


def run(program, *arguments, folder=None):
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


# --- the files ---


def test_promtool_accepts_configuration_and_rules(programs):
    done = run(
        programs["promtool"], "check", "config", "--lint=all", "--lint-fatal", DEPLOY / "prometheus" / "prometheus.yml"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def test_each_alert_fires_at_its_time_and_not_before(programs, tmp_path):
    table = yaml.safe_load((Path(__file__).parent / "alerts_test.yml").read_text())
    tests = [one for test in table["tests"] for one in test["alert_rule_test"]]
    for one in tests:
        for alert in one.get("exp_alerts", ()):
            alert["exp_annotations"]["action"] = ALERTS[one["alertname"]]["annotations"]["action"]
    assert {one["alertname"] for one in tests if "exp_alerts" in one} == ALERTS.keys()
    assert {one["alertname"] for one in tests if "exp_alerts" not in one} == ALERTS.keys()
    shutil.copy(RULES, tmp_path)
    (tmp_path / "table.yml").write_text(yaml.safe_dump(table))
    done = run(programs["promtool"], "test", "rules", "table.yml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_for_how_long_how_bad_and_what_to_do(name):
    rule = ALERTS[name]
    assert rule["for"] and rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "action"}
    assert f"`{name}`" in (settings.ROOT / "docs" / "operating.md").read_text()


def test_the_dashboard_s_data_comes_from_the_prometheus_that_is_provisioned():
    [source] = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    places = [panel["datasource"] for panel in DASHBOARD["panels"]]
    places += [target["datasource"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    places += [variable["datasource"] for variable in DASHBOARD["templating"]["list"]]
    assert {(place["type"], place["uid"]) for place in places} == {(source["type"], source["uid"])}
    compose = yaml.safe_load((settings.ROOT / "compose.yaml").read_text())["services"]
    assert source["url"] == "http://prometheus:9090" and "prometheus" in compose
    [provider] = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/triton.yml").read_text())["providers"]
    mounts = [mount.split(":")[:2] for mount in compose["grafana"]["volumes"]]
    assert ["./deploy/grafana/dashboards", provider["options"]["path"]] in mounts


def test_panels_have_their_own_place_and_number():
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]}
    assert len(places) == len({panel["id"] for panel in DASHBOARD["panels"]}) == len(PANELS) == len(DASHBOARD["panels"])


# --- what the server exposes ---


def test_names_are_found_in_expressions():
    assert names('sum by (model) (rate(a_b{c="d"}[5m] offset 1h)) / (x > 2) unless on (z) up') == {"a_b", "x", "up"}
    assert {"up", "nv_inference_request_failure", "nv_gpu_memory_used_bytes", "ALERTS"} <= USED


def test_every_metric_of_alerts_and_dashboard_is_one_that_the_server_exposes(triton):
    ask(triton, "cached")
    shown = {name for name, _ in exposed(triton)}
    assert USED - shown - GPU == PROMETHEUS_OWN
    assert GPU <= USED


def test_labels_and_quantiles_that_are_asked_for_are_there(triton):
    ask(triton, "sound")
    shown = exposed(triton)
    labels = {key for (name, given) in shown if name.startswith("nv_inference") for key, _ in given}
    assert labels == {"model", "version", "reason", "quantile"}
    reasons = {dict(given)["reason"] for name, given in shown if name == "nv_inference_request_failure"}
    assert reasons == {"BACKEND", "CANCELED", "OTHER", "REJECTED"}
    text = RULES.read_text() + " ".join(QUERIES)
    quantiles = {
        dict(given)["quantile"]
        for name, given in shown
        if name == "nv_inference_request_summary_us" and "quantile" in dict(given)
    }
    assert set(re.findall(r'quantile=\\?"([^"\\]+)', text)) <= quantiles
    assert {one for found in re.findall(r'reason=~?"([^"]+)', text) for one in found.split("|")} <= reasons


def test_which_failures_are_counted_and_as_what(triton):
    before = {model: failures(triton, model) for model in ("shaky", "chain")}
    assert before == {"shaky": {}, "chain": {}}
    assert "this request" in ask(triton, "shaky", 2)
    assert failures(triton, "shaky") == {}  # an error of a request's own is a success to the server
    assert "all of the batch" in ask(triton, "shaky", 1)
    assert failures(triton, "shaky") == {"BACKEND": 1}
    assert "all of the batch" in ask(triton, "chain", 1)
    assert failures(triton, "shaky") == {"BACKEND": 2}
    assert failures(triton, "chain") == {"OTHER": 2}  # one request, counted twice by this release


def test_a_full_queue_is_counted_nowhere_and_what_expires_in_it_is_rejected(triton):
    gate = Path(triton.options["model_repository"]) / "gated"

    def waiting():
        return exposed(triton)["nv_inference_pending_request_count", frozenset({("model", "gated"), ("version", "1")})]

    with ThreadPoolExecutor(8) as pool:
        try:
            first = pool.submit(ask, triton, "gated", shape=(1, 1))
            prometheus.wait_for((gate / "entered").exists)
            others = [pool.submit(ask, triton, "gated", shape=(1, 1)) for _ in range(7)]
            prometheus.wait_for(lambda: waiting() == 2 and sum(other.done() for other in others) >= 4)
            expired = time.monotonic() + 0.1  # twice the queue's timeout
            prometheus.wait_for(lambda: time.monotonic() > expired)
        finally:
            (gate / "open").touch()
    assert first.result() is None
    said = [other.result() or "answered" for other in others]
    full, late = (sum(text in one for one in said) for text in ("Exceeds maximum queue size", "Request timeout expired"))
    assert full >= 4 and late >= 2
    assert failures(triton, "gated") == {"REJECTED": late}


def test_a_request_that_does_not_fit_the_model_is_counted_nowhere(triton):
    def counted():
        names = ("nv_inference_request_success", "nv_inference_request_failure")
        return {key: value for key, value in exposed(triton).items() if key[0] in names}

    before = counted()
    assert "unexpected shape" in ask(triton, "sound", shape=(1, 1))
    assert counted() == before


def test_a_model_with_a_response_cache_has_no_latency_of_its_requests(triton):
    ask(triton, "cached")
    summaries = {name for name, given in exposed(triton) if dict(given).get("model") == "cached" and "summary" in name}
    assert "nv_inference_request_summary_us" not in summaries
    assert {"nv_inference_queue_summary_us", "nv_cache_hit_summary_per_model"} <= summaries


# --- Prometheus, running ---


@pytest.fixture(scope="module")
def watching(programs, triton, tmp_path_factory):
    """A Prometheus that watches the server, with the shipped configuration, fifteen times faster."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = configured(folder / "configuration", triton.urls["metrics"], "127.0.0.1:9")
    with prometheus.serving(config, folder / "data") as running:
        yield running


def test_everything_is_shortened_alike(programs, tmp_path):
    config = configured(tmp_path / "configuration", "127.0.0.1:9")
    assert run(programs["promtool"], "check", "config", config).returncode == 0
    durations = re.findall(r"\d+(?:ms|[smh])\b", config.read_text() + config.with_name("alerts.yml").read_text())
    assert durations and all(one.endswith("ms") for one in durations)
    assert yaml.safe_load(config.read_text())["global"] == {"scrape_interval": "1000ms", "evaluation_interval": "1000ms"}


def test_prometheus_reads_every_alert_and_the_server_s_metrics(watching, triton):
    rules = [rule["name"] for group in watching.get("rules")["groups"] for rule in group["rules"]]
    assert rules == list(ALERTS)

    def states():
        return {one["scrapeUrl"].split("/")[2]: one["health"] for one in watching.get("targets")["activeTargets"]}

    wanted = {triton.urls["metrics"]: "up", "127.0.0.1:9": "down"}
    prometheus.wait_for(lambda: states() == wanted)


def test_a_server_that_does_not_answer_raises_its_alert(watching):
    prometheus.wait_for(lambda: watching.alerts().get(("TritonDown", "")) == "firing")


def test_every_panel_s_queries_are_answered(watching, triton):
    def empty():
        for model in ("sound", "cached", "shaky"):
            ask(triton, model)
        return [
            title
            for title, panel in PANELS.items()
            for target in panel["targets"]
            if not names(target["expr"]) & GPU and not watching.get("query", query=filled(target["expr"]))["result"]
        ]

    def filled(query):
        return query.replace("$model", ".*").replace("$__rate_interval", "10s")

    prometheus.wait_for(lambda: empty() == [] and "answered")
    for query in QUERIES:
        assert "$" not in filled(query) and watching.get("query", query=filled(query)) is not None


def test_a_killed_model_raises_its_alert_and_the_others_do_not(watching, triton):
    assert ask(triton, "doomed") is None
    process = next(one for one in triton.process.children(recursive=True) if is_of(one, "doomed"))
    process.kill()
    prometheus.wait_for(lambda: process.status() == psutil.STATUS_ZOMBIE)  # the server does not take note of its end
    assert failures(triton, "doomed") == {}
    over = threading.Event()

    def requests(model):
        while not over.wait(0.2):
            ask(triton, model)

    clients = [threading.Thread(target=requests, args=(model,)) for model in ("doomed", "sound")]
    for client in clients:
        client.start()
    try:
        prometheus.wait_for(lambda: watching.alerts().get(("TritonModelFails", "doomed")) == "firing", timeout=90)
    finally:
        over.set()
        for client in clients:
            client.join()
    assert "is not healthy" in ask(triton, "doomed") and "not healthy" not in Path(triton.log).read_text()
    assert failures(triton, "doomed").keys() == {"BACKEND"}
    assert failures(triton, "sound") == {}
    fail = {
        one["labels"]["model"]: one
        for one in watching.get("alerts")["alerts"]
        if one["labels"]["alertname"] == "TritonModelFails"
    }
    assert "sound" not in fail
    alert = fail["doomed"]
    assert alert["annotations"]["summary"] == f"Every request to doomed, version 1, at {triton.urls['metrics']} fails."
    with httpclient.InferenceServerClient(triton.urls["http"]) as client:
        assert client.is_model_ready("doomed")  # nothing else tells


def is_of(process, model):
    """Whether a process of the server is the model's."""
    command = process.cmdline()
    return processes.STUB in command[0] and f"/{model}/" in command[1]
