"""Lesson 00's exercise, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

ODD = Exercise("00_welcome", "Exercise")
EMBEDDED = """
tensor = httpclient.InferInput("text", [len(sentences), 1], "BYTES")
tensor.set_data_from_numpy(np.array([[sentence.encode()] for sentence in sentences], dtype=object))
vectors = client.infer("sentence_embedder", [tensor]).as_numpy("embedding")
"""


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "", ("Exercise: no answer yet.",)),
        Answer(
            "wrong: the largest sum", EMBEDDED + "odd = (vectors @ vectors.T).sum(axis=1).argmax()", ("missing  ", "got")
        ),
        Answer("wrong: the sentence", "odd = sentences[2]", ("expected a whole number from 0 to 3, got 'The invoice",)),
        Answer("wrong: past the end", "odd = 4", ("expected a whole number from 0 to 3, got 4",)),
        Answer(
            "wrong: all the sums", EMBEDDED + "odd = (vectors @ vectors.T).sum(axis=1)", ("missing  a position: raised",)
        ),
        Answer("wrong: from the end", "odd = -2", ("expected a whole number from 0 to 3, got -2",)),
        Answer("raises", "odd = sentences.index('invoice')", ("no answer yet",)),
        SOLUTION,
        Answer("right: a NumPy integer", EMBEDDED + "odd = (vectors @ vectors.sum(axis=0)).argmin()", ()),
        Answer(
            "right: an array of one number",
            EMBEDDED + "odd = np.array(vectors.sum(axis=0) @ vectors.T).argmin(keepdims=True)[0]",
            (),
        ),
        Answer("right: seen at a glance", "odd = 2", ()),
    ],
    ids=lambda answer: answer.kind,
)
def test_odd_one_out(triton_server, answer):
    ODD.test(answer)
