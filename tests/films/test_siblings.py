"""A large film graph from elsewhere, where it is present: embedded through Triton, its series found again through AQL."""

from collections import defaultdict

import pytest

from tests.support.arango_server import running_server
from tests.support.beside import KNOWLEDGE_GRAPH, needs
from workshop.arango.dump.restore import restore
from workshop.clients import embed

TEXTS = """
FOR m IN Movie
  LET text = TRIM(m.overview) != "" ? m.overview : m.name
  RETURN { key: m._key, text, series: m.movieCollectionName }
"""
NEAREST = "FOR m IN Movie SORT COSINE_SIMILARITY(m.emb, @emb) DESC LIMIT 11 RETURN m._key"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs(KNOWLEDGE_GRAPH)
def test_most_films_of_a_series_find_another_of_it(slow, tmp_path, triton_server):
    if not slow:
        pytest.skip("embeds 9,027 texts, which takes minutes on two cores: --slow")
    with running_server(tmp_path) as server:
        server.connect().create_database("films")
        database = server.connect("films")
        restore(KNOWLEDGE_GRAPH, database)
        movies = database.collection("Movie")
        assert movies.count() == 9027 and database.collection("Person").count() == 46005

        films = list(database.aql.execute(TEXTS))
        vectors = embed([film["text"] for film in films])
        for start in range(0, len(films), 1000):
            chunk = zip(films[start : start + 1000], vectors[start : start + 1000])
            movies.update_many([{"_key": film["key"], "emb": vector.tolist()} for film, vector in chunk], silent=True)

        series = defaultdict(set)
        for film in films:
            if film["series"]:
                series[film["series"]].add(film["key"])
        asked = found = 0
        for film, vector in zip(films, vectors):
            siblings = series.get(film["series"], set()) - {film["key"]}
            if siblings:
                nearest = database.aql.execute(NEAREST, bind_vars={"emb": vector.tolist()})
                near = [key for key in nearest if key != film["key"]][:10]
                asked, found = asked + 1, found + bool(siblings & set(near))
    print(f"{found} of {asked} films with a sibling find one among the ten nearest")
    assert asked == 1132 and found >= 840
