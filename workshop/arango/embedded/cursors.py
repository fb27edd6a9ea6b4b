"""Results of queries, kept in batches of JSON until they are fetched or forgotten."""

import itertools
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.responses import Response

from workshop.arango.embedded.answers import dumps, from_file, reader
from workshop.arango.embedded.errors import ArangoError

TTL = 30.0
"""Seconds that a cursor is kept after its last use, unless the client wants another time."""

_IN_MEMORY = 8 << 20
_CHUNK = 1000


class Results:
    """The values of a query, in batches of JSON arrays without their brackets, in memory or beyond 8 MB in a file."""

    def __init__(self, values: Iterable[Any], batch_size: int):
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  (closed by whoever drops the results)
        self._lock = threading.Lock()
        self.batches: list[tuple[int, int]] = []
        """Where each batch begins and how many bytes it has. There is always one."""
        self.count = 0
        try:
            self._write(iter(values), batch_size)
        except BaseException:
            self.close()
            raise

    def _write(self, values: Iterator[Any], batch_size: int) -> None:
        offset = size = room = 0
        while chunk := list(itertools.islice(values, min(room or batch_size, _CHUNK))):
            if not room:
                if self.count:
                    self.batches.append((offset, size))
                offset, size, room = offset + size, 0, batch_size
            text = dumps(chunk)[1:-1]
            if size:
                text = b"," + text
            self._file.write(text)
            size += len(text)
            room -= len(chunk)
            self.count += len(chunk)
        self.batches.append((offset, size))

    def answer(self, number: int, status: int, fields: dict[str, Any]) -> Response:
        """The answer with one batch as `result`, and these fields after it."""
        offset, size = self.batches[number]
        tail = b"]," + dumps(fields)[1:]
        return from_file(status, b'{"result":[', reader(self._file, self._lock, offset, size), size, tail)

    def whole(self) -> bytes:
        """All results as a JSON array; for few of them, in one batch."""
        with self._lock:
            self._file.seek(0)
            return b"[" + self._file.read() + b"]"

    def close(self) -> None:
        """Drop the results."""
        self._file.close()


class Cursor:
    """Results that a client fetches batch by batch."""

    def __init__(self, results: Results, fields: dict[str, Any], database: str, user: str | None, ttl: float, retry: bool):
        self.results, self.fields = results, fields
        self.database, self.user = database, user
        self.ttl, self.retry = ttl, retry
        self.next = 0
        self.used = time.monotonic()
        self.lock = threading.Lock()


class Cursors:
    """The open cursors of a server."""

    def __init__(self):
        self._cursors: dict[str, Cursor] = {}
        self._lock = threading.Lock()
        # Numbers that were not used before the last restart either.
        self._numbers = itertools.count(time.time_ns() // 1000)

    def __len__(self) -> int:
        """How many are open."""
        return len(self._cursors)

    def open(
        self,
        results: Results,
        fields: dict[str, Any],
        *,
        database: str,
        user: str | None,
        ttl: float = TTL,
        retry: bool = False,
    ) -> Response:
        """The answer to a query: its first batch, and the id of a cursor where there are more.

        `fields` follow the results in each answer. With `retry` the last batch can be fetched again, and the cursor
        stays until it is deleted or its time is over.
        """
        cursor = Cursor(results, fields, database, user, ttl, retry)
        if len(results.batches) == 1:
            return self._answer("", cursor, 0, 201)
        identifier = str(next(self._numbers))
        with self._lock:
            self._cursors[identifier] = cursor
        return self._answer(identifier, cursor, 0, 201)

    def fetch(self, identifier: str, batch: str | None, *, database: str, user: str | None) -> Response:
        """The next batch, or the one of this number. ArangoError 1600, 1601."""
        cursor = self._find(identifier, database, user)
        if not cursor.lock.acquire(blocking=False):
            raise ArangoError(1601)
        try:
            if batch is None:
                number = cursor.next
            else:
                number = next((each - 1 for each in (cursor.next + 1, cursor.next) if str(each) == batch), -1)
                if not cursor.retry and number != cursor.next:
                    number = -1
            if not 0 <= number < len(cursor.results.batches) or self._cursors.get(identifier) is not cursor:
                raise ArangoError(1600)
            return self._answer(identifier, cursor, number, 200)
        finally:
            cursor.used = time.monotonic()
            cursor.lock.release()

    def delete(self, identifier: str, *, database: str, user: str | None) -> None:
        """Forget a cursor. ArangoError 1600, 1601."""
        cursor = self._find(identifier, database, user)
        if not cursor.lock.acquire(blocking=False):
            raise ArangoError(1601)
        try:
            self._drop(identifier)
        finally:
            cursor.lock.release()

    def expire(self) -> None:
        """Forget cursors that were not used for longer than their time."""
        now = time.monotonic()
        for identifier, cursor in list(self._cursors.items()):
            if now - cursor.used > cursor.ttl and cursor.lock.acquire(blocking=False):
                try:
                    self._drop(identifier)
                finally:
                    cursor.lock.release()

    def drop_database(self, database: str) -> None:
        """Forget the cursors of a database that is dropped."""
        for identifier, cursor in list(self._cursors.items()):
            if cursor.database == database:
                self._drop(identifier)

    def close(self) -> None:
        """Forget all cursors."""
        for identifier in list(self._cursors):
            self._drop(identifier)

    def _find(self, identifier: str, database: str, user: str | None) -> Cursor:
        cursor = self._cursors.get(identifier)
        if cursor is None or cursor.database != database or (user is not None and cursor.user != user):
            raise ArangoError(1600)
        if time.monotonic() - cursor.used > cursor.ttl:
            self._drop(identifier)
            raise ArangoError(1600)
        return cursor

    def _drop(self, identifier: str) -> None:
        # The file is closed when its last answer has been sent and nothing refers to it any more.
        with self._lock:
            self._cursors.pop(identifier, None)

    def _answer(self, identifier: str, cursor: Cursor, number: int, status: int) -> Response:
        more = number + 1 < len(cursor.results.batches)
        fields: dict[str, Any] = {"hasMore": more}
        if identifier and (more or cursor.retry):
            fields["id"] = identifier
        if more and cursor.retry:
            fields["nextBatchId"] = str(number + 2)
        fields.update(cursor.fields, error=False, code=status)
        answer = cursor.results.answer(number, status, fields)
        cursor.next = number + 1
        if identifier and not more and not cursor.retry:
            self._drop(identifier)
        return answer
