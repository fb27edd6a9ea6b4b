"""Functions of dates. A date is a number of milliseconds since 1970 or a string in ISO 8601; results are strings in UTC."""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from zoneinfo import available_timezones

from workshop.arango.embedded.aql.functions import function, zones
from workshop.arango.embedded.aql.functions.zones import DAY
from workshop.arango.embedded.aql.values import NUMERIC, AqlWarning, number, to_integer, wrong_type

_DURATION = re.compile(
    r"P(?:(\d{1,18})Y)?(?:(\d{1,18})M)?(?:(\d{1,18})W)?(?:(\d{1,18})D)?"
    r"(?:T(?:(\d{1,18})H)?(?:(\d{1,18})M)?(?:(\d{1,18})(?:[.,](\d{1,3}))?S)?)?",
    re.ASCII,
)
_UNITS = {
    name: unit
    for unit, names in {
        "year": ("years", "year", "y"),
        "month": ("months", "month", "m"),
        "week": ("weeks", "week", "w"),
        "day": ("days", "day", "d"),
        "hour": ("hours", "hour", "h"),
        "minute": ("minutes", "minute", "i"),
        "second": ("seconds", "second", "s"),
        "millisecond": ("milliseconds", "millisecond", "f"),
    }.items()
    for name in names
}
_ORDER = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
_LENGTHS = {"week": 7 * DAY, "day": DAY, "hour": 3_600_000, "minute": 60_000, "second": 1000, "millisecond": 1}
_MEAN_LENGTHS = {"year": 31_556_952_000, "month": 2_629_746_000, **_LENGTHS}  # in milliseconds
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def _invalid(name: str) -> AqlWarning:
    return AqlWarning(1572, f"in function '{name}()': invalid date value")


def _time(name: str, value) -> int:
    """The argument as milliseconds. AqlWarning 1572 for what is no date, 1542 for what is of another type."""
    if type(value) is str:
        time = zones.parse(value)
    elif type(value) in NUMERIC:
        time = to_integer(value)
    else:
        raise wrong_type(name)
    if time is None or not zones.FIRST <= time <= zones.LAST:
        raise _invalid(name)
    return time


def _zone(name: str, value) -> zones.ZoneInfo:
    if type(value) is not str:
        raise wrong_type(name)
    return zones.zone(value)


def _text(name: str, time: int) -> str:
    text = zones.iso(time)
    if text is None:
        raise _invalid(name)
    return text


def _unit(value) -> str | None:
    """The unit of time that a string names in any case; None for any other value."""
    return _UNITS.get(value.lower()) if type(value) is str else None


@function("DATE_NOW", 0, 0, context=True)
def date_now(context):
    """Return the time at which the query began."""
    return int(context.now * 1000)


def _date(name: str, arguments: tuple) -> int:
    """The time of one date, or of year, month, day and up to four parts of the time of day."""
    if len(arguments) == 1:
        return _time(name, arguments[0])
    if len(arguments) < 3 or any(type(each) is not str and type(each) not in NUMERIC for each in arguments):
        raise wrong_type(name)
    year, month, day, *clock = map(to_integer, arguments)
    if not 0 <= year <= 9999 or min(month, day, *clock, 0) < 0 or max(month, day) > 255:
        raise _invalid(name)
    hour, minute, second, milliseconds = (*clock, 0, 0, 0, 0)[:4]
    return zones.days(year, month, day) * DAY + ((hour * 60 + minute) * 60 + second) * 1000 + min(milliseconds, 999)


@function("DATE_TIMESTAMP", 1, 7)
def date_timestamp(*arguments):
    """Return a date as milliseconds since 1970."""
    return _date("DATE_TIMESTAMP", arguments)


@function("DATE_ISO8601", 1, 7)
def date_iso8601(*arguments):
    """Return a date as a string in ISO 8601."""
    return _text("DATE_ISO8601", _date("DATE_ISO8601", arguments))


@function("IS_DATESTRING", 1, 1)
def is_datestring(value):
    """Tell whether the value is a string that is a date."""
    return type(value) is str and zones.parse(value) is not None


