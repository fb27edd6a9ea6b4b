"""Lesson 11's exercises, tried with answers of every kind."""

import pytest
import torch

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning"),  # of an answer that is wrong on purpose
]

TOP = Exercise("11_image_classification", "Exercise 1")
DIAGNOSE = Exercise("11_image_classification", "Exercise 2")


def best(
    powers="np.exp(logits - logits.max(axis=1, keepdims=True))",
    total="powers.sum(axis=1, keepdims=True)",
    order='np.argsort(-logits, axis=1, kind="stable")[:, :count]',
    entry="(labels[k], float(row[k]))",
):
    """An answer in parts, one of which can be wrong."""
    return (
        f"powers = {powers}\nshares = powers / {total}\norder = {order}\n"
        f"return [[{entry} for k in first] for row, first in zip(shares, order)]"
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer("raises", "return logits.top(count)", ("missing  one picture, the best two: raised AttributeError",)),
        Answer("wrong: no return", best().replace("return ", ""), ("got None (is a `return` missing?)",)),
        Answer(
            "wrong: large powers", best(powers="np.exp(logits)"), ("right    one picture", "missing  large logits: expected")
        ),
        Answer(
            "wrong: softmax of the best alone",
            "order = np.argsort(-logits, axis=1, kind='stable')[:, :count]\n"
            "kept = np.take_along_axis(logits, order, axis=1)\n"
            "powers = np.exp(kept - kept.max(axis=1, keepdims=True))\n"
            "shares = powers / powers.sum(axis=1, keepdims=True)\n"
            "return [[(labels[k], share) for k, share in zip(*pair)] for pair in zip(order, shares)]",
            ("missing  one picture, the best two: expected", "right    the labels that the server told"),
        ),
        Answer(
            "wrong: softmax over the batch",
            best(powers="np.exp(logits - logits.max())", total="powers.sum()"),
            ("right    one picture", "missing  two pictures, each by itself"),
        ),
        Answer(
            "wrong: the largest of the batch taken away",
            best(powers="np.exp(logits - logits.max())"),
            ("right    two pictures", "missing  large logits: expected"),
        ),
        Answer("wrong: the logits", best(entry="(labels[k], float(logits[0, k]))"), ("missing  one picture, the best two",)),
        Answer(
            "wrong: the first picture's labels for all",
            best(order='[np.argsort(-logits[0], kind="stable")[:count]] * len(logits)'),
            ("right    one picture", "missing  two pictures, each by itself"),
        ),
        Answer(
            "wrong: of equals, the higher number first",
            best(order="np.argsort(logits, axis=1, kind='stable')[:, ::-1][:, :count]"),
            ("right    one picture", "missing  of equals, the lower number first"),
        ),
        Answer(
            "wrong: the worst",
            best(order="np.argsort(logits, axis=1, kind='stable')[:, :count]"),
            ("missing  one picture, the best two", "missing  the labels that the server told"),
        ),
        Answer(
            "wrong: probability first",
            best(entry="(float(row[k]), labels[k])"),
            ("missing  one picture, the best two: raised ValueError",),
        ),
        Answer(
            "wrong: always as many as were asked for",
            best(order="[np.resize(np.argsort(-row, kind='stable'), count) for row in logits]"),
            ("right    two pictures", "right    the labels that", "missing  more than there are: all of them: expected"),
        ),
        SOLUTION,
        Answer("right: in parts", best(), ()),
        Answer(
            "right: with torch",
            "shares = torch.softmax(torch.tensor(logits), dim=1)\n"
            "order = torch.sort(torch.tensor(logits), dim=1, descending=True, stable=True).indices[:, :count]\n"
            "return [[(labels[k], row[k].item()) for k in first] for row, first in zip(shares, order.tolist())]",
            (),
        ),
        Answer(
            "right: in loops",
            "found = []\n"
            "for row in logits.astype(float):\n"
            "    powers = [np.exp(value - max(row)) for value in row]\n"
            "    order = sorted(range(len(row)), key=lambda k: (-row[k], k))\n"
            "    found.append([(labels[k], powers[k] / sum(powers)) for k in order[:count]])\n"
            "return found",
            (),
        ),
        Answer(
            "right: tuples",
            "order = np.argsort(-logits, axis=1, kind='stable')[:, :count]\n"
            "shares = torch.tensor(logits).softmax(1).numpy()\n"
            "return tuple(tuple((labels[k], row[k]) for k in first) for row, first in zip(shares, order))",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_top(triton_server, answer):
    TOP.test(answer)


def asking(
    probe="np.random.default_rng(1).integers(0, 256, (224, 224, 3), np.uint8)",
    expected="SCALINGS[name](probe if order == 'RGB' else probe[:, :, ::-1]).transpose(2, 0, 1)",
    equal="np.abs(found - expected).max() < 1e-3",
    otherwise="return None",
):
    """An answer in parts, one of which can be wrong."""
    return (
        f"probe = {probe}\nfound = prepare(probe)\n"
        "for name in SCALINGS:\n    for order in ('RGB', 'BGR'):\n"
        f"        expected = {expected}\n"
        f"        if {equal}:\n            return order, name\n"
        f"{otherwise}"
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer("raises", "return SCALINGS[prepare]", ("missing  RGB, EFFICIENTNET_LITE: raised KeyError",)),
        Answer("wrong: no return", "prepare(np.zeros((224, 224, 3), np.uint8))", ("got None (is a `return` missing?)",)),
        Answer(
            "wrong: a grey picture",
            asking(probe="np.full((224, 224, 3), 100, np.uint8)"),
            ("right    RGB, EFFICIENTNET_LITE", "missing  BGR, EFFICIENTNET_LITE: expected ('BGR', 'EFFICIENTNET_LITE')"),
        ),
        Answer(
            "wrong: nearly equal is equal",
            asking(equal="np.allclose(found, expected, atol=0.01)"),
            ("missing  RGB, INCEPTION: expected ('RGB', 'INCEPTION'), got ('RGB', 'EFFICIENTNET_LITE')",),
        ),
        Answer(
            "wrong: scaled before the channels are turned round",
            asking(expected="SCALINGS[name](probe)[:, :, :: 1 if order == 'RGB' else -1].transpose(2, 0, 1)"),
            ("right    BGR, EFFICIENTNET_LITE", "missing  BGR, VGG: expected ('BGR', 'VGG'), got None"),
        ),
        Answer(
            "wrong: always an answer",
            asking(otherwise="return 'RGB', 'NONE'"),
            ("right    BGR, VGG", "missing  -2 to 2, which is none of them: expected None, got ('RGB', 'NONE')"),
        ),
        Answer(
            "wrong: the scaling alone",
            asking().replace("return order, name", "return name"),
            ("missing  RGB, EFFICIENTNET_LITE: expected ('RGB', 'EFFICIENTNET_LITE'), got",),
        ),
        Answer(
            "wrong: channels last",
            asking(expected="SCALINGS[name](probe if order == 'RGB' else probe[:, :, ::-1])"),
            ("missing  RGB, EFFICIENTNET_LITE: raised ValueError",),
        ),
        Answer(
            "wrong: a picture of numbers",
            asking(probe="np.random.default_rng(0).random((224, 224, 3))"),
            ("missing  RGB, EFFICIENTNET_LITE: raised AssertionError: a client gets uint8 [224, 224, 3]",),
        ),
        Answer(
            "wrong: by the range alone",
            "found = prepare(np.arange(224 * 224 * 3, dtype=np.int64).astype(np.uint8).reshape(224, 224, 3))\n"
            "low, high = round(float(found.min())), round(float(found.max()))\n"
            "return 'RGB', {(-1, 1): 'EFFICIENTNET_LITE', (0, 1): 'UNIT', (0, 255): 'NONE', (-123, 151): 'VGG'}[low, high]",
            ("right    RGB, NONE", "missing  RGB, INCEPTION", "missing  BGR, VGG"),
        ),
        SOLUTION,
        Answer("right: in parts", asking(), ()),
        Answer(
            "right: a red corner, a black and a white one",
            "probe = np.zeros((224, 224, 3), np.uint8)\n"
            "probe[0, 0], probe[0, 1] = (255, 0, 0), (255, 255, 255)\n"
            "found = prepare(probe)\n"
            "order = 'RGB' if found[0, 0, 0] > found[0, 5, 5] else 'BGR'\n"
            "for name, scale in SCALINGS.items():\n"
            "    wanted = scale(probe)[[0, 5], [1, 5]]\n"
            "    if np.allclose(wanted, found[:, [0, 5], [1, 5]].T, atol=1e-4):\n"
            "        return [order, name]",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_diagnose(triton_server, answer):
    DIAGNOSE.test(answer)


def test_trying_an_answer_leaves_the_threads_of_this_process(triton_server):
    """The lesson computes with one thread; other tests compare with what two make of the same sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        Exercise("11_image_classification", "Exercise 1").test(SOLUTION)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
