"""The course's films: their sources under dump/sources/movies, the checks on them, and the collections they become."""

import dataclasses
import gzip
import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from workshop import settings
from workshop.arango.dump.format import DOCUMENTS, EDGES, hashed
from workshop.errors import WorkshopError

SOURCES = settings.ROOT / "dump" / "sources" / "movies"
DUMP = settings.ROOT / "dump" / "movies"
YEARS = range(1890, 2027)
WORDS = range(40, 71)
SHARED_WORDS = 8
"""So many words in a row may not stand in two synopses."""
GENRES = {
    *("Action", "Adventure", "Animation", "Biography", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy"),
    *("Film-Noir", "History", "Horror", "Music", "Musical", "Mystery", "Romance", "Science-Fiction", "Sport", "Thriller"),
    *("War", "Western"),
}
DECIMALS = 6
REQUIRED = {"title": str, "year": int, "countries": list, "genres": list, "directors": list, "cast": list, "synopsis": str}
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ð": "d", "þ": "th", "ł": "l", "đ": "d", "ı": "i"})
"""Letters that Unicode does not decompose into a Latin one and a mark."""


@dataclasses.dataclass(frozen=True)
class Film:
    """One film as its source tells it; the synopsis on one line, `source` the file's name."""

    source: str
    title: str
    year: int
    countries: list[str]
    genres: list[str]
    directors: list[str]
    cast: list[str]
    franchise: str | None
    synopsis: str

    def __str__(self) -> str:
        """Where it stands and what it is."""
        return f"{self.source}: {self.title} ({self.year})"


def load(folder: Path = SOURCES) -> list[Film]:
    """All films of the sources, oldest first.

    Raises:
        WorkshopError: the sources have faults; the message lists all of them.
    """
    films, faults = [], []
    for path in sorted(folder.glob("*.toml")):
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            faults.append(f"{path.name}: {error}")
            continue
        for number, entry in enumerate(content.get("film", []), 1):
            wrong = _wrong_fields(entry)
            if wrong:
                faults.append(f"{path.name}: film {number} ({entry.get('title')}): {wrong}")
            else:
                synopsis = " ".join(entry["synopsis"].split())
                films.append(Film(**{"franchise": None, **entry, "source": path.name, "synopsis": synopsis}))
    if not films and not faults:
        faults.append(f"{settings.shown(folder)} holds no *.toml with films")
    films.sort(key=lambda film: (film.year, slug(film.title), film.title))
    faults += problems(films)
    if faults:
        raise WorkshopError(f"{len(faults)} fault(s) in the sources of the films:\n  " + "\n  ".join(faults))
    return films


def _wrong_fields(entry: dict[str, Any]) -> str:
    for name, kind in REQUIRED.items():
        if type(entry.get(name)) is not kind:
            return f"{name} is missing or no {'text' if kind is str else 'list' if kind is list else 'number'}"
    if unknown := entry.keys() - REQUIRED.keys() - {"franchise"}:
        return f"unknown {', '.join(sorted(unknown))}"
    if not isinstance(entry.get("franchise", ""), str):
        return "franchise is no text"
    return ""


def problems(films: Sequence[Film]) -> list[str]:
    """What is wrong with the films, one line a fault: years, genres, names, lengths, duplicates, shared wording."""
    faults = []
    seen: dict[tuple[str, int], Film] = {}
    spellings: dict[tuple[str, str], dict[str, Film]] = defaultdict(dict)
    wording: dict[tuple[str, ...], Film] = {}
    for film in films:
        if film.year not in YEARS:
            faults.append(f"{film}: the year is not one of {YEARS[0]} to {YEARS[-1]}")
        if unknown := [genre for genre in film.genres if genre not in GENRES]:
            faults.append(f"{film}: unknown genre {', '.join(unknown)}; known are {', '.join(sorted(GENRES))}")
        words = len(film.synopsis.split())
        if words not in WORDS:
            faults.append(f"{film}: the synopsis has {words} words, not {WORDS[0]} to {WORDS[-1]}")
        earlier = seen.setdefault((slug(film.title), film.year), film)
        if earlier is not film:
            faults.append(f"{film}: is there already, in {earlier.source}")
        for field in ("countries", "genres", "directors", "cast"):
            names = getattr(film, field)
            if not names or not all(isinstance(name, str) for name in names):
                faults.append(f"{film}: {field} is empty or holds something else than text")
                continue
            if len(set(names)) < len(names):
                faults.append(f"{film}: {field} names somebody or something twice")
            kind = "people" if field in ("directors", "cast") else field
            for name in names:
                spellings[kind, _plain(name)].setdefault(name, film)
        spellings["franchises", _plain(film.franchise or "")].setdefault(film.franchise or "", film)
        for text in (film.title, film.franchise, *film.countries, *film.directors, *film.cast):
            if text is not None and (not slug(text) or text != " ".join(text.split())):
                faults.append(f"{film}: {text!r} has stray spaces, or no letter or digit that a key can be made of")
        for run in runs(film.synopsis):
            other = wording.setdefault(run, film)
            if other is not film:
                faults.append(f"{film}: shares {' '.join(run)!r} with {other}")
                break
    for (kind, _), variants in spellings.items():
        if len(variants) > 1:
            where = "; ".join(f"{name} in {film}" for name, film in variants.items())
            faults.append(f"{kind}: spelled in {len(variants)} ways: {where}")
    return faults


def _plain(name: str) -> str:
    """A name without accents, case and punctuation: equal for two spellings of the same."""
    folded = unicodedata.normalize("NFKD", name.casefold().translate(LETTERS))
    return re.sub(r"[^a-z0-9]", "", folded.encode("ascii", "ignore").decode())


def runs(text: str, length: int = SHARED_WORDS) -> set[tuple[str, ...]]:
    """Every run of so many words in a text, in lower case and without punctuation."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.casefold().replace("’", "'"))
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def slug(text: str) -> str:
    """A key made of a text: ASCII letters and digits in lower case, hyphens between the words."""
    text = unicodedata.normalize("NFKD", text.casefold().translate(LETTERS).replace("&", " and "))
    text = re.sub(r"['’.]", "", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def keys(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """A key for each name, and notes on names whose slugs are equal: these get -2, -3 … in the order of the names."""
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    notes = []
    for name in sorted(set(names)):
        key, number = slug(name), 1
        while key in taken:
            number += 1
            key = f"{slug(name)}-{number}"
        if number > 1:
            notes.append(f"{name} has the key {key}, since {taken[slug(name)]} has {slug(name)}")
        taken[key], found[name] = name, key
    return found, notes


def collections(
    films: Sequence[Film], vectors: Sequence[Sequence[float]]
) -> tuple[dict[str, tuple[int, list[dict[str, Any]]]], list[str]]:
    """The collections of the films, as `dump_format.write` takes them, and notes on keys.

    Args:
        films: in the order of the collection.
        vectors: one embedding a film, [len(films), any], as it shall be stored (see `rounded`).
    """
    film_keys, notes = keys(f"{film.title} {film.year}" for film in films)
    people, more = keys(name for film in films for name in (*film.directors, *film.cast))
    genres, _ = keys(genre for film in films for genre in film.genres)
    documents, directed, acted, has_genre = [], [], [], []
    for film, vector in zip(films, vectors, strict=True):
        key = film_keys[f"{film.title} {film.year}"]
        fields = {name: value for name, value in dataclasses.asdict(film).items() if name != "source"}
        documents.append({"_key": key, **fields, "emb": list(vector)})
        directed += [_edge("people", people[name], "films", key) for name in film.directors]
        acted += [_edge("people", people[name], "films", key, position=place) for place, name in enumerate(film.cast, 1)]
        has_genre += [_edge("films", key, "genres", genres[genre]) for genre in film.genres]
    return {
        "films": (DOCUMENTS, documents),
        "people": (DOCUMENTS, sorted(({"_key": key, "name": name} for name, key in people.items()), key=_by_key)),
        "genres": (DOCUMENTS, sorted(({"_key": key, "name": name} for name, key in genres.items()), key=_by_key)),
        "directed": (EDGES, directed),
        "acted_in": (EDGES, acted),
        "has_genre": (EDGES, has_genre),
    }, notes + more


def _by_key(document: dict[str, Any]) -> str:
    return document["_key"]


def _edge(tail: str, tail_key: str, head: str, head_key: str, **attributes: Any) -> dict[str, Any]:
    ends = {"_from": f"{tail}/{tail_key}", "_to": f"{head}/{head_key}"}
    return {"_key": f"{tail_key}--{head_key}", **ends, **attributes}


def rounded(vectors: np.ndarray) -> list[list[float]]:
    """Embeddings, FP32 [texts, size], as the numbers that a dump holds: six decimals."""
    return [[round(float(number), DECIMALS) for number in vector] for vector in vectors]


def present_vectors(folder: Path = DUMP) -> dict[str, list[float]]:
    """The embeddings of a dump by synopsis; nothing where there is no dump."""
    path = folder / f"{hashed('films')}.data.json.gz"
    if not path.exists():
        return {}
    with gzip.open(path, "rb") as file:
        return {film["synopsis"]: film["emb"] for film in map(orjson.loads, file)}
