"""Lesson 04's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

WITHIN_REACH = Exercise("04_movie_recommendations", "Exercise 1")
RECIPROCAL_RANKS = Exercise("04_movie_recommendations", "Exercise 2")
VERTIGO = "Vertigo: the films that share people, each once"
TRAVERSAL = """
WITHIN_REACH = '''
LET asked = DOCUMENT(@film)
FOR other IN 2..2 ANY asked @@directed, @@acted_in
  OPTIONS { order: "bfs", uniqueVertices: "global" }
  LET similarity = COSINE_SIMILARITY(other.emb, asked.emb)
  SORT similarity DESC
  LIMIT @most
  RETURN { title: other.title, similarity }
'''
"""
ONCE = '  OPTIONS { order: "bfs", uniqueVertices: "global" }\n'
LIMITED_FIRST = TRAVERSAL.replace("  LIMIT @most\n", "").replace("  SORT", "  LIMIT @most\n  SORT")
GROUPED = """
WITHIN_REACH = '''
LET asked = DOCUMENT(@film)
FOR person IN 1..1 INBOUND asked @@directed, @@acted_in
  FOR film IN 1..1 OUTBOUND person @@directed, @@acted_in
    FILTER film._id != @film
    COLLECT found = film
    LET similarity = COSINE_SIMILARITY(found.emb, asked.emb)
    SORT similarity DESC, found._key
    LIMIT @most
    RETURN { title: found.title, similarity }
'''
"""
WITHOUT_GRAPH = """
WITHIN_REACH = '''
LET asked = DOCUMENT(@film)
LET people = UNION_DISTINCT(asked.directors, asked.cast)
FOR other IN films
  FILTER other._id != asked._id AND LENGTH(INTERSECTION(people, UNION(other.directors, other.cast))) > 0
  LET similarity = COSINE_SIMILARITY(asked.emb, other.emb)
  SORT similarity DESC LIMIT @most
  RETURN { similarity, year: other.year, title: other.title }
'''
"""


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "", ("Exercise 1: no answer yet.",)),
        Answer("wrong: each path", TRAVERSAL.replace(ONCE, ""), (f"missing  {VERTIGO}: expected", "rows")),
        Answer(
            "wrong: the first three, then sorted",
            LIMITED_FIRST,
            ("right    their cosines", "missing  the three most similar"),
        ),
        Answer("wrong: the least similar first", TRAVERSAL.replace("DESC", "ASC"), ("missing  their cosines",)),
        Answer("wrong: by director only", TRAVERSAL.replace(", @@acted_in", ""), (f"missing  {VERTIGO}", "missing [")),
        Answer("wrong: one or two steps", TRAVERSAL.replace("2..2", "1..2"), (f"missing  {VERTIGO}", "too many [")),
        Answer("wrong: the film itself", GROUPED.replace("FILTER film._id != @film", ""), ("too many ['Vertigo']",)),
        Answer(
            "wrong: for Vertigo only",
            TRAVERSAL.replace("DOCUMENT(@film)", 'DOCUMENT(@film ? "films/vertigo-1958" : null)'),
            (f"right    {VERTIGO}", "missing  Annie Hall"),
        ),
        Answer("wrong: three and no more", TRAVERSAL.replace("LIMIT @most", "LIMIT @most > 3 ? 3 : @most"), ("missing  ",)),
        Answer("wrong: rows, not a query", "WITHIN_REACH = [{'title': 'Rear Window'}]", ("expected a text, got 'list'",)),
        Answer("wrong: no AQL", "WITHIN_REACH = 'SELECT title FROM films'", ("raised AQLQueryExecuteError",)),
        Answer("raises", "WITHIN_REACH = open('answer.aql').read()", ("no answer yet",)),
        SOLUTION,
        Answer("right: in groups", GROUPED, ()),
        Answer("right: by names, without the graph", WITHOUT_GRAPH, ()),
    ],
    ids=lambda answer: answer.kind,
)
def test_within_reach(triton_server, answer):
    WITHIN_REACH.test(answer)


SORTED = """
score = np.where(np.eye(len(score), dtype=bool), -np.inf, score)
order = np.argsort(-score, axis=1)
place = np.take_along_axis(related, order, axis=1).argmax(axis=1) + 1
return 1 / place[related.any(axis=1)]
"""
FIRST_TEN = """
score = np.where(np.eye(len(score), dtype=bool), -np.inf, score)
found = np.take_along_axis(related, np.argsort(-score, axis=1)[:, :10], axis=1)
ranks = np.where(found.any(axis=1), 1 / (found.argmax(axis=1) + 1), 0)
return ranks[related.any(axis=1)]
"""
LOOP = """
ranks = []
for film, row in enumerate(score):
    if related[film].any():
        best = max(row[other] for other in range(len(row)) if related[film, other])
        ranks.append(1 / (1 + sum(row[other] > best for other in range(len(row)) if other != film)))
