"""Documents and edges: written, checked, numbered."""

from tests.support.arango_storage import contents, fails
from workshop.arango.embedded import keys
from workshop.arango.embedded.errors import ArangoError


def test_insert(store, things):
    with store.writing():
        first = things.insert({"_key": "a", "_id": "x/y", "_rev": "1", "text": "é\0", "nested": {"b": [1, None]}})
        second = things.insert({})
        assert first.action == "insert" and first.old is None and first.old_rev is None
        assert first.new == {"_key": "a", "_id": "things/a", "_rev": first.rev, "text": "é\0", "nested": {"b": [1, None]}}
        assert list(first.new)[:3] == ["_key", "_id", "_rev"]
        assert things.get("a") == first.new
        assert keys.decode_revision(second.rev) > keys.decode_revision(first.rev)
        assert things.revision() == second.rev
        assert things.get("missing") is None and things.get("no key!") is None and things.get(None) is None
        assert things.insert({"_key": "b", "_rev": "_e5x", "n": 1}, keep_rev=True).rev == "_e5x"
        error = fails(1210, things.insert, {"_key": "a"})
        assert error.message == (
            "unique constraint violated - in index primary of type primary over '_key'; conflicting key: a"
        )
        for wrong in (None, [], "text", 1):
            fails(1227, things.insert, wrong)
        for wrong in (None, 1, "", "a/b", "ä", "x" * 255, "a b", "a\n"):
            fails(1221, things.insert, {"_key": wrong})
        things.insert({"_key": "_-:.@()+,=;$!*'%"})
        things.insert({"_key": "x" * 254})
        assert things.insert({"a": None, "b": {"c": None, "d": [None]}}, keep_null=False).new.keys() == {
            *("_key", "_id", "_rev", "b")
        }
        assert things.count() == len(things.rows()) == len(list(things.documents())) == 6


def test_numbers_that_json_has_and_64_bits_have_not(store, things):
    with store.writing():
        new = things.insert({"_key": "a", "n": 2**64, "least": -(2**63), "most": 2**64 - 1, "deep": [{"x": -(10**30)}]}).new
        assert new["n"] == 2.0**64 and type(new["n"]) is float
        assert type(new["least"]) is int and new["most"] == 2**64 - 1
        assert new["deep"] == [{"x": -1e30}]
        assert things.get("a") == new
        deep = []
        for _ in range(300):
            deep = [deep]
        fails(10, things.insert, {"deep": deep})
        assert things.count() == 1


def test_overwrite_modes(store, things):
    with store.writing():
        first = things.insert({"_key": "a", "x": {"y": 1}, "z": 1})
        fails(1210, things.insert, {"_key": "a"}, overwrite_mode="conflict")
        fails(10, things.insert, {"_key": "a"}, overwrite_mode="other")
        ignored = things.insert({"_key": "a", "q": 1}, overwrite_mode="ignore")
        assert (ignored.action, ignored.rev, ignored.old, ignored.new) == ("ignore", first.rev, None, None)
        updated = things.insert({"_key": "a", "x": {"w": 2}, "z": None}, overwrite_mode="update", keep_null=False)
        assert (updated.action, updated.old_rev, updated.old) == ("update", first.rev, first.new)
        assert updated.new["x"] == {"y": 1, "w": 2} and "z" not in updated.new
        shallow = things.insert({"_key": "a", "x": {"v": 3}}, overwrite_mode="update", merge_objects=False)
        assert shallow.new["x"] == {"v": 3}
        replaced = things.insert({"_key": "a", "n": 1}, overwrite_mode="replace")
        assert replaced.action == "replace" and contents(things) == {"a": {"n": 1}}
        assert things.insert({"_key": "b"}, overwrite_mode="replace").action == "insert"
        assert things.insert({"n": 1}, overwrite_mode="ignore").action == "insert"
        assert things.count() == 3


def test_update_and_replace(store, things):
    with store.writing():
        first = things.insert({"_key": "a", "x": {"y": 1, "z": {"q": None}}, "l": [1], "n": None})
        change = things.update("a", {"_key": "b", "_id": "x/x", "_rev": "x", "x": {"y": None, "new": {"r": None}}, "l": [2]})
        assert (change.key, change.old_rev, change.old, change.action) == ("a", first.rev, first.new, "update")
        assert contents(things)["a"] == {"x": {"y": None, "z": {"q": None}, "new": {"r": None}}, "l": [2], "n": None}
        assert change.new["_id"] == "things/a" and list(change.new)[:3] == ["_key", "_id", "_rev"]
        things.update("a", {"x": {"y": None, "more": {"r": None, "s": 1}}, "l": None}, keep_null=False)
        assert contents(things)["a"] == {"x": {"z": {"q": None}, "new": {"r": None}, "more": {"s": 1}}, "n": None}
        things.update("a", {"x": {"only": 1}}, merge_objects=False)
        assert contents(things)["a"] == {"x": {"only": 1}, "n": None}
        before = things.get("a")
        for empty in ({}, {"_key": "a"}):
            nothing = things.update("a", empty)
            assert nothing.rev == nothing.old_rev == before["_rev"] and nothing.new == before
        assert things.replace({"_key": "a"}, {"_key": "z", "m": 1}).old == before
        assert contents(things) == {"a": {"m": 1}}
        fails(1202, things.update, "none", {})
        fails(1202, things.replace, "none", {})
        fails(1227, things.update, "a", [])
        fails(1205, things.update, {}, {})
        fails(1221, things.update, {"_key": 1}, {})
        things.update("a", {"version": 3}, version_attribute="version")
        assert things.update("a", {"version": 3, "m": 2}, version_attribute="version").new["m"] == 1
        assert things.replace("a", {"version": 4}, version_attribute="version").new["version"] == 4


