"""Statements that write."""

import pytest

from tests.support.aql import stored
from workshop.arango.embedded.errors import ArangoError


def test_insert(run):
    run.collection("docs")
    assert run("FOR i IN 1..2 INSERT {_key: CONCAT('k', i), n: i} INTO docs") == []
    assert run.stats("writesExecuted") == 2
    assert run("INSERT {_key: 'x'} IN docs RETURN [OLD, NEW._id, NEW._key]") == [[None, "docs/x", "x"]]
    assert run("INSERT {_key: 'x', a: 1} INTO 'docs' OPTIONS {overwrite: true} RETURN [OLD.a, NEW.a]") == [[None, 1]]
    assert run("INSERT {_key: 'x', b: 2} INTO docs OPTIONS {overwriteMode: 'update'} RETURN [NEW.a, NEW.b]") == [[1, 2]]
    assert run("INSERT {_key: 'x', b: 3} INTO docs OPTIONS {overwriteMode: 'replace'} RETURN [NEW.a, NEW.b]") == [[None, 3]]
    assert run("INSERT {_key: 'x', b: 4} INTO docs OPTIONS {overwriteMode: 'ignore'} RETURN NEW") == [None]
    assert run("RETURN DOCUMENT('docs/x').b") == [3]
    with pytest.raises(ArangoError) as caught:
        run("FOR k IN ['new', 'x'] INSERT {_key: k} INTO docs")
    assert caught.value.number == 1210 and caught.value.http == 409
    assert "new" not in stored(run)
    assert run("FOR k IN ['new', 'x', 'y'] INSERT {_key: k} INTO docs OPTIONS {ignoreErrors: true} RETURN NEW._key") == [
        "new",
        "y",
    ]
    assert (run.stats("writesExecuted"), run.stats("writesIgnored")) == (2, 1)
    for wrong in ("1", "null", "[]"):
        with pytest.raises(ArangoError) as caught:
            run(f"INSERT {wrong} INTO docs")
        assert caught.value.number == 1227


def test_update_and_replace(run):
    run.collection("docs", [{"_key": str(n), "n": n, "o": {"a": 1, "b": 2}} for n in range(3)])
    assert run("FOR d IN docs UPDATE d WITH {n: d.n + 10} IN docs RETURN [OLD.n, NEW.n]") == [[0, 10], [1, 11], [2, 12]]
    assert run("UPDATE '1' WITH {o: {a: null, c: 3}} IN docs RETURN NEW.o") == [{"a": None, "b": 2, "c": 3}]
    assert run("UPDATE '1' WITH {o: {a: null}} IN docs OPTIONS {keepNull: false} RETURN NEW.o") == [{"b": 2, "c": 3}]
    assert run("UPDATE '1' WITH {o: {z: 1}} IN docs OPTIONS {mergeObjects: false} RETURN NEW.o") == [{"z": 1}]
    assert run("UPDATE {_key: '1', x: 5} IN docs RETURN [NEW.x, NEW.n]") == [[5, 11]]
    assert run("REPLACE '1' WITH {y: 6} IN docs RETURN [NEW.y, NEW.n, OLD.n]") == [[6, None, 11]]
    assert run("REPLACE {_key: '1', y: 7} INTO docs RETURN NEW.y") == [7]
    assert run("FOR d IN docs FILTER d.n > 11 REPLACE d WITH {} IN docs LET n = NEW RETURN KEYS(n, true)") == [[]]
    for selector, number in {"'nope'": 1202, "1": 1226, "{}": 1226, "{_key: 1}": 1226, "null": 1226}.items():
        with pytest.raises(ArangoError) as caught:
            run(f"UPDATE {selector} WITH {{a: 1}} IN docs")
        assert caught.value.number == number
    assert run("FOR k IN ['nope', '2'] UPDATE k WITH {a: 1} IN docs OPTIONS {ignoreErrors: true} RETURN NEW.a") == [1]
    with pytest.raises(ArangoError) as caught:
        run("UPDATE {_key: '2', _rev: 'old'} WITH {a: 2} IN docs OPTIONS {ignoreRevs: false}")
    assert caught.value.number == 1200
    assert run("FOR d IN docs UPDATE d WITH {z: (FOR e IN docs RETURN 1)[0]} IN docs LIMIT 1 RETURN NEW.z") == [1]
    assert run("FOR d IN docs RETURN d.z") == [1, 1, 1]


