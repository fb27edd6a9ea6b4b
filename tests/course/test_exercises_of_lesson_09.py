"""Lesson 09's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")

RESPOND = Exercise("09_translation_service", "Exercise 1")
WAY = Exercise("09_translation_service", "Exercise 2")

SLICED = """
results, responses = work([text for request in requests for text in request]), []
for request in requests:
    found, results = results[:len(request)], results[len(request):]
    responses.append({wanted})
return responses
"""
FIRST = "next((str(one) for one in found if isinstance(one, Exception)), found)"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer("raises", "return work(requests)[0][0]", ("missing  two requests, one of them with two texts: raised",)),
        Answer("wrong: no return", "work([])", ("(is a `return` missing?)",)),
        Answer(
            "wrong: a call for each request",
            "responses = []\n"
            "for request in requests:\n"
            "    found = work(request) if request else []\n"
            f"    responses.append({FIRST})\n"
            "return responses",
            (
                "right    two requests, one of them with two texts",
                "missing  in one call of work: expected [['a', 'b', 'c']]",
            ),
        ),
        Answer(
            "wrong: one error is everybody's",
            "results = iter(work([text for request in requests for text in request]))\n"
            "found = [[next(results) for _ in request] for request in requests]\n"
            "errors = [str(one) for part in found for one in part if isinstance(one, Exception)]\n"
            "return errors[:1] * len(requests) or found",
            ("right    in one call of work", "missing  an error stays with its request"),
        ),
        Answer(
            "wrong: the last of two errors",
            SLICED.format(wanted=FIRST.replace("found if", "reversed(found) if")),
            (
                "right    an error stays with its request",
                "missing  the first of two errors: expected ['7 is no word', ['C']]",
            ),
        ),
        Answer(
            "wrong: texts without a result are left out",
            SLICED.format(wanted="[one for one in found if not isinstance(one, Exception)]"),
            ("missing  an error stays with its request",),
        ),
        Answer(
            "wrong: errors stay exceptions",
            SLICED.format(wanted="next((one for one in found if isinstance(one, Exception)), found)"),
            ("missing  an error stays with its request",),
        ),
        Answer(
            "wrong: each text once, for all requests",
            "texts = list(dict.fromkeys(text for request in requests for text in request))\n"
            "known = dict(zip(texts, work(texts)))\n"
            "responses = []\n"
            "for request in requests:\n"
            "    found = [known[text] for text in request]\n"
            f"    responses.append({FIRST})\n"
            "return responses",
            ("missing  no texts at all, no call: expected ([[], []], []), got ([[], []], [[]])",),
        ),
        Answer(
            "wrong: work is called without texts",
            SLICED.format(wanted=FIRST),
            ("right    the first of two errors", "missing  no texts at all, no call", "missing  no requests"),
        ),
        Answer(
            "wrong: only ValueError is an error",
            SLICED.format(wanted=FIRST.replace("Exception", "ValueError")),
            ("right    an error stays with its request", "missing  the first of two errors"),
        ),
        Answer(
            "wrong: what is no text is an error",
            "if not any(requests):\n    return [[] for _ in requests]\n"
            + SLICED.format(wanted="next((str(one) for one in found if not isinstance(one, str)), found)"),
            ("right    the first of two errors", "missing  results of any kind"),
        ),
        Answer(
            "wrong: one response after the other",
            "texts = [text for request in requests for text in request]\n"
            "results = iter(work(texts) if texts else [])\n"
            "return ([next(results) for _ in request] for request in requests)",
            ("missing  two requests, one of them with two texts",),
        ),
        SOLUTION,
        Answer(
            "right: by slices",
            "if not any(requests):\n    return [[] for _ in requests]\n" + SLICED.format(wanted=FIRST),
            (),
        ),
        Answer(
            "right: by the number of the request",
            "rows = [(number, text) for number, request in enumerate(requests) for text in request]\n"
            "responses = [[] for _ in requests]\n"
            "if rows:\n"
            "    for (number, _), result in zip(rows, work([text for _, text in rows])):\n"
            "        if isinstance(responses[number], str):\n"
            "            continue\n"
            "        if isinstance(result, Exception):\n"
            "            responses[number] = str(result)\n"
            "        else:\n"
            "            responses[number].append(result)\n"
            "return responses",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_an_answer_for_each_request(triton_server, answer):
    RESPOND.test(answer)


def by(over, direct="return [(source, target)]"):
    """An answer that goes over the languages `over`."""
    return (
        "if source == target:\n    return []\n"
        f"if (source, target) in pairs:\n    {direct}\n"
        f"for between in {over}:\n"
        "    if (source, between) in pairs and (between, target) in pairs:\n"
        "        return [(source, between), (between, target)]"
    )


ALL = "sorted({language for pair in pairs for language in pair})"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer("raises", "return pairs[source]", ("missing  there is a pair: raised TypeError",)),
        Answer("wrong: no return", "[(source, target)]", ("missing  there is a pair: expected [('en', 'ca')], got None",)),
        Answer(
            "wrong: pairs in both directions",
            "pairs = pairs + [(end, start) for start, end in pairs]\n" + by(ALL),
            ("missing  a pair has one direction: expected None, got [('es', 'fr')]",),
        ),
        Answer(
            "wrong: any number of pairs",
            "ways, seen = [(source, [])], {source}\n"
            "for last, found in ways:\n"
            "    if last == target:\n"
            "        return found\n"
            "    for start, end in sorted(pairs):\n"
            "        if start == last and end not in seen:\n"
            "            seen.add(end)\n"
            "            ways.append((end, [*found, (start, end)]))",
            ("missing  three pairs are too many: expected None",),
        ),
        Answer(
            "wrong: the first in the list",
            by("[end for start, end in pairs if start == source]"),
            ("missing  the first between, in the alphabet",),
        ),
        Answer(
            "wrong: gives up at the first one between",
            by("[min((end for start, end in pairs if start == source), default='')]"),
            ("missing  the first one may lead nowhere",),
        ),
        Answer(
            "wrong: over a third language always",
            by(ALL, direct="pass"),
            ("missing  there is a pair", "missing  a pair is better than two"),
        ),
        Answer(
            "wrong: nothing to translate is no way",
            by(ALL).replace("return []", "return None"),
            ("missing  nothing to translate: expected [], got None",),
        ),
        Answer("wrong: always over English", by("['en']"), ("missing  over another language",)),
        Answer(
            "wrong: an empty list where there is no way",
            by(ALL) + "\nreturn []",
            ("missing  three pairs are too many: expected None, got []",),
        ),
        Answer(
            "wrong: sorts what it was given",
            "pairs.sort()\n" + by(ALL),
            ("got 'the list of pairs was changed'",),
        ),
        Answer(
            "wrong: no way in a language that nobody has",
            by(ALL).replace("if source == target:", "if source == target and any(source in pair for pair in pairs):"),
            ("right    nothing to translate", "missing  nor in a language that nobody has: expected [], got None"),
        ),
        SOLUTION,
        Answer("right: over all languages", by(ALL), ()),
        Answer(
            "right: by sets",
            "ends = {end for start, end in pairs if start == source}\n"
            "starts = {start for start, end in pairs if end == target}\n"
            "if source == target:\n    return []\n"
            "if target in ends:\n    return [(source, target)]\n"
            "between = min(ends & starts, default=None)\n"
            "return None if between is None else [(source, between), (between, target)]",
            (),
        ),
        Answer(
            "right: all ways, the shortest first",
            "ways = [[]] if source == target else []\n"
            "ways += [[pair] for pair in pairs if tuple(pair) == (source, target)]\n"
            "over = [end for start, end in pairs if start == source and (end, target) in pairs]\n"
            "ways += [[(source, between), (between, target)] for between in over]\n"
            "return min(ways, key=lambda way: (len(way), way), default=None)",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_the_choice_of_the_way(triton_server, answer):
    WAY.test(answer)
