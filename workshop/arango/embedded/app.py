"""The server's ASGI application: authentication, reading of requests, dispatch to the handlers, and errors."""

import asyncio
import contextlib
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount

from workshop.arango.embedded import routes as _routes  # noqa: F401  (it registers the handlers)
from workshop.arango.embedded.answers import failure, not_implemented
from workshop.arango.embedded.auth import Authenticator
from workshop.arango.embedded.calls import Call, decompressed, too_large
from workshop.arango.embedded.cursors import Cursors
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import Handler, routes
from workshop.arango.embedded.storage import Storage

LIMIT = 512 << 20
"""Bytes that a request's body may have."""

THREADS = 64
"""Requests that are worked on at the same time; others wait."""

_CHALLENGE = {"www-authenticate": 'Basic realm="ArangoDB", Bearer token_type="JWT", realm="ArangoDB"'}
_CLEANING = 1.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Server:
    """What all requests share. `stop` ends the server's process gracefully; None where it cannot be ended from outside."""

    def __init__(
        self, store: Storage, authenticator: Authenticator, limit: int, threads: int, stop: Callable[[], None] | None
    ):
        self.store = store
        self.authenticator = authenticator
        self.cursors = Cursors()
        self.limit = limit
        self.stop = stop
        self.started = time.time()
        self._workers = anyio.CapacityLimiter(threads)
        # So that a query can be stopped although all other threads wait for it.
        self._light_workers = anyio.CapacityLimiter(4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except ArangoError as error:
            answer = failure(error, _CHALLENGE if error.http == 401 else None)
        except ConnectionError:  # the client went away
            return
        except Exception as error:
            answer = _unexpected(scope, error)
        try:
            await answer(scope, receive, send)
        except RuntimeError as error:
            # uvloop's word for a connection that was closed meanwhile; there is nobody left to tell.
            if "closed" not in str(error):
                raise

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        call = Call(self, scope)
        try:
            handler, arguments = routes.find(call.method, call.segments)
            problem = None
        except ArangoError as error:
            handler, arguments, problem = None, [], error
        if not (handler.open if handler else call.segments[:1] == ["_open"]):
            await self._authenticate(call)
        if handler is None:
            raise problem or ArangoError(404)
        call.body = await self._body(call, receive)
        workers = self._light_workers if handler.light else self._workers
        return await anyio.to_thread.run_sync(self._handle, call, handler, arguments, limiter=workers)

    async def _authenticate(self, call: Call) -> None:
        header = call.header(b"authorization")
        known, call.user = self.authenticator.known(header)
        if not known or not self.authenticator.is_admitted(call.user, call.database_name):
            await anyio.to_thread.run_sync(self._admit, call, header, known, limiter=self._workers)

    def _admit(self, call: Call, header: str, known: bool) -> None:
        if not known:
            call.user = self.authenticator.identify(header)
        self.authenticator.admit(call.user, call.database_name)

    async def _body(self, call: Call, receive: Receive) -> bytes:
        length = call.header(b"content-length")
        if length is not None and length.isdecimal() and int(length) > self.limit:
            raise too_large(self.limit)
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self.limit:
                raise too_large(self.limit)
            if not message.get("more_body"):
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _handle(self, call: Call, handler: Handler, arguments: list[str]) -> Response:
        if (call.header(b"x-arango-async") or "").lower() in ("true", "store"):
            raise not_implemented("x-arango-async")
        if call.header(b"x-arango-trx-id"):
            raise ArangoError(1655, "transaction not found: this server has no transactions over several requests")
        if (encoding := call.header(b"content-encoding")) is not None:
            call.body = decompressed(call.body, encoding, self.limit)
        return handler.function(call, *arguments)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Drop cursors that are forgotten, as long as the server runs."""
        cleaning = asyncio.create_task(self._clean())
        try:
            yield
        finally:
            cleaning.cancel()
            self.cursors.close()

    async def _clean(self) -> None:
        while True:
            await asyncio.sleep(_CLEANING)
            self.cursors.expire()


def _unexpected(scope: Scope, error: Exception) -> Response:
    if isinstance(error, RecursionError):
        return failure(ArangoError(1524))
    if isinstance(error, MemoryError):
        return failure(ArangoError(32, "the request needs more memory than there is"))
    print(f"{scope['method']} {scope['path']} failed:", file=sys.stderr)
    traceback.print_exception(error, file=sys.stderr)
    return failure(ArangoError(4, f"internal error: {type(error).__name__}: {error}"))


def application(
    store: Storage,
    *,
    authenticator: Authenticator,
    limit: int = LIMIT,
    threads: int = THREADS,
    stop: Callable[[], None] | None = None,
) -> Starlette:
    """The application that serves a store's data.

    Args:
        store: the data. It stays open when the application ends.
        authenticator: who may use it.
        limit: bytes that a request's body may have.
        threads: requests that are worked on at the same time.
        stop: called when a client asks the server to shut down.
    """
    server = Server(store, authenticator, limit, threads, stop)
    app = Starlette(routes=[Mount("/", app=server)], lifespan=server.lifespan)
    app.state.server = server
    return app
