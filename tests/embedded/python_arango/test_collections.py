"""Collections, their documents and indexes."""

import warnings

import pytest
from arango.exceptions import (
    CollectionCreateError,
    CollectionPropertiesError,
    DocumentDeleteError,
    DocumentGetError,
    DocumentInsertError,
    DocumentReplaceError,
    DocumentRevisionError,
    DocumentUpdateError,
    IndexCreateError,
    IndexDeleteError,
)

from tests.support.arango_http import keys


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
