"""Measuring a served model: by perf_analyzer and by Python clients, with the same columns."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from workshop.errors import WorkshopError
from workshop.triton import perf

TEXTS = ["The film was a joy from start to finish.", "naïve café", "The bread rose overnight and filled the tin.", "A tent."]
SAMPLES = [{"text": np.array([text], dtype=object)} for text in TEXTS]
COUNTED = ("queue_ms_per_request", "compute_ms_per_request", "inference_count", "execution_count", "mean_batch_size")
PROGRAMS = (perf.PERF_ANALYZER, perf.PYTHON)


def test_perf_analyzer_runs_here():
    """The wheel's program, with the libraries that it is given."""
    assert perf.perf_analyzer() is not None


def test_input_data_has_flat_contents_and_shapes():
    ids = np.array([[1, 2], [3, 4]], np.int32)
    samples = [{"ids": ids, "text": np.array([b"a", "é"], dtype=object)}, {"ids": ids[:1], "text": np.array(["b"])}]
    assert perf.input_data(samples) == {
        "data": [
            {"ids": {"content": [1, 2, 3, 4], "shape": [2, 2]}, "text": {"content": ["a", "é"], "shape": [2]}},
            {"ids": {"content": [1, 2], "shape": [1, 2]}, "text": {"content": ["b"], "shape": [1]}},
        ]
    }


def test_a_report_of_perf_analyzer_in_the_columns_of_the_result():
    report = (
        "Concurrency,Inferences/Second,Client Send,Server Queue,"
        "p50 latency,p90 latency,p95 latency,p99 latency,Avg latency\n"
        "4,200.5,20,300,15000,21000,22000,30500,16500\n"
    )
    counted = {
        "inference_count": 600,
        "execution_count": 200,
        "mean_batch_size": 3.0,
        "queue_ms_per_request": 5.5,
        "compute_ms_per_request": 9.5,
    }
    row = perf._row(pd.read_csv(io.StringIO(report)).iloc[-1], counted, batch_size=2)
    assert row == {
        "clients": 4,
        "requests_per_s": 100.25,
        "inferences_per_s": 200.5,
        "mean_ms": 16.5,
        "p50_ms": 15.0,
        "p95_ms": 22.0,
        "p99_ms": 30.5,
        "queue_ms": 5.5,
        "compute_ms": 9.5,
        "inferences": 600,
        "executions": 200,
        "mean_batch_size": 3.0,
        "measured_by": "perf_analyzer",
    }
    assert tuple(row) == perf.COLUMNS


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_both_programs_measure_real_texts(triton_server, program, protocol):
    found = perf.measure("sentence_embedder", SAMPLES, clients=(1, 2), protocol=protocol, window_ms=200, program=program)
    assert tuple(found.columns) == perf.COLUMNS and found["clients"].tolist() == [1, 2]
    assert set(found["measured_by"]) == {program}
    assert (found["requests_per_s"] > 1).all() and np.allclose(found["requests_per_s"], found["inferences_per_s"])
    assert (found["p50_ms"] <= found["p95_ms"]).all() and (found["p95_ms"] <= found["p99_ms"]).all()
    assert (found["inferences"] >= found["executions"]).all() and (found["executions"] > 0).all()
    # A closed loop: what clients have under way is the rate times the mean time that a request takes (Little's law).
    assert np.allclose(found["requests_per_s"] * found["mean_ms"] / 1e3, found["clients"], rtol=0.3)


@pytest.mark.parametrize("program", PROGRAMS)
def test_batches_of_several_samples(triton_server, program):
    found = perf.measure("sentence_embedder", SAMPLES, batch_size=4, window_ms=200, program=program)
    assert np.allclose(found["inferences_per_s"], 4 * found["requests_per_s"]) and found["mean_batch_size"][0] >= 4


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_model_that_does_not_batch_and_json(triton_server, program):
    tokens = np.array([[101, 2023, 102]], np.int32)
    samples = [{"input__0": tokens, "input__1": np.ones_like(tokens)}]
    found = perf.measure("sentence_bert", samples, tensors="json", window_ms=200, program=program)
    assert found["requests_per_s"][0] > 1 and found["mean_batch_size"][0] == 1


