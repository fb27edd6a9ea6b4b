"""Answers of the HTTP API: JSON by orjson, errors as ArangoDB prints them, and batches of results from a file."""

import math
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, BinaryIO

import orjson
from starlette.responses import Response, StreamingResponse

from workshop.arango.embedded.errors import ArangoError

STREAMED = 4 << 20
"""Answers of more bytes than this are sent piece by piece."""

_PIECE = 1 << 20
_HEADERS = [
    (b"server", b"ArangoDB"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-arango-queue-time-seconds", b"0.000000"),
]
_CONTENT_TYPE = (b"content-type", b"application/json; charset=utf-8")


class Json(Response):
    """An answer with a JSON body. `body` is a value, or bytes that are JSON already; None gives an empty body."""

    def __init__(self, body: Any = None, status: int = 200, headers: dict[str, str] | None = None):
        self.status_code = status
        self.background = None
        self.body = body if type(body) is bytes else b"" if body is None else dumps(body)
        self.raw_headers = [*_HEADERS, (b"content-length", str(len(self.body)).encode())]
        if self.body:
            self.raw_headers.append(_CONTENT_TYPE)
        for name, value in (headers or {}).items():
            self.raw_headers.append((name.lower().encode(), value.encode("latin-1", "replace")))


def dumps(value: Any) -> bytes:
    """The JSON of a value. What orjson refuses is made fit: numbers beyond 64 bits become floats, for example."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_fit(value, 0))


def _fit(value: Any, depth: int) -> Any:
    if depth > 250:
        raise ArangoError(1524, "the result is nested too deeply")
    if isinstance(value, dict):
        return {_fit(str(name), depth): _fit(each, depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fit(each, depth + 1) for each in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def ok(status: int = 200, /, **fields: Any) -> Json:
    """An answer with these fields, and with `error` and `code` as ArangoDB adds them."""
    return Json({"error": False, "code": status, **fields}, status)


def error_fields(error: ArangoError) -> dict[str, Any]:
    """One of several errors within an answer."""
    return {"error": True, "errorNum": error.number, "errorMessage": error.message}


def failure(error: ArangoError, headers: dict[str, str] | None = None, **fields: Any) -> Json:
    """The answer that tells of an error."""
    body = {"code": error.http, "error": True, "errorMessage": error.message, "errorNum": error.number, **fields}
    return Json(body, error.http, headers)


def not_implemented(what: str) -> ArangoError:
    """The error for what ArangoDB can do and this server cannot."""
    return ArangoError(9, f"{what} is not implemented by the embedded server")


def from_file(status: int, head: bytes, read: Callable[[], bytes], size: int, tail: bytes) -> Response:
    """An answer from a beginning, `size` bytes that `read` gives piece by piece, and an end."""
    if size <= STREAMED:
        return Json(b"".join((head, *iter(read, b""), tail)), status)

    async def pieces() -> AsyncIterator[bytes]:
        yield head
        while piece := read():
            yield piece
        yield tail

    answer = StreamingResponse(pieces(), status)
    answer.raw_headers = [*_HEADERS, (b"content-length", str(len(head) + size + len(tail)).encode()), _CONTENT_TYPE]
    return answer


def reader(file: BinaryIO, lock: threading.Lock, offset: int, size: int) -> Callable[[], bytes]:
    """A function that gives the next piece of a part of a file, and b"" at its end. The lock guards the file's position."""
    end = offset + size

    def read() -> bytes:
        nonlocal offset
        with lock:
            file.seek(offset)
            piece = file.read(min(_PIECE, end - offset))
        offset += len(piece)
        return piece

    return read
