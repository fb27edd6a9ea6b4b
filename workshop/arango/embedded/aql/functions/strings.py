"""Functions that cut, join, search and replace text. Lengths and offsets count characters, FIND_* UTF-16 units."""

import re

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import NUMERIC, AqlWarning, to_bool, to_integer, to_json, to_string, wrong_type

_SPACE = "\r\n\t "
LONGEST = 16 * 1024 * 1024
"""Bytes that REPEAT may produce."""


@function("CHAR_LENGTH", 1, 1)
def char_length(value):
    """Return the number of characters of the value as a string; of arrays and objects the bytes of their JSON."""
    if type(value) is str:
        return len(value)
    if type(value) is list or type(value) is dict:
        return len(to_json(value).encode())
    return len(to_string(value))


@function("CONCAT", 1, None)
def concat(*values):
    """Join the values, or the elements of a single array, leaving out null."""
    if len(values) == 1 and type(values[0]) is list:
        (values,) = values
    return "".join(map(to_string, values))


@function("CONCAT_SEPARATOR", 2, None)
def concat_separator(separator, *values):
    """Join the values, or the elements of a single array, with the separator between them, leaving out null."""
    if len(values) == 1 and type(values[0]) is list:
        (values,) = values
    return to_string(separator).join([to_string(value) for value in values if value is not None])


