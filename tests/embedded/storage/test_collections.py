"""Collections and databases."""

from tests.support.arango_storage import fails
from workshop.arango.embedded import graphs


def test_collections(store, database):
    with store.writing():
        for wrong in ("", "1a", "_a", "a b", "ä", "a/b", "x" * 257, None, 7):
            fails(1208, database.create_collection, wrong)
        things = database.create_collection("Things-1_", waitForSync=True, numberOfShards=3)
        fails(1207, database.create_collection, "Things-1_")
        fails(1218, database.create_collection, "x", 4)
        fails(9, database.create_collection, "x", schema={"rule": {}})
        fails(9, database.create_collection, "x", computedValues=[{"name": "a"}])
        database.create_collection("y", schema=None, computedValues=None)
        assert database.collection(things.id) is things
        for wrong in ("x", "123456", None, 1):
            fails(1203, database.collection, wrong)
        names = [collection.name for collection in database.collections()]
        assert names == sorted(names) and {"_graphs", "_users", "_jobs", "y"} < set(names)
        assert all(collection.is_system == collection.name.startswith("_") for collection in database.collections())
        assert things.summary() == {
            **{"id": things.id, "name": "Things-1_", "status": 3, "type": 2, "isSystem": False},
            "globallyUniqueId": things.summary()["globallyUniqueId"],
        }
        properties = things.properties()
        assert properties["waitForSync"] is True and properties["keyOptions"]["type"] == "traditional"
        things.set_properties(waitForSync=False, cacheEnabled=True, unknown=1)
        assert things.properties() == {**properties, "waitForSync": False, "cacheEnabled": True}
        fails(11, database.drop_collection, "_jobs")
        database.drop_collection("_jobs", system=True)
        fails(1203, database.drop_collection, "none")
        database.drop_collection("y")
        assert not database.has_collection("y")
        things.insert({"a": 1})
        assert things.size() > 10
        things.truncate()
        assert (things.size(), things.count(), things.revision()) == (0, 0, "0")


def test_renaming(store, database, things):
    with store.writing():
        database.create_collection("other")
        for i in range(5):
            things.insert({"_key": f"k{i}", "text": '"_id":"things/'})
        assert len(list(things.documents())) == 5
        things.create_index({"type": "persistent", "fields": ["text"], "name": "texts"})
        graphs.create(database, {"name": "g", "orphanCollections": ["things"]})
        things.rename("stuff")
        assert things.get("k1")["_id"] == "stuff/k1" and things.get("k1")["text"] == '"_id":"things/'
        assert database.collection("stuff") is things
        fails(1203, database.collection, "things")
        fails(1207, things.rename, "other")
        fails(1208, things.rename, "no name")
        fails(11, database.collection("_jobs").rename, "jobs")
        assert things.index("texts")["id"].startswith("stuff/")
        assert things.lookup(("_id",), ["stuff/k1", "things/k1"]) == [2]
        assert database.graph("g")["orphanCollections"] == ["stuff"]
        assert things.insert({"_key": "new"}).new["_id"] == "stuff/new"


def test_databases(store):
    with store.writing():
        for wrong in ("", "_x", "1x", "a/b", "x" * 65, None):
            fails(1229, store.create_database, wrong)
        users = [{"username": "ann", "passwd": "secret", "active": True, "extra": {"a": 1}}, {"username": "bob"}]
        shop = store.create_database("shop", users=users)
        fails(1207, store.create_database, "shop")
        assert shop.properties() == {"id": shop.id, "name": "shop", "isSystem": False, "path": ""}
        assert store.users.check("ann", "secret") and store.users.level("ann", "shop") == "rw"
        assert not shop.has_collection("_users") and shop.has_collection("_graphs")
        shop.create_collection("things").insert({})
        fails(1203, store.database("_system").collection, "things")
        store.drop_database("shop")
        fails(1228, store.database, "shop")
        fails(1228, store.drop_database, "shop")
        fails(1230, store.drop_database, "_system")
        assert store.users.level("ann", "shop") == "none"
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert not any(name.startswith("docs_") and int(name[5:]) > int(shop.id) for name in tables)
