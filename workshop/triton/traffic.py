"""Load from several clients at once, and what the server counted meanwhile.

A closed loop: each client sends its next request when the last one is answered.
"""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import tritonclient.http as httpclient

from workshop.errors import WorkshopError
from workshop.triton import server

COMPUTE = ("compute_input", "compute_infer", "compute_output")
"""The phases of a request's execution in the server's statistics."""


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, minimum and maximum of figures, one for each round."""
    return {"median": float(np.median(values)), "min": float(min(values)), "max": float(max(values))}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile in milliseconds of latencies in seconds, interpolated linearly."""
    return {f"p{share}_ms": float(np.percentile(seconds, share)) * 1e3 for share in (50, 95, 99)}


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
    ask: Callable[[Any, int], Any],
    *,
    model: str,
    clients: int,
    seconds: float,
    pool: ThreadPoolExecutor,
    connect: Callable[[], Any] | None = None,
) -> Load:
    """Have several clients ask at once, each its next request when the last is answered (a closed loop).

    Args:
        ask: sends the request of this number and waits for the answer; each thread has a client of its own.
        model: whose statistics are read before and after.
        clients: how many; a first request of each, to connect, is not counted.
        seconds: how long they ask; requests under way then are answered and counted. Each asks once at least.
        pool: has at least `clients` free threads. One pool serves many loads: each new thread would leave an event loop
            of tritonclient.http behind, with its file descriptors.
        connect: opens a client, to be closed by leaving its context; by default one of tritonclient.http.
    """
    url, stop, start = server.http_url(), threading.Event(), {}
    connect = connect or (lambda: httpclient.InferenceServerClient(url))

    def begin() -> None:
        start["statistics"] = statistics(model)
        start["time"] = time.perf_counter()

    barrier = threading.Barrier(clients, action=begin)

    def work(number: int) -> list[float]:
        latencies: list[float] = []
        with connect() as client:
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