def test_revisions_are_checked_when_asked(store, things):
    with store.writing():
        rev = things.insert({"_key": "a"}).rev
        stale = {"_key": "a", "_rev": "_old"}
        for call in (
            lambda: things.update(stale, {"n": 1}, ignore_revs=False),
            lambda: things.replace(stale, {"n": 1}, ignore_revs=False),
            lambda: things.remove(stale, ignore_revs=False),
            lambda: things.insert(stale, overwrite_mode="update", ignore_revs=False),
        ):
            error = fails(1200, call)
            assert (error.http, error.message) == (412, "conflict, _rev values do not match")
        new = things.update({"_key": "a", "_rev": rev}, {"n": 1}, ignore_revs=False).rev
        assert things.update(stale, {"n": 2}).old_rev == new
        assert things.remove({"_key": "a"}, ignore_revs=False).old["n"] == 2
        fails(1202, things.remove, "a")
        assert things.count() == 0


def test_failed_writes_leave_the_others(store, things):
    with store.writing():
        things.create_index({"type": "persistent", "fields": ["n"], "unique": True})
        for i in range(10):
            try:
                things.insert({"_key": str(i // 2), "n": i // 4})
            except ArangoError as error:
                assert error.number == 1210
        for key in ("0", "2"):
            fails(1210, things.update, key, {"n": 2})
    assert contents(things) == {"0": {"n": 0}, "2": {"n": 1}, "4": {"n": 2}}
    with store.reading():
        assert things.count() == 3
        assert things.lookup(("n",), [0, 1, 2]) == things.rows()


def test_edges(store, database, things):
    with store.writing():
        links = database.create_collection("links", 3)
        for wrong in ({}, {"_from": "things/a"}, {"_from": "a", "_to": "b"}, {"_from": "things/a", "_to": 1}):
            fails(1233, links.insert, wrong)
        links.insert({"_key": "1", "_from": "things/a", "_to": "things/b", "n": 1})
        links.insert({"_key": "2", "_from": "things/b", "_to": "things/a"})
        links.insert({"_key": "3", "_from": "things/a", "_to": "things/a"})
        found = {way: [edge["_key"] for edge in links.edges("things/a", way)] for way in ("outbound", "inbound", "any")}
        assert found == {"outbound": ["1", "3"], "inbound": ["2", "3"], "any": ["1", "2", "3"]}
        assert links.lookup(("_from",), ["things/b", "nowhere", 3]) == [2]
        assert links.lookup(("_to",), ["things/a"]) == [2, 3]
        fails(1233, links.update, "1", {"_from": "wrong"})
        fails(1233, links.replace, "1", {"n": 2})
        assert links.update("1", {"_to": "things/c"}).new["_from"] == "things/a"
        assert links.edges("things/b", "inbound") == []
        assert links.edges("things/c", "inbound")[0]["_key"] == "1"
        assert things.insert({"_from": 1}).new["_from"] == 1


def test_key_generators(store, database):
    def collection(name, **options):
        return database.create_collection(name, keyOptions=options)

    with store.writing():
        traditional = collection("traditional")
        made = [int(traditional.insert({}).key) for _ in range(3)]
        assert made == sorted(set(made))
        traditional.insert({"_key": "99999999"})
        assert traditional.insert({}).key == "100000000"
        assert traditional.properties()["keyOptions"]["lastValue"] == 100000000
        counting = collection("counting", type="autoincrement", offset=7, increment=10)
        assert [counting.insert({}).key for _ in range(2)] == ["7", "17"]
        counting.insert({"_key": "20"})
        assert counting.insert({}).key == "27"
        fails(1221, counting.insert, {"_key": "a"})
        padded = collection("padded", type="padded")
        first, second = padded.insert({}).key, padded.insert({}).key
        assert len(first) == len(second) == 16 and first < second
        padded.insert({"_key": "00000000ffffffff"})
        assert padded.insert({}).key == "0000000100000000"
        assert len(collection("uuid", type="uuid", allowUserKeys=False).insert({}).key) == 36
        fails(1222, database.collection("uuid").insert, {"_key": "a"})
        fails(1221, database.collection("uuid").insert, {"_key": ""})
        database.collection("uuid").insert({"_key": "a"}, keep_rev=True)
        fails(1232, collection, "x", type="other")
        fails(1232, collection, "x", type="autoincrement", increment=0)
        fails(1232, collection, "x", type="autoincrement", offset=-1)
        collection("full", type="autoincrement", offset=2**64 - 2).insert({})
        fails(1225, database.collection("full").insert, {})


def test_revisions_grow():
    clock = keys.Clock()
    made = [clock.tick() for _ in range(3000)]
    numbers = [keys.decode_revision(revision) for revision in made]
    assert numbers == sorted(set(numbers))
    assert [keys.encode_revision(number) for number in numbers] == made
    later = keys.Clock(clock.last + (10**9 << 20))  # the system's clock was set back
    assert keys.decode_revision(later.tick()) == clock.last + (10**9 << 20) + 1
    assert keys.decode_revision("wrong!") == 0
