"""Training the reader of price tags and meters on crops drawn as they are needed, and measuring it beside PP-OCRv4."""

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch

from workshop.vision import crnn, error_rate, reading, weights
from workshop.vision.meters import KINDS, Crop, drawn

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
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, far / WARM_UP) * (1 + math.cos(math.pi * far)) / 2
        lines = [reading.line(crop.image) for crop in crops]
        widest = max(line.shape[1] for line in lines)
        # A server fills lines up with zeros; half of the batches are as narrow as they can be, which is faster.
        width = reading.filled_width(widest) if rng.random() < 0.5 else -(-widest // 8) * 8
        loss = crnn.loss(model, torch.from_numpy(reading.line_input(lines, width)), [crop.text for crop in crops])
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
    """A recogniser as ONNX Runtime runs it, PP-OCRv4's or ours; lines are batched and filled up as the pipeline does it."""

    def __init__(self, model: onnx.ModelProto, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        given = weights.decided(model).SerializeToString()
        self.session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        self.characters = weights.characters(model)

    def texts(self, images: Sequence[np.ndarray], batch: int = reading.BATCH) -> list[str]:
        """What stands on pictures of one line each, uint8 [height, width, 3], blue, green and red."""
        lines = [reading.line(image) for image in images]
        texts = [""] * len(lines)
        for width, rows in reading.batches(lines, batch):
            steps = self.session.run(
                ["classes", "probabilities"], {"x": reading.line_input([lines[row] for row in rows], width)}
            )
            for row, (text, _) in zip(rows, reading.decode_ctc(*steps, self.characters)):
                texts[row] = text
        return texts


def measure(reader: Reader, crops: Sequence[Crop]) -> dict:
    """How well a reader reads crops, by kind and in all.

    `exact` is the share of texts that are right to the last character; `without_spaces` where spaces on both sides are left
    out; `knows_all_characters` the share of texts that the reader could write at all, and `without_spaces_of_these` the
    share of those that are right; `character_error_rate` has no spaces either.
    """
    rows = defaultdict(list)
    for crop, text in zip(crops, reader.texts([crop.image for crop in crops])):
        for kind in (crop.kind, "all"):
            rows[kind].append((crop.text, text))
    return {kind: _summed(rows[kind], set(reader.characters)) for kind in (*KINDS, "all") if rows[kind]}


def _summed(pairs: list[tuple[str, str]], known: set[str]) -> dict:
    right = [wanted.replace(" ", "") == text.replace(" ", "") for wanted, text in pairs]
    able = [known >= set(wanted) for wanted, _ in pairs]
    of_these = [one for one, could in zip(right, able) if could]
    return {
        "crops": len(pairs),
        "exact": round(statistics.fmean(wanted == text for wanted, text in pairs), 4),
        "without_spaces": round(statistics.fmean(right), 4),
        "knows_all_characters": round(statistics.fmean(able), 4),
        "without_spaces_of_these": round(statistics.fmean(of_these), 4) if of_these else None,
        "character_error_rate": round(error_rate.pooled_error_rate([([a], [b]) for a, b in pairs], spaces=False), 4),
    }


def milliseconds(readers: dict[str, Reader], crops: Sequence[Crop], batch: int, rounds: int = 7) -> dict[str, float]:
    """Milliseconds a crop from pixels to text, in batches of so many: the median of some rounds, the readers in turn."""
    images = [crop.image for crop in crops]
    times = defaultdict(list)
    for number in range(rounds + 1):
        for name, reader in readers.items():
            began = time.perf_counter()
            reader.texts(images, batch)
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - began) * 1000 / len(crops))
    return {name: round(statistics.median(times[name]), 3) for name in readers}
