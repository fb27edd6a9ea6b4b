"""Indexes."""

import pytest

from tests.support.arango_storage import fails, undone
from workshop.arango.embedded.errors import ArangoError


def test_a_persistent_index(store, things):
    with store.writing():
        for i in range(20):
            things.insert({"_key": str(i), "n": i % 5, "a": {"b": str(i % 3)}})
        assert things.lookup(("n",), [1]) is None
        made = things.create_index({"type": "persistent", "fields": ["n", "a.b"], "name": "ns", "inBackground": True})
        again = things.create_index({"type": "persistent", "fields": ["n", "a.b"]})
        assert made["isNewlyCreated"] and again == {**made, "isNewlyCreated": False}
        assert made == {
            **{
                "id": made["id"],
                "type": "persistent",
                "name": "ns",
                "fields": ["n", "a.b"],
                "unique": False,
                "sparse": False,
            },
            **{"deduplicate": True, "estimates": True, "cacheEnabled": False, "isNewlyCreated": True},
            "selectivityEstimate": 15 / 20,
        }
        assert things.lookup(("n",), [1, 1.0, "1"]) == [2, 7, 12, 17]
        assert things.lookup(("a", "b"), ["1"]) is None
        assert things.lookup(("a.b",), ["1"]) is None
        things.create_index({"type": "hash", "fields": ["a.b"]})
        assert things.lookup(("a", "b"), ["1"]) == [row for row in range(1, 21) if (row - 1) % 3 == 1]
        things.update("1", {"n": None})
        things.replace("6", {})
        things.remove("11")
        assert things.lookup(("n",), [1]) == [17]
        assert things.lookup(("n",), [None]) == [2, 7]
        fails(1005, things.create_index, {"type": "persistent", "fields": ["z"], "name": "ns"})
        assert [each["name"] for each in things.indexes()][:2] == ["primary", "ns"]
        assert things.index("ns") == things.index(made["id"]) == things.index(made["id"].split("/")[1])
        assert things.drop_index("ns") == made["id"]
        fails(1212, things.index, "ns")
        fails(1212, things.drop_index, made["id"])
        fails(11, things.drop_index, "primary")
        assert things.lookup(("n",), [1]) is None
        assert things.lookup(("_key",), ["0", "1", "none", 3]) == [1, 2]
        things.truncate()
        assert things.lookup(("a", "b"), ["1"]) == []


def test_unique_indexes(store, things):
    with store.writing():
        things.insert({"_key": "1", "n": 1})
        things.insert({"_key": "2", "n": 1.0})
        before = [each["name"] for each in things.indexes()]
        error = fails(1210, things.create_index, {"type": "persistent", "fields": ["n"], "unique": True, "name": "u"})
        assert error.message == ("unique constraint violated - in index u of type persistent over 'n'; conflicting key: 1")
        assert [each["name"] for each in things.indexes()] == before
        things.update("2", {"n": 2})
        assert things.create_index({"type": "persistent", "fields": ["n"], "unique": True})["selectivityEstimate"] == 1.0
        fails(1210, things.insert, {"n": 2})
        fails(1210, things.insert, {"_key": "1", "n": 3})
        fails(1210, things.replace, "1", {"n": 2})
        things.update("2", {"n": 2.0, "x": 1})
        things.insert({"_key": "null"})
        fails(1210, things.insert, {"n": None})
        things.remove("2")
        things.insert({"n": 2})
        things.create_index({"type": "persistent", "fields": ["s", "t"], "unique": True, "sparse": True})
        things.insert({"n": 10, "s": 1})
        things.insert({"n": 11, "s": 1, "t": None})
        things.insert({"n": 12, "s": 1, "t": 1})
        fails(1210, things.insert, {"n": 13, "s": 1, "t": 1})
        assert things.lookup(("s",), [1]) is None  # lacks documents without t


def test_sparse_indexes(store, things):
    with store.writing():
        things.create_index({"type": "persistent", "fields": ["n"], "sparse": True})
        things.insert({"n": 1})
        things.insert({})
        assert things.lookup(("n",), [1]) == [1]
        assert things.lookup(("n",), [1, None]) is None


