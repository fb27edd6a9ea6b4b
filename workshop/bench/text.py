"""Embedding sentences: the old workshop's client, the course's client, the same model in process, concurrent clients.

All variants embed the same texts in one run, in turns whose order rotates, so that whatever else the machine does falls
on all of them alike.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch
import transformers
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from sentence_transformers import SentenceTransformer

from workshop import bench, settings, triton
from workshop.clients import TEXTS_PER_REQUEST, embed
from workshop.errors import WorkshopError
from workshop.text import sentence_model
from workshop.triton import configuration, server, traffic

EMBEDDER, ENCODER = "sentence_embedder", "sentence_bert"
SERVICES = ("triton",)
MODELS = (ENCODER, "sentence_bert_onnx", EMBEDDER)
PACKAGES = ("tritonclient", "torch", "transformers", "sentence-transformers", "numpy")
OLD_CLIENT_TOKENS = 256
"""Tokens that the old workshop's client pads every sentence to."""
IN_PROCESS_BATCH_SIZE = 32
SHORT_SENTENCE = "The film was a joy from start to finish."
CLIENTS = (1, 2, 4, 8, 16)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    old_client_sentences: int
    """The old client is slow: it embeds this many of the texts, evenly spread over all of them."""
    latency_turns: int
    calls_per_turn: int
    concurrency_rounds: int
    seconds_per_load: float
    """How long each number of clients keeps asking, in each round."""
    sentences: int | None = None
    """Texts used, evenly spread; None: all."""


FULL = Plan(6, 40, latency_turns=12, calls_per_turn=10, concurrency_rounds=3, seconds_per_load=2.5)
QUICK = Plan(2, 2, latency_turns=2, calls_per_turn=10, concurrency_rounds=1, seconds_per_load=0.3, sentences=32)


