"""The IMDb data set of ArangoDB's examples as the course's film collections: the mapping, as AQL that the server runs.

Its vertices lie in one collection, `imdb_vertices`, and say by `type` what they are; its edges lie in `imdb_edges` and
say it by `$label`: a person ACTS_IN or DIRECTED a film, a genre has_movie a film.
"""

from arango.database import StandardDatabase
from arango.exceptions import ArangoServerError

from workshop.errors import WorkshopError

VERTICES, LINKS = "imdb_vertices", "imdb_edges"
COLLECTIONS = {"films": False, "people": False, "genres": False, "directed": True, "acted_in": True, "has_genre": True}
"""Each collection, and whether it is one of edges."""

FILM = """
FOR v IN imdb_vertices
  FILTER v.type == "Movie" AND TRIM(v.description) != "" AND (v.title || v.label) != null
"""
"""A film without a description is left out: there is nothing to embed."""

LABEL = 'UPPER(e["$label"] || e.type)'

DIRECTORS = f"""
  LET director_keys = (
    FOR p, e IN 1..1 INBOUND v imdb_edges
      FILTER p.name != null AND {LABEL} == "DIRECTED"
      COLLECT key = p._key AGGREGATE place = MIN([LENGTH(e._key), e._key])
      SORT place
      RETURN key
  )
"""

CAST = f"""
  LET actor_keys = (
    FOR p, e IN 1..1 INBOUND v imdb_edges
      FILTER p.name != null AND {LABEL} IN ["ACTS_IN", "ACTED_IN"]
      COLLECT key = p._key AGGREGATE place = MIN([LENGTH(e._key), e._key])
      SORT place
      RETURN key
  )
"""
"""The edges' keys are numbers written as text, in the order of the cast: shorter ones come first."""

GENRES = f"""
  LET genre_names = SORTED_UNIQUE(APPEND(
    IS_ARRAY(v.genre) ? v.genre : (v.genre == null ? [] : [v.genre]),
    (FOR g, e IN 1..1 ANY v imdb_edges
      FILTER g.type == "Genre" AND g.label != null AND {LABEL} IN ["HAS_MOVIE", "HAS_GENRE"]
      RETURN g.label)
  ))
"""

GENRE_KEY = 'LOWER(REGEX_REPLACE(TRIM(name), "[^A-Za-z0-9]+", "-"))'

INTO_FILMS = f"""{FILM}{DIRECTORS}{CAST}{GENRES}
  LET day = REGEX_TEST(TO_STRING(v.releaseDate), "^-?[0-9]+$") ? TO_NUMBER(v.releaseDate) : v.releaseDate
  INSERT {{
    _key: v._key,
    title: v.title || v.label,
    year: day == null OR day == "" ? null : DATE_YEAR(day),
    countries: [],
    genres: genre_names,
    directors: (FOR key IN director_keys RETURN DOCUMENT("imdb_vertices", key).name),
    cast: (FOR key IN actor_keys RETURN DOCUMENT("imdb_vertices", key).name),
    franchise: null,
    synopsis: TRIM(v.description)
  }} INTO films OPTIONS {{ overwriteMode: "update", mergeObjects: false }}
"""

INTO_PEOPLE = f"""{FILM}{DIRECTORS}{CAST}
  FOR key IN UNION_DISTINCT(director_keys, actor_keys)
    INSERT {{ _key: key, name: DOCUMENT("imdb_vertices", key).name }} INTO people OPTIONS {{ overwriteMode: "replace" }}
"""

INTO_GENRES = f"""{FILM}{GENRES}
  FOR name IN genre_names
    COLLECT key = {GENRE_KEY} INTO names = name
    FILTER key != ""
    INSERT {{ _key: key, name: MIN(names) }} INTO genres OPTIONS {{ overwriteMode: "ignore" }}
"""

INTO_DIRECTED = f"""{FILM}{DIRECTORS}
  FOR key IN director_keys
    INSERT {{
      _key: CONCAT(key, "--", v._key), _from: CONCAT("people/", key), _to: CONCAT("films/", v._key)
    }} INTO directed OPTIONS {{ overwriteMode: "replace" }}
"""

INTO_ACTED_IN = f"""{FILM}{CAST}
  FOR place IN (LENGTH(actor_keys) > 0 ? 1..LENGTH(actor_keys) : [])
    LET key = actor_keys[place - 1]
    INSERT {{
      _key: CONCAT(key, "--", v._key), _from: CONCAT("people/", key), _to: CONCAT("films/", v._key), position: place
    }} INTO acted_in OPTIONS {{ overwriteMode: "replace" }}
"""

INTO_HAS_GENRE = f"""{FILM}{GENRES}
  FOR name IN genre_names
    LET key = {GENRE_KEY}
    FILTER key != ""
    INSERT {{
      _key: CONCAT(v._key, "--", key), _from: CONCAT("films/", v._key), _to: CONCAT("genres/", key)
    }} INTO has_genre OPTIONS {{ overwriteMode: "replace" }}
"""

QUERIES = {
    "films": INTO_FILMS,
    "people": INTO_PEOPLE,
    "genres": INTO_GENRES,
    "directed": INTO_DIRECTED,
    "acted_in": INTO_ACTED_IN,
    "has_genre": INTO_HAS_GENRE,
}
"""Collection -> the query that fills it."""


def map_films(database: StandardDatabase) -> dict[str, int]:
    """Make films, people, genres and their edges out of `imdb_vertices` and `imdb_edges`, in the same database.

    Films and people keep the keys of the vertices. `countries` is empty and `franchise` null, for the data set knows
    neither; `emb` is not set, and stays where it is there already. Running it again changes nothing.

    Returns:
        How many documents each of the six collections holds now.

    Raises:
        WorkshopError: the data set is not in the database, or the server refuses a query.
    """
    present = {collection["name"] for collection in database.collections()}
    if missing := {VERTICES, LINKS} - present:
        raise WorkshopError(
            f"the database {database.name} has no {' and no '.join(sorted(missing))}; "
            "restore the IMDb dump into it first (`workshop restore DIR --database NAME`)"
        )
    for name, edge in COLLECTIONS.items():
        if name not in present:
            database.create_collection(name, edge=edge)
        try:
            database.aql.execute(QUERIES[name])
        except ArangoServerError as error:
            raise WorkshopError(f"{name} could not be made of the IMDb data: {error.error_message}") from error
    return {name: int(database.collection(name).count()) for name in COLLECTIONS}
