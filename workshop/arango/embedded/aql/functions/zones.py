"""Times as milliseconds since 1970 in UTC: the calendar of the years 0 to 9999, ISO 8601, and time zones.

Python's own dates begin with year 1, so the calendar is computed here; `zoneinfo` gives the offsets of time zones.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from workshop.arango.embedded.errors import ArangoError

DAY = 86_400_000
FIRST, LAST = -62_167_219_200_000, 253_402_300_799_999
"""The first and last millisecond of the years 0 to 9999."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE = 146_097 * DAY  # 400 years, after which the calendar is the same again
_EARLY, _LATE = FIRST + 800 * DAY, LAST - 800 * DAY  # what `datetime` can do in every time zone
_DATE = re.compile(
    r"[ \t\r\n]*\+?(\d+)(?:-(\d\d?)(?:-(\d\d?))?)?"
    r"(?:[ T](\d\d?):(\d\d?)(?::(\d\d?)(?:\.(\d+))?)?)?"
    r"(?:[zZ]|([+-])(\d\d?):(\d\d?))?[ \t\r\n]*",
    re.ASCII,
)


def days(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date. Days beyond the month's end run into the next month."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def civil(day: int) -> tuple[int, int, int]:
    """Return year, month and day of a number of days since 1970-01-01."""
    era, of_era = divmod(day + 719_468, 146_097)
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    month = (5 * of_year + 2) // 153
    date = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return years + era * 400 + (month <= 2), month, date


def is_leap(year: int) -> bool:
    """Tell whether the year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def iso_week(day: int) -> tuple[int, int]:
    """Return the year and the week of ISO 8601 of a number of days since 1970-01-01."""
    thursday = day - (day + 3) % 7 + 3
    year = civil(thursday)[0]
    return year, (thursday - days(year, 1, 1)) // 7 + 1


@lru_cache(1024)
def parse(text: str) -> int | None:
    """Return the time that a date string stands for; None where it is no date between the years 0 and 9999."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = found.groups()
    year = year.lstrip("0") or "0"
    if len(year) > 4:
        return None
    numbers = int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
    if not (0 < numbers[0] < 13 and 0 < numbers[1] < 32 and numbers[2] < 24 and max(numbers[3:]) < 60):
        return None
    result = days(int(year), *numbers[:2]) * DAY + ((numbers[2] * 60 + numbers[3]) * 60 + numbers[4]) * 1000
    result += int((fraction or "0")[:3].ljust(3, "0"))
    if sign:
        if int(zone_hour) > 23 or int(zone_minute) > 59:
            return None
        offset = (int(zone_hour) * 60 + int(zone_minute)) * 60_000
        result -= offset if sign == "+" else -offset
    return result if FIRST <= result <= LAST else None


def iso(time: int, suffix: str = "Z") -> str | None:
    """Write a time in ISO 8601 with milliseconds; None where its year is not one of 0 to 9999."""
    if not FIRST <= time <= LAST:
        return None
    day, rest = divmod(time, DAY)
    year, month, date = civil(day)
    seconds, milliseconds = divmod(rest, 1000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"
    return f"{year:04}-{month:02}-{date:02}T{clock}{suffix}"


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name of the IANA database. ArangoError 4 for an unknown one, here with status 400."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ArangoError(4, f"{name} not found in timezone database", http=400) from None


def _moment(time: int, where: ZoneInfo) -> datetime:
    """The time as a datetime in the zone. Outside what datetime can do it is moved by whole cycles of the calendar."""
    while time < _EARLY:
        time += _CYCLE
    while time > _LATE:
        time -= _CYCLE
    return (_EPOCH + timedelta(milliseconds=time)).astimezone(where)


def offset(time: int, where: ZoneInfo) -> int:
    """Return the offset of the zone from UTC at that time, in milliseconds."""
    return round(_moment(time, where).utcoffset().total_seconds() * 1000)


def to_local(time: int, where: ZoneInfo) -> int:
    """Return what the clocks of the zone show at that time."""
    return time + offset(time, where)


def to_utc(local: int, where: ZoneInfo) -> int:
    """Return the time at which the clocks of the zone show `local`.

    ArangoError 4, as a real server gives, where they never do or do twice since they are set forward or back.
    """
    offsets = {offset(local - DAY, where), offset(local + DAY, where)}
    times = {local - each for each in offsets if offset(local - each, where) == each}
    if len(times) != 1:
        problem = "occurs twice" if times else "does not exist"
        raise ArangoError(4, f"local time {iso(local, '')} {problem} in {where.key}", http=400)
    return times.pop()


_STEP = 3 * 86_400  # seconds; the database has no rule that was in force for a shorter time
_OLDEST = -5_364_662_400  # 1800, before all rules
_SETTLED = 2_240_524_800  # 2041: from here on the same happens every year


def _state(second: int, where: ZoneInfo) -> tuple:
    moment = _moment(second * 1000, where)
    return moment.utcoffset(), bool(moment.dst()), moment.tzname()


def rule(time: int, where: ZoneInfo) -> dict:
    """Describe the rule of the zone that is in force at that time, as `zoneInfo` in the results of functions."""
    second = time // 1000
    state = _state(second, where)
    begin, end = second, max(second, _OLDEST)
    while begin > _OLDEST and _state(begin - _STEP, where) == state:
        begin -= _STEP
    begin = None if begin <= _OLDEST else _change(begin - _STEP, begin, where)
    limit = max(second, _SETTLED) + 400 * 86_400
    while end < limit and _state(end + _STEP, where) == state:
        end += _STEP
    end = None if end >= limit else _change(end, end + _STEP, where)
    shift, saving, name = state
    return {
        "name": name,
        "begin": None if begin is None else iso(begin * 1000),
        "end": None if end is None else iso(end * 1000),
        "dst": saving,
        "offset": round(shift.total_seconds()),
    }


def _change(before: int, after: int, where: ZoneInfo) -> int:
    """The second between the two at which another rule begins."""
    state = _state(before, where)
    while after - before > 1:
        middle = (before + after) // 2
        if _state(middle, where) == state:
            before = middle
        else:
            after = middle
    return after


@lru_cache(1)
def version() -> str | None:
    """Return the version of the time zone database in use, such as "2025b"; None where it cannot be found out."""
    for folder in map(Path, TZPATH):
        if not (folder / "Europe" / "Berlin").is_file():
            continue
        if (folder / "+VERSION").is_file():
            return (folder / "+VERSION").read_text().strip()
        if (folder / "tzdata.zi").is_file():
            with (folder / "tzdata.zi").open() as lines:
                found = re.match(r"# version (\S+)", lines.readline())
            return found and found[1]
        return None
    try:
        return import_module("tzdata").IANA_VERSION
    except (ImportError, AttributeError):
        return None
