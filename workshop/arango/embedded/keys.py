"""Document keys and how they are made, names of databases and collections, ids of documents, and revisions."""

import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from workshop.arango.embedded.errors import ArangoError

GREATEST = 2**64 - 1

_KEY = re.compile(r"[A-Za-z0-9_\-:.@()+,=;$!*'%]{1,254}")
_COLLECTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,255}")
_SYSTEM_COLLECTION = re.compile(r"_[A-Za-z0-9_-]{1,255}")
_DATABASE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_PADDED = re.compile(r"[0-9a-f]{16}")
_LEADING_DIGITS = re.compile(r"[0-9]+")

# Revisions are times in base 64, as ArangoDB writes them: milliseconds, then 20 bits that count within one.
_DIGITS = "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_REVISION = re.compile(rf"[{re.escape(_DIGITS)}]{{1,11}}")
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


def is_key(text: Any) -> bool:
    """Whether it may be the key of a document."""
    return isinstance(text, str) and _KEY.fullmatch(text) is not None


def is_document_id(text: Any) -> bool:
    """Whether it has the form of a document's id, "collection/key"."""
    if not isinstance(text, str):
        return False
    name, slash, key = text.partition("/")
    return bool(slash) and _KEY.fullmatch(key) is not None and (name.isdecimal() or is_collection_name(name, system=True))


def is_collection_name(name: Any, *, system: bool = False) -> bool:
    """Whether it may be the name of a collection; those of the system may begin with an underscore."""
    if not isinstance(name, str):
        return False
    return _COLLECTION.fullmatch(name) is not None or (system and _SYSTEM_COLLECTION.fullmatch(name) is not None)


def is_database_name(name: Any) -> bool:
    """Whether a database of that name may be created."""
    return isinstance(name, str) and _DATABASE.fullmatch(name) is not None


def encode_revision(value: int) -> str:
    """Write a 64-bit number as a revision."""
    text = (
        _DIGITS[value >> 60]
        + _PAIRS[value >> 48 & 4095]
        + _PAIRS[value >> 36 & 4095]
        + _PAIRS[value >> 24 & 4095]
        + _PAIRS[value >> 12 & 4095]
        + _PAIRS[value & 4095]
    )
    return text.lstrip("-")


def decode_revision(text: Any) -> int:
    """The number that a revision stands for; revisions are ordered by it. 0 for what is no revision."""
    if not isinstance(text, str) or not _REVISION.fullmatch(text):
        return 0
    value = 0
    for digit in text:
        value = value << 6 | _VALUES[digit]
    return value


class Clock:
    """Makes revisions. Each is greater than all before it, also when the system's clock is set back."""

    def __init__(self, last: int = 0):
        self.last = last

    def tick(self) -> str:
        """A new revision."""
        now = time.time_ns() // 1_000_000 << 20
        self.last = last = now if now > self.last else self.last + 1
        return encode_revision(last)


class Counter:
    """Makes the numbers of everything that has one: collections, indexes, generated keys, transactions, cursors."""

    def __init__(self, last: int = 100):
        self.last = last
        self._lock = threading.Lock()

    def tick(self) -> int:
        """A number that was not given out before."""
        with self._lock:
            self.last += 1
            return self.last


class KeyGenerator:
    """Makes and checks the keys of one collection. `last_value` is the greatest number used, for those that count."""

    kind = "traditional"

    def __init__(self, options: dict[str, Any], tick: Callable[[], int]):
        self.allow_user_keys = options.get("allowUserKeys") is not False
        self.last_value = _number(options, "lastValue", 0, "'lastValue' value must be greater than zero")
        self._tick = tick

    def generate(self) -> str:
        """A key that no document has. ArangoError 1225 when there are none left."""
        self.last_value = max(self.last_value + 1, self._tick())
        return self._written(self.last_value)

    def accept(self, key: Any, *, restoring: bool = False) -> str:
        """Check a key that was given, and remember it. ArangoError 1221, or 1222 where keys must not be given."""
        if not isinstance(key, str):
            raise ArangoError(1221)
        if key and not self.allow_user_keys and not restoring:
            raise ArangoError(1222)
        if not _KEY.fullmatch(key):
            raise ArangoError(1221)
        self._remember(key)
        return key

    def options(self) -> dict[str, Any]:
        """What a client sees as keyOptions."""
        return {"allowUserKeys": self.allow_user_keys, "type": self.kind, "lastValue": self.last_value}

    def _written(self, value: int) -> str:
        if value >= GREATEST:
            raise ArangoError(1225)
        return str(value)

    def _remember(self, key: str) -> None:
        if "0" <= key[0] <= "9":
            value = int(_LEADING_DIGITS.match(key).group()[:21])
            if self.last_value < value <= GREATEST:
                self.last_value = value


class _Autoincrement(KeyGenerator):
    kind = "autoincrement"

    def __init__(self, options: dict[str, Any], tick: Callable[[], int]):
        super().__init__(options, tick)
        self.offset = _number(options, "offset", 0, "offset value must be zero or greater")
        self.increment = _number(options, "increment", 1, "increment value must be greater than zero")
        if not 0 < self.increment < 1 << 16:
            raise ArangoError(1232, "increment value must be greater than zero and smaller than 65536")

    def generate(self) -> str:
        if self.last_value < self.offset:
            value = self.offset
        else:
            value = self.last_value + self.increment - (self.last_value - self.offset) % self.increment
        key = self._written(value)
        self.last_value = value
        return key

    def accept(self, key: Any, *, restoring: bool = False) -> str:
        if isinstance(key, str) and _KEY.fullmatch(key) and not (key.isascii() and key.isdecimal()):
            if not self.allow_user_keys and not restoring:
                raise ArangoError(1222)
            raise ArangoError(1221)
        return super().accept(key, restoring=restoring)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "offset": self.offset, "increment": self.increment}


class _Padded(KeyGenerator):
    kind = "padded"

    def _written(self, value: int) -> str:
        if value >= GREATEST:
            raise ArangoError(1225)
        return f"{value:016x}"

    def _remember(self, key: str) -> None:
        if _PADDED.fullmatch(key):
            self.last_value = max(self.last_value, int(key, 16))


class _Uuid(KeyGenerator):
    kind = "uuid"

    def generate(self) -> str:
        return str(uuid.uuid4())

    def options(self) -> dict[str, Any]:
        return {"allowUserKeys": self.allow_user_keys, "type": self.kind}

    def _remember(self, key: str) -> None:
        pass


_GENERATORS = {each.kind: each for each in (KeyGenerator, _Autoincrement, _Uuid, _Padded)}


def key_generator(options: Any, tick: Callable[[], int]) -> KeyGenerator:
    """The generator that keyOptions describe; `tick` gives new numbers. ArangoError 1232."""
    if not isinstance(options, dict):
        options = {}
    kind = options.get("type")
    generator = _GENERATORS.get(kind.lower() if isinstance(kind, str) else "traditional")
    if generator is None:
        raise ArangoError(1232, "invalid key generator type")
    return generator(options, tick)


def _number(options: dict[str, Any], name: str, default: int, message: str) -> int:
    value = options.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    if not 0 <= value < GREATEST:
        raise ArangoError(1232, message)
    return int(value)
