"""Reading the text of pages in five ways: the pipeline in the client, in the server as an ensemble and as BLS, in process.

All read the same pages in one run, in turns whose order rotates. A round trip to the server is simulated: every request of
a client waits so long before it is sent, while the server is on this machine. Bandwidth is not simulated.
"""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import tritonclient.http as httpclient

from workshop import bench, triton
from workshop.bench import pipeline_ways
from workshop.bench.pipeline_ways import A_CROP, BATCHED, BLS, ENSEMBLE, NETWORKS, RAPIDOCR, SHARED, Way
from workshop.triton import traffic
from workshop.vision import pages

SERVICES = ("triton",)
MODELS = ("ocr", "ocr_ensemble", *NETWORKS)
PACKAGES = ("tritonclient", "rapidocr-onnxruntime", "onnxruntime", "opencv-python-headless", "numpy")
ONE_PAGE, MIXED = "one page", "mixed pages"
CLIENTS = 4
STEPS = {BLS: ("ocr", *NETWORKS), ENSEMBLE: ("ocr_pixels", "ocr_crops", "ocr_upright", "ocr_texts", *NETWORKS)}
"""The models whose statistics tell where the time goes."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    lines: int
    """Of the one page."""
    mixed: tuple[int, ...]
    """Numbers of drawn pages, those with the most lines first: clients that share them end at about the same time."""
    round_trip_ms: float
    mixed_far: bool
    """Whether the mixed pages are read over the round trip too."""


FULL = Plan(3, 20, (19, 15, 5, 0), 20.0, mixed_far=True)
QUICK = Plan(1, 5, (11, 10), 20.0, mixed_far=False)


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured together: pages, how many clients read them at once, and the round trip."""

    pages: str
    clients: int
    round_trip_ms: float


def cases(plan: Plan) -> list[Case]:
    """All that are measured."""
    far = plan.round_trip_ms
    found = [Case(ONE_PAGE, 1, 0.0), Case(ONE_PAGE, 1, far), Case(MIXED, 1, 0.0)]
    found += [Case(ONE_PAGE, CLIENTS, 0.0), Case(MIXED, CLIENTS, 0.0)]
    return found + [Case(MIXED, clients, far) for clients in (1, CLIENTS) if plan.mixed_far]


