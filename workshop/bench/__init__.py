"""Benchmarks on a running Triton server: measure, print tables, leave `benchmarks/results/NAME.json`.

A benchmark is a module with the models that must be served (`MODELS`), the packages whose versions matter (`PACKAGES`),
`measure(quick=…, tell=…)`, which returns its settings and its results as JSON values with the units in the keys, and
`tables(report)`, which makes of the whole report what is printed.
"""

import contextlib
import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console

from workshop import settings
from workshop.errors import WorkshopError
from workshop.triton import server

BENCHMARKS = {"text": "workshop.bench.text"}
"""Names as `workshop bench` takes them, and the modules behind them."""


def run(names: Sequence[str], *, quick: bool = False, console: Console) -> None:
    """Run benchmarks, all of them if no names are given; print their tables and write their reports.

    A server that runs is used as it is; where there is none, the embedded one is started and stopped again.

    Args:
        names: keys of `BENCHMARKS`.
        quick: fewer texts and repetitions. The report is NAME.quick.json: a look never replaces a measurement.
        console: where progress and tables go.

    Raises:
        WorkshopError: a name is unknown, or the server cannot be measured; the message says what to do.
    """
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise WorkshopError(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        benchmark = importlib.import_module(BENCHMARKS[name])
        with progress(console) as tell, serving(tell):
            server.require(*benchmark.MODELS)
            measured, results = benchmark.measure(quick=quick, tell=tell)
            report = {
                "benchmark": name,
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "hardware": hardware(),
                "versions": versions(benchmark.PACKAGES),
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
def serving(tell: Callable[[str], None]) -> Iterator[None]:
    """Make sure that a server answers; one that is started here is stopped at the end."""
    started = False
    if not server.external():
        tell("looking for Triton, starting it if it does not run")
        _, started = server.up()
    try:
        yield
    finally:
        if started:
            server.down()


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


def versions(packages: Sequence[str]) -> dict[str, str | None]:
    """Versions of Python, of the server that answers and of packages."""
    found = {package: importlib.metadata.version(package) for package in packages}
    return {"python": platform.python_version(), "tritonserver": server.version(), **found}


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, minimum and maximum of figures, one for each round."""
    return {"median": float(np.median(values)), "min": float(min(values)), "max": float(max(values))}


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> dict[str, float]:
    """Summary of the ratios of figures that were measured in the same round: what slows a whole round cancels out."""
    return summary([above / below for above, below in zip(numerators, denominators, strict=True)])


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile in milliseconds of latencies in seconds, interpolated linearly."""
    return {f"p{share}_ms": float(np.percentile(seconds, share)) * 1e3 for share in (50, 95, 99)}


def statistics_difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    """What a model did between two answers of `get_inference_statistics`, HTTP or gRPC as JSON, all versions together.

    An inference is one element of a batch, an execution is one call of the model. Queue time is what a request waits
    to be scheduled (for others to share its batch, too), compute time is the execution that it is part of.
    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md

    Raises:
        WorkshopError: the counts did not grow. The model was loaded anew in between, or was not asked at all.
    """
    old, new = _totals(before), _totals(after)
    grown = {key: new[key] - old[key] for key in new}
    if min(grown.values()) < 0 or not (grown["requests"] and grown["executions"]):
        raise WorkshopError("the server's statistics did not grow: was the model loaded anew meanwhile? Run it again")
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
        spent = model["inference_stats"]
        totals["requests"] += int(spent["success"].get("count", 0))
        totals["failed"] += int(spent["fail"].get("count", 0))
        totals["inferences"] += int(model.get("inference_count", 0))
        totals["executions"] += int(model.get("execution_count", 0))
        totals["queue_ns"] += int(spent["queue"].get("ns", 0))
        for phase in ("compute_input", "compute_infer", "compute_output"):
            totals["compute_ns"] += int(spent[phase].get("ns", 0))
    return totals
