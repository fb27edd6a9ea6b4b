"""Lesson 07's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")
ELSEWHERE = Exercise("07_product_recommendations", "Exercise 1")
FIRST_DAY = Exercise("07_product_recommendations", "Exercise 2")


def elsewhere(condition, order="DESC", limit=5, kind='LAST(SPLIT(SPLIT(asked.title, ",")[0], " "))'):
    return f'''ELSEWHERE = """
LET asked = DOCUMENT(@product)
LET kind = {kind}
FOR other IN Products
  FILTER other._id != @product AND ({condition})
  SORT COSINE_SIMILARITY(other.predicted_node_embeddings, asked.predicted_node_embeddings) {order}
  LIMIT {limit}
  RETURN {{ key: other._key, title: other.title }}
"""'''


OTHER_KIND = 'LAST(SPLIT(SPLIT(other.title, ",")[0], " ")) != kind'
IN_ANOTHER_FORM = '''
ELSEWHERE = """
LET asked = FIRST(FOR product IN Products FILTER product._id == @product RETURN product)
LET words = SPLIT(FIRST(SPLIT(asked.title, ",")), " ")
FOR product IN Products
  SORT COSINE_SIMILARITY(asked.predicted_node_embeddings, product.predicted_node_embeddings) DESC
  LET others = SPLIT(FIRST(SPLIT(product.title, ",")), " ")
  FILTER others[-1] != words[-1]
  LIMIT 5
  RETURN { title: product.title, key: product._key }
"""
'''


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "", ("Exercise 1: no answer yet.",)),
        Answer(
            "wrong: tents by name",
            elsewhere('LAST(SPLIT(SPLIT(other.title, ",")[0], " ")) != "tent"'),
            ("right    no tent goes with the tent", "missing  no game goes with a game: expected other kinds, got ['game'"),
        ),
        Answer("wrong: no condition", elsewhere("true"), ("missing  no tent goes with the tent",)),
        Answer("wrong: the same kind", elsewhere(OTHER_KIND.replace("!=", "==")), ("missing  no game goes with a game",)),
        Answer("wrong: the farthest", elsewhere(OTHER_KIND, order="ASC"), ("missing  the nearest of other kinds",)),
        Answer("wrong: ten", elsewhere(OTHER_KIND, limit=10), ("five rows for the tent: expected 5, got 10",)),
        Answer(
            "wrong: the kind anywhere in the title",
            elsewhere("NOT CONTAINS(other.title, kind)"),
            ("missing  a pillowcase is no pillow: expected ['P007183'",),
        ),
        Answer(
            "wrong: the last word of the title",
            elsewhere('LAST(SPLIT(other.title, " ")) != kind', kind='LAST(SPLIT(asked.title, " "))'),
            ("missing  no tent goes with the tent",),
        ),
        Answer(
            "wrong: what ends like the kind left out too",
            elsewhere('SPLIT(other.title, ",")[0] NOT LIKE CONCAT("%", kind)'),
            (
                "missing  a cookbook is of another kind than a book: expected ['P007449'",
                "right    a pillowcase is no pillow",
            ),
        ),
        Answer(
            "wrong: the kinds of the check by name",
            elsewhere('LAST(SPLIT(SPLIT(other.title, ",")[0], " ")) NOT IN ["tent", "game", "pillow"]'),
            ("missing  a cookbook is of another kind than a book: expected ['P007449'", "right    no game goes with a game"),
        ),
        Answer(
            "wrong: the kind for a title",
            elsewhere(OTHER_KIND).replace("title: other.title", 'title: LAST(SPLIT(SPLIT(other.title, ",")[0], " "))'),
            ("missing  each title is its product's: expected [], got [", "7 of 8"),
        ),
        Answer("raises", 'ELSEWHERE = "FOR other IN Products SORT"', ("missing  five rows for the tent: raised AQLQuery",)),
        Answer("raises in the cell", "ELSEWHERE = elsewhere", ("no answer yet",)),
        SOLUTION,
        Answer("right", elsewhere(OTHER_KIND), ()),
        Answer("right: in another form", IN_ANOTHER_FORM, ()),
    ],
    ids=lambda answer: answer.kind,
)
def test_elsewhere(triton_server, answer):
    ELSEWHERE.test(answer)


def first_day(similarity="COSINE_SIMILARITY(other.features, @features)", order="DESC", limit=5, condition="true"):
    return f'''FIRST_DAY = """
FOR other IN Products
  FILTER {condition}
  LET similarity = {similarity}
  SORT similarity {order}
  LIMIT {limit}
  RETURN {{ key: other._key, title: other.title, similarity }}
"""'''


DOT = "SUM(FOR place IN 0..99 RETURN other.features[place] * @features[place])"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "", ("Exercise 2: no answer yet.",)),
        Answer("wrong: the least similar", first_day(order="ASC"), ("missing  sleeping pads, for a sleeping pad",)),
        Answer("wrong: ten", first_day(limit=10), ("five rows: expected 5, got 10",)),
        Answer(
            "wrong: a distance",
            first_day("L2_DISTANCE(other.features, @features)", order="ASC"),
            ("missing  similarity is the cosine",),
        ),
        Answer(
            "wrong: pads by name",
            first_day(condition='CONTAINS(other.title, "sleeping pad")'),
            ("right    sleeping pads, for a sleeping pad", "missing  for a hiking map"),
        ),
        Answer(
            "wrong: the vectors of the network",
            first_day("COSINE_SIMILARITY(other.predicted_node_embeddings, SLICE(@features, 0, 64))"),
            ("missing  ",),
        ),
        Answer(
            "wrong: first come, then sorted",
            first_day().replace("LIMIT 5", "").replace("FILTER true", "LIMIT 5"),
            ("missing  sleeping pads, for a sleeping pad",),
        ),
        Answer(
            "wrong: no similarity", first_day().replace(", similarity }", " }"), ("rows have key, title and similarity",)
        ),
        Answer(
            "wrong: a title made up",
            first_day().replace("title: other.title", 'title: "sleeping pad"'),
            ("missing  each title is its product's: expected [], got ['sleeping pad'",),
        ),
        Answer("raises", 'FIRST_DAY = "RETURN @title"', ("missing  five rows: raised AQLQuery",)),
        SOLUTION,
        Answer("right", first_day(), ()),
        Answer(
            "right: in another form",
            first_day("1 - (1 - COSINE_SIMILARITY(@features, other.features))").replace(
                "SORT similarity DESC", "SORT -similarity"
            ),
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_first_day(triton_server, answer):
    FIRST_DAY.test(answer)