@function("CONTAINS", 2, 3)
def contains(text, search, return_index=False):
    """Tell whether the text contains the other, or where (-1 for nowhere).

    As on a real server the place counts bytes, in steps as wide as the first character of the text.
    """
    text, search = to_string(text), to_string(search)
    place = text.find(search) if search else -1
    if not to_bool(return_index):
        return place >= 0
    if place < 0:
        return -1
    width = len(text[0].encode())
    return -(-len(text[:place].encode()) // width) * width


def _places(text, search, start, end) -> tuple[list[int], int, int] | int:
    """The places of `search` within start and end in UTF-16 units, with both of these; -1 where there is none."""
    start = to_integer(start)
    if start < 0:
        return -1
    text, search = to_string(text), to_string(search)
    if not (text.isascii() or max(text) < "\U00010000"):
        text = "".join(chr(unit) for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"))
        search = "".join(chr(unit) for unit in memoryview(search.encode("utf-16-le", "surrogatepass")).cast("H"))
    last = len(text)
    if end is not None:
        last = to_integer(end)
        if last < start or last < 0:
            return -1
    if not search:
        return [], start, last + (end is not None)
    found, place = [], text.find(search)
    while place >= 0:
        if place >= start and place + len(search) - 1 <= last:
            found.append(place)
        place = text.find(search, place + len(search))
    return (found, start, last) if found else -1


@function("FIND_FIRST", 2, 4)
def find_first(text, search, start=0, end=None):
    """Return the first place of a text in another, between start and end inclusive; -1 for none."""
    found = _places(text, search, start, end)
    if found == -1:
        return -1
    places, start, _ = found
    return places[0] if places else start


@function("FIND_LAST", 2, 4)
def find_last(text, search, start=0, end=None):
    """Return the last place of a text in another, between start and end inclusive; -1 for none."""
    found = _places(text, search, start, end)
    if found == -1:
        return -1
    places, _, end = found
    return places[-1] if places else end


@function("LEFT", 2, 2)
def left(text, count):
    """Return the first characters of the text."""
    return to_string(text)[: max(0, to_integer(count))]


@function("RIGHT", 2, 2)
def right(text, count):
    """Return the last characters of the text."""
    text = to_string(text)
    return text[max(0, len(text) - max(0, to_integer(count))) :]


@function("LOWER", 1, 1)
def lower(text):
    """Return the text in small letters."""
    return to_string(text).lower()


@function("UPPER", 1, 1)
def upper(text):
    """Return the text in capital letters."""
    return to_string(text).upper()


@function("TRIM", 1, 2)
def trim(text, how=None):
    """Strip white space, or the characters given, from both ends; 1 and 2 ask for the left or the right end only."""
    text = to_string(text)
    if type(how) is str:
        return text.strip(how)
    side = to_integer(how) if type(how) in NUMERIC else 0
    return text.lstrip(_SPACE) if side == 1 else text.rstrip(_SPACE) if side == 2 else text.strip(_SPACE)


@function("LTRIM", 1, 2)
def ltrim(text, characters=_SPACE):
    """Strip white space, or the characters given, from the left end."""
    return to_string(text).lstrip(to_string(characters))


@function("RTRIM", 1, 2)
def rtrim(text, characters=_SPACE):
    """Strip white space, or the characters given, from the right end."""
    return to_string(text).rstrip(to_string(characters))


@function("REPEAT", 2, 3)
def repeat(text, count, separator=""):
    """Return the text that many times with the separator between; null with a warning beyond `LONGEST` bytes."""
    count = to_integer(count)
    if count < 0:
        raise wrong_type("REPEAT")
    text, separator = to_string(text), to_string(separator)
    if not count or not (text or separator):
        return ""
    if count * len(text.encode()) + (count - 1) * len(separator.encode()) > LONGEST:
        raise AqlWarning(32, "in function 'REPEAT()': the result is longer than 16 MB")
    return separator.join([text] * count)


@function("SPLIT", 1, 3)
def split(value, *options):
    """Cut the text at the separator, or at any of an array of them; "" cuts it into its characters.

    A third argument limits the parts: the rest is left out, and the result is null for a negative limit.
    """
    limit = part_limit("SPLIT", options[1]) if len(options) > 1 else None
    if limit is not None and limit <= 0:
        return [] if limit == 0 else None
    if not options:
        return [value]
    (separator, *_) = options
    if type(separator) is dict:
        raise wrong_type("SPLIT")
    text = to_string(value)
    separators = separator if type(separator) is list else [separator] if type(separator) is str else []
    if any(type(each) is not str or not each for each in separators):
        parts = list(text)
    elif not text:
        parts = [""]
    else:
        parts = re.split("|".join(map(re.escape, separators)), text)
    return parts if limit is None else parts[:limit]


def part_limit(name: str, limit) -> int:
    """Return a greatest number of parts as an integer. AqlWarning 1542 for what is no number."""
    if type(limit) not in NUMERIC:
        raise wrong_type(name)
    return to_integer(limit)


@function("STARTS_WITH", 2, 4)
def starts_with(text, prefix, least=1, scoring_limit=None):
    """Tell whether the text begins with the prefix, or with at least so many of an array of prefixes."""
    if type(text) is not str:
        raise wrong_type("STARTS_WITH")
    if type(prefix) is str:
        return text.startswith(prefix)
    if type(prefix) is not list or type(least) not in NUMERIC or least < 0:
        raise wrong_type("STARTS_WITH")
    if any(type(each) is not str for each in prefix):
        raise wrong_type("STARTS_WITH")
    return sum(map(text.startswith, prefix)) >= to_integer(least)


@function("SUBSTITUTE", 2, 4)
def substitute(value, search, *rest):
    """Replace texts by others: a text or an array of them by one text or an array, or the names of an object by its values.

    Where several texts begin at the same place the first of them counts; a last argument limits the replacements.
    """
    if type(search) is dict:
        if len(rest) > 1:
            raise AqlWarning(1541, "invalid number of arguments for function 'SUBSTITUTE()'")
        searches, replacements, limit = list(search), list(search.values()), rest[0] if rest else -1
    else:
        searches = search if type(search) is list else [search]
        replacements = rest[0] if rest else []
        limit = rest[1] if len(rest) > 1 else -1
        if type(replacements) is str:
            replacements = [replacements] * len(searches)
        elif type(replacements) is not list:
            raise wrong_type("SUBSTITUTE")
    if any(type(each) is not str for each in searches):
        raise wrong_type("SUBSTITUTE")
    if any(each is not None and type(each) is not str for each in replacements):
        raise wrong_type("SUBSTITUTE")
    text, limit = to_string(value), to_integer(limit)
    if not searches or (limit < 0 and limit != -1) or limit == 0:
        return text
    by = dict.fromkeys(searches, "")
    for one, other in reversed(list(zip(searches, replacements))):
        by[one] = other or ""
    return re.sub("|".join(map(re.escape, by)), lambda found: by[found.group()], text, count=max(0, limit))


@function("SUBSTRING", 2, 3)
def substring(text, offset, length=None):
    """Return the part of the text from an offset on, counted from the end when negative, as long as `length` says."""
    text, offset = to_string(text), to_integer(offset)
    start = max(0, len(text) + offset) if offset < 0 else offset
    return text[start:] if length is None else text[start : start + max(0, to_integer(length))]


@function("SUBSTRING_BYTES", 2, 5)
def substring_bytes(text, offset, length=None, before=0, after=None):
    """Return the part of the text at an offset in bytes, widened by so many characters before and after it.

    AqlWarning 10 for what is no text and for an offset or end within a character.
    """
    invalid = AqlWarning(10, "in function 'SUBSTRING_BYTES()': bad parameter")
    if type(text) is not str:
        raise invalid
    data, offset, before = text.encode(), to_integer(offset), to_integer(before)
    after = before if after is None else to_integer(after)
    size = len(data)
    start = max(0, size + offset) if offset < 0 else min(offset, size)
    end = size if length is None else min(size, start + max(0, to_integer(length)))
    try:
        head, middle, tail = data[:start].decode(), data[start:end].decode(), data[end:].decode()
    except UnicodeDecodeError:
        raise invalid from None
    return head[max(0, len(head) - max(0, before)) :] + middle + tail[: max(0, after)]


@function("TO_CHAR", 1, 1)
def to_char(code):
    """Return the character with that code point."""
    if type(code) not in NUMERIC or not 0 <= code < 0x110000 or 0xD800 <= code < 0xE000:
        raise wrong_type("TO_CHAR")
    return chr(to_integer(code))