def test_shared_memory(triton_server):
    tokens = np.array([[101, 2023, 102]], np.int32)
    samples = [{"input__0": tokens, "input__1": np.ones_like(tokens)}]
    assert perf.measure("sentence_bert", samples, shared_memory="system", window_ms=200)["requests_per_s"][0] > 1


def test_python_takes_over_where_perf_analyzer_cannot_run(triton_server, monkeypatch):
    monkeypatch.setattr(perf, "perf_analyzer", lambda: None)
    assert perf.measure("sentence_embedder", SAMPLES, window_ms=100)["measured_by"].tolist() == ["python"]
    with pytest.raises(WorkshopError, match="perf_analyzer cannot run here"):
        perf.measure("sentence_embedder", SAMPLES, program="perf_analyzer")


@pytest.mark.parametrize("said", ["Please use a larger time window.", "failed to find the requested model version"])
def test_windows_without_a_request_are_made_longer(triton_server, monkeypatch, tmp_path, said):
    """A stand-in complains of windows below 400 ms, as perf_analyzer does where the server counted no request in one."""
    program = tmp_path / "perf_analyzer"
    program.write_text(f'''#!/bin/sh
for option; do [ "$last" = -f ] && report=$option; last=$option; done
[ "$last" -lt 400 ] && {{ echo "{said}" >&2; exit 1; }}
echo "Concurrency,Inferences/Second,p50 latency,p95 latency,p99 latency,Avg latency" > "$report"
echo "1,$last,15000,22000,30500,16500" >> "$report"
''')
    program.chmod(0o755)
    monkeypatch.setattr(perf, "perf_analyzer", lambda: program)
    monkeypatch.setattr(perf.traffic, "statistics_difference", lambda span: dict.fromkeys(COUNTED, 1.0))
    assert perf.measure("sentence_embedder", SAMPLES, window_ms=150)["requests_per_s"].tolist() == [600.0]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_cannot_be_measured_is_told(triton_server, program):
    with pytest.raises(WorkshopError, match="nobody"):
        perf.measure("nobody", SAMPLES, program=program)
    with pytest.raises(WorkshopError, match="text|txt"):
        perf.measure("sentence_embedder", [{"txt": SAMPLES[0]["text"]}], window_ms=100, program=program)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"protocol": "smtp"}, "protocol 'smtp': choose one of 'http', 'grpc'"),
        ({"protocol": "grpc", "tensors": "json"}, "tensors 'json': choose one of 'binary'"),
        ({"program": "ab"}, "program 'ab'"),
        ({"shared_memory": "system", "program": "python"}, "by perf_analyzer only"),
        ({"clients": (0,)}, "1 or more"),
        ({"clients": ()}, "1 or more"),
        ({"batch_size": 0}, "1 or more"),
    ],
)
def test_wrong_options_are_told(options, reason):
    with pytest.raises(WorkshopError, match=reason):
        perf.measure("sentence_embedder", SAMPLES, **options)


@pytest.mark.slow
def test_the_two_programs_agree(triton_server, slow):
    """Five paired runs, in turn; the median ratio of their rates at 1, 2 and 4 clients. One run shows a wrong unit only."""
    rounds, window = (5, 1_000) if slow else (1, 300)
    rates = {program: [] for program in PROGRAMS}
    for number in range(rounds):
        for program in PROGRAMS[:: 1 if number % 2 else -1]:
            found = perf.measure("sentence_embedder", SAMPLES, clients=(1, 2, 4), window_ms=window, program=program)
            rates[program].append(found["requests_per_s"].to_numpy())
    ratios = np.median(np.array(rates[perf.PYTHON]) / np.array(rates[perf.PERF_ANALYZER]), axis=0)
    factor = 1.25 if slow else 10
    assert (1 / factor < ratios).all() and (ratios < factor).all(), ratios


def test_two_that_measure_through_shared_memory_take_turns(triton_server):
    """perf_analyzer's regions have the same names in each of its processes."""
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(perf.measure, "sentence_embedder", SAMPLES, protocol="grpc", shared_memory="system", window_ms=200)
            for _ in range(2)
        ]
        assert [len(table.result()) for table in both] == [1, 1]
