"""One transformer by three engines: TorchScript, ONNX and int8 through Triton, beside the same in process.

All embed the same texts in one run, in turns whose order rotates. Through Triton it is the course's client and
sentence_embedder, whose encoder is exchanged; in process it is sentence-transformers, and ONNX Runtime with the
same files and the same tokens a call as sentence_embedder has them. Then single texts of 16 clients, with dynamic batching
and without, by perf_analyzer.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import transformers
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from workshop import bench, settings, triton
from workshop.bench import text
from workshop.clients import embed
from workshop.text import sentence_model
from workshop.triton import perf

ENGINES = {"TorchScript": "sentence_bert", "ONNX": "sentence_bert_onnx", "int8": "sentence_bert_int8"}
"""Names of engines, and the encoders that they are."""
REFERENCE = "sentence-transformers in process"
SERVICES = ("triton",)
MODELS = (text.EMBEDDER, *ENGINES.values())
PACKAGES = ("tritonclient", "torch", "onnxruntime", "transformers", "sentence-transformers", "numpy")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    old_client_sentences: int
    sentences: int | None
    """Texts used, evenly spread; None: all."""
    window_ms: int


FULL = Plan(7, 40, None, 500)
QUICK = Plan(1, 2, 32, 300)
CLIENTS = 16


def measure(*, quick: bool, tell: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure on the running server; return the settings and the results, as JSON values."""
    plan = QUICK if quick else FULL
    texts = text.load_texts(plan.sentences)
    few = text.spread(texts, plan.old_client_sentences)
    threads, source = text.server_threads()
    with encoder_switch() as switch, bench.torch_threads(threads):
        tell("loading the models in process")
        transformers.utils.logging.disable_progress_bar()  # it would write into the progress shown here
        reference = SentenceTransformer(sentence_model())
        tokenizer = transformers.AutoTokenizer.from_pretrained(sentence_model())
        tokens_per_call = int(text.own_configuration()["parameters"]["tokens_per_call"]["string_value"])
        sessions = {name: InProcess(ENGINES[name], tokens_per_call, threads) for name in ("ONNX", "int8")}
        ways: dict[str, tuple[list[str], Callable[[], np.ndarray]]] = {
            f"Triton, {name}": (texts, lambda: embed(texts)) for name in ENGINES
        }
        ways[REFERENCE] = (texts, lambda: text.in_process(reference, texts))
        ways |= {f"in process, {name}": (texts, functools.partial(at.embed, texts)) for name, at in sessions.items()}
        ways["old client"] = (few, lambda: text.old_client(few, tokenizer))
        rates: dict[str, list[float]] = {name: [] for name in ways}
        vectors: dict[str, np.ndarray] = {}
        for number in range(plan.rounds):
            tell(f"round {number + 1} of {plan.rounds}")
            for name in bench.rotated(list(ways), number):
                given, call = ways[name]
                if name.startswith("Triton"):
                    switch(ENGINES[name.removeprefix("Triton, ")])
                    call()  # the server has just loaded the model anew
                vectors[name] = call() if number == 0 else vectors[name]
                rates[name].append(len(given) / bench.seconds(call))
        batched = batching(plan, texts, switch, tell)
    expected = vectors[REFERENCE]
    pairs = [(f"Triton, {name}", REFERENCE) for name in ENGINES]
    pairs += [(f"Triton, {name}", f"in process, {name}") for name in sessions]
    pairs += [(f"Triton, {name}", "old client") for name in ENGINES]
    results = {
        "sentences_per_s": {name: bench.summary(values) for name, values in rates.items()},
        "minimum_cosine_to_fp32": {
            name: text.minimum_cosine(table, expected) for name, table in vectors.items() if name != "old client"
        },
        "ratios": [{"way": way, "to": other, **bench.ratios(rates[way], rates[other])} for way, other in pairs],
        "batching": batched,
    }
    described = {**dataclasses.asdict(plan), "sentences": len(texts), "threads": threads, "threads_from": source}
    described |= {"words_per_sentence": text.words_per_sentence(texts), "clients": CLIENTS}
    return described, results


