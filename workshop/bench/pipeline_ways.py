"""Five ways to read the text in a picture with the same three networks, what they send, and whether they read the same.

Two ways keep the pipeline in the client, which asks for each network's answer by itself: with a request for each line that
was cut out, or with the batches of lines that the model `ocr` makes. Two send the picture and get its text: an ensemble, and
a Python model that calls the networks (business logic scripting, BLS). The last is RapidOCR in this process.
"""

import contextlib
import dataclasses
import functools
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tritonclient.http as httpclient
from rapidocr_onnxruntime import RapidOCR

from workshop import settings, triton
from workshop.clients import TIMEOUT, read_pictures
from workshop.vision import pictures, reading

A_CROP, BATCHED, ENSEMBLE, BLS = "a request a crop", "crops batched by the client", "ensemble", "BLS"
RAPIDOCR, SHARED = "rapidocr in process", "rapidocr, one engine for all"
NETWORKS = {
    "text_detection": "sigmoid_0.tmp_0",
    "text_angle": "save_infer_model/scale_0.tmp_1",
    "text_recognition": "classes probabilities",
}
"""The models of the networks, and the outputs of each that a pipeline asks for."""

Lines = list[tuple[np.ndarray, str, float]]
"""Box float32 [4, 2], text and score of each line of a picture."""


class Client(httpclient.InferenceServerClient):
    """A client of the server that is as far away as is wanted, and counts what it sends and gets.

    Each request waits for a round trip before it is sent: a network's latency, simulated; its bandwidth is not.
    """

    def __init__(self, round_trip_s: float = 0.0, *, counting: bool = False):
        super().__init__(triton.http_url(), network_timeout=TIMEOUT)
        self.round_trip_s, self.counting = round_trip_s, counting
        self.requests = self.sent_bytes = self.received_bytes = 0

    def infer(self, model_name: str, inputs: list[Any], *args: Any, **options: Any) -> Any:
        """As tritonclient's. Bytes are of the bodies of request and answer: JSON and tensors, without HTTP's headers."""
        if self.round_trip_s:
            time.sleep(self.round_trip_s)
        answer = super().infer(model_name, inputs, *args, **options)
        self.requests += 1
        if self.counting:  # encodes the request again, so not while the time is taken
            self.sent_bytes += len(self.generate_request_body(inputs, outputs=options.get("outputs"))[0])
            self.received_bytes += body_bytes(answer.get_response())
        return answer


def body_bytes(response: dict[str, Any]) -> int:
    """Bytes of an answer's body, given `InferResult.get_response`: its JSON and the binary tensors that it announces.

    What an ensemble's answer has several times in its JSON, 40 bytes a step, is counted once.
    """
    binary = sum(output.get("parameters", {}).get("binary_data_size", 0) for output in response.get("outputs", []))
    return len(json.dumps(response, separators=(",", ":"), ensure_ascii=False).encode()) + binary


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to read a picture. `connect` opens what `read` asks, given the client's number and a round trip in seconds."""

    read: Callable[[bytes, Any], Lines]
    connect: Callable[[int, float], AbstractContextManager[Any]]
    remote: bool = True
    """Whether there are requests, which a round trip makes longer."""


def ways(clients: int) -> dict[str, Way]:
    """The ways for so many clients at once.

    RapidOCR comes twice: with an engine for each client, and with one that all share. Its sessions may be run by several
    threads, and what else it keeps between calls does not depend on the picture as it is configured here.
    """
    engines = [RapidOCR() for _ in range(clients)]
    characters = reading.characters(settings.MODEL_REPOSITORY / "ocr" / "1")

    def in_client(*sizes: int) -> Callable[[bytes, Any], Lines]:
        return lambda data, client: read_in_client(data, client, sizes, characters)

    def connect(number: int, round_trip_s: float) -> Client:
        return Client(round_trip_s)

    reads = {A_CROP: in_client(1, 1), BATCHED: in_client(reading.ANGLES, reading.BATCH)}
    reads |= {ENSEMBLE: functools.partial(_served, "ocr_ensemble"), BLS: functools.partial(_served, "ocr")}
    found = {name: Way(read, connect) for name, read in reads.items()}
    found[RAPIDOCR] = Way(_rapidocr, lambda number, _: contextlib.nullcontext(engines[number]), remote=False)
    if clients > 1:
        found[SHARED] = Way(_rapidocr, lambda number, _: contextlib.nullcontext(engines[0]), remote=False)
    return found


