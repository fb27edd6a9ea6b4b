"""The benchmarks: how figures are summed up, what the reports hold, and quick runs against the servers."""

import contextlib
import dataclasses
import io
import json
import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.http as httpclient
from rich.console import Console

from workshop import bench, settings, triton
from workshop.arango.temporary import TemporaryServer
from workshop.bench import vectors
from workshop.clients import embed
from workshop.errors import WorkshopError
from workshop.graph import sampler
from workshop.triton import traffic


def statistics(requests, inferences, executions, *, queue_ms=0, compute_ms=0, failed=0, versions=1):
    """An answer of get_inference_statistics, the same for each version; durations in milliseconds, of all requests."""
    spent = {
        "success": {"count": requests, "ns": 0},
        "fail": {"count": failed, "ns": 0},
        "queue": {"count": requests, "ns": queue_ms * 1_000_000},
        "compute_input": {"count": requests, "ns": compute_ms * 100_000},
        "compute_infer": {"count": requests, "ns": compute_ms * 700_000},
        "compute_output": {"count": requests, "ns": compute_ms * 200_000},
    }
    model = {"name": "m", "inference_count": inferences, "execution_count": executions, "inference_stats": spent}
    return {"model_stats": [model] * versions}


def test_statistics_difference():
    before = statistics(10, 20, 5, queue_ms=100, compute_ms=1000)
    after = statistics(30, 60, 15, queue_ms=160, compute_ms=1500, failed=1)
    assert traffic.statistics_difference((before, after)) == {
        "inference_count": 40,
        "execution_count": 10,
        "failed_requests": 1,
        "mean_batch_size": 4.0,
        "queue_ms_per_request": 3.0,
        "compute_ms_per_request": 25.0,
    }


def test_statistics_of_several_spans_and_versions_are_added_up():
    first = (statistics(0, 0, 0), statistics(4, 4, 1, queue_ms=8))
    second = (statistics(100, 100, 100, queue_ms=5), statistics(104, 104, 104, queue_ms=5))
    both = traffic.statistics_difference(first, second)
    assert (both["inference_count"], both["execution_count"], both["queue_ms_per_request"]) == (8, 5, 1.0)
    twice = traffic.statistics_difference((statistics(0, 0, 0, versions=2), statistics(4, 4, 1, versions=2)))
    assert (twice["inference_count"], twice["execution_count"]) == (8, 2)


def test_statistics_of_grpc_as_json_are_strings_without_zeros():
    spent = {"success": {"count": "4", "ns": "9"}, "fail": {}, "queue": {"count": "4", "ns": "8000000"}}
    after = {"model_stats": [{"inference_count": "4", "execution_count": "2", "inference_stats": spent}]}
    before = {"model_stats": [{"inference_stats": {}}]}
    found = traffic.statistics_difference((before, after))
    assert (found["mean_batch_size"], found["queue_ms_per_request"], found["compute_ms_per_request"]) == (2.0, 2.0, 0.0)


@pytest.mark.parametrize("after", [statistics(0, 0, 0), statistics(10, 10, 10), statistics(12, 12, 9)])
def test_statistics_that_did_not_grow_are_refused(after):
    with pytest.raises(WorkshopError, match="loaded anew"):
        traffic.statistics_difference((statistics(10, 10, 10), after))


def test_ratios_are_of_the_same_round():
    # Of all rounds the second was slow for both: the ratio of medians would be 1.5, each round's is 2.
    assert bench.ratios([30, 2, 20], [15, 1, 10]) == {"median": 2.0, "min": 2.0, "max": 2.0}
    assert bench.summary([3.0, 1.0, 2.0, 10.0]) == {"median": 2.5, "min": 1.0, "max": 10.0}
    with pytest.raises(ValueError):
        bench.ratios([1.0, 2.0], [1.0])


