"""The documents of a collection: their table, reading them, and keeping track of what is written."""

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from workshop.arango.embedded import keys
from workshop.arango.embedded.cache import FACTOR, ParsedDocuments
from workshop.arango.embedded.indexes import Index

if TYPE_CHECKING:
    from workshop.arango.embedded.storage import Storage

_FETCH = 500  # rows that are asked for at once
_BATCH = 2 << 20  # bytes that are read at once, roughly
_loads = orjson.loads


class Subscriber:
    """Tells a cache what was written. It belongs to one cache, which takes from it within reading() or writing()."""

    def __init__(self):
        self._rows: set[int] | None = None

    def take(self) -> set[int] | None:
        """The rows written, or undone, since the last call; None for all of them, as the first time."""
        rows, self._rows = self._rows, set()
        return rows

    def add(self, row: int) -> None:
        """Note a row."""
        if self._rows is not None:
            self._rows.add(row)

    def undo(self, rows: set[int]) -> None:
        """Writes to the rows were undone: a cache that has seen some of them starts over."""
        if self._rows is not None and not rows <= self._rows:
            self._rows = None

    def add_all(self) -> None:
        """Note that every row may have changed."""
        self._rows = None


class Documents:
    """The table of one collection. Reading needs the store's reading(), writing its writing().

    Documents that are returned belong to a cache: they must not be changed.
    """

    def __init__(self, store: "Storage", identifier: int, *, is_edge: bool):
        self.store = store
        self.id = str(identifier)
        self.is_edge = is_edge
        self.prefix = ""
        """What the id of each document begins with: the collection's name and a slash."""
        self.stored_indexes: list[Index] = []
        self.version = 0
        """Grows with every write."""
        self._count: int | None = None
        self._next_row: int | None = None
        self._cache = ParsedDocuments(store.budget)
        self._subscribers: list[weakref.ref[Subscriber]] = []
        self._revision: tuple[int, str] = (-1, "0")
        self.table = table = f"docs_{identifier}"
        self.sql_insert = f"INSERT INTO {table} VALUES ({'?, ?, ?, ?, ?' if is_edge else '?, ?, ?'})"
        self.sql_update = f"UPDATE {table} SET body = ?{', source = ?, target = ?' if is_edge else ''} WHERE row = ?"
        self.sql_delete = f"DELETE FROM {table} WHERE row = ?"
        self.sql_key = f"SELECT key FROM {table} WHERE row = ?"
        self.sql_batch = f"SELECT row, body FROM {table} WHERE row > ? ORDER BY row LIMIT ?"
        self._sql_row = f"SELECT row FROM {table} WHERE key = ?"
        self._sql_get = f"SELECT row, body FROM {table} WHERE key = ?"
        self._sql_body = f"SELECT row, body FROM {table} WHERE row = ?"
        self._sql_bodies = f"SELECT row, body FROM {table} WHERE row IN (SELECT value FROM json_each(?))"

    def count(self) -> int:
        """How many documents there are."""
        if self._count is None:
            self._count = self.store.execute(f"SELECT count(*) FROM {self.table}").fetchone()[0]
        return self._count

    def get(self, key: str) -> dict[str, Any] | None:
        """The document with that key."""
        found = self.find(key)
        return None if found is None else found[1]

    def find(self, key: str) -> tuple[int, dict[str, Any]] | None:
        """The row and the document with that key."""
        cache = self._cache
        row = cache.by_key.get(key) if isinstance(key, str) else None
        document = None if row is None else cache.documents.get(row)
        if document is not None:
            return row, document
        if not keys.is_key(key):
            return None
        found = self.store.execute(self._sql_get, (key,)).fetchone()
        if found is None:
            return None
        document = _loads(found[1])
        cache.add_read(found[0], document, len(found[1]))
        return found[0], document

    def row(self, key: str) -> int | None:
        """The row of the document with that key."""
        if not keys.is_key(key):
            return None
        found = self.store.execute(self._sql_row, (key,)).fetchone()
        return None if found is None else found[0]

    def rows(self) -> list[int]:
        """The rows of all documents, in the order in which they were inserted."""
        return [row for (row,) in self.store.execute(f"SELECT row FROM {self.table} ORDER BY row").fetchall()]

    def documents(self, rows: list[int] | None = None) -> Iterator[dict[str, Any]]:
        """All documents as they were inserted, or those of the given rows in that order; rows that are gone are left out."""
        everything = self._cache.everything
        if rows is None and everything is not None:
            self.store.budget.use(self._cache)
            return iter(everything[1])
        return (document for _, document in self.items(rows))

    def items(self, rows: list[int] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
        """Like `documents`, each with its row."""
        if rows is not None:
            return self._fetch(rows)
        everything = self._cache.everything
        if everything is None:
            return self._scan()
        self.store.budget.use(self._cache)
        return zip(*everything)

    def _scan(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Read all documents, and keep them if all together are small enough."""
        cache, execute, version = self._cache, self.store.execute, self.version
        kept_rows: list[int] = []
        kept: list[dict[str, Any]] = []
        last, size, keep = 0, 200, True
        while batch := execute(self.sql_batch, (last, size)).fetchall():
            length = sum(len(body) for _, body in batch)
            if not last:
                keep = length / len(batch) * FACTOR * self.count() <= self.store.budget.limit
                self.store.budget.use(cache)
            known = cache.documents
            for row, body in batch:
                document = known.get(row)
                if document is None:
                    document = _loads(body)
                    if keep and version == self.version:
                        cache.add(row, document, len(body))
                if keep:
                    kept_rows.append(row)
                    kept.append(document)
                yield row, document
            last = batch[-1][0]
            if len(batch) < size:
                break
            size = max(50, min(5000, _BATCH * len(batch) // length))
        if keep and version == self.version and len(cache.documents) == len(kept) == self.count():
            cache.everything = (kept_rows, kept)

    def _fetch(self, rows: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        cache, execute = self._cache, self.store.execute
        keep = len(rows) <= 2 * _FETCH
        for begin in range(0, len(rows), _FETCH):
            part = rows[begin : begin + _FETCH]
            known = cache.documents
            found = {row: known[row] for row in part if row in known}
            missing = [row for row in part if row not in found]
            if missing:
                if len(missing) == 1:
                    bodies = execute(self._sql_body, (missing[0],)).fetchall()
                else:
                    bodies = execute(self._sql_bodies, (orjson.dumps(missing).decode(),)).fetchall()
                for row, body in bodies:
                    document = found[row] = _loads(body)
                    if keep:
                        cache.add_read(row, document, len(body))
            for row in part:
                document = found.get(row)
                if document is not None:
                    yield row, document

    def edges(self, vertex_id: str, direction: str) -> list[dict[str, Any]]:
        """The edges that leave ("outbound") a vertex, enter ("inbound") it, or both ("any"; a loop once)."""
        column = {"outbound": ("source",), "inbound": ("target",), "any": ("source", "target")}[direction]
        rows: set[int] = set()
        for each in column:
            rows.update(self._ends(each, vertex_id))
        return [document for _, document in self._fetch(sorted(rows))]

    def _ends(self, column: str, vertex_id: Any) -> list[int]:
        if not self.is_edge or not isinstance(vertex_id, str) or not vertex_id.isascii():
            return []
        sql = f"SELECT row FROM {self.table} WHERE {column} = ?"
        return [row for (row,) in self.store.execute(sql, (vertex_id,)).fetchall()]

    def lookup(self, path: tuple[str, ...], values: list[Any]) -> list[int] | None:
        """The rows whose attribute equals one of the values, from an index, each once, ascending; None if none serves it."""
        if path == ("_key",) or path == ("_id",):
            if path == ("_id",):
                values = [
                    value[len(self.prefix) :] for value in values if isinstance(value, str) and value.startswith(self.prefix)
                ]
            found = {self.row(value) for value in values} - {None}
        elif self.is_edge and path in (("_from",), ("_to",)):
            column = "source" if path == ("_from",) else "target"
            found = {row for value in values for row in self._ends(column, value)}
        else:
            index = next((each for each in self.stored_indexes if each.serves(path, values)), None)
            if index is None:
                return None
            found = set(index.find(self, values))
        return sorted(found)

    def revision(self) -> str:
        """The latest revision of a document; "0" when there is none."""
        if self._revision[0] != self.version:
            latest = max((document["_rev"] for document in self.documents()), key=keys.decode_revision, default="0")
            self._revision = (self.version, latest)
        return self._revision[1]

    def size(self) -> int:
        """The bytes of all documents as JSON."""
        return self.store.execute(f"SELECT coalesce(sum(length(body)), 0) FROM {self.table}").fetchone()[0]

    # Writing

    def truncate(self) -> None:
        """Remove all documents."""
        self.enter()
        for table in (self.table, *(index.table for index in self.stored_indexes)):
            self.store.execute(f"DELETE FROM {table}")
        self.all_written(0)

    def enter(self) -> None:
        """Before a write: see that there is a transaction, and note the count that it began with."""
        frame = self.store.must_write()
        if self not in frame.touched:
            frame.touched[self] = (self.count(), set())

    def new_row(self) -> int:
        """The row of the next document. Rows are not used again while the store is open."""
        if self._next_row is None:
            self._next_row = self.store.execute(f"SELECT coalesce(max(row), 0) + 1 FROM {self.table}").fetchone()[0]
        row = self._next_row
        self._next_row += 1
        return row

    def written(self, row: int, difference: int) -> None:
        """After a write: the row, and by how much the count changed."""
        rows = self.store.frames[-1].touched[self][1]
        if rows is not None:
            rows.add(row)
        self._count += difference
        self._forget(row)

    def all_written(self, count: int) -> None:
        """After every row was written: how many there are now."""
        touched = self.store.frames[-1].touched
        touched[self] = (touched[self][0], None)
        self._count = count
        self._forget(None)

    def undo(self, count: int, rows: set[int] | None) -> None:
        """Writes to the rows, None for any, were undone; the count is what it was before."""
        self._count = count
        self.version += 1
        if rows is None:
            self._cache.clear()
        else:
            for row in rows:
                self._cache.drop(row)
        for subscriber in self._listeners():
            subscriber.add_all() if rows is None else subscriber.undo(rows)

    def _forget(self, row: int | None) -> None:
        self.version += 1
        if row is None:
            self._cache.clear()
        else:
            self._cache.drop(row)
        if self._subscribers:
            for subscriber in self._listeners():
                subscriber.add_all() if row is None else subscriber.add(row)

    def _listeners(self) -> list[Subscriber]:
        alive = [(reference, subscriber) for reference in self._subscribers if (subscriber := reference())]
        self._subscribers = [reference for reference, _ in alive]
        return [subscriber for _, subscriber in alive]

    def create_table(self) -> None:
        """Make the table of the documents."""
        ends = ", source TEXT NOT NULL, target TEXT NOT NULL" if self.is_edge else ""
        columns = f"row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body BLOB NOT NULL{ends}"
        self.store.execute(f"CREATE TABLE {self.table} ({columns})")
        for column in ("source", "target") if self.is_edge else ():
            self.store.execute(f"CREATE INDEX {self.table}_{column} ON {self.table} ({column})")

    def drop_tables(self) -> None:
        """Drop the tables of the documents and of the indexes."""
        self.enter()
        for table in (self.table, *(index.table for index in self.stored_indexes)):
            self.store.execute(f"DROP TABLE {table}")
        self.all_written(0)

    def subscribe(self) -> Subscriber:
        """A new subscriber; it lives as long as somebody holds it."""
        subscriber = Subscriber()
        self._subscribers.append(weakref.ref(subscriber))
        return subscriber
