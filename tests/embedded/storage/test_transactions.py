"""Transactions: undone whole or in part, and by several threads."""

import threading
import time

import pytest

from tests.support.arango_storage import Undo, contents, undone
from workshop.arango.embedded.locks import ReadersWriterLock


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
