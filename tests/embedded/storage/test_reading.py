"""Reading again and again: batches, what is kept in memory, who hears of writes."""

from tests.support.arango_storage import fails, undone
from workshop.arango.embedded.storage import Storage


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
