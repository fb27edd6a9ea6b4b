"""LIKE and regular expressions. Those of ArangoDB are ICU's, so they are rewritten for the module `regex` here.

What ICU refuses is refused, and what only the module knows is no longer special. `regex` and not `re` since it has
properties of characters, set operations and a time limit, and since other threads go on while it searches.
"""

import re
from functools import lru_cache

import regex as engine

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.functions.strings import part_limit
from workshop.arango.embedded.aql.values import AqlWarning, to_bool, to_string

KEPT = 512
"""Patterns that are kept compiled."""
LONGEST_MATCH = 20.0
"""Seconds after which a search is given up."""

_ENDS = r"(?=(?:\r\n|[\n\x0b\x0c\r\x85\u2028\u2029])?\Z)"  # \Z: before a last line break, or at the end
_EDGE = r"(?:(?<=\w)(?!\w)|(?<!\w)(?=\w))"  # \b as it is without the module's flag for words
_NO_EDGE = r"(?:(?<=\w)(?=\w)|(?<!\w)(?!\w))"
_ANCHORS = {"b": _EDGE, "B": _NO_EDGE, "Z": _ENDS, "z": r"\Z"}
_SPACE = r"\t\n\f\r\p{Z}"
_PLAIN = {"a": r"\x07", "e": r"\x1b", "f": r"\f", "n": r"\n", "r": r"\r", "t": r"\t"}
_CLASSES = "dDwWh"  # mean the same to both
_VERTICAL = r"\n\x0b\x0c\r\x85\u2028\u2029"
_GROUPS = engine.compile(r"\(\?(?:[:=!>]|<[=!]|<([A-Za-z][A-Za-z0-9]*)>|[imswx]*(?:-[imswx]+)?[:)])")
_TIMES = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}", re.ASCII)
_HEX = re.compile(
    r"x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|0([0-7]{1,3})|c([\x40-\x7f])"
)
_GROUP_NAME = re.compile(r"<([A-Za-z][A-Za-z0-9]*)>")
_POSIX = re.compile(r"\[:\^?[A-Za-z0-9_=]+:\]")
_CHARACTER_NAME = re.compile(r"\{[A-Z0-9 -]+\}")
_PROPERTY = re.compile(r"([pP])(?:\{(\^?[A-Za-z0-9_ =:-]+)\}|([A-Za-z]))")


class InvalidPattern(ValueError):
    """A regular expression that cannot be compiled, or one that took too long."""


@lru_cache(KEPT)
def like_pattern(pattern: str, insensitive: bool) -> re.Pattern:
    r"""Compile a pattern of LIKE: % is any text, _ any character, \ before them makes them stand for themselves.

    The result is for `match`: it is tied to both ends of the text.
    """
    parts, escaped = [""], False
    for character in pattern:
        if character == "\\":
            if escaped:
                parts[-1] += r"\\"
            escaped = not escaped
            continue
        if character == "%" and not escaped:
            parts.append("")
        elif character == "_" and not escaped:
            parts[-1] += "."
        else:
            # A backslash before a character of no meaning stands for itself as well.
            kept = escaped and character not in "%_?+[(){}^$|.*"
            parts[-1] += (r"\\" if kept else "") + re.escape(character)
        escaped = False
    # Between two % the first place is as good as any, which saves going back over the text.
    first, *others = parts
    middle = "".join(f"(?>.*?{part})" for part in others[:-1] if part)
    last = f".*{others[-1]}" if others else ""
    return re.compile(f"{first}{middle}{last}\\Z", re.DOTALL | (re.IGNORECASE if insensitive else 0))


@lru_cache(KEPT)
def regex(pattern: str, insensitive: bool) -> engine.Pattern:
    """Compile a regular expression of ICU. InvalidPattern."""
    flags = engine.V1 | engine.WORD | (engine.IGNORECASE if insensitive else 0)
    try:
        return engine.compile(_Rewriting(pattern).result(), flags)
    except (engine.error, RecursionError, OverflowError, ValueError, KeyError) as error:
        raise InvalidPattern(str(error)) from error