def test_percentiles_are_milliseconds():
    found = traffic.percentiles([number / 1000 for number in range(101)])
    assert found == pytest.approx({"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0})


def test_order_rotates():
    orders = [bench.rotated(["a", "b", "c"], number) for number in range(4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_hardware_is_named_without_host_name_and_paths():
    found = bench.hardware()
    assert set(found) == {"cpu", "cores_available", "memory_gib", "gpu", "os"}
    assert found["cpu"] and found["cores_available"] == len(os.sched_getaffinity(0)) and found["memory_gib"] > 0
    text = json.dumps(found)
    assert socket.gethostname() not in text
    assert not re.search(r'(^|[\s"])/\w', text)


def test_unknown_benchmark():
    with pytest.raises(
        WorkshopError, match="no benchmark graphs; there are: text, engines, store, graph, graphsage, pipelines"
    ):
        bench.run(["text", "graphs"], console=Console(file=io.StringIO()))


def test_quick_report_leaves_the_measurement_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RESULTS", tmp_path / "results")
    for quick, rate in ((False, 1.0), (True, 2 / 3)):
        bench.write({"benchmark": "text", "settings": {"quick": quick}, "results": {"requests_per_s": [rate], "n": 3}})
    assert json.loads((tmp_path / "results" / "text.json").read_text())["results"] == {"requests_per_s": [1.0], "n": 3}
    quick = json.loads((tmp_path / "results" / "text.quick.json").read_text())
    assert quick["results"] == {"requests_per_s": [0.6666667], "n": 3}


def config():
    with httpclient.InferenceServerClient(triton.http_url()) as client:
        return client.get_model_config("sentence_embedder")


def check_figures(value, name="report"):
    """Every figure is finite and not negative, but for differences."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_figures(item, key)
    elif isinstance(value, list):
        for item in value:
            check_figures(item, name)
    elif isinstance(value, float):
        assert value >= 0 or name.startswith("added_"), name


def check_throughput(found):
    assert set(found) == {"old_client", "course_client", "in_process", "ratios"}
    for name in ("old_client", "course_client"):
        assert found[name]["minimum_cosine_to_in_process"] >= 0.9999
    for variant in ("old_client", "course_client", "in_process"):
        figures = found[variant]["sentences_per_s"]
        assert 0 < figures["min"] <= figures["median"] <= figures["max"]
    assert set(found["ratios"]) == {"course_client_to_in_process", "course_client_to_old_client"}


def check_concurrency(rows):
    assert [(row["clients"], row["dynamic_batching"]) for row in rows] == [
        (clients, batching) for clients in (1, 2, 4, 8, 16) for batching in (True, False)
    ]
    for row in rows:
        assert row["failed_requests"] == 0 and row["requests"] >= row["clients"]
        assert row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        if row["dynamic_batching"]:
            assert row["execution_count"] <= row["inference_count"] and "ratio_to_without" in row
        else:
            assert row["execution_count"] == row["inference_count"] and row["mean_batch_size"] == 1.0
    assert rows[-2]["mean_batch_size"] > 1.5


def test_quick_run(triton_server, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RESULTS", tmp_path)
    before = config()
    output = io.StringIO()
    bench.run(["text"], quick=True, console=Console(file=output, width=80))
    assert config() == before

    report = json.loads((tmp_path / "text.quick.json").read_text())
    assert list(report) == ["benchmark", "date", "hardware", "versions", "settings", "results"]
    assert report["benchmark"] == "text" and report["settings"]["quick"] is True
    assert {"python", "tritonserver", "torch", "sentence-transformers"} <= set(report["versions"])
    assert report["settings"]["torch_threads"] >= 1 and report["settings"]["words_per_sentence"]["max"] < 100
    assert not re.search(r'"/\w', json.dumps(report)) and triton_server not in json.dumps(report)
    check_figures(report)
    check_throughput(report["results"]["throughput"])
    check_concurrency(report["results"]["concurrency"])
    assert {"http", "grpc", "in_process"} <= set(report["results"]["latency"])

    shown = output.getvalue()
    assert report["hardware"]["cpu"] in shown
    for words in ("round 1 of 2", "sentences/s", "course's client / old client", "mean", "ms/request", "with / without"):
        assert words in shown, words
    assert "other clients" not in shown


def check_store_report(report):
    results, given = report["results"], report["settings"]
    assert [row["documents"] for row in results["exact"]] == list(given["sizes"])
    for row in results["exact"]:
        assert {"round_trip", "server_key", "server_document", "server_filtered_key", "numpy", "faiss_flat"} <= set(
            row["ms"]
        )
        assert all(0 < figures["min"] <= figures["median"] <= figures["max"] for figures in row["ms"].values())
    assert [part["data"] for part in results["approximate"]] == ["clustered", "isotropic"]
    for part in results["approximate"]:
        assert [row["probes"] for row in part["searches"]] == list(given["probes"])
        recalls = [row["server"]["recall_at_10"] for row in part["searches"]]
        assert recalls == sorted(recalls) and 0 < recalls[0] < recalls[-1] <= 1
    clustered, isotropic = ([row["server"]["recall_at_10"] for row in part["searches"]] for part in results["approximate"])
    assert all(easy > hard for easy, hard in zip(clustered, isotropic, strict=True))
    memory = results["memory"]
    assert memory["started"]["rss_bytes"] < memory["approximate"]["peak_bytes"] and memory["disk_bytes"] > 0


def arango_servers():
    """Embedded servers among the children of this process; the test run's own may be one of them."""
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it ends just now
            if "workshop.arango.embedded" in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


def test_quick_run_of_the_store(own_home, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RESULTS", tmp_path)
    before = arango_servers()
    output, began = io.StringIO(), time.monotonic()
    bench.run(["store"], quick=True, console=Console(file=output, width=100))
    assert time.monotonic() - began < 60
    report = json.loads((tmp_path / "store.quick.json").read_text())
    assert list(report) == ["benchmark", "date", "hardware", "versions", "settings", "results"]
    assert {"python", "python-arango", "faiss-cpu", "numpy"} <= set(report["versions"])
    assert "tritonserver" not in report["versions"] and report["settings"]["server"] == "embedded"
    assert not re.search(r'"/\w', json.dumps(report))
    check_figures(report)
    check_store_report(report)
    shown = output.getvalue()
    for words in ("import_bulk", "COSINE_SIMILARITY", "FILTER", "recall@10", "isotropic", "MiB", "written by hand"):
        assert words in shown, words
    assert arango_servers() == before


def quick_report(name, tmp_path, monkeypatch):
    """The report of a quick run, and what it printed."""
    monkeypatch.setattr(settings, "RESULTS", tmp_path)
    output = io.StringIO()
    bench.run([name], quick=True, console=Console(file=output, width=140))
    report = json.loads((tmp_path / f"{name}.quick.json").read_text())
    assert not re.search(r'"/\w', json.dumps(report))
    check_figures(report)
    return report, output.getvalue()


def test_quick_run_of_the_graph(triton_server, tmp_path, monkeypatch):
    report, shown = quick_report("graph", tmp_path, monkeypatch)
    results, given = report["results"], report["settings"]
    assert [row["products"] for row in results["sampler"]] == list(given["sampled"])
    assert [row["products"] for row in results["training"]] == list(given["trained"])
    small, large = results["training"]
    assert small["pairs"] < large["pairs"] and small["training_products"] < large["training_products"]
    assert all(row["peak_memory_mib"] > 200 for row in results["training"])
    assert "Batches of 1,024 seed nodes, fan-outs 15/10/5" in shown and "peak memory, MiB" in shown
    assert ("not installed" in shown) == (not sampler.pyg_available())
    serving = results["serving"]
    assert set(serving["nodes_per_s"]) == {"old", "http, 1 target", "http", "grpc", "shared memory", "in process"}
    assert max(serving["largest_difference"].values()) < 1e-4
    assert serving["ratio_to_old"]["shared memory"]["median"] > 10
    assert [(row["clients"], row["way"]) for row in serving["clients"]][:3] == [
        (1, "http"),
        (1, "shared memory"),
        (2, "http"),
    ]
    assert all(row["failed_requests"] == 0 for row in serving["clients"]) and serving["clients"][-1]["clients"] == 16
    assert list(serving["product_embedder"]) == ["1", "4"] and "sampled in ArangoDB" in shown
    assert not list(Path("/dev/shm").glob("graph_embeddings_*"))


def test_quick_run_of_the_engines(triton_server, tmp_path, monkeypatch):
    report, shown = quick_report("engines", tmp_path, monkeypatch)
    results = report["results"]
    assert set(results["sentences_per_s"]) == {
        *("Triton, TorchScript", "Triton, ONNX", "Triton, int8"),
        *("sentence-transformers in process", "in process, ONNX", "in process, int8", "old client"),
    }
    cosines = results["minimum_cosine_to_fp32"]
    assert min(cosines["Triton, TorchScript"], cosines["Triton, ONNX"]) > 0.9999
    assert 0.95 < cosines["Triton, int8"] < 0.9999 and abs(cosines["Triton, int8"] - cosines["in process, int8"]) < 0.01
    assert len(results["ratios"]) == 8 and "Ratios of the same rounds" in shown
    for row in results["batching"].values():
        assert row["without"]["inferences"] == row["without"]["executions"] > 0
        assert row["with"]["executions"] < row["with"]["inferences"] / 2 and row["gain"]["median"] > 0
    with httpclient.InferenceServerClient(triton_server) as client:
        parameters = client.get_model_config("sentence_embedder")["parameters"]
        assert "dynamic_batching" in client.get_model_config("sentence_embedder")
    assert parameters["encoder"]["string_value"] == "auto"


def test_quick_run_of_graphsage(tmp_path, monkeypatch):
    report, shown = quick_report("graphsage", tmp_path, monkeypatch)
    for row in report["results"]["graphs"]:
        assert len(row["graphsage category"]["test"]["accuracy"]) == len(row["mlp category"]["test"]["accuracy"]) == 2
        assert len(row["graphsage co-purchase"]["test"]) == 8
        assert 0.3 < row["within_category"] < 0.9
    assert "points ahead" in shown and " ± " in shown and "common partners" in shown


def test_quick_run_of_the_pipelines(triton_server, tmp_path, monkeypatch):
    report, shown = quick_report("pipelines", tmp_path, monkeypatch)
    results, given = report["results"], report["settings"]
    remote = ["a request a crop", "crops batched by the client", "ensemble", "BLS"]
    for row in results["pages_per_s"]:
        assert set(remote) <= set(row["ways"])
        assert ("rapidocr in process" in row["ways"]) == (row["round_trip_ms"] == 0)
        assert ("rapidocr, one engine for all" in row["ways"]) == (row["round_trip_ms"] == 0 and row["clients"] == 4)
        assert all(0 < figures["min"] <= figures["median"] <= figures["max"] for figures in row["ways"].values())
    assert [page["lines"] for page in given["pages"]["one page"]] == [given["lines"]]
    sent = results["requests"]["one page"]
    a_crop, batched, *served = (sent[way]["requests_per_page"] for way in remote)
    assert a_crop == 1 + 2 * given["lines"] and 3 <= batched <= 2 + given["lines"] and served == [1, 1]
    assert sent["rapidocr in process"]["sent_bytes_per_page"] == 0
    picture = given["pages"]["one page"][0]["file_bytes"]
    for way in ("ensemble", "BLS"):
        assert picture < sent[way]["sent_bytes_per_page"] < picture + 300
        assert sent[way]["sent_bytes_per_page"] > 10 * sent[way]["received_bytes_per_page"] > 0
    assert sent["crops batched by the client"]["sent_bytes_per_page"] > 50 * picture
    assert {row["target"] for row in results["ratios"]} == {"≥ 0.9", "≥ 1.2", "≤ 1.1", ""}
    agreed = results["agreement"]["ways"]
    assert all(agreed[way]["equal_share"] == 1 and agreed[way]["largest_box_difference_px"] <= 1 for way in remote)
    assert agreed["rapidocr in process"]["equal_share"] > 0.9
    inside = results["in_the_server"]
    assert all(inside[f"BLS: {model}"]["requests_per_page"] == 1 for model in ("ocr", "text_detection", "text_angle"))
    assert inside["BLS: ocr"]["compute_ms_per_page"] > inside["BLS: text_detection"]["compute_ms_per_page"] > 0
    assert given["models"]["ocr"]["instances"] >= 1 and given["rapidocr_threads_per_session"] >= 1
    for words in ("Pages/s, a page of 5 lines", "Ratios of the same rounds", "simulated", "text equal"):
        assert words in shown, words


def test_store_leaves_nothing_on_a_server_that_runs_already(own_home, tmp_path, monkeypatch):
    from workshop.bench import store

    with TemporaryServer(tmp_path) as running:
        monkeypatch.setenv("ARANGO_URL", running.url)
        monkeypatch.setenv("ARANGO_PASSWORD", running.password)
        before = running.connect().databases()
        with store.place(lambda text: None) as place:
            assert place.own is None and place.database.name not in before
            plan = dataclasses.replace(store.QUICK, imported=50, singles=5)
            rates = store.writes(plan, place.database, lambda text: None)
            assert all(figures["min"] > 0 for figures in rates.values())
        assert running.connect().databases() == before


def test_vectors_of_the_store_benchmark():
    rows = vectors.clustered(600, 32, topics=20)
    assert rows.dtype == np.float32 and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert np.array_equal(rows, vectors.clustered(600, 32, topics=20))
    scores = rows[:500] @ rows[550]
    assert vectors.nearest(rows[:500], rows[550], 10).tolist() == np.argsort(-scores)[:10].tolist()
    mask = np.arange(500) % 10 == 3
    found = vectors.nearest(rows[:500], rows[550], 10, mask)
    assert found.tolist() == [n for n in np.argsort(-scores) if n % 10 == 3][:10]
    # A neighbour stands out among clustered vectors, not among isotropic ones.
    hard = vectors.isotropic(600, 32)
    assert np.sort(scores)[-1] - scores.mean() > np.sort(hard[:500] @ hard[550])[-1]


def test_turns_rotate_and_leave_out_first_calls():
    from workshop.bench import store

    called = []
    variants = {name: lambda n, name=name: called.append((name, n)) for name in "ab"}
    times = store.in_turns(variants, rounds=2, calls=2)
    assert "".join(name for name, _ in called) == "aaabbb" + "bbbaaa"
    assert [n for _, n in called] == [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]
    assert set(times) == {"a", "b"} and set(times["a"]) == {"median", "min", "max"}


def test_ctrl_c_stops_the_clients_and_restores_the_model(triton_server, request):
    from workshop.bench import text

    # A run in the background of a shell inherits "ignore" for this signal.
    handler = signal.getsignal(signal.SIGINT)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before, began = config(), time.monotonic()
    with pytest.raises(KeyboardInterrupt), text.batching_switch() as switch, ThreadPoolExecutor(4) as pool:
        switch(False)
        assert "dynamic_batching" not in config()
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        traffic.load(
            lambda client, request: embed(["a text"], client),
            model="sentence_embedder", clients=4, seconds=60.0, pool=pool,
        )  # fmt: skip
    assert time.monotonic() - began < 30
    assert config() == before


def test_a_client_that_fails_ends_the_load(triton_server):
    def ask(client, request):
        if request % 4 == 3:
            raise WorkshopError("no answer")

    with ThreadPoolExecutor(4) as pool, pytest.raises(WorkshopError, match="no answer"):
        traffic.load(ask, model="sentence_embedder", clients=4, seconds=0.1, pool=pool)