def test_indexes_of_array_elements(store, things):
    with store.writing():
        things.create_index({"type": "persistent", "fields": ["tags[*].name"], "unique": True, "name": "t"})
        things.insert({"_key": "1", "tags": [{"name": "a"}, {"name": "b"}, {"name": "a"}]})
        for tags in (None, [], "a", {"name": "a"}):
            things.insert({"tags": tags})
        fails(1210, things.insert, {"tags": [{"name": "c"}, {"name": "b"}]})
        things.update("1", {"tags": [{"name": "a"}]})
        things.insert({"tags": [{"name": "c"}, {"name": "b"}]})
        assert things.lookup(("tags",), [["a"]]) is None
        things.create_index({"type": "persistent", "fields": ["x[*]"], "unique": True, "deduplicate": False})
        things.insert({"x": [1, 2]})
        fails(1210, things.insert, {"x": [3, 3.0]})
        fails(1210, things.insert, {"x": [2]})


def test_other_indexes_are_listed(store, database, things):
    with store.writing():
        for definition in (
            {"type": "ttl", "fields": ["t"], "expireAfter": 10},
            {"type": "geo", "fields": ["g"], "geoJson": True},
            {"type": "fulltext", "fields": ["f"], "minLength": 3},
            {"type": "inverted", "fields": ["i", {"name": "j", "analyzer": "text_en"}]},
            {"type": "mdi", "fields": ["x", "y"], "fieldValueTypes": "double"},
            {"type": "mdi-prefixed", "fields": ["x"], "prefixFields": ["p"], "fieldValueTypes": "double"},
            {"type": "persistent", "fields": ["q"], "storedValues": ["r"], "estimates": False},
        ):
            made = things.create_index(definition)
            assert made["isNewlyCreated"] and made.items() >= definition.items()
            assert not things.create_index(definition)["isNewlyCreated"]
        assert [each["type"] for each in database.create_collection("links", 3).indexes()] == ["primary", "edge"]
        for wrong in (
            *({}, [], {"type": "btree", "fields": ["a"]}, {"type": "primary", "fields": ["_key"]}),
            *({"type": "persistent"}, {"type": "persistent", "fields": []}, {"type": "persistent", "fields": [1]}),
            *({"type": "persistent", "fields": ["a", "a"]}, {"type": "persistent", "fields": ["_id"]}),
            {"type": "persistent", "fields": ["a"], "storedValues": ["a"]},
            *({"type": "ttl", "fields": ["a"]}, {"type": "mdi", "fields": ["a"]}, {"type": "vector", "fields": ["a"]}),
            {"type": "vector", "fields": ["a"], "params": {"metric": "cosine", "dimension": 0, "nLists": 1}},
        ):
            fails(10, things.create_index, wrong)
        fails(1208, things.create_index, {"type": "persistent", "fields": ["a"], "name": "1"})


def test_vector_indexes(store, things):
    definition = {"type": "vector", "fields": ["v"], "params": {"metric": "cosine", "dimension": 2, "nLists": 1}}
    with store.writing():
        with pytest.raises(ArangoError):
            things.create_index(definition)  # there is nothing to learn from
        assert len(things.indexes()) == 1
        for i in range(3):
            things.insert({"_key": str(i), "v": [1.0, float(i)]})
        made = things.create_index(definition)
        assert made["params"].items() >= definition["params"].items()
    with store.reading():
        near = things.near_index(("v",), "cosine")
        assert near is things.near_index(("v",), "cosine") and things.near_index(("v",), "l2") is None
        assert things.matrix(("v",), 2) is near.matrix
        assert near.search([1.0, 2.0], 2).tolist() == [3, 2]
    with store.writing():
        things.insert({"v": [1.0, 2.1]})
        for i in range(200):
            things.insert({"_key": f"far{i}", "v": [-1.0, float(i)]})
    with store.reading():
        assert sorted(near.search([1.0, 2.0], 2).tolist()) == [3, 4]
    undone(store, *(lambda i=i: things.remove(f"far{i}") for i in range(200)), lambda: near.search([1.0, 2.0], 1))
    with store.reading():
        assert sorted(near.search([1.0, 2.0], 2).tolist()) == [3, 4]