class _Rewriting:
    """One pass over a pattern of ICU."""

    def __init__(self, pattern: str):
        self.pattern, self.place, self.written = pattern, 0, []

    def result(self) -> str:
        while self.place < len(self.pattern):
            self._step()
        return "".join(self.written)

    def _step(self) -> None:
        character = self.pattern[self.place]
        if character == "\\":
            self._escape(in_set=False)
        elif character == "[":
            self._set(nested=False)
        elif character == "(":
            self._group()
        elif character == "{":
            self._take(_TIMES, "a number of times is expected")
        elif character == "}":
            raise InvalidPattern("} without {")
        else:
            self.place += 1
            self.written.append(character)

    def _take(self, expression, message: str) -> None:
        found = expression.match(self.pattern, self.place)
        if not found:
            raise InvalidPattern(message)
        self.place = found.end()
        self.written.append(found.group())

    def _group(self) -> None:
        if self.pattern.startswith("(?#", self.place):
            self.place = self.pattern.find(")", self.place) + 1
            if not self.place:
                raise InvalidPattern("a comment without end")
        elif self.pattern.startswith("(?", self.place):
            self._take(_GROUPS, "an unknown kind of group")
        elif self.pattern.startswith("(*", self.place):
            raise InvalidPattern("nothing to repeat")
        else:
            self.place += 1
            self.written.append("(")

    def _set(self, *, nested: bool) -> None:
        """Copy a set: nested sets and && and -- are known to both, || and ~~ to the module alone."""
        if found := _POSIX.match(self.pattern, self.place):
            self.written.append(found.group() if nested else f"[{found.group()}]")
            self.place = found.end()
            return
        self.place += 1
        self.written.append("[")
        if self.pattern.startswith("^", self.place):
            self.place += 1
            self.written.append("^")
        if self.pattern.startswith("]", self.place):
            raise InvalidPattern("an empty set")
        after_set = False
        while True:
            if self.place >= len(self.pattern):
                raise InvalidPattern("a set without end")
            character = self.pattern[self.place]
            if character == "]":
                break
            if character == "\\":
                self._escape(in_set=True)
            elif character == "[":
                self._set(nested=True)
            else:
                self.place += 1
                doubled = character in "&-" and after_set and self.pattern.startswith("[", self.place)
                self.written.append(character * 2 if doubled else f"\\{character}" if character in "|~" else character)
            after_set = character == "["
        self.place += 1
        self.written.append("]")

    def _escape(self, *, in_set: bool) -> None:
        start = self.place + 1
        if start >= len(self.pattern):
            raise InvalidPattern("a backslash at the end")
        character = self.pattern[start]
        self.place = start + 1
        if found := _HEX.match(self.pattern, start):
            *hexadecimal, octal, control = found.groups()
            code = next((int(digits, 16) for digits in hexadecimal if digits), None)
            code = int(octal, 8) if octal else ord(control) & 31 if control else code
            self.written.append(f"\\U{code:08x}")
            self.place = found.end()
        elif found := _PROPERTY.match(self.pattern, start):
            self.written.append(f"\\{found[1]}{{{found[2] or found[3]}}}")
            self.place = found.end()
        elif character in _PLAIN:
            self.written.append(_PLAIN[character])
        elif character in "sS":
            self.written.append(_either(_SPACE, character == "S", in_set))
        elif character == "H":
            self.written.append(r"[^\h]")
        elif character in "vV":
            self.written.append(_either(_VERTICAL, character == "V", in_set))
        elif character == "Q":
            end = self.pattern.find("\\E", start)
            end = len(self.pattern) if end < 0 else end
            self.written.append(engine.escape(self.pattern[start + 1 : end], special_only=True))
            self.place = end + 2
        elif character == "N" and (found := _CHARACTER_NAME.match(self.pattern, start + 1)):
            self.written.append(f"\\N{found.group()}")
            self.place = found.end()
        elif not in_set and character in _ANCHORS:
            self.written.append(_ANCHORS[character])
        elif not in_set and character == "k" and (found := _GROUP_NAME.match(self.pattern, start + 1)):
            self.written.append(f"(?P={found[1]})")
            self.place = found.end()
        elif character in _CLASSES or (not in_set and character in "RXAG0123456789"):
            self.written.append(f"\\{character}")
        elif character.isascii() and character.isalnum():
            raise InvalidPattern(f"unknown escape \\{character}")
        else:
            self.written.append(engine.escape(character, special_only=False) if character.isascii() else character)