def read_in_client(
    data: bytes, client: httpclient.InferenceServerClient, sizes: tuple[int, int], characters: Sequence[str]
) -> Lines:
    """The pipeline of the model `ocr` in the client: the server computes the networks only.

    Args:
        data: an encoded picture.
        client: asks for the boxes in one request.
        sizes: how many lines, at most, a request for angles and a request for texts has.
        characters: of the recogniser.
    """
    fitted = reading.fit(pictures.decode(data))
    (probability,) = _ask(client, "text_detection", reading.detection_input(fitted.pixels))
    boxes = reading.find_boxes(probability[0, 0], fitted.pixels.shape[1::-1])
    crops = [reading.crop(fitted.pixels, box) for box in boxes]
    lines = [reading.line(crop) for crop in crops]
    for start in range(0, len(crops), sizes[0]):
        (angles,) = _ask(client, "text_angle", reading.angle_input(crops[start : start + sizes[0]]))
        for number, angle in enumerate(angles, start):
            lines[number] = reading.upright(lines[number], angle)
    texts: list[Any] = [None] * len(crops)
    for width, rows in reading.batches(lines, sizes[1]):
        x = reading.line_input([lines[row] for row in rows], width)
        steps = _ask(client, "text_recognition", x, version="1")
        for row, text in zip(rows, reading.decode_ctc(*steps, characters)):
            texts[row] = text
    placed = zip(fitted.back(boxes), texts)
    return [(box, text, score) for box, (text, score) in placed if score >= reading.TEXT_SCORE]


def _ask(client: httpclient.InferenceServerClient, model: str, x: np.ndarray, version: str = "") -> list[np.ndarray]:
    """The outputs of a network for its input `x`."""
    tensor, names = httpclient.InferInput("x", list(x.shape), "FP32"), NETWORKS[model].split()
    tensor.set_data_from_numpy(x)
    outputs = [httpclient.InferRequestedOutput(name) for name in names]
    answer = client.infer(model, [tensor], model_version=version, outputs=outputs)
    return [answer.as_numpy(name) for name in names]


def _served(model: str, data: bytes, client: httpclient.InferenceServerClient) -> Lines:
    return read_pictures([data], client, model=model)[0]


def _rapidocr(data: bytes, engine: RapidOCR) -> Lines:
    found, _ = engine(data)
    return [(np.array(box, np.float32), text, float(score)) for box, text, score in found or []]


# What is sent, and what is read


def traffic_of(way: Way, files: Sequence[bytes]) -> tuple[list[Lines], dict[str, float]]:
    """What one client reads on pages, and its requests and the bytes of their bodies a page."""
    if not way.remote:
        with way.connect(0, 0.0) as engine:
            read = [way.read(data, engine) for data in files]
        return read, {"requests_per_page": 0.0, "sent_bytes_per_page": 0.0, "received_bytes_per_page": 0.0}
    with Client(counting=True) as client:
        read = [way.read(data, client) for data in files]
        counted = {name: getattr(client, name) for name in ("requests", "sent_bytes", "received_bytes")}
    return read, {f"{name}_per_page": value / len(files) for name, value in counted.items()}


def pairs(lines: Lines, others: Lines) -> list[tuple[int | None, int | None]]:
    """Which lines of one page are the same one, read in two ways: numbers in both, None where the other has no such line.

    Each line goes to the nearest one that is left, if their middles are no farther apart than half of its height.
    """
    found: list[tuple[int | None, int | None]] = []
    left = list(range(len(others)))
    for number, (box, *_) in enumerate(lines):
        away = [float(np.linalg.norm(box.mean(axis=0) - others[other][0].mean(axis=0))) for other in left]
        height = float(np.linalg.norm(box[3] - box[0]))
        best = int(np.argmin(away)) if left else None
        same = best is not None and away[best] <= height / 2
        found.append((number, left.pop(best) if same else None))
    return found + [(None, other) for other in left]


def agreement(names: Sequence[str], read: dict[str, list[Lines]], most: int = 10) -> dict[str, Any]:
    """How much of what each way reads is what BLS reads, line by line.

    Args:
        names: of the pages.
        read: what each way read on each page.
        most: differences that are listed.

    Returns:
        `ways`: for each the lines of both together, the share of them with the same text at the same place, and the largest
        distance between corners of the same line's boxes. `differences`: the first texts that differ, None for no line.
    """
    of_ways: dict[str, dict[str, Any]] = {}
    differences: list[dict[str, Any]] = []
    for way in read:
        equal, total, farthest = 0, 0, 0.0
        for page, lines, expected in zip(names, read[way], read[BLS], strict=True):
            for line, other in pairs(lines, expected):
                text = None if line is None else lines[line][1]
                right = None if other is None else expected[other][1]
                total, equal = total + 1, equal + (text == right)
                if line is not None and other is not None:
                    farthest = max(farthest, float(np.abs(lines[line][0] - expected[other][0]).max()))
                if text != right:
                    differences.append({"page": page, "way": way, "text": text, "by_bls": right})
        share = equal / total if total else 1.0
        of_ways[way] = {"lines": total, "equal_share": share, "largest_box_difference_px": farthest}
    return {"ways": of_ways, "differences": differences[:most], "differences_in_all": len(differences)}
