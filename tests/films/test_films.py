"""The films of the course: their sources, and the committed dump that is made of them."""

import dataclasses

import numpy as np
import pytest

from tests.support.beside import KNOWLEDGE_GRAPH, needs
from workshop.arango.dump.format import DOCUMENTS, EDGES, read
from workshop.errors import WorkshopError
from workshop.films import sources as films


@pytest.fixture(scope="module")
def sources():
    return films.load()


@pytest.fixture(scope="module")
def dumped():
    """The committed dump: collection -> documents, as they were written."""
    found = {}
    for part in read(films.DUMP).parts:
        documents = [document for _, document, _ in part.operations()]
        found[part.name] = [
            {name: value for name, value in document.items() if name not in ("_id", "_rev")} for document in documents
        ]
    return found


def test_there_are_enough_films_and_synopses_have_the_right_length(sources):
    assert len(sources) >= 500
    assert all(40 <= len(film.synopsis.split()) <= 70 for film in sources)
    assert sum(film.franchise is not None for film in sources) >= 50


@needs(KNOWLEDGE_GRAPH)
def test_no_wording_is_shared_with_the_overviews_beside_the_project(sources):
    ours = {run: film for film in sources for run in films.runs(film.synopsis)}
    (movies,) = (part for part in read(KNOWLEDGE_GRAPH).parts if part.name == "Movie")
    shared = []
    for _, movie, _ in movies.operations():
        text = f"{movie.get('overview') or ''} . {movie.get('tagline') or ''}"
        shared += [f"{ours[run]}: {' '.join(run)}" for run in films.runs(text) & ours.keys()]
    assert shared == []


def test_the_committed_dump_is_what_the_sources_make(sources, dumped):
    vectors = films.present_vectors()
    assert {film.synopsis for film in sources} == vectors.keys(), "run scripts/make_dump.py movies"
    expected, _ = films.collections(sources, [vectors[film.synopsis] for film in sources])
    assert dumped.keys() == expected.keys()
    for name, (kind, documents) in expected.items():
        assert dumped[name] == documents, f"{name}: run scripts/make_dump.py movies"
        assert kind == (EDGES if "_from" in documents[0] else DOCUMENTS)


def test_embeddings_have_384_numbers_and_length_1(dumped):
    vectors = np.array([film["emb"] for film in dumped["films"]])
    assert vectors.shape == (len(dumped["films"]), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert np.abs(np.round(vectors, 6) - vectors).max() == 0


def test_keys_are_unique_and_every_edge_has_both_ends(dumped):
    ids = {f"{name}/{document['_key']}" for name, documents in dumped.items() for document in documents}
    assert len(ids) == sum(map(len, dumped.values()))
    for name in ("directed", "acted_in", "has_genre"):
        assert all(edge["_from"] in ids and edge["_to"] in ids for edge in dumped[name])
    linked = {edge["_from"] for name in ("directed", "acted_in") for edge in dumped[name]}
    assert linked == {f"people/{person['_key']}" for person in dumped["people"]}


def _film(**changes):
    synopsis = " ".join(f"word{number}" for number in range(50))
    film = films.Film("a.toml", "Heat", 1995, ["France"], ["Drama"], ["Ann Lee"], ["Bo Day"], None, synopsis)
    return dataclasses.replace(film, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"year": 1850}, "the year is not one of 1890"),
        ({"genres": ["Drama", "Sci-Fi"]}, "unknown genre Sci-Fi"),
        ({"synopsis": "Too short."}, "the synopsis has 2 words"),
        ({"synopsis": "word " * 71}, "the synopsis has 71 words"),
        ({"cast": []}, "cast is empty"),
        ({"cast": ["Bo Day", "Bo Day"]}, "cast names somebody or something twice"),
        ({"directors": ["Ann  Lee"]}, "stray spaces"),
        ({"directors": ["黒澤"]}, "no letter or digit"),
    ],
)
def test_a_fault_in_a_film_is_named(changes, words):
    (fault,) = films.problems([_film(**changes)])
    assert fault.startswith("a.toml: Heat (") and words in fault


def test_faults_between_films_are_named():
    other = _film(title="Thaw", directors=["Ánn LEE"], synopsis=" ".join(f"term{number}" for number in range(50)))
    (fault,) = films.problems([_film(), other])
    assert fault == "people: spelled in 2 ways: Ann Lee in a.toml: Heat (1995); Ánn LEE in a.toml: Thaw (1995)"
    assert "is there already, in a.toml" in films.problems([_film(), _film(title="HEAT")])[0]
    (fault,) = films.problems([_film(), _film(title="Thaw", synopsis=_film().synopsis.upper())])
    assert "shares 'word" in fault and "with a.toml: Heat (1995)" in fault


def test_all_faults_of_the_sources_are_told_at_once(tmp_path):
    (tmp_path / "a.toml").write_text('[[film]]\ntitle = "Heat"\nyear = "1995"\n[[film]]\ntitle = 3\n')
    (tmp_path / "b.toml").write_text("[[film]\n")
    with pytest.raises(WorkshopError) as caught:
        films.load(tmp_path)
    assert [line for line in str(caught.value).splitlines()[1:] if line.startswith("  a.toml: film ")][1:] == [
        "  a.toml: film 2 (3): title is missing or no text"
    ]
    assert "3 fault(s)" in str(caught.value) and "b.toml" in str(caught.value)


def test_slugs_are_ascii_and_equal_ones_are_told_apart():
    assert films.slug("Léon: The Professional") == "leon-the-professional"
    assert films.slug("Schindler’s List & Smørrebrød Łódź") == "schindlers-list-and-smorrebrod-lodz"
    keys, notes = films.keys(["Jean-Luc", "Jean Luc", "Ann", "Jean! Luc"])
    assert keys == {"Ann": "ann", "Jean Luc": "jean-luc", "Jean! Luc": "jean-luc-2", "Jean-Luc": "jean-luc-3"}
    assert len(notes) == 2 and keys == films.keys(["Jean! Luc", "Ann", "Jean-Luc", "Jean Luc"])[0]
