"""Graphs and edges."""

import pytest
from arango.exceptions import (
    DocumentDeleteError,
    DocumentInsertError,
    DocumentRevisionError,
    EdgeDefinitionCreateError,
    GraphCreateError,
    GraphDeleteError,
    GraphPropertiesError,
)

from tests.support.arango_http import keys


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
