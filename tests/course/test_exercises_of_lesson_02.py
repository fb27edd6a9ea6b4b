"""Lesson 02's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")

FLIP = Exercise("02_trace_a_transformer", "Exercise 1")
LABEL = Exercise(
    "02_trace_a_transformer",
    "Exercise 2",
    also=("version_1.save", "torch.jit.script(Windows", "client.load_model(classifier_folder"),
)
CLASS = "answer = ask(classifier_folder.name, *tokens([text]), {})\n"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer("wrong: each number by itself", "return torch.where(x > 0, x, -x)", ("missing  mixed signs", "got")),
        Answer(
            "wrong: the sign",
            "return x * torch.sign(x.sum())",
            ("missing  a sum of zero: as Flip: expected [[-2.0], [2.0]]",),
        ),
        Answer(
            "wrong: zero counts as positive", "return torch.where(x.sum() >= 0, x, -x)", ("missing  a sum of zero: as Flip",)
        ),
        Answer(
            "wrong: a sum for each row",
            "return torch.where(x.sum(-1, keepdim=True) > 0, x, -x)",
            ("missing  a sum of zero",),
        ),
        Answer(
            "wrong: the first two dimensions",
            "return torch.where(x.sum(0).sum(0) > 0, x, -x)",
            ("missing  mixed signs, positive sum, three dimensions: as Flip",),
        ),
        Answer(
            "wrong: the last two dimensions",
            "return torch.where(x.sum(-1).sum(-1) > 0, x, -x)",
            ("missing  mixed signs, positive sum, three dimensions: as Flip",),
        ),
        Answer(
            "wrong: the input itself is changed",
            "return torch.where(x.sum() > 0, x, x.neg_())",
            ("missing  a positive sum: as Flip", "right    a negative sum: as Flip"),
        ),
        Answer(
            "wrong: Flip's own branch",
            "return x if x.sum() > 0 else -x",
            (
                "right    a sum of zero: as Flip",
                "missing  a negative sum: the trace",
                "missing  nothing to warn of: expected []",
            ),
        ),
        Answer(
            "wrong: FP64",
            "return torch.where(x.sum() > 0, x, -x).double()",
            ("missing  a positive sum: as Flip: expected float32 [", ", got float64 ["),
        ),
        Answer(
            "wrong: FP32, whatever comes",
            "return torch.where(x.sum() > 0, x, -x).float()",
            ("missing  FP64: as Flip: expected float64 [3.0, -2.0], got float32 [3.0, -2.0]", "right    a positive sum"),
        ),
        Answer("wrong: the absolute value", "return abs(x)", ("missing  mixed signs, positive sum",)),
        Answer("raises", "return torch.where(x.total() > 0, x, -x)", ("raised AttributeError",)),
        Answer("wrong: forgotten return", "torch.where(x.sum() > 0, x, -x)", ("got None (is a `return` missing?)",)),
        SOLUTION,
        Answer("right: a factor", "return x * torch.where(x.sum() > 0, 1.0, -1.0)", ()),
        Answer("right: arithmetic", "return x * ((x.sum() > 0).float() * 2 - 1)", ()),
        Answer("right: the other way round", "total = torch.sum(x)\nreturn torch.where(total <= 0, torch.neg(x), x)", ()),
    ],
    ids=lambda answer: answer.kind,
)
def test_a_flip_that_can_be_traced(triton_server, answer):
    FLIP.test(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer(
            "wrong: bytes",
            CLASS.format("version=2, class_count=1") + "return answer[0, 0]",
            ("missing  it returns a string: expected a string, got b'",),
        ),
        Answer(
            "wrong: the number of the label",
            CLASS.format("version=2, class_count=1") + "return answer[0, 0].decode().split(':')[1]",
            (
                "right    it returns a string",
                "missing  five short reviews: expected ['positive', 'negative'",
                "got ['1', '0'",
            ),
        ),
        Answer(
            "wrong: version 1",
            CLASS.format("version=1, class_count=1") + "return answer[0, 0].decode().split(':')[2]",
            ("right    five short reviews", "missing  a text of 739 tokens: raised InferenceServerException"),
        ),
        Answer(
            "wrong: cut to what version 1 takes",
            "ids, mask = (part[:, :512] for part in tokens([text]))\n"
            "answer = ask(classifier_folder.name, ids, mask, version=2, class_count=1)\n"
            "return answer[0, 0].decode().split(':')[2]",
            ("right    five short reviews", "missing  a text of 739 tokens: expected 'positive', got 'negative'"),
        ),
        Answer("wrong: always the same", "return 'positive'", ("missing  five short reviews",)),
        Answer(
            "wrong: the smaller of two",
            CLASS.format("version=2, class_count=2") + "return answer[0, 1].decode().split(':')[2]",
            ("missing  five short reviews", "missing  a text of 739 tokens"),
        ),
        Answer(
            "wrong: forgotten return",
            CLASS.format("version=2, class_count=1"),
            ("got None (is a `return` missing?)",),
        ),
        Answer("raises", "return ask('no_such_model', *tokens([text]))", ("raised InferenceServerException",)),
        SOLUTION,
        Answer(
            "right: by the logits",
            CLASS.format("version=2") + "return ['negative', 'positive'][int(answer.argmax())]",
            (),
        ),
        Answer(
            "right: the latest version, the end of the bytes",
            CLASS.format("class_count=1") + "return str(answer.item(), 'utf-8').rpartition(':')[-1]",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_a_label(triton_server, answer):
    LABEL.test(answer)


def test_an_answer_that_changes_its_input_leaves_the_next_one_the_same_inputs(triton_server):
    changing = "return torch.where(x.sum() > 0, x, x.neg_())"
    assert FLIP.judge(changing) == FLIP.judge(changing)
