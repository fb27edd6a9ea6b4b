"""Benchmarks on running servers: measure, print tables, leave `benchmarks/results/NAME.json`.

A benchmark is a module with the services of the course that it needs (`SERVICES`), the models that must be served
(`MODELS`, of Triton), the packages whose versions matter (`PACKAGES`), `measure(quick=…, tell=…)`, which returns its
settings and its results as JSON values with the units in the keys, and `tables(report)`, which makes of the whole report
what is printed. A benchmark without services starts what it measures itself.
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
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from arango.exceptions import ArangoServerError
from rich.console import Console
from rich.table import Table
from tritonclient.utils import InferenceServerException

from workshop import arango, settings, triton
from workshop.errors import WorkshopError
from workshop.machine.serving import serving
from workshop.progress import progress
from workshop.triton.traffic import summary

SERVERS = {"triton": triton, "arango": arango}
"""The services that a benchmark may name."""
BENCHMARKS = {name: f"workshop.bench.{name}" for name in ("text", "engines", "store", "graph", "graphsage", "pipelines")}
"""Names as `workshop bench` takes them, and the modules behind them."""


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
            tell = stack.enter_context(progress(console, f"benchmark {name}"))
            tell(f"benchmark {name}: loading the libraries")
            benchmark = importlib.import_module(BENCHMARKS[name])
            for service in benchmark.SERVICES:
                stack.enter_context(serving(SERVERS[service], tell))
            if benchmark.MODELS:
                triton.require(*benchmark.MODELS)
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
    answering = {"tritonserver": triton.version()} if "triton" in services else {}
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


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> dict[str, float]:
    """Summary of the ratios of figures that were measured in the same round: what slows a whole round cancels out."""
    return summary([above / below for above, below in zip(numerators, denominators, strict=True)])


def span(figures: dict[str, float], digits: int = 0) -> str:
    """A summary as a table shows it: median (min–max)."""
    return f"{figures['median']:.{digits}f} ({figures['min']:.{digits}f}–{figures['max']:.{digits}f})"


def table(title: str, headers: str) -> Table:
    """An empty table; headers are divided by `|`, the first column is text, the others are figures."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, header in enumerate(headers.split("|")):
        made.add_column(header, justify="right" if number else "left")
    return made
