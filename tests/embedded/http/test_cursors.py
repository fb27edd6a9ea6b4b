"""Results in batches."""

import json
import time

import pytest

from tests.support.arango_server import until
from workshop.arango.embedded.cursors import Cursors, Results
from workshop.arango.embedded.errors import ArangoError


def test_a_cursor_batch_by_batch(http):
    body = {"query": "FOR i IN 1..@n RETURN i", "bindVars": {"n": 5}, "batchSize": 2, "count": True}
    first = http("POST", "/_api/cursor", body, status=201).json()
    assert (first["result"], first["hasMore"], first["count"], first["cached"]) == ([1, 2], True, 5, False)
    assert first["extra"]["warnings"] == [] and "stats" in first["extra"]
    path = f"/_api/cursor/{first['id']}"
    second = http("POST", path, status=200).json()
    assert second["result"] == [3, 4] and second["id"] == first["id"] and "nextBatchId" not in second
    third = http("PUT", path, status=200).json()
    assert third["result"] == [5] and third["hasMore"] is False and "id" not in third
    http.error("POST", path, status=404, number=1600)
    http.error("DELETE", path, status=404, number=1600)
    for size in (5, 6, 10**9, 2.0**70):
        whole = http("POST", "/_api/cursor", {**body, "batchSize": size}).json()
        assert whole["result"] == [1, 2, 3, 4, 5] and "id" not in whole
    identifier = http("POST", "/_api/cursor", body).json()["id"]
    http.error("POST", f"/_db/_system/_api/cursor/{identifier}", status=404, number=1600)
    assert http("DELETE", f"/_api/cursor/{identifier}", status=202).json()["id"] == identifier
    empty = http("POST", "/_api/cursor", {"query": "FOR i IN [] RETURN i"}, status=201).json()
    assert empty["result"] == [] and empty["hasMore"] is False and "count" not in empty


def test_a_cursor_whose_last_batch_can_be_asked_for_again(http):
    body = {"query": "FOR i IN 1..5 RETURN i", "batchSize": 2, "options": {"allowRetry": True}}
    first = http("POST", "/_api/cursor", body).json()
    path = f"/_api/cursor/{first['id']}"
    for _ in range(2):
        second = http("POST", f"{path}/{first['nextBatchId']}", status=200).json()
        assert second["result"] == [3, 4]
    http.error("POST", f"{path}/{int(second['nextBatchId']) + 1}", status=404, number=1600)
    for _ in range(2):
        third = http("POST", f"{path}/{second['nextBatchId']}", status=200).json()
        assert third["result"] == [5] and third["hasMore"] is False
    http("DELETE", path, status=202)


def test_a_cursor_that_is_not_used_is_forgotten(http):
    first = http("POST", "/_api/cursor", {"query": "FOR i IN 1..9 RETURN i", "batchSize": 1, "ttl": 0.5}).json()
    http("POST", f"/_api/cursor/{first['id']}", status=200)
    before = time.monotonic()
    until(lambda: http("GET", "/_admin/shutdown").json()["AQLcursors"] == 0)
    assert time.monotonic() - before > 0.4
    http.error("POST", f"/_api/cursor/{first['id']}", status=404, number=1600)


def test_large_results_are_whole(http):
    text = "FOR i IN 1..@n RETURN {i, text: REPEAT('x', 1000)}"
    answer = http("POST", "/_api/cursor", {"query": text, "bindVars": {"n": 20000}, "batchSize": 20000}, status=201)
    assert int(answer.headers["Content-Length"]) > 20_000_000
    assert [each["i"] for each in answer.json()["result"]] == list(range(1, 20001))
    first = http("POST", "/_api/cursor", {"query": text, "bindVars": {"n": 20000}, "batchSize": 7000}).json()
    found = [each["i"] for each in first["result"]]
    while first["hasMore"]:
        first = http("POST", f"/_api/cursor/{first['id']}").json()
        found += [each["i"] for each in first["result"]]
    assert found == list(range(1, 20001))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 2500])
@pytest.mark.parametrize("size", [1, 2, 3, 1000, 1500, 10**9])
def test_results_in_batches(count, size):
    results = Results(({"n": number} for number in range(count)), size)
    assert results.count == count
    assert len(results.batches) == max(1, -(-count // size))
    bodies = [json.loads(results.answer(number, 200, {"x": 1}).body) for number in range(len(results.batches))]
    assert all(body["x"] == 1 and len(body["result"]) <= size for body in bodies)
    assert [each["n"] for body in bodies for each in body["result"]] == list(range(count))
    assert len(json.loads(results.whole())) == count if len(bodies) == 1 else True


def test_results_that_break_off_leave_nothing():
    def values():
        yield 1
        raise ArangoError(1500)

    with pytest.raises(ArangoError):
        Results(values(), 10)


def test_a_cursor_that_is_being_fetched_is_busy():
    cursors = Cursors()
    answer = cursors.open(Results(iter(range(5)), 2), {}, database="d", user="u")
    identifier = json.loads(answer.body)["id"]
    cursor = cursors._cursors[identifier]
    with cursor.lock, pytest.raises(ArangoError) as error:
        cursors.fetch(identifier, None, database="d", user="u")
    assert error.value.number == 1601
    with pytest.raises(ArangoError) as error:
        cursors.fetch(identifier, None, database="d", user="somebody")
    assert error.value.number == 1600
    assert json.loads(cursors.fetch(identifier, None, database="d", user="u").body)["result"] == [2, 3]
