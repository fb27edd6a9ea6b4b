"""Lesson 03's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")

ALSO = ("client.load_model(embedder.name", "backend_tokenizer.save(")
CLASSIFY = Exercise("03_zero_shot_classification", "Exercise 1", also=ALSO)
NONE = Exercise("03_zero_shot_classification", "Exercise 2", also=(*ALSO, "def softmax"))
THRESHOLD = Exercise("03_zero_shot_classification", "Exercise 3")
COSINES = "cosines = (embed([text]) @ embed(labels).T)[0]\n"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer(
            "wrong: shares of the cosines",
            COSINES + "return dict(zip(labels, cosines / cosines.sum()))",
            ("missing  at half the temperature the odds are squared: expected 1, got ",),
        ),
        Answer(
            "wrong: times the temperature",
            COSINES + "return dict(zip(labels, softmax(cosines, 1 / temperature)))",
            ("missing  at half the temperature the odds are squared: expected 1, got 0.",),
        ),
        Answer(
            "wrong: the temperature ignored",
            COSINES + "return dict(zip(labels, softmax(cosines, 0.05)))",
            ("missing  at half the temperature",),
        ),
        Answer(
            "wrong: cosines", COSINES + "return dict(zip(labels, cosines))", ("missing  the probabilities add up to one",)
        ),
        Answer(
            "wrong: the labels of the lesson",
            "scores = (embed([text]) @ embed(names).T)[0]\nreturn dict(zip(names, softmax(scores, temperature)))",
            ("missing  one entry for each label: expected ['chess', 'cooking', 'weather'], got ['astronomy'",),
        ),
        Answer(
            "wrong: the labels in the order of the alphabet",
            COSINES + "return dict(zip(sorted(labels), softmax(cosines, temperature)))",
            ("missing  a recipe is about cooking: expected 'cooking', got 'chess'",),
        ),
        Answer(
            "wrong: the label alone",
            COSINES + "return labels[cosines.argmax()]",
            ("missing  the probabilities add up to one",),
        ),
        Answer(
            "wrong: forgotten return", COSINES + "dict(zip(labels, softmax(cosines, temperature)))", ("missing  ", "None")
        ),
        Answer("raises", "return dict(zip(labels, softmax(embed(text), temperature)))", ("raised ",)),
        SOLUTION,
        Answer(
            "right: with a loop",
            "text_vector, *vectors = embed([text, *labels])\n"
            "powers = {label: float(np.exp(text_vector @ v / temperature)) for label, v in zip(labels, vectors)}\n"
            "return {label: power / sum(powers.values()) for label, power in powers.items()}",
            (),
        ),
        Answer("right: a Series", COSINES + "return pd.Series(softmax(cosines, temperature), labels).to_dict()", ()),
    ],
    ids=lambda answer: answer.kind,
)
def test_classify(triton_server, answer):
    CLASSIFY.test(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer(
            "wrong: probabilities",
            COSINES + "p = softmax(cosines, 0.05)\nreturn labels[p.argmax()] if p.max() >= least else None",
            ("missing  keys pressed at random are about none of the three: expected None, got ",),
        ),
        Answer(
            "wrong: the first that reaches it",
            COSINES + "for label, cosine in zip(labels, cosines):\n    if cosine >= least:\n        return label",
            ("missing  also where a label before it reaches `least`: expected 'sport', got 'cooking'",),
        ),
        Answer(
            "wrong: the number of the label",
            COSINES + "return int(cosines.argmax()) if cosines.max() >= least else None",
            ("missing  the goalkeeper is about sport: expected 'sport', got 0",),
        ),
        Answer(
            "wrong: the mean reaches it",
            COSINES + "return labels[cosines.argmax()] if cosines.mean() >= least else None",
            (
                "right    the goalkeeper is about sport",
                "missing  interest rates are about finance: expected 'finance', got None",
            ),
        ),
        Answer(
            "wrong: never none",
            COSINES + "return labels[cosines.argmax()]",
            ("missing  keys pressed", "missing  with least=1.01"),
        ),
        Answer(
            "wrong: as far as possible from a right angle",
            COSINES + "cosines = abs(cosines)\nreturn labels[cosines.argmax()] if cosines.max() >= least else None",
            ("right    keys pressed", "missing  nor is a text with negative cosines only: expected None, got 'weather'"),
        ),
        Answer(
            "wrong: its own threshold",
            COSINES + "return labels[cosines.argmax()] if cosines.max() > 0.15 else None",
            ("least=-1",),
        ),
        Answer(
            "wrong: forgotten return",
            COSINES + "labels[cosines.argmax()] if cosines.max() >= least else None",
            ("missing  the goalkeeper is about sport: expected 'sport', got None (is a `return` missing?)",),
        ),
        Answer("raises", "return max(labels, key=cosine)", ("raised NameError",)),
        SOLUTION,
        Answer(
            "right: sorted pairs",
            COSINES + "cosine, label = max(zip(cosines, labels))\nif cosine < least:\n    return None\nreturn label",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_none_of_these(triton_server, answer):
    NONE.test(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 3: no answer yet.",)),
        Answer(
            "wrong: right ones of all",
            "mask = values >= least\nreturn mask.mean(), (right & mask).mean()",
            ("missing  at 0.25: expected (0.4, 0.5), got (0.4, 0.2)",),
        ),
        Answer(
            "wrong: above instead of at least",
            "mask = values > least\nreturn mask.mean(), right[mask].mean() if mask.any() else None",
            ("right    at 0.25", "missing  at 0.2, which one text has exactly: expected (0.6, 0.66"),
        ),
        Answer(
            "wrong: always of five texts",
            "mask = values >= least\nreturn mask.sum() / 5, right[mask].mean() if mask.any() else None",
            ("missing  with other texts: expected (0.75, 0.33",),
        ),
        Answer(
            "wrong: the answers of the check",
            "mask = values >= least\nreturn mask.mean(), is_right[mask].mean() if mask.any() else None",
            ("right    at 0.25", "missing  with other texts: raised IndexError"),
        ),
        Answer(
            "wrong: the mean of nothing",
            "import warnings\nmask = values >= least\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
            "    return mask.mean(), right[mask].mean()",
            ("missing  at 0.9, where nobody is: expected (0.0, None), got (0.0, nan)",),
        ),
        Answer(
            "wrong: the share alone", "return (values >= least).mean()", ("missing  at 0.25: expected (0.4, 0.5), got 0.4",)
        ),
        Answer("wrong: forgotten return", "answered = (values >= least).mean()", ("got None (is a `return` missing?)",)),
        Answer("raises", "return sure.mean(), right[sure].mean()", ("raised NameError",)),
        SOLUTION,
        Answer(
            "right: without NumPy",
            "kept = [bool(good) for value, good in zip(values, right) if value >= least]\n"
            "return [len(kept) / len(values), sum(kept) / len(kept) if kept else None]",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_threshold(triton_server, answer):
    THRESHOLD.test(answer)
