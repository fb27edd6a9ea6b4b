"""One request as the handlers see it: its path, parameters and body, the database it names and who sent it."""

import contextlib
import urllib.parse
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from workshop.arango.embedded.errors import ArangoError

if TYPE_CHECKING:
    from workshop.arango.embedded.app import Server
    from workshop.arango.embedded.collection import Collection
    from workshop.arango.embedded.database import Database

SYSTEM = "_system"
DEPTH = 200
"""How deeply arrays and objects may be nested in a request."""

_TRUE = frozenset(("true", "yes", "on", "y", "1"))
_KINDS: dict[Any, str] = {dict: "an object", list: "an array", str: "a string", bool: "true or false"}


class Call:
    """One request. Handlers run in threads and take the store's lock through `reading` and `writing`."""

    __slots__ = (
        "server",
        "method",
        "path",
        "segments",
        "database_name",
        "query_string",
        "raw_headers",
        "user",
        "body",
        "_params",
    )

    def __init__(self, server: "Server", scope: dict[str, Any]):
        self.server = server
        self.method: str = scope["method"]
        raw_path = scope.get("raw_path") or urllib.parse.quote(scope["path"]).encode()
        self.path: str = raw_path.decode("ascii", "replace")
        segments = _decoded(self.path)
        self.database_name = SYSTEM
        if len(segments) >= 2 and segments[0] == "_db":
            self.database_name = segments[1]
            del segments[:2]
        self.segments = segments
        self.query_string: bytes = scope["query_string"]
        self.raw_headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.user: str | None = None
        """Who sent the request; None for a superuser."""
        self.body = b""
        self._params: dict[str, str] | None = None

    # What was sent

    def header(self, name: bytes) -> str | None:
        """The value of a header, whose name is given in small letters."""
        for each, value in self.raw_headers:
            if each == name:
                return value.decode("latin-1")
        return None

    @property
    def params(self) -> dict[str, str]:
        """The URL's parameters; the last one counts where a name occurs twice."""
        if self._params is None:
            try:
                pairs = urllib.parse.parse_qsl(self.query_string.decode("ascii"), keep_blank_values=True, errors="strict")
            except ValueError as error:
                raise ArangoError(400, "the URL's parameters are not valid UTF-8") from error
            self._params = dict(pairs)
        return self._params

    def flag(self, name: str, default: bool = False) -> bool:
        """A parameter that is true or false, read as leniently as ArangoDB does."""
        value = self.params.get(name)
        return default if value is None else value.strip().lower() in _TRUE

    def json(self, kind: type | None = None, *, default: Any = None) -> Any:
        """The body's value; `default` where there is no body and a default is given.

        Raises ArangoError 600: not JSON; 400: a value of another kind (`dict` or `list`) than asked for.
        """
        if default is not None and not self.body.strip():
            return default
        value = loads(self.body)
        if kind is not None and not isinstance(value, kind):
            raise ArangoError(400, f"expecting {_KINDS[kind]} as body")
        return value

    # Who may do what

    def need(self, level: str, database: str | None = None) -> None:
        """ArangoError 11 (403) unless the user has this level, "ro" or "rw", for the database. Hold the store's lock."""
        found = self.server.authenticator.level(self.user, database or self.database_name)
        if found != "rw" and found != level:
            raise ArangoError(11)

    def is_admin(self) -> bool:
        """Whether the user may change users and databases. Hold the store's lock."""
        return self.server.authenticator.level(self.user, SYSTEM) == "rw"

    def need_admin(self) -> None:
        """ArangoError 11 (403) unless the user is an administrator. Hold the store's lock."""
        if not self.is_admin():
            raise ArangoError(11)

    def can_use(self, collection: str, level: str) -> bool:
        """Whether the user has the level, "ro" or "rw", for a collection. Hold the store's lock."""
        authenticator = self.server.authenticator
        if authenticator.unrestricted(self.user, self.database_name):
            return True
        found = self.server.store.users.level(self.user, self.database_name, collection)
        return found == "rw" or found == level

    def collection(self, database: "Database", name: str, level: str = "ro") -> "Collection":
        """A collection that the user may use. ArangoError 1203, or 11 (403). Hold the store's lock."""
        collection = database.collection(name)
        if not self.can_use(collection.name, level):
            raise ArangoError(11)
        return collection

    # Locks

    @contextlib.contextmanager
    def reading(self) -> "Iterator[Database]":
        """The request's database, unchanged meanwhile."""
        store = self.server.store
        with store.reading():
            yield store.database(self.database_name)

    @contextlib.contextmanager
    def writing(self) -> "Iterator[Database]":
        """The request's database in one transaction."""
        store = self.server.store
        with store.writing():
            yield store.database(self.database_name)


def loads(text: bytes) -> Any:
    """Parse JSON. ArangoError 600, also for what is nested too deeply."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ArangoError(600, f"invalid JSON: {error}") from error
    if text.count(b"[") + text.count(b"{") > DEPTH and _deeper(value, DEPTH):
        raise ArangoError(600, f"invalid JSON: nested more than {DEPTH} deep")
    return value


def _deeper(value: Any, limit: int) -> bool:
    """Whether arrays and objects are nested more than `limit` deep. Arrays of numbers are not looked through."""
    level = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for each in level:
            if type(each) is dict:
                inner += [part for part in each.values() if type(part) is dict or type(part) is list]
            elif each and type(each) is list:
                inner += [part for part in each if type(part) is dict or type(part) is list]
        if not inner:
            return False
        level = inner
    return True


def field(body: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    """A member of a request's body, or the default where it is missing or null. ArangoError 400: of another kind."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ArangoError(400, f"expecting {_KINDS.get(kind, 'a number')} for <{name}>")
    return value


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """A body that came with a Content-Encoding. ArangoError 400: damaged; `limit` bytes are exceeded: 413."""
    for name in reversed([each.strip().lower() for each in encoding.split(",")]):
        if name in ("gzip", "x-gzip"):
            body = _inflate(body, limit, 31)
        elif name == "deflate":
            wrapped = len(body) >= 2 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
            body = _inflate(body, limit, 15 if wrapped else -15)
        elif name not in ("identity", ""):
            raise ArangoError(400, f"the content encoding '{name}' is not understood", http=415)
    return body


def _inflate(body: bytes, limit: int, bits: int) -> bytes:
    inflater = zlib.decompressobj(bits)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise ArangoError(400, f"the body cannot be decompressed: {error}") from error
    if len(plain) > limit:
        raise too_large(limit)
    if not inflater.eof:
        raise ArangoError(400, "the body cannot be decompressed: it is cut off")
    return plain


def too_large(limit: int) -> ArangoError:
    """The error for a body of more bytes than the limit."""
    return ArangoError(400, f"the body is larger than {limit >> 20} MB", http=413)


def _decoded(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    if "%" not in path:
        return parts
    try:
        return [urllib.parse.unquote(part, errors="strict") for part in parts]
    except UnicodeDecodeError as error:
        raise ArangoError(400, "the path is not valid UTF-8") from error
