"""How fast a served model answers: one function over NVIDIA's perf_analyzer, or over Python clients where it cannot run.

Both send real inputs in a closed loop, each client its next request when the last one is answered, and both results carry
the server's own statistics of the same time. https://github.com/triton-inference-server/perf_analyzer
"""

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from workshop.errors import WorkshopError
from workshop.machine import services
from workshop.triton import installation, server, traffic

PERF_ANALYZER, PYTHON = "perf_analyzer", "python"
LIBRARIES = {"libb64.so.0d": "libb64-*.so.0d", "libcudart.so.12": "libcudart-*.so.12.*"}
"""What perf_analyzer is linked against, and the files of the server's wheel that are that."""
WINDOWS = 3
"""perf_analyzer measures so many windows and takes their mean."""
OUTPUT_BYTES = 1 << 24
"""Shared memory for each output of any size; perf_analyzer's default holds 100 kB."""
TOO_SHORT = "larger time window|increase the --measurement-interval|find the requested model version"
"""What perf_analyzer says of windows that hold too few requests; the last, where the server counted none of any version."""
LONGEST_WINDOW_MS = 30_000
"""A window in which no request has begun and ended is doubled, up to this."""
WARM_UP = 4
"""Requests before perf_analyzer's own."""
COLUMNS = (
    *("clients", "requests_per_s", "inferences_per_s", "mean_ms", "p50_ms", "p95_ms", "p99_ms"),
    *("queue_ms", "compute_ms", "inferences", "executions", "mean_batch_size", "measured_by"),
)

Sample = Mapping[str, np.ndarray]


def measure(
    model: str,
    samples: Sequence[Sample],
    *,
    clients: Sequence[int] = (1,),
    batch_size: int = 1,
    protocol: str = "http",
    tensors: str = "binary",
    shared_memory: str = "none",
    window_ms: int = 1_000,
    program: str | None = None,
) -> pd.DataFrame:
    """Ask a model as fast as it answers, from several clients at once.

    Args:
        model: that the server serves.
        samples: inputs by name, each without the batch dimension where the model has one; strings as bytes or str. They
            are sent in turn, over and over.
        clients: how many ask at once, a measurement each.
        batch_size: samples of a request; 1 for a model with max_batch_size 0.
        protocol: "http" or "grpc".
        tensors: "binary", or "json" over HTTP.
        shared_memory: "none", or "system" for inputs and outputs; the latter with perf_analyzer only.
        window_ms: how long a window is, at least; three are measured.
        program: "perf_analyzer" or "python"; by default the first where it can run.

    Returns:
        A row for each number of clients. `requests_per_s` and `inferences_per_s` (samples) are what the clients saw, as are
        the mean and the percentiles of a request's latency, `mean_ms`, `p50_ms`, `p95_ms` and `p99_ms`; `queue_ms` and
        `compute_ms` are means of a request in the server's statistics, `inferences` and `executions` its counts, warm-up
        included, and `mean_batch_size` what follows from them. `measured_by` names the program.

    Raises:
        WorkshopError: an option is not one of these, or the measurement failed; the message quotes why.
    """
    for name, value, allowed in (
        ("protocol", protocol, ("http", "grpc")),
        ("tensors", tensors, ("binary", "json") if protocol == "http" else ("binary",)),
        ("shared_memory", shared_memory, ("none", "system")),
        ("program", program, (None, PERF_ANALYZER, PYTHON)),
    ):
        if value not in allowed:
            raise WorkshopError(f"{name} {value!r}: choose one of {', '.join(map(repr, allowed))}")
    if not samples or batch_size < 1 or min(clients, default=0) < 1:
        raise WorkshopError("give at least one sample, and clients and a batch size of 1 or more")
    if program is None:
        program = PERF_ANALYZER if perf_analyzer() else PYTHON
    if program == PERF_ANALYZER and perf_analyzer() is None:
        raise WorkshopError("perf_analyzer cannot run here: it comes with tritonclient 2.51.0 on Linux (x86-64, aarch64)")
    if program == PYTHON and shared_memory != "none":
        raise WorkshopError("shared memory is measured by perf_analyzer only")
    try:
        if program == PERF_ANALYZER:
            return _by_perf_analyzer(model, samples, clients, batch_size, protocol, tensors, shared_memory, window_ms)
        return _by_python(model, samples, clients, batch_size, protocol, tensors, window_ms)
    except (InferenceServerException, OSError) as error:
        raise WorkshopError(f"{model} cannot be measured: {error}") from error


