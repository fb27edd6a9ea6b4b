"""The embedded ArangoDB server through python-arango: a tour over the client as people use it."""

import time
import warnings

import arango
import pytest
from arango.exceptions import (
    AnalyzerCreateError,
    AQLFunctionCreateError,
    AQLQueryExecuteError,
    AQLQueryExplainError,
    AQLQueryKillError,
    AQLQueryValidateError,
    AsyncExecuteError,
    CollectionCreateError,
    CollectionPropertiesError,
    CursorNextError,
    DatabaseCreateError,
    DatabaseDeleteError,
    DatabaseListError,
    DocumentDeleteError,
    DocumentGetError,
    DocumentInsertError,
    DocumentReplaceError,
    DocumentRevisionError,
    DocumentUpdateError,
    EdgeDefinitionCreateError,
    GraphCreateError,
    GraphDeleteError,
    GraphPropertiesError,
    IndexCreateError,
    IndexDeleteError,
    JWTAuthError,
    ServerConnectionError,
    ServerStatisticsError,
    TransactionInitError,
    UserCreateError,
    UserDeleteError,
    UserGetError,
    ViewCreateError,
)
from arango.http import DeflateRequestCompression

from tests.support.arango_http import token
from tests.support.arango_server import running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    client = arango.ArangoClient(hosts=server.url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def system(client, server):
    return client.db("_system", username="root", password=server.password)


@pytest.fixture
def db(client, system, server):
    """A database of its own."""
    system.create_database("tour")
    yield client.db("tour", username="root", password=server.password, verify=True)
    system.delete_database("tour")


@pytest.fixture
def films(db):
    """A collection with six documents."""
    films = db.create_collection("films")
    films.import_bulk(
        [
            {"_key": "alien", "title": "Alien", "year": 1979, "crew": {"size": 7}},
            {"_key": "brazil", "title": "Brazil", "year": 1985},
            {"_key": "cube", "title": "Cube", "year": 1997},
            {"_key": "dune", "title": "Dune", "year": 1984},
            {"_key": "eraserhead", "title": "Eraserhead", "year": 1977},
            {"_key": "fargo", "title": "Fargo", "year": 1996},
        ]
    )
    return films


def keys(found):
    return sorted(document["_key"] for document in found)


# The server


def test_the_server(system, db):
    assert system.version().startswith("3.12.") and system.version(details=True)["server"] == "arango"
    assert system.details()["mode"] == "server"
    assert "supports" in system.engine()
    assert system.status()["server"] == "arango" and system.status()["server_info"]["role"] == "SINGLE"
    assert system.time().year > 2000 and system.role() == "SINGLE" and system.mode() == "default"
    assert system.check_availability() == "default"
    assert system.echo()["requestType"] == "GET" and system.echo({"a": 1})["requestBody"]
    assert system.reload_routing() is True
    assert db.key_generators() == ["autoincrement", "padded", "traditional", "uuid"]
    assert db.views() == [] and db.tasks() == [] and db.list_transactions() == [] and db.aql.functions() == []
    assert "text_en" in [analyzer["name"] for analyzer in db.analyzers()] and db.analyzer("identity")["type"] == "identity"
    assert db.async_jobs("pending") == []


def test_what_there_is_not(db):
    with pytest.raises(TransactionInitError) as error:
        db.begin_transaction(write="films")
    assert error.value.http_code == 501 and error.value.error_code == 9
    assert "not implemented by the embedded server" in error.value.error_message
    with pytest.raises(AsyncExecuteError):
        db.begin_async_execution().version()
    with pytest.raises(ViewCreateError):
        db.create_view("view", "arangosearch")
    with pytest.raises(AnalyzerCreateError):
        db.create_analyzer("mine", "identity")
    with pytest.raises(AQLFunctionCreateError):
        db.aql.create_function("a::b", "function () {}")
    with pytest.raises(ServerStatisticsError):
        db.statistics()
    assert db.delete_view("view", ignore_missing=True) is False


def test_databases(client, system):
    assert system.create_database("one", users=[{"username": "uma", "password": "u"}]) is True
    assert system.has_database("one") and "one" in system.databases() and "one" in system.databases_accessible_to_user()
    one = client.db("one", username="uma", password="u", verify=True)
    assert (
        one.properties()["name"] == "one"
        and one.properties()["system"] is False
        and one.databases_accessible_to_user() == ["one"]
    )
    with pytest.raises(DatabaseListError):
        one.databases()
    with pytest.raises(DatabaseCreateError) as error:
        system.create_database("one")
    assert error.value.error_code == 1207
    assert system.delete_database("one") is True and system.delete_database("one", ignore_missing=True) is False
    with pytest.raises(DatabaseDeleteError):
        system.delete_database("one")
    system.delete_user("uma")


def test_ways_to_log_in(client, server, system, db):
    for method in ("basic", "jwt"):
        assert client.db("tour", username="root", password=server.password, auth_method=method, verify=True).collections()
        with pytest.raises((ServerConnectionError, JWTAuthError)):
            client.db("tour", username="root", password="wrong", auth_method=method, verify=True)
    until = int(time.time()) + 60
    superuser = client.db("tour", superuser_token=token(server.jwt_secret, server_id="me", exp=until))
    assert superuser.version()
    user = token(server.jwt_secret, preferred_username="root", exp=until)
    assert client.db("tour", user_token=user, verify=True).version()


def test_compressed_requests(client, server, db, films):
    packing = arango.ArangoClient(hosts=client.hosts, request_compression=DeflateRequestCompression(threshold=10))
    packed = packing.db("tour", username="root", password=server.password)
    packed.collection("films").insert({"_key": "long", "text": "x" * 5000})
    assert len(films.get("long")["text"]) == 5000
    packing.close()


# Collections


def test_collections(db):
    people = db.create_collection("people", sync=True, user_keys=False, key_generator="autoincrement", key_increment=2)
    assert people.properties()["sync"] is True and people.properties()["key_options"]["key_increment"] == 2
    assert db.has_collection("people") and not db.has_collection("robots")
    with pytest.raises(CollectionCreateError) as error:
        db.create_collection("people")
    assert error.value.http_code == 409
    likes = db.create_collection("likes", edge=True)
    assert likes.info()["edge"] is True
    found = {each["name"]: each for each in db.collections() if not each["system"]}
    assert {name: each["type"] for name, each in found.items()} == {"people": "document", "likes": "edge"}

    first, second = people.insert({}), people.insert({})
    assert int(second["_key"]) - int(first["_key"]) == 2
    with pytest.raises(DocumentInsertError):
        people.insert({"_key": "7"})
    assert people.count() == len(people) == 2 and people.revision() == second["_rev"]
    assert people.checksum() and people.checksum(with_rev=True, with_data=True) != people.checksum()
    assert people.statistics()["documents_size"] > 0
    assert people.configure(sync=False)["sync"] is False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert people.load() and people.unload()
    assert people.recalculate_count() and people.load_indexes() and people.compact()["name"] == "people"
    assert people.rename("folk") and people.name == "folk" and db.has_collection("folk")
    assert people.get(first["_key"])["_id"] == f"folk/{first['_key']}"
    assert people.truncate() and people.count() == 0
    assert db.delete_collection("folk") and db.delete_collection("folk", ignore_missing=True) is False
    with pytest.raises(CollectionPropertiesError):
        people.properties()


# Documents


def test_reading(films):
    alien = films["alien"]
    assert alien["title"] == "Alien" and films.get("films/alien") == films.get({"_id": "films/alien"}) == alien
    assert films.get("missing") is None and "alien" in films and "missing" not in films and films.has(alien)
    with pytest.raises(DocumentRevisionError):
        films.get("alien", rev="old")
    with pytest.raises(DocumentRevisionError):
        films.get({"_key": "alien", "_rev": "old"})
    assert films.get({"_key": "alien", "_rev": "old"}, check_rev=False) == alien
    with pytest.raises(DocumentRevisionError):
        films.has("alien", rev="old")
    assert keys(films.get_many(["alien", {"_key": "cube"}, "missing"])) == ["alien", "cube"]
    assert keys(films.all()) == sorted(films.keys()) and len(films.all(skip=4)) == 2 and len(films.all(limit=3)) == 3
    assert set(films.ids()) == {f"films/{document['_key']}" for document in films}
    assert keys(films) == keys(films.all())
    assert keys(films.find({"year": 1985})) == ["brazil"] and keys(films.find({"crew": {"size": 7}})) == ["alien"]
    assert len(films.find({})) == 6 and len(films.find({}, skip=1, limit=2)) == 2
    by_year = films.find({}, sort=[{"sort_by": "year", "sort_order": "DESC"}])
    assert [each["_key"] for each in by_year][:2] == ["cube", "fargo"]
    assert films.random()["_key"] in films
    assert keys(films.find_in_range("year", 1980, 1990)) == ["brazil", "dune"]


def test_writing(films):
    made = films.insert({"_key": "gattaca", "year": 1997}, return_new=True)
    assert made["new"]["year"] == 1997 and films.get("gattaca")["_rev"] == made["_rev"]
    assert films.insert({"_id": "films/heat"}, silent=True) is True and films.insert({}, sync=True)["_key"]
    with pytest.raises(DocumentInsertError) as error:
        films.insert({"_key": "gattaca"})
    assert error.value.error_code == 1210 and error.value.http_code == 409
    with pytest.raises(DocumentInsertError):
        films.insert({"_key": "a b"})
    assert films.insert({"_key": "gattaca", "n": 1}, overwrite=True, return_old=True)["old"]["year"] == 1997
    assert films.insert({"_key": "gattaca", "m": 2}, overwrite_mode="update", return_new=True)["new"]["n"] == 1
    assert films.insert({"_key": "gattaca"}, overwrite_mode="ignore")["_key"] == "gattaca"

    document = films.get("gattaca")
    changed = films.update({**document, "n": None, "deep": {"a": 1}}, keep_none=False, return_new=True, return_old=True)
    assert "n" not in changed["new"] and changed["old"]["n"] == 1 and changed["_old_rev"] == document["_rev"]
    with pytest.raises(DocumentRevisionError):
        films.update({**document, "n": 3})
    films.update({**document, "deep": {"b": 2}}, check_rev=False)
    assert films.get("gattaca")["deep"] == {"a": 1, "b": 2}
    films.update({"_key": "gattaca", "deep": {"c": 3}}, merge=False)
    assert films.get("gattaca")["deep"] == {"c": 3}
    with pytest.raises(DocumentUpdateError):
        films.update({"_key": "missing"})
    with pytest.raises(DocumentRevisionError):
        films.replace({"_key": "gattaca", "_rev": "old"})
    assert films.replace({"_key": "gattaca", "only": 1}, return_new=True)["new"]["only"] == 1
    with pytest.raises(DocumentReplaceError):
        films.replace({"_key": "missing"})
    with pytest.raises(DocumentRevisionError):
        films.delete({"_key": "gattaca", "_rev": "old"})
    assert films.delete("gattaca", return_old=True)["old"]["only"] == 1
    with pytest.raises(DocumentDeleteError):
        films.delete("gattaca")
    assert films.delete("gattaca", ignore_missing=True) is False and films.delete("heat", silent=True) is True
    films.insert({"_key": "v", "version": 5, "n": 1})
    films.update({"_key": "v", "version": 4, "n": 2}, version_attribute="version")
    assert films.get("v")["n"] == 1


def test_writing_many(films):
    made = films.insert_many([{"_key": "g"}, {"_key": "alien"}, {"_key": "h", "n": 1}], return_new=True)
    assert made[0]["new"]["_key"] == "g" and isinstance(made[1], DocumentInsertError) and made[1].error_code == 1210
    with pytest.raises(DocumentInsertError):
        films.insert_many([{"_key": "alien"}], raise_on_document_error=True)
    assert films.insert_many([{"_key": "i"}], silent=True) is True
    changed = films.update_many([{"_key": "g", "n": 2}, {"_key": "no"}, {"_key": "h", "_rev": "old"}], return_new=True)
    assert changed[0]["new"]["n"] == 2 and isinstance(changed[1], DocumentUpdateError)
    assert isinstance(changed[2], DocumentRevisionError) and "_old_rev" in changed[0]
    replaced = films.replace_many([{"_key": "g", "x": 1}, {"_key": "no"}])
    assert isinstance(replaced[1], DocumentReplaceError) and "n" not in films.get("g")
    deleted = films.delete_many(["g", {"_key": "h"}, "no"], return_old=True)
    assert deleted[0]["old"]["x"] == 1 and isinstance(deleted[2], DocumentDeleteError)
    assert films.delete_many(["i"], silent=True) is True
    assert films.update_match({"year": 1997}, {"seen": True}) == 1 and films.get("cube")["seen"] is True
    assert films.replace_match({"seen": True}, {"year": 1}) == 1 and "seen" not in films.get("cube")
    assert films.delete_match({"year": 1}) == 1 and "cube" not in films
    assert films.delete_match({}, limit=2) == 2 and films.count() == 3


def test_importing(films):
    result = films.import_bulk([{"_key": "alien", "n": 1}, {"_key": "new"}], halt_on_error=False)
    assert (result["created"], result["errors"]) == (1, 1) and "unique" in result["details"][0]
    assert films.import_bulk([{"_key": "alien", "n": 1}], on_duplicate="update")["updated"] == 1
    assert films.get("alien")["year"] == 1979
    with pytest.raises(DocumentInsertError):
        films.import_bulk([{"_key": "other"}, {"_key": "alien"}])
    assert "other" not in films
    results = films.import_bulk([{"n": number} for number in range(25)], batch_size=10)
    assert [each["created"] for each in results] == [10, 10, 5]
    films.import_bulk([{"_key": "alone"}], overwrite=True)
    assert list(films.keys()) == ["alone"]


def test_documents_of_a_database(db, films):
    assert db.insert_document("films", {"_key": "x"})["_id"] == "films/x"
    assert db.has_document("films/x") and db.document({"_id": "films/x"})["_key"] == "x"
    assert db.update_document({"_id": "films/x", "n": 1})["_old_rev"]
    assert db.replace_document({"_id": "films/x", "m": 1})["_old_rev"]
    assert db.delete_document("films/x")["_key"] == "x"
    with pytest.raises(DocumentGetError):
        db.document("nowhere/x")


def test_values_come_back_as_they_were(films):
    value = {
        "text": 'Ünï — \U0001f3ac " \\ \n \u0000',
        "numbers": [0, -1, 2**53, 2**63, -(2**63), 1.5, 1e300, 1e-300, 0.1],
        "others": [None, True, False, [], {}, [[[]]], {"": {"a": []}}],
        "vector": [number / 7 for number in range(384)],
    }
    films.insert({"_key": "value", **value})
    assert {name: films.get("value")[name] for name in value} == value


# Indexes


def test_indexes(films):
    made = films.add_index({"type": "persistent", "fields": ["year", "title"], "name": "years", "sparse": True})
    assert made["new"] if "new" in made else made["isNewlyCreated"]
    assert [index["type"] for index in films.indexes()] == ["primary", "persistent"]
    assert films.get_index(made["id"])["fields"] == ["year", "title"] == films.get_index("years")["fields"]
    films.add_index({"type": "persistent", "fields": ["title"], "unique": True})
    with pytest.raises(DocumentInsertError) as error:
        films.insert({"title": "Alien"})
    assert error.value.error_code == 1210
    films.insert_many([{"group": 1}, {"group": 1, "title": "z"}])
    with pytest.raises(IndexCreateError):
        films.add_index({"type": "persistent", "fields": ["group"], "unique": True})
    assert films.delete_index(made["id"]) and films.delete_index(made["id"], ignore_missing=True) is False
    with pytest.raises(IndexDeleteError):
        films.delete_index(made["id"])


# AQL


def test_queries(db, films):
    cursor = db.aql.execute("FOR f IN films SORT f.year RETURN f._key", count=True, batch_size=4)
    assert cursor.count() == len(cursor) == 6 and cursor.has_more() and cursor.id and len(cursor.batch()) == 4
    assert cursor.warnings() == [] and cursor.cached() is False and cursor.statistics()["scanned_full"] == 6
    assert list(cursor) == ["eraserhead", "alien", "dune", "brazil", "fargo", "cube"]
    cursor = db.aql.execute("FOR i IN 1..10 RETURN i", batch_size=3)
    assert cursor.next() == 1 and cursor.close() is True and cursor.close(ignore_missing=True) is False
    with pytest.raises(CursorNextError):
        cursor.fetch()
    with db.aql.execute("FOR i IN 1..10 RETURN i", batch_size=3, ttl=60, allow_retry=True) as cursor:
        assert list(cursor) == list(range(1, 11))
    cursor = db.aql.execute("FOR i IN 1..10 LIMIT 2, 3 RETURN i", full_count=True)
    assert list(cursor) == [3, 4, 5] and cursor.statistics()["fullCount"] == 10
    cursor = db.aql.execute("RETURN 1 / 0")
    assert list(cursor) == [None] and cursor.warnings()[0]["code"] == 1562
    with pytest.raises(AQLQueryExecuteError) as error:
        db.aql.execute("RETURN 1 / 0", fail_on_warning=True)
    assert error.value.error_code == 1562
    binds = {"@films": "films", "year": 1984, "path": ["crew", "size"]}
    text = "FOR f IN @@films FILTER f.year > @year SORT f.year LET s = f.@path RETURN [f._key, s]"
    assert list(db.aql.execute(text, bind_vars=binds))[0] == ["brazil", None]
    cursor = db.aql.execute("FOR f IN films FILTER f.year < 1980 UPDATE f WITH {old: true} IN films RETURN NEW.old")
    assert list(cursor) == [True, True] and cursor.statistics()["modified"] == 2
    options = {"memory_limit": 10**8, "max_runtime": 5.0, "stream": True, "cache": True, "profile": 1, "max_plans": 1}
    assert list(db.aql.execute("RETURN 1", **options, optimizer_rules=["-all"], fill_block_cache=True)) == [1]


def test_wrong_queries(db, films):
    with pytest.raises(AQLQueryExecuteError) as error:
        db.aql.execute("FOR f IN")
    assert error.value.http_code == 400 and error.value.error_code == 1501
    with pytest.raises(AQLQueryExecuteError) as error:
        db.aql.execute("FOR f IN nowhere RETURN f")
    assert error.value.http_code == 404 and error.value.error_code == 1203
    with pytest.raises(AQLQueryValidateError):
        db.aql.validate("FOR")
    with pytest.raises(AQLQueryExplainError):
        db.aql.explain("RETURN @x")
    with pytest.raises(AQLQueryKillError):
        db.aql.kill("0")


def test_looking_at_queries(db, films):
    parsed = db.aql.validate("FOR f IN films FILTER f.year == @year RETURN f")
    assert parsed["parsed"] and parsed["bind_vars"] == ["year"] and parsed["collections"] == ["films"]
    plan = db.aql.explain("FOR f IN films RETURN f", opt_rules=["+all"], max_plans=3)
    assert plan["collections"][0]["name"] == "films" and "stats" in plan
    assert len(db.aql.explain("RETURN 1", all_plans=True)) == 1
    assert db.aql.queries() == [] and db.aql.slow_queries() == [] and db.aql.clear_slow_queries()
    assert db.aql.tracking()["enabled"] is True and db.aql.set_tracking(max_slow_queries=10)["max_slow_queries"] == 10
    assert db.aql.set_tracking(max_slow_queries=64) and db.aql.query_rules() == []
    assert db.aql.cache.properties()["mode"] == "off" and db.aql.cache.entries() == [] and db.aql.cache.clear()


# Graphs


@pytest.fixture
def stage(db):
    """A graph of people who act in shows."""
    graph = db.create_graph(
        "stage",
        edge_definitions=[
            {"edge_collection": "acts", "from_vertex_collections": ["people"], "to_vertex_collections": ["shows"]}
        ],
        orphan_collections=["halls"],
    )
    graph.insert_vertex("people", {"_key": "ann"})
    graph.insert_vertex("people", {"_key": "bob"})
    graph.insert_vertex("shows", {"_key": "hamlet"})
    return graph


def test_the_definition_of_a_graph(db, stage):
    assert db.has_graph("stage") and not db.has_graph("none") and [graph["name"] for graph in db.graphs()] == ["stage"]
    properties = stage.properties()
    assert properties["name"] == "stage" and properties["orphan_collections"] == ["halls"]
    assert properties["edge_definitions"] == stage.edge_definitions()
    assert stage.vertex_collections() == ["halls", "people", "shows"] and stage.edge_collections() == ["acts"]
    assert stage.has_vertex_collection("people") and stage.has_edge_definition("acts") and stage.has_edge_collection("acts")
    stage.create_vertex_collection("props")
    assert stage.delete_vertex_collection("props", purge=True) and not db.has_collection("props")
    stage.create_edge_definition("likes", ["people"], ["people"])
    stage.replace_edge_definition("likes", ["people"], ["shows"])
    assert {each["edge_collection"]: each["to_vertex_collections"] for each in stage.edge_definitions()}["likes"] == [
        "shows"
    ]
    with pytest.raises(EdgeDefinitionCreateError):
        stage.create_edge_definition("likes", ["people"], ["people"])
    assert stage.delete_edge_definition("likes", purge=True) and not db.has_collection("likes")
    with pytest.raises(GraphCreateError):
        db.create_graph("stage")
    with pytest.raises(GraphPropertiesError):
        db.graph("none").properties()
    assert db.delete_graph("stage", drop_collections=True) and not db.has_collection("acts")
    assert db.delete_graph("stage", ignore_missing=True) is False
    with pytest.raises(GraphDeleteError):
        db.delete_graph("stage")


def test_vertices_and_edges(db, stage):
    people, acts = stage.vertex_collection("people"), stage.edge_collection("acts")
    assert people.insert({"_key": "cid"}, return_new=True)["new"]["_key"] == "cid"
    assert stage.has_vertex("people/cid") and stage.vertex("people/cid")["_key"] == "cid" and people.get("none") is None
    changed = stage.update_vertex({"_id": "people/cid", "age": 3})
    assert changed["_old_rev"] and stage.vertex("people/cid")["age"] == 3
    with pytest.raises(DocumentRevisionError):
        stage.update_vertex({"_id": "people/cid", "_rev": "old"})
    stage.replace_vertex({"_id": "people/cid", "size": 1})
    assert "age" not in people.get("cid") and people.count() == 3 and keys(people.find({"size": 1})) == ["cid"]
    with pytest.raises(DocumentRevisionError):
        people.get("cid", rev="old")

    edge = stage.insert_edge("acts", {"_key": "1", "_from": "people/ann", "_to": "shows/hamlet"})
    linked = stage.link("acts", "people/bob", "shows/hamlet", {"_key": "2", "role": "king"})
    assert stage.edge("acts/2")["role"] == "king" and stage.has_edge(linked) and acts.get("1")["_rev"] == edge["_rev"]
    with pytest.raises(DocumentInsertError) as error:
        stage.insert_edge("acts", {"_from": "people/none", "_to": "shows/hamlet"})
    assert error.value.http_code == 404
    assert stage.update_edge({"_id": "acts/1", "role": "queen"})["_old_rev"] == edge["_rev"]
    stage.replace_edge({"_id": "acts/1", "_from": "people/cid", "_to": "shows/hamlet"})
    assert (
        keys(acts.edges("shows/hamlet")["edges"]) == ["1", "2"] == keys(stage.edges("acts", "shows/hamlet", "in")["edges"])
    )
    assert keys(acts.edges("people/cid", direction="out")["edges"]) == ["1"]
    text = "FOR v, e, p IN 1..2 OUTBOUND 'people/cid' GRAPH 'stage' RETURN [v._key, e._key]"
    assert list(db.aql.execute(text)) == [["hamlet", "1"]]

    assert people.delete("cid", return_old=True)["old"]["size"] == 1 and acts.get("1") is None
    assert stage.delete_edge("acts/2") is True and stage.delete_vertex("people/bob") is True
    assert stage.delete_vertex("people/bob", ignore_missing=True) is False
    with pytest.raises(DocumentDeleteError):
        stage.delete_vertex("people/bob")
    assert len(acts) == 0 and acts.insert({"_from": "people/ann", "_to": "shows/hamlet"}, sync=True)["_key"]


def test_edges_without_a_graph(db):
    links = db.create_collection("links", edge=True)
    links.insert_many([{"_from": "a/1", "_to": "a/2"}, {"_from": "a/2", "_to": "a/3"}])
    with pytest.raises(DocumentInsertError) as error:
        links.insert({"_from": "a/1"})
    assert error.value.error_code == 1233
    result = links.import_bulk([{"_from": "4", "_to": "5"}], from_prefix="a", to_prefix="b")
    assert result["created"] == 1 and links.find({"_to": "b/5"}).next()["_from"] == "a/4"


# Users


def test_users(client, system, db):
    made = system.create_user("vera", "v", active=True, extra={"team": 1})
    assert made == {"username": "vera", "active": True, "extra": {"team": 1}} == system.user("vera")
    assert system.has_user("vera") and "vera" in [user["username"] for user in system.users()]
    with pytest.raises(UserCreateError):
        system.create_user("vera", "v")
    with pytest.raises(ServerConnectionError):
        client.db("tour", username="vera", password="v", verify=True)
    assert system.update_permission("vera", "ro", "tour") and system.permission("vera", "tour") == "ro"
    db.create_collection("films")
    vera = client.db("tour", username="vera", password="v", verify=True)
    with pytest.raises(DocumentInsertError) as error:
        vera.collection("films").insert({})
    assert error.value.http_code == 403
    assert system.update_permission("vera", "rw", "tour", "films") and vera.collection("films").insert({})
    assert system.permissions("vera")["tour"]["collections"]["films"] == "rw"
    assert system.reset_permission("vera", "tour", "films") and system.permission("vera", "tour", "films") == "ro"
    assert system.update_user("vera", extra={"team": 2})["extra"] == {"team": 2}
    assert system.replace_user("vera", "w", active=False)["active"] is False
    with pytest.raises(ServerConnectionError):
        client.db("tour", username="vera", password="w", verify=True)
    assert system.delete_user("vera") and system.delete_user("vera", ignore_missing=True) is False
    with pytest.raises(UserDeleteError):
        system.delete_user("vera")
    with pytest.raises(UserGetError):
        system.user("vera")
