"""Training the reader of price tags and meters on crops drawn as they are needed, and measuring it beside PP-OCRv4."""

import importlib.util
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from workshop.vision import crnn
from workshop.vision.meters import CHARACTERS, KINDS, Crop, drawn

BATCH, CHUNK = 32, 256
"""Crops a step, and crops drawn at a time, of which each batch holds some of about one width."""
LEARNING_RATE, WARM_UP = 1.2e-3, 0.06
HELD_OUT = 1_000_003
"""The seed of the crops that the reader is measured on. Training takes smaller ones."""


@dataclass(frozen=True)
class Step:
    """How far a training is."""

    step: int
    steps: int
    loss: float
    """The mean of the steps since the last one told."""
    seconds: float


def train(
    *,
    steps: int = 1200,
    seconds: float = math.inf,
    seed: int = 0,
    model: crnn.CRNN | None = None,
    every: int = 50,
    tell: Callable[[Step], None] = lambda step: None,
) -> tuple[crnn.CRNN, int]:
    """Train until so many steps or seconds have passed: AdamW, its learning rate one warm-up and half a cosine.

    A `model` that is given is trained further; with the same seed it would see the same crops again. Returns the network
    in evaluation mode and the number of steps it had.

    No crop comes twice. The same seed and steps give the same weights on the same machine and number of threads, unless the
    seconds end it.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = (model or crnn.CRNN()).train()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    waiting: list[list[Crop]] = []
    began, recent, chunks, done = time.monotonic(), [], 0, 0
    for step in range(1, steps + 1):
        far = max(step / (steps + 1), (time.monotonic() - began) / seconds)
        if far >= 1:
            break
        if not waiting:
            waiting, chunks = _batches(seed, chunks, rng), chunks + 1
        crops = waiting.pop()
        widest = max(crop.image.shape[1] * crnn.HEIGHT // crop.image.shape[0] for crop in crops)
        # Served among wider crops, one has padding to its right.
        padded = widest + int(rng.integers(0, 160) if rng.random() < 0.3 else 0)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, far / WARM_UP) * (1 + math.cos(math.pi * far)) / 2
        loss = crnn.loss(
            model, torch.from_numpy(crnn.prepare([crop.image for crop in crops], padded)), [crop.text for crop in crops]
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        recent.append(loss.item())
        done = step
        if step % every == 0:
            tell(Step(step, steps, statistics.fmean(recent), time.monotonic() - began))
            recent = []
    return model.eval(), done


def _batches(seed: int, chunk: int, rng: np.random.Generator) -> list[list[Crop]]:
    crops = sorted(drawn(seed, CHUNK, chunk * CHUNK), key=lambda crop: crop.image.shape[1] / crop.image.shape[0])
    batches = [crops[at : at + BATCH] for at in range(0, CHUNK, BATCH)]
    return [batches[one] for one in rng.permutation(len(batches))]


class Reader:
    """A recogniser as ONNX Runtime runs it, PP-OCRv4's or ours: both are asked and understood the same way."""

    def __init__(self, path: Path, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.path, self.session = path, onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.characters = [*self.session.get_modelmeta().custom_metadata_map["character"].splitlines(), " "]

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        """float32 [N, T, classes] of float32 [N, 3, 48, W], as `crnn.prepare` makes it."""
        return self.session.run([crnn.OUTPUT], {crnn.INPUT: batch})[0]

    def texts(self, probabilities: np.ndarray) -> list[str]:
        """The texts of a batch's probabilities."""
        return [text for text, _ in crnn.decode(probabilities, self.characters)]

    def restricted(self, probabilities: np.ndarray) -> list[str]:
        """The texts where no other character than those of `meters.CHARACTERS` may be answered."""
        allowed = [0, *(place for place, one in enumerate(self.characters, 1) if one in CHARACTERS)]
        names = [self.characters[place - 1] for place in allowed[1:]]
        return [text for text, _ in crnn.decode(probabilities[..., allowed], names)]


def pp_ocr() -> Path:
    """PP-OCRv4's recogniser in the package that brings it."""
    package = importlib.util.find_spec("rapidocr_onnxruntime").submodule_search_locations[0]
    return Path(package) / "models" / "ch_PP-OCRv4_rec_infer.onnx"


def measure(reader: Reader, crops: Sequence[Crop]) -> dict:
    """How well a reader reads crops, each sent alone, by kind and in all; and in batches of 8 as they come.

    `exact` is the share of texts that are right to the last character; `without_spaces` where spaces on both sides are left
    out; `restricted` where, besides, no other character than ours may be answered; `character_errors` is the edits, spaces
    left out, by the characters that are written.
    """

    def asked(size: int) -> Iterator[np.ndarray]:
        for at in range(0, len(crops), size):
            yield reader.probabilities(crnn.prepare([crop.image for crop in crops[at : at + size]]))

    alone, restricted = [], []
    for found in asked(1):
        alone += reader.texts(found)
        restricted += reader.restricted(found)
    together = [text for found in asked(8) for text in reader.texts(found)]
    known = set(reader.characters)
    rows = defaultdict(list)
    for crop, text, limited, batched in zip(crops, alone, restricted, together):
        wanted, bare = crop.text.replace(" ", ""), text.replace(" ", "")
        row = {
            "exact": text == crop.text,
            "without_spaces": bare == wanted,
            "restricted": limited.replace(" ", "") == wanted,
            "in_batches_of_8": batched.replace(" ", "") == wanted,
            "has_all_characters": known >= set(crop.text),
            "edits": edits(bare, wanted),
            "characters": len(wanted),
        }
        rows[crop.kind].append(row)
        rows["all"].append(row)
    return {kind: _summed(rows[kind]) for kind in (*KINDS, "all") if rows[kind]}


def _summed(rows: list[dict]) -> dict:
    shares = ("exact", "without_spaces", "restricted", "in_batches_of_8", "has_all_characters")
    able = [row["without_spaces"] for row in rows if row["has_all_characters"]]
    return {
        "crops": len(rows),
        **{share: round(statistics.fmean(row[share] for row in rows), 4) for share in shares},
        "without_spaces_of_these": round(statistics.fmean(able), 4) if able else None,
        "character_errors": round(sum(row["edits"] for row in rows) / sum(row["characters"] for row in rows), 4),
    }


def edits(one: str, other: str) -> int:
    """Characters to put in, take out or exchange until one text is the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for number, character in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, wanted in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (character != wanted))
    return row[-1]


def milliseconds(readers: dict[str, Reader], crops: Sequence[Crop], batch: int, rounds: int = 7) -> dict[str, float]:
    """Milliseconds a crop, the network alone, in batches of so many: the median of some rounds, the readers in turn."""
    batches = [crnn.prepare([crop.image for crop in crops[at : at + batch]]) for at in range(0, len(crops), batch)]
    times = defaultdict(list)
    for number in range(rounds + 1):
        for name, reader in readers.items():
            began = time.perf_counter()
            for one in batches:
                reader.probabilities(one)
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - began) * 1000 / len(crops))
    return {name: round(statistics.median(times[name]), 3) for name in readers}
