"""The embedded ArangoDB's storage: transactions, documents, indexes, graphs, users."""

import json
import os
import stat
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workshop.arango.embedded import encoding, graphs, keys
from workshop.arango.embedded.aql import values
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.locks import ReadersWriterLock
from workshop.arango.embedded.storage import Storage
from workshop.errors import WorkshopError


@pytest.fixture
def store(tmp_path):
    with Storage(tmp_path / "data") as store:
        yield store


@pytest.fixture
def database(store):
    return store.database("_system")


@pytest.fixture
def things(store, database):
    with store.writing():
        return database.create_collection("things")


def fails(number, call, *arguments, **options):
    with pytest.raises(ArangoError) as caught:
        call(*arguments, **options)
    assert caught.value.number == number
    return caught.value


class Undo(Exception):
    pass


def undone(store, *calls):
    """Run calls in a transaction that is undone."""
    with pytest.raises(Undo), store.writing():
        for call in calls:
            call()
        raise Undo


def contents(collection):
    """The documents by key, without system attributes."""
    with collection.store.reading():
        return {
            each["_key"]: {name: value for name, value in each.items() if name not in ("_key", "_id", "_rev")}
            for each in collection.documents()
        }


# Files and transactions


def test_reopening_finds_everything(tmp_path):
    with Storage(tmp_path) as store, store.writing():
        database = store.create_database("shop")
        database.create_collection("wares").insert({"_key": "a", "price": 1})
        database.create_collection("links", 3, keyOptions={"type": "autoincrement", "offset": 5, "increment": 5})
        database.collection("links").insert({"_from": "wares/a", "_to": "wares/a"})
        database.collection("wares").create_index({"type": "persistent", "fields": ["price"], "name": "prices"})
        used, last = int(store.new_id()), store.clock.tick()
    with Storage(tmp_path) as store, store.writing():
        assert store.databases() == ["_system", "shop"]
        database = store.database("shop")
        assert contents(database.collection("wares")) == {"a": {"price": 1}}
        assert database.collection("wares").lookup(("price",), [1]) == [1]
        assert database.collection("links").insert({"_from": "wares/a", "_to": "wares/b"}).key == "10"
        assert database.collection("wares").count() == 1
        assert int(store.new_id()) > used
        assert keys.decode_revision(store.clock.tick()) > keys.decode_revision(last)


def test_files_belong_to_the_user_alone(tmp_path):
    with Storage(tmp_path / "new"):
        assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == 0o700
        for name in ("arango.sqlite", "arango.sqlite-wal", "lock"):
            assert stat.S_IMODE(os.stat(tmp_path / "new" / name).st_mode) == 0o600


def test_a_folder_serves_one_process(tmp_path):
    code = f"from workshop.arango.embedded.storage import Storage; Storage({str(tmp_path)!r})"
    with Storage(tmp_path):
        with pytest.raises(WorkshopError, match="in use"):
            Storage(tmp_path)
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.getcwd())
        assert "in use" in other.stderr
    Storage(tmp_path).close()


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    with Storage(tmp_path) as store:
        store.execute("PRAGMA user_version = 99")
    for _ in range(2):  # the folder's lock is given back too
        with pytest.raises(WorkshopError, match="newer version"):
            Storage(tmp_path)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "arango.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(WorkshopError, match="no data file"):
        Storage(tmp_path)


def test_an_exception_undoes_a_transaction(store, database, things):
    with store.writing():
        things.insert({"_key": "a", "n": 1})
    before = contents(things)
    undone(
        store,
        lambda: things.insert({"_key": "b"}),
        lambda: things.update("a", {"n": 2}),
        lambda: contents(things),
        lambda: things.remove("a"),
        lambda: database.create_collection("more").insert({}),
        lambda: things.create_index({"type": "persistent", "fields": ["n"]}),
        lambda: things.rename("stuff"),
        lambda: store.create_database("other"),
        lambda: store.users.create("eve"),
    )
    assert contents(things) == before
    with store.reading():
        assert things.count() == 1
        assert things.name == "things" and database.collection("things") is things
        assert len(things.indexes()) == 1
        assert things.lookup(("n",), [1]) is None
        assert store.databases() == ["_system"]
        assert not database.has_collection("more")
        assert store.users.all() == []
    undone(store, things.truncate)
    undone(store, lambda: database.drop_collection("things"))
    assert contents(database.collection("things")) == before