def _quarter(time: int) -> int:
    return (zones.civil(time // DAY)[1] + 2) // 3


def _day_of_year(time: int) -> int:
    day = time // DAY
    return day - zones.days(zones.civil(day)[0], 1, 0)


def _days_in_month(time: int) -> int:
    year, month, _ = zones.civil(time // DAY)
    return 29 if month == 2 and zones.is_leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _register(name: str, part: Callable, most: int = 2) -> None:
    """Register a function of one date, as the clocks of a time zone show it where `most` is 2 and one is given."""

    def call(date, timezone=...):
        time = _time(name, date)
        if timezone is not ...:
            time = zones.to_local(time, _zone(name, timezone))
        return part(time)

    function(name, 1, most)(call)


_PARTS: dict[str, Callable] = {
    "DAYOFWEEK": lambda time: (time // DAY + 4) % 7,
    "YEAR": lambda time: zones.civil(time // DAY)[0],
    "MONTH": lambda time: zones.civil(time // DAY)[1],
    "DAY": lambda time: zones.civil(time // DAY)[2],
    "HOUR": lambda time: time // 3_600_000 % 24,
    "MINUTE": lambda time: time // 60_000 % 60,
    "DAYOFYEAR": _day_of_year,
    "ISOWEEK": lambda time: zones.iso_week(time // DAY)[1],
    "ISOWEEKYEAR": lambda time: dict(zip(("year", "week"), zones.iso_week(time // DAY))),
    "LEAPYEAR": lambda time: zones.is_leap(zones.civil(time // DAY)[0]),
    "QUARTER": _quarter,
    "DAYS_IN_MONTH": _days_in_month,
}
for _name, _part in _PARTS.items():
    _register(f"DATE_{_name}", _part)
_register("DATE_SECOND", lambda time: time // 1000 % 60, most=1)
_register("DATE_MILLISECOND", lambda time: time % 1000, most=1)


@function("DATE_TRUNC", 2, 3)
def date_trunc(date, unit, *timezone):
    """Cut off what is smaller than the unit, as the clocks of the time zone show the date."""
    time = _time("DATE_TRUNC", date)
    if type(unit) is not str:
        raise wrong_type("DATE_TRUNC")
    where = _zone("DATE_TRUNC", timezone[0]) if timezone else None
    time = zones.to_local(time, where) if where else time
    kind = _unit(unit)
    if kind in ("year", "month"):
        year, month, _ = zones.civil(time // DAY)
        time = zones.days(year, month if kind == "month" else 1, 1) * DAY
    elif kind in (None, "week"):
        raise _invalid("DATE_TRUNC")
    else:
        time -= time % _LENGTHS[kind]
    return _text("DATE_TRUNC", zones.to_utc(time, where) if where else time)


@function("DATE_ROUND", 3, 4)
def date_round(date, amount, unit, *timezone):
    """Move the date towards 1970 to the next multiple of the amount of time, counted by the clocks of the time zone."""
    time = _time("DATE_ROUND", date)
    if type(amount) not in NUMERIC or type(unit) is not str:
        raise wrong_type("DATE_ROUND")
    where = _zone("DATE_ROUND", timezone[0]) if timezone else None
    time = zones.to_local(time, where) if where else time
    length = _LENGTHS.get(_UNITS.get(unit), 0) * to_integer(amount)
    if length <= 0 or _UNITS[unit] == "week":
        raise wrong_type("DATE_ROUND")
    time = abs(time) // length * (length if time >= 0 else -length)
    return _text("DATE_ROUND", zones.to_utc(time, where) if where else time)


_FORMATS: dict[str, Callable] = {
    "yyyyyy": lambda time: f"+{_PARTS['YEAR'](time):06}",
    "mmmm": lambda time: _MONTHS[_PARTS["MONTH"](time) - 1],
    "yyyy": lambda time: f"{_PARTS['YEAR'](time):04}",
    "wwww": lambda time: _WEEKDAYS[_PARTS["DAYOFWEEK"](time)],
    "mmm": lambda time: _MONTHS[_PARTS["MONTH"](time) - 1][:3],
    "www": lambda time: _WEEKDAYS[_PARTS["DAYOFWEEK"](time)][:3],
    "fff": lambda time: f"{time % 1000:03}",
    "xxx": lambda time: f"{_day_of_year(time):03}",
    "yy": lambda time: f"{_PARTS['YEAR'](time) % 100:02}",
    "mm": lambda time: f"{_PARTS['MONTH'](time):02}",
    "dd": lambda time: f"{_PARTS['DAY'](time):02}",
    "hh": lambda time: f"{_PARTS['HOUR'](time):02}",
    "ii": lambda time: f"{_PARTS['MINUTE'](time):02}",
    "ss": lambda time: f"{time // 1000 % 60:02}",
    "kk": lambda time: f"{_PARTS['ISOWEEK'](time):02}",
    "&": lambda time: "",  # ends a name before a letter that would continue it
    "t": lambda time: time,
    "z": zones.iso,
    "w": _PARTS["DAYOFWEEK"],
    "y": _PARTS["YEAR"],
    "m": _PARTS["MONTH"],
    "d": _PARTS["DAY"],
    "h": _PARTS["HOUR"],
    "i": _PARTS["MINUTE"],
    "s": lambda time: time // 1000 % 60,
    "f": lambda time: time % 1000,
    "x": _day_of_year,
    "k": _PARTS["ISOWEEK"],
    "l": lambda time: int(_PARTS["LEAPYEAR"](time)),
    "q": _quarter,
    "a": _days_in_month,
    "%": lambda time: "%",
    "": lambda time: "",
}
_PLACEHOLDER = re.compile(f"%({'|'.join(_FORMATS)})")


@function("DATE_FORMAT", 2, 3)
def date_format(date, text, *timezone):
    """Fill placeholders such as %yyyy and %dd in the text with parts of the date, as the clocks of the zone show it."""
    time = _time("DATE_FORMAT", date)
    if type(text) is not str:
        raise wrong_type("DATE_FORMAT")
    if timezone:
        time = zones.to_local(time, _zone("DATE_FORMAT", timezone[0]))
    return _PLACEHOLDER.sub(lambda found: str(_FORMATS[found[1]](time)), text)


def _later(name: str, sign: int, date, arguments: tuple) -> str:
    """The date moved by an amount of a unit or by a duration of ISO 8601, by the clocks of a time zone if one is given."""
    time = _time(name, date)
    where = None
    if len(arguments) == 3 or (len(arguments) == 2 and type(arguments[0]) is str):
        where = _zone(name, arguments[-1])
        arguments = arguments[:-1]
        time = zones.to_local(time, where)
    if len(arguments) == 2:
        months, milliseconds = _amount(name, *arguments)
    else:
        months, milliseconds = _duration(name, *arguments)
    year, month, day = zones.civil(time // DAY)
    # As on a real server, days that the new month lacks run into the one after it.
    year, month = divmod(year * 12 + month - 1 + sign * months, 12)
    time = zones.days(year, month + 1, day) * DAY + time % DAY + sign * milliseconds
    if where and zones.FIRST <= time <= zones.LAST:
        time = zones.to_utc(time, where)
    return _text(name, time)


def _amount(name: str, amount, unit) -> tuple[int, int]:
    """Months and milliseconds in an amount of a unit: fractions of years are months, those of months 30 days."""
    if type(amount) not in NUMERIC or type(unit) is not str:
        raise wrong_type(name)
    kind = _unit(unit)
    if kind is None or abs(amount) > 1e15:
        raise _invalid(name)
    months = 0
    if kind == "year":
        amount, years = math.modf(amount)
        months, amount, kind = int(years) * 12, amount * 12, "month"
    if kind == "month":
        amount, whole = math.modf(amount)
        months, amount, kind = months + int(whole), amount * 30, "day"
    return months, int(amount * _LENGTHS[kind])


def _duration(name: str, duration) -> tuple[int, int]:
    """Months and milliseconds in a duration of ISO 8601 such as P1Y2M3DT4H5M6.789S."""
    if type(duration) is not str:
        raise wrong_type(name)
    found = _DURATION.fullmatch(duration)
    if found is None or len(duration) < 2:
        raise _invalid(name)
    years, months, weeks, count, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:-1])
    milliseconds = int((found[8] or "0").ljust(3, "0"))
    seconds += (hours * 60 + minutes) * 60
    return years * 12 + months, (weeks * 7 + count) * DAY + seconds * 1000 + milliseconds


@function("DATE_ADD", 2, 4)
def date_add(date, *arguments):
    """Return the date later by an amount of a unit or by a duration of ISO 8601, by the clocks of a time zone."""
    return _later("DATE_ADD", 1, date, arguments)


@function("DATE_SUBTRACT", 2, 4)
def date_subtract(date, *arguments):
    """Return the date earlier by an amount of a unit or by a duration of ISO 8601, by the clocks of a time zone."""
    return _later("DATE_SUBTRACT", -1, date, arguments)


@function("DATE_DIFF", 3, 6)
def date_diff(first, second, unit, *rest):
    """Return the time from one date to another in a unit, rounded unless `true` follows; last come one or two time zones."""
    times = [_time("DATE_DIFF", first), _time("DATE_DIFF", second)]
    if type(unit) is not str:
        raise wrong_type("DATE_DIFF")
    exact = False
    if rest and type(rest[0]) is bool:
        exact, *rest = rest
    if len(rest) > 2:
        raise wrong_type("DATE_DIFF")
    if rest:
        places = [_zone("DATE_DIFF", each) for each in rest]
        times = [zones.to_local(time, where) for time, where in zip(times, (places[0], places[-1]))]
    kind = _unit(unit)
    if kind is None:
        raise _invalid("DATE_DIFF")
    difference = (times[1] - times[0]) / _MEAN_LENGTHS[kind]
    return number(difference) if exact else int(math.copysign(math.floor(abs(difference) + 0.5), difference))


@function("DATE_COMPARE", 3, 6)
def date_compare(first, second, unit, *rest):
    """Tell whether two dates are the same from one unit down to another, as the clocks of two time zones show them."""
    times = [_time("DATE_COMPARE", first), _time("DATE_COMPARE", second)]
    begin = end = _unit(unit)
    if begin is None:
        raise wrong_type("DATE_COMPARE")
    if rest and _unit(rest[0]) is not None:
        end, *rest = _unit(rest[0]), *rest[1:]
    if len(rest) > 2:
        raise wrong_type("DATE_COMPARE")
    if rest:
        places = [_zone("DATE_COMPARE", each) for each in rest]
        times = [zones.to_local(time, where) for time, where in zip(times, (places[0], places[-1]))]
    if begin == "week":
        return True  # a week cannot be compared, and a real server does not refuse it
    parts = [_clock(time) for time in times]
    span = _ORDER[_ORDER.index(begin) : _ORDER.index(end) + 1]
    return all(parts[0][kind] == parts[1][kind] for kind in span if kind != "week")


def _clock(time: int) -> dict[str, int]:
    year, month, day = zones.civil(time // DAY)
    rest = {kind: time % DAY // _LENGTHS[kind] for kind in ("hour", "minute", "second", "millisecond")}
    kinds = {"minute": 60, "second": 60, "millisecond": 1000}
    return {"year": year, "month": month, "day": day, **{kind: rest[kind] % kinds.get(kind, 24) for kind in rest}}


def _converted(name: str, result: str, convert: Callable, arguments: tuple) -> str | dict:
    date, timezone, *detail = arguments
    time, where = _time(name, date), _zone(name, timezone)
    if detail and type(detail[0]) is not bool:
        raise wrong_type(name)
    utc, converted, suffix = convert(time, where)
    text = zones.iso(converted, suffix)
    if text is None:
        raise _invalid(name)
    if not detail or not detail[0]:
        return text
    return {result: text, "tzdb": zones.version(), "zoneInfo": zones.rule(utc, where)}


def _local(time: int, where: zones.ZoneInfo) -> tuple[int, int, str]:
    shift = zones.offset(time, where)
    return time, time + shift, "" if shift else "Z"


def _utc(time: int, where: zones.ZoneInfo) -> tuple[int, int, str]:
    utc = zones.to_utc(time, where)
    return utc, utc, "Z"


@function("DATE_UTCTOLOCAL", 2, 3)
def date_utc_to_local(*arguments):
    """Return what the clocks of a time zone show at a date, on demand with the rule in force there."""
    return _converted("DATE_UTCTOLOCAL", "local", _local, arguments)


@function("DATE_LOCALTOUTC", 2, 3)
def date_local_to_utc(*arguments):
    """Return the date at which the clocks of a time zone show a time, on demand with the rule in force there."""
    return _converted("DATE_LOCALTOUTC", "utc", _utc, arguments)


@function("DATE_TIMEZONE", 0, 0)
def date_timezone():
    """Return the name of the time zone of the server's machine."""
    name = os.environ.get("TZ", "").removeprefix(":") or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return name if name in available_timezones() else "UTC"


@function("DATE_TIMEZONES", 0, 0)
def date_timezones():
    """Return the names of all time zones that are known."""
    return sorted(available_timezones())
