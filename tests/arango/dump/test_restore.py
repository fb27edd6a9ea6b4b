"""What restoring a dump does to a database: against the embedded server, through python-arango."""

import itertools
import os

import pytest
from rich.console import Console

from tests.support.arango_server import running_server
from tests.support.beside import KNOWLEDGE_GRAPH, needs
from tests.support.dumps import animals, data, dump, put, structure
from workshop.arango.dump.format import hashed, read
from workshop.arango.dump.restore import restore, restore_command
from workshop.errors import WorkshopError
from workshop.films import imdb
from workshop.films import sources as films

names = (f"zoo{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("arango")) as server:
        yield server


@pytest.fixture
def database(server):
    """A new database."""
    name = next(names)
    server.connect().create_database(name)
    return server.connect(name)


@pytest.fixture
def zoo(tmp_path):
    """Animals (300, with an index), plants (two) and who eats what (one edge)."""
    folder = dump(tmp_path / "zoo")
    structure(
        folder, "animals", indexes=[{"id": "7", "type": "persistent", "name": "by_n", "fields": ["n"], "unique": True}]
    )
    data(folder, f"{hashed('animals')}.data.json.gz", animals(300))
    structure(folder, "plants")
    data(folder, "plants.data.json", [put({"_key": "oak"}), put({"_key": "elm"})])
    structure(folder, "eats", type=3)
    edge = {"_key": "e", "_from": "animals/a1", "_to": "plants/oak", "_rev": "_old", "often": True}
    data(folder, f"{hashed('eats')}.data.json", [edge])
    return folder


def _all(database, name):
    return list(database.aql.execute("FOR document IN @@name RETURN document", bind_vars={"@name": name}))


def _states(report):
    return {outcome.name: (outcome.state, outcome.count) for outcome in report.outcomes}


def test_a_dump_is_restored_once_and_then_left_alone(zoo, database):
    seen = []
    report = restore(zoo, database, progress=lambda *news: seen.append(news))
    assert _states(report) == {"animals": ("restored", 300), "plants": ("restored", 2), "eats": ("restored", 1)}
    assert [outcome.name for outcome in report.outcomes][-1] == "eats" and not report.notes
    assert ("animals", 0, None) in seen and ("animals", 300, 300) in seen
    assert database.collection("animals").get("a7")["n"] == 7
    edge = database.collection("eats").get("e")
    assert (edge["_from"], edge["_to"], edge["often"]) == ("animals/a1", "plants/oak", True) and edge["_rev"] != "_old"
    assert any(index["type"] == "persistent" for index in database.collection("animals").indexes())

    database.collection("animals").update({"_key": "a7", "seen": True})
    database.collection("animals").insert({"_key": "extra"})
    states = _states(restore(zoo, database))
    assert states == {"animals": ("already there", 300), "plants": ("already there", 2), "eats": ("already there", 1)}
    assert database.collection("animals").get("a7")["seen"] is True
    assert _states(restore(zoo, database, force=True))["animals"] == ("restored", 300)
    assert "seen" not in database.collection("animals").get("a7") and database.collection("animals").count() == 301


def _truncate(folder):
    path = folder / f"{hashed('animals')}.data.json.gz"
    path.write_bytes(path.read_bytes()[:-200])


def _break_line(folder):
    data(folder, f"{hashed('animals')}.data.json.gz", [*animals(300), b'{"_key": "a300",'])


def _break_text(folder):
    data(folder, f"{hashed('animals')}.data.json.gz", [*animals(2), b'{"_key": "a2", "name": "\xff"}'])


@pytest.mark.parametrize("damage", [_truncate, _break_line, _break_text])
@pytest.mark.parametrize("there", [False, True])
def test_a_broken_file_leaves_its_collection_as_it_was_and_the_others_are_restored(zoo, database, damage, there):
    if there:
        database.create_collection("animals").insert({"_key": "old"})
    damage(zoo)
    report = restore(zoo, database)
    (failed,) = report.failed
    assert failed.name == "animals" and f"{hashed('animals')}.data.json.gz" in failed.problem
    assert "line" in failed.problem
    assert database.has_collection("animals") is there
    if there:
        assert [document["_key"] for document in _all(database, "animals")] == ["old"]
    assert database.collection("plants").count() == 2 and database.collection("eats").count() == 1


def test_a_collection_of_the_other_type_is_an_error(zoo, database):
    database.create_collection("plants", edge=True)
    (failed,) = restore(zoo, database).failed
    assert failed.name == "plants" and "has a collection plants of edges, the dump one of documents" in failed.problem
    assert database.collection("plants").count() == 0 and database.collection("animals").count() == 300


def test_an_interrupted_restore_is_continued(zoo, database, monkeypatch):
    monkeypatch.setattr("workshop.arango.dump.restore.BATCH_DOCUMENTS", 100)

    def stop(name, done, total):
        if done == 200 and total is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(zoo, database, progress=stop)
    assert database.collection("animals").count() == 200 and not database.has_collection("eats")
    assert _states(restore(zoo, database))["animals"] == ("restored", 300)
    assert database.collection("animals").count() == 300 and database.collection("eats").count() == 1


def test_removals_of_a_dump_are_applied(tmp_path, database):
    folder = dump(tmp_path / "zoo", envelope=True)
    structure(folder, "animals")
    documents = [put(document) for document in animals(4)]
    gone = [{"type": 2302, "data": {"_key": key}} for key in ("a1", "a2", "a9")]
    data(folder, "animals.data.json", [*documents, *gone, put({"_key": "a2", "n": 22})])
    database.create_collection("animals").insert({"_key": "a9"})
    restore(folder, database)
    numbers = {document["_key"]: document["n"] for document in _all(database, "animals")}
    assert numbers == {"a0": 0, "a2": 22, "a3": 3}


def test_key_options_are_kept_and_what_the_server_refuses_is_noted(tmp_path, database):
    folder = dump(tmp_path / "zoo")
    refused = {"type": "persistent", "fields": [], "name": "none"}
    keys = {"type": "autoincrement", "increment": 5, "offset": 3, "allowUserKeys": False, "lastValue": 8}
    structure(folder, "tickets", indexes=[{"type": "primary", "fields": ["_key"]}, refused], keyOptions=keys)
    data(folder, "tickets.data.json", [{"_key": "3"}, {"_key": "8"}])
    structure(folder, "twins", indexes=[{"type": "persistent", "fields": ["n"], "unique": True}])
    data(folder, "twins.data.json", [{"_key": "a", "n": 1}, {"_key": "b", "n": 1}])
    report = restore(folder, database)
    assert not report.failed and database.collection("twins").count() == 2
    text = "\n".join(report.notes)
    assert "tickets: allowUserKeys is on" in text and "tickets: no persistent index on" in text
    assert "twins: no persistent index on n" in text
    options = database.collection("tickets").properties()["key_options"]
    assert (options["key_generator"], options["key_increment"], options["key_offset"]) == ("autoincrement", 5, 3)


def test_the_command_tells_what_it_did_and_ends_with_what_failed(zoo, server, monkeypatch):
    for variable, value in (("ARANGO_URL", server.url), ("ARANGO_USER", "root"), ("ARANGO_PASSWORD", server.password)):
        monkeypatch.setenv(variable, value)
    (zoo / "zooView.view.json").write_text("{}")
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=120, file=nowhere)
        restore_command(zoo, "command", False, console)
        lines = console.export_text().splitlines()
        assert lines[0].split()[:3] == ["animals", "documents", "300"] and lines[0].endswith(" s")
        assert lines[-2:] == [
            "  note: view zooView is skipped: views are not restored",
            f"database command at {server.url}: 3 collections, 303 documents and edges",
        ]
        _truncate(zoo)
        with pytest.raises(
            WorkshopError, match=r"(?s)1 of 3 collections could not be restored:\n  animals: .* is truncated"
        ):
            restore_command(zoo, "command", False, console)
        text = console.export_text()
        assert "already there" in text and "failed" in text


