from tests.support.aql_functions import call
from workshop.arango.embedded.aql.functions import zones


def test_zones_tell_the_rule_in_force():
    found = call("DATE_UTCTOLOCAL", "2020-07-15", "Europe/Berlin", True)
    assert found.pop("tzdb") == zones.version()
    assert found == {
        "local": "2020-07-15T02:00:00.000",
        "zoneInfo": {
            "name": "CEST",
            "begin": "2020-03-29T01:00:00.000Z",
            "end": "2020-10-25T01:00:00.000Z",
            "dst": True,
            "offset": 7200,
        },
    }
    fixed = {"name": "WAT", "begin": "1919-08-31T23:30:00.000Z", "end": None, "dst": False, "offset": 3600}
    assert call("DATE_LOCALTOUTC", "2021-03-16T12:00", "Africa/Lagos", True)["zoneInfo"] == fixed
    utc = {"name": "UTC", "begin": None, "end": None, "dst": False, "offset": 0}
    assert call("DATE_UTCTOLOCAL", "2020-07-15", "UTC", True)["zoneInfo"] == utc
    first = call("DATE_UTCTOLOCAL", "0000-01-01", "Asia/Tokyo", True)["zoneInfo"]
    assert (first["begin"], first["end"]) == (None, "1887-12-31T15:00:00.000Z")
    assert call("DATE_UTCTOLOCAL", "2020-07-15", "UTC", False) == "2020-07-15T00:00:00.000Z"


def test_zones_are_listed():
    names = call("DATE_TIMEZONES")
    assert {"Europe/Berlin", "America/New_York", "UTC"} <= set(names) and names == sorted(names)
    assert call("DATE_TIMEZONE") in names


def test_the_calendar_is_whole():
    for day in range(-719_528, 2_932_897, 997):
        assert zones.days(*zones.civil(day)) == day
    assert zones.civil(zones.days(2000, 2, 29)) == (2000, 2, 29)
    assert zones.days(1970, 1, 1) == 0