def test_remove(run):
    run.collection("docs", [{"_key": str(n), "n": n} for n in range(5)])
    assert run("REMOVE '0' IN docs RETURN OLD.n") == [0]
    assert run("FOR d IN docs FILTER d.n == 1 REMOVE d IN docs RETURN OLD._key") == ["1"]
    assert run("FOR d IN docs FILTER d.n == 2 REMOVE {_key: d._key} INTO docs COLLECT WITH COUNT INTO c RETURN c") == [1]
    with pytest.raises(ArangoError) as caught:
        run("FOR d IN docs REMOVE d IN docs RETURN NEW")
    assert caught.value.number == 1203
    assert run("FOR d IN docs FOR e IN docs REMOVE e IN docs OPTIONS {ignoreErrors: true} RETURN OLD.n") == [3, 4]
    assert run("RETURN LENGTH(docs)") == [0]


def test_upsert(run):
    run.collection("docs", [{"_key": "1", "n": 1, "o": {"a": 1, "b": 2}, "t": [1]}])
    assert run("UPSERT {n: 1} INSERT {n: 0} UPDATE {m: OLD.n + 1} IN docs RETURN [OLD._key, NEW.m]") == [["1", 2]]
    assert run("UPSERT {n: 2} INSERT {_key: '2', n: 2} UPDATE {} IN docs RETURN [OLD, NEW.n]") == [[None, 2]]
    assert run("UPSERT {o: {a: 1}, t: [1]} INSERT {} REPLACE {r: 1} IN docs RETURN [NEW._key, NEW.n]") == [["1", None]]
    assert run("UPSERT @e INSERT {} UPDATE {u: 1} IN docs RETURN NEW._key", e={"_key": "2"}) == ["2"]
    assert run("UPSERT FILTER CURRENT.u == 1 && CURRENT.n > 1 INSERT {} UPDATE {u: 2} INTO docs RETURN NEW.u") == [2]
    text = "FOR x IN ['a', 'b', 'a'] UPSERT {name: x} INSERT {name: x, c: 1} UPDATE {c: OLD.c + 1} IN docs RETURN NEW.c"
    assert run(text) == [1, 1, 2]
    assert run("UPSERT {missing: null} INSERT {} UPDATE {found: true} IN docs RETURN OLD._key") == ["1"]


def test_several_changes(run):
    run.collection("docs", [{"_key": str(n)} for n in range(3)])
    run.collection("log")
    text = """FOR d IN docs
      UPDATE d WITH {seen: true} IN docs
      LET key = NEW._key
      INSERT {key, old: OLD.seen} INTO log
      RETURN [key, NEW.key]"""
    assert run(text) == [["0", "0"], ["1", "1"], ["2", "2"]]
    assert run.stats("writesExecuted") == 6
    assert run("INSERT {a: 1} INTO log LET l = NEW RETURN l.a") == [1]
    assert run("RETURN [(INSERT {} INTO log), (INSERT {} INTO docs RETURN 1)]") == [[[], [1]]]
    assert run("FOR i IN [] INSERT {} INTO log") == []
    assert run("FOR d IN docs LET s = (FOR j IN 1..2 INSERT {j} INTO docs) RETURN 1") == [1] * 4
    assert run("RETURN LENGTH(docs)") == [12]
    assert run("FOR d IN docs INSERT {copy: d._key} INTO docs LIMIT 1 RETURN 1") == [1]
    assert run("RETURN LENGTH(docs)") == [24]
    assert run("FOR d IN docs REMOVE d IN docs SORT 1 LIMIT 0 RETURN 1") == []
    assert run("RETURN LENGTH(docs)") == [0]
