"""Queries that are too deep, too long, or need too much memory or time."""

import threading
import time

import pytest

from tests.support.aql import attempt, refuses
from workshop.arango.embedded.aql import plan, query
from workshop.arango.embedded.errors import ArangoError


@pytest.mark.parametrize(
    "text",
    [
        "RETURN 1" + " + 1" * 10_000,
        "RETURN " + "(" * 4000 + "1" + ")" * 4000,
        "RETURN " + "[" * 4000 + "]" * 4000,
        "RETURN " + "{a: " * 2000 + "1" + "}" * 2000,
        "RETURN " + "NOT " * 5000 + "1",
        "RETURN " + "-" * 5000 + "1",
        "RETURN " + "1 ? " * 2000 + "1" + " : 1" * 2000,
        "RETURN " + "ABS(" * 3000 + "1" + ")" * 3000,
        "RETURN " + "(RETURN " * 1000 + "1" + ")" * 1000,
        "RETURN {}" + ".a" * 20_000,
        "RETURN []" + "[*]" * 5000,
        "RETURN " + "[][* FILTER " * 600 + "1" + "]" * 600,
        "LET [" + "[" * 1000 + "x" + "]" * 1000 + "] = 1 RETURN x",
    ],
)
def test_queries_that_are_too_deep(run, text):
    begun = time.monotonic()
    assert attempt(run, text) == [1524]
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("depth", [50, 100, 200, 400])
@pytest.mark.parametrize(
    "form",
    ["({} + 1)", "[{}]", "{{a: {}}}", "ABS({})", "(RETURN {})", "({} ? 1 : 2)", "(FOR i{n} IN [1] RETURN {})", "({}).a[*]"],
)
def test_deep_queries_run_or_are_refused(run, depth, form):
    text = "1"
    for n in range(depth):
        text = form.format(text, n=n)
    assert set(attempt(run, "RETURN " + text)) <= {1524}


def test_deep_queries_in_a_thread_with_a_full_stack(run):
    found = []

    def deeper(levels):
        if levels:
            return deeper(levels - 1)
        return attempt(run, "RETURN " + "[" * 90 + "]" * 90)

    thread = threading.Thread(target=lambda: found.append(deeper(800)))
    thread.start()
    thread.join()
    assert found == [[1524] * 3] or found == [[1524]]


def test_long_queries_run(run):
    assert run("RETURN 1" + " + 1" * 300) == [301]
    assert run("RETURN " + " OR ".join(["false"] * 400)) == [False]
    many = " OR ".join(f"d.n == {n}" for n in range(300))
    assert len(run(f"FOR d IN docs FILTER {many} RETURN 1")) == 6
    assert len(run(f"FOR d IN docs FILTER {many.replace('OR', 'AND').replace('==', '!=')} RETURN 1")) == 0
    assert run(f"RETURN [{', '.join(map(str, range(5000)))}]") == [list(range(5000))]
    assert run(f"RETURN '{'ä' * 100_000}'") == ["ä" * 100_000]
    refuses(run, f"RETURN '{'a' * (1 << 20)}'", 1501)


@pytest.mark.parametrize("text", ["RETURN REPEAT('x', 1e11)", "RETURN LENGTH(REPEAT(REPEAT('abcdefgh', 100000), 100000))"])
def test_what_would_fill_the_memory(run, text):
    begun = time.monotonic()
    attempt(run, text)
    assert run(text) == [None] or run(text) == [0]
    assert time.monotonic() - begun < 2


def test_a_query_that_fills_the_memory_is_refused(run, monkeypatch):
    monkeypatch.setattr(plan, "MEMORY", 1 << 20)
    refuses(run, "FOR i IN 1..1e9 RETURN i", 32)


def test_the_memory_is_looked_at_now_and_then(run, monkeypatch):
    """Looks that follow each other closely keep Python's lock from the threads that answer other requests."""
    looks = []
    monkeypatch.setattr(plan, "_memory_used", lambda: looks.append(clock) or 0)
    monkeypatch.setattr(plan.time, "monotonic", lambda: clock)
    clock, context = 100.0, plan.Context(None)
    for clock in (100.0, 100.01, 100.02, 100.04, 100.06, 100.07):  # noqa: B007  (it is the time that is told)
        context.check()
    assert looks == [100.0, 100.06]


def test_queries_that_run_too_long_or_are_killed(run):
    endless = [
        "FOR i IN 1..1e15 FILTER i < 0 RETURN i",
        "FOR i IN 1..1e15 COLLECT WITH COUNT INTO c RETURN c",
        "FOR i IN 1..1e6 FOR j IN 1..1e6 FILTER false RETURN 1",
        "RETURN LENGTH(FOR i IN 1..1e9 FILTER i == 0 RETURN 1)",
        "FOR v IN 1..1e9 ANY 'docs/1' links OPTIONS {uniqueEdges: 'none'} FILTER false RETURN v",
        "FOR v IN 100000..1e9 ANY 'docs/1' links OPTIONS {uniqueEdges: 'none', order: 'dfs'} RETURN v",
    ]
    for text in endless:
        begun = time.monotonic()
        with pytest.raises(ArangoError) as caught:
            run(text, options={"maxRuntime": 0.05})
        assert caught.value.number == 1500 and caught.value.http == 410
        assert time.monotonic() - begun < 1


def test_killing(run):
    asked = query.prepare("FOR i IN 1..1e15 FILTER i < 0 RETURN i")
    problems = []

    def work():
        with run.store.reading():
            try:
                list(asked.results(run.database))
            except ArangoError as error:
                problems.append(error.number)

    thread = threading.Thread(target=work)
    thread.start()
    while not query.running():
        time.sleep(0.001)
    assert [each["query"] for each in query.running()] == [asked.text]
    query.kill(asked.identifier)
    thread.join()
    assert problems == [1500] and not query.running()
    with pytest.raises(ArangoError) as caught:
        query.kill(asked.identifier)
    assert caught.value.number == 1591