def test_the_films_of_the_course_are_restored_whole(database):
    report = restore(films.DUMP, database)
    assert not report.failed and not report.notes
    expected = {part.name: part.check().count for part in read(films.DUMP).parts}
    assert {name: database.collection(name).count() for name in expected} == expected
    query = """
        FOR person IN people FILTER person.name == "Ingrid Bergman"
          FOR film IN OUTBOUND person acted_in SORT film.year RETURN film.title
    """
    assert "Casablanca" in list(database.aql.execute(query))


@needs(KNOWLEDGE_GRAPH)
def test_a_dump_of_another_server_is_restored_whole(database):
    report = restore(KNOWLEDGE_GRAPH, database)
    assert not report.failed and any("MovieView" in note for note in report.notes)
    counts = {outcome.name: database.collection(outcome.name).count() for outcome in report.outcomes}
    assert counts == {"Genre": 26, "Movie": 9027, "Person": 46005, "hasActor": 8967, "hasDirector": 3062, "hasGenre": 22281}
    assert {state for state, _ in _states(restore(KNOWLEDGE_GRAPH, database)).values()} == {"already there"}


VERTICES = [
    {"_key": "1", "type": "Movie", "title": "The Lamp", "description": " A lamp speaks. ", "genre": "Science Fiction"},
    {"_key": "2", "type": "Movie", "title": "No Text", "description": "", "genre": "Drama"},
    {"_key": "3", "type": "Movie", "title": "The Door", "description": "A door opens.", "releaseDate": "1969-05-03"},
    {"_key": "10", "type": "Person", "name": "Ann Lee", "label": "Ann Lee"},
    {"_key": "11", "type": "Person", "name": "Bo Day", "label": "Bo Day"},
    {"_key": "12", "type": "Person", "name": "Cy Orr", "label": "Cy Orr"},
    {"_key": "13", "type": "Person", "name": "Only In No Text"},
    {"_key": "comedy", "type": "Genre", "label": "Comedy"},
]
LINKS = [  # from, to, label
    ("10", "1", {"$label": "DIRECTED"}),
    ("12", "1", {"$label": "ACTS_IN", "type": "Role", "name": "The lamp"}),
    ("10", "1", {"$label": "ACTS_IN", "type": "Role"}),
    ("10", "1", {"$label": "ACTS_IN", "type": "Role", "name": "A second role"}),
    ("13", "2", {"$label": "ACTS_IN"}),
    ("11", "3", {"type": "DIRECTED"}),
    ("99", "3", {"$label": "ACTS_IN"}),
    ("comedy", "1", {"$label": "has_movie"}),
    ("comedy", "3", {"$label": "has_movie"}),
]


