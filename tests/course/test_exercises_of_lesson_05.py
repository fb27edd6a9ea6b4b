"""Lesson 05's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

CHOOSE = Exercise("05_graphsage", "Exercise 1")
LOSS = Exercise("05_graphsage", "Exercise 2")

FLOYD = """
chosen = []
for last in range(max(len(neighbours) - count, 0), len(neighbours)):
    place = int(torch.randint(last + 1, (), generator=generator))
    chosen.append(last if place in chosen else place)
return neighbours[chosen].tolist()
"""


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer("raises", "return neighbours.sample(count)", ("raised AttributeError",)),
        Answer(
            "wrong: forgotten return",
            "neighbours[torch.randperm(len(neighbours), generator=generator)[:count]]",
            ("(is a `return` missing?)",),
        ),
        Answer(
            "wrong: the first ones",
            "return neighbours[:count]",
            ("missing  all subsets equally likely: expected each of the 15", "missing  another draw with another seed"),
        ),
        Answer(
            "wrong: with replacement",
            "return neighbours[torch.randint(len(neighbours), (count,), generator=generator)]",
            ("missing  none of them twice", "missing  all of three when five are wanted"),
        ),
        Answer(
            "wrong: with replacement, twice counted once",
            "return torch.unique(neighbours[torch.randint(len(neighbours), (count,), generator=generator)])",
            ("missing  two neighbours when two are wanted: expected two of the numbers 10 to 15, got (1",),
        ),
        Answer(
            "wrong: always the same draw",
            "return neighbours[torch.randperm(len(neighbours), generator=torch.Generator().manual_seed(0))[:count]]",
            ("missing  another draw with another seed", "missing  all subsets equally likely"),
        ),
        Answer(
            "wrong: without the generator",
            "return neighbours[torch.randperm(len(neighbours))[:count]]",
            ("missing  the same draw with the same seed", "right    all subsets equally likely"),
        ),
        Answer(
            "wrong: neighbours side by side",
            "begin = int(torch.randint(len(neighbours), (), generator=generator))\nreturn neighbours.roll(-begin)[:count]",
            (
                "missing  all subsets equally likely: expected each of the 15 subsets about 200 times in 3,000",
                "got {'(10, 12)': 0",
            ),
        ),
        Answer(
            "wrong: the last one is never drawn",
            "return neighbours[torch.randperm(max(len(neighbours) - 1, count), generator=generator)[:count]]",
            ("missing  all subsets equally likely",),
        ),
        Answer(
            "wrong: biased to the first",
            "weights = 1 / torch.arange(1, len(neighbours) + 1)\n"
            "return neighbours[torch.multinomial(weights, min(count, len(neighbours)), generator=generator)]",
            ("missing  all subsets equally likely",),
        ),
        Answer(
            "wrong: only where there are enough",
            "return neighbours[torch.multinomial(torch.ones(len(neighbours)), count, generator=generator)]",
            ("missing  all of three when five are wanted: raised RuntimeError", "right    all subsets equally likely"),
        ),
        Answer(
            "wrong: as fractions",
            "return neighbours[torch.randperm(len(neighbours), generator=generator)[:count]].float()",
            ("missing  whole numbers, as the neighbours are: expected ['int'], got ['float']", "7 of 8"),
        ),
        Answer(
            "wrong: places instead of neighbours",
            "return torch.randperm(len(neighbours), generator=generator)[:count]",
            ("missing  two neighbours when two are wanted", "got [0, 1, 2]"),
        ),
        SOLUTION,
        Answer(
            "right: by weights",
            "size = min(count, len(neighbours))\n"
            "return neighbours[torch.multinomial(torch.ones(len(neighbours)), size, generator=generator)]",
            (),
        ),
        Answer(
            "right: by sorting", "return neighbours[torch.rand(len(neighbours), generator=generator).argsort()][:count]", ()
        ),
        Answer("right: a list, by Floyd's algorithm", FLOYD, ()),
    ],
    ids=lambda answer: answer.kind,
)
def test_drawing_neighbours(answer):
    CHOOSE.test(answer)


def loss(
    positive="(first * second).sum(dim=1)", negative="first @ strangers.T", rest="- weight * F.logsigmoid(-negative).mean()"
):
    """The loss in parts, one of which can be wrong."""
    return (
        f"positive = ({positive} - 0.4) / 0.1\nnegative = ({negative} - 0.4) / 0.1\n"
        f"return -F.logsigmoid(positive).mean() {rest}"
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer("raises", "return F.sigmoid_loss(first, second)", ("raised AttributeError",)),
        Answer("wrong: forgotten return", loss().replace("return ", ""), ("(is a `return` missing?)",)),
        Answer(
            "wrong: strangers row by row",
            loss(negative="(first * strangers).sum(dim=1)"),
            ("missing  three pairs against five strangers, Q = 20: raised RuntimeError",),
        ),
        Answer(
            "wrong: as many strangers as pairs",
            loss(negative="(first * strangers[: len(first)]).sum(dim=1)"),
            ("missing  three pairs against five strangers, Q = 20: expected 42.2125",),
        ),
        Answer("wrong: strangers of the partners", loss(negative="second @ strangers.T"), ("missing  three pairs",)),
        Answer(
            "wrong: pairs crosswise", loss(positive="first @ second.T"), ("missing  pairs with the cosines 1, 0.71 and 0.5",)
        ),
        Answer(
            "wrong: the sum over strangers",
            loss(rest="- weight * F.logsigmoid(-negative).sum(dim=1).mean()"),
            ("right    a pair with the cosine 1", "missing  three pairs against five strangers"),
        ),
        Answer(
            "wrong: the sum over pairs",
            loss().replace("logsigmoid(positive).mean()", "logsigmoid(positive).sum()"),
            ("missing  pairs with the cosines",),
        ),
        Answer(
            "wrong: the second sign",
            loss(rest="+ weight * F.logsigmoid(-negative).mean()"),
            ("right    pairs with the cosines", "missing  a pair with the cosine 1 against a stranger"),
        ),
        Answer(
            "wrong: strangers to be alike",
            loss(rest="- weight * F.logsigmoid(negative).mean()"),
            ("missing  a pair with the cosine 1 against a stranger with the cosine 0: expected 0.0206",),
        ),
        Answer(
            "wrong: without the weight",
            loss(rest="- F.logsigmoid(-negative).mean()"),
            ("missing  pairs with the cosines", "right    a pair with the cosine 1"),
        ),
        Answer(
            "wrong: without shift and scale",
            loss().replace(" - 0.4) / 0.1", ")"),
            ("missing  pairs with the cosines", "right    one number"),
        ),
        Answer("wrong: without the shift", loss().replace(" - 0.4)", ")"), ("missing  a pair with the cosine 1",)),
        Answer("wrong: scaled before it is shifted", loss().replace(" - 0.4) / 0.1", " / 0.1 - 0.4)"), ("missing  ",)),
        Answer(
            "wrong: a number a pair",
            loss(rest="- weight * F.logsigmoid(-negative).mean(dim=1)"),
            ("missing  one number: expected (), got (3,)",),
        ),
        SOLUTION,
        Answer(
            "right: a number of Python's, logarithms written out",
            "s = lambda cosine: 1 / (1 + np.exp(-(cosine.numpy() - 0.4) / 0.1))\n"
            "pairs = -np.log(s((first * second).sum(dim=1))).mean()\n"
            "return float(pairs - weight * np.log(1 - s(first @ strangers.T)).mean())",
            (),
        ),
        Answer(
            "right: pair by pair",
            "losses = []\nfor one, other in zip(first, second):\n"
            "    losses.append(F.softplus((0.4 - one @ other) / 0.1))\n"
            "    losses[-1] += weight * F.softplus((strangers @ one - 0.4) / 0.1).mean()\n"
            "return torch.stack(losses).mean()",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_loss_of_pairs(answer):
    LOSS.test(answer)