def _either(characters: str, negated: bool, in_set: bool) -> str:
    if in_set and not negated:
        return characters
    return f"[{'^' if negated else ''}{characters}]"


def _compiled(name: str, pattern, insensitive) -> engine.Pattern:
    try:
        return regex(to_string(pattern), to_bool(insensitive))
    except InvalidPattern:
        raise _invalid(name) from None


def _invalid(name: str) -> AqlWarning:
    return AqlWarning(1543, f"in function '{name}()': invalid regex value")


@function("LIKE", 2, 3)
def like(text, pattern, insensitive=False):
    """Tell whether the whole text is as the pattern of % and _ says."""
    if type(text) is not str:
        text = to_string(text)
    return like_pattern(to_string(pattern), to_bool(insensitive)).match(text) is not None


@function("REGEX_TEST", 2, 3)
def regex_test(text, pattern, insensitive=False):
    """Tell whether the regular expression matches somewhere in the text."""
    compiled = _compiled("REGEX_TEST", pattern, insensitive)
    try:
        return compiled.search(to_string(text), timeout=LONGEST_MATCH) is not None
    except TimeoutError:
        raise _invalid("REGEX_TEST") from None


@function("REGEX_MATCHES", 2, 3)
def regex_matches(text, pattern, insensitive=False):
    """Return the first match of the regular expression and its groups; null when there is none."""
    compiled = _compiled("REGEX_MATCHES", pattern, insensitive)
    try:
        found = compiled.search(to_string(text), timeout=LONGEST_MATCH)
    except TimeoutError:
        raise _invalid("REGEX_MATCHES") from None
    return found and [found.group(), *found.groups("")]


@function("REGEX_SPLIT", 2, 4)
def regex_split(text, pattern, insensitive=False, *rest):
    """Cut the text where the regular expression matches; what its groups match is part of the result.

    A last argument limits the parts: the rest is left out, and the result is null for a negative limit.
    """
    limit = part_limit("REGEX_SPLIT", rest[0]) if rest else None
    if limit is not None and limit <= 0:
        return [] if limit == 0 else None
    text, pattern = to_string(text), to_string(pattern)
    if not pattern:
        parts = list(text)
    else:
        compiled = _compiled("REGEX_SPLIT", pattern, insensitive)
        try:
            parts = [part or "" for part in compiled.split(text, timeout=LONGEST_MATCH)]
        except TimeoutError:
            raise _invalid("REGEX_SPLIT") from None
    return parts if limit is None else parts[:limit]


@function("REGEX_REPLACE", 3, 4)
def regex_replace(text, pattern, replacement, insensitive=False):
    """Replace every match of the regular expression; $1 and ${name} stand for what groups have matched."""
    compiled = _compiled("REGEX_REPLACE", pattern, insensitive)
    parts = _replacement(to_string(replacement), compiled)
    if all(type(part) is str for part in parts):
        joined = "".join(parts)
        by = lambda found: joined  # noqa: E731
    else:
        by = lambda found: "".join(part if type(part) is str else found.group(part) or "" for part in parts)  # noqa: E731
    try:
        return compiled.sub(by, to_string(text), timeout=LONGEST_MATCH)
    except TimeoutError:
        raise _invalid("REGEX_REPLACE") from None


def _replacement(text: str, compiled: engine.Pattern) -> list[str | int]:
    """A replacement as literal texts and numbers of groups."""
    parts, place = [], 0
    for found in re.finditer(r"\\u([0-9A-Fa-f]{4})|\\(.?)|\$(?:\{([A-Za-z0-9]+)\}|([0-9]+))?", text, re.DOTALL | re.ASCII):
        parts.append(text[place : found.start()])
        place = found.end()
        code, escaped, name, digits = found.groups()
        if code or escaped is not None:
            parts.append(chr(int(code, 16)) if code else escaped)
        elif name in compiled.groupindex:
            parts.append(compiled.groupindex[name])
        elif digits:
            # As many digits as there are groups for; the rest stands for itself.
            count = next((n for n in range(len(digits), 0, -1) if int(digits[:n]) <= compiled.groups), 0)
            if not count:
                raise _invalid("REGEX_REPLACE")
            parts += [int(digits[:count]), digits[count:]]
        else:
            raise _invalid("REGEX_REPLACE")
    return [*parts, text[place:]]