@functools.cache
def perf_analyzer() -> Path | None:
    """The program that tritonclient's wheel brings, or None where it is missing or does not run."""
    path = Path(sys.executable).parent / "perf_analyzer"
    try:
        return path if not subprocess.run([path, "--version"], env=_environment(), capture_output=True).returncode else None
    except OSError:
        return None


def _environment() -> dict[str, str]:
    """The environment in which perf_analyzer finds the two libraries that its wheel lacks and the server's brings."""
    folder = services.folder("triton") / "perf_analyzer"
    folder.mkdir(exist_ok=True)
    for name, pattern in LIBRARIES.items():
        link, found = folder / name, next(installation.wheel_libraries().glob(pattern), None)
        if found is not None and not link.exists():
            link.unlink(missing_ok=True)  # a link to a wheel that is gone
            link.symlink_to(found)
    paths = [str(folder), os.environ.get("LD_LIBRARY_PATH", "")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, paths))}


def input_data(samples: Sequence[Sample]) -> dict[str, Any]:
    """Samples as perf_analyzer's `--input-data` wants them: flat contents with their shapes."""
    return {
        "data": [
            {
                name: {"content": list(map(_plain, array.reshape(-1))), "shape": list(array.shape)}
                for name, array in s.items()
            }
            for s in samples
        ]
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def _by_perf_analyzer(
    model: str,
    samples: Sequence[Sample],
    clients: Sequence[int],
    batch_size: int,
    protocol: str,
    tensors: str,
    shared_memory: str,
    window_ms: int,
) -> pd.DataFrame:
    rows = []
    # A model's first calls may take longer than a window; perf_analyzer then gives up.
    module, url, requests, wanted = _requests(model, samples, batch_size, protocol, tensors)
    with module.InferenceServerClient(url) as client:
        for request in requests[:WARM_UP]:
            client.infer(model, request, outputs=wanted)
    with contextlib.ExitStack() as alone, tempfile.TemporaryDirectory(prefix="perf-") as folder:
        data, report = Path(folder) / "input.json", Path(folder) / "report.csv"
        data.write_text(json.dumps(input_data(samples)))
        if shared_memory != "none":  # two programs at once would give their regions the same names
            alone.enter_context(services.exclusive("perf_analyzer"))
        for count in clients:
            command = [str(perf_analyzer()), "-m", model, "-i", protocol, "-b", str(batch_size)]
            command += ["-u", server.http_url() if protocol == "http" else server.grpc_url()]
            command += ["--concurrency-range", f"{count}:{count}", "--max-threads", str(max(count, 16))]
            command += ["--input-data", str(data), "--shared-memory", shared_memory]
            command += ["--output-shared-memory-size", str(OUTPUT_BYTES)] if shared_memory != "none" else []
            command += ["--input-tensor-format", tensors, "--output-tensor-format", tensors]
            # Windows that differ are not thrown away: what they say is in the spread of repeated measurements.
            command += ["--stability-percentage", "999", "--max-trials", str(WINDOWS)]
            command += ["-f", str(report), "--verbose-csv", "--measurement-interval"]
            window = window_ms
            while True:
                before = traffic.statistics(model)
                done = subprocess.run([*command, str(window)], env=_environment(), capture_output=True, text=True)
                if done.returncode == 0 and report.exists():
                    break
                said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
                # A request counts that begins and ends within a window.
                if any(re.search(TOO_SHORT, line) for line in said) and window < LONGEST_WINDOW_MS:
                    window *= 2
                    continue
                reason = [line for line in said if re.search("error|fail|no valid", line, re.IGNORECASE)] or said[-3:]
                raise WorkshopError(f"perf_analyzer failed: {' '.join(reason)}")
            counted = traffic.statistics_difference((before, traffic.statistics(model)))
            rows.append(_row(pd.read_csv(report).iloc[-1], counted, batch_size))
            report.unlink()
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(seen: Mapping[str, float], counted: Mapping[str, float], batch_size: int) -> dict[str, Any]:
    """A row of the result from one of perf_analyzer's report, whose latencies are in microseconds."""
    return {
        "clients": int(seen["Concurrency"]),
        "requests_per_s": seen["Inferences/Second"] / batch_size,
        "inferences_per_s": seen["Inferences/Second"],
        "mean_ms": seen["Avg latency"] / 1e3,
        **{f"p{share}_ms": seen[f"p{share} latency"] / 1e3 for share in (50, 95, 99)},
        **_of_the_server(counted),
        "measured_by": PERF_ANALYZER,
    }


def _of_the_server(counted: Mapping[str, float]) -> dict[str, float]:
    return {
        "queue_ms": counted["queue_ms_per_request"],
        "compute_ms": counted["compute_ms_per_request"],
        "inferences": counted["inference_count"],
        "executions": counted["execution_count"],
        "mean_batch_size": counted["mean_batch_size"],
    }


def _by_python(
    model: str,
    samples: Sequence[Sample],
    clients: Sequence[int],
    batch_size: int,
    protocol: str,
    tensors: str,
    window_ms: int,
) -> pd.DataFrame:
    module, url, requests, wanted = _requests(model, samples, batch_size, protocol, tensors)
    rows = []
    with ThreadPoolExecutor(max(clients)) as pool:
        for count in clients:
            loaded = traffic.load(
                lambda client, number: client.infer(model, requests[number % len(requests)], outputs=wanted),
                model=model,
                clients=count,
                seconds=WINDOWS * window_ms / 1e3,
                pool=pool,
                connect=lambda: module.InferenceServerClient(url),
            )
            found = traffic.load_summary([loaded])
            rate = loaded.requests_per_s
            seen = {"clients": count, "requests_per_s": rate, "inferences_per_s": rate * batch_size}
            latency = {"mean_ms": np.mean(loaded.latencies) * 1e3}
            latency |= {name: found[name] for name in ("p50_ms", "p95_ms", "p99_ms")}
            rows.append({**seen, **latency, **_of_the_server(found), "measured_by": PYTHON})
    return pd.DataFrame(rows, columns=COLUMNS)


def _requests(
    model: str, samples: Sequence[Sample], batch_size: int, protocol: str, tensors: str
) -> tuple[Any, str, list[list[Any]], list[Any]]:
    """tritonclient's module for the protocol, the server's address, the inputs of requests, and the outputs to ask for."""
    module, url = (httpclient, server.http_url()) if protocol == "http" else (grpcclient, server.grpc_url())
    with httpclient.InferenceServerClient(server.http_url()) as client:
        config = client.get_model_config(model)
    batching, binary = config["max_batch_size"] > 0, tensors == "binary"
    requests = []
    for start in range(0, len(samples), batch_size):
        chosen = [samples[(start + place) % len(samples)] for place in range(batch_size)]
        requests.append(_tensors(module, chosen, batching, binary))
    options = {"binary_data": binary} if protocol == "http" else {}
    return module, url, requests, [module.InferRequestedOutput(spec["name"], **options) for spec in config["output"]]


def _tensors(module: Any, samples: Sequence[Sample], batching: bool, binary: bool) -> list[Any]:
    """The inputs of a request: samples stacked where the model batches."""
    tensors = []
    for name in samples[0]:
        array = np.stack([sample[name] for sample in samples]) if batching else np.asarray(samples[0][name])
        if array.dtype.kind in "SU":
            array = array.astype(np.object_)
        if array.dtype == np.object_:
            encoded = [text.encode() if isinstance(text, str) else text for text in array.reshape(-1)]
            array = np.array(encoded, dtype=np.object_).reshape(array.shape)
        tensors.append(module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)))
        tensors[-1].set_data_from_numpy(array, **({} if module is grpcclient else {"binary_data": binary}))
    return tensors
