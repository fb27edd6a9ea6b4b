"""Lesson 12's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

FIGURES = Exercise("12_operating_triton", "Exercise 1")
PATIENTLY = Exercise("12_operating_triton", "Exercise 2")

GROWN = """
def grown(metric, **labels):
    name = "nv_inference_" + metric
    return total(after, name, model=model, **labels) - total(before, name, model=model, **labels)


requests, rows, calls, queued = map(grown, ("request_success", "count", "exec_count", "queue_duration_us"))
"""
MEANS = "return requests / seconds, rows / calls if calls else None, queued / requests / 1000 if requests else None"
LOOP = """
deadline, longest = clock() + seconds, 0.1
while True:
    try:
        return ask(deadline - clock())
    except Busy:
        wait = jitter() * longest
        if clock() + wait >= deadline:
            raise
        sleep(wait)
        longest = min(1.0, 2 * longest)
"""


def without(piece, instead=""):
    """The loop with a piece of it replaced."""
    assert piece in LOOP
    return LOOP.replace(piece, instead)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer(
            "wrong: since the model was loaded",
            GROWN.replace("- total(before, name, model=model, **labels)", "") + MEANS,
            ("missing  requests/s of a, in two versions: expected 10, got 20"),
        ),
        Answer(
            "wrong: all models together",
            GROWN.replace("model=model, ", "") + MEANS,
            ("missing  requests/s of a, in two versions: expected 10, got 12",),
        ),
        Answer(
            "wrong: version 1 alone",
            GROWN.replace("model=model, ", 'model=model, version="1", ') + MEANS,
            ("missing  requests/s of a, in two versions: expected 10, got 4",),
        ),
        Answer(
            "wrong: requests for rows",
            GROWN + MEANS.replace("rows /", "requests /"),
            ("missing  rows in a call of a: expected 10, got 2.5", "right    rows in a call of b"),
        ),
        Answer("wrong: microseconds", GROWN + MEANS.replace(" / 1000", ""), ("expected 3, got 3000",)),
        Answer(
            "wrong: time per row",
            GROWN + MEANS.replace("queued / requests", "queued / rows"),
            ("missing  ms in the queue of a: expected 3, got 0.75",),
        ),
        Answer(
            "wrong: a mean of nothing is 0",
            GROWN + MEANS.replace("None", "0.0"),
            ("missing  c was not asked: no means: expected (0.0, None, None), got (0.0, 0.0, 0.0)",),
        ),
        Answer(
            "wrong: nothing was thought of",
            GROWN + MEANS.replace(" if calls else None", "").replace(" if requests else None", ""),
            ("missing  c was not asked: no means: raised ZeroDivisionError",),
        ),
        Answer("wrong: no return", GROWN, ("missing  ",)),
        Answer("raises", "return before[model]", ("missing  requests/s of a, in two versions: raised TypeError",)),
        SOLUTION,
        Answer("right: a function for the difference", GROWN + MEANS, ()),
        Answer(
            "right: as a list, with branches",
            "difference = []\n"
            "for metric in ('request_success', 'count', 'exec_count', 'queue_duration_us'):\n"
            "    first, last = (total(text, f'nv_inference_{metric}', model=model) for text in (before, after))\n"
            "    difference.append(last - first)\n"
            "if not difference[0]:\n"
            "    return [0.0, None, None]\n"
            "requests, rows, calls, queued = difference\n"
            "return [requests / seconds, rows / calls, 1e-3 * queued / requests]",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_figures_of_two_scrapes(answer):
    FIGURES.test(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer("wrong: once", "return ask(seconds)", ("right    answered at once", "got ('Busy', [])")),
        Answer(
            "wrong: no jitter",
            without("jitter() * longest", "longest"),
            ("missing  busy three times: waits of half of 0.1, 0.2 and 0.4 s: ",),
        ),
        Answer(
            "wrong: one random number for all waits",
            "part = jitter()\n" + without("jitter()", "part"),
            ("missing  each wait has a number of its own: expected [0.01, 0.18, 0.2], got [0.01, 0.02, 0.04]",),
        ),
        Answer(
            "wrong: always the same wait",
            without("min(1.0, 2 * longest)", "longest"),
            ("missing  busy three times: waits of half of 0.1, 0.2 and 0.4 s: ",),
        ),
        Answer(
            "wrong: no longest wait",
            without("min(1.0, 2 * longest)", "2 * longest"),
            ("missing  never more than 1 s: expected [0.1, 0.2, 0.4, 0.8, 1.0, 1.0], got [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]",),
        ),
        Answer(
            "wrong: the whole time for each try",
            without("ask(deadline - clock())", "ask(seconds)"),
            ("missing  each try is given what is left: expected [5.0, 4.9, 4.75], got [5, 5, 5]",),
        ),
        Answer(
            "wrong: never gives up",
            without("if clock() + wait >= deadline:\n            raise\n        "),
            ("missing  always busy: gives up before the deadline: raised RuntimeError: tried more than 200 times",),
        ),
        Answer(
            "wrong: waits past the deadline",
            without("clock() + wait >= deadline", "clock() >= deadline"),
            ("missing  always busy: gives up before the deadline: expected ('Busy', [0.1, 0.2, 0.4]), got",),
        ),
        Answer(
            "wrong: every error is tried again",
            without("except Busy", "except Exception"),
            ("missing  another error goes through: ",),
        ),
        Answer(
            "wrong: returns nothing instead of raising",
            without("            raise\n", "            return None\n"),
            ("missing  always busy: gives up before the deadline: expected ('Busy', [0.1, 0.2, 0.4]), got (None, ",),
        ),
        Answer("raises", "return ask()", ("missing  answered at once: raised TypeError",)),
        SOLUTION,
        Answer(
            "right: by the number of the try",
            "began = clock()\n"
            "for tried in itertools.count():\n"
            "    try:\n"
            "        return ask(began + seconds - clock())\n"
            "    except Busy as busy:\n"
            "        wait = min(1.0, 0.1 * 2**tried) * jitter()\n"
            "        if wait >= began + seconds - clock():\n"
            "            raise busy\n"
            "        sleep(wait)\n",
            (),
        ),
        Answer(
            "right: calls itself",
            "end = clock() + seconds\n"
            "def go_on(most):\n"
            "    try:\n"
            "        return ask(end - clock())\n"
            "    except Busy:\n"
            "        wait = jitter() * most\n"
            "        if clock() + wait >= end:\n"
            "            raise\n"
            "    sleep(wait)\n"
            "    return go_on(min(2 * most, 1))\n"
            "return go_on(0.1)",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_a_client_that_tries_again(answer):
    PATIENTLY.test(answer)