def batching(
    plan: Plan, texts: list[str], switch: Callable[..., None], tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Requests of one text from 16 clients, for each engine: without dynamic batching, with it, and the gain."""
    samples = [{"text": np.array([given], dtype=np.object_)} for given in texts]
    found: dict[str, dict[str, list[pd.DataFrame]]] = {name: {"without": [], "with": []} for name in ENGINES}
    for number in range(plan.rounds):
        tell(f"{CLIENTS} clients: round {number + 1} of {plan.rounds}")
        for name in bench.rotated(list(ENGINES), number):
            for way, rows in found[name].items():
                switch(ENGINES[name], dynamic=way == "with")
                rows.append(perf.measure(text.EMBEDDER, samples, clients=(CLIENTS,), window_ms=plan.window_ms))
    results: dict[str, dict[str, Any]] = {}
    for name, ways in found.items():
        tables_of = {way: pd.concat(rows) for way, rows in ways.items()}
        rates = {way: table["requests_per_s"].tolist() for way, table in tables_of.items()}
        results[name] = {"gain": bench.ratios(rates["with"], rates["without"])}
        for way, table in tables_of.items():
            results[name][way] = {
                "requests_per_s": bench.summary(rates[way]),
                "p95_ms": bench.summary(table["p95_ms"].tolist()),
                "inferences": int(table["inferences"].sum()),
                "executions": int(table["executions"].sum()),
            }
        results[name]["measured_by"] = tables_of["with"]["measured_by"].iloc[0]
    return results


@contextlib.contextmanager
def encoder_switch() -> Iterator[Callable[..., None]]:
    """A function that has the server load sentence_embedder with another encoder, with dynamic batching or without.

    At the end the server has its own configuration again.
    """
    own = text.own_configuration()
    with triton.configured(text.EMBEDDER) as load_with:

        def switch(encoder: str, *, dynamic: bool = True) -> None:
            config = {**own, "parameters": {**own["parameters"], "encoder": {"string_value": encoder}}}
            if not dynamic:
                del config["dynamic_batching"]
            load_with(config)

        yield switch


class InProcess:
    """An encoder's ONNX file, which pools too, in this process, with sentence_embedder's tokeniser and tokens a call."""

    def __init__(self, encoder: str, tokens_per_call: int, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        path = settings.MODEL_REPOSITORY / encoder / "1" / "model.onnx"
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(settings.MODEL_REPOSITORY / text.EMBEDDER / "1" / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_length=256)
        self.tokens_per_call = tokens_per_call

    def embed(self, texts: list[str]) -> np.ndarray:
        """Vectors of unit length, FP32 [len(texts), hidden size]."""
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        vectors: list[Any] = [None] * len(ids)
        while order:
            longest = len(ids[order[0]])
            rows = order[: max(1, self.tokens_per_call // longest)]
            order = order[len(rows) :]
            tokens, mask = np.zeros((2, len(rows), longest), np.int32)
            for place, row in enumerate(rows):
                tokens[place, : len(ids[row])], mask[place, : len(ids[row])] = ids[row], 1
            [found] = self.session.run(["output__0"], {"input__0": tokens, "input__1": mask})
            for row, vector in zip(rows, found):
                vectors[row] = vector
        return np.stack(vectors)


def tables(report: dict[str, Any]) -> list[Any]:
    """What is printed: rates, and the ratios that matter."""
    results, given = report["results"], report["settings"]
    title = f"{given['sentences']} sentences, {given['threads']} threads, {given['rounds']} rounds"
    first = bench.table(title, "way|sentences/s\nmedian (min–max)|smallest cosine\nto FP32 in process")
    for name, rate in results["sentences_per_s"].items():
        cosine = results["minimum_cosine_to_fp32"].get(name)
        first.add_row(name, bench.span(rate, 1), "" if cosine is None else f"{cosine:.4f}")
    second = bench.table("Ratios of the same rounds", "way|to|median (min–max)")
    for row in results["ratios"]:
        second.add_row(row["way"], row["to"], bench.span(row, 2))
    title = f"{given['clients']} clients, one sentence a request ({given['words_per_sentence']['median']:.0f} words)"
    columns = "engine|dynamic\nbatching|requests/s\nmedian (min–max)|p95\nms|inferences in\nexecutions|with / without"
    third = bench.table(title, columns)
    for name, row in results["batching"].items():
        for way in ("without", "with"):
            found = row[way]
            rate, p95 = bench.span(found["requests_per_s"], 0), f"{found['p95_ms']['median']:.0f}"
            gain = bench.span(row["gain"], 2) if way == "with" else ""
            third.add_row(name, way, rate, p95, f"{found['inferences']} in {found['executions']}", gain)
    return [first, second, third]
