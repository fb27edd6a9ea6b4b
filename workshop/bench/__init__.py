"""Benchmarks on running servers: measure, print tables, leave `benchmarks/results/NAME.json`.

A benchmark is a module with the services of the course that it needs (`SERVICES`), the models that must be served
(`MODELS`, of Triton), the packages whose versions matter (`PACKAGES`), `measure(quick=…, tell=…)`, which returns its
settings and its results as JSON values with the units in the keys, and `tables(report)`, which makes of the whole report
what is printed. A benchmark without services starts what it measures itself.
"""

import contextlib
import dataclasses
import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import tritonclient.http as httpclient
from arango.exceptions import ArangoServerError
from rich.console import Console
from rich.table import Table
from tritonclient.utils import InferenceServerException

from workshop import arango, settings
from workshop.errors import WorkshopError
from workshop.triton import server

BENCHMARKS = {name: f"workshop.bench.{name}" for name in ("text", "store", "graph", "graphsage")}
"""Names as `workshop bench` takes them, and the modules behind them."""
COMPUTE = ("compute_input", "compute_infer", "compute_output")
"""The phases of a request's execution in the server's statistics."""


def run(names: Sequence[str], *, quick: bool = False, console: Console) -> None:
    """Run benchmarks, all of them if no names are given; print their tables and write their reports.

    A service that runs is used as it is; where there is none, the embedded one is started and stopped again.

    Args:
        names: keys of `BENCHMARKS`.
        quick: less data and fewer repetitions. The report is NAME.quick.json: a look never replaces a measurement.
        console: where progress and tables go.

    Raises:
        WorkshopError: a name is unknown, or the server cannot be measured; the message says what to do.
    """
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise WorkshopError(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        with contextlib.ExitStack() as stack:
            tell = stack.enter_context(progress(console))
            tell(f"benchmark {name}: loading the libraries")
            benchmark = importlib.import_module(BENCHMARKS[name])
            for service in benchmark.SERVICES:
                stack.enter_context(SERVING[service](tell))
            if benchmark.MODELS:
                server.require(*benchmark.MODELS)
            try:
                measured, results = benchmark.measure(quick=quick, tell=tell)
            except (InferenceServerException, ArangoServerError, OSError) as error:
                raise WorkshopError(f"benchmark {name}: the server failed ({error}); see `workshop status`") from error
            report = {
                "benchmark": name,
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "hardware": hardware(),
                "versions": versions(benchmark.PACKAGES, benchmark.SERVICES),
                "settings": {"quick": quick, **measured},
                "results": results,
            }
        path = write(report)
        for part in benchmark.tables(report):
            console.print(part)
        console.print(f"written: {settings.shown(path)}")


@contextlib.contextmanager
def progress(console: Console) -> Iterator[Callable[[str], None]]:
    """A function that says what is being measured: a live line on a terminal, a line for each news elsewhere."""
    with console.status("") if console.is_terminal else contextlib.nullcontext() as status:
        yield lambda text: console.print(f"  {text}") if status is None else status.update(text)


@contextlib.contextmanager
def triton_serving(tell: Callable[[str], None]) -> Iterator[None]:
    """Make sure that Triton answers; one that is started here is stopped at the end."""
    tell("looking for Triton, starting it if it does not run")
    started = server.ensure()
    try:
        yield
    finally:
        if started:
            server.down()


@contextlib.contextmanager
def arango_serving(tell: Callable[[str], None]) -> Iterator[None]:
    """The same for ArangoDB."""
    tell("looking for ArangoDB, starting it if it does not run")
    started = arango.ensure()
    try:
        yield
    finally:
        if started:
            arango.down()


SERVING = {"triton": triton_serving, "arango": arango_serving}
"""Services that a benchmark may name, and the context managers that see to it that they answer."""


def write(report: dict[str, Any]) -> Path:
    """Write a report to the folder of results, floats with seven significant digits; return its path."""
    suffix = ".quick.json" if report["settings"]["quick"] else ".json"
    path = settings.RESULTS / f"{report['benchmark']}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(report), indent=2, allow_nan=False) + "\n")
    return path


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def hardware() -> dict[str, Any]:
    """The machine that the benchmark runs on: no host name, no paths. `gpu` is None where nvidia-smi finds none."""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return {
        "cpu": _cpu_model(),
        "cores_available": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": _gpu(),
        "os": f"{system}, {platform.system()} {'.'.join(platform.release().split('.')[:2])}, {platform.machine()}",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _gpu() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        names = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.split("\n")
        return ", ".join(name.strip() for name in names if name.strip()) or None
    return None


def versions(packages: Sequence[str], services: Sequence[str]) -> dict[str, str | None]:
    """Versions of Python, of the services that answer and of packages."""
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    answering = {"tritonserver": server.version()} if "triton" in services else {}
    return {"python": platform.python_version(), **answering, **found}


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads in this process."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def rotated(items: list[Any], by: int) -> list[Any]:
    """The items in another order each round: each comes first once in len(items) rounds."""
    by %= len(items)
    return items[by:] + items[:by]


def seconds(call: Callable[[], Any]) -> float:
    """The time that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, minimum and maximum of figures, one for each round."""
    return {"median": float(np.median(values)), "min": float(min(values)), "max": float(max(values))}


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> dict[str, float]:
    """Summary of the ratios of figures that were measured in the same round: what slows a whole round cancels out."""
    return summary([above / below for above, below in zip(numerators, denominators, strict=True)])


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile in milliseconds of latencies in seconds, interpolated linearly."""
    return {f"p{share}_ms": float(np.percentile(seconds, share)) * 1e3 for share in (50, 95, 99)}


def span(figures: dict[str, float], digits: int = 0) -> str:
    """A summary as a table shows it: median (min–max)."""
    return f"{figures['median']:.{digits}f} ({figures['min']:.{digits}f}–{figures['max']:.{digits}f})"


def table(title: str, headers: str) -> Table:
    """An empty table; headers are divided by `|`, the first column is text, the others are figures."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, header in enumerate(headers.split("|")):
        made.add_column(header, justify="right" if number else "left")
    return made


def statistics_difference(*spans: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, float]:
    """What a model did within spans of time, each given as two answers of `get_inference_statistics`, before and after.

    An inference is one element of a batch, an execution is one call of the model. Queue time is what a request waits
    to be scheduled (for others to share its batch, too), compute time is the execution that it is part of.
    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md

    Args:
        *spans: answers over HTTP, or over gRPC as JSON; the versions of a model are added up, and so are the spans.

    Raises:
        WorkshopError: counts did not grow. The model was loaded anew in between, or was not asked at all.
    """
    grown: Counter[str] = Counter()
    for before, after in spans:
        old, new = _totals(before), _totals(after)
        if any(new[key] < old[key] for key in old) or new["executions"] == old["executions"]:
            raise WorkshopError("the server's statistics did not grow: was the model loaded anew meanwhile? Run it again")
        grown.update({key: new[key] - old[key] for key in new})
    return {
        "inference_count": grown["inferences"],
        "execution_count": grown["executions"],
        "failed_requests": grown["failed"],
        "mean_batch_size": grown["inferences"] / grown["executions"],
        "queue_ms_per_request": grown["queue_ns"] / grown["requests"] / 1e6,
        "compute_ms_per_request": grown["compute_ns"] / grown["requests"] / 1e6,
    }


def _totals(statistics: dict[str, Any]) -> dict[str, int]:
    totals = dict.fromkeys(("requests", "failed", "inferences", "executions", "queue_ns", "compute_ns"), 0)
    for model in statistics["model_stats"]:
        # As JSON of gRPC, numbers are strings and zeros are left out.
        spent = {phase: model["inference_stats"].get(phase, {}) for phase in ("success", "fail", "queue", *COMPUTE)}
        totals["requests"] += int(spent["success"].get("count", 0))
        totals["failed"] += int(spent["fail"].get("count", 0))
        totals["inferences"] += int(model.get("inference_count", 0))
        totals["executions"] += int(model.get("execution_count", 0))
        totals["queue_ns"] += int(spent["queue"].get("ns", 0))
        totals["compute_ns"] += sum(int(spent[phase].get("ns", 0)) for phase in COMPUTE)
    return totals


@dataclasses.dataclass(frozen=True)
class Load:
    """What clients that asked at the same time met with."""

    latencies: list[float]
    """Seconds, one for each request."""
    elapsed: float
    """Seconds from the first request to the last answer."""
    before: dict[str, Any]
    after: dict[str, Any]
    """The model's statistics on the server."""

    @property
    def requests_per_s(self) -> float:
        """Throughput of all clients together."""
        return len(self.latencies) / self.elapsed


def load(
    ask: Callable[[httpclient.InferenceServerClient, int], Any],
    *,
    model: str,
    clients: int,
    seconds: float,
    pool: ThreadPoolExecutor,
) -> Load:
    """Have several clients ask at once, each its next request when the last is answered (a closed loop).

    Args:
        ask: sends the request of this number and waits for the answer; each thread has a client of its own.
        model: whose statistics are read before and after.
        clients: how many; a first request of each, to connect, is not counted.
        seconds: how long they ask; requests under way then are answered and counted. Each asks once at least.
        pool: has at least `clients` free threads. One pool serves many loads: each new thread would leave an event loop
            of tritonclient.http behind, with its file descriptors.
    """
    url, stop, start = server.http_url(), threading.Event(), {}

    def begin() -> None:
        start["statistics"] = statistics(model)
        start["time"] = time.perf_counter()

    barrier = threading.Barrier(clients, action=begin)

    def work(number: int) -> list[float]:
        latencies: list[float] = []
        with httpclient.InferenceServerClient(url) as client:
            try:
                ask(client, number)
                barrier.wait(timeout=60)
            except BaseException:
                barrier.abort()
                raise
            now = time.perf_counter()
            while not latencies or (now < start["time"] + seconds and not stop.is_set()):
                began = now
                ask(client, number + clients * (1 + len(latencies)))
                now = time.perf_counter()
                latencies.append(now - began)
        return latencies

    futures = [pool.submit(work, number) for number in range(clients)]
    try:
        wait(futures)
    except BaseException:  # Ctrl-C: the clients stop after the request that they wait for
        stop.set()
        barrier.abort()
        raise
    elapsed = time.perf_counter() - start["time"] if start else 0.0
    errors = [error for future in futures if (error := future.exception())]
    if errors:
        raise next((error for error in errors if not isinstance(error, threading.BrokenBarrierError)), errors[0])
    latencies = [latency for future in futures for latency in future.result()]
    return Load(latencies, elapsed, start["statistics"], statistics(model))


def load_summary(rounds: Sequence[Load]) -> dict[str, Any]:
    """Throughput by rounds; latencies and the server's statistics of all rounds together."""
    latencies = [seconds for measured in rounds for seconds in measured.latencies]
    return {
        "requests": len(latencies),
        "requests_per_s": summary([measured.requests_per_s for measured in rounds]),
        **percentiles(latencies),
        **statistics_difference(*[(measured.before, measured.after) for measured in rounds]),
    }


def statistics(model: str) -> dict[str, Any]:
    """A model's statistics on the server, once it has counted what it has answered."""
    # The server answers a request first and counts its execution right after.
    time.sleep(0.02)
    with httpclient.InferenceServerClient(server.http_url()) as client:
        return client.get_inference_statistics(model)