def test_an_exception_undoes_a_part(store, things):
    with store.writing():
        things.insert({"_key": "a"})
        with pytest.raises(Undo), store.writing():
            things.insert({"_key": "b"})
            things.remove("a")
            assert things.count() == 1
            raise Undo
        assert things.count() == 1
        with store.writing():
            things.insert({"_key": "c"})
    assert set(contents(things)) == {"a", "c"}
    undone(store, lambda: nested_insert(store, things))
    assert set(contents(things)) == {"a", "c"} and things.count() == 2


def nested_insert(store, collection):
    with store.writing():
        collection.insert({"_key": "nested"})


def run(call):
    errors = []

    def body():
        try:
            call()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert not errors


def test_what_was_not_committed_is_gone(tmp_path):
    code = f"""
import os
from workshop.arango.embedded.storage import Storage
store = Storage({str(tmp_path)!r})
with store.writing():
    things = store.database("_system").create_collection("things")
    things.insert({{"_key": "a"}})
with store.writing():
    for i in range(2000):
        things.insert({{"text": "x" * 1000}})
    os._exit(0)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=os.getcwd()).returncode == 0
    with Storage(tmp_path) as store:
        assert set(contents(store.database("_system").collection("things"))) == {"a"}


def test_writes_need_a_transaction(store, things):
    with pytest.raises(RuntimeError):
        things.insert({})
    with store.reading(), store.reading(), pytest.raises(RuntimeError):
        store.writing().__enter__()


def test_threads(store, things):
    with store.writing():
        for i in range(10):
            things.insert({"_key": str(i), "n": 0})
    end, totals, errors = time.monotonic() + 1, [0] * 8, []

    def work(number):
        try:
            while time.monotonic() < end:
                with store.writing():
                    for key in ("1", "2"):
                        things.update(key, {"n": things.get(key)["n"] + 1})
                    if totals[number] % 5 == 0:
                        things.insert({"_key": f"{number}-{totals[number]}", "n": 0})
                totals[number] += 1
                with store.reading():
                    assert things.get("1")["n"] == things.get("2")["n"]
                    assert len(list(things.documents())) == things.count()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert all(totals)
    with store.reading():
        assert things.get("1")["n"] == sum(totals)
        assert things.count() == len(things.rows()) == 10 + sum((total + 4) // 5 for total in totals)


def test_a_waiting_writer_goes_before_new_readers():
    lock = ReadersWriterLock()
    assert lock.acquire_read()
    assert not lock.acquire_write(timeout=0.01)
    assert lock.acquire_read(timeout=0.01)  # who gave up keeps nobody out
    got = []
    writer = threading.Thread(target=lambda: got.append(lock.acquire_write(timeout=5)))
    writer.start()
    while not lock._waiting_writers:
        time.sleep(0.001)
    assert not lock.acquire_read(timeout=0.01)
    lock.release_read()
    lock.release_read()
    writer.join()
    assert got == [True]
    assert not lock.acquire_read(timeout=0.01)
    lock.release_write()
    assert lock.acquire_read(timeout=0.01)


# Documents


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


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.dictionaries(st.text().filter(lambda name: name not in ("_key", "_id", "_rev")), json_values, max_size=5))
def test_values_come_back_as_they_were(store, things, document):
    with store.writing():
        change = things.insert(document)
        things._cache.clear()
        found = things.get(change.key)
    assert found == change.new
    assert {name: found[name] for name in document} == document
    assert json.dumps({name: found[name] for name in document}) == json.dumps(document)


@settings(max_examples=300, deadline=None)
@given(first=json_values, second=json_values)
def test_encoded_values_are_equal_when_values_are(first, second):
    for one, other in ((first, second), (first, first), ([first], [first, None]), ({"a": first}, {"a": first, "b": None})):
        assert (encoding.encode(one) == encoding.encode(other)) == (values.compare(one, other) == 0)
        # What comes first in a combined index is found by its bytes alone.
        prefix = encoding.encode(one)
        assert prefix <= encoding.encode_all([one, other]) < prefix + encoding.AFTER
        assert encoding.encode(other).startswith(prefix) == (encoding.encode(other) == prefix)


number = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@given(first=number, second=number)
def test_encoded_numbers_are_in_order(first, second):
    for other in (second, first + 1 if type(first) is int and first < 2**63 else first):
        one, two = encoding.encode(first), encoding.encode(other)
        assert (one < two, one == two) == (first < other, first == other)


def test_large_collections_are_read_in_batches(tmp_path):
    with Storage(tmp_path, cache=100_000) as store:
        with store.writing():
            things = store.database("_system").create_collection("things")
            few = store.database("_system").create_collection("few")
            for i in range(3000):
                things.insert({"_key": str(i), "text": "x" * 2000})
            few.insert({"_key": "a"})
        with store.reading():
            for _ in range(2):
                assert [document["_key"] for document in things.documents()] == [str(i) for i in range(3000)]
                assert store.budget.used <= 100_000
            assert [document["_key"] for document in few.documents()] == ["a"]
            for i in range(200):
                assert things.get(str(i))["_key"] == str(i)
            assert 0 < store.budget.used <= 100_000
            assert [document["_key"] for document in things.documents([5, 3, 9999, 5])] == ["4", "2", "4"]
            assert [row for row, _ in things.items(things.rows())] == things.rows()


def test_repeated_reads_do_not_parse_again(store, things):
    with store.writing():
        for i in range(50):
            things.insert({"_key": str(i), "n": i})
    with store.reading():
        first, second = list(things.documents()), list(things.documents())
        assert all(one is other for one, other in zip(first, second, strict=True))
        assert things.get("7") is first[7]
        assert [row for row, _ in things.items()] == things.rows()
    with store.writing():
        things.update("7", {"n": -1})
        things.remove("8")
        things.insert({"_key": "last"})
        now = list(things.documents())
        assert now[7]["n"] == -1 and now[6] is first[6] and len(now) == 50 and now[-1]["_key"] == "last"


def test_subscribers_hear_of_writes(store, things):
    with store.writing():
        things.insert({"_key": "a"})
        subscriber = things.subscribe()
        assert subscriber.take() is None
        assert subscriber.take() == set()
        row = things.row("a")
        things.update("a", {"n": 1})
        new = things.row(things.insert({}).key)
        assert subscriber.take() == {row, new}
        fails(1202, things.remove, "none")
        things.update("a", {})
        assert subscriber.take() == set()
    undone(store, lambda: things.remove("a"))
    assert subscriber.take() == {row}
    undone(store, lambda: things.remove("a"), subscriber.take)
    assert subscriber.take() is None  # it saw what was undone
    undone(store, lambda: fails(1210, things.insert, {"_key": "a"}))
    assert subscriber.take() == set()
    with store.writing():
        things.truncate()
        things.insert({})
    assert subscriber.take() is None
    subscriber = None
    with store.writing():
        things.insert({})
    assert things._subscribers == []


def test_rows_are_not_used_again(store, things):
    with store.writing():
        things.insert({"_key": "a"})
        last = things.row(things.insert({"_key": "b"}).key)
        things.remove("b")
    undone(store, lambda: things.insert({"_key": "c"}))
    with store.writing():
        assert things.row(things.insert({"_key": "d"}).key) > last + 1


# Collections and databases


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


# Indexes


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


# Graphs

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


# Users


def test_users(store, tmp_path):
    users = store.users
    with store.writing():
        users.ensure_root("first")
        users.ensure_root("second")
        assert not users.check("root", "first") and users.check("root", "second") and users.check("root", "second")
        assert users.create("ann", "pässword", extra={"a": [1]}) == {"user": "ann", "active": True, "extra": {"a": [1]}}
        fails(1702, users.create, "ann")
        fails(1700, users.create, "")
        fails(1703, users.get, "bob")
        assert users.check("ann", "pässword") and not users.check("ann", "password") and not users.check("bob", "")
        assert users.update("ann", active=False)["active"] is False
        assert not users.check("ann", "pässword")
        users.update("ann", active=True, password="new")
        assert users.check("ann", "new") and not users.check("ann", "pässword")
        assert [user["user"] for user in users.all()] == ["ann", "root"]
        assert users.level("root", "anything", "any") == "rw" and users.level("ann", "_system") == "none"
        users.grant("ann", "_system", "ro")
        users.grant("ann", "_system", "rw", "wares")
        users.grant("ann", "*", "none")
        assert users.level("ann", "_system", "other") == "ro" and users.level("ann", "_system", "wares") == "rw"
        users.grant("ann", "_system", "none", "*")
        assert users.level("ann", "_system", "other") == "none"
        assert users.granted("ann") == {
            "_system": {"permission": "ro", "collections": {"wares": "rw", "*": "none"}},
            "*": {"permission": "none", "collections": {}},
        }
        users.revoke("ann", "_system", "*")
        users.revoke("ann", "_system")
        assert users.level("ann", "_system", "other") == "none" and users.level("ann", "_system", "wares") == "rw"
        fails(10, users.grant, "ann", "_system", "all")
        users.remove("ann")
        fails(1703, users.remove, "ann")
    assert users.check("root", "second")
    undone(store, lambda: users.update("root", password="third"), lambda: users.check("root", "third"))
    assert users.check("root", "second") and not users.check("root", "third")
    assert b"second" not in (store.folder / "arango.sqlite-wal").read_bytes()


# Vectors


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