def measure(*, quick: bool, tell: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure on the running server; return the settings and the results, as JSON values."""
    plan = QUICK if quick else FULL
    tell("drawing the pages")
    names = pages.names(max(plan.mixed) // 2 * 2 + 2)
    sets = {ONE_PAGE: [pages.lines_page(pages.some_lines(plan.lines))]}
    sets[MIXED] = [pages.page(names[number]) for number in plan.mixed]
    files = {name: [page.encoded() for page in drawn] for name, drawn in sets.items()}
    ways = pipeline_ways.ways(CLIENTS)
    read, sent = first_look(files, ways, tell)
    seconds, spent = in_turns(plan, files, ways, tell)
    results = {
        "pages_per_s": [
            {**dataclasses.asdict(case), "ways": {name: _rates(of_ways[name]) for name in ways if name in of_ways}}
            for case, of_ways in seconds.items()
        ],
        "ratios": ratios(seconds, plan),
        "requests": sent,
        "agreement": pipeline_ways.agreement(
            [page.name for drawn in sets.values() for page in drawn],
            {name: [lines for drawn in of.values() for lines in drawn] for name, of in read.items()},
        ),
        "in_the_server": {name: in_the_server(spans, plan.rounds) for name, spans in spent.items()},
    }
    described = {**dataclasses.asdict(plan), "clients": CLIENTS, "server": "external" if triton.external() else "embedded"}
    described |= {"pages": {name: [about(page, data) for page, data in zip(sets[name], files[name])] for name in sets}}
    return {**described, **threads()}, results


def _rates(seconds: Sequence[float]) -> dict[str, float]:
    return bench.summary([1 / took for took in seconds])


def about(page: pages.Page, data: bytes) -> dict[str, Any]:
    """A page in the settings."""
    height, width = page.picture.shape[:2]
    return {"name": page.name, "lines": len(page.lines), "pixels": [width, height], "file_bytes": len(data)}


def threads() -> dict[str, Any]:
    """Threads and instances: what each way computes with."""
    default = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    found: dict[str, Any] = {
        "threads_by_default": default,
        "threads_by_default_from": "ONNX Runtime's: one a core for each session; they spin for a while when they are idle",
        "rapidocr_threads_per_session": default,
        "rapidocr_threads_from": "its intra_op_num_threads of -1 leaves the default; an engine has three sessions",
        "rapidocr_engines": "one for each client, or one for all, whose sessions several threads may run at once",
        "models": {},
    }
    with httpclient.InferenceServerClient(triton.http_url()) as client:
        for model in ("ocr", *NETWORKS):
            config = client.get_model_config(model)
            given = config.get("parameters", {}).get("intra_op_thread_count", {}).get("string_value", "0")
            found["models"][model] = {"instances": sum(group["count"] for group in config["instance_group"])}
            if model in NETWORKS:
                found["models"][model]["threads_per_instance"] = int(given) or default
    return found


def first_look(
    files: dict[str, list[bytes]], ways: dict[str, Way], tell: Callable[[str], None]
) -> tuple[dict[str, dict[str, list[pipeline_ways.Lines]]], dict[str, dict[str, dict[str, float]]]]:
    """What each way reads, and what it sends and gets a page, by set of pages; what runs for the first time runs here."""
    read: dict[str, dict[str, list[pipeline_ways.Lines]]] = {}
    sent: dict[str, dict[str, dict[str, float]]] = {name: {} for name in files}
    for way in ways:
        if way != SHARED:
            tell(f"first look: {way}")
            read[way] = {}
            for name, data in files.items():
                read[way][name], sent[name][way] = pipeline_ways.traffic_of(ways[way], data)
    return read, sent


def in_turns(
    plan: Plan, files: dict[str, list[bytes]], ways: dict[str, Way], tell: Callable[[str], None]
) -> tuple[dict[Case, dict[str, list[float]]], dict[str, list[tuple[Any, Any]]]]:
    """Seconds a page of each way in each case, a figure a round; and the statistics of `STEPS`, before and after."""
    seconds: dict[Case, dict[str, list[float]]] = {case: {} for case in cases(plan)}
    spent: dict[str, list[tuple[Any, Any]]] = {}
    with ThreadPoolExecutor(CLIENTS) as pool:
        for number in range(plan.rounds):
            for place, (case, measured) in enumerate(seconds.items()):
                clients = _clients(case.clients)
                tell(f"round {number + 1} of {plan.rounds}: {case.pages}, {clients}, {case.round_trip_ms:g} ms")
                given = files[case.pages] * (case.clients if case.pages == ONE_PAGE else 1)
                for name in bench.rotated(list(ways), number + place):
                    if (name == SHARED and case.clients == 1) or (case.round_trip_ms and not ways[name].remote):
                        continue
                    watched = STEPS.get(name, ()) if case == Case(ONE_PAGE, 1, 0.0) else ()
                    before = [traffic.statistics(model) for model in watched]
                    measured.setdefault(name, []).append(load(ways[name], given, case, pool) / len(given))
                    for model, first in zip(watched, before):
                        spent.setdefault(f"{name}: {model}", []).append((first, traffic.statistics(model)))
    return seconds, spent


def load(way: Way, files: Sequence[bytes], case: Case, pool: ThreadPoolExecutor) -> float:
    """Seconds in which clients read pages: each takes the next one when it has read one.

    Args:
        way: how they read.
        files: the pages.
        case: tells how many clients, and their round trip.
        pool: has a thread for each client.
    """
    waiting, started = iter(files), {}
    lock, failed = threading.Lock(), threading.Event()
    barrier = threading.Barrier(case.clients, action=lambda: started.update(time=time.perf_counter()))

    def work(number: int) -> None:
        with way.connect(number, case.round_trip_ms / 1e3) as client:
            try:
                barrier.wait(timeout=60)
                while not failed.is_set():
                    with lock:
                        data = next(waiting, None)
                    if data is None:
                        return
                    way.read(data, client)
            except BaseException:
                failed.set()
                raise

    futures = [pool.submit(work, number) for number in range(case.clients)]
    try:
        for future in futures:
            future.result()
    finally:
        failed.set()  # Ctrl-C, or one that failed: the others stop after the page that they read
    return time.perf_counter() - started["time"]


def in_the_server(spans: Sequence[tuple[dict[str, Any], dict[str, Any]]], read: int) -> dict[str, float]:
    """A model's requests, and its milliseconds in the queue and computing, for each of `read` pages."""
    found = traffic.statistics_difference(*spans)
    grown: Counter[str] = Counter()
    for before, after in spans:
        for sign, answer in ((-1, before), (1, after)):
            for version in answer["model_stats"]:
                grown["requests"] += sign * int(version["inference_stats"]["success"].get("count", 0))
    each = grown["requests"] / read
    queue, compute = found["queue_ms_per_request"], found["compute_ms_per_request"]
    return {"requests_per_page": each, "queue_ms_per_page": queue * each, "compute_ms_per_page": compute * each}


@dataclasses.dataclass(frozen=True)
class Question:
    """A ratio that is asked for: of pages/s, or of the time a page."""

    of: str
    way: str
    to: str
    case: Case
    target: str = ""


def questions(plan: Plan) -> list[Question]:
    """What the measurement is to answer."""
    here, far = Case(ONE_PAGE, 1, 0.0), Case(ONE_PAGE, 1, plan.round_trip_ms)
    together = (Case(ONE_PAGE, CLIENTS, 0.0), Case(MIXED, CLIENTS, 0.0))
    return [
        *(Question("pages/s", BLS, RAPIDOCR, case, "≥ 0.9") for case in (here, Case(MIXED, 1, 0.0))),
        *(Question("pages/s", BLS, RAPIDOCR, case, "≥ 1.2") for case in together),
        *(Question("pages/s", BLS, SHARED, case) for case in together),
        *(Question("time a page", A_CROP, BLS, case) for case in (here, far)),
        Question("time a page", BLS, BATCHED, here, "≤ 1.1"),
        Question("time a page", BLS, BATCHED, far),
        *(Question("time a page", ENSEMBLE, BLS, case) for case in (here, Case(MIXED, 1, 0.0))),
    ]


def ratios(seconds: dict[Case, dict[str, list[float]]], plan: Plan) -> list[dict[str, Any]]:
    """The answers, each with its question: ratios of the same rounds."""
    found = []
    for asked in questions(plan):
        way, to = (seconds[asked.case][name] for name in (asked.way, asked.to))
        above, below = (to, way) if asked.of == "pages/s" else (way, to)
        described = {"of": asked.of, "way": asked.way, "to": asked.to, **dataclasses.asdict(asked.case)}
        found.append({**described, "target": asked.target, **bench.ratios(above, below)})
    return found


# Tables


def tables(report: dict[str, Any]) -> list[Any]:
    """What is printed: rates, ratios, what is sent, where the time goes, and what was read differently."""
    results, given, machine = report["results"], report["settings"], report["hardware"]
    lines = [str(page["lines"]) for page in given["pages"][MIXED]]
    sets = {ONE_PAGE: f"a page of {given['lines']} lines", MIXED: f"{len(lines)} pages of {', '.join(lines)} lines"}
    cores, server = machine["cores_available"], f"Triton {report['versions']['tritonserver']}, {given['server']}"
    return [
        f"{machine['cpu']}, {cores} cores; {server}; {given['threads_by_default']} threads a session unless configured",
        f"a round trip of {given['round_trip_ms']:g} ms is simulated: requests wait so long before they are sent\n",
        *_rate_tables(results["pages_per_s"], sets, given["rounds"]),
        _ratio_table(results["ratios"]),
        *_sent(results["requests"], sets),
        _inside(results["in_the_server"], given),
        *_agreement(results["agreement"]),
    ]


def _rate_tables(rows: list[dict[str, Any]], sets: dict[str, str], rounds: int) -> list[Any]:
    found = []
    for name, words in sets.items():
        of_set = [row for row in rows if row["pages"] == name]
        of_set.sort(key=lambda row: (row["clients"], row["round_trip_ms"]))
        headers = [f"{_clients(row['clients'])}\n{row['round_trip_ms']:g} ms" for row in of_set]
        title = f"Pages/s, {words}: median (min–max), rounds: {rounds}"
        shown = bench.table(title, "|".join(["way", *headers]))
        for way in max((row["ways"] for row in of_set), key=len):
            cells = [row["ways"].get(way) for row in of_set]
            shown.add_row(way, *("" if cell is None else bench.span(cell, 2) for cell in cells))
        found.append(shown)
    return found


def _clients(count: int) -> str:
    return f"{count} client{'s' * (count > 1)}"


def _ratio_table(rows: list[dict[str, Any]]) -> Any:
    shown = bench.table("Ratios of the same rounds", "ratio|pages|clients|round\ntrip, ms|median (min–max)|target")
    for row in rows:
        asked = f"{row['of']}: {row['way']} / {row['to']}"
        where = (row["pages"], str(row["clients"]), f"{row['round_trip_ms']:g}")
        shown.add_row(asked, *where, bench.span(row, 2), row["target"])
    return shown


def _sent(requests: dict[str, Any], sets: dict[str, str]) -> list[Any]:
    found = []
    for name, of_ways in requests.items():
        shown = bench.table(f"What is sent for a page: {sets[name]}", "way|requests|sent\nkB|received\nkB")
        for way, row in of_ways.items():
            sizes = [f"{row[key] / 1e3:,.1f}" for key in ("sent_bytes_per_page", "received_bytes_per_page")]
            shown.add_row(way, f"{row['requests_per_page']:.1f}", *sizes)
        found.append(shown)
    return found


def _inside(spent: dict[str, Any], given: dict[str, Any]) -> Any:
    title = f"In the server's statistics, one client, a page of {given['lines']} lines"
    shown = bench.table(title, "way: model|requests|queue\nms|compute\nms")
    for name, row in spent.items():
        times = [f"{row[key]:.1f}" for key in ("queue_ms_per_page", "compute_ms_per_page")]
        shown.add_row(name, f"{row['requests_per_page']:.1f}", *times)
    return shown


def _agreement(found: dict[str, Any]) -> list[Any]:
    shown = bench.table("Whether all read the same", "way|lines|text equal\nto BLS|box farthest\nfrom BLS, px")
    for way, row in found["ways"].items():
        share = f"{row['equal_share'] * 100:.1f} %"
        shown.add_row(way, str(row["lines"]), share, f"{row['largest_box_difference_px']:.2f}")
    if not found["differences"]:
        return [shown]
    title = f"Texts that differ: {len(found['differences'])} of {found['differences_in_all']}"
    listed = bench.table(title, "page|way|text|by BLS")
    for row in found["differences"]:
        listed.add_row(row["page"], row["way"], *(repr(row[key]) if row[key] else "no line" for key in ("text", "by_bls")))
    return [shown, listed]
