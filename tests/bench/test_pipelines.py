"""The benchmark of OCR pipelines, without a server: bytes, pairs of lines, agreement, clients that share pages, ratios."""

import contextlib
import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tritonclient.http as httpclient

from workshop.bench import pipeline_ways, pipelines
from workshop.bench.pipeline_ways import A_CROP, BATCHED, BLS, ENSEMBLE, RAPIDOCR, SHARED, Way
from workshop.vision import pages, reading


def line(text, x=0, y=0, score=0.9):
    """A line 100 pixels wide and 20 high."""
    return np.array([[x, y], [x + 100, y], [x + 100, y + 20], [x, y + 20]], np.float32), text, score


def answer(outputs):
    """A server's answer as tritonclient reads it from a body, and the bytes of that body."""
    header = {"model_name": "ocr", "model_version": "1", "outputs": []}
    for name, array in outputs.items():
        shaped = {"name": name, "datatype": "FP32", "shape": list(array.shape)}
        header["outputs"].append({**shaped, "parameters": {"binary_data_size": array.nbytes}})
    text = json.dumps(header, separators=(",", ":")).encode()
    body = text + b"".join(array.tobytes() for array in outputs.values())
    return httpclient.InferenceServerClient.parse_response_body(body, header_length=len(text)), len(body)


@pytest.fixture
def answering(monkeypatch):
    """tritonclient answers without a server: zeros for the detector, which are no text. Returns when requests were sent."""
    sent = []

    def infer(self, model_name, inputs, *args, outputs=None, **options):
        sent.append(time.perf_counter())
        return answer({"sigmoid_0.tmp_0": np.zeros((1, 1, *inputs[0].shape()[2:]), np.float32)})[0]

    monkeypatch.setattr(httpclient.InferenceServerClient, "infer", infer)
    return sent


def test_body_of_an_answer():
    found, length = answer({"boxes": np.zeros((1, 3, 4, 2), np.float32), "scores": np.ones((1, 3), np.float32)})
    assert pipeline_ways.body_bytes(found.get_response()) == length
    assert pipeline_ways.body_bytes({"model_name": "é"}) == len('{"model_name":"é"}'.encode())


def test_requests_and_bytes_are_counted(answering):
    page = pages.empty_page(640, 480)
    way = Way(lambda data, client: pipeline_ways.read_in_client(data, client, (1, 1), []), lambda number, trip: None)
    read, sent = pipeline_ways.traffic_of(way, [page.encoded(), page.encoded()])
    assert read == [[], []] and len(answering) == 2
    tensor = reading.detection_input(reading.fit(page.picture).pixels)
    assert sent["requests_per_page"] == 1
    assert tensor.nbytes < sent["sent_bytes_per_page"] < tensor.nbytes + 300
    assert tensor.nbytes / 3 < sent["received_bytes_per_page"] < tensor.nbytes / 3 + 300


def test_nothing_is_sent_in_process():
    way = Way(lambda data, engine: [line(engine)], lambda number, trip: contextlib.nullcontext("text"), remote=False)
    read, sent = pipeline_ways.traffic_of(way, [b""])
    assert read[0][0][1] == "text" and set(sent.values()) == {0}


def test_a_round_trip_is_waited_for_before_each_request(answering):
    tensor = httpclient.InferInput("x", [1, 3, 32, 32], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 3, 32, 32), np.float32))
    with pipeline_ways.Client(0.02) as client:
        began = time.perf_counter()
        for _ in range(3):
            client.infer("text_detection", [tensor])
    assert [round(sent - began, 3) >= 0.02 * (number + 1) for number, sent in enumerate(answering)] == [True] * 3
    assert client.requests == 3 and client.sent_bytes == client.received_bytes == 0


@pytest.mark.parametrize(
    "lines, others, expected",
    [
        ([], [], []),
        ([line("a")], [line("b", 1, 1)], [(0, 0)]),
        ([line("a"), line("b", y=30)], [line("b", y=30), line("a")], [(0, 1), (1, 0)]),
        ([line("a")], [line("a", y=11)], [(0, None), (None, 0)]),
        ([line("a"), line("a", y=1)], [line("a", y=1)], [(0, 0), (1, None)]),
        ([], [line("a")], [(None, 0)]),
    ],
)
def test_the_same_line_read_in_two_ways(lines, others, expected):
    assert pipeline_ways.pairs(lines, others) == expected


def test_agreement_counts_lines_and_lists_differences():
    right = [[line("one"), line("two", y=30)], [line("three")]]
    other = [[line("one", x=0.5)], [line("tree")]]
    found = pipeline_ways.agreement(["first", "second"], {A_CROP: other, BLS: right})
    assert found["ways"][BLS] == {"lines": 3, "equal_share": 1.0, "largest_box_difference_px": 0.0}
    assert found["ways"][A_CROP] == {"lines": 3, "equal_share": 1 / 3, "largest_box_difference_px": 0.5}
    assert found["differences"] == [
        {"page": "first", "way": A_CROP, "text": None, "by_bls": "two"},
        {"page": "second", "way": A_CROP, "text": "tree", "by_bls": "three"},
    ]
    few = pipeline_ways.agreement(["first", "second"], {A_CROP: other, BLS: right}, most=1)
    assert len(few["differences"]) == 1 and few["differences_in_all"] == 2


def test_clients_share_the_pages():
    taken, calls, meeting = [], itertools.count(), threading.Barrier(3, timeout=10)

    def read(data, client):
        if next(calls) < 3:
            meeting.wait()  # three read at once
        taken.append((client, data))

    way = Way(read, lambda number, trip: contextlib.nullcontext((number, trip)))
    files = [bytes([number]) for number in range(7)]
    with ThreadPoolExecutor(3) as pool:
        assert pipelines.load(way, files, pipelines.Case("pages", 3, 20.0), pool) > 0
    assert sorted(data for _, data in taken) == files
    assert {client for client, _ in taken} == {(number, 0.02) for number in range(3)}


def test_a_client_that_fails_stops_the_others():
    taken = []

    def read(data, client):
        taken.append(data)
        time.sleep(0.02)
        if data == b"bad":
            raise ValueError("cannot be read")

    way = Way(read, lambda number, trip: contextlib.nullcontext())
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="cannot be read"):
        pipelines.load(way, [b"good", b"bad", *[b"good"] * 100], pipelines.Case("pages", 2, 0.0), pool)
    assert len(taken) < 10


def test_every_question_has_an_answer():
    plan = pipelines.FULL
    ways = (A_CROP, BATCHED, ENSEMBLE, BLS, RAPIDOCR, SHARED)
    took = {name: [1.0 + number, 2.0 * (1 + number)] for number, name in enumerate(ways)}
    rows = pipelines.ratios(dict.fromkeys(pipelines.cases(plan), took), plan)
    assert len(rows) == len(pipelines.questions(plan)) == 12
    rate, time_ratio = rows[0], next(row for row in rows if row["way"] == A_CROP)
    assert (rate["of"], rate["way"], rate["to"]) == ("pages/s", BLS, RAPIDOCR) and rate["median"] == 5 / 4
    assert (time_ratio["of"], time_ratio["to"]) == ("time a page", BLS) and time_ratio["median"] == 1 / 4
    assert rows[0]["clients"] == 1 and {row["clients"] for row in rows} == {1, 4}


def test_the_one_page_has_exactly_its_lines():
    for plan in (pipelines.FULL, pipelines.QUICK):
        assert len(pages.lines_page(pages.some_lines(plan.lines)).lines) == plan.lines
    assert pipelines.FULL.lines == 20