return ranks
"""
TENSORS = """
import torch
score, related = torch.tensor(score), torch.tensor(related)
score = score.masked_fill(torch.eye(len(score), dtype=torch.bool), -torch.inf)
place = related.gather(1, score.argsort(dim=1, descending=True)).int().argmax(dim=1) + 1
return 1.0 / place[related.any(dim=1)]
"""


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer(
            "wrong: the first ten only",
            FIRST_TEN,
            ("right    the toy", "missing  a relative in place 12", "got [0.0, 0.3333]"),
        ),
        Answer(
            "wrong: only those found in ten",
            FIRST_TEN.replace("related.any(axis=1)]", "found.any(axis=1)]"),
            ("right    the toy", "missing  a relative in place 12", "got [0.3333]"),
        ),
        Answer("wrong: places from 0", SORTED.replace(" + 1", ""), ("missing  the toy", "got [inf, inf, 0.5]")),
        Answer("wrong: a film is its own neighbour", "\n".join(SORTED.split("\n")[2:]), ("missing  the toy",)),
        Answer(
            "wrong: the first of the order is taken for the film itself",
            SORTED.split("\n", 2)[2].replace("axis=1)\nplace", "axis=1)[:, 1:]\nplace"),
            ("right    the toy", "missing  a relative in place 12", "got [0.0833, 0.5]"),
        ),
        Answer("wrong: itself at zero", SORTED.replace("-np.inf", "0"), ("missing  the same with scores below zero",)),
        Answer("wrong: all films", SORTED.replace("[related.any(axis=1)]", ""), ("missing  the toy", "got [1.0, 1.0, 1.0,")),
        Answer("wrong: the mean", SORTED.replace("return 1 / ", "return np.mean(1 / ") + ")", ("got 0.7778",)),
        Answer("wrong: places", SORTED.replace("1 / ", ""), ("missing  the toy", "got [1, 1, 3]")),
        Answer("wrong: the farthest first", SORTED.replace("-score, axis", "score, axis"), ("missing  the toy",)),
        Answer(
            "wrong: the mean over all relatives",
            LOOP.replace(
                "best = max",
                "places = [1 + sum(row[o] > row[r] for o in range(len(row)) if o != film) "
                "for r in range(len(row)) if related[film, r]]\n        ranks.append(np.mean(1 / np.array(places)))\n"
                "        continue\n        best = max",
            ),
            ("missing  of several relatives, the first counts",),
        ),
        Answer(
            "wrong: changes the scores",
            "np.fill_diagonal(score, -np.inf)\n" + SORTED.split("\n", 2)[2],
            ("right    a relative in place 12", "missing  the arrays given stay as they are"),
        ),
        Answer(
            "wrong: changes the relatives",
            SORTED.replace("return ", "ranks = ") + "related[:] = False\nreturn ranks",
            ("right    a relative in place 12", "missing  the arrays given stay as they are", "got 'other relatives'"),
        ),
        Answer("raises", "return 1 / ranks_of(score, related)", ("raised NameError: name 'ranks_of' is not defined",)),
        Answer("forgotten return", SORTED.replace("return ", "ranks = "), ("got None (is a `return` missing?)",)),
        SOLUTION,
        Answer("right: by counting, a list", LOOP, ()),
        Answer("right: tensors", TENSORS, ()),
    ],
    ids=lambda answer: answer.kind,
)
def test_reciprocal_ranks(triton_server, answer):
    RECIPROCAL_RANKS.test(answer)
