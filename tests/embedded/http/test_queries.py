"""Queries that are wrong, explained, run for long or are stopped."""

import threading

from tests.support.arango_http import Http
from tests.support.arango_server import FOREVER, until


def test_wrong_queries(http):
    def wrong(status, number, **body):
        return http.error("POST", "/_api/cursor", body, status=status, number=number)

    wrong(400, 1502)
    wrong(400, 1502, query="")
    wrong(400, 1502, query=7)
    wrong(400, 1501, query="FOR")
    wrong(400, 1551, query="RETURN @x")
    wrong(400, 1552, query="RETURN 1", bindVars={"x": 1})
    wrong(404, 1203, query="FOR d IN nowhere RETURN d")
    wrong(400, 17, query="RETURN 1", bindVars=[])
    wrong(400, 17, query="RETURN 1", batchSize=0)
    wrong(400, 17, query="RETURN 1", batchSize=-1)
    wrong(400, 400, query="RETURN 1", batchSize="many")
    wrong(400, 400, query="RETURN 1", count=1)
    wrong(400, 400, query="RETURN 1", ttl=[])
    wrong(400, 400, query="RETURN 1", options=[])
    wrong(400, 400, query="RETURN 1", options={"memoryLimit": "x"})
    wrong(400, 400, query="RETURN 1", memoryLimit=True)
    http("POST", "/_api/cursor", {"query": "RETURN 1", "memoryLimit": 0, "ttl": 0, "options": {"stream": True}}, status=201)
    http.error("POST", "/_api/cursor", [], status=400, number=1502)
    http.error("GET", "/_api/cursor", status=405, number=405)


def test_a_query_that_fails_changes_nothing(http, films):
    text = "FOR i IN 1..5 INSERT {_key: i == 4 ? 'alien' : CONCAT('n', i)} INTO films"
    http.error("POST", "/_api/cursor", {"query": text}, status=409, number=1210)
    assert http("GET", "/_api/collection/films/count").json()["count"] == 3


def test_parsing_and_explaining(http, films):
    parsed = http("POST", "/_api/query", {"query": "FOR f IN films FILTER f.x == @x RETURN f"}, status=200).json()
    assert (parsed["parsed"], parsed["collections"], parsed["bindVars"]) == (True, ["films"], ["x"]) and parsed["ast"]
    http.error("POST", "/_api/query", {"query": "FOR"}, status=400, number=1501)
    explained = http("POST", "/_api/explain", {"query": "FOR f IN films RETURN f"}, status=200).json()
    assert explained["plan"]["collections"] == [{"name": "films", "type": "read"}] and "nodes" in explained["plan"]
    plans = http("POST", "/_api/explain", {"query": "RETURN 1", "options": {"allPlans": True}}).json()["plans"]
    assert len(plans) == 1
    http.error("POST", "/_api/explain", {"query": "FOR d IN nowhere RETURN d"}, status=404, number=1203)


def test_stopping_a_query_that_keeps_everybody_waiting(server, http, films):
    """A query that writes holds the lock; it can be seen and stopped although dozens of requests wait for it."""
    answers = {}

    def send(name, method, path, body=None):
        answers[name] = Http(server, "test")(method, path, body).status

    long = {"query": FOREVER.replace("RETURN a", "INSERT {} INTO films")}
    threads = [threading.Thread(target=send, args=("long", "POST", "/_api/cursor", long))]
    threads[0].start()
    running = until(lambda: http("GET", "/_api/query/current", status=200).json())
    assert running[0]["query"] == long["query"] and running[0]["user"] == "root"
    for number in range(80):
        threads.append(threading.Thread(target=send, args=(number, "GET", "/_api/document/films/alien")))
        threads[-1].start()
    assert Http(server, None, user=None, timeout=5)("GET", "/_admin/server/availability").status == 200
    http("GET", "/_api/version", status=200)
    http.error("DELETE", "/_api/query/0", status=404, number=1591)
    http("DELETE", f"/_api/query/{running[0]['id']}", status=200)
    for thread in threads:
        thread.join()
    assert answers.pop("long") == 410 and set(answers.values()) == {200}
    assert http("GET", "/_api/query/current").json() == []


def test_a_query_that_may_not_run_long(http):
    http.error("POST", "/_api/cursor", {"query": FOREVER, "options": {"maxRuntime": 0.2}}, status=410, number=1500)


def test_slow_queries_are_noted(http):
    assert http("GET", "/_api/query/properties").json()["slowQueryThreshold"] == 10
    http("PUT", "/_api/query/properties", {"slowQueryThreshold": 0}, status=200)
    http("POST", "/_api/cursor", {"query": "RETURN 'slow'"})
    assert "RETURN 'slow'" in [each["query"] for each in http("GET", "/_api/query/slow").json()]
    http("PUT", "/_api/query/properties", {"slowQueryThreshold": 10}, status=200)
    http("DELETE", "/_api/query/slow", status=200)
    assert http("GET", "/_api/query/slow").json() == []
    http.error("PUT", "/_api/query/properties", {"enabled": 1}, status=400, number=400)