@pytest.fixture
def imdb_dump(tmp_path):
    """A dump in the form of ArangoDB's IMDb data set, made up."""
    folder = dump(tmp_path / "imdb", envelope=True)
    structure(folder, "imdb_vertices")
    structure(folder, "imdb_edges", type=3)
    VERTICES[0]["releaseDate"] = str(1_047_510_000_000)  # milliseconds, written as text
    data(folder, f"{hashed('imdb_vertices')}.data.json", map(put, VERTICES))
    ends = [
        put({"_key": str(number), "_from": f"imdb_vertices/{tail}", "_to": f"imdb_vertices/{head}", **label})
        for number, (tail, head, label) in enumerate(LINKS, 8)
    ]
    data(folder, f"{hashed('imdb_edges')}.data.json", ends)
    return folder


def test_the_imdb_dump_becomes_the_collections_of_the_course(imdb_dump, database):
    with pytest.raises(WorkshopError, match="has no imdb_edges and no imdb_vertices"):
        imdb.map_films(database)
    restore(imdb_dump, database)
    for _ in range(2):
        counts = imdb.map_films(database)
        assert counts == {"films": 2, "people": 3, "genres": 2, "directed": 2, "acted_in": 2, "has_genre": 3}
    lamp = database.collection("films").get("1")
    assert {name: value for name, value in lamp.items() if name not in ("_id", "_rev", "_key")} == {
        "title": "The Lamp",
        "year": 2003,
        "countries": [],
        "genres": ["Comedy", "Science Fiction"],
        "directors": ["Ann Lee"],
        "cast": ["Cy Orr", "Ann Lee"],
        "franchise": None,
        "synopsis": "A lamp speaks.",
    }
    door = database.collection("films").get("3")
    assert (door["year"], door["directors"], door["cast"], door["genres"]) == (1969, ["Bo Day"], [], ["Comedy"])
    assert database.collection("genres").get("science-fiction")["name"] == "Science Fiction"
    roles = {edge["_from"]: (edge["_to"], edge["position"]) for edge in _all(database, "acted_in")}
    assert roles == {"people/12": ("films/1", 1), "people/10": ("films/1", 2)}
    ends = {(edge["_from"], edge["_to"]) for edge in _all(database, "has_genre")}
    assert ends == {("films/1", "genres/comedy"), ("films/1", "genres/science-fiction"), ("films/3", "genres/comedy")}
    database.collection("films").update({"_key": "1", "emb": [1.0, 0.0]})
    imdb.map_films(database)
    assert database.collection("films").get("1")["emb"] == [1, 0]


def graphs(folder, **definitions):
    """The system collection of named graphs as arangodump writes it: name and edge definition of each."""
    structure(folder, "_graphs", isSystem=True)
    lines = [
        {"_key": name, "edgeDefinitions": [definition], "orphanCollections": []} for name, definition in definitions.items()
    ]
    data(folder, f"{hashed('_graphs')}.data.json", lines)


EATS = {"collection": "eats", "from": ["animals"], "to": ["plants"]}


def test_named_graphs_are_made_after_their_collections(database, zoo):
    graphs(zoo, food=EATS)
    assert _states(restore(zoo, database))["_graphs"] == ("restored", 1)
    [definition] = database.graph("food").edge_definitions()
    assert definition["edge_collection"] == "eats" and definition["to_vertex_collections"] == ["plants"]
    found = database.aql.execute("FOR plant IN 1..1 OUTBOUND 'animals/a1' GRAPH 'food' RETURN plant._key")
    assert list(found) == ["oak"]
    assert _states(restore(zoo, database))["_graphs"] == ("already there", 1)


def test_force_makes_a_named_graph_anew_and_keeps_its_collections(database, zoo):
    graphs(zoo, food=EATS)
    restore(zoo, database)
    graphs(zoo, food={**EATS, "to": ["plants", "animals"]})
    assert _states(restore(zoo, database))["_graphs"] == ("already there", 1)
    assert database.graph("food").edge_definitions()[0]["to_vertex_collections"] == ["plants"]
    restore(zoo, database, force=True)
    assert sorted(database.graph("food").edge_definitions()[0]["to_vertex_collections"]) == ["animals", "plants"]
    assert database.collection("eats").count() == 1


def test_a_named_graph_that_cannot_be_made_is_reported(database, zoo):
    graphs(zoo, broken={"collection": "eats", "from": []})
    report = restore(zoo, database)
    assert [outcome.name for outcome in report.failed] == ["_graphs"] and "named graph broken" in report.failed[0].problem
    assert _states(report)["eats"] == ("restored", 1)
