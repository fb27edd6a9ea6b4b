"""Queries."""

import pytest
from arango.exceptions import (
    AQLQueryExecuteError,
    AQLQueryExplainError,
    AQLQueryKillError,
    AQLQueryValidateError,
    CursorNextError,
)


def test_queries(db, films):
    cursor = db.aql.execute("FOR f IN films SORT f.year RETURN f._key", count=True, batch_size=4)
    assert cursor.count() == len(cursor) == 6 and cursor.has_more() and cursor.id and len(cursor.batch()) == 4
    assert cursor.warnings() == [] and cursor.cached() is False and cursor.statistics()["scanned_full"] == 6
    assert list(cursor) == ["eraserhead", "alien", "dune", "brazil", "fargo", "cube"]
    cursor = db.aql.execute("FOR i IN 1..10 RETURN i", batch_size=3)
    assert cursor.next() == 1 and cursor.close() is True and cursor.close(ignore_missing=True) is False
    with pytest.raises(CursorNextError):
        cursor.fetch()
    with db.aql.execute("FOR i IN 1..10 RETURN i", batch_size=3, ttl=60, allow_retry=True) as cursor:
        assert list(cursor) == list(range(1, 11))
    cursor = db.aql.execute("FOR i IN 1..10 LIMIT 2, 3 RETURN i", full_count=True)
    assert list(cursor) == [3, 4, 5] and cursor.statistics()["fullCount"] == 10
    cursor = db.aql.execute("RETURN 1 / 0")
    assert list(cursor) == [None] and cursor.warnings()[0]["code"] == 1562
    with pytest.raises(AQLQueryExecuteError) as error:
        db.aql.execute("RETURN 1 / 0", fail_on_warning=True)
    assert error.value.error_code == 1562
    binds = {"@films": "films", "year": 1984, "path": ["crew", "size"]}
    text = "FOR f IN @@films FILTER f.year > @year SORT f.year LET s = f.@path RETURN [f._key, s]"
    assert list(db.aql.execute(text, bind_vars=binds))[0] == ["brazil", None]
    cursor = db.aql.execute("FOR f IN films FILTER f.year < 1980 UPDATE f WITH {old: true} IN films RETURN NEW.old")
    assert list(cursor) == [True, True] and cursor.statistics()["modified"] == 2
    options = {"memory_limit": 10**8, "max_runtime": 5.0, "stream": True, "cache": True, "profile": 1, "max_plans": 1}
    assert list(db.aql.execute("RETURN 1", **options, optimizer_rules=["-all"], fill_block_cache=True)) == [1]


def test_wrong_queries(db, films):
    with pytest.raises(AQLQueryExecuteError) as error:
        db.aql.execute("FOR f IN")
    assert error.value.http_code == 400 and error.value.error_code == 1501
    with pytest.raises(AQLQueryExecuteError) as error:
        db.aql.execute("FOR f IN nowhere RETURN f")
    assert error.value.http_code == 404 and error.value.error_code == 1203
    with pytest.raises(AQLQueryValidateError):
        db.aql.validate("FOR")
    with pytest.raises(AQLQueryExplainError):
        db.aql.explain("RETURN @x")
    with pytest.raises(AQLQueryKillError):
        db.aql.kill("0")


def test_looking_at_queries(db, films):
    parsed = db.aql.validate("FOR f IN films FILTER f.year == @year RETURN f")
    assert parsed["parsed"] and parsed["bind_vars"] == ["year"] and parsed["collections"] == ["films"]
    plan = db.aql.explain("FOR f IN films RETURN f", opt_rules=["+all"], max_plans=3)
    assert plan["collections"][0]["name"] == "films" and "stats" in plan
    assert len(db.aql.explain("RETURN 1", all_plans=True)) == 1
    assert db.aql.queries() == [] and db.aql.slow_queries() == [] and db.aql.clear_slow_queries()
    assert db.aql.tracking()["enabled"] is True and db.aql.set_tracking(max_slow_queries=10)["max_slow_queries"] == 10
    assert db.aql.set_tracking(max_slow_queries=64) and db.aql.query_rules() == []
    assert db.aql.cache.properties()["mode"] == "off" and db.aql.cache.entries() == [] and db.aql.cache.clear()
