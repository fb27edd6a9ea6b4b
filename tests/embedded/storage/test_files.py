"""The files of a store: found again, private, locked, and refused where they are none."""

import os
import stat
import subprocess
import sys

import pytest

from tests.support.arango_storage import contents
from workshop.arango.embedded import keys
from workshop.arango.embedded.storage import Storage
from workshop.errors import WorkshopError


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
