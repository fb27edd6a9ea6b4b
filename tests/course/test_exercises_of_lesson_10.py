"""Lesson 10's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")

GREEDY = Exercise("10_reading_text_in_images", "Exercise 1")
CASCADE = Exercise("10_reading_text_in_images", "Exercise 2")


def told(*conditions):
    """The body of an answer in one expression: which steps are told."""
    return (
        f"return ''.join(characters[one - 1] for before, one in zip([0, *classes], classes) if {' and '.join(conditions)})"
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer("raises", "return characters[classes]", ("missing  one letter in three steps: raised TypeError",)),
        Answer(
            "wrong: no return", "''.join(characters[one - 1] for one in classes)", ("got None (is a `return` missing?)",)
        ),
        Answer("wrong: repetitions stay", told("one"), ("missing  one letter in three steps: expected 'a', got 'aaa'",)),
        Answer("wrong: blanks stay", told("one != before"), ("missing  one letter in three steps", "right    two letters")),
        Answer(
            "wrong: blanks go first",
            "kept = [one for one in classes if one]\n"
            "return ''.join(characters[one - 1] for before, one in zip([0, *kept], kept) if one != before)",
            ("missing  a letter twice, with a blank between: expected 'cc', got 'c'", "right    two letters"),
        ),
        Answer(
            "wrong: each letter once",
            "return ''.join(characters[one - 1] for one in dict.fromkeys(classes) if one)",
            ("missing  back to an earlier letter without a blank: expected 'aba', got 'ab'",),
        ),
        Answer(
            "wrong: class 1 is the second character",
            told("one", "one != before").replace("one - 1", "one"),
            ("missing  two letters: expected 'ab', got 'bc'",),
        ),
        Answer(
            "wrong: a list of characters",
            f"return list({told('one', 'one != before').removeprefix('return ')})",
            ("missing  two letters: expected 'ab', got ['a', 'b']",),
        ),
        Answer(
            "wrong: spaces at the ends go",
            f"{told('one', 'one != before')}.strip()",
            ("missing  spaces and other signs as they are: expected ' a□□  ', got 'a□□'",),
        ),
        Answer(
            "wrong: the text is tidied up instead of the steps",
            "import re\ntext = ''.join('□' if not one else characters[one - 1] for one in classes)\n"
            "return re.sub(r'(.)\\1+', r'\\1', text).replace('□', '')",
            ("right    two letters", "missing  spaces and other signs as they are"),
        ),
        SOLUTION,
        Answer(
            "right: repetitions become blanks, in the array that was given",
            "classes[1:][classes[1:] == classes[:-1]] = 0\nreturn ''.join(characters[one - 1] for one in classes if one)",
            (),
        ),
        Answer("right: in one expression", told("one", "one != before"), ()),
        Answer(
            "right: groups",
            "import itertools\nreturn ''.join(characters[one - 1] for one, _ in itertools.groupby(classes) if one)",
            (),
        ),
        Answer(
            "right: with NumPy",
            "first = np.diff(classes, prepend=0) != 0\n"
            "return ''.join(np.array(['', *characters])[classes[first & (classes > 0)]].tolist())",
            (),
        ),
        Answer(
            "right: the package's own",
            "return reading.decode_ctc(classes[None].copy(), np.ones((1, len(classes))), characters)[0][0]",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_greedy_decoding(triton_server, answer):
    GREEDY.test(answer)


def cascade(
    first='"2", crops', second='"1", [crops[number] for number in unsure]', below="score < least", guard="if unsure:"
):
    """An answer in parts, one of which can be wrong."""
    return (
        "if not crops:\n    return []\n"
        f"read = ask({first})\n"
        "texts = [text for text, _ in read]\n"
        f"unsure = [number for number, (_, score) in enumerate(read) if {below}]\n"
        f"{guard}\n"
        f"    for number, (text, _) in zip(unsure, ask({second})):\n"
        "        texts[number] = text\n"
        "return texts"
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer("raises", "return ask(crops)", ("missing  sure of all: version 2's texts: raised TypeError",)),
        Answer(
            "wrong: no return",
            cascade().rpartition("\n")[0],
            ("missing  sure of all: version 2's texts: expected ['1', '4'], got None",),
        ),
        Answer("wrong: one text", cascade().replace("return texts", "return ''.join(texts)"), ("missing  sure of all",)),
        Answer(
            "wrong: the surer of both texts",
            cascade()
            .replace("for number, (text, _) in", "for number, (text, sure) in")
            .replace(
                "        texts[number] = text", "        texts[number] = text if sure > read[number][1] else texts[number]"
            ),
            ("missing  unsure of one in the middle",),
        ),
        Answer(
            "wrong: a dictionary of crops",
            cascade().replace("texts = [text for text, _ in read]", "texts = dict(zip(crops, read))"),
            ("raised TypeError: unhashable type",),
        ),
        Answer(
            "wrong: an array of crops",
            cascade(second='"1", np.array(crops)[unsure]'),
            ("missing  unsure of one in the middle: raised ValueError",),
        ),
        Answer(
            "wrong: takes the caller's crops away",
            cascade().replace("return texts", "crops.clear()\nreturn texts"),
            ("missing  the caller's crops stay as they are: expected ['p', 'q'], got []",),
        ),
        Answer(
            "wrong: version 2 alone",
            "return [text for text, _ in ask('2', crops)] if crops else []",
            ("right    sure of all", "missing  unsure of one in the middle: expected ['1', 'Q', '4'], got ['1', '2', '4']"),
        ),
        Answer(
            "wrong: version 1 first",
            cascade(first='"1", crops', second='"2", [crops[number] for number in unsure]'),
            ("missing  and version 1 is not asked", "missing  unsure of one in the middle"),
        ),
        Answer(
            "wrong: version 1 is asked for all",
            cascade(second='"1", crops'),
            ("missing  only that one is asked for again", "missing  unsure of one in the middle"),
        ),
        Answer(
            "wrong: both are asked for all",
            "return [a if sure >= least else b for (a, sure), (b, _) in zip(ask('2', crops), ask('1', crops))]",
            ("right    unsure of one in the middle", "missing  and version 1 is not asked"),
        ),
        Answer(
            "wrong: unsure up to `least`",
            cascade(below="score <= least"),
            ("missing  a score of exactly `least` is enough: expected ['Q', '3'], got ['Q', 'R']",),
        ),
        Answer("wrong: asked though none is unsure", cascade(guard="if True:"), ("missing  and version 1 is not asked",)),
        Answer(
            "wrong: a request a crop",
            "texts = []\n"
            "for crop in crops:\n"
            "    ((text, score),) = ask('2', [crop])\n"
            "    texts.append(text if score >= least else ask('1', [crop])[0][0])\n"
            "return texts",
            ("right    unsure of one in the middle", "missing  only that one is asked for again"),
        ),
        Answer(
            "wrong: the texts read anew come last",
            cascade().replace(
                "        texts[number] = text\n", "        texts.remove(read[number][0]); texts.append(text)\n"
            ),
            ("missing  unsure of one in the middle: expected ['1', 'Q', '4'], got ['1', '4', 'Q']",),
        ),
        Answer(
            "wrong: asked without crops",
            cascade().replace("if not crops:\n    return []\n", ""),
            ("missing  no crops, no request",),
        ),
        SOLUTION,
        Answer("right: in parts", cascade(), ()),
        Answer("right: by name", cascade(first='version="2", crops=crops'), ()),
        Answer(
            "right: an iterator over the second answer",
            "read = ask('2', crops) if crops else []\n"
            "again = [crop for crop, (_, score) in zip(crops, read) if score < least]\n"
            "better = iter(ask('1', again) if again else [])\n"
            "return [text if score >= least else next(better)[0] for text, score in read]",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_a_cascade(triton_server, answer):
    CASCADE.test(answer)
