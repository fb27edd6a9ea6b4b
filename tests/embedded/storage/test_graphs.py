"""Named graphs."""

from tests.support.arango_storage import contents, fails
from workshop.arango.embedded import graphs

EDGES = {"collection": "knows", "from": ["people"], "to": ["people", "pets"]}


def test_graph_definitions(store, database):
    with store.writing():
        graph = graphs.create(database, {"name": "g", "edgeDefinitions": [EDGES], "orphanCollections": ["alone"]})
        assert graph["name"] == graph["_key"] == "g" and graph["edgeDefinitions"] == [EDGES]
        assert database.graph("g") == graph and database.graphs() == [graph]
        assert database.collection("knows").is_edge and not database.collection("pets").is_edge
        assert graphs.vertex_collections(database, "g") == ["alone", "people", "pets"]
        assert graphs.edge_collections(database, "g") == ["knows"]
        fails(1922, graphs.create, database, {})
        fails(1925, graphs.create, database, {"name": "g"})
        fails(1901, graphs.create, database, {"name": "h", "edgeDefinitions": {"a": 1}})
        fails(1923, graphs.create, database, {"name": "h", "edgeDefinitions": [{**EDGES, "to": []}]})
        fails(1941, graphs.create, database, {"name": "h", "edgeDefinitions": [{"collection": "e"}]})
        fails(1920, graphs.create, database, {"name": "h", "edgeDefinitions": [EDGES, EDGES]})
        fails(1921, graphs.create, database, {"name": "h", "edgeDefinitions": [{**EDGES, "to": ["people"]}]})
        fails(1944, graphs.create, database, {"name": "h", "edgeDefinitions": [{**EDGES, "collection": "pets"}]})
        fails(1924, database.graph, "h")
        fails(1942, database.drop_collection, "knows")
        graphs.create(database, {"name": "h", "edgeDefinitions": [EDGES]})

        fails(1938, graphs.add_vertex_collection, database, "g", "alone")
        fails(1929, graphs.add_vertex_collection, database, "g", "pets")
        fails(1927, graphs.add_vertex_collection, database, "g", "knows")
        fails(1926, graphs.add_vertex_collection, database, "g", "nothing", create=False)
        assert graphs.add_vertex_collection(database, "g", "more")["orphanCollections"] == ["alone", "more"]
        fails(1928, graphs.remove_vertex_collection, database, "g", "pets")
        assert graphs.remove_vertex_collection(database, "g", "alone", drop=True)["orphanCollections"] == ["more"]
        assert not database.has_collection("alone")

        likes = {"collection": "likes", "from": ["more"], "to": ["toys"]}
        graph = graphs.add_edge_definition(database, "g", likes)
        assert graph["edgeDefinitions"] == [EDGES, likes] and graph["orphanCollections"] == []
        fails(1920, graphs.add_edge_definition, database, "g", likes)
        fails(1930, graphs.replace_edge_definition, database, "g", "hates", likes)
        changed = {"collection": "knows", "from": ["people"], "to": ["robots"]}
        graphs.replace_edge_definition(database, "g", "knows", changed)
        for name in ("g", "h"):
            assert database.graph(name)["edgeDefinitions"][0] == changed
            assert database.graph(name)["orphanCollections"] == ["pets"]
        graph = graphs.remove_edge_definition(database, "g", "likes", drop=True)
        assert graph["orphanCollections"] == ["more", "pets", "toys"] and not database.has_collection("likes")
        fails(1930, graphs.remove_edge_definition, database, "g", "likes")

        graphs.drop(database, "g", drop_collections=True)
        assert not database.has_collection("toys") and database.has_collection("knows")
        graphs.drop(database, "h")
        fails(1924, graphs.drop, database, "h")
        database.drop_collection("knows")


def test_graph_documents(store, database):
    with store.writing():
        graphs.create(database, {"name": "g", "edgeDefinitions": [EDGES]})
        graphs.create(
            database, {"name": "h", "edgeDefinitions": [{"collection": "owns", "from": ["people"], "to": ["pets"]}]}
        )
        for key in ("a", "b"):
            assert graphs.insert_vertex(database, "g", "people", {"_key": key}).key == key
        graphs.insert_vertex(database, "g", "pets", {"_key": "p"})
        fails(1947, graphs.insert_vertex, database, "g", "knows", {})
        edge = {"_key": "1", "_from": "people/a", "_to": "people/b"}
        assert graphs.insert_edge(database, "g", "knows", edge).key == "1"
        fails(1930, graphs.insert_edge, database, "g", "owns", edge)
        fails(1233, graphs.insert_edge, database, "g", "knows", {"_from": "people/a"})
        fails(1233, graphs.insert_edge, database, "g", "knows", {"_from": "people/a", "_to": "b"})
        fails(1947, graphs.insert_edge, database, "g", "knows", {"_from": "people/a", "_to": "knows/1"})
        fails(1202, graphs.insert_edge, database, "g", "knows", {"_from": "people/a", "_to": "people/z"})
        assert graphs.update_edge(database, "g", "knows", "1", {"n": 1}).new["n"] == 1
        fails(1202, graphs.update_edge, database, "g", "knows", "1", {"_from": "people/z", "_to": "people/b"})
        graphs.replace_edge(database, "g", "knows", "1", {"_from": "people/b", "_to": "people/a"})
        graphs.insert_edge(database, "h", "owns", {"_key": "2", "_from": "people/a", "_to": "pets/p"})
        graphs.insert_edge(database, "g", "knows", {"_key": "3", "_from": "people/b", "_to": "people/b"})
        assert graphs.remove_vertex(database, "g", "people", "a").old["_key"] == "a"
        assert set(contents(database.collection("knows"))) == {"3"}
        assert contents(database.collection("owns")) == {}
        graphs.remove_vertex(database, "g", "knows", "3")
        fails(1202, graphs.remove_vertex, database, "g", "people", "a")