def measure(*, quick: bool, tell: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure on the running server; return the settings and the results, as JSON values.

    Raises:
        WorkshopError: the server may not load models on request, or serves sentence_embedder without dynamic batching.
    """
    plan = QUICK if quick else FULL
    texts = load_texts(plan.sentences)
    threads, source = server_threads()
    with batching_switch() as switch, bench.torch_threads(threads):
        tell("loading the model in process")
        transformers.utils.logging.disable_progress_bar()  # it would write into the progress shown here
        model = SentenceTransformer(sentence_model())
        results = {
            "throughput": throughput(plan, texts, model, tell),
            "latency": latency(plan, model, tell),
            "concurrency": concurrency(plan, texts, switch, tell),
        }
    described = {
        **dataclasses.asdict(plan),
        "sentences": len(texts),
        "words_per_sentence": words_per_sentence(texts),
        "torch_threads": threads,
        "torch_threads_from": source,
        "in_process_device": str(model.device),
        "in_process_batch_size": IN_PROCESS_BATCH_SIZE,
        "course_client_sentences_per_request": TEXTS_PER_REQUEST,
        "old_client_tokens_per_sentence": OLD_CLIENT_TOKENS,
        "server": "external" if server.external() else "embedded",
    }
    return described, results


def load_texts(count: int | None = None) -> list[str]:
    """The texts of the course's two labelled sets: all, or `count` of them, evenly spread."""
    files = [settings.NOTEBOOKS / "data" / name for name in ("topics.csv", "reviews.csv")]
    return spread(pd.concat([pd.read_csv(file)["text"] for file in files]).tolist(), count)


def spread(texts: Sequence[str], count: int | None) -> list[str]:
    """`count` texts at equal distances, all if None."""
    return [texts[index * len(texts) // count] for index in range(min(count, len(texts)))] if count else list(texts)


def words_per_sentence(texts: Sequence[str]) -> dict[str, float]:
    """Median and maximum."""
    words = [len(text.split()) for text in texts]
    return {"median": float(np.median(words)), "max": max(words)}


def server_threads() -> tuple[int, str]:
    """The number of threads that torch uses in the process of sentence_bert, and where that is known from.

    A process of torch takes the model's INTRA_OP_THREAD_COUNT, else OMP_NUM_THREADS, else torch's own default, which is
    found out in this process, on the same machine; ONNX Runtime's default, for sentence_bert_onnx, is also one a core.
    What an external server was started with cannot be seen from here.
    """
    parameters = model_config(ENCODER).get("parameters", {})
    if "INTRA_OP_THREAD_COUNT" in parameters:
        return int(parameters["INTRA_OP_THREAD_COUNT"]["string_value"]), f"INTRA_OP_THREAD_COUNT of {ENCODER}"
    if server.external():
        return torch.get_num_threads(), "assumed: torch's default on this machine"
    with contextlib.suppress(psutil.Error, ValueError, AttributeError, KeyError):
        return int(server.find().process.environ()["OMP_NUM_THREADS"]), "the server's OMP_NUM_THREADS"
    return torch.get_num_threads(), "torch's default"


# Throughput of one client


def throughput(
    plan: Plan, texts: list[str], model: SentenceTransformer, tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Sentences per second of the three variants over several rounds, and how close their vectors are."""
    few = spread(texts, plan.old_client_sentences)
    tokenizer = transformers.AutoTokenizer.from_pretrained(sentence_model())
    variants = {
        "old_client": (few, lambda: old_client(few, tokenizer)),
        "course_client": (texts, lambda: embed(texts)),
        "in_process": (texts, lambda: in_process(model, texts)),
    }
    vectors = {}
    for name, (_, call) in variants.items():
        tell(f"throughput: warm-up of {name.replace('_', ' ')}")
        # TorchScript specialises itself to the shapes that it meets, and is slow in the first two calls.
        vectors[name] = [call() for _ in range(1 if name == "old_client" else 2)][-1]
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(plan.rounds):
        tell(f"throughput: round {number + 1} of {plan.rounds}")
        for name in bench.rotated(list(variants), number):
            given, call = variants[name]
            rates[name].append(len(given) / bench.seconds(call))
    reference = {"old_client": spread(vectors["in_process"], len(few)), "course_client": vectors["in_process"]}
    results: dict[str, dict[str, Any]] = {
        name: {"sentences": len(given), "sentences_per_s": bench.summary(rates[name])}
        for name, (given, _) in variants.items()
    }
    for name, expected in reference.items():
        results[name]["minimum_cosine_to_in_process"] = minimum_cosine(vectors[name], np.asarray(expected))
    results["ratios"] = {
        "course_client_to_in_process": bench.ratios(rates["course_client"], rates["in_process"]),
        "course_client_to_old_client": bench.ratios(rates["course_client"], rates["old_client"]),
    }
    return results


def old_client(texts: Sequence[str], tokenizer: Any) -> np.ndarray:
    """Vectors as the old workshop asked for them, FP32 [len(texts), hidden size].

    For each sentence a new client, the server's metadata and the model's configuration, token ids padded to 256, JSON
    both ways. Unlike there, the mean leaves padding out: the vectors are right, and it takes no longer.
    """
    url, vectors = triton.http_url(), []
    for text in texts:
        client = httpclient.InferenceServerClient(url)
        client.get_server_metadata()
        client.get_model_config(ENCODER)
        encoded = tokenizer(text, padding="max_length", truncation=True, max_length=OLD_CLIENT_TOKENS, return_tensors="np")
        tensors = []
        for name, key in (("input__0", "input_ids"), ("input__1", "attention_mask")):
            tensors.append(httpclient.InferInput(name, encoded[key].shape, "INT32"))
            tensors[-1].set_data_from_numpy(encoded[key].astype(np.int32), binary_data=False)
        output = httpclient.InferRequestedOutput("output__0", binary_data=False)
        tokens = client.infer(ENCODER, tensors, outputs=[output]).as_numpy("output__0")[0]
        client.close()
        mean = tokens[encoded["attention_mask"][0] == 1].mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    return np.stack(vectors)


def in_process(model: SentenceTransformer, texts: Sequence[str]) -> np.ndarray:
    """The reference: sentence-transformers in this process, FP32 [len(texts), hidden size], unit length."""
    return model.encode(list(texts), batch_size=IN_PROCESS_BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False)


def minimum_cosine(vectors: np.ndarray, expected: np.ndarray) -> float:
    """The smallest cosine between rows of the same number."""
    vectors, expected = vectors.astype(np.float64), expected.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((vectors * expected).sum(axis=1) / lengths).min())


# Latency of one short sentence


def latency(plan: Plan, model: SentenceTransformer, tell: Callable[[str], None]) -> dict[str, Any]:
    """Latencies of a short sentence through the server and in process, in turns of several calls each.

    The first call of a turn is not counted: it finds the caches and threads busy with another path.
    """
    url = triton.http_url()
    with httpclient.InferenceServerClient(url) as http, grpcclient.InferenceServerClient(triton.grpc_url()) as grpc:
        paths = {
            "http": lambda: embed([SHORT_SENTENCE], http),
            "grpc": lambda: embed_grpc(SHORT_SENTENCE, grpc),
            "in_process": lambda: in_process(model, [SHORT_SENTENCE]),
        }
        taken: dict[str, list[float]] = {name: [] for name in paths}
        tell("latency of one sentence")
        for number in range(plan.latency_turns):
            for name in bench.rotated(list(paths), number):
                paths[name]()
                taken[name] += [bench.seconds(paths[name]) for _ in range(plan.calls_per_turn)]
    results: dict[str, Any] = {name: traffic.percentiles(times) for name, times in taken.items()}
    for name in ("http", "grpc"):
        results[name]["ratio_to_in_process"] = results[name]["p50_ms"] / results["in_process"]["p50_ms"]
        results[name]["added_to_in_process_ms"] = results[name]["p50_ms"] - results["in_process"]["p50_ms"]
    return {"sentence": SHORT_SENTENCE, "calls": plan.latency_turns * plan.calls_per_turn, **results}


def embed_grpc(text: str, client: grpcclient.InferenceServerClient) -> np.ndarray:
    """The vector of one text over gRPC, FP32 [1, hidden size]."""
    tensor = grpcclient.InferInput("text", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[text.encode()]], dtype=np.object_))
    return client.infer(EMBEDDER, [tensor]).as_numpy("embedding")


# Concurrent clients, with and without dynamic batching


def concurrency(
    plan: Plan, texts: list[str], switch: Callable[[bool], None], tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """One sentence a request from 1 to 16 clients at once: rates, latencies and what the server counted.

    Rates are summarised by round; latencies and the server's counts are of all rounds together. The mode that is
    measured first alternates between the rounds.
    """
    loads: dict[tuple[int, bool], list[traffic.Load]] = {
        (clients, mode): [] for clients in CLIENTS for mode in (True, False)
    }
    with ThreadPoolExecutor(max(CLIENTS)) as pool:
        for number in range(plan.concurrency_rounds):
            for batching in bench.rotated([True, False], number):
                mode = "with" if batching else "without"
                tell(f"concurrent clients: round {number + 1} of {plan.concurrency_rounds}, {mode} dynamic batching")
                switch(batching)
                for clients in CLIENTS:
                    loads[clients, batching].append(
                        traffic.load(
                            lambda client, request: embed([texts[request % len(texts)]], client),
                            model=EMBEDDER,
                            clients=clients,
                            seconds=plan.seconds_per_load,
                            pool=pool,
                        )
                    )
    rows = []
    for (clients, batching), rounds in loads.items():
        row = {"clients": clients, "dynamic_batching": batching, **traffic.load_summary(rounds)}
        row["sentences_per_s"] = row.pop("requests_per_s")
        if batching:
            without = [load.requests_per_s for load in loads[clients, False]]
            row["ratio_to_without"] = bench.ratios([load.requests_per_s for load in rounds], without)
        rows.append(row)
    return rows


@contextlib.contextmanager
def batching_switch() -> Iterator[Callable[[bool], None]]:
    """A function that has the server load sentence_embedder with dynamic batching or without, put back at the end.

    Without it the server executes each request by itself.
    """
    config = own_configuration()
    without = {key: value for key, value in config.items() if key != "dynamic_batching"}
    with triton.configured(EMBEDDER) as load_with:

        def switch(on: bool) -> None:
            load_with(config if on else without)
            if ("dynamic_batching" in model_config(EMBEDDER)) != on:
                raise WorkshopError(f"the server did not take the configuration that {EMBEDDER} was to be loaded with")

        yield switch


def own_configuration() -> dict[str, Any]:
    """The configuration of sentence_embedder in its file, whatever it runs with."""
    return configuration.as_json(server.repository() / EMBEDDER)


def model_config(name: str) -> dict[str, Any]:
    """The configuration that a model runs with."""
    with httpclient.InferenceServerClient(triton.http_url()) as client:
        return client.get_model_config(name)


# Tables


def tables(report: dict[str, Any]) -> list[Any]:
    """What is printed: the setting, the tables, and what the ratios mean."""
    results, given, machine = report["results"], report["settings"], report["hardware"]
    words = given["words_per_sentence"]
    return [
        f"{machine['cpu']}, {machine['cores_available']} cores, {machine['memory_gib']:.0f} GiB, "
        f"{machine['gpu'] or 'no GPU'}; {machine['os']}",
        f"Triton {report['versions']['tritonserver']}, {given['server']}; {given['torch_threads']} torch threads there "
        f"({given['torch_threads_from']}) and in process",
        f"{given['sentences']} sentences of {words['median']:.0f} words (median; at most {words['max']})\n",
        *_throughput_table(results["throughput"], given),
        *_latency_table(results["latency"]),
        *_concurrency_tables(results["concurrency"], given),
    ]


def _throughput_table(results: dict[str, Any], given: dict[str, Any]) -> list[Any]:
    names = {
        "old_client": f"old client, {given['old_client_tokens_per_sentence']} tokens, JSON",
        "course_client": f"course's client, {given['course_client_sentences_per_request']} a request",
        "in_process": f"in process, batches of {given['in_process_batch_size']}",
    }
    headers = "variant|sentences|sentences/s\nmedian (min–max)|smallest cosine\nto in process"
    shown = bench.table(f"Throughput of one client, {given['rounds']} rounds", headers)
    for name, text in names.items():
        row = results[name]
        cosine = f"{row['minimum_cosine_to_in_process']:.6f}" if name != "in_process" else ""
        shown.add_row(text, str(row["sentences"]), bench.span(row["sentences_per_s"], 1), cosine)
    ratios = {name: bench.span(figures, 2) for name, figures in results["ratios"].items()}
    return [
        shown,
        f"course's client / in process = {ratios['course_client_to_in_process']}: 1 means that serving costs no throughput",
        f"course's client / old client = {ratios['course_client_to_old_client']}: what batches, no needless padding and "
        "binary tensors gain\n",
    ]


def _latency_table(results: dict[str, Any]) -> list[Any]:
    headers = "path|p50\nms|p95\nms|p99\nms|p50 /\nin process|p50 – in process\nms"
    shown = bench.table(f"Latency of one short sentence, {results['calls']} calls each", headers)
    for name, text in (("http", "server, HTTP"), ("grpc", "server, gRPC"), ("in_process", "in process")):
        row = results[name]
        keys = ("p50_ms", "p95_ms", "p99_ms")
        difference = (
            [f"{row['ratio_to_in_process']:.2f}", f"{row['added_to_in_process_ms']:.1f}"] if name != "in_process" else []
        )
        shown.add_row(text, *(f"{row[key]:.1f}" for key in keys), *difference)
    return [shown, "p50 / in process: 1 means that a sentence on its own waits no longer for the server\n"]


def _concurrency_tables(rows: list[dict[str, Any]], given: dict[str, Any]) -> list[Any]:
    title = f"Concurrent clients, one sentence a request, {given['concurrency_rounds']} × {given['seconds_per_load']} s"
    headers = "clients|dynamic\nbatching|sentences/s\nmedian (min–max)|with /\nwithout|p50\nms|p95\nms|p99\nms"
    outside = bench.table(title, headers)
    headers = "clients|dynamic\nbatching|inferences|executions|mean\nbatch size|queue\nms/request|compute\nms/request"
    inside = bench.table("The same in the server's own statistics", headers)
    for row in rows:
        first = (str(row["clients"]), "with" if row["dynamic_batching"] else "without")
        ratio = f"{row['ratio_to_without']['median']:.2f}" if row["dynamic_batching"] else ""
        times = [f"{row[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")]
        outside.add_row(*first, bench.span(row["sentences_per_s"]), ratio, *times)
        spent = [f"{row[key]:.1f}" for key in ("mean_batch_size", "queue_ms_per_request", "compute_ms_per_request")]
        inside.add_row(*first, str(row["inference_count"]), str(row["execution_count"]), *spent)
    shown = [outside, "with / without: the gain in throughput when requests that wait share one execution\n", inside]
    if any(row["inference_count"] != row["requests"] for row in rows):
        shown.append("other clients used the model meanwhile: the server's figures are not of this benchmark alone")
    return shown
